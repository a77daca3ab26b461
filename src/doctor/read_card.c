/* Reading the card of another. */
#include <stdio.h>

#include "doctor/doctor.h"

bool rk__card_is_known(const rk__card *card) {
    return card->magic == RK__CARD_MAGIC && card->version == RK__CARD_VERSION;
}

static bool has_cpu(const rk__card *card, int cpu) {
    return cpu < RK__CPUS_MAX && (card->cpus[cpu / 64] >> (cpu % 64) & 1) != 0;
}

char *rk__cpus_text(const rk__card *card, char *buffer, size_t size) {
    size_t used = 0;
    *buffer = '\0';
    for (int first = 0; first < RK__CPUS_MAX; first++) {
        if (!has_cpu(card, first))
            continue;
        int last = first;
        while (has_cpu(card, last + 1))
            last++;
        const char *comma = used > 0 ? "," : "";
        int wrote = last > first ? snprintf(buffer + used, size - used, "%s%d-%d", comma, first, last)
                                 : snprintf(buffer + used, size - used, "%s%d", comma, first);
        if (wrote < 0 || (size_t)wrote >= size - used)
            break;
        used += (size_t)wrote;
        first = last;
    }
    return buffer;
}
