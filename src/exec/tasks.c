/* Calling the kernel, and the functions that it may call. */
#include "exec/exec_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/loader.h"

static void mark_failed(rk__exec *exec, uint64_t i, int code) {
    if (exec->states[i] != RK__TASK_FAILED)
        exec->failed_in_batch++;
    exec->states[i] = RK__TASK_FAILED;
    exec->failures[i].code = code;
}

static void set_message(rk__exec *exec, uint64_t i, const char *text) { /* NULL: none */
    free(exec->failures[i].message);
    exec->failures[i].message = text != NULL ? rk__strdup(text) : NULL;
}

/* What the kernel returned; a code that was given with a message goes first. */
static void take_code(rk__exec *exec, uint64_t i, int code) {
    if (code != RK_OK && exec->states[i] != RK__TASK_FAILED)
        mark_failed(exec, i, code);
}

static int api_fail(rk_task *task, int code, const char *fmt, va_list args) {
    rk__exec *exec = task->host;
    uint64_t i = task->index - exec->batch_first;
    char text[RK__FAILURE_TEXT_MAX];
    vsnprintf(text, sizeof text, fmt, args);
    set_message(exec, i, text);
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
    return exec->options.drain != NULL && !exec->finishing &&
           atomic_load_explicit(exec->options.drain, memory_order_relaxed) != 0;
}

/* ---- one more attempt ---- */

static void clear_result(rk__exec *exec, uint64_t i) {
    memset(exec->results + i * exec->results_stride, 0, exec->results_stride);
    if (exec->scratch_bytes > 0)
        exec->touched[i] = 0;
    point_at_rows(exec, i);
}

/* As if the task had not been tried. */
static void forgive(rk__exec *exec, uint64_t i) {
    exec->failed_in_batch--;
    exec->states[i] = RK__TASK_OK;
    set_message(exec, i, NULL);
    clear_result(exec, i);
    rk__emit_discard(exec);
}

/* After an attempt: shall there be another? */
static bool try_again(rk__exec *exec, uint64_t i) {
    exec->failures[i].attempts = exec->task.attempt;
    bool failed = exec->states[i] == RK__TASK_FAILED;
    if (!failed && exec->task.attempt > 1)
        rk__exec_count_up(exec->options.retried, 1);
    if (!failed || exec->task.attempt > exec->options.retries)
        return false;
    forgive(exec, i);
    return true;
}

/* ---- what is looked at when the kernel has ended the process ---- */

static void enter_kernel(rk__exec *exec, uint64_t i, uint64_t count) {
    if (exec->watch->timed)
        atomic_store_explicit(&exec->watch->since_ns, rk__clock_ns(), memory_order_relaxed);
    atomic_store_explicit(&exec->watch->count, count, memory_order_relaxed);
    atomic_store_explicit(&exec->watch->task, exec->batch_first + i + 1, memory_order_release);
}

static void leave_kernel(rk__exec *exec) {
    if (exec->options.guard.copied != NULL && *exec->options.guard.copied != 0)
        _exit(EXIT_FAILURE);
    atomic_store_explicit(&exec->watch->task, 0, memory_order_release);
}

static const rk__failure *past_of(const rk__exec *exec, uint64_t i) {
    const rk__exec_guard *guard = &exec->options.guard;
    return guard->past ? guard->past(guard->ctx, exec->batch_first + i) : NULL;
}

/* A task that has ended a process as often as it may has failed. */
static void give_up_on(rk__exec *exec) {
    for (uint64_t i = 0; exec->options.guard.past != NULL && i < exec->batch_count; i++) {
        const rk__failure *past = past_of(exec, i);
        if (past == NULL || past->attempts <= exec->options.retries)
            continue;
        set_message(exec, i, past->message);
        exec->failures[i].attempts = past->attempts;
        exec->failures[i].seconds = past->seconds;
        mark_failed(exec, i, past->code);
    }
}

static bool is_settled(const rk__exec *exec, uint64_t i) {
    return (exec->known != NULL && exec->known[i]) || exec->states[i] == RK__TASK_FAILED;
}

static uint32_t first_attempt(const rk__exec *exec, uint64_t i) {
    const rk__failure *past = past_of(exec, i);
    return past != NULL ? past->attempts + 1 : 1;
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

/* ---- teams ---- */

/* The task has failed if it has on any rank of the team. */
static void agree_with_team(rk__exec *exec, uint64_t i) {
    const rk__exec_team *team = &exec->options.team;
    const char *message = exec->failures[i].message;
    char text[RK__FAILURE_TEXT_MAX] = "";
    if (team->agree == NULL)
        return;
    bool failed = exec->states[i] == RK__TASK_FAILED;
    int code = failed ? exec->failures[i].code : RK_OK;
    if (failed && message != NULL)
        memcpy(text, message, strnlen(message, sizeof text - 1));
    team->agree(team->ctx, &code, text, sizeof text);
    if (code == RK_OK || failed)
        return;
    set_message(exec, i, text);
    mark_failed(exec, i, code);
}

void rk__exec_attempt_as_member(rk__exec *exec, uint32_t attempt, bool failed) {
    exec->states[0] = RK__TASK_OK;
    exec->failed_in_batch = 0;
    bind_params(exec);
    clear_result(exec, 0);
    locate(exec, 0);
    exec->task.attempt = attempt;
    int code = failed ? RK_EIO : RK_OK;
    enter_kernel(exec, 0, 1);
    if (!failed)
        code = exec->options.kernel->run(&exec->task, exec->params, exec->results);
    leave_kernel(exec);
    take_code(exec, 0, code);
    agree_with_team(exec, 0);
}

static void run_one(rk__exec *exec, uint64_t i) {
    rk_task_fn run = exec->options.kernel->run;
    const rk__exec_team *team = &exec->options.team;
    locate(exec, i);
    exec->task.attempt = first_attempt(exec, i);
    do {
        if (team->begin != NULL)
            team->begin(team->ctx, exec->task.index, exec->task.attempt);
        enter_kernel(exec, i, 1);
        int code = run(&exec->task, exec->params + i * exec->params_stride, exec->results + i * exec->results_stride);
        leave_kernel(exec);
        take_code(exec, i, code);
        agree_with_team(exec, i);
    } while (try_again(exec, i) && ++exec->task.attempt > 1);
    if (exec->options.retries > 0)
        rk__emit_release(exec, exec->task.index);
}

/* The usual case, where an empty kernel shows what each branch costs. */
static void run_plain(rk__exec *exec, bool *stopped) {
    rk_task_fn run = exec->options.kernel->run;
    exec->task.attempt = 1;
    for (uint64_t i = 0; i < exec->batch_count && !(*stopped = is_told_to_stop(exec)); i++) {
        locate(exec, i);
        enter_kernel(exec, i, 1);
        int code = run(&exec->task, exec->params + i * exec->params_stride, exec->results + i * exec->results_stride);
        take_code(exec, i, code);
        if (exec->states[i] == RK__TASK_FAILED)
            exec->failures[i].attempts = 1;
    }
    leave_kernel(exec);
}

static void run_each(rk__exec *exec, bool *stopped) {
    for (uint64_t i = 0; i < exec->batch_count; i++) {
        if (is_told_to_stop(exec)) {
            *stopped = true;
            return;
        }
        if (!is_settled(exec, i))
            run_one(exec, i);
    }
}

/* Of the whole-block form. */
static void call_batch(rk__exec *exec, uint64_t first, uint64_t count) {
    locate(exec, first);
    rk_batch batch = {exec->task,
                      count,
                      exec->params + first * exec->params_stride,
                      exec->params_stride,
                      exec->results + first * exec->results_stride,
                      exec->results_stride,
                      batch_task};
    enter_kernel(exec, first, count);
    int code = exec->options.kernel->run_batch(&batch);
    leave_kernel(exec);
    for (uint64_t i = first; code != RK_OK && i < first + count; i++)
        take_code(exec, i, code);
}

/* Tasks that fail in company are tried again alone. What is emitted in company could not be taken back: then all go
 * alone. */
static void run_part(rk__exec *exec, uint64_t first, uint64_t count) {
    bool alone = exec->options.retries > 0 && exec->streams != NULL;
    exec->task.attempt = count == 1 ? first_attempt(exec, first) : 1;
    if (!alone)
        call_batch(exec, first, count);
    for (uint64_t i = first; i < first + count && (alone || exec->failed_in_batch > 0); i++) {
        exec->task.attempt = first_attempt(exec, i);
        if (alone)
            call_batch(exec, i, 1);
        while (try_again(exec, i)) {
            exec->task.attempt++;
            call_batch(exec, i, 1);
        }
        if (alone)
            rk__emit_release(exec, exec->batch_first + i);
    }
}

/* The runs of tasks that are not known, or given up, already. */
static void run_batch(rk__exec *exec, bool *stopped) {
    for (uint64_t i = 0, end; i < exec->batch_count; i = end) {
        bool settled = is_settled(exec, i);
        for (end = i + 1; end < exec->batch_count && is_settled(exec, end) == settled;)
            end++;
        if (!settled && is_told_to_stop(exec)) {
            *stopped = true;
            return;
        }
        if (!settled)
            run_part(exec, i, end - i);
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
    give_up_on(exec);
    bind_params(exec);
    for (uint64_t i = 0; i < exec->batch_count; i++)
        point_at_rows(exec, i);
    if (exec->options.kernel->run_batch != NULL)
        run_batch(exec, stopped);
    else if (exec->options.retries == 0 && exec->known == NULL && exec->options.guard.past == NULL &&
             exec->options.team.comm == NULL)
        run_plain(exec, stopped);
    else
        run_each(exec, stopped);
}
