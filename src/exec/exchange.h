/* The exchange: shared memory between a rank and the isolated process that computes for it.
 *
 * Problem. The worker may crash at any instant, in the middle of a row; what it had finished before must not be lost,
 * and what it had not must not count.
 *
 * Idea. Two rings with one writer and one reader each, by C11 atomics, without locks: messages, and the rows of
 * batches. The worker computes a batch in place, in the ring of rows; only when it is done a message says so. The rank
 * takes messages in order and passes them on to its stage, as if it had computed them. A message that is visible is
 * whole. Both sides poll with naps that grow: a ring of 4 MiB holds what comes in during one.
 *
 * After a crash the block is computed carefully: task by task, and behind each task all that it takes to go on with the
 * next is kept here, in two slots in turn, so that one is always whole. The next worker goes on from there: what tasks
 * have cost is never paid more than twice, however many of them crash.
 *
 * Beside that: what the kernel is doing, and what crashed it.
 *
 * Logic over given memory; the worker and the rank may as well be threads. */
#ifndef RANKINE_EXCHANGE_H
#define RANKINE_EXCHANGE_H

#include "exec/exec.h"

/* ---- a ring of bytes ---- */
typedef struct rk__ring {
    _Atomic uint64_t head; /* bytes ever written */
    unsigned char pad[120];
    _Atomic uint64_t tail; /* bytes ever taken */
    unsigned char pad2[120];
    uint64_t at, size; /* of its memory, from the begin of the exchange; a multiple of 16 */
} rk__ring;

typedef enum rk__message_kind {
    RK__MESSAGE_SKIP = 0, /* to the end of the ring */
    RK__MESSAGE_BEGIN,    /* a block: nothing of it counts before END */
    RK__MESSAGE_ROWS,     /* a batch of tasks is computed; its rows are in the other ring */
    RK__MESSAGE_EMITTED,
    RK__MESSAGE_FAILED,
    RK__MESSAGE_KEPT,    /* of a careful block: what came before can be gone on from */
    RK__MESSAGE_END,     /* of the block: record, then partial */
    RK__MESSAGE_STOPPED, /* told to drain in the middle of a block */
    RK__MESSAGE_FINISHED /* nothing is left to claim; count: for want of time; or an error's code and text */
} rk__message_kind;

typedef struct rk__message { /* payload behind it, padded to 16 bytes */
    uint32_t kind, bytes;
    uint64_t task;  /* BEGIN, END: block; ROWS: the first task; KEPT: the next */
    uint64_t count; /* of tasks; KEPT: the slot */
    uint64_t column;
} rk__message;

enum { RK__EXCHANGE_PIECE = 64 << 10 };

/* How far a careful block is. The reductions so far lie behind it: rk__exec_save. */
typedef struct rk__kept {
    uint64_t next;    /* task */
    uint64_t retried; /* of the claimer's line */
    rk__block_record record;
} rk__kept;

typedef struct rk__exchange {
    rk__exec_watch watch;
    /* the worker's last words, from its signal handler */
    _Atomic uint32_t fault_signal, fault_is_stack;
    _Atomic uint64_t fault_address;
    _Atomic uint64_t base_bytes; /* of its memory, before it computes */
    /* Written by the rank while there is no worker. */
    uint64_t rest_first, rest_count; /* blocks of an earlier worker's claim */
    uint64_t careful_block;          /* 1 + the block to compute task by task, with a look behind each; 0: none */
    uint64_t go_on;                  /* 1 + the slot with which the careful block goes on; 0: it begins */
    rk__failure past;                /* the task that ended a worker last; attempts 0: none */
    rk__ring messages, rows;
    uint64_t text_at;             /* the worker's orders, text */
    uint64_t kept_at, kept_bytes; /* two slots of so many bytes */
} rk__exchange;

/* Sizes that fit what one batch and one block need. */
typedef struct rk__exchange_sizes {
    uint64_t message_bytes, row_bytes, text_bytes;
    uint64_t fold_bytes; /* rk__fold_saved_bytes */
} rk__exchange_sizes;
size_t rk__exchange_bytes(const rk__exchange_sizes *sizes);
/* In zeroed memory. */
void rk__exchange_init(rk__exchange *exchange, const rk__exchange_sizes *sizes);
char *rk__exchange_text(rk__exchange *exchange);
rk__kept *rk__exchange_kept(rk__exchange *exchange, uint64_t slot); /* of 0 and 1 */
/* The rank, before there is a new worker: what the dead one left half done is dropped. */
void rk__exchange_reset(rk__exchange *exchange);

/* ---- the worker ---- */
typedef struct rk__exchange_writer {
    rk__exchange *exchange;
    const rk__schema *schema;
    uint64_t batch_at, batch_end; /* of the batch that is being computed */
    uint64_t batch_first, batch_count;
    bool has_batch;
    uint64_t waited_ns; /* for the rank; no task's time */
} rk__exchange_writer;
/* Memory for a batch, as rk__exec_sink.rows; the batch before it is finished by that. Waits while the ring is full. */
void rk__exchange_rows(rk__exchange_writer *writer, uint64_t first, uint64_t count, void **rows);
void rk__exchange_put(rk__exchange_writer *writer, const rk__message *message, const void *payload, size_t bytes,
                      const void *more, size_t more_bytes);
void rk__exchange_finish_batch(rk__exchange_writer *writer);
/* Bytes that a batch of `count` tasks takes in the ring of rows. */
uint64_t rk__exchange_batch_bytes(const rk__schema *schema, uint64_t count);

/* ---- the rank ---- */
/* The next message and its payload (borrowed until _taken), or false. */
bool rk__exchange_next(rk__exchange *exchange, rk__message *message, const void **payload);
void rk__exchange_taken(rk__exchange *exchange);
/* Do the rows of a ROWS message lie within the ring? */
bool rk__exchange_holds_rows(const rk__exchange *exchange, const rk__schema *schema, const rk__message *message);
/* Copies the rows of a ROWS message to where they belong, and gives their memory back. */
void rk__exchange_take_rows(rk__exchange *exchange, const rk__schema *schema, const rk__message *message,
                            void *const *rows);

#endif
