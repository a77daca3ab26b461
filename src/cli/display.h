/* What a person reads: values, results of reductions, the summary of a run. Text is made here and printed elsewhere. */
#ifndef RANKINE_DISPLAY_H
#define RANKINE_DISPLAY_H

#include "run/run.h"

enum { RK__DISPLAY_COLUMNS = 80 };

/* Element `i` of an array of a numeric type or RK_BOOL; shortest text that reads back to the same value. Returns
 * buffer. */
char *rk__display_element(rk_type type, const void *array, uint64_t i, char *buffer, size_t size);
/* "1234 tasks", "1 task" */
char *rk__display_number_of(uint64_t count, const char *what, char *buffer, size_t size);
/* Rounded down: 100 only when all is done. */
int rk__display_percent(uint64_t done, uint64_t total);
/* "525", "0.31": of things per second. */
char *rk__display_rate(double rate, char *buffer, size_t size);
/* A path as one would type it here: relative if it lies below the working directory. Borrowed from path. */
const char *rk__display_path(const char *path);
/* "12 MiB", or "8 TiB, 4 MiB of it on disk" for a sparse file; "" if there is no such file. */
char *rk__display_file_size(const char *path, char *buffer, size_t size);

/* A line "  label       text" */
void rk__display_fact(rk__text *out, const char *label, const char *fmt, ...) RK__PRINTF(3, 4);
/* Text cut to `room` columns; counts bytes, but does not split a UTF-8 character. */
void rk__display_cut(rk__text *out, const char *text, size_t room);
/* A line for each result: name, value, unit, meaning, aligned; arrays are cut to the width. `space`, if it is known,
 * says where the tasks lie that results name. */
void rk__display_results(rk__text *out, const rk__schema *schema, const void *results, const rk__space *space);
/* How to open the file in Python. */
void rk__display_python(rk__text *out, const char *path, const rk__schema *schema);
/* `space` as above. How to go on with a run that was stopped is left to the caller. */
void rk__display_summary(rk__text *out, const rk__run_summary *summary, const rk__space *space);
/* The same without times. */
void rk__display_merged(rk__text *out, const rk__run_summary *summary, const rk__space *space);

#endif
