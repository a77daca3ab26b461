/* Where kernels, and the headers to build them with, are looked for. */
#ifndef RANKINE_SEARCH_H
#define RANKINE_SEARCH_H

#include "kernel/loader.h"

enum { RK__SEARCH_MAX = 32 };

typedef struct rk__search {
    char *directories[RK__SEARCH_MAX]; /* in order; they need not exist */
    size_t count;
} rk__search;

void rk__search_init(rk__search *search);
void rk__search_fini(rk__search *search);
/* Absolute path of NAME.so in the first directory that has it; caller frees; NULL: in none. */
char *rk__search_find(const rk__search *search, const char *name);
/* Absolute path of the running binary; caller frees; NULL if it cannot be told. */
char *rk__search_binary(void);
/* Absolute path of the directory that has rankine/kernel.h and the others: beside the running binary or where Rankine
 * was installed; caller frees; NULL: in neither. */
char *rk__search_include(void);

#endif
