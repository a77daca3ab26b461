/* What the units behind drive.h share.
 *
 *   drive.c         how were we started, with how many ranks; being a rank
 *   drive_launch.c  starting ranks, and what is said when they died
 *   drive_end.c     what rank 0 says of a run */
#ifndef RANKINE_DRIVE_PRIVATE_H
#define RANKINE_DRIVE_PRIVATE_H

#include "cli/drive.h"

/* Set by the launcher for the ranks: its stdout is a terminal. */
#define RK__DRIVE_STDOUT_VARIABLE "RANKINE_STDOUT_TTY"

int rk__drive_cores_per_rank(const rk__arguments *arguments);
/* "rankine resume FILE", with `option` and what the user typed for this machine, to be taken or left: it may be another
 * one then. */
void rk__drive_add_command(const rk__cli *cli, const char *path, const char *option, rk__text *out);

/* Rank 0: what came of the run; err: why there is no summary. The exit code. */
int rk__drive_say_summary(const rk__cli *cli, const rk__run_summary *summary);
int rk__drive_say_failure(const rk__cli *cli, const rk__run_summary *summary, rk_error *err);

/* Start the ranks, wait for their end, say what rank 0 could not. The exit code. `resuming`: the file at `path` is the
 * run's, even if it stood there before. */
int rk__drive_launch(rk__cli *cli, int ranks, const char *path, bool resuming);

#endif
