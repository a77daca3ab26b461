#include "sync/machine_private.h"

static rk__sync_object *object_of(rk__sync_machine *machine, const rk__sync_slot *slot) {
    uint32_t place = atomic_load_explicit(&slot->object, memory_order_relaxed);
    return place == 0 ? NULL : &machine->area->objects[place - 1];
}

static rk__sync_slot_state state_of(const rk__sync_slot *slot) {
    return (rk__sync_slot_state)atomic_load_explicit(&slot->state, memory_order_acquire);
}

/* Inside the guard of where the slot waits; NULL: it does not, and we are not inside. */
static rk__sync_object *enter_where_it_waits(rk__sync_machine *machine, const rk__sync_slot *slot) {
    while (state_of(slot) == RK__SLOT_WAITING) {
        rk__sync_object *object = object_of(machine, slot);
        rk__sync_enter_place(machine, rk__sync_place(machine, object));
        if (rk__sync_waits_here(machine, slot)) /* perhaps in another queue of this guard by now */
            return object_of(machine, slot);
        rk__sync_leave(machine);
    }
    return NULL;
}

void rk__sync_withdraw(rk__sync_machine *machine, uint32_t party) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    rk__sync_object *object = enter_where_it_waits(machine, slot);
    if (object == NULL)
        return;
    rk__sync_remove(machine, party);
    atomic_store(&slot->state, RK__SLOT_IDLE);
    if (object->kind == RK__KIND_BARRIER) /* who runs its action counts on those who came */
        rk__sync_break(machine, object);
    rk__sync_leave(machine);
}

void rk__sync_cancel(rk__sync_machine *machine, uint32_t party, uint64_t call) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    rk__sync_object *object = enter_where_it_waits(machine, slot);
    if (object == NULL)
        return;
    if (slot->call == call) {
        rk__sync_remove(machine, party);
        if (slot->slept)
            rk__sync_grant(machine, party, RK_OK, slot->value | (uint64_t)slot->depth << 32);
        else
            rk__sync_grant(machine, party, RK_ETIMEDOUT, 0);
        if (object->kind == RK__KIND_BARRIER)
            rk__sync_break(machine, object);
    }
    rk__sync_leave(machine);
}

/* ---- a process died: what its parties waited for and had not seen ---- */

/* Who queued and was given the lock after its death never had it: the next one gets it. */
static void give_back(rk__sync_machine *machine, rk__sync_slot *slot, uint32_t party) {
    rk__sync_object *object = slot->call == 0 ? rk__sync_enter(machine, slot->serial) : NULL;
    if (object == NULL)
        return;
    if (state_of(slot) == RK__SLOT_DONE && slot->status == RK_OK && !object->broken) {
        bool has_lock = atomic_load_explicit(&object->holder, memory_order_relaxed) == party + 1;
        atomic_store(&slot->state, RK__SLOT_IDLE); /* should we die now, a unit is lost rather than given twice */
        if (object->kind == RK__KIND_SEMAPHORE)
            rk__sync_count_release(machine, object, 1);
        else if (has_lock && object->kind != RK__KIND_BARRIER)
            rk__sync_lock_pass_on(machine, object);
    }
    atomic_store(&slot->state, RK__SLOT_IDLE);
    rk__sync_leave(machine);
}

static void lose_party(rk__sync_machine *machine, uint32_t party, bool neighbour) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    if (!neighbour && slot->home != machine->me)
        return;
    rk__sync_withdraw(machine, party);
    if (neighbour && state_of(slot) == RK__SLOT_DONE)
        give_back(machine, slot, party);
}

/* ---- barriers it came to ---- */

typedef enum parting { PARTING_DIED, PARTING_LEFT } parting;

static void part(rk__sync_machine *machine, uint32_t party, parting how, uint32_t home) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    for (int i = 0; i < RK__SYNC_BARRIERS; i++) {
        uint64_t serial = atomic_load_explicit(&slot->barriers[i], memory_order_relaxed);
        rk__sync_object *object = serial != 0 ? rk__sync_enter(machine, serial) : NULL;
        if (object == NULL)
            continue; /* never came, or the barrier is no more */
        if (home == RK__NOBODY || atomic_load_explicit(&object->home, memory_order_relaxed) == home + 1) {
            atomic_store_explicit(&slot->barriers[i], 0, memory_order_relaxed);
            if (how == PARTING_DIED)
                rk__sync_break(machine, object);
        }
        rk__sync_leave(machine);
    }
}

/* ---- objects ---- */

static bool is_of(_Atomic uint32_t *party, uint32_t endpoint) {
    uint32_t who = atomic_load_explicit(party, memory_order_relaxed);
    return who != 0 && rk__party_endpoint(who - 1) == endpoint;
}

static bool concerns(rk__sync_object *object, uint32_t endpoint) {
    return atomic_load_explicit(&object->home, memory_order_relaxed) == endpoint + 1 ||
           rk__sync_inside(object) == endpoint || is_of(&object->holder, endpoint);
}

static void lose_in(rk__sync_machine *machine, uint32_t place, uint32_t endpoint) {
    rk__sync_object *object = rk__sync_enter_place(machine, place);
    if (atomic_load_explicit(&object->home, memory_order_relaxed) == endpoint + 1)
        rk__sync_unmake(machine, object, RK_EDEAD);
    else if (is_of(&object->holder, endpoint))
        rk__sync_break(machine, object);
    rk__sync_leave(machine);
}

static void lose_objects(rk__sync_machine *machine, uint32_t endpoint, bool neighbour) {
    uint32_t end = atomic_load(&machine->area->end);
    for (uint32_t place = 0; place < end; place++) {
        rk__sync_object *object = &machine->area->objects[place];
        bool mine = atomic_load_explicit(&object->home, memory_order_relaxed) == machine->me + 1;
        if ((neighbour || mine) && concerns(object, endpoint))
            lose_in(machine, place, endpoint);
    }
}

/* ---- what it was about to tell parties of other nodes ---- */

static void tell_again(rk__sync_machine *machine, uint32_t party, uint32_t dead) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    uint64_t call = slot->call;
    if (call == 0 || state_of(slot) != RK__SLOT_DONE || slot->granter != dead + 1 || slot->home != machine->me)
        return;
    rk__sync_news news = {party, machine->me, call, (rk_status)slot->status, slot->value};
    if (slot->call == call) /* all of this was of one and the same wait */
        machine->tell(machine->ctx, &news);
}

void rk__sync_tell_again(rk__sync_machine *machine, uint32_t dead) {
    for (uint32_t endpoint = 0; endpoint < machine->endpoints; endpoint++) {
        uint64_t used = rk__sync_used(machine, endpoint);
        for (uint32_t strand = 0; used != 0; strand++, used >>= 1)
            if (used & 1)
                tell_again(machine, endpoint * RK__STRANDS_MAX + strand, dead);
    }
}

void rk__sync_died(rk__sync_machine *machine, uint32_t endpoint, bool neighbour) {
    uint64_t used = rk__sync_used(machine, endpoint);
    for (uint32_t strand = 0; used != 0; strand++, used >>= 1) {
        if ((used & 1) == 0)
            continue;
        uint32_t party = endpoint * RK__STRANDS_MAX + strand;
        lose_party(machine, party, neighbour);
        part(machine, party, PARTING_DIED, neighbour ? RK__NOBODY : machine->me);
    }
    lose_objects(machine, endpoint, neighbour);
    if (neighbour)
        rk__sync_tell_again(machine, endpoint);
    rk__sync_tell_all(machine);
}

void rk__sync_left(rk__sync_machine *machine, uint32_t endpoint, uint32_t home) {
    uint64_t used = rk__sync_used(machine, endpoint);
    for (uint32_t strand = 0; used != 0; strand++, used >>= 1)
        if (used & 1)
            part(machine, endpoint * RK__STRANDS_MAX + strand, PARTING_LEFT, home);
    rk__sync_tell_all(machine);
}
