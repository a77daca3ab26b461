/* The functions of lists. */
#include <stdlib.h>

#include "manager/manager_private.h"

rk_status rk_list_create(rk_list *list, rk_error *err) {
    RK__NEED(list, err);
    return rk__manager_make(RK__KIND_LIST, &list->ref, err);
}

/* ---- requests, each with what is wanted of its reply ---- */

static rk_status change(rk_list list, rk__request request, rk_error *err) {
    return rk__manager_do(list.ref, RK__KIND_LIST, &request, err);
}

static rk_status ask(rk_list list, rk__request request, size_t *size, rk_error *err) {
    uint64_t number;
    RK_TRY(rk__manager_ask(list.ref, RK__KIND_LIST, &request, &number, err));
    *size = (size_t)number;
    return RK_OK;
}

static rk_status append(rk_list list, rk_bytes value, rk_error *err) {
    return change(list, (rk__request){.op = RK__LIST_INSERT, .number = INT64_MAX, .value = value}, err);
}

static rk_status get_word(rk_list list, int64_t index, void *word, rk_error *err) {
    return rk__manager_get_word(list.ref, RK__KIND_LIST, &(rk__request){.op = RK__LIST_GET, .number = index}, word,
                                err);
}

/* ---- the whole ---- */

rk_status rk_list_destroy(rk_list list, rk_error *err) {
    return change(list, (rk__request){.op = RK__DESTROY}, err);
}

rk_status rk_list_clear(rk_list list, rk_error *err) {
    return change(list, (rk__request){.op = RK__CLEAR}, err);
}

rk_status rk_list_length(rk_list list, size_t *length, rk_error *err) {
    RK__NEED(length, err);
    return ask(list, (rk__request){.op = RK__LENGTH}, length, err);
}

rk_status rk_list_items(rk_list list, rk_items *items, rk_error *err) {
    RK__NEED(items, err);
    return rk__manager_items(list.ref, RK__KIND_LIST, RK__ITEMS, items, err);
}

/* ---- elements ---- */

rk_status rk_list_append(rk_list list, rk_bytes value, rk_error *err) {
    RK__NEED_BYTES(value.data, value.size, err);
    return append(list, value, err);
}

rk_status rk_list_insert(rk_list list, int64_t index, rk_bytes value, rk_error *err) {
    RK__NEED_BYTES(value.data, value.size, err);
    return change(list, (rk__request){.op = RK__LIST_INSERT, .number = index, .value = value}, err);
}

rk_status rk_list_extend(rk_list list, const rk_bytes *values, size_t count, rk_error *err) {
    RK__NEED_BYTES(values, count, err);
    rk__pack_head head = {count, false, true};
    size_t size = sizeof head;
    for (size_t i = 0; i < count; i++)
        RK__NEED_BYTES(values[i].data, values[i].size, err);
    for (size_t i = 0; i < count; i++)
        size += rk__pack_bytes(0, values[i].size);
    unsigned char *pack;
    RK_TRY(rk__alloc((void **)&pack, size, 1, "the elements", err));
    unsigned char *at = pack + sizeof head;
    memcpy(pack, &head, sizeof head);
    for (size_t i = 0; i < count; i++)
        rk__pack_add(&at, rk_bytes_of(NULL, 0), values[i]);
    rk_status status = change(list, (rk__request){.op = RK__LIST_EXTEND, .value = rk_bytes_of(pack, size)}, err);
    free(pack);
    return status;
}

rk_status rk_list_get(rk_list list, int64_t index, void **value, size_t *size, rk_error *err) {
    RK__NEED(value, err);
    rk__request request = {.op = RK__LIST_GET, .number = index};
    return rk__manager_get(list.ref, RK__KIND_LIST, &request, value, size, err);
}

rk_status rk_list_pop(rk_list list, int64_t index, void **value, size_t *size, rk_error *err) {
    RK__NEED(value, err);
    rk__request request = {.op = RK__LIST_POP, .number = index};
    return rk__manager_get(list.ref, RK__KIND_LIST, &request, value, size, err);
}

rk_status rk_list_set(rk_list list, int64_t index, rk_bytes value, rk_error *err) {
    RK__NEED_BYTES(value.data, value.size, err);
    return change(list, (rk__request){.op = RK__LIST_SET, .number = index, .value = value}, err);
}

rk_status rk_list_delete(rk_list list, int64_t index, rk_error *err) {
    return change(list, (rk__request){.op = RK__LIST_DELETE, .number = index}, err);
}

rk_status rk_list_index(rk_list list, rk_bytes value, size_t *index, rk_error *err) {
    RK__NEED_BYTES(value.data, value.size, err);
    RK__NEED(index, err);
    return ask(list, (rk__request){.op = RK__LIST_INDEX, .value = value}, index, err);
}

/* ---- numbers and text ---- */

rk_status rk_list_append_i64(rk_list list, int64_t value, rk_error *err) {
    return append(list, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_list_append_f64(rk_list list, double value, rk_error *err) {
    return append(list, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_list_append_text(rk_list list, const char *value, rk_error *err) {
    RK__NEED(value, err);
    return append(list, rk_text(value), err);
}

rk_status rk_list_get_i64(rk_list list, int64_t index, int64_t *value, rk_error *err) {
    RK__NEED(value, err);
    return get_word(list, index, value, err);
}

rk_status rk_list_get_f64(rk_list list, int64_t index, double *value, rk_error *err) {
    RK__NEED(value, err);
    return get_word(list, index, value, err);
}

rk_status rk_list_get_text(rk_list list, int64_t index, char **value, rk_error *err) {
    RK__NEED(value, err);
    rk__request request = {.op = RK__LIST_GET, .number = index};
    return rk__manager_get_text(list.ref, RK__KIND_LIST, &request, value, err);
}
