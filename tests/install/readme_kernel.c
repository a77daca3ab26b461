#include <math.h>
#include <rankine/kernel.h>

typedef struct {
    double r, x0;
    uint64_t steps;
} params;

typedef struct {
    double mean, lyapunov;
} result;

/* x <- r x (1 - x), again and again: its mean, and how fast neighbours part. */
static int logistic(rk_task *task, const void *from, void *to) {
    const params *p = from;
    double x = p->x0, sum = 0, stretch = 0;
    for (uint64_t i = 0; i < p->steps; i++) {
        stretch += log(fabs(p->r * (1 - 2 * x)));
        x = p->r * x * (1 - x);
        sum += x;
    }
    if (!isfinite(x))
        return rk_task_fail(task, 1, "x leaves [0, 1] for r = %g", p->r);
    *(result *)to = (result){sum / (double)p->steps, stretch / (double)p->steps};
    return RK_OK;
}

RK_KERNEL(logistic, .summary = "logistic map: mean and Lyapunov exponent", .version = "1", .deterministic = true,
          .params = {RK_PARAM(params, r, RK_F64, "3.7", "1", "growth rate"),
                     RK_PARAM(params, x0, RK_F64, "0.4", "1", "start"),
                     RK_PARAM(params, steps, RK_U64, "10000", "1", "number of steps")},
          .outputs = {RK_OUTPUT(result, mean, RK_F64, "1", "mean of x"),
                      RK_OUTPUT(result, lyapunov, RK_F64, "1", "Lyapunov exponent per step")},
          .reduce = {RK_REDUCE("most_chaotic", RK_ARGMAX, lyapunov)}, .run = logistic)
