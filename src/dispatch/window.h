/* The node window: the blocks that a node has, in shared memory, and who holds which.
 *
 * Problem. The claimers of a node share its blocks without messages, locks or system calls, at nanoseconds a claim;
 * whoever looks from outside can tell which blocks are committed, which are held, and by whom, also after a claimer
 * died in the middle of an instruction.
 *
 * Idea. The window is plain memory given by the caller (shared between processes, or between threads in tests). It
 * holds a ring of spans (runs of blocks given to the node), each with a cursor that claimers move by compare-and-swap;
 * a bitmap of the blocks that are committed; and one line of 128 bytes per claimer, written by that claimer alone.
 *
 *   span:    empty --rk__window_add_span--> open --claims--> used up --> (slot used again)
 *   claimer: absent --join--> working <--> waiting --finish--> finished
 *
 * Invariants.
 * - A cursor word carries its span's number in the upper 16 bits; a claimer that looked at an old span fails its
 *   compare-and-swap and looks again. Only one process (the node's agent) adds spans.
 * - A claimer's line holds [lo, hi) before it touches those blocks. While `intent` is odd it is about to claim; [lo,
 * hi) then are the blocks that it is trying to get, written before the cursor moves. Of a process that died there
 * nobody knows whether it got them. But of one place of a cursor only one claimer gets blocks: if somebody else did,
 * they are committed once all others have finished. So such a claimer waits for that, and takes what is open then. Of
 * several in doubt the lowest goes first.
 * - A bit of the bitmap is set only after the block's record is in the file. Claims may cover committed blocks;
 * claimers skip them.
 * - A block is open if it is in no unclaimed part of a span, not committed, and in no living claimer's [lo, hi). */
#ifndef RANKINE_WINDOW_H
#define RANKINE_WINDOW_H

#include <stdatomic.h>

#include "base/base.h"
#include "dispatch/policy.h"

enum { RK__WINDOW_SPANS = 16 };

typedef enum rk__claimer_state {
    RK__CLAIMER_ABSENT = 0,
    RK__CLAIMER_WORKING,
    RK__CLAIMER_WAITING,
    RK__CLAIMER_FINISHED,
    RK__CLAIMER_IN_DOUBT /* it waits to know whether it holds blocks that its process was about to claim */
} rk__claimer_state;

typedef struct rk__claimer_line { /* written by its claimer (beat: by its service thread) */
    _Atomic uint64_t intent, lo, hi;
    _Atomic uint64_t tasks, failed, kernel_ns; /* of this session; tasks counts inside the running block too */
    _Atomic uint64_t beat_ns;
    _Atomic uint64_t retried; /* tasks that succeeded at a later attempt */
    _Atomic uint32_t state, pid;
    _Atomic uint32_t flushing; /* the epoch in which it is writing, + 1; 0: it is not */
    unsigned char pad[128 - 8 * 8 - 3 * 4];
} rk__claimer_line;

typedef struct rk__span_slot {
    _Atomic uint64_t cursor; /* number << 48 | blocks claimed; the lower 48 bits all ones: being written */
    _Atomic uint64_t first, count;
    unsigned char pad[128 - 3 * 8];
} rk__span_slot;

typedef enum rk__phase {                    /* only ever goes up */
                         RK__PHASE_RUN = 0, /* more spans may come */
                         RK__PHASE_LAST,    /* what is in the window is all there will be */
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
    unsigned char pad[128 - 8 * 8];
    rk__span_slot spans[RK__WINDOW_SPANS];
    /* then: rk__claimer_line[claimers], then the bitmap */
} rk__window;

/* Bytes of a window. */
size_t rk__window_bytes(uint64_t blocks, uint32_t claimers);
/* Make an empty window in zeroed, 128-byte aligned memory. One process, before anybody else looks. */
void rk__window_init(rk__window *window, uint64_t blocks, uint32_t claimers, rk__policy policy,
                     const uint64_t nonce[2]);
rk__claimer_line *rk__window_line(rk__window *window, uint32_t claimer);
_Atomic uint64_t *rk__window_bitmap(rk__window *window); /* (blocks + 63) / 64 words */

/* The agent: add blocks [first, first+count). false: no free slot now. */
bool rk__window_add_span(rk__window *window, uint64_t first, uint64_t count);
/* Blocks in the window that nobody has claimed. */
uint64_t rk__window_unclaimed(rk__window *window);

/* A claimer's own handle. */
typedef struct rk__claimer {
    rk__window *window;
    rk__claimer_line *line;
    uint32_t number;
    uint64_t next_span; /* spans below are used up for this claimer */
} rk__claimer;
void rk__claimer_join(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t pid);
/* Take blocks: true and [*first, *first + *count), held until the next call. false: nothing there now (look at the
 * phase). */
bool rk__claimer_claim(rk__claimer *claimer, uint64_t unit_ns, uint64_t *first, uint64_t *count);
/* Nothing more will be claimed; holds nothing. */
void rk__claimer_finish(rk__claimer *claimer);
/* The process that claimed has died, and is to be followed by another. true: [*first, *first + *count) is in doubt, and
 * the line holds nothing. */
bool rk__claimer_mend(rk__claimer *claimer, uint64_t *first, uint64_t *count);
/* It has finished but for what is in doubt, and all that it has is committed. */
void rk__claimer_doubt(rk__claimer *claimer);
/* true: it holds [first, first + count), which was in doubt; what is not committed of that is open. */
bool rk__claimer_is_certain(rk__claimer *claimer, uint64_t first, uint64_t count);

void rk__window_set_done(rk__window *window, uint64_t first, uint64_t count);
bool rk__window_is_done(rk__window *window, uint64_t block);

/* The one who synchronises the node's writes: begin a new epoch, and return the one that ends. Once rk__window_is_quiet
 * for it, all that was written in it has been handed to the system. */
uint32_t rk__window_next_epoch(rk__window *window);
bool rk__window_is_quiet(rk__window *window, uint32_t epoch);

typedef struct rk__window_counts {
    uint64_t tasks, failed, retried, kernel_ns;
    uint32_t working, finished;
} rk__window_counts;
rk__window_counts rk__window_count(rk__window *window);

#endif
