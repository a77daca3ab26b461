/* Rows of a stated size that cost next to nothing to compute: what is left is the record. */
#include <rankine/kernel.h>

typedef struct {
    uint32_t n;
} wide_params;

typedef struct {
    uint64_t *values;
} wide_result;

static int wide(rk_batch *batch) {
    const wide_params *p = (const void *)batch->params;
    uint64_t at = batch->first.index * p->n;
    for (uint64_t i = 0; i < batch->count; i++) {
        wide_result *r = (void *)(batch->results + i * batch->result_stride);
        for (uint32_t k = 0; k < p->n; k++)
            r->values[k] = at++;
    }
    return RK_OK;
}

RK_KERNEL(wide, .summary = "rows that are cheap to compute", .version = "1", .deterministic = true,
          .params = {RK_PARAM(wide_params, n, RK_U32, "512", "1", "values of a row", .fixed = true)},
          .outputs = {RK_OUTPUT_ROW(wide_result, values, RK_U64, "1", "numbers", .shape = {"n"})}, .run_batch = wide,
          .thread_safe = true)
