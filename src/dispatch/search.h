/* The search for what a dead claimer had. By the node's agent, at its ticks; logic without I/O.
 *
 * Problem. A dead claimer leaves blocks behind: in its [lo, hi), in its stage, or got by a cursor's move that it did
 * not live to write down. Nobody wrote the stage's down at all. None that the living hold or have staged may be taken
 * for lost: kernels may give other bits the second time.
 *
 * Idea. Look from the other side: of all blocks that were given to the node, take away what nobody has claimed, what
 * the living hold, and, once the living have written what they had staged by then, what is done. The rest is lost.
 *
 *   at rest --losses--> look --all lines seen--> wait --all settled--> what is lost is open; at rest
 *                         ^ |
 *                         +-+ a line is about to claim
 *
 * Why that is right. The sets are read first, then the slots, then the lines. What a claimer claimed before its slot
 * was read is in its line when that is read, or has left it, and then it is done once `settled_ns` is later than all
 * these looks. What it claimed after that was unclaimed, and is no suspect. A line that is about to claim (odd intent)
 * is looked at again. What one has that dies meanwhile is found now, if it was staged, or by the search that follows.
 */
#ifndef RANKINE_SEARCH_H
#define RANKINE_SEARCH_H

#include "dispatch/window.h"

typedef struct rk__search { /* zero: at rest. Of one agent; the next begins with its own. */
    uint32_t step, losses;
    uint64_t since_ns;
} rk__search;

/* `now_ns`: a time not later than the call, by the clock of settled_ns. Feeds what is found. */
void rk__search_tick(rk__search *search, rk__window *window, uint64_t now_ns);

#endif
