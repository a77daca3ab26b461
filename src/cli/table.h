/* A table for a person: columns as wide as their widest cell, the last one wrapped to the width of the screen. */
#ifndef RANKINE_TABLE_H
#define RANKINE_TABLE_H

#include "base/base.h"

enum { RK__TABLE_COLUMNS_MAX = 8 };

typedef struct rk__table {
    size_t columns, rows, capacity;
    char **cells; /* [rows * columns], owned */
    bool failed;  /* no memory: rows are missing */
} rk__table;

/* The first row given is the heading. */
void rk__table_init(rk__table *table, size_t columns);
/* `columns` texts, copied; NULL is an empty cell. */
void rk__table_row(rk__table *table, const char *const *cells);
/* Indented by two; nothing if there is only a heading. Frees the table. */
void rk__table_print(rk__table *table, rk__text *out);

/* Text in words, broken so that no line passes `width` columns; the first line begins at column `at`, the others at
 * `indent`. Ends with a newline. */
void rk__table_wrap(rk__text *out, const char *text, size_t at, size_t indent, size_t width);

#endif
