/* Rankine: locks, semaphores, conditions, events and barriers between the ranks of a program.
 *
 *     rk_lock lock;
 *     RK_TRY(rk_lock_create(&lock, err));                 // then handed to others, in an argument
 *     RK_TRY(rk_lock_acquire(lock, RK_FOREVER, err));
 *     ...
 *     RK_TRY(rk_lock_release(lock, err));
 *
 * They are those of Python's threading and multiprocessing, with the same meaning. What plays the part of a thread
 * there is here a function that Rankine runs (see <rankine/program.h>): two functions on one rank exclude each other
 * too.
 *
 * Order. All of them are fair: who came first is served first, and a lock that is released belongs to the first waiter
 * at once. (Python promises no order.)
 *
 * Deaths. If a process dies that holds a lock, the lock is broken: those who wait for it and all who come later get
 * RK_EBROKEN, as what it protected may be half changed. A process that only waited is forgotten, wherever it was
 * killed. A semaphore does not know who acquired it, so what the dead had is not given back, as in Python. Locks are
 * not released when the function that acquired them returns.
 *
 * Cost. A step takes some tens of nanoseconds on the node where the object lives, if nobody has to wait for it; from
 * another node a letter and its answer. A node holds 16384 of these objects at a time.
 *
 * What every function returns, beside what it says: RK_EPERM: the caller is no thread that Rankine runs. RK_EINVAL: not
 * an object of that kind. RK_ENOENT: it has been destroyed, also while the caller waited. RK_EDEAD: the process where
 * it lived has died. RK_ENOMEM: (another node) no memory for a letter. Functions that wait, with timeout_seconds 0 (or
 * less) for not at all and RK_FOREVER for as long as it takes: RK_ECANCELLED: the function was told to end. err may be
 * NULL. */
#ifndef RANKINE_SYNC_H
#define RANKINE_SYNC_H

#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Plain values, to be copied and sent freely. */
typedef struct rk_lock {
    rk_ref ref;
} rk_lock;
typedef struct rk_rlock {
    rk_ref ref;
} rk_rlock;
typedef struct rk_semaphore {
    rk_ref ref;
} rk_semaphore;
typedef struct rk_condition {
    rk_ref ref;
} rk_condition;
typedef struct rk_event {
    rk_ref ref;
} rk_event;
typedef struct rk_barrier {
    rk_ref ref;
    uint64_t action[2]; /* the name of its action */
} rk_barrier;

/* ---- lock ---- */

/** A lock that nobody holds, on the calling rank. Python: Lock().
 * @return RK_OK; RK_EFULL: the node has 16384 of these objects already. */
RK_EXPORT rk_status rk_lock_create(rk_lock *lock, rk_error *err);
/** Wait until nobody holds it, and hold it. Who holds it already waits too. Python: Lock.acquire(block, timeout).
 * @return RK_OK; RK_ETIMEDOUT: held by somebody all the time; RK_EBROKEN: a process died that held it. */
RK_EXPORT rk_status rk_lock_acquire(rk_lock lock, double timeout_seconds, rk_error *err);
/** Anyone may release it, not only who holds it. Python: Lock.release().
 * @return RK_OK; RK_EPERM: nobody holds it (Python: ValueError, RuntimeError); RK_EBROKEN. */
RK_EXPORT rk_status rk_lock_release(rk_lock lock, rk_error *err);
/** Does somebody hold it? Python: Lock.locked(). @return RK_OK, RK_EBROKEN. */
RK_EXPORT rk_status rk_lock_locked(rk_lock lock, bool *locked, rk_error *err);
/** Those who wait for it get RK_ENOENT. From any rank. Python: none, objects are collected.
 * @return RK_OK; RK_EPERM: there are conditions that were made for it. */
RK_EXPORT rk_status rk_lock_destroy(rk_lock lock, rk_error *err);

/* ---- rlock ---- */

/** A lock that its holder can acquire again, and has to release as often. Python: RLock(). @return as rk_lock_create.
 */
RK_EXPORT rk_status rk_rlock_create(rk_rlock *lock, rk_error *err);
/** Python: RLock.acquire(block, timeout). @return as rk_lock_acquire. */
RK_EXPORT rk_status rk_rlock_acquire(rk_rlock lock, double timeout_seconds, rk_error *err);
/** Python: RLock.release().
 * @return RK_OK; RK_EPERM: the caller does not hold it (Python: AssertionError, RuntimeError); RK_EBROKEN. */
RK_EXPORT rk_status rk_rlock_release(rk_rlock lock, rk_error *err);
/** Python: RLock.locked(). @return RK_OK, RK_EBROKEN. */
RK_EXPORT rk_status rk_rlock_locked(rk_rlock lock, bool *locked, rk_error *err);
/** @return as rk_lock_destroy. */
RK_EXPORT rk_status rk_rlock_destroy(rk_rlock lock, rk_error *err);

/* ---- semaphore ---- */

/** A count of `value`, which may be released beyond that. Python: Semaphore(value).
 * @return RK_OK; RK_EINVAL: value above UINT64_MAX / 4; RK_EFULL. */
RK_EXPORT rk_status rk_semaphore_create(rk_semaphore *semaphore, uint64_t value, rk_error *err);
/** One whose count never exceeds `value`. Python: BoundedSemaphore(value). @return as rk_semaphore_create. */
RK_EXPORT rk_status rk_bounded_semaphore_create(rk_semaphore *semaphore, uint64_t value, rk_error *err);
/** Wait until the count is above 0, and lower it by one. Python: Semaphore.acquire(block, timeout).
 * @return RK_OK; RK_ETIMEDOUT. */
RK_EXPORT rk_status rk_semaphore_acquire(rk_semaphore semaphore, double timeout_seconds, rk_error *err);
/** Raise the count by `count`, or let as many waiters go. Python: Semaphore.release(n).
 * @return RK_OK; RK_EINVAL: count is 0, or above what a bounded one takes (nothing is released; Python: ValueError);
 * RK_EOVERFLOW: the count would exceed UINT64_MAX / 4. */
RK_EXPORT rk_status rk_semaphore_release(rk_semaphore semaphore, uint64_t count, rk_error *err);
/** The count now. Python: Semaphore.get_value(). @return RK_OK. */
RK_EXPORT rk_status rk_semaphore_value(rk_semaphore semaphore, uint64_t *value, rk_error *err);
/** Those who wait for it get RK_ENOENT. @return RK_OK. */
RK_EXPORT rk_status rk_semaphore_destroy(rk_semaphore semaphore, rk_error *err);

/* ---- condition ---- */

/** What wait_for waits for: called with the condition's lock held. */
typedef bool (*rk_predicate)(void *ctx);

/** A condition with a lock of its own, of the kind of an rlock. Python: Condition(). @return as rk_lock_create. */
RK_EXPORT rk_status rk_condition_create(rk_condition *condition, rk_error *err);
/** One of several conditions of one lock. acquire and release are those of the lock. Python: Condition(lock).
 * @return as rk_lock_create; RK_EINVAL: the lock was made on another rank. */
RK_EXPORT rk_status rk_condition_create_with_lock(rk_condition *condition, rk_lock lock, rk_error *err);
RK_EXPORT rk_status rk_condition_create_with_rlock(rk_condition *condition, rk_rlock lock, rk_error *err);
/** Python: Condition.acquire(). @return as acquire of its lock. */
RK_EXPORT rk_status rk_condition_acquire(rk_condition condition, double timeout_seconds, rk_error *err);
/** Python: Condition.release(). @return as release of its lock. */
RK_EXPORT rk_status rk_condition_release(rk_condition condition, rk_error *err);
/** Does somebody hold its lock? @return RK_OK, RK_EBROKEN. */
RK_EXPORT rk_status rk_condition_locked(rk_condition condition, bool *locked, rk_error *err);
/** Release the lock, however often it is held, wait for a notification, and acquire it as often again, which may take
 * longer than the timeout. Python: Condition.wait(timeout).
 * @return RK_OK: notified; RK_ETIMEDOUT: not notified (Python: False); RK_EPERM: the caller does not hold the lock;
 * with all of these the lock is as before. RK_EBROKEN: a process died that held it; RK_ECANCELLED, RK_ENOENT, RK_EDEAD:
 * the caller does not hold the lock any more. */
RK_EXPORT rk_status rk_condition_wait(rk_condition condition, double timeout_seconds, rk_error *err);
/** Wait, as often as needed, until the predicate is true. Python: Condition.wait_for(predicate, timeout).
 * @return RK_OK: it is true; RK_ETIMEDOUT: it was false also at the end; else as rk_condition_wait. */
RK_EXPORT rk_status rk_condition_wait_for(rk_condition condition, rk_predicate predicate, void *ctx,
                                          double timeout_seconds, rk_error *err);
/** Wake up to `count` of those who wait, in the order in which they came. They go on when the lock is theirs. Python:
 * Condition.notify(n).
 * @return RK_OK; RK_EPERM: the caller does not hold the lock; RK_EBROKEN. */
RK_EXPORT rk_status rk_condition_notify(rk_condition condition, uint64_t count, rk_error *err);
/** Wake all who wait. Python: Condition.notify_all(). @return as rk_condition_notify. */
RK_EXPORT rk_status rk_condition_notify_all(rk_condition condition, rk_error *err);
/** Those who wait for it get RK_ENOENT, without the lock. @return RK_OK. */
RK_EXPORT rk_status rk_condition_destroy(rk_condition condition, rk_error *err);

/* ---- event ---- */

/** An event that is not set. Python: Event(). @return as rk_lock_create. */
RK_EXPORT rk_status rk_event_create(rk_event *event, rk_error *err);
/** All who wait go on. Python: Event.set(). @return RK_OK. */
RK_EXPORT rk_status rk_event_set(rk_event event, rk_error *err);
/** Python: Event.clear(). @return as rk_event_set. */
RK_EXPORT rk_status rk_event_clear(rk_event event, rk_error *err);
/** Python: Event.is_set(). @return as rk_event_set. */
RK_EXPORT rk_status rk_event_is_set(rk_event event, bool *set, rk_error *err);
/** Wait until it is set; who waits when it is set goes on, also if it is cleared at once. Python: Event.wait(timeout).
 * @return RK_OK; RK_ETIMEDOUT: it was not set (Python: False). */
RK_EXPORT rk_status rk_event_wait(rk_event event, double timeout_seconds, rk_error *err);
/** Those who wait for it get RK_ENOENT. @return RK_OK. */
RK_EXPORT rk_status rk_event_destroy(rk_event event, rk_error *err);

/* ---- barrier ---- */

/** A barrier for `parties`. Python: Barrier(parties, action). Python's default timeout has no counterpart: each wait
 * says its own.
 * @param action  run by the last of the parties to come, before any of them goes on, with an empty argument; its result
 *                is dropped. NULL: none
 * @return RK_OK; RK_EINVAL: no parties, or the action is no function of the program; RK_EFULL. */
RK_EXPORT rk_status rk_barrier_create(rk_barrier *barrier, uint32_t parties, rk_function action, rk_error *err);
/** Wait until all parties have come. Python: Barrier.wait(timeout). If it takes too long for one of them, if one is
 * told to end or dies while it waits, or a process dies that came to it before (the last 8 barriers of a function
 * count), the barrier is broken for all. A process that ends in good order does not break it.
 * @param index  as which of the parties one came: 0 … parties - 1. May be NULL
 * @return RK_OK; RK_EBROKEN: it is broken, became so or was reset while the caller waited, also if its own time was up
 * (Python: BrokenBarrierError); what the action returned, if the caller ran it and it failed: then it is broken too. */
RK_EXPORT rk_status rk_barrier_wait(rk_barrier barrier, double timeout_seconds, uint32_t *index, rk_error *err);
/** As new: those who wait get RK_EBROKEN, also while the action is run. Python: Barrier.reset(). @return RK_OK. */
RK_EXPORT rk_status rk_barrier_reset(rk_barrier barrier, rk_error *err);
/** Break it. Python: Barrier.abort(). @return RK_OK. */
RK_EXPORT rk_status rk_barrier_abort(rk_barrier barrier, rk_error *err);
/** How many it is for. Python: Barrier.parties. @return RK_OK. */
RK_EXPORT rk_status rk_barrier_parties(rk_barrier barrier, uint32_t *parties, rk_error *err);
/** How many wait at it now. Python: Barrier.n_waiting. @return RK_OK. */
RK_EXPORT rk_status rk_barrier_n_waiting(rk_barrier barrier, uint32_t *waiting, rk_error *err);
/** Python: Barrier.broken. @return RK_OK. */
RK_EXPORT rk_status rk_barrier_broken(rk_barrier barrier, bool *broken, rk_error *err);
/** Those who wait for it get RK_ENOENT. @return RK_OK. */
RK_EXPORT rk_status rk_barrier_destroy(rk_barrier barrier, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
