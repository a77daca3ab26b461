/* concurrent.futures. */
#include "scenarios.h"

static rk_status open_gate(const gated *gate, rk_error *err) {
    return rk_event_set(gate->gate, err);
}

/* Three tasks, each behind a gate of its own. */
static rk_status submit_three(rk_pool *pool, gated gates[3], rk_future futures[3], rk_error *err) {
    rk_pool_options options = with_workers(3);
    RK_TRY(rk_pool_create(pool, &options, err));
    for (int i = 0; i < 3; i++) {
        gates[i] = (gated){.x = i, .picky = true};
        RK_TRY(make_gate(&gates[i], err));
        RK_TRY(rk_pool_submit(*pool, wait_at_gate, &gates[i], sizeof *gates, NULL, &futures[i], err));
    }
    return RK_OK;
}

static rk_status shut_down(rk_pool pool, rk_error *err) {
    RK_TRY(rk_pool_shutdown(pool, true, false, err));
    return rk_pool_destroy(pool, err);
}

static rk_status as_completed(rk_error *err) {
    static const int order[3] = {2, 0, 1};
    rk_pool pool;
    gated gates[3];
    rk_future futures[3], next;
    rk_completed completed;
    RK_TRY(submit_three(&pool, gates, futures, err));
    RK_TRY(rk_as_completed(&completed, futures, 3, err));
    for (int i = 0; i < 3; i++) {
        RK_TRY(open_gate(&gates[order[i]], err));
        RK_TRY(rk_completed_next(completed, RK_FOREVER, &next, err));
        for (int k = 0; k < 3; k++)
            if (next.ref.serial == futures[k].ref.serial)
                numbered("completed", k);
    }
    told("next", rk_completed_next(completed, RK_FOREVER, &next, NULL));
    RK_TRY(rk_completed_destroy(completed, err));
    return shut_down(pool, err);
}

static rk_status as_completed_timeout(rk_error *err) {
    rk_pool pool;
    gated gates[3];
    rk_future futures[3], next;
    rk_completed completed;
    RK_TRY(submit_three(&pool, gates, futures, err));
    RK_TRY(rk_as_completed(&completed, futures, 3, err));
    told("next", rk_completed_next(completed, 0.05, &next, NULL));
    RK_TRY(rk_completed_destroy(completed, err));
    for (int i = 0; i < 3; i++)
        RK_TRY(open_gate(&gates[i], err));
    return shut_down(pool, err);
}

/* Which are done, as bits. */
static rk_status tell_done(const char *what, rk_status status, const rk_future futures[3], rk_error *err) {
    if (status != RK_OK && status != RK_ETIMEDOUT)
        return status;
    printf("%s:", what);
    for (int i = 0; i < 3; i++) {
        bool done;
        RK_TRY(rk_future_done(futures[i], &done, err));
        printf(" %s", done ? "True" : "False");
    }
    printf("\n");
    return RK_OK;
}

static rk_status wait_for_some(rk_error *err) {
    rk_pool pool;
    gated gates[3];
    rk_future futures[3];
    RK_TRY(submit_three(&pool, gates, futures, err));
    RK_TRY(open_gate(&gates[2], err));
    rk_status status = rk_futures_wait(futures, 3, RK_FIRST_COMPLETED, RK_FOREVER, err);
    RK_TRY(tell_done("FIRST_COMPLETED", status, futures, err));
    status = rk_futures_wait(futures, 3, RK_FIRST_EXCEPTION, 0.05, err);
    RK_TRY(tell_done("FIRST_EXCEPTION without any", status, futures, err));
    RK_TRY(open_gate(&gates[1], err)); /* fails: 1 is odd */
    status = rk_futures_wait(futures, 3, RK_FIRST_EXCEPTION, RK_FOREVER, err);
    RK_TRY(tell_done("FIRST_EXCEPTION", status, futures, err));
    status = rk_futures_wait(futures, 3, RK_ALL_COMPLETED, 0.05, err);
    RK_TRY(tell_done("ALL_COMPLETED in no time", status, futures, err));
    RK_TRY(open_gate(&gates[0], err));
    status = rk_futures_wait(futures, 3, RK_ALL_COMPLETED, RK_FOREVER, err);
    RK_TRY(tell_done("ALL_COMPLETED", status, futures, err));
    return shut_down(pool, err);
}

static rk_status results(rk_error *err) {
    rk_pool pool;
    gated gates[3];
    rk_future futures[3];
    rk_error what = RK_ERROR_INIT;
    int64_t x;
    RK_TRY(submit_three(&pool, gates, futures, err));
    told("result before it is done", rk_future_get_into(futures[0], 0.05, &x, sizeof x, NULL));
    told("exception before it is done", rk_future_exception(futures[0], 0, &what, NULL));
    for (int i = 0; i < 3; i++)
        RK_TRY(open_gate(&gates[i], err));
    RK_TRY(number_of(futures[2], &x, err));
    numbered("result", x);
    RK_TRY(rk_future_exception(futures[2], RK_FOREVER, &what, err));
    told("exception", what.code);
    RK_TRY(rk_future_exception(futures[1], RK_FOREVER, &what, err));
    told("exception", what.code);
    complained("it says", &what);
    told("result", number_of(futures[1], &x, &what));
    return shut_down(pool, err);
}

static void on_done(rk_future future, void *ctx) {
    bool done = false;
    rk_future_done(future, &done, NULL);
    answered(ctx, done);
}

static rk_status done_callbacks(rk_error *err) {
    static char first[] = "first callback, done", second[] = "second callback, done", late[] = "a late one, done";
    rk_pool pool;
    gated gates[3];
    rk_future futures[3];
    RK_TRY(submit_three(&pool, gates, futures, err));
    RK_TRY(rk_future_add_done_callback(futures[0], on_done, first, err));
    RK_TRY(rk_future_add_done_callback(futures[0], on_done, second, err));
    printf("added\n");
    for (int i = 0; i < 3; i++)
        RK_TRY(open_gate(&gates[i], err));
    RK_TRY(rk_pool_shutdown(pool, true, false, err));
    RK_TRY(rk_future_add_done_callback(futures[0], on_done, late, err));
    printf("at once\n");
    return rk_pool_destroy(pool, err);
}

/* Five tasks for one worker, the first of which waits: the last one has certainly not begun. */
static rk_status cancel(rk_error *err) {
    rk_pool_options options = with_workers(1);
    gated gate = {.x = 4};
    rk_pool pool;
    rk_future futures[6];
    int64_t x;
    bool answer;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    for (int i = 0; i < 6; i++)
        RK_TRY(rk_pool_submit(pool, wait_at_gate, &gate, sizeof gate, NULL, &futures[i], err));
    RK_TRY(rk_event_wait(gate.begun, RK_FOREVER, err));
    RK_TRY(rk_future_running(futures[0], &answer, err));
    answered("the first one is running", answer);
    RK_TRY(rk_future_running(futures[5], &answer, err));
    answered("the last one is running", answer);
    RK_TRY(rk_future_cancel(futures[0], &answer, err));
    answered("cancel one that runs", answer);
    RK_TRY(rk_future_cancel(futures[5], &answer, err));
    answered("cancel one that waits", answer);
    RK_TRY(rk_future_cancelled(futures[5], &answer, err));
    answered("cancelled", answer);
    RK_TRY(rk_future_done(futures[5], &answer, err));
    answered("done", answer);
    told("its result", number_of(futures[5], &x, NULL));
    RK_TRY(rk_pool_shutdown(pool, false, true, err));
    told("submit after shutdown", rk_pool_submit(pool, square, &x, sizeof x, NULL, NULL, NULL));
    told("one that shutdown cancelled", number_of(futures[4], &x, NULL));
    RK_TRY(open_gate(&gate, err));
    told("one that ran", number_of(futures[0], &x, err));
    RK_TRY(rk_future_cancel(futures[0], &answer, err));
    answered("cancel one that is done", answer);
    RK_TRY(rk_pool_shutdown(pool, true, false, err));
    return rk_pool_destroy(pool, err);
}

static rk_status fail_to_begin(rk_call *call) {
    return rk_call_fail(call, RK_EIO, "no such file");
}

static rk_status broken_initializer(rk_error *err) {
    rk_pool_options options = with_workers(1);
    rk_pool pool;
    rk_future future;
    int64_t x = 3;
    options.initializer = fail_to_begin;
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_status status = rk_pool_submit(pool, square, &x, sizeof x, NULL, &future, NULL);
    told("result", status == RK_OK ? number_of(future, &x, NULL) : status);
    told("submit", rk_pool_submit(pool, square, &x, sizeof x, NULL, NULL, NULL));
    return rk_pool_destroy(pool, err);
}

static rk_status map(rk_error *err) {
    static const int64_t mixed[4] = {4, 2, 3, 6};
    rk_map all = {
        .function = square_even, .items = mixed, .count = 4, .item_size = sizeof *mixed, .result_size = sizeof *mixed};
    rk_pool_options options = with_workers(2);
    rk_error failure = RK_ERROR_INIT;
    rk_pool pool;
    rk_imap results;
    int64_t y;
    RK_TRY(rk_pool_create(&pool, &options, err));
    RK_TRY(rk_pool_imap(pool, &all, &results, err));
    for (int i = 0; i < 2; i++) {
        RK_TRY(rk_imap_next(results, RK_FOREVER, &y, NULL, err));
        numbered("next", y);
    }
    told("next", rk_imap_next(results, RK_FOREVER, &y, NULL, &failure));
    complained("it says", &failure);
    RK_TRY(rk_imap_destroy(results, err)); /* there, the map ends with its first failure */
    return shut_down(pool, err);
}

const scenario future_scenarios[] = {{"as_completed", as_completed},
                                     {"as_completed_timeout", as_completed_timeout},
                                     {"wait", wait_for_some},
                                     {"results", results},
                                     {"done_callbacks", done_callbacks},
                                     {"cancel", cancel},
                                     {"broken_initializer", broken_initializer},
                                     {"map", map},
                                     {NULL, NULL}};
