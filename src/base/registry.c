#include "base/registry.h"

#include <stdlib.h>

/* Serial numbers count up: a multiplication spreads them (Knuth, The Art of Computer Programming 3, section 6.4). */
static size_t bucket_of(const rk__registry *registry, uint32_t home, uint64_t serial) {
    uint64_t mixed = (serial ^ (uint64_t)home << 40) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 32) & (registry->bucket_count - 1);
}

static void put(rk__registry *registry, rk__registered *node) {
    rk__registered **bucket = &registry->buckets[bucket_of(registry, node->home, node->serial)];
    node->next = *bucket;
    *bucket = node;
}

static bool grow(rk__registry *registry) {
    rk__registry larger = {.bucket_count = registry->bucket_count > 0 ? registry->bucket_count * 2 : 16};
    larger.buckets = calloc(larger.bucket_count, sizeof(rk__registered *));
    if (larger.buckets == NULL)
        return registry->bucket_count > 0; /* fuller than it should be, but it works */
    for (size_t i = 0; i < registry->bucket_count; i++)
        for (rk__registered *node = registry->buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            put(&larger, node);
        }
    larger.count = registry->count;
    free(registry->buckets);
    *registry = larger;
    return true;
}

bool rk__registry_add(rk__registry *registry, rk__registered *node) {
    if (registry->count >= registry->bucket_count && !grow(registry))
        return false;
    put(registry, node);
    registry->count++;
    return true;
}

void *rk__registry_find(const rk__registry *registry, uint32_t home, uint64_t serial) {
    if (registry->count == 0)
        return NULL;
    rk__registered *node = registry->buckets[bucket_of(registry, home, serial)];
    while (node != NULL && (node->serial != serial || node->home != home))
        node = node->next;
    return node;
}

void rk__registry_remove(rk__registry *registry, rk__registered *node) {
    rk__registered **at = &registry->buckets[bucket_of(registry, node->home, node->serial)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    registry->count--;
}

void rk__registry_each(rk__registry *registry, void (*visit)(void *node, void *ctx), void *ctx) {
    for (size_t i = 0; i < registry->bucket_count; i++)
        for (rk__registered *node = registry->buckets[i], *next; node != NULL; node = next) {
            next = node->next;
            visit(node, ctx);
        }
}

void rk__registry_fini(rk__registry *registry) {
    free(registry->buckets);
    *registry = (rk__registry){0};
}
