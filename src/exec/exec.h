/* src/exec: running a block of tasks, and what is between the processes that do it for each other.
 *
 *   exec.c tasks.c emit.c reuse.c harvest.c   a block, in this process: below
 *   watch.h      what the kernel is doing, for whoever looks when it has crashed
 *   fault.c      what is noticed in the process itself when a kernel ends it
 *   exchange.c   what an isolated process hands to its rank
 *
 * Problem. A kernel sees one task (or a run of consecutive ones); the run needs rows at their places, checksums,
 * reductions, failures and clocks, and the same bits however tasks are cut into batches and blocks.
 *
 * Idea. A block is computed in batches. A batch's tasks get memory for their rows from whoever runs the block (the
 * stage of a run file, or plain memory in a check); afterwards, while the rows are hot, failed rows are filled, scalars
 * are copied from the author's structs to their columns, good rows are hashed and folded.
 *
 * Invariants. What a task adds to a reduction counts only if the task succeeds. Leaves are folded in task order. The
 * floating-point environment is that of the start around every block. Nothing here knows of ranks, files or time's
 * meaning.
 *
 * One exec belongs to one thread. */
#ifndef RANKINE_EXEC_H
#define RANKINE_EXEC_H

#include <signal.h>
#include <stdatomic.h>

#include "exec/watch.h"
#include "record/record.h"
#include "reduce/reduce.h"
#include "space/space.h"

/* Where a block's rows and failures go. */
typedef struct rk__exec_sink {
    /* Memory for the rows of tasks [first, first+count), as rk__stage_rows. */
    rk_status (*rows)(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err);
    rk_status (*failed)(void *ctx, const rk__failure *failure, rk_error *err);
    /* Values of an output of varying length, as they come, also of tasks that fail later. NULL: they are only hashed.
     */
    rk_status (*emitted)(void *ctx, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err);
    void *ctx;
    uint64_t batch_tasks; /* most tasks in one call of `rows` */
} rk__exec_sink;

/* Tasks whose rows are known already. `load` writes the rows of `task` at place `place` of rows[c] for every kept
 * column, and sets *known; otherwise it leaves them as they are. */
typedef struct rk__exec_reuse {
    rk_status (*load)(void *ctx, uint64_t task, void *const *rows, uint64_t place, bool *known, rk_error *err);
    void *ctx;
} rk__exec_reuse;

/* For kernels that may end their process. */
typedef struct rk__exec_guard {
    rk__exec_watch *watch; /* NULL: the executor's own */
    /* What is known of a task that ended a process before: how often (`attempts`), and why. One that was tried often
     * enough fails with that; NULL: nothing. */
    const rk__failure *(*past)(void *ctx, uint64_t task);
    /* After each task of a block that is computed carefully; may end the process. */
    void (*after)(void *ctx, uint64_t task);
    /* ... and then, when it counts: another process can go on with task `next` of the block (rk__exec_save). */
    void (*keep)(void *ctx, uint64_t next, const rk__block_record *record);
    const volatile sig_atomic_t *copied; /* not 0: this process is a copy that a task has forked; it ends */
    void *ctx;
} rk__exec_guard;

/* For kernels whose tasks take several ranks: this one computes each task together with others. */
typedef struct rk__exec_team {
    void *comm; /* an MPI_Comm *, for the kernel; NULL: no team */
    int rank, size;
    void (*begin)(void *ctx, uint64_t task, uint32_t attempt); /* the leader: the others are to compute this task */
    /* Of this rank, and then of the whole team. */
    void (*agree)(void *ctx, int *code, char *message, size_t size);
    void *ctx;
} rk__exec_team;

typedef struct rk__exec_options {
    const rk_kernel *kernel;
    const rk__space *space;
    const rk__schema *schema;
    const rk__reducer *reducer;
    uint64_t seed;
    rk__exec_sink sink;
    rk__exec_reuse reuse;          /* .load NULL: nothing is known */
    const rk_place *place;         /* NULL: of a process by itself */
    rk__exec_team team;            /* .size 0 or 1, .comm NULL: none */
    rk__exec_guard guard;          /* all NULL: none */
    uint32_t retries;              /* of a task that fails, at once */
    const _Atomic uint32_t *drain; /* not 0: stop before the next task; NULL: never */
    /* Counted up as tasks end; `retried`: those that succeeded at a later attempt. NULL: not. */
    _Atomic uint64_t *tasks, *failed, *retried;
} rk__exec_options;

typedef struct rk__exec rk__exec;
/* Everything in `options` is borrowed until destroy. Opens the input if the space has one. */
rk_status rk__exec_create(rk__exec **out, const rk__exec_options *options, rk_error *err);
void rk__exec_destroy(rk__exec *exec);
/* A member of a team that does not lead: compute one task; nothing of it counts but whether it failed. An error of
 * reading the input is told to the team as the task's failure, and returned. */
rk_status rk__exec_follow(rk__exec *exec, uint64_t task, uint32_t attempt, rk_error *err);
/* Compute the blocks that follow task by task (also those of a whole-block kernel), and call guard.after and guard.keep
 * behind each. */
void rk__exec_be_careful(rk__exec *exec, bool careful);
/* In guard.keep: the reductions of the block so far, rk__fold_saved_bytes. */
void rk__exec_save(const rk__exec *exec, void *fold);
/* The next block is one of which another process has computed [first, next): what guard.keep was given, and
 * rk__exec_save wrote. All of it is copied. */
rk_status rk__exec_go_on(rk__exec *exec, uint64_t next, const rk__block_record *record, const void *fold,
                         rk_error *err);
/* The running block is computed to its end, also when told to stop: so that a failure in it is recorded. */
void rk__exec_finish_block(rk__exec *exec);
/* What the kernel is doing. */
const rk__exec_watch *rk__exec_watch_of(const rk__exec *exec);
/* Compute tasks [first, first+count) as one block: `record` gets failed, checksum, start and duration; `partial` the
 * schema's partial_bytes (NULL without reductions). *stopped: told to drain before the end; nothing of the block counts
 * then. */
rk_status rk__exec_block(rk__exec *exec, uint64_t first, uint64_t count, rk__block_record *record, void *partial,
                         bool *stopped, rk_error *err);

#endif
