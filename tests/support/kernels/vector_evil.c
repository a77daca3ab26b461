/* A whole-block kernel in which one task of a batch crashes. */
#include <stdlib.h>

#include <rankine/kernel.h>

typedef struct {
    uint64_t bad;
    bool masked;
} vector_evil_params;

typedef struct {
    double square;
} vector_evil_result;

static int vector_evil(rk_batch *batch) {
    for (uint64_t i = 0; i < batch->count; i++) {
        const vector_evil_params *p = (const void *)(batch->params + i * batch->params_stride);
        vector_evil_result *r = (void *)(batch->results + i * batch->result_stride);
        double value = (double)(batch->first.index + i);
        if (batch->first.index + i == p->bad && p->masked)
            rk_task_fail(rk_batch_task(batch, i), 1, "masked");
        else if (batch->first.index + i == p->bad)
            abort();
        r->square = value * value;
    }
    return RK_OK;
}

RK_KERNEL(vector_evil, .summary = "squares, one of which crashes", .version = "1", .deterministic = true,
          .params = {RK_PARAM(vector_evil_params, bad, RK_U64, "77", "1", "the task that crashes"),
                     RK_PARAM(vector_evil_params, masked, RK_BOOL, "no", "1", "fail without harm")},
          .outputs = {RK_OUTPUT(vector_evil_result, square, RK_F64, "1", "its square")},
          .reduce = {RK_REDUCE("square_sum", RK_SUM, square)}, .run_batch = vector_evil)
