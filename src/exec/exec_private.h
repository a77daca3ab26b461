/* What the units of this room share. */
#ifndef RANKINE_EXEC_PRIVATE_H
#define RANKINE_EXEC_PRIVATE_H

#include "exec/exec.h"
#include "exec/float_env.h"

enum { EXEC_BATCH_MAX = 1024 };
#define EXEC_SCRATCH_BYTES (UINT64_C(1) << 20) /* about, for each of: input rows, params, scratch states */

typedef struct exec_failure { /* of one task of the batch */
    int code;
    uint32_t attempts;
    double seconds; /* of the attempts that ended a process; 0: none did */
    char *message;  /* owned; NULL: none */
} exec_failure;

typedef struct exec_emitted { /* by one task of the batch */
    uint64_t count, hash[2];
} exec_emitted;

struct rk__exec {
    rk__exec_options options;
    rk__fold *fold;
    rk__input_reader *input;
    rk__float_env float_env;
    uint64_t batch_max;
    size_t columns; /* outputs of the kernel; task_status comes after them */
    bool has_status;

    /* of the running batch: task i of [0, batch_count) has index batch_first + i */
    uint64_t batch_first, batch_count;
    rk_task task; /* the one that the kernel looks at */
    rk__exec_watch own_watch, *watch;
    bool careful;
    bool finishing; /* the block, whatever the drain says */
    uint64_t next;  /* 1 + the task with which the next block goes on, its fold loaded; 0: it begins */
    rk__block_record so_far;
    char *params; /* batch_max (sweeping or with input) or 1 structs */
    size_t params_stride;
    char *results; /* batch_max structs */
    size_t results_stride;
    void *rows[RK__COLUMNS_MAX];
    void *dropped[RK__COLUMNS_MAX]; /* rows of outputs that are not kept */
    uint8_t *status;                /* [batch_max] rk__task_state, when the file has none */
    uint8_t *states;                /* status of the running batch */
    exec_failure *failures;         /* [batch_max] */
    uint64_t failed_in_batch;
    uint8_t *known;     /* [batch_max] tasks whose rows were loaded; NULL: nothing can be */
    double *input_rows; /* [batch_max][row_values] */

    /* outputs of varying length */
    rk__stream *streams;                    /* [columns]; NULL: there are none */
    exec_emitted *emitted[RK__COLUMNS_MAX]; /* [batch_max] of such a column */
    rk_error emit_error;                    /* of the sink, to be reported after the batch */
    rk__text held[RK__COLUMNS_MAX];         /* with retries: what the running attempt has emitted so far */

    /* values that tasks gave by themselves: one scratch state per task and reduction */
    size_t scratch_bytes; /* per task; 0: no reduction takes such values */
    size_t scratch_offset[RK_REDUCTIONS_MAX];
    unsigned char *scratch; /* [batch_max][scratch_bytes] */
    uint32_t *touched;      /* [batch_max] bit r: reduction r of the task has a state */
    bool any_touched;
};

/* A counter that others read; NULL: nobody. Only this thread writes it. */
void rk__exec_count_up(_Atomic uint64_t *counter, uint64_t by);

/* tasks.c: let the kernel compute the batch. *stopped as in rk__exec_block. */
void rk__exec_tasks(rk__exec *exec, bool *stopped);
const rk_task_api *rk__exec_task_api(void);
/* One attempt of the batch's only task, as a member of a team. `failed`: it cannot be computed here; its message is in
 * failures[0]. */
void rk__exec_attempt_as_member(rk__exec *exec, uint32_t attempt, bool failed);
/* reuse.c: load what is known of the batch into its rows; then copy its scalars to the results. */
rk_status rk__exec_load_known(rk__exec *exec, rk_error *err);
void rk__exec_restore_known(rk__exec *exec);
/* emit.c: values of varying length. */
rk_status rk__emit_allocate(rk__exec *exec, rk_error *err);
void rk__emit_free(rk__exec *exec);
void rk__emit_begin(rk__exec *exec); /* a batch */
/* With retries values are held back until it is known which attempt counts. */
void rk__emit_release(rk__exec *exec, uint64_t task);
void rk__emit_discard(rk__exec *exec);
rk_status rk__emit_end(rk__exec *exec, rk_error *err);
int rk__emit_values(rk_task *task, uint32_t output, const void *values, uint64_t count);
/* harvest.c: from results to rows, checksum, reductions and failures. */
rk_status rk__exec_harvest(rk__exec *exec, rk__block_record *record, rk_error *err);

#endif
