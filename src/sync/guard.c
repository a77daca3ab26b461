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

static bool get(rk__sync_object *object, uint32_t from, uint32_t me) {
    return atomic_compare_exchange_strong_explicit(&object->guard, &from, me + 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* From one who died inside. We are never inside twice: if it bears our number, it was a process before us. */
static bool take_over(rk__sync_machine *machine, rk__sync_object *object) {
    uint32_t who = atomic_load_explicit(&object->guard, memory_order_relaxed);
    if (who == 0 || (who - 1 != machine->me && !machine->is_gone(machine->ctx, who - 1)))
        return false;
    return get(object, who, machine->me);
}

/* false: got it as it should be. true: from the dead. */
static bool wait_for_guard(rk__sync_machine *machine, rk__sync_object *object) {
    for (unsigned looks = 1; !get(object, 0, machine->me); looks++) {
        if (looks % LOOKS_PER_CHECK == 0 && take_over(machine, object))
            return true;
        if (looks < SPINS)
            relax();
        else
            sched_yield();
    }
    return false;
}

/* The step that died inside may have left any queue in any state: slots tell who waits. */
static void clear_queues(rk__sync_machine *machine) {
    rk__sync_object *object;
    for (uint32_t place = 0; (object = rk__sync_next_guarded(machine, &place)) != NULL; place++)
        object->entry = object->sleepers = (rk__sync_queue){0, 0, 0};
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

static void grant_all_slots(rk__sync_machine *machine) {
    for (uint32_t endpoint = 0; endpoint < machine->endpoints; endpoint++) {
        uint64_t used = rk__sync_used(machine, endpoint);
        for (uint32_t strand = 0; used != 0; strand++, used >>= 1) {
            uint32_t party = endpoint * RK__STRANDS_MAX + strand;
            if ((used & 1) && rk__sync_waits_here(machine, rk__sync_slot_of(machine, party)))
                rk__sync_grant(machine, party, RK_EBROKEN, 0);
        }
    }
}

static void enter_guard(rk__sync_machine *machine, uint32_t place) {
    rk__sync_object *object = &machine->area->objects[place];
    bool from_the_dead = !get(object, 0, machine->me) && wait_for_guard(machine, object);
    machine->inside = place;
    if (from_the_dead) {
        object->broken = true;
        clear_queues(machine);
        grant_all_slots(machine);
        rk__sync_tell_watchers(machine, object);
    }
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
