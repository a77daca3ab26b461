/* Memory that a worker may write its rows to, instead of sending them. It has a path that the worker opens, and nothing
 * of it is left behind when the rank is killed: on Linux it has no name but that of the rank's descriptor. */
#ifndef COPROCESS_SHARED_H
#define COPROCESS_SHARED_H

#include "results.h"

typedef struct shared {
    int descriptor; /* -1: there is none */
    char path[256];
    size_t size;
    results_shared results;
} shared;

/* Room for a row of each output that is an array. False: there are none, or it cannot be had. */
bool shared_create(shared *s, const made *m, const void *params);
/* The worker has opened it: what still has a name elsewhere loses it. */
void shared_hide(shared *s);
void shared_destroy(shared *s);

#endif
