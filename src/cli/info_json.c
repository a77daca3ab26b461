/* What a run file holds, for scripts. */
#include <math.h>

#include "cli/cli.h"
#include "cli/info.h"
#include "cli/jsonout.h"
#include "cli/spaceout.h"

static void json_failures(rk__json *json, const rk__info *f) {
    rk__json_begin(json, "failures", '[');
    for (size_t i = 0; i < f->failure_count; i++) {
        rk__json_begin(json, NULL, '{');
        rk__json_u64(json, "task", f->failures[i].task);
        rk__json_i64(json, "code", f->failures[i].code);
        rk__json_u64(json, "attempts", f->failures[i].attempts);
        rk__json_f64(json, "seconds", f->failures[i].seconds);
        rk__json_string(json, "message", f->failures[i].message);
        rk__json_string(json, "host", f->failed_on[i] != NULL ? f->failed_on[i]->name : NULL);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_crash(rk__json *json, const rk__info *f) {
    rk__json_begin(json, "crash", '{');
    rk__json_u64(json, "task", f->crash.task);
    rk__json_i64(json, "code", f->crash.code);
    rk__json_string(json, "message", f->crash.message);
    rk__json_end(json, '}');
}

static void json_losses(rk__json *json, const rk__info *f, const rk__session *session) {
    rk__json_u64(json, "ranks_lost", session->ranks_lost);
    rk__json_begin(json, "hosts_lost", '[');
    for (size_t i = 0; i < f->host_count; i++) {
        const rk__host *host = &f->hosts[i];
        if (host->session != session->number || host->lost == 0)
            continue;
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "host", host->name);
        rk__json_u64(json, "ranks", host->count);
        rk__json_u64(json, "ranks_lost", host->lost);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_sessions(rk__json *json, const rk__info *f) {
    rk__json_begin(json, "sessions", '[');
    for (size_t i = 0; i < f->session_count; i++) {
        const rk__session *s = &f->sessions[i];
        rk__info_session took = rk__info_session_of(f, i);
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
        rk__json_u64(json, "tasks", took.tasks);
        rk__json_f64(json, "seconds", took.seconds);
        rk__json_f64(json, "kernel_seconds", took.kernel_seconds);
        rk__json_f64(json, "efficiency", took.efficiency);
        rk__json_string(json, "host", s->host);
        rk__json_string(json, "outcome", rk__life_outcome(s->outcome));
        json_losses(json, f, s);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_slowest(rk__json *json, const rk__info *f) {
    rk__json_begin(json, "slowest_blocks", '[');
    for (size_t i = 0; i < f->times.slowest_count; i++) {
        const rk__info_block *slow = &f->times.slowest[i];
        rk__json_begin(json, NULL, '{');
        rk__json_u64(json, "block", slow->block);
        rk__json_u64(json, "first_task", slow->block << f->schema->block_log2);
        rk__json_u64(json, "tasks", rk__schema_block_tasks(f->schema, slow->block));
        rk__json_f64(json, "seconds", (double)slow->record.duration_ns * 1e-9);
        rk__json_u64(json, "rank", slow->record.owner);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_times(rk__json *json, const rk__info *f) {
    const rk__info_times *t = &f->times;
    bool known = t->blocks > 0;
    rk__json_begin(json, "times", '{');
    rk__json_f64(json, "block_seconds_mean", known ? t->mean_seconds : NAN);
    rk__json_f64(json, "block_seconds_deviation", known ? t->deviation_seconds : NAN);
    rk__json_f64(json, "block_seconds_min", known ? t->least_seconds : NAN);
    rk__json_f64(json, "block_seconds_max", known ? t->most_seconds : NAN);
    json_slowest(json, f);
    rk__json_f64(json, "seconds_since_commit", t->last_commit_ns ? rk__life_seconds_since(t->last_commit_ns) : NAN);
    rk__json_f64(json, "tasks_per_second", t->rate);
    rk__json_f64(json, "tasks_per_second_on_average", t->average);
    rk__json_f64(json, "eta_seconds", t->eta_seconds);
    rk__json_end(json, '}');
}

static void json_columns(rk__json *json, const rk__info *f) {
    uint64_t values;
    rk__json_begin(json, "outputs", '[');
    for (size_t i = 0; i < f->schema->column_count; i++) {
        const rk__column *c = &f->schema->columns[i];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", c->varying ? c->values.name : c->name);
        rk__json_string(json, "type", rk__type_name(c->varying ? c->values.type : c->type));
        rk__json_string(json, "unit", c->varying ? c->values.unit : c->unit);
        rk__json_string(json, "help", c->varying ? c->values.help : c->help);
        rk__json_bool(json, "kept", c->keep);
        rk__json_bool(json, "varying", c->varying);
        rk__json_u64(json, "elements", c->elements);
        if (c->varying && rk__record_count_values(f->record, i, &values, NULL) == RK_OK)
            rk__json_u64(json, "values", values);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_notes(rk__json *json, const rk__info *f) {
    rk__json_begin(json, "recorded", '{');
    for (size_t i = 0; i < f->note_count; i++)
        rk__json_string(json, f->notes[i].key, f->notes[i].value);
    rk__json_end(json, '}');
}

int rk__info_as_json(const rk__info *f) {
    rk__json json = {0};
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_string(&json, "file", rk__record_path(f->record));
    rk__json_string(&json, "state", rk__info_state(f));
    rk__json_f64(&json, "seconds_unheard", rk__info_unheard_seconds(f));
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
    if (f->crashed)
        json_crash(&json, f);
    json_times(&json, f);
    json_notes(&json, f);
    rk__jsonout_results(&json, f->schema, f->results);
    if (f->has_digest)
        rk__jsonout_digest(&json, f->digest);
    return rk__jsonout_print(&json, RK_EXIT_OK);
}
