/* A list in memory: a row of places, then the words of their contents. Only the home changes it, under its lock; others
 * of the node read it as it stands. A place's sequence is odd while it is changed: who finds it odd, or changed
 * afterwards, looks again (a sequence lock; Lameter, "Effective synchronization on Linux/NUMA systems", 2005, section
 * 2.5). All words are atomic: stores release and loads acquire, so that who sees new contents sees the odd number too.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "shared/shared_private.h"

typedef _Atomic uint64_t word;

typedef struct place {
    word sequence;
    word kind, size, bits;
    uint64_t words, at; /* its capacity; where, in bytes from the list's beginning */
} place;

enum { WORD = 8, LOOKS = 1000 };

static uint64_t words_for(uint64_t size) {
    return size / WORD + (size % WORD != 0);
}

static bool has_bytes(uint32_t kind) {
    return kind == RK_SHARED_STRING || kind == RK_SHARED_BYTES;
}

/* As Python: a string has room for at least one byte more than it is long. */
static uint64_t place_words(const rk_shared_item *item) {
    return has_bytes((uint32_t)item->kind) ? (uint64_t)item->size / WORD + 1 : 1;
}

static place *place_of(unsigned char *memory, uint64_t index) {
    return (place *)(void *)memory + index;
}

static word *contents(unsigned char *memory, const place *at) {
    return (word *)(void *)(memory + at->at);
}

/* ---- making ---- */

static rk_status check(const rk_shared_item *item, uint64_t index, rk_error *err) {
    if ((unsigned)item->kind > RK_SHARED_BYTES)
        return rk__fail(err, RK_EINVAL, "item %llu is of kind %d, which there is none of", (unsigned long long)index,
                        (int)item->kind);
    if (has_bytes((uint32_t)item->kind) && item->size > SIZE_MAX / 4)
        return rk__fail(err, RK_EINVAL, "item %llu: %zu bytes: no memory is that large", (unsigned long long)index,
                        item->size);
    if (has_bytes((uint32_t)item->kind) && item->bytes == NULL && item->size > 0)
        return rk__fail(err, RK_EINVAL, "item %llu: %zu bytes at NULL", (unsigned long long)index, item->size);
    return RK_OK;
}

rk_status rk__items_bytes(const rk_shared_item *items, uint64_t count, uint64_t *bytes, rk_error *err) {
    uint64_t sum;
    bool fits = rk__mul_u64(count, sizeof(place), &sum);
    for (uint64_t i = 0; fits && i < count; i++) {
        RK_TRY(check(&items[i], i, err));
        fits = rk__add_u64(sum, place_words(&items[i]) * WORD, &sum);
    }
    if (!fits)
        return rk__fail(err, RK_EINVAL, "%llu items: no memory is that large", (unsigned long long)count);
    *bytes = sum;
    return RK_OK;
}

static rk__item_head head_of(const rk_shared_item *item) {
    rk__item_head head = {.kind = (uint32_t)item->kind};
    if (item->kind == RK_SHARED_BOOL)
        head.bits = item->b;
    else if (item->kind == RK_SHARED_INT)
        head.bits = (uint64_t)item->i;
    else if (item->kind == RK_SHARED_FLOAT)
        memcpy(&head.bits, &item->f, sizeof head.bits);
    else if (has_bytes(head.kind))
        head.size = item->size;
    return head;
}

static void store(unsigned char *memory, place *at, const rk__item_head *head, const unsigned char *bytes) {
    word *to = contents(memory, at);
    atomic_fetch_add(&at->sequence, 1);
    atomic_store_explicit(&at->kind, head->kind, memory_order_release);
    atomic_store_explicit(&at->size, head->size, memory_order_release);
    atomic_store_explicit(&at->bits, head->bits, memory_order_release);
    for (uint64_t done = 0; done < head->size; done += WORD) {
        uint64_t value = 0, left = head->size - done;
        memcpy(&value, bytes + done, left < WORD ? (size_t)left : WORD);
        atomic_store_explicit(to++, value, memory_order_release);
    }
    atomic_fetch_add(&at->sequence, 1);
}

void rk__items_init(unsigned char *memory, const rk_shared_item *items, uint64_t count) {
    uint64_t at = count * sizeof(place);
    for (uint64_t i = 0; i < count; i++) {
        place *it = place_of(memory, i);
        rk__item_head head = head_of(&items[i]);
        it->words = place_words(&items[i]);
        it->at = at;
        at += it->words * WORD;
        store(memory, it, &head, items[i].bytes);
    }
}

/* ---- reading ---- */

/* false: it changed meanwhile. */
static bool load(unsigned char *memory, place *at, rk__item_head *into) {
    unsigned char *bytes = (unsigned char *)(into + 1);
    uint64_t before = atomic_load_explicit(&at->sequence, memory_order_acquire);
    if (before % 2 != 0)
        return false;
    into->kind = (uint32_t)atomic_load_explicit(&at->kind, memory_order_acquire);
    into->size = atomic_load_explicit(&at->size, memory_order_acquire);
    into->bits = atomic_load_explicit(&at->bits, memory_order_acquire);
    const word *from = contents(memory, at);
    for (uint64_t i = 0; i < words_for(into->size); i++) {
        uint64_t value = atomic_load_explicit(from++, memory_order_acquire);
        memcpy(bytes + i * WORD, &value, WORD);
    }
    return atomic_load_explicit(&at->sequence, memory_order_relaxed) == before;
}

rk__item_head *rk__items_get(unsigned char *memory, uint64_t index, bool *busy) {
    place *at = place_of(memory, index);
    rk__item_head *item = calloc(1, sizeof *item + (size_t)(at->words * WORD));
    *busy = false;
    for (int looks = 0; item != NULL && looks < LOOKS; looks++)
        if (load(memory, at, item))
            return item;
    *busy = item != NULL;
    free(item);
    return NULL;
}

/* ---- changing ---- */

rk_status rk__items_set(unsigned char *memory, uint64_t index, const rk__item_head *item, rk_error *err) {
    place *at = place_of(memory, index);
    if (item->size > at->words * WORD)
        return rk__fail(err, RK_EOVERFLOW,
                        "%llu bytes do not fit into item %llu, which was made for %llu: make the list with longer ones",
                        (unsigned long long)item->size, (unsigned long long)index,
                        (unsigned long long)(at->words * WORD));
    store(memory, at, item, (const unsigned char *)(item + 1));
    return RK_OK;
}

/* ---- comparing, as Python does ---- */

static bool is_whole(uint32_t kind) {
    return kind == RK_SHARED_BOOL || kind == RK_SHARED_INT;
}

static double float_of(const rk__item_head *item) {
    double value;
    memcpy(&value, &item->bits, sizeof value);
    return value;
}

static bool whole_is_float(int64_t whole, double value) {
    return value >= -0x1p63 && value < 0x1p63 && trunc(value) == value && (int64_t)value == whole;
}

static bool are_equal(const rk__item_head *a, const rk__item_head *b) {
    if (is_whole(a->kind) && is_whole(b->kind))
        return a->bits == b->bits;
    if (a->kind == RK_SHARED_FLOAT && b->kind == RK_SHARED_FLOAT)
        return float_of(a) == float_of(b);
    if (is_whole(a->kind) && b->kind == RK_SHARED_FLOAT)
        return whole_is_float((int64_t)a->bits, float_of(b));
    if (a->kind == RK_SHARED_FLOAT && is_whole(b->kind))
        return whole_is_float((int64_t)b->bits, float_of(a));
    return a->kind == b->kind && a->size == b->size && memcmp(a + 1, b + 1, (size_t)a->size) == 0;
}

rk_status rk__items_find(unsigned char *memory, uint64_t count, const rk__item_head *item, uint64_t *found,
                         uint64_t *first, rk_error *err) {
    *found = 0;
    for (uint64_t i = 0; i < count; i++) {
        bool busy;
        rk__item_head *other = rk__items_get(memory, i, &busy);
        if (other == NULL)
            return rk__fail(err, RK_ENOMEM, "no memory for an item");
        if (are_equal(other, item) && (*found)++ == 0)
            *first = i;
        free(other);
    }
    return RK_OK;
}

/* ---- on the way ---- */

rk_status rk__item_pack(const rk_shared_item *item, rk__item_head **packed, uint64_t *size, rk_error *err) {
    RK_TRY(check(item, 0, err));
    rk__item_head head = head_of(item), *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof head + (size_t)head.size, "an item", err));
    *made = head;
    if (head.size > 0)
        memcpy(made + 1, item->bytes, (size_t)head.size);
    *packed = made;
    *size = sizeof head + head.size;
    return RK_OK;
}
