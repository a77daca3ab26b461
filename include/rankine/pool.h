/* Rankine: pools of workers and futures, as Python's multiprocessing.Pool and concurrent.futures have them. Who may
 * call, what objects are and how waiting goes: <rankine/program.h>.
 *
 *     static rk_status square(rk_call *call) {
 *         double x = *(const double *)call->arg;
 *         return rk_call_return(call, &(double){x * x}, sizeof x);
 *     }
 *     ...
 *     rk_pool_create(&pool, NULL, err);
 *     rk_pool_map(pool, &(rk_map){.function = square, .items = x, .count = n, .item_size = sizeof *x,
 *                                 .result_size = sizeof *y}, y, err);
 *     rk_pool_submit(pool, square, &x[0], sizeof x[0], NULL, &future, err);
 *     rk_future_get_into(future, RK_FOREVER, &y[0], sizeof y[0], err);
 *
 * Who uses it. A pool and its futures belong to the process that made the pool, its owner: calls from elsewhere, and
 * from the pool's own tasks, return RK_EPERM; a task may make a pool of its own. Tasks go out and results come in while
 * the owner computes, too. A rank works for any number of pools.
 *
 * Where Python differs.
 * - A worker is a function's turn on a rank that is there anyway: it begins at once, and ends when the pool does. It
 *   runs one task at a time; a rank runs one of its functions at a time.
 * - Tasks go to workers ahead of time, one or two (more if they are short), so that no worker waits for the owner. One
 *   that has not begun can be cancelled, and is taken back when another worker has nothing to do.
 * - terminate asks running functions to end (rk_call_stopping; their waits in the library end); it can't stop one that
 *   does not look. Their futures are cancelled at once (in Python, they never become ready).
 * - An initializer that fails breaks the pool, as in concurrent.futures: all that is not done fails with RK_EBROKEN.
 * - A worker whose rank dies is not replaced. What it ran fails with RK_EDEAD; what it had not begun may have been
 *   begun, so fails as well; everything else goes to the other workers.
 *
 * Isolated workers (rk_pool_options.isolate) are processes of the system, as Python's are: children of their ranks,
 * which run beside each other and beside what their rank runs, also those of one rank. One that crashes, exits or is
 * killed takes nothing along but its task: that fails with RK_EDEAD and a message that names the signal or exit code,
 * is not run again, and a new child takes the worker's place (as in multiprocessing.Pool, where such a task's result
 * never comes; in concurrent.futures the pool breaks). If it dies before its initializer has returned, or again and
 * again without a task, the pool is broken. terminate kills: running functions end at once. A task comes only when the
 * one before is done, and results of any size go to the owner: for tasks of microseconds the others are faster.
 *
 * Callbacks are called on the owner, without locks, by the function that waits for or looks at futures there (get,
 * wait, ready, done, map, apply, join, next, ...), in the order in which the tasks were done, and before that call
 * returns; by one function of the rank at a time. They may call everything; callbacks that come due meanwhile wait for
 * their end.
 *
 * Results of up to RK_POOL_CARRIED_BYTES come with the news that a task is done. Larger ones stay where they were made
 * until somebody wants them: rk_future_get fetches them, and tasks that have the future as input get them from the rank
 * that has them, not through the owner. */
#ifndef RANKINE_POOL_H
#define RANKINE_POOL_H

#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { RK_POOL_CARRIED_BYTES = 1024 };

typedef struct rk_pool {
    rk_ref ref;
} rk_pool;

/* A result that is there, or will be. Python: AsyncResult and Future. To be destroyed. */
typedef struct rk_future {
    rk_ref ref;
} rk_future;

/* ---- pools ---- */

typedef struct rk_pool_options {
    int workers;                 /* 0: one on each rank but the caller's, at least one. More than there are other ranks:
                                    the caller's has one too, then each has several, which take turns. A rank
                                    has 64 functions side by side at most, root included */
    rk_function initializer;     /* runs first on each worker; may be NULL. Its result is dropped */
    const void *initializer_arg; /* copied */
    size_t initializer_arg_size;
    uint64_t max_tasks_per_worker; /* then it begins anew, with the initializer; 0: never. A chunk counts as one */
    bool isolate; /* each worker in a process of its own, of the `children` that rk_main_options allows each rank */
} rk_pool_options;
#define RK_POOL_OPTIONS_INIT                                                                                           \
    { 0, NULL, NULL, 0, 0, false }

/** A pool whose workers are there. Python: Pool(processes, initializer, initargs, maxtasksperchild),
 * ProcessPoolExecutor(max_workers, initializer, initargs, max_tasks_per_child).
 * @param options  NULL: the defaults
 * @return RK_OK; RK_EINVAL: a negative number, or an initializer that is no function; RK_EFULL: a rank runs too many
 * functions already, or has not as many children (isolate): see rk_main_options.children; RK_EDEAD: no rank is left;
 * RK_ECANCELLED: the calling function was told to end; RK_ENOMEM, RK_EPERM */
RK_EXPORT rk_status rk_pool_create(rk_pool *pool, const rk_pool_options *options, rk_error *err);

/** Workers that are there: fewer after deaths of ranks. @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_pool_worker_count(rk_pool pool, int *count, rk_error *err);

/** Nothing more is submitted; what is there will be done, and the workers end. Again: nothing happens. Python:
 * Pool.close. @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_pool_close(rk_pool pool, rk_error *err);

/** All that is not done is cancelled, running functions are asked to end (isolated workers: killed), workers end.
 * Python: Pool.terminate.
 * @return as rk_pool_close */
RK_EXPORT rk_status rk_pool_terminate(rk_pool pool, rk_error *err);

/** Wait until all is done and the workers have ended. Python: Pool.join.
 * @return RK_OK; RK_EPERM: it was neither closed nor terminated (Python: ValueError); RK_ETIMEDOUT; RK_ECANCELLED;
 * RK_ENOENT, RK_EINVAL */
RK_EXPORT rk_status rk_pool_join(rk_pool pool, double timeout_seconds, rk_error *err);

/** Close, with `cancel_futures` cancel what has not begun, with `wait` join. Python: Executor.shutdown.
 * @return as rk_pool_join with RK_FOREVER */
RK_EXPORT rk_status rk_pool_shutdown(rk_pool pool, bool wait, bool cancel_futures, rk_error *err);

/** The pool is gone: terminated, unless it has ended. Its futures stay until they are destroyed. Python: the end of
 * `with Pool()`. @return RK_OK; RK_ENOENT: it was destroyed; RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_pool_destroy(rk_pool pool, rk_error *err);

/* ---- single tasks ---- */

typedef void (*rk_result_fn)(const void *bytes, size_t size, void *ctx); /* bytes borrowed for the length of the call */
typedef void (*rk_failure_fn)(const rk_error *what, void *ctx);
typedef void (*rk_done_fn)(rk_future future, void *ctx);

typedef struct rk_submit_options {
    int priority;            /* higher first; equal ones in order of submission */
    const rk_future *inputs; /* futures of the caller whose results the function wants: rk_call_input. It begins when
                                all are done, and fails with the first that fails. They may be destroyed meanwhile */
    size_t input_count;
    bool borrow;                  /* the argument is not copied: it stays as it is until the future is done */
    rk_result_fn callback;        /* may be NULL. Python: callback, error_callback */
    rk_failure_fn error_callback; /* may be NULL */
    void *ctx;                    /* of both */
} rk_submit_options;
#define RK_SUBMIT_OPTIONS_INIT                                                                                         \
    { 0, NULL, 0, false, NULL, NULL, NULL }

/** Have a function run by a worker. Python: Pool.apply_async, Executor.submit.
 * @param arg      `arg_size` bytes, copied (see borrow)
 * @param options  NULL: the defaults
 * @param future   to be destroyed (also before it is done: then nobody gets the result); NULL: nobody wants it
 * @return RK_OK; RK_ECLOSED: the pool was closed or terminated; RK_EBROKEN: an initializer failed; RK_EDEAD: no worker
 * is left; RK_ENOENT: the pool or an input was destroyed; RK_EINVAL: no function, or not an object of its kind;
 * RK_EPERM: another process's; RK_ENOMEM */
RK_EXPORT rk_status rk_pool_submit(rk_pool pool, rk_function function, const void *arg, size_t arg_size,
                                   const rk_submit_options *options, rk_future *future, rk_error *err);

/** Have a function run by a worker, and wait for its result. Python: Pool.apply.
 * @param result    capacity bytes of room
 * @param size      of the result; may be NULL: then it must be `capacity`
 * @return RK_OK; the function's failure; RK_EOVERFLOW: it does not fit, or has not the size wanted; RK_ECANCELLED; as
 * rk_pool_submit */
RK_EXPORT rk_status rk_pool_apply(rk_pool pool, rk_function function, const void *arg, size_t arg_size, void *result,
                                  size_t capacity, size_t *size, rk_error *err);

/** In a task's function: the result of an input, by its number; borrowed for the length of the call, aligned for any
 * type. @return NULL: there is none of that number, or it has no bytes (*size is 0) */
RK_EXPORT const void *rk_call_input(const rk_call *call, size_t number, size_t *size);

/* ---- many tasks at once ---- */

/* The next item into `item`; false: there are no more. */
typedef bool (*rk_items_fn)(void *item, void *ctx);

/* The function is called once for each item, with a copy of it as argument, and returns exactly result_size bytes (any
 * number, dropped, if that is 0). Functions of several arguments take a struct: map and starmap are the same. */
typedef struct rk_map {
    rk_function function;
    const void *items; /* [count] */
    size_t count;
    size_t item_size;   /* at least 1 */
    size_t result_size; /* 0: no results */
    size_t chunksize;   /* items that go to a worker together; 0: count / (4 * workers), rounded up; for imap: 1 */
    int priority;
    bool borrow;                  /* map_async, imap: items are not copied, they stay until all is done */
    rk_result_fn callback;        /* map_async: gets the whole array of results */
    rk_failure_fn error_callback; /* map_async */
    void *ctx;                    /* of callbacks, and of next */
    rk_items_fn next; /* only imap: where items come from, instead of `items`. Called by rk_pool_imap and _next */
    size_t buffer;    /* imap: chunks that are under way or not yet taken, at most; 0: 4 per worker */
} rk_map;

/** The results of a function for all items. Python: Pool.map, starmap; Executor.map is imap.
 * @param results  [count] of result_size bytes; may be NULL if that is 0
 * @return RK_OK; the failure of the first item in order, of those that failed: the rest of its chunk was not run, all
 * other chunks were; RK_EINVAL: no function, item_size 0, or sizes that are too large (4 GiB an item); as
 * rk_pool_submit */
RK_EXPORT rk_status rk_pool_map(rk_pool pool, const rk_map *map, void *results, rk_error *err);
/** As that, for later: the future's result is the array of results. Python: Pool.map_async, starmap_async.
 * @return as rk_pool_submit, and RK_EINVAL as rk_pool_map */
RK_EXPORT rk_status rk_pool_map_async(rk_pool pool, const rk_map *map, rk_future *future, rk_error *err);

static inline rk_status rk_pool_apply_async(rk_pool pool, rk_function function, const void *arg, size_t arg_size,
                                            const rk_submit_options *options, rk_future *future, rk_error *err) {
    return rk_pool_submit(pool, function, arg, arg_size, options, future, err);
}
static inline rk_status rk_pool_starmap(rk_pool pool, const rk_map *map, void *results, rk_error *err) {
    return rk_pool_map(pool, map, results, err);
}
static inline rk_status rk_pool_starmap_async(rk_pool pool, const rk_map *map, rk_future *future, rk_error *err) {
    return rk_pool_map_async(pool, map, future, err);
}

/* Results one by one. */
typedef struct rk_imap {
    rk_ref ref;
} rk_imap;

/** Results one by one, in the order of the items; or as they come. Items are asked for only as results are taken: no
 * more than `buffer` chunks are under way or wait to be taken. Python: Pool.imap, imap_unordered; Executor.map
 * (buffersize).
 * @return as rk_pool_map_async */
RK_EXPORT rk_status rk_pool_imap(rk_pool pool, const rk_map *map, rk_imap *imap, rk_error *err);
RK_EXPORT rk_status rk_pool_imap_unordered(rk_pool pool, const rk_map *map, rk_imap *imap, rk_error *err);
/** The next result. Python: IMapIterator.next(timeout).
 * @param result  result_size bytes
 * @param index   the item's number, also of one that failed; may be NULL
 * @return RK_OK; RK_EEOF: that was all (StopIteration); RK_ETIMEDOUT: call again; the failure of an item, in the turn
 * of its chunk, of which there is nothing else: then call again for the next; RK_ENOENT, RK_ECANCELLED, RK_EINVAL,
 * RK_EPERM; as rk_pool_submit */
RK_EXPORT rk_status rk_imap_next(rk_imap imap, double timeout_seconds, void *result, uint64_t *index, rk_error *err);
/** No more is wanted: what has not begun is cancelled. @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_imap_destroy(rk_imap imap, rk_error *err);

/* ---- futures ---- */

/** Wait for the result. As often as one likes. Python: AsyncResult.get(timeout), Future.result(timeout).
 * @param timeout_seconds  until it is done; a large result that is there is then fetched in any case
 * @param bytes  borrowed until the future is destroyed, aligned for any type; NULL if it has none
 * @param size   may be NULL
 * @return RK_OK; the function's failure, with its message, err->rank is where; RK_ETIMEDOUT; RK_ECANCELLED: it was
 * cancelled, or the calling function was told to end; RK_EDEAD: the rank that ran it or has the result died,
 * or the isolated worker that ran it; RK_EBROKEN; RK_ENOENT: destroyed; RK_EINVAL, RK_EPERM, RK_ENOMEM */
RK_EXPORT rk_status rk_future_get(rk_future future, double timeout_seconds, const void **bytes, size_t *size,
                                  rk_error *err);
/** As that, into a variable. @return as rk_future_get; RK_EOVERFLOW: the result does not have `size` bytes */
RK_EXPORT rk_status rk_future_get_into(rk_future future, double timeout_seconds, void *result, size_t size,
                                       rk_error *err);
/** Wait until it is done, however. Python: AsyncResult.wait.
 * @return RK_OK, RK_ETIMEDOUT, RK_ECANCELLED, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_future_wait(rk_future future, double timeout_seconds, rk_error *err);
/** Wait until it is done, and see why it failed: *what has status, message and rank, or RK_OK. Python:
 * Future.exception(timeout). @return as rk_future_wait */
RK_EXPORT rk_status rk_future_exception(rk_future future, double timeout_seconds, rk_error *what, rk_error *err);

/** Is it done: with a result, failed, cancelled? Python: AsyncResult.ready, Future.done.
 * @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_future_ready(rk_future future, bool *ready, rk_error *err);
static inline rk_status rk_future_done(rk_future future, bool *done, rk_error *err) {
    return rk_future_ready(future, done, err);
}
/** Is it done with a result? Python: AsyncResult.successful.
 * @return as rk_future_ready; RK_EPERM: it is not done (Python: ValueError) */
RK_EXPORT rk_status rk_future_successful(rk_future future, bool *successful, rk_error *err);
/** Is it with a worker, which may have begun? Python: Future.running. @return as rk_future_ready */
RK_EXPORT rk_status rk_future_running(rk_future future, bool *running, rk_error *err);
/** Was it cancelled? Python: Future.cancelled. @return as rk_future_ready */
RK_EXPORT rk_status rk_future_cancelled(rk_future future, bool *cancelled, rk_error *err);

/** Cancel it unless it has begun (of a map: some of it) or is done. Asks the worker if it is with one. Python:
 * Future.cancel. @param cancelled  is it cancelled now? @return as rk_future_wait */
RK_EXPORT rk_status rk_future_cancel(rk_future future, bool *cancelled, rk_error *err);

/** Call a function when it is done; at once if it is. Several are called in the order in which they were added. Python:
 * Future.add_done_callback. @return RK_OK, RK_ENOMEM, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_future_add_done_callback(rk_future future, rk_done_fn callback, void *ctx, rk_error *err);

/** It is not wanted any more. If it is not done, it will be run, and the result dropped.
 * @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_future_destroy(rk_future future, rk_error *err);

/* ---- several futures ---- */

typedef enum rk_wait_for {
    RK_FIRST_COMPLETED = 1,
    RK_FIRST_EXCEPTION, /* or all; one that was cancelled is no exception */
    RK_ALL_COMPLETED
} rk_wait_for;

/** Wait for some or all of them. Which are done, rk_future_ready tells. Python: concurrent.futures.wait.
 * @return RK_OK, RK_ETIMEDOUT, RK_ECANCELLED, RK_ENOENT, RK_EINVAL, RK_EPERM, RK_ENOMEM */
RK_EXPORT rk_status rk_futures_wait(const rk_future *futures, size_t count, rk_wait_for what, double timeout_seconds,
                                    rk_error *err);

/* Futures as they are done. */
typedef struct rk_completed {
    rk_ref ref;
} rk_completed;

/** Futures as they are done; first those that are. One given twice comes once. Python: as_completed.
 * @param futures  [count]; not destroyed before they have come @return as rk_futures_wait */
RK_EXPORT rk_status rk_as_completed(rk_completed *completed, const rk_future *futures, size_t count, rk_error *err);
/** The next one that is done.
 * @return RK_OK; RK_EEOF: all have come; RK_ETIMEDOUT; RK_ENOENT, RK_ECANCELLED, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_completed_next(rk_completed completed, double timeout_seconds, rk_future *future, rk_error *err);
/** @return RK_OK, RK_ENOENT, RK_EINVAL, RK_EPERM */
RK_EXPORT rk_status rk_completed_destroy(rk_completed completed, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
