/* Nothing in, nothing out: what is left is Rankine's own cost. */
#include <rankine/kernel.h>

static int null_run(rk_task *task, const void *params, void *result) {
    (void)task, (void)params, (void)result;
    return RK_OK;
}

RK_KERNEL(null, .summary = "does nothing", .version = "1", .deterministic = true, .run = null_run)
