/* Tasks that take a while: something to interrupt and to look at. */
#include <errno.h>
#include <time.h>

#include <rankine/kernel.h>

typedef struct {
    double ms;
} slow_params;

typedef struct {
    uint64_t index;
} slow_result;

static int slow(rk_task *task, const void *params, void *result) {
    double ms = ((const slow_params *)params)->ms;
    if (!(ms >= 0 && ms <= 1e9))
        return rk_task_fail(task, 1, "ms=%g: a task sleeps 0 to 1e9 ms", ms);
    struct timespec left = {.tv_sec = (time_t)(ms / 1000)};
    left.tv_nsec = (long)((ms - 1000.0 * (double)left.tv_sec) * 1e6);
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
    ((slow_result *)result)->index = task->index;
    return RK_OK;
}

RK_KERNEL(slow, .summary = "sleeps", .version = "1", .deterministic = true,
          .params = {RK_PARAM(slow_params, ms, RK_F64, "10", "ms", "how long a task sleeps")},
          .outputs = {RK_OUTPUT(slow_result, index, RK_U64, "1", "the task's index")}, .run = slow)
