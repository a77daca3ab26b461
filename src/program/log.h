/* Log lines of all processes of the program, written by rank 0.
 *
 * Problem. Lines of many ranks are to be whole, in order for each rank, all there in the end; a rank that writes much
 * must not fill rank 0's memory; and rank 0 must not stand still when nobody reads its stderr.
 *
 * Idea. A line is a letter to rank 0, which gives it to a thread of its own, the writer. The writer counts what it has
 * written of each process; the room tells the process when more of its lines come, or when it asks. A process that is a
 * window ahead waits, and asks ever more rarely: the writer, which is no strand, can't tell it.
 *
 *   process                            rank 0
 *   LINE   a level, b level wanted as  ──> queue ──> writer
 *          far as it knows; text
 *   <── WRITTEN a lines, b bytes           so far, of the process
 *   NUDGE                              ──> WRITTEN, if there is news
 *   <── LEVEL a                            the lowest one that somebody wants
 *
 * Ranks are told the level before rk_log_to_... returns. An isolated child begins without knowing it: it sends all its
 * lines until it is told, upon the first; from then on it is told of changes.
 *
 * Invariants.
 * - In the queue there is at most a window and a line of each process.
 * - The writer takes only its own lock: a sink that blocks holds up no one but those who log. */
#ifndef RANKINE_PROGRAM_LOG_H
#define RANKINE_PROGRAM_LOG_H

#include <rankine/log.h>

#include "mail/mail.h"

enum { RK__LOG_WINDOW_LINES = 128, RK__LOG_WINDOW_BYTES = 32 * 1024, RK__LOG_LINE_MAX = 16 * 1024 };

typedef struct rk__log_count {
    uint64_t lines, bytes;
} rk__log_count;
typedef struct rk__log_writer rk__log_writer;

/* ---- log.c ---- */

/* The name of the caller's process, "" if it has none. */
typedef void (*rk__log_name)(rk__mail *mail, char *name, size_t size);

typedef struct rk__log_room {
    rk__mail *mail;
    rk__log_name name; /* may be NULL */
    char host[64];
    int level; /* lower ones are not sent */
    bool level_known;
    rk__log_count sent, written; /* of this process */
    uint64_t dropped;            /* and not told of */
    /* rank 0: */
    rk__log_writer *writer;
    struct rk__log_origin { /* [endpoints] */
        rk__log_count told; /* it knows them to be written */
        bool seen;          /* it has sent a line */
    } * origins;
} rk__log_room;

rk_status rk__log_attach(rk__mail *mail, rk__log_name name, rk_error *err);
/* On rank 0, when nothing runs any more: what was sent is written. */
void rk__log_finish(void);

/* ---- log_writer.c ---- */

typedef enum rk__log_sink { RK__LOG_STDERR = 0, RK__LOG_FILE, RK__LOG_SINKS } rk__log_sink;

rk_status rk__log_writer_create(rk__log_writer **writer, uint32_t endpoints, rk_error *err);
/* When all is written. NULL is fine. */
void rk__log_writer_destroy(rk__log_writer *writer);
/* Waits until what is in the queue is written; not with the mail's lock. fd: -1: none; closed in the end, unless it is
 * stderr's. */
void rk__log_writer_set(rk__log_writer *writer, rk__log_sink sink, int fd, int level);
void rk__log_writer_drain(rk__log_writer *writer);
int rk__log_writer_level(rk__log_writer *writer);
/* text: malloc'ed, the writer's from now on. */
void rk__log_writer_add(rk__log_writer *writer, uint32_t from, int level, char *text, size_t size);
/* Of a process since it began. */
rk__log_count rk__log_writer_written(rk__log_writer *writer, uint32_t from);
/* It died: one that takes its place begins at 0. */
void rk__log_writer_forget(rk__log_writer *writer, uint32_t from);
/* The most lines that were ever in the queue. */
uint64_t rk__log_writer_most(rk__log_writer *writer);

#endif
