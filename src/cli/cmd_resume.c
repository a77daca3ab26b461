/* rankine resume FILE */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/drive.h"
#include "cli/recall.h"
#include "cli/request.h"

static bool is_complete(rk__record *record) {
    size_t bytes = rk__record_schema(record)->results_bytes;
    void *results = malloc(bytes ? bytes : 1);
    bool complete = results != NULL && rk__record_read_results(record, results, NULL) == RK_OK;
    free(results);
    return complete;
}

/* It is mended under its lock, later; until then nobody reads it. Said by whoever the user started. */
static rk_status pass_unreadable(const rk__cli *cli) {
    if (!cli->arguments.quiet && !rk__drive_is_silent_rank() && !rk__launch_is_watched())
        fprintf(stderr, "rankine: the file is mended first: options of the run such as --isolate or --retries are not "
                        "taken from it\n");
    return RK_OK;
}

/* Is it a run file at all? Said here, once, before mpirun is started. Is there anything to do? */
static rk_status look(rk__cli *cli, const char *path, rk__recall *recall, bool *complete, rk_error *err) {
    rk__record *record = NULL;
    bool again = cli->arguments.repair || cli->arguments.retry_failed;
    if (cli->arguments.repair && rk__record_lost_seal(path))
        return pass_unreadable(cli);
    RK_TRY(rk__record_open(&record, path, false, err));
    *complete = !again && is_complete(record);
    rk_status status = *complete ? RK_OK : rk__recall_policy(recall, cli, record, err);
    rk__record_close(record);
    return status;
}

/* A complete file needs no more ranks than this. */
static int drive(rk__cli *cli, rk__run_options *options, bool complete) {
    if (complete) {
        cli->arguments.ranks = 1;
        cli->arguments.hostfile = NULL;
    }
    return rk__drive(cli, options, options->output, rk__run_resume);
}

int rk__cmd_resume(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__text command_line = RK__TEXT_INIT;
    bool am_rank = false;
    rk_status status = rk__cli_words(cli, 1, 1, "one run file", &err);
    if (status == RK_OK)
        status = rk__drive_am_rank(&am_rank, &err);
    if (status != RK_OK)
        return rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__cli_fail(cli, &err);
    char absolute[PATH_MAX];
    const char *file = cli->arguments.words[0], *path = realpath(file, absolute) ? absolute : file;
    rk__recall recall = {0};
    bool complete = false;
    status = look(cli, path, &recall, &complete, &err);
    if (status != RK_OK && !am_rank) /* a rank need not see the file: then the launcher, or the user, has told it */
        return rk__cli_fail(cli, &err);
    rk__request_command_line(cli, &command_line);
    cli->typed = rk__text_get(&command_line);
    rk__run_options options = {.kernel = cli->arguments.kernel,
                               .linked = cli->linked,
                               .output = path,
                               .accept_kernel = cli->arguments.accept_kernel,
                               .repair = cli->arguments.repair,
                               .retry_failed = cli->arguments.retry_failed,
                               .command_line = rk__text_get(&command_line)};
    rk__request_session(cli, &options);
    int code = am_rank ? rk__drive_rank(cli, &options, rk__run_resume) : drive(cli, &options, complete);
    rk__recall_fini(&recall);
    rk__text_fini(&command_line);
    return code;
}
