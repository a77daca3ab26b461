#include "dispatch/policy.h"

#include <string.h>

static const char *const names[] = {"adaptive", "static", "dynamic", "guided", "factoring"};

const char *rk__policy_name(rk__policy policy) {
    return names[policy];
}

bool rk__policy_from_name(const char *name, rk__policy *out) {
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i]) == 0) {
            *out = (rk__policy)i;
            return true;
        }
    }
    return false;
}

static uint64_t at_least_one(uint64_t count) {
    return count ? count : 1;
}

static uint64_t guided(uint64_t remaining, unsigned claimers) {
    return at_least_one(remaining / (2 * (uint64_t)claimers));
}

/* The batch that holds the cursor starts where the claims of the batches before it end. */
static uint64_t factoring(uint64_t total, uint64_t cursor, unsigned claimers) {
    uint64_t start = 0, claim = 1;
    for (;;) {
        claim = guided(total - start, claimers);
        uint64_t batch = claim * claimers;
        if (claim == 1 || cursor < start + batch)
            return claim;
        start += batch;
    }
}

uint64_t rk__policy_claim(rk__policy policy, uint64_t total, uint64_t cursor, unsigned claimers, uint64_t unit_ns) {
    uint64_t remaining = total - cursor, claim = 1;
    switch (policy) {
    case RK__POLICY_STATIC:
    case RK__POLICY_DYNAMIC:
        break;
    case RK__POLICY_GUIDED:
        claim = guided(remaining, claimers);
        break;
    case RK__POLICY_FACTORING:
        claim = factoring(total, cursor, claimers);
        break;
    case RK__POLICY_ADAPTIVE:
        if (unit_ns > 0) {
            uint64_t wanted = at_least_one(RK__CLAIM_NS / unit_ns), most = guided(remaining, claimers);
            claim = wanted < most ? wanted : most;
        }
        break;
    }
    return claim < remaining ? claim : remaining;
}

uint64_t rk__policy_share(uint64_t total, unsigned claimers, unsigned claimer, uint64_t *first) {
    uint64_t each = total / claimers, rest = total % claimers;
    *first = each * claimer + (claimer < rest ? claimer : rest);
    return each + (claimer < rest ? 1 : 0);
}
