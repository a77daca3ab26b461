/* Array outputs, one with a shape from a parameter, beside a scalar. */
#include <rankine/kernel.h>

typedef struct {
    uint32_t n;
} rows_params;

typedef struct {
    double *line;
    int16_t *triple;
    float scalar;
} rows_result;

static int rows(rk_task *task, const void *params, void *result) {
    const rows_params *p = params;
    rows_result *r = result;
    for (uint32_t i = 0; i < p->n; i++)
        r->line[i] = (double)task->index + i / 8.0;
    for (int i = 0; i < 3; i++)
        r->triple[i] = (int16_t)((int)(task->index % 1000) - 500 * i);
    r->scalar = (float)(task->index % 4096) / 4;
    return RK_OK;
}

RK_KERNEL(rows, .summary = "array outputs", .version = "1", .deterministic = true,
          .params = {RK_PARAM(rows_params, n, RK_U32, "5", "1", "length of line", .fixed = true)},
          .outputs = {RK_OUTPUT_ROW(rows_result, line, RK_F64, "m", "index + i/8", .shape = {"n"}),
                      RK_OUTPUT_ROW(rows_result, triple, RK_I16, "1", "index mod 1000, less 500 i", .shape = {"3"}),
                      RK_OUTPUT(rows_result, scalar, RK_F32, "s", "(index mod 4096) / 4")},
          .run = rows)
