/* The kernel's own state and merge; folded along the tree in fold.c. */
#include <string.h>

#include "reduce/operators.h"

static size_t custom_bytes(const rk__reduction_spec *spec) {
    return (spec->state_bytes + 7) & ~(size_t)7;
}

static void custom_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    spec->merge(into, from);
}

static rk_status custom_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                               rk_error *err) {
    (void)field, (void)err;
    spec->finish(state, out);
    return RK_OK;
}

const rk__operator rk__operator_custom = {custom_bytes, NULL, custom_merge, NULL, custom_result};
