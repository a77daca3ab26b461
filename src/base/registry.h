/* Things found by the home and the serial number of an object: a chained hash table of nodes that their owners embed.
 * It owns its buckets only. */
#ifndef RANKINE_REGISTRY_H
#define RANKINE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct rk__registered { /* first member of what is registered */
    struct rk__registered *next;
    uint64_t serial;
    uint32_t home;
} rk__registered;

typedef struct rk__registry { /* zeroed: empty */
    rk__registered **buckets;
    size_t bucket_count; /* a power of 2, or 0 */
    size_t count;
} rk__registry;

/* home and serial are set, and not registered yet. false: out of memory. */
bool rk__registry_add(rk__registry *registry, rk__registered *node);
/* NULL: not there. */
void *rk__registry_find(const rk__registry *registry, uint32_t home, uint64_t serial);
void rk__registry_remove(rk__registry *registry, rk__registered *node);
/* visit may remove (and free) the node it is given, no other one, and adds none. */
void rk__registry_each(rk__registry *registry, void (*visit)(void *node, void *ctx), void *ctx);
void rk__registry_fini(rk__registry *registry);

#endif
