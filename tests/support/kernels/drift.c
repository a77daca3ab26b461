/* Other results each time. */
#include <time.h>

#include <rankine/kernel.h>

typedef struct {
    double ms;
} drift_params;

typedef struct {
    uint64_t when;
} drift_result;

static int drift(rk_task *task, const void *params, void *result) {
    double ms = ((const drift_params *)params)->ms;
    struct timespec time = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000};
    (void)task;
    while (nanosleep(&time, &time) != 0)
        ;
    clock_gettime(CLOCK_MONOTONIC, &time);
    ((drift_result *)result)->when = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    return RK_OK;
}

RK_KERNEL(drift, .summary = "sleeps, and says when", .version = "1",
          .params = {RK_PARAM(drift_params, ms, RK_F64, "10", "ms", "time to sleep", .fixed = true)},
          .outputs = {RK_OUTPUT(drift_result, when, RK_U64, "ns", "the end of the task", .fill = "0")}, .run = drift)
