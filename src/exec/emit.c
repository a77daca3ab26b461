/* Outputs of varying length: counted and hashed as they come, and passed on at once, so that memory does not grow. */
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "exec/exec_private.h"

rk_status rk__emit_allocate(rk__exec *exec, rk_error *err) {
    if (exec->options.schema->varying == 0)
        return RK_OK;
    RK_TRY(rk__alloc((void **)&exec->streams, exec->columns, sizeof *exec->streams, "streams", err));
    for (size_t c = 0; c < exec->columns; c++)
        if (exec->options.schema->columns[c].varying)
            RK_TRY(rk__alloc((void **)&exec->emitted[c], exec->batch_max, sizeof *exec->emitted[c], "streams", err));
    return RK_OK;
}

void rk__emit_free(rk__exec *exec) {
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++) {
        free(exec->emitted[c]);
        rk__text_fini(&exec->held[c]);
    }
    free(exec->streams);
}

void rk__emit_begin(rk__exec *exec) {
    exec->emit_error = (rk_error)RK_ERROR_INIT;
    for (size_t c = 0; exec->streams != NULL && c < exec->columns; c++) {
        exec->streams[c].open = false;
        exec->streams[c].task = 0;
        if (exec->emitted[c] != NULL)
            memset(exec->emitted[c], 0, exec->batch_count * sizeof *exec->emitted[c]);
    }
}

static void end_stream(rk__exec *exec, size_t column) {
    rk__stream *stream = &exec->streams[column];
    if (stream->open)
        rk__stream_end(stream, exec->emitted[column][stream->task - exec->batch_first].hash);
}

rk_status rk__emit_end(rk__exec *exec, rk_error *err) {
    for (size_t c = 0; exec->streams != NULL && c < exec->columns; c++)
        end_stream(exec, c);
    if (exec->emit_error.code != RK_OK && err != NULL)
        *err = exec->emit_error;
    return exec->emit_error.code;
}

static int emit(rk__exec *exec, uint64_t task, uint32_t output, const void *values, uint64_t count) {
    const rk__exec_sink *sink = &exec->options.sink;
    const rk__column *column = &exec->options.schema->columns[output];
    uint64_t bytes = count * rk__type_bytes(column->values.type);
    rk__stream *stream = &exec->streams[output];
    if (stream->open && stream->task != task)
        end_stream(exec, output);
    rk__stream_add(stream, column->id, task, values, (size_t)bytes);
    exec->emitted[output][task - exec->batch_first].count += count;
    if (sink->emitted == NULL || exec->emit_error.code != RK_OK)
        return (int)exec->emit_error.code;
    return (int)sink->emitted(sink->ctx, task, output, values, bytes, &exec->emit_error);
}

void rk__emit_release(rk__exec *exec, uint64_t task) {
    for (size_t c = 0; exec->streams != NULL && c < exec->columns; c++) {
        const rk__column *column = &exec->options.schema->columns[c];
        if (exec->held[c].length > 0)
            emit(exec, task, (uint32_t)c, rk__text_get(&exec->held[c]),
                 exec->held[c].length / rk__type_bytes(column->values.type));
    }
    rk__emit_discard(exec);
}

void rk__emit_discard(rk__exec *exec) {
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++)
        exec->held[c].length = 0;
}

static int hold(rk__exec *exec, rk_task *task, uint32_t output, const void *values, uint64_t count) {
    rk__text *held = &exec->held[output];
    size_t bytes = (size_t)count * rk__type_bytes(exec->options.schema->columns[output].values.type);
    rk__text_add_bytes(held, values, bytes);
    if (!held->failed)
        return RK_OK;
    rk__text_fini(held);
    return rk_task_fail(task, RK_ENOMEM, "rk_emit: no memory to hold %zu more bytes back for a retry", bytes);
}

int rk__emit_values(rk_task *task, uint32_t output, const void *values, uint64_t count) {
    rk__exec *exec = task->host;
    if (output >= exec->columns || exec->emitted[output] == NULL)
        return rk_task_fail(task, RK_EINVAL, "rk_emit: output number %u is not of varying length", output);
    if (exec->streams[output].task > task->index)
        return rk_task_fail(task, RK_EINVAL, "rk_emit: tasks of a batch emit in ascending order");
    if (count == 0 || exec->task.team_rank > 0)
        return RK_OK;
    return exec->options.retries > 0 ? hold(exec, task, output, values, count)
                                     : emit(exec, task->index, output, values, count);
}
