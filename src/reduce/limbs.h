/* Unsigned integers of many 32-bit limbs, lowest first: just what exact sums need to be rounded, divided and squared
 * once at the end. Speed is no concern here. */
#ifndef RANKINE_LIMBS_H
#define RANKINE_LIMBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* limbs /= divisor (not 0); true if there was a remainder. */
bool rk__limbs_divide(uint32_t *limbs, size_t count, uint64_t divisor);
/* limbs *= factor; the product must fit. */
void rk__limbs_multiply(uint32_t *limbs, size_t count, uint64_t factor);
/* a -= b; a >= b. Both of `count` limbs. */
void rk__limbs_subtract(uint32_t *a, const uint32_t *b, size_t count);
/* out[2*count] = a * a. */
void rk__limbs_square(const uint32_t *a, size_t count, uint32_t *out);
/* (limbs + something in (0,1) if `sticky`) * 2^exponent, rounded to nearest, ties to even; overflow gives infinity. */
double rk__limbs_round(const uint32_t *limbs, size_t count, int exponent, bool sticky);

#endif
