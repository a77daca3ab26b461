/* Rows whose length a parameter gives, in several types, reduced element by element. */
#include <rankine/kernel.h>

typedef struct {
    uint32_t n;
} rows_params;

typedef struct {
    double *wave;
    int16_t *ints;
    float single;
} rows_result;

static int rows(rk_task *task, const void *params, void *result) {
    const rows_params *p = params;
    rows_result *r = result;
    rk_random random = rk_random_stream(task, 1);
    for (uint32_t i = 0; i < p->n; i++)
        r->wave[i] = rk_random_f64(&random) - 0.5;
    for (int i = 0; i < 3; i++)
        r->ints[i] = (int16_t)(task->index * 3 + (uint64_t)i);
    r->single = (float)task->index / 3;
    return RK_OK;
}

RK_KERNEL(rows, .summary = "array rows", .version = "1", .deterministic = true,
          .params = {RK_PARAM(rows_params, n, RK_U32, "5", "1", "elements of a row", .fixed = true)},
          .outputs = {RK_OUTPUT_ROW(rows_result, wave, RK_F64, "1", "random", .shape = {"n"}),
                      RK_OUTPUT_ROW(rows_result, ints, RK_I16, "1", "integers", .shape = {"3"}),
                      RK_OUTPUT(rows_result, single, RK_F32, "1", "a third of the number")},
          .reduce = {RK_REDUCE("wave_mean", RK_MEAN, wave), RK_REDUCE("ints_sum", RK_SUM, ints),
                     RK_REDUCE("single_variance", RK_VARIANCE, single)},
          .run = rows, .thread_safe = true)
