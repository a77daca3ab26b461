#include "exec/exchange.h"

#include <string.h>

#define NAP_MIN_NS UINT64_C(10000)
#define NAP_MAX_NS UINT64_C(500000)

static uint64_t padded(uint64_t bytes) {
    return (bytes + 15) & ~UINT64_C(15);
}

static uint64_t kept_bytes(const rk__exchange_sizes *sizes) {
    return padded(sizeof(rk__kept) + sizes->fold_bytes);
}

size_t rk__exchange_bytes(const rk__exchange_sizes *sizes) {
    return (size_t)(padded(sizeof(rk__exchange)) + padded(sizes->message_bytes) + padded(sizes->row_bytes) +
                    padded(sizes->text_bytes) + 2 * kept_bytes(sizes));
}

void rk__exchange_init(rk__exchange *exchange, const rk__exchange_sizes *sizes) {
    uint64_t at = padded(sizeof *exchange);
    exchange->messages.at = at;
    exchange->messages.size = padded(sizes->message_bytes);
    exchange->rows.at = at + exchange->messages.size;
    exchange->rows.size = padded(sizes->row_bytes);
    exchange->text_at = exchange->rows.at + exchange->rows.size;
    exchange->kept_at = exchange->text_at + padded(sizes->text_bytes);
    exchange->kept_bytes = kept_bytes(sizes);
}

char *rk__exchange_text(rk__exchange *exchange) {
    return (char *)exchange + exchange->text_at;
}

rk__kept *rk__exchange_kept(rk__exchange *exchange, uint64_t slot) {
    return (rk__kept *)((char *)exchange + exchange->kept_at + (slot & 1) * exchange->kept_bytes);
}

void rk__exchange_reset(rk__exchange *exchange) {
    atomic_store(&exchange->messages.tail, atomic_load(&exchange->messages.head));
    atomic_store(&exchange->rows.tail, atomic_load(&exchange->rows.head));
    atomic_store(&exchange->watch.task, 0);
    atomic_store(&exchange->fault_signal, 0);
}

/* ---- the worker's side ---- */

static bool has_room(rk__ring *ring, uint64_t end) {
    return end - atomic_load_explicit(&ring->tail, memory_order_acquire) <= ring->size;
}

/* A task that emits may come here from within the kernel: it is not timed meanwhile. */
static void wait_for_room(rk__exchange_writer *writer, rk__ring *ring, uint64_t end) {
    if (has_room(ring, end))
        return;
    _Atomic uint64_t *since_ns = &writer->exchange->watch.since_ns;
    uint64_t begin = rk__clock_ns(), since = atomic_exchange(since_ns, 0), nap_ns = NAP_MIN_NS;
    for (; !has_room(ring, end); nap_ns = nap_ns < NAP_MAX_NS ? 2 * nap_ns : NAP_MAX_NS)
        rk__sleep_ns(nap_ns);
    uint64_t waited = rk__clock_ns() - begin;
    writer->waited_ns += waited;
    if (since > 0)
        atomic_store(since_ns, since + waited);
}

/* Where `bytes` fit without a break: here, or at the begin of the ring's next turn. */
static uint64_t place_in(const rk__ring *ring, uint64_t head, uint64_t bytes) {
    uint64_t left = ring->size - head % ring->size;
    return left < bytes ? head + left : head;
}

static char *at_place(rk__exchange *exchange, const rk__ring *ring, uint64_t place) {
    return (char *)exchange + ring->at + place % ring->size;
}

uint64_t rk__exchange_batch_bytes(const rk__schema *schema, uint64_t count) {
    uint64_t bytes = 0;
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep)
            bytes += padded(count * schema->columns[c].row_bytes);
    return bytes;
}

/* Each column of a batch begins at a multiple of 16. */
static void point_at(char *memory, const rk__schema *schema, uint64_t count, void **rows) {
    for (size_t c = 0; c < schema->column_count; c++) {
        rows[c] = schema->columns[c].keep ? memory : NULL;
        if (schema->columns[c].keep)
            memory += padded(count * schema->columns[c].row_bytes);
    }
}

void rk__exchange_put(rk__exchange_writer *writer, const rk__message *message, const void *payload, size_t bytes,
                      const void *more, size_t more_bytes) {
    rk__exchange *exchange = writer->exchange;
    rk__ring *ring = &exchange->messages;
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t need = sizeof *message + padded(bytes + more_bytes), place = place_in(ring, head, need);
    wait_for_room(writer, ring, place + need);
    if (place > head) {
        rk__message skip = {.kind = RK__MESSAGE_SKIP};
        memcpy(at_place(exchange, ring, head), &skip, sizeof skip.kind);
    }
    rk__message whole = *message;
    whole.bytes = (uint32_t)(bytes + more_bytes);
    char *to = at_place(exchange, ring, place);
    memcpy(to, &whole, sizeof whole);
    if (bytes > 0)
        memcpy(to + sizeof whole, payload, bytes);
    if (more_bytes > 0)
        memcpy(to + sizeof whole + bytes, more, more_bytes);
    atomic_store_explicit(&ring->head, place + need, memory_order_release);
}

void rk__exchange_finish_batch(rk__exchange_writer *writer) {
    if (!writer->has_batch)
        return;
    writer->has_batch = false;
    rk__ring *ring = &writer->exchange->rows;
    atomic_store_explicit(&ring->head, writer->batch_end, memory_order_release);
    rk__message message = {.kind = RK__MESSAGE_ROWS,
                           .task = writer->batch_first,
                           .count = writer->batch_count,
                           .column = writer->batch_at};
    rk__exchange_put(writer, &message, NULL, 0, NULL, 0);
}

void rk__exchange_rows(rk__exchange_writer *writer, uint64_t first, uint64_t count, void **rows) {
    rk__exchange_finish_batch(writer);
    rk__ring *ring = &writer->exchange->rows;
    uint64_t need = rk__exchange_batch_bytes(writer->schema, count);
    if (need == 0) { /* no rows are kept */
        point_at(NULL, writer->schema, count, rows);
        return;
    }
    uint64_t place = place_in(ring, atomic_load_explicit(&ring->head, memory_order_relaxed), need);
    wait_for_room(writer, ring, place + need);
    writer->batch_at = place;
    writer->batch_end = place + need;
    writer->batch_first = first;
    writer->batch_count = count;
    writer->has_batch = true;
    point_at(at_place(writer->exchange, ring, place), writer->schema, count, rows);
}

/* ---- the rank's side ---- */

bool rk__exchange_next(rk__exchange *exchange, rk__message *message, const void **payload) {
    rk__ring *ring = &exchange->messages;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    while (tail != atomic_load_explicit(&ring->head, memory_order_acquire)) {
        const char *from = at_place(exchange, ring, tail);
        memcpy(&message->kind, from, sizeof message->kind);
        if (message->kind != RK__MESSAGE_SKIP) {
            memcpy(message, from, sizeof *message);
            *payload = from + sizeof *message;
            return true;
        }
        tail += ring->size - tail % ring->size;
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
    }
    return false;
}

void rk__exchange_taken(rk__exchange *exchange) {
    rk__ring *ring = &exchange->messages;
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    rk__message message;
    memcpy(&message, at_place(exchange, ring, tail), sizeof message);
    atomic_store_explicit(&ring->tail, tail + sizeof message + padded(message.bytes), memory_order_release);
}

bool rk__exchange_holds_rows(const rk__exchange *exchange, const rk__schema *schema, const rk__message *message) {
    uint64_t bytes = rk__exchange_batch_bytes(schema, message->count), size = exchange->rows.size;
    return size > 0 && bytes <= size && message->column % size <= size - bytes;
}

void rk__exchange_take_rows(rk__exchange *exchange, const rk__schema *schema, const rk__message *message,
                            void *const *rows) {
    void *from[RK__COLUMNS_MAX];
    rk__ring *ring = &exchange->rows;
    point_at(at_place(exchange, ring, message->column), schema, message->count, from);
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep && rows[c] != NULL)
            memcpy(rows[c], from[c], (size_t)(message->count * schema->columns[c].row_bytes));
    atomic_store_explicit(&ring->tail, message->column + rk__exchange_batch_bytes(schema, message->count),
                          memory_order_release);
}
