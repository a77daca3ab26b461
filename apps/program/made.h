/* apps/program: what the kernels `command` and `coprocess` share, which run programs.
 *
 *     made         a description that was made of what the user set, and what it owns
 *     parameters   parameters and outputs that the user names, and their values as text
 *     template     a command line with placeholders
 *     lookup       is its program there?
 *     shell_word   what only a shell understands of it
 *     meant        slips of the pen in names
 *     results      a program's JSON into typed outputs
 *     message      words and environment of a program that is to be started
 *     spawner      the process that starts programs for a thread of the rank
 *     spawn_main   the same, from inside
 *     relay        what a program writes to standard error, passed on
 *     last_line    what of that belongs into a message
 *
 * A kernel's functions are given no pointer of their own: the description that was made last is the one that runs. It
 * is written before the first task, and only read from then on. */
#ifndef PROGRAM_MADE_H
#define PROGRAM_MADE_H

#include <rankine/kernel.h>

typedef struct made {
    rk_kernel kernel;
    size_t own_params, own_outputs; /* those behind them are the user's */
    size_t params_size, result_size;
    const void *recipe; /* what the kernel needs to know at run time */
    struct made_piece *pieces;
    struct made *before;
} made;

/* A copy of `base`; NULL without memory. Either made_end or made_drop comes next. */
made *made_begin(const rk_kernel *base, size_t params_size, size_t result_size);
/* Zeroed; lives as long as the description. NULL without memory. */
void *made_alloc(made *m, size_t size);
char *made_text(made *m, const char *text, size_t length);
/* From now on it is the one that runs. */
const rk_kernel *made_end(made *m);
void made_drop(made *m);
const made *made_current(void);

#endif
