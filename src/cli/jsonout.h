/* What scripts read: every JSON answer is one object with "status" and "exit_code" first. Numbers are numbers (64-bit
 * integers exact), NaN and infinities are null. */
#ifndef RANKINE_JSONOUT_H
#define RANKINE_JSONOUT_H

#include "base/types.h"
#include "run/run.h"

/* Opens the object; "status" is the lower-case name of the exit code: ok, error, usage, tasks_failed, damaged, stopped.
 */
void rk__jsonout_begin(rk__json *json, int exit_code);
/* Closes the object, prints and frees it; returns exit_code, or RK_EXIT_ERROR if it could not be written. */
int rk__jsonout_print(rk__json *json, int exit_code);

/* "error": {code, name, message} */
void rk__jsonout_error(rk__json *json, const rk_error *err);
void rk__jsonout_element(rk__json *json, const char *key, rk_type type, const void *array, uint64_t i);
/* "reductions": {name: {value, type, unit, help}}; arrays are lists, row-major. */
void rk__jsonout_results(rk__json *json, const rk__schema *schema, const void *results);
/* The fields of a summary, and "digest" if `digest` is not NULL. */
void rk__jsonout_summary(rk__json *json, const rk__run_summary *summary, const uint64_t *digest);
/* "digest": "32 hex digits" */
void rk__jsonout_digest(rk__json *json, const uint64_t digest[2]);

#endif
