/* Sleeps: time to be killed in. */
#include <stdatomic.h>
#include <time.h>

#include <rankine/kernel.h>

typedef struct {
    double ms, first;
} slow_params;

typedef struct {
    uint64_t number;
} slow_result;

static int slow(rk_task *task, const void *params, void *result) {
    const slow_params *p = params;
    static atomic_bool had; /* the first task of rank 0: then it is busy */
    bool long_one = p->first > 0 && task->place->rank == 0 && !atomic_exchange(&had, true);
    double ms = long_one ? p->first : p->ms;
    struct timespec time = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000};
    while (nanosleep(&time, &time) != 0) /* no signal makes it shorter */
        ;
    ((slow_result *)result)->number = task->index + 1;
    return RK_OK;
}

RK_KERNEL(slow, .summary = "sleeps", .version = "1", .deterministic = true,
          .params = {RK_PARAM(slow_params, ms, RK_F64, "10", "ms", "time to sleep", .fixed = true),
                     RK_PARAM(slow_params, first, RK_F64, "0", "ms", "that of rank 0's first task; 0: as all",
                              .fixed = true)},
          .outputs = {RK_OUTPUT(slow_result, number, RK_U64, "1", "the task's number plus one", .fill = "0")},
          .reduce = {RK_REDUCE("number_sum", RK_SUM, number)}, .run = slow)
