/* Requests to dictionaries and namespaces, where they live. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "manager/manager_private.h"

enum { KEY_SHOWN = 60 };

/* "key 'alpha'", "key of 4096 bytes". */
static const char *describe(rk_bytes key, char *buffer, size_t size) {
    const unsigned char *bytes = key.data;
    bool readable = key.size <= KEY_SHOWN;
    for (size_t i = 0; readable && i < key.size; i++)
        readable = isprint(bytes[i]) != 0;
    if (readable)
        snprintf(buffer, size, "'%.*s'", (int)key.size, key.size > 0 ? (const char *)key.data : "");
    else
        snprintf(buffer, size, "of %zu bytes", key.size);
    return buffer;
}

static rk__entry *find(rk__managed *object, const rk__request *request, rk__reply *reply) {
    char buffer[KEY_SHOWN + 16];
    rk__entry *entry = rk__table_find(&object->table, request->key);
    if (entry == NULL)
        rk__reply_refuse(
            reply, RK_ENOENT, "no %s %s: the %s has %zu", object->kind == RK__KIND_NAMESPACE ? "attribute" : "key",
            describe(request->key, buffer, sizeof buffer), rk__kind_text(object->kind), object->table.live);
    return entry;
}

static void lend(rk__reply *reply, const rk__entry *entry) {
    reply->bytes = entry->value;
    reply->size = entry->value_size;
    reply->borrowed = true;
}

static void set(rk__managed *object, rk__request *request, rk__reply *reply) {
    void *value;
    if (rk__request_take(request, &value, reply))
        reply->status = rk__table_set(&object->table, request->key, value, request->value.size);
}

static void get(rk__managed *object, rk__request *request, rk__reply *reply) {
    const rk__entry *entry = find(object, request, reply);
    if (entry != NULL)
        lend(reply, entry);
}

static void take_out(rk__managed *object, rk__request *request, rk__reply *reply) {
    rk__entry *entry = find(object, request, reply);
    if (entry == NULL)
        return;
    if (request->op == RK__DICT_POP) {
        reply->bytes = entry->value;
        reply->size = entry->value_size;
        entry->value = NULL;
    }
    rk__table_remove(&object->table, entry);
}

static void set_default(rk__managed *object, rk__request *request, rk__reply *reply) {
    if (rk__table_find(&object->table, request->key) == NULL)
        set(object, request, reply);
    if (reply->status == RK_OK)
        lend(reply, rk__table_find(&object->table, request->key));
}

static void replace_if(rk__managed *object, rk__request *request, rk__reply *reply) {
    const rk__entry *entry = find(object, request, reply);
    rk_bytes expected = request->expected;
    if (entry == NULL || entry->value_size != expected.size ||
        (expected.size > 0 && memcmp(entry->value, expected.data, expected.size) != 0))
        return;
    set(object, request, reply);
    reply->number = reply->status == RK_OK;
}

static void add(rk__managed *object, rk__request *request, rk__reply *reply) {
    uint64_t sum = 0; /* unsigned: it may go round */
    const rk__entry *entry = rk__table_find(&object->table, request->key);
    if (entry != NULL && entry->value_size != sizeof sum) {
        rk__reply_refuse(reply, RK_EINVAL, "the value has %zu bytes: no number of 8", entry->value_size);
        return;
    }
    if (entry != NULL)
        memcpy(&sum, entry->value, sizeof sum);
    sum += (uint64_t)request->number;
    reply->number = sum;
    if (entry != NULL) {
        memcpy(entry->value, &sum, sizeof sum);
        return;
    }
    request->value = rk_bytes_of(&sum, sizeof sum);
    set(object, request, reply);
}

static void snapshot(const rk__managed *object, bool values, rk__reply *reply) {
    const rk__table *table = &object->table;
    size_t size = sizeof(rk__pack_head);
    for (size_t i = 0; i < table->used; i++)
        if (table->entries[i].live)
            size += rk__pack_bytes(table->entries[i].key_size, values ? table->entries[i].value_size : 0);
    unsigned char *at = malloc(size);
    if (at == NULL) {
        rk__reply_refuse(reply, RK_ENOMEM, "no memory for a snapshot of %zu bytes", size);
        return;
    }
    reply->bytes = at;
    reply->size = size;
    rk__pack_head head = {table->live, true, values};
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    for (size_t i = 0; i < table->used; i++) {
        const rk__entry *entry = &table->entries[i];
        if (entry->live)
            rk__pack_add(&at, rk_bytes_of(entry->key, entry->key_size),
                         rk_bytes_of(entry->value, values ? entry->value_size : 0));
    }
}

void rk__dict_serve(rk__managed *object, rk__request *request, rk__reply *reply) {
    switch (request->op) {
    case RK__LENGTH:
        reply->number = object->table.live;
        break;
    case RK__CLEAR:
        rk__table_clear(&object->table);
        break;
    case RK__ITEMS:
    case RK__KEYS:
        snapshot(object, request->op == RK__ITEMS, reply);
        break;
    case RK__DICT_SET:
        set(object, request, reply);
        break;
    case RK__DICT_GET:
        get(object, request, reply);
        break;
    case RK__DICT_CONTAINS:
        reply->number = rk__table_find(&object->table, request->key) != NULL;
        break;
    case RK__DICT_DELETE:
    case RK__DICT_POP:
        take_out(object, request, reply);
        break;
    case RK__DICT_SETDEFAULT:
        set_default(object, request, reply);
        break;
    case RK__DICT_REPLACE_IF:
        replace_if(object, request, reply);
        break;
    case RK__DICT_ADD:
        add(object, request, reply);
        break;
    default:
        rk__reply_refuse(reply, RK_EINVAL, "a %s can't do that", rk__kind_text(object->kind));
    }
}
