/* Whole batches at a time, with a parameter that differs from task to task; some tasks of a batch fail. */
#include <rankine/kernel.h>

typedef struct {
    double x;
} vector_params;

typedef struct {
    double square;
} vector_result;

static int vector(rk_batch *batch) {
    for (uint64_t i = 0; i < batch->count; i++) {
        const vector_params *params = (const void *)(batch->params + i * batch->params_stride);
        vector_result *result = (void *)(batch->results + i * batch->result_stride);
        rk_task *task = rk_batch_task(batch, i);
        result->square = params->x * params->x;
        rk_accumulate(task, 0, &params->x, 1, task->index);
        if (task->index % 11 == 5)
            rk_task_fail(task, 5, "x = %g", params->x);
    }
    return RK_OK;
}

RK_KERNEL(vector, .summary = "squares, a batch at a time", .version = "1", .deterministic = true,
          .params = {RK_PARAM(vector_params, x, RK_F64, "1", "m", "side")},
          .outputs = {RK_OUTPUT(vector_result, square, RK_F64, "m2", "area")},
          .reduce = {RK_REDUCE_VALUES("x_sum", RK_SUM, "m", "sum of sides"), RK_REDUCE("area", RK_SUM, square)},
          .run_batch = vector, .thread_safe = true)
