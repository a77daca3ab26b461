#include "cli/outlook.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

double rk__outlook_left(const rk__batch_entry *entry) {
    uint64_t seconds;
    return rk__batch_seconds(entry->left, &seconds) ? (double)seconds : NAN;
}

/* "15:20", or with the date if that is not today: local time, as Slurm's. */
static void clock_text(uint64_t wall_ns, uint64_t now_ns, char *buffer, size_t size) {
    time_t then = (time_t)(wall_ns / 1000000000), now = (time_t)(now_ns / 1000000000);
    struct tm at, today;
    localtime_r(&then, &at);
    localtime_r(&now, &today);
    bool same_day = at.tm_yday == today.tm_yday && at.tm_year == today.tm_year;
    strftime(buffer, size, same_day ? "%H:%M" : "%Y-%m-%d %H:%M", &at);
}

static bool is(const rk__batch_entry *entry, const char *state) {
    return strcmp(entry->state, state) == 0;
}

static void add_obstacle(rk__text *out, const rk__batch_entry *entry, const rk__batch_obstacle *obstacle) {
    rk__text_add(out, "as things are it does not start (%s): %s", entry->reason, obstacle->meaning);
    if (obstacle->command != NULL)
        rk__text_add(out, "; %s %s %s", obstacle->command, entry->id, obstacle->effect);
}

static void add_waiting(rk__text *out, const rk__outlook *o) {
    const rk__batch_obstacle *obstacle = rk__batch_obstacle_of(o->entry->reason);
    if (obstacle != NULL) {
        add_obstacle(out, o->entry, obstacle);
        return;
    }
    bool known = strchr(o->entry->start, ':') != NULL;
    rk__text_add(out, "it waits (%s)%s%s, then %s", o->entry->reason, known ? ", is to start " : "",
                 known ? o->entry->start : "", o->has_file ? "goes on with the file" : "begins the run");
}

static void add_done(rk__text *out, const rk__outlook *o) {
    char done[32];
    clock_text(o->now_ns + (uint64_t)(o->eta_seconds * 1e9), o->now_ns, done, sizeof done);
    rk__text_add(out, "the run is done at about %s at this rate", done);
}

static void add_running(rk__text *out, const rk__outlook *o, const char *by_hand) {
    double left = rk__outlook_left(o->entry);
    bool paced = isfinite(o->eta_seconds), fits = paced && (!isfinite(left) || o->eta_seconds < left);
    if (fits) {
        add_done(out, o);
        return;
    }
    if (!paced && !isfinite(left)) {
        rk__text_add(out, "the job runs without a time limit");
        return;
    }
    rk__text_add(out, "%s", paced ? "not done at this rate when the job's time is over; then " : "at its time limit ");
    if (o->restarts > 0)
        rk__text_add(out, "it is queued again (at most %" PRIu64 " times)", o->restarts);
    else
        rk__text_add(out, "it stops, and this goes on: %s", by_hand);
}

/* Without a job, or as one that we know nothing of. */
static void add_alone(rk__text *out, const rk__outlook *o) {
    if (isfinite(o->eta_seconds))
        add_done(out, o);
    else
        rk__text_add(out, "the run goes on");
}

void rk__outlook_add(rk__text *out, const rk__outlook *o, const char *by_hand) {
    if (o->complete)
        rk__text_add(out, "nothing: the run is complete");
    else if (o->runs && (o->entry == NULL || !rk__batch_entry_lives(o->entry)))
        add_alone(out, o);
    else if (o->entry == NULL || !rk__batch_entry_lives(o->entry))
        rk__text_add(out, "no job %s; by hand: %s", o->has_file ? "goes on with it" : "begins it", by_hand);
    else if (is(o->entry, "RUNNING"))
        add_running(out, o, by_hand);
    else if (is(o->entry, "PENDING"))
        add_waiting(out, o);
    else
        rk__text_add(out, "the job is between two states (%s)", o->entry->state);
}
