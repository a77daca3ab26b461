#include "mail_fixture.h"

#include <unistd.h>

#include "pool/pool.h"

#define OK(expression) CHECK((expression) == RK_OK)

static void attach(rk__mail *mail) {
    CHECK(rk__pool_attach(mail, NULL) == RK_OK);
}

/* ---- rank 0 runs a scenario, the others serve ---- */

typedef struct scene {
    void (*root)(uint32_t ranks);
    atomic_bool over;
} scene;

static scene now; /* one at a time: set before the ranks begin */

static bool is_over(void *ctx) {
    return atomic_load(&((scene *)ctx)->over);
}

static void play(uint32_t rank, uint32_t ranks) {
    if (rank == 0) {
        now.root(ranks);
        rk__pool_finish(rk__deadline(60));
        atomic_store(&now.over, true);
        return;
    }
    rk__mail *mail = rk__enter(NULL);
    while (rk__wait(mail, is_over, &now, rk__deadline(0.02)) != RK_OK) /* no bell for a flag */
        ;
    rk__leave(mail);
}

static void at_ranks(void (*root)(uint32_t ranks), const uint32_t *counts) {
    for (; *counts > 0; counts++) {
        now.root = root;
        atomic_store(&now.over, false);
        fixture_ranks(*counts, NULL, attach, play);
    }
}

static const uint32_t usual[] = {1, 2, 3, 5, 0};

/* ---- functions ---- */

static rk_status add_one(rk_call *call) {
    return rk_call_return(call, &(int){*(const int *)call->arg + 1}, sizeof(int));
}

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static rk_status where(rk_call *call) {
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    return rk_call_return(call, &rank, sizeof rank);
}

/* Fails for odd items. */
static rk_status only_even(rk_call *call) {
    int x = *(const int *)call->arg;
    if (x % 2 != 0)
        return rk_call_fail(call, RK_EINVAL, "%d is odd", x);
    return rk_call_return(call, &x, sizeof x);
}

/* Things that tasks of any rank look at. */
static atomic_int gate, begun, runs;

static rk_status wait_for_gate(rk_call *call) {
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&gate) == 0 && !rk_call_stopping(call))
        usleep(200);
    return rk_call_stopping(call) ? RK_ECANCELLED : RK_OK;
}

static rk_status count_run(rk_call *call) {
    atomic_fetch_add(&runs, 1);
    return call->arg_size > 0 ? rk_call_return(call, call->arg, call->arg_size) : RK_OK;
}

static void reset(void) {
    atomic_store(&gate, 0);
    atomic_store(&begun, 0);
    atomic_store(&runs, 0);
}

static rk_pool make_pool(int workers) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_pool pool;
    options.workers = workers;
    OK(rk_pool_create(&pool, &options, NULL));
    return pool;
}

static void end_pool(rk_pool pool) {
    OK(rk_pool_close(pool, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_pool_destroy(pool, NULL));
}

static rk_future submit_int(rk_pool pool, rk_function function, int x) {
    rk_future future;
    OK(rk_pool_submit(pool, function, &x, sizeof x, NULL, &future, NULL));
    return future;
}

static rk_future submit_gate(rk_pool pool) {
    return submit_int(pool, wait_for_gate, 0);
}

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

static rk_status scramble(rk_call *call) {
    unsigned char *to = rk_call_result(call, call->arg_size);
    for (size_t i = 0; i < call->arg_size; i++)
        to[i] = (unsigned char)(((const unsigned char *)call->arg)[i] + 1);
    return to != NULL || call->arg_size == 0 ? RK_OK : RK_ENOMEM;
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
    CHECK(ranks == 1 ? status == RK_EINVAL : status == RK_OK);
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
    rk_map map = {
        .function = only_even, .items = items, .count = 4, .item_size = sizeof(int), .result_size = sizeof(int)};
    rk_imap imap;
    OK(rk_pool_imap(pool, &map, &imap, &err));
    OK(rk_pool_close(pool, NULL)); /* what was begun before goes on */
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 0);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 2);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "item 0: 3 is odd") == 0); /* of its chunk */
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_OK && result == 4);
    CHECK(rk_imap_next(imap, 60, &result, NULL, &err) == RK_EEOF);
    OK(rk_imap_destroy(imap, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_pool_destroy(pool, NULL));
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
                CHECK(strncmp(err.message, "an input failed: ", 17) == 0);
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
    CHECK(rk_pool_create(&pool, &options, &err) == RK_EFULL);
    pool = make_pool((int)ranks * 3);
    OK(rk_pool_apply(pool, add_one, &(int){1}, sizeof(int), &result, sizeof result, NULL, NULL));
    end_pool(pool);
}

static void more_workers_than_strands_are_refused(void **state) {
    (void)state;
    at_ranks(too_many_workers, (const uint32_t[]){1, 3, 0});
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

/* ---- death ---- */

enum { DEAD = 2 };
static atomic_bool is_buried;

static rk_status hang_if_doomed(rk_call *call) { /* what the last rank had is lost: nothing of it is heard any more */
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    if (rank == DEAD) {
        atomic_fetch_add(&begun, 1);
        while (!atomic_load(&is_buried))
            usleep(200);
        return RK_OK;
    }
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
        cmocka_unit_test(apply_returns_what_the_function_does),
        cmocka_unit_test(arguments_and_results_have_any_size),
        cmocka_unit_test(workers_are_on_other_ranks_first),
        cmocka_unit_test(futures_tell_how_they_are),
        cmocka_unit_test(only_the_owner_uses_a_pool),
        cmocka_unit_test(workers_may_have_pools),
        cmocka_unit_test(map_gives_results_in_order),
        cmocka_unit_test(map_async_calls_back_with_all_results),
        cmocka_unit_test(imap_is_in_order_and_lazy),
        cmocka_unit_test(imap_goes_on_after_a_failure),
        cmocka_unit_test(callbacks_come_before_the_wait_ends),
        cmocka_unit_test(what_has_not_begun_can_be_cancelled),
        cmocka_unit_test(higher_priorities_go_first),
        cmocka_unit_test(what_waits_behind_a_long_task_is_taken_back),
        cmocka_unit_test(values_go_along_a_chain_of_futures),
        cmocka_unit_test(many_tasks_share_an_input),
        cmocka_unit_test(a_failed_input_fails_its_users),
        cmocka_unit_test(several_futures_are_waited_for),
        cmocka_unit_test(futures_can_be_watched),
        cmocka_unit_test(terminate_ends_running_functions),
        cmocka_unit_test(terminate_ends_waits_of_functions),
        cmocka_unit_test(shutdown_cancels_what_waits),
        cmocka_unit_test(what_is_left_is_cleared_away),
        cmocka_unit_test(initializers_run_on_each_new_worker),
        cmocka_unit_test(more_workers_than_strands_are_refused),
        cmocka_unit_test(many_futures_are_outstanding),
        cmocka_unit_test(the_tasks_of_the_dead_fail),
        cmocka_unit_test(a_pool_without_workers_fails_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
