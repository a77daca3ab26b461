/* The node window: the blocks that a node has, in shared memory, and who holds which.
 *
 * Problem. The claimers of a node share its blocks without messages, locks or system calls, at nanoseconds a claim;
 * whoever looks from outside can tell which blocks are committed, which are held, and by whom, also after a claimer
 * died in the middle of an instruction. What a dead claimer had is computed by the others of its node, and what the
 * living have is not.
 *
 * Idea. The window is plain memory given by the caller (shared between processes, or between threads in tests). It
 * holds a ring of spans (runs of blocks given to the node), each with a cursor that claimers move by compare-and-swap;
 * sets of blocks; and one line of 128 bytes per claimer, written by that claimer alone.
 *
 *   block:   (elsewhere) --give--> in a span, or open --feed--> in a span --claim--> held --> staged --> done
 *                                               ^                                     |          |
 *                                               +---- search.h, when a claimer died --+----------+
 *   span:    empty --feed--> open --claims--> used up --> (slot used again)
 *   claimer: absent --join--> working <--> waiting --rest--> idle --claim--> working
 *                                any --finish--> finished          any --bury--> dead
 *
 * Who does what. Claimers claim (claimer.c). One process of the node, its agent, gives and feeds (span.c), buries and
 * searches. The agent may die: all that it knows of blocks is in the window, and rk__window_inherit makes another
 * rank's process the agent. Between any two stores of an agent the blocks that it is moving are at worst in no place at
 * all (given, but neither open, nor in a span, nor held, nor done): then they are found by the search that its death
 * causes.
 *
 * Invariants.
 * - A cursor word carries its span's number in the upper 16 bits, and whether the span is dealt out in shares; a
 * claimer that looked at an old span fails its compare-and-swap and looks again. A slot is used again only when nothing
 * of it is left for anybody alive.
 * - Of a span that is dealt out each claimer takes its own share, and says so by the `next_span` of its line; the
 * cursor never moves. Only what is given for the first time is dealt out: shares of the dead would stay behind.
 * - A claimer's line holds [lo, hi) before it touches those blocks. While `intent` is odd it is about to claim, and
 * nobody else knows what it has; the blocks that it held before have been staged. lo, hi and next_span change only
 * under an odd intent, which is visible before any cursor moves.
 * - A block is done only after its record is in the file. Claims may cover done blocks; claimers skip them.
 * - `settled_ns`: whatever left the claimer's [lo, hi) before that time is done. A claimer at rest or finished has
 *   nothing that is not done.
 * - A line is buried when no process can claim for it any more: neither that of its rank, nor `worker`. */
#ifndef RANKINE_WINDOW_H
#define RANKINE_WINDOW_H

#include <stdatomic.h>

#include "base/base.h"
#include "dispatch/blockset.h"
#include "dispatch/policy.h"

enum { RK__WINDOW_SPANS = 16 };

typedef enum rk__claimer_state {
    RK__CLAIMER_ABSENT = 0,
    RK__CLAIMER_WORKING,
    RK__CLAIMER_WAITING,  /* found nothing; may have staged blocks */
    RK__CLAIMER_IDLE,     /* as waiting, and all that it had is committed */
    RK__CLAIMER_FINISHED, /* takes nothing more; all that it had is committed, or is left to another session */
    RK__CLAIMER_DEAD
} rk__claimer_state;

typedef struct rk__claimer_line { /* written by its claimer (beat, settled: by its service thread) */
    _Atomic uint64_t intent, lo, hi;
    _Atomic uint64_t tasks, failed, kernel_ns; /* of this session; tasks counts inside the running block too */
    _Atomic uint64_t beat_ns;
    _Atomic uint64_t retried;   /* tasks that succeeded at a later attempt */
    _Atomic uint64_t blocks;    /* computed; kernel_ns is their time */
    _Atomic uint64_t next_span; /* spans below are used up for this claimer */
    _Atomic uint64_t settled_ns;
    _Atomic uint32_t state, pid;
    _Atomic uint32_t worker;   /* the process that claims for it, if it is another; 0: none */
    _Atomic uint32_t flushing; /* the epoch in which it is writing, + 1; 0: it is not */
    unsigned char pad[128 - 11 * 8 - 4 * 4];
} rk__claimer_line;

typedef struct rk__span_slot {
    _Atomic uint64_t
        cursor; /* number << 48 | dealt << 47 | blocks claimed; the lower 47 bits all ones: being written */
    _Atomic uint64_t first, count;
    unsigned char pad[128 - 3 * 8];
} rk__span_slot;

typedef enum rk__phase {                    /* only ever goes up */
                         RK__PHASE_RUN = 0, /* more spans may come */
                         RK__PHASE_LAST,    /* all is given out; only what is lost can still come */
                         RK__PHASE_END      /* every claimer of every node has finished */
} rk__phase;

typedef struct rk__window {
    uint64_t nonce[2];
    uint64_t blocks;
    uint32_t claimers;
    uint32_t policy;
    _Atomic uint32_t phase;
    _Atomic uint32_t drain;     /* start nothing new */
    _Atomic uint64_t published; /* spans ever added */
    _Atomic uint64_t failures;  /* failure-table entries handed out on this node */
    _Atomic uint32_t epoch;     /* of synchronisation: records say in which one they were written */
    _Atomic uint32_t crashed;   /* a kernel has ended a process of the node: 1 somebody tells it, 2 it is told */
    _Atomic uint64_t taken;     /* the number of the last span that came from rank 0 */
    _Atomic uint64_t open;      /* blocks that wait for a slot */
    _Atomic uint32_t losses;    /* so often something may have been lost */
    _Atomic uint32_t searched;  /* of which so many have been searched for */
    _Atomic uint32_t term;      /* agents that the node has had before this one */
    unsigned char pad[128 - 10 * 8 - 3 * 4];
    rk__span_slot spans[RK__WINDOW_SPANS];
    /* then: rk__claimer_line[claimers], then the sets of blocks */
} rk__window;

/* Bytes of a window. */
size_t rk__window_bytes(uint64_t blocks, uint32_t claimers);
/* Make an empty window in zeroed, 128-byte aligned memory. One process, before anybody else looks. */
void rk__window_init(rk__window *window, uint64_t blocks, uint32_t claimers, rk__policy policy,
                     const uint64_t nonce[2]);
rk__claimer_line *rk__window_line(rk__window *window, uint32_t claimer);
rk__blockset *rk__window_bitmap(rk__window *window); /* what is done */

/* ---- the agent: span.c ---- */

/* Blocks [first, first+count) have come to this node, with a number that only goes up (0: none is kept). Blocks that
 * have come before are passed over. `again`: they were somebody else's; static claims them one by one then. */
void rk__window_give(rk__window *window, uint64_t first, uint64_t count, uint64_t number, bool again);
/* Put what is open into free slots. At every tick. */
void rk__window_feed(rk__window *window);
/* Blocks in the window that nobody has claimed: in slots, or open. */
uint64_t rk__window_unclaimed(rk__window *window);
/* Be the agent from now on; the old one is dead, and is buried after this. */
void rk__window_inherit(rk__window *window);
/* No process can claim for it any more: what it had and is not done is to be searched for. */
void rk__window_bury(rk__window *window, uint32_t claimer);
/* Has the node finished: do its claimers hold nothing, and is nothing left that they would take? */
bool rk__window_is_finished(rk__window *window);
/* Would it take more: is there a claimer that takes blocks, and little for it to take? */
bool rk__window_wants(rk__window *window);

/* ---- claimers: claimer.c ---- */

/* A claimer's own handle. */
typedef struct rk__claimer {
    rk__window *window;
    rk__claimer_line *line;
    uint32_t number;
} rk__claimer;
void rk__claimer_join(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t pid);
/* Another process (`worker`) claims for a line that its rank has joined. */
void rk__claimer_follow(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t worker);
/* Take blocks: true and [*first, *first + *count), held until the next call. false: nothing there now (look at the
 * phase). Also at rest. */
bool rk__claimer_claim(rk__claimer *claimer, uint64_t unit_ns, uint64_t *first, uint64_t *count);
/* Are there spans that it has not seen used up? */
bool rk__claimer_has_news(const rk__claimer *claimer);
/* Nothing is there, and all that it had is committed. It may claim again. */
void rk__claimer_rest(rk__claimer *claimer);
/* Nothing more will be claimed; all that it had is committed, or is left to another session. */
void rk__claimer_finish(rk__claimer *claimer);
/* The process that claimed has died, and is to be followed by another. If it died while it claimed, the line holds
 * nothing now, and what it may have got is searched for. */
void rk__claimer_mend(rk__claimer *claimer);

void rk__window_set_done(rk__window *window, uint64_t first, uint64_t count);
bool rk__window_is_done(rk__window *window, uint64_t block);

/* The one who synchronises the node's writes: begin a new epoch, and return the one that ends. Once rk__window_is_quiet
 * for it, all that was written in it has been handed to the system. The dead write no more. */
uint32_t rk__window_next_epoch(rk__window *window);
bool rk__window_is_quiet(rk__window *window, uint32_t epoch);

typedef struct rk__window_counts {
    uint64_t tasks, failed, retried, kernel_ns, blocks;
    uint32_t working, finished, dead; /* finished: also idle ones and dead ones */
} rk__window_counts;
rk__window_counts rk__window_count(rk__window *window);

#endif
