/* Rankine: status codes, and the error text that goes with them.
 *
 * Everything that can fail returns an rk_status; RK_OK is 0. The text goes to an rk_error that the
 * caller owns: the lowest layer that knows what went wrong writes it once, naming the offending value
 * and the remedy; upper layers pass it on. Nothing here prints, allocates or exits. */
#ifndef RANKINE_STATUS_H
#define RANKINE_STATUS_H

/* What librankine and kernels show of themselves; everything else is hidden. */
#if defined(_WIN32)
#define RK_EXPORT __declspec(dllexport)
#elif defined(__GNUC__) || defined(__clang__)
#define RK_EXPORT __attribute__((visibility("default")))
#else
#define RK_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The one table of errors: X(name, number, text). Numbers are stable. */
#define RK_STATUS_MAP(X)                                                                                               \
    X(OK, 0, "success")                                                                                                \
    X(EINVAL, 1, "invalid argument")                                                                                   \
    X(ENOMEM, 2, "out of memory")                                                                                      \
    X(EIO, 3, "input or output failed")                                                                                \
    X(EEXIST, 4, "exists already")                                                                                     \
    X(ENOENT, 5, "not found")                                                                                          \
    X(EPERM, 6, "not permitted")                                                                                       \
    X(EFORMAT, 7, "not a valid file of its kind")                                                                      \
    X(EABI, 8, "built for another version of Rankine")                                                                 \
    X(EMISMATCH, 9, "belongs to another run")                                                                          \
    X(ECORRUPT, 10, "damaged: a checksum does not match")                                                              \
    X(EOVERFLOW, 11, "too large")                                                                                      \
    X(EKERNEL, 12, "the kernel failed")                                                                                \
    X(EMPI, 13, "an MPI call failed")                                                                                  \
    X(EHDF5, 14, "an HDF5 call failed")                                                                                \
    X(EINTERRUPTED, 15, "stopped before the end; can be resumed")                                                      \
    X(ETIMEDOUT, 16, "timed out")                                                                                      \
    X(EUNSUPPORTED, 17, "not supported here")                                                                          \
    X(EDEAD, 18, "a process that is needed has died")                                                                  \
    X(EBROKEN, 19, "broken")                                                                                           \
    X(ECLOSED, 20, "closed")                                                                                           \
    X(ECANCELLED, 21, "cancelled")                                                                                     \
    X(EFULL, 22, "full")                                                                                               \
    X(EEMPTY, 23, "empty")                                                                                             \
    X(EEOF, 24, "the other end is closed")

typedef enum rk_status {
#define RK_STATUS_ENUM(name, number, text) RK_##name = (number),
    RK_STATUS_MAP(RK_STATUS_ENUM)
#undef RK_STATUS_ENUM
} rk_status;

enum { RK_ERROR_TEXT_MAX = 1024 };

/* In a function that returns an rk_status: go on if the call succeeds, else return what it returned. */
#define RK_TRY(expr)                                                                                                   \
    do {                                                                                                               \
        rk_status rk_try_status_ = (expr);                                                                             \
        if (rk_try_status_ != RK_OK)                                                                                   \
            return rk_try_status_;                                                                                     \
    } while (0)

/* Caller-owned error. `rank` is the rank it happened on, -1 if that is of no interest. */
typedef struct rk_error {
    rk_status code;
    int rank;
    char message[RK_ERROR_TEXT_MAX];
} rk_error;

#define RK_ERROR_INIT                                                                                                  \
    {                                                                                                                  \
        RK_OK, -1, {                                                                                                   \
            0                                                                                                          \
        }                                                                                                              \
    }

/** Name of a status ("EINVAL") and its meaning in words; "unknown status" of other numbers. Not collective; never NULL;
 * static storage. */
RK_EXPORT const char *rk_status_name(rk_status status);
RK_EXPORT const char *rk_status_text(rk_status status);

#ifdef __cplusplus
}
#endif
#endif
