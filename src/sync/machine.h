/* src/sync: locks, semaphores, conditions, events and barriers. This header: the machine behind them.
 *
 * Problem. Who takes a lock of its own node must not send a letter: that would be a hundred times slower than the
 * memory they share. Who takes one of another node must. Both queue for the same lock, in one order, and a process may
 * die at any moment, also in the middle of a step.
 *
 * Idea. An object is a state machine over 128 bytes of shared memory. A *step* (acquire, release, set, arrive, ...) is
 * done by any process of the object's node, for one of its own parties or, at the object's home, for a party of another
 * node that wrote a letter. A step never waits: it is done, refused, or *pending*, and then the party stands in a queue
 * of the object. A party waits for one thing at a time, so one *slot* for each party of the program is all that queues
 * need: they are lists through the slots, and nothing is ever allocated.
 *
 *   slot:  IDLE ──a step is pending──> WAITING ──another step, or a cancel, of whoever──> DONE ──its party saw it──>
 * IDLE
 *
 * A party of the node looks at its slot (and is rung); one of another node gets a letter with the number of its call,
 * which the slot keeps.
 *
 * Invariants.
 * - An object and the slots that stand in its queues are changed only by the process inside its *guard*, a spin lock
 *   that names the process. A condition that was made for a lock has that lock's guard. Nobody is inside two guards.
 * - A guard whose process died is taken over: the step may be half done. Who has a lock is one word, as is a count, and
 *   slots tell who waits: queues are made anew, and what the step would have granted is granted. A process that only
 *   waited is forgotten so. If it held the lock, and barriers, the object is broken, and all who wait for it are told.
 * - The guard's number tells the process from others that had its endpoint: between the look whether it is gone and the
 *   taking over, its place may be another's, who is inside.
 * - Queues are first in, first out: a release hands the lock to the first waiter, and nobody takes it in between.
 * - A serial number is never given twice: it holds the place in the table and how often the place was taken.
 * - What a slot tells a party of another node stays there until the party asks again, with who told it: if that process
 *   died before the letter was out, the home sends it once more (answers to calls that have ended are dropped).
 * - A process that died is cleaned up after by every process of its node, each step of that guarded, and thus once;
 *   what only the home can know of (parties of other nodes) by the home. */
#ifndef RANKINE_SYNC_MACHINE_H
#define RANKINE_SYNC_MACHINE_H

#include "mail/mail.h"
#include "mail/object.h"

enum {
    RK__SYNC_ENDPOINTS_MAX = (1 << 24) - 1,
    RK__SYNC_PLACES = 16384, /* objects of a node */
    RK__SYNC_BARRIERS = 8,   /* barriers of a party that its death breaks: those it came to last */
    RK__SYNC_NEWS_MAX = 64,  /* told of in one go */
};
#define RK__SYNC_VALUE_MAX (UINT64_MAX / 4) /* of a semaphore */

typedef enum rk__sync_op {
    RK__SYNC_ACQUIRE = 1, /* lock, rlock, condition; value: how deep. Semaphore. */
    RK__SYNC_RELEASE,     /* semaphore: value times */
    RK__SYNC_LOOK,        /* reply.value: locked, set, value, waiting | broken << 32; reply.more: parties */
    RK__SYNC_SLEEP,       /* wait for a notification. reply.value: RK__SYNC_NOTIFIED ... | depth << 32 */
    RK__SYNC_NOTIFY,      /* up to `value` sleepers */
    RK__SYNC_SET,
    RK__SYNC_CLEAR,
    RK__SYNC_WAIT,   /* for the event */
    RK__SYNC_ARRIVE, /* at the barrier. reply.value: index, | RK__SYNC_ACT: run the action, then SYNC_ACTED */
    RK__SYNC_ACTED,  /* value: it went well */
    RK__SYNC_ABORT,
    RK__SYNC_RESET,
    RK__SYNC_DESTROY,
    RK__SYNC_CANCEL, /* the party's wait of that call, if it still does */
} rk__sync_op;

enum { RK__SYNC_TRY = 1, RK__SYNC_WITH_ACTION = 2 }; /* flags of a request */
#define RK__SYNC_NOTIFIED UINT64_C(1)                /* of a sleep */
#define RK__SYNC_LOCKED   UINT64_C(2) /* it has the lock again; else it has to acquire it, `depth` deep */
#define RK__SYNC_ACT      (UINT64_C(1) << 32)

typedef struct rk__sync_request {
    rk__sync_op op;
    uint32_t kind;
    uint64_t serial;
    uint32_t party;
    uint32_t flags;
    uint64_t value;
    uint64_t call; /* of a party of another node; 0: of this node */
} rk__sync_request;

typedef struct rk__sync_reply {
    rk_status status;
    bool pending; /* status and value will be in the slot */
    uint64_t value, more;
} rk__sync_reply;

/* What a step did for others, told when it is over. */
typedef struct rk__sync_news {
    uint32_t party; /* RK__NOBODY: who watches this object is to be told that it is ready */
    uint32_t home;
    uint64_t call; /* as in the request */
    rk_status status;
    uint64_t value; /* of a watched object: its serial */
} rk__sync_news;

typedef struct rk__sync_area rk__sync_area;
typedef struct rk__sync_slot rk__sync_slot;

/* A process's view of it. */
typedef struct rk__sync_machine {
    rk__sync_area *area;
    uint32_t me, endpoints;
    uint32_t birth; /* of this process: its low bits tell it from others that had its endpoint */
    bool (*is_gone)(void *ctx, uint32_t endpoint, uint32_t birth); /* of this node; now. birth: 8 bits of it */
    void (*tell)(void *ctx, const rk__sync_news *news);
    void *ctx;
    uint32_t inside; /* place of the guard we are in */
    uint32_t news_count;
    rk__sync_news news[RK__SYNC_NEWS_MAX];
} rk__sync_machine;

/* Zeroed memory, shared by the processes of a node. */
size_t rk__sync_area_bytes(uint32_t endpoints);

/* A new object of this process. value: of a semaphore; limit: its bound (RK__SYNC_VALUE_MAX: none), or parties of a
 * barrier; lock: serial of the lock of a condition, 0: its own. RK_EFULL; RK_ENOENT: no such lock. */
rk_status rk__sync_make(rk__sync_machine *machine, rk__kind kind, uint64_t value, uint64_t limit, uint64_t lock,
                        uint64_t *serial, rk_error *err);
/* A step. Statuses as in the public header; RK_ETIMEDOUT: RK__SYNC_TRY, and it would have had to wait. */
void rk__sync_step(rk__sync_machine *machine, const rk__sync_request *request, rk__sync_reply *reply);

/* Is the pending step over? Then its status and value, once. */
bool rk__sync_is_done(const rk__sync_machine *machine, uint32_t party);
rk_status rk__sync_take(rk__sync_machine *machine, uint32_t party, uint64_t *value);

/* Would an acquire or a wait return at once? Also if it would fail. If not and `watch`, tell says so when it would. */
bool rk__sync_ready(rk__sync_machine *machine, uint64_t serial, uint32_t party, bool watch);

/* A process died. neighbour: it was of this node. */
void rk__sync_died(rk__sync_machine *machine, uint32_t endpoint, bool neighbour);
/* What it had granted and not told, of objects of ours: part of that. */
void rk__sync_tell_again(rk__sync_machine *machine, uint32_t endpoint);
/* A process leaves in good order: barriers do without it. Only barriers of `home`; RK__NOBODY: of all. */
void rk__sync_left(rk__sync_machine *machine, uint32_t endpoint, uint32_t home);

#endif
