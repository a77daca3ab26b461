/* Gatherings in which something goes wrong: all hear of it, nobody hangs. */
#include "collect_fixture.h"

/* What each rank's call returned. */
static struct {
    rk_status status[FIXTURE_RANKS_MAX];
    rk_error err[FIXTURE_RANKS_MAX];
    _Atomic uint32_t flag, reached, go_on;
    uint32_t victim;
} seen;

static void forget_seen(void) {
    memset(&seen, 0, sizeof seen);
}

static rk_status note(rk_call *call, rk_status status, const rk_error *err) {
    uint32_t me = own_rank();
    seen.status[me] = status;
    seen.err[me] = *err;
    return pass_on(call, status, err);
}

static void await(_Atomic uint32_t *what, uint32_t value) {
    while (atomic_load(what) < value)
        sched_yield();
}

/* ---- unlike calls ---- */

typedef enum unlike {
    OTHER_CALL,
    OTHER_ROOT,
    OTHER_COUNT,
    OTHER_TYPE,
    OTHER_FOLD,
    NONE_AT_ALL,
    LEAVES_ONLY,
    ROOT_ONLY,
    UNEVEN_COUNTS,
    UNLIKE_COUNT
} unlike;

/* The last rank makes a call that the others do not. */
static rk_status call_unlike(rk_call *call) {
    uint32_t ranks = rank_count(), me = own_rank();
    bool odd = me == ranks - 1;
    int64_t values[64] = {0}, more[64] = {0};
    uint64_t counts[8] = {1, 1, 1, 1, 1, 1, 1, 1};
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_barrier_all(LONG, &err);
    rk_data one = rk_i64s(values, 1), all = rk_i64s(more, ranks);
    CHECK(status == RK_OK);
    switch (*(const unlike *)call->arg) {
    case OTHER_CALL:
        status = odd ? rk_allgather(one, all, RK_FOREVER, &err) : rk_bcast(one, 0, RK_FOREVER, &err);
        break;
    case OTHER_ROOT: /* the odd one waits for rank 0, the others for the odd one */
        status = rk_bcast(one, odd ? 0 : (int)ranks - 1, RK_FOREVER, &err);
        break;
    case OTHER_COUNT:
        status = rk_bcast(rk_i64s(values, odd ? 2 : 3), 0, RK_FOREVER, &err);
        break;
    case OTHER_TYPE:
        status = rk_bcast(odd ? rk_octets(values, 8) : one, 0, RK_FOREVER, &err);
        break;
    case OTHER_FOLD:
        status = rk_reduce(one, rk_i64s(more, 1), odd ? RK_FOLD_MIN : RK_FOLD_MAX, 0, RK_FOREVER, &err);
        break;
    case NONE_AT_ALL:
        status = odd ? RK_OK : rk_barrier_all(RK_FOREVER, &err);
        break;
    case LEAVES_ONLY: /* all could go on: the odd one has sent what nobody takes */
        status = odd ? rk_reduce(one, rk_i64s(more, 1), RK_FOLD_SUM, 0, RK_FOREVER, &err) : RK_OK;
        break;
    case ROOT_ONLY:
        status = odd ? rk_bcast(one, (int)me, RK_FOREVER, &err) : RK_OK;
        break;
    case UNEVEN_COUNTS:
        status = rk_scatterv(all, counts, rk_i64s(values, odd ? 3 : 1), 0, RK_FOREVER, &err);
        break;
    case UNLIKE_COUNT:
        break;
    }
    if (status == RK_OK) /* whoever could not know it hears of it here, or in the end */
        status = rk_barrier_all(RK_FOREVER, &err);
    return note(call, status, &err);
}

static void run_unlike(uint32_t ranks) {
    for (int which = 0; which < UNLIKE_COUNT; which++) {
        rk_error err = RK_ERROR_INIT;
        forget_seen();
        CHECK(rk_everywhere(call_unlike, &which, sizeof which, LONG, &err) == RK_EINVAL);
        CHECK(err.rank >= 0 && err.rank < (int)ranks);
        CHECK(strstr(err.message, "rank") != NULL);
        for (uint32_t rank = 0; which == OTHER_CALL && rank < ranks; rank++)
            CHECK(seen.status[rank] == RK_EINVAL);
        if (which == OTHER_CALL)
            CHECK(strstr(err.message, "rk_bcast of 1 i64") != NULL && strstr(err.message, "rk_allgather") != NULL);
        if (which == OTHER_FOLD)
            CHECK(strstr(err.message, "(min)") != NULL && strstr(err.message, "(max)") != NULL);
        if (which == OTHER_ROOT && ranks > 2)
            CHECK(strstr(err.message, "root 0") != NULL);
    }
}

static void unlike_calls_are_refused_and_named(void **state) {
    (void)state;
    static const uint32_t sizes[] = {2, 3, 5, 8};
    for (int i = 0; i < 4; i++)
        serve_at(sizes[i], 0, attach_collect, run_unlike);
}

/* As the last thing: only the head can know. */
static rk_status send_in_the_end(rk_call *call) {
    int64_t value = 0, sum = 0;
    (void)call;
    if (own_rank() == rank_count() - 1)
        CHECK(rk_reduce(rk_i64s(&value, 1), rk_i64s(&sum, 1), RK_FOLD_SUM, 0, LONG, NULL) == RK_OK);
    return RK_OK;
}

static rk_status bcast_or_gather(rk_call *call) { /* rank 1 sends to 0, 0 to 1, and both go home */
    int64_t values[2] = {0, 0};
    (void)call;
    if (own_rank() == 0)
        rk_bcast(rk_i64s(values, 1), 0, LONG, NULL);
    else
        rk_gather(rk_i64s(values, 1), rk_no_data(), 0, LONG, NULL);
    return RK_OK;
}

static void run_to_the_end(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    CHECK(rk_everywhere(send_in_the_end, NULL, 0, LONG, &err) == RK_EINVAL);
    if (ranks == 2)
        CHECK(rk_everywhere(bcast_or_gather, NULL, 0, LONG, &err) == RK_EINVAL);
}

static void unlike_calls_are_found_in_the_end_at_the_latest(void **state) {
    (void)state;
    serve_at(2, 0, attach_collect, run_to_the_end);
    serve_at(2, 1, attach_collect, run_to_the_end);
    serve_at(5, 0, attach_collect, run_to_the_end);
}

/* ---- wrong arguments ---- */

static rk_status check_wrong(rk_call *call) {
    int64_t values[8] = {0};
    uint64_t counts[8] = {9};
    uint32_t me = own_rank();
    int which;
    rk_error err = RK_ERROR_INIT;
    rk_status status = RK_OK;
    memcpy(&which, call->arg, sizeof which);
    if (which == 0)
        status = rk_bcast(rk_i64s(values, 1), 8, LONG, &err);
    else if (which == 1)
        status = rk_bcast(rk_i64s(NULL, 1), 0, LONG, &err);
    else if (which == 2)
        status = rk_bcast(rk_data_of(values, 1, RK_STRING), 0, LONG, &err);
    else if (which == 3)
        status = rk_bcast(rk_data_of(values, UINT64_MAX / 2, RK_F64), 0, LONG, &err);
    else if (which == 4)
        status = rk_alltoall(rk_i64s(values, rank_count()), rk_i64s(values, rank_count()), LONG, &err);
    else if (which == 5)
        status = rk_allreduce(rk_f64s((double[1]){1}, 1), rk_f64s((double[1]){1}, 1), RK_FOLD_AND, LONG, &err);
    else if (which == 6)
        status = rk_allgather(rk_i64s(values, 1), rk_i64s(values, rank_count() + 1), LONG, &err);
    else if (which == 7)
        status = rk_scatterv(rk_i64s(values, 1), counts, rk_i64s(values, 1), (int)me, LONG, &err);
    else
        status = rk_bcast(rk_i64s(values, 1), -1, LONG, &err);
    CHECK(status == RK_EINVAL && err.message[0] != '\0');
    return note(call, status, &err);
}

static void run_wrong(uint32_t ranks) {
    (void)ranks;
    for (int which = 0; which <= 8; which++)
        CHECK(rk_everywhere(check_wrong, &which, sizeof which, LONG, NULL) == RK_EINVAL);
    CHECK(rk_everywhere(NULL, NULL, 0, LONG, NULL) == RK_EINVAL);
    CHECK(rk_everywhere(check_wrong, NULL, 4, LONG, NULL) == RK_EINVAL);
    CHECK(rk_barrier_all(LONG, NULL) == RK_EPERM);
}

static void wrong_arguments_are_refused(void **state) {
    (void)state;
    serve_at(1, 0, attach_collect, run_wrong);
    serve_at(3, 0, attach_collect, run_wrong);
    assert_int_equal(rk_barrier_all(LONG, NULL), RK_EPERM); /* by a thread that is no rank's */
    assert_int_equal(rk_everywhere(check_wrong, NULL, 0, LONG, NULL), RK_EPERM);
}

/* ---- functions that fail ---- */

static rk_status fail_on_some(rk_call *call) {
    uint32_t me = own_rank();
    if (me == 1 || me == 3)
        return rk_call_fail(call, RK_EIO, "rank %u can't", me);
    return RK_OK;
}

static void run_failing(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_everywhere(fail_on_some, NULL, 0, LONG, &err);
    CHECK(status == (ranks > 1 ? RK_EIO : RK_OK));
    if (ranks > 1)
        CHECK(err.rank == 1 && strcmp(err.message, "rank 1 can't") == 0);
}

static void the_lowest_failing_rank_is_told(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_failing);
}

static rk_status fail_while_others_wait(rk_call *call) {
    uint32_t me = own_rank();
    rk_error err = RK_ERROR_INIT;
    CHECK(rk_barrier_all(LONG, &err) == RK_OK);
    if (me == rank_count() - 1)
        return rk_call_fail(call, RK_EIO, "the disk is full");
    return note(call, rk_barrier_all(RK_FOREVER, &err), &err);
}

static void run_fail_while_others_wait(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    forget_seen();
    CHECK(rk_everywhere(fail_while_others_wait, NULL, 0, LONG, &err) == RK_EIO);
    CHECK(err.rank == (int)ranks - 1); /* not those that it took along */
    for (uint32_t rank = 0; rank + 1 < ranks; rank++) {
        CHECK(seen.status[rank] == RK_EBROKEN && seen.err[rank].rank == (int)ranks - 1);
        CHECK(strstr(seen.err[rank].message, "the disk is full") != NULL);
    }
}

static void those_who_wait_hear_of_a_failure(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_fail_while_others_wait);
}

/* ---- time ---- */

static rk_status wait_for_rank_0(rk_call *call) {
    uint32_t me = own_rank();
    int64_t value = 0;
    rk_error err = RK_ERROR_INIT;
    if (me == 0) {
        await(&seen.reached, rank_count() - 1);
        rk_status early = rk_bcast(rk_i64s(&value, 1), 0, LONG, &err); /* it needs nobody */
        return note(call, early == RK_OK ? rk_barrier_all(RK_FOREVER, &err) : early, &err);
    }
    rk_status status = rk_bcast(rk_i64s(&value, 1), 0, me == 1 ? 0.02 : RK_FOREVER, &err);
    CHECK(rk_barrier_all(LONG, NULL) != RK_OK); /* broken for good */
    atomic_fetch_add(&seen.reached, 1);
    return note(call, status, &err);
}

static void run_late(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    forget_seen();
    CHECK(rk_everywhere(wait_for_rank_0, NULL, 0, LONG, &err) == RK_ETIMEDOUT);
    CHECK(err.rank == 1 && strstr(err.message, "rank 0") != NULL);
    CHECK(seen.status[0] == RK_EBROKEN && seen.status[1] == RK_ETIMEDOUT);
    for (uint32_t rank = 2; rank < ranks; rank++)
        CHECK(seen.status[rank] == RK_EBROKEN);
}

static void a_timeout_breaks_the_gathering(void **state) {
    (void)state;
    serve_at(2, 0, attach_collect, run_late);
    serve_at(5, 0, attach_collect, run_late);
}

/* Functions of one call that have begun, and those of them that heard that their time is over. */
typedef struct attempt {
    _Atomic uint32_t begun, told;
} attempt;

static rk_status never_end(rk_call *call) {
    rk_error err = RK_ERROR_INIT;
    attempt *this = *(attempt *const *)call->arg;
    if (own_rank() == 0)
        return RK_OK;
    atomic_fetch_add(&this->begun, 1);
    if (own_rank() == 1) {
        while (!rk_call_stopping(call))
            sched_yield();
        atomic_fetch_add(&this->told, 1);
        return RK_ECANCELLED;
    }
    rk_status status = rk_bcast(rk_i64s((int64_t[1]){0}, 1), 1, RK_FOREVER, &err);
    atomic_fetch_add(&this->told, 1);
    return note(call, status, &err);
}

/* A function whose time is over before it begins never runs: then all have more time. */
static void run_out_of_time(uint32_t ranks) {
    static attempt attempts[8];
    memset(attempts, 0, sizeof attempts);
    uint32_t begun = 0;
    double limit = 0.05;
    for (int i = 0; i < 8 && (i == 0 || begun < ranks - 1); i++, limit *= 2) {
        rk_error err = RK_ERROR_INIT;
        attempt *this = &attempts[i];
        forget_seen();
        CHECK(rk_everywhere(never_end, &this, sizeof this, limit, &err) == (ranks == 1 ? RK_OK : RK_ETIMEDOUT));
        begun = atomic_load(&this->begun);
        await(&this->told, begun);
        CHECK(rk_everywhere(fail_on_some, NULL, 0, LONG, &err) == (ranks == 1 ? RK_OK : RK_EIO)); /* all still works */
    }
    CHECK(begun == ranks - 1);
}

static void functions_that_take_too_long_are_told_to_end(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_out_of_time);
}

/* The receivers do not take: the root is not let too far ahead. */
static rk_status run_ahead(rk_call *call) {
    int64_t value = 0;
    int sent = 0;
    (void)call;
    if (own_rank() == 0) {
        while (sent < 100000 && rk_bcast(rk_i64s(&value, 1), 0, 0.1, NULL) == RK_OK)
            sent++;
        CHECK(sent > 64 && sent < 200);
        atomic_store(&seen.go_on, 1);
    } else {
        await(&seen.go_on, 1);
    }
    return RK_OK;
}

static void run_run_ahead(uint32_t ranks) {
    (void)ranks;
    forget_seen();
    rk_everywhere(run_ahead, NULL, 0, LONG, NULL);
}

static void nobody_runs_far_ahead(void **state) {
    (void)state;
    serve_at(2, 0, attach_collect, run_run_ahead);
    serve_at(3, 0, attach_collect, run_run_ahead);
}

/* ---- deaths ---- */

/* The victim does nothing any more; whoever has come first buries it. */
static rk_status lose_one(rk_call *call) {
    uint32_t me = own_rank();
    int64_t value = 1, sum = 0;
    rk_error err = RK_ERROR_INIT;
    CHECK(rk_allreduce(rk_i64s(&value, 1), rk_i64s(&sum, 1), RK_FOLD_SUM, LONG, &err) == RK_OK);
    atomic_fetch_add(&seen.reached, 1);
    if (me == seen.victim) {
        await(&seen.go_on, 1);
        return RK_OK;
    }
    if (me == (seen.victim + 1) % rank_count()) {
        await(&seen.reached, rank_count());
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, seen.victim);
        rk__leave(mail);
    }
    rk_status status = rk_barrier_all(RK_FOREVER, &err);
    return note(call, status, &err);
}

static void run_lose_one(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_everywhere(lose_one, NULL, 0, LONG, &err);
    CHECK(status == RK_EDEAD && err.rank == (int)seen.victim);
    for (uint32_t rank = 0; rank < ranks; rank++)
        if (rank != seen.victim)
            CHECK(seen.status[rank] == RK_EDEAD && seen.err[rank].rank == (int)seen.victim);
    CHECK(rk_everywhere(lose_one, NULL, 0, LONG, &err) == RK_EDEAD && err.rank == (int)seen.victim);
    atomic_store(&seen.go_on, 1);
}

static void all_hear_of_a_death(void **state) {
    (void)state;
    static const uint32_t sizes[] = {2, 3, 5, 8};
    for (int i = 0; i < 4; i++)
        for (uint32_t victim = 1; victim<sizes[i]; victim += sizes[i]> 3 ? 3 : 1) {
            forget_seen();
            seen.victim = victim;
            serve_at(sizes[i], 0, attach_collect, run_lose_one);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlike_calls_are_refused_and_named),
        cmocka_unit_test(unlike_calls_are_found_in_the_end_at_the_latest),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(the_lowest_failing_rank_is_told),
        cmocka_unit_test(those_who_wait_hear_of_a_failure),
        cmocka_unit_test(a_timeout_breaks_the_gathering),
        cmocka_unit_test(functions_that_take_too_long_are_told_to_end),
        cmocka_unit_test(nobody_runs_far_ahead),
        cmocka_unit_test(all_hear_of_a_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
