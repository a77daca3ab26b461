/* What the kernel is doing right now, in memory that can be looked at when it has crashed: from a signal handler, or
 * from another process. */
#ifndef RANKINE_WATCH_TASKS_H
#define RANKINE_WATCH_TASKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct rk__exec_watch {
    _Atomic uint64_t task;     /* 1 + the first task that the kernel computes; 0: it is not in the kernel */
    _Atomic uint64_t count;    /* tasks in this call of the kernel */
    _Atomic uint64_t since_ns; /* rk__clock_ns at the call, if `timed` */
    bool timed;
} rk__exec_watch;

#endif
