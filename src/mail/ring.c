#include "mail/ring.h"

#include <string.h>

#define LINE 64u

static size_t record_bytes(size_t payload) {
    return (sizeof(rk__ring_record) + payload + LINE - 1) / LINE * LINE;
}

size_t rk__ring_piece_max(size_t size) {
    return size / 4 - sizeof(rk__ring_record);
}

static rk__ring_record *record_at(unsigned char *data, size_t size, uint64_t position) {
    return (rk__ring_record *)(void *)(data + (position & (size - 1)));
}

bool rk__ring_write(rk__ring *ring, unsigned char *data, size_t size, const rk__fragment *head, const void *piece,
                    size_t bytes) {
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t wanted = record_bytes(bytes), to_end = size - (size_t)(tail & (size - 1));
    size_t skipped = wanted > to_end ? to_end : 0;
    if (tail - ring->seen_head + skipped + wanted > size) /* the reader's cache line stays the reader's */
        ring->seen_head = atomic_load(&ring->head);
    if (tail - ring->seen_head + skipped + wanted > size)
        return false;
    if (skipped > 0) {
        record_at(data, size, tail)->bytes = UINT64_MAX;
        tail += skipped;
    }
    rk__ring_record *record = record_at(data, size, tail);
    record->bytes = bytes;
    record->head = *head;
    if (bytes > 0)
        memcpy(record->payload, piece, bytes);
    atomic_store_explicit(&ring->tail, tail + wanted, memory_order_release);
    return true;
}

const rk__ring_record *rk__ring_read(rk__ring *ring, unsigned char *data, size_t size) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head == tail)
        return NULL;
    rk__ring_record *record = record_at(data, size, head);
    if (record->bytes != UINT64_MAX)
        return record;
    head += size - (size_t)(head & (size - 1));
    atomic_store_explicit(&ring->head, head, memory_order_release);
    return head == tail ? NULL : record_at(data, size, head);
}

void rk__ring_next(rk__ring *ring, const rk__ring_record *record) {
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    atomic_store_explicit(&ring->head, head + record_bytes((size_t)record->bytes), memory_order_seq_cst);
}

void rk__ring_reset(rk__ring *ring) {
    atomic_store(&ring->head, 0);
    atomic_store(&ring->tail, 0);
    ring->seen_head = 0;
    atomic_store(&ring->starved, 0);
}
