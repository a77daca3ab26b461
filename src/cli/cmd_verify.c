/* rankine verify FILE */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/progress.h"
#include "run/run.h"
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

/* What is known of a file when all has been looked at. */
typedef struct verdict {
    const rk__record *record;
    const rk__schema *schema; /* the record's */
    rk__verify_report report;
    bool *wrong; /* [field_count] not what the partials give */
    bool refolded;
    rk_error why_not; /* refolded */
} verdict;

static uint64_t count_wrong(const verdict *v) {
    uint64_t count = 0;
    for (size_t f = 0; f < v->schema->field_count; f++)
        count += v->wrong[f];
    return count;
}

static bool has_good_results(const verdict *v) {
    return v->report.results_ok && count_wrong(v) == 0;
}

static bool is_damaged(const verdict *v) {
    return v->report.blocks_bad > 0 || v->report.entries_bad > 0 || (v->report.complete && !has_good_results(v));
}

static int report_as_json(const verdict *v, int code) {
    const rk__schema *schema = v->schema;
    const rk__verify_report *report = &v->report;
    rk__json json = {0};
    rk__jsonout_begin(&json, code);
    rk__json_string(&json, "file", rk__record_path(v->record));
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
    rk__json_u64(&json, "entries_damaged", report->entries_bad);
    rk__json_bool(&json, "reductions_ok", has_good_results(v));
    rk__json_bool(&json, "reductions_folded", v->refolded);
    rk__json_begin(&json, "reductions_wrong", '[');
    for (size_t f = 0; f < schema->field_count; f++)
        if (v->wrong[f])
            rk__json_string(&json, NULL, schema->fields[f].name);
    rk__json_end(&json, ']');
    return rk__jsonout_print(&json, code);
}

/* Either by name, from a new fold, or as a whole. */
static void add_wrong_results(rk__text *out, const verdict *v) {
    for (size_t f = 0; f < v->schema->field_count; f++)
        if (v->wrong[f])
            rk__text_add(out, "  reduction %s: not what the partials of the blocks give\n", v->schema->fields[f].name);
    if (v->report.complete && !v->report.results_ok && count_wrong(v) == 0)
        rk__text_add(out, "  the reductions do not match their checksum\n");
}

static void add_damage(rk__text *out, const verdict *v) {
    const rk__schema *schema = v->schema;
    const rk__verify_report *report = &v->report;
    for (uint64_t i = 0; i < report->blocks_bad && i < FIRST_BAD; i++) {
        uint64_t block = report->first_bad[i], first = block << schema->block_log2;
        rk__text_add(out, "  block %" PRIu64 ": tasks %" PRIu64 " to %" PRIu64 "\n", block, first,
                     first + rk__schema_block_tasks(schema, block) - 1);
    }
    if (report->blocks_bad > FIRST_BAD)
        rk__text_add(out, "  ... and %" PRIu64 " more\n", report->blocks_bad - FIRST_BAD);
    if (report->entries_bad > 0)
        rk__text_add(out, "  the tables of sessions and hosts: %" PRIu64 " of their entries (no results)\n",
                     report->entries_bad);
    add_wrong_results(out, v);
}

static int report_as_text(const verdict *v, int code) {
    const rk__schema *schema = v->schema;
    const rk__verify_report *report = &v->report;
    rk__text out = RK__TEXT_INIT;
    const char *path = rk__display_path(rk__record_path(v->record));
    char blocks[40];
    uint64_t expected = report->complete ? schema->blocks : report->totals.blocks_done;
    rk__display_number_of(expected, "committed block", blocks, sizeof blocks);
    if (code == RK_EXIT_OK)
        rk__text_add(&out, "%s: no damage in %s", path, blocks);
    else
        rk__text_add(&out, "%s: damaged: %" PRIu64 " of %s", path, report->blocks_bad, blocks);
    rk__text_add(&out, " (%" PRIu64 " of %" PRIu64 " tasks%s)\n", report->totals.tasks_done, schema->tasks,
                 report->complete ? ", complete" : "");
    add_damage(&out, v);
    if (report->complete && schema->field_count > 0 && !v->refolded)
        rk__display_fact(&out, "note", "the reductions could not be folded again: %s", v->why_not.message);
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

/* That it cannot be done here is no damage. */
static rk_status refold(const rk__cli *cli, rk__record *record, verdict *v, rk_error *err) {
    RK_TRY(rk__alloc((void **)&v->wrong, v->schema->field_count, sizeof *v->wrong, "reductions", err));
    v->refolded = v->report.complete && rk__run_refold(cli->linked, record, v->wrong, &v->why_not) == RK_OK;
    return RK_OK;
}

static rk_status look_at_all(const rk__cli *cli, rk__record **record, verdict *v, rk_error *err) {
    RK_TRY(rk__cli_words(cli, 1, 1, "one run file", err));
    RK_TRY(rk__record_open(record, cli->arguments.words[0], false, err));
    v->record = *record;
    v->schema = rk__record_schema(*record);
    RK_TRY(verify(cli, *record, &v->report, err));
    return refold(cli, *record, v, err);
}

int rk__cmd_verify(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__record *record = NULL;
    verdict v = {.why_not = RK_ERROR_INIT};
    rk_status status = look_at_all(cli, &record, &v, &err);
    int code = status == RK_OK && is_damaged(&v) ? RK_EXIT_DAMAGED : RK_EXIT_OK;
    if (status != RK_OK)
        code = rk__cli_fail(cli, &err);
    else if (cli->arguments.json)
        code = report_as_json(&v, code);
    else if (!cli->arguments.quiet || code != RK_EXIT_OK)
        code = report_as_text(&v, code);
    free(v.wrong);
    rk__record_close(record);
    return code;
}
