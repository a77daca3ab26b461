/* src/reduce: exact sums, the operators, and the canonical tree.
 *
 * Problem. A reduction must have the same bits for any number of ranks, any schedule, any block size and any resume.
 *
 * Idea. Every built-in operator has a state whose merge is exact and does not depend on order: sums of floats are kept
 * in a superaccumulator and rounded once at the end, ties take the lower index, the rest are integers. Only a kernel's
 * own merge may depend on order; it is applied along the canonical binary tree over the task index: the node over [a,
 * a+2^j) merges its halves, left before right; an empty half is skipped. A block is a subtree, so a block's partial is
 * a node.
 *
 * Invariants. A partial is plain bytes, normalised: equal values, equal bytes, no padding left undefined. All zero
 * bytes are the identity. merge(identity, x) = x.
 *
 * Source of the superaccumulator: R. M. Neal, "Fast exact summation using small and large superaccumulators", 2015,
 * arXiv:1505.05571, section 3 (the small one: 67 chunks of 64 bits, 32 apart). */
#ifndef RANKINE_REDUCE_H
#define RANKINE_REDUCE_H

#include <rankine/kernel.h>

#include "base/base.h"

/* ---- exact sums ---- */
enum { RK__EXACT_CHUNKS = 67, RK__WIDE_CHUNKS = 136 };
typedef struct rk__exact {
    int64_t chunk[RK__EXACT_CHUNKS]; /* value = sum of chunk[i] * 2^(32 i - 1074); normalised: all but the last in [0,
                                        2^32) */
    uint32_t adds;                   /* since carries were last propagated */
    uint32_t special;                /* bit 0 +Inf seen, 1 -Inf, 2 NaN, 3 a value other than -0, 4 a -0 */
} rk__exact;                         /* all zero: the empty sum */

/* The same for squares of doubles, whose range is twice as wide. Sums of squares are not negative. */
typedef struct rk__wide {
    int64_t chunk[RK__WIDE_CHUNKS]; /* value = sum of chunk[i] * 2^(32 i - 2148) */
    uint32_t adds;
    uint32_t special; /* bit 0 Inf seen, bit 2 NaN seen */
} rk__wide;

void rk__exact_add(rk__exact *sum, double value);
void rk__exact_add_many(rk__exact *sum, const double *values, size_t count);
void rk__exact_merge(rk__exact *into, const rk__exact *from);
void rk__wide_add_square(rk__wide *sum, double value);
void rk__wide_merge(rk__wide *into, const rk__wide *from);
void rk__wide_normalise(rk__wide *sum);
/* Equal values get equal bytes. */
void rk__exact_normalise(rk__exact *sum);
/* The correctly rounded value (to nearest, ties to even). Empty: 0. Inf - Inf and NaN: the canonical quiet NaN
 * 0x7ff8000000000000. All addends -0: -0. */
double rk__exact_round(const rk__exact *sum);
/* sum/count, correctly rounded; count > 0. */
double rk__exact_mean(const rk__exact *sum, uint64_t count);
/* (squares - sum^2/count)/count, correctly rounded; count > 0. */
double rk__exact_variance(const rk__exact *sum, const rk__wide *squares, uint64_t count);

/* ---- compiled reductions ---- */
typedef struct rk__reduction_spec {
    const char *name;
    rk_op op;
    rk_type type;      /* of the values folded; RK_F64 for rk_accumulate; unused for RK_CUSTOM */
    uint64_t elements; /* > 1: element by element over an array output */
    double lo, hi;     /* RK_HISTOGRAM */
    uint64_t bins;     /* RK_HISTOGRAM, RK_TOPK */
    const char *unit, *help;
    size_t state_bytes; /* RK_CUSTOM */
    void (*merge)(void *left, const void *right);
    void (*finish)(const void *state, double *out);
    uint64_t values;
} rk__reduction_spec;

/* What a reduction leaves in the file: one or more arrays. `name` "x", or "x_edges", "x_below", "x_above", "x_index".
 */
typedef struct rk__result_field {
    char name[80];
    unsigned reduction;      /* which */
    rk_type type;            /* RK_F64, RK_F32, RK_U64, RK_I64, … */
    uint64_t count;          /* elements; 1: scalar */
    bool elementwise;        /* has the shape of the output it folds */
    size_t offset;           /* in the results buffer */
    const char *unit, *help; /* borrowed from the spec */
} rk__result_field;

typedef struct rk__reducer rk__reducer;

/* Checks the specs (op fits type, bins > 0, lo < hi, sizes); RK_EINVAL names the reduction. Strings and functions are
 * borrowed. */
rk_status rk__reducer_create(rk__reducer **out, const rk__reduction_spec *specs, size_t count, rk_error *err);
void rk__reducer_destroy(rk__reducer *reducer);
size_t rk__reducer_count(const rk__reducer *reducer);
size_t rk__reducer_partial_bytes(const rk__reducer *reducer); /* multiple of 8; 0 without reductions */
const rk__result_field *rk__reducer_fields(const rk__reducer *reducer, size_t *count);
size_t rk__reducer_results_bytes(const rk__reducer *reducer);
/* Final values from a partial (identity gives: count 0, sum 0, others NaN or, for integers without NaN, 0;
 * argmin/argmax of nothing UINT64_MAX). */
rk_status rk__reducer_results(const rk__reducer *reducer, const void *partial, void *results, rk_error *err);

/* ---- folding leaves in ascending order: tasks within a block, or blocks within the run ---- */
typedef struct rk__fold rk__fold;
rk_status rk__fold_create(rk__fold **out, const rk__reducer *reducer, rk_error *err);
void rk__fold_destroy(rk__fold *fold);
void rk__fold_reset(rk__fold *fold); /* back to the identity */
/* Fold one task's value(s) of an output: `values` points at `elements` values of the spec's type; `index` is the task.
 * Fast: this is on the path of every task (scalar integer sum a few ns, scalar float sum below 10 ns). */
void rk__fold_value(rk__fold *fold, size_t reduction, const void *values, uint64_t index);
/* The same for `count` consecutive tasks of a scalar output, value i at values + i*stride bytes, index first_index + i.
 */
void rk__fold_values(rk__fold *fold, size_t reduction, const void *values, size_t stride, uint64_t count,
                     uint64_t first_index);
/* A task's scratch state, for values that must not count unless the task succeeds: adds to / resets / merges a state of
 * rk__reducer_state_bytes(). Task-level: begin once per task that uses it. */
size_t rk__reducer_state_bytes(const rk__reducer *reducer, size_t reduction);
void rk__reducer_accumulate(const rk__reducer *reducer, size_t reduction, void *state, const double *values,
                            uint64_t count, uint64_t first_index);
/* Merge a state (one reduction's) as leaf number `leaf` (ascending across calls; one call per reduction and leaf). */
void rk__fold_state(rk__fold *fold, size_t reduction, uint64_t leaf, const void *state);
/* Merge a whole partial (a block's) as leaf number `leaf`. */
void rk__fold_partial(rk__fold *fold, uint64_t leaf, const void *partial);
/* All that was folded since the reset, as plain bytes, for a fold of the same reducer in another process to go on with.
 * `bytes`: rk__fold_saved_bytes of memory. Load is false if they cannot be what was saved. */
size_t rk__fold_saved_bytes(const rk__reducer *reducer);
void rk__fold_save(const rk__fold *fold, void *bytes);
bool rk__fold_load(rk__fold *fold, const void *bytes);
/* Close: writes the normalised partial of everything folded since the reset. */
void rk__fold_finish(rk__fold *fold, void *partial);

#endif
