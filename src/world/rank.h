/* What the environment says of how this process was started, and whether MPI agrees. Private to src/world.
 *
 * Problem. Where mpirun (or srun's --mpi) and the MPI library do not belong together, MPI_Init succeeds and makes every
 * process a world of one: N whole runs would then fight for one file. The environment must be read before MPI_Init,
 * which adds to it. */
#ifndef RANKINE_WORLD_RANK_H
#define RANKINE_WORLD_RANK_H

#include "base/base.h"

typedef struct rk__rank_launch {
    uint64_t launched_ranks; /* by Rankine's launcher; 0: not by it */
    uint64_t step_tasks;     /* of an srun step; 0: none, or one that MPI can read */
} rk__rank_launch;

rk__rank_launch rk__rank_launch_read(void);
/* RK_EUNSUPPORTED if MPI made a world of another size than was started. Not collective, the same on all ranks. */
rk_status rk__rank_launch_check(const rk__rank_launch *launch, int world_size, rk_error *err);

#endif
