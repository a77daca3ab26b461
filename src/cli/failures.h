/* Failed tasks for a person: those that say the same are one line. */
#ifndef RANKINE_FAILURES_H
#define RANKINE_FAILURES_H

#include "record/record.h"
#include "space/space.h"

enum { RK__FAILURES_FEW = 5 };

typedef struct rk__failure_group {
    uint64_t count, first_task, last_task;
    uint64_t few[RK__FAILURES_FEW]; /* the lowest tasks, ascending */
    int32_t code;
    char pattern[RK__FAILURE_TEXT_MAX]; /* the message; where its numbers differ between tasks: ".." */
    char message[RK__FAILURE_TEXT_MAX]; /* of the first task */
    const char *host;                   /* on which all of them failed; NULL: on several, or not known */
} rk__failure_group;

/* The same code and the same words, up to the numbers in them. Sorted by count, then by first task. Caller frees.
 * hosts: of each failure where it was, or NULL; as a whole NULL: not known. The groups borrow from them. */
rk_status rk__failures_group(const rk__failure *failures, const rk__host *const *hosts, size_t count,
                             rk__failure_group **out, size_t *groups, rk_error *err);
/* Can the pattern be widened to hold the message too? If so it is. Both have RK__FAILURE_TEXT_MAX bytes at most. */
bool rk__failures_widen(char *pattern, const char *message);
typedef struct rk__failures_view {
    const rk__space *space;       /* says where a task lies; NULL: not known */
    const rk__host *const *hosts; /* of each failure; NULL: not known */
    uint64_t failed;              /* tasks in all: more may have failed than are listed */
    size_t most;                  /* groups to show */
    int columns;                  /* lines are cut there; 0: not at all */
    bool brief;                   /* nothing is said of --json */
} rk__failures_view;
/* For each group how many, the first task and where it lies, and what it says. Nothing if none failed. */
void rk__failures_print(rk__text *out, const rk__failure *failures, size_t count, const rk__failures_view *view);

#endif
