/* A program's JSON into the outputs that the user named. */
#ifndef PROGRAM_RESULTS_H
#define PROGRAM_RESULTS_H

#include "parameters.h"

struct json_t;

/* The last whole JSON object in a text; NULL: there is none. The caller's to release. */
struct json_t *results_find(const char *text, size_t length);
/* Each output from the field of its name. RK_OK, or the task has failed. */
int results_take(const made *m, rk_task *task, const struct json_t *object, const void *params, void *result);

#endif
