/* The node window in memory that the ranks of a node share. */
#include "run/run_private.h"

typedef struct extent {
    uint64_t blocks;
    uint32_t claimers;
    rk__policy policy;
} extent;

static void init(void *memory, const uint64_t nonce[2], void *ctx) {
    const extent *wanted = ctx;
    rk__window_init(memory, wanted->blocks, wanted->claimers, wanted->policy, nonce);
}

rk_status rk__segment_create(rk__segment *segment, const rk__world *world, uint64_t blocks, uint32_t claimers,
                             rk__policy policy, rk_error *err) {
    extent wanted = {blocks, claimers, policy};
    rk__share_plan plan = {rk__window_bytes(blocks, claimers), init, &wanted};
    rk__shared shared;
    *segment = (rk__segment){0};
    RK_TRY(rk__world_share(world, &plan, &shared, err));
    *segment = (rk__segment){shared.memory, shared.bytes, shared.fd};
    return RK_OK;
}

void rk__segment_destroy(rk__segment *segment) {
    if (segment->window == NULL)
        return;
    rk__shared shared = {segment->window, segment->bytes, segment->fd};
    rk__unshare(&shared);
    *segment = (rk__segment){0};
}
