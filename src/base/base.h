/* src/base: what every other room stands on: errors, checked arithmetic, clocks, processes, text.
 *
 * Nothing here knows of MPI, HDF5 or a run. Private to the library. */
#ifndef RANKINE_BASE_H
#define RANKINE_BASE_H

#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rankine/status.h>

#if defined(__GNUC__) || defined(__clang__)
#define RK__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define RK__PRINTF(fmt, args)
#endif

/* ---- errors ---- */

/* Set *err (if not NULL) and return `code`; for `return rk__fail(err, RK_EINVAL, "axis '%s': step 0", name)`. */
rk_status rk__fail(rk_error *err, rk_status code, const char *fmt, ...) RK__PRINTF(3, 4);
/* Put text in front of a message that is there already; returns err->code. */
rk_status rk__prefix(rk_error *err, const char *fmt, ...) RK__PRINTF(2, 3);
/* In a public function: what the caller has to give is not NULL; a number of bytes, or items, at NULL only if it is 0.
 */
#define RK__NEED(pointer, err)                                                                                         \
    do {                                                                                                               \
        if ((pointer) == NULL)                                                                                         \
            return rk__fail((err), RK_EINVAL, "%s: %s is NULL", __func__, #pointer);                                   \
    } while (0)
#define RK__NEED_BYTES(pointer, size, err)                                                                             \
    do {                                                                                                               \
        if ((pointer) == NULL && (size) > 0)                                                                           \
            return rk__fail((err), RK_EINVAL, "%s: %s is NULL, and %s %zu", __func__, #pointer, #size,                 \
                            (size_t)(size));                                                                           \
    } while (0)
void rk__error_clear(rk_error *err);
/* strerror_r into a static-size thread-local buffer: usable inside a format's arguments. */
const char *rk__errno_text(int errnum);

/* ---- checked arithmetic: true and *out set, or false and *out untouched ---- */
bool rk__add_u64(uint64_t a, uint64_t b, uint64_t *out);
bool rk__mul_u64(uint64_t a, uint64_t b, uint64_t *out);

/* ---- clocks ---- */
uint64_t rk__clock_ns(void);    /* monotonic */
uint64_t rk__wall_ns(void);     /* since 1970-01-01 UTC */
void rk__sleep_ns(uint64_t ns); /* at least that long unless a signal comes */
/* "2026-11-21T10:00:00Z" of a wall clock; buffer of at least 32 bytes. */
void rk__wall_text(uint64_t wall_ns, char *buffer, size_t size);

/* Is there a process of this number, also another user's? One that has ended, and that its parent has not yet looked
 * at, is as dead as any. */
bool rk__is_alive(long pid);
/* What Linux tells of a process; false: it is not there, or there is no /proc. */
typedef struct rk__process_facts {
    long pid, parent, group;
    char state;
} rk__process_facts;
bool rk__process_look(long pid, rk__process_facts *out);
/* Its parent has not yet looked at it. */
bool rk__process_has_ended(const rk__process_facts *process);

/* ---- growing text: for messages, JSON, canonical descriptions ---- */
typedef struct rk__text {
    char *data; /* NUL-terminated, or NULL while empty */
    size_t length;
    size_t capacity;
    bool failed; /* an allocation failed: everything after it is dropped */
} rk__text;
#define RK__TEXT_INIT                                                                                                  \
    { 0 }
void rk__text_add(rk__text *text, const char *fmt, ...) RK__PRINTF(2, 3);
void rk__text_add_bytes(rk__text *text, const char *bytes, size_t length);
const char *rk__text_get(const rk__text *text); /* "" while empty; borrowed */
void rk__text_fini(rk__text *text);

/* ---- numbers as text ---- */
/* Whole-string conversions; on failure false and *out untouched. Accept a leading sign, decimal or 0x; u64 refuses '-'.
 * f64 takes anything strtod takes in the C locale, NaN and Inf included: the caller decides on those. */
bool rk__parse_i64(const char *text, int64_t *out);
bool rk__parse_u64(const char *text, uint64_t *out);
bool rk__parse_f64(const char *text, double *out);
/* "512M", "1.5 GiB", "4096": bytes, with K, M, G, T meaning powers of 1024. */
bool rk__parse_bytes(const char *text, uint64_t *out);
/* As u64, and also "1e6", as long as a double holds it exactly. */
bool rk__parse_count(const char *text, uint64_t *out);
/* Shortest decimal that reads back to the same bits ("0.1", "28", "nan"); buffer of at least 32 bytes. Returns buffer.
 */
char *rk__format_f64(double value, char *buffer, size_t size);
/* "1.5 GiB", "12 MiB"; "1.2e9"-like counts with suffix k, M, G; "3.2 s", "4 min 10 s", "2 d 3 h". */
char *rk__format_bytes(uint64_t bytes, char *buffer, size_t size);
char *rk__format_count(double count, char *buffer, size_t size);
/* "RK_EIO: input or output failed"; of what is no rk_status its number. */
char *rk__format_status(rk_status status, char *buffer, size_t size);
char *rk__format_seconds(double seconds, char *buffer, size_t size);

/* ---- slips of the pen ---- */
/* The candidate with the fewest edits from `word`, if they are few enough to be a slip of the pen; else NULL. One that
 * begins with the whole word, of three letters or more, is an edit away. Borrowed. */
const char *rk__nearest(const char *word, const char *const *candidates, size_t count);

/* ---- memory ---- */
/* calloc with a checked product and an error that says how much and what for. */
rk_status rk__alloc(void **out, size_t count, size_t size, const char *what, rk_error *err);
char *rk__strdup(const char *text); /* NULL for NULL */

/* ---- stacks ---- */
/* A thread for functions of the user's: its stack has the size of the user's limit (ulimit -s), 64 MiB if that is none.
 * What pthread_create returns. */
int rk__thread_start(pthread_t *thread, bool detached, void *(*body)(void *ctx), void *ctx);
/* Of the calling thread: handlers with SA_ONSTACK run on a stack of their own from now on, so that an overflow can be
 * told. One that is there already stays. */
rk_status rk__stack_watch(rk_error *err);
void rk__stack_unwatch(void);
/* In a handler: is this address of the stack, which was not to be had, where it would grow to? Of a thread that is
 * watched. */
bool rk__stack_holds(uintptr_t address);

/* ---- JSON output: a writer only. Numbers that JSON has no word for (NaN, Inf) become null. ---- */
typedef struct rk__json {
    rk__text text;
    unsigned depth;
    bool comma[32];
    bool compact; /* all on one line */
} rk__json;
void rk__json_begin(rk__json *json, const char *key, char open); /* open: '{' or '['; key NULL inside arrays */
void rk__json_end(rk__json *json, char close);
void rk__json_string(rk__json *json, const char *key,
                     const char *value); /* NULL becomes null; invalid UTF-8 is escaped */
void rk__json_f64(rk__json *json, const char *key, double value);
void rk__json_u64(rk__json *json, const char *key, uint64_t value);
void rk__json_i64(rk__json *json, const char *key, int64_t value);
void rk__json_bool(rk__json *json, const char *key, bool value);

#endif
