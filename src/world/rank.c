#include "world/rank.h"

#include <stdlib.h>

#include "world/world.h"

#define SRUN_REMEDY "use `srun --mpi=pmix`, or start it with mpirun"

static bool number_in_env(const char *name, uint64_t *out) {
    const char *text = getenv(name);
    return text != NULL && rk__parse_u64(text, out);
}

/* Tasks of the srun step that this process is one of; 0 outside of a step. A batch script is no step: it has
 * SLURM_PROCID, but none of the variables that name one. */
static uint64_t srun_tasks(void) {
    uint64_t tasks = 0, ignored;
    if (!number_in_env("SLURM_PROCID", &ignored))
        return 0;
    if (number_in_env("SLURM_STEP_NUM_TASKS", &tasks))
        return tasks;
    if (number_in_env("SLURM_STEP_ID", &ignored) && number_in_env("SLURM_NTASKS", &tasks))
        return tasks;
    return 0;
}

static bool pmix_or_mpirun_rank(void) {
    uint64_t ignored;
    return number_in_env("PMIX_RANK", &ignored) || number_in_env("OMPI_COMM_WORLD_RANK", &ignored);
}

rk_status rk__world_am_rank(bool *out, rk_error *err) {
    uint64_t ignored, tasks = srun_tasks();
    bool am_rank = pmix_or_mpirun_rank() || number_in_env("PMI_RANK", &ignored);
    if (!am_rank && tasks > 1)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "this srun step has %llu tasks, but srun told them nothing that MPI could read: " SRUN_REMEDY,
                        (unsigned long long)tasks);
    *out = am_rank;
    return RK_OK;
}

rk__rank_launch rk__rank_launch_read(void) {
    rk__rank_launch launch = {0, 0};
    number_in_env("RANKINE_RANKS", &launch.launched_ranks);
    if (!pmix_or_mpirun_rank())
        launch.step_tasks = srun_tasks();
    return launch;
}

rk_status rk__rank_launch_check(const rk__rank_launch *launch, int world_size, rk_error *err) {
    if (launch->step_tasks > 1 && world_size == 1)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "this srun step has %llu tasks, but MPI sees each of them alone: " SRUN_REMEDY,
                        (unsigned long long)launch->step_tasks);
    if (launch->launched_ranks > 0 && launch->launched_ranks != (uint64_t)world_size)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "%llu ranks were started, but MPI sees %d: the mpirun on PATH belongs to another MPI than the "
                        "one Rankine was built with; put that one's mpirun first on PATH",
                        (unsigned long long)launch->launched_ranks, world_size);
    return RK_OK;
}
