/* A worker: a process that is given a line for each task and answers with one.
 *
 *     absent ──a task──> starting ──first answer──> working ──a task──> working
 *        └──────<──ended, or wrote what it should not──<──┘
 *
 * A worker that ends without having read a task, or whose first words are no answer, will do so again: after
 * WORKER_STARTS_MAX of them in a row, and no answer in between, no other is started and all tasks fail with its
 * message. */
#ifndef COPROCESS_WORKER_H
#define COPROCESS_WORKER_H

#include "line.h"
#include "spawner.h"
#include "template.h"

enum {
    WORKER_STARTS_MAX = 3,
    WORKER_TEXT_MAX = 300,
    WORKER_FAILED = 70 /* the code of its task then: EX_SOFTWARE of sysexits.h */
};

typedef struct worker {
    spawner spawner;
    message message;
    int to, from; /* its standard input and output; -1: there is no worker */
    bool has_answered;
    unsigned bad_starts;
    char why[WORKER_TEXT_MAX]; /* the last bad start */
    line line;
    shared shared;
    char *answer; /* what it has written since its task was sent */
    size_t used, room;
    size_t written; /* of the line */
} worker;

#define WORKER_INIT                                                                                                    \
    {                                                                                                                  \
        .to = -1, .from = -1, .shared = {.descriptor = -1 }                                                            \
    }

typedef struct worker_task {
    const made *made;
    const template *words;
    rk_task *task;
    const void *params;
    size_t answer_max; /* bytes of the longest sound answer */
} worker_task;

/* Sends a task and waits for the answer: a line of *length bytes, borrowed until the next call. NULL: the task has
 * failed. */
const char *worker_ask(worker *w, const worker_task *t, size_t *length);
/* The answer was none after all: the worker is ended, and the task fails with `why`. */
int worker_refuse(worker *w, rk_task *task, const char *why);
/* It is told to end: its standard input is closed. */
void worker_dismiss(worker *w);
/* It has `milliseconds` for that; then it is killed. */
void worker_end(worker *w, int milliseconds);

#endif
