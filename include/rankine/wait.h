/* Rankine: wait for several things at once. Python: multiprocessing.connection.wait. */
#ifndef RANKINE_WAIT_H
#define RANKINE_WAIT_H

#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Wait until at least one of several objects is ready, of any kinds and homes:
 *
 *     a queue             has a message                           rk_queue
 *     an end of a pipe    can be received from, or has ended
 *     a process           has ended (Python: its sentinel)
 *     a future            is done
 *     an event            is set
 *     a lock, a semaphore can be acquired
 *
 * and each also when the next call on it would fail: it was closed or destroyed, or its home has died. Ready means that
 * the next call did not wait at that moment; another rank may come first. Python: connection.wait(object_list,
 * timeout), which knows the first three.
 * @param objects  [count] their names: `(rk_ref[]){queue.ref, process.ref}`
 * @param ready    [count] out: those that are ready (Python: the list it returns); all false with RK_ETIMEDOUT
 * @return RK_OK; RK_ETIMEDOUT: none was ready in time (0: none is now); RK_EINVAL: no objects, or one that cannot be
 * waited for; RK_ECANCELLED: the function was told to end; RK_EPERM: no thread of Rankine's; RK_ENOMEM. */
RK_EXPORT rk_status rk_wait(const rk_ref *objects, size_t count, double timeout_seconds, bool *ready, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
