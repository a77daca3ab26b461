/* Pending futures: a list for each priority that occurs, so that one is added, taken and cancelled in a few steps
 * whatever their number. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

void rk__level_add(rk__level *level, rk__future *future, bool first) {
    future->next = first ? level->first : NULL;
    future->previous = first ? NULL : level->last;
    if (future->next != NULL)
        future->next->previous = future;
    else
        level->last = future;
    if (future->previous != NULL)
        future->previous->next = future;
    else
        level->first = future;
}

void rk__level_remove(rk__level *level, rk__future *future) {
    if (future->next != NULL)
        future->next->previous = future->previous;
    else
        level->last = future->previous;
    if (future->previous != NULL)
        future->previous->next = future->next;
    else
        level->first = future->next;
    future->next = future->previous = NULL;
}

/* The first level that is not below this priority. */
static size_t find(const rk__queue *queue, int32_t priority) {
    size_t low = 0, high = queue->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (queue->levels[middle].priority < priority)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool make_level(rk__queue *queue, size_t at, int32_t priority) {
    if (queue->count == queue->capacity) {
        size_t wanted = queue->capacity == 0 ? 4 : 2 * queue->capacity;
        rk__level *levels = realloc(queue->levels, wanted * sizeof *levels);
        if (levels == NULL)
            return false;
        queue->levels = levels;
        queue->capacity = wanted;
    }
    memmove(&queue->levels[at + 1], &queue->levels[at], (queue->count - at) * sizeof *queue->levels);
    queue->levels[at] = (rk__level){NULL, NULL, priority};
    queue->count++;
    return true;
}

bool rk__queue_add(rk__queue *queue, rk__future *future, bool first) {
    size_t at = find(queue, future->priority);
    if ((at == queue->count || queue->levels[at].priority != future->priority) &&
        !make_level(queue, at, future->priority))
        return false;
    rk__level_add(&queue->levels[at], future, first);
    return true;
}

rk__future *rk__queue_first(const rk__queue *queue) {
    return queue->count > 0 ? queue->levels[queue->count - 1].first : NULL;
}

void rk__queue_remove(rk__queue *queue, rk__future *future) {
    size_t at = find(queue, future->priority);
    rk__level_remove(&queue->levels[at], future);
    if (queue->levels[at].first != NULL)
        return;
    queue->count--;
    memmove(&queue->levels[at], &queue->levels[at + 1], (queue->count - at) * sizeof *queue->levels);
}
