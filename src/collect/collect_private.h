/* What the units of src/collect share.
 *
 *   room.c        attaching, letters to those they are for, deaths
 *   everywhere.c  the head: starts the function on all ranks, and judges what came of it
 *   gathering.c   a member: runs the function; what is wrong with the gathering
 *   exchange.c    what a member sends to and takes from another within a call
 *   signature.c   which call it is
 *   move.c, reduce.c, fold.c   the calls
 *
 * Problem. A function runs on all ranks, and they move data between them as MPI's collectives do; but a rank may die,
 * fail, come late, or make another call than the others, and then all must hear of it and nobody may hang, without a
 * letter more while all goes well.
 *
 * Idea. A *gathering* is named by its *head*, the endpoint that called rk_everywhere, and a number that this never
 * gives again. Each rank has a member of it, found by the party that calls. A member counts its collective calls; a
 * letter of data says for which gathering, in which call (seq), and of which *signature* it is, and waits at its
 * receiver until that one comes to the call and takes it. What goes wrong is a *trouble*: from which call on, which
 * status, whose fault. Members tell the head, which tells all.
 *
 *   head                                   member
 *   START ──────────────────────────────>  a strand runs the function
 *                                          DATA, ACK between members
 *   <─────────────────────────────── STUCK in a call that has waited for STUCK_NS: which
 *   <─────────────────────────────── BREAK a call has failed here
 *   TROUBLE ────────────────────────────>  all calls from this one on fail
 *   <─────────────────────────────── ENDED status, calls made, their digest
 *   STOP ───────────────────────────────>  (out of time) its strand is told to end
 *
 * How ranks that make different calls are found out:
 * - a letter whose seq the receiver is in, or comes to, has another signature; or its seq has passed (the receiver has
 *   completed that call without it);
 * - of two that are stuck in the same call, the signatures differ; or one is stuck in a call that another has returned
 *   without: the head compares. These are all the ways to be stuck: in a call each rank sends or awaits a letter of
 *   somebody in the same call, and whoever completes a call has sent to, or heard from, others in it;
 * - and in the end the head compares counts and digests of all, for those who were not stuck.
 *
 * Letters. call is the number; the op's upper bits are kind, type and fold (4 bits each).
 *   START    function name, argument                STOP
 *   DATA     a head | root << 32, b seq, c count (0: counts may differ); the values
 *   ACK      a head, b letters, c bytes             taken by the function
 *   STUCK    a seq, b root, c count                 (op as DATA)
 *   BREAK    status, a seq, b whose fault; text     TROUBLE the same
 *   ENDED    status, a calls, b digest, c caused by another's trouble?; text
 *
 * Invariants.
 * - Between two ranks at most one letter goes in each direction in one call.
 * - A call that has completed has taken all letters that were sent to it.
 * - A member that has begun call n is not more than a window (letters, bytes) ahead of any other in what it has sent:
 *   it waits at the end of a call, when it has taken all it needs, so that no two wait for each other.
 * - A letter of an unknown gathering is of one that has not begun here if its number is above the head's last, else of
 *   one that has ended, and dropped. */
#ifndef RANKINE_COLLECT_PRIVATE_H
#define RANKINE_COLLECT_PRIVATE_H

#include <rankine/collect.h>

#include "call/call.h"
#include "collect/collect.h"

typedef enum rk__collect_op {
    RK__COLLECT_START = 1,
    RK__COLLECT_STOP,
    RK__COLLECT_DATA,
    RK__COLLECT_ACK,
    RK__COLLECT_STUCK,
    RK__COLLECT_BREAK,
    RK__COLLECT_TROUBLE,
    RK__COLLECT_ENDED
} rk__collect_op;

/* ---- signature.c ---- */

typedef enum rk__collective {
    RK__BCAST = 1,
    RK__SCATTER,
    RK__SCATTERV,
    RK__GATHER,
    RK__GATHERV,
    RK__ALLGATHER,
    RK__ALLTOALL,
    RK__REDUCE,
    RK__ALLREDUCE,
    RK__BARRIER
} rk__collective;

typedef struct rk__signature {
    rk__collective kind;
    rk_type type;
    rk_fold fold;
    uint32_t root;
    uint64_t count; /* 0 where ranks may have different ones */
} rk__signature;

enum { RK__SIGNATURE_TEXT_MAX = 96 };
bool rk__signature_same(const rk__signature *a, const rk__signature *b);
/* "rk_bcast of 5 f64 from rank 0". Returns text. */
char *rk__signature_text(const rk__signature *s, char text[RK__SIGNATURE_TEXT_MAX]);
uint16_t rk__signature_op(const rk__signature *s, rk__collect_op op);
rk__signature rk__signature_of(uint16_t op, uint64_t root, uint64_t count);
uint64_t rk__signature_digest(uint64_t digest, const rk__signature *s);

/* ---- gathering.c ---- */

typedef struct rk__collect rk__collect;

typedef struct rk__parcel { /* a letter of data that waits to be taken */
    struct rk__parcel *next;
    uint32_t from;
    uint64_t seq;
    rk__signature signature;
    void *bytes; /* malloc'ed */
    uint64_t size;
} rk__parcel;

typedef struct rk__peer {
    uint64_t letters, bytes;             /* sent, and not known to be taken */
    uint64_t taken_letters, taken_bytes; /* of those from it, not yet told */
} rk__peer;

typedef struct rk__trouble {
    bool set;
    bool mine;     /* found here, in a call of this member */
    uint64_t from; /* the first call it touches */
    rk_status status;
    uint32_t who; /* whose fault it is */
    char text[RK_ERROR_TEXT_MAX];
} rk__trouble;

typedef struct rk__gathering {
    struct rk__gathering *next; /* the latest first: a strand may be in several, one within the other */
    rk__collect *collect;
    uint32_t head;
    uint64_t number;
    bool begun; /* else only its letters have come */
    uint32_t party;
    rk_function function;
    void *orders; /* function's name and argument; NULL: the head's own, with the caller's argument */
    size_t arg_size;

    uint64_t seq; /* of the call it is in, else of the next one */
    bool inside;
    rk__signature current, previous; /* inside: of the call and the one before; else of the last two */
    uint64_t digest;                 /* of all calls begun */
    uint64_t deadline_ns;            /* of the call */
    uint64_t limit_ns;               /* of all calls: the head's own has a time for all of it */
    bool told_stuck;                 /* in this call */

    rk__parcel *first, **last;
    uint32_t awaited; /* rank whose letter is awaited; RK__NOBODY: none, but acks */
    bool ready;       /* what is awaited is there, or never comes */
    uint32_t over;    /* peers that we are too far ahead of */
    rk__peer *peers;  /* [ranks] */
    rk__trouble trouble;
    rk_error err; /* of the call */
} rk__gathering;

rk__gathering *rk__gathering_find(const rk__collect *collect, uint32_t head, uint64_t number);
/* Found, or made for letters that came before START; NULL: it has ended here, or no memory. */
rk__gathering *rk__gathering_expect(rk__collect *collect, uint32_t head, uint64_t number);
/* Of the strand with the baton; NULL: none. */
rk__gathering *rk__gathering_current(const rk__collect *collect);
/* The caller's own; it runs it itself, without the lock. */
rk_status rk__gathering_join(rk__collect *collect, uint64_t number, rk_function function, uint64_t limit_ns,
                             rk__gathering **out, rk_error *err);
void rk__gathering_run(rk__gathering *gathering, const void *arg, size_t arg_size);
void rk__gathering_start(rk__collect *collect, rk__letter *letter);
void rk__gathering_stop(rk__collect *collect, uint32_t head, uint64_t number);
void rk__gathering_forget(rk__gathering *gathering);
void rk__gatherings_died(rk__collect *collect, uint32_t endpoint);

/* Does a trouble touch the call that it is in, or the next one? */
bool rk__gathering_hurt(const rk__gathering *gathering);
void rk__gathering_trouble(rk__gathering *gathering, uint64_t from, rk_status status, uint32_t who, const char *text);
/* As that, found here in its current call: the others hear of it. */
void rk__gathering_break(rk__gathering *gathering, rk_status status, const char *fmt, ...) RK__PRINTF(3, 4);

/* ---- exchange.c ---- */

/* Enter the mail and begin a call. On failure the mail is left again; else lock held until rk__collective_end. */
rk_status rk__collective_begin(rk__gathering **out, const rk__signature *signature, double timeout_seconds,
                               rk_error *err);
/* End it, with what came of it so far (gathering->err), and leave. */
rk_status rk__collective_end(rk__gathering *gathering, rk_status status, rk_error *err);
/* Within a call. Their errors are in gathering->err. */
rk_status rk__exchange_send(rk__gathering *gathering, uint32_t to, const void *bytes, uint64_t size);
rk_status rk__exchange_receive(rk__gathering *gathering, uint32_t from, void *into, uint64_t size);
/* The bytes malloc'ed, the caller's; NULL if size is 0. */
rk_status rk__exchange_take(rk__gathering *gathering, uint32_t from, uint64_t size, void **bytes);

void rk__exchange_data(rk__collect *collect, rk__letter *letter);
void rk__exchange_acked(rk__collect *collect, const rk__letter *letter);

/* ---- move.c ---- */

/* Do what is said of the data fit together, and how many bytes are they? */
rk_status rk__data_bytes(rk__gathering *gathering, rk_data data, uint64_t *bytes);
rk_status rk__data_root(rk__gathering *gathering, int root);
rk_status rk__tree_bcast(rk__gathering *gathering, void *values, uint64_t bytes, uint32_t root);

/* ---- fold.c ---- */

bool rk__fold_allowed(rk_type type, rk_fold fold);
/* into[i] = into[i] fold more[i] */
void rk__collect_fold(rk_type type, rk_fold fold, void *into, const void *more, uint64_t count);

/* ---- everywhere.c ---- */

typedef struct rk__everywhere rk__everywhere;

void rk__everywhere_ended(rk__collect *collect, const rk__letter *letter);
void rk__everywhere_stuck(rk__collect *collect, const rk__letter *letter);
void rk__everywhere_broken(rk__collect *collect, const rk__letter *letter);
void rk__everywhere_died(rk__collect *collect, uint32_t endpoint);

/* ---- room.c ---- */

struct rk__collect {
    rk__mail *mail;
    uint32_t ranks;
    rk__gathering *gatherings;
    rk__everywhere *everywheres; /* this endpoint is their head */
    uint64_t last_number;
    uint64_t *begun; /* [endpoints] the number of a head's last gathering that has begun here */
};

rk__collect *rk__collect_room(const rk__mail *mail);
/* letter: all but where it goes. Text may be NULL. */
void rk__collect_send(rk__collect *collect, uint32_t to, rk__letter letter, const char *text);

#endif
