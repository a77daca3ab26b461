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
    unsigned char pad[64 - 7 * 4];
    _Atomic uint64_t pending[RK__PENDING_WORDS]; /* by local number: its ring to us has something, or has room again */
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
    uint64_t sent;  /* bytes of payload that are out */
    uint64_t until; /* where it ends */
    bool begun;     /* a fragment is out */
    bool passed_on; /* one fragment, for somebody else: `until` is its end */
    bool *gone;     /* set when all is out, or nobody will get it; the bytes are the sender's. NULL: ours */
} rk__outgoing;

typedef struct rk__outbox { /* letters to one endpoint that had no place */
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
} rk__newcomer;

struct rk__mail {
    pthread_mutex_t lock;
    rk__mail_place place;
    rk__arena *arena;
    uint32_t local;     /* our number on the node */
    uint32_t endpoints; /* of the program */
    uint32_t node;
    uint32_t parent;   /* for a child: the rank whose mail goes to other nodes; else ourselves */
    uint32_t *rank_at; /* [node_ranks] of this node */
    rk__box *box;
    struct {
        const rk__room_ops *ops;
        void *ctx;
    } rooms[RK__ROOM_COUNT];
    rk__outbox *outboxes; /* [endpoints] */
    uint32_t *waiting;    /* [endpoints] those that are not empty */
    uint32_t waiting_count;
    rk__incoming *incoming; /* [endpoints] */
    rk__outgoing *self_first, *self_last;
    bool *dead;              /* [endpoints] and all rooms know */
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
    pthread_t service;
    bool ending;
    uint64_t link_nap_ns;    /* of the service thread */
    uint64_t duty_ns;        /* when to look for the dead next */
    uint32_t round;          /* of what is told to other nodes */
    uint32_t *round_of_node; /* [ranks] in which a rank of it was told last */
    uint64_t *heard_ns;      /* [ranks] when a rank of another node was last heard of; 0: not yet */
};

/* mail.c: handle everything that is there; how many letters. */
size_t rk__mail_poll(rk__mail *mail);
bool rk__mail_has_pending(const rk__mail *mail); /* in our rings; also without the lock */
/* What a dead one of our node has left in its ring to us. */
void rk__mail_last_words(rk__mail *mail, uint32_t endpoint);
uint32_t rk__mail_local_of(const rk__mail *mail, uint32_t endpoint);
uint32_t rk__mail_of_local(const rk__mail *mail, uint32_t local);
/* Where a fragment for `to` goes next: itself on our node, its rank, or our rank if we are a child. */
uint32_t rk__mail_hop(const rk__mail *mail, uint32_t to);
/* false: no room now. */
bool rk__mail_put_fragment(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes);
size_t rk__mail_piece_max(const rk__mail *mail, uint32_t to);

/* outbox.c */
/* As much of it as goes out now; true: all. */
bool rk__outbox_push(rk__mail *mail, rk__outgoing *letter);
/* Behind what waits already. Owns outgoing and its payload, unless `gone`. */
void rk__outbox_add(rk__mail *mail, rk__outgoing *outgoing);
void rk__outgoing_free(rk__outgoing *outgoing);
size_t rk__outbox_flush(rk__mail *mail);
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
enum { RK__MAIL_OP_ANSWER = 1, RK__MAIL_OP_DIED, RK__MAIL_OP_BEAT, RK__MAIL_OP_BORN, RK__MAIL_OP_REACH };
/* Burials and introductions that letters asked for. Not within a room. */
void rk__death_noted(rk__mail *mail);
void rk__death_duty(rk__mail *mail, uint64_t now_ns);
void rk__death_receive(rk__mail *mail, const rk__letter *letter);
/* Is a letter of this endpoint's to be handled? */
bool rk__death_is_heard(rk__mail *mail, uint32_t from);
void rk__death_heard(rk__mail *mail, uint32_t endpoint); /* from it by MPI */

#endif
