#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/batch.h"

/* squeue(1), --format: job, state, reason, time left, nodes, their names, start, end, command; the command may hold
 * anything and so is the last. */
#define FORMAT "%A|%T|%r|%L|%D|%N|%S|%e|%o"

/* Slurm's messages begin with the program's name and may be several lines: the first tells. */
static void first_line(const rk__text *text, char *out, size_t size) {
    const char *line = rk__text_get(text);
    snprintf(out, size, "%.*s", (int)strcspn(line, "\n"), line);
}

bool rk__batch_is_here(void) {
    static const char *const argv[] = {"squeue", "--version", NULL};
    rk__batch_answer answer;
    bool here = rk__batch_ask(&answer, argv, NULL) == RK_OK && answer.code == 0;
    rk__batch_answer_fini(&answer);
    return here;
}

rk_status rk__batch_submit(const char *script, char id[32], rk_error *err) {
    const char *argv[] = {"sbatch", "--parsable", script, NULL};
    rk__batch_answer answer;
    rk_status status = rk__batch_ask(&answer, argv, err);
    const char *text = rk__text_get(&answer.out);
    size_t digits = strspn(text, "0123456789");
    if (status == RK_OK && (answer.code != 0 || digits == 0 || digits > 31)) {
        char line[512];
        first_line(&answer.err, line, sizeof line);
        status = rk__fail(err, RK_EINVAL, "Slurm does not take the job: %s", *line ? line : "sbatch gave no job id");
    }
    if (status == RK_OK)
        snprintf(id, 32, "%.*s", (int)digits, text);
    rk__batch_answer_fini(&answer);
    return status;
}

/* ---- the queue ---- */

static bool take_field(const char **at, char *out, size_t size) {
    size_t length = strcspn(*at, "|");
    snprintf(out, size, "%.*s", (int)length, *at);
    bool more = (*at)[length] == '|';
    *at += length + more;
    return more;
}

static bool read_entry(const char *line, rk__batch_entry *out) {
    const char *at = line;
    rk__batch_entry e = {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}};
    if (!take_field(&at, e.id, sizeof e.id) || !take_field(&at, e.state, sizeof e.state) ||
        !take_field(&at, e.reason, sizeof e.reason) || !take_field(&at, e.left, sizeof e.left) ||
        !take_field(&at, e.nodes, sizeof e.nodes) || !take_field(&at, e.node_list, sizeof e.node_list) ||
        !take_field(&at, e.start, sizeof e.start) || !take_field(&at, e.end, sizeof e.end))
        return false;
    snprintf(e.command, sizeof e.command, "%.*s", (int)strcspn(at, "\n"), at);
    *out = e;
    return true;
}

static const char *next_line(const char *line) {
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

/* What squeue and scontrol refuse; RK_EINVAL names a job that Slurm does not know (any more). */
static rk_status ask(rk__batch_answer *answer, const char *const *argv, rk_error *err) {
    RK_TRY(rk__batch_ask(answer, argv, err));
    if (answer->code == 0)
        return RK_OK;
    char line[512];
    first_line(&answer->err, line, sizeof line);
    bool unknown = strstr(rk__text_get(&answer->err), "Invalid job id") != NULL;
    return rk__fail(err, unknown ? RK_EINVAL : RK_EIO, "%s: %s", argv[0], line);
}

rk_status rk__batch_find(const char *id, rk__batch_entry *out, bool *found, rk_error *err) {
    const char *argv[] = {"squeue", "--noheader", "--states=all", "--jobs", id, "--format", FORMAT, NULL};
    rk__batch_answer answer;
    rk_status status = ask(&answer, argv, err);
    *found = status == RK_OK && read_entry(rk__text_get(&answer.out), out);
    rk__batch_answer_fini(&answer);
    return status == RK_EINVAL ? RK_OK : status;
}

rk_status rk__batch_log_of(const char *id, char *out, size_t size, rk_error *err) {
    const char *argv[] = {"scontrol", "show", "job", id, NULL};
    static const char key[] = "StdOut=";
    rk__batch_answer answer;
    rk_status status = ask(&answer, argv, err);
    const char *at = status == RK_OK ? strstr(rk__text_get(&answer.out), key) : NULL;
    if (at != NULL)
        snprintf(out, size, "%.*s", (int)strcspn(at + sizeof key - 1, "\n"), at + sizeof key - 1);
    rk__batch_answer_fini(&answer);
    if (status == RK_OK && at == NULL)
        return rk__fail(err, RK_EIO, "scontrol does not say where the log of job %s goes", id);
    return status;
}

static size_t count_lines(const char *text) {
    size_t lines = 0;
    for (; *text != '\0'; text = next_line(text))
        lines++;
    return lines;
}

rk_status rk__batch_mine(rk__batch_entry **out, size_t *count, rk_error *err) {
    char user[24];
    snprintf(user, sizeof user, "%lu", (unsigned long)getuid());
    const char *argv[] = {"squeue", "--noheader", "--user", user, "--format", FORMAT, NULL};
    rk__batch_answer answer;
    rk__batch_entry *entries = NULL;
    rk_status status = ask(&answer, argv, err);
    const char *text = rk__text_get(&answer.out);
    if (status == RK_OK)
        status = rk__alloc((void **)&entries, count_lines(text) + 1, sizeof *entries, "jobs", err);
    size_t used = 0;
    for (; status == RK_OK && *text != '\0'; text = next_line(text))
        used += read_entry(text, &entries[used]);
    rk__batch_answer_fini(&answer);
    if (status != RK_OK)
        return status;
    *out = entries;
    *count = used;
    return RK_OK;
}

bool rk__batch_entry_lives(const rk__batch_entry *entry) {
    static const char *const living[] = {"PENDING",     "RUNNING",      "SUSPENDED",   "CONFIGURING", "COMPLETING",
                                         "REQUEUED",    "RESIZING",     "SIGNALING",   "STAGE_OUT",   "STOPPED",
                                         "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT"};
    for (size_t i = 0; i < sizeof living / sizeof *living; i++)
        if (strcmp(entry->state, living[i]) == 0)
            return true;
    return false;
}
