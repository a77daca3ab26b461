#include <stdlib.h>

#include "manager/manager_private.h"

static size_t padded(size_t size) {
    return (size + RK__PACK_ALIGNMENT - 1) / RK__PACK_ALIGNMENT * RK__PACK_ALIGNMENT;
}

size_t rk__pack_bytes(size_t key_size, size_t value_size) {
    return 2 * sizeof(uint64_t) + padded(key_size) + padded(value_size);
}

static void add_bytes(unsigned char **at, rk_bytes bytes) {
    if (bytes.size > 0)
        memcpy(*at, bytes.data, bytes.size);
    memset(*at + bytes.size, 0, padded(bytes.size) - bytes.size);
    *at += padded(bytes.size);
}

void rk__pack_add(unsigned char **at, rk_bytes key, rk_bytes value) {
    uint64_t sizes[2] = {key.size, value.size};
    memcpy(*at, sizes, sizeof sizes);
    *at += sizeof sizes;
    add_bytes(at, key);
    add_bytes(at, value);
}

void rk__pack_next(const unsigned char **at, rk_bytes *key, rk_bytes *value) {
    uint64_t sizes[2];
    memcpy(sizes, *at, sizeof sizes);
    *at += sizeof sizes;
    *key = rk_bytes_of(*at, (size_t)sizes[0]);
    *at += padded(key->size);
    *value = rk_bytes_of(*at, (size_t)sizes[1]);
    *at += padded(value->size);
}

rk_status rk__items_unpack(rk_items *items, void *pack, rk_error *err) {
    rk__pack_head head;
    rk_bytes *both;
    memcpy(&head, pack, sizeof head);
    rk_status status = rk__alloc((void **)&both, 2 * (size_t)head.count + 1, sizeof *both, "a snapshot", err);
    if (status != RK_OK) {
        free(pack);
        return status;
    }
    const unsigned char *at = (const unsigned char *)pack + sizeof head;
    for (size_t i = 0; i < head.count; i++)
        rk__pack_next(&at, &both[i], &both[head.count + i]);
    *items =
        (rk_items){(size_t)head.count, head.has_keys ? both : NULL, head.has_values ? both + head.count : NULL, pack};
    if (!head.has_keys) { /* so that what is freed is what was allocated */
        memmove(both, both + head.count, (size_t)head.count * sizeof *both);
        items->values = both;
    }
    return RK_OK;
}

void rk_items_free(rk_items *items) {
    if (items == NULL)
        return;
    free(items->keys != NULL ? items->keys : items->values);
    free(items->own);
    *items = (rk_items){0, NULL, NULL, NULL};
}
