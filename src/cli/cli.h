/* src/cli: the command. command.c is the way in; each command has a file of its own, cmd_<name>.c, over these units:
 *
 *     options    words of the command line            help       what it says about itself
 *     display    text for people (table, progress)    jsonout    the same for scripts
 *     life       is the run of a file still going on?  failures   those that say the same are one line
 *     watch      the model and the views of a running run, over canvas (lines) and terminal (the screen)
 *     info       what a run file says, for people and for scripts
 *     drive      run and resume: launcher, ranks, what is left when they died
 *     doctor     where a run would run: what is started there, and what is said of it
 *     submission a run that is to be a Slurm job: its script     outlook    what will become of a job and its run
 *     guard      a kernel that calls exit() is no good end
 *
 * A command returns an exit code. Results go to stdout, messages to stderr ("rankine: ..."), each said once: on a rank
 * only by rank 0. */
#ifndef RANKINE_CLI_H
#define RANKINE_CLI_H

#include <rankine/command.h>

#include "cli/options.h"

typedef struct rk__cli {
    rk__arguments arguments;
    const rk_kernel *const *linked; /* borrowed, may be NULL */
    char *const *argv;              /* borrowed */
    const char *typed;              /* run, resume: the command line, quoted; borrowed */
    int argc;
    const char *stand_in, *stands_for; /* a temporary file, and what messages call it; borrowed; NULL: none */
} rk__cli;

int rk__cmd_run(rk__cli *cli);
int rk__cmd_resume(rk__cli *cli);
int rk__cmd_submit(rk__cli *cli);
int rk__cmd_status(rk__cli *cli);
int rk__cmd_kernels(rk__cli *cli);
int rk__cmd_info(rk__cli *cli);
int rk__cmd_watch(rk__cli *cli);
int rk__cmd_verify(rk__cli *cli);
int rk__cmd_digest(rk__cli *cli);
int rk__cmd_merge(rk__cli *cli);
int rk__cmd_new(rk__cli *cli);
int rk__cmd_check(rk__cli *cli);
int rk__cmd_doctor(rk__cli *cli);

/* The exit code that goes with a status. */
rk_exit rk__exit_of(rk_status status);
/* Say what went wrong, once: a line on stderr; under --json an object on stdout too. Returns the exit code. */
int rk__cli_fail(const rk__cli *cli, const rk_error *err);
/* The message alone, for a command that goes on with something else; the exit code as above. */
int rk__cli_complain(const rk__cli *cli, const rk_error *err);
/* The same with an exit code of one's own. */
int rk__cli_fail_with(const rk__cli *cli, const rk_error *failure, int exit_code);
/* A listener's: say on stderr what the user may not have meant, unless --quiet. The run goes on. */
void rk__cli_hear(void *cli, const char *text);
/* Results go to `fd` (stdout at first), which stays the caller's. */
void rk__cli_results_to(int fd);
/* Results alone go to stdout: what a kernel prints there goes to stderr, until it is given back. */
void rk__cli_take_stdout(void);
void rk__cli_give_stdout_back(void);
/* Write text to where results go and return `exit_code`, or RK_EXIT_ERROR if it could not be written. Frees the text.
 */
int rk__cli_print(rk__text *text, int exit_code);
/* RK_EINVAL unless there are `least` to `most` words after the command; `what` says which ("one run file"). */
rk_status rk__cli_words(const rk__cli *cli, size_t least, size_t most, const char *what, rk_error *err);

#endif
