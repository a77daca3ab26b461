/* Values, arrays, memory, lists of fixed length; dictionaries, lists, namespaces: with totals that are known. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rankine/bytes.h>

#include "stress.h"

static int64_t some_amount(actor *who) {
    return (int64_t)below(&who->random, 2001) - 1000;
}

void add_to_value(actor *who) {
    int64_t delta = some_amount(who), before;
    int64_t *totals = who->books->totals[who->set];
    if (below(&who->random, 3) > 0) {
        if (met(who, rk_value_add_i64(who->on->sum, delta, &before, &who->err), 0, "add"))
            totals[ADDED] += delta;
    } else if (met(who, rk_value_add_f64(who->on->floated, (double)delta, NULL, &who->err), 0, "add, floating")) {
        totals[FLOATED] += delta;
    }
}

void swap_value(actor *who) {
    int64_t delta = some_amount(who), expected;
    bool swapped = false;
    if (!met(who, rk_value_get_i64(who->on->swapped, &expected, &who->err), 0, "get"))
        return;
    for (int tries = 0; tries < 20 && !swapped; tries++)
        if (!met(who, rk_value_compare_swap_i64(who->on->swapped, &expected, expected + delta, &swapped, &who->err), 0,
                 "compare_swap"))
            return;
    if (swapped)
        who->books->totals[who->set][SWAPPED] += delta;
}

void exchange_token(actor *who) {
    int64_t mine = bag_is_empty(who) ? 0 : (int64_t)take_from_bag(who) + 1, before;
    if (met(who, rk_value_exchange_i64(who->on->held, mine, &before, &who->err), 0, "exchange") && before > 0)
        put_into_bag(who, (uint32_t)(before - 1));
}

void add_to_element(actor *who) {
    int64_t delta = some_amount(who), before, sum;
    uint64_t index = below(&who->random, ELEMENTS);
    bool swapped = false;
    if (below(&who->random, 3) > 0) {
        swapped = met(who, rk_array_add_i64(who->on->elements, index, delta, &before, &who->err), 0, "add");
    } else if (met(who, rk_array_get_i64(who->on->elements, index, 1, &before, &who->err), 0, "get")) {
        sum = before + delta;
        if (!met(who, rk_array_compare_swap_i64(who->on->elements, index, &before, sum, &swapped, &who->err), 0,
                 "compare_swap"))
            return;
    }
    if (swapped)
        who->books->totals[who->set][ELEMENT + index] += delta;
}

/* ---- memory ---- */

static void fill_range(unsigned char *bytes, uint64_t seed) {
    for (size_t i = 0; i < RANGE_BYTES; i += sizeof seed) {
        uint64_t word = next_random(&seed);
        memcpy(bytes + i, &word, sizeof word);
    }
}

bool range_is(const unsigned char *bytes, uint64_t seed) {
    unsigned char expected[RANGE_BYTES];
    fill_range(expected, seed);
    return memcmp(bytes, expected, RANGE_BYTES) == 0;
}

static bool memory_of(actor *who, rk_memory *memory) {
    char name[32];
    *memory = who->on->memory;
    if (below(&who->random, 10) > 0)
        return true;
    snprintf(name, sizeof name, "stress-%d", who->set);
    return met(who, rk_memory_attach(memory, name, &who->err), 0, "attach");
}

/* The pointer is of use until somebody on this rank closes the memory: there is no call in between. */
static void look_by_pointer(actor *who, rk_memory memory, uint64_t at) {
    void *p;
    if (met(who, rk_memory_pointer(memory, &p, &who->err), BIT(RK_EUNSUPPORTED), "pointer")) {
        uint64_t seed = who->books->range_seed[who->set];
        holds(who, seed == 0 || range_is((const unsigned char *)p + at, seed),
              "memory is not what was written, seen directly");
    }
    if (below(&who->random, 10) == 0)
        met(who, rk_memory_close(memory, &who->err), 0, "close");
}

void use_memory(actor *who) {
    uint64_t *seed = &who->books->range_seed[who->set];
    uint64_t at = (uint64_t)who->number * RANGE_BYTES;
    unsigned char range[RANGE_BYTES];
    rk_memory memory;
    if (!memory_of(who, &memory))
        return;
    if (below(&who->random, 3) == 0)
        look_by_pointer(who, memory, at);
    if (*seed != 0 && met(who, rk_memory_read(memory, at, RANGE_BYTES, range, &who->err), 0, "read"))
        holds(who, range_is(range, *seed), "memory is not what was written");
    uint64_t fresh = next_random(&who->random) | 1;
    fill_range(range, fresh);
    if (met(who, rk_memory_write(memory, at, RANGE_BYTES, range, &who->err), 0, "write"))
        *seed = fresh;
}

/* A text is some equal letters: it is read and set as a whole. */
void use_texts(actor *who) {
    char text[TEXT_MAX + 1];
    uint64_t index = below(&who->random, ACTORS_MAX);
    rk_shared_item item = {.kind = RK_SHARED_STRING, .bytes = text, .size = below(&who->random, TEXT_MAX)};
    if (below(&who->random, 2) == 0) {
        memset(text, (int)('a' + below(&who->random, 26)), sizeof text);
        met(who, rk_shared_list_set(who->on->texts, index, &item, &who->err), 0, "set a text");
        return;
    }
    if (!met(who, rk_shared_list_get(who->on->texts, index, &item, text, sizeof text, &who->err), 0, "get a text"))
        return;
    for (size_t i = 1; i < item.size; i++)
        if (!holds(who, text[i] == text[0], "half of one text and half of another"))
            return;
}

/* ---- dictionaries, lists, namespaces ---- */

static rk_bytes key_of(char *text, size_t size, char kind, uint64_t number) {
    snprintf(text, size, "%c%llu", kind, (unsigned long long)number);
    return rk_text(text);
}

static void first_is_first(actor *who) {
    int64_t mine = who->number, *known = &who->first[who->set];
    void *now;
    size_t size;
    if (!met(who,
             rk_dict_setdefault(who->on->counts, rk_text("first"), rk_bytes_of(&mine, sizeof mine), &now, &size,
                                &who->err),
             0, "setdefault"))
        return;
    if (holds(who, size == sizeof mine, "a default of another size")) {
        memcpy(&mine, now, sizeof mine);
        holds(who, *known < 0 || *known == mine, "a default changed");
        *known = mine;
    }
    rk_free(now);
}

void count_in_dict(actor *who) {
    char text[32];
    rk_bytes key = key_of(text, sizeof text, 'k', below(&who->random, KEYS));
    int64_t delta = some_amount(who), old, sum;
    bool replaced = false;
    switch (below(&who->random, 6)) {
    case 0:
        first_is_first(who);
        return;
    case 1:
        if (!met(who, rk_dict_get_i64(who->on->counts, key, &old, &who->err), BIT(RK_ENOENT), "get"))
            return;
        sum = old + delta;
        met(who,
            rk_dict_replace_if(who->on->counts, key, rk_bytes_of(&old, sizeof old), rk_bytes_of(&sum, sizeof sum),
                               &replaced, &who->err),
            0, "replace_if");
        break;
    default:
        replaced = met(who, rk_dict_add_i64(who->on->counts, key, delta, &sum, &who->err), 0, "add");
    }
    if (replaced)
        who->books->totals[who->set][COUNTED] += delta;
}

static void token_into_dict(actor *who) {
    char text[32], value[300];
    uint32_t token = take_from_bag(who);
    memset(value, 'v', sizeof value);
    memcpy(value, &token, sizeof token);
    met(who,
        rk_dict_set(who->on->tokens, key_of(text, sizeof text, 't', token),
                    rk_bytes_of(value, 4 + below(&who->random, 290)), &who->err),
        0, "set");
}

static void token_out_of_dict(actor *who) {
    rk_items items;
    void *value;
    size_t size;
    rk_status status = below(&who->random, 2) > 0 ? rk_dict_keys(who->on->tokens, &items, &who->err)
                                                  : rk_dict_items(who->on->tokens, &items, &who->err);
    if (!met(who, status, 0, "keys"))
        return;
    if (items.count > 0) {
        rk_bytes key = items.keys[below(&who->random, items.count)];
        if (met(who, rk_dict_pop(who->on->tokens, key, &value, &size, &who->err), BIT(RK_ENOENT), "pop")) {
            uint32_t token;
            memcpy(&token, value, sizeof token);
            put_into_bag(who, token);
            rk_free(value);
        }
    }
    rk_items_free(&items);
}

void token_by_dict(actor *who) {
    if (!bag_is_empty(who) && below(&who->random, 2) > 0)
        token_into_dict(who);
    else if (!bag_is_full(who))
        token_out_of_dict(who);
}

static void token_into_list(actor *who) {
    uint32_t token = take_from_bag(who);
    rk_bytes bytes = rk_bytes_of(&token, sizeof token);
    rk_status status;
    switch (below(&who->random, 3)) {
    case 0:
        status = rk_list_insert(who->on->list, (int64_t)below(&who->random, 20) - 10, bytes, &who->err);
        break;
    case 1:
        status = rk_list_extend(who->on->list, &bytes, 1, &who->err);
        break;
    default:
        status = rk_list_append(who->on->list, bytes, &who->err);
    }
    met(who, status, 0, "append");
}

static void token_out_of_list(actor *who) {
    int64_t index = (int64_t)below(&who->random, 4) - 2;
    void *value;
    size_t size;
    uint32_t token;
    if (!met(who, rk_list_pop(who->on->list, index, &value, &size, &who->err), BIT(RK_EINVAL), "pop"))
        return;
    memcpy(&token, value, sizeof token);
    rk_free(value);
    put_into_bag(who, token);
}

void token_by_list(actor *who) {
    size_t length;
    if (below(&who->random, 8) == 0)
        met(who, rk_list_length(who->on->list, &length, &who->err), 0, "length");
    if (!bag_is_empty(who) && below(&who->random, 2) > 0)
        token_into_list(who);
    else if (!bag_is_full(who))
        token_out_of_list(who);
}

/* Each actor has a name of its own, which nobody else sets. */
void use_names(actor *who) {
    char name[32];
    int64_t *mine = &who->named[who->set], found;
    rk_items items;
    snprintf(name, sizeof name, "a%d", who->number);
    if (met(who, rk_namespace_get_i64(who->on->names, name, &found, &who->err), *mine == 0 ? BIT(RK_ENOENT) : 0, "get"))
        holds(who, found == *mine, "a name has another value");
    if (below(&who->random, 10) == 0 && met(who, rk_namespace_items(who->on->names, &items, &who->err), 0, "vars"))
        rk_items_free(&items);
    int64_t fresh = (int64_t)who->books->operations;
    if (met(who, rk_namespace_set_i64(who->on->names, name, fresh, &who->err), 0, "set"))
        *mine = fresh;
}
