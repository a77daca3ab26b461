/* Computes with OpenMP: its threads wait for more work after the last task, and are still there at the end. */
#include <rankine/kernel.h>

typedef struct {
    uint64_t sum;
} parallel_result;

static int parallel(rk_task *task, const void *params, void *result) {
    uint64_t sum = 0;
    (void)params;
#pragma omp parallel for reduction(+ : sum) num_threads(4)
    for (int i = 0; i < 1000; i++)
        sum += task->index * (uint64_t)i;
    ((parallel_result *)result)->sum = sum;
    return RK_OK;
}

RK_KERNEL(parallel, .summary = "sums with OpenMP", .version = "1", .deterministic = true,
          .outputs = {RK_OUTPUT(parallel_result, sum, RK_U64, "1", "the task's number times 499500", .fill = "0")},
          .reduce = {RK_REDUCE("all", RK_SUM, sum)}, .run = parallel)
