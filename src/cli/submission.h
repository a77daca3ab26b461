/* A run that is to be a Slurm job: what stands behind the "--" of `submit` is checked as `run` and `resume` check it,
 * so that a slip of the pen is told now and not when the job's turn has come; then its script is written. */
#ifndef RANKINE_SUBMISSION_H
#define RANKINE_SUBMISSION_H

#include "batch/batch.h"
#include "cli/cli.h"

typedef struct rk__submission {
    char file[4096]; /* the run file, absolute */
    char kernel[80];
    uint64_t tasks;
    rk__text script;
} rk__submission;

/* Changes to the directory of --chdir. RK_EINVAL, and what `run` and `resume` refuse. Fini it in any case. */
rk_status rk__submission_make(const rk__cli *cli, rk__submission *out, rk_error *err);
void rk__submission_fini(rk__submission *submission);

#endif
