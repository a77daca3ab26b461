/* A frame: what the run is and how far, its figures, what each rank does, what failed last. Lines keep their places
 * from frame to frame; on a small screen those at the end give way. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/canvas.h"
#include "cli/display.h"
#include "cli/watch.h"

enum {
    LABEL = 2,
    VALUE = 13,
    GROUP = 10,
    RANK_TEXT = 36,
    LAST_TEXT = 14,
    WIDE = 66,
    FAILURES_SMALL = 2,
    ROWS_SMALL = 30,
    HEAD_ROWS = 4
};

/* Whole seconds: they do not flicker. */
static char *calm_seconds(double seconds, char *buffer, size_t size) {
    if (isfinite(seconds) && seconds < 100)
        snprintf(buffer, size, "%.0f s", floor(seconds));
    else
        rk__format_seconds(seconds, buffer, size);
    return buffer;
}

static rk__canvas_style color_of(const rk__watch *w, const rk__watch_figures *f) {
    switch (w->state) {
    case RK__WATCH_COMPLETE:
        return f->failed > 0 ? RK__YELLOW : RK__GREEN;
    case RK__WATCH_KILLED:
        return RK__RED;
    case RK__WATCH_SILENT:
    case RK__WATCH_STOPPED:
        return RK__YELLOW;
    default:
        return RK__CYAN;
    }
}

static void label(rk__canvas *c, const char *text) {
    rk__canvas_to(c, LABEL);
    rk__canvas_put(c, RK__DIM, "%s", text);
    rk__canvas_to(c, VALUE);
}

/* ---- head ---- */

static void add_title(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    const char *words = rk__watch_state_words(w->state);
    rk__canvas_to(c, LABEL);
    rk__canvas line = *c;
    line.columns -= rk__canvas_width(words) + LABEL + 1; /* room for the state */
    if (w->record != NULL)
        rk__canvas_put(&line, RK__BOLD, "%s", rk__record_identity(w->record)->kernel_name);
    rk__canvas_put(&line, RK__DIM, "%s%s", w->record != NULL ? "  " : "", rk__display_path(w->path));
    c->column = line.column;
    rk__canvas_right(c, rk__canvas_width(words) + LABEL);
    rk__canvas_put(c, color_of(w, f), "%s", words);
    rk__canvas_newline(c);
}

static void add_bar(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    double share = f->tasks > 0 ? (double)f->done / (double)f->tasks : 0;
    int width = c->columns - 2 * LABEL - 7;
    rk__canvas_to(c, LABEL);
    if (width > 4)
        rk__canvas_bar(c, color_of(w, f), width, share);
    rk__canvas_put(c, RK__BOLD, "  %3d %%", rk__display_percent(f->done, f->tasks));
    rk__canvas_newline(c);
    rk__canvas_newline(c);
}

/* ---- figures ---- */

static void add_done(rk__canvas *c, const rk__watch_figures *f) {
    char tasks[40];
    label(c, "done");
    rk__canvas_put(c, RK__PLAIN, "%" PRIu64 " of %s", f->done,
                   rk__display_number_of(f->tasks, "task", tasks, sizeof tasks));
    if (f->failed > 0) {
        rk__canvas_put(c, RK__PLAIN, ", ");
        rk__canvas_put(c, RK__RED, "%" PRIu64 " failed", f->failed);
    }
    rk__canvas_newline(c);
}

static void add_rate(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    char now[32], average[32];
    label(c, "rate");
    if (!rk__watch_is_over(w))
        rk__canvas_put(c, RK__PLAIN, "%s/s now, ", rk__display_rate(f->rate, now, sizeof now));
    rk__canvas_put(c, RK__PLAIN, "%s/s on average", rk__display_rate(f->average, average, sizeof average));
    rk__canvas_newline(c);
}

static void add_time(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    char elapsed[32], eta[32];
    label(c, "time");
    rk__canvas_put(c, RK__PLAIN, "%s", calm_seconds(f->elapsed_seconds, elapsed, sizeof elapsed));
    if (w->state == RK__WATCH_RUNNING && isfinite(f->eta_seconds))
        rk__canvas_put(c, RK__PLAIN, " so far, about %s left", calm_seconds(f->eta_seconds, eta, sizeof eta));
    rk__canvas_newline(c);
}

static void add_session(rk__canvas *c, const rk__watch *w) {
    const rk__session *s = rk__life_latest(w->sessions, w->session_count);
    char ranks[40], nodes[40];
    label(c, "session");
    rk__canvas_put(c, RK__PLAIN, "%s on %s", rk__display_number_of(s->ranks, "rank", ranks, sizeof ranks),
                   rk__display_number_of(s->nodes, "node", nodes, sizeof nodes));
    rk__canvas_put(c, RK__DIM, "  host %s, pid %" PRIu32, s->host, s->pid);
    if (w->session_count > 1)
        rk__canvas_put(c, RK__DIM, ", session %zu", w->session_count);
    rk__canvas_newline(c);
}

static void add_commit(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    char silent[32];
    bool worry = w->state == RK__WATCH_SILENT;
    label(c, "commit");
    rk__canvas_put(c, worry ? RK__YELLOW : RK__PLAIN, "%s%s%s", worry ? "no sign of life for " : "",
                   calm_seconds(f->silent_seconds, silent, sizeof silent), worry ? "" : " ago");
    rk__canvas_newline(c);
}

static void add_file(rk__canvas *c, const rk__watch *w) {
    char size[80];
    label(c, "file");
    rk__canvas_put(c, RK__PLAIN, "%s", rk__display_file_size(w->path, size, sizeof size));
    rk__canvas_newline(c);
}

/* ---- ranks ---- */

static uint64_t busiest(const rk__watch *w) {
    uint64_t most = 1;
    for (size_t i = 0; i < w->rank_count; i++) {
        uint64_t tasks = rk__watch_recent(&w->ranks[i]);
        most = tasks > most ? tasks : most;
    }
    return most;
}

static uint64_t active_ranks(const rk__watch *w) {
    uint64_t count = 0;
    for (size_t i = 0; i < w->rank_count; i++)
        count += rk__watch_recent(&w->ranks[i]) > 0;
    return count;
}

static double share_of(uint64_t part, uint64_t whole) {
    return whole > 0 ? (double)part / (double)whole : 0;
}

static void add_last(rk__canvas *c, const rk__watch_rank *rank) {
    char last[32];
    if (c->columns < WIDE)
        return;
    if (rank->last_ns > 0)
        rk__canvas_put(c, RK__DIM, "  %s ago", calm_seconds(rk__life_seconds_since(rank->last_ns), last, sizeof last));
    else
        rk__canvas_put(c, RK__DIM, "  -");
}

static void add_rank_row(rk__canvas *c, size_t number, const rk__watch_rank *rank, const rk__watch_figures *f,
                         uint64_t most, int bar) {
    uint64_t recent = rk__watch_recent(rank);
    rk__canvas_put(c, RK__PLAIN, "  %5zu  ", number);
    rk__canvas_bar(c, RK__CYAN, bar, share_of(recent, most));
    rk__canvas_put(c, RK__PLAIN, " %4.0f %%  %9" PRIu64 "  %9" PRIu64, 100 * share_of(recent, f->recent_tasks), recent,
                   rank->tasks);
    add_last(c, rank);
    rk__canvas_newline(c);
}

/* A rank is a row: its share of what came lately, and what it did in all. */
static void add_rank_rows(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f) {
    char recent[32], heading[48];
    int bar = c->columns - LABEL - RANK_TEXT - (c->columns < WIDE ? 0 : LAST_TEXT);
    bar = bar < 6 ? 6 : bar > 40 ? 40 : bar;
    snprintf(heading, sizeof heading, "last %s", calm_seconds(round(f->recent_seconds), recent, sizeof recent));
    rk__canvas_put(c, RK__DIM, "   rank  %-*s  share      tasks     in all%s", bar, heading,
                   c->columns < WIDE ? "" : "  last");
    rk__canvas_newline(c);
    uint64_t most = busiest(w);
    for (size_t i = 0; i < w->rank_count; i++)
        add_rank_row(c, i, &w->ranks[i], f, most, bar);
}

static int per_line(int columns) {
    int groups = (columns - 10) / (GROUP + 1);
    return GROUP * (groups > 1 ? groups > 10 ? 10 : groups : 1);
}

/* A rank is a character, as high as its share of what came lately. */
static void add_rank_cells(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f, int rows) {
    char recent[32];
    size_t line = (size_t)per_line(c->columns), shown = 0;
    uint64_t most = busiest(w);
    rk__canvas_put(c, RK__DIM, "  %" PRIu64 " of %zu ranks committed in the last %s", active_ranks(w), w->rank_count,
                   calm_seconds(round(f->recent_seconds), recent, sizeof recent));
    rk__canvas_newline(c);
    for (int row = 1; row + 1 < rows && shown < w->rank_count; row++) {
        rk__canvas_put(c, RK__DIM, "  %6zu ", shown);
        for (size_t i = 0; i < line && shown < w->rank_count; i++, shown++) {
            rk__canvas_put(c, RK__PLAIN, "%s", i % GROUP == 0 ? " " : "");
            rk__canvas_level(c, RK__CYAN, share_of(rk__watch_recent(&w->ranks[shown]), most));
        }
        rk__canvas_newline(c);
    }
    if (shown < w->rank_count) {
        rk__canvas_put(c, RK__DIM, "  ... and %zu more ranks", w->rank_count - shown);
        rk__canvas_newline(c);
    }
}

static void add_ranks(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f, int rows) {
    if (w->rank_count == 0 || rows < 3)
        return;
    rk__canvas_newline(c);
    if (w->rank_count + 2 <= (size_t)rows)
        add_rank_rows(c, w, f);
    else
        add_rank_cells(c, w, f, rows - 1);
}

/* ---- failures ---- */

static int failure_rows(const rk__watch *w, const rk__canvas *c) {
    size_t most = c->rows < ROWS_SMALL ? FAILURES_SMALL : RK__WATCH_LATEST;
    size_t count = w->latest_count < most ? w->latest_count : most;
    return count > 0 ? (int)count + 2 : 0;
}

static void add_failures(rk__canvas *c, const rk__watch *w, int rows) {
    if (rows < 3)
        return;
    rk__canvas_newline(c);
    rk__canvas_put(c, RK__DIM, "  last failed  code  message");
    rk__canvas_newline(c);
    for (int i = 0; i < rows - 2; i++) {
        const rk__failure *failure = &w->latest[i];
        rk__canvas_put(c, RK__PLAIN, "  %11" PRIu64 "  %4" PRId32 "  ", failure->task, failure->code);
        rk__canvas_put(c, RK__RED, "%s", failure->message);
        rk__canvas_newline(c);
    }
}

/* ---- the end of the frame ---- */

static void add_what_next(rk__canvas *c, const rk__watch *w) {
    const char *verb = w->state == RK__WATCH_COMPLETE ? "info" : "resume";
    rk__canvas_newline(c);
    if (!rk__watch_is_over(w))
        return;
    label(c, w->state == RK__WATCH_COMPLETE ? "look" : "go on");
    rk__canvas_put(c, RK__PLAIN, "rankine %s %s", verb, rk__display_path(w->path));
    rk__canvas_newline(c);
}

static void add_footer(rk__canvas *c, const rk__watch *w, bool live) {
    if (!live) {
        add_what_next(c, w);
        return;
    }
    while (rk__canvas_left(c) > 1)
        rk__canvas_newline(c);
    rk__canvas_put(c, RK__DIM, "  q leaves; the run goes on");
    rk__canvas_newline(c);
}

static void add_body(rk__canvas *c, const rk__watch *w, const rk__watch_figures *f, int footer) {
    add_bar(c, w, f);
    add_done(c, f);
    if (w->session_count > 0) {
        add_rate(c, w, f);
        add_time(c, w, f);
        add_commit(c, w, f);
        add_session(c, w);
    }
    add_file(c, w);
    int failures = failure_rows(w, c), room = rk__canvas_left(c) - footer;
    add_ranks(c, w, f, room - failures);
    add_failures(c, w, failures < room ? failures : room);
}

void rk__watch_frame(rk__text *out, const rk__watch *watch, const rk__frame_style *style) {
    rk__watch_figures f = rk__watch_figures_of(watch);
    rk__canvas c = {out, style->columns, style->rows, style->color, style->utf8, 0, 0};
    if (style->live && style->rows > HEAD_ROWS + 6)
        rk__canvas_newline(&c);
    add_title(&c, watch, &f);
    if (watch->record != NULL) {
        add_body(&c, watch, &f, style->live ? 2 : 0);
    } else {
        rk__canvas_newline(&c);
        rk__canvas_put(&c, RK__PLAIN, "  There is no such file yet.");
        rk__canvas_newline(&c);
    }
    add_footer(&c, watch, style->live);
}
