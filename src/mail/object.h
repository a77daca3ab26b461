/* Objects: what all of the library's faces share of them. An object is named by an rk_ref: the endpoint where it lives,
 * its kind, and a serial number that its home never gives twice. */
#ifndef RANKINE_OBJECT_H
#define RANKINE_OBJECT_H

#include <rankine/program.h>

#include "mail/mail.h"

/* X(name, number, what to call it in messages). */
#define RK__KIND_MAP(X)                                                                                                \
    X(LOCK, 1, "lock")                                                                                                 \
    X(RLOCK, 2, "rlock")                                                                                               \
    X(SEMAPHORE, 3, "semaphore")                                                                                       \
    X(CONDITION, 4, "condition")                                                                                       \
    X(EVENT, 5, "event")                                                                                               \
    X(BARRIER, 6, "barrier")                                                                                           \
    X(QUEUE, 7, "queue")                                                                                               \
    X(PIPE_END, 8, "end of a pipe")                                                                                    \
    X(VALUE, 9, "value")                                                                                               \
    X(ARRAY, 10, "array")                                                                                              \
    X(MEMORY, 11, "shared memory")                                                                                     \
    X(SHARED_LIST, 12, "shareable list")                                                                               \
    X(DICT, 13, "dictionary")                                                                                          \
    X(LIST, 14, "list")                                                                                                \
    X(NAMESPACE, 15, "namespace")                                                                                      \
    X(POOL, 16, "pool")                                                                                                \
    X(FUTURE, 17, "future")                                                                                            \
    X(PROCESS, 18, "process")                                                                                          \
    X(IMAP, 19, "iterator of results")                                                                                 \
    X(COMPLETED, 20, "iterator of futures")

typedef enum rk__kind {
    RK__KIND_NONE = 0,
#define RK__KIND_ENUM(name, number, text) RK__KIND_##name = (number),
    RK__KIND_MAP(RK__KIND_ENUM)
#undef RK__KIND_ENUM
} rk__kind;

const char *rk__kind_text(uint32_t kind); /* "lock"; "object of an unknown kind" */
/* RK_EINVAL: it was never made, is of another kind (said which), or of no endpoint of this program. RK_EDEAD: its home
 * has died, or was never born. It may wait: rk__mail_look_for. */
rk_status rk__ref_check(rk__mail *mail, rk_ref ref, rk__kind kind, rk_error *err);

/* What rk_wait needs of a room: to be told when an object becomes ready. The room's watch function sets `ready` at
 * once, or later, or never; also when the object is closed, destroyed or dead, so that the next call on it tells.
 *
 *     rk_status rk__<room>_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
 *     void rk__<room>_unwatch(rk__mail *mail, rk__watch *watch);     // always, for each watch that was begun */
typedef struct rk__watch {
    struct rk__watch *next; /* the room's, as is number */
    rk_ref ref;
    uint64_t number;
    bool ready;
} rk__watch;

#endif
