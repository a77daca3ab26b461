/* What a run file holds, for a person. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/display.h"
#include "cli/failures.h"
#include "cli/info.h"
#include "cli/quote.h"
#include "cli/recall.h"
#include "cli/spaceout.h"
#include "cli/table.h"
#include "cli/terminal.h"

enum { FAILURES_SHOWN = 8, SESSIONS_SHOWN = 5 };

static void add_head(rk__text *out, const rk__info *f) {
    char tasks[40], state[64];
    uint64_t all = rk__schema_part_tasks(f->schema);
    rk__text_add(out, "%s: %s, %" PRIu64 " of %s", rk__display_path(rk__record_path(f->record)),
                 rk__info_state_text(f, state, sizeof state), f->totals.tasks_done,
                 rk__display_number_of(all, "task", tasks, sizeof tasks));
    if (f->totals.tasks_done < all)
        rk__text_add(out, " (%d %%)", rk__display_percent(f->totals.tasks_done, all));
    if (f->schema->parts > 1)
        rk__text_add(out, ", part %" PRIu32 " of %" PRIu32, f->schema->part, f->schema->parts);
    if (f->totals.tasks_failed > 0)
        rk__text_add(out, ", %" PRIu64 " failed", f->totals.tasks_failed);
    rk__text_add(out, "\n\n");
}

/* Where the file comes from. Versions in short, up to the first comma; all of it is in --json. */
static void add_note(rk__text *out, const rk__fact *note) {
    static const char *const shown[][2] = {{"created", "created"},
                                           {"command_line", "command"},
                                           {"directory", "directory"},
                                           {"user", "user"},
                                           {"mpi", "MPI"},
                                           {"hdf5", "HDF5"},
                                           {"cpu", "CPU"}};
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        if (strcmp(note->key, shown[i][0]) != 0 || *note->value == '\0')
            continue;
        bool is_version = strcmp(note->key, "mpi") == 0;
        size_t length = strcspn(note->value, is_version ? ",\n" : "\n");
        rk__display_fact(out, shown[i][1], "%.*s", (int)length, note->value);
    }
}

static void add_notes(rk__text *out, const rk__info *f) {
    for (size_t i = 0; i < f->note_count; i++)
        add_note(out, &f->notes[i]);
}

/* How fast, and for how long yet. */
static void add_pace(rk__text *out, const rk__info *f) {
    char ago[32], now[32], average[32], left[32];
    const rk__info_times *t = &f->times;
    if (isfinite(t->average))
        rk__display_fact(out, "rate", "%s/s now, %s/s on average", rk__display_rate(t->rate, now, sizeof now),
                         rk__display_rate(t->average, average, sizeof average));
    if (isfinite(t->eta_seconds))
        rk__display_fact(out, "left", "about %s", rk__format_seconds(t->eta_seconds, left, sizeof left));
    if (t->last_commit_ns != 0 && f->results == NULL)
        rk__display_fact(out, "last commit", "%s ago",
                         rk__format_seconds(rk__life_seconds_since(t->last_commit_ns), ago, sizeof ago));
}

static void add_identity(rk__text *out, const rk__info *f) {
    char size[80], time[32], blocks[40], each[40];
    const rk__identity *id = f->identity;
    rk__display_fact(out, "kernel", "%s, version %s%s%s", id->kernel_name, id->kernel_version,
                     *id->kernel_path ? ", " : "", id->kernel_path);
    rk__display_fact(out, "seed", "%" PRIu64, id->seed);
    rk__display_fact(out, "blocks", "%s of %s",
                     rk__display_number_of(f->schema->blocks, "block", blocks, sizeof blocks),
                     rk__display_number_of(UINT64_C(1) << f->schema->block_log2, "task", each, sizeof each));
    rk__display_fact(out, "size", "%s", rk__display_file_size(rk__record_path(f->record), size, sizeof size));
    rk__display_fact(out, "computing", "%s, all ranks together",
                     rk__format_seconds((double)f->totals.kernel_ns * 1e-9, time, sizeof time));
    add_pace(out, f);
    if (f->has_digest)
        rk__display_fact(out, "digest", "%016" PRIx64 "%016" PRIx64, f->digest[1], f->digest[0]);
}

static void add_space(rk__text *out, const rk__info *f) {
    if (f->space != NULL)
        rk__spaceout_print(out, f->space);
    else
        rk__text_add(out, "\n  The kernel cannot be loaded here; the tasks as they are recorded:\n%s\n",
                     f->identity->space_text);
}

/* Only then is it worth a word on which of them a task failed. */
static bool has_several_hosts(const rk__info *f) {
    for (size_t i = 1; i < f->host_count; i++)
        if (strcmp(f->hosts[i].name, f->hosts[0].name) != 0)
            return true;
    return false;
}

static void add_failures(rk__text *out, const rk__info *f) {
    rk__failures_view view = {.space = f->space,
                              .hosts = has_several_hosts(f) ? f->failed_on : NULL,
                              .failed = f->totals.tasks_failed,
                              .most = FAILURES_SHOWN};
    int rows;
    if (isatty(STDOUT_FILENO))
        rk__terminal_size(&view.columns, &rows);
    rk__failures_print(out, f->failures, f->failure_count, &view);
}

/* "  crashed     task 17 at rho=28: segmentation fault (signal 11) at address 0x0" */
static void add_crash(rk__text *out, const rk__info *f) {
    rk__text where = RK__TEXT_INIT;
    if (!f->crashed)
        return;
    if (f->space != NULL && f->space->axis_count > 0)
        rk__text_add(&where, " at ");
    if (f->space != NULL)
        rk__space_where(&where, f->space, f->crash.task);
    rk__text_add(out, "\n");
    rk__display_fact(out, "crashed", "task %" PRIu64 "%s: %s", f->crash.task, rk__text_get(&where), f->crash.message);
    rk__text_fini(&where);
}

static void add_session(rk__table *table, const rk__info *f, size_t number) {
    const rk__session *s = &f->sessions[number];
    rk__info_session took = rk__info_session_of(f, number);
    char start[32], time[32] = "", ranks[32], tasks[48], efficiency[32] = "";
    rk__wall_text(s->start_ns, start, sizeof start);
    if (took.seconds > 0)
        rk__format_seconds(took.seconds, time, sizeof time);
    snprintf(ranks, sizeof ranks, "%" PRIu32 " on %" PRIu32, s->ranks, s->nodes);
    snprintf(tasks, sizeof tasks, "%" PRIu64, took.tasks);
    if (isfinite(took.efficiency))
        snprintf(efficiency, sizeof efficiency, "%.0f %%", 100 * took.efficiency);
    bool latest = number + 1 == f->session_count;
    const char *outcome = s->outcome != 0                        ? rk__life_outcome(s->outcome)
                          : latest && f->crashed                 ? "crashed"
                          : latest && rk__info_is_running(f)     ? "running"
                          : latest && f->life == RK__LIFE_REMOTE ? rk__life_outcome(0)
                                                                 : "killed";
    rk__table_row(table, (const char *[]){start, time, ranks, tasks, efficiency, s->host, outcome});
}

/* "  lost        3 ranks in the session of 2026-11-21T17:57:19Z: 2 of 2 on node3, 1 of 2 on node4" */
static void add_losses(rk__text *out, const rk__info *f) {
    for (size_t i = 0; i < f->session_count; i++) {
        const rk__session *s = &f->sessions[i];
        char start[32], ranks[40];
        rk__text hosts = RK__TEXT_INIT;
        for (size_t h = 0; h < f->host_count; h++)
            if (f->hosts[h].session == s->number && f->hosts[h].lost > 0)
                rk__text_add(&hosts, "%s %" PRIu32 " of %" PRIu32 " on %s", hosts.length > 0 ? "," : ":",
                             f->hosts[h].lost, f->hosts[h].count, f->hosts[h].name);
        rk__wall_text(s->start_ns, start, sizeof start);
        if (s->ranks_lost > 0)
            rk__display_fact(out, "lost", "%s in the session of %s%s",
                             rk__display_number_of(s->ranks_lost, "rank", ranks, sizeof ranks), start,
                             rk__text_get(&hosts));
        rk__text_fini(&hosts);
    }
}

static void add_sessions(rk__text *out, const rk__info *f) {
    rk__table table;
    rk__table_init(&table, 7);
    rk__table_row(&table, (const char *[]){"session", "time", "ranks", "tasks", "in kernel", "host", "outcome"});
    size_t first = f->session_count > SESSIONS_SHOWN ? f->session_count - SESSIONS_SHOWN : 0;
    for (size_t i = first; i < f->session_count; i++)
        add_session(&table, f, i);
    if (f->session_count > 0)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
    add_losses(out, f);
}

/* ---- where the time went ---- */

static void add_spread(rk__text *out, const rk__info_times *t) {
    char mean[32], deviation[32], least[32], most[32];
    rk__display_fact(out, "block time", "%s on average, spread %s, from %s to %s",
                     rk__format_seconds(t->mean_seconds, mean, sizeof mean),
                     rk__format_seconds(t->deviation_seconds, deviation, sizeof deviation),
                     rk__format_seconds(t->least_seconds, least, sizeof least),
                     rk__format_seconds(t->most_seconds, most, sizeof most));
}

static void add_slow(rk__table *table, const rk__info *f, const rk__info_block *slow) {
    char time[32], tasks[64], owner[32];
    rk__text where = RK__TEXT_INIT;
    uint64_t first = slow->block << f->schema->block_log2, count = rk__schema_block_tasks(f->schema, slow->block);
    rk__format_seconds((double)slow->record.duration_ns * 1e-9, time, sizeof time);
    if (count > 1)
        snprintf(tasks, sizeof tasks, "%" PRIu64 " to %" PRIu64, first, first + count - 1);
    else
        snprintf(tasks, sizeof tasks, "%" PRIu64, first);
    snprintf(owner, sizeof owner, "%" PRIu32, slow->record.owner);
    if (f->space != NULL)
        rk__space_where(&where, f->space, first);
    rk__table_row(table, (const char *[]){time, tasks, owner, rk__text_get(&where)});
    rk__text_fini(&where);
}

static void add_times(rk__text *out, const rk__info *f) {
    const rk__info_times *t = &f->times;
    rk__table table;
    if (t->blocks == 0)
        return;
    rk__text_add(out, "\n");
    add_spread(out, t);
    if (t->blocks == 1)
        return;
    rk__text_add(out, "\n");
    rk__table_init(&table, 4);
    rk__table_row(&table, (const char *[]){"slowest", "tasks", "rank", "first of them"});
    for (size_t i = 0; i < t->slowest_count; i++)
        add_slow(&table, f, &t->slowest[i]);
    rk__table_print(&table, out);
}

/* Outputs of varying length: how many values there are, folded or not. */
static void add_values(rk__text *out, const rk__info *f) {
    char count[40];
    for (size_t c = 0; c < f->schema->column_count; c++) {
        const rk__column *column = &f->schema->columns[c];
        uint64_t values;
        if (column->varying && rk__record_count_values(f->record, c, &values, NULL) == RK_OK)
            rk__display_fact(out, "emitted", "%s: %s%s", column->values.name,
                             rk__display_number_of(values, "value", count, sizeof count),
                             f->schema->folded ? "" : ", in logs so far");
    }
}

/* "rankine resume out.h5 -n 4": for a shell. `machine`: with the options of that of before, to be taken or left. */
static void add_command(rk__text *out, const rk__info *f, const char *label, const char *verb, const char *more,
                        bool machine) {
    rk__text command = RK__TEXT_INIT;
    rk__text_add(&command, "rankine %s ", verb);
    rk__quote_add(&command, rk__display_path(rk__record_path(f->record)));
    rk__text_add(&command, "%s", more);
    for (size_t i = 0; machine && i < f->note_count; i++)
        if (strcmp(f->notes[i].key, "command_line") == 0)
            rk__recall_machine(&command, f->notes[i].value);
    rk__display_fact(out, label, "%s", rk__text_get(&command));
    rk__text_fini(&command);
}

static void add_hints(rk__text *out, const rk__info *f) {
    rk__text_add(out, "\n");
    if (rk__info_is_running(f))
        add_command(out, f, "look on", "watch", "", false);
    else if (strcmp(rk__info_state(f), "complete") != 0)
        add_command(out, f, "go on", "resume", f->crashed ? rk__life_after_crash(f->module.kernel) : "", true);
    if (!rk__info_is_running(f) && f->totals.tasks_failed > 0)
        add_command(out, f, "retry", "resume", " --retry-failed", false);
    rk__display_python(out, rk__display_path(rk__record_path(f->record)), f->schema);
}

int rk__info_as_text(const rk__info *f) {
    rk__text out = RK__TEXT_INIT;
    add_head(&out, f);
    add_identity(&out, f);
    add_notes(&out, f);
    add_values(&out, f);
    add_space(&out, f);
    add_failures(&out, f);
    add_crash(&out, f);
    add_sessions(&out, f);
    add_times(&out, f);
    if (f->results != NULL && f->schema->field_count > 0) {
        rk__text_add(&out, "\n");
        rk__display_results(&out, f->schema, f->results, f->space);
    }
    add_hints(&out, f);
    return rk__cli_print(&out, RK_EXIT_OK);
}
