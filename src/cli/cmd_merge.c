/* rankine merge PART... -o FILE */
#include <stdlib.h>

#include "cli/display.h"
#include "cli/drive.h"
#include "cli/jsonout.h"
#include "cli/request.h"

static int say(const rk__cli *cli, const rk__run_summary *summary, int code) {
    if (cli->arguments.json) {
        rk__json json = {0};
        rk__jsonout_begin(&json, code);
        rk__jsonout_summary(&json, summary, NULL);
        return rk__jsonout_print(&json, code);
    }
    if (cli->arguments.quiet)
        return code;
    return rk__drive_say(cli, summary, rk__display_merged, code);
}

int rk__cmd_merge(rk__cli *cli) {
    const rk__arguments *a = &cli->arguments;
    rk_error err = RK_ERROR_INIT;
    rk__text command_line = RK__TEXT_INIT;
    rk__run_summary summary = {0};
    rk__request_command_line(cli, &command_line);
    rk__run_options options = {.kernel = a->kernel,
                               .linked = cli->linked,
                               .output = a->output,
                               .force = a->force,
                               .accept_kernel = a->accept_kernel,
                               .command_line = rk__text_get(&command_line)};
    rk_status status = rk__cli_words(cli, 1, SIZE_MAX, "the files of the parts", &err);
    if (status == RK_OK)
        status = rk__run_merge(&options, a->words, a->word_count, &summary, &err);
    int code;
    if (status == RK_OK || status == RK_EINTERRUPTED)
        code = say(cli, &summary,
                   !summary.complete    ? RK_EXIT_STOPPED
                   : summary.failed > 0 ? RK_EXIT_TASKS_FAILED
                                        : RK_EXIT_OK);
    else
        code = rk__cli_fail(cli, &err);
    rk__run_summary_fini(&summary);
    rk__text_fini(&command_line);
    return code;
}
