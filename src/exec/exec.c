#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "exec/exec_private.h"
#include "kernel/loader.h"

static size_t aligned(size_t bytes) {
    return (bytes + 15) & ~(size_t)15;
}

static void lay_out_scratch(rk__exec *exec) {
    const rk_kernel *kernel = exec->options.kernel;
    for (size_t r = 0; r < rk__reducer_count(exec->options.reducer); r++) {
        if (kernel->reduce[r].output != NULL)
            continue;
        exec->scratch_offset[r] = exec->scratch_bytes;
        exec->scratch_bytes += aligned(rk__reducer_state_bytes(exec->options.reducer, r));
    }
}

static uint64_t fit(uint64_t tasks, uint64_t bytes_per_task) {
    uint64_t most = bytes_per_task > 0 ? EXEC_SCRATCH_BYTES / bytes_per_task : tasks;
    if (most == 0)
        most = 1;
    return most < tasks ? most : tasks;
}

static uint64_t dropped_row_bytes(const rk__exec *exec) {
    uint64_t sum = 0;
    for (size_t c = 0; c < exec->columns; c++)
        if (!exec->options.schema->columns[c].keep && exec->options.kernel->outputs[c].is_row)
            sum += exec->options.schema->columns[c].row_bytes;
    return sum;
}

static void choose_batch(rk__exec *exec) {
    const rk__space *space = exec->options.space;
    uint64_t most = EXEC_BATCH_MAX;
    if (exec->options.sink.batch_tasks > 0 && exec->options.sink.batch_tasks < most)
        most = exec->options.sink.batch_tasks;
    most = fit(most, space->params_bytes);
    most = fit(most, space->result_bytes);
    most = fit(most, exec->scratch_bytes);
    most = fit(most, dropped_row_bytes(exec));
    if (space->has_input)
        most = fit(most, space->input.row_values * sizeof(double));
    exec->batch_max = most;
}

static rk_status allocate_params(rk__exec *exec, rk_error *err) {
    const rk__space *space = exec->options.space;
    bool varies = space->sweeps || space->has_input;
    size_t bytes = aligned(space->params_bytes ? space->params_bytes : 1);
    uint64_t count = varies ? exec->batch_max : 1;
    exec->params_stride = varies ? bytes : 0;
    RK_TRY(rk__alloc((void **)&exec->params, count, bytes, "parameters", err));
    for (uint64_t i = 0; i < count; i++)
        memcpy(exec->params + i * bytes, space->base_params, space->params_bytes);
    return RK_OK;
}

static rk_status allocate_rows(rk__exec *exec, rk_error *err) {
    for (size_t c = 0; c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        if (!column->keep && exec->options.kernel->outputs[c].is_row)
            RK_TRY(rk__alloc(&exec->dropped[c], exec->batch_max, column->row_bytes, "rows that are not kept", err));
    }
    if (exec->has_status)
        return RK_OK;
    return rk__alloc((void **)&exec->status, exec->batch_max, 1, "task states", err);
}

static rk_status allocate(rk__exec *exec, rk_error *err) {
    const rk__space *space = exec->options.space;
    exec->results_stride = aligned(space->result_bytes ? space->result_bytes : 1);
    RK_TRY(rk__alloc((void **)&exec->results, exec->batch_max, exec->results_stride, "results", err));
    RK_TRY(rk__alloc((void **)&exec->failures, exec->batch_max, sizeof *exec->failures, "failures", err));
    RK_TRY(rk__alloc((void **)&exec->scratch, exec->batch_max, exec->scratch_bytes, "reduction states", err));
    RK_TRY(rk__alloc((void **)&exec->touched, exec->batch_max, sizeof *exec->touched, "reduction states", err));
    RK_TRY(allocate_params(exec, err));
    RK_TRY(allocate_rows(exec, err));
    RK_TRY(rk__emit_allocate(exec, err));
    if (exec->options.reuse.load != NULL)
        RK_TRY(rk__alloc((void **)&exec->known, exec->batch_max, 1, "known tasks", err));
    if (!space->has_input)
        return RK_OK;
    RK_TRY(rk__alloc((void **)&exec->input_rows, exec->batch_max, space->input.row_values * sizeof(double),
                     "input rows", err));
    return rk__input_open(&exec->input, space, err);
}

static const rk_place alone = {.ranks = 1, .cores = 1, .gpu = -1};

rk_status rk__exec_create(rk__exec **out, const rk__exec_options *options, rk_error *err) {
    rk__exec *exec;
    RK_TRY(rk__alloc((void **)&exec, 1, sizeof *exec, "executor", err));
    exec->options = *options;
    exec->columns = rk__kernel_output_count(options->kernel);
    exec->has_status = options->schema->column_count > exec->columns;
    exec->task = (rk_task){.seed = options->seed,
                           .api = rk__exec_task_api(),
                           .host = exec,
                           .place = options->place ? options->place : &alone,
                           .team = options->team.comm,
                           .team_rank = options->team.rank,
                           .team_size = options->team.size > 1 ? options->team.size : 1,
                           .attempt = 1};
    exec->watch = options->guard.watch ? options->guard.watch : &exec->own_watch;
    rk__float_env_save(&exec->float_env);
    lay_out_scratch(exec);
    choose_batch(exec);
    rk_status status = allocate(exec, err);
    if (status == RK_OK)
        status = rk__fold_create(&exec->fold, options->reducer, err);
    if (status != RK_OK) {
        rk__exec_destroy(exec);
        return status;
    }
    *out = exec;
    return RK_OK;
}

void rk__exec_destroy(rk__exec *exec) {
    if (exec == NULL)
        return;
    for (uint64_t i = 0; exec->failures != NULL && i < exec->batch_max; i++)
        free(exec->failures[i].message);
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++)
        free(exec->dropped[c]);
    rk__emit_free(exec);
    rk__input_close(exec->input);
    rk__fold_destroy(exec->fold);
    free(exec->params);
    free(exec->results);
    free(exec->status);
    free(exec->failures);
    free(exec->input_rows);
    free(exec->scratch);
    free(exec->touched);
    free(exec->known);
    free(exec);
}

void rk__exec_be_careful(rk__exec *exec, bool careful) {
    exec->careful = careful;
}

void rk__exec_save(const rk__exec *exec, void *fold) {
    rk__fold_save(exec->fold, fold);
}

rk_status rk__exec_go_on(rk__exec *exec, uint64_t next, const rk__block_record *record, const void *fold,
                         rk_error *err) {
    if (!rk__fold_load(exec->fold, fold))
        return rk__fail(err, RK_ECORRUPT, "what was kept of the reductions before task %llu is damaged",
                        (unsigned long long)next);
    exec->next = next + 1;
    exec->so_far = *record;
    return RK_OK;
}

void rk__exec_finish_block(rk__exec *exec) {
    exec->finishing = true;
}

const rk__exec_watch *rk__exec_watch_of(const rk__exec *exec) {
    return exec->watch;
}

void rk__exec_count_up(_Atomic uint64_t *counter, uint64_t by) {
    if (counter != NULL) /* one writer: no read-modify-write is needed */
        atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

static rk_status prepare_rows(rk__exec *exec, rk_error *err) {
    if (exec->options.sink.rows != NULL)
        RK_TRY(exec->options.sink.rows(exec->options.sink.ctx, exec->batch_first, exec->batch_count, exec->rows, err));
    exec->states = exec->has_status ? exec->rows[exec->columns] : exec->status;
    for (size_t c = 0; c < exec->columns; c++)
        if (exec->dropped[c] != NULL)
            exec->rows[c] = exec->dropped[c];
    return RK_OK;
}

static rk_status read_input(rk__exec *exec, rk_error *err) {
    rk_task first;
    if (exec->input == NULL)
        return RK_OK;
    rk__space_locate(exec->options.space, exec->batch_first, &first);
    return rk__input_read(exec->input, first.input_index, exec->batch_count, exec->input_rows, err);
}

static rk_status run_one_batch(rk__exec *exec, rk__block_record *record, bool *stopped, rk_error *err) {
    RK_TRY(prepare_rows(exec, err));
    RK_TRY(rk__exec_load_known(exec, err));
    RK_TRY(read_input(exec, err));
    rk__exec_tasks(exec, stopped);
    if (exec->careful && exec->options.guard.after != NULL)
        exec->options.guard.after(exec->options.guard.ctx, exec->batch_first);
    RK_TRY(rk__emit_end(exec, err));
    if (*stopped)
        return RK_OK;
    RK_TRY(rk__exec_harvest(exec, record, err));
    rk__exec_count_up(exec->options.tasks, exec->batch_count);
    if (exec->failed_in_batch > 0)
        rk__exec_count_up(exec->options.failed, exec->failed_in_batch);
    if (exec->careful && exec->options.guard.keep != NULL)
        exec->options.guard.keep(exec->options.guard.ctx, exec->batch_first + exec->batch_count, record);
    return RK_OK;
}

/* Input rows of a batch are read in one go, so that a batch must not go past the place where the row number stops
 * counting up by one with the task. */
static uint64_t batch_size(const rk__exec *exec, uint64_t first, uint64_t left) {
    uint64_t most = exec->careful ? 1 : exec->batch_max, size = left < most ? left : most;
    if (exec->input == NULL)
        return size;
    rk_task at, next;
    rk__space_locate(exec->options.space, first, &at);
    for (uint64_t i = 1; i < size; i++) {
        rk__space_locate(exec->options.space, first + i, &next);
        if (next.input_index != at.input_index + i)
            return i;
    }
    return size;
}

/* Rows that nobody sees. */
static rk_status own_rows(rk__exec *exec, rk_error *err) {
    for (size_t c = 0; c < exec->columns; c++)
        if (exec->dropped[c] == NULL)
            RK_TRY(
                rk__alloc(&exec->dropped[c], exec->batch_max, exec->options.schema->columns[c].row_bytes, "rows", err));
    if (exec->status == NULL)
        RK_TRY(rk__alloc((void **)&exec->status, exec->batch_max, 1, "task states", err));
    return RK_OK;
}

static rk_status prepare_member(rk__exec *exec, uint64_t task, rk_error *err) {
    RK_TRY(own_rows(exec, err));
    exec->states = exec->status;
    for (size_t c = 0; c < exec->columns; c++)
        exec->rows[c] = exec->dropped[c];
    exec->batch_first = task;
    exec->batch_count = 1;
    return read_input(exec, err);
}

rk_status rk__exec_follow(rk__exec *exec, uint64_t task, uint32_t attempt, rk_error *err) {
    rk_status status = prepare_member(exec, task, err);
    rk__float_env_restore(&exec->float_env);
    free(exec->failures[0].message);
    exec->failures[0].message = status != RK_OK ? rk__strdup(err->message) : NULL;
    rk__exec_attempt_as_member(exec, attempt, status != RK_OK);
    rk__float_env_restore(&exec->float_env);
    return status;
}

/* How many of its tasks are computed already. */
static uint64_t begin_block(rk__exec *exec, uint64_t first, rk__block_record *record) {
    uint64_t next = exec->next;
    exec->next = 0;
    if (next > 0) {
        *record = exec->so_far;
        return next - 1 - first;
    }
    memset(record, 0, sizeof *record);
    record->start_ns = rk__wall_ns();
    rk__fold_reset(exec->fold);
    return 0;
}

rk_status rk__exec_block(rk__exec *exec, uint64_t first, uint64_t count, rk__block_record *record, void *partial,
                         bool *stopped, rk_error *err) {
    uint64_t begin = rk__clock_ns();
    *stopped = false;
    exec->finishing = false;
    rk__float_env_restore(&exec->float_env);
    for (uint64_t done = begin_block(exec, first, record); done < count && !*stopped; done += exec->batch_count) {
        exec->batch_first = first + done;
        exec->batch_count = batch_size(exec, exec->batch_first, count - done);
        RK_TRY(run_one_batch(exec, record, stopped, err));
    }
    rk__float_env_restore(&exec->float_env);
    if (partial != NULL)
        rk__fold_finish(exec->fold, partial);
    record->duration_ns += rk__clock_ns() - begin;
    return RK_OK;
}
