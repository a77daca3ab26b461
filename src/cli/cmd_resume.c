/* rankine resume FILE */
#include <limits.h>
#include <stdlib.h>

#include "cli/drive.h"
#include "cli/request.h"

/* Is it a run file at all? Said here, once, before mpirun is started. A complete one needs no more ranks than this. */
static rk_status look(rk__cli *cli, const char *path, rk_error *err) {
    rk__record *record = NULL;
    if (cli->arguments.repair && rk__record_lost_seal(path)) /* mended under the file's lock */
        return RK_OK;
    RK_TRY(rk__record_open(&record, path, false, err));
    size_t bytes = rk__record_schema(record)->results_bytes;
    void *results = malloc(bytes ? bytes : 1);
    bool again = cli->arguments.repair || cli->arguments.retry_failed;
    if (!again && results != NULL && rk__record_read_results(record, results, NULL) == RK_OK) {
        cli->arguments.ranks = 1;
        cli->arguments.hostfile = NULL;
    }
    free(results);
    rk__record_close(record);
    return RK_OK;
}

static int look_and_drive(rk__cli *cli, rk__run_options *options) {
    rk_error err = RK_ERROR_INIT;
    if (look(cli, options->output, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    return rk__drive(cli, options, options->output, rk__run_resume);
}

int rk__cmd_resume(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__text command_line = RK__TEXT_INIT;
    bool am_rank = false;
    rk_status status = rk__cli_words(cli, 1, 1, "one run file", &err);
    if (status == RK_OK)
        status = rk__world_am_rank(&am_rank, &err);
    if (status != RK_OK)
        return rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__cli_fail(cli, &err);
    char absolute[PATH_MAX];
    const char *file = cli->arguments.words[0], *path = realpath(file, absolute) ? absolute : file;
    rk__request_command_line(cli, &command_line);
    rk__run_options options = {.kernel = cli->arguments.kernel,
                               .linked = cli->linked,
                               .output = path,
                               .accept_kernel = cli->arguments.accept_kernel,
                               .repair = cli->arguments.repair,
                               .retry_failed = cli->arguments.retry_failed,
                               .command_line = rk__text_get(&command_line)};
    rk__request_session(cli, &options);
    int code = am_rank ? rk__drive_rank(cli, &options, rk__run_resume) : look_and_drive(cli, &options);
    rk__text_fini(&command_line);
    return code;
}
