/* src/mail: letters between the processes of a program, and waiting for what they bring.
 *
 * Problem. Queues, locks, pools and all the rest want four things: send some bytes to another process and have them
 * handled there, also while that process computes; wait for any of many things at once, with a bound, without a busy
 * core; hear of the death of a process; and do all this on a node at the speed of memory.
 *
 * Idea. An *endpoint* is a process: a rank, or an isolated child of one. Endpoints of a node share an *arena* with a
 * ring of bytes for each ordered pair of them, so that a ring has one writer and one reader, and no lock that a death
 * could leave behind. Between nodes fragments travel by MPI. What arrives is given to the *room* (pool, queues, ...) it
 * is for: rooms are state machines that handle a letter without blocking and send others.
 *
 *   sender: ring, pending bit, bell ──> receiver: whoever polls: the strand that waits, else the service thread
 *
 * Waiting. A *strand* is a thread that runs a function of the user's: one of a rank's strands runs at a time, it has
 * the *baton*; the others wait in a call of the library. Whoever waits with the baton polls for all: it gives the baton
 * to the strand whose wait has come true. It spins for RK__SPIN_NS (not at all in a crowd), then sleeps on a futex.
 * While user code runs, the service thread sleeps on another futex, and handles what comes.
 *
 * Invariants.
 * - `mail->lock` is held whenever a room's state is touched: by public functions between rk__enter and rk__leave, by
 *   the service thread, during rk__wait. User code runs without it.
 * - Letters between two endpoints arrive in the order in which they were sent.
 * - A writer sets the reader's pending bit after the bytes are in the ring, and then looks at its state; a reader sets
 *   its state, and then looks at the pending bits (both sequentially consistent): no wake-up is lost.
 * - Sending never blocks: what has no place yet waits in the sender's memory, in order.
 * - A letter to the dead is dropped; every call that waits for an answer of theirs ends with RK_EDEAD.
 * - A thread that ends in user code (pthread_exit) runs the `lost` of its strand and passes the baton on. Strands can't
 *   be cancelled, unless user code allows it; within a call of the library that ends the process.
 * - No call is made that needs all ranks, between rk__mail_create and rk__mail_destroy. */
#ifndef RANKINE_MAIL_H
#define RANKINE_MAIL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/base.h"

enum { RK__STRANDS_MAX = 64 }; /* of an endpoint */
#define RK__SPIN_NS                                                                                                    \
    UINT64_C(200000) /* longer than a wake-up takes, or two that answer each other would both sleep each time */
#define RK__NEVER  UINT64_MAX /* a deadline */
#define RK__NOBODY UINT32_MAX /* as an endpoint or a party */

/* Who handles a letter. */
typedef enum rk__room {
    RK__ROOM_MAIL = 0, /* answers, deaths */
    RK__ROOM_PROGRAM,
    RK__ROOM_PROCESS,
    RK__ROOM_POOL,
    RK__ROOM_SYNC,
    RK__ROOM_CHANNEL,
    RK__ROOM_SHARED,
    RK__ROOM_MANAGER,
    RK__ROOM_COLLECT,
    RK__ROOM_LOG,
    RK__ROOM_RUN,
    RK__ROOM_COUNT
} rk__room;

typedef struct rk__letter {
    uint32_t from, to; /* endpoints */
    uint16_t room, op; /* rk__room; the room's own number of what is wanted */
    int32_t status;    /* rk_status of an answer */
    uint64_t call;     /* the sender's number of the call this is part of; 0: none */
    uint64_t a, b, c;  /* small arguments */
    uint64_t size;     /* bytes of payload */
    void *bytes;       /* payload, aligned for any type; NULL if size is 0 */
    bool owned;        /* received: bytes are malloc'ed, not a view of a ring */
} rk__letter;

/* The payload of a received letter, malloc'ed, now the caller's: a copy only where it has to be. NULL: none, or out of
 * memory. */
void *rk__letter_take(rk__letter *letter);

typedef struct rk__mail rk__mail;
typedef struct rk__strand rk__strand;
typedef struct rk__link rk__link;

/* What a room does. Called with the lock held, never from within itself. */
typedef struct rk__room_ops {
    /* The letter is valid until it returns. */
    void (*receive)(void *ctx, rk__letter *letter);
    void (*died)(void *ctx, uint32_t endpoint); /* may be NULL */
    void (*destroy)(void *ctx);                 /* may be NULL */
} rk__room_ops;

/* ---- making it ---- */

typedef struct rk__mail_place {
    uint32_t endpoint;        /* this one: rank + child * ranks; child 0 is the rank itself */
    uint64_t birth;           /* of a child: tells it from others with its endpoint; of a rank 0 */
    uint32_t ranks;           /* of the program */
    uint32_t children;        /* endpoints of each rank beside itself */
    const int *node_of_rank;  /* [ranks], borrowed */
    const int *place_in_node; /* [ranks] number of a rank among those of its node, borrowed */
    uint32_t node_ranks;      /* ranks of this node */
    void *arena;              /* shared by this node's endpoints, borrowed */
    rk__link *link;           /* to other nodes; NULL: there are none, or this is a child. Owned */
    bool crowded;             /* more ranks than cores: nobody spins */
    bool star;                /* between nodes all letters are from or to rank 0 */
} rk__mail_place;

/* Bytes of an arena; room_bytes[room] of it are for that room to share between the endpoints of the node. */
size_t rk__arena_bytes(uint32_t node_ranks, uint32_t children, const size_t room_bytes[RK__ROOM_COUNT]);
/* Children that each rank may have at most, where so many ranks share a node. */
uint32_t rk__arena_children_max(uint32_t node_ranks);
/* Zeroed memory becomes an arena that begins with the nonce: one process, before anybody else uses it. */
void rk__arena_init(void *arena, const uint64_t nonce[2], uint32_t node_ranks, uint32_t children,
                    const size_t room_bytes[RK__ROOM_COUNT]);

/* The room's part of it, for those who have no mail yet. */
void *rk__arena_area(void *arena, rk__room room);

/* The calling thread becomes the endpoint's first strand. Starts the service thread. */
rk_status rk__mail_create(rk__mail **mail, const rk__mail_place *place, rk_error *err);
/* Ends the service thread, destroys the rooms. If strands other than the caller have not ended (tasks that a pool left
 * behind, when the program ends), they stay where they wait: what they use is not freed, and they never go on. */
void rk__mail_destroy(rk__mail *mail);
void rk__mail_attach(rk__mail *mail, rk__room room, const rk__room_ops *ops, void *ctx);
void *rk__mail_room(const rk__mail *mail, rk__room room); /* ctx */

/* How often the service thread looks for letters of other nodes; 0: every millisecond. Lock held. */
void rk__mail_set_link_nap(rk__mail *mail, uint64_t nap_ns);

uint32_t rk__mail_endpoint(const rk__mail *mail);
uint64_t rk__mail_birth(const rk__mail *mail);
uint32_t rk__mail_ranks(const rk__mail *mail);
uint32_t rk__mail_endpoints(const rk__mail *mail); /* ranks * (1 + children) */
uint32_t rk__mail_rank_of(const rk__mail *mail, uint32_t endpoint);
bool rk__mail_on_my_node(const rk__mail *mail, uint32_t endpoint);
void *rk__mail_area(const rk__mail *mail, rk__room room); /* the room's part of the arena */

/* ---- who calls ---- */

/* The mail of the calling thread, locked; NULL and *err (RK_EPERM) if it is no strand. For public functions. */
rk__mail *rk__enter(rk_error *err);
void rk__leave(rk__mail *mail);
/* Is this a process that user code has forked? It has all of its parent's memory, also that which others share, and
 * must not touch it: it has no strands. Asked after each function, of which millions run a second: hence not hidden in
 * a unit. */
extern bool rk__copied; /* set in the copy before anything else runs */
static inline bool rk__mail_is_copy(void) {
    return rk__copied;
}
/* For threads that are no strands, to send letters: they never wait here. */
void rk__mail_lock(rk__mail *mail);
void rk__mail_unlock(rk__mail *mail);
/* The strand with the baton as a party: endpoint * RK__STRANDS_MAX + its number. What holds locks, and waits. */
uint32_t rk__mail_party(const rk__mail *mail);
static inline uint32_t rk__party_endpoint(uint32_t party) {
    return party / RK__STRANDS_MAX;
}

/* ---- sending; lock held ---- */

typedef enum rk__payload {
    RK__PAYLOAD_COPY, /* copied if it can't be sent at once */
    RK__PAYLOAD_TAKE, /* malloc'ed; the mail's from now on, also on failure */
} rk__payload;
/* Sets letter->from. To oneself: handled at the next poll. RK_ENOMEM. */
rk_status rk__mail_send(rk__mail *mail, rk__letter *letter, rk__payload payload, rk_error *err);
/* As that, and waits until the payload is out of `bytes`, which is not copied: for large ones. RK_EDEAD. */
rk_status rk__mail_send_large(rk__mail *mail, rk__letter *letter, rk_error *err);
/* As that, without waiting: *gone is set when the bytes are the caller's again, at once if they fit. Until then both
 * stay where they are. */
rk_status rk__mail_send_borrowed(rk__mail *mail, rk__letter *letter, bool *gone, rk_error *err);
/* A small letter to this endpoint itself, by a thread of a room's own that is no strand; without the lock. One such
 * thread of a process may do so. false: no room now. */
bool rk__mail_post(rk__mail *mail, rk__letter *letter);
/* A wake-up without a letter, for one on this node: what it waits for in shared memory may have come true. */
void rk__mail_ring(rk__mail *mail, uint32_t endpoint);

/* ---- asking; lock held ---- */

/* Send a question and wait for its answer: its status, with *answer (may be NULL; bytes are the caller's to free) or
 * with its text in *err. RK_EDEAD: the asked one died. A deadline that passes: RK_ETIMEDOUT, the answer is dropped when
 * it comes. The receiving room answers with rk__mail_answer, at once or later. */
rk_status rk__mail_ask(rk__mail *mail, rk__letter *question, uint64_t deadline_ns, rk__letter *answer, rk_error *err);
/* As rk__mail_ask; on the first deadline sends `cancel` (call set), and goes on waiting: the room answers in any case.
 */
rk_status rk__mail_ask_cancelable(rk__mail *mail, rk__letter *question, uint64_t deadline_ns, uint16_t cancel_op,
                                  rk__letter *answer, rk_error *err);
/* Wait until the endpoint has handled all letters that we have sent it, and what it sent us before that is handled
 * here. RK_EDEAD, RK_ETIMEDOUT, RK_ECANCELLED. */
rk_status rk__mail_reach(rk__mail *mail, uint32_t endpoint, uint64_t deadline_ns);
typedef struct rk__question { /* what must be kept of a question to answer it later */
    uint32_t from;
    uint64_t call;
} rk__question;
/* Payload copied unless taken. A status other than RK_OK with bytes: text for the asker's error. */
void rk__mail_answer(rk__mail *mail, rk__question to, rk_status status, uint64_t a, uint64_t b, void *bytes,
                     uint64_t size, rk__payload payload);
void rk__mail_refuse(rk__mail *mail, rk__question to, rk_status status, const char *fmt, ...) RK__PRINTF(4, 5);

/* ---- waiting; lock held, released while others run ---- */

typedef bool (*rk__condition)(void *ctx); /* cheap, called with the lock held; RK_EDEAD and the like are its ctx's */
/* RK_OK: it is true. RK_ETIMEDOUT: the deadline (rk__clock_ns) came first. RK_ECANCELLED: the strand was told to end
 * (rk__strand_interrupt). */
rk_status rk__wait(rk__mail *mail, rk__condition condition, void *ctx, uint64_t deadline_ns);
/* Wait until it is true, also if told to end: for what surely comes, or whose peer's death makes it true. */
void rk__wait_out(rk__mail *mail, rk__condition condition, void *ctx);
/* Handle what has come and let other strands run, without waiting. For calls that look and return. */
void rk__yield(rk__mail *mail);
/* For a strand that computes long in code of ours, without the lock: handle what has come, if anything has. The service
 * thread does so too, but may have to wait for a core. */
void rk__help(rk__mail *mail);
/* The deadline of a timeout in seconds: RK_FOREVER never; 0, less and NaN: now. */
uint64_t rk__deadline(double timeout_seconds);

/* ---- strands; lock held ---- */

/* A new strand, which runs body(ctx) without the lock when it first gets the baton. RK_EFULL: RK__STRANDS_MAX are
 * there.
 */
rk_status rk__strand_start(rk__mail *mail, void (*body)(void *ctx), void *ctx, uint32_t *party, rk_error *err);
/* Of the strand with the baton: should its thread end in user code, lost(ctx of its body) is called by that thread
 * instead of the rest of the body, without the lock. */
void rk__strand_set_lost(rk__mail *mail, void (*lost)(void *ctx));
/* Its waits (not those of others) return RK_ECANCELLED from now on; false: no such strand. */
bool rk__strand_interrupt(rk__mail *mail, uint32_t party);
/* Was the strand with the baton told to end? */
bool rk__strand_interrupted(const rk__mail *mail);
/* What a strand keeps of its own: the process or pool it works for. NULL at first. */
void rk__strand_set_context(rk__mail *mail, void *context);
void *rk__strand_context(const rk__mail *mail);

/* ---- deaths; lock held ---- */

bool rk__mail_is_dead(const rk__mail *mail, uint32_t endpoint);
/* Is it there? RK_EDEAD: it has died or left, or was never born. Waits for the answer of its rank when it is asked of a
 * child of another node for the first time; from then on its death would be told. RK_ECANCELLED: was told to end. */
rk_status rk__mail_look_for(rk__mail *mail, uint32_t endpoint);
/* Is it on this node, or has its node been heard of in the last two seconds? Not the dead. */
bool rk__mail_hears(const rk__mail *mail, uint32_t rank);
/* The longest time for which this process has not looked for the dead: it was stopped, or had no core. */
uint64_t rk__mail_pause_ns(const rk__mail *mail);
/* Looks now whether a process of this node is there, buries nobody: for those who are inside what they share with it,
 * where they can't wait for the news; nor can what they have heard be trusted, as another may be there by now. birth:
 * the low 8 bits of that of the one who is meant. */
bool rk__mail_is_gone(const rk__mail *mail, uint32_t endpoint, uint32_t birth);
/* An endpoint ended on purpose or was found dead by its parent: everybody will be told. */
void rk__mail_bury(rk__mail *mail, uint32_t endpoint);
/* The same of a child that has been waited for: how it ended travels along. */
void rk__mail_bury_child(rk__mail *mail, uint32_t endpoint, int wait_status);
/* How the last one with this endpoint ended, from when rooms hear of the death. false: nobody has waited for it. */
bool rk__mail_death_reason(const rk__mail *mail, uint32_t endpoint, int *wait_status);

/* A child takes up an endpoint. Its rank calls these: before it starts it, and if it ended before its first letter was
 * read: nobody is there; when it has its first letter: of those who are dead; and if the endpoint was another's before:
 * to all ranks, each of which answers with a letter {room, op, a = child, b = birth} when it has buried the predecessor
 * and takes the child for alive. Until all have, the child talks to its rank alone: nobody may miss a death, nor take
 * the new one for dead. */
void rk__mail_vacate(rk__mail *mail, uint32_t child);
void rk__mail_tell_deaths(rk__mail *mail, uint32_t child);
void rk__mail_introduce(rk__mail *mail, uint32_t child, uint64_t birth, rk__room room, uint16_t op);
/* RK_OK: all letters are on their way. RK_ETIMEDOUT. For one that is about to end. */
rk_status rk__mail_flush(rk__mail *mail, uint64_t deadline_ns);

/* ---- between nodes ---- */

enum { RK__FRAGMENT_BYTES = 24 * 1024 }; /* of payload, at most */
typedef struct rk__fragment {
    uint32_t from, to;
    uint16_t room, op;
    int32_t status;
    uint64_t call, a, b, c, size;
    uint64_t offset; /* of this piece in the payload */
} rk__fragment;

struct rk__link {
    /* false: no room now. Copies the piece. */
    bool (*send)(rk__link *link, uint32_t rank, const rk__fragment *head, const void *piece, size_t bytes);
    /* The next fragment, valid until the next call; false: none. */
    bool (*receive)(rk__link *link, rk__fragment *head, const void **piece, size_t *bytes);
    /* Waits until all ranks call it, and what is on its way has come. */
    void (*destroy)(rk__link *link);
    bool pressed; /* much has been read since it was last cleared: its sender may wait for room */
};

#endif
