/* A reduction of the kernel's own, which notices when two parts are merged in the wrong order. */
#include <rankine/kernel.h>

/* hash: the values of `count` tasks as digits in base 31, the lowest task first, mod 2^64. */
typedef struct {
    uint64_t hash, count;
} order;

static uint64_t power_of_31(uint64_t exponent) {
    uint64_t result = 1;
    for (uint64_t power = 31; exponent != 0; exponent >>= 1, power *= power)
        if (exponent & 1)
            result *= power;
    return result;
}

static void merge(void *left, const void *right) {
    order *l = left;
    const order *r = right;
    l->hash = l->hash * power_of_31(r->count) + r->hash;
    l->count += r->count;
}

/* A double does not hold 64 bits: the hash goes out in halves. */
static void finish(const void *state, double *out) {
    const order *s = state;
    out[0] = (double)(s->hash >> 32);
    out[1] = (double)(s->hash & UINT32_MAX);
    out[2] = (double)s->count;
}

static int custom(rk_task *task, const void *params, void *result) {
    order *own = rk_task_state(task, 0);
    (void)params, (void)result;
    *own = (order){.hash = task->index + 1, .count = 1};
    return RK_OK;
}

RK_KERNEL(custom, .summary = "a reduction that depends on the order of its parts", .version = "1",
          .deterministic = true, .reduce = {RK_REDUCE_CUSTOM("order", order, merge, finish, 3)}, .run = custom)
