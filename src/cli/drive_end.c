/* What rank 0 says at the end of a run: its summary, its failures, how to go on. */
#include "cli/drive_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "cli/display.h"
#include "cli/failures.h"
#include "cli/jsonout.h"
#include "cli/quote.h"
#include "cli/recall.h"
#include "cli/spaceout.h"

enum { FAILURES_SHOWN = 3 };

static void read_digest(const char *path, uint64_t digest[2], bool *known) {
    rk__record *record = NULL;
    *known = rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_digest(record, digest, NULL) == RK_OK;
    rk__record_close(record);
}

void rk__drive_add_command(const rk__cli *cli, const char *path, const char *option, rk__text *out) {
    rk__text_add(out, "rankine resume ");
    rk__quote_add(out, rk__display_path(path));
    rk__text_add(out, "%s", option);
    rk__recall_machine(out, cli->typed);
}

static void add_go_on(const rk__cli *cli, const rk__run_summary *summary, rk__text *out) {
    rk__text command = RK__TEXT_INIT;
    bool again = summary->too_many_failures;
    rk__drive_add_command(cli, summary->path, again ? " --retry-failed" : "", &command);
    rk__display_fact(out, "go on", "%s%s", rk__text_get(&command), again ? "   (tries the failed tasks again)" : "");
    rk__text_fini(&command);
}

static void add_job(rk__text *out) {
    rk__batch_job job;
    rk__batch_job_read(&job);
    if (job.id != NULL && job.restarts > 0)
        rk__display_fact(out, "job", "%s of Slurm, restart %" PRIu64, job.id, job.restarts);
    else if (job.id != NULL)
        rk__display_fact(out, "job", "%s of Slurm", job.id);
}

int rk__drive_say(const rk__cli *cli, const rk__run_summary *summary, rk__summary_fn display, int code) {
    rk__text text = RK__TEXT_INIT;
    rk__record *record = NULL;
    rk__module module = {0};
    rk__space *space = NULL;
    if (summary->results != NULL && rk__record_open(&record, summary->path, false, NULL) == RK_OK)
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
    display(&text, summary, space);
    add_job(&text);
    if (!summary->complete)
        add_go_on(cli, summary, &text);
    rk__space_destroy(space);
    rk__module_unload(&module);
    rk__record_close(record);
    return rk__cli_print(&text, code);
}

/* The first of the failures, on stderr: most of what a person would look for next. */
static void say_failures(const rk__cli *cli, const rk__run_summary *summary) {
    rk__text text = RK__TEXT_INIT;
    rk__record *record = NULL;
    rk__failure *failures = NULL;
    rk__module module = {0};
    rk__space *space = NULL;
    size_t count = 0;
    if (rk__record_open(&record, summary->path, false, NULL) == RK_OK &&
        rk__record_read_failures(record, &failures, &count, NULL) == RK_OK && count > 0) {
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
        rk__failures_view view = {.space = space,
                                  .failed = summary->failed,
                                  .most = FAILURES_SHOWN,
                                  .columns = rk__launch_tty_columns(),
                                  .brief = true};
        rk__failures_print(&text, failures, count, &view);
        fprintf(stderr, "rankine: %" PRIu64 " of %" PRIu64 " tasks failed:%s", summary->failed, summary->tasks,
                rk__text_get(&text));
    }
    rk__space_destroy(space);
    rk__module_unload(&module);
    free(failures);
    rk__record_close(record);
    rk__text_fini(&text);
}

int rk__drive_say_summary(const rk__cli *cli, const rk__run_summary *summary) {
    int code = !summary->complete ? RK_EXIT_STOPPED : summary->failed > 0 ? RK_EXIT_TASKS_FAILED : RK_EXIT_OK;
    if (summary->failed > 0 && !cli->arguments.quiet)
        say_failures(cli, summary);
    if (cli->arguments.json) {
        uint64_t digest[2];
        bool known = false;
        if (summary->complete)
            read_digest(summary->path, digest, &known);
        rk__json json = {0};
        rk__jsonout_begin(&json, code);
        rk__jsonout_summary(&json, summary, known ? digest : NULL);
        return rk__jsonout_print(&json, code);
    }
    if (cli->arguments.quiet)
        return code;
    return rk__drive_say(cli, summary, rk__display_summary, code);
}

/* A failure after the file was made leaves something that can be resumed; the summary's path says that it was. */
int rk__drive_say_failure(const rk__cli *cli, const rk__run_summary *summary, rk_error *err) {
    rk_exit code = rk__exit_of(err->code);
    if (code != RK_EXIT_ERROR || summary->path[0] == '\0' || access(summary->path, F_OK) != 0)
        return rk__cli_fail(cli, err);
    rk__text command = RK__TEXT_INIT;
    rk__drive_add_command(cli, summary->path, "", &command);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof err->message - length, "; when that is mended: %s", rk__text_get(&command));
    rk__text_fini(&command);
    return rk__cli_fail_with(cli, err, RK_EXIT_STOPPED);
}
