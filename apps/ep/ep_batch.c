#include "ep_batch.h"

#include <math.h>

/* x <- a x mod 2^46. 2^46 divides 2^64, so that products may wrap around. */
static const uint64_t MODULUS_MASK = (UINT64_C(1) << 46) - 1, MULTIPLIER = UINT64_C(1220703125),
                      SEED = UINT64_C(271828183);

/* The element that comes `steps` after x. */
static uint64_t jump(uint64_t x, uint64_t steps) {
    for (uint64_t power = MULTIPLIER; steps != 0; steps >>= 1, power *= power)
        if (steps & 1)
            x *= power;
    return x & MODULUS_MASK;
}

static double uniform(uint64_t x) {
    return 2 * (0x1p-46 * (double)(int64_t)x) - 1;
}

enum { CHUNK = 1024 };

/* Acceptance by the polar method; the deviates of accepted pairs only, whose logarithms are what the time goes to. */
static void take_pairs(const double *u, ep_sums *sums) {
    for (int i = 0; i < CHUNK; i++) {
        double x = u[2 * i], y = u[2 * i + 1], t = x * x + y * y;
        if (t > 1)
            continue;
        double scale = sqrt(-2 * log(t) / t), gx = x * scale, gy = y * scale;
        double largest = fabs(gx) > fabs(gy) ? fabs(gx) : fabs(gy);
        sums->counts[(int)largest]++;
        sums->sx += gx;
        sums->sy += gy;
        sums->pairs++;
    }
}

void ep_batch(uint64_t batch, ep_sums *out) {
    const uint64_t pairs = UINT64_C(1) << EP_BATCH_LOG2;
    uint64_t x = jump(SEED, batch * 2 * pairs);
    double u[2 * CHUNK];
    *out = (ep_sums){0};
    for (uint64_t done = 0; done < pairs; done += CHUNK) {
        for (int i = 0; i < 2 * CHUNK; i++) {
            x = MULTIPLIER * x & MODULUS_MASK;
            u[i] = uniform(x);
        }
        take_pairs(u, out);
    }
}
