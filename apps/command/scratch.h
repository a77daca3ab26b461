/* A directory for one task. */
#ifndef COMMAND_SCRATCH_H
#define COMMAND_SCRATCH_H

#include <stdbool.h>
#include <stdint.h>

enum { SCRATCH_PATH_MAX = 1024 };

/* Below TMPDIR, or /tmp; its name has the task's number. False: errno says why. */
bool scratch_make(char path[SCRATCH_PATH_MAX], uint64_t task);
/* With all that is in it; symbolic links are removed, not followed. */
void scratch_remove(const char *path);

#endif
