/* What happened when a kernel crashes: caught by signal handlers on a stack of their own, so that an overflow of the
 * stack is told too. Then the process ends as it would have. */
#ifndef RANKINE_FAULT_H
#define RANKINE_FAULT_H

#include "base/base.h"
#include "exec/watch.h"

typedef struct rk__fault {
    int signal;
    uintptr_t address; /* 0: none */
    bool is_stack;     /* the stack was used up */
    const rk__exec_watch *watch;
} rk__fault;

/* Called in the handler, only for a thread that is in the kernel: nothing but what is async-signal-safe. */
typedef void (*rk__fault_fn)(const rk__fault *fault);

/* For the whole process: SEGV, BUS, FPE, ILL, ABRT. After MPI_Init, which has handlers of its own. No-op in builds with
 * a sanitizer, which tells more. */
void rk__fault_catch(rk__fault_fn caught);
/* For the calling thread, before it computes; `watch` says whether it is in the kernel. */
rk_status rk__fault_watch(const rk__exec_watch *watch, rk_error *err);
/* The calling thread is done; frees its stack for signals. */
void rk__fault_unwatch(void);
/* "segmentation fault (signal 11)" */
void rk__fault_describe(int signal, bool is_stack, char *buffer, size_t size);

#endif
