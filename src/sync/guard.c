#include <sched.h>

#include "sync/machine_private.h"

enum { SPINS = 200, LOOKS_PER_CHECK = 256 };

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

enum { BIRTH_SHIFT = 24 };

static uint32_t badge(const rk__sync_machine *machine) {
    return (machine->me + 1) | machine->birth << BIRTH_SHIFT;
}

uint32_t rk__sync_inside(const rk__sync_object *object) {
    return (atomic_load_explicit(&object->guard, memory_order_relaxed) & RK__SYNC_ENDPOINTS_MAX) - 1;
}

static bool get(rk__sync_object *object, uint32_t from, const rk__sync_machine *machine) {
    return atomic_compare_exchange_strong_explicit(&object->guard, &from, badge(machine), memory_order_acquire,
                                                   memory_order_relaxed);
}

/* From one who died inside; it: its endpoint. We are never inside twice: if it bears our number, it was a process
 * before us. */
static bool take_over(rk__sync_machine *machine, rk__sync_object *object, uint32_t *dead) {
    uint32_t who = atomic_load_explicit(&object->guard, memory_order_relaxed);
    *dead = (who & RK__SYNC_ENDPOINTS_MAX) - 1;
    if (who == 0 || (*dead != machine->me && !machine->is_gone(machine->ctx, *dead, who >> BIRTH_SHIFT)))
        return false;
    return get(object, who, machine);
}

/* RK__NOBODY: got it as it should be. Else: from the dead. */
static uint32_t wait_for_guard(rk__sync_machine *machine, rk__sync_object *object) {
    uint32_t dead;
    for (unsigned looks = 1; !get(object, 0, machine); looks++) {
        if (looks % LOOKS_PER_CHECK == 0 && take_over(machine, object, &dead))
            return dead;
        if (looks < SPINS)
            relax();
        else
            sched_yield();
    }
    return RK__NOBODY;
}

void rk__sync_break(rk__sync_machine *machine, rk__sync_object *object) {
    object->broken = true;
    atomic_store_explicit(&object->holder, 0, memory_order_relaxed);
    rk__sync_grant_queue(machine, &object->entry, RK_EBROKEN);
    rk__sync_grant_queue(machine, &object->sleepers, RK_EBROKEN);
    rk__sync_object *condition;
    for (uint32_t place = 0; object->users > 0 && (condition = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        rk__sync_grant_queue(machine, &condition->sleepers, RK_EBROKEN);
    rk__sync_tell_watchers(machine, object);
}

/* ---- after one who died inside ---- */

static void for_all_slots(rk__sync_machine *machine, void (*act)(rk__sync_machine *machine, uint32_t party)) {
    for (uint32_t endpoint = 0; endpoint < machine->endpoints; endpoint++) {
        uint64_t used = rk__sync_used(machine, endpoint);
        for (uint32_t strand = 0; used != 0; strand++, used >>= 1) {
            uint32_t party = endpoint * RK__STRANDS_MAX + strand;
            if ((used & 1) && rk__sync_waits_here(machine, rk__sync_slot_of(machine, party)))
                act(machine, party);
        }
    }
}

static void grant_broken(rk__sync_machine *machine, uint32_t party) {
    rk__sync_grant(machine, party, RK_EBROKEN, 0);
}

/* The step may have left any queue in any state. */
static void clear_queues(rk__sync_machine *machine) {
    rk__sync_object *object;
    for (uint32_t place = 0; (object = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        object->entry = object->sleepers = (rk__sync_queue){0, 0, 0};
}

static bool breaks(const rk__sync_object *object, uint32_t dead) {
    uint32_t holder = atomic_load_explicit(&object->holder, memory_order_relaxed);
    bool held = holder != 0 && rk__party_endpoint(holder - 1) == dead;
    return object->broken || held || object->kind == RK__KIND_BARRIER;
}

/* A condition was perhaps being made, or destroyed. */
static void count_users(rk__sync_machine *machine, rk__sync_object *lock) {
    rk__sync_object *object;
    lock->users = 0;
    for (uint32_t place = 0; (object = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        lock->users += object != lock && atomic_load_explicit(&object->serial, memory_order_relaxed) != 0;
}

static void clean_up_after(rk__sync_machine *machine, rk__sync_object *object, uint32_t dead) {
    object->broken = breaks(object, dead);
    count_users(machine, object);
    clear_queues(machine);
    for_all_slots(machine, object->broken ? grant_broken : rk__sync_append_again);
    if (object->broken)
        atomic_store_explicit(&object->holder, 0, memory_order_relaxed);
    else if (object->kind == RK__KIND_SEMAPHORE || object->kind == RK__KIND_EVENT)
        rk__sync_count_settle(machine, object);
    else
        rk__sync_lock_settle(machine, object);
    for (uint32_t place = 0; (object = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        rk__sync_tell_watchers(machine, object);
}

static void enter_guard(rk__sync_machine *machine, uint32_t place) {
    rk__sync_object *object = &machine->area->objects[place];
    uint32_t dead = get(object, 0, machine) ? RK__NOBODY : wait_for_guard(machine, object);
    machine->inside = place;
    if (dead != RK__NOBODY)
        clean_up_after(machine, object, dead);
}

rk__sync_object *rk__sync_next_guarded(rk__sync_machine *machine, uint32_t *place) {
    uint32_t end = atomic_load(&machine->area->end);
    for (; *place < end; ++*place) {
        rk__sync_object *object = &machine->area->objects[*place];
        if (rk__sync_lock_place(machine, object) == machine->inside)
            return object;
    }
    return NULL;
}

rk__sync_object *rk__sync_enter_place(rk__sync_machine *machine, uint32_t place) {
    rk__sync_object *object = &machine->area->objects[place];
    for (;;) {
        uint32_t lock = rk__sync_lock_place(machine, object);
        enter_guard(machine, lock);
        if (rk__sync_lock_place(machine, object) == lock)
            return object;
        rk__sync_leave(machine); /* another object took the place meanwhile */
    }
}

rk__sync_object *rk__sync_enter(rk__sync_machine *machine, uint64_t serial) {
    rk__sync_object *object = rk__sync_enter_place(machine, (uint32_t)(serial % RK__SYNC_PLACES));
    if (serial != 0 && atomic_load_explicit(&object->serial, memory_order_relaxed) == serial)
        return object;
    rk__sync_leave(machine);
    return NULL;
}

void rk__sync_leave(rk__sync_machine *machine) {
    atomic_store_explicit(&machine->area->objects[machine->inside].guard, 0, memory_order_release);
}

void rk__sync_tell_all(rk__sync_machine *machine) {
    for (uint32_t i = 0; i < machine->news_count; i++)
        machine->tell(machine->ctx, &machine->news[i]);
    machine->news_count = 0;
}
