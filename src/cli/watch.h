/* rankine watch: what is known of a running run, from its file alone, and how it is shown.
 *
 *     watch.c        the model: polls the file, counts what is new
 *     watch_frame.c  a frame of the terminal's screen
 *     watch_lines.c  a line of text, or of JSON
 *     terminal.c     the screen itself
 *     cmd_watch.c    the loop
 *
 * Nothing is asked of the run: no signals, no locks, no writes. State is read before records, so that a run that is
 * said to be complete has all its blocks counted. */
#ifndef RANKINE_WATCH_H
#define RANKINE_WATCH_H

#include "cli/life.h"
#include "record/record.h"

typedef enum rk__watch_state {
    RK__WATCH_WAITING,  /* there is no file yet */
    RK__WATCH_STARTING, /* no session has begun */
    RK__WATCH_RUNNING,
    RK__WATCH_FINISHING, /* all is committed; reductions are being folded */
    RK__WATCH_SILENT,    /* on another host, and nothing has come for a long time */
    RK__WATCH_COMPLETE,
    RK__WATCH_STOPPED,
    RK__WATCH_KILLED
} rk__watch_state;

enum { RK__WATCH_RING = 10, RK__WATCH_LATEST = 5, RK__WATCH_RANKS_MAX = 1 << 20 };

/* What came in the last polls: one slot each. */
typedef struct rk__watch_slot {
    uint64_t tasks, blocks, span_ns;
} rk__watch_slot;

typedef struct rk__watch_rank {
    uint64_t tasks;                  /* in this session */
    uint64_t recent[RK__WATCH_RING]; /* tasks, by slot */
    uint64_t last_ns;                /* end of its latest block; wall clock, its own */
} rk__watch_rank;

typedef struct rk__watch {
    const char *path; /* borrowed */
    rk__record *record;
    rk__follower *follower;
    rk__watch_state state;
    rk__life life;
    rk__session *sessions; /* owned */
    size_t session_count;
    rk__watch_rank *ranks; /* [rank_count], owned */
    size_t rank_count;
    rk__watch_slot ring[RK__WATCH_RING];
    unsigned slot;
    bool polled;           /* the ring holds what came, not only what lay there */
    uint64_t polled_ns;    /* monotonic */
    uint64_t last_sign_ns; /* wall clock: end of the latest block, then when news was last seen */
    uint64_t longest_ns;   /* of all blocks of this session */
    rk__failure *failures; /* owned */
    size_t failure_count;
    uint64_t failed_read; /* how many tasks had failed when they were read */
    rk__failure latest[RK__WATCH_LATEST];
    size_t latest_count;
} rk__watch;

/* Look again; opens the file if it is not open yet, or another one lies there. `interval_ns`: how often this is done;
 * a fiftieth of it may go into the search for commits in unlikely places. RK_ENOENT: the file is gone, or its directory
 * does not exist. */
rk_status rk__watch_poll(rk__watch *watch, uint64_t interval_ns, rk_error *err);
void rk__watch_fini(rk__watch *watch);

/* Has it ended, one way or the other? */
bool rk__watch_is_over(const rk__watch *watch);
/* RK_EXIT_OK, _TASKS_FAILED or _STOPPED, once it is over. */
int rk__watch_exit(const rk__watch *watch);

/* What is derived; all of it NaN or 0 while unknown. */
typedef struct rk__watch_figures {
    uint64_t tasks, done, failed;
    double rate, average, eta_seconds; /* rate: tasks per second over the ring */
    double elapsed_seconds;            /* of the latest session */
    double silent_seconds;             /* since the last commit */
    double recent_seconds;             /* that the ring covers */
    uint64_t recent_tasks;
} rk__watch_figures;
rk__watch_figures rk__watch_figures_of(const rk__watch *watch);
/* Tasks of a rank that the ring covers. */
uint64_t rk__watch_recent(const rk__watch_rank *rank);
/* "waiting for the file", "running", "no sign of life", ... */
const char *rk__watch_state_words(rk__watch_state state);

/* watch_frame.c: at most `rows` lines of at most `columns` characters, each ended by "\n". */
typedef struct rk__frame_style {
    int columns, rows;
    bool color, utf8;
    bool live; /* ends with how to leave; else with what one may do next */
} rk__frame_style;
void rk__watch_frame(rk__text *out, const rk__watch *watch, const rk__frame_style *style);

/* watch_lines.c */
void rk__watch_line(rk__text *out, const rk__watch *watch);
void rk__watch_json(rk__text *out, const rk__watch *watch);

#endif
