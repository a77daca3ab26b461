/* rankine info FILE: from the file alone; the kernel, if it can still be loaded, only helps to name parameters. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/spaceout.h"
#include "cli/table.h"
#include "kernel/loader.h"
#include "record/record.h"

enum { FAILURES_SHOWN = 5, SESSIONS_SHOWN = 5 };

typedef struct facts {
    rk__record *record;
    const rk__schema *schema;     /* the record's */
    const rk__identity *identity; /* the record's */
    rk__totals totals;
    rk__failure *failures;
    size_t failure_count;
    rk__session *sessions;
    size_t session_count;
    rk__fact *notes;
    size_t note_count;
    void *results; /* NULL: not complete */
    bool has_digest;
    uint64_t digest[2];
    rk__module module; /* .kernel NULL: could not be loaded */
    rk__space *space;  /* NULL: could not be made again */
} facts;

static void load_space(facts *f, const rk_kernel *const *linked) {
    const char *path = f->identity->kernel_path;
    const char *name = path && *path ? path : f->identity->kernel_name;
    if (rk__module_load(&f->module, name, linked, NULL) != RK_OK) {
        f->module = (rk__module){0};
        return;
    }
    if (rk__space_create(&f->space, f->module.kernel, f->identity->space_text, false, NULL) != RK_OK)
        f->space = NULL;
}

static rk_status load_results(facts *f, rk_error *err) {
    void *results = NULL;
    RK_TRY(rk__alloc(&results, f->schema->results_bytes, 1, "results", err));
    rk_status status = rk__record_read_results(f->record, results, err);
    if (status == RK_OK) {
        f->results = results;
        f->has_digest = rk__record_digest(f->record, f->digest, NULL) == RK_OK;
        return RK_OK;
    }
    free(results);
    return status == RK_EINTERRUPTED ? RK_OK : status;
}

static rk_status gather(const rk__cli *cli, facts *f, rk_error *err) {
    RK_TRY(rk__record_open(&f->record, cli->arguments.words[0], false, err));
    f->schema = rk__record_schema(f->record);
    f->identity = rk__record_identity(f->record);
    RK_TRY(rk__record_scan(f->record, NULL, &f->totals, err));
    RK_TRY(rk__record_read_failures(f->record, &f->failures, &f->failure_count, err));
    RK_TRY(rk__record_read_sessions(f->record, &f->sessions, &f->session_count, err));
    RK_TRY(rk__record_read_facts(f->record, &f->notes, &f->note_count, err));
    RK_TRY(load_results(f, err));
    load_space(f, cli->linked);
    return RK_OK;
}

static void release(facts *f) {
    rk__space_destroy(f->space);
    rk__module_unload(&f->module);
    rk__record_facts_free(f->notes, f->note_count);
    free(f->results);
    free(f->sessions);
    free(f->failures);
    rk__record_close(f->record);
}

/* ---- how far? ---- */

/* A session without an end may be going on; that can be seen on its own host only. */
static bool is_running(const facts *f) {
    char host[64] = "";
    if (f->session_count == 0)
        return false;
    const rk__session *last = &f->sessions[f->session_count - 1];
    gethostname(host, sizeof host - 1);
    return last->outcome == 0 && strcmp(last->host, host) == 0 && last->pid > 0 && kill((pid_t)last->pid, 0) == 0;
}

/* Tasks of the file's part of the run. */
static bool is_whole(const facts *f) {
    return f->schema->parts > 1 && f->totals.tasks_done == rk__schema_part_tasks(f->schema);
}

static const char *state_of(const facts *f) {
    return f->results || is_whole(f) ? "complete" : is_running(f) ? "running" : "stopped";
}

static const char *outcome_words(uint32_t outcome) {
    static const char *const words[] = {"running or killed", "complete", "stopped", "failed"};
    return outcome < 4 ? words[outcome] : "?";
}

/* ---- for a person ---- */

static void add_head(rk__text *out, const facts *f) {
    char tasks[40];
    uint64_t of_part = rk__schema_part_tasks(f->schema);
    rk__text_add(out, "%s: %s, %" PRIu64 " of %s", rk__display_path(rk__record_path(f->record)), state_of(f),
                 f->totals.tasks_done, rk__display_number_of(of_part, "task", tasks, sizeof tasks));
    if (f->totals.tasks_done < of_part)
        rk__text_add(out, " (%d %%)", rk__display_percent(f->totals.tasks_done, of_part));
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

static void add_notes(rk__text *out, const facts *f) {
    for (size_t i = 0; i < f->note_count; i++)
        add_note(out, &f->notes[i]);
}

static void add_identity(rk__text *out, const facts *f) {
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
    if (f->has_digest)
        rk__display_fact(out, "digest", "%016" PRIx64 "%016" PRIx64, f->digest[1], f->digest[0]);
}

static void add_space(rk__text *out, const facts *f) {
    if (f->space != NULL)
        rk__spaceout_print(out, f->space);
    else
        rk__text_add(out, "\n  The kernel cannot be loaded here; the tasks as they are recorded:\n%s\n",
                     f->identity->space_text);
}

static void add_failures(rk__text *out, const facts *f) {
    rk__table table;
    char task[32], code[32];
    if (f->failure_count == 0)
        return;
    rk__table_init(&table, 3);
    rk__table_row(&table, (const char *[]){"failed task", "code", "message"});
    for (size_t i = 0; i < f->failure_count && i < FAILURES_SHOWN; i++) {
        snprintf(task, sizeof task, "%" PRIu64, f->failures[i].task);
        snprintf(code, sizeof code, "%" PRId32, f->failures[i].code);
        rk__table_row(&table, (const char *[]){task, code, f->failures[i].message});
    }
    rk__text_add(out, "\n");
    rk__table_print(&table, out);
    if (f->totals.tasks_failed > FAILURES_SHOWN)
        rk__text_add(out, "  ... and %" PRIu64 " more (--json lists them)\n", f->totals.tasks_failed - FAILURES_SHOWN);
}

static void add_session(rk__table *table, const rk__session *s) {
    char start[32], time[32] = "", ranks[32], tasks[48];
    rk__wall_text(s->start_ns, start, sizeof start);
    if (s->end_ns > s->start_ns)
        rk__format_seconds((double)(s->end_ns - s->start_ns) * 1e-9, time, sizeof time);
    snprintf(ranks, sizeof ranks, "%" PRIu32 " on %" PRIu32, s->ranks, s->nodes);
    tasks[0] = '\0';
    if (s->end_ns != 0)
        snprintf(tasks, sizeof tasks, "%" PRIu64, s->tasks_after - s->tasks_before);
    rk__table_row(table, (const char *[]){start, time, ranks, tasks, s->host, outcome_words(s->outcome)});
}

static void add_sessions(rk__text *out, const facts *f) {
    rk__table table;
    rk__table_init(&table, 6);
    rk__table_row(&table, (const char *[]){"session", "time", "ranks", "tasks", "host", "outcome"});
    size_t first = f->session_count > SESSIONS_SHOWN ? f->session_count - SESSIONS_SHOWN : 0;
    for (size_t i = first; i < f->session_count; i++)
        add_session(&table, &f->sessions[i]);
    if (f->session_count > 0)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

static void add_hints(rk__text *out, const facts *f) {
    const char *path = rk__display_path(rk__record_path(f->record));
    rk__text_add(out, "\n");
    if (f->results == NULL && !is_whole(f) && !is_running(f))
        rk__display_fact(out, "go on", "rankine resume %s", path);
    rk__display_python(out, path, f->schema);
}

static int info_as_text(const facts *f) {
    rk__text out = RK__TEXT_INIT;
    add_head(&out, f);
    add_identity(&out, f);
    add_notes(&out, f);
    add_space(&out, f);
    add_failures(&out, f);
    add_sessions(&out, f);
    if (f->results != NULL && f->schema->field_count > 0) {
        rk__text_add(&out, "\n");
        rk__display_results(&out, f->schema, f->results);
    }
    add_hints(&out, f);
    return rk__cli_print(&out, RK_EXIT_OK);
}

/* ---- for scripts ---- */

static void json_failures(rk__json *json, const facts *f) {
    rk__json_begin(json, "failures", '[');
    for (size_t i = 0; i < f->failure_count; i++) {
        rk__json_begin(json, NULL, '{');
        rk__json_u64(json, "task", f->failures[i].task);
        rk__json_i64(json, "code", f->failures[i].code);
        rk__json_u64(json, "attempts", f->failures[i].attempts);
        rk__json_f64(json, "seconds", f->failures[i].seconds);
        rk__json_string(json, "message", f->failures[i].message);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_sessions(rk__json *json, const facts *f) {
    rk__json_begin(json, "sessions", '[');
    for (size_t i = 0; i < f->session_count; i++) {
        const rk__session *s = &f->sessions[i];
        char start[32], end[32];
        rk__wall_text(s->start_ns, start, sizeof start);
        rk__wall_text(s->end_ns, end, sizeof end);
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "start", start);
        rk__json_string(json, "end", s->end_ns ? end : NULL);
        rk__json_u64(json, "ranks", s->ranks);
        rk__json_u64(json, "nodes", s->nodes);
        rk__json_u64(json, "tasks_before", s->tasks_before);
        rk__json_u64(json, "tasks_after", s->tasks_after);
        rk__json_f64(json, "kernel_seconds", (double)s->kernel_ns * 1e-9);
        rk__json_string(json, "host", s->host);
        rk__json_string(json, "outcome", outcome_words(s->outcome));
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_columns(rk__json *json, const facts *f) {
    rk__json_begin(json, "outputs", '[');
    for (size_t i = 0; i < f->schema->column_count; i++) {
        const rk__column *c = &f->schema->columns[i];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", c->name);
        rk__json_string(json, "type", rk__type_name(c->type));
        rk__json_string(json, "unit", c->unit);
        rk__json_string(json, "help", c->help);
        rk__json_bool(json, "kept", c->keep);
        rk__json_u64(json, "elements", c->elements);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_notes(rk__json *json, const facts *f) {
    rk__json_begin(json, "recorded", '{');
    for (size_t i = 0; i < f->note_count; i++)
        rk__json_string(json, f->notes[i].key, f->notes[i].value);
    rk__json_end(json, '}');
}

static int info_as_json(const facts *f) {
    rk__json json = {0};
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_string(&json, "file", rk__record_path(f->record));
    rk__json_string(&json, "state", state_of(f));
    rk__json_u64(&json, "tasks", rk__schema_part_tasks(f->schema));
    rk__json_u64(&json, "part", f->schema->part);
    rk__json_u64(&json, "parts", f->schema->parts);
    rk__json_u64(&json, "done", f->totals.tasks_done);
    rk__json_u64(&json, "failed", f->totals.tasks_failed);
    rk__json_u64(&json, "blocks", f->schema->blocks);
    rk__json_u64(&json, "blocks_done", f->totals.blocks_done);
    rk__json_u64(&json, "block_tasks", UINT64_C(1) << f->schema->block_log2);
    rk__json_f64(&json, "kernel_seconds", (double)f->totals.kernel_ns * 1e-9);
    rk__json_string(&json, "kernel", f->identity->kernel_name);
    rk__json_string(&json, "kernel_version", f->identity->kernel_version);
    rk__json_string(&json, "kernel_path", *f->identity->kernel_path ? f->identity->kernel_path : NULL);
    rk__json_u64(&json, "seed", f->identity->seed);
    rk__json_string(&json, "space", f->identity->space_text);
    if (f->space != NULL)
        rk__spaceout_json(&json, f->space);
    json_columns(&json, f);
    json_failures(&json, f);
    json_sessions(&json, f);
    json_notes(&json, f);
    rk__jsonout_results(&json, f->schema, f->results);
    if (f->has_digest)
        rk__jsonout_digest(&json, f->digest);
    return rk__jsonout_print(&json, RK_EXIT_OK);
}

int rk__cmd_info(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    facts f = {0};
    rk_status status = rk__cli_words(cli, 1, 1, "one run file", &err);
    if (status == RK_OK)
        status = gather(cli, &f, &err);
    int code = status != RK_OK ? rk__cli_fail(cli, &err) : (cli->arguments.json ? info_as_json : info_as_text)(&f);
    release(&f);
    return code;
}
