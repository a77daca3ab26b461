/* src/process: functions that run as processes on any rank, and isolated children of ranks.
 *
 * What others of the library need of it; how it works is told in process_private.h. */
#ifndef RANKINE_PROCESS_ROOM_H
#define RANKINE_PROCESS_ROOM_H

#include <rankine/process.h>

#include "mail/mail.h"
#include "mail/object.h"
#include "world/helper.h"

/* A process that was started here has failed, and was not told to end. With the lock held. */
typedef void (*rk__process_failed)(const rk_process_info *info);
/* `failed` may be NULL. */
rk_status rk__process_attach(rk__mail *mail, rk__process_failed failed, rk_error *err);
/* On rank 0 after root: processes of all ranks: daemons are terminated, others joined, and `waits` (may be
 * NULL) called once for a rank whose processes are waited for since 10 s. false: daemons that do not end. */
bool rk__process_finish(void (*waits)(uint32_t rank));

/* Of the process that the strand with the baton runs; "" if it is none that was started. */
void rk__process_name(rk__mail *mail, char *name, size_t size);

rk_status rk__process_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
void rk__process_unwatch(rk__mail *mail, rk__watch *watch);

/* ---- isolated children of any rank; lock held ---- */

enum { RK__CHILDREN_MAX = 64 }; /* of a rank */

typedef struct rk__child {
    uint32_t endpoint;
    uint64_t birth; /* tells it from others with its endpoint */
} rk__child;

/* RK_OK: it serves: letters to all rooms of it may be sent. Else `text` says why not. Not called within
 * rk__child_start. */
typedef void (*rk__child_ready)(void *ctx, rk_status status, const rk__child *child, const char *text);
/* Ask a rank for a child, which is the caller's: it is killed when the caller's endpoint dies. Its end is heard of as a
 * death (rk__mail_death_reason). RK_ENOMEM. */
rk_status rk__child_start(rk__mail *mail, uint32_t rank, rk__child_ready ready, void *ctx, rk_error *err);
/* It exits with 0 when its letters are out: behind what was sent to it before, not waiting for functions that run. */
void rk__child_end(rk__mail *mail, const rk__child *child);
void rk__child_signal(rk__mail *mail, const rk__child *child, int signal_number);

/* ---- making them ---- */

typedef struct rk__birth { /* what a child is told by its rank */
    uint32_t endpoint, slot;
    uint64_t number;
    uint64_t arena_bytes;
    int arena_fd;
} rk__birth;

/* The part of rk_main: before MPI starts, a helper that can fork children; `be_child` runs in each and must not
 * return. `at_end` runs in the helper when its rank has ended, however, and its children with it; `held`: what the rank
 * gave it, or -1. keeper: valid as long as the helper. */
typedef struct rk__keeper {
    void (*be_child)(void *ctx, const rk__birth *birth);
    void (*at_end)(int held);
    void *ctx;
} rk__keeper;
rk_status rk__process_keeper(rk__helper *helper, const rk__keeper *keeper, rk_error *err);
/* The helper, if it is there, has this descriptor too from now on. */
void rk__process_keeper_hold(const rk__helper *helper, int held);
/* From now on this rank can have children, until the room is destroyed. The helper is the caller's, and ended after
 * that. */
rk_status rk__process_keep(rk__mail *mail, const rk__helper *helper, int arena_fd, uint64_t arena_bytes, rk_error *err);

/* In a child, when all rooms are attached: serve until it is told to end. Returns its exit code. */
int rk__process_serve_child(rk__mail *mail, const rk__birth *birth);

#endif
