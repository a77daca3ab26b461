/* Tasks that are MPI programs: a kernel that declares `.ranks` is called by all ranks of a team at once, with the same
 * task and parameters, and finds the team's communicator here.
 *
 *     static int solve(rk_task *task, const void *params, void *result) {
 *         MPI_Comm comm = rk_team_comm(task);
 *         ...                                        // halo exchanges, reductions: any MPI over `comm`
 *         if (task->team_rank == 0) ...              // only rank 0's result, values and emissions count
 *         return RK_OK;
 *     }
 *
 * Build it with the MPI that Rankine was built with (mpicc). Teams are made of ranks of one node where a node has
 * enough, and stay the same for the whole run; several work side by side. If any rank of the team fails, the task has
 * failed, with the message of the lowest that did: all ranks must come back from the kernel. The communicator is
 * the kernel's for the length of the call; what it sends must be received by then. Other communicators: made from this
 * one with MPI_Comm_dup or _split, by all of the team; never from MPI_COMM_WORLD. Errors return (MPI_ERRORS_RETURN). */
#ifndef RANKINE_TEAM_H
#define RANKINE_TEAM_H

#include <mpi.h>

#include <rankine/kernel.h>

/** The communicator of the task's team: task->team_size ranks, of which this is task->team_rank. MPI_COMM_SELF for a
 * kernel without `.ranks`. Borrowed. */
static inline MPI_Comm rk_team_comm(const rk_task *task) {
    return task->team != NULL ? *(const MPI_Comm *)task->team : MPI_COMM_SELF;
}

#endif
