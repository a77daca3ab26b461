/* Manager().dict, list, Namespace. */
#include "scenarios.h"

#include <rankine/manager.h>

static rk_status dict(rk_error *err) {
    rk_dict d;
    rk_items items;
    int64_t x;
    size_t length;
    bool answer;
    void *value;
    RK_TRY(rk_dict_create(&d, err));
    told("d['a']", rk_dict_get_i64(d, rk_text("a"), &x, NULL));
    RK_TRY(rk_dict_set_i64(d, rk_text("b"), 2, err));
    RK_TRY(rk_dict_set_i64(d, rk_text("a"), 1, err));
    RK_TRY(rk_dict_set_i64(d, rk_text("b"), 3, err));
    RK_TRY(rk_dict_setdefault(d, rk_text("b"), rk_bytes_of(&(int64_t){9}, 8), &value, &length, err));
    memcpy(&x, value, sizeof x);
    rk_free(value);
    numbered("setdefault", x);
    RK_TRY(rk_dict_contains(d, rk_text("a"), &answer, err));
    answered("'a' in d", answer);
    RK_TRY(rk_dict_items(d, &items, err));
    for (size_t i = 0; i < items.count; i++)
        printf("%.*s=%lld\n", (int)items.keys[i].size, (const char *)items.keys[i].data,
               (long long)*(const int64_t *)items.values[i].data);
    rk_items_free(&items);
    told("pop", rk_dict_pop(d, rk_text("b"), &value, &length, err));
    rk_free(value);
    told("pop", rk_dict_pop(d, rk_text("b"), &value, &length, NULL));
    told("del", rk_dict_delete(d, rk_text("b"), NULL));
    RK_TRY(rk_dict_length(d, &length, err));
    numbered("len", (int64_t)length);
    RK_TRY(rk_dict_clear(d, err));
    RK_TRY(rk_dict_length(d, &length, err));
    numbered("len", (int64_t)length);
    return rk_dict_destroy(d, err);
}

static rk_status append_numbers(rk_call *call) {
    for (int64_t i = 0; i < 3; i++)
        RK_TRY(rk_list_append_i64(*(const rk_list *)call->arg, i, NULL));
    return RK_OK;
}

static rk_status tell_list(rk_list l, rk_error *err) {
    rk_items items;
    RK_TRY(rk_list_items(l, &items, err));
    printf("list:");
    for (size_t i = 0; i < items.count; i++)
        printf(" %lld", (long long)*(const int64_t *)items.values[i].data);
    printf("\n");
    rk_items_free(&items);
    return RK_OK;
}

static rk_status list(rk_error *err) {
    int64_t seven = 7, eight = 8, nine = 9, x;
    rk_bytes more[2] = {rk_bytes_of(&seven, 8), rk_bytes_of(&eight, 8)};
    rk_list l;
    rk_process process;
    void *value;
    size_t n;
    RK_TRY(rk_list_create(&l, err));
    told("pop of an empty one", rk_list_pop(l, -1, &value, &n, NULL));
    RK_TRY(rk_process_start(&process, append_numbers, &l, sizeof l, NULL, err));
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_list_extend(l, more, 2, err));
    RK_TRY(rk_list_insert(l, -1, rk_bytes_of(&nine, 8), err));
    RK_TRY(rk_list_insert(l, 100, rk_bytes_of(&nine, 8), err));
    RK_TRY(tell_list(l, err));
    RK_TRY(rk_list_get_i64(l, -2, &x, err));
    numbered("l[-2]", x);
    told("l[7]", rk_list_get_i64(l, 7, &x, NULL));
    RK_TRY(rk_list_index(l, rk_bytes_of(&nine, 8), &n, err));
    numbered("index(9)", (int64_t)n);
    told("index of what is not there", rk_list_index(l, rk_text("none"), &n, NULL));
    RK_TRY(rk_list_pop(l, 1, &value, &n, err));
    rk_free(value);
    RK_TRY(rk_list_delete(l, -1, err));
    RK_TRY(rk_list_set(l, 0, rk_bytes_of(&eight, 8), err));
    RK_TRY(tell_list(l, err));
    return rk_list_destroy(l, err);
}

static rk_status namespace(rk_error *err) {
    rk_namespace ns;
    int64_t x;
    bool answer;
    RK_TRY(rk_namespace_create(&ns, err));
    RK_TRY(rk_namespace_set_i64(ns, "x", 4, err));
    RK_TRY(rk_namespace_get_i64(ns, "x", &x, err));
    numbered("ns.x", x);
    told("ns.y", rk_namespace_get_i64(ns, "y", &x, NULL));
    RK_TRY(rk_namespace_has(ns, "x", &answer, err));
    answered("hasattr", answer);
    told("del", rk_namespace_delete(ns, "x", err));
    told("del", rk_namespace_delete(ns, "x", NULL));
    return rk_namespace_destroy(ns, err);
}

const scenario manager_scenarios[] = {{"dict", dict}, {"list", list}, {"namespace", namespace}, {NULL, NULL}};
