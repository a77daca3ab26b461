/* What is watched in lines: for logs and pipes, and for scripts. */
#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/progress.h"
#include "cli/watch.h"

/* ---- a line of text ---- */

void rk__watch_line(rk__text *out, const rk__watch *watch) {
    char time[32], silent[32], sentence[256];
    rk__watch_figures f = rk__watch_figures_of(watch);
    rk__wall_text(rk__wall_ns(), time, sizeof time);
    rk__text_add(out, "%s  %s  %s", time, rk__display_path(watch->path), rk__watch_state_words(watch->state));
    if (watch->state == RK__WATCH_SILENT)
        rk__text_add(out, " for %s", rk__format_seconds(f.silent_seconds, silent, sizeof silent));
    if (watch->record != NULL) {
        bool over = rk__watch_is_over(watch);
        rk__progress p = {.tasks = f.tasks,
                          .done = f.done,
                          .failed = f.failed,
                          .rate = over ? f.average : f.rate,
                          .eta_seconds = over ? NAN : f.eta_seconds};
        rk__progress_sentence(sentence, sizeof sentence, "task", &p);
        rk__text_add(out, "  %s", sentence);
    }
    rk__text_add(out, "\n");
}

/* ---- a line of JSON ---- */

static void json_session(rk__json *json, const rk__watch *w) {
    const rk__session *s = rk__life_latest(w->sessions, w->session_count);
    char start[32];
    if (s == NULL) {
        rk__json_string(json, "session", NULL);
        return;
    }
    rk__wall_text(s->start_ns, start, sizeof start);
    rk__json_begin(json, "session", '{');
    rk__json_u64(json, "number", w->session_count);
    rk__json_string(json, "start", start);
    rk__json_string(json, "host", s->host);
    rk__json_u64(json, "pid", s->pid);
    rk__json_u64(json, "ranks", s->ranks);
    rk__json_u64(json, "nodes", s->nodes);
    rk__json_string(json, "outcome", rk__life_outcome(s->outcome));
    rk__json_end(json, '}');
}

static void json_ranks(rk__json *json, const rk__watch *w, const rk__watch_figures *f) {
    rk__json_begin(json, "ranks", '[');
    for (size_t i = 0; i < w->rank_count; i++) {
        uint64_t recent = rk__watch_recent(&w->ranks[i]), last_ns = w->ranks[i].last_ns;
        rk__json_begin(json, NULL, '{');
        rk__json_u64(json, "rank", i);
        rk__json_u64(json, "tasks", w->ranks[i].tasks);
        rk__json_u64(json, "recent_tasks", recent);
        rk__json_f64(json, "share", f->recent_tasks > 0 ? (double)recent / (double)f->recent_tasks : NAN);
        rk__json_f64(json, "seconds_since_commit", last_ns > 0 ? rk__life_seconds_since(last_ns) : NAN);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_failures(rk__json *json, const rk__watch *w) {
    rk__json_begin(json, "last_failures", '[');
    for (size_t i = 0; i < w->latest_count; i++) {
        rk__json_begin(json, NULL, '{');
        rk__json_u64(json, "task", w->latest[i].task);
        rk__json_i64(json, "code", w->latest[i].code);
        rk__json_string(json, "message", w->latest[i].message);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
}

static void json_figures(rk__json *json, const rk__watch *w, const rk__watch_figures *f) {
    const rk__totals *totals = rk__follower_totals(w->follower);
    struct stat file;
    bool begun = w->session_count > 0;
    rk__json_string(json, "kernel", rk__record_identity(w->record)->kernel_name);
    rk__json_u64(json, "tasks", f->tasks);
    rk__json_u64(json, "done", f->done);
    rk__json_u64(json, "failed", f->failed);
    rk__json_u64(json, "blocks", rk__record_schema(w->record)->blocks);
    rk__json_u64(json, "blocks_done", totals->blocks_done);
    rk__json_f64(json, "tasks_per_second", f->rate);
    rk__json_f64(json, "tasks_per_second_on_average", f->average);
    rk__json_f64(json, "recent_seconds", begun ? f->recent_seconds : NAN);
    rk__json_f64(json, "eta_seconds", rk__watch_is_over(w) ? NAN : f->eta_seconds);
    rk__json_f64(json, "elapsed_seconds", begun ? f->elapsed_seconds : NAN);
    rk__json_f64(json, "seconds_since_commit", begun ? f->silent_seconds : NAN);
    rk__json_u64(json, "file_bytes", stat(w->path, &file) == 0 ? (uint64_t)file.st_size : 0);
    json_session(json, w);
    json_ranks(json, w, f);
    json_failures(json, w);
}

/* While the run goes on there is no exit code yet. */
static void json_begin(rk__json *json, const rk__watch *w) {
    if (rk__watch_is_over(w)) {
        rk__jsonout_begin(json, rk__watch_exit(w));
        return;
    }
    rk__json_begin(json, NULL, '{');
    rk__json_string(json, "status", "running");
    rk__json_string(json, "exit_code", NULL);
}

void rk__watch_json(rk__text *out, const rk__watch *watch) {
    rk__json json = {.compact = true};
    rk__watch_figures f = rk__watch_figures_of(watch);
    char time[32];
    rk__wall_text(rk__wall_ns(), time, sizeof time);
    json_begin(&json, watch);
    rk__json_string(&json, "time", time);
    rk__json_string(&json, "file", watch->path);
    rk__json_string(&json, "state", rk__watch_state_words(watch->state));
    if (watch->record != NULL)
        json_figures(&json, watch, &f);
    rk__json_end(&json, '}');
    rk__text_add(&json.text, "\n");
    rk__text_add_bytes(out, rk__text_get(&json.text), json.text.length);
    out->failed |= json.text.failed;
    rk__text_fini(&json.text);
}
