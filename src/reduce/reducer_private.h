/* A compiled set of reductions: where each state lies in a partial, and what each leaves in the file. */
#ifndef RANKINE_REDUCER_PRIVATE_H
#define RANKINE_REDUCER_PRIVATE_H

#include "reduce/operators.h"

typedef struct rk__reducer_item {
    rk__reduction_spec spec;
    const rk__operator *op;
    size_t offset;        /* in the partial */
    size_t element_bytes; /* of one element's state; the item takes elements times that */
} rk__reducer_item;

struct rk__reducer {
    size_t count, partial_bytes, field_count, results_bytes;
    rk__reducer_item items[RK_REDUCTIONS_MAX];
    rk__result_field fields[5 * RK_REDUCTIONS_MAX];
};

static inline bool rk__reducer_is_tree(const rk__reducer_item *item) {
    return item->spec.op == RK_CUSTOM;
}
void rk__reducer_merge_item(const rk__reducer_item *item, void *into, const void *from);

#endif
