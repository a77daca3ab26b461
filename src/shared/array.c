#include <string.h>

#include "shared/shared_private.h"

static rk_status bytes_of(rk_type type, uint64_t count, uint64_t *bytes, rk_error *err) {
    RK_TRY(rk__element_check(type, err));
    if (!rk__mul_u64(count, rk__type_bytes(type), bytes))
        return rk__fail(err, RK_EINVAL, "%llu elements of type %s: no memory is that large", (unsigned long long)count,
                        rk__type_name(type));
    return RK_OK;
}

static rk_status create(rk__shared *shared, rk_array *array, const rk__making *making, const void *initial,
                        rk_error *err) {
    rk_array made = {{0, 0, 0}, {0, 0, 0}};
    unsigned char *memory;
    RK_TRY(rk__shared_make(shared, making, &made.ref, &memory, err));
    if (initial != NULL && making->bytes > 0)
        memcpy(memory, initial, (size_t)making->bytes);
    rk__slot_publish(shared, made.ref, making->type, making->count, making->bytes);
    *array = made;
    return RK_OK;
}

rk_status rk_array_create_raw(rk_array *array, rk_type type, uint64_t count, const void *initial, rk_error *err) {
    RK__NEED(array, err);
    rk__making making = {RK__KIND_ARRAY, (uint32_t)type, count, 0};
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = bytes_of(type, count, &making.bytes, err);
    if (status == RK_OK)
        status = create(rk__shared_of(mail), array, &making, initial, err);
    rk__leave(mail);
    return status;
}

rk_status rk_array_length(rk_array array, uint64_t *count, rk_error *err) {
    RK__NEED(count, err);
    rk__shared *shared;
    uint32_t type;
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__LOOK, &shared, err));
    return rk__shared_leave(shared, rk__shared_describe(shared, array.ref, count, &type, err));
}

/* ---- one element ---- */

static rk_status step(rk__shared *shared, rk_array array, rk__shared_step *wanted, void *element, bool *swapped,
                      rk_error *err) {
    uint64_t before;
    wanted->kind = RK__KIND_ARRAY;
    RK_TRY(rk__element_step(shared, array.ref, wanted, &before, swapped, err));
    if (element != NULL)
        rk__atom_element((rk_type)wanted->type, before, element);
    return RK_OK;
}

rk_status rk_array_add(rk_array array, rk_type type, uint64_t index, const void *delta, void *before, rk_error *err) {
    RK__NEED(delta, err);
    rk__shared *shared;
    bool swapped;
    rk__shared_step add = {
        .atom = RK__ATOM_ADD, .type = (uint32_t)type, .index = index, .operand = rk__atom_bits(type, delta)};
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, step(shared, array, &add, before, &swapped, err));
}

rk_status rk_array_compare_swap(rk_array array, rk_type type, uint64_t index, void *expected, const void *x,
                                bool *swapped, rk_error *err) {
    RK__NEED(expected, err);
    RK__NEED(x, err);
    rk__shared *shared;
    bool done = false;
    rk__shared_step swap = {.atom = RK__ATOM_SWAP_IF,
                            .type = (uint32_t)type,
                            .index = index,
                            .operand = rk__atom_bits(type, x),
                            .expected = rk__atom_bits(type, expected)};
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__CHANGE, &shared, err));
    rk_status status = step(shared, array, &swap, expected, &done, err);
    if (status == RK_OK && !done)
        rk__yield(shared->mail); /* it will be tried again */
    if (status == RK_OK && swapped != NULL)
        *swapped = done;
    return rk__shared_leave(shared, status);
}

/* ---- many ---- */

typedef struct span {
    rk_type type;
    uint64_t first, count;
} span;

static rk_status move_range(rk__shared *shared, rk_array array, span what, void *out, const void *in, rk_error *err) {
    rk__range range = {.ref = array.ref, .type = (uint32_t)what.type, .put = in != NULL};
    range.data = in != NULL ? (unsigned char *)(uintptr_t)in : out; /* a put only reads it */
    RK_TRY(bytes_of(what.type, what.count, &range.bytes, err));
    RK_TRY(bytes_of(what.type, what.first, &range.offset, err));
    return rk__range_move(shared, &range, err);
}

static rk_status move_one(rk__shared *shared, rk_array array, span what, void *out, const void *in, rk_error *err) {
    bool swapped;
    rk__shared_step one = {
        .atom = in != NULL ? RK__ATOM_STORE : RK__ATOM_LOAD, .type = (uint32_t)what.type, .index = what.first};
    if (in != NULL)
        one.operand = rk__atom_bits(what.type, in);
    return step(shared, array, &one, out, &swapped, err);
}

rk_status rk_array_get(rk_array array, rk_type type, uint64_t first, uint64_t count, void *x, rk_error *err) {
    RK__NEED_BYTES(x, count, err);
    rk__shared *shared;
    span what = {type, first, count};
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__LOOK, &shared, err));
    rk_status status =
        count == 1 ? move_one(shared, array, what, x, NULL, err) : move_range(shared, array, what, x, NULL, err);
    return rk__shared_leave(shared, status);
}

rk_status rk_array_put(rk_array array, rk_type type, uint64_t first, uint64_t count, const void *x, rk_error *err) {
    RK__NEED_BYTES(x, count, err);
    static const char nothing;
    rk__shared *shared;
    span what = {type, first, count};
    const void *in = count > 0 ? x : &nothing;
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__CHANGE, &shared, err));
    rk_status status =
        count == 1 ? move_one(shared, array, what, NULL, in, err) : move_range(shared, array, what, NULL, in, err);
    return rk__shared_leave(shared, status);
}

rk_status rk_array_pointer(rk_array array, void **p, rk_error *err) {
    RK__NEED(p, err);
    rk__shared *shared;
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__shared_pointer(shared, array.ref, p, err));
}

rk_status rk_array_destroy(rk_array array, rk_error *err) {
    rk__shared *shared;
    rk__shared_drop_lock(array.lock);
    RK_TRY(rk__shared_enter(array.ref, RK__KIND_ARRAY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__shared_destroy(shared, array.ref, err));
}
