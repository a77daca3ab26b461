/* The functions of namespaces: dictionaries with names as keys. */
#include "manager/manager_private.h"

rk_status rk_namespace_create(rk_namespace *space, rk_error *err) {
    RK__NEED(space, err);
    return rk__manager_make(RK__KIND_NAMESPACE, &space->ref, err);
}

rk_status rk_namespace_destroy(rk_namespace space, rk_error *err) {
    return rk__manager_do(space.ref, RK__KIND_NAMESPACE, &(rk__request){.op = RK__DESTROY}, err);
}

static rk_status set(rk_namespace space, const char *name, rk_bytes value, rk_error *err) {
    rk__request request = {.op = RK__DICT_SET, .key = rk_text(name), .value = value};
    return rk__manager_do(space.ref, RK__KIND_NAMESPACE, &request, err);
}

static rk_status get_word(rk_namespace space, const char *name, void *word, rk_error *err) {
    rk__request request = {.op = RK__DICT_GET, .key = rk_text(name)};
    return rk__manager_get_word(space.ref, RK__KIND_NAMESPACE, &request, word, err);
}

/* ---- attributes ---- */

rk_status rk_namespace_set(rk_namespace space, const char *name, rk_bytes value, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED_BYTES(value.data, value.size, err);
    return set(space, name, value, err);
}

rk_status rk_namespace_get(rk_namespace space, const char *name, void **value, size_t *size, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(value, err);
    rk__request request = {.op = RK__DICT_GET, .key = rk_text(name)};
    return rk__manager_get(space.ref, RK__KIND_NAMESPACE, &request, value, size, err);
}

rk_status rk_namespace_delete(rk_namespace space, const char *name, rk_error *err) {
    RK__NEED(name, err);
    rk__request request = {.op = RK__DICT_DELETE, .key = rk_text(name)};
    return rk__manager_do(space.ref, RK__KIND_NAMESPACE, &request, err);
}

rk_status rk_namespace_has(rk_namespace space, const char *name, bool *has, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(has, err);
    uint64_t number;
    rk__request request = {.op = RK__DICT_CONTAINS, .key = rk_text(name)};
    RK_TRY(rk__manager_ask(space.ref, RK__KIND_NAMESPACE, &request, &number, err));
    *has = number != 0;
    return RK_OK;
}

rk_status rk_namespace_items(rk_namespace space, rk_items *items, rk_error *err) {
    RK__NEED(items, err);
    return rk__manager_items(space.ref, RK__KIND_NAMESPACE, RK__ITEMS, items, err);
}

/* ---- numbers and text ---- */

rk_status rk_namespace_set_i64(rk_namespace space, const char *name, int64_t value, rk_error *err) {
    RK__NEED(name, err);
    return set(space, name, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_namespace_set_f64(rk_namespace space, const char *name, double value, rk_error *err) {
    RK__NEED(name, err);
    return set(space, name, rk_bytes_of(&value, sizeof value), err);
}

rk_status rk_namespace_set_text(rk_namespace space, const char *name, const char *value, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(value, err);
    return set(space, name, rk_text(value), err);
}

rk_status rk_namespace_get_i64(rk_namespace space, const char *name, int64_t *value, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(value, err);
    return get_word(space, name, value, err);
}

rk_status rk_namespace_get_f64(rk_namespace space, const char *name, double *value, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(value, err);
    return get_word(space, name, value, err);
}

rk_status rk_namespace_get_text(rk_namespace space, const char *name, char **value, rk_error *err) {
    RK__NEED(name, err);
    RK__NEED(value, err);
    rk__request request = {.op = RK__DICT_GET, .key = rk_text(name)};
    return rk__manager_get_text(space.ref, RK__KIND_NAMESPACE, &request, value, err);
}
