/* Folding leaves in ascending order.
 *
 * Operators that are free of order go straight into one state. The kernel's own merges follow the canonical tree: the
 * stack holds subtrees that wait for a right neighbour, each with a leaf's number that lies in it. Two neighbours on
 * the stack are merged as soon as the next leaf lies outside the smallest aligned node that holds both; so gaps change
 * nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "reduce/reducer_private.h"

enum { STACK_MAX = 66 };

typedef struct fold_tree {
    unsigned depth;
    uint64_t leaf[STACK_MAX];
    unsigned char *states; /* [STACK_MAX][state bytes] */
} fold_tree;

struct rk__fold {
    const rk__reducer *reducer;
    unsigned char *partial;
    fold_tree *trees; /* [count]; states only for RK_CUSTOM */
};

rk_status rk__fold_create(rk__fold **out, const rk__reducer *reducer, rk_error *err) {
    rk__fold *fold;
    RK_TRY(rk__alloc((void **)&fold, 1, sizeof *fold, "fold", err));
    fold->reducer = reducer;
    rk_status status = rk__alloc((void **)&fold->partial, reducer->partial_bytes, 1, "reduction states", err);
    if (status == RK_OK)
        status = rk__alloc((void **)&fold->trees, reducer->count, sizeof *fold->trees, "reduction trees", err);
    for (size_t r = 0; status == RK_OK && r < reducer->count; r++)
        if (rk__reducer_is_tree(&reducer->items[r]))
            status = rk__alloc((void **)&fold->trees[r].states, STACK_MAX, reducer->items[r].element_bytes,
                               "reduction trees", err);
    if (status != RK_OK) {
        rk__fold_destroy(fold);
        return status;
    }
    *out = fold;
    return RK_OK;
}

void rk__fold_destroy(rk__fold *fold) {
    if (fold == NULL)
        return;
    for (size_t r = 0; fold->trees != NULL && r < fold->reducer->count; r++)
        free(fold->trees[r].states);
    free(fold->trees);
    free(fold->partial);
    free(fold);
}

void rk__fold_reset(rk__fold *fold) {
    if (fold->reducer->partial_bytes > 0)
        memset(fold->partial, 0, fold->reducer->partial_bytes);
    for (size_t r = 0; r < fold->reducer->count; r++)
        fold->trees[r].depth = 0;
}

void rk__fold_values(rk__fold *fold, size_t reduction, const void *values, size_t stride, uint64_t count,
                     uint64_t first_index) {
    const rk__reducer_item *item = &fold->reducer->items[reduction];
    item->op->add(&item->spec, fold->partial + item->offset, values, stride, count, first_index);
}

void rk__fold_value(rk__fold *fold, size_t reduction, const void *values, uint64_t index) {
    const rk__reducer_item *item = &fold->reducer->items[reduction];
    size_t bytes = rk__type_bytes(item->spec.type);
    unsigned char *state = fold->partial + item->offset;
    for (uint64_t e = 0; e < item->spec.elements; e++)
        item->op->add(&item->spec, state + e * item->element_bytes, (const char *)values + e * bytes, bytes, 1, index);
}

/* Level of the smallest aligned node that holds both leaves. */
static unsigned common_level(uint64_t a, uint64_t b) {
    unsigned level = 0;
    for (uint64_t difference = a ^ b; difference != 0; difference >>= 1)
        level++;
    return level;
}

static void merge_top(const rk__reducer_item *item, fold_tree *tree) {
    unsigned char *right = tree->states + (tree->depth - 1) * item->element_bytes;
    item->op->merge(&item->spec, right - item->element_bytes, right);
    tree->depth--;
}

static bool is_empty(const unsigned char *state, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (state[i] != 0)
            return false;
    return true;
}

static void push_leaf(const rk__reducer_item *item, fold_tree *tree, uint64_t leaf, const void *state) {
    if (is_empty(state, item->element_bytes))
        return;
    while (tree->depth >= 2 && common_level(tree->leaf[tree->depth - 2], tree->leaf[tree->depth - 1]) <
                                   common_level(tree->leaf[tree->depth - 1], leaf))
        merge_top(item, tree);
    memcpy(tree->states + tree->depth * item->element_bytes, state, item->element_bytes);
    tree->leaf[tree->depth++] = leaf;
}

void rk__fold_state(rk__fold *fold, size_t reduction, uint64_t leaf, const void *state) {
    const rk__reducer_item *item = &fold->reducer->items[reduction];
    if (rk__reducer_is_tree(item))
        push_leaf(item, &fold->trees[reduction], leaf, state);
    else
        rk__reducer_merge_item(item, fold->partial + item->offset, state);
}

void rk__fold_partial(rk__fold *fold, uint64_t leaf, const void *partial) {
    for (size_t r = 0; r < fold->reducer->count; r++)
        rk__fold_state(fold, r, leaf, (const char *)partial + fold->reducer->items[r].offset);
}

static void finish_item(rk__fold *fold, size_t reduction) {
    const rk__reducer_item *item = &fold->reducer->items[reduction];
    unsigned char *state = fold->partial + item->offset;
    fold_tree *tree = &fold->trees[reduction];
    if (rk__reducer_is_tree(item)) {
        while (tree->depth >= 2)
            merge_top(item, tree);
        if (tree->depth == 1)
            memcpy(state, tree->states, item->element_bytes);
        tree->depth = 0;
    }
    for (uint64_t e = 0; item->op->normalise != NULL && e < item->spec.elements; e++)
        item->op->normalise(&item->spec, state + e * item->element_bytes);
}

void rk__fold_finish(rk__fold *fold, void *partial) {
    for (size_t r = 0; r < fold->reducer->count; r++)
        finish_item(fold, r);
    if (fold->reducer->partial_bytes > 0)
        memcpy(partial, fold->partial, fold->reducer->partial_bytes);
}

/* ---- saved: the partial, then of each tree: depth, leaves, states ---- */

static size_t saved_tree_bytes(const rk__reducer_item *item) {
    return rk__reducer_is_tree(item)
               ? ((1 + STACK_MAX) * sizeof(uint64_t) + STACK_MAX * item->element_bytes + 7) & ~(size_t)7
               : 0;
}

size_t rk__fold_saved_bytes(const rk__reducer *reducer) {
    size_t bytes = reducer->partial_bytes;
    for (size_t r = 0; r < reducer->count; r++)
        bytes += saved_tree_bytes(&reducer->items[r]);
    return bytes;
}

static void save_tree(const rk__reducer_item *item, const fold_tree *tree, unsigned char *to) {
    uint64_t depth = tree->depth;
    memcpy(to, &depth, sizeof depth);
    to += sizeof depth;
    memcpy(to, tree->leaf, tree->depth * sizeof *tree->leaf);
    memcpy(to + sizeof tree->leaf, tree->states, tree->depth * item->element_bytes);
}

static bool load_tree(const rk__reducer_item *item, fold_tree *tree, const unsigned char *from) {
    uint64_t depth;
    memcpy(&depth, from, sizeof depth);
    if (depth > STACK_MAX)
        return false;
    from += sizeof depth;
    tree->depth = (unsigned)depth;
    memcpy(tree->leaf, from, tree->depth * sizeof *tree->leaf);
    memcpy(tree->states, from + sizeof tree->leaf, tree->depth * item->element_bytes);
    return true;
}

void rk__fold_save(const rk__fold *fold, void *bytes) {
    unsigned char *to = bytes;
    if (fold->reducer->partial_bytes > 0)
        memcpy(to, fold->partial, fold->reducer->partial_bytes);
    to += fold->reducer->partial_bytes;
    for (size_t r = 0; r < fold->reducer->count; r++) {
        const rk__reducer_item *item = &fold->reducer->items[r];
        if (rk__reducer_is_tree(item))
            save_tree(item, &fold->trees[r], to);
        to += saved_tree_bytes(item);
    }
}

bool rk__fold_load(rk__fold *fold, const void *bytes) {
    const unsigned char *from = bytes;
    if (fold->reducer->partial_bytes > 0)
        memcpy(fold->partial, from, fold->reducer->partial_bytes);
    from += fold->reducer->partial_bytes;
    for (size_t r = 0; r < fold->reducer->count; r++) {
        const rk__reducer_item *item = &fold->reducer->items[r];
        if (rk__reducer_is_tree(item) && !load_tree(item, &fold->trees[r], from))
            return false;
        from += saved_tree_bytes(item);
    }
    return true;
}
