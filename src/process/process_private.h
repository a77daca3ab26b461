/* What the units of src/process share.
 *
 *   room.c      attaching, letters to those they are for, deaths
 *   face.c      the public functions that start and look
 *   signal.c    the public functions that end processes
 *   home.c      processes that were started here: their states
 *   watch.c     who waits for their end
 *   run.c       functions that run here
 *   place.c     rank 0: which rank is idle
 *   children.c  a rank's children         bearing.c  asking a rank for one
 *   keeper.c    the helper that forks them
 *   child.c     what a child does
 *
 * Problem. A function is to run on a rank that has time, or in a process of the system apart; whoever started it wants
 * to know when and how it ended, also if it crashed, its rank died, or the starter was itself told to end meanwhile.
 *
 * Idea. A process lives at its *home*, the endpoint where it was started, as a record with a state. The *host* runs its
 * function on a strand: a rank, or a child of that rank made for it. All goes by letters that never wait: a starter
 * that is told to end leaves its record to be finished without it.
 *
 *   home             rank 0            host's rank          host (= host's rank unless isolated)
 *   PLACING   ─PLACE──>
 *             <──PLACED─
 *   BEARING   ───────BEAR─────────────>  helper forks ....> begins
 *   (isolated)                           <────────HELLO───
 *                                        everybody is told, if the endpoint was another's before: ──> KNOWN
 *             <──────BORN──────────────
 *   STARTING  ───────RUN─────────────────────────────────>  strand
 *             <──────STARTED──────────────────────────────
 *   RUNS      ───────STOP ────────────────────────────────> interrupted    (terminate, not isolated)
 *             ───────SIGNAL_CHILD─────>  helper: kill                      (terminate, kill, isolated)
 *             <──────ENDED────────────────────────────────  outcome; a child then exits
 *   ENDED     ─UNPLACE─>                 helper: waited for: LOST (a post), buried with its wait status
 *
 *   anyone to home:  LOOK, RESULT, SIGNAL, CLOSE, WATCH answered; READY (when it ends), UNWATCH
 *   rank 0 to ranks: FINISH answered
 *   owner to child:  LEAVE
 *
 * RUN and LEAVE name the child that they are for by its birth: they may have been under way to one whose endpoint a new
 * one has taken since, whatever its owner knew of that.
 *
 * Invariants.
 * - What a child sent arrives before its death is heard of (src/mail): a record of an isolated process ends with the
 *   death of its host, by when the outcome is there if the function returned. Others end with the outcome, or the death
 *   of their host.
 * - A record leaves rank 0's table exactly once: in `end`, or with the death of its home.
 * - A child belongs to the endpoint that asked for it; it is killed when that dies. What runs for a home that has died
 *   is told to end.
 * - Serial numbers begin at the time of day: a home that takes up the endpoint of a dead one names none of its. */
#ifndef RANKINE_PROCESS_PRIVATE_H
#define RANKINE_PROCESS_PRIVATE_H

#include "call/call.h"
#include "process/process.h"

typedef enum rk__process_op {
    RK__PROCESS_PLACE = 1,    /* a serial, b rank wanted + 1 */
    RK__PROCESS_PLACED,       /* a serial, b rank */
    RK__PROCESS_UNPLACE,      /* a serial */
    RK__PROCESS_RUN,          /* a serial, b birth; rk__orders and the argument */
    RK__PROCESS_STARTED,      /* a serial, b pid; or status and text */
    RK__PROCESS_STOP,         /* a serial */
    RK__PROCESS_ENDED,        /* a serial, status; the result or text */
    RK__PROCESS_LOOK,         /* a serial; answered with an rk_process_info */
    RK__PROCESS_RESULT,       /* a serial; answered */
    RK__PROCESS_SIGNAL,       /* a serial, b signal; answered */
    RK__PROCESS_CLOSE,        /* a serial; answered */
    RK__PROCESS_WATCH,        /* a serial, b number; answered, a: it has ended */
    RK__PROCESS_UNWATCH,      /* a serial, b number */
    RK__PROCESS_READY,        /* b number */
    RK__PROCESS_FINISH,       /* a: wait for daemons too; answered */
    RK__PROCESS_BEAR,         /* a request */
    RK__PROCESS_BORN,         /* a request, b endpoint, c birth; or status and text */
    RK__PROCESS_HELLO,        /* a slot, b birth, c pid */
    RK__PROCESS_KNOWN,        /* a endpoint, b birth */
    RK__PROCESS_LEAVE,        /* b birth */
    RK__PROCESS_SIGNAL_CHILD, /* a endpoint, b birth, c signal */
    RK__PROCESS_LOST,         /* a slot, b birth, c wait status: posted by the thread that listens to the helper */
    RK__PROCESS_HELPER_GONE   /* posted by it */
} rk__process_op;

#define RK__DAEMONS_NS UINT64_C(10000000000) /* from terminate to end, at the end of their parent */
enum { RK__MAIN_SERIAL = 1, RK__IDENTITY_MAX = 48 };

/* ---- home.c ---- */

typedef struct rk__orders { /* before the argument, which has to be aligned for any type */
    _Alignas(16) rk__function_name function;
    rk_ref parent;
    uint32_t daemon, isolated;
    char name[RK_PROCESS_NAME_MAX];
    char identity[RK__IDENTITY_MAX]; /* "1:2": the second that the first started */
} rk__orders;

typedef enum rk__process_phase {
    RK__PROCESS_PLACING,
    RK__PROCESS_BEARING,
    RK__PROCESS_STARTING,
    RK__PROCESS_RUNS,
    RK__PROCESS_OVER
} rk__process_phase;

typedef struct rk__watcher {
    struct rk__watcher *next;
    uint32_t from;
    uint64_t number;
} rk__watcher;

typedef struct rk__room_of_processes rk__room_of_processes;

typedef struct rk__process {
    struct rk__process *next;
    rk__room_of_processes *room;
    uint64_t serial;
    uint64_t parent_run; /* number of the run that started it; 0: the main process */
    rk__process_phase phase;
    bool daemon, isolated;
    bool abandoned;  /* its starter was told to end before it could learn its name */
    bool terminated; /* somebody wanted it to end */
    bool placed;     /* in rank 0's table */
    bool returned;   /* the outcome is there */
    uint32_t rank, host;
    rk__child child;
    int64_t pid;
    int exit_code;
    rk__outcome outcome; /* in STARTING refused: why */
    void *orders;        /* and the argument, until they are sent */
    size_t orders_size;
    char name[RK_PROCESS_NAME_MAX];
    rk__watcher *watchers;
} rk__process;

typedef struct rk__process_wish {
    const void *arg;
    size_t size;
    uint32_t wanted_rank; /* + 1; 0: any */
    uint64_t parent_run;
    rk__orders orders;
} rk__process_wish;

rk__process *rk__home_find(rk__room_of_processes *room, uint64_t serial);
rk_status rk__home_begin(rk__room_of_processes *room, const rk__process_wish *wish, rk__process **out, rk_error *err);
void rk__home_placed(rk__room_of_processes *room, const rk__letter *letter);
void rk__home_started(rk__room_of_processes *room, const rk__letter *letter);
void rk__home_ended(rk__room_of_processes *room, rk__letter *letter);
void rk__home_died(rk__room_of_processes *room, uint32_t endpoint);
/* NULL: the main process of this endpoint. */
void rk__home_describe(const rk__room_of_processes *room, const rk__process *process, rk_process_info *info);
/* RK_EUNSUPPORTED: by that signal it can't be ended. */
rk_status rk__home_signal(rk__process *process, int signal_number, rk_error *err);
void rk__home_free(rk__process *process); /* and forget it */
void rk__home_fini(rk__room_of_processes *room);

/* Daemons of the run (any run: UINT64_MAX) are terminated. */
void rk__home_terminate_daemons(rk__room_of_processes *room, uint64_t parent_run);
/* Of the run (any: UINT64_MAX) some still live; of daemons only if `daemons`. */
bool rk__home_any_left(const rk__room_of_processes *room, uint64_t parent_run, bool daemons);
/* Terminates daemons and joins the others, then the daemons too. For a strand that ends; false: some do not end. */
bool rk__home_finish_own(rk__room_of_processes *room, uint64_t parent_run);
/* The main process takes on what the run has left. */
void rk__home_adopt(rk__room_of_processes *room, uint64_t parent_run);
void rk__home_finish(rk__room_of_processes *room, const rk__letter *letter);

/* ---- watch.c ---- */

void rk__watch_begin(rk__room_of_processes *room, const rk__letter *letter);
void rk__watch_end(rk__room_of_processes *room, const rk__letter *letter);
void rk__watch_ready(rk__room_of_processes *room, const rk__letter *letter);
void rk__watch_tell(rk__process *process); /* it has ended, or is forgotten */
void rk__watch_died(rk__room_of_processes *room, uint32_t endpoint);

/* ---- run.c ---- */

typedef struct rk__run {
    struct rk__run *next;
    rk__room_of_processes *room;
    uint64_t number, serial, children; /* children: how many it has started */
    uint32_t home, party;
    _Atomic bool stopping;
    rk_function function;
    rk__orders *orders;
    size_t arg_size;
} rk__run;

void rk__run_receive(rk__room_of_processes *room, rk__letter *letter);
void rk__run_stop(rk__room_of_processes *room, const rk__letter *letter);
void rk__run_died(rk__room_of_processes *room, uint32_t endpoint);
rk__run *rk__run_current(rk__room_of_processes *room); /* of the strand with the baton; NULL: none */

/* ---- place.c ---- */

typedef struct rk__placing {
    struct rk__placing *next;
    uint32_t home, rank;
    uint64_t serial;
} rk__placing;

void rk__place_ask(rk__room_of_processes *room, const rk__letter *letter);
void rk__place_end(rk__room_of_processes *room, const rk__letter *letter);
void rk__place_died(rk__room_of_processes *room, uint32_t endpoint);

/* ---- bearing.c ---- */

typedef struct rk__bearing { /* a child that we have asked for */
    struct rk__bearing *next;
    uint64_t request;
    uint32_t rank;
    rk__child_ready ready;
    void *ctx;
} rk__bearing;

void rk__bearing_born(rk__room_of_processes *room, const rk__letter *letter);
void rk__bearing_died(rk__room_of_processes *room, uint32_t endpoint);
void rk__bearing_fini(rk__room_of_processes *room);

/* ---- children.c ---- */

typedef struct rk__nursery rk__nursery;

void rk__nursery_bear(rk__room_of_processes *room, const rk__letter *letter);
void rk__nursery_hello(rk__room_of_processes *room, const rk__letter *letter);
void rk__nursery_known(rk__room_of_processes *room, const rk__letter *letter);
void rk__nursery_signal(rk__room_of_processes *room, const rk__letter *letter);
void rk__nursery_lost(rk__room_of_processes *room, const rk__letter *letter);
void rk__nursery_helper_gone(rk__room_of_processes *room);
void rk__nursery_died(rk__room_of_processes *room, uint32_t endpoint);
void rk__nursery_destroy(rk__nursery *nursery);

/* ---- keeper.c ---- */

typedef enum rk__keeper_verb {
    RK__KEEPER_FORK = 1, /* the arena's descriptor comes along */
    RK__KEEPER_KILL,     /* value: signal */
    RK__KEEPER_LOST,     /* value: wait status, or RK__KEEPER_NO_FORK */
    RK__KEEPER_HOLD      /* what the rank holds comes along */
} rk__keeper_verb;

enum { RK__KEEPER_NO_FORK = -1 };

typedef struct rk__keeper_message {
    uint32_t verb, slot;
    uint64_t birth, arena_bytes;
    uint32_t endpoint;
    int32_t value;
} rk__keeper_message;

/* ---- room.c ---- */

struct rk__room_of_processes {
    rk__mail *mail;
    rk__process_failed failed; /* may be NULL */
    rk__process *processes;
    uint64_t last_serial, last_run, last_watch, last_request;
    uint64_t children; /* how many the main process has started */
    rk__run *runs;
    rk__watch *watches;
    rk__placing *placings; /* rank 0 */
    uint32_t last_rank;
    rk__bearing *bearings;
    rk__nursery *nursery; /* NULL: no children here */
    rk__question finisher;
    bool finishing, finishing_daemons;
    bool leaving; /* a child: it has been told to end, or its function has */
    int exit_code;
};

rk__room_of_processes *rk__process_room(const rk__mail *mail);
void rk__process_send(rk__room_of_processes *room, uint32_t to, rk__process_op op, uint64_t a, uint64_t b, uint64_t c);
/* As that, with a status and its text. */
void rk__process_send_failure(rk__room_of_processes *room, uint32_t to, rk__process_op op, uint64_t a, rk_status status,
                              const char *text);

#endif
