#include "sync/machine_private.h"

/* ---- the table ---- */

static bool take_place(rk__sync_machine *machine, uint32_t *out) {
    rk__sync_area *area = machine->area;
    uint32_t from = atomic_load(&area->first_free);
    for (uint32_t i = 0; i < RK__SYNC_PLACES; i++) {
        uint32_t place = (from + i) % RK__SYNC_PLACES, nobody = 0;
        if (atomic_load_explicit(&area->objects[place].home, memory_order_relaxed) != 0 ||
            !atomic_compare_exchange_strong(&area->objects[place].home, &nobody, machine->me + 1))
            continue;
        uint32_t end = atomic_load(&area->end);
        while (end <= place && !atomic_compare_exchange_weak(&area->end, &end, place + 1))
            ;
        atomic_store(&area->first_free, place + 1);
        *out = place;
        return true;
    }
    return false;
}

static void free_place(rk__sync_machine *machine, rk__sync_object *object) {
    uint32_t place = rk__sync_place(machine, object);
    atomic_store_explicit(&object->lock, 0, memory_order_relaxed);
    atomic_store(&object->home, 0);
    if (place < atomic_load(&machine->area->first_free))
        atomic_store(&machine->area->first_free, place);
}

/* Inside the guard it will have. */
static uint64_t fill(rk__sync_machine *machine, uint32_t place, rk__kind kind, uint64_t value, uint64_t limit) {
    rk__sync_object *object = &machine->area->objects[place];
    atomic_store_explicit(&object->lock, machine->inside == place ? 0 : machine->inside + 1, memory_order_relaxed);
    object->taken++;
    object->kind = kind;
    object->broken = object->watched = false;
    object->users = object->depth = 0;
    object->value = value;
    object->limit = limit;
    object->entry = object->sleepers = (rk__sync_queue){0, 0, 0};
    atomic_store_explicit(&object->holder, 0, memory_order_relaxed);
    uint64_t serial = object->taken * RK__SYNC_PLACES + place;
    atomic_store_explicit(&object->serial, serial, memory_order_relaxed);
    return serial;
}

rk_status rk__sync_make(rk__sync_machine *machine, rk__kind kind, uint64_t value, uint64_t limit, uint64_t lock,
                        uint64_t *serial, rk_error *err) {
    uint32_t place;
    if (!take_place(machine, &place))
        return rk__fail(err, RK_EFULL,
                        "the %d locks, semaphores, conditions, events and barriers that a node can have are there "
                        "already: destroy those that are no longer needed",
                        RK__SYNC_PLACES);
    rk__sync_object *with = NULL;
    if (lock == 0) {
        rk__sync_enter_place(machine, place);
    } else if ((with = rk__sync_enter(machine, lock)) == NULL) {
        free_place(machine, &machine->area->objects[place]);
        return rk__fail(err, RK_ENOENT, "the lock of this condition has been destroyed");
    } else {
        with->users++;
    }
    *serial = fill(machine, place, kind, value, limit);
    rk__sync_leave(machine);
    rk__sync_tell_all(machine);
    return RK_OK;
}

/* The conditions that were made for it go with it. */
static void unmake_conditions(rk__sync_machine *machine, rk__sync_object *lock, rk_status status) {
    rk__sync_object *object;
    for (uint32_t place = 0; lock->users > 0 && (object = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        if (object != lock)
            rk__sync_unmake(machine, object, status);
}

rk_status rk__sync_unmake(rk__sync_machine *machine, rk__sync_object *object, rk_status status) {
    rk__sync_object *lock = rk__sync_lock_of(machine, object);
    if (object->users > 0 && status == RK_ENOENT)
        return RK_EPERM;
    unmake_conditions(machine, object, status);
    if (lock != object)
        lock->users--;
    rk__sync_grant_queue(machine, &object->entry, status);
    rk__sync_grant_queue(machine, &object->sleepers, status);
    rk__sync_tell_watchers(machine, object);
    atomic_store_explicit(&object->serial, 0, memory_order_relaxed);
    atomic_store_explicit(&object->holder, 0, memory_order_relaxed);
    free_place(machine, object);
    return RK_OK;
}

/* ---- steps ---- */

static void look(rk__sync_machine *machine, rk__sync_object *object, rk__sync_reply *reply) {
    bool acting = atomic_load_explicit(&object->holder, memory_order_relaxed) != 0;
    switch (object->kind) {
    case RK__KIND_BARRIER:
        reply->value = acting ? object->limit : object->entry.count;
        reply->value |= (uint64_t)object->broken << 32;
        reply->more = object->limit;
        return;
    case RK__KIND_SEMAPHORE:
    case RK__KIND_EVENT:
        reply->value = object->value;
        return;
    default:
        reply->value = atomic_load_explicit(&rk__sync_lock_of(machine, object)->holder, memory_order_relaxed) != 0;
    }
}

static rk_status barrier_step(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                              rk__sync_reply *reply) {
    switch (request->op) {
    case RK__SYNC_ARRIVE:
        return rk__sync_arrive(machine, object, request, reply);
    case RK__SYNC_ACTED:
        return rk__sync_acted(machine, object, request);
    case RK__SYNC_ABORT:
        rk__sync_break(machine, object);
        return RK_OK;
    case RK__SYNC_RESET:
        return rk__sync_reset(machine, object);
    default:
        return RK_EINVAL;
    }
}

static rk_status count_step(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                            rk__sync_reply *reply) {
    bool semaphore = object->kind == RK__KIND_SEMAPHORE;
    if (semaphore && request->op == RK__SYNC_ACQUIRE)
        return rk__sync_count_acquire(machine, object, request, reply);
    if (semaphore && request->op == RK__SYNC_RELEASE)
        return rk__sync_count_release(machine, object, request->value);
    if (!semaphore && request->op == RK__SYNC_WAIT)
        return rk__sync_event_wait(machine, object, request, reply);
    if (!semaphore && request->op == RK__SYNC_SET)
        return rk__sync_event_set(machine, object);
    if (!semaphore && request->op == RK__SYNC_CLEAR) {
        object->value = 0;
        return RK_OK;
    }
    return RK_EINVAL;
}

static rk_status lock_step(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                           rk__sync_reply *reply) {
    if (request->op == RK__SYNC_ACQUIRE)
        return rk__sync_lock_acquire(machine, object, request, reply);
    if (request->op == RK__SYNC_RELEASE)
        return rk__sync_lock_release(machine, object, request->party);
    if (object->kind == RK__KIND_CONDITION && request->op == RK__SYNC_SLEEP)
        return rk__sync_sleep(machine, object, request, reply);
    if (object->kind == RK__KIND_CONDITION && request->op == RK__SYNC_NOTIFY)
        return rk__sync_notify(machine, object, request, reply);
    return RK_EINVAL;
}

static rk_status kind_step(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                           rk__sync_reply *reply) {
    switch (object->kind) {
    case RK__KIND_BARRIER:
        return barrier_step(machine, object, request, reply);
    case RK__KIND_SEMAPHORE:
    case RK__KIND_EVENT:
        return count_step(machine, object, request, reply);
    default:
        return lock_step(machine, object, request, reply);
    }
}

static rk_status step(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                      rk__sync_reply *reply) {
    if (object->kind != request->kind)
        return RK_ENOENT;
    if (request->op == RK__SYNC_DESTROY)
        return rk__sync_unmake(machine, object, RK_ENOENT);
    if (request->op != RK__SYNC_LOOK)
        return kind_step(machine, object, request, reply);
    look(machine, object, reply);
    bool broken = object->kind != RK__KIND_BARRIER && rk__sync_lock_of(machine, object)->broken;
    return broken ? RK_EBROKEN : RK_OK;
}

static rk_status find_and_step(rk__sync_machine *machine, const rk__sync_request *request, rk__sync_reply *reply) {
    rk__sync_object *object = rk__sync_enter(machine, request->serial);
    if (object == NULL)
        return RK_ENOENT;
    rk_status status = step(machine, object, request, reply);
    rk__sync_leave(machine);
    return status;
}

void rk__sync_step(rk__sync_machine *machine, const rk__sync_request *request, rk__sync_reply *reply) {
    *reply = (rk__sync_reply){RK_OK, false, 0, 0};
    if (request->op == RK__SYNC_CANCEL) {
        rk__sync_cancel(machine, request->party, request->call);
    } else {
        rk__sync_withdraw(machine, request->party); /* what it stood for is over: the home died, or it would wait yet */
        reply->status = find_and_step(machine, request, reply);
    }
    if (machine->news_count > 0)
        rk__sync_tell_all(machine);
}

/* ---- watching ---- */

static bool is_ready(rk__sync_machine *machine, const rk__sync_object *object, uint32_t party) {
    const rk__sync_object *lock = rk__sync_lock_of(machine, object);
    uint32_t holder = atomic_load_explicit(&lock->holder, memory_order_relaxed);
    if (lock->broken)
        return true;
    if (object->kind == RK__KIND_SEMAPHORE || object->kind == RK__KIND_EVENT)
        return object->value > 0;
    return holder == 0 || (holder == party + 1 && object->kind != RK__KIND_LOCK);
}

bool rk__sync_ready(rk__sync_machine *machine, uint64_t serial, uint32_t party, bool watch) {
    rk__sync_object *object = rk__sync_enter(machine, serial);
    bool ready = object == NULL || is_ready(machine, object, party);
    if (object != NULL) {
        object->watched |= watch && !ready;
        rk__sync_leave(machine);
    }
    rk__sync_tell_all(machine);
    return ready;
}
