/* Progress on stderr: a live line on a terminal, a plain line now and then elsewhere. */
#ifndef RANKINE_PROGRESS_H
#define RANKINE_PROGRESS_H

#include "cli/options.h"
#include "run/run.h"

typedef struct rk__progress_display {
    const char *what; /* "task", "block" */
    int columns;      /* of the live line; 0: plain lines */
    bool silent, quiet;
    bool told_waiting;   /* that a stop takes its time */
    bool on_screen;      /* a live line stands where a message wants to go */
    double next_seconds; /* of the next plain line */
} rk__progress_display;

/* `terminal_columns`: 0 if stderr is no terminal. */
void rk__progress_init(rk__progress_display *display, const char *what, const rk__arguments *arguments,
                       int terminal_columns);
/* An rk__run_options.progress; ctx is the rk__progress_display. One thread at a time. */
void rk__progress_show(void *ctx, const rk__progress *progress);
/* An rk__run_options.notice: a line of its own, also where progress is silent, but not if all is. */
void rk__progress_notice(void *ctx, const char *notice);
/* Take the live line away; call it before anything else is written to the terminal. `fd`: where that will be written,
 * for mpirun carries stdout and stderr apart, and one may overtake the other. */
void rk__progress_clear(rk__progress_display *display, int fd);

/* "[=====>     ]  45%  2250/5000  525/s  ETA 5.2 s  3 failed  4/4 busy", at most `columns` wide. */
void rk__progress_line(char *buffer, size_t size, int columns, const rk__progress *progress);
/* "2250 of 5000 tasks (45 %), 525/s, ETA 5.2 s, 3 failed, 4 of 4 ranks busy" */
void rk__progress_sentence(char *buffer, size_t size, const char *what, const rk__progress *progress);
/* Is a plain line due? After 10 s, then each minute. Moves on if so. */
bool rk__progress_due(rk__progress_display *display, double seconds);

#endif
