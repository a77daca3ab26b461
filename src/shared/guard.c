/* Values and arrays with a lock of their own, for those who need more than one operation to themselves. */
#include <rankine/sync.h>

#include "shared/shared_private.h"

static rk_status make_lock(rk_ref *ref, rk_error *err) {
    rk_rlock lock;
    RK_TRY(rk_rlock_create(&lock, err));
    *ref = lock.ref;
    return RK_OK;
}

rk_status rk_value_create(rk_value *value, rk_type type, const void *initial, rk_error *err) {
    RK__NEED(value, err);
    rk_value made;
    RK_TRY(rk_value_create_raw(&made, type, initial, err));
    rk_status status = make_lock(&made.lock, err);
    if (status == RK_OK)
        *value = made;
    else
        rk_value_destroy(made, NULL);
    return status;
}

rk_status rk_array_create(rk_array *array, rk_type type, uint64_t count, const void *initial, rk_error *err) {
    RK__NEED(array, err);
    rk_array made;
    RK_TRY(rk_array_create_raw(&made, type, count, initial, err));
    rk_status status = make_lock(&made.lock, err);
    if (status == RK_OK)
        *array = made;
    else
        rk_array_destroy(made, NULL);
    return status;
}

void rk__shared_drop_lock(rk_ref lock) {
    if (lock.serial != 0)
        rk_rlock_destroy((rk_rlock){lock}, NULL);
}

static rk_status acquire(rk_ref lock, double timeout_seconds, const char *what, rk_error *err) {
    if (lock.serial == 0)
        return rk__fail(err, RK_EPERM, "this %s has no lock: make it with rk_%s_create", what, what);
    return rk_rlock_acquire((rk_rlock){lock}, timeout_seconds, err);
}

static rk_status release(rk_ref lock, const char *what, rk_error *err) {
    if (lock.serial == 0)
        return rk__fail(err, RK_EPERM, "this %s has no lock: make it with rk_%s_create", what, what);
    return rk_rlock_release((rk_rlock){lock}, err);
}

rk_status rk_value_lock(rk_value value, double timeout_seconds, rk_error *err) {
    return acquire(value.lock, timeout_seconds, "value", err);
}

rk_status rk_value_unlock(rk_value value, rk_error *err) {
    return release(value.lock, "value", err);
}

rk_status rk_array_lock(rk_array array, double timeout_seconds, rk_error *err) {
    return acquire(array.lock, timeout_seconds, "array", err);
}

rk_status rk_array_unlock(rk_array array, rk_error *err) {
    return release(array.lock, "array", err);
}
