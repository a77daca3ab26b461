#define XXH_INLINE_ALL
#include <xxhash.h>

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

void rk__checksum_failed(uint64_t sum[2], uint64_t task) {
    add128(sum, XXH3_128bits_withSeed("failed", 6, task | UINT64_C(255) << 56));
}

uint64_t rk__hash64(const void *bytes, size_t size, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, size, seed);
}
