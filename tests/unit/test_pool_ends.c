#include "pool_fixture.h"

/* ---- ends ---- */

static void terminate_all(uint32_t ranks) {
    rk_pool pool = make_pool(ranks > 2 ? 2 : 1);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[20], blocked, map_future;
    int items[30] = {0};
    bool cancelled;
    reset();
    for (int i = 0; i < 20; i++)
        futures[i] = submit_gate(pool);
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    options.inputs = futures;
    options.input_count = 20;
    OK(rk_pool_submit(pool, nothing, NULL, 0, &options, &blocked, NULL));
    rk_map map = {.function = wait_for_gate, .items = items, .count = 30, .item_size = sizeof(int)};
    OK(rk_pool_map_async(pool, &map, &map_future, NULL));
    while (ranks > 1 && atomic_load(&begun) == 0)
        OK(rk_future_ready(futures[0], &cancelled, NULL));
    OK(rk_pool_terminate(pool, NULL));
    CHECK(rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err) == RK_ECLOSED);
    for (int i = 0; i < 20; i++) {
        CHECK(rk_future_get(futures[i], 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_ECANCELLED);
        OK(rk_future_cancelled(futures[i], &cancelled, NULL));
        CHECK(cancelled);
        OK(rk_future_destroy(futures[i], NULL));
    }
    CHECK(rk_future_get(blocked, 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_ECANCELLED);
    CHECK(rk_future_get(map_future, 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_ECANCELLED);
    OK(rk_pool_join(pool, 60, NULL)); /* running ones saw it */
    OK(rk_future_destroy(blocked, NULL));
    OK(rk_future_destroy(map_future, NULL));
    OK(rk_pool_destroy(pool, NULL));
}

static void terminate_ends_running_functions(void **state) {
    (void)state;
    at_ranks(terminate_all, usual);
}

static rk_status wait_in_library(rk_call *call) {
    (void)call;
    rk_pool pool = make_pool(1);
    rk_future future = submit_gate(pool); /* of its own, for ever */
    atomic_fetch_add(&runs, 1);
    rk_status status = rk_future_wait(future, RK_FOREVER, NULL);
    CHECK(status == RK_ECANCELLED);
    OK(rk_pool_destroy(pool, NULL));
    OK(rk_future_destroy(future, NULL));
    return status;
}

static void terminate_waiting(uint32_t ranks) {
    if (ranks < 3)
        return;
    rk_pool pool = make_pool(1);
    bool ready;
    reset();
    rk_future future = submit_int(pool, wait_in_library, 0);
    while (atomic_load(&runs) == 0 || atomic_load(&begun) == 0)
        OK(rk_future_ready(future, &ready, NULL));
    OK(rk_pool_terminate(pool, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_pool_destroy(pool, NULL));
    OK(rk_future_destroy(future, NULL));
}

static void terminate_ends_waits_of_functions(void **state) {
    (void)state;
    at_ranks(terminate_waiting, usual);
}

static void shut_down(uint32_t ranks) {
    rk_pool pool = make_pool(1);
    rk_future futures[20];
    int done = 0, cancelled = 0;
    bool answer;
    reset();
    atomic_store(&gate, ranks == 1);
    for (int i = 0; i < 20; i++)
        futures[i] = i == 0 ? submit_gate(pool) : submit_int(pool, count_run, i);
    while (ranks > 1 && atomic_load(&begun) == 0)
        OK(rk_future_ready(futures[0], &answer, NULL));
    OK(rk_pool_shutdown(pool, false, true, NULL));
    atomic_store(&gate, 1);
    OK(rk_pool_shutdown(pool, true, false, NULL));
    for (int i = 0; i < 20; i++) {
        OK(rk_future_ready(futures[i], &answer, NULL));
        CHECK(answer);
        OK(rk_future_cancelled(futures[i], &answer, NULL));
        cancelled += answer;
        OK(rk_future_successful(futures[i], &answer, NULL));
        done += answer;
        OK(rk_future_destroy(futures[i], NULL));
    }
    CHECK(done + cancelled == 20 && done >= 1 && cancelled >= 18 && atomic_load(&runs) == done - 1);
    OK(rk_pool_destroy(pool, NULL));
}

static void shutdown_cancels_what_waits(void **state) {
    (void)state;
    at_ranks(shut_down, usual);
}

static void leave_it(uint32_t ranks) {
    (void)ranks;
    rk_pool pool = make_pool(2), other = make_pool(1);
    rk_future future = submit_int(pool, count_run, 1);
    rk_imap imap;
    int item = 0;
    rk_map map = {.function = count_run, .items = &item, .count = 1, .item_size = sizeof item};
    rk_completed completed;
    OK(rk_pool_imap(other, &map, &imap, NULL));
    OK(rk_as_completed(&completed, &future, 1, NULL));
    OK(rk_pool_destroy(other, NULL));
    submit_int(pool, add_one, 3);
}

static void what_is_left_is_cleared_away(void **state) {
    (void)state;
    at_ranks(leave_it, usual);
}

/* ---- initializers, max_tasks ---- */

static rk_status initialize(rk_call *call) {
    atomic_fetch_add(&begun, *(const int *)call->arg);
    return RK_OK;
}

static rk_status fail_to_initialize(rk_call *call) {
    return rk_call_fail(call, RK_EIO, "no such file");
}

static void initializers(uint32_t ranks) {
    (void)ranks;
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_error err = RK_ERROR_INIT;
    rk_pool pool;
    reset();
    options.workers = 3;
    options.initializer = initialize;
    options.initializer_arg = &(int){7};
    options.initializer_arg_size = sizeof(int);
    OK(rk_pool_create(&pool, &options, &err));
    end_pool(pool);
    CHECK(atomic_load(&begun) == 21);
    options.workers = 1;
    options.max_tasks_per_worker = 4;
    reset();
    OK(rk_pool_create(&pool, &options, &err));
    for (int i = 0; i < 12; i++) {
        int result;
        OK(rk_pool_apply(pool, add_one, &i, sizeof i, &result, sizeof result, NULL, &err));
        CHECK(result == i + 1);
    }
    OK(rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err));
    end_pool(pool);
    CHECK(atomic_load(&begun) == 4 * 7); /* after 4, 8 and 12 tasks again */
    options.initializer = fail_to_initialize;
    OK(rk_pool_create(&pool, &options, &err));
    rk_status status = rk_pool_apply(pool, nothing, NULL, 0, NULL, 0, NULL, &err);
    CHECK(status == RK_EBROKEN && strstr(err.message, "no such file") != NULL);
    CHECK(rk_pool_apply(pool, nothing, NULL, 0, NULL, 0, NULL, &err) == RK_EBROKEN);
    OK(rk_pool_join(pool, 60, &err));
    OK(rk_pool_destroy(pool, NULL));
}

static void initializers_run_on_each_new_worker(void **state) {
    (void)state;
    at_ranks(initializers, usual);
}

static void too_many_workers(uint32_t ranks) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_error err = RK_ERROR_INIT;
    rk_pool pool;
    int result;
    options.workers = (int)ranks * RK__STRANDS_MAX + 1;
    char wanted[64];
    snprintf(wanted, sizeof wanted, "a pool of %d workers: rank ", options.workers);
    CHECK(rk_pool_create(&pool, &options, &err) == RK_EFULL);
    CHECK(strncmp(err.message, wanted, strlen(wanted)) == 0 && strstr(err.message, "64 functions") != NULL);
    pool = make_pool((int)ranks * 3);
    OK(rk_pool_apply(pool, add_one, &(int){1}, sizeof(int), &result, sizeof result, NULL, NULL));
    end_pool(pool);
}

static void more_workers_than_strands_are_refused(void **state) {
    (void)state;
    at_ranks(too_many_workers, (const uint32_t[]){1, 3, 0});
}

/* ---- death ---- */

enum { DEAD = 2 };
static atomic_bool is_buried;

/* What that rank had is lost: nothing of it is heard any more. The others leave it some. */
static rk_status hang_if_doomed(rk_call *call) {
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    if (rank == DEAD) {
        atomic_fetch_add(&begun, 1);
        while (!atomic_load(&is_buried))
            usleep(200);
        return RK_OK;
    }
    while (atomic_load(&begun) == 0)
        usleep(200);
    return rk_call_return(call, &rank, sizeof rank);
}

static rk_status many_bytes(rk_call *call) {
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    uint32_t *result = rk_call_result(call, 5000);
    memset(result, 0, 5000);
    *result = rank;
    return RK_OK;
}

static void death(uint32_t rank, uint32_t ranks) {
    enum { TASKS = 12 };
    if (rank != 0) {
        rk__mail *mail = rk__enter(NULL);
        while (rk__wait(mail, is_over, &now, rk__deadline(0.02)) != RK_OK)
            ;
        rk__leave(mail);
        return;
    }
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[TASKS], kept[2], users[2];
    const void *bytes;
    size_t size;
    int dead = 0, count;
    for (int i = 0; i < 2; i++) /* a result that stays on each */
        OK(rk_pool_submit(pool, many_bytes, NULL, 0, NULL, &kept[i], NULL));
    for (int i = 0; i < 2; i++)
        OK(rk_future_wait(kept[i], 60, NULL));
    for (int i = 0; i < TASKS; i++)
        OK(rk_pool_submit(pool, hang_if_doomed, NULL, 0, NULL, &futures[i], NULL));
    while (atomic_load(&begun) == 0)
        rk_future_wait(futures[0], 0, NULL);
    rk__mail *mail = rk__enter(NULL);
    rk__mail_bury(mail, DEAD);
    rk__leave(mail);
    for (int i = 0; i < TASKS; i++) {
        rk_status status = rk_future_get(futures[i], 60, &bytes, &size, &err);
        CHECK(status == RK_OK || status == RK_EDEAD);
        if (status == RK_EDEAD) {
            CHECK(strcmp(err.message, "rank 2, which had this task, has died") == 0 && err.rank == DEAD);
            dead++;
        }
        OK(rk_future_destroy(futures[i], NULL));
    }
    CHECK(dead >= 1 && dead < TASKS); /* what it had begun, and what was sent ahead */
    OK(rk_pool_worker_count(pool, &count, NULL));
    CHECK(count == (int)ranks - 2);
    for (int i = 0; i < 2; i++) {
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        options.inputs = &kept[i];
        options.input_count = 1;
        OK(rk_pool_submit(pool, nothing, NULL, 0, &options, &users[i], NULL));
        rk_status status = rk_future_get(users[i], 60, &bytes, &size, &err);
        CHECK(status == rk_future_get(kept[i], 60, &bytes, &size, &err));
        CHECK(status == RK_EDEAD || *(const uint32_t *)bytes != DEAD);
        OK(rk_future_destroy(kept[i], NULL));
        OK(rk_future_destroy(users[i], NULL));
    }
    end_pool(pool);
    atomic_store(&is_buried, true);
    atomic_store(&now.over, true);
}

static void the_tasks_of_the_dead_fail(void **state) {
    (void)state;
    for (uint32_t ranks = 3; ranks <= 5; ranks += 2) {
        reset();
        atomic_store(&is_buried, false);
        atomic_store(&now.over, false);
        fixture_ranks(ranks, NULL, attach, death);
    }
}

static void last_death(uint32_t rank, uint32_t ranks) {
    (void)ranks;
    if (rank != 0) {
        rk__mail *mail = rk__enter(NULL);
        while (rk__wait(mail, is_over, &now, rk__deadline(0.02)) != RK_OK)
            ;
        rk__leave(mail);
        return;
    }
    rk_pool pool = make_pool(0);
    rk_error err = RK_ERROR_INIT;
    rk_future futures[20];
    int items[100] = {0};
    reset();
    for (int i = 0; i < 20; i++)
        futures[i] = submit_gate(pool);
    while (atomic_load(&begun) == 0)
        rk_future_wait(futures[0], 0, NULL);
    rk__mail *mail = rk__enter(NULL);
    rk__mail_bury(mail, 1);
    rk__leave(mail);
    rk_map map = {.function = nothing, .items = items, .count = 100, .item_size = sizeof(int), .chunksize = 1};
    CHECK(rk_pool_map(pool, &map, NULL, &err) == RK_EDEAD);
    for (int i = 0; i < 20; i++) {
        CHECK(rk_future_wait(futures[i], 60, &err) == RK_OK);
        CHECK(rk_future_get(futures[i], 60, &(const void *){NULL}, &(size_t){0}, &err) == RK_EDEAD);
        OK(rk_future_destroy(futures[i], NULL));
    }
    CHECK(rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err) == RK_EDEAD);
    OK(rk_pool_join(pool, 60, &err));
    OK(rk_pool_destroy(pool, NULL));
    atomic_store(&gate, 1);
    atomic_store(&now.over, true);
}

static void a_pool_without_workers_fails_everything(void **state) {
    (void)state;
    atomic_store(&now.over, false);
    fixture_ranks(2, NULL, attach, last_death);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terminate_ends_running_functions),
        cmocka_unit_test(terminate_ends_waits_of_functions),
        cmocka_unit_test(shutdown_cancels_what_waits),
        cmocka_unit_test(what_is_left_is_cleared_away),
        cmocka_unit_test(initializers_run_on_each_new_worker),
        cmocka_unit_test(more_workers_than_strands_are_refused),
        cmocka_unit_test(the_tasks_of_the_dead_fail),
        cmocka_unit_test(a_pool_without_workers_fails_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
