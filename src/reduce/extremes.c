/* min, max, argmin, argmax, topk, histogram */
#include <math.h>
#include <string.h>

#include "base/types.h"
#include "reduce/operators.h"

/* A value as a key whose unsigned order is the order of the values, -0 before +0. NaN has no key. */
static uint64_t f64_key(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static double key_f64(uint64_t key) {
    uint64_t bits = key >> 63 ? key & ~(UINT64_C(1) << 63) : ~key;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static bool key_of(rk_type type, const char *value, uint64_t *key) {
    if (rk__type_is_float(type)) {
        double number = rk__value_f64(type, value);
        *key = f64_key(number);
        return !isnan(number);
    }
    *key = rk__value_integer(type, value) ^ (rk__type_is_signed(type) ? UINT64_C(1) << 63 : 0);
    return true;
}

static bool wants_greater(rk_op op) {
    return op == RK_MAX || op == RK_ARGMAX;
}

/* ---- min, max ---- */

typedef struct extreme {
    uint64_t some, nan, key;
} extreme;

static size_t extreme_bytes(const rk__reduction_spec *spec) {
    (void)spec;
    return sizeof(extreme);
}

static void extreme_take(const rk__reduction_spec *spec, extreme *state, uint64_t key) {
    if (!state->some || (wants_greater(spec->op) ? key > state->key : key < state->key))
        state->key = key;
    state->some = 1;
}

static void extreme_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                        uint64_t first_index) {
    (void)first_index;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key;
        if (key_of(spec->type, values + i * stride, &key))
            extreme_take(spec, state, key);
        else
            ((extreme *)state)->nan = 1;
    }
}

static void extreme_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    const extreme *right = from;
    ((extreme *)into)->nan |= right->nan;
    if (right->some)
        extreme_take(spec, into, right->key);
}

static void put_number(rk_type type, double value, void *out) {
    float single = (float)value;
    if (type == RK_F32)
        memcpy(out, &single, sizeof single);
    else
        memcpy(out, &value, sizeof value);
}

static double canonical_nan(void) {
    double value;
    memcpy(&value, &(uint64_t){UINT64_C(0x7ff8000000000000)}, sizeof value);
    return value;
}

static rk_status extreme_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                                rk_error *err) {
    (void)field, (void)err;
    const extreme *held = state;
    if (rk__type_is_float(spec->type)) {
        put_number(spec->type, held->nan || !held->some ? canonical_nan() : key_f64(held->key), out);
        return RK_OK;
    }
    uint64_t value = held->some ? held->key ^ (rk__type_is_signed(spec->type) ? UINT64_C(1) << 63 : 0) : 0;
    switch (rk__type_bytes(spec->type)) {
    case 1:
        memcpy(out, &(uint8_t){(uint8_t)value}, 1);
        break;
    case 2:
        memcpy(out, &(uint16_t){(uint16_t)value}, 2);
        break;
    case 4:
        memcpy(out, &(uint32_t){(uint32_t)value}, 4);
        break;
    default:
        memcpy(out, &value, 8);
    }
    return RK_OK;
}

const rk__operator rk__operator_extreme = {extreme_bytes, extreme_add, extreme_merge, NULL, extreme_result};

/* ---- argmin, argmax ---- */

typedef struct place {
    uint64_t some, key, index;
} place;

static size_t place_bytes(const rk__reduction_spec *spec) {
    (void)spec;
    return sizeof(place);
}

static void place_take(const rk__reduction_spec *spec, place *state, uint64_t key, uint64_t index) {
    bool better = wants_greater(spec->op) ? key > state->key : key < state->key;
    if (!state->some || better || (key == state->key && index < state->index))
        *state = (place){1, key, index};
}

static void place_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                      uint64_t first_index) {
    for (uint64_t i = 0; i < count; i++) {
        uint64_t key;
        if (key_of(spec->type, values + i * stride, &key))
            place_take(spec, state, key, first_index + i);
    }
}

static void place_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    const place *right = from;
    if (right->some)
        place_take(spec, into, right->key, right->index);
}

static rk_status place_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                              rk_error *err) {
    (void)spec, (void)field, (void)err;
    const place *held = state;
    memcpy(out, &(uint64_t){held->some ? held->index : UINT64_MAX}, sizeof(uint64_t));
    return RK_OK;
}

const rk__operator rk__operator_place = {place_bytes, place_add, place_merge, NULL, place_result};

/* ---- topk: entries sorted, best first; equal values by index ---- */

typedef struct top_entry {
    uint64_t key, index;
} top_entry;

typedef struct top {
    uint64_t count;
    top_entry entries[];
} top;

static size_t top_bytes(const rk__reduction_spec *spec) {
    return sizeof(top) + (size_t)spec->bins * sizeof(top_entry);
}

static bool top_before(top_entry a, top_entry b) {
    return a.key != b.key ? a.key > b.key : a.index < b.index;
}

static void top_take(const rk__reduction_spec *spec, top *state, top_entry entry) {
    uint64_t at = state->count;
    if (at == spec->bins && !top_before(entry, state->entries[at - 1]))
        return;
    if (at < spec->bins)
        state->count++;
    else
        at--;
    for (; at > 0 && top_before(entry, state->entries[at - 1]); at--)
        state->entries[at] = state->entries[at - 1];
    state->entries[at] = entry;
}

static void top_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride, uint64_t count,
                    uint64_t first_index) {
    for (uint64_t i = 0; i < count; i++) {
        double value = rk__value_f64(spec->type, values + i * stride);
        if (!isnan(value))
            top_take(spec, state, (top_entry){f64_key(value), first_index + i});
    }
}

static void top_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    const top *right = from;
    for (uint64_t i = 0; i < right->count; i++)
        top_take(spec, into, right->entries[i]);
}

static rk_status top_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                            rk_error *err) {
    (void)err;
    const top *held = state;
    for (uint64_t i = 0; i < spec->bins; i++) {
        bool there = i < held->count;
        double value = there ? key_f64(held->entries[i].key) : canonical_nan();
        uint64_t index = there ? held->entries[i].index : UINT64_MAX;
        memcpy((char *)out + 8 * i, field == 0 ? (const void *)&value : (const void *)&index, 8);
    }
    return RK_OK;
}

const rk__operator rk__operator_topk = {top_bytes, top_add, top_merge, NULL, top_result};

/* ---- histogram: below, above, NaN, then the bins ---- */

enum { BELOW, ABOVE, NOT_A_NUMBER, FIRST_BIN };

static size_t histogram_bytes(const rk__reduction_spec *spec) {
    return (FIRST_BIN + (size_t)spec->bins) * sizeof(uint64_t);
}

static double edge(const rk__reduction_spec *spec, uint64_t i) {
    return i == spec->bins ? spec->hi : spec->lo + (spec->hi - spec->lo) * ((double)i / (double)spec->bins);
}

/* The bin by division may be one off through rounding: the edges decide. */
static uint64_t bin_of(const rk__reduction_spec *spec, double value) {
    double share = (value - spec->lo) / (spec->hi - spec->lo) * (double)spec->bins;
    uint64_t bin = share < (double)spec->bins ? (uint64_t)share : spec->bins - 1;
    while (bin > 0 && value < edge(spec, bin))
        bin--;
    while (bin + 1 < spec->bins && value >= edge(spec, bin + 1))
        bin++;
    return bin;
}

static void histogram_add(const rk__reduction_spec *spec, void *state, const char *values, size_t stride,
                          uint64_t count, uint64_t first_index) {
    (void)first_index;
    uint64_t *bins = state;
    for (uint64_t i = 0; i < count; i++) {
        double value = rk__value_f64(spec->type, values + i * stride);
        if (isnan(value))
            bins[NOT_A_NUMBER]++;
        else if (value < spec->lo || value > spec->hi)
            bins[value < spec->lo ? BELOW : ABOVE]++;
        else
            bins[FIRST_BIN + bin_of(spec, value)]++;
    }
}

static void histogram_merge(const rk__reduction_spec *spec, void *into, const void *from) {
    for (uint64_t i = 0; i < FIRST_BIN + spec->bins; i++)
        ((uint64_t *)into)[i] += ((const uint64_t *)from)[i];
}

static rk_status histogram_result(const rk__reduction_spec *spec, const void *state, unsigned field, void *out,
                                  rk_error *err) {
    (void)err;
    const uint64_t *bins = state;
    if (field == 0)
        memcpy(out, bins + FIRST_BIN, (size_t)spec->bins * sizeof *bins);
    else if (field == 1)
        for (uint64_t i = 0; i <= spec->bins; i++)
            memcpy((char *)out + 8 * i, &(double){edge(spec, i)}, 8);
    else
        memcpy(out, bins + (field - 2), sizeof *bins);
    return RK_OK;
}

const rk__operator rk__operator_histogram = {histogram_bytes, histogram_add, histogram_merge, NULL, histogram_result};
