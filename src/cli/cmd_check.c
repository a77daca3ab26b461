/* rankine check KERNEL [name=value ...] */
#include <inttypes.h>

#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/request.h"
#include "cli/tasks_from.h"

static int report_as_json(const rk__cli *cli, const rk__check_report *report, int code) {
    rk__json json = {0};
    rk__jsonout_begin(&json, code);
    rk__json_string(&json, "kernel", cli->arguments.words[0]);
    rk__json_u64(&json, "tasks_checked", report->tasks_checked);
    rk__json_u64(&json, "comparisons", report->comparisons);
    rk__json_u64(&json, "differences", report->differences);
    if (report->differences > 0) {
        rk__json_u64(&json, "first_task", report->first_task);
        rk__json_string(&json, "first_output", report->first_output);
    }
    return rk__jsonout_print(&json, code);
}

static int report_as_text(const rk__cli *cli, const rk__check_report *report, int code) {
    rk__text out = RK__TEXT_INIT;
    char tasks[40], comparisons[40];
    rk__display_number_of(report->tasks_checked, "task", tasks, sizeof tasks);
    rk__display_number_of(report->comparisons, "comparison", comparisons, sizeof comparisons);
    if (report->differences == 0)
        rk__text_add(&out, "%s: the same bits in %s of %s\n", cli->arguments.words[0], comparisons, tasks);
    else
        rk__text_add(&out,
                     "%s: %" PRIu64 " of %s of %s differ; the first: task %" PRIu64 ", %s\n"
                     "The kernel depends on something else than its task: on static variables, on the\n"
                     "tasks before, on how tasks are cut into batches, or on memory it did not set.\n",
                     cli->arguments.words[0], report->differences, comparisons, tasks, report->first_task,
                     report->first_output);
    return rk__cli_print(&out, code);
}

int rk__cmd_check(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__run_options options;
    rk__check_report report = {0};
    rk__text command_line = RK__TEXT_INIT;
    rk__tasks_from tasks;
    rk_status status = rk__tasks_from_take(cli, &tasks, &err);
    if (status == RK_OK)
        status = rk__request_make(cli, &options, &command_line, &err);
    if (status == RK_OK)
        status = rk__run_check(&options, cli->arguments.samples, &report, &err);
    int code = report.differences > 0 ? RK_EXIT_DAMAGED : RK_EXIT_OK;
    if (status != RK_OK)
        code = rk__cli_fail(cli, &err);
    else
        code = cli->arguments.json ? report_as_json(cli, &report, code) : report_as_text(cli, &report, code);
    rk__text_fini(&command_line);
    rk__tasks_from_fini(&tasks);
    return code;
}
