/* What happened when a kernel ends its process or its thread: a crash, caught by signal handlers on a stack of their
 * own, so that an overflow of the stack is told too; exit(); pthread_exit(). Then it ends as it would have. */
#ifndef RANKINE_FAULT_H
#define RANKINE_FAULT_H

#include "base/base.h"
#include "exec/watch.h"

typedef struct rk__fault {
    int signal;        /* 0: `call` */
    const char *call;  /* "exit()", "pthread_exit()"; NULL: a signal */
    bool has_address;  /* SEGV and BUS */
    uintptr_t address; /* that was not to be had */
    bool is_stack;     /* the stack was used up */
    const rk__exec_watch *watch;
} rk__fault;

/* Called in the thread that is in the kernel. After a signal: nothing but what is async-signal-safe. */
typedef void (*rk__fault_fn)(const rk__fault *fault);

/* For the whole process, once: SEGV, BUS, FPE, ILL, ABRT; exit() and pthread_exit(). After MPI_Init, which has handlers
 * of its own. Processes that a task forks are not meant. No signals in builds with a sanitizer, which tells more. */
void rk__fault_catch(rk__fault_fn caught);
/* For the calling thread, before it computes; `watch` says whether it is in the kernel. */
rk_status rk__fault_watch(const rk__exec_watch *watch, rk_error *err);
/* The calling thread is done; frees its stack for signals. */
void rk__fault_unwatch(void);
/* "segmentation fault (signal 11)" */
void rk__fault_describe(int signal, bool is_stack, char *buffer, size_t size);

#endif
