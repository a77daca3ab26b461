/* The ledger: which blocks of the run have been given to which node. Rank 0's; logic without I/O.
 *
 * Problem. Each block is to be computed once, and all are to be computed although nodes are lost, frozen or slow. What
 * a node did before it was lost only the file knows.
 *
 * Idea. Blocks are given out in order, as spans, up to a cursor. Beyond one node the ledger keeps who has each block:
 * at most two nodes, its hands. Of a node that is lost the blocks are looked up in the file, some at each tick
 * (survey.c); what is not safe there is open, and open blocks are given out before the cursor moves on. When everything
 * is given out and a node has been idle for long, it is given what others have and have not committed: late blocks,
 * second hand.
 *
 *   block: (beyond the cursor) --give--> in one hand --late, repeatable--> in two hands
 *              open <--not in the file-- all hands lost --in the file--> settled
 *   node:  alive <--> finished;  alive --lose--> lost
 *
 * Messages between a node's agent and rank 0 (src/run/crew.h), fixed size, one answer to each question:
 *
 *   ASK   agent -> rank 0   wants more blocks or not; what its claimers did so far; whether all of them have finished
 *   SPAN  rank 0 -> agent   a span (or none), the phase, whether to drain
 *
 * Spans of a node are numbered from 1. A question says which one came last: if that is not the last one given, this is
 * given again, for its answer is lost with an agent (the window passes over what it has). Questions of an agent before
 * the present one count for nothing.
 *
 * The end has come when all nodes that are not lost have finished and nothing can be given out, or when all that is not
 * finished is safe in the file. Node 0 is rank 0's own: it is not lost, and it is told last that everything has ended,
 * since nobody answers after that. Until then a node that is lost before it is told of the end is made up for; that one
 * synchronises its last writes after it was told is not the ledger's to see. A lost node that asks is told that it is
 * over. */
#ifndef RANKINE_LEDGER_H
#define RANKINE_LEDGER_H

#include "dispatch/blockset.h"
#include "dispatch/policy.h"
#include "dispatch/window.h"

/* Blocks that are looked up in the file in one go, which everybody waits for. A look reads two records of 64 bytes: a
 * microsecond from the page cache, else much longer. */
enum { RK__LOOKS_AT_ONCE = 64 };

typedef struct rk__ask {
    uint32_t node, wants, finished, drain;
    uint32_t term;  /* of the window: which agent asks */
    uint64_t taken; /* of the window: the last span that came */
    rk__window_counts counts;
} rk__ask;

typedef struct rk__span_answer {
    uint64_t first, count; /* count 0: none */
    uint64_t number;
    uint32_t again; /* it was somebody else's */
    uint32_t phase, drain;
} rk__span_answer;

typedef struct rk__ledger_node {
    rk__window_counts counts;
    uint32_t claimers;
    uint32_t term;
    bool given;          /* static: it has its share */
    bool wants;          /* as it asked last */
    bool finished, told; /* told: has the answer that everything has ended */
    bool lost, again;    /* again: what it had may be given to others */
    uint64_t left;       /* blocks that it had and that may not */
    uint64_t idle_ns;    /* since then claimers of it have waited, with nothing left to give them; 0: they have not */
    rk__span_answer last;
} rk__ledger_node;

/* What the file says of a block. */
typedef enum rk__block_fate {
    RK__BLOCK_OPEN = 0,
    RK__BLOCK_COMMITTED, /* may still be lost with the node that wrote it */
    RK__BLOCK_SAFE       /* committed, and synchronised */
} rk__block_fate;
typedef rk__block_fate (*rk__ledger_look_fn)(void *ctx, uint64_t block);

/* A walk over what was given out, some blocks at a tick. */
typedef struct rk__survey {
    uint64_t next;     /* block */
    uint64_t held_up;  /* blocks on this walk that somebody still has to compute */
    uint64_t begun_ns; /* 0: no walk */
    bool wanted;       /* a node was lost: a whole walk is to come */
    bool disturbed;    /* something was given out during this walk */
} rk__survey;

typedef struct rk__ledger {
    uint64_t blocks, cursor; /* [0, cursor) has been given out */
    rk__policy policy;
    uint32_t node_count, claimers;
    uint32_t static_given;
    bool drain;
    bool repeatable;        /* the same task gives the same bits: blocks may be in two hands */
    bool is_late;           /* at the last tick: others are given what nodes have that hold up the end */
    bool all_safe;          /* seen by a survey: nothing is left to wait for */
    bool ended;             /* nodes are told */
    uint64_t begin_ns;      /* of the first question */
    rk__ledger_node *nodes; /* [node_count], borrowed */
    /* Nodes that are not lost, and how many of these say so. */
    uint32_t alive, finished, wanting, told;
    /* Beyond one node, borrowed; NULL: no node can be lost. */
    uint32_t *hands; /* [blocks][2] node + 1; 0: none */
    rk__blockset *settled, *open, *late;
    uint64_t open_count, late_count;
    rk__ledger_look_fn look;
    void *look_ctx;
    rk__survey survey;
} rk__ledger;

/* `nodes`: zeroed memory for node_count entries with `claimers` filled in. */
void rk__ledger_init(rk__ledger *ledger, uint64_t blocks, rk__policy policy, rk__ledger_node *nodes, uint32_t count);
/* Nodes may be lost from now on; before the first question. `memory`: zeroed, 8-byte aligned, rk__ledger_bytes. `look`
 * is called by rk__ledger_tick and rk__ledger_answer. */
size_t rk__ledger_bytes(uint64_t blocks);
void rk__ledger_guard(rk__ledger *ledger, void *memory, bool repeatable, rk__ledger_look_fn look, void *ctx);

/* Take in a question and write its answer. */
void rk__ledger_answer(rk__ledger *ledger, const rk__ask *ask, uint64_t now_ns, rk__span_answer *answer);
/* Often (each tick of rank 0); bounded work. */
void rk__ledger_tick(rk__ledger *ledger, uint64_t now_ns);
/* The node is gone, or is taken to be. `again`: what it had and is not safe in the file may be given to others: it is
 * known to be dead, or the kernel is repeatable. May be called again with `again`, when that has become known. Not for
 * node 0. */
void rk__ledger_lose(rk__ledger *ledger, uint32_t node, bool again);
/* Blocks of lost nodes that may not be given to others: they stay open for another session. */
uint64_t rk__ledger_left(const rk__ledger *ledger);
/* A node's flags change: -1 before, +1 after. For the ledger's units. */
void rk__ledger_tally(rk__ledger *ledger, const rk__ledger_node *node, int sign);
/* Has the end come? */
bool rk__ledger_finished(const rk__ledger *ledger);
rk__window_counts rk__ledger_count(const rk__ledger *ledger);

#endif
