/* What the command line that began a run, which is in its file, still means later.
 *
 * What is to happen to tasks that fail belongs to the run: a resume goes by it unless it is given anew, and says so.
 * How many ranks and threads there were belongs to the machine: it is only named where it is said how to go on. */
#ifndef RANKINE_RECALL_H
#define RANKINE_RECALL_H

#include "cli/cli.h"
#include "record/record.h"

typedef struct rk__recall {
    char *added[RK__FORWARD_MORE]; /* "--retries=2"; owned, borrowed by the arguments */
    size_t added_count;
} rk__recall;

/* Takes over into cli->arguments, also for the ranks, and says so unless --quiet. Zero *out before; it must outlive the
 * arguments' use. */
rk_status rk__recall_policy(rk__recall *out, rk__cli *cli, rk__record *record, rk_error *err);
void rk__recall_fini(rk__recall *recall);

/* " -n 4 --threads 2", as far as a command line (quoted words) has them. */
void rk__recall_machine(rk__text *out, const char *command_line);

#endif
