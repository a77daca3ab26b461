/* rankine verify FILE */
#include <inttypes.h>
#include <math.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/progress.h"
#include "world/world.h"

enum { FIRST_BAD = sizeof((rk__verify_report *)0)->first_bad / sizeof(uint64_t) };

typedef struct watch {
    rk__progress_display display;
    uint64_t start_ns, shown_ns;
} watch;

/* A block may take microseconds: shown five times a second. */
static void on_progress(void *ctx, uint64_t done, uint64_t total) {
    watch *w = ctx;
    uint64_t now = rk__clock_ns();
    if (now - w->shown_ns < UINT64_C(200000000))
        return;
    w->shown_ns = now;
    double seconds = (double)(now - w->start_ns) * 1e-9, rate = (double)done / seconds;
    rk__progress p = {.tasks = total,
                      .done = done,
                      .seconds = seconds,
                      .rate = rate,
                      .eta_seconds = done > 0 ? (double)(total - done) / rate : NAN};
    rk__progress_show(&w->display, &p);
}

static bool is_damaged(const rk__verify_report *report) {
    return report->blocks_bad > 0 || (report->complete && !report->results_ok);
}

static int report_as_json(const rk__record *record, const rk__verify_report *report, int code) {
    const rk__schema *schema = rk__record_schema(record);
    rk__json json = {0};
    rk__jsonout_begin(&json, code);
    rk__json_string(&json, "file", rk__record_path(record));
    rk__json_bool(&json, "complete", report->complete);
    rk__json_u64(&json, "tasks", schema->tasks);
    rk__json_u64(&json, "done", report->totals.tasks_done);
    rk__json_u64(&json, "failed", report->totals.tasks_failed);
    rk__json_u64(&json, "blocks", schema->blocks);
    rk__json_u64(&json, "blocks_done", report->totals.blocks_done);
    rk__json_u64(&json, "blocks_damaged", report->blocks_bad);
    rk__json_begin(&json, "first_damaged", '[');
    for (uint64_t i = 0; i < report->blocks_bad && i < FIRST_BAD; i++)
        rk__json_u64(&json, NULL, report->first_bad[i]);
    rk__json_end(&json, ']');
    rk__json_bool(&json, "reductions_ok", report->results_ok);
    return rk__jsonout_print(&json, code);
}

static void add_damage(rk__text *out, const rk__schema *schema, const rk__verify_report *report) {
    for (uint64_t i = 0; i < report->blocks_bad && i < FIRST_BAD; i++) {
        uint64_t block = report->first_bad[i], first = block << schema->block_log2;
        rk__text_add(out, "  block %" PRIu64 ": tasks %" PRIu64 " to %" PRIu64 "\n", block, first,
                     first + rk__schema_block_tasks(schema, block) - 1);
    }
    if (report->blocks_bad > FIRST_BAD)
        rk__text_add(out, "  ... and %" PRIu64 " more\n", report->blocks_bad - FIRST_BAD);
    if (report->complete && !report->results_ok)
        rk__text_add(out, "  the reductions do not match their checksum\n");
}

static int report_as_text(const rk__record *record, const rk__verify_report *report, int code) {
    const rk__schema *schema = rk__record_schema(record);
    rk__text out = RK__TEXT_INIT;
    const char *path = rk__display_path(rk__record_path(record));
    char blocks[40];
    uint64_t expected = report->complete ? schema->blocks : report->totals.blocks_done;
    rk__display_number_of(expected, "committed block", blocks, sizeof blocks);
    if (code == RK_EXIT_OK)
        rk__text_add(&out, "%s: no damage in %s", path, blocks);
    else
        rk__text_add(&out, "%s: damaged: %" PRIu64 " of %s", path, report->blocks_bad, blocks);
    rk__text_add(&out, " (%" PRIu64 " of %" PRIu64 " tasks%s)\n", report->totals.tasks_done, schema->tasks,
                 report->complete ? ", complete" : "");
    add_damage(&out, schema, report);
    if (code != RK_EXIT_OK)
        rk__display_fact(&out, "mend", "rankine resume %s --repair   (computes the damaged blocks again)", path);
    return rk__cli_print(&out, code);
}

static rk_status verify(const rk__cli *cli, rk__record *record, rk__verify_report *report, rk_error *err) {
    watch w = {.start_ns = rk__clock_ns(), .shown_ns = rk__clock_ns()};
    rk__progress_init(&w.display, "block", &cli->arguments, rk__launch_tty_columns());
    rk_status status = rk__record_verify(record, report, on_progress, &w, err);
    rk__progress_clear(&w.display, STDERR_FILENO);
    return status;
}

int rk__cmd_verify(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__record *record = NULL;
    rk__verify_report report = {0};
    rk_status status = rk__cli_words(cli, 1, 1, "one run file", &err);
    if (status == RK_OK)
        status = rk__record_open(&record, cli->arguments.words[0], false, &err);
    if (status == RK_OK)
        status = verify(cli, record, &report, &err);
    int code = is_damaged(&report) ? RK_EXIT_DAMAGED : RK_EXIT_OK;
    if (status != RK_OK)
        code = rk__cli_fail(cli, &err);
    else if (cli->arguments.json)
        code = report_as_json(record, &report, code);
    else if (!cli->arguments.quiet || code != RK_EXIT_OK)
        code = report_as_text(record, &report, code);
    rk__record_close(record);
    return code;
}
