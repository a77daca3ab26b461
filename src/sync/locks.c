/* Lock, rlock, and the condition with its lock. A broken lock stays so: what it protected may be half changed. */
#include "sync/machine_private.h"

static bool is_reentrant(const rk__sync_object *lock) {
    return lock->kind != RK__KIND_LOCK;
}

static uint32_t holder_of(const rk__sync_object *lock) {
    return atomic_load_explicit(&lock->holder, memory_order_relaxed);
}

static void give(rk__sync_object *lock, uint32_t party, uint32_t depth) {
    atomic_store_explicit(&lock->holder, party + 1, memory_order_relaxed);
    lock->depth = depth;
}

rk_status rk__sync_lock_acquire(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                                rk__sync_reply *reply) {
    rk__sync_object *lock = rk__sync_lock_of(machine, object);
    uint32_t holder = holder_of(lock);
    if (lock->broken)
        return RK_EBROKEN;
    if (holder == 0) {
        give(lock, request->party, (uint32_t)request->value);
        return RK_OK;
    }
    if (holder == request->party + 1 && is_reentrant(lock)) {
        if (lock->depth == UINT32_MAX)
            return RK_EOVERFLOW;
        lock->depth++;
        return RK_OK;
    }
    if (request->flags & RK__SYNC_TRY)
        return RK_ETIMEDOUT;
    rk__sync_stand(machine, lock, request, reply)->depth = (uint32_t)request->value;
    return RK_OK;
}

static void give_to_waiter(rk__sync_machine *machine, rk__sync_object *lock, uint32_t party) {
    const rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    give(lock, party, slot->depth);
    rk__sync_grant(machine, party, RK_OK, slot->slept ? RK__SYNC_NOTIFIED | RK__SYNC_LOCKED : 0);
}

void rk__sync_lock_pass_on(rk__sync_machine *machine, rk__sync_object *lock) {
    atomic_store_explicit(&lock->holder, 0, memory_order_relaxed);
    if (lock->entry.first != 0)
        give_to_waiter(machine, lock, rk__sync_pop(machine, &lock->entry));
    else
        rk__sync_tell_watchers(machine, lock);
}

/* It was given to one who still waits, or released and given to nobody. */
void rk__sync_lock_settle(rk__sync_machine *machine, rk__sync_object *lock) {
    uint32_t holder = holder_of(lock);
    if (holder == 0) {
        rk__sync_lock_pass_on(machine, lock);
        return;
    }
    const rk__sync_slot *slot = rk__sync_slot_of(machine, holder - 1);
    if (rk__sync_waits_here(machine, slot) && !slot->in_sleep) {
        rk__sync_remove(machine, holder - 1);
        give_to_waiter(machine, lock, holder - 1);
    } else if (lock->depth == 0) {
        rk__sync_lock_pass_on(machine, lock);
    }
}

rk_status rk__sync_lock_release(rk__sync_machine *machine, rk__sync_object *object, uint32_t party) {
    rk__sync_object *lock = rk__sync_lock_of(machine, object);
    uint32_t holder = holder_of(lock);
    if (lock->broken)
        return RK_EBROKEN;
    if (holder == 0 || (is_reentrant(lock) && holder != party + 1))
        return RK_EPERM;
    if (--lock->depth == 0)
        rk__sync_lock_pass_on(machine, lock);
    return RK_OK;
}

/* ---- the condition ---- */

static rk_status check_holder(const rk__sync_object *lock, uint32_t party) {
    if (lock->broken)
        return RK_EBROKEN;
    return holder_of(lock) == party + 1 ? RK_OK : RK_EPERM;
}

rk_status rk__sync_sleep(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                         rk__sync_reply *reply) {
    rk__sync_object *lock = rk__sync_lock_of(machine, object);
    RK_TRY(check_holder(lock, request->party));
    rk__sync_slot *slot = rk__sync_stand(machine, object, request, reply);
    rk__sync_remove(machine, request->party);
    rk__sync_append(machine, object, &object->sleepers, request->party);
    slot->depth = lock->depth;
    slot->slept = true;
    rk__sync_lock_pass_on(machine, lock);
    return RK_OK;
}

/* The notified queue for the lock, which the notifier holds. */
rk_status rk__sync_notify(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                          rk__sync_reply *reply) {
    rk__sync_object *lock = rk__sync_lock_of(machine, object);
    RK_TRY(check_holder(lock, request->party));
    for (; reply->value < request->value && object->sleepers.first != 0; reply->value++) {
        uint32_t party = rk__sync_pop(machine, &object->sleepers);
        rk__sync_slot_of(machine, party)->value = RK__SYNC_NOTIFIED;
        rk__sync_append(machine, lock, &lock->entry, party);
    }
    return RK_OK;
}
