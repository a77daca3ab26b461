/* What every command says in the same way: errors and exit codes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "cli/cli.h"
#include "cli/jsonout.h"

rk_exit rk__exit_of(rk_status status) {
    switch (status) {
    case RK_OK:
        return RK_EXIT_OK;
    case RK_EINTERRUPTED:
        return RK_EXIT_STOPPED;
    case RK_ECORRUPT:
        return RK_EXIT_DAMAGED;
    case RK_EINVAL:
    case RK_EEXIST:
    case RK_ENOENT:
    case RK_EPERM:
    case RK_EFORMAT:
    case RK_EABI:
    case RK_EMISMATCH:
    case RK_EOVERFLOW:
    case RK_EUNSUPPORTED:
        return RK_EXIT_USAGE;
    case RK_ENOMEM:
    case RK_EIO:
    case RK_EKERNEL:
    case RK_EMPI:
    case RK_EHDF5:
    case RK_ETIMEDOUT:
    case RK_EDEAD:
    case RK_EBROKEN:
    case RK_ECLOSED:
    case RK_ECANCELLED:
    case RK_EFULL:
    case RK_EEMPTY:
    case RK_EEOF:
        return RK_EXIT_ERROR;
    }
    return RK_EXIT_ERROR;
}

/* One line, and nothing in it that a terminal takes for an order: what was given may be quoted in a message. */
static void make_printable(char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

/* The user knows nothing of temporary files of ours. */
static void name_what_was_given(const rk__cli *cli, rk_error *err) {
    char before[RK_ERROR_TEXT_MAX], quoted[4200];
    if (cli->stand_in == NULL)
        return;
    snprintf(quoted, sizeof quoted, "'%s'", cli->stand_in);
    memcpy(before, err->message, sizeof before);
    const char *at = strstr(before, quoted), *word = at != NULL ? quoted : cli->stand_in;
    if (at == NULL)
        at = strstr(before, word);
    if (at != NULL)
        snprintf(err->message, sizeof err->message, "%.*s%s%s", (int)(at - before), before, cli->stands_for,
                 at + strlen(word));
}

/* The tasks of a job array all say the same words: what they want to share is one file. */
static void advise_array(rk_error *err) {
    rk__batch_job job;
    rk__batch_job_read(&job);
    if (err->code != RK_EEXIST || job.array_tasks < 2)
        return;
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof err->message - length,
             "; tasks of a job array (from 1 on) share a run by parts: run ... --part "
             "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT -o part$SLURM_ARRAY_TASK_ID.h5, then rankine merge");
}

/* What the user is told: `err` may be changed to his words. */
static void say_error(const rk__cli *cli, rk_error *err) {
    name_what_was_given(cli, err);
    advise_array(err);
    char where[32] = "";
    if (err->rank > 0)
        snprintf(where, sizeof where, "rank %d: ", err->rank);
    char message[RK_ERROR_TEXT_MAX];
    snprintf(message, sizeof message, "%s", *err->message ? err->message : rk_status_text(err->code));
    make_printable(message);
    fprintf(stderr, "rankine: %s%s\n", where, message);
}

int rk__cli_complain(const rk__cli *cli, const rk_error *failure) {
    rk_error err = *failure;
    say_error(cli, &err);
    return rk__exit_of(err.code);
}

int rk__cli_fail_with(const rk__cli *cli, const rk_error *failure, int exit_code) {
    rk_error copy = *failure, *err = &copy;
    say_error(cli, err);
    if (!cli->arguments.json)
        return exit_code;
    rk__json json = {.compact = cli->arguments.command == RK__COMMAND_WATCH}; /* its answers are lines */
    rk__jsonout_begin(&json, exit_code);
    rk__jsonout_error(&json, err);
    return rk__jsonout_print(&json, exit_code);
}

int rk__cli_fail(const rk__cli *cli, const rk_error *err) {
    return rk__cli_fail_with(cli, err, rk__exit_of(err->code));
}

void rk__cli_hear(void *cli, const char *text) {
    char message[RK_ERROR_TEXT_MAX];
    if (((const rk__cli *)cli)->arguments.quiet)
        return;
    snprintf(message, sizeof message, "%s", text);
    make_printable(message);
    fprintf(stderr, "rankine: %s\n", message);
}

/* ---- results ---- */

static int results_fd = STDOUT_FILENO;
static int kept_stdout = -1; /* while fd 1 is stderr */

void rk__cli_results_to(int fd) {
    results_fd = fd;
}

void rk__cli_take_stdout(void) {
    int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (own < 0)
        return; /* it is closed: the result will say so */
    fflush(stdout);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    results_fd = kept_stdout = own;
}

void rk__cli_give_stdout_back(void) {
    if (kept_stdout < 0)
        return;
    fflush(stdout);
    dup2(kept_stdout, STDOUT_FILENO);
    close(kept_stdout);
    kept_stdout = -1;
    results_fd = STDOUT_FILENO;
}

static bool write_all(int fd, const char *text, size_t size) {
    while (size > 0) {
        ssize_t wrote = write(fd, text, size);
        if (wrote < 0 && errno != EINTR)
            return false;
        text += wrote > 0 ? wrote : 0;
        size -= wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

int rk__cli_print(rk__text *text, int exit_code) {
    fflush(stdout); /* what was printed before comes before */
    bool written = !text->failed && write_all(results_fd, rk__text_get(text), text->length);
    int code = text->failed ? ENOMEM : errno;
    rk__text_fini(text);
    if (written)
        return exit_code;
    fprintf(stderr, "rankine: the result could not be written to stdout: %s\n", rk__errno_text(code));
    return RK_EXIT_ERROR;
}

rk_status rk__cli_words(const rk__cli *cli, size_t least, size_t most, const char *what, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    const char *command = rk__command_name(a->command);
    if (a->word_count < least)
        return rk__fail(err, RK_EINVAL, "%s: %s is expected: see rankine %s --help", command, what, command);
    if (a->word_count > most)
        return rk__fail(err, RK_EINVAL, "%s: unexpected '%s': %s is expected", command, a->words[most], what);
    return RK_OK;
}
