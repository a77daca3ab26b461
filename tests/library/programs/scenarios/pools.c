/* multiprocessing.Pool and AsyncResult. */
#include "scenarios.h"

enum { COUNT = 10 };

static void count_up(int64_t items[COUNT]) {
    for (int64_t i = 0; i < COUNT; i++)
        items[i] = i;
}

static rk_status end(rk_pool pool, rk_error *err) {
    RK_TRY(rk_pool_close(pool, err));
    RK_TRY(rk_pool_join(pool, RK_FOREVER, err));
    return rk_pool_destroy(pool, err);
}

static rk_map map_of(rk_function function, const int64_t *items, size_t count, size_t chunksize) {
    return (rk_map){.function = function,
                    .items = items,
                    .count = count,
                    .item_size = sizeof(int64_t),
                    .result_size = sizeof(int64_t),
                    .chunksize = chunksize};
}

/* ---- map, starmap, apply ---- */

typedef struct pair {
    int64_t x, y;
} pair;

static rk_status subtract(rk_call *call) {
    const pair *both = call->arg;
    int64_t z = both->x - both->y;
    return rk_call_return(call, &z, sizeof z);
}

static rk_status map(rk_error *err) {
    static const pair pairs[3] = {{7, 1}, {2, 5}, {9, 9}};
    static const int64_t mixed[6] = {0, 2, 4, 5, 6, 8};
    int64_t items[COUNT], results[COUNT], x = 7, y;
    rk_pool_options options = with_workers(2);
    rk_error failure = RK_ERROR_INIT;
    rk_pool pool;
    rk_future future;
    count_up(items);
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_map all = map_of(square, items, COUNT, 3), failing = map_of(square_even, mixed, 6, 2);
    RK_TRY(rk_pool_map(pool, &all, results, err));
    numbers("map", results, COUNT);
    rk_map star = {
        .function = subtract, .items = pairs, .count = 3, .item_size = sizeof *pairs, .result_size = sizeof *results};
    RK_TRY(rk_pool_starmap(pool, &star, results, err));
    numbers("starmap", results, 3);
    RK_TRY(rk_pool_starmap_async(pool, &star, &future, err));
    RK_TRY(rk_future_get_into(future, RK_FOREVER, results, 3 * sizeof *results, err));
    numbers("starmap_async", results, 3);
    RK_TRY(rk_pool_apply(pool, square, &x, sizeof x, &y, sizeof y, NULL, err));
    numbered("apply", y);
    told("a map that fails", rk_pool_map(pool, &failing, results, &failure));
    complained("it says", &failure);
    RK_TRY(rk_future_destroy(future, err));
    return end(pool, err);
}

/* ---- imap ---- */

static rk_status slow_at_first(rk_call *call) {
    if (*(const int64_t *)call->arg == 0)
        nap();
    return square(call);
}

static rk_status imap(rk_error *err) {
    int64_t items[COUNT], results[COUNT], sum = 0;
    rk_pool_options options = with_workers(2);
    rk_pool pool;
    rk_imap ordered, unordered;
    rk_status status;
    count_up(items);
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_map all = map_of(slow_at_first, items, COUNT, 1);
    RK_TRY(rk_pool_imap(pool, &all, &ordered, err));
    for (int i = 0; i < COUNT; i++)
        RK_TRY(rk_imap_next(ordered, RK_FOREVER, &results[i], NULL, err));
    numbers("imap", results, COUNT);
    told("and then", rk_imap_next(ordered, RK_FOREVER, results, NULL, NULL));
    RK_TRY(rk_pool_imap_unordered(pool, &all, &unordered, err));
    while ((status = rk_imap_next(unordered, RK_FOREVER, results, NULL, err)) == RK_OK)
        sum += *results;
    told("imap_unordered", status);
    numbered("its sum", sum);
    return end(pool, err);
}

static rk_status imap_failing(rk_error *err) {
    static const int64_t mixed[4] = {0, 2, 3, 4};
    rk_pool_options options = with_workers(2);
    rk_error failure = RK_ERROR_INIT;
    rk_pool pool;
    rk_imap results;
    int64_t y;
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_map all = map_of(square_even, mixed, 4, 1);
    RK_TRY(rk_pool_imap(pool, &all, &results, err));
    for (int i = 0; i < 5; i++) {
        rk_status status = rk_imap_next(results, RK_FOREVER, &y, NULL, &failure);
        told("next", status);
        if (status == RK_OK)
            numbered("it is", y);
        else if (status == RK_EINVAL)
            complained("it says", &failure);
    }
    return end(pool, err);
}

static rk_status imap_timeout(rk_error *err) {
    rk_pool_options options = with_workers(1);
    gated gate = {.x = 4};
    rk_pool pool;
    rk_imap results;
    int64_t y = 0;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_map all = {
        .function = wait_at_gate, .items = &gate, .count = 1, .item_size = sizeof gate, .result_size = sizeof y};
    RK_TRY(rk_pool_imap(pool, &all, &results, err));
    told("next", rk_imap_next(results, 0.05, &y, NULL, NULL));
    RK_TRY(rk_event_set(gate.gate, err));
    told("next", rk_imap_next(results, RK_FOREVER, &y, NULL, err));
    numbered("it is", y);
    told("next", rk_imap_next(results, RK_FOREVER, &y, NULL, err));
    return end(pool, err);
}

/* ---- results ---- */

static rk_status results(rk_error *err) {
    rk_pool_options options = with_workers(2);
    gated gate = {.x = 3, .picky = true};
    rk_error failure = RK_ERROR_INIT;
    rk_pool pool;
    rk_future future;
    int64_t y;
    bool answer;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    RK_TRY(rk_pool_apply_async(pool, wait_at_gate, &gate, sizeof gate, NULL, &future, err));
    told("get before it is ready", rk_future_get_into(future, 0.05, &y, sizeof y, NULL));
    rk_future_wait(future, 0.05, NULL);
    RK_TRY(rk_future_ready(future, &answer, err));
    answered("ready", answer);
    told("successful before it is ready", rk_future_successful(future, &answer, NULL));
    RK_TRY(rk_event_set(gate.gate, err));
    RK_TRY(rk_future_wait(future, RK_FOREVER, err));
    RK_TRY(rk_future_ready(future, &answer, err));
    answered("ready", answer);
    RK_TRY(rk_future_successful(future, &answer, err));
    answered("successful", answer);
    for (int i = 0; i < 2; i++) {
        told("get", rk_future_get_into(future, RK_FOREVER, &y, sizeof y, &failure));
        complained("it says", &failure);
    }
    RK_TRY(rk_future_destroy(future, err));
    return end(pool, err);
}

/* ---- callbacks ---- */

static void on_result(const void *bytes, size_t size, void *ctx) {
    numbers(ctx, bytes, size / sizeof(int64_t));
}

static void on_failure(const rk_error *what, void *ctx) {
    (void)ctx;
    complained("error_callback", what);
}

static rk_status callbacks(rk_error *err) {
    rk_pool_options options = with_workers(2);
    rk_submit_options calling = {.callback = on_result, .error_callback = on_failure, .ctx = (char[]){"callback"}};
    int64_t items[COUNT], y;
    rk_pool pool;
    rk_future future;
    count_up(items);
    RK_TRY(rk_pool_create(&pool, &options, err));
    for (int i = 4; i <= 5; i++) {
        RK_TRY(rk_pool_apply_async(pool, square_even, &items[i], sizeof *items, &calling, &future, err));
        told("get", rk_future_get_into(future, RK_FOREVER, &y, sizeof y, NULL)); /* after the callback */
        RK_TRY(rk_future_destroy(future, err));
    }
    rk_map all = map_of(square, items, COUNT, 3);
    all.callback = on_result;
    all.ctx = (char[]){"callback of the map"};
    RK_TRY(rk_pool_map_async(pool, &all, &future, err));
    told("get", rk_future_wait(future, RK_FOREVER, err));
    RK_TRY(rk_future_destroy(future, err));
    return end(pool, err);
}

/* ---- workers ---- */

static int64_t life; /* of the one worker */

static rk_status begin_life(rk_call *call) {
    RK_TRY(rk_value_add_i64(*(const rk_value *)call->arg, 1, &life, NULL));
    return RK_OK;
}

static rk_status tell_life(rk_call *call) {
    return rk_call_return(call, &life, sizeof life);
}

static rk_status use_worker(rk_value lives, uint64_t tasks, size_t chunksize, rk_error *err) {
    rk_pool_options options = with_workers(1);
    int64_t items[COUNT], served[COUNT];
    rk_pool pool;
    count_up(items);
    options.initializer = begin_life;
    options.initializer_arg = &lives;
    options.initializer_arg_size = sizeof lives;
    options.max_tasks_per_worker = tasks;
    RK_TRY(rk_value_set_i64(lives, 0, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_map all = map_of(tell_life, items, COUNT, chunksize);
    RK_TRY(rk_pool_map(pool, &all, served, err));
    numbers("served by worker", served, COUNT);
    return end(pool, err);
}

static rk_status maxtasksperchild(rk_error *err) {
    rk_value lives;
    RK_TRY(rk_value_create_i64(&lives, 0, err));
    RK_TRY(use_worker(lives, 0, 1, err));
    RK_TRY(use_worker(lives, 3, 1, err));
    RK_TRY(use_worker(lives, 1, 4, err)); /* a chunk is one task */
    return rk_value_destroy(lives, err);
}

static rk_status initializer(rk_error *err) {
    rk_pool_options options = with_workers(3);
    rk_value lives;
    rk_pool pool;
    int64_t count;
    RK_TRY(rk_value_create_i64(&lives, 0, err));
    options.initializer = begin_life;
    options.initializer_arg = &lives;
    options.initializer_arg_size = sizeof lives;
    RK_TRY(rk_pool_create(&pool, &options, err));
    RK_TRY(end(pool, err));
    RK_TRY(rk_value_get_i64(lives, &count, err));
    numbered("initialized", count);
    return rk_value_destroy(lives, err);
}

/* ---- close, terminate, join ---- */

static rk_status ends(rk_error *err) {
    rk_pool_options options = with_workers(2);
    gated gate = {.x = 4};
    rk_pool pool;
    rk_future future;
    int64_t x = 3, y;
    RK_TRY(make_gate(&gate, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    told("join before close", rk_pool_join(pool, RK_FOREVER, NULL));
    RK_TRY(rk_pool_apply_async(pool, wait_at_gate, &gate, sizeof gate, NULL, &future, err));
    RK_TRY(rk_pool_close(pool, err));
    told("apply_async after close", rk_pool_apply_async(pool, square, &x, sizeof x, NULL, NULL, NULL));
    RK_TRY(rk_event_set(gate.gate, err));
    told("what was submitted before", number_of(future, &y, err));
    told("join", rk_pool_join(pool, RK_FOREVER, err));
    RK_TRY(rk_event_clear(gate.gate, err));
    RK_TRY(rk_pool_create(&pool, &options, err));
    RK_TRY(rk_pool_apply_async(pool, wait_at_gate, &gate, sizeof gate, NULL, NULL, err));
    told("terminate", rk_pool_terminate(pool, err));
    told("join", rk_pool_join(pool, RK_FOREVER, err)); /* though the gate stays shut */
    told("apply after terminate", rk_pool_apply(pool, square, &x, sizeof x, &y, sizeof y, NULL, NULL));
    return RK_OK;
}

const scenario pool_scenarios[] = {{"map", map},
                                   {"imap", imap},
                                   {"imap_failing", imap_failing},
                                   {"imap_timeout", imap_timeout},
                                   {"results", results},
                                   {"callbacks", callbacks},
                                   {"maxtasksperchild", maxtasksperchild},
                                   {"initializer", initializer},
                                   {"ends", ends},
                                   {NULL, NULL}};
