/* Hosts of a hostfile: can ranks be started on them, and what is wrong if not? For doctor, which asks before, and for a
 * run whose ranks do not begin. */
#ifndef RANKINE_HOSTS_H
#define RANKINE_HOSTS_H

#include "cli/cli.h"
#include "doctor/doctor.h"
#include "world/world.h"

/* Starts `program` --version on each, and notes with a remedy what is wrong. *probes: [hosts->count], the caller's to
 * free, those that can be started on are marked so. */
rk_status rk__hosts_ask(const rk__hostfile *hosts, const char *hostfile, const char *program, rk__launch_probe **probes,
                        rk__findings *to, rk_error *err);

/* *ranks 0: becomes as many as a hostfile has room for; RK_EINVAL: it does not say. *here: how many of them mpirun
 * would start on this machine. */
rk_status rk__hosts_ranks(const char *hostfile, int *ranks, int *here, rk_error *err);

/* What rk__hosts_doubt has to know. */
typedef struct rk__hosts_job {
    const char *hostfile, *program;
    int ranks;
} rk__hosts_job;
/* An rk__launch_options.doubt; ctx is an rk__hosts_job. */
void rk__hosts_doubt(void *ctx, bool ended, rk__text *why);

#endif
