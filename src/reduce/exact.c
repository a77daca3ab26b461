#include "reduce/reduce.h"

#include <math.h>
#include <string.h>

#include "reduce/limbs.h"

enum { PLUS_INF = 1, MINUS_INF = 2, SEEN_NAN = 4, SEEN_VALUE = 8, SEEN_MINUS_ZERO = 16 };

/* One addition changes a chunk by less than 2^33; so many fit a signed 64-bit chunk with room for a merge. */
enum { ADDS_MAX = 1 << 28 };

static const uint64_t LOW = UINT32_MAX;

static uint64_t bits_of(double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static double canonical_nan(void) {
    uint64_t bits = UINT64_C(0x7ff8000000000000);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* value = (-1)^sign * mantissa * 2^(position - 1074); not for Inf and NaN. */
static uint64_t mantissa_of(uint64_t bits, unsigned *position) {
    unsigned exponent = (unsigned)(bits >> 52) & 0x7ff;
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    *position = exponent ? exponent - 1 : 0;
    return exponent ? fraction | UINT64_C(1) << 52 : fraction;
}

/* chunks += sign * value * 2^position; sign is 0 (plus) or -1 (minus). */
static inline void add_at(int64_t *chunks, unsigned position, uint64_t value, int64_t sign) {
    int64_t *chunk = chunks + position / 32;
    unsigned shift = position % 32;
    uint64_t low = (value & LOW) << shift, high = (value >> 32) << shift;
    chunk[0] += ((int64_t)(low & LOW) ^ sign) - sign;
    chunk[1] += ((int64_t)((low >> 32) + (high & LOW)) ^ sign) - sign;
    chunk[2] += ((int64_t)(high >> 32) ^ sign) - sign;
}

static void propagate(int64_t *chunks, size_t count) {
    for (size_t i = 0; i + 1 < count; i++) {
        int64_t low = (int64_t)((uint64_t)chunks[i] & LOW);
        chunks[i + 1] += (chunks[i] - low) / ((int64_t)1 << 32);
        chunks[i] = low;
    }
}

void rk__exact_normalise(rk__exact *sum) {
    propagate(sum->chunk, RK__EXACT_CHUNKS);
    sum->adds = 0;
}

void rk__wide_normalise(rk__wide *sum) {
    propagate(sum->chunk, RK__WIDE_CHUNKS);
    sum->adds = 0;
}

static void add_special(rk__exact *sum, uint64_t bits) {
    bool nan = bits & ((UINT64_C(1) << 52) - 1);
    sum->special |= SEEN_VALUE | (nan ? SEEN_NAN : bits >> 63 ? MINUS_INF : PLUS_INF);
}

void rk__exact_add(rk__exact *sum, double value) {
    uint64_t bits = bits_of(value);
    unsigned position;
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        add_special(sum, bits);
        return;
    }
    uint64_t mantissa = mantissa_of(bits, &position);
    sum->special |= bits == UINT64_C(1) << 63 ? SEEN_MINUS_ZERO : SEEN_VALUE;
    add_at(sum->chunk, position, mantissa, -(int64_t)(bits >> 63));
    if (++sum->adds >= ADDS_MAX)
        rk__exact_normalise(sum);
}

void rk__exact_add_many(rk__exact *sum, const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        rk__exact_add(sum, values[i]);
}

void rk__exact_merge(rk__exact *into, const rk__exact *from) {
    for (size_t i = 0; i < RK__EXACT_CHUNKS; i++)
        into->chunk[i] += from->chunk[i];
    into->special |= from->special;
    into->adds += from->adds + 1;
    if (into->adds >= ADDS_MAX)
        rk__exact_normalise(into);
}

void rk__wide_add_square(rk__wide *sum, double value) {
    uint64_t bits = bits_of(value);
    unsigned position;
    if ((bits >> 52 & 0x7ff) == 0x7ff) {
        sum->special |= bits & ((UINT64_C(1) << 52) - 1) ? SEEN_NAN : PLUS_INF;
        return;
    }
    uint64_t mantissa = mantissa_of(bits, &position), low = mantissa & LOW, high = mantissa >> 32;
    add_at(sum->chunk, 2 * position, low * low, 0);
    add_at(sum->chunk, 2 * position + 33, low * high, 0);
    add_at(sum->chunk, 2 * position + 64, high * high, 0);
    if (++sum->adds >= ADDS_MAX)
        rk__wide_normalise(sum);
}

void rk__wide_merge(rk__wide *into, const rk__wide *from) {
    for (size_t i = 0; i < RK__WIDE_CHUNKS; i++)
        into->chunk[i] += from->chunk[i];
    into->special |= from->special;
    into->adds += from->adds + 1;
    if (into->adds >= ADDS_MAX)
        rk__wide_normalise(into);
}

/* Magnitude of a sum as limbs; returns whether it is negative. The last chunk takes two limbs. */
static bool magnitude(const int64_t *chunks, size_t count, uint32_t *limbs, int64_t *work) {
    memcpy(work, chunks, count * sizeof *work);
    propagate(work, count);
    bool negative = work[count - 1] < 0;
    for (size_t i = 0; negative && i < count; i++)
        work[i] = -work[i];
    if (negative)
        propagate(work, count);
    for (size_t i = 0; i < count; i++)
        limbs[i] = (uint32_t)work[i];
    limbs[count] = (uint32_t)(work[count - 1] >> 32);
    return negative;
}

/* What infinities and NaNs make of a sum; false: nothing, it is finite. */
static bool is_special(unsigned special, double *value) {
    unsigned both = PLUS_INF | MINUS_INF;
    if ((special & SEEN_NAN) || (special & both) == both)
        *value = canonical_nan();
    else if (special & both)
        *value = special & PLUS_INF ? HUGE_VAL : -HUGE_VAL;
    else
        return false;
    return true;
}

/* FRACTION limbs of zeros below the sum leave a quotient by any 64-bit number enough bits. */
enum { FRACTION = 5, EXACT_LIMBS = RK__EXACT_CHUNKS + 1 };

double rk__exact_mean(const rk__exact *sum, uint64_t count) {
    uint32_t limbs[FRACTION + EXACT_LIMBS] = {0};
    int64_t work[RK__EXACT_CHUNKS];
    double value;
    if (is_special(sum->special, &value))
        return value;
    bool negative = magnitude(sum->chunk, RK__EXACT_CHUNKS, limbs + FRACTION, work);
    bool sticky = rk__limbs_divide(limbs, FRACTION + EXACT_LIMBS, count);
    value = rk__limbs_round(limbs, FRACTION + EXACT_LIMBS, -1074 - 32 * FRACTION, sticky);
    bool minus_zero = (sum->special & SEEN_MINUS_ZERO) && !(sum->special & SEEN_VALUE);
    return negative || minus_zero ? -value : value;
}

double rk__exact_round(const rk__exact *sum) {
    return rk__exact_mean(sum, 1);
}

double rk__exact_variance(const rk__exact *sum, const rk__wide *squares, uint64_t count) {
    enum { WIDE_LIMBS = 2 * EXACT_LIMBS + 8, ALL = FRACTION + WIDE_LIMBS };
    uint32_t limbs[ALL] = {0}, square[WIDE_LIMBS] = {0}, total[EXACT_LIMBS];
    int64_t work[RK__WIDE_CHUNKS];
    if (squares->special != 0 || (sum->special & (PLUS_INF | MINUS_INF | SEEN_NAN)))
        return canonical_nan();
    magnitude(sum->chunk, RK__EXACT_CHUNKS, total, work);
    rk__limbs_square(total, EXACT_LIMBS, square);
    magnitude(squares->chunk, RK__WIDE_CHUNKS, limbs + FRACTION, work);
    rk__limbs_multiply(limbs + FRACTION, WIDE_LIMBS, count);
    rk__limbs_subtract(limbs + FRACTION, square, WIDE_LIMBS);
    bool sticky = rk__limbs_divide(limbs, ALL, count);
    sticky = rk__limbs_divide(limbs, ALL, count) || sticky;
    return rk__limbs_round(limbs, ALL, -2148 - 32 * FRACTION, sticky);
}
