/* The operators: one small table of functions each. Private to this room.
 *
 * A state is plain bytes; all zero is the identity. All but RK_CUSTOM are free of order: adding values in any order,
 * merging in any order, gives the same normalised bytes. */
#ifndef RANKINE_OPERATORS_H
#define RANKINE_OPERATORS_H

#include "reduce/reduce.h"

typedef struct rk__operator {
    size_t (*bytes)(const rk__reduction_spec *spec); /* of one element's state; a multiple of 8 */
    /* Value i is at values + i*stride and has index first_index + i. */
    void (*add)(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                uint64_t first_index);
    void (*merge)(const rk__reduction_spec *spec, void *into, const void *from);
    void (*normalise)(const rk__reduction_spec *spec, void *state); /* NULL: always normal */
    /* Result number `field` of this operator, `out` of the field's type and count. */
    rk_status (*result)(const rk__reduction_spec *spec, const void *state, unsigned field, void *out, rk_error *err);
} rk__operator;

/* NULL if there is none. */
const rk__operator *rk__operator_of(rk_op op);
extern const rk__operator rk__operator_count, rk__operator_sum, rk__operator_mean, rk__operator_variance,
    rk__operator_extreme, rk__operator_place, rk__operator_histogram, rk__operator_topk, rk__operator_custom;

/* One value of any output type as a double (integers beyond 2^53 are rounded), or as an integer in two's complement. */
double rk__value_f64(rk_type type, const char *value);
uint64_t rk__value_integer(rk_type type, const char *value);
bool rk__type_is_signed(rk_type type);

#endif
