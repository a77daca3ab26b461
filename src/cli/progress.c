#include "cli/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"

#define FIRST_SECONDS   10.0
#define NEXT_SECONDS    60.0
#define WAITING_SECONDS 1.0
enum { LINE_MAX_COLUMNS = 200, BAR_MIN = 10, BAR_MAX = 40 };

void rk__progress_init(rk__progress_display *display, const char *what, const rk__arguments *arguments,
                       int terminal_columns) {
    bool always = arguments->progress == RK__PROGRESS_ALWAYS;
    *display = (rk__progress_display){
        .what = what,
        .columns = terminal_columns > 0 ? terminal_columns
                   : always             ? RK__DISPLAY_COLUMNS
                                        : 0,
        .quiet = arguments->quiet,
        .silent = arguments->quiet || arguments->progress == RK__PROGRESS_NEVER,
        .next_seconds = FIRST_SECONDS,
    };
}

static void add_bar(char *buffer, size_t width, const rk__progress *p) {
    double share = p->tasks ? (double)p->done / (double)p->tasks : 1;
    size_t inner = width - 2, full = (size_t)(share * (double)inner);
    if (full > inner)
        full = inner;
    buffer[0] = '[';
    memset(buffer + 1, '=', full);
    memset(buffer + 1 + full, ' ', inner - full);
    if (full < inner)
        buffer[1 + full] = '>';
    buffer[width - 1] = ']';
    buffer[width] = '\0';
}

static void add_figures(rk__text *out, const rk__progress *p) {
    char rate[32], eta[32];
    rk__text_add(out, "%3d%%  %" PRIu64 "/%" PRIu64 "  %s/s", rk__display_percent(p->done, p->tasks), p->done, p->tasks,
                 rk__display_rate(p->rate, rate, sizeof rate));
    if (isfinite(p->eta_seconds) && p->done < p->tasks)
        rk__text_add(out, "  ETA %s", rk__format_seconds(p->eta_seconds, eta, sizeof eta));
    if (p->failed > 0)
        rk__text_add(out, "  %" PRIu64 " failed", p->failed);
    if (p->ranks > 0)
        rk__text_add(out, "  %d/%d busy", p->busy, p->ranks);
}

void rk__progress_line(char *buffer, size_t size, int columns, const rk__progress *progress) {
    char bar[BAR_MAX + 8] = "";
    rk__text figures = RK__TEXT_INIT;
    add_figures(&figures, progress);
    size_t room = columns > 0 ? (size_t)columns : 0;
    if (room >= figures.length + 2 + BAR_MIN) {
        size_t width = room - figures.length - 1;
        add_bar(bar, width < BAR_MAX ? width : BAR_MAX, progress);
        strcat(bar, " ");
    }
    int length = snprintf(buffer, size, "%s%s", bar, rk__text_get(&figures));
    if (length > 0 && (size_t)length > room && room < size)
        buffer[room] = '\0';
    rk__text_fini(&figures);
}

void rk__progress_sentence(char *buffer, size_t size, const char *what, const rk__progress *progress) {
    char rate[32], eta[32], tasks[40];
    rk__text text = RK__TEXT_INIT;
    rk__text_add(&text, "%" PRIu64 " of %s (%d %%), %s/s", progress->done,
                 rk__display_number_of(progress->tasks, what, tasks, sizeof tasks),
                 rk__display_percent(progress->done, progress->tasks),
                 rk__display_rate(progress->rate, rate, sizeof rate));
    if (isfinite(progress->eta_seconds) && progress->done < progress->tasks)
        rk__text_add(&text, ", ETA %s", rk__format_seconds(progress->eta_seconds, eta, sizeof eta));
    if (progress->failed > 0)
        rk__text_add(&text, ", %" PRIu64 " failed", progress->failed);
    if (progress->ranks > 0)
        rk__text_add(&text, ", %d of %d ranks busy", progress->busy, progress->ranks);
    snprintf(buffer, size, "%s", rk__text_get(&text));
    rk__text_fini(&text);
}

bool rk__progress_due(rk__progress_display *display, double seconds) {
    if (seconds < display->next_seconds)
        return false;
    while (display->next_seconds <= seconds)
        display->next_seconds += NEXT_SECONDS;
    return true;
}

/* One write, so that lines of several processes do not mix. A terminal that went away is no reason to stop. */
static void put(int fd, const char *text) {
    ssize_t written = write(fd, text, strlen(text));
    (void)written;
}

static void show_live(rk__progress_display *display, const rk__progress *progress) {
    char line[LINE_MAX_COLUMNS + 8], text[LINE_MAX_COLUMNS + 32];
    int columns = display->columns - 1; /* a full last column would wrap on some terminals */
    rk__progress_line(line, sizeof line, columns < LINE_MAX_COLUMNS ? columns : LINE_MAX_COLUMNS, progress);
    snprintf(text, sizeof text, "\r%s\033[K", line);
    put(STDERR_FILENO, text);
    display->on_screen = true;
}

/* Without it a stop looks like a hang. */
static void say_waiting(rk__progress_display *display, const rk__progress *progress) {
    char text[300];
    bool one = progress->busy == 1;
    if (display->quiet || display->told_waiting || progress->busy == 0 || progress->stopping_seconds < WAITING_SECONDS)
        return;
    display->told_waiting = true;
    snprintf(text, sizeof text,
             "%srankine: stopping: waiting for %d task%s to end (%s cannot be interrupted); Ctrl-C or SIGTERM again to "
             "stop at once: %s computed again on resume\n",
             display->on_screen ? "\r\033[K" : "", progress->busy, one ? "" : "s", one ? "it" : "they",
             one ? "it is then" : "they are then");
    put(STDERR_FILENO, text);
}

void rk__progress_show(void *ctx, const rk__progress *progress) {
    rk__progress_display *display = ctx;
    say_waiting(display, progress);
    if (display->silent)
        return;
    if (display->columns > 0) {
        show_live(display, progress);
    } else if (rk__progress_due(display, progress->seconds)) {
        char sentence[256], text[288];
        rk__progress_sentence(sentence, sizeof sentence, display->what, progress);
        snprintf(text, sizeof text, "rankine: %s\n", sentence);
        put(STDERR_FILENO, text);
    }
}

void rk__progress_notice(void *ctx, const char *notice) {
    rk__progress_display *display = ctx;
    char text[512];
    if (display->quiet)
        return;
    snprintf(text, sizeof text, "%srankine: %s\n", display->on_screen ? "\r\033[K" : "", notice);
    put(STDERR_FILENO, text);
}

void rk__progress_clear(rk__progress_display *display, int fd) {
    if (display->on_screen)
        put(fd, "\r\033[K");
    display->on_screen = false;
}
