#include "reduce/limbs.h"

#include <math.h>
#include <string.h>

bool rk__limbs_divide(uint32_t *limbs, size_t count, uint64_t divisor) {
    uint64_t rest = 0;
    for (size_t i = count; i-- > 0;) {
        uint32_t quotient = 0;
        for (int bit = 31; bit >= 0; bit--) {
            bool carry = rest >> 63;
            rest = rest << 1 | (limbs[i] >> bit & 1);
            if (carry || rest >= divisor) {
                rest -= divisor;
                quotient |= UINT32_C(1) << bit;
            }
        }
        limbs[i] = quotient;
    }
    return rest != 0;
}

static void multiply_u32(uint32_t *limbs, size_t count, uint32_t factor, const uint32_t *add) {
    uint64_t carry = 0;
    for (size_t i = 0; i < count; i++) {
        carry += (uint64_t)limbs[i] * factor + (add != NULL && i > 0 ? add[i - 1] : 0);
        limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

void rk__limbs_multiply(uint32_t *limbs, size_t count, uint64_t factor) {
    uint32_t high[512];
    memcpy(high, limbs, count * sizeof *limbs);
    multiply_u32(high, count, (uint32_t)(factor >> 32), NULL);
    multiply_u32(limbs, count, (uint32_t)factor, high);
}

void rk__limbs_subtract(uint32_t *a, const uint32_t *b, size_t count) {
    uint64_t borrow = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t difference = (uint64_t)a[i] - b[i] - borrow;
        a[i] = (uint32_t)difference;
        borrow = difference >> 63;
    }
}

void rk__limbs_square(const uint32_t *a, size_t count, uint32_t *out) {
    memset(out, 0, 2 * count * sizeof *out);
    for (size_t i = 0; i < count; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; j < count; j++) {
            carry += (uint64_t)a[i] * a[j] + out[i + j];
            out[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        out[i + count] = (uint32_t)carry;
    }
}

static uint64_t bit_at(const uint32_t *limbs, size_t bit) {
    return limbs[bit / 32] >> bit % 32 & 1;
}

static bool any_below(const uint32_t *limbs, size_t bit) {
    for (size_t i = 0; i < bit / 32; i++)
        if (limbs[i] != 0)
            return true;
    return bit % 32 != 0 && (limbs[bit / 32] & ((UINT32_C(1) << bit % 32) - 1)) != 0;
}

static size_t bit_length(const uint32_t *limbs, size_t count) {
    while (count > 0 && limbs[count - 1] == 0)
        count--;
    size_t bits = 32 * count;
    while (bits > 0 && !bit_at(limbs, bits - 1))
        bits--;
    return bits;
}

double rk__limbs_round(const uint32_t *limbs, size_t count, int exponent, bool sticky) {
    size_t bits = bit_length(limbs, count), cut = bits > 53 ? bits - 53 : 0;
    /* Subnormal results have fewer bits: nothing below 2^-1074 may stay. */
    if ((long)cut + exponent < -1074)
        cut = (size_t)(-1074 - exponent);
    uint64_t mantissa = 0;
    for (size_t bit = bits; bit > cut; bit--)
        mantissa = mantissa << 1 | bit_at(limbs, bit - 1);
    if (cut > 0 && cut <= bits) {
        bool half = bit_at(limbs, cut - 1), below = sticky || any_below(limbs, cut - 1);
        mantissa += half && (below || (mantissa & 1));
    }
    return ldexp((double)mantissa, (int)cut + exponent);
}
