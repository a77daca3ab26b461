/* The functions of queues. */
#include <stdlib.h>

#include "channel/channel_private.h"

/* What a status means here; the texts of all functions. */
static rk_status explain(const rk__channel *channel, rk_queue queue, rk_status status, rk_error *err) {
    unsigned home = queue.ref.home;
    switch (status) {
    case RK_OK:
        return RK_OK;
    case RK_EFULL:
        return rk__fail(err, status, "the queue of process %u stayed full (maxsize %llu)", home,
                        (unsigned long long)queue.maxsize);
    case RK_EEMPTY:
        return rk__fail(err, status, "the queue of process %u stayed empty", home);
    case RK_ECLOSED:
        return rk__fail(err, status, "the queue of process %u is closed", home);
    case RK_ENOENT:
        return rk__fail(err, status, "the queue of process %u was destroyed", home);
    case RK_EDEAD:
        if (!rk__mail_is_dead(channel->mail, home))
            return rk__fail(err, status,
                            "the messages that are not done were got by processes that have died: call task_done in "
                            "their place");
        return rk__fail(err, status, "process %u, where this queue lived, has died", home);
    case RK_EINVAL:
        return rk__fail(err, status, "task_done was called more often than messages were put into the queue");
    default:
        return rk__fail(err, status, "%s", rk_status_text(status));
    }
}

static rk_status begin(rk_queue queue, rk__channel **channel, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    *channel = rk__mail_room(mail, RK__ROOM_CHANNEL);
    rk_status status = rk__ref_check(mail, queue.ref, RK__KIND_QUEUE, err);
    if (status != RK_OK)
        rk__leave(mail);
    return status;
}

static rk_status finish(rk__channel *channel, rk_status status) {
    rk__leave(channel->mail);
    return status;
}

/* A question that the home answers at once. */
static rk_status ask(rk__channel *channel, rk_queue queue, uint16_t op, rk__letter *answer) {
    rk__letter question = {.to = queue.ref.home, .room = RK__ROOM_CHANNEL, .op = op, .a = queue.ref.serial};
    return rk__mail_ask(channel->mail, &question, RK__NEVER, answer, NULL);
}

/* ---- create ---- */

rk_status rk_queue_create(rk_queue *queue, const rk_queue_options *options, rk_error *err) {
    RK__NEED(queue, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_queue made = {.maxsize = options != NULL ? options->maxsize : 0};
    rk_status status = rk__queue_make(rk__mail_room(mail, RK__ROOM_CHANNEL), made.maxsize, &made.ref, err);
    if (status == RK_OK)
        *queue = made;
    rk__leave(mail);
    return status;
}

/* ---- put ---- */

static rk_status put_here(rk__channel *channel, rk_queue queue, rk__letter *message, uint64_t deadline_ns) {
    rk__queue *home = rk__queue_find(channel, queue.ref.serial);
    if (home == NULL)
        return RK_ENOENT;
    rk_status status = rk__queue_put_here(channel, home, message);
    if (status != RK_EFULL)
        return status;
    rk__verdict verdict = {.status = RK_OK};
    rk__waiter waiter = {.who = {channel->self, 0}, .verdict = &verdict, .message = *message};
    status = rk__waiters_wait(channel->mail, &home->putters, &waiter, deadline_ns);
    return status == RK_OK ? verdict.status : status == RK_ETIMEDOUT ? RK_EFULL : status;
}

/* What came back of an earlier put; lost memory is said once, what stays so, always. */
static rk_status refused_before(rk__channel *channel, rk_queue queue) {
    rk__refusal *known = rk__registry_find(&channel->refusals, queue.ref.home, queue.ref.serial);
    if (known == NULL)
        return RK_OK;
    rk_status status = known->status;
    if (status == RK_ENOMEM) {
        rk__registry_remove(&channel->refusals, &known->id);
        free(known);
    }
    return status;
}

/* Into a place that is surely there. */
static rk_status put_and_go(rk__channel *channel, rk_queue queue, rk__letter *message, bool reserved,
                            uint64_t deadline_ns) {
    RK_TRY(refused_before(channel, queue));
    rk_status status = rk__flow_wait(channel, queue.ref.home, reserved ? RK__NEVER : deadline_ns);
    if (status != RK_OK && !reserved)
        return status == RK_ETIMEDOUT ? RK_EFULL : status;
    message->op = RK__OP_PUT;
    message->c = reserved;
    return rk__mail_is_dead(channel->mail, queue.ref.home) ? RK_EDEAD : rk__flow_send(channel, message, NULL);
}

static rk_status put_and_wait(rk__channel *channel, rk_queue queue, rk__letter *message, uint64_t deadline_ns) {
    bool large = message->size > RK__LARGE_BYTES, at_once = deadline_ns <= rk__clock_ns();
    rk__letter question = *message;
    question.op = large ? RK__OP_RESERVE : RK__OP_PUT_ASK;
    question.c = at_once;
    if (large)
        question.size = 0;
    rk_status status = rk__mail_ask_cancelable(channel->mail, &question, at_once ? RK__NEVER : deadline_ns,
                                               RK__OP_PUT_CANCEL, NULL, NULL);
    if (status == RK_OK && large)
        return put_and_go(channel, queue, message, true, RK__NEVER);
    return status == RK_ETIMEDOUT ? RK_EFULL : status;
}

static rk_status put(rk_queue queue, const void *bytes, size_t size, double timeout_seconds, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    uint64_t deadline = queue.maxsize > 0 || queue.ref.home != channel->self ? rk__deadline(timeout_seconds) : 0;
    rk__letter message = {.to = queue.ref.home,
                          .room = RK__ROOM_CHANNEL,
                          .a = queue.ref.serial,
                          .size = size,
                          .bytes = (void *)(uintptr_t)bytes};
    rk_status status;
    if (queue.ref.home == channel->self)
        status = put_here(channel, queue, &message, deadline);
    else if (queue.maxsize == 0)
        status = put_and_go(channel, queue, &message, false, deadline);
    else
        status = put_and_wait(channel, queue, &message, deadline);
    return finish(channel, explain(channel, queue, status, err));
}

rk_status rk_queue_put(rk_queue queue, const void *bytes, size_t size, double timeout_seconds, rk_error *err) {
    RK__NEED_BYTES(bytes, size, err);
    return put(queue, bytes, size, timeout_seconds, err);
}

rk_status rk_queue_put_i64(rk_queue queue, int64_t value, double timeout_seconds, rk_error *err) {
    return put(queue, &value, sizeof value, timeout_seconds, err);
}

rk_status rk_queue_put_f64(rk_queue queue, double value, double timeout_seconds, rk_error *err) {
    return put(queue, &value, sizeof value, timeout_seconds, err);
}

rk_status rk_queue_flush(rk_queue queue, double timeout_seconds, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    rk_status status = RK_OK;
    if (queue.ref.home != channel->self)
        status = rk__flow_flush(channel, queue.ref.home, rk__deadline(timeout_seconds));
    if (status == RK_OK && rk__mail_is_dead(channel->mail, queue.ref.home))
        status = RK_EDEAD;
    else if (status == RK_OK)
        status = refused_before(channel, queue);
    return finish(channel, explain(channel, queue, status, err));
}

/* ---- get ---- */

static rk_status get(rk_queue queue, double timeout_seconds, const rk__sink *sink, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    uint64_t deadline = rk__deadline(timeout_seconds);
    rk__want want = rk__sink_want(sink, deadline);
    rk__verdict verdict = {.status = RK_OK};
    rk_status status = rk__place_get(channel, queue.ref.home, queue.ref, &want, deadline, &verdict);
    if (status == RK_ETIMEDOUT)
        status = RK_EEMPTY;
    else if (status == RK_OK)
        status = verdict.status;
    status = explain(channel, queue, status, err);
    return finish(channel, status == RK_OK ? rk__sink_fill(sink, &verdict, err) : status);
}

rk_status rk_queue_get(rk_queue queue, double timeout_seconds, void **bytes, size_t *size, rk_error *err) {
    RK__NEED(bytes, err);
    return get(queue, timeout_seconds, &(rk__sink){.bytes = bytes, .size = size}, err);
}

rk_status rk_queue_get_into(rk_queue queue, double timeout_seconds, void *buffer, size_t capacity, size_t *size,
                            rk_error *err) {
    RK__NEED_BYTES(buffer, capacity, err);
    return get(queue, timeout_seconds,
               &(rk__sink){.buffer = buffer, .capacity = capacity, .size = size, .exact = size == NULL}, err);
}

rk_status rk_queue_get_i64(rk_queue queue, double timeout_seconds, int64_t *value, rk_error *err) {
    RK__NEED(value, err);
    return get(queue, timeout_seconds, &(rk__sink){.buffer = value, .capacity = sizeof *value, .exact = true}, err);
}

rk_status rk_queue_get_f64(rk_queue queue, double timeout_seconds, double *value, rk_error *err) {
    RK__NEED(value, err);
    return get(queue, timeout_seconds, &(rk__sink){.buffer = value, .capacity = sizeof *value, .exact = true}, err);
}

/* ---- looks ---- */

static rk_status look(rk_queue queue, uint64_t *count, bool *full, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    rk__letter answer = {0};
    rk_status status = RK_OK;
    if (queue.ref.home == channel->self) {
        rk__yield(channel->mail);
        const rk__queue *home = rk__queue_find(channel, queue.ref.serial);
        status = home != NULL ? RK_OK : RK_ENOENT;
        answer.a = home != NULL ? home->place.store.items.count : 0;
        answer.b = home != NULL && rk__queue_is_full(home);
    } else {
        status = ask(channel, queue, RK__OP_LOOK, &answer);
    }
    if (status == RK_OK) {
        *count = answer.a;
        *full = answer.b != 0;
    }
    return finish(channel, explain(channel, queue, status, err));
}

rk_status rk_queue_size(rk_queue queue, uint64_t *count, rk_error *err) {
    RK__NEED(count, err);
    bool full;
    return look(queue, count, &full, err);
}

rk_status rk_queue_empty(rk_queue queue, bool *empty, rk_error *err) {
    RK__NEED(empty, err);
    uint64_t count;
    bool full;
    RK_TRY(look(queue, &count, &full, err));
    *empty = count == 0;
    return RK_OK;
}

rk_status rk_queue_full(rk_queue queue, bool *full, rk_error *err) {
    RK__NEED(full, err);
    uint64_t count;
    return look(queue, &count, full, err);
}

/* ---- tasks ---- */

rk_status rk_queue_task_done(rk_queue queue, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    rk_status status;
    if (queue.ref.home == channel->self) {
        rk__queue *home = rk__queue_find(channel, queue.ref.serial);
        status = home != NULL ? rk__queue_task_done_here(channel, home, channel->self) : RK_ENOENT;
    } else {
        status = ask(channel, queue, RK__OP_TASK_DONE, NULL);
    }
    return finish(channel, explain(channel, queue, status, err));
}

static rk_status join_here(rk__channel *channel, rk_queue queue, uint64_t deadline_ns) {
    rk__queue *home = rk__queue_find(channel, queue.ref.serial);
    rk__verdict verdict = {.status = RK_OK};
    if (home == NULL)
        return RK_ENOENT;
    if (rk__queue_join_here(home, &verdict.status))
        return verdict.status;
    rk__waiter waiter = {.who = {channel->self, 0}, .verdict = &verdict};
    RK_TRY(rk__waiters_wait(channel->mail, &home->joiners, &waiter, deadline_ns));
    return verdict.status;
}

rk_status rk_queue_join(rk_queue queue, double timeout_seconds, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    uint64_t deadline = rk__deadline(timeout_seconds);
    rk_status status;
    if (queue.ref.home == channel->self) {
        status = join_here(channel, queue, deadline);
    } else {
        rk__letter question = {
            .to = queue.ref.home, .room = RK__ROOM_CHANNEL, .op = RK__OP_JOIN, .a = queue.ref.serial};
        status = rk__mail_ask_cancelable(channel->mail, &question, deadline, RK__OP_JOIN_CANCEL, NULL, NULL);
    }
    return finish(channel, explain(channel, queue, status, err));
}

/* ---- close, destroy ---- */

static rk_status end(rk_queue queue, uint16_t op, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(queue, &channel, err));
    return finish(channel, explain(channel, queue, ask(channel, queue, op, NULL), err));
}

rk_status rk_queue_close(rk_queue queue, rk_error *err) {
    return end(queue, RK__OP_CLOSE, err);
}

rk_status rk_queue_destroy(rk_queue queue, rk_error *err) {
    return end(queue, RK__OP_DESTROY, err);
}
