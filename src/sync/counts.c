/* Semaphore and event: a number, and those who wait for it to be above zero. */
#include "sync/machine_private.h"

static rk_status wait_for_it(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                             rk__sync_reply *reply) {
    if (request->flags & RK__SYNC_TRY)
        return RK_ETIMEDOUT;
    rk__sync_stand(machine, object, request, reply);
    return RK_OK;
}

rk_status rk__sync_count_acquire(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                                 rk__sync_reply *reply) {
    if (object->value == 0)
        return wait_for_it(machine, object, request, reply);
    object->value--;
    return RK_OK;
}

rk_status rk__sync_count_release(rk__sync_machine *machine, rk__sync_object *object, uint64_t count) {
    if (count == 0)
        return RK_EINVAL;
    if (count > object->limit || object->value > object->limit - count)
        return object->limit < RK__SYNC_VALUE_MAX ? RK_EINVAL : RK_EOVERFLOW;
    for (; count > 0 && object->entry.first != 0; count--)
        rk__sync_grant(machine, rk__sync_pop(machine, &object->entry), RK_OK, 0);
    object->value += count;
    if (count > 0)
        rk__sync_tell_watchers(machine, object);
    return RK_OK;
}

void rk__sync_count_settle(rk__sync_machine *machine, rk__sync_object *object) {
    while (object->value > 0 && object->entry.first != 0) {
        object->value -= object->kind == RK__KIND_SEMAPHORE;
        rk__sync_grant(machine, rk__sync_pop(machine, &object->entry), RK_OK, 0);
    }
}

rk_status rk__sync_event_set(rk__sync_machine *machine, rk__sync_object *object) {
    object->value = 1;
    rk__sync_grant_queue(machine, &object->entry, RK_OK);
    rk__sync_tell_watchers(machine, object);
    return RK_OK;
}

rk_status rk__sync_event_wait(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                              rk__sync_reply *reply) {
    return object->value != 0 ? RK_OK : wait_for_it(machine, object, request, reply);
}
