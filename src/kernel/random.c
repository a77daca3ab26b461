#include <Random123/philox.h>

#include "kernel/loader.h"

void rk__philox(const uint64_t key[2], const uint64_t counter[4], uint64_t out[4]) {
    philox4x64_ctr_t c = {{counter[0], counter[1], counter[2], counter[3]}};
    philox4x64_key_t k = {{key[0], key[1]}};
    philox4x64_ctr_t r = philox4x64_R(10, c, k);
    for (unsigned i = 0; i < 4; i++)
        out[i] = r.v[i];
}
