/* Some tasks fail until their last attempt but one, having written, given and emitted what must not count. */
#include <stdlib.h>

#include <rankine/kernel.h>

typedef struct {
    uint32_t needs;
    uint64_t every;
    bool crash;
} recover_params;

typedef struct {
    uint64_t value;
    double *three;
} recover_result;

static int recover(rk_task *task, const void *params, void *result) {
    const recover_params *p = params;
    recover_result *r = result;
    bool fails = task->index % p->every == 1 && task->attempt < p->needs;
    double value = (double)task->index + (fails ? 1000.0 * task->attempt : 0);
    rk_accumulate(task, 0, &value, 1, task->index);
    if (rk_emit(task, 2, &value, 1) != RK_OK)
        return RK_EKERNEL;
    r->value += task->index + 1; /* += : the struct is zero before each attempt */
    for (int i = 0; i < 3; i++)
        r->three[i] = value;
    if (fails && p->crash)
        abort();
    if (fails)
        return rk_task_fail(task, 7, "attempt %u", task->attempt);
    return RK_OK;
}

RK_KERNEL(recover, .summary = "fails at first", .version = "1", .deterministic = true,
          .params = {RK_PARAM(recover_params, needs, RK_U32, "2", "1", "attempts that a bad task needs"),
                     RK_PARAM(recover_params, every, RK_U64, "10", "1", "of so many tasks one is bad"),
                     RK_PARAM(recover_params, crash, RK_BOOL, "no", "1", "end the process instead")},
          .outputs = {RK_OUTPUT(recover_result, value, RK_U64, "1", "the task's number + 1"),
                      RK_OUTPUT_ROW(recover_result, three, RK_F64, "1", "the task's number", {"3"}),
                      RK_OUTPUT_VARYING("given", RK_F64, "1", "the task's number")},
          .reduce = {RK_REDUCE_VALUES("given_sum", RK_SUM, "1", "sum of given values"),
                     RK_REDUCE("value_sum", RK_SUM, value)},
          .run = recover, .thread_safe = true)
