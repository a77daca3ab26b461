/* rankine status [FILE ...]: the run file and its Slurm job, side by side. The job's id is in FILE.job, which submit
 * and its script write; without words, the files are those of this user's jobs. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "cli/cli.h"
#include "cli/display.h"
#include "cli/info.h"
#include "cli/jsonout.h"
#include "cli/outlook.h"
#include "cli/quote.h"

typedef struct pair {
    const char *file;
    bool has_file, has_note, has_entry, asked; /* asked: Slurm was, and answered */
    rk__info info;                             /* of the file, if there is one */
    rk__batch_note note;
    rk__batch_entry entry;
    const rk_error *trouble; /* Slurm was asked, and did not answer; NULL: no trouble */
} pair;

/* What is shown, file by file. One that cannot be read is told of, and the others are shown all the same. */
typedef struct report {
    const rk__cli *cli;
    bool has_slurm;
    rk_error trouble; /* that Slurm gave: it is not asked again, since each answer may take a minute to fail */
    rk__json json;    /* the members behind the head of the answer */
    rk__text text;
    int code; /* of the first file that failed */
} report;

/* ---- looking ---- */

static void ask_slurm(pair *p, report *r) {
    if (r->trouble.code == RK_OK && rk__batch_find(p->note.id, &p->entry, &p->has_entry, &r->trouble) == RK_OK) {
        p->asked = true;
        return;
    }
    if (r->code == RK_EXIT_OK)
        r->code = rk__exit_of(r->trouble.code);
    p->trouble = &r->trouble;
}

/* A file that is not there yet is no fault if there is a job for it. */
static rk_status look(pair *p, report *r, const char *file, rk_error *err) {
    *p = (pair){.file = file};
    p->has_note = rk__batch_note_read(file, &p->note);
    p->has_file = access(file, F_OK) == 0 || errno != ENOENT || !p->has_note;
    if (p->has_note && r->has_slurm)
        ask_slurm(p, r);
    return p->has_file ? rk__info_read(&p->info, file, r->cli->linked, err) : RK_OK;
}

/* Of a run on another host the file says only that something was recorded a short time ago. */
static bool is_over(const pair *p) {
    return p->has_entry && p->info.life == RK__LIFE_REMOTE && strcmp(p->entry.state, "RUNNING") != 0 &&
           strcmp(p->entry.state, "COMPLETING") != 0;
}

static const char *state_of(const pair *p) {
    const char *state = p->has_file ? rk__info_state(&p->info) : "not begun";
    bool seems_alive = strcmp(state, "running") == 0 || strcmp(state, "unknown") == 0;
    return p->has_file && seems_alive && is_over(p) ? "killed" : state;
}

/* That of a run which has ended is nobody's any more. */
static bool has_pace(const pair *p) {
    return p->has_file && !is_over(p) && isfinite(p->info.times.average);
}

static bool is_complete(const pair *p) {
    return strcmp(state_of(p), "complete") == 0;
}

/* The script begins a run as well as it goes on with one, and has the options for sbatch. */
static void add_by_hand(const pair *p, rk__text *out) {
    char script[RK__BATCH_PATH_MAX];
    rk__batch_script_path(p->file, script);
    if (p->has_file) {
        rk__text_add(out, p->has_note ? "rankine submit -- resume " : "rankine resume ");
        rk__quote_add(out, rk__display_path(p->file));
    } else if (access(script, F_OK) == 0) {
        rk__text_add(out, "sbatch ");
        rk__quote_add(out, rk__display_path(script));
    } else {
        rk__text_add(out, "rankine submit [SBATCH OPTIONS] -- run ...");
    }
}

static void add_next(const pair *p, rk__text *out) {
    rk__outlook outlook = {.has_file = p->has_file,
                           .complete = is_complete(p),
                           .runs = strcmp(state_of(p), "running") == 0,
                           .eta_seconds = has_pace(p) ? p->info.times.eta_seconds : NAN,
                           .entry = p->has_entry ? &p->entry : NULL,
                           .restarts = p->note.restarts,
                           .now_ns = rk__wall_ns()};
    rk__text by_hand = RK__TEXT_INIT;
    add_by_hand(p, &by_hand);
    rk__outlook_add(out, &outlook, rk__text_get(&by_hand));
    rk__text_fini(&by_hand);
}

/* ---- for a person ---- */

static void say_file(const pair *p, rk__text *out) {
    const rk__info *f = &p->info;
    char tasks[40], silence[64];
    rk__text_add(out, "%s: ", rk__display_path(p->file));
    if (!p->has_file) {
        rk__text_add(out, "not begun\n");
        return;
    }
    uint64_t all = rk__schema_part_tasks(f->schema);
    bool unknown = strcmp(state_of(p), "unknown") == 0;
    rk__text_add(out, "%s, %" PRIu64 " of %s (%d %%)",
                 unknown ? rk__info_state_text(f, silence, sizeof silence) : state_of(p), f->totals.tasks_done,
                 rk__display_number_of(all, "task", tasks, sizeof tasks),
                 rk__display_percent(f->totals.tasks_done, all));
    if (f->totals.tasks_failed > 0)
        rk__text_add(out, ", %" PRIu64 " failed", f->totals.tasks_failed);
    rk__text_add(out, "\n");
    const rk__session *latest = rk__life_latest(f->sessions, f->session_count);
    if (unknown)
        rk__display_fact(out, "rank 0", "was process %" PRIu32 " on host %s: is it there?", latest->pid, latest->host);
}

static void say_pace(const pair *p, rk__text *out) {
    const rk__info_times *t = &p->info.times;
    char now[32], average[32], left[32];
    if (!has_pace(p))
        return;
    rk__display_fact(out, "rate", "%s/s now, %s/s on average%s%s", rk__display_rate(t->rate, now, sizeof now),
                     rk__display_rate(t->average, average, sizeof average),
                     isfinite(t->eta_seconds) ? "; left: about " : "",
                     isfinite(t->eta_seconds) ? rk__format_seconds(t->eta_seconds, left, sizeof left) : "");
}

static void say_job(const pair *p, rk__text *out) {
    const rk__batch_entry *e = &p->entry;
    if (!p->has_note)
        rk__display_fact(out, "job", "none that 'rankine submit' has submitted");
    else if (p->trouble != NULL)
        rk__display_fact(out, "job", "%s, and no answer from Slurm: %s", p->note.id, p->trouble->message);
    else if (!p->asked)
        rk__display_fact(out, "job", "%s; there is no Slurm here to ask (squeue)", p->note.id);
    else if (!p->has_entry)
        rk__display_fact(out, "job", "%s, which Slurm does not know any more", p->note.id);
    else if (strcmp(e->state, "RUNNING") == 0)
        rk__display_fact(out, "job", "%s, %s on %s (nodes: %s), time left: %s", e->id, e->state, e->node_list, e->nodes,
                         e->left);
    else
        rk__display_fact(out, "job", "%s, %s (%s), nodes: %s", e->id, e->state, e->reason, e->nodes);
}

static void say(const pair *p, rk__text *out) {
    rk__text next = RK__TEXT_INIT;
    if (out->length > 0)
        rk__text_add(out, "\n");
    say_file(p, out);
    say_pace(p, out);
    say_job(p, out);
    add_next(p, &next);
    rk__display_fact(out, "next", "%s", rk__text_get(&next));
    rk__text_fini(&next);
}

/* ---- for scripts ---- */

static void json_run(const pair *p, rk__json *json) {
    const rk__info *f = &p->info;
    rk__json_string(json, "file", p->file);
    rk__json_string(json, "state", state_of(p));
    if (!p->has_file)
        return;
    rk__json_u64(json, "tasks", rk__schema_part_tasks(f->schema));
    rk__json_u64(json, "done", f->totals.tasks_done);
    rk__json_u64(json, "failed", f->totals.tasks_failed);
    rk__json_f64(json, "tasks_per_second", has_pace(p) ? f->times.average : NAN);
    rk__json_f64(json, "eta_seconds", has_pace(p) ? f->times.eta_seconds : NAN);
    rk__json_f64(json, "seconds_unheard", is_over(p) ? NAN : rk__info_unheard_seconds(f));
}

static void json_job(const pair *p, rk__json *json) {
    const rk__batch_entry *e = &p->entry;
    bool waits = p->has_entry && strcmp(e->state, "PENDING") == 0;
    const rk__batch_obstacle *obstacle = waits ? rk__batch_obstacle_of(e->reason) : NULL;
    rk__json_begin(json, "job", '{');
    if (p->has_note) {
        rk__json_string(json, "id", p->note.id);
        rk__json_u64(json, "restarts_at_most", p->note.restarts);
    }
    if (p->has_entry) {
        rk__json_string(json, "state", e->state);
        rk__json_string(json, "reason", e->reason);
        rk__json_string(json, "obstacle", obstacle != NULL ? obstacle->meaning : NULL);
        rk__json_f64(json, "seconds_left", rk__outlook_left(e));
        rk__json_string(json, "nodes", e->nodes);
        rk__json_string(json, "node_list", e->node_list);
        rk__json_string(json, "start", e->start);
        rk__json_string(json, "end", e->end);
    }
    if (p->trouble != NULL)
        rk__jsonout_error(json, p->trouble);
    rk__json_end(json, '}');
}

static void json_pair(const pair *p, rk__json *json) {
    rk__text next = RK__TEXT_INIT;
    rk__json_begin(json, NULL, '{');
    json_run(p, json);
    json_job(p, json);
    add_next(p, &next);
    rk__json_string(json, "next", rk__text_get(&next));
    rk__json_end(json, '}');
    rk__text_fini(&next);
}

/* ---- the whole ---- */

static void tell_failed(report *r, const char *file, const rk_error *err) {
    int code = rk__cli_complain(r->cli, err);
    if (r->code == RK_EXIT_OK)
        r->code = code;
    rk__json_begin(&r->json, NULL, '{');
    rk__json_string(&r->json, "file", file);
    rk__jsonout_error(&r->json, err);
    rk__json_end(&r->json, '}');
}

static void show(report *r, const char *file) {
    pair p;
    rk_error err = RK_ERROR_INIT;
    if (look(&p, r, file, &err) != RK_OK)
        tell_failed(r, file, &err);
    else if (r->cli->arguments.json)
        json_pair(&p, &r->json);
    else
        say(&p, &r->text);
    rk__info_fini(&p.info);
}

/* Those whose note says the same: a script that somebody has copied is not ours. */
static rk_status show_mine(report *r, rk_error *err) {
    rk__batch_entry *entries = NULL;
    size_t count = 0;
    RK_TRY(rk__batch_mine(&entries, &count, err));
    for (size_t i = 0; i < count; i++) {
        char file[RK__BATCH_PATH_MAX];
        rk__batch_note note;
        if (rk__batch_file_of(entries[i].command, file) && rk__batch_note_read(file, &note) &&
            strcmp(note.id, entries[i].id) == 0)
            show(r, file);
    }
    free(entries);
    if (r->text.length == 0 && r->code == RK_EXIT_OK)
        rk__text_add(&r->text, "no job of yours that 'rankine submit' has submitted waits or runs\n");
    return RK_OK;
}

static rk_status show_all(report *r, rk_error *err) {
    const rk__arguments *a = &r->cli->arguments;
    if (a->word_count == 0 && !r->has_slurm)
        return rk__fail(err, RK_ENOENT, "there is no Slurm here to ask (squeue): name a run file, rankine status FILE");
    if (a->word_count == 0)
        return show_mine(r, err);
    for (size_t i = 0; i < a->word_count; i++)
        show(r, a->words[i]);
    return RK_OK;
}

/* The exit code stands first, and is known last. */
static int print_json(report *r) {
    rk__json json = {0};
    rk__jsonout_begin(&json, r->code);
    rk__json_bool(&json, "slurm", r->has_slurm);
    rk__text_add_bytes(&json.text, rk__text_get(&r->json.text), r->json.text.length);
    json.text.failed = json.text.failed || r->json.text.failed;
    return rk__jsonout_print(&json, r->code);
}

int rk__cmd_status(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    report r = {.cli = cli,
                .has_slurm = rk__batch_is_here(),
                .trouble = RK_ERROR_INIT,
                .json = {.depth = 1, .comma = {false, true}}};
    rk__json_begin(&r.json, "runs", '[');
    rk_status status = show_all(&r, &err);
    rk__json_end(&r.json, ']');
    int code = status != RK_OK       ? rk__cli_fail(cli, &err)
               : cli->arguments.json ? print_json(&r)
                                     : rk__cli_print(&r.text, r.code);
    rk__text_fini(&r.json.text);
    rk__text_fini(&r.text);
    return code;
}
