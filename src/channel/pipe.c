/* The functions of pipes. */
#include <stdlib.h>

#include "channel/channel_private.h"

static rk_status begin(rk__channel **channel, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    *channel = rk__mail_room(mail, RK__ROOM_CHANNEL);
    return RK_OK;
}

static rk_status finish(rk__channel *channel, rk_status status) {
    rk__leave(channel->mail);
    return status;
}

rk_status rk_pipe_create(rk_pipe *first, rk_pipe *second, bool duplex, rk_error *err) {
    RK__NEED(first, err);
    RK__NEED(second, err);
    rk__channel *channel;
    RK_TRY(begin(&channel, err));
    return finish(channel, rk__pair_make(channel, duplex, &first->ref, &second->ref, err));
}

/* ---- send ---- */

static rk_status view_to_send(rk__channel *channel, rk_pipe end, rk__view **view, rk_error *err) {
    RK_TRY(rk__view_get(channel, end.ref, view, err));
    if (!(*view)->sends)
        return rk__fail(err, RK_EPERM, "this end of the pipe of process %u only receives: send at the other one",
                        end.ref.home);
    if ((*view)->peer_closed)
        return rk__fail(err, RK_EBROKEN, "the other end of the pipe of process %u is closed", end.ref.home);
    if (rk__mail_is_dead(channel->mail, (*view)->out_seat))
        return rk__fail(err, RK_EDEAD, "process %u, which receives at the other end, has died", (*view)->out_seat);
    return RK_OK;
}

static rk_status send_here(rk__channel *channel, rk__letter *message, rk_error *err) {
    rk__inbox *inbox = rk__inbox_find(channel, (uint32_t)message->c, message->a);
    rk_status status = inbox != NULL ? rk__inbox_data(channel, inbox, message) : RK_EBROKEN;
    return status == RK_OK ? RK_OK : rk__fail(err, status, "sending to the other end: %s", rk_status_text(status));
}

static rk_status send_message(rk__channel *channel, rk_pipe end, rk__letter *message, rk_error *err) {
    rk__view *view;
    uint32_t waited_for = RK__NOBODY;
    RK_TRY(view_to_send(channel, end, &view, err));
    while (view->out_seat != channel->self && view->out_seat != waited_for) {
        waited_for = view->out_seat;
        rk_status status = rk__flow_wait(channel, waited_for, RK__NEVER);
        if (status != RK_OK)
            return rk__fail(err, status, "%s", rk_status_text(status));
        RK_TRY(view_to_send(channel, end, &view, err)); /* the seat may have moved */
    }
    message->to = view->out_seat;
    return message->to == channel->self ? send_here(channel, message, err) : rk__flow_send(channel, message, err);
}

rk_status rk_pipe_send(rk_pipe end, const void *bytes, size_t size, rk_error *err) {
    RK__NEED_BYTES(bytes, size, err);
    rk__channel *channel;
    RK_TRY(begin(&channel, err));
    rk__letter message = {.room = RK__ROOM_CHANNEL,
                          .op = RK__OP_DATA,
                          .a = rk__pipe_peer(end.ref.serial),
                          .c = end.ref.home,
                          .size = size,
                          .bytes = (void *)(uintptr_t)bytes};
    return finish(channel, send_message(channel, end, &message, err));
}

/* ---- receive ---- */

static rk_status explain(rk_pipe end, uint32_t seat, rk_status status, rk_error *err) {
    unsigned home = end.ref.home;
    switch (status) {
    case RK_OK:
        return RK_OK;
    case RK_ETIMEDOUT:
        return rk__fail(err, status, "nothing came through the pipe of process %u in time", home);
    case RK_EEOF:
        return rk__fail(err, status, "the other end of the pipe of process %u is closed, and nothing is left", home);
    case RK_ENOENT: /* gone with its end */
    case RK_ECLOSED:
        return rk__fail(err, RK_ECLOSED, "this end of the pipe of process %u is closed", home);
    case RK_EDEAD:
        return rk__fail(err, status,
                        "a process of the pipe of process %u has died: that one, process %u, which receives here, or "
                        "the one that used the other end",
                        home, seat);
    default:
        return rk__fail(err, status, "%s", rk_status_text(status));
    }
}

static rk_status get(rk__channel *channel, rk_pipe end, const rk__want *want, uint64_t deadline_ns,
                     rk__verdict *verdict, rk_error *err) {
    rk__view *view;
    RK_TRY(rk__view_get_seated(channel, end.ref, &view, err));
    uint32_t seat = view->in_seat;
    if (rk__mail_is_dead(channel->mail, seat))
        return explain(end, seat, RK_EDEAD, err);
    rk_status status = rk__place_get(channel, seat, end.ref, want, deadline_ns, verdict);
    return explain(end, seat, status == RK_OK ? verdict->status : status, err);
}

static rk_status receive(rk_pipe end, double timeout_seconds, const rk__sink *sink, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(&channel, err));
    uint64_t deadline = rk__deadline(timeout_seconds);
    rk__want want = rk__sink_want(sink, deadline);
    rk__verdict verdict = {.status = RK_OK};
    rk_status status = get(channel, end, &want, deadline, &verdict, err);
    return finish(channel, status == RK_OK ? rk__sink_fill(sink, &verdict, err) : status);
}

rk_status rk_pipe_recv(rk_pipe end, double timeout_seconds, void **bytes, size_t *size, rk_error *err) {
    RK__NEED(bytes, err);
    return receive(end, timeout_seconds, &(rk__sink){.bytes = bytes, .size = size}, err);
}

rk_status rk_pipe_recv_into(rk_pipe end, double timeout_seconds, void *buffer, size_t capacity, size_t *size,
                            rk_error *err) {
    RK__NEED_BYTES(buffer, capacity, err);
    return receive(end, timeout_seconds,
                   &(rk__sink){.buffer = buffer, .capacity = capacity, .size = size, .exact = size == NULL}, err);
}

rk_status rk_pipe_poll(rk_pipe end, double timeout_seconds, bool *ready, rk_error *err) {
    RK__NEED(ready, err);
    rk__channel *channel;
    RK_TRY(begin(&channel, err));
    uint64_t deadline = rk__deadline(timeout_seconds);
    rk__want want = {.capacity = UINT64_MAX, .peek = true, .at_once = deadline <= rk__clock_ns()};
    rk__verdict verdict = {.status = RK_OK};
    rk_status status = get(channel, end, &want, deadline, &verdict, err);
    bool end_seen = status == RK_EEOF, in_vain = status == RK_ETIMEDOUT;
    if (status == RK_OK || end_seen || in_vain) {
        *ready = !in_vain;
        status = RK_OK;
        rk__error_clear(err);
    }
    return finish(channel, status);
}

/* ---- close ---- */

rk_status rk_pipe_close(rk_pipe end, rk_error *err) {
    rk__channel *channel;
    RK_TRY(begin(&channel, err));
    rk_status status = rk__ref_check(channel->mail, end.ref, RK__KIND_PIPE_END, err);
    rk__letter question = {.to = end.ref.home, .room = RK__ROOM_CHANNEL, .op = RK__OP_CLOSE_END, .a = end.ref.serial};
    if (status == RK_OK)
        status = rk__mail_ask(channel->mail, &question, RK__NEVER, NULL, err);
    return finish(channel, status);
}
