#include <stdlib.h>

#include "channel/channel_private.h"

static size_t index_of(const rk__crowd *crowd, uint32_t endpoint) {
    size_t i = 0;
    while (i < crowd->count && crowd->members[i] != endpoint)
        i++;
    return i;
}

bool rk__crowd_has(const rk__crowd *crowd, uint32_t endpoint) {
    return index_of(crowd, endpoint) < crowd->count;
}

bool rk__crowd_add(rk__crowd *crowd, uint32_t endpoint) {
    if (rk__crowd_has(crowd, endpoint))
        return true;
    if (crowd->count == crowd->capacity) {
        size_t capacity = crowd->capacity > 0 ? crowd->capacity * 2 : 4;
        uint32_t *grown = realloc(crowd->members, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        crowd->members = grown;
        crowd->capacity = capacity;
    }
    crowd->members[crowd->count++] = endpoint;
    return true;
}

bool rk__crowd_remove(rk__crowd *crowd, uint32_t endpoint) {
    size_t i = index_of(crowd, endpoint);
    if (i == crowd->count)
        return false;
    crowd->members[i] = crowd->members[--crowd->count];
    return true;
}

void rk__crowd_fini(rk__crowd *crowd) {
    free(crowd->members);
    *crowd = (rk__crowd){0};
}
