#include "sync/sync_private.h"

static rk_status create(rk_semaphore *semaphore, uint64_t value, uint64_t limit, rk_error *err) {
    if (value > RK__SYNC_VALUE_MAX)
        return rk__fail(err, RK_EINVAL, "a semaphore of %llu: at most %llu", (unsigned long long)value,
                        (unsigned long long)RK__SYNC_VALUE_MAX);
    return rk__sync_create(RK__KIND_SEMAPHORE, value, limit, NULL, &semaphore->ref, err);
}

rk_status rk_semaphore_create(rk_semaphore *semaphore, uint64_t value, rk_error *err) {
    RK__NEED(semaphore, err);
    return create(semaphore, value, RK__SYNC_VALUE_MAX, err);
}

rk_status rk_bounded_semaphore_create(rk_semaphore *semaphore, uint64_t value, rk_error *err) {
    RK__NEED(semaphore, err);
    return create(semaphore, value, value, err);
}

rk_status rk_semaphore_acquire(rk_semaphore semaphore, double timeout_seconds, rk_error *err) {
    return rk__sync_do(semaphore.ref, RK__KIND_SEMAPHORE, RK__SYNC_ACQUIRE, 1, timeout_seconds, NULL, err);
}

rk_status rk_semaphore_release(rk_semaphore semaphore, uint64_t count, rk_error *err) {
    return rk__sync_do(semaphore.ref, RK__KIND_SEMAPHORE, RK__SYNC_RELEASE, count, RK_FOREVER, NULL, err);
}

rk_status rk_semaphore_value(rk_semaphore semaphore, uint64_t *value, rk_error *err) {
    RK__NEED(value, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(semaphore.ref, RK__KIND_SEMAPHORE, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *value = reply.value;
    return RK_OK;
}

rk_status rk_semaphore_destroy(rk_semaphore semaphore, rk_error *err) {
    return rk__sync_do(semaphore.ref, RK__KIND_SEMAPHORE, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}
