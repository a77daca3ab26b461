/* A program's JSON into the outputs that the user named. */
#ifndef PROGRAM_RESULTS_H
#define PROGRAM_RESULTS_H

#include "parameters.h"

struct json_t;

/* The last whole JSON object in a text; NULL: there is none. The caller's to release. */
struct json_t *results_find(const char *text, size_t length);
/* Memory that the program writes rows to, each output at a place of its own. */
typedef struct results_shared {
    const char *bytes; /* NULL: there is none */
    size_t at[RK_OUTPUTS_MAX];
} results_shared;

/* Bytes of a row, or of a scalar. */
size_t results_bytes(const made *m, const rk_output *output, const void *params);
/* Each output from the field of its name. RK_OK, or the task has failed. `shared` may be NULL. */
int results_take(const made *m, rk_task *task, const struct json_t *object, const void *params, void *result,
                 const results_shared *shared);

#endif
