#include "shared/shared_private.h"

rk_status rk_value_create_raw(rk_value *value, rk_type type, const void *initial, rk_error *err) {
    RK__NEED(value, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__shared *shared = rk__shared_of(mail);
    rk_value made = {{0, 0, 0}, {0, 0, 0}};
    rk_status status = rk__element_check(type, err);
    if (status == RK_OK)
        status = rk__slot_claim(shared, RK__KIND_VALUE, &made.ref, err);
    if (status == RK_OK) {
        uint64_t zero = 0;
        bool swapped;
        rk__shared_step store = {.atom = RK__ATOM_STORE, .type = RK_U64};
        rk__atom_apply(&store, rk__slot_value(shared, made.ref), &swapped);
        store.type = (uint32_t)type;
        store.operand = rk__atom_bits(type, initial != NULL ? initial : &zero);
        rk__atom_apply(&store, rk__slot_value(shared, made.ref), &swapped);
        rk__slot_publish(shared, made.ref, (uint32_t)type, 1, 0);
        *value = made;
    }
    return rk__shared_leave(shared, status);
}

/* *element becomes what it was, if not NULL. */
static rk_status step(rk_value value, const rk__shared_step *wanted, void *element, bool *swapped, rk_error *err) {
    rk__shared *shared;
    uint64_t before;
    RK_TRY(rk__shared_enter(value.ref, RK__KIND_VALUE, wanted->atom == RK__ATOM_LOAD ? RK__LOOK : RK__CHANGE, &shared,
                            err));
    rk_status status = rk__element_step(shared, value.ref, wanted, &before, swapped, err);
    if (status == RK_OK && wanted->atom == RK__ATOM_SWAP_IF && !*swapped)
        rk__yield(shared->mail); /* it will be tried again */
    if (status == RK_OK && element != NULL)
        rk__atom_element((rk_type)wanted->type, before, element);
    return rk__shared_leave(shared, status);
}

static rk__shared_step step_of(rk__atom atom, rk_type type, const void *operand) {
    return (rk__shared_step){.atom = atom,
                             .type = (uint32_t)type,
                             .kind = RK__KIND_VALUE,
                             .operand = operand != NULL ? rk__atom_bits(type, operand) : 0};
}

rk_status rk_value_get(rk_value value, rk_type type, void *x, rk_error *err) {
    RK__NEED(x, err);
    bool swapped;
    rk__shared_step wanted = step_of(RK__ATOM_LOAD, type, NULL);
    return step(value, &wanted, x, &swapped, err);
}

rk_status rk_value_set(rk_value value, rk_type type, const void *x, rk_error *err) {
    RK__NEED(x, err);
    bool swapped;
    rk__shared_step wanted = step_of(RK__ATOM_STORE, type, x);
    return step(value, &wanted, NULL, &swapped, err);
}

rk_status rk_value_add(rk_value value, rk_type type, const void *delta, void *before, rk_error *err) {
    RK__NEED(delta, err);
    bool swapped;
    rk__shared_step wanted = step_of(RK__ATOM_ADD, type, delta);
    return step(value, &wanted, before, &swapped, err);
}

rk_status rk_value_exchange(rk_value value, rk_type type, const void *x, void *before, rk_error *err) {
    RK__NEED(x, err);
    bool swapped;
    rk__shared_step wanted = step_of(RK__ATOM_EXCHANGE, type, x);
    return step(value, &wanted, before, &swapped, err);
}

rk_status rk_value_compare_swap(rk_value value, rk_type type, void *expected, const void *x, bool *swapped,
                                rk_error *err) {
    RK__NEED(expected, err);
    RK__NEED(x, err);
    bool done;
    rk__shared_step wanted = step_of(RK__ATOM_SWAP_IF, type, x);
    wanted.expected = rk__atom_bits(type, expected);
    RK_TRY(step(value, &wanted, expected, &done, err));
    if (swapped != NULL)
        *swapped = done;
    return RK_OK;
}

rk_status rk_value_destroy(rk_value value, rk_error *err) {
    rk__shared *shared;
    rk__shared_drop_lock(value.lock);
    RK_TRY(rk__shared_enter(value.ref, RK__KIND_VALUE, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__shared_destroy(shared, value.ref, err));
}
