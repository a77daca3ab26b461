/* What the units of src/pool share.
 *
 * Problem. Thousands of small tasks a millisecond, or a few that run for hours, go to workers on other ranks, and what
 * comes of them comes back: in the time of two letters if a worker waits, without a worker ever waiting for the next
 * task if there is one, with values of any size, while the owner computes, and whoever dies.
 *
 * Idea. The process that made the pool, its *owner*, has all of its state: futures, which of them are blocked by their
 * inputs, pending or *in flight* to a worker. It hands out tasks from whatever lets it: a call, or a letter that says
 * that a worker is done. A *worker* is a strand of its endpoint with a list of jobs; the owner's view of it is a
 * *hand*. A map is one future, from which chunks fly. Everything the owner sends to a worker can be sent to any
 * endpoint, a child of a rank as well.
 *
 *   owner                                     worker's endpoint
 *   START ----------------------------------> a strand, which runs the initializer
 *   <--------------------- STARTED, or BROKEN; INITIALIZED by isolated ones
 *   TASK, TASK_WITH (inputs), CHUNK --------> job list ──> strand runs it
 *   <--------------------------------- OUTCOME (with the result, or where it is kept)
 *   RECALL ---------------------------------> gives back what it has not begun
 *   <------------- RETURNED for each, RECALLED
 *   WITHDRAW? ------------------------------> takes one job out of the list, if it is there
 *   STOP (when all is done, or at once) ----> strand ends
 *   <----------------------------------- ENDED
 *   FETCH? (copy or take) ------------------> also from a worker to whoever has a value it needs
 *   DROP -----------------------------------> a kept value is not wanted any more
 *
 *   blocked ──inputs done──> pending ──hand has room──> sent ──OUTCOME──> done ──> settled: listeners, callbacks told
 *                               ^────────RETURNED────────┘
 *
 * Ahead. A hand has up to pool->depth jobs in flight, so that the next begins before the owner has heard of the last:
 * 2 as a rule, 1 if tasks take long, more if they are over before a letter could come. When nothing is pending and a
 * hand has nothing, the fullest one is recalled.
 *
 * Values. What a function returned travels with OUTCOME if it is small or wanted at once (apply), else it is a *value*
 * in the table of the endpoint that made it. The owner fetches it when somebody gets it: takes it away if no task
 * needs it there, else copies it. A task with inputs is sent small values, and the places of large ones.
 *
 * Isolated. Each worker of such a pool is alone in a child of its rank, has one task at a time, and is replaced when
 * the child dies. Results travel to the owner whatever their size, so that they outlive it.
 *
 * Invariants.
 * - A future is in pool->blocked or a level of pool->queue, or it has a flight, or it is done. A map that has flights
 *   and chunks to send is in the queue.
 * - After each event of the owner nothing is pending or no hand has room (dispatch).
 * - An argument or an array of items stays until its outcome is here; a job whose argument the worker alone has
 *   (RK__LARGE_BYTES) is not sent ahead and not given back.
 * - A flight that is not `gone` has bytes on their way out of the owner's memory: it ends only by an outcome or a
 * death.
 * - A future with `dependents` keeps its value where they were told it is. While it is being fetched none is
 * dispatched.
 * - A letter to a worker comes before its STOP; so the number of a worker, which is reused, never means another
 *   one of its owner. Children refuse a START with another birth than theirs.
 * - User code runs without the lock: functions on workers' strands; callbacks and generators on the owner's strand that
 *   waits. What it could destroy meanwhile is pinned. */
#ifndef RANKINE_POOL_PRIVATE_H
#define RANKINE_POOL_PRIVATE_H

#include "call/call.h"
#include "pool/pool.h"
#include "process/process.h"

enum { RK__LARGE_BYTES = 64 * 1024 };

typedef enum rk__pool_op {
    RK__POOL_START = 1,
    RK__POOL_STARTED,
    RK__POOL_INITIALIZED,
    RK__POOL_BROKEN,
    RK__POOL_TASK,
    RK__POOL_TASK_WITH,
    RK__POOL_CHUNK,
    RK__POOL_OUTCOME,
    RK__POOL_RECALL,
    RK__POOL_RETURNED,
    RK__POOL_RECALLED,
    RK__POOL_WITHDRAW,
    RK__POOL_STOP,
    RK__POOL_ENDED,
    RK__POOL_FETCH,
    RK__POOL_FETCH_ENDS, /* cancels nothing: a fetch is answered at once */
    RK__POOL_DROP
} rk__pool_op;

typedef enum rk__how_to_stop { RK__STOP_NOT = 0, RK__STOP_WHEN_DONE, RK__STOP_NOW } rk__how_to_stop;

typedef struct rk__pool rk__pool;
typedef struct rk__future rk__future;
typedef struct rk__worker rk__worker;
typedef struct rk__room_of_pools rk__pools;

/* ---- slots.c: things by a number that is never given twice ---- */

typedef struct rk__slot {
    void *item;
    uint64_t serial; /* of a free one: the next free one + 1 */
} rk__slot;

typedef struct rk__slots {
    rk__slot *list;
    uint32_t used, capacity, free; /* free: the first free one + 1 */
    uint64_t given;
} rk__slots;

uint64_t rk__slots_add(rk__slots *slots, void *item); /* its serial; 0: out of memory, or 2^24 are there */
void *rk__slots_find(const rk__slots *slots, uint64_t serial);
void *rk__slots_at(const rk__slots *slots, uint32_t number); /* NULL: none is there */
uint32_t rk__slot_number(uint64_t serial);
void rk__slots_remove(rk__slots *slots, uint64_t serial);
void rk__slots_fini(rk__slots *slots);

/* ---- names.c: a function's name and back, remembered ---- */

enum { RK__NAMES_KEPT = 64 };
typedef struct rk__known_name {
    rk_function function;
    rk__function_name name;
} rk__known_name;

rk_status rk__pool_name(rk__pools *room, rk_function function, rk__function_name *name, rk_error *err);
rk_status rk__pool_function(rk__pools *room, const rk__function_name *name, rk_function *function, rk_error *err);

/* ---- the owner's: futures ---- */

typedef struct rk__listener { /* told once, when the future is done */
    struct rk__listener *next;
    void (*heard)(struct rk__listener *self, rk__future *future);
} rk__listener;

typedef struct rk__callback {
    struct rk__callback *next;
    rk__future *future;
    rk_result_fn result;
    rk_failure_fn failure;
    rk_done_fn done;
    void *ctx;
} rk__callback;

typedef struct rk__input {
    rk__listener listener;
    rk__future *of, *task;
    bool awaited; /* the listener is in of->listeners */
} rk__input;

typedef struct rk__flight {             /* a task or a chunk that a worker has */
    struct rk__flight *next, *previous; /* of the hand; of the map that got it back */
    uint64_t serial;
    rk__future *future;
    struct rk__hand *hand;
    size_t first, count; /* items */
    bool gone;           /* the bytes it needs of us are out */
} rk__flight;

typedef struct rk__chunks { /* what makes a future a map */
    const unsigned char *items;
    unsigned char *results; /* the caller's if the future's bytes are NULL */
    void *items_owned;
    size_t count, item_size, result_size, chunk;
    size_t next; /* first item that was not sent */
    size_t flights;
    rk__flight *returned;
    size_t failed_at; /* item; SIZE_MAX: none */
    rk_status failed;
    bool cancelled;
    int32_t failed_rank;
    char *failed_text;
    uint64_t before; /* items of an imap before these */
} rk__chunks;

typedef enum rk__future_state { RK__BLOCKED = 0, RK__PENDING, RK__SENT, RK__DONE } rk__future_state;

struct rk__future {
    uint64_t serial;
    rk__pool *pool;              /* until it is done */
    rk__future *next, *previous; /* of the list or level it is in */
    rk__function_name function;
    const void *arg;
    uint64_t arg_size;
    void *bytes;            /* the result; the message if it failed */
    uint64_t size;          /* also while the result is elsewhere */
    uint64_t value;         /* its number at the holder */
    uint64_t failed_item;   /* of a map that failed */
    uint32_t holder;        /* whose table has the value; RK__NOBODY: none, it is in `bytes` */
    int32_t priority, rank; /* where it ran */
    rk_status status;
    rk__flight *flight; /* of a single task */
    rk__chunks *chunks; /* of a map */
    rk__input *inputs;
    uint32_t input_count, inputs_left;
    uint32_t dependents; /* tasks that are not done and have it as input */
    uint32_t pins;       /* as long as there are any, it is not freed */
    uint32_t stamp;      /* of the last as_completed that has it */
    rk__listener *listeners;
    rk__callback *callbacks;
    rk__watch *watches;
    uint8_t state;  /* rk__future_state */
    bool queued;    /* in pool->queue */
    bool settled;   /* done, and everybody was told */
    bool cancelled; /* it did not run, or not to its end; before it is done: it shall not run again */
    bool forgotten; /* destroyed by the user */
    bool fetching, carried, arg_owned;
};

/* ---- the owner's: pools ---- */

typedef struct rk__level { /* of equal priority */
    rk__future *first, *last;
    int32_t priority;
} rk__level;

typedef struct rk__queue {
    rk__level *levels; /* the highest last; none is empty */
    size_t count, capacity;
} rk__queue;

typedef enum rk__hand_phase {
    RK__HAND_STARTING = 0,
    RK__HAND_INITIALIZING, /* isolated ones only: their deaths before and after differ */
    RK__HAND_READY,
    RK__HAND_STOPPING,
    RK__HAND_ENDED
} rk__hand_phase;

typedef struct rk__hand {
    uint64_t serial;
    rk__pool *pool;
    uint32_t rank;
    uint32_t endpoint, there; /* the worker's number at its endpoint. RK__NOBODY: isolated, and not born */
    uint32_t in_flight;
    rk__hand_phase phase;
    bool recalled; /* and not yet answered */
    rk__flight *first, *last;
    /* isolated */
    rk__child child;
    uint64_t tasks; /* of this child */
    uint32_t idle_deaths, refusals;
    bool replaced; /* it is not the first */
} rk__hand;

typedef struct rk__beginning { /* what a worker is told with START */
    rk__function_name initializer;
    const void *arg;
    uint64_t arg_size, max_tasks;
    bool has_initializer;
} rk__beginning;

struct rk__pool {
    uint64_t serial;
    rk__pools *room;
    rk__pool *next; /* of room->pools */
    rk__hand **hands;
    uint32_t hand_count, living, starting, next_hand;
    rk__queue queue;
    rk__level blocked;
    uint64_t undone; /* futures */
    uint32_t pins;
    uint64_t open_imaps;
    uint64_t task_ns; /* mean; 0: not known yet */
    uint32_t depth;
    bool isolate;
    rk__beginning beginning; /* isolated: arg is ours; else it is the caller's, and gone when all have started */
    bool closed, forgotten;
    rk_status ended_by; /* RK_ECANCELLED: terminated; RK_EBROKEN, RK_EDEAD; RK_OK: it goes on */
    char text[256];     /* why */
};

/* ---- the worker's ---- */

typedef struct rk__job {
    struct rk__job *next;
    uint64_t flight;
    uint16_t op;
    rk__function_name function;
    uint64_t sizes; /* TASK: carried; TASK_WITH: carried, inputs << 1; CHUNK: of an item, of a result << 32 */
    const unsigned char *bytes;
    uint64_t size;
    void *owned; /* bytes, malloc'ed by themselves */
    _Alignas(max_align_t) unsigned char here[];
} rk__job;

typedef struct rk__news { /* what came of a task, or of a chunk */
    rk_status status;
    bool cancelled;
    int32_t rank;
    void *bytes; /* owned; of a failure: text, not terminated */
    uint64_t size;
    uint32_t holder; /* RK__NOBODY: bytes are here */
    uint64_t value;
    uint64_t failed_at;
    uint64_t run_ns; /* 0: was not measured */
} rk__news;

struct rk__worker {
    uint64_t serial;
    rk__pools *room;
    uint32_t owner;
    uint64_t hand;
    bool has_initializer;
    rk__function_name initializer;
    void *initializer_arg;
    uint64_t initializer_arg_size;
    uint64_t max_tasks, tasks;
    uint64_t run_ns;  /* of the last job that was timed */
    uint32_t untimed; /* jobs since then */
    rk__job *first, *last;
    atomic_int stop; /* rk__how_to_stop */
    uint32_t party;
    struct rk__given *given; /* inputs of the job that runs */
    uint32_t given_count;
    rk__job *job;  /* that runs; NULL: none */
    rk__news news; /* what has come of it so far, or of the initializer */
};

typedef struct rk__value { /* a result that nobody has asked for yet, or that others need here */
    uint64_t serial;
    uint32_t owner; /* of the future */
    void *bytes;
    uint64_t size;
    uint32_t pins;
    bool dropped; /* freed with its last pin */
} rk__value;

typedef struct rk__given { /* an input of a job */
    const void *bytes;
    uint64_t size;
    void *owned;
    rk__value *pinned;
} rk__given;

/* ---- the room ---- */

struct rk__room_of_pools {
    rk__mail *mail;
    uint32_t endpoint;
    rk__slots pools, futures, flights, hands, imaps, completeds; /* the owner's */
    rk__slots workers, values;
    rk__pool *all;
    rk__level finished; /* done, not yet settled */
    bool settling;
    rk__callback *due, *due_last;
    bool calling; /* a strand is in a callback */
    uint32_t stamp;
    rk__known_name by_function[RK__NAMES_KEPT], by_name[RK__NAMES_KEPT];
};

/* room.c */
rk__pools *rk__pools_enter(rk_error *err); /* NULL: a stranger */
void rk__pools_leave(rk__pools *room);
/* The thing of a reference, which must be of this process. */
rk_status rk__pools_find(rk__pools *room, rk_ref ref, rk__kind kind, void **found, rk_error *err);
void rk__pools_post(rk__pools *room, uint32_t to, rk__letter *letter);
rk_ref rk__pools_ref(const rk__pools *room, uint64_t serial, rk__kind kind);

/* queue.c */
bool rk__queue_add(rk__queue *queue, rk__future *future, bool first); /* false: out of memory */
rk__future *rk__queue_first(const rk__queue *queue);
void rk__queue_remove(rk__queue *queue, rk__future *future);
void rk__level_add(rk__level *level, rk__future *future, bool first);
void rk__level_remove(rk__level *level, rk__future *future);

/* future.c */
rk__future *rk__future_new(rk__pools *room, rk__pool *pool, size_t tail);
/* Blocked, or pending. */
void rk__future_begin(rk__pools *room, rk__future *future);
void rk__future_complete(rk__pools *room, rk__future *future, const rk__news *news);
/* As that, without a result: copies the text. */
void rk__future_fail(rk__pools *room, rk__future *future, rk_status status, bool cancelled, const char *text);
void rk__future_listen(rk__future *future, rk__listener *listener);
void rk__future_unlisten(rk__future *future, rk__listener *listener);
void rk__future_tell(rk__future *future);
void rk__future_pin(rk__future *future);
void rk__future_unpin(rk__pools *room, rk__future *future);
void rk__future_forget(rk__pools *room, rk__future *future);
void rk__future_unwatch_all(rk__future *future);
void rk__future_free(rk__pools *room, rk__future *future); /* as at the end: tells nobody */

/* result.c */
/* Its bytes are here afterwards, if it has a result. */
rk_status rk__future_fetch(rk__pools *room, rk__future *future, rk_error *err);
rk_status rk__future_failure(const rk__future *future, rk_error *err); /* its status; RK_OK */
void rk__future_drop_value(rk__pools *room, rk__future *future);

/* callback.c */
rk_status rk__callback_add(rk__future *future, const rk__callback *callback, rk_error *err);
void rk__callbacks_come_due(rk__pools *room, rk__future *future);
void rk__callbacks_run(rk__pools *room);
/* rk__wait, which runs callbacks. */
rk_status rk__pools_wait(rk__pools *room, rk__condition condition, void *ctx, uint64_t deadline_ns);
/* rk__yield, likewise. */
void rk__pools_look(rk__pools *room);
/* Until it is done; the caller has pinned it. */
rk_status rk__pools_wait_future(rk__pools *room, rk__future *future, double timeout_seconds, rk_error *err);

/* dispatch.c */
void rk__dispatch(rk__pool *pool);
rk__flight *rk__flight_new(rk__pools *room, rk__future *future); /* NULL: out of memory */
void rk__flight_unlink(rk__flight *flight);
void rk__flight_land(rk__pools *room, rk__flight *flight, rk__news *news);
bool rk__flight_send(rk__pools *room, rk__flight *flight); /* send.c; false: out of memory */

/* owner.c */
void rk__owner_outcome(rk__pools *room, uint64_t flight, rk__news *news); /* owns news->bytes */
void rk__owner_returned(rk__pools *room, uint64_t flight);
void rk__owner_recalled(rk__pools *room, uint64_t hand);
void rk__owner_started(rk__pools *room, const rk__letter *letter);
void rk__owner_broken(rk__pools *room, const rk__letter *letter);
void rk__owner_ended(rk__pools *room, uint64_t hand);
void rk__owner_died(rk__pools *room, uint32_t endpoint);
void rk__hand_ends(rk__hand *hand);
void rk__hand_stop(rk__hand *hand, rk__how_to_stop how);
void rk__hand_land_all(rk__hand *hand, rk_status status, const char *text);
/* Ends all that is not done with this status. */
void rk__pool_end(rk__pool *pool, rk_status why, const char *text);
/* Stops the workers if nothing is to be done any more; frees the pool if nobody needs it. */
void rk__pool_settle(rk__pool *pool);
void rk__pool_unpin(rk__pool *pool);
void rk__pool_free(rk__pool *pool);

/* lifecycle.c */
void rk__hand_start(rk__hand *hand);

/* isolated.c */
void rk__isolated_begin(rk__hand *hand);
void rk__isolated_started(rk__hand *hand, rk_status status, const char *text);
void rk__isolated_initialized(rk__pools *room, uint64_t hand);
void rk__isolated_outcome(rk__hand *hand); /* before its flight lands */
void rk__isolated_stop_now(rk__hand *hand);
void rk__isolated_ended(rk__hand *hand); /* the worker, not yet its child */
void rk__isolated_died(rk__hand *hand);
/* Until children of pools that were terminated or destroyed have made room. RK_ECANCELLED. */
rk_status rk__isolated_await_room(rk__pools *room, rk_error *err);

/* map.c */
typedef struct rk__map_place {
    void *results;   /* where they go; NULL: the future has them */
    uint64_t before; /* items of an imap before these */
} rk__map_place;
rk_status rk__map_begin(rk__pools *room, rk__pool *pool, const rk_map *map, const rk__map_place *place,
                        rk__future **out, rk_error *err);
bool rk__chunks_left(const rk__chunks *chunks);
rk__flight *rk__chunks_next(rk__future *future); /* the next chunk as a flight; NULL: out of memory */
void rk__chunk_landed(rk__pools *room, rk__flight *flight, rk__news *news);
/* What was not sent will not be. */
void rk__chunks_stop(rk__pools *room, rk__future *future, rk_status status, bool cancelled, const char *text);
void rk__chunks_free(rk__chunks *chunks);

/* tasks.c */
rk_status rk__pool_takes(const rk__pool *pool, rk_error *err); /* does it take tasks? */

/* imap.c, several.c */
void rk__imap_free(rk__pools *room, void *imap);
void rk__completed_free(rk__pools *room, void *completed);

/* worker.c */
void rk__worker_start(rk__pools *room, rk__letter *letter);
rk__worker *rk__worker_meant(const rk__pools *room, const rk__letter *letter);
void rk__worker_stop(rk__worker *worker, rk__how_to_stop how);
void rk__worker_died(rk__pools *room, uint32_t owner);
void rk__worker_free(rk__worker *worker);
/* Not one that the calling strand works for, which would wait for itself; but callbacks, whoever runs them. */
rk_status rk__worker_may_use(const rk__pools *room, const rk__pool *pool, rk_error *err);

/* jobs.c */
rk__job *rk__job_new(size_t here);
void rk__job_free(rk__job *job);
void rk__job_receive(rk__pools *room, rk__letter *letter);
void rk__job_add(rk__worker *worker, rk__job *job);
rk__job *rk__job_next(rk__worker *worker);
void rk__jobs_give_back(rk__worker *worker);
bool rk__job_withdraw(rk__worker *worker, uint64_t flight);
void rk__jobs_cancel(rk__worker *worker);
void rk__job_report(rk__worker *worker, const rk__job *job, rk__news *news); /* owns news->bytes */

/* run.c */
bool rk__worker_stopping(void *worker);
typedef struct rk__run {
    rk_function function;
    const void *arg; /* of a chunk: the items */
    size_t size, item_size, result_size;
    bool chunk;
} rk__run;
/* Its bytes are the text from now on. */
void rk__news_fail(rk__news *news, rk_status status, const char *text);
/* Not with the lock held. */
void rk__job_run(rk__worker *worker, const rk__run *run, rk__news *news);

/* inputs.c */
typedef struct rk__input_head { /* as inputs stand in a letter: heads, bytes of small ones, the argument; each padded */
    uint64_t value, size;
    uint32_t holder; /* RK__NOBODY: the bytes are here */
    uint32_t pad;
} rk__input_head;
/* The payload of a task with inputs; NULL: out of memory. */
void *rk__inputs_pack(rk__pools *room, rk__future *task, uint64_t *size);
/* Lock held. Finds or fetches them: worker->given. */
rk_status rk__inputs_get(rk__worker *worker, const rk__job *job, const void **arg, size_t *arg_size, rk_error *err);
void rk__inputs_release(rk__worker *worker);

/* values.c */
rk__value *rk__value_keep(rk__pools *room, uint32_t owner, void *bytes, uint64_t size); /* NULL: out of memory */
void rk__value_unpin(rk__pools *room, rk__value *value);
void rk__value_drop(rk__pools *room, uint64_t serial);
void rk__value_fetch(rk__pools *room, rk__letter *letter);
void rk__value_owner_died(rk__pools *room, uint32_t owner);
void rk__value_free(rk__value *value);

#endif
