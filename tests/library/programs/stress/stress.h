/* Random operations on all that the library has, by functions on all ranks at once, with invariants that show every
 * loss and everything that happens twice.
 *
 * Actors. Some processes on each rank, which do one random operation after another on random objects, with random short
 * timeouts. Each keeps books of what it has done for sure, and hands them in at the end.
 *
 * Sets. Each rank has made a set of objects, for all. With `mortal` ranks, which somebody kills meanwhile, nobody can
 * know what the dead have done: there the immortal ones have a second set each that only immortal actors use. On
 * *strict* sets (these, or all if nobody is mortal) nothing may fail, and all books must balance to the last token; on
 * the others RK_EDEAD, RK_EBROKEN and RK_ENOENT may come, and what was lost is no mistake, but what is there twice is.
 *
 * Tokens. Numbers that exist once, and go from hand to hand through queues, pipes, lists, dictionaries and values. At
 * the end each must be in one place. Those that began in a strict set stay in strict ones.
 *
 * Lines. What actors log goes to one file, where each actor's are in order, and none is lost of those that came to an
 * end.
 *
 * Root, meanwhile, has a pool do tasks and starts and ends short processes. An alarm tells where everybody is and
 * aborts if the end does not come in time. */
#ifndef STRESS_H
#define STRESS_H

#include <rankine/manager.h>
#include <rankine/program.h>
#include <rankine/queue.h>
#include <rankine/shared.h>
#include <rankine/sync.h>

enum {
    RANKS_MAX = 16,
    SETS_MAX = 2 * RANKS_MAX,
    ACTORS_PER_RANK_MAX = 3,
    ACTORS_MAX = ACTORS_PER_RANK_MAX * RANKS_MAX,
    TOKENS = 12, /* that begin in a set */
    TOKENS_MAX = TOKENS * SETS_MAX,
    CHANNELS = 4, /* of a set: two queues, two ends of a pipe */
    BAG = 24,
    ELEMENTS = 8, /* of an array */
    KEYS = 8,
    PARTIES = 3, /* of a barrier */
    INSIDE_MAX = 3,
    RANGE_BYTES = 4096, /* of shared memory, for each actor */
    TEXT_MAX = 60,
    PARCEL_MAX = 3 << 20
};

/* What is counted, for each set. */
typedef enum total {
    LOCKED,
    RLOCKED,
    PRODUCED,
    CONSUMED,
    ADDED,
    SWAPPED,
    FLOATED,
    COUNTED,
    EMPTY_PUT,
    EMPTY_GOT,
    MET, /* a barrier, PARTIES of them */
    ELEMENT = MET + PARTIES,
    TOTALS = ELEMENT + ELEMENTS
} total;

typedef struct kit {
    rk_queue queues[2]; /* bounded, unbounded */
    rk_pipe ends[2];
    rk_lock lock; /* of left and right */
    rk_value left, right;
    rk_rlock rlock; /* of the pair */
    rk_array pair;
    rk_semaphore semaphores[2]; /* unbounded, bounded */
    rk_value inside[2];
    rk_condition condition;
    rk_value available;
    rk_event event, never; /* never set: for short waits */
    rk_barrier barrier;
    rk_value sum, swapped, floated, held; /* held: a token + 1, or 0 */
    rk_array elements;
    rk_dict counts, tokens, board;
    rk_list list;
    rk_namespace names;
    rk_memory memory;
    rk_shared_list texts;
} kit;

/* What all are told: the argument of each actor. */
typedef struct orders {
    double seconds;
    uint64_t seed;
    int32_t number; /* of the actor */
    int32_t actors, ranks;
    int32_t immortals; /* ranks that nobody kills: the first ones */
    int32_t isolated;  /* some actors are: they end with what they have made */
    int32_t set_count; /* one of each rank, then, if there are mortals, one of each immortal */
    kit sets[SETS_MAX];
} orders;

/* What an actor hands in. */
typedef struct books {
    int64_t totals[SETS_MAX][TOTALS];
    uint64_t range_seed[SETS_MAX]; /* of what it has last written to its range; 0: nothing */
    uint64_t operations;
    double slowest_seconds; /* operation */
    int32_t slowest_set;
    char slowest[40];
    int32_t failures;
    int64_t gatherings, lines; /* of all ranks; of the log */
    int32_t bag_size[2];       /* tokens of lenient sets, of strict ones */
    uint32_t bag[2][BAG];
} books;

/* What an actor made for a short time, and others find on a board. */
typedef enum brief_kind {
    BRIEF_QUEUE,
    BRIEF_LOCK,
    BRIEF_SEMAPHORE,
    BRIEF_EVENT,
    BRIEF_BARRIER,
    BRIEF_CONDITION,
    BRIEF_VALUE,
    BRIEF_ARRAY,
    BRIEF_MEMORY,
    BRIEF_DICT,
    BRIEF_LIST,
    BRIEF_PIPE,
    BRIEF_TEXTS,
    BRIEF_KINDS
} brief_kind;

typedef struct brief {
    brief_kind kind;
    rk_queue queue;
    rk_lock lock;
    rk_semaphore semaphore;
    rk_event event;
    rk_barrier barrier;
    rk_condition condition;
    rk_value value;
    rk_array array;
    rk_memory memory;
    rk_dict dict;
    rk_list list;
    rk_pipe ends[2];
    rk_shared_list texts;
} brief;

typedef struct actor {
    const orders *todo;
    int number;
    uint64_t random;
    int set; /* of the operation */
    const kit *on;
    bool strict;
    const char *doing;
    rk_error err;
    books *books;
    uint64_t put[SETS_MAX][CHANNELS];              /* parcels of this actor */
    uint64_t last[SETS_MAX][CHANNELS][ACTORS_MAX]; /* parcel of each actor that came here */
    int64_t named[SETS_MAX];                       /* what it last wrote to its name */
    int64_t first[SETS_MAX];                       /* who was first to set a default; -1: not known */
    bool has_brief;
    int brief_set; /* where it is announced */
    brief brief;
    unsigned char *parcel; /* PARCEL_MAX bytes */
} actor;

/* ---- stress.c ---- */

uint64_t next_random(uint64_t *state);
uint64_t below(uint64_t *state, uint64_t bound);
double short_time(uint64_t *state);
double now(void);
bool is_strict(const orders *todo, int set);
bool may_die(const orders *todo); /* some rank */
/* The watchdog's: where a function of this process is, one text for each of its places; 0 is root's. */
void be_at(int place, const char *doing, int set);

#define BIT(status) (1u << (status))
/* Is it RK_OK? What is neither that nor among the statuses allowed here is a failure, and told. */
bool met(actor *who, rk_status status, unsigned allowed, const char *what);
/* A failure unless it is true. */
bool holds(actor *who, bool truth, const char *what);
/* A short time without anything: the baton is another's, or kept. */
void dawdle(actor *who);

/* ---- tokens: the actor's bag ---- */

bool bag_is_full(const actor *who);
bool bag_is_empty(const actor *who);
uint32_t take_from_bag(actor *who); /* any */
void put_into_bag(actor *who, uint32_t token);

/* ---- operations ---- */

typedef void (*operation)(actor *who);
typedef struct named_operation {
    const char *name;
    operation run;
    int weight;
} named_operation;

const named_operation *any_operation(uint64_t *random);

void put_parcel(actor *who);
void get_parcel(actor *who);
void look_at_channels(actor *who);
/* The token of a parcel that came by a channel; -1: it is spoilt, or has none. */
int64_t open_parcel(actor *who, int channel, const void *bytes, size_t size);

void change_pair_locked(actor *who);
void change_pair_rlocked(actor *who);
void go_inside(actor *who);
void produce(actor *who);
void consume(actor *who);
void touch_event(actor *who);
void meet_at_barrier(actor *who);
rk_status barrier_action(rk_call *call);

void add_to_value(actor *who);
void swap_value(actor *who);
void exchange_token(actor *who);
void add_to_element(actor *who);
void use_memory(actor *who);
void use_texts(actor *who);
bool range_is(const unsigned char *bytes, uint64_t seed);

void count_in_dict(actor *who);
void token_by_dict(actor *who);
void token_by_list(actor *who);
void use_names(actor *who);

void run_a_process(actor *who);
void run_a_pool(actor *who);
void be_flooded(actor *who);

void gather_all_ranks(actor *who);
void wait_for_several(actor *who);
void log_a_line(actor *who);

void make_or_end_brief(actor *who);
void use_brief(actor *who);

/* ---- sets.c: root's ---- */

rk_status make_sets(orders *todo, rk_error *err);

/* ---- audit.c: do the books balance? Tells what does not. ---- */

typedef struct audit {
    const orders *todo;
    int failures;
    int found[TOKENS_MAX];            /* times that a token was found */
    int64_t totals[SETS_MAX][TOTALS]; /* of all books that were handed in */
    bool handed_in[ACTORS_MAX];
    int64_t lines[ACTORS_MAX]; /* that an actor has logged */
    int64_t gatherings;
    actor *drain; /* what empties the channels */
    rk_error err;
} audit;

void audit_books(audit *all, const books *one, int number);
void audit_token(audit *all, uint32_t token);
void audit_sets(audit *all);
void audit_say(audit *all, int set, const char *what, int64_t found, int64_t expected);

/* ---- lines.c: the log ---- */

typedef struct lines {
    char path[300];
    int64_t found[ACTORS_MAX];
} lines;

/* From now on actors' lines go to a file of its own. */
rk_status lines_begin(lines *log, rk_error *err);
/* No more come. Is the file as it should be? It is gone afterwards. */
void lines_end(lines *log, audit *all);

/* ---- work.c: what root does meanwhile: a pool, short processes ---- */

typedef struct work work;
work *work_begin(audit *all, uint64_t seed, bool isolate);
void work_step(work *todo);
/* All is joined and gone. */
void work_end(work *todo);
uint64_t work_done(const work *todo);

#endif
