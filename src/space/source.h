/* A data set of an HDF5 file opened for reading, and clear words for what can be wrong with it.
 *
 * HDF5 prints its own errors unless told not to: whoever calls in here from outside does so between rk__source_quiet
 * and rk__source_loud. File locking is off, so that a file that somebody else holds open can be read. */
#ifndef RANKINE_SOURCE_H
#define RANKINE_SOURCE_H

#include <hdf5.h>

#include "base/base.h"

typedef struct rk__source {
    hid_t file, dataset;
} rk__source;
#define RK__SOURCE_INIT                                                                                                \
    { H5I_INVALID_HID, H5I_INVALID_HID }

typedef struct rk__source_errors { /* what HDF5 would do with an error */
    H5E_auto2_t print;
    void *data;
} rk__source_errors;
rk__source_errors rk__source_quiet(void);
void rk__source_loud(rk__source_errors errors);

/* RK_ENOENT, RK_EFORMAT, RK_EIO, RK_EINVAL; messages begin with "input 'PATH': ". Nothing is held on failure. */
rk_status rk__source_open(rk__source *out, const char *path, const char *dataset, rk_error *err);
/* Close the data set and open it again with a chunk cache for walking rows. */
rk_status rk__source_set_cache(rk__source *source, const char *dataset, rk_error *err);
void rk__source_close(rk__source *source);
/* What is in a file, for messages: "it has /ROSE, /ETOPO60X, …"; "" if it can't be opened. */
void rk__source_list(const char *path, char *buffer, size_t size);
/* The innermost message of the last failed HDF5 call. */
void rk__source_reason(char *buffer, size_t size);

/* A string attribute, to be freed; NULL if it is absent or no single string. */
char *rk__source_text(hid_t object, const char *name);
/* Append the numbers of attribute `name` to values[*count], at most `max` in all; absent is none. False: there is such
 * an attribute, but it is no number, or has too many. */
bool rk__source_numbers(hid_t object, const char *name, double *values, size_t max, size_t *count);

#endif
