/* count, sum, mean, variance */
#include <string.h>

#include "base/types.h"
#include "reduce/limbs.h"
#include "reduce/operators.h"

/* A sum of integers in 128-bit two's complement: 2^64 values of 64 bits cannot overflow it. */
typedef struct whole_sum {
    uint64_t low, high;
} whole_sum;

typedef struct whole_mean {
    uint64_t count;
    whole_sum sum;
} whole_mean;

typedef struct exact_mean {
    uint64_t count;
    rk__exact sum;
} exact_mean;

typedef struct exact_variance {
    uint64_t count;
    rk__exact sum;
    rk__wide squares;
} exact_variance;

static double nan_value(void) {
    rk__exact nothing = {.special = 4};
    return rk__exact_round(&nothing);
}

static void put_f64(void *out, double value) {
    memcpy(out, &value, sizeof value);
}

/* ---- count ---- */

static size_t count_bytes(const rk__reduction_spec *spec) {
    (void)spec;
    return sizeof(uint64_t);
}

static void count_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                      uint64_t first_index) {
    (void)spec, (void)values, (void)stride, (void)first_index;
    *(uint64_t *)state += count;
}

static void count_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    (void)spec;
    *(uint64_t *)into += *(const uint64_t *)from;
}

static rk_status count_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                              rk_error *err) {
    (void)spec, (void)field, (void)err;
    memcpy(out, state, sizeof(uint64_t));
    return RK_OK;
}

const rk__operator rk__operator_count = {count_bytes, count_add, count_merge, NULL, count_result};

/* ---- sums ---- */

static void whole_add(whole_sum *sum, uint64_t low, uint64_t high) {
    sum->low += low;
    sum->high += high + (sum->low < low);
}

static void whole_add_values(whole_sum *sum, rk_type type, const char *values, size_t stride, uint64_t count) {
    bool is_signed = rk__type_is_signed(type);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t value = rk__value_integer(type, values + i * stride);
        whole_add(sum, value, is_signed && value >> 63 ? UINT64_MAX : 0);
    }
}

static void exact_add_values(rk__exact *sum, rk_type type, const char *values, size_t stride, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        rk__exact_add(sum, rk__value_f64(type, values + i * stride));
}

static size_t sum_bytes(const rk__reduction_spec *spec) {
    return rk__type_is_float(spec->type) ? sizeof(rk__exact) : sizeof(whole_sum);
}

static void sum_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                    uint64_t first_index) {
    (void)first_index;
    if (rk__type_is_float(spec->type))
        exact_add_values(state, spec->type, values, stride, count);
    else
        whole_add_values(state, spec->type, values, stride, count);
}

static void sum_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    const whole_sum *whole = from;
    if (rk__type_is_float(spec->type))
        rk__exact_merge(into, from);
    else
        whole_add(into, whole->low, whole->high);
}

static void sum_normalise(const rk__reduction_spec *spec, void *state) {
    if (rk__type_is_float(spec->type))
        rk__exact_normalise(state);
}

static rk_status sum_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                            rk_error *err) {
    (void)field;
    if (rk__type_is_float(spec->type)) {
        put_f64(out, rk__exact_round(state));
        return RK_OK;
    }
    const whole_sum *sum = state;
    uint64_t extension = rk__type_is_signed(spec->type) && sum->low >> 63 ? UINT64_MAX : 0;
    if (sum->high != extension)
        return rk__fail(err, RK_EOVERFLOW,
                        "reduction '%s': the sum does not fit 64 bits; use a mean, or a float output", spec->name);
    memcpy(out, &sum->low, sizeof sum->low);
    return RK_OK;
}

const rk__operator rk__operator_sum = {sum_bytes, sum_add, sum_merge, sum_normalise, sum_result};

/* ---- mean ---- */

static size_t mean_bytes(const rk__reduction_spec *spec) {
    return rk__type_is_float(spec->type) ? sizeof(exact_mean) : sizeof(whole_mean);
}

static void mean_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                     uint64_t first_index) {
    (void)first_index;
    *(uint64_t *)state += count;
    if (rk__type_is_float(spec->type))
        exact_add_values(&((exact_mean *)state)->sum, spec->type, values, stride, count);
    else
        whole_add_values(&((whole_mean *)state)->sum, spec->type, values, stride, count);
}

static void mean_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    *(uint64_t *)into += *(const uint64_t *)from;
    if (rk__type_is_float(spec->type))
        rk__exact_merge(&((exact_mean *)into)->sum, &((const exact_mean *)from)->sum);
    else
        whole_add(&((whole_mean *)into)->sum, ((const whole_mean *)from)->sum.low,
                  ((const whole_mean *)from)->sum.high);
}

static void mean_normalise(const rk__reduction_spec *spec, void *state) {
    if (rk__type_is_float(spec->type))
        rk__exact_normalise(&((exact_mean *)state)->sum);
}

static double whole_mean_value(const rk__reduction_spec *spec, const whole_mean *mean) {
    enum { BELOW = 5, LIMBS = BELOW + 4 };
    uint64_t low = mean->sum.low, high = mean->sum.high;
    bool negative = rk__type_is_signed(spec->type) && high >> 63;
    if (negative) {
        low = 0 - low;
        high = ~high + (low == 0);
    }
    uint32_t limbs[LIMBS] = {0};
    limbs[BELOW] = (uint32_t)low;
    limbs[BELOW + 1] = (uint32_t)(low >> 32);
    limbs[BELOW + 2] = (uint32_t)high;
    limbs[BELOW + 3] = (uint32_t)(high >> 32);
    bool sticky = rk__limbs_divide(limbs, LIMBS, mean->count);
    double value = rk__limbs_round(limbs, LIMBS, -32 * BELOW, sticky);
    return negative ? -value : value;
}

static rk_status mean_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                             rk_error *err) {
    (void)field, (void)err;
    uint64_t count = *(const uint64_t *)state;
    if (count == 0)
        put_f64(out, nan_value());
    else if (rk__type_is_float(spec->type))
        put_f64(out, rk__exact_mean(&((const exact_mean *)state)->sum, count));
    else
        put_f64(out, whole_mean_value(spec, state));
    return RK_OK;
}

const rk__operator rk__operator_mean = {mean_bytes, mean_add, mean_merge, mean_normalise, mean_result};

/* ---- variance ---- */

static size_t variance_bytes(const rk__reduction_spec *spec) {
    (void)spec;
    return sizeof(exact_variance);
}

static void variance_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                         uint64_t first_index) {
    (void)first_index;
    exact_variance *variance = state;
    variance->count += count;
    for (uint64_t i = 0; i < count; i++) {
        double value = rk__value_f64(spec->type, values + i * stride);
        rk__exact_add(&variance->sum, value);
        rk__wide_add_square(&variance->squares, value);
    }
}

static void variance_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    (void)spec;
    exact_variance *left = into;
    const exact_variance *right = from;
    left->count += right->count;
    rk__exact_merge(&left->sum, &right->sum);
    rk__wide_merge(&left->squares, &right->squares);
}

static void variance_normalise(const rk__reduction_spec *spec, void *state) {
    (void)spec;
    rk__exact_normalise(&((exact_variance *)state)->sum);
    rk__wide_normalise(&((exact_variance *)state)->squares);
}

static rk_status variance_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                                 rk_error *err) {
    (void)spec, (void)field, (void)err;
    const exact_variance *variance = state;
    put_f64(out, variance->count == 0 ? nan_value()
                                      : rk__exact_variance(&variance->sum, &variance->squares, variance->count));
    return RK_OK;
}

const rk__operator rk__operator_variance = {variance_bytes, variance_add, variance_merge, variance_normalise,
                                            variance_result};
