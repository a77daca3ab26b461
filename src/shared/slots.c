/* The table of the node's shared objects, in the arena. */
#include <string.h>

#include "shared/shared_private.h"

typedef struct slot {
    _Atomic uint64_t word;
    _Atomic uint64_t count, bytes;
    _Atomic uint32_t kind, type;
    _Alignas(8) unsigned char value[8];
    _Atomic uint32_t died; /* the generation whose home died */
    unsigned char pad[20];
} slot;
_Static_assert(sizeof(slot) == 64, "a slot is a cache line");

struct rk__shared_area {
    _Atomic uint32_t next; /* where to look for a free slot first */
    _Atomic uint32_t used; /* slots from here on were never claimed */
    unsigned char pad[56];
    slot slots[RK__SHARED_SLOTS];
    _Atomic uint64_t masks[RK__SHARED_SLOTS][RK__SHARED_MASK_WORDS];
};

size_t rk__slots_bytes(void) {
    return sizeof(rk__shared_area);
}

/* ---- the word: home, phase, generation ---- */

typedef enum phase { FREE = 0, CLAIMED, LIVE, GOING } phase;

enum { GENERATION_BITS = 30 };
#define GENERATION_MASK ((UINT64_C(1) << GENERATION_BITS) - 1)

static uint64_t word_of(uint32_t home, phase in, uint64_t generation) {
    return (uint64_t)home << 32 | (uint64_t)in << GENERATION_BITS | (generation & GENERATION_MASK);
}

static phase phase_of(uint64_t word) {
    return (phase)(word >> GENERATION_BITS & 3);
}

static uint64_t live_word(rk_ref ref) {
    return word_of(ref.home, LIVE, ref.serial >> RK__SHARED_SLOT_BITS);
}

static slot *slot_of(const rk__shared *shared, uint64_t serial) {
    return &shared->area->slots[rk__slot_number(serial)];
}

/* ---- claiming ---- */

static uint64_t next_generation(uint64_t word) {
    uint64_t next = (word + 1) & GENERATION_MASK;
    return next != 0 ? next : 1; /* a serial is never 0 */
}

static void raise_used(rk__shared_area *area, uint32_t to) {
    uint32_t used = atomic_load(&area->used);
    while (used < to && !atomic_compare_exchange_weak(&area->used, &used, to))
        ;
}

static bool claim(rk__shared *shared, uint32_t number, rk_ref *ref) {
    slot *it = &shared->area->slots[number];
    uint64_t word = atomic_load(&it->word), generation = next_generation(word);
    uint32_t me = rk__mail_endpoint(shared->mail);
    raise_used(shared->area, number + 1); /* before: who looks for what the dead have left looks there */
    if (phase_of(word) != FREE || !atomic_compare_exchange_strong(&it->word, &word, word_of(me, CLAIMED, generation)))
        return false;
    *ref = (rk_ref){generation << RK__SHARED_SLOT_BITS | number, me, ref->kind};
    atomic_store(&it->kind, ref->kind);
    atomic_store(&it->bytes, 0);
    for (int w = 0; w < RK__SHARED_MASK_WORDS; w++)
        if (atomic_load(&shared->area->masks[number][w]) != 0)
            atomic_store(&shared->area->masks[number][w], 0);
    return true;
}

static bool is_free(const rk__shared *shared, uint32_t number) {
    return phase_of(atomic_load(&shared->area->slots[number].word)) == FREE;
}

rk_status rk__slot_claim(rk__shared *shared, rk__kind kind, rk_ref *ref, rk_error *err) {
    uint32_t first = atomic_fetch_add(&shared->area->next, 1);
    rk_ref made = {.kind = (uint32_t)kind};
    for (uint32_t i = 0; i < RK__SHARED_SLOTS; i++) {
        uint32_t number = (first + i) % RK__SHARED_SLOTS;
        if (is_free(shared, number) && claim(shared, number, &made)) {
            if (i > 0)
                atomic_store(&shared->area->next, number + 1);
            *ref = made;
            return RK_OK;
        }
    }
    return rk__fail(err, RK_EFULL, "a %s: this node holds %d shared objects already: destroy those that are done with",
                    rk__kind_text((uint32_t)kind), RK__SHARED_SLOTS);
}

void *rk__slot_value(rk__shared *shared, rk_ref ref) {
    return slot_of(shared, ref.serial)->value;
}

void rk__slot_publish(rk__shared *shared, rk_ref ref, uint32_t type, uint64_t count, uint64_t bytes) {
    slot *it = slot_of(shared, ref.serial);
    atomic_store(&it->type, type);
    atomic_store(&it->count, count);
    atomic_store(&it->bytes, bytes);
    atomic_store(&it->word, live_word(ref));
}

/* ---- finding ---- */

/* The neighbours may know of a death before we do. */
static rk_status is_gone(slot *it, rk_ref ref, rk_error *err) {
    if (atomic_load(&it->died) == ref.serial >> RK__SHARED_SLOT_BITS)
        return rk__fail(err, RK_EDEAD, "process %u, where this %s lived, has died", ref.home, rk__kind_text(ref.kind));
    return rk__fail(err, RK_ENOENT, "this %s is no more: it was destroyed", rk__kind_text(ref.kind));
}

rk_status rk__slot_find(const rk__shared *shared, rk_ref ref, rk__facts *facts, rk_error *err) {
    slot *it = slot_of(shared, ref.serial);
    uint64_t wanted = live_word(ref), before = atomic_load(&it->word);
    uint32_t kind = atomic_load(&it->kind);
    *facts = (rk__facts){rk__slot_number(ref.serial), ref.serial, atomic_load(&it->type), atomic_load(&it->count),
                         atomic_load(&it->bytes),     it->value};
    bool valid = ref.serial >> (GENERATION_BITS + RK__SHARED_SLOT_BITS) == 0;
    if (!valid || before != wanted || atomic_load(&it->word) != wanted)
        return is_gone(it, ref, err);
    if (kind != ref.kind)
        return rk__fail(err, RK_EINVAL, "this is no %s, but a %s", rk__kind_text(ref.kind), rk__kind_text(kind));
    return RK_OK;
}

bool rk__slot_is_live(const rk__shared *shared, uint64_t serial) {
    uint64_t word = atomic_load(&slot_of(shared, serial)->word);
    return phase_of(word) == LIVE && (word & GENERATION_MASK) == serial >> RK__SHARED_SLOT_BITS;
}

/* ---- the end ---- */

void rk__slot_mark(rk__shared *shared, uint64_t serial) {
    atomic_fetch_or(&shared->area->masks[rk__slot_number(serial)][shared->my_bit / 64], UINT64_C(1)
                                                                                            << shared->my_bit % 64);
}

static void tell_to_unmap(rk__shared *shared, uint64_t serial, bool keep_if_pointed) {
    _Atomic uint64_t *mask = shared->area->masks[rk__slot_number(serial)];
    for (uint32_t i = 0; i < shared->neighbour_count; i++) {
        if (i == shared->my_bit || (atomic_load(&mask[i / 64]) >> i % 64 & 1) == 0)
            continue;
        rk__letter letter = {.to = shared->neighbours[i],
                             .room = RK__ROOM_SHARED,
                             .op = RK__SHARED_UNMAP,
                             .a = serial,
                             .b = keep_if_pointed};
        rk__mail_send(shared->mail, &letter, RK__PAYLOAD_COPY, NULL);
    }
}

static bool release(rk__shared *shared, uint32_t number, uint64_t word, bool keep_if_pointed) {
    slot *it = &shared->area->slots[number];
    uint64_t generation = word & GENERATION_MASK, serial = generation << RK__SHARED_SLOT_BITS | number;
    uint32_t me = rk__mail_endpoint(shared->mail);
    if (!atomic_compare_exchange_strong(&it->word, &word, word_of(me, GOING, generation)))
        return false;
    if (atomic_load(&it->kind) != RK__KIND_VALUE) {
        rk__segment_unlink(shared, number);
        tell_to_unmap(shared, serial, keep_if_pointed);
        rk__segment_unmap(shared, serial, keep_if_pointed);
    }
    atomic_store(&it->word, word_of(0, FREE, generation));
    return true;
}

bool rk__slot_release(rk__shared *shared, rk_ref ref) {
    uint64_t word = atomic_load(&slot_of(shared, ref.serial)->word);
    phase in = phase_of(word);
    bool ours = in == LIVE || (in == CLAIMED && ref.home == rk__mail_endpoint(shared->mail));
    return ours && word == word_of(ref.home, in, ref.serial >> RK__SHARED_SLOT_BITS) &&
           release(shared, rk__slot_number(ref.serial), word, ref.kind == RK__KIND_MEMORY);
}

void rk__slots_release_all(rk__shared *shared, uint32_t endpoint) {
    uint32_t used = atomic_load(&shared->area->used);
    for (uint32_t number = 0; number < used; number++) {
        uint64_t word = atomic_load(&shared->area->slots[number].word);
        if (phase_of(word) == FREE || word >> 32 != endpoint)
            continue;
        if (phase_of(word) == LIVE && endpoint != rk__mail_endpoint(shared->mail))
            atomic_store(&shared->area->slots[number].died, (uint32_t)(word & GENERATION_MASK));
        release(shared, number, word, true);
    }
}
