#include "cli/watch.h"

#include <errno.h>
#include <libgen.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rankine/command.h>

#define SECOND_NS UINT64_C(1000000000)
/* A run that has begun no session a minute after its file was made died in between. */
#define BEGIN_SECONDS 60.0
/* Nothing from another host for so long, and for several times its longest block, is worth a word. */
enum { SILENT_BLOCKS = 5, SWEEP_SHARE = 50, ETA_BLOCKS = 20 };

/* ---- opening ---- */

static void close_file(rk__watch *w) {
    rk__follower_destroy(w->follower);
    rk__record_close(w->record);
    free(w->sessions);
    free(w->ranks);
    free(w->failures);
}

void rk__watch_fini(rk__watch *watch) {
    close_file(watch);
    *watch = (rk__watch){0};
}

static void start_over(rk__watch *w) {
    const char *path = w->path;
    rk__watch_fini(w);
    w->path = path;
}

/* A file that is not there yet is waited for; a directory that is not there is a slip of the pen. */
static rk_status wait_for_file(const rk__watch *w, rk_error *err) {
    char path[4096];
    snprintf(path, sizeof path, "%s", w->path);
    const char *directory = dirname(path);
    if (access(directory, X_OK) == 0)
        return RK_OK;
    return rk__fail(err, RK_ENOENT, "run file '%s': directory '%s': %s", w->path, directory, rk__errno_text(errno));
}

static rk_status open_file(rk__watch *w, rk_error *err) {
    if (access(w->path, F_OK) != 0 && errno == ENOENT)
        return wait_for_file(w, err);
    rk_status status = rk__record_open(&w->record, w->path, false, err);
    if (status == RK_ENOENT) /* it went away between the two looks */
        return wait_for_file(w, err);
    RK_TRY(status);
    return rk__follower_create(&w->follower, w->record, err);
}

static rk_status refresh(rk__watch *w, rk_error *err) {
    if (w->record != NULL) {
        rk_status status = rk__record_refresh(w->record, err);
        if (status != RK_EMISMATCH)
            return status;
        rk__error_clear(err);
        start_over(w);
    }
    return open_file(w, err);
}

/* ---- sessions ---- */

static bool same_session(const rk__session *a, const rk__session *b) {
    return a != NULL && b != NULL && a->pid == b->pid && a->tasks_before == b->tasks_before &&
           strcmp(a->host, b->host) == 0;
}

/* Another session is another run to this one's eye: ranks, rates and times begin anew. */
static rk_status read_sessions(rk__watch *w, rk_error *err) {
    rk__session *sessions;
    size_t count;
    rk__life life;
    RK_TRY(rk__life_read(w->record, &sessions, &count, &life, err));
    const rk__session *before = rk__life_latest(w->sessions, w->session_count);
    bool another = before != NULL && !same_session(before, rk__life_latest(sessions, count));
    if (another) {
        start_over(w);
        rk_status status = open_file(w, err);
        if (status != RK_OK || w->record == NULL) {
            free(sessions);
            return status;
        }
    }
    free(w->sessions);
    w->sessions = sessions;
    w->session_count = count;
    w->life = life;
    return RK_OK;
}

static bool has_all(const rk__watch *w) {
    return rk__follower_totals(w->follower)->tasks_done == rk__schema_part_tasks(rk__record_schema(w->record));
}

static rk_status is_complete(const rk__watch *w, bool *complete, rk_error *err) {
    void *results = NULL;
    RK_TRY(rk__alloc(&results, 1, rk__record_schema(w->record)->results_bytes, "results", err));
    rk_status status = rk__record_read_results(w->record, results, err);
    free(results);
    *complete = status == RK_OK;
    if (status == RK_EINTERRUPTED)
        rk__error_clear(err);
    return status == RK_EINTERRUPTED ? RK_OK : status;
}

/* ---- records ---- */

static bool reserve_rank(rk__watch *w, uint32_t owner) {
    if (owner < w->rank_count)
        return true;
    const rk__session *session = rk__life_latest(w->sessions, w->session_count);
    size_t count = session->ranks > owner ? session->ranks : (size_t)owner + 1;
    if (count > RK__WATCH_RANKS_MAX)
        count = RK__WATCH_RANKS_MAX;
    rk__watch_rank *grown = owner < count ? realloc(w->ranks, count * sizeof *grown) : NULL;
    if (grown == NULL)
        return false;
    memset(grown + w->rank_count, 0, (count - w->rank_count) * sizeof *grown);
    w->ranks = grown;
    w->rank_count = count;
    return true;
}

static void count_for_rank(rk__watch *w, const rk__block_record *entry, uint64_t tasks, uint64_t end_ns, bool recent) {
    if (!reserve_rank(w, entry->owner))
        return;
    rk__watch_rank *rank = &w->ranks[entry->owner];
    rank->tasks += tasks;
    rank->recent[w->slot] += recent ? tasks : 0;
    if (end_ns > rank->last_ns)
        rank->last_ns = end_ns;
}

/* The first poll finds what was done long ago: the times in the records tell what of it is recent. */
static void on_block(void *ctx, uint64_t block, const rk__block_record *entry) {
    rk__watch *w = ctx;
    const rk__session *session = rk__life_latest(w->sessions, w->session_count);
    uint64_t end_ns = entry->start_ns + entry->duration_ns, tasks;
    rk__watch_slot *slot = &w->ring[w->slot];
    if (session == NULL || entry->session != session->number)
        return;
    tasks = rk__schema_block_tasks(rk__record_schema(w->record), block);
    bool recent = w->polled || rk__life_seconds_since(end_ns) * 1e9 < (double)slot->span_ns;
    slot->tasks += recent ? tasks : 0;
    slot->blocks += recent;
    count_for_rank(w, entry, tasks, end_ns, recent);
    if (entry->duration_ns > w->longest_ns)
        w->longest_ns = entry->duration_ns;
    uint64_t sign_ns = w->polled ? rk__wall_ns() : end_ns;
    if (sign_ns > w->last_sign_ns)
        w->last_sign_ns = sign_ns;
}

/* The first slot stands for as much time as all of the ring will. */
static void next_slot(rk__watch *w, uint64_t interval_ns) {
    const rk__session *session = rk__life_latest(w->sessions, w->session_count);
    uint64_t now = rk__clock_ns(), span = now - w->polled_ns;
    if (!w->polled) {
        double age = session ? rk__life_seconds_since(session->start_ns) * 1e9 : 0;
        span = (RK__WATCH_RING - 1) * interval_ns;
        span = age < (double)span ? (uint64_t)age : span;
    }
    w->slot = (w->slot + 1) % RK__WATCH_RING;
    w->ring[w->slot] = (rk__watch_slot){.span_ns = span};
    for (size_t i = 0; i < w->rank_count; i++)
        w->ranks[i].recent[w->slot] = 0;
    w->polled_ns = now;
}

static rk_status read_records(rk__watch *w, uint64_t interval_ns, bool all, rk_error *err) {
    next_slot(w, interval_ns);
    if (w->last_sign_ns == 0 && w->session_count > 0)
        w->last_sign_ns = w->sessions[w->session_count - 1].start_ns;
    uint64_t sweep_ns = all || !w->polled ? UINT64_MAX : interval_ns / SWEEP_SHARE;
    RK_TRY(rk__follower_poll(w->follower, sweep_ns, on_block, w, err));
    w->polled = w->session_count > 0;
    return RK_OK;
}

/* ---- failures ---- */

static void remember(rk__watch *w, const rk__failure *failure) {
    size_t kept = w->latest_count < RK__WATCH_LATEST ? w->latest_count : RK__WATCH_LATEST - 1;
    memmove(&w->latest[1], &w->latest[0], kept * sizeof *w->latest);
    w->latest[0] = *failure;
    w->latest_count = kept + 1;
}

/* Entries have no time, but both lists ascend by task: what the old one lacks is new. */
static void find_latest(rk__watch *w, const rk__failure *fresh, size_t count) {
    size_t old = 0;
    for (size_t i = 0; i < count; i++) {
        while (old < w->failure_count && w->failures[old].task < fresh[i].task)
            old++;
        if (old == w->failure_count || w->failures[old].task != fresh[i].task)
            remember(w, &fresh[i]);
    }
}

/* The table is a MiB: read when the records tell of more failed tasks. */
static rk_status read_failures(rk__watch *w, rk_error *err) {
    uint64_t failed = rk__follower_totals(w->follower)->tasks_failed;
    rk__failure *fresh;
    size_t count;
    if (failed == w->failed_read)
        return RK_OK;
    RK_TRY(rk__record_read_failures(w->record, &fresh, &count, err));
    find_latest(w, fresh, count);
    free(w->failures);
    w->failures = fresh;
    w->failure_count = count;
    w->failed_read = failed;
    return RK_OK;
}

/* ---- state ---- */

static bool is_silent(const rk__watch *w) {
    double silent = rk__life_seconds_since(w->last_sign_ns);
    return silent > RK__LIFE_SILENT_SECONDS && silent > SILENT_BLOCKS * (double)w->longest_ns * 1e-9;
}

static double file_age_seconds(const rk__watch *w) {
    struct stat info;
    return stat(w->path, &info) == 0 ? rk__life_seconds_since((uint64_t)info.st_mtime * SECOND_NS) : 0;
}

static rk__watch_state state_of(const rk__watch *w) {
    bool all = has_all(w);
    switch (w->life) {
    case RK__LIFE_NONE:
        return file_age_seconds(w) > BEGIN_SECONDS ? RK__WATCH_KILLED : RK__WATCH_STARTING;
    case RK__LIFE_KILLED:
        return RK__WATCH_KILLED;
    case RK__LIFE_ENDED:
        return RK__WATCH_STOPPED;
    case RK__LIFE_REMOTE:
        return is_silent(w) ? RK__WATCH_SILENT : all ? RK__WATCH_FINISHING : RK__WATCH_RUNNING;
    case RK__LIFE_RUNNING:
        return all ? RK__WATCH_FINISHING : RK__WATCH_RUNNING;
    }
    return RK__WATCH_RUNNING;
}

rk_status rk__watch_poll(rk__watch *watch, uint64_t interval_ns, rk_error *err) {
    bool complete;
    RK_TRY(refresh(watch, err));
    if (watch->record != NULL)
        RK_TRY(read_sessions(watch, err));
    if (watch->record == NULL) {
        watch->state = RK__WATCH_WAITING;
        return RK_OK;
    }
    RK_TRY(is_complete(watch, &complete, err));
    bool over = complete || watch->life == RK__LIFE_ENDED || watch->life == RK__LIFE_KILLED;
    RK_TRY(read_records(watch, interval_ns, over, err));
    RK_TRY(read_failures(watch, err));
    complete = complete || (rk__record_schema(watch->record)->parts > 1 && has_all(watch));
    watch->state = complete ? RK__WATCH_COMPLETE : state_of(watch);
    return RK_OK;
}

bool rk__watch_is_over(const rk__watch *watch) {
    return watch->state >= RK__WATCH_COMPLETE;
}

int rk__watch_exit(const rk__watch *watch) {
    if (watch->state != RK__WATCH_COMPLETE)
        return RK_EXIT_STOPPED;
    return rk__follower_totals(watch->follower)->tasks_failed > 0 ? RK_EXIT_TASKS_FAILED : RK_EXIT_OK;
}

/* ---- figures ---- */

uint64_t rk__watch_recent(const rk__watch_rank *rank) {
    uint64_t tasks = 0;
    for (unsigned i = 0; i < RK__WATCH_RING; i++)
        tasks += rank->recent[i];
    return tasks;
}

static void add_times(const rk__watch *w, const rk__session *session, rk__watch_figures *figures) {
    bool ended = session->end_ns > session->start_ns, dead = w->life == RK__LIFE_KILLED;
    uint64_t end_ns = ended ? session->end_ns : w->last_sign_ns;
    figures->elapsed_seconds = !ended && !dead              ? rk__life_seconds_since(session->start_ns)
                               : end_ns > session->start_ns ? (double)(end_ns - session->start_ns) * 1e-9
                                                            : 0;
    figures->silent_seconds = rk__life_seconds_since(w->last_sign_ns);
    if (figures->elapsed_seconds > 0 && figures->done >= session->tasks_before)
        figures->average = (double)(figures->done - session->tasks_before) / figures->elapsed_seconds;
}

/* With few blocks in the ring their number jumps: then the average tells more. */
static void add_rates(const rk__watch *w, rk__watch_figures *figures) {
    uint64_t blocks = 0, span_ns = 0;
    for (unsigned i = 0; i < RK__WATCH_RING; i++) {
        figures->recent_tasks += w->ring[i].tasks;
        blocks += w->ring[i].blocks;
        span_ns += w->ring[i].span_ns;
    }
    figures->recent_seconds = (double)span_ns * 1e-9;
    if (span_ns > 0)
        figures->rate = (double)figures->recent_tasks / figures->recent_seconds;
    double rate = blocks >= ETA_BLOCKS ? figures->rate : figures->average;
    if (rate > 0)
        figures->eta_seconds = (double)(figures->tasks - figures->done) / rate;
}

rk__watch_figures rk__watch_figures_of(const rk__watch *watch) {
    rk__watch_figures figures = {.rate = NAN, .average = NAN, .eta_seconds = NAN};
    if (watch->record == NULL)
        return figures;
    const rk__totals *totals = rk__follower_totals(watch->follower);
    const rk__session *session = rk__life_latest(watch->sessions, watch->session_count);
    figures.tasks = rk__schema_part_tasks(rk__record_schema(watch->record));
    figures.done = totals->tasks_done;
    figures.failed = totals->tasks_failed;
    if (session != NULL) {
        add_times(watch, session, &figures);
        add_rates(watch, &figures);
    }
    return figures;
}

const char *rk__watch_state_words(rk__watch_state state) {
    switch (state) {
    case RK__WATCH_WAITING:
        return "waiting";
    case RK__WATCH_STARTING:
        return "starting";
    case RK__WATCH_RUNNING:
        return "running";
    case RK__WATCH_FINISHING:
        return "finishing";
    case RK__WATCH_SILENT:
        return "no sign of life";
    case RK__WATCH_COMPLETE:
        return "complete";
    case RK__WATCH_STOPPED:
        return "stopped";
    case RK__WATCH_KILLED:
        return "killed";
    }
    return "?";
}
