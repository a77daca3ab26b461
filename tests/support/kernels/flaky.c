/* Some tasks fail, with half a result written and values given: nothing of that may count. */
#include <rankine/kernel.h>

typedef struct {
    uint64_t every;
} flaky_params;

typedef struct {
    double value;
    uint64_t square;
} flaky_result;

static int flaky(rk_task *task, const void *params, void *result) {
    const flaky_params *p = params;
    flaky_result *r = result;
    double value = (double)task->index;
    r->value = value;
    rk_accumulate(task, 0, &value, 1, task->index);
    if (task->index % p->every == 3)
        return rk_task_fail(task, 42, "task %llu is one of those that fail", (unsigned long long)task->index);
    r->square = task->index * task->index;
    return RK_OK;
}

RK_KERNEL(flaky, .summary = "fails now and then", .version = "1", .deterministic = true,
          .params = {RK_PARAM(flaky_params, every, RK_U64, "7", "1", "of so many tasks one fails")},
          .outputs = {RK_OUTPUT(flaky_result, value, RK_F64, "1", "the task's number"),
                      RK_OUTPUT(flaky_result, square, RK_U64, "1", "its square")},
          .reduce = {RK_REDUCE_VALUES("given_sum", RK_SUM, "1", "sum of given values"),
                     RK_REDUCE("value_sum", RK_SUM, value), RK_REDUCE("square_max", RK_MAX, square)},
          .run = flaky, .thread_safe = true)
