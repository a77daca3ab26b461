/* From what the kernel left to rows, checksum, reductions and failures. */
#include "exec/exec_private.h"

#include <stdlib.h>
#include <string.h>

static void fill_row(const rk__column *column, char *row) {
    size_t element = column->elements ? column->row_bytes / column->elements : 0;
    if (!column->has_fill) {
        memset(row, 0, column->row_bytes);
        return;
    }
    for (uint64_t e = 0; e < column->elements; e++)
        memcpy(row + e * element, column->fill, element);
}

/* A failed task may have written half a row: every column gets its fill value, but for those that outlive a failure. */
static void fill_failed(rk__exec *exec, uint64_t i) {
    for (size_t c = 0; c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        if (column->keep && !column->always)
            fill_row(column, (char *)exec->rows[c] + i * column->row_bytes);
    }
}

static void scatter_scalars(rk__exec *exec) {
    const rk_kernel *kernel = exec->options.kernel;
    for (size_t c = 0; c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        if (kernel->outputs[c].is_row || column->varying || !column->keep)
            continue;
        const char *from = exec->results + kernel->outputs[c].offset;
        char *to = exec->rows[c];
        for (uint64_t i = 0; i < exec->batch_count; i++)
            memcpy(to + i * column->row_bytes, from + i * exec->results_stride, column->row_bytes);
    }
}

/* How many values each task emitted; their hashes count for good tasks. */
static void harvest_emitted(rk__exec *exec, rk__block_record *record) {
    for (size_t c = 0; c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        uint64_t *counts = exec->rows[c];
        for (uint64_t i = 0; exec->emitted[c] != NULL && i < exec->batch_count; i++) {
            bool good = exec->states[i] == RK__TASK_OK;
            counts[i] = good || column->always ? exec->emitted[c][i].count : 0;
            if (counts[i] > 0 && good && column->hashed)
                rk__checksum_add(record->checksum, exec->emitted[c][i].hash);
        }
    }
}

/* Runs of good tasks, so that a batch without failures is one call. */
static uint64_t good_run(const rk__exec *exec, uint64_t *i) {
    if (exec->failed_in_batch == 0) {
        uint64_t run = exec->batch_count - *i;
        return run;
    }
    while (*i < exec->batch_count && exec->states[*i] != RK__TASK_OK)
        ++*i;
    uint64_t end = *i;
    while (end < exec->batch_count && exec->states[end] == RK__TASK_OK)
        end++;
    return end - *i;
}

static void fold_column(rk__exec *exec, size_t reduction, size_t c) {
    const rk_output *output = &exec->options.kernel->outputs[c];
    const rk__column *column = &exec->options.schema->columns[c];
    for (uint64_t i = 0, run; (run = good_run(exec, &i)) > 0; i += run) {
        if (!output->is_row) {
            rk__fold_values(exec->fold, reduction, exec->results + i * exec->results_stride + output->offset,
                            exec->results_stride, run, exec->batch_first + i);
            continue;
        }
        for (uint64_t j = i; j < i + run; j++)
            rk__fold_value(exec->fold, reduction, (char *)exec->rows[c] + j * column->row_bytes, exec->batch_first + j);
    }
}

static void fold_scratch(rk__exec *exec) {
    size_t reductions = rk__reducer_count(exec->options.reducer);
    for (uint64_t i = 0; exec->any_touched && i < exec->batch_count; i++) {
        if (exec->states[i] != RK__TASK_OK)
            continue;
        for (size_t r = 0; r < reductions; r++)
            if (exec->touched[i] >> r & 1)
                rk__fold_state(exec->fold, r, exec->batch_first + i,
                               exec->scratch + i * exec->scratch_bytes + exec->scratch_offset[r]);
    }
}

static void fold_batch(rk__exec *exec) {
    const rk_kernel *kernel = exec->options.kernel;
    for (size_t r = 0; r < rk__reducer_count(exec->options.reducer); r++) {
        if (kernel->reduce[r].output == NULL)
            continue;
        for (size_t c = 0; c < exec->columns; c++)
            if (strcmp(kernel->outputs[c].name, kernel->reduce[r].output) == 0)
                fold_column(exec, r, c);
    }
    fold_scratch(exec);
}

static rk_status report_failure(rk__exec *exec, uint64_t i, rk__block_record *record, rk_error *err) {
    rk__failure failure = {.task = exec->batch_first + i,
                           .code = exec->failures[i].code,
                           .attempts = exec->failures[i].attempts,
                           .seconds = exec->failures[i].seconds};
    const char *message = exec->failures[i].message ? exec->failures[i].message : "";
    size_t length = strlen(message);
    memcpy(failure.message, message, length < sizeof failure.message ? length : sizeof failure.message - 1);
    free(exec->failures[i].message);
    exec->failures[i].message = NULL;
    exec->failures[i].seconds = 0;
    fill_failed(exec, i);
    rk__checksum_failed(record->checksum, failure.task);
    record->failed++;
    return exec->options.sink.failed ? exec->options.sink.failed(exec->options.sink.ctx, &failure, err) : RK_OK;
}

rk_status rk__exec_harvest(rk__exec *exec, rk__block_record *record, rk_error *err) {
    scatter_scalars(exec);
    harvest_emitted(exec, record);
    for (uint64_t i = 0; exec->failed_in_batch > 0 && i < exec->batch_count; i++)
        if (exec->states[i] == RK__TASK_FAILED)
            RK_TRY(report_failure(exec, i, record, err));
    for (size_t c = 0; c < exec->columns; c++)
        if (exec->options.schema->columns[c].hashed)
            rk__checksum_rows(record->checksum, &exec->options.schema->columns[c], exec->batch_first, exec->batch_count,
                              exec->rows[c], exec->states);
    fold_batch(exec);
    return RK_OK;
}
