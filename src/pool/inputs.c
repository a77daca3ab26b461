/* Inputs of tasks: results of futures that the function wants. Small ones come along, large ones are fetched from the
 * rank that has them, or are there. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

static uint64_t padded(uint64_t bytes) {
    return (bytes + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

/* ---- the owner ---- */

/* Large bytes that are here become a value that others can fetch. */
static bool publish(rk__pools *room, rk__future *future) {
    if (future->holder != RK__NOBODY || future->size <= RK_POOL_CARRIED_BYTES)
        return true;
    rk__value *value = rk__value_keep(room, room->endpoint, future->bytes, future->size);
    if (value == NULL)
        return false;
    future->holder = room->endpoint;
    future->value = value->serial;
    return true;
}

static uint64_t packed_size(const rk__future *task) {
    uint64_t size = padded(task->input_count * sizeof(rk__input_head)) + task->arg_size;
    for (uint32_t i = 0; i < task->input_count; i++)
        if (task->inputs[i].of->holder == RK__NOBODY)
            size += padded(task->inputs[i].of->size);
    return size;
}

static void pack(const rk__future *task, unsigned char *to) {
    rk__input_head *heads = (rk__input_head *)(void *)to;
    to += padded(task->input_count * sizeof *heads);
    for (uint32_t i = 0; i < task->input_count; i++) {
        const rk__future *of = task->inputs[i].of;
        heads[i] = (rk__input_head){of->value, of->size, of->holder, 0};
        if (of->holder != RK__NOBODY || of->size == 0)
            continue;
        memcpy(to, of->bytes, (size_t)of->size);
        to += padded(of->size);
    }
    if (task->arg_size > 0)
        memcpy(to, task->arg, (size_t)task->arg_size);
}

void *rk__inputs_pack(rk__pools *room, rk__future *task, uint64_t *size) {
    for (uint32_t i = 0; i < task->input_count; i++)
        if (!publish(room, task->inputs[i].of))
            return NULL;
    *size = packed_size(task);
    void *bytes = calloc(1, (size_t)*size);
    if (bytes != NULL)
        pack(task, bytes);
    return bytes;
}

/* ---- the worker ---- */

static rk_status get_here(rk__worker *worker, const rk__input_head *head, rk__given *given, rk_error *err) {
    rk__value *value = rk__slots_find(&worker->room->values, head->value);
    if (value == NULL)
        return rk__fail(err, RK_ENOENT, "an input of this task is no longer there");
    value->pins++;
    *given = (rk__given){value->bytes, value->size, NULL, value};
    return RK_OK;
}

static rk_status get_there(rk__worker *worker, const rk__input_head *head, rk__given *given, rk_error *err) {
    rk__mail *mail = worker->room->mail;
    rk__letter answer, question = {.to = head->holder, .room = RK__ROOM_POOL, .op = RK__POOL_FETCH, .a = head->value};
    rk_status status = rk__mail_ask(mail, &question, RK__NEVER, &answer, err);
    if (status == RK_EDEAD)
        rk__fail(err, RK_EDEAD, "rank %u, which had an input of this task, has died",
                 rk__mail_rank_of(mail, head->holder));
    if (status == RK_OK)
        *given = (rk__given){answer.bytes, answer.size, answer.bytes, NULL};
    return status;
}

rk_status rk__inputs_get(rk__worker *worker, const rk__job *job, const void **arg, size_t *arg_size, rk_error *err) {
    const rk__input_head *heads = (const rk__input_head *)(const void *)job->bytes;
    uint32_t count = (uint32_t)(job->sizes >> 1);
    RK_TRY(rk__alloc((void **)&worker->given, count, sizeof *worker->given, "inputs", err));
    worker->given_count = count;
    uint64_t at = padded(count * sizeof *heads);
    for (uint32_t i = 0; i < count; i++) {
        if (heads[i].holder == RK__NOBODY) {
            worker->given[i] = (rk__given){heads[i].size > 0 ? job->bytes + at : NULL, heads[i].size, NULL, NULL};
            at += padded(heads[i].size);
        } else if (heads[i].holder == worker->room->endpoint) {
            RK_TRY(get_here(worker, &heads[i], &worker->given[i], err));
        } else {
            RK_TRY(get_there(worker, &heads[i], &worker->given[i], err));
        }
    }
    *arg = job->bytes + at;
    *arg_size = (size_t)(job->size - at);
    return RK_OK;
}

void rk__inputs_release(rk__worker *worker) {
    for (uint32_t i = 0; i < worker->given_count; i++) {
        free(worker->given[i].owned);
        if (worker->given[i].pinned != NULL)
            rk__value_unpin(worker->room, worker->given[i].pinned);
    }
    free(worker->given);
    worker->given = NULL;
    worker->given_count = 0;
}

const void *rk_call_input(const rk_call *call, size_t number, size_t *size) {
    const rk__worker *worker = rk__call_ctx(call, rk__worker_stopping);
    bool there = worker != NULL && number < worker->given_count;
    *size = there ? (size_t)worker->given[number].size : 0;
    return there ? worker->given[number].bytes : NULL;
}
