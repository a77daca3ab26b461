/* What the units of src/channel share.
 *
 * Problem. Messages of any size go from any rank to any other in order, through objects that whoever knows their name
 * can use; small ones at the price of a letter; and no death leaves anybody waiting.
 *
 * Idea. A *place* is where messages wait to be taken: a queue's at its home, or the *inbox* of a pipe's end at its
 * *seat*, the rank that receives there. Getters wait at the place, first come first served. Putters send their messages
 * there as letters, which arrive in order. So a queue is a place, and what bounds and counts it; a pipe is two inboxes,
 * and at its home a *pair* that knows the seats and the ranks that use the ends. Each rank that uses an end has a
 * *view* of it: where to send, where to receive.
 *
 *   waiters.c     who waits at an object         store.c       messages, and those who wait for them
 *   flow.c        not too far ahead of another   place.c       get and watch, here and from elsewhere
 *   queue_home.c  a queue at its home            queue.c       the functions of queues
 *   pair.c        a pipe at its home             inbox.c       an inbox at its seat
 *   view.c        an end as a rank sees it       pipe.c        the functions of pipes
 *   channel.c     the room: letters in, deaths
 *
 * Messages. [c] is a question, which may be cancelled by the letter after it; (home, serial) name a place.
 *   PUT          a serial, c reserved?          into an unbounded queue, or a place that was reserved; no answer
 *   REFUSED      a serial, status               the answer to a PUT that could not be
 *   PUT_ASK   [c] a serial, c at once?          into a bounded one; answered when there is a place
 *   RESERVE   [c] a serial, c at once?          the same for a large message, which follows as a PUT
 *   GET       [c] a serial, b capacity, c home and flags;  answer: a rk__got, b size, the message
 *   JOIN      [c] a serial                      TASK_DONE, LOOK, CLOSE, DESTROY: questions answered at once
 *   WATCH        a serial, b number, c home     UNWATCH likewise; READY: b number, once
 *   SYNC, ACK    a bytes that were sent before it
 *   OPEN         a end                          by a rank that begins to use it; OPENED: what it has to know
 *   CLAIM        a end                          by a rank that wants to be its seat; SEATED: c who is
 *   DATA         a end whose inbox it is for, b forwarded by the home?, c home of the pipe
 *   TURN         a end, b what has changed for its users, c where its messages go
 *   TURNED       a inbox                        to the home: from now on my messages go to the seat
 *   FINISH       a inbox, c home, bytes: who must send a MARK before the other end is seen to end
 *   MARK         a inbox, c home                to the seat: nothing more comes from me
 *   ORPHAN       a inbox, b 1 / 0, c home       the only rank that used the other end has died / another uses it
 *   CLOSE_END [c] a end
 *
 * The seat moves once, from the home to the first rank that claims it (and not at all if that is the home, or an
 * isolated child, with which the messages would end: their getters ask the home). The home
 * forwards what it has and what still comes, and tells the users of the other end (TURN); each sends TURNED behind its
 * last message on the old way. When all have, SEATED goes out behind all that was forwarded; what came straight in the
 * meantime waited at the new seat in `early`. So messages of one sender are never out of order, and nobody but the
 * first receiver waits.
 *
 * Invariants.
 * - If messages are in a store, no getter waits; if a queue has place, no putter does.
 * - A waiter of this process is on its strand's stack (`verdict` set), one of another on the heap; each gets one
 *   verdict, and is out of all lists then.
 * - Each TURN is answered, also by a rank whose view is gone: the home or the seat counts on it, or on its death.
 * - Handlers send letters and never wait; after each wait, places and views are looked up again. */
#ifndef RANKINE_CHANNEL_PRIVATE_H
#define RANKINE_CHANNEL_PRIVATE_H

#include <rankine/queue.h>

#include "base/registry.h"
#include "channel/channel.h"

enum {
    RK__OP_PUT = 1,
    RK__OP_REFUSED,
    RK__OP_PUT_ASK,
    RK__OP_RESERVE,
    RK__OP_PUT_CANCEL,
    RK__OP_GET,
    RK__OP_GET_CANCEL,
    RK__OP_TASK_DONE,
    RK__OP_JOIN,
    RK__OP_JOIN_CANCEL,
    RK__OP_LOOK,
    RK__OP_CLOSE,
    RK__OP_DESTROY,
    RK__OP_WATCH,
    RK__OP_UNWATCH,
    RK__OP_READY,
    RK__OP_SYNC,
    RK__OP_ACK,
    RK__OP_OPEN,
    RK__OP_OPENED,
    RK__OP_CLAIM,
    RK__OP_SEATED,
    RK__OP_DATA,
    RK__OP_TURN,
    RK__OP_TURNED,
    RK__OP_FINISH,
    RK__OP_MARK,
    RK__OP_ORPHAN,
    RK__OP_CLOSE_END
};

#define RK__LARGE_BYTES UINT64_C(32768) /* larger payloads are not copied on their way out */

typedef struct rk__channel rk__channel;

/* ---- waiters.c ---- */

typedef enum rk__got { RK__GOT_MESSAGE = 0, RK__GOT_TOO_LARGE, RK__GOT_OTHER_SIZE } rk__got;

typedef struct rk__verdict {
    rk_status status;
    rk__got got;
    uint64_t size;
    void *bytes; /* malloc'ed */
    bool done;
} rk__verdict;

typedef struct rk__want { /* of a getter */
    uint64_t capacity;
    bool exact;   /* no other size than capacity */
    bool peek;    /* leave it */
    bool at_once; /* don't wait */
} rk__want;

typedef struct rk__waiter {
    struct rk__waiter *next;
    rk__question who;
    rk__verdict *verdict; /* of a strand of this process; NULL: the question is to be answered */
    rk__want want;
    rk__letter message; /* a putter's: bytes, size, owned */
    bool reserves;
} rk__waiter;

typedef struct rk__waiters {
    rk__waiter *first, *last;
} rk__waiters;

void rk__waiters_add(rk__waiters *waiters, rk__waiter *waiter);
/* A copy on the heap; false: answered RK_ENOMEM. */
bool rk__waiters_add_asker(rk__mail *mail, rk__waiters *waiters, const rk__waiter *waiter);
rk__waiter *rk__waiters_pop(rk__waiters *waiters); /* NULL: none */
void rk__waiters_cancel(rk__mail *mail, rk__waiters *waiters, rk__question who);
void rk__waiters_died(rk__waiters *waiters, uint32_t endpoint);
void rk__waiter_settle(rk__mail *mail, rk__waiter *waiter, rk__verdict verdict);
void rk__waiters_settle_all(rk__mail *mail, rk__waiters *waiters, rk_status status);
/* A strand of this process waits in the list; RK_OK: there is a verdict. Otherwise it is out of the list again. */
rk_status rk__waiters_wait(rk__mail *mail, rk__waiters *waiters, rk__waiter *waiter, uint64_t deadline_ns);

/* ---- store.c ---- */

typedef struct rk__message {
    void *bytes; /* malloc'ed */
    uint64_t size;
} rk__message;

typedef struct rk__deque {
    rk__message *items; /* a ring of `capacity`, a power of 2 or 0 */
    size_t capacity, first, count;
} rk__deque;

bool rk__deque_push(rk__deque *deque, rk__message message); /* false: out of memory */
rk__message rk__deque_pop(rk__deque *deque);
void rk__deque_fini(rk__deque *deque);

typedef struct rk__watcher {
    struct rk__watcher *next;
    uint32_t endpoint;
    uint64_t number;
} rk__watcher;

typedef struct rk__store {
    rk__deque items;
    rk__waiters getters;
    rk__watcher *watchers;
    rk_status end; /* what is to be said when nothing is left; RK_OK: wait */
} rk__store;

/* To a getter that waits (*taker), or into the store (RK__NOBODY). The letter is where bytes, size and owned stand. */
rk_status rk__store_offer(rk__channel *channel, rk__store *store, rk__letter *message, uint32_t *taker);
/* false: it has to wait. */
bool rk__store_take(rk__store *store, const rk__want *want, rk__verdict *verdict);
void rk__store_end(rk__channel *channel, rk__store *store, rk_status end);
void rk__store_died(rk__store *store, uint32_t endpoint);
bool rk__store_is_ready(const rk__store *store);
/* Those who wait are told `status`. */
void rk__store_fini(rk__channel *channel, rk__store *store, rk_status status);

/* ---- endpoint sets: of the few that use an object ---- */

typedef struct rk__crowd {
    uint32_t *members;
    size_t count, capacity;
} rk__crowd;

bool rk__crowd_has(const rk__crowd *crowd, uint32_t endpoint);
bool rk__crowd_add(rk__crowd *crowd, uint32_t endpoint); /* false: out of memory */
bool rk__crowd_remove(rk__crowd *crowd, uint32_t endpoint);
void rk__crowd_fini(rk__crowd *crowd);

/* ---- place.c ---- */

typedef struct rk__place {
    rk__registered id;
    bool is_queue; /* else an inbox */
    rk__store store;
} rk__place;

rk__place *rk__place_find(const rk__channel *channel, uint32_t home, uint64_t serial);
/* From the place at `seat`, which may be ours. RK_OK: the verdict's status, got, size and bytes are set. Otherwise
 * RK_ETIMEDOUT, RK_ECANCELLED, RK_EDEAD (of the seat), RK_ENOMEM. */
rk_status rk__place_get(rk__channel *channel, uint32_t seat, rk_ref ref, const rk__want *want, uint64_t deadline_ns,
                        rk__verdict *verdict);
void rk__place_receive(rk__channel *channel, rk__letter *letter);
void rk__watches_died(rk__channel *channel, uint32_t endpoint);
/* Into the memory that `want` gives: *buffer, or *bytes. */
typedef struct rk__sink {
    void **bytes; /* NULL: into buffer */
    void *buffer;
    uint64_t capacity;
    bool exact;
    size_t *size; /* may be NULL if exact */
} rk__sink;
rk__want rk__sink_want(const rk__sink *sink, uint64_t deadline_ns);
rk_status rk__sink_fill(const rk__sink *sink, rk__verdict *verdict, rk_error *err);

/* ---- flow.c ---- */

typedef struct rk__flow { /* to one endpoint */
    uint64_t sent, marked, acked;
} rk__flow;

/* Wait until so much of what we sent to it has arrived that there may be more. RK_ETIMEDOUT, RK_ECANCELLED. */
rk_status rk__flow_wait(rk__channel *channel, uint32_t to, uint64_t deadline_ns);
/* Send, large ones without a copy. RK_EDEAD, RK_ENOMEM. */
rk_status rk__flow_send(rk__channel *channel, rk__letter *letter, rk_error *err);
/* Wait until what was sent to it so far has arrived, or it is dead. RK_ETIMEDOUT, RK_ECANCELLED. */
rk_status rk__flow_flush(rk__channel *channel, uint32_t to, uint64_t deadline_ns);
void rk__flow_died(rk__channel *channel, uint32_t endpoint);
void rk__flow_receive(rk__channel *channel, const rk__letter *letter);

/* ---- queue_home.c ---- */

typedef struct rk__share { /* of an endpoint in a queue */
    uint64_t taken, era;   /* and not done, since the queue's era began */
    uint64_t reserved;
} rk__share;

typedef struct rk__queue {
    rk__place place;
    uint64_t maxsize, reserved;
    uint64_t unfinished; /* put and not done */
    uint64_t lost;       /* of those, taken by endpoints that have died */
    uint64_t era;        /* ends when all are done */
    rk__waiters putters, joiners;
    rk__share *shares; /* [endpoints] */
    bool closed;
} rk__queue;

typedef struct rk__refusal { /* what a PUT of ours met */
    rk__registered id;
    rk_status status;
} rk__refusal;

rk_status rk__queue_make(rk__channel *channel, uint64_t maxsize, rk_ref *ref, rk_error *err);
rk__queue *rk__queue_find(const rk__channel *channel, uint64_t serial);
/* Without waiting. RK_EFULL: no place. */
rk_status rk__queue_put_here(rk__channel *channel, rk__queue *queue, rk__letter *message);
rk_status rk__queue_task_done_here(rk__channel *channel, rk__queue *queue, uint32_t by);
/* false: it has to wait. */
bool rk__queue_join_here(const rk__queue *queue, rk_status *status);
bool rk__queue_is_full(const rk__queue *queue);
void rk__queue_close_here(rk__channel *channel, rk__queue *queue);
void rk__queue_destroy_here(rk__channel *channel, rk__queue *queue);
void rk__queue_taken(rk__channel *channel, rk__queue *queue, uint32_t by);
void rk__queue_died(rk__channel *channel, rk__queue *queue, uint32_t endpoint);
void rk__queue_receive(rk__channel *channel, rk__letter *letter);
void rk__queue_free(rk__channel *channel, rk__queue *queue);

/* ---- pair.c ---- */

typedef struct rk__pair_end {
    uint32_t seat;    /* of its inbox */
    uint32_t claimer; /* the seat that things are still forwarded to; RK__NOBODY */
    bool claimed, closed;
    uint32_t last_user; /* that died, with nobody else left; RK__NOBODY */
    rk__crowd users;    /* endpoints that have opened it */
    rk__crowd awaited;  /* users of the other end that may still send the old way */
    rk__crowd late;     /* they have claimed it too, and will be told who was first */
} rk__pair_end;

typedef struct rk__pair { /* serial is the first end's; the second's is one more */
    rk__registered id;
    bool duplex;
    rk__pair_end ends[2];
} rk__pair;

typedef enum rk__turn { RK__TURN_SEAT, RK__TURN_CLOSED, RK__TURN_PEER_CLOSED } rk__turn;
enum { RK__VIEW_RECEIVES = 1, RK__VIEW_SENDS = 2, RK__VIEW_PEER_CLOSED = 4 }; /* flags of OPENED */

rk_status rk__pair_make(rk__channel *channel, bool duplex, rk_ref *first, rk_ref *second, rk_error *err);
void rk__pair_receive(rk__channel *channel, rk__letter *letter);
void rk__pairs_died(rk__channel *channel, uint32_t endpoint);
void rk__pair_free(rk__pair *pair);

/* ---- inbox.c ---- */

typedef struct rk__inbox {
    rk__place place;
    uint32_t forward_to; /* the seat is moving there; RK__NOBODY */
    bool claiming;       /* we are to be the seat: what the home forwards comes first */
    bool finishing;      /* the other end is closed, `awaited` may still send */
    rk__deque early;     /* came straight while claiming */
    rk__crowd awaited, marked;
    uint32_t orphaned_by; /* RK__NOBODY */
} rk__inbox;

rk__inbox *rk__inbox_find(const rk__channel *channel, uint32_t home, uint64_t serial);
rk_status rk__inbox_make(rk__channel *channel, uint32_t home, uint64_t serial, bool claiming, rk_error *err);
/* The seat moves: all there is goes there, and what still comes. */
void rk__inbox_forward(rk__channel *channel, rk__inbox *inbox, uint32_t seat);
rk_status rk__inbox_data(rk__channel *channel, rk__inbox *inbox, rk__letter *message);
void rk__inbox_seated(rk__channel *channel, rk__inbox *inbox);
void rk__inbox_remove(rk__channel *channel, rk__inbox *inbox, rk_status status);
void rk__inbox_died(rk__channel *channel, rk__inbox *inbox, uint32_t endpoint);
void rk__inbox_receive(rk__channel *channel, rk__letter *letter);

/* ---- view.c ---- */

typedef struct rk__view {
    rk__registered id;
    bool opening, claiming;
    bool receives, sends, closed, peer_closed;
    uint32_t in_seat;  /* RK__NOBODY: not claimed yet */
    uint32_t out_seat; /* of the other end */
} rk__view;

/* The other end's serial. */
static inline uint64_t rk__pipe_peer(uint64_t serial) {
    return serial ^ 1;
}
/* The view of an end that is open, made if need be; valid until the next wait. */
rk_status rk__view_get(rk__channel *channel, rk_ref ref, rk__view **view, rk_error *err);
/* As that; its seat is known. */
rk_status rk__view_get_seated(rk__channel *channel, rk_ref ref, rk__view **view, rk_error *err);
void rk__view_receive(rk__channel *channel, rk__letter *letter);
void rk__views_died(rk__channel *channel, uint32_t endpoint);

/* ---- channel.c ---- */

struct rk__channel {
    rk__mail *mail;
    uint32_t self;
    uint64_t last_serial;
    rk__registry places, pairs, views, refusals;
    rk__flow *flows; /* [endpoints] */
    rk__crowd ahead; /* those who have not told us yet that all has arrived */
    rk__watch *watches;
    uint64_t last_watch;
};

uint64_t rk__channel_serials(rk__channel *channel); /* an even one and the next */
void rk__channel_send(rk__channel *channel, uint32_t to, uint16_t op, uint64_t a, uint64_t b, uint64_t c);

#endif
