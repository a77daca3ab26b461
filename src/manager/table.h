/* Bytes by bytes, in the order in which keys were first set: an array of entries, and an index of it that is probed
 * linearly. An entry that is removed keeps its slot until the table is rebuilt, so that probing goes on past it.
 *
 * Source: R. Hettinger, "More compact dictionaries with faster iteration" (python-dev, 2012). Hash: XXH3 with a seed of
 * the table's own, so that keys that fall on one slot can't be made beforehand. */
#ifndef RANKINE_TABLE_OF_BYTES_H
#define RANKINE_TABLE_OF_BYTES_H

#include <stdbool.h>

#include <rankine/bytes.h>

#include "base/base.h"

typedef struct rk__entry {
    uint64_t hash;
    void *key, *value; /* malloc'ed; NULL if they have no bytes */
    size_t key_size, value_size;
    bool live;
} rk__entry;

typedef struct rk__table { /* zeroed, but for the seed: empty */
    rk__entry *entries;
    size_t used, capacity, live; /* entries: written, there is room for, not removed */
    size_t *index;               /* [slots] of an entry, plus 1; 0: free */
    size_t slots;                /* a power of 2, more than used */
    uint64_t seed;
} rk__table;

/* NULL: no such key. Valid until the table changes. */
rk__entry *rk__table_find(const rk__table *table, rk_bytes key);
/* Takes the value, also on failure (RK_ENOMEM: nothing has changed). */
rk_status rk__table_set(rk__table *table, rk_bytes key, void *value, size_t size);
void rk__table_remove(rk__table *table, rk__entry *entry);
void rk__table_clear(rk__table *table);

#endif
