#include "pool_fixture.h"

/* ---- map ---- */

static void map_all(uint32_t ranks) {
    enum { COUNT = 5000 };
    rk_pool pool = make_pool(ranks == 3 ? 5 : 0);
    rk_error err = RK_ERROR_INIT;
    int *items = malloc(COUNT * sizeof *items), *results = malloc(COUNT * sizeof *results);
    for (int i = 0; i < COUNT; i++)
        items[i] = i;
    static const size_t chunks[] = {0, 1, 7, COUNT, 2 * COUNT};
    for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
        memset(results, 0, COUNT * sizeof *results);
        rk_map map = {.function = add_one,
                      .items = items,
                      .count = COUNT,
                      .item_size = sizeof(int),
                      .result_size = sizeof(int),
                      .chunksize = chunks[c]};
        OK(rk_pool_map(pool, &map, results, &err));
        for (int i = 0; i < COUNT; i++)
            CHECK(results[i] == i + 1);
        map.result_size = 0;
        OK(rk_pool_map(pool, &map, NULL, &err));
        map.count = 0;
        OK(rk_pool_map(pool, &map, NULL, &err));
    }
    rk_map map = {.function = only_even, .items = items, .count = 100, .item_size = sizeof(int), .chunksize = 10};
    items[35] = 35, items[71] = 71;
    for (int i = 0; i < 100; i++)
        items[i] = i == 35 || i == 71 ? i : 2 * i;
    CHECK(rk_pool_map(pool, &map, NULL, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "item 35: 35 is odd") == 0);
    map.function = add_one;
    map.result_size = 5;
    CHECK(rk_pool_map(pool, &map, results, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "item 0: the function returned 4 bytes, the map has a result_size of 5") == 0);
    map.item_size = 0;
    CHECK(rk_pool_map(pool, &map, results, &err) == RK_EINVAL);
    free(items);
    free(results);
    end_pool(pool);
}

static void map_gives_results_in_order(void **state) {
    (void)state;
    at_ranks(map_all, usual);
}

typedef struct noted {
    int results, failures, dones, last;
    size_t size;
    rk_status code;
} noted;

static void note_result(const void *bytes, size_t size, void *ctx) {
    noted *self = ctx;
    self->results++;
    self->size = size;
    self->last = size >= sizeof(int) ? *(const int *)bytes : 0;
}

static void note_failure(const rk_error *what, void *ctx) {
    noted *self = ctx;
    self->failures++;
    self->code = what->code;
}

static void map_later(uint32_t ranks) {
    (void)ranks;
    enum { COUNT = 1000 };
    rk_pool pool = make_pool(0);
    noted seen = {0};
    const void *bytes;
    size_t size;
    int items[COUNT];
    for (int i = 0; i < COUNT; i++)
        items[i] = i;
    rk_map map = {.function = add_one,
                  .items = items,
                  .count = COUNT,
                  .item_size = sizeof(int),
                  .result_size = sizeof(int),
                  .callback = note_result,
                  .error_callback = note_failure,
                  .ctx = &seen};
    rk_future future;
    OK(rk_pool_map_async(pool, &map, &future, NULL));
    memset(items, 0, sizeof items); /* they were copied */
    OK(rk_future_get(future, 60, &bytes, &size, NULL));
    CHECK(size == COUNT * sizeof(int) && seen.results == 1 && seen.size == size && seen.failures == 0);
    for (int i = 0; i < COUNT; i++)
        CHECK(((const int *)bytes)[i] == i + 1);
    OK(rk_future_destroy(future, NULL));
    map.function = only_even;
    items[500] = 1;
    OK(rk_pool_map_async(pool, &map, &future, NULL));
    CHECK(rk_future_get(future, 60, &bytes, &size, NULL) == RK_EINVAL);
    CHECK(seen.results == 1 && seen.failures == 1 && seen.code == RK_EINVAL);
    OK(rk_future_destroy(future, NULL));
    end_pool(pool);
}

static void map_async_calls_back_with_all_results(void **state) {
    (void)state;
    at_ranks(map_later, usual);
}

/* ---- imap ---- */

static rk_status dawdle(rk_call *call) { /* the first ones take longest */
    int x = *(const int *)call->arg;
    if (x < 4)
        usleep(3000);
    return rk_call_return(call, &x, sizeof x);
}

typedef struct source {
    int next, end;
} source;

static bool generate(void *item, void *ctx) {
    source *self = ctx;
    if (self->next == self->end)
        return false;
    *(int *)item = self->next++;
    return true;
}

static void imap_all(uint32_t ranks) {
    (void)ranks;
    enum { COUNT = 60 };
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    for (int variant = 0; variant < 8; variant++) {
        bool ordered = variant & 1, generated = variant & 2;
        int items[COUNT], seen[COUNT] = {0}, result = -1;
        source from = {0, COUNT};
        for (int i = 0; i < COUNT; i++)
            items[i] = i;
        rk_map map = {.function = dawdle,
                      .items = items,
                      .count = COUNT,
                      .item_size = sizeof(int),
                      .result_size = sizeof(int),
                      .chunksize = variant & 4 ? 7 : 0,
                      .ctx = &from,
                      .next = generated ? generate : NULL,
                      .buffer = 3};
        rk_imap imap;
        OK(ordered ? rk_pool_imap(pool, &map, &imap, &err) : rk_pool_imap_unordered(pool, &map, &imap, &err));
        memset(items, 0, sizeof items);
        for (int i = 0; i < COUNT; i++) {
            uint64_t index;
            OK(rk_imap_next(imap, 60, &result, &index, &err));
            CHECK(result == (int)index && (!ordered || result == i));
            CHECK(seen[result]++ == 0);
            CHECK(!generated || from.next <= i + 1 + 3 * (variant & 4 ? 7 : 1)); /* no further ahead than the buffer */
        }
        CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_EEOF);
        CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_EEOF);
        OK(rk_imap_destroy(imap, NULL));
        CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_ENOENT);
    }
    end_pool(pool);
}

static void imap_is_in_order_and_lazy(void **state) {
    (void)state;
    at_ranks(imap_all, usual);
}

static void imap_fails(uint32_t ranks) {
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    int items[] = {0, 2, 3, 4}, result = -1;
    uint64_t index = 99;
    rk_map map = {
        .function = only_even, .items = items, .count = 4, .item_size = sizeof(int), .result_size = sizeof(int)};
    rk_imap imap;
    OK(rk_pool_imap(pool, &map, &imap, &err));
    OK(rk_pool_close(pool, NULL)); /* what was begun before goes on */
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 0);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 2);
    CHECK(rk_imap_next(imap, 60, &result, &index, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "item 2: 3 is odd") == 0 && index == 2);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 4);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_EEOF);
    OK(rk_imap_destroy(imap, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_pool_destroy(pool, NULL));
    pool = make_pool(0);
    map.chunksize = 3; /* the third of the first chunk fails, which comes in any order */
    OK(rk_pool_imap_unordered(pool, &map, &imap, &err));
    do
        index = 99;
    while (rk_imap_next(imap, 60, &result, &index, &err) == RK_OK);
    CHECK(strcmp(err.message, "item 2: 3 is odd") == 0 && index == 2);
    OK(rk_imap_destroy(imap, NULL));
    OK(rk_pool_destroy(pool, NULL));
    map.chunksize = 1;
    if (ranks == 1)
        return;
    reset();
    pool = make_pool(0);
    map.function = wait_for_gate;
    map.buffer = 2;
    OK(rk_pool_imap_unordered(pool, &map, &imap, &err));
    OK(rk_pool_close(pool, NULL));
    CHECK(rk_pool_join(pool, 60, &err) == RK_EPERM); /* it would wait for itself */
    CHECK(rk_imap_next(imap, 0.01, &result, NULL, &err) == RK_ETIMEDOUT);
    OK(rk_imap_destroy(imap, NULL));
    atomic_store(&gate, 1);
    OK(rk_pool_join(pool, 60, &err));
    OK(rk_pool_destroy(pool, NULL));
}

static void imap_goes_on_after_a_failure(void **state) {
    (void)state;
    at_ranks(imap_fails, usual);
}

/* Some of its chunks are with workers, some not: those are cancelled one after the other. */
static void imap_goes_early(uint32_t ranks) {
    (void)ranks;
    enum { COUNT = 40 };
    int items[COUNT] = {0};
    rk_imap imap;
    rk_error err = RK_ERROR_INIT;
    reset();
    rk_pool pool = make_pool(0);
    rk_map map = {.function = wait_for_gate,
                  .items = items,
                  .count = COUNT,
                  .item_size = sizeof(int),
                  .result_size = sizeof(int),
                  .buffer = COUNT};
    for (int ordered = 0; ordered < 2; ordered++) {
        OK(ordered ? rk_pool_imap(pool, &map, &imap, &err) : rk_pool_imap_unordered(pool, &map, &imap, &err));
        OK(rk_imap_destroy(imap, &err));
    }
    atomic_store(&gate, 1);
    end_pool(pool);
}

static void imap_is_destroyed_with_chunks_to_do(void **state) {
    (void)state;
    at_ranks(imap_goes_early, usual);
}

/* ---- callbacks ---- */

static void note_done(rk_future future, void *ctx) {
    noted *self = ctx;
    bool ready = false;
    OK(rk_future_ready(future, &ready, NULL)); /* calls are allowed */
    CHECK(ready);
    self->dones++;
    self->last = self->dones;
}

static void callbacks(uint32_t ranks) {
    (void)ranks;
    rk_pool pool = make_pool(0);
    noted seen = {0}, done = {0};
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    rk_future future;
    options.callback = note_result;
    options.error_callback = note_failure;
    options.ctx = &seen;
    OK(rk_pool_submit(pool, only_even, &(int){4}, sizeof(int), &options, &future, NULL));
    OK(rk_future_add_done_callback(future, note_done, &done, NULL));
    OK(rk_future_add_done_callback(future, note_done, &done, NULL));
    OK(rk_future_wait(future, 60, NULL));
    CHECK(seen.results == 1 && seen.failures == 0 && seen.last == 4 && done.dones == 2);
    OK(rk_future_add_done_callback(future, note_done, &done, NULL)); /* at once */
    CHECK(done.dones == 3);
    CHECK(rk_future_add_done_callback(future, NULL, NULL, NULL) == RK_EINVAL);
    OK(rk_future_destroy(future, NULL));
    OK(rk_pool_submit(pool, only_even, &(int){5}, sizeof(int), &options, &future, NULL));
    CHECK(rk_future_get(future, 60, &(const void *){NULL}, &(size_t){0}, NULL) == RK_EINVAL);
    CHECK(seen.results == 1 && seen.failures == 1 && seen.code == RK_EINVAL);
    OK(rk_future_destroy(future, NULL));
    size_t large = 100000; /* fetched for the callback */
    void *arg = calloc(1, large);
    OK(rk_pool_submit(pool, scramble, arg, large, &options, NULL, NULL)); /* nobody keeps it */
    OK(rk_pool_close(pool, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    CHECK(seen.results == 2 && seen.size == large && seen.last == 0x01010101);
    OK(rk_pool_destroy(pool, NULL));
    free(arg);
}

static void callbacks_come_before_the_wait_ends(void **state) {
    (void)state;
    at_ranks(callbacks, usual);
}

/* ---- inputs ---- */

static rk_status sum_inputs(rk_call *call) {
    int sum = call->arg_size > 0 ? *(const int *)call->arg : 0;
    const void *bytes;
    size_t size;
    for (size_t i = 0; (bytes = rk_call_input(call, i, &size)) != NULL; i++)
        sum += ((const int *)bytes)[size / sizeof(int) - 1];
    size = *(const int *)call->arg == 0 ? 100000 : 1; /* of some: large */
    int *result = rk_call_result(call, size * sizeof *result);
    memset(result, 0, size * sizeof *result);
    result[size - 1] = sum + 1;
    return RK_OK;
}

static void chain(uint32_t ranks) {
    enum { LINKS = 1000 };
    rk_pool pool = make_pool(ranks > 2 ? (int)ranks : 0);
    rk_future futures[LINKS];
    for (int i = 0; i < LINKS; i++) {
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        options.inputs = &futures[i - (i > 0)];
        options.input_count = i > 0;
        int arg = i % 10 == 3 ? 0 : 1; /* 0: a large result */
        OK(rk_pool_submit(pool, sum_inputs, &arg, sizeof arg, &options, &futures[i], NULL));
        if (i > 0 && i % 2 == 0)
            OK(rk_future_destroy(futures[i - 1], NULL)); /* the next one has it */
    }
    const void *bytes;
    size_t size;
    OK(rk_future_get(futures[LINKS - 1], 60, &bytes, &size, NULL));
    CHECK(size == sizeof(int) && *(const int *)bytes == 2 * LINKS - LINKS / 10);
    for (int i = 0; i < LINKS; i += 2)
        OK(rk_future_destroy(futures[i], NULL));
    OK(rk_future_destroy(futures[LINKS - 1], NULL));
    end_pool(pool);
}

static void values_go_along_a_chain_of_futures(void **state) {
    (void)state;
    at_ranks(chain, usual);
}

static void shared_inputs(uint32_t ranks) {
    (void)ranks;
    enum { USERS = 20 };
    rk_pool pool = make_pool(0);
    rk_future large = submit_int(pool, sum_inputs, 0), users[USERS];
    const void *bytes, *again;
    size_t size;
    for (int i = 0; i < USERS; i++) {
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        rk_future twice[2] = {large, large};
        options.inputs = twice;
        options.input_count = 2;
        OK(rk_pool_submit(pool, sum_inputs, &i, sizeof i, &options, &users[i], NULL));
        if (i == USERS / 2) { /* fetched in between: copied or taken, others find it still */
            OK(rk_future_get(large, 60, &bytes, &size, NULL));
            CHECK(size == 400000 && ((const int *)bytes)[99999] == 1);
        }
    }
    for (int i = 0; i < USERS; i++) {
        int expected = i + 2 + 1;
        OK(rk_future_get(users[i], 60, &bytes, &size, NULL));
        CHECK(((const int *)bytes)[size / sizeof(int) - 1] == expected);
        OK(rk_future_destroy(users[i], NULL));
    }
    OK(rk_future_get(large, 0, &again, &size, NULL));
    CHECK(((const int *)again)[99999] == 1);
    OK(rk_future_destroy(large, NULL));
    end_pool(pool);
}

static void many_tasks_share_an_input(void **state) {
    (void)state;
    at_ranks(shared_inputs, usual);
}

static void failed_inputs(uint32_t ranks) {
    (void)ranks;
    enum { LINKS = 3000 };
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[LINKS];
    futures[0] = submit_int(pool, only_even, 7);
    for (int round = 0; round < 2; round++) /* before it is done, and after */
        for (int i = 1; i < LINKS; i++) {
            rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
            options.inputs = &futures[i - 1];
            options.input_count = 1;
            if (round == 1) {
                CHECK(rk_future_get(futures[i], 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_EINVAL);
                CHECK(strncmp(err.message, "input 0 failed: ", 16) == 0);
                OK(rk_future_destroy(futures[i], NULL));
            }
            if (round == 0 || i == 1)
                OK(rk_pool_submit(pool, sum_inputs, &i, sizeof i, &options, &futures[i], NULL));
        }
    CHECK(rk_future_get(futures[1], 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_EINVAL);
    OK(rk_future_destroy(futures[1], NULL));
    OK(rk_future_destroy(futures[0], NULL));
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    options.inputs = futures;
    options.input_count = 1;
    CHECK(rk_pool_submit(pool, sum_inputs, NULL, 0, &options, &futures[1], &err) == RK_ENOENT);
    end_pool(pool);
}

static void a_failed_input_fails_its_users(void **state) {
    (void)state;
    at_ranks(failed_inputs, usual);
}

/* ---- many ---- */

static void outstanding(uint32_t ranks) {
    enum { COUNT = 100000 };
    rk_pool pool = make_pool(0);
    rk_future *futures = malloc(COUNT * sizeof *futures);
    int result;
    (void)ranks;
    for (int i = 0; i < COUNT; i++)
        futures[i] = submit_int(pool, add_one, i);
    for (int i = COUNT - 1; i >= 0; i--) {
        OK(rk_future_get_into(futures[i], 60, &result, sizeof result, NULL));
        CHECK(result == i + 1);
        OK(rk_future_destroy(futures[i], NULL));
    }
    free(futures);
    end_pool(pool);
}

static void many_futures_are_outstanding(void **state) {
    (void)state;
    at_ranks(outstanding, (const uint32_t[]){2, 3, 0});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(map_gives_results_in_order),          cmocka_unit_test(map_async_calls_back_with_all_results),
        cmocka_unit_test(imap_is_in_order_and_lazy),           cmocka_unit_test(imap_goes_on_after_a_failure),
        cmocka_unit_test(callbacks_come_before_the_wait_ends), cmocka_unit_test(values_go_along_a_chain_of_futures),
        cmocka_unit_test(many_tasks_share_an_input),           cmocka_unit_test(a_failed_input_fails_its_users),
        cmocka_unit_test(many_futures_are_outstanding),        cmocka_unit_test(imap_is_destroyed_with_chunks_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
