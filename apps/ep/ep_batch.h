/* The work of NAS EP, free of Rankine: a batch of 2^16 pairs of one long random sequence. */
#ifndef EP_BATCH_H
#define EP_BATCH_H

#include <stdint.h>

enum { EP_ANNULI = 10, EP_BATCH_LOG2 = 16 };

typedef struct ep_sums {
    double sx, sy;              /* sums of the Gaussian deviates */
    uint64_t counts[EP_ANNULI]; /* of pairs with max(|X|, |Y|) in [l, l+1) */
    uint64_t pairs;             /* that were accepted */
} ep_sums;

/* Batch number `batch` (from 0). Depends on nothing else. */
void ep_batch(uint64_t batch, ep_sums *out);

#endif
