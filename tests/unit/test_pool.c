#include "pool_fixture.h"

/* ---- apply, submit, get ---- */

static void apply_some(uint32_t ranks) {
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    int count, result = 0;
    OK(rk_pool_worker_count(pool, &count, NULL));
    CHECK(count == (ranks > 1 ? (int)ranks - 1 : 1));
    for (int i = 0; i < 500; i++) {
        OK(rk_pool_apply(pool, add_one, &i, sizeof i, &result, sizeof result, NULL, NULL));
        CHECK(result == i + 1);
    }
    CHECK(rk_pool_apply(pool, only_even, &(int){3}, sizeof(int), &result, sizeof result, NULL, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "3 is odd") == 0);
    CHECK(err.rank == (ranks > 1 ? err.rank : 0) && err.rank >= 0 && err.rank < (int)ranks);
    CHECK(rk_pool_apply(pool, add_one, &(int){3}, sizeof(int), &result, 1, NULL, &err) == RK_EOVERFLOW);
    CHECK(rk_pool_apply(pool, nothing, NULL, 0, &result, sizeof result, NULL, &err) == RK_EOVERFLOW);
    size_t size = 9;
    OK(rk_pool_apply(pool, nothing, NULL, 0, &result, sizeof result, &size, &err));
    CHECK(size == 0);
    CHECK(rk_pool_apply(pool, NULL, NULL, 0, NULL, 0, NULL, &err) == RK_EINVAL);
    end_pool(pool);
}

static void apply_returns_what_the_function_does(void **state) {
    (void)state;
    at_ranks(apply_some, usual);
}

static void sizes(uint32_t ranks) {
    (void)ranks;
    static const size_t list[] = {0, 1, 1023, 1024, 1025, 60000, 70000, 3000000};
    rk_pool pool = make_pool(0);
    for (size_t n = 0; n < 2 * sizeof list / sizeof *list; n++) {
        size_t size = list[n / 2], got = 1;
        unsigned char *arg = malloc(size + 1), *back = malloc(size + 1);
        const void *bytes = NULL;
        memset(arg, (int)n, size);
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        rk_future future;
        options.borrow = n % 2 != 0;
        OK(rk_pool_submit(pool, scramble, arg, size, &options, &future, NULL));
        for (int twice = 0; twice < 2; twice++) {
            OK(rk_future_get(future, 60, &bytes, &got, NULL));
            CHECK(got == size);
            for (size_t i = 0; i < size; i++)
                CHECK(((const unsigned char *)bytes)[i] == (unsigned char)(n + 1));
        }
        OK(rk_future_get_into(future, 0, back, size, NULL));
        CHECK(rk_future_get_into(future, 0, back, size + 1, NULL) == RK_EOVERFLOW);
        CHECK(size == 0 || memcmp(back, bytes, size) == 0);
        OK(rk_future_destroy(future, NULL));
        CHECK(rk_future_get(future, 0, &bytes, &got, NULL) == RK_ENOENT);
        OK(rk_pool_apply(pool, scramble, arg, size, back, size, NULL, NULL));
        CHECK(size == 0 || back[size - 1] == (unsigned char)(n + 1));
        free(arg);
        free(back);
    }
    end_pool(pool);
}

static void arguments_and_results_have_any_size(void **state) {
    (void)state;
    at_ranks(sizes, usual);
}

static atomic_uint started[8];

static rk_status note_start(rk_call *call) {
    (void)call;
    rk__mail *mail = rk__enter(NULL);
    atomic_fetch_add(&started[rk__mail_endpoint(mail)], 1);
    rk__leave(mail);
    return RK_OK;
}

static void all_over(uint32_t ranks) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    options.initializer = note_start;
    for (uint32_t workers = 1; workers <= 2 * ranks + 1; workers++) {
        rk_pool pool;
        uint32_t expected[8] = {0}, rank;
        for (uint32_t i = 0; i < workers; i++)
            expected[(1 + i) % ranks]++;
        for (uint32_t i = 0; i < 8; i++)
            atomic_store(&started[i], 0);
        options.workers = (int)workers;
        OK(rk_pool_create(&pool, &options, NULL));
        for (int i = 0; i < 20; i++) {
            OK(rk_pool_apply(pool, where, NULL, 0, &rank, sizeof rank, NULL, NULL));
            CHECK(expected[rank] > 0);
        }
        end_pool(pool);
        for (uint32_t i = 0; i < 8; i++)
            CHECK(atomic_load(&started[i]) == expected[i]);
    }
}

static void workers_are_on_other_ranks_first(void **state) {
    (void)state;
    at_ranks(all_over, usual);
}

/* ---- timeouts, ready, successful ---- */

static void look_at_it(uint32_t ranks) {
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    bool answer = true;
    const void *bytes;
    size_t size;
    reset();
    if (ranks == 1) /* the gate would never open while the only rank is in it */
        atomic_store(&gate, 1);
    rk_future future = submit_gate(pool);
    if (ranks > 1) {
        CHECK(rk_future_get(future, 0.01, &bytes, &size, &err) == RK_ETIMEDOUT);
        CHECK(rk_future_wait(future, 0, &err) == RK_ETIMEDOUT);
        OK(rk_future_ready(future, &answer, NULL));
        CHECK(!answer);
        CHECK(rk_future_successful(future, &answer, &err) == RK_EPERM);
        OK(rk_future_running(future, &answer, NULL));
        CHECK(answer);
        CHECK(rk_pool_join(pool, 0, &err) == RK_EPERM);
        OK(rk_pool_close(pool, NULL));
        CHECK(rk_pool_join(pool, 0.01, &err) == RK_ETIMEDOUT);
        atomic_store(&gate, 1);
    } else {
        OK(rk_pool_close(pool, NULL));
    }
    CHECK(rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err) == RK_ECLOSED);
    answer = false;
    while (!answer) /* a loop that only looks comes to an end, with one rank too */
        OK(rk_future_ready(future, &answer, NULL));
    OK(rk_future_successful(future, &answer, NULL));
    CHECK(answer);
    OK(rk_future_exception(future, 0, &err, NULL));
    CHECK(err.code == RK_OK);
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_future_get(future, 0, &bytes, &size, NULL));
    OK(rk_future_destroy(future, NULL));
    OK(rk_pool_destroy(pool, NULL));
    CHECK(rk_pool_close(pool, &err) == RK_ENOENT);
    CHECK(rk_pool_destroy(pool, &err) == RK_ENOENT);
    CHECK(rk_future_destroy(future, &err) == RK_ENOENT);
    pool.ref.serial = 0;
    CHECK(rk_pool_close(pool, &err) == RK_EINVAL);
    CHECK(rk_pool_close((rk_pool){future.ref}, &err) == RK_EINVAL);
    CHECK(rk_pool_create(&pool, &(rk_pool_options){.workers = -1}, &err) == RK_EINVAL);
}

static void futures_tell_how_they_are(void **state) {
    (void)state;
    at_ranks(look_at_it, usual);
}

static rk_status use_pool_of_another(rk_call *call) {
    rk_pool pool = *(const rk_pool *)call->arg;
    rk_error err = RK_ERROR_INIT;
    if (rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err) != RK_EPERM)
        return rk_call_fail(call, RK_EINVAL, "it was allowed");
    return RK_OK;
}

static void from_elsewhere(uint32_t ranks) {
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_pool_apply(pool, use_pool_of_another, &pool, sizeof pool, NULL, 0, NULL, &err);
    (void)ranks;
    CHECK(status == RK_OK);
    end_pool(pool);
}

static void only_the_owner_uses_a_pool(void **state) {
    (void)state;
    at_ranks(from_elsewhere, usual);
}

/* A worker's function has a pool of its own, with workers on all ranks, its own included. */
static rk_status nest(rk_call *call) {
    int depth = *(const int *)call->arg, below = 0;
    if (depth == 0)
        return rk_call_return(call, &(int){1}, sizeof(int));
    rk_pool pool = make_pool(3);
    rk_future futures[3];
    int sum = 1;
    for (int i = 0; i < 3; i++)
        futures[i] = submit_int(pool, nest, depth - 1);
    for (int i = 0; i < 3; i++) {
        OK(rk_future_get_into(futures[i], 60, &below, sizeof below, NULL));
        sum += below;
        OK(rk_future_destroy(futures[i], NULL));
    }
    end_pool(pool);
    return rk_call_return(call, &sum, sizeof sum);
}

static void nested(uint32_t ranks) {
    (void)ranks;
    rk_pool pool = make_pool(0);
    int result;
    OK(rk_pool_apply(pool, nest, &(int){2}, sizeof(int), &result, sizeof result, NULL, NULL));
    CHECK(result == 1 + 3 * (1 + 3));
    end_pool(pool);
}

static void workers_may_have_pools(void **state) {
    (void)state;
    at_ranks(nested, usual);
}

/* ---- cancel, priorities, recall ---- */

static void cancel_some(uint32_t ranks) {
    if (ranks == 1)
        return;
    rk_pool pool = make_pool(1);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[6], map_future;
    bool cancelled = true;
    int item = 0;
    reset();
    futures[0] = submit_gate(pool);
    while (atomic_load(&begun) == 0)
        OK(rk_future_running(futures[0], &cancelled, NULL));
    for (int i = 1; i < 6; i++)
        futures[i] = submit_int(pool, count_run, i);
    rk_map map = {.function = count_run, .items = &item, .count = 1, .item_size = sizeof item};
    OK(rk_pool_map_async(pool, &map, &map_future, NULL));
    OK(rk_future_cancel(futures[0], &cancelled, &err));
    CHECK(!cancelled); /* it has begun */
    OK(rk_future_cancel(map_future, &cancelled, &err));
    CHECK(cancelled);
    for (int i = 1; i < 6; i++) { /* the first of them is with the worker already */
        OK(rk_future_cancel(futures[i], &cancelled, &err));
        CHECK(cancelled);
        OK(rk_future_cancelled(futures[i], &cancelled, &err));
        CHECK(cancelled);
        CHECK(rk_future_get(futures[i], 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_ECANCELLED);
    }
    atomic_store(&gate, 1);
    OK(rk_future_wait(futures[0], 60, NULL));
    OK(rk_future_cancel(futures[0], &cancelled, &err));
    CHECK(!cancelled);
    end_pool(pool);
    CHECK(atomic_load(&runs) == 0);
    for (int i = 0; i < 6; i++)
        OK(rk_future_destroy(futures[i], NULL));
    OK(rk_future_destroy(map_future, NULL));
}

static void what_has_not_begun_can_be_cancelled(void **state) {
    (void)state;
    at_ranks(cancel_some, usual);
}

static int order[16];
static atomic_int ordered;

static rk_status note_order(rk_call *call) {
    order[atomic_fetch_add(&ordered, 1)] = *(const int *)call->arg;
    return RK_OK;
}

static void by_priority(uint32_t ranks) {
    static const int priorities[] = {0, 5, -2, 5, 0, 9, -2, 1};
    static const int expected[] = {5, 1, 3, 7, 0, 4, 2, 6};
    rk_pool pool = make_pool(1);
    rk_future futures[8];
    reset();
    atomic_store(&ordered, 0);
    rk_submit_options first = RK_SUBMIT_OPTIONS_INIT;
    rk_future gates[2];
    for (int i = 0; i < 2; i++) /* as many as go ahead */
        OK(rk_pool_submit(pool, wait_for_gate, NULL, 0, &first, &gates[i], NULL));
    for (int i = 0; i < 8; i++) {
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        options.priority = priorities[i];
        OK(rk_pool_submit(pool, note_order, &i, sizeof i, &options, &futures[i], NULL));
    }
    (void)ranks;
    atomic_store(&gate, 1);
    end_pool(pool);
    for (int i = 0; i < 8; i++) {
        CHECK(order[i] == expected[i]);
        OK(rk_future_destroy(futures[i], NULL));
    }
    OK(rk_future_destroy(gates[0], NULL));
    OK(rk_future_destroy(gates[1], NULL));
}

static void higher_priorities_go_first(void **state) {
    (void)state;
    at_ranks(by_priority, usual);
}

static void behind_a_long_one(uint32_t ranks) {
    if (ranks < 3)
        return;
    rk_pool pool = make_pool(2);
    rk_future futures[10];
    reset();
    futures[0] = submit_gate(pool);
    for (int i = 1; i < 10; i++)
        futures[i] = submit_int(pool, count_run, i);
    for (int i = 1; i < 10; i++) /* all end though the worker of the first is busy */
        OK(rk_future_wait(futures[i], 60, NULL));
    CHECK(atomic_load(&runs) == 9);
    atomic_store(&gate, 1);
    end_pool(pool);
    for (int i = 0; i < 10; i++)
        OK(rk_future_destroy(futures[i], NULL));
}

static void what_waits_behind_a_long_task_is_taken_back(void **state) {
    (void)state;
    at_ranks(behind_a_long_one, usual);
}

/* ---- several ---- */

static void several(uint32_t ranks) {
    enum { COUNT = 50 };
    rk_pool pool = make_pool(ranks > 2 ? 2 : 1);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[COUNT + 1], one;
    rk_completed completed;
    bool ready, seen[COUNT + 1] = {false};
    reset();
    atomic_store(&gate, ranks == 1);
    OK(rk_futures_wait(NULL, 0, RK_ALL_COMPLETED, 0, NULL));
    futures[0] = submit_gate(pool);
    for (int i = 1; i < COUNT; i++)
        futures[i] = submit_int(pool, ranks > 2 && i == 9 ? only_even : count_run, i);
    futures[COUNT] = futures[COUNT - 1]; /* twice the same */
    if (ranks > 2) {
        OK(rk_futures_wait(futures, COUNT + 1, RK_FIRST_COMPLETED, 60, &err));
        OK(rk_futures_wait(futures, COUNT + 1, RK_FIRST_EXCEPTION, 60, &err));
        OK(rk_future_ready(futures[9], &ready, NULL));
        CHECK(ready);
        OK(rk_futures_wait(futures + 1, COUNT, RK_ALL_COMPLETED, 60, &err));
        CHECK(rk_futures_wait(futures, COUNT, RK_ALL_COMPLETED, 0.01, &err) == RK_ETIMEDOUT);
    }
    CHECK(rk_futures_wait(futures, COUNT, (rk_wait_for)9, 0, &err) == RK_EINVAL);
    OK(rk_as_completed(&completed, futures, COUNT + 1, &err));
    for (int i = 0; i < COUNT; i++) {
        if (i == COUNT - 1 && ranks > 2) /* all but the first have come */
            CHECK(rk_completed_next(completed, 0.01, &one, &err) == RK_ETIMEDOUT);
        if (i == COUNT - 1 || ranks < 3)
            atomic_store(&gate, 1);
        OK(rk_completed_next(completed, 60, &one, &err));
        int k = 0;
        while (futures[k].ref.serial != one.ref.serial)
            k++;
        CHECK(!seen[k]);
        seen[k] = true;
    }
    CHECK(rk_completed_next(completed, 60, &one, &err) == RK_EEOF);
    OK(rk_completed_destroy(completed, NULL));
    CHECK(rk_completed_next(completed, 60, &one, &err) == RK_ENOENT);
    OK(rk_as_completed(&completed, futures, COUNT, &err)); /* left half-way */
    OK(rk_completed_next(completed, 0, &one, &err));
    OK(rk_completed_destroy(completed, NULL));
    OK(rk_futures_wait(futures, COUNT, RK_ALL_COMPLETED, 60, &err));
    for (int i = 0; i < COUNT; i++)
        OK(rk_future_destroy(futures[i], NULL));
    end_pool(pool);
}

static void several_futures_are_waited_for(void **state) {
    (void)state;
    at_ranks(several, usual);
}

static void watch_one(uint32_t ranks) {
    if (ranks == 1)
        return;
    rk_pool pool = make_pool(1);
    rk__watch watch, second;
    reset();
    rk_future future = submit_gate(pool);
    rk__mail *mail = rk__enter(NULL);
    OK(rk__pool_watch(mail, future.ref, &watch, NULL));
    OK(rk__pool_watch(mail, future.ref, &second, NULL));
    CHECK(!watch.ready);
    rk__pool_unwatch(mail, &second);
    rk__leave(mail);
    atomic_store(&gate, 1);
    OK(rk_future_wait(future, 60, NULL));
    CHECK(watch.ready && !second.ready);
    mail = rk__enter(NULL);
    rk__pool_unwatch(mail, &watch);
    OK(rk__pool_watch(mail, future.ref, &second, NULL));
    CHECK(second.ready);
    rk__pool_unwatch(mail, &second);
    rk__leave(mail);
    OK(rk_future_destroy(future, NULL));
    mail = rk__enter(NULL);
    CHECK(rk__pool_watch(mail, future.ref, &second, NULL) == RK_ENOENT);
    rk__leave(mail);
    end_pool(pool);
}

static void futures_can_be_watched(void **state) {
    (void)state;
    at_ranks(watch_one, usual);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apply_returns_what_the_function_does),
        cmocka_unit_test(arguments_and_results_have_any_size),
        cmocka_unit_test(workers_are_on_other_ranks_first),
        cmocka_unit_test(futures_tell_how_they_are),
        cmocka_unit_test(only_the_owner_uses_a_pool),
        cmocka_unit_test(workers_may_have_pools),
        cmocka_unit_test(what_has_not_begun_can_be_cancelled),
        cmocka_unit_test(higher_priorities_go_first),
        cmocka_unit_test(what_waits_behind_a_long_task_is_taken_back),
        cmocka_unit_test(several_futures_are_waited_for),
        cmocka_unit_test(futures_can_be_watched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
