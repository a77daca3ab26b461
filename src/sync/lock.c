#include "sync/sync_private.h"

rk_status rk_lock_create(rk_lock *lock, rk_error *err) {
    RK__NEED(lock, err);
    return rk__sync_create(RK__KIND_LOCK, 0, 0, NULL, &lock->ref, err);
}

rk_status rk_lock_acquire(rk_lock lock, double timeout_seconds, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_LOCK, RK__SYNC_ACQUIRE, 1, timeout_seconds, NULL, err);
}

rk_status rk_lock_release(rk_lock lock, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_LOCK, RK__SYNC_RELEASE, 1, RK_FOREVER, NULL, err);
}

static rk_status is_locked(rk_ref ref, rk__kind kind, bool *locked, rk_error *err) {
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(ref, kind, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *locked = reply.value != 0;
    return RK_OK;
}

rk_status rk_lock_locked(rk_lock lock, bool *locked, rk_error *err) {
    RK__NEED(locked, err);
    return is_locked(lock.ref, RK__KIND_LOCK, locked, err);
}

rk_status rk_lock_destroy(rk_lock lock, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_LOCK, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}

rk_status rk_rlock_create(rk_rlock *lock, rk_error *err) {
    RK__NEED(lock, err);
    return rk__sync_create(RK__KIND_RLOCK, 0, 0, NULL, &lock->ref, err);
}

rk_status rk_rlock_acquire(rk_rlock lock, double timeout_seconds, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_RLOCK, RK__SYNC_ACQUIRE, 1, timeout_seconds, NULL, err);
}

rk_status rk_rlock_release(rk_rlock lock, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_RLOCK, RK__SYNC_RELEASE, 1, RK_FOREVER, NULL, err);
}

rk_status rk_rlock_locked(rk_rlock lock, bool *locked, rk_error *err) {
    RK__NEED(locked, err);
    return is_locked(lock.ref, RK__KIND_RLOCK, locked, err);
}

rk_status rk_rlock_destroy(rk_rlock lock, rk_error *err) {
    return rk__sync_do(lock.ref, RK__KIND_RLOCK, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}
