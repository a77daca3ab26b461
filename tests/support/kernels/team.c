/* A task on several ranks, one of which may fail; what members give and emit must not count. */
#include <stdlib.h>

#include <rankine/team.h>

typedef struct {
    uint32_t ranks;
    int64_t bad_task, bad_rank;
    uint32_t needs;
    bool crash;
} team_params;

typedef struct {
    int64_t sum;
    double *squares;
} team_result;

static int team(rk_task *task, const void *params, void *result) {
    const team_params *p = params;
    team_result *r = result;
    int64_t mine = (int64_t)task->index * 10 + task->team_rank, sum = 0;
    double given = (double)task->index;
    MPI_Allreduce(&mine, &sum, 1, MPI_INT64_T, MPI_SUM, rk_team_comm(task));
    r->sum = sum;
    for (int i = 0; i < 4; i++)
        r->squares[i] = (double)(sum * i);
    rk_accumulate(task, 0, &given, 1, task->index);
    if (rk_emit(task, 2, &given, 1) != RK_OK)
        return RK_EKERNEL;
    bool bad = (int64_t)task->index == p->bad_task && task->team_rank == p->bad_rank;
    if (bad && p->crash)
        abort();
    if (bad && task->attempt < p->needs)
        return rk_task_fail(task, 17, "rank %d of the team has failed", task->team_rank);
    return RK_OK;
}

RK_KERNEL(team, .summary = "sums over a team", .version = "1", .deterministic = true,
          .params = {RK_PARAM(team_params, ranks, RK_U32, "2", "1", "ranks a task", .fixed = true),
                     RK_PARAM(team_params, bad_task, RK_I64, "-1", "1", "the task that fails"),
                     RK_PARAM(team_params, bad_rank, RK_I64, "0", "1", "on this rank of its team"),
                     RK_PARAM(team_params, needs, RK_U32, "1000", "1", "attempts until it succeeds"),
                     RK_PARAM(team_params, crash, RK_BOOL, "no", "1", "abort instead")},
          .outputs = {RK_OUTPUT(team_result, sum, RK_I64, "1", "10 times the task's number times ranks, and more"),
                      RK_OUTPUT_ROW(team_result, squares, RK_F64, "1", "multiples", {"4"}),
                      RK_OUTPUT_VARYING("given", RK_F64, "1", "the task's number")},
          .reduce = {RK_REDUCE_VALUES("given_sum", RK_SUM, "1", "sum of given values")}, .run = team, .ranks = "ranks")
