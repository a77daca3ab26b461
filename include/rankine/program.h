/* Rankine: a program of many ranks, as Python's multiprocessing would write it.
 *
 *     static rk_status root(int argc, char **argv, rk_error *err) { // runs on rank 0; the other ranks serve
 *         rk_pool pool;
 *         RK_TRY(rk_pool_create(&pool, NULL, err));
 *         ...
 *         return rk_pool_destroy(pool, err);
 *     }
 *     int main(int argc, char **argv) { return rk_main(argc, argv, root, NULL); }
 *
 * The same executable runs alone, under mpirun and under srun. With one rank, functions run in that rank.
 *
 * Who may call. The functions of <rankine/{pool,process,queue,sync,shared,manager,...}.h> are called from `root` and
 * from the functions that Rankine runs (on any rank), by the thread that Rankine runs them on; elsewhere they return
 * RK_EPERM, as in a process that such a function forks (which may exec, or _exit; returning from the function ends it,
 * with 1). None is collective. A rank runs one of its functions at a time: another one (a second process on the rank, a
 * worker of a pool) gets its turn while this one waits in a call of Rankine.
 *
 * A function, and root, ends by returning. One that ends its thread (pthread_exit) has failed with RK_EDEAD; what it
 * holds stays as it is. Its thread can't be cancelled (pthread_cancel), unless it allows that itself
 * (pthread_setcancelstate), which it must not do around calls of Rankine. Code that a call of Rankine's runs (a
 * callback, a generator, a predicate, the action of a barrier, rk_everywhere's function on the caller's rank) must
 * return: if it ends the thread, the rank ends, and says so. Leaving a function or such code by longjmp or a C++
 * exception is undefined.
 *
 * Objects (queues, locks, ...) are named by small values that can be copied, put into an argument and used on any rank.
 * They live on the rank that made them, until they are destroyed or the program ends. If that rank dies, calls that
 * need it return RK_EDEAD. Use after destroy: RK_ENOENT. Not an object of its kind: RK_EINVAL.
 *
 * NULL for what has to be given, or for bytes whose size is not 0, is RK_EINVAL, and the message names the argument.
 * What may be NULL says so; err always may.
 *
 * Waiting. Each wait takes a timeout in seconds: RK_FOREVER (any time above 9e9) waits as long as it takes; 0 does not
 * wait, nor do negative ones (`deadline - now`) and NaN. All notice the death of a rank they wait for. */
#ifndef RANKINE_PROGRAM_H
#define RANKINE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rankine/status.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RK_FOREVER 1e300

/* The name of an object; for those who look, not to be changed. */
typedef struct rk_ref {
    uint64_t serial; /* 0: no object */
    uint32_t home;   /* the process it lives in */
    uint32_t kind;
} rk_ref;

/* ---- functions ---- */

/* What a function gets, and where it leaves its result. */
typedef struct rk_call {
    const void *arg; /* its argument, aligned for any type; borrowed for the length of the call */
    size_t arg_size;
    rk_error *err; /* for the calls it makes: `RK_TRY(rk_queue_put(queue, &x, sizeof x, RK_FOREVER, call->err));` fails
                      with the message that the queue has */
    void *own;     /* private to Rankine */
} rk_call;

/* A function that runs on some rank: any function of the program, or of a shared object that all ranks have loaded; by
 * its place in that object, which must be the same build everywhere (checked at the start).
 * @return RK_OK, or what the caller will get: with the message of rk_call_fail, if that was called, else with that in
 * call->err, if it is of this status. */
typedef rk_status (*rk_function)(rk_call *call);

/** Set the result: `bytes` copied. The last one counts. @return RK_OK, RK_ENOMEM. */
RK_EXPORT rk_status rk_call_return(rk_call *call, const void *bytes, size_t size);
/** Room for a result to be written in place, uninitialised. NULL: out of memory. Valid until the function returns. */
RK_EXPORT void *rk_call_result(rk_call *call, size_t size);
/** Fail with a message: `return rk_call_fail(call, RK_EINVAL, "x = %g: must be positive", x);` @return code */
#if defined(__GNUC__) || defined(__clang__)
__attribute__((format(printf, 3, 4)))
#endif
RK_EXPORT rk_status
rk_call_fail(rk_call *call, rk_status code, const char *fmt, ...);
/** Was this function asked to end (terminate, cancel)? Long functions look now and then, and return RK_ECANCELLED.
 * Waits of the library end by themselves, with RK_ECANCELLED. */
RK_EXPORT bool rk_call_stopping(const rk_call *call);

/* ---- the program ---- */

typedef struct rk_main_options {
    int children; /* isolated processes that each rank may have at a time (0 … 64): see rk_process, rk_pool */
} rk_main_options;
#define RK_MAIN_OPTIONS_INIT                                                                                           \
    { 4 }

typedef rk_status (*rk_root_function)(int argc, char **argv, rk_error *err);

/** Run a program: rank 0 runs root(argc, argv), the others serve until it has returned. Call it first thing in main,
 * before MPI_Init. Collective. When root has returned, pools that it has left are terminated, processes that are not
 * daemons are joined, daemons terminated.
 * If root fails, its message goes to stderr.
 * @param options  NULL: the defaults
 * @return 0, or 1 if root failed or the ranks could not be brought together: for main to return. Ranks that have lost
 * others do not return from it, they exit: with 1 if rank 0 died, which one of them says on stderr. */
RK_EXPORT int rk_main(int argc, char **argv, rk_root_function root, const rk_main_options *options);

RK_EXPORT int rk_rank(void); /* of the caller, 0 … rk_size() - 1; -1: the thread is none of Rankine's */
RK_EXPORT int rk_size(void); /* ranks of the program */
RK_EXPORT int rk_node(void); /* the node's number, 0 … rk_node_count() - 1 */
RK_EXPORT int rk_node_count(void);
RK_EXPORT const char *rk_host(void); /* the host's name */
/** Cores of the whole job, counted once per node. Python: os.cpu_count(), for all nodes. */
RK_EXPORT int rk_cpu_count(void);
/** Cores of this node. Python: os.cpu_count(). */
RK_EXPORT int rk_node_cpu_count(void);
/** Processing units this rank may use, by the system's numbers: min(count, max) of them into `units`.
 * @return count. Python: os.sched_getaffinity(0). */
RK_EXPORT int rk_affinity(int *units, int max);

#ifdef __cplusplus
}
#endif
#endif
