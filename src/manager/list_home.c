/* Requests to lists, where they live. */
#include <stdlib.h>

#include "manager/manager_private.h"

void rk__list_clear(rk__managed *object) {
    for (size_t i = 0; i < object->count; i++)
        free(object->elements[i].bytes);
    free(object->elements);
    object->elements = NULL;
    object->count = object->capacity = 0;
}

static bool reserve(rk__managed *object, size_t more, rk__reply *reply) {
    size_t wanted = object->count + more, capacity = object->capacity > 0 ? object->capacity : 8;
    if (wanted <= object->capacity)
        return true;
    while (capacity < wanted)
        capacity *= 2;
    rk__element *grown = realloc(object->elements, capacity * sizeof *grown);
    if (grown == NULL) {
        rk__reply_refuse(reply, RK_ENOMEM, "no memory for a list of %zu elements", wanted);
        return false;
    }
    object->elements = grown;
    object->capacity = capacity;
    return true;
}

/* Which one an index means; NULL: none, the reply says so. */
static rk__element *find(rk__managed *object, int64_t index, rk__reply *reply) {
    int64_t count = (int64_t)object->count, at = index < 0 ? index + count : index;
    if (at >= 0 && at < count)
        return &object->elements[at];
    if (count == 0)
        rk__reply_refuse(reply, RK_EINVAL, "index %lld: the list is empty", (long long)index);
    else
        rk__reply_refuse(reply, RK_EINVAL, "index %lld: the list has %zu elements, %lld to %lld", (long long)index,
                         object->count, -(long long)count, (long long)count - 1);
    return NULL;
}

static void insert(rk__managed *object, rk__request *request, rk__reply *reply) {
    int64_t count = (int64_t)object->count, at = request->number < 0 ? request->number + count : request->number;
    size_t place = at < 0 ? 0 : at > count ? object->count : (size_t)at;
    void *value;
    if (!reserve(object, 1, reply) || !rk__request_take(request, &value, reply))
        return;
    memmove(object->elements + place + 1, object->elements + place, (object->count - place) * sizeof *object->elements);
    object->elements[place] = (rk__element){value, request->value.size};
    object->count++;
}

static bool copy_in(rk__managed *object, rk_bytes value) {
    void *copy = value.size > 0 ? malloc(value.size) : NULL;
    if (value.size > 0 && copy == NULL)
        return false;
    if (value.size > 0)
        memcpy(copy, value.data, value.size);
    object->elements[object->count++] = (rk__element){copy, value.size};
    return true;
}

static void extend(rk__managed *object, const rk__request *request, rk__reply *reply) {
    rk__pack_head head;
    rk_bytes key, value;
    size_t before = object->count;
    const unsigned char *at = request->value.data;
    memcpy(&head, at, sizeof head);
    at += sizeof head;
    if (!reserve(object, (size_t)head.count, reply))
        return;
    for (uint64_t i = 0; i < head.count; i++) {
        rk__pack_next(&at, &key, &value);
        if (copy_in(object, value))
            continue;
        while (object->count > before) /* all or none */
            free(object->elements[--object->count].bytes);
        rk__reply_refuse(reply, RK_ENOMEM, "no memory for %llu elements", (unsigned long long)head.count);
        return;
    }
}

static void get(rk__managed *object, const rk__request *request, rk__reply *reply) {
    const rk__element *element = find(object, request->number, reply);
    if (element == NULL)
        return;
    reply->bytes = element->bytes;
    reply->size = element->size;
    reply->borrowed = true;
}

static void set(rk__managed *object, rk__request *request, rk__reply *reply) {
    void *value;
    rk__element *element = find(object, request->number, reply);
    if (element == NULL || !rk__request_take(request, &value, reply))
        return;
    free(element->bytes);
    *element = (rk__element){value, request->value.size};
}

static void take_out(rk__managed *object, const rk__request *request, rk__reply *reply) {
    rk__element *element = find(object, request->number, reply);
    if (element == NULL)
        return;
    if (request->op == RK__LIST_POP) {
        reply->bytes = element->bytes;
        reply->size = element->size;
    } else {
        free(element->bytes);
    }
    object->count--;
    memmove(element, element + 1, (size_t)(object->elements + object->count - element) * sizeof *element);
}

static void index_of(const rk__managed *object, const rk__request *request, rk__reply *reply) {
    rk_bytes value = request->value;
    for (size_t i = 0; i < object->count; i++)
        if (object->elements[i].size == value.size &&
            (value.size == 0 || memcmp(object->elements[i].bytes, value.data, value.size) == 0)) {
            reply->number = i;
            return;
        }
    rk__reply_refuse(reply, RK_ENOENT, "none of the list's %zu elements has that value", object->count);
}

static void snapshot(const rk__managed *object, rk__reply *reply) {
    size_t size = sizeof(rk__pack_head);
    for (size_t i = 0; i < object->count; i++)
        size += rk__pack_bytes(0, object->elements[i].size);
    unsigned char *at = malloc(size);
    if (at == NULL) {
        rk__reply_refuse(reply, RK_ENOMEM, "no memory for a snapshot of %zu bytes", size);
        return;
    }
    reply->bytes = at;
    reply->size = size;
    rk__pack_head head = {object->count, false, true};
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    for (size_t i = 0; i < object->count; i++)
        rk__pack_add(&at, rk_bytes_of(NULL, 0), rk_bytes_of(object->elements[i].bytes, object->elements[i].size));
}

void rk__list_serve(rk__managed *object, rk__request *request, rk__reply *reply) {
    switch (request->op) {
    case RK__LENGTH:
        reply->number = object->count;
        break;
    case RK__CLEAR:
        rk__list_clear(object);
        break;
    case RK__ITEMS:
        snapshot(object, reply);
        break;
    case RK__LIST_INSERT:
        insert(object, request, reply);
        break;
    case RK__LIST_EXTEND:
        extend(object, request, reply);
        break;
    case RK__LIST_GET:
        get(object, request, reply);
        break;
    case RK__LIST_SET:
        set(object, request, reply);
        break;
    case RK__LIST_POP:
    case RK__LIST_DELETE:
        take_out(object, request, reply);
        break;
    case RK__LIST_INDEX:
        index_of(object, request, reply);
        break;
    default:
        rk__reply_refuse(reply, RK_EINVAL, "a %s can't do that", rk__kind_text(object->kind));
    }
}
