/* apps/command: a program per task.
 *
 *     command    the description, made of what the user set       stream     what a program writes
 *     task       one task: start, collect, tell                   scratch    a directory for a task
 */
#ifndef COMMAND_H
#define COMMAND_H

#include "parameters.h"
#include "template.h"

typedef struct command_params {
    const char *cmd, *input, *capture, *outputs;
    bool sh, keep;
} command_params;

typedef struct command_result {
    int32_t exit_code, signal;
    double wall_seconds, cpu_seconds;
    uint64_t max_rss_bytes, stdout_bytes, stderr_bytes;
} command_result;

/* Numbers of the outputs that a task emits. */
enum { COMMAND_STDOUT = 7, COMMAND_STDERR = 8 };

/* What a task needs to know, made of the settings. */
typedef struct command_recipe {
    template words, input;
    int line;       /* number of the parameter that is a shell's program itself; -1: `words` are what is run */
    size_t capture; /* bytes of each stream; 0: none are recorded */
    bool has_input, keep, has_outputs;
} command_recipe;

int command_task(rk_task *task, const void *params, void *result);
/* The process is done with the kernel. */
void command_end(void);

#endif
