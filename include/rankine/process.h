/* Rankine: processes. Python: multiprocessing.Process.
 *
 *     static rk_status work(rk_call *call) { ... }
 *
 *     rk_process p;
 *     RK_TRY(rk_process_start(&p, work, &job, sizeof job, NULL, err));
 *     RK_TRY(rk_process_join(p, RK_FOREVER, err));
 *
 * A process is a function that runs on some rank of any node, or, with .isolate, in a process of the system apart, a
 * child of that rank. Without isolation a rank runs one function at a time, and others while that one waits in a call
 * of Rankine: a function that crashes takes its rank along, and terminate ends a function at its next wait, or when it
 * asks rk_call_stopping. An isolated one crashes alone, runs beside its rank, and terminate and kill are real.
 *
 * The process that starts another is its parent. Unlike in Python an rk_process is a value that can be passed around:
 * any rank may join, look at and terminate it. It lives where it was started: calls return RK_EDEAD when the parent's
 * rank (or isolated process) has died, upon which what it had started is ended too. When the function of a process
 * returns, its daemons are terminated and its other processes joined before it counts as ended; for those of root this
 * happens when root has returned. A process that is terminated leaves those that are no daemons running.
 *
 * One that fails, and was not told to end, says so with a line on stderr, as Python's does with its traceback; so does
 * one that was killed from outside, crashed, or lost its rank.
 *
 * What Python has beyond this: a process whose function was terminated or failed by raising has exitcode 1 or -15; here
 * the status of the function. Fork and spawn: isolated processes are forked early, before MPI starts: they have what
 * main had before rk_main, and none of what their rank computed since. Their stdin is empty. */
#ifndef RANKINE_PROCESS_H
#define RANKINE_PROCESS_H

#include <limits.h>

#include <rankine/bytes.h>
#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rk_process {
    rk_ref ref;
} rk_process;

enum { RK_PROCESS_NAME_MAX = 64 };
#define RK_PROCESS_RUNNING INT_MIN /* the exit code while there is none. Python: None */

#define RK_ON_RANK(rank) ((rank) + 1) /* of rk_process_options.where */

typedef struct rk_process_options {
    const char *name; /* NULL: "Process-1", "Process-1:2", ... as in Python; cut to RK_PROCESS_NAME_MAX - 1 bytes */
    bool daemon;      /* ended, not joined, when its parent ends; may start no processes */
    int where;    /* RK_ON_RANK(rank); 0: an idle rank, else the one with the fewest functions, rank 0 only if alone */
    bool isolate; /* in a process of its own, of the `children` that rk_main_options allows each rank */
} rk_process_options;
#define RK_PROCESS_OPTIONS_INIT                                                                                        \
    { NULL, false, 0, false }

typedef struct rk_process_info {
    char name[RK_PROCESS_NAME_MAX];
    int64_t pid; /* of the system; of its rank if it is not isolated */
    int rank;
    bool daemon, isolated, alive;
    int exit_code;                   /* see rk_process_exit_code */
    rk_status status;                /* what the function returned; RK_EDEAD: it did not return */
    char message[RK_ERROR_TEXT_MAX]; /* why it failed; "" */
} rk_process_info;

/** Start function(arg) in a process. Python: Process(target, args, name, daemon), start().
 * Returns when it has been taken on; it begins when the rank is free. For isolated ones, when they are there.
 * @param process  out: its name
 * @param arg      `size` bytes, copied; may hold objects of Rankine
 * @param options  NULL: the defaults
 * @return RK_OK; RK_EPERM: by a daemon, or a thread that is none of Rankine's; RK_EINVAL: no such rank, or `function`
 * is none; RK_ENOENT: that rank has not loaded the function's object; RK_EFULL: all children of the rank are busy (or
 * it runs too many functions); RK_EUNSUPPORTED: isolation with rk_main_options.children 0; RK_EDEAD: the rank died;
 * RK_ECANCELLED: the caller was terminated; RK_ENOMEM. */
RK_EXPORT rk_status rk_process_start(rk_process *process, rk_function function, const void *arg, size_t size,
                                     const rk_process_options *options, rk_error *err);
/** Wait until it has ended. Python: join(timeout), is_alive(). Any number of times.
 * @return RK_OK: it has ended (well or not: rk_process_exit_code); RK_ETIMEDOUT; RK_EPERM: a process can't join itself;
 * RK_ECANCELLED: the caller was terminated. This and all calls below: RK_EINVAL: not a process; RK_ENOENT: closed;
 * RK_EDEAD: its parent has died; RK_EPERM: the caller is no thread of Rankine's; RK_ECANCELLED: as here, if they have
 * to ask another rank. */
RK_EXPORT rk_status rk_process_join(rk_process process, double timeout_seconds, rk_error *err);
/** Python: is_alive(). */
RK_EXPORT rk_status rk_process_is_alive(rk_process process, bool *alive, rk_error *err);
/** Python: exitcode. 0: the function returned RK_OK. Positive: the status it returned, or what it gave to exit() (if
 * isolated). Negative: a signal ended it, -SIGTERM also if it was terminated and returned RK_ECANCELLED; -SIGKILL: its
 * rank died. RK_PROCESS_RUNNING while it runs. */
RK_EXPORT rk_status rk_process_exit_code(rk_process process, int *code, rk_error *err);
/** What the function returned with rk_call_return; Python has no such thing.
 * @param bytes  out: aligned for any type, to be freed with rk_free; NULL if there are none. NULL: not
 * wanted, as for size
 * @return RK_OK; RK_EPERM: it still runs; the function's status with its message in *err (and the rank); RK_EDEAD: it
 * was killed, or its rank died, or it called exit. */
RK_EXPORT rk_status rk_process_result(rk_process process, void **bytes, size_t *size, rk_error *err);
/** Name, pid, rank, daemon and all else at once. Python: name, pid, daemon, exitcode. */
RK_EXPORT rk_status rk_process_get_info(rk_process process, rk_process_info *info, rk_error *err);

/** End it. Python: terminate(). Isolated: SIGTERM. Else rk_call_stopping tells it, and its waits return RK_ECANCELLED;
 * one that has not begun does not. Nothing happens to one that has ended.
 * @return RK_OK; RK_EPERM: it is no process that was started */
RK_EXPORT rk_status rk_process_terminate(rk_process process, rk_error *err);
/** End it at once. Python: kill(). @return RK_OK; RK_EUNSUPPORTED: it is not isolated; RK_EPERM: as above */
RK_EXPORT rk_status rk_process_kill(rk_process process, rk_error *err);
/** Forget it, and what it returned. Python: close(). @return RK_OK; RK_EPERM: it still runs */
RK_EXPORT rk_status rk_process_close(rk_process process, rk_error *err);

/** The caller's process. In root, and in functions that are none (workers of a pool): "MainProcess" of that rank.
 * Python: current_process(). @return RK_OK, RK_EPERM */
RK_EXPORT rk_status rk_current_process(rk_process *process, rk_error *err);
/** Who started it. Python: parent_process(). Joining it waits for its death: RK_EDEAD.
 * @return RK_OK, RK_ENOENT: nobody did; RK_EPERM */
RK_EXPORT rk_status rk_parent_process(rk_process *parent, rk_error *err);
/** Those that the caller's process has started and that have not ended: min(count, max) of them into `list`. Python:
 * active_children(). @return count; -1: the thread is none of Rankine's */
RK_EXPORT int rk_active_children(rk_process *list, int max);

#ifdef __cplusplus
}
#endif
#endif
