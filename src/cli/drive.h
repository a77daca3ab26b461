/* run and resume: the same three ways to get ranks.
 *
 *     a rank of mpirun, srun or our own launcher ──> be it
 *     -n 1 ────────────────────────────────────────> be the one rank, without mpirun
 *     else ────────────────────────────────────────> launch mpirun, wait; if the ranks died, look at the file
 *
 * Signals in a rank: signals.h. The launcher passes its own on as USR1, the second as TERM. */
#ifndef RANKINE_DRIVE_H
#define RANKINE_DRIVE_H

#include "cli/cli.h"
#include "run/run.h"

/* rk__run_start or rk__run_resume. */
typedef rk_status (*rk__drive_fn)(const rk__world *world, const rk__run_options *options, rk__run_summary *summary,
                                  rk_error *err);

/* Are we a rank above 0, as far as the environment says? Only rank 0 speaks before MPI is there. */
bool rk__drive_is_silent_rank(void);
/* rk__world_am_rank; who is none, and so starts the ranks, finds out for them when a Slurm job ends. */
rk_status rk__drive_am_rank(bool *out, rk_error *err);
/* Ranks that a launch would start: -n, or the tasks of a Slurm job, or the cores. RK_EINVAL: --hostfile without -n, or
 * one that cannot be read. */
rk_status rk__drive_ranks(const rk__cli *cli, int *out, rk_error *err);
/* This program, as the ranks find it: in the buffer, or borrowed. */
const char *rk__drive_own_path(const rk__cli *cli, char *buffer, size_t size);
/* "mpirun -n 4 /usr/bin/rankine run pi", quoted for a shell. */
void rk__drive_command_line(const rk__cli *cli, int ranks, rk__text *out);

/* rk__display_summary or rk__display_merged. */
typedef void (*rk__summary_fn)(rk__text *out, const rk__run_summary *summary, const rk__space *space);
/* Print it, with the coordinates of the tasks that it names, for which the run file is asked. Returns `code`. */
int rk__drive_say(const rk__cli *cli, const rk__run_summary *summary, rk__summary_fn display, int code);

/* What else a command of several ranks needs. Leave the exit code to our launcher, if there is one; returns what this
 * process should exit with. `broken`: ranks were lost. */
int rk__drive_report(int code, bool broken);
/* End MPI; after ten seconds, the process, with this code. */
void rk__drive_finish(rk__world *world, int code);
/* Print what rank 0 has left for that; returns exit_code. Closes `fd`; -1 is legal. */
int rk__drive_pass_output(int fd, int exit_code);

/* Be a rank, to the end. Collective over MPI_COMM_WORLD. Returns the process's exit code. */
int rk__drive_rank(rk__cli *cli, rk__run_options *options, rk__drive_fn run);
/* Get the ranks for a request that was found good. `path`: the run file, absolute. Returns the exit code. */
int rk__drive(rk__cli *cli, rk__run_options *options, const char *path, rk__drive_fn run);

#endif
