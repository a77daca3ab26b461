/* What the units of src/mail share.
 *
 *   arena.c     the node's shared memory: boxes, rings, the rooms' areas
 *   ring.c      a ring of bytes            bell.c  to sleep and be woken
 *   mail.c      making it, letters out and in
 *   outbox.c    letters that had no place yet
 *   ask.c       questions and answers
 *   wait.c      waiting, polling and sleeping; the service thread
 *   strand.c    strands and the baton
 *   death.c     who is alive
 *   link_mpi.c  fragments between nodes */
#ifndef RANKINE_MAIL_PRIVATE_H
#define RANKINE_MAIL_PRIVATE_H

#include "mail/bell.h"
#include "mail/mail.h"
#include "mail/ring.h"

/* ---- arena.c ---- */

/* Who would see a letter that comes now. */
typedef enum rk__box_state {
    RK__BOX_AWAY = 0, /* the service thread, asleep on service_bell unless `serving` */
    RK__BOX_POLLED,   /* a strand that spins */
    RK__BOX_ASLEEP    /* a strand that sleeps on strand_bell */
} rk__box_state;

typedef enum rk__life { RK__LIFE_ABSENT = 0, RK__LIFE_ALIVE, RK__LIFE_LEFT, RK__LIFE_DEAD } rk__life;

enum { RK__LOCAL_MAX = 1024, RK__PENDING_WORDS = RK__LOCAL_MAX / 64 };

typedef struct rk__box { /* an endpoint's, in the arena */
    _Atomic uint32_t state, strand_bell, service_bell, serving;
    _Atomic uint32_t life; /* rk__life */
    _Atomic uint32_t pid;
    _Atomic uint32_t reason; /* of its last death: as rk__mail.reasons */
    _Atomic uint32_t birth;  /* its low bits */
    /* By local number: its ring to us has something, or has room again. The first words share a cache line with
     * `state`: who sets a bit reads that next. */
    _Atomic uint64_t pending[RK__PENDING_WORDS];
    unsigned char pad[64 - (8 * 4 + RK__PENDING_WORDS * 8) % 64];
} rk__box;

typedef struct rk__arena {
    uint64_t nonce[2];
    uint64_t locals, ring_bytes;
    uint64_t boxes_at, rings_at, data_at; /* offsets */
    uint64_t area_at[RK__ROOM_COUNT];
} rk__arena;

rk__box *rk__arena_box(rk__arena *arena, uint32_t local);
/* The ring from one local endpoint to another. */
rk__ring *rk__arena_ring(rk__arena *arena, uint32_t from, uint32_t to, unsigned char **data);

/* ---- a letter on its way ---- */

typedef struct rk__outgoing {
    struct rk__outgoing *next;
    rk__letter letter;
    uint64_t sent;  /* where in the letter's payload we are */
    uint64_t from;  /* where what we have of it begins: what is passed on for somebody else is a piece */
    uint64_t until; /* and ends */
    bool begun;     /* a fragment is out */
    bool *gone;     /* set when all is out, or nobody will get it; the bytes are the sender's. NULL: ours */
} rk__outgoing;

typedef struct rk__outbox { /* letters by one way that had no place */
    rk__outgoing *first, *last;
    bool listed; /* in mail->waiting */
} rk__outbox;

typedef struct rk__incoming { /* a letter whose fragments come one after the other */
    unsigned char *bytes;
    uint64_t got, size;
} rk__incoming;

/* ---- strands ---- */

typedef enum rk__strand_phase {
    RK__STRAND_NEW = 0,
    RK__STRAND_RUNS,
    RK__STRAND_WAITS,
    RK__STRAND_ENDED
} rk__strand_phase;

struct rk__strand {
    rk__mail *mail;
    uint32_t number;
    rk__strand_phase phase;
    bool interrupted;
    bool steadfast; /* in a wait that goes on all the same */
    pthread_t thread;
    pthread_cond_t turn; /* it has the baton */
    rk__condition condition;
    void *ctx;
    uint64_t deadline_ns;
    void (*body)(void *ctx);
    void *body_ctx;
    void (*lost)(void *ctx); /* NULL: nothing to be done */
    bool entered;            /* between rk__enter and rk__leave */
    void *context;
};

/* ---- the mail of a process ---- */

typedef struct rk__pending_call {
    struct rk__pending_call *next;
    uint64_t call;
    uint32_t to;
    bool done;
    rk__letter answer;
} rk__pending_call;

typedef struct rk__newcomer { /* a child that has been introduced to us */
    bool wanted;
    uint16_t room, op; /* of the letter that says we know it; room 0: none */
    uint64_t birth;
} rk__newcomer;

struct rk__mail {
    pthread_mutex_t lock;
    rk__mail_place place;
    rk__arena *arena;
    uint32_t local;     /* our number on the node */
    uint32_t tag;       /* of our birth */
    uint32_t endpoints; /* of the program */
    uint32_t node;
    uint32_t parent;   /* for a child: the rank whose mail goes to other nodes; else ourselves */
    uint32_t *rank_at; /* [node_ranks] of this node */
    rk__box *box;
    struct {
        const rk__room_ops *ops;
        void *ctx;
    } rooms[RK__ROOM_COUNT];
    rk__outbox *outboxes; /* [endpoints] by hop */
    uint32_t *waiting;    /* [endpoints] those that are not empty */
    uint32_t waiting_count;
    rk__incoming *incoming; /* [endpoints] */
    rk__outgoing *self_first, *self_last;
    uint32_t *births;        /* [endpoints] of who has it now, as far as we know: as rk__death_tag; 0: not known */
    bool *dead;              /* [endpoints] and all rooms know */
    bool *met;               /* [endpoints] children of other nodes that are there, or were until we hear of it */
    bool *to_bury;           /* [endpoints] we have heard of it */
    bool *to_announce;       /* [endpoints] others have to hear of it from us */
    rk__newcomer *newcomers; /* [endpoints] */
    uint32_t to_bury_count;  /* and newcomers */
    uint32_t *reasons;       /* [endpoints] wait status of the last death + 1; 0: not known */
    uint64_t last_call;
    rk__pending_call *calls;
    rk__strand *strands[RK__STRANDS_MAX];
    uint32_t strand_count; /* those that have not ended */
    uint32_t strand_top;   /* no strand had this number or a higher one */
    rk__strand *holder;    /* of the baton */
    uint32_t leaves;       /* calls that have ended */
    _Atomic bool helping;  /* a strand that computes wants the lock */
    pthread_t service;
    bool ending;
    uint64_t link_nap_ns;      /* of the service thread */
    uint64_t duty_ns;          /* when to look for the dead next */
    uint64_t longest_pause_ns; /* between two looks */
    uint64_t *heard_ns;        /* [ranks, by node] when a rank of another node was last heard of; 0: not yet */
    uint32_t *speakers;        /* [ranks, by node] rank 0 of a star: who beats for its node; RK__NOBODY: not known */
};

/* mail.c: handle everything that is there, send what can go; how many fragments came or went. */
size_t rk__mail_poll(rk__mail *mail);
bool rk__mail_has_pending(const rk__mail *mail); /* in our rings; also without the lock */
/* What a dead one of our node has left in its ring to us; not what its heir, of this birth, has written since. */
void rk__mail_last_words(rk__mail *mail, uint32_t endpoint, uint32_t heir);
/* As if it had never been written. */
void rk__mail_skip_words(rk__mail *mail, uint32_t endpoint);
uint32_t rk__mail_local_of(const rk__mail *mail, uint32_t endpoint);
uint32_t rk__mail_of_local(const rk__mail *mail, uint32_t local);
/* Where a fragment for `to` goes next: itself on our node, its rank, or our rank if we are a child. */
uint32_t rk__mail_hop(const rk__mail *mail, uint32_t to);
/* false: no room now. */
bool rk__mail_put_fragment(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes);
size_t rk__mail_piece_max(const rk__mail *mail, uint32_t to);

/* outbox.c */
/* Does nothing wait that a letter to this endpoint must not overtake? */
bool rk__outbox_is_empty(const rk__mail *mail, uint32_t to);
/* Behind what waits already. Owns outgoing and its payload, unless `gone`. */
void rk__outbox_add(rk__mail *mail, rk__outgoing *outgoing);
void rk__outgoing_free(rk__outgoing *outgoing);
size_t rk__outbox_flush(rk__mail *mail); /* how many fragments went */
void rk__outbox_drop(rk__mail *mail, uint32_t endpoint);
void rk__outbox_fini(rk__mail *mail);

/* ask.c */
void rk__ask_receive(rk__mail *mail, rk__letter *letter);
void rk__ask_reached(rk__mail *mail, const rk__letter *letter);
void rk__ask_died(rk__mail *mail, uint32_t endpoint);

/* strand.c */
rk_status rk__strand_adopt(rk__mail *mail, rk_error *err);
void rk__strand_abandon(rk__mail *mail);
/* A strand other than the holder whose turn has come; NULL: none. */
rk__strand *rk__strand_ready(rk__mail *mail, uint64_t now_ns);
void rk__strand_pass(rk__mail *mail, rk__strand *to);
uint64_t rk__strand_next_deadline(const rk__mail *mail);
rk__strand *rk__strand_self(void);

/* wait.c */
rk_status rk__mail_serve_begin(rk__mail *mail, rk_error *err);
void rk__mail_serve_end(rk__mail *mail);

/* death.c */
typedef enum rk__mail_op {
    RK__MAIL_OP_ANSWER = 1,
    RK__MAIL_OP_DIED,
    RK__MAIL_OP_BEAT,
    RK__MAIL_OP_BORN,
    RK__MAIL_OP_REACH,
    RK__MAIL_OP_LOOK
} rk__mail_op;
/* Burials and introductions that letters asked for. Not within a room. */
void rk__death_noted(rk__mail *mail);
void rk__death_duty(rk__mail *mail, uint64_t now_ns);
void rk__death_receive(rk__mail *mail, const rk__letter *letter);
/* Of a birth, and never 0: as records of rings tell it. */
uint32_t rk__death_tag(uint64_t birth);
/* May one of that birth be who we take for the holder of this endpoint? */
bool rk__death_is_by(const rk__mail *mail, uint32_t endpoint, uint32_t tag);
/* A record by another one than we know at this endpoint of our node. */
void rk__death_meet_writer(rk__mail *mail, uint32_t endpoint, uint32_t tag);
/* We write to one that we know nothing of: from now on its death is not to be missed. */
void rk__death_meet_reader(rk__mail *mail, uint32_t endpoint);
/* Is a letter of this endpoint's to be handled? */
bool rk__death_is_heard(rk__mail *mail, uint32_t from);
void rk__death_heard(rk__mail *mail, uint32_t endpoint); /* from it by MPI */

#endif
