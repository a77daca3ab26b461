/* What the units of the room share.
 *
 *   room.c   steps, here or by letter; deaths       watch.c  who waits for an object to be ready
 *   lock.c, semaphore.c, condition.c, event.c, barrier.c  the public functions
 *
 * Who is on the home's node does the step itself. Others write to the home:
 *
 *   letter          a        b       c                           answer
 *   a step's op     serial   value   party, kind, flags          status; a: value, b: more. At once, or when another
 *                                                                step grants it, from whoever did that step
 *   CANCEL          as the letter it is for, which is answered, if it has not been
 *   LEFT            -        -       -                           the sender's process ends: barriers do without it
 *   WATCH           serial   number  party                       NOTICE at once or later
 *   UNWATCH         serial   number  -
 *   CHANGED         serial   -       -                           to the home: who watches it is to be told
 *   NOTICE          -        number  -                           to the watcher */
#ifndef RANKINE_SYNC_PRIVATE_H
#define RANKINE_SYNC_PRIVATE_H

#include <rankine/sync.h>

#include "sync/machine.h"
#include "sync/sync.h"

enum {
    RK__SYNC_LETTER_LEFT = 100,
    RK__SYNC_LETTER_WATCH,
    RK__SYNC_LETTER_UNWATCH,
    RK__SYNC_LETTER_CHANGED,
    RK__SYNC_LETTER_NOTICE
};

typedef struct rk__sync_watcher { /* of an object of ours */
    struct rk__sync_watcher *next;
    uint64_t serial, number;
    uint32_t endpoint, party;
} rk__sync_watcher;

typedef struct rk__sync_room {
    rk__mail *mail;
    rk__sync_machine machine;
    bool pretend_remote;
    bool *wrote_to; /* [endpoints] homes of barriers we came to by letter */
    rk__watch *watches;
    uint64_t last_watch;
    rk__sync_watcher *watchers;
} rk__sync_room;

static inline rk__sync_room *rk__sync_room_of(const rk__mail *mail) {
    return (rk__sync_room *)rk__mail_room(mail, RK__ROOM_SYNC);
}

/* ---- room.c ---- */

/* A step for the calling party, and its wait if it has to. Lock held; no message. A step that waits takes flags'
 * RK__SYNC_TRY or the deadline. RK_ECANCELLED; RK_EDEAD: its home died; else as rk__sync_step. */
rk_status rk__sync_call(rk__mail *mail, rk_ref ref, const rk__sync_request *step, uint64_t deadline_ns,
                        rk__sync_reply *reply);
/* The whole of most public functions. timeout: of steps that wait. reply may be NULL. */
rk_status rk__sync_do(rk_ref ref, rk__kind kind, rk__sync_op op, uint64_t value, double timeout_seconds,
                      rk__sync_reply *reply, rk_error *err);
/* The message for a status of rk__sync_call. */
rk_status rk__sync_fail(rk_ref ref, rk__sync_op op, rk_status status, rk_error *err);
/* Make one on the calling process. */
rk_status rk__sync_create(rk__kind kind, uint64_t value, uint64_t limit, const rk_ref *lock, rk_ref *ref,
                          rk_error *err);

/* ---- watch.c ---- */

/* false: not its letter. */
bool rk__sync_watch_receive(rk__sync_room *room, const rk__letter *letter);
void rk__sync_watch_changed(rk__sync_room *room, uint32_t home, uint64_t serial);
void rk__sync_watch_died(rk__sync_room *room, uint32_t endpoint);
void rk__sync_watch_fini(rk__sync_room *room);

#endif
