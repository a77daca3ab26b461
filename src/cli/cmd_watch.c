/* rankine watch FILE: a running run, from another terminal or another node. Polled at least once a second, so that the
 * end is seen at once; shown once per interval. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/terminal.h"
#include "cli/watch.h"

#define SECOND_NS    UINT64_C(1000000000)
#define LINE_SECONDS 10.0 /* between lines of text */
enum { FINAL_ROWS = 60, LEFT = -1 };

typedef enum form { SCREEN, LINES, JSON } form;

typedef struct viewer {
    form form;
    uint64_t interval_ns, shown_ns; /* shown_ns 0: not yet */
    rk__watch_state shown_state;
    rk__terminal terminal;
    rk__watch watch;
} viewer;

static void set_up(viewer *v, const rk__cli *cli) {
    const rk__arguments *a = &cli->arguments;
    v->form = a->json ? JSON : rk__terminal_can_draw() ? SCREEN : LINES;
    double seconds = a->interval_seconds > 0 ? a->interval_seconds : v->form == LINES ? LINE_SECONDS : 1;
    v->interval_ns = (uint64_t)(seconds * (double)SECOND_NS);
    v->watch.path = a->words[0];
}

static void draw(viewer *v) {
    rk__text frame = RK__TEXT_INIT;
    rk__frame_style style = {.color = rk__terminal_has_color(), .utf8 = rk__terminal_has_utf8(), .live = true};
    rk__terminal_size(&style.columns, &style.rows);
    rk__watch_frame(&frame, &v->watch, &style);
    rk__terminal_draw(&v->terminal, rk__text_get(&frame));
    rk__text_fini(&frame);
}

/* False: whoever reads has gone away, or it cannot be written. */
static bool print(rk__text *text) {
    bool written = !text->failed && rk__terminal_put(rk__text_get(text), text->length);
    rk__text_fini(text);
    return written;
}

static bool show(viewer *v) {
    rk__text line = RK__TEXT_INIT;
    if (v->form == SCREEN) {
        draw(v);
        return true;
    }
    (v->form == JSON ? rk__watch_json : rk__watch_line)(&line, &v->watch);
    return print(&line);
}

/* The last frame stays on the screen that was there before. */
static void leave_frame(const viewer *v) {
    rk__text frame = RK__TEXT_INIT;
    rk__frame_style style = {.color = rk__terminal_has_color(), .utf8 = rk__terminal_has_utf8()};
    rk__terminal_size(&style.columns, &style.rows);
    style.rows = FINAL_ROWS;
    rk__watch_frame(&frame, &v->watch, &style);
    print(&frame);
}

static bool is_due(const viewer *v) {
    uint64_t now = rk__clock_ns();
    return v->shown_ns == 0 || now - v->shown_ns >= v->interval_ns || rk__watch_is_over(&v->watch) ||
           (v->form == LINES && v->watch.state != v->shown_state);
}

/* The exit code, or LEFT: look again. */
static int step(viewer *v, uint64_t tick_ns, rk_error *err) {
    if (rk__watch_poll(&v->watch, tick_ns, err) != RK_OK)
        return rk__exit_of(err->code);
    if (is_due(v)) {
        v->shown_ns = rk__clock_ns();
        v->shown_state = v->watch.state;
        if (!show(v))
            return errno == EPIPE ? RK_EXIT_OK
                                  : rk__exit_of(rk__fail(err, RK_EIO, "writing to stdout: %s", rk__errno_text(errno)));
    }
    return rk__watch_is_over(&v->watch) ? rk__watch_exit(&v->watch) : LEFT;
}

/* Redraws as often as the window changes; polls when it is time. */
static bool wait_for_next(viewer *v, uint64_t tick_ns) {
    uint64_t end = rk__clock_ns() + tick_ns;
    for (uint64_t now = rk__clock_ns(); now < end; now = rk__clock_ns()) {
        rk__terminal_event event = rk__terminal_wait(&v->terminal, end - now);
        if (event == RK__TERMINAL_QUIT)
            return false;
        if (event == RK__TERMINAL_REDRAW)
            show(v);
    }
    return true;
}

static int view(viewer *v, rk_error *err) {
    uint64_t tick_ns = v->interval_ns < SECOND_NS ? v->interval_ns : SECOND_NS;
    for (;;) {
        int code = step(v, tick_ns, err);
        if (code != LEFT)
            return code;
        if (!wait_for_next(v, tick_ns))
            return RK_EXIT_OK;
    }
}

int rk__cmd_watch(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    viewer v = {.shown_ns = 0};
    if (rk__cli_words(cli, 1, 1, "one run file", &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    set_up(&v, cli);
    rk__terminal_open(&v.terminal, v.form == SCREEN);
    int code = view(&v, &err);
    rk__terminal_close(&v.terminal);
    if (err.code != RK_OK)
        code = rk__cli_fail(cli, &err);
    else if (v.form == SCREEN)
        leave_frame(&v);
    rk__watch_fini(&v.watch);
    return code;
}
