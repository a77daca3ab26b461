#include "manager/table.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CAPACITY_FIRST = 8, SLOTS_PER_ENTRY = 2 };

static uint64_t hash_of(const rk__table *table, rk_bytes key) {
    return XXH3_64bits_withSeed(key.size > 0 ? key.data : "", key.size, table->seed);
}

static bool has_key(const rk__entry *entry, uint64_t hash, rk_bytes key) {
    return entry->live && entry->hash == hash && entry->key_size == key.size &&
           (key.size == 0 || memcmp(entry->key, key.data, key.size) == 0);
}

static rk__entry *find(const rk__table *table, uint64_t hash, rk_bytes key) {
    if (table->live == 0)
        return NULL;
    for (size_t slot = (size_t)hash & (table->slots - 1);; slot = (slot + 1) & (table->slots - 1)) {
        if (table->index[slot] == 0)
            return NULL;
        rk__entry *entry = &table->entries[table->index[slot] - 1];
        if (has_key(entry, hash, key))
            return entry;
    }
}

rk__entry *rk__table_find(const rk__table *table, rk_bytes key) {
    return find(table, hash_of(table, key), key);
}

static void enter(rk__table *table, size_t number) {
    size_t slot = (size_t)table->entries[number].hash & (table->slots - 1);
    while (table->index[slot] != 0)
        slot = (slot + 1) & (table->slots - 1);
    table->index[slot] = number + 1;
}

/* Without those that were removed, and with room for as many again. */
static bool rebuild(rk__table *table) {
    rk__table made = {.capacity = table->live < CAPACITY_FIRST / 2 ? CAPACITY_FIRST : table->live * 2};
    made.slots = CAPACITY_FIRST * SLOTS_PER_ENTRY;
    while (made.slots < made.capacity * SLOTS_PER_ENTRY)
        made.slots *= 2;
    made.entries = malloc(made.capacity * sizeof *made.entries);
    made.index = calloc(made.slots, sizeof *made.index);
    if (made.entries == NULL || made.index == NULL) {
        free(made.entries);
        free(made.index);
        return false;
    }
    for (size_t i = 0; i < table->used; i++)
        if (table->entries[i].live) {
            made.entries[made.used] = table->entries[i];
            enter(&made, made.used++);
        }
    made.live = made.used;
    made.seed = table->seed;
    free(table->entries);
    free(table->index);
    *table = made;
    return true;
}

static rk_status add(rk__table *table, uint64_t hash, rk_bytes key, void *value, size_t size) {
    void *copy = key.size > 0 ? malloc(key.size) : NULL;
    if ((key.size > 0 && copy == NULL) || (table->used == table->capacity && !rebuild(table))) {
        free(copy);
        free(value);
        return RK_ENOMEM;
    }
    if (key.size > 0)
        memcpy(copy, key.data, key.size);
    table->entries[table->used] = (rk__entry){hash, copy, value, key.size, size, true};
    enter(table, table->used++);
    table->live++;
    return RK_OK;
}

rk_status rk__table_set(rk__table *table, rk_bytes key, void *value, size_t size) {
    uint64_t hash = hash_of(table, key);
    rk__entry *entry = find(table, hash, key);
    if (entry == NULL)
        return add(table, hash, key, value, size);
    free(entry->value);
    entry->value = value;
    entry->value_size = size;
    return RK_OK;
}

void rk__table_remove(rk__table *table, rk__entry *entry) {
    free(entry->key);
    free(entry->value);
    entry->key = entry->value = NULL;
    entry->live = false;
    table->live--;
}

void rk__table_clear(rk__table *table) {
    for (size_t i = 0; i < table->used; i++) {
        free(table->entries[i].key);
        free(table->entries[i].value);
    }
    free(table->entries);
    free(table->index);
    *table = (rk__table){.seed = table->seed};
}
