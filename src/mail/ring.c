#include "mail/ring.h"

#include <stddef.h>
#include <string.h>

#define LINE 64u

/* A mark: from the top 16 bits of birth, 46 of the bytes of payload, 2 of what follows it. 0: nothing yet. */
enum { LETTER = 1, SMALL_LETTER = 2, AT_THE_START = 3, KINDS = 4, SMALL_BYTES = 8, BIRTH_SHIFT = 48 };

typedef struct letter {
    _Atomic uint64_t mark;
    rk__fragment head;
    uint64_t pad;
    unsigned char payload[];
} letter;

typedef struct small_letter { /* whole, so that size and offset need not be said */
    _Atomic uint64_t mark;
    uint32_t from, to;
    uint16_t room, op;
    int32_t status;
    uint64_t call, a, b, c;
    unsigned char payload[SMALL_BYTES];
} small_letter;

_Static_assert(offsetof(letter, payload) % 16 == 0, "payloads are aligned");
_Static_assert(sizeof(small_letter) == LINE, "a small letter is a line");

static bool is_small(const rk__fragment *head, size_t bytes) {
    return bytes <= SMALL_BYTES && bytes == head->size;
}

static size_t letter_bytes(size_t payload) {
    return (sizeof(letter) + payload + LINE - 1) / LINE * LINE;
}

/* Pieces of a letter are whole lines. */
size_t rk__ring_piece_max(size_t size) {
    return size / 4 - letter_bytes(0);
}

static void *place(unsigned char *data, size_t size, uint64_t position) {
    return data + (position & (size - 1));
}

static _Atomic uint64_t *mark_at(unsigned char *data, size_t size, uint64_t position) {
    return place(data, size, position);
}

static uint64_t mark_of(size_t bytes, uint64_t kind, uint32_t birth) {
    return (uint64_t)birth << BIRTH_SHIFT | (uint64_t)bytes * KINDS | kind;
}

static size_t bytes_of(uint64_t mark) {
    return (size_t)((mark & ((UINT64_C(1) << BIRTH_SHIFT) - 1)) / KINDS);
}

static void put_small(small_letter *record, const rk__fragment *head, const void *piece, size_t bytes) {
    record->from = head->from;
    record->to = head->to;
    record->room = head->room;
    record->op = head->op;
    record->status = head->status;
    record->call = head->call;
    record->a = head->a;
    record->b = head->b;
    record->c = head->c;
    if (bytes > 0)
        memcpy(record->payload, piece, bytes);
}

static void put(letter *record, const rk__fragment *head, const void *piece, size_t bytes) {
    record->head = *head;
    if (bytes > 0)
        memcpy(record->payload, piece, bytes);
}

bool rk__ring_write(rk__ring *ring, unsigned char *data, size_t size, const rk__fragment *head, const void *piece,
                    size_t bytes, uint32_t birth) {
    bool small = is_small(head, bytes);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t wanted = small ? LINE : letter_bytes(bytes), to_end = size - (size_t)(tail & (size - 1));
    size_t skipped = wanted > to_end ? to_end : 0, needed = skipped + wanted + LINE;
    if (tail - ring->seen_head + needed > size) /* the reader's cache line stays the reader's */
        ring->seen_head = atomic_load(&ring->head);
    if (tail - ring->seen_head + needed > size)
        return false;
    uint64_t at = tail + skipped;
    void *record = place(data, size, at);
    if (small)
        put_small(record, head, piece, bytes);
    else
        put(record, head, piece, bytes);
    uint64_t mark = mark_of(bytes, small ? SMALL_LETTER : LETTER, birth);
    atomic_store_explicit(mark_at(data, size, at + wanted), 0, memory_order_relaxed);
    atomic_store_explicit(mark_at(data, size, at), mark, memory_order_release);
    if (skipped > 0)
        atomic_store_explicit(mark_at(data, size, tail), AT_THE_START, memory_order_release);
    atomic_store_explicit(&ring->tail, at + wanted, memory_order_release);
    return true;
}

static void look_at_small(const small_letter *found, rk__ring_record *record) {
    record->head =
        (rk__fragment){found->from, found->to, found->room,   found->op, found->status, found->call, found->a,
                       found->b,    found->c,  record->bytes, 0};
    record->piece = found->payload;
}

static void look_at(const letter *found, rk__ring_record *record) {
    record->head = found->head;
    record->piece = found->payload;
}

/* The position behind what the mark stands for. */
static uint64_t behind(size_t size, uint64_t at, uint64_t mark) {
    if (mark == AT_THE_START)
        return at + size - (at & (size - 1));
    return at + (mark % KINDS == SMALL_LETTER ? LINE : letter_bytes(bytes_of(mark)));
}

bool rk__ring_read(rk__ring *ring, unsigned char *data, size_t size, rk__ring_record *record) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t mark = atomic_load_explicit(mark_at(data, size, head), memory_order_acquire);
    if (mark == AT_THE_START) {
        head = behind(size, head, mark);
        atomic_store_explicit(&ring->head, head, memory_order_release);
        mark = atomic_load_explicit(mark_at(data, size, head), memory_order_acquire);
    }
    if (mark == 0)
        return false;
    record->bytes = bytes_of(mark);
    record->birth = (uint32_t)(mark >> BIRTH_SHIFT);
    record->next = behind(size, head, mark);
    if (mark % KINDS == SMALL_LETTER)
        look_at_small(place(data, size, head), record);
    else
        look_at(place(data, size, head), record);
    return true;
}

void rk__ring_next(rk__ring *ring, const rk__ring_record *record) {
    atomic_store_explicit(&ring->head, record->next, memory_order_seq_cst);
}

void rk__ring_resume(rk__ring *ring, unsigned char *data, size_t size) {
    uint64_t tail = atomic_load(&ring->tail), mark;
    while ((mark = atomic_load(mark_at(data, size, tail))) != 0)
        tail = behind(size, tail, mark);
    ring->seen_head = atomic_load(&ring->head);
    atomic_store(&ring->tail, tail);
}

void rk__ring_forget(rk__ring *ring) {
    uint64_t tail = atomic_load(&ring->tail);
    if (tail > atomic_load(&ring->head)) /* else the writer has not said yet where it stands */
        atomic_store(&ring->head, tail);
}
