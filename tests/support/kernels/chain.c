/* A merge that depends on order: it shows the tree. Some tasks fail, so that the tree has gaps. */
#include <stdlib.h>

#include <rankine/kernel.h>

typedef struct {
    bool crash;
} chain_params;

typedef struct {
    uint64_t hash, count;
} chain_state;

static void chain_merge(void *left, const void *right) {
    chain_state *l = left;
    const chain_state *r = right;
    l->hash = (l->hash * UINT64_C(6364136223846793005) ^ r->hash) + (l->hash >> 7) + r->count;
    l->count += r->count;
}

static void chain_finish(const void *state, double *out) {
    const chain_state *s = state;
    out[0] = (double)(s->hash >> 12);
    out[1] = (double)s->count;
}

static int chain(rk_task *task, const void *params, void *result) {
    const chain_params *p = params;
    (void)result;
    chain_state *state = rk_task_state(task, 0);
    rk_random random = rk_random_stream(task, 0);
    state->hash = rk_random_u64(&random);
    state->count = 1;
    bool bad = rk_random_below(&random, 5) == 0;
    if (bad && p->crash)
        abort();
    return bad ? 7 : RK_OK;
}

RK_KERNEL(chain, .summary = "an order-dependent reduction", .version = "1", .deterministic = true,
          .params = {RK_PARAM(chain_params, crash, RK_BOOL, "no", "1", "bad tasks do not fail but crash")},
          .reduce = {RK_REDUCE_CUSTOM("chain", chain_state, chain_merge, chain_finish, 2)}, .run = chain,
          .thread_safe = true)
