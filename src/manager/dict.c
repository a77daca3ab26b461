/* The functions of dictionaries. */
#include <stdlib.h>

#include "manager/manager_private.h"

rk_status rk_dict_create(rk_dict *dict, rk_error *err) {
    RK__NEED(dict, err);
    return rk__manager_make(RK__KIND_DICT, &dict->ref, err);
}

/* ---- requests, each with what is wanted of its reply ---- */

static rk_status change(rk_dict dict, rk__request request, rk_error *err) {
    return rk__manager_do(dict.ref, RK__KIND_DICT, &request, err);
}

static rk_status ask(rk_dict dict, rk__request request, uint64_t *number, rk_error *err) {
    return rk__manager_ask(dict.ref, RK__KIND_DICT, &request, number, err);
}

static rk_status set(rk_dict dict, rk_bytes key, rk_bytes value, rk_error *err) {
    return change(dict, (rk__request){.op = RK__DICT_SET, .key = key, .value = value}, err);
}

static rk_status get_word(rk_dict dict, rk_bytes key, void *word, rk_error *err) {
    return rk__manager_get_word(dict.ref, RK__KIND_DICT, &(rk__request){.op = RK__DICT_GET, .key = key}, word, err);
}

/* ---- the whole ---- */

rk_status rk_dict_destroy(rk_dict dict, rk_error *err) {
    return change(dict, (rk__request){.op = RK__DESTROY}, err);
}

rk_status rk_dict_clear(rk_dict dict, rk_error *err) {
    return change(dict, (rk__request){.op = RK__CLEAR}, err);
}

rk_status rk_dict_length(rk_dict dict, size_t *length, rk_error *err) {
    RK__NEED(length, err);
    uint64_t number;
    RK_TRY(ask(dict, (rk__request){.op = RK__LENGTH}, &number, err));
    *length = (size_t)number;
    return RK_OK;
}

rk_status rk_dict_keys(rk_dict dict, rk_items *items, rk_error *err) {
    RK__NEED(items, err);
    return rk__manager_items(dict.ref, RK__KIND_DICT, RK__KEYS, items, err);
}

rk_status rk_dict_items(rk_dict dict, rk_items *items, rk_error *err) {
    RK__NEED(items, err);
    return rk__manager_items(dict.ref, RK__KIND_DICT, RK__ITEMS, items, err);
}

/* ---- one key ---- */

rk_status rk_dict_set(rk_dict dict, rk_bytes key, rk_bytes value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED_BYTES(value.data, value.size, err);
    return set(dict, key, value, err);
}

rk_status rk_dict_get(rk_dict dict, rk_bytes key, void **value, size_t *size, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return rk__manager_get(dict.ref, RK__KIND_DICT, &(rk__request){.op = RK__DICT_GET, .key = key}, value, size, err);
}

rk_status rk_dict_pop(rk_dict dict, rk_bytes key, void **value, size_t *size, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return rk__manager_get(dict.ref, RK__KIND_DICT, &(rk__request){.op = RK__DICT_POP, .key = key}, value, size, err);
}

rk_status rk_dict_delete(rk_dict dict, rk_bytes key, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    return change(dict, (rk__request){.op = RK__DICT_DELETE, .key = key}, err);
}

rk_status rk_dict_contains(rk_dict dict, rk_bytes key, bool *contains, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(contains, err);
    uint64_t number;
    RK_TRY(ask(dict, (rk__request){.op = RK__DICT_CONTAINS, .key = key}, &number, err));
    *contains = number != 0;
    return RK_OK;
}

rk_status rk_dict_setdefault(rk_dict dict, rk_bytes key, rk_bytes value, void **now, size_t *size, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED_BYTES(value.data, value.size, err);
    void *kept;
    size_t kept_size;
    rk__request request = {.op = RK__DICT_SETDEFAULT, .key = key, .value = value};
    RK_TRY(rk__manager_get(dict.ref, RK__KIND_DICT, &request, &kept, &kept_size, err));
    if (now == NULL) {
        free(kept);
        return RK_OK;
    }
    *now = kept;
    if (size != NULL)
        *size = kept_size;
    return RK_OK;
}

rk_status rk_dict_replace_if(rk_dict dict, rk_bytes key, rk_bytes expected, rk_bytes value, bool *replaced,
                             rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED_BYTES(expected.data, expected.size, err);
    RK__NEED_BYTES(value.data, value.size, err);
    RK__NEED(replaced, err);
    uint64_t number;
    rk__request request = {.op = RK__DICT_REPLACE_IF, .key = key, .expected = expected, .value = value};
    RK_TRY(ask(dict, request, &number, err));
    *replaced = number != 0;
    return RK_OK;
}

rk_status rk_dict_add_i64(rk_dict dict, rk_bytes key, int64_t delta, int64_t *sum, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    uint64_t number;
    RK_TRY(ask(dict, (rk__request){.op = RK__DICT_ADD, .key = key, .number = delta}, &number, err));
    if (sum != NULL)
        *sum = (int64_t)number;
    return RK_OK;
}

/* ---- numbers and text ---- */

rk_status rk_dict_set_i64(rk_dict dict, rk_bytes key, int64_t value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    return set(dict, key, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_dict_set_f64(rk_dict dict, rk_bytes key, double value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    return set(dict, key, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_dict_set_text(rk_dict dict, rk_bytes key, const char *value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return set(dict, key, rk_text(value), err);
}

rk_status rk_dict_get_i64(rk_dict dict, rk_bytes key, int64_t *value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return get_word(dict, key, value, err);
}

rk_status rk_dict_get_f64(rk_dict dict, rk_bytes key, double *value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return get_word(dict, key, value, err);
}

rk_status rk_dict_get_text(rk_dict dict, rk_bytes key, char **value, rk_error *err) {
    RK__NEED_BYTES(key.data, key.size, err);
    RK__NEED(value, err);
    return rk__manager_get_text(dict.ref, RK__KIND_DICT, &(rk__request){.op = RK__DICT_GET, .key = key}, value, err);
}
