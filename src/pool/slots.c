/* A serial number is a count of all that were ever given, and the place: the place finds it, the count tells it from
 * what stood there before. */
#include <stdlib.h>

#include "pool/pool_private.h"

#define NUMBER_BITS 24

uint32_t rk__slot_number(uint64_t serial) {
    return (uint32_t)(serial & ((UINT64_C(1) << NUMBER_BITS) - 1));
}

static bool grow(rk__slots *slots) {
    if (slots->used < slots->capacity)
        return true;
    if (slots->capacity == UINT32_C(1) << NUMBER_BITS)
        return false;
    uint32_t wanted = slots->capacity == 0 ? 16 : 2 * slots->capacity;
    rk__slot *list = realloc(slots->list, wanted * sizeof *list);
    if (list == NULL)
        return false;
    slots->list = list;
    slots->capacity = wanted;
    return true;
}

uint64_t rk__slots_add(rk__slots *slots, void *item) {
    uint32_t number;
    if (slots->free != 0) {
        number = slots->free - 1;
        slots->free = (uint32_t)slots->list[number].serial;
    } else {
        if (!grow(slots))
            return 0;
        number = slots->used++;
    }
    slots->list[number] = (rk__slot){item, ++slots->given << NUMBER_BITS | number};
    return slots->list[number].serial;
}

void *rk__slots_at(const rk__slots *slots, uint32_t number) {
    return number < slots->used ? slots->list[number].item : NULL;
}

void *rk__slots_find(const rk__slots *slots, uint64_t serial) {
    uint32_t number = rk__slot_number(serial);
    return number < slots->used && slots->list[number].serial == serial ? slots->list[number].item : NULL;
}

void rk__slots_remove(rk__slots *slots, uint64_t serial) {
    uint32_t number = rk__slot_number(serial);
    slots->list[number] = (rk__slot){NULL, slots->free};
    slots->free = number + 1;
}

void rk__slots_fini(rk__slots *slots) {
    free(slots->list);
    *slots = (rk__slots){NULL, 0, 0, 0, 0};
}
