#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#include "base/types.h"
#include "record/record_private.h"

static void add128(uint64_t sum[2], XXH128_hash_t hash) {
    sum[0] += hash.low64;
    sum[1] += hash.high64 + (sum[0] < hash.low64);
}

void rk__checksum_rows(uint64_t sum[2], const rk__column *column, uint64_t first_task, uint64_t count, const void *rows,
                       const uint8_t *status) {
    const char *row = rows;
    for (uint64_t i = 0; i < count; i++, row += column->row_bytes)
        if (status[i] == RK__TASK_OK)
            add128(sum, XXH3_128bits_withSeed(row, column->row_bytes, (first_task + i) | (uint64_t)column->id << 56));
}

bool rk__row_is_fill(const rk__column *column, const void *row) {
    static const unsigned char zero[8];
    const unsigned char *at = row, *fill = column->has_fill ? column->fill : zero;
    size_t width = rk__type_bytes(column->type);
    for (uint64_t e = 0; e < column->elements; e++)
        if (memcmp(at + e * width, fill, width) != 0)
            return false;
    return true;
}

void rk__checksum_failed(uint64_t sum[2], uint64_t task) {
    add128(sum, XXH3_128bits_withSeed("failed", 6, task | UINT64_C(255) << 56));
}

/* Of the stream's own memory, so that it need not be freed apart. */
static XXH3_state_t *state_of(rk__stream *stream) {
    return (XXH3_state_t *)(((uintptr_t)stream->state + 63) & ~(uintptr_t)63);
}

_Static_assert(sizeof(XXH3_state_t) + 63 <= sizeof((rk__stream){0}.state), "a stream holds its state");

void rk__stream_add(rk__stream *stream, uint32_t id, uint64_t task, const void *bytes, size_t size) {
    if (!stream->open) {
        stream->open = true;
        stream->task = task;
        stream->bytes = 0;
        XXH3_128bits_reset_withSeed(state_of(stream), task | (uint64_t)id << 56);
    }
    XXH3_128bits_update(state_of(stream), bytes, size);
    stream->bytes += size;
}

void rk__stream_end(rk__stream *stream, uint64_t hash[2]) {
    XXH128_hash_t got = XXH3_128bits_digest(state_of(stream));
    hash[0] = got.low64;
    hash[1] = got.high64;
    stream->open = false;
}

void rk__checksum_add(uint64_t sum[2], const uint64_t hash[2]) {
    add128(sum, (XXH128_hash_t){hash[0], hash[1]});
}

uint64_t rk__hash64(const void *bytes, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, size, seed);
}
