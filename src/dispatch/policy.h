/* Policies: how large claims (within a node) and spans (between nodes) are. Pure functions: no state, no clock, no I/O.
 *
 * All look at the work as a line of `total` units with a cursor that only moves forward; what they return is how many
 * units the next claim at `cursor` takes, at least 1 and at most total - cursor.
 *
 *   static     one share per claimer: total/claimers each, dealt by claimer number
 *   dynamic    one unit at a time
 *   guided     remaining / (2 * claimers), at least 1
 *              C. D. Polychronopoulos, D. J. Kuck, IEEE Trans. Computers C-36 (1987) 1425, doi:10.1109/TC.1987.5009495
 * (there without the 2) factoring  batches of `claimers` equal claims, each batch half of what remains S. F. Hummel, E.
 * Schonberg, L. E. Flynn, CACM 35 (1992) 90, doi:10.1145/135226.135232 (FAC2) adaptive   as many as take about
 * RK__CLAIM_SECONDS by the claimer's own measured time per unit, never more than guided
 */
#ifndef RANKINE_POLICY_H
#define RANKINE_POLICY_H

#include "base/base.h"

typedef enum rk__policy {
    RK__POLICY_ADAPTIVE = 0,
    RK__POLICY_STATIC,
    RK__POLICY_DYNAMIC,
    RK__POLICY_GUIDED,
    RK__POLICY_FACTORING
} rk__policy;

#define RK__CLAIM_NS UINT64_C(4000000) /* what an adaptive claim aims at */

/* "adaptive", …; and back: false if there is no such policy. */
const char *rk__policy_name(rk__policy policy);
bool rk__policy_from_name(const char *name, rk__policy *out);
/* `unit_ns`: measured time per unit, 0 while unknown (adaptive then takes 1). Not for RK__POLICY_STATIC. */
uint64_t rk__policy_claim(rk__policy policy, uint64_t total, uint64_t cursor, unsigned claimers, uint64_t unit_ns);
/* Static share number `claimer`: [*first, *first + count). */
uint64_t rk__policy_share(uint64_t total, unsigned claimers, unsigned claimer, uint64_t *first);

#endif
