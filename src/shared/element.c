/* An operation on one element: on its memory if it is of this node, else by its home. */
#include "shared/shared_private.h"

rk_status rk__element_check(rk_type type, rk_error *err) {
    if (rk__type_is_integer(type) || rk__type_is_float(type) || type == RK_BOOL)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "type %d (%s): shared are integers, f32, f64 and bool", (int)type,
                    rk__type_name(type));
}

static rk_status check(const rk__facts *facts, const rk__shared_step *step, rk_error *err) {
    const char *what = rk__kind_text(step->kind);
    if (facts->type != step->type)
        return rk__fail(err, RK_EINVAL, "this %s is of type %s, not %s", what, rk__type_name((rk_type)facts->type),
                        rk__type_name((rk_type)step->type));
    if (step->index >= facts->count)
        return rk__fail(err, RK_EINVAL, "element %llu of an array of %llu", (unsigned long long)step->index,
                        (unsigned long long)facts->count);
    if (step->atom == RK__ATOM_ADD && step->type == RK_BOOL)
        return rk__fail(err, RK_EINVAL, "adding to a bool: exchange it, or use an integer");
    return RK_OK;
}

static rk_status step_here(rk__shared *shared, rk_ref ref, const rk__shared_step *step, uint64_t *before, bool *swapped,
                           rk_error *err) {
    rk__facts facts;
    rk__mapping *mapping;
    RK_TRY(rk__slot_find(shared, ref, &facts, err));
    RK_TRY(check(&facts, step, err));
    void *at = facts.value;
    if (facts.bytes > 0) {
        RK_TRY(rk__segment_map(shared, &facts, &mapping, err));
        at = mapping->bytes + step->index * rk__type_bytes((rk_type)step->type);
    }
    *before = rk__atom_apply(step, at, swapped);
    return RK_OK;
}

rk_status rk__element_step(rk__shared *shared, rk_ref ref, const rk__shared_step *step, uint64_t *before, bool *swapped,
                           rk_error *err) {
    if (rk__shared_is_near(shared, ref.home))
        return step_here(shared, ref, step, before, swapped, err);
    rk__shared_step copy = *step;
    rk__letter answer, letter = {.to = ref.home,
                                 .room = RK__ROOM_SHARED,
                                 .op = RK__SHARED_STEP,
                                 .a = ref.serial,
                                 .size = sizeof copy,
                                 .bytes = &copy};
    RK_TRY(rk__mail_ask(shared->mail, &letter, RK__NEVER, &answer, err));
    *before = answer.a;
    *swapped = answer.b != 0;
    return RK_OK;
}

void rk__element_receive(rk__shared *shared, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    const rk__shared_step *step = letter->bytes;
    rk_error err = RK_ERROR_INIT;
    uint64_t before;
    bool swapped;
    rk_ref ref = {letter->a, rk__mail_endpoint(shared->mail), step->kind};
    rk_status status = step_here(shared, ref, step, &before, &swapped, &err);
    if (status == RK_OK)
        rk__mail_answer(shared->mail, question, RK_OK, before, swapped, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__mail_refuse(shared->mail, question, status, "%s", err.message);
}
