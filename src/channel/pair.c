/* A pipe at its home: who uses its ends, where their seats are, and the two occasions when all users are told. */
#include <stdlib.h>

#include "channel/channel_private.h"

static rk__pair *find(const rk__channel *channel, uint64_t end_serial, unsigned *side) {
    *side = (unsigned)(end_serial & 1);
    return rk__registry_find(&channel->pairs, channel->self, end_serial & ~UINT64_C(1));
}

static uint64_t serial_of(const rk__pair *pair, unsigned side) {
    return pair->id.serial + side;
}

void rk__pair_free(rk__pair *pair) {
    for (int side = 0; side < 2; side++) {
        rk__crowd_fini(&pair->ends[side].users);
        rk__crowd_fini(&pair->ends[side].awaited);
        rk__crowd_fini(&pair->ends[side].late);
    }
    free(pair);
}

/* ---- making it ---- */

static rk_status make_inboxes(rk__channel *channel, const rk__pair *pair, rk_error *err) {
    RK_TRY(rk__inbox_make(channel, channel->self, serial_of(pair, 0), false, err));
    rk_status status = rk__inbox_make(channel, channel->self, serial_of(pair, 1), false, err);
    if (status != RK_OK)
        rk__inbox_remove(channel, rk__inbox_find(channel, channel->self, serial_of(pair, 0)), RK_ENOMEM);
    return status;
}

rk_status rk__pair_make(rk__channel *channel, bool duplex, rk_ref *first, rk_ref *second, rk_error *err) {
    rk__pair *pair;
    RK_TRY(rk__alloc((void **)&pair, 1, sizeof *pair, "a pipe", err));
    pair->id.home = channel->self;
    pair->id.serial = rk__channel_serials(channel);
    pair->duplex = duplex;
    for (int side = 0; side < 2; side++) {
        pair->ends[side].seat = channel->self;
        pair->ends[side].claimer = pair->ends[side].last_user = RK__NOBODY;
    }
    rk_status status = make_inboxes(channel, pair, err);
    if (status == RK_OK && !rk__registry_add(&channel->pairs, &pair->id)) {
        for (unsigned side = 0; side < 2; side++)
            rk__inbox_remove(channel, rk__inbox_find(channel, channel->self, serial_of(pair, side)), RK_ENOMEM);
        status = rk__fail(err, RK_ENOMEM, "no memory for a pipe");
    }
    if (status != RK_OK) {
        free(pair);
        return status;
    }
    *first = (rk_ref){serial_of(pair, 0), channel->self, RK__KIND_PIPE_END};
    *second = (rk_ref){serial_of(pair, 1), channel->self, RK__KIND_PIPE_END};
    return RK_OK;
}

/* ---- who uses it ---- */

static void say_opened(rk__channel *channel, uint32_t to, uint64_t end_serial, const rk__pair *pair) {
    unsigned side = (unsigned)(end_serial & 1);
    rk__letter opened = {.to = to, .room = RK__ROOM_CHANNEL, .op = RK__OP_OPENED, .a = end_serial};
    if (pair == NULL || pair->ends[side].closed) {
        opened.status = RK_ECLOSED;
    } else {
        const rk__pair_end *end = &pair->ends[side], *peer = &pair->ends[!side];
        uint64_t in_seat = end->claimed && end->claimer == RK__NOBODY ? end->seat : RK__NOBODY;
        uint64_t flags = (pair->duplex || side == 0 ? RK__VIEW_RECEIVES : 0) |
                         (pair->duplex || side == 1 ? RK__VIEW_SENDS : 0) | (peer->closed ? RK__VIEW_PEER_CLOSED : 0);
        opened.b = flags | in_seat << 32;
        opened.c = peer->seat;
    }
    rk__mail_send(channel->mail, &opened, RK__PAYLOAD_COPY, NULL);
}

/* The seat of the other end hears whether anybody uses this one. */
static void say_orphaned(rk__channel *channel, const rk__pair *pair, unsigned side) {
    uint32_t last = pair->ends[side].last_user;
    rk__channel_send(channel, pair->ends[!side].seat, RK__OP_ORPHAN, serial_of(pair, !side),
                     last == RK__NOBODY ? 0 : (uint64_t)last + 1, channel->self);
}

static void on_open(rk__channel *channel, const rk__letter *letter) {
    unsigned side;
    rk__pair *pair = find(channel, letter->a, &side);
    if (pair != NULL && !pair->ends[side].closed) {
        rk__pair_end *end = &pair->ends[side];
        if (!rk__crowd_add(&end->users, letter->from)) {
            pair = NULL;
        } else if (end->last_user != RK__NOBODY) {
            end->last_user = RK__NOBODY;
            say_orphaned(channel, pair, side);
        }
    }
    say_opened(channel, letter->from, letter->a, pair);
}

static void tell_users(rk__channel *channel, const rk__pair *pair, unsigned side, rk__turn turn) {
    const rk__crowd *users = &pair->ends[side].users;
    for (size_t i = 0; i < users->count; i++)
        rk__channel_send(channel, users->members[i], RK__OP_TURN, serial_of(pair, side), (uint64_t)turn,
                         pair->ends[!side].seat);
}

/* ---- the seat ---- */

static void say_seated(rk__channel *channel, uint32_t to, uint64_t end_serial, uint32_t seat) {
    rk__channel_send(channel, to, RK__OP_SEATED, end_serial, 0, seat);
}

static void finish_claim(rk__channel *channel, rk__pair *pair, unsigned side) {
    rk__pair_end *end = &pair->ends[side];
    if (end->claimer == RK__NOBODY || end->awaited.count > 0)
        return;
    end->claimer = RK__NOBODY;
    rk__inbox *inbox = rk__inbox_find(channel, channel->self, serial_of(pair, side));
    if (inbox != NULL)
        rk__inbox_remove(channel, inbox, RK_ECLOSED);
    say_seated(channel, end->seat, serial_of(pair, side), end->seat);
    for (size_t i = 0; i < end->late.count; i++)
        say_seated(channel, end->late.members[i], serial_of(pair, side), end->seat);
    end->late.count = 0;
    if (pair->ends[!side].last_user != RK__NOBODY)
        say_orphaned(channel, pair, !side);
}

static void begin_claim(rk__channel *channel, rk__pair *pair, unsigned side, uint32_t claimer) {
    rk__pair_end *end = &pair->ends[side], *peer = &pair->ends[!side];
    rk__inbox *inbox = rk__inbox_find(channel, channel->self, serial_of(pair, side));
    for (size_t i = 0; i < peer->users.count; i++)
        if (!rk__crowd_add(&end->awaited, peer->users.members[i])) { /* then it stays where it is */
            end->awaited.count = 0;
            end->claimed = true;
            say_seated(channel, claimer, serial_of(pair, side), end->seat);
            return;
        }
    end->claimed = true;
    end->seat = end->claimer = claimer;
    rk__inbox_forward(channel, inbox, claimer);
    tell_users(channel, pair, !side, RK__TURN_SEAT);
    finish_claim(channel, pair, side);
}

static void on_claim(rk__channel *channel, const rk__letter *letter) {
    unsigned side;
    rk__pair *pair = find(channel, letter->a, &side);
    if (pair == NULL || pair->ends[side].closed)
        return; /* it was told so, as a user */
    rk__pair_end *end = &pair->ends[side];
    if (end->claimer != RK__NOBODY && rk__crowd_add(&end->late, letter->from))
        return;
    bool is_child = letter->from >= rk__mail_ranks(channel->mail); /* which takes its memory along when it ends */
    bool stays = letter->from == channel->self || is_child || pair->ends[!side].closed; /* or nothing more comes */
    if (end->claimed || stays) {
        end->claimed = true;
        say_seated(channel, letter->from, letter->a, end->seat);
        return;
    }
    begin_claim(channel, pair, side, letter->from);
}

static void on_turned(rk__channel *channel, const rk__letter *letter) {
    unsigned side;
    rk__pair *pair = find(channel, letter->a, &side);
    if (pair != NULL && rk__crowd_remove(&pair->ends[side].awaited, letter->from))
        finish_claim(channel, pair, side);
}

/* ---- closing ---- */

/* The inbox of the other end ends when all users of this one have said that nothing more comes. */
static void finish_other(rk__channel *channel, const rk__pair *pair, unsigned side) {
    const rk__crowd *users = &pair->ends[side].users;
    rk__letter letter = {.to = pair->ends[!side].seat,
                         .room = RK__ROOM_CHANNEL,
                         .op = RK__OP_FINISH,
                         .a = serial_of(pair, !side),
                         .c = channel->self,
                         .size = users->count * sizeof *users->members,
                         .bytes = users->members};
    rk__mail_send(channel->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void close_end(rk__channel *channel, rk__pair *pair, unsigned side) {
    rk__pair_end *end = &pair->ends[side];
    if (end->closed)
        return;
    end->closed = true;
    tell_users(channel, pair, side, RK__TURN_CLOSED);
    tell_users(channel, pair, !side, RK__TURN_PEER_CLOSED);
    rk__inbox *inbox = rk__inbox_find(channel, channel->self, serial_of(pair, side));
    if (inbox != NULL)
        rk__inbox_remove(channel, inbox, RK_ECLOSED);
    if (!pair->ends[!side].closed) {
        finish_other(channel, pair, side);
        return;
    }
    rk__registry_remove(&channel->pairs, &pair->id);
    rk__pair_free(pair);
}

static void on_close(rk__channel *channel, const rk__letter *letter) {
    unsigned side;
    rk__pair *pair = find(channel, letter->a, &side);
    if (pair != NULL)
        close_end(channel, pair, side);
    rk__mail_answer(channel->mail, (rk__question){letter->from, letter->call}, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

/* ---- deaths ---- */

typedef struct death {
    rk__channel *channel;
    uint32_t endpoint;
} death;

static void user_died(void *node, void *ctx) {
    rk__pair *pair = node;
    death *self = ctx;
    for (unsigned side = 0; side < 2; side++) {
        rk__pair_end *end = &pair->ends[side];
        rk__crowd_remove(&end->late, self->endpoint);
        if (rk__crowd_remove(&end->awaited, self->endpoint))
            finish_claim(self->channel, pair, side);
        if (rk__crowd_remove(&end->users, self->endpoint) && end->users.count == 0 && !end->closed) {
            end->last_user = self->endpoint;
            say_orphaned(self->channel, pair, side);
        }
    }
}

void rk__pairs_died(rk__channel *channel, uint32_t endpoint) {
    rk__registry_each(&channel->pairs, user_died, &(death){channel, endpoint});
}

void rk__pair_receive(rk__channel *channel, rk__letter *letter) {
    if (letter->op == RK__OP_OPEN)
        on_open(channel, letter);
    else if (letter->op == RK__OP_CLAIM)
        on_claim(channel, letter);
    else if (letter->op == RK__OP_TURNED)
        on_turned(channel, letter);
    else if (letter->op == RK__OP_CLOSE_END)
        on_close(channel, letter);
}
