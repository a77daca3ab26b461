/* Value, Array, SharedMemory, ShareableList. */
#include "scenarios.h"

enum { PROCESSES = 4, ADDS = 200 };

static rk_status add_up(rk_call *call) {
    for (int i = 0; i < ADDS; i++)
        RK_TRY(rk_value_add_i64(*(const rk_value *)call->arg, 1, NULL, NULL));
    return RK_OK;
}

static rk_status add_up_alone(rk_call *call) {
    rk_value value = *(const rk_value *)call->arg;
    int64_t x;
    for (int i = 0; i < ADDS; i++) {
        RK_TRY(rk_value_lock(value, RK_FOREVER, NULL));
        RK_TRY(rk_value_get_i64(value, &x, NULL));
        RK_TRY(rk_value_set_i64(value, x + 1, NULL));
        RK_TRY(rk_value_unlock(value, NULL));
    }
    return RK_OK;
}

static rk_status all_add_up(rk_value value, rk_function how, rk_error *err) {
    rk_process processes[PROCESSES];
    int64_t x;
    RK_TRY(rk_value_set_i64(value, 0, err));
    for (int i = 0; i < PROCESSES; i++)
        RK_TRY(rk_process_start(&processes[i], how, &value, sizeof value, NULL, err));
    for (int i = 0; i < PROCESSES; i++)
        RK_TRY(rk_process_join(processes[i], RK_FOREVER, err));
    RK_TRY(rk_value_get_i64(value, &x, err));
    numbered("added up", x);
    return RK_OK;
}

static rk_status value(rk_error *err) {
    rk_value one, plain;
    int64_t x = 0;
    RK_TRY(rk_value_create_i64(&one, 7, err));
    RK_TRY(rk_value_get_i64(one, &x, err));
    numbered("value", x);
    RK_TRY(all_add_up(one, add_up, err));
    RK_TRY(all_add_up(one, add_up_alone, err));
    RK_TRY(rk_value_create_raw(&plain, RK_I64, NULL, err));
    told("lock one without a lock", rk_value_lock(plain, 0, NULL));
    RK_TRY(rk_value_destroy(plain, err));
    return rk_value_destroy(one, err);
}

typedef struct place {
    rk_array array;
    uint64_t index;
} place;

static rk_status write_place(rk_call *call) {
    const place *self = call->arg;
    int64_t x = 10 * (int64_t)self->index;
    RK_TRY(rk_array_lock(self->array, RK_FOREVER, NULL));
    RK_TRY(rk_array_put_i64(self->array, self->index, 1, &x, NULL));
    return rk_array_unlock(self->array, NULL);
}

static rk_status array(rk_error *err) {
    static const int64_t initial[6] = {3, 1, 4, 1, 5, 9}, pair[2] = {-1, -2};
    rk_process process;
    place mine = {.index = 2};
    uint64_t length;
    int64_t x[6];
    RK_TRY(rk_array_create_i64(&mine.array, 6, initial, err));
    RK_TRY(rk_array_length(mine.array, &length, err));
    numbered("len", (int64_t)length);
    RK_TRY(rk_process_start(&process, write_place, &mine, sizeof mine, NULL, err));
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_array_put_i64(mine.array, 4, 2, pair, err));
    RK_TRY(rk_array_get_i64(mine.array, 0, 6, x, err));
    numbers("array", x, 6);
    RK_TRY(rk_array_get_i64(mine.array, 1, 3, x, err));
    numbers("array[1:4]", x, 3);
    told("array[6]", rk_array_get_i64(mine.array, 6, 1, x, NULL));
    return rk_array_destroy(mine.array, err);
}

/* ---- memory ---- */

static rk_status write_by_name(rk_call *call) {
    rk_memory memory;
    RK_TRY(rk_memory_attach(&memory, call->arg, NULL));
    RK_TRY(rk_memory_write(memory, 3, 5, "hello", NULL));
    return rk_memory_close(memory, NULL);
}

static rk_status memory(rk_error *err) {
    static const char name[] = "scenario";
    rk_memory one, other;
    rk_process process;
    uint64_t size;
    char text[5];
    RK_TRY(rk_memory_create(&one, name, 4096, err));
    RK_TRY(rk_memory_size(one, &size, err));
    numbered("size", (int64_t)size);
    told("create again", rk_memory_create(&other, name, 4096, NULL));
    RK_TRY(rk_process_start(&process, write_by_name, name, sizeof name, NULL, err));
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_memory_read(one, 3, sizeof text, text, err));
    printf("buf[3:8]: %.5s\n", text);
    RK_TRY(rk_memory_read(one, 8, 1, text, err));
    numbered("buf[8]", text[0]);
    RK_TRY(rk_memory_close(one, err));
    told("unlink", rk_memory_unlink(one, err));
    told("attach", rk_memory_attach(&other, name, NULL));
    return RK_OK;
}

/* ---- lists ---- */

static rk_shared_item whole(int64_t i) {
    return (rk_shared_item){.kind = RK_SHARED_INT, .i = i};
}

static rk_shared_item real(double f) {
    return (rk_shared_item){.kind = RK_SHARED_FLOAT, .f = f};
}

static rk_shared_item text(const char *letters) {
    return (rk_shared_item){.kind = RK_SHARED_STRING, .bytes = letters, .size = strlen(letters)};
}

static rk_status set(rk_shared_list list, uint64_t index, rk_shared_item item) {
    return rk_shared_list_set(list, index, &item, NULL);
}

static void tell_count(rk_shared_list list, const char *what, rk_shared_item item) {
    uint64_t count = 99;
    rk_shared_list_count(list, &item, &count, NULL);
    numbered(what, (int64_t)count);
}

static rk_status shareable_list(rk_error *err) {
    rk_shared_item items[] = {text("abc"), whole(12), real(3.5), {.kind = RK_SHARED_BOOL, .b = true}, whole(1)};
    rk_shared_item wanted = whole(1), missing = text("nope"), found;
    rk_shared_list list;
    uint64_t length, index;
    char buffer[64];
    RK_TRY(rk_shared_list_create(&list, items, 5, err));
    RK_TRY(rk_shared_list_length(list, &length, err));
    numbered("len", (int64_t)length);
    tell_count(list, "count(1)", whole(1));
    tell_count(list, "count(3.5)", real(3.5));
    tell_count(list, "count('abc')", text("abc"));
    RK_TRY(rk_shared_list_index(list, &wanted, &index, err));
    numbered("index(1)", (int64_t)index);
    told("index of what is not there", rk_shared_list_index(list, &missing, &index, NULL));
    told("list[1] = 13", set(list, 1, whole(13)));
    told("list[0] = 'wxyz'", set(list, 0, text("wxyz")));
    RK_TRY(rk_shared_list_get(list, 0, &found, buffer, sizeof buffer, err));
    printf("list[0]: %s\n", (const char *)found.bytes);
    told("list[0] = what is too long", set(list, 0, text("a text that is longer")) == RK_OK ? RK_OK : RK_EINVAL);
    told("list[5]", rk_shared_list_get(list, 5, &found, buffer, sizeof buffer, NULL));
    return rk_shared_list_destroy(list, err);
}

const scenario shared_scenarios[] = {
    {"value", value}, {"array", array}, {"memory", memory}, {"shareable_list", shareable_list}, {NULL, NULL}};
