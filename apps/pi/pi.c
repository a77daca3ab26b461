/* pi by throwing darts: see README.md. */
#include <rankine/kernel.h>

typedef struct {
    uint64_t points;
} pi_params;

typedef struct {
    uint64_t hits;
    double estimate;
} pi_result;

static uint64_t throw_darts(rk_random *random, uint64_t points) {
    uint64_t hits = 0;
    for (uint64_t i = 0; i < points; i++) {
        double x = rk_random_f64(random), y = rk_random_f64(random);
        hits += x * x + y * y < 1;
    }
    return hits;
}

/* Task by task within the batch: each draws from its own stream, so that any cut gives the same darts. */
static int pi_run(rk_batch *batch) {
    rk_task task = batch->first;
    for (uint64_t i = 0; i < batch->count; i++, task.index++) {
        const pi_params *params = (const void *)(batch->params + i * batch->params_stride);
        pi_result *result = (void *)(batch->results + i * batch->result_stride);
        if (params->points == 0) {
            rk_task_fail(rk_batch_task(batch, i), 1, "points is 0: no dart, no share");
            continue;
        }
        rk_random random = rk_random_stream(&task, 0);
        result->hits = throw_darts(&random, params->points);
        result->estimate = 4 * (double)result->hits / (double)params->points;
    }
    return RK_OK;
}

RK_KERNEL(pi, .summary = "pi by Monte Carlo: the share of darts that hit a quarter disc", .version = "1",
          .deterministic = true, .params = {RK_PARAM(pi_params, points, RK_U64, "2", "1", "darts per task")},
          .outputs = {RK_OUTPUT(pi_result, hits, RK_U64, "1", "darts inside the quarter disc", .drop = true),
                      RK_OUTPUT(pi_result, estimate, RK_F64, "1", "4 * hits / points", .drop = true)},
          .reduce = {RK_REDUCE("hits", RK_SUM, hits), RK_REDUCE("pi", RK_MEAN, estimate)}, .run_batch = pi_run,
          .thread_safe = true)
