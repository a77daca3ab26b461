/* Tasks that fail, at places known beforehand: index % every == 3. */
#include <rankine/kernel.h>

typedef struct {
    uint64_t every;
} flaky_params;

typedef struct {
    uint64_t value;
} flaky_result;

static int flaky(rk_task *task, const void *params, void *result) {
    uint64_t every = ((const flaky_params *)params)->every;
    if (every > 0 && task->index % every == 3)
        return rk_task_fail(task, 42, "task %llu was told to fail", (unsigned long long)task->index);
    ((flaky_result *)result)->value = task->index * task->index;
    return RK_OK;
}

RK_KERNEL(flaky, .summary = "squares, but some tasks fail", .version = "1", .deterministic = true,
          .params = {RK_PARAM(flaky_params, every, RK_U64, "7", "1", "task 3 of so many fails; 3 or less: none")},
          .outputs = {RK_OUTPUT(flaky_result, value, RK_U64, "1", "index * index")},
          .reduce = {RK_REDUCE("value_sum", RK_SUM, value), RK_REDUCE("value_max", RK_MAX, value)}, .run = flaky)
