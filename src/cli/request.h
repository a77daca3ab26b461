/* From the words of `run` and `check` to the options of a run. */
#ifndef RANKINE_REQUEST_H
#define RANKINE_REQUEST_H

#include "cli/cli.h"
#include "run/run.h"

/* Borrows from cli. RK_EINVAL: no kernel, or a word that sets nothing. `command_line` is written here and must outlive
 * the options. */
rk_status rk__request_make(const rk__cli *cli, rk__run_options *options, rk__text *command_line, rk_error *err);
/* The words as they were typed, quoted for a shell, for the record; of a rank that our launcher started, those that the
 * launcher was given. */
void rk__request_command_line(const rk__cli *cli, rk__text *out);
/* For the launcher: leave these words to the ranks, in their environment. */
void rk__request_pass_on(const rk__cli *cli);

/* What `run` and `resume` share: policy, sync, and the time until which they may run, counted from now. */
void rk__request_session(const rk__cli *cli, rk__run_options *options);

#endif
