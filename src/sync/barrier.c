#include <stdlib.h>

#include "call/call.h"
#include "sync/sync_private.h"

rk_status rk_barrier_create(rk_barrier *barrier, uint32_t parties, rk_function action, rk_error *err) {
    RK__NEED(barrier, err);
    rk__function_name name = {0, 0};
    if (parties == 0)
        return rk__fail(err, RK_EINVAL, "a barrier of 0 parties: at least 1");
    if (action != NULL)
        RK_TRY(rk__function_name_of(action, &name, err));
    rk_ref ref;
    RK_TRY(rk__sync_create(RK__KIND_BARRIER, 0, parties, NULL, &ref, err));
    *barrier = (rk_barrier){ref, {name.object, name.offset}};
    return RK_OK;
}

/* ---- waiting ---- */

static bool has_action(rk_barrier barrier) {
    return barrier.action[0] != 0 || barrier.action[1] != 0;
}

static rk_status arrive(rk_barrier barrier, double timeout_seconds, uint64_t *value, rk_error *err) {
    rk__sync_request step = {.op = RK__SYNC_ARRIVE, .flags = has_action(barrier) ? RK__SYNC_WITH_ACTION : 0};
    rk__sync_reply reply;
    uint64_t deadline_ns = rk__deadline(timeout_seconds);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = rk__ref_check(mail, barrier.ref, RK__KIND_BARRIER, err);
    if (status == RK_OK) {
        status = rk__sync_call(mail, barrier.ref, &step, deadline_ns, &reply);
        if (status == RK_ETIMEDOUT)
            status = rk__fail(err, RK_EBROKEN,
                              "the others did not come to this barrier in time: it is broken, until rk_barrier_reset");
        else
            rk__sync_fail(barrier.ref, RK__SYNC_ARRIVE, status, err);
    }
    *value = status == RK_OK ? reply.value : 0;
    rk__leave(mail);
    return status;
}

static rk_status run_action(rk_barrier barrier, rk_error *err) {
    rk__function_name name = {barrier.action[0], barrier.action[1]};
    rk_function action;
    rk__outcome outcome;
    RK_TRY(rk__function_find(&name, &action, err));
    rk__call_inner(true);
    rk__call_run(action, NULL, 0, NULL, NULL, &outcome);
    rk__call_inner(false);
    free(outcome.bytes);
    if (outcome.status == RK_OK)
        return RK_OK;
    return rk__fail(err, outcome.status, "the action of this barrier failed: %s", outcome.message);
}

/* The others stand until it has been run. */
static rk_status act(rk_barrier barrier, rk_error *err) {
    rk_status status = run_action(barrier, err);
    rk_status told = rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_ACTED, status == RK_OK, RK_FOREVER, NULL,
                                 status == RK_OK ? err : NULL);
    return status != RK_OK ? status : told;
}

rk_status rk_barrier_wait(rk_barrier barrier, double timeout_seconds, uint32_t *index, rk_error *err) {
    uint64_t value;
    RK_TRY(arrive(barrier, timeout_seconds, &value, err));
    if (value & RK__SYNC_ACT)
        RK_TRY(act(barrier, err));
    if (index != NULL)
        *index = (uint32_t)value;
    return RK_OK;
}

/* ---- the rest ---- */

rk_status rk_barrier_abort(rk_barrier barrier, rk_error *err) {
    return rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_ABORT, 0, RK_FOREVER, NULL, err);
}

rk_status rk_barrier_reset(rk_barrier barrier, rk_error *err) {
    return rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_RESET, 0, RK_FOREVER, NULL, err);
}

rk_status rk_barrier_parties(rk_barrier barrier, uint32_t *parties, rk_error *err) {
    RK__NEED(parties, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *parties = (uint32_t)reply.more;
    return RK_OK;
}

rk_status rk_barrier_n_waiting(rk_barrier barrier, uint32_t *waiting, rk_error *err) {
    RK__NEED(waiting, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *waiting = (uint32_t)reply.value;
    return RK_OK;
}

rk_status rk_barrier_broken(rk_barrier barrier, bool *broken, rk_error *err) {
    RK__NEED(broken, err);
    rk__sync_reply reply;
    RK_TRY(rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_LOOK, 0, RK_FOREVER, &reply, err));
    *broken = reply.value >> 32 != 0;
    return RK_OK;
}

rk_status rk_barrier_destroy(rk_barrier barrier, rk_error *err) {
    return rk__sync_do(barrier.ref, RK__KIND_BARRIER, RK__SYNC_DESTROY, 0, RK_FOREVER, NULL, err);
}
