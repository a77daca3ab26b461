/* Calling the kernel, and the functions that it may call. */
#include "exec/exec_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/loader.h"

static void mark_failed(rk__exec *exec, uint64_t i, int code) {
    if (exec->states[i] != RK__TASK_FAILED)
        exec->failed_in_batch++;
    exec->states[i] = RK__TASK_FAILED;
    exec->failures[i].code = code;
}

static int api_fail(rk_task *task, int code, const char *fmt, va_list args) {
    rk__exec *exec = task->host;
    uint64_t i = task->index - exec->batch_first;
    char text[RK__FAILURE_TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    free(exec->failures[i].message);
    exec->failures[i].message = rk__strdup(text);
    mark_failed(exec, i, code ? code : RK_EKERNEL);
    return exec->failures[i].code;
}

static int api_fail_text(rk_task *task, int code, const char *text) {
    return rk_task_fail(task, code, "%s", text);
}

static void *api_state(rk_task *task, uint32_t reduction) {
    rk__exec *exec = task->host;
    uint64_t i = task->index - exec->batch_first;
    unsigned char *state = exec->scratch + i * exec->scratch_bytes + exec->scratch_offset[reduction];
    uint32_t bit = UINT32_C(1) << reduction;
    if (!(exec->touched[i] & bit)) {
        memset(state, 0, rk__reducer_state_bytes(exec->options.reducer, reduction));
        exec->touched[i] |= bit;
        exec->any_touched = true;
    }
    return state;
}

static void api_accumulate(rk_task *task, uint32_t reduction, const double *values, uint64_t count,
                           uint64_t first_index) {
    rk__exec *exec = task->host;
    rk__reducer_accumulate(exec->options.reducer, reduction, api_state(task, reduction), values, count, first_index);
}

static double api_exact_sum(const double *values, uint64_t count) {
    rk__exact sum = {0};
    rk__exact_add_many(&sum, values, count);
    return rk__exact_round(&sum);
}

static const rk_task_api task_api = {
    sizeof(rk_task_api), rk__philox, api_accumulate, api_state, api_fail, api_exact_sum, rk__emit_values, api_fail_text,
};

const rk_task_api *rk__exec_task_api(void) {
    return &task_api;
}

static void locate(rk__exec *exec, uint64_t i) {
    rk__space_locate(exec->options.space, exec->batch_first + i, &exec->task);
}

static rk_task *batch_task(rk_batch *batch, uint64_t i) {
    rk__exec *exec = batch->first.host;
    locate(exec, batch->first.index - exec->batch_first + i);
    return &exec->task;
}

static void point_at_rows(rk__exec *exec, uint64_t i) {
    const rk_kernel *kernel = exec->options.kernel;
    for (size_t c = 0; c < exec->columns; c++) {
        if (!kernel->outputs[c].is_row)
            continue;
        char *row = (char *)exec->rows[c] + i * exec->options.schema->columns[c].row_bytes;
        memcpy(exec->results + i * exec->results_stride + kernel->outputs[c].offset, &row, sizeof row);
    }
}

static bool is_told_to_stop(const rk__exec *exec) {
    return exec->options.drain != NULL && atomic_load_explicit(exec->options.drain, memory_order_relaxed) != 0;
}

static void run_each(rk__exec *exec, bool *stopped) {
    rk_task_fn run = exec->options.kernel->run;
    for (uint64_t i = 0; i < exec->batch_count; i++) {
        if (is_told_to_stop(exec)) {
            *stopped = true;
            return;
        }
        if (exec->known != NULL && exec->known[i])
            continue;
        locate(exec, i);
        int code = run(&exec->task, exec->params + i * exec->params_stride, exec->results + i * exec->results_stride);
        if (code != RK_OK)
            mark_failed(exec, i, code);
    }
}

static void run_part(rk__exec *exec, uint64_t first, uint64_t count) {
    locate(exec, first);
    rk_batch batch = {exec->task,
                      count,
                      exec->params + first * exec->params_stride,
                      exec->params_stride,
                      exec->results + first * exec->results_stride,
                      exec->results_stride,
                      batch_task};
    int code = exec->options.kernel->run_batch(&batch);
    for (uint64_t i = first; code != RK_OK && i < first + count; i++)
        mark_failed(exec, i, code);
}

/* The runs of tasks that are not known. */
static void run_batch(rk__exec *exec, bool *stopped) {
    for (uint64_t i = 0, end; i < exec->batch_count; i = end) {
        bool known = exec->known != NULL && exec->known[i];
        for (end = i + 1; exec->known != NULL && end < exec->batch_count && exec->known[end] == exec->known[i];)
            end++;
        if (exec->known == NULL)
            end = exec->batch_count;
        if (!known && is_told_to_stop(exec)) {
            *stopped = true;
            return;
        }
        if (!known)
            run_part(exec, i, end - i);
    }
}

static void bind_params(rk__exec *exec) {
    const rk__space *space = exec->options.space;
    for (uint64_t i = 0; exec->params_stride > 0 && i < exec->batch_count; i++) {
        char *params = exec->params + i * exec->params_stride;
        if (space->sweeps)
            rk__space_bind(space, exec->batch_first + i, params);
        if (space->has_input) {
            rk_input input = {exec->input_rows + i * space->input.row_values, space->input.row_values,
                              space->input.missing, space->input.missing_count};
            memcpy(params + space->input.param->offset, &input, sizeof input);
        }
    }
}

void rk__exec_tasks(rk__exec *exec, bool *stopped) {
    memset(exec->results, 0, exec->batch_count * exec->results_stride);
    memset(exec->states, RK__TASK_OK, exec->batch_count);
    if (exec->scratch_bytes > 0)
        memset(exec->touched, 0, exec->batch_count * sizeof *exec->touched);
    rk__emit_begin(exec);
    rk__exec_restore_known(exec);
    exec->any_touched = false;
    exec->failed_in_batch = 0;
    bind_params(exec);
    for (uint64_t i = 0; i < exec->batch_count; i++)
        point_at_rows(exec, i);
    if (exec->options.kernel->run_batch != NULL)
        run_batch(exec, stopped);
    else
        run_each(exec, stopped);
}
