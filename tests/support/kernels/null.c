/* Nothing in, nothing out: what a task costs when it does nothing. */
#include <rankine/kernel.h>

static int null(rk_task *task, const void *params, void *result) {
    (void)task, (void)params, (void)result;
    return RK_OK;
}

RK_KERNEL(null, .summary = "does nothing", .version = "1", .deterministic = true, .run = null, .thread_safe = true)
