#include "sync/machine_private.h"

static _Atomic uint64_t *used_words(const rk__sync_machine *machine) {
    return (_Atomic uint64_t *)(void *)(machine->area + 1);
}

static size_t used_bytes(uint32_t endpoints) {
    return ((size_t)endpoints * sizeof(uint64_t) + 127) / 128 * 128;
}

size_t rk__sync_area_bytes(uint32_t endpoints) {
    return sizeof(rk__sync_area) + used_bytes(endpoints) + (size_t)endpoints * RK__STRANDS_MAX * sizeof(rk__sync_slot);
}

rk__sync_slot *rk__sync_slot_of(const rk__sync_machine *machine, uint32_t party) {
    unsigned char *slots = (unsigned char *)(machine->area + 1) + used_bytes(machine->endpoints);
    return (rk__sync_slot *)(void *)slots + party;
}

uint64_t rk__sync_used(const rk__sync_machine *machine, uint32_t endpoint) {
    return atomic_load_explicit(&used_words(machine)[endpoint], memory_order_relaxed);
}

void rk__sync_use(rk__sync_machine *machine, uint32_t party) {
    _Atomic uint64_t *word = &used_words(machine)[rk__party_endpoint(party)];
    uint64_t bit = UINT64_C(1) << party % RK__STRANDS_MAX;
    if ((atomic_load_explicit(word, memory_order_relaxed) & bit) == 0)
        atomic_fetch_or(word, bit);
}

/* ---- lists ---- */

static rk__sync_queue *queue_of(rk__sync_machine *machine, const rk__sync_slot *slot) {
    rk__sync_object *object = &machine->area->objects[atomic_load_explicit(&slot->object, memory_order_relaxed) - 1];
    return slot->in_sleep ? &object->sleepers : &object->entry;
}

void rk__sync_append(rk__sync_machine *machine, rk__sync_object *object, rk__sync_queue *queue, uint32_t party) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    atomic_store_explicit(&slot->object, rk__sync_place(machine, object) + 1, memory_order_relaxed);
    slot->serial = atomic_load_explicit(&object->serial, memory_order_relaxed);
    slot->in_sleep = queue == &object->sleepers;
    slot->next = 0;
    slot->previous = queue->last;
    if (queue->last != 0)
        rk__sync_slot_of(machine, queue->last - 1)->next = party + 1;
    else
        queue->first = party + 1;
    queue->last = party + 1;
    queue->count++;
}

void rk__sync_remove(rk__sync_machine *machine, uint32_t party) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    rk__sync_queue *queue = queue_of(machine, slot);
    if (slot->previous != 0)
        rk__sync_slot_of(machine, slot->previous - 1)->next = slot->next;
    else
        queue->first = slot->next;
    if (slot->next != 0)
        rk__sync_slot_of(machine, slot->next - 1)->previous = slot->previous;
    else
        queue->last = slot->previous;
    queue->count--;
}

void rk__sync_append_again(rk__sync_machine *machine, uint32_t party) {
    const rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    uint32_t object = atomic_load_explicit(&slot->object, memory_order_relaxed);
    rk__sync_append(machine, &machine->area->objects[object - 1], queue_of(machine, slot), party);
}

uint32_t rk__sync_pop(rk__sync_machine *machine, rk__sync_queue *queue) {
    uint32_t party = queue->first - 1;
    rk__sync_remove(machine, party);
    return party;
}

/* ---- standing and being told ---- */

rk__sync_slot *rk__sync_stand(rk__sync_machine *machine, rk__sync_object *object, const rk__sync_request *request,
                              rk__sync_reply *reply) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, request->party);
    rk__sync_use(machine, request->party);
    slot->call = request->call; /* before the rest: see tell_again */
    slot->home = atomic_load_explicit(&object->home, memory_order_relaxed) - 1;
    slot->value = 0;
    slot->depth = 1;
    slot->slept = slot->acts = false;
    rk__sync_append(machine, object, &object->entry, request->party);
    atomic_store_explicit(&slot->state, RK__SLOT_WAITING, memory_order_release);
    reply->pending = true;
    return slot;
}

static void note(rk__sync_machine *machine, rk__sync_news news) {
    if (machine->news_count == RK__SYNC_NEWS_MAX)
        rk__sync_tell_all(machine); /* many at once: better inside than not */
    machine->news[machine->news_count++] = news;
}

void rk__sync_grant(rk__sync_machine *machine, uint32_t party, rk_status status, uint64_t value) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    uint64_t call = slot->call;
    uint32_t home = slot->home;
    slot->status = (int32_t)status;
    slot->value = value;
    slot->granter = machine->me + 1;
    atomic_store(&slot->state, RK__SLOT_DONE); /* from now on the slot is its party's */
    note(machine, (rk__sync_news){party, home, call, status, value});
}

void rk__sync_grant_queue(rk__sync_machine *machine, rk__sync_queue *queue, rk_status status) {
    while (queue->first != 0)
        rk__sync_grant(machine, rk__sync_pop(machine, queue), status, 0);
}

void rk__sync_tell_watchers(rk__sync_machine *machine, rk__sync_object *object) {
    uint64_t serial = atomic_load_explicit(&object->serial, memory_order_relaxed);
    uint32_t home = atomic_load_explicit(&object->home, memory_order_relaxed);
    if (!object->watched || home == 0)
        return;
    object->watched = false;
    note(machine, (rk__sync_news){RK__NOBODY, home - 1, 0, RK_OK, serial});
}

bool rk__sync_waits_here(rk__sync_machine *machine, const rk__sync_slot *slot) {
    if (atomic_load_explicit(&slot->state, memory_order_acquire) != RK__SLOT_WAITING)
        return false;
    uint32_t object = atomic_load_explicit(&slot->object, memory_order_relaxed);
    return rk__sync_lock_place(machine, &machine->area->objects[object - 1]) == machine->inside;
}

bool rk__sync_is_done(const rk__sync_machine *machine, uint32_t party) {
    return atomic_load(&rk__sync_slot_of(machine, party)->state) == RK__SLOT_DONE;
}

rk_status rk__sync_take(rk__sync_machine *machine, uint32_t party, uint64_t *value) {
    rk__sync_slot *slot = rk__sync_slot_of(machine, party);
    *value = slot->value;
    rk_status status = (rk_status)slot->status;
    atomic_store_explicit(&slot->state, RK__SLOT_IDLE, memory_order_release);
    return status;
}
