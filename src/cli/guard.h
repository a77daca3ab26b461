/* A kernel that calls exit() must not look like a command that ended well. Tasks that do are told by src/run; here is
 * what remains: loading a kernel, its plan, its end, threads of its own. _exit() cannot be caught. */
#ifndef RANKINE_GUARD_H
#define RANKINE_GUARD_H

typedef enum rk__guard_stage {
    RK__GUARD_NONE,    /* whoever calls exit() may */
    RK__GUARD_COMMAND, /* nothing was computed: the process ends with RK_EXIT_ERROR */
    RK__GUARD_RUN      /* there may be a file to go on with: RK_EXIT_STOPPED */
} rk__guard_stage;

/* For this process, not for those that it forks. */
void rk__guard_set(rk__guard_stage stage);

#endif
