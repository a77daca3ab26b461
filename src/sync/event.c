#include "sync/sync_private.h"

rk_status rk_event_create(rk_event *event, rk_error *err) {
    RK__NEED(event, err);
    return rk__sync_create(RK__KIND_EVENT, 0, 0, NULL, &event->ref, err);
}

rk_status rk_event_set(rk_event event, rk_error *err) {
    return rk__sync_do(event.ref, RK__KIND_EVENT, RK__SYNC_SET, 0, RK_FOREVER, NULL, err);
}

rk_status rk_event_clear(rk_event event, rk_error *err) {
    return rk__sync_do(event.ref, RK__KIND_EVENT, RK__SYNC_CLEAR, 0, RK_FOREVER, NULL, err);
}

rk_status rk_event_is_set(rk_event event, bool *set, rk_error *err) {
    RK__NEED(set, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(event.ref, RK__KIND_EVENT, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *set = reply.value != 0;
    return RK_OK;
}

rk_status rk_event_wait(rk_event event, double timeout_seconds, rk_error *err) {
    return rk__sync_do(event.ref, RK__KIND_EVENT, RK__SYNC_WAIT, 0, timeout_seconds, NULL, err);
}

rk_status rk_event_destroy(rk_event event, rk_error *err) {
    return rk__sync_do(event.ref, RK__KIND_EVENT, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}
