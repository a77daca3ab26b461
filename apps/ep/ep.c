/* NAS EP: see README.md. */
#include <string.h>

#include <rankine/kernel.h>

#include "ep_batch.h"

typedef struct {
    int class;
} ep_params;

typedef struct {
    double sx, sy;
    uint64_t pairs, *counts;
} ep_result;

static int ep_plan(rk_plan *plan, const void *params) {
    static const unsigned log2_pairs[] = {24, 25, 28, 30, 32};
    unsigned log2 = log2_pairs[((const ep_params *)params)->class];
    return rk_plan_axis(plan, "batch", UINT64_C(1) << (log2 - EP_BATCH_LOG2), 0, 0, NULL, "batches of 2^16 pairs");
}

static int ep(rk_task *task, const void *params, void *result) {
    ep_result *r = result;
    ep_sums sums;
    (void)params;
    ep_batch(task->plan_index, &sums);
    r->sx = sums.sx;
    r->sy = sums.sy;
    r->pairs = sums.pairs;
    memcpy(r->counts, sums.counts, sizeof sums.counts);
    return RK_OK;
}

RK_KERNEL(ep, .summary = "NAS EP: Gaussian pairs by the polar method, counted in annuli", .version = "1",
          .deterministic = true,
          .params = {RK_PARAM(ep_params, class, RK_ENUM, "S", NULL, "size: 2^24, 2^25, 2^28, 2^30, 2^32 pairs",
                              .choices = "S|W|A|B|C", .fixed = true)},
          .outputs = {RK_OUTPUT(ep_result, sx, RK_F64, "1", "sum of X over the batch"),
                      RK_OUTPUT(ep_result, sy, RK_F64, "1", "sum of Y over the batch"),
                      RK_OUTPUT(ep_result, pairs, RK_U64, "1", "accepted pairs"),
                      RK_OUTPUT_ROW(ep_result, counts, RK_U64, "1", "pairs per annulus", .shape = {"10"})},
          .reduce = {RK_REDUCE("sx_sum", RK_SUM, sx), RK_REDUCE("sy_sum", RK_SUM, sy),
                     RK_REDUCE("pairs_sum", RK_SUM, pairs), RK_REDUCE("counts_sum", RK_SUM, counts)},
          .plan = ep_plan, .run = ep, .thread_safe = true)
