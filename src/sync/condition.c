#include "sync/sync_private.h"

rk_status rk_condition_create(rk_condition *condition, rk_error *err) {
    RK__NEED(condition, err);
    return rk__sync_create(RK__KIND_CONDITION, 0, 0, NULL, &condition->ref, err);
}

static rk_status create_with(rk_condition *condition, rk_ref lock, rk__kind kind, rk_error *err) {
    if (lock.serial == 0 || lock.kind != (uint32_t)kind)
        return rk__fail(err, RK_EINVAL, "a condition for a %s that was never made: create it first",
                        rk__kind_text(kind));
    return rk__sync_create(RK__KIND_CONDITION, 0, 0, &lock, &condition->ref, err);
}

rk_status rk_condition_create_with_lock(rk_condition *condition, rk_lock lock, rk_error *err) {
    RK__NEED(condition, err);
    return create_with(condition, lock.ref, RK__KIND_LOCK, err);
}

rk_status rk_condition_create_with_rlock(rk_condition *condition, rk_rlock lock, rk_error *err) {
    RK__NEED(condition, err);
    return create_with(condition, lock.ref, RK__KIND_RLOCK, err);
}

rk_status rk_condition_acquire(rk_condition condition, double timeout_seconds, rk_error *err) {
    return rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_ACQUIRE, 1, timeout_seconds, NULL, err);
}

rk_status rk_condition_release(rk_condition condition, rk_error *err) {
    return rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_RELEASE, 1, RK_FOREVER, NULL, err);
}

rk_status rk_condition_locked(rk_condition condition, bool *locked, rk_error *err) {
    RK__NEED(locked, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *locked = reply.value != 0;
    return RK_OK;
}

/* ---- waiting ---- */

/* Who gave up waiting has no lock: it queues for it again, as long as it takes, but not if it was told to end. */
static rk_status acquire_again(rk__mail *mail, rk_ref ref, uint64_t depth, rk_error *err) {
    rk__sync_request step = {.op = RK__SYNC_ACQUIRE, .value = depth};
    rk__sync_reply reply;
    rk_status status = RK_ECANCELLED;
    if (!rk__strand_interrupted(mail))
        status = rk__sync_call(mail, ref, &step, RK__NEVER, &reply);
    return rk__sync_fail(ref, RK__SYNC_ACQUIRE, status, err);
}

static rk_status sleep_until(rk__mail *mail, rk_ref ref, uint64_t deadline_ns, rk_error *err) {
    rk__sync_request step = {.op = RK__SYNC_SLEEP};
    rk__sync_reply reply;
    rk_status status = rk__sync_call(mail, ref, &step, deadline_ns, &reply);
    if (status != RK_OK)
        return rk__sync_fail(ref, RK__SYNC_SLEEP, status, err);
    if ((reply.value & RK__SYNC_LOCKED) == 0)
        RK_TRY(acquire_again(mail, ref, reply.value >> 32, err));
    return rk__sync_fail(ref, RK__SYNC_SLEEP, reply.value & RK__SYNC_NOTIFIED ? RK_OK : RK_ETIMEDOUT, err);
}

static rk_status wait_until(rk_condition condition, uint64_t deadline_ns, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = rk__ref_check(mail, condition.ref, RK__KIND_CONDITION, err);
    if (status == RK_OK)
        status = sleep_until(mail, condition.ref, deadline_ns, err);
    rk__leave(mail);
    return status;
}

rk_status rk_condition_wait(rk_condition condition, double timeout_seconds, rk_error *err) {
    return wait_until(condition, rk__deadline(timeout_seconds), err);
}

rk_status rk_condition_wait_for(rk_condition condition, rk_predicate predicate, void *ctx, double timeout_seconds,
                                rk_error *err) {
    RK__NEED(predicate, err);
    uint64_t deadline_ns = rk__deadline(timeout_seconds);
    rk_status status = RK_OK;
    while (!predicate(ctx)) {
        if (status != RK_OK) /* it was looked at once more after the time was up */
            return status;
        status = wait_until(condition, deadline_ns, err);
        if (status != RK_OK && status != RK_ETIMEDOUT)
            return status;
    }
    rk__error_clear(status != RK_OK ? err : NULL);
    return RK_OK;
}

/* ---- notifying ---- */

rk_status rk_condition_notify(rk_condition condition, uint64_t count, rk_error *err) {
    return rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_NOTIFY, count, RK_FOREVER, NULL, err);
}

rk_status rk_condition_notify_all(rk_condition condition, rk_error *err) {
    return rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_NOTIFY, UINT64_MAX, RK_FOREVER, NULL, err);
}

rk_status rk_condition_destroy(rk_condition condition, rk_error *err) {
    return rk__sync_do(condition.ref, RK__KIND_CONDITION, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}
