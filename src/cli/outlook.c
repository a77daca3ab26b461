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

static void add_waiting(rk__text *out, const rk__outlook *o) {
    bool known = strchr(o->entry->start, ':') != NULL;
    rk__text_add(out, "it waits (%s)%s%s, then %s", o->entry->reason, known ? ", is to start " : "",
                 known ? o->entry->start : "", o->has_file ? "goes on with the file" : "begins the run");
}

static void add_running(rk__text *out, const rk__outlook *o, const char *resume) {
    char done[32];
    double left = rk__outlook_left(o->entry);
    bool paced = isfinite(o->eta_seconds), fits = paced && (!isfinite(left) || o->eta_seconds < left);
    if (paced)
        clock_text(o->now_ns + (uint64_t)(o->eta_seconds * 1e9), o->now_ns, done, sizeof done);
    if (fits) {
        rk__text_add(out, "the run is done at about %s at this rate", done);
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
        rk__text_add(out, "it stops, and this goes on: %s", resume);
}

void rk__outlook_add(rk__text *out, const rk__outlook *o, const char *resume) {
    if (o->complete)
        rk__text_add(out, "nothing: the run is complete");
    else if (o->entry == NULL || !rk__batch_entry_lives(o->entry))
        rk__text_add(out, "no job goes on with it; by hand: %s", resume);
    else if (is(o->entry, "RUNNING"))
        add_running(out, o, resume);
    else if (is(o->entry, "PENDING"))
        add_waiting(out, o);
    else
        rk__text_add(out, "the job is between two states (%s)", o->entry->state);
}
