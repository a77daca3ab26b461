/* --tasks-from FILE: a line per task. It is the setting line=@FILE of the kernel; what is no regular file (standard
 * input, a pipe) can be read only once, and only here: it becomes a temporary file, which the ranks are given in its
 * place. */
#ifndef RANKINE_TASKS_FROM_H
#define RANKINE_TASKS_FROM_H

#include "cli/cli.h"

typedef struct rk__tasks_from {
    char *spooled; /* path of the temporary file; NULL: there is none */
    char *setting, *option;
} rk__tasks_from;

/* Appends the setting to the words, and changes the words that the ranks are given. RK_EINVAL, RK_EIO. Both own what
 * they point at until fini, which removes the file. */
rk_status rk__tasks_from_take(rk__cli *cli, rk__tasks_from *out, rk_error *err);
void rk__tasks_from_fini(rk__tasks_from *tasks);

#endif
