/* The ledger: which blocks of the run have been given to which node. Rank 0's; logic without I/O.
 *
 * Blocks are given out once each, in order, as spans; what a node was given and is not committed when the node is gone
 * is found from the file. On one node the first span is everything.
 *
 * Messages between a node's agent and rank 0 (tags in world.h), fixed size, one answer to each question:
 *
 *   ASK   agent -> rank 0   wants more blocks or not; what its claimers did so far; whether all of them have finished
 *   SPAN  rank 0 -> agent   a span (or none), the phase, whether to drain
 *
 * Node 0 is rank 0's own: it is told last that everything has ended, since nobody answers after that.
 */
#ifndef RANKINE_LEDGER_H
#define RANKINE_LEDGER_H

#include "dispatch/policy.h"
#include "dispatch/window.h"

typedef struct rk__ask {
    uint32_t node, wants, finished, drain;
    rk__window_counts counts;
} rk__ask;

typedef struct rk__span_answer {
    uint64_t first, count; /* count 0: none */
    uint32_t phase, drain;
} rk__span_answer;

typedef struct rk__ledger_node {
    rk__window_counts counts;
    uint32_t claimers;
    bool given;          /* static: it has its share */
    bool finished, told; /* told: has the answer that everything has ended */
} rk__ledger_node;

typedef struct rk__ledger {
    uint64_t blocks, cursor; /* [0, cursor) has been given out */
    rk__policy policy;
    uint32_t node_count, claimers;
    uint32_t static_given;
    bool drain;
    rk__ledger_node *nodes; /* [node_count], borrowed */
} rk__ledger;

/* `nodes`: zeroed memory for node_count entries with `claimers` filled in. */
void rk__ledger_init(rk__ledger *ledger, uint64_t blocks, rk__policy policy, rk__ledger_node *nodes, uint32_t count);
/* Take in a question and write its answer. */
void rk__ledger_answer(rk__ledger *ledger, const rk__ask *ask, rk__span_answer *answer);
/* Have all nodes said that they have finished? */
bool rk__ledger_finished(const rk__ledger *ledger);
rk__window_counts rk__ledger_count(const rk__ledger *ledger);

#endif
