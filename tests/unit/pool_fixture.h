/* A pool and its surroundings: rank 0 runs a scenario, the others serve; functions for tasks. */
#ifndef RANKINE_TEST_POOL_FIXTURE_H
#define RANKINE_TEST_POOL_FIXTURE_H

#include "mail_fixture.h"

#include <unistd.h>

#include "channel/channel.h"
#include "pool/pool.h"

#define OK(expression) CHECK((expression) == RK_OK)

static inline void attach(rk__mail *mail) {
    CHECK(rk__channel_attach(mail, NULL) == RK_OK);
    CHECK(rk__pool_attach(mail, NULL) == RK_OK);
}

/* ---- rank 0 runs a scenario, the others serve ---- */

typedef struct scene {
    void (*root)(uint32_t ranks);
    atomic_bool over;
} scene;

static scene now; /* one at a time: set before the ranks begin */

static inline bool is_over(void *ctx) {
    return atomic_load(&((scene *)ctx)->over);
}

static inline void play(uint32_t rank, uint32_t ranks) {
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

static inline void at_ranks(void (*root)(uint32_t ranks), const uint32_t *counts) {
    for (; *counts > 0; counts++) {
        now.root = root;
        atomic_store(&now.over, false);
        fixture_ranks(*counts, NULL, attach, play);
    }
}

static const uint32_t usual[] = {1, 2, 3, 5, 0};

/* ---- functions ---- */

static inline rk_status add_one(rk_call *call) {
    return rk_call_return(call, &(int){*(const int *)call->arg + 1}, sizeof(int));
}

static inline rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static inline rk_status where(rk_call *call) {
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    return rk_call_return(call, &rank, sizeof rank);
}

/* Fails for odd items. */
static inline rk_status only_even(rk_call *call) {
    int x = *(const int *)call->arg;
    if (x % 2 != 0)
        return rk_call_fail(call, RK_EINVAL, "%d is odd", x);
    return rk_call_return(call, &x, sizeof x);
}

/* Things that tasks of any rank look at. */
static atomic_int gate, begun, runs;

static inline rk_status wait_for_gate(rk_call *call) {
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&gate) == 0 && !rk_call_stopping(call))
        usleep(200);
    return rk_call_stopping(call) ? RK_ECANCELLED : RK_OK;
}

static inline rk_status count_run(rk_call *call) {
    atomic_fetch_add(&runs, 1);
    return call->arg_size > 0 ? rk_call_return(call, call->arg, call->arg_size) : RK_OK;
}

static inline void reset(void) {
    atomic_store(&gate, 0);
    atomic_store(&begun, 0);
    atomic_store(&runs, 0);
}

static inline rk_pool make_pool(int workers) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_pool pool;
    options.workers = workers;
    OK(rk_pool_create(&pool, &options, NULL));
    return pool;
}

static inline void end_pool(rk_pool pool) {
    OK(rk_pool_close(pool, NULL));
    OK(rk_pool_join(pool, 60, NULL));
    OK(rk_pool_destroy(pool, NULL));
}

static inline rk_future submit_int(rk_pool pool, rk_function function, int x) {
    rk_future future;
    OK(rk_pool_submit(pool, function, &x, sizeof x, NULL, &future, NULL));
    return future;
}

static inline rk_future submit_gate(rk_pool pool) {
    return submit_int(pool, wait_for_gate, 0);
}

/* Each byte one more. */
static inline rk_status scramble(rk_call *call) {
    unsigned char *to = rk_call_result(call, call->arg_size);
    for (size_t i = 0; i < call->arg_size; i++)
        to[i] = (unsigned char)(((const unsigned char *)call->arg)[i] + 1);
    return to != NULL || call->arg_size == 0 ? RK_OK : RK_ENOMEM;
}

#endif
