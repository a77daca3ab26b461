/* Where the time went: one look at all records. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/info.h"

#define RECENT_SECONDS 10.0
#define SECOND_NS      UINT64_C(1000000000)
enum { ETA_BLOCKS = 20 };

typedef struct survey {
    rk__info *info;
    double mean, squares;                 /* Welford: B. P. Welford, Technometrics 4 (1962) 419 */
    uint64_t recent_tasks, recent_blocks; /* of the latest session, in the last seconds */
} survey;

static void keep_slowest(rk__info_times *t, uint64_t block, const rk__block_record *record) {
    size_t at = t->slowest_count;
    while (at > 0 && t->slowest[at - 1].record.duration_ns < record->duration_ns)
        at--;
    if (at == RK__INFO_SLOWEST)
        return;
    size_t kept = t->slowest_count < RK__INFO_SLOWEST ? t->slowest_count : RK__INFO_SLOWEST - 1;
    memmove(&t->slowest[at + 1], &t->slowest[at], (kept - at) * sizeof *t->slowest);
    t->slowest[at] = (rk__info_block){block, *record};
    t->slowest_count = kept + 1;
}

static void add_duration(survey *s, double seconds) {
    rk__info_times *t = &s->info->times;
    t->blocks++;
    double from_mean = seconds - s->mean;
    s->mean += from_mean / (double)t->blocks;
    s->squares += from_mean * (seconds - s->mean);
    t->least_seconds = t->blocks == 1 || seconds < t->least_seconds ? seconds : t->least_seconds;
    t->most_seconds = seconds > t->most_seconds ? seconds : t->most_seconds;
}

/* Place in the table of the session with this number; the entries of the oldest may have been merged into the first. */
static bool find_session(const rk__info *info, uint32_t number, size_t *place) {
    uint32_t first = info->session_count > 0 ? info->sessions[0].number : 0;
    *place = number > first ? number - first : 0;
    return *place < info->session_count && (*place == 0 || info->sessions[*place].number == number);
}

static void add_to_session(survey *s, uint64_t block, const rk__block_record *record, uint64_t end_ns) {
    rk__info *info = s->info;
    size_t number;
    if (!find_session(info, record->session, &number))
        return;
    info->times.session_ns[number] += record->duration_ns;
    info->times.session_tasks[number] += rk__schema_block_tasks(info->schema, block);
    if (end_ns > info->times.session_end_ns[number])
        info->times.session_end_ns[number] = end_ns;
    if (number + 1 < info->session_count || rk__life_seconds_since(end_ns) > RECENT_SECONDS)
        return;
    s->recent_tasks += rk__schema_block_tasks(info->schema, block);
    s->recent_blocks++;
}

static void on_block(void *ctx, uint64_t block, const rk__block_record *record) {
    survey *s = ctx;
    uint64_t end_ns = record->start_ns + record->duration_ns;
    add_duration(s, (double)record->duration_ns * 1e-9);
    keep_slowest(&s->info->times, block, record);
    add_to_session(s, block, record, end_ns);
    if (end_ns > s->info->times.last_commit_ns)
        s->info->times.last_commit_ns = end_ns;
}

static rk_status visit_blocks(survey *s, rk_error *err) {
    rk__follower *follower;
    RK_TRY(rk__follower_create(&follower, s->info->record, err));
    rk_status status = rk__follower_poll(follower, UINT64_MAX, on_block, s, err);
    s->info->totals = *rk__follower_totals(follower);
    rk__follower_destroy(follower);
    return status;
}

/* Marks come to the file as long as a node lives, whatever its tasks do. */
static void find_latest_sign(rk__info *info) {
    struct stat file;
    rk__info_times *t = &info->times;
    if (info->session_count == 0)
        return;
    uint64_t began = info->sessions[info->session_count - 1].start_ns,
             committed = t->session_end_ns[info->session_count - 1];
    t->heard_ns = committed > began ? committed : began;
    if (stat(rk__record_path(info->record), &file) == 0 && (uint64_t)file.st_mtime * SECOND_NS > t->heard_ns)
        t->heard_ns = (uint64_t)file.st_mtime * SECOND_NS;
}

static void find_pace(survey *s) {
    rk__info *info = s->info;
    rk__info_times *t = &info->times;
    if (!rk__info_is_running(info) || info->totals.tasks_done >= rk__schema_part_tasks(info->schema))
        return;
    const rk__session *session = &info->sessions[info->session_count - 1];
    double seconds = rk__life_seconds_since(session->start_ns);
    if (seconds <= 0 || info->totals.tasks_done < session->tasks_before)
        return;
    t->rate = (double)s->recent_tasks / fmin(seconds, RECENT_SECONDS);
    t->average = (double)(info->totals.tasks_done - session->tasks_before) / seconds;
    double rate = s->recent_blocks >= ETA_BLOCKS ? t->rate : t->average;
    if (rate > 0)
        t->eta_seconds = (double)(rk__schema_part_tasks(info->schema) - info->totals.tasks_done) / rate;
}

rk_status rk__info_times_read(rk__info *info, rk_error *err) {
    rk__info_times *t = &info->times;
    survey s = {.info = info};
    t->rate = t->average = t->eta_seconds = NAN;
    RK_TRY(rk__alloc((void **)&t->session_ns, info->session_count, sizeof *t->session_ns, "sessions", err));
    RK_TRY(rk__alloc((void **)&t->session_end_ns, info->session_count, sizeof *t->session_end_ns, "sessions", err));
    RK_TRY(rk__alloc((void **)&t->session_tasks, info->session_count, sizeof *t->session_tasks, "sessions", err));
    RK_TRY(visit_blocks(&s, err));
    t->mean_seconds = s.mean;
    t->deviation_seconds = t->blocks > 1 ? sqrt(s.squares / (double)(t->blocks - 1)) : 0;
    find_latest_sign(info);
    find_pace(&s);
    return RK_OK;
}

void rk__info_times_fini(rk__info_times *times) {
    free(times->session_ns);
    free(times->session_end_ns);
    free(times->session_tasks);
    *times = (rk__info_times){0};
}

rk__info_session rk__info_session_of(const rk__info *info, size_t number) {
    const rk__session *s = &info->sessions[number];
    bool latest = number + 1 == info->session_count;
    uint64_t end_ns = s->end_ns != 0 ? s->end_ns : info->times.session_end_ns[number];
    uint64_t kernel_ns = s->outcome != 0 ? s->kernel_ns : info->times.session_ns[number];
    rk__info_session took = {.kernel_seconds = (double)kernel_ns * 1e-9, .efficiency = NAN};
    if (s->outcome == 0 && latest && rk__info_is_running(info))
        took.seconds = rk__life_seconds_since(s->start_ns);
    else if (end_ns > s->start_ns)
        took.seconds = (double)(end_ns - s->start_ns) * 1e-9;
    if (took.seconds > 0 && s->ranks > 0)
        took.efficiency = took.kernel_seconds / (took.seconds * s->ranks * (s->threads > 1 ? s->threads : 1));
    took.tasks = s->end_ns != 0 ? s->tasks_after - s->tasks_before : info->times.session_tasks[number];
    return took;
}
