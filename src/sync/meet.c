/* The barrier. Those who came stand in the entry queue; the last that is needed lets all go, after it has run the
 * action, if there is one. Who comes meanwhile waits for the next time. */
#include "sync/machine_private.h"

static void remember(rk__sync_slot *slot, uint64_t serial) {
    for (int i = 0; i < RK__SYNC_BARRIERS; i++)
        if (atomic_load_explicit(&slot->barriers[i], memory_order_relaxed) == serial)
            return;
    atomic_store_explicit(&slot->barriers[slot->barrier], serial, memory_order_relaxed);
    slot->barrier = (uint8_t)((slot->barrier + 1) % RK__SYNC_BARRIERS);
}

static void let_go(rk__sync_machine *machine, rk__sync_object *object, uint64_t count) {
    for (uint64_t index = 0; index < count && object->entry.first != 0; index++)
        rk__sync_grant(machine, rk__sync_pop(machine, &object->entry), RK_OK, index);
}

static uint32_t number_in_queue(const rk__sync_machine *machine, const rk__sync_queue *queue, uint64_t number) {
    if (number == queue->count)
        return queue->last - 1;
    uint32_t party = queue->first - 1;
    while (--number > 0)
        party = rk__sync_slot_of(machine, party)->next - 1;
    return party;
}

static void go_on(rk__sync_machine *machine, rk__sync_object *object) {
    while (atomic_load_explicit(&object->holder, memory_order_relaxed) == 0 && object->entry.count >= object->limit) {
        uint32_t last = number_in_queue(machine, &object->entry, object->limit);
        if (rk__sync_slot_of(machine, last)->acts) {
            atomic_store_explicit(&object->holder, last + 1, memory_order_relaxed);
            rk__sync_remove(machine, last);
            rk__sync_grant(machine, last, RK_OK, (object->limit - 1) | RK__SYNC_ACT);
        } else {
            let_go(machine, object, object->limit);
        }
    }
}

rk_status rk__sync_arrive(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                          rk__sync_reply *reply) {
    if (object->broken)
        return RK_EBROKEN;
    rk__sync_slot *slot = rk__sync_stand(machine, object, request, reply);
    slot->acts = (request->flags & RK__SYNC_WITH_ACTION) != 0;
    remember(slot, request->serial);
    go_on(machine, object);
    return RK_OK;
}

rk_status rk__sync_acted(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request) {
    if (object->broken || atomic_load_explicit(&object->holder, memory_order_relaxed) != request->party + 1)
        return RK_EBROKEN; /* it was aborted or reset meanwhile */
    if (request->value == 0) {
        rk__sync_break(machine, object);
        return RK_EBROKEN;
    }
    atomic_store_explicit(&object->holder, 0, memory_order_relaxed);
    let_go(machine, object, object->limit - 1);
    go_on(machine, object);
    return RK_OK;
}

rk_status rk__sync_reset(rk__sync_machine *machine, rk__sync_object *object) {
    rk__sync_break(machine, object);
    object->broken = false;
    return RK_OK;
}
