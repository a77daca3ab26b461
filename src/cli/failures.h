/* Failed tasks for a person: those that say the same are one line. */
#ifndef RANKINE_FAILURES_H
#define RANKINE_FAILURES_H

#include "record/record.h"

typedef struct rk__failure_group {
    uint64_t count, first_task, last_task;
    int32_t code;
    char message[RK__FAILURE_TEXT_MAX]; /* where its numbers differ between tasks: ".." */
} rk__failure_group;

/* The same code and the same words, up to the numbers in them. Sorted by count, then by first task. Caller frees. */
rk_status rk__failures_group(const rk__failure *failures, size_t count, rk__failure_group **out, size_t *groups,
                             rk_error *err);
/* Can the pattern be widened to hold the message too? If so it is. Both have RK__FAILURE_TEXT_MAX bytes at most. */
bool rk__failures_widen(char *pattern, const char *message);
/* A table of the groups, at most `most` of them; `failed`: tasks in all, of which more may have failed than the table
 * of failures holds. Nothing if none failed. */
void rk__failures_print(rk__text *out, const rk__failure *failures, size_t count, uint64_t failed, size_t most);

#endif
