/* Is the run of a file still going on? The file cannot say so by itself: a killed session has no end. What can be seen
 * is its process, from its own host; from any other only that something is still being committed. */
#ifndef RANKINE_LIFE_H
#define RANKINE_LIFE_H

#include <rankine/kernel.h>

#include "record/record.h"

/* Three times what the ranks of a run wait for each other: one on another host that is silent for longer is not said to
 * be running. A node that lives writes its marks every few seconds (--sync). */
#define RK__LIFE_SILENT_SECONDS 30.0

typedef enum rk__life {
    RK__LIFE_NONE,    /* no session has begun */
    RK__LIFE_RUNNING, /* its process is there */
    RK__LIFE_KILLED,  /* its process is gone, and it did not end in order */
    RK__LIFE_REMOTE,  /* on another host: not to be known from here */
    RK__LIFE_ENDED    /* in order; the session's outcome says how */
} rk__life;

/* Of the latest session. A session that ends while this looks is seen to have ended: the file is asked again before
 * anybody is called dead. `sessions` is owned by the caller. */
rk_status rk__life_read(rk__record *record, rk__session **sessions, size_t *count, rk__life *life, rk_error *err);
/* The latest session, or NULL. Borrowed. */
const rk__session *rk__life_latest(const rk__session *sessions, size_t count);
/* A task ended this session (NULL: false), and `crash` says which. */
bool rk__life_crash(rk__record *record, const rk__session *session, rk__failure *crash);
/* What to add to `rankine resume FILE` then: " --isolate", or "" where that is not for this kernel (NULL: not known).
 */
const char *rk__life_after_crash(const rk_kernel *kernel);
/* "running or killed", "complete", "stopped", "failed" */
const char *rk__life_outcome(uint32_t outcome);
/* Seconds since a time on the wall clock, maybe that of another host: never negative. */
double rk__life_seconds_since(uint64_t wall_ns);

#endif
