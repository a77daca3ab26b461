/* Rankine: bytes that are handed over, and what the library allocates for its caller. */
#ifndef RANKINE_BYTES_H
#define RANKINE_BYTES_H

#include <stddef.h>
#include <string.h>

#include <rankine/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Some bytes of the caller's, borrowed for the length of a call. data may be NULL if size is 0. */
typedef struct rk_bytes {
    const void *data;
    size_t size;
} rk_bytes;

static inline rk_bytes rk_bytes_of(const void *data, size_t size) {
    rk_bytes bytes;
    bytes.data = data;
    bytes.size = size;
    return bytes;
}

/* A string's bytes, without its end; NULL: none. */
static inline rk_bytes rk_text(const char *text) {
    return rk_bytes_of(text, text != NULL ? strlen(text) : 0);
}

/** Free what a function of Rankine allocated for the caller. NULL is fine. */
RK_EXPORT void rk_free(void *memory);

#ifdef __cplusplus
}
#endif
#endif
