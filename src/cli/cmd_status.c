/* rankine status [FILE ...]: the run file and its Slurm job, side by side. The job's id is in FILE.job, which submit
 * and its script write; without words, the files are those of this user's jobs. */
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
} pair;

/* ---- looking ---- */

/* A file that is not there yet is no fault if there is a job for it. */
static rk_status look(pair *p, const rk__cli *cli, const char *file, bool has_slurm, rk_error *err) {
    *p = (pair){.file = file};
    p->has_note = rk__batch_note_read(file, &p->note);
    p->has_file = access(file, F_OK) == 0 || !p->has_note;
    if (p->has_note && has_slurm) {
        RK_TRY(rk__batch_find(p->note.id, &p->entry, &p->has_entry, err));
        p->asked = true;
    }
    return p->has_file ? rk__info_read(&p->info, file, cli->linked, err) : RK_OK;
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

static bool is_complete(const pair *p) {
    return strcmp(state_of(p), "complete") == 0;
}

static void add_next(const pair *p, rk__text *out) {
    rk__outlook outlook = {.has_file = p->has_file,
                           .complete = is_complete(p),
                           .eta_seconds = p->has_file ? p->info.times.eta_seconds : NAN,
                           .entry = p->has_entry ? &p->entry : NULL,
                           .restarts = p->note.restarts,
                           .now_ns = rk__wall_ns()};
    rk__text resume = RK__TEXT_INIT;
    rk__text_add(&resume, p->has_note ? "rankine submit -- resume " : "rankine resume ");
    rk__quote_add(&resume, rk__display_path(p->file));
    rk__outlook_add(out, &outlook, rk__text_get(&resume));
    rk__text_fini(&resume);
}

/* ---- for a person ---- */

static void say_file(const pair *p, rk__text *out) {
    const rk__info *f = &p->info;
    char tasks[40];
    rk__text_add(out, "%s: ", rk__display_path(p->file));
    if (!p->has_file) {
        rk__text_add(out, "not begun\n");
        return;
    }
    uint64_t all = rk__schema_part_tasks(f->schema);
    rk__text_add(out, "%s, %" PRIu64 " of %s (%d %%)", state_of(p), f->totals.tasks_done,
                 rk__display_number_of(all, "task", tasks, sizeof tasks),
                 rk__display_percent(f->totals.tasks_done, all));
    if (f->totals.tasks_failed > 0)
        rk__text_add(out, ", %" PRIu64 " failed", f->totals.tasks_failed);
    rk__text_add(out, "\n");
}

static void say_pace(const pair *p, rk__text *out) {
    const rk__info_times *t = &p->info.times;
    char now[32], average[32], left[32];
    if (!p->has_file || is_over(p) || !isfinite(t->average))
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
    rk__json_f64(json, "tasks_per_second", f->times.average);
    rk__json_f64(json, "eta_seconds", f->times.eta_seconds);
}

static void json_job(const pair *p, rk__json *json) {
    const rk__batch_entry *e = &p->entry;
    rk__json_begin(json, "job", '{');
    if (p->has_note) {
        rk__json_string(json, "id", p->note.id);
        rk__json_u64(json, "restarts_at_most", p->note.restarts);
    }
    if (p->has_entry) {
        rk__json_string(json, "state", e->state);
        rk__json_string(json, "reason", e->reason);
        rk__json_f64(json, "seconds_left", rk__outlook_left(e));
        rk__json_string(json, "nodes", e->nodes);
        rk__json_string(json, "node_list", e->node_list);
        rk__json_string(json, "start", e->start);
        rk__json_string(json, "end", e->end);
    }
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

static rk_status show(const rk__cli *cli, const char *file, bool has_slurm, rk__json *json, rk__text *out,
                      rk_error *err) {
    pair p;
    rk_status status = look(&p, cli, file, has_slurm, err);
    if (status == RK_OK && cli->arguments.json)
        json_pair(&p, json);
    else if (status == RK_OK)
        say(&p, out);
    rk__info_fini(&p.info);
    return status;
}

/* Those whose note says the same: a script that somebody has copied is not ours. */
static rk_status show_mine(const rk__cli *cli, rk__json *json, rk__text *out, rk_error *err) {
    rk__batch_entry *entries = NULL;
    size_t count = 0;
    RK_TRY(rk__batch_mine(&entries, &count, err));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < count; i++) {
        char file[RK__BATCH_PATH_MAX];
        rk__batch_note note;
        if (rk__batch_file_of(entries[i].command, file) && rk__batch_note_read(file, &note) &&
            strcmp(note.id, entries[i].id) == 0)
            status = show(cli, file, true, json, out, err);
    }
    free(entries);
    return status;
}

static rk_status show_all(const rk__cli *cli, bool has_slurm, rk__json *json, rk__text *out, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    if (a->word_count == 0 && !has_slurm)
        return rk__fail(err, RK_ENOENT, "there is no Slurm here to ask (squeue): name a run file, rankine status FILE");
    if (a->word_count == 0)
        return show_mine(cli, json, out, err);
    for (size_t i = 0; i < a->word_count; i++)
        RK_TRY(show(cli, a->words[i], has_slurm, json, out, err));
    return RK_OK;
}

int rk__cmd_status(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__json json = {0};
    rk__text out = RK__TEXT_INIT;
    bool has_slurm = rk__batch_is_here();
    rk__jsonout_begin(&json, RK_EXIT_OK);
    rk__json_bool(&json, "slurm", has_slurm);
    rk__json_begin(&json, "runs", '[');
    rk_status status = show_all(cli, has_slurm, &json, &out, &err);
    rk__json_end(&json, ']');
    if (status == RK_OK && !cli->arguments.json && out.length == 0)
        rk__text_add(&out, "no job of yours that 'rankine submit' has submitted waits or runs\n");
    int code = status != RK_OK       ? rk__cli_fail(cli, &err)
               : cli->arguments.json ? rk__jsonout_print(&json, RK_EXIT_OK)
                                     : rk__cli_print(&out, RK_EXIT_OK);
    if (status != RK_OK || !cli->arguments.json)
        rk__text_fini(&json.text);
    if (status != RK_OK || cli->arguments.json)
        rk__text_fini(&out);
    return code;
}
