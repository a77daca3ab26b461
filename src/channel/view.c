/* An end of a pipe as a rank that uses it sees it. */
#include <stdlib.h>

#include "channel/channel_private.h"

static rk__view *find(const rk__channel *channel, rk_ref ref) {
    return rk__registry_find(&channel->views, ref.home, ref.serial);
}

static void forget(rk__channel *channel, rk__view *view) {
    rk__registry_remove(&channel->views, &view->id);
    free(view);
}

/* ---- getting one ---- */

static rk_status begin_to_open(rk__channel *channel, rk_ref ref, rk_error *err) {
    rk__view *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "the end of a pipe", err));
    made->id.home = ref.home;
    made->id.serial = ref.serial;
    made->opening = true;
    made->in_seat = RK__NOBODY;
    if (!rk__registry_add(&channel->views, &made->id)) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for the end of a pipe");
    }
    rk__channel_send(channel, ref.home, RK__OP_OPEN, ref.serial, 0, 0);
    return RK_OK;
}

typedef struct look_up {
    const rk__channel *channel;
    rk_ref ref;
} look_up;

static bool is_settled(void *ctx) {
    const look_up *self = ctx;
    const rk__view *view = find(self->channel, self->ref);
    return view == NULL || !(view->opening || view->claiming);
}

static rk_status wait_until_settled(rk__channel *channel, rk_ref ref, rk__view **view, rk_error *err) {
    rk_status status = rk__wait(channel->mail, is_settled, &(look_up){channel, ref}, RK__NEVER);
    if (status != RK_OK)
        return rk__fail(err, status, "%s", rk_status_text(status));
    RK_TRY(rk__ref_check(channel->mail, ref, RK__KIND_PIPE_END, err));
    rk__view *found = find(channel, ref);
    if (found == NULL || found->closed)
        return rk__fail(err, RK_ECLOSED, "this end of the pipe of process %u is closed", ref.home);
    *view = found;
    return RK_OK;
}

rk_status rk__view_get(rk__channel *channel, rk_ref ref, rk__view **view, rk_error *err) {
    RK_TRY(rk__ref_check(channel->mail, ref, RK__KIND_PIPE_END, err));
    if (find(channel, ref) == NULL)
        RK_TRY(begin_to_open(channel, ref, err));
    return wait_until_settled(channel, ref, view, err);
}

rk_status rk__view_get_seated(rk__channel *channel, rk_ref ref, rk__view **view, rk_error *err) {
    RK_TRY(rk__view_get(channel, ref, view, err));
    if (!(*view)->receives)
        return rk__fail(err, RK_EPERM, "this end of the pipe of process %u only sends: receive at the other one",
                        ref.home);
    if ((*view)->in_seat != RK__NOBODY)
        return RK_OK;
    if (ref.home != channel->self)
        RK_TRY(rk__inbox_make(channel, ref.home, ref.serial, true, err));
    (*view)->claiming = true;
    rk__channel_send(channel, ref.home, RK__OP_CLAIM, ref.serial, 0, 0);
    return wait_until_settled(channel, ref, view, err);
}

/* ---- what the home says ---- */

static void on_opened(rk__channel *channel, const rk__letter *letter, rk__view *view) {
    if (letter->status != RK_OK) {
        forget(channel, view);
        return;
    }
    view->opening = false;
    view->receives = (letter->b & RK__VIEW_RECEIVES) != 0;
    view->sends = (letter->b & RK__VIEW_SENDS) != 0;
    view->peer_closed = (letter->b & RK__VIEW_PEER_CLOSED) != 0;
    view->in_seat = (uint32_t)(letter->b >> 32);
    view->out_seat = (uint32_t)letter->c;
}

static void on_seated(rk__channel *channel, const rk__letter *letter, rk__view *view) {
    rk__inbox *inbox = rk__inbox_find(channel, letter->from, letter->a);
    view->claiming = false;
    view->in_seat = (uint32_t)letter->c;
    if (inbox == NULL)
        return;
    if (view->in_seat == channel->self)
        rk__inbox_seated(channel, inbox);
    else /* somebody else was first */
        rk__inbox_remove(channel, inbox, RK_ECLOSED);
}

static void on_closed(rk__channel *channel, const rk__letter *letter, rk__view *view) {
    rk__inbox *inbox = rk__inbox_find(channel, letter->from, letter->a);
    if (inbox != NULL)
        rk__inbox_remove(channel, inbox, RK_ECLOSED);
    if (view != NULL) {
        view->closed = true;
        view->opening = view->claiming = false;
    }
    rk__channel_send(channel, (uint32_t)letter->c, RK__OP_MARK, rk__pipe_peer(letter->a), 0, letter->from);
}

static void on_turn(rk__channel *channel, const rk__letter *letter, rk__view *view) {
    if (letter->b == RK__TURN_CLOSED)
        on_closed(channel, letter, view);
    else if (letter->b == RK__TURN_SEAT)
        rk__channel_send(channel, letter->from, RK__OP_TURNED, rk__pipe_peer(letter->a), 0, 0);
    if (view == NULL)
        return;
    view->out_seat = (uint32_t)letter->c;
    view->peer_closed |= letter->b == RK__TURN_PEER_CLOSED;
    if (view->closed && view->peer_closed) /* the home forgets it too */
        forget(channel, view);
}

void rk__view_receive(rk__channel *channel, rk__letter *letter) {
    rk__view *view = rk__registry_find(&channel->views, letter->from, letter->a);
    if (letter->op == RK__OP_TURN)
        on_turn(channel, letter, view);
    else if (letter->op == RK__OP_OPENED && view != NULL)
        on_opened(channel, letter, view);
    else if (letter->op == RK__OP_SEATED && view != NULL)
        on_seated(channel, letter, view);
}

/* ---- deaths ---- */

typedef struct death {
    rk__channel *channel;
    uint32_t endpoint;
} death;

static void home_died(void *node, void *ctx) {
    rk__view *view = node;
    death *self = ctx;
    if (view->id.home == self->endpoint)
        forget(self->channel, view);
}

void rk__views_died(rk__channel *channel, uint32_t endpoint) {
    rk__registry_each(&channel->views, home_died, &(death){channel, endpoint});
}
