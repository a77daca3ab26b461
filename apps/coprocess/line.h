/* The line that a worker is given for a task. */
#ifndef COPROCESS_LINE_H
#define COPROCESS_LINE_H

#include "parameters.h"
#include "shared.h"

typedef struct line {
    char *data;
    size_t used, room;
    bool failed; /* out of memory */
} line;

/* {"task":7,"seed":...,"attempt":1,"params":{...}}; with "shared":{...} in front of the end if `shared` is not NULL. */
void line_write(line *l, const made *m, const rk_task *task, const void *params, const shared *s);
void line_fini(line *l);

#endif
