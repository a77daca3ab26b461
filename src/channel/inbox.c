/* An inbox: the messages for one end of a pipe, at its seat; or at the pipe's home, until the seat has been taken. */
#include <stdlib.h>
#include <string.h>

#include "channel/channel_private.h"

rk__inbox *rk__inbox_find(const rk__channel *channel, uint32_t home, uint64_t serial) {
    rk__place *place = rk__place_find(channel, home, serial);
    return place != NULL && !place->is_queue ? (rk__inbox *)place : NULL;
}

rk_status rk__inbox_make(rk__channel *channel, uint32_t home, uint64_t serial, bool claiming, rk_error *err) {
    rk__inbox *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a pipe", err));
    made->place.id.home = home;
    made->place.id.serial = serial;
    made->claiming = claiming;
    made->forward_to = made->orphaned_by = RK__NOBODY;
    if (!rk__registry_add(&channel->places, &made->place.id)) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for a pipe");
    }
    return RK_OK;
}

void rk__inbox_remove(rk__channel *channel, rk__inbox *inbox, rk_status status) {
    rk__registry_remove(&channel->places, &inbox->place.id);
    rk__store_fini(channel, &inbox->place.store, status);
    rk__deque_fini(&inbox->early);
    rk__crowd_fini(&inbox->awaited);
    rk__crowd_fini(&inbox->marked);
    free(inbox);
}

/* ---- messages ---- */

static void send_on(rk__channel *channel, const rk__inbox *inbox, void *bytes, uint64_t size) {
    rk__letter letter = {.to = inbox->forward_to,
                         .room = RK__ROOM_CHANNEL,
                         .op = RK__OP_DATA,
                         .a = inbox->place.id.serial,
                         .b = 1,
                         .c = inbox->place.id.home,
                         .size = size,
                         .bytes = bytes};
    rk__mail_send(channel->mail, &letter, RK__PAYLOAD_TAKE, NULL);
}

void rk__inbox_forward(rk__channel *channel, rk__inbox *inbox, uint32_t seat) {
    inbox->forward_to = seat;
    while (inbox->place.store.items.count > 0) {
        rk__message message = rk__deque_pop(&inbox->place.store.items);
        send_on(channel, inbox, message.bytes, message.size);
    }
}

rk_status rk__inbox_data(rk__channel *channel, rk__inbox *inbox, rk__letter *message) {
    uint32_t taker;
    uint64_t size = message->size;
    if (inbox->forward_to == RK__NOBODY && !(inbox->claiming && message->b == 0))
        return rk__store_offer(channel, &inbox->place.store, message, &taker);
    rk__message taken = {rk__letter_take(message), size};
    if (size > 0 && taken.bytes == NULL)
        return RK_ENOMEM;
    if (inbox->forward_to != RK__NOBODY) {
        send_on(channel, inbox, taken.bytes, taken.size);
    } else if (!rk__deque_push(&inbox->early, taken)) {
        free(taken.bytes);
        return RK_ENOMEM;
    }
    return RK_OK;
}

/* ---- the end ---- */

static void end_if_finished(rk__channel *channel, rk__inbox *inbox) {
    if (inbox->finishing && inbox->awaited.count == 0 && !inbox->claiming)
        rk__store_end(channel, &inbox->place.store, RK_EEOF);
}

void rk__inbox_seated(rk__channel *channel, rk__inbox *inbox) {
    uint32_t taker;
    inbox->claiming = false;
    while (inbox->early.count > 0) {
        rk__message message = rk__deque_pop(&inbox->early);
        rk__letter letter = {.size = message.size, .bytes = message.bytes, .owned = message.size > 0};
        rk__store_offer(channel, &inbox->place.store, &letter, &taker);
    }
    end_if_finished(channel, inbox);
}

static void on_finish(rk__channel *channel, const rk__letter *letter, rk__inbox *inbox) {
    uint32_t user;
    inbox->finishing = true;
    for (uint64_t i = 0; i < letter->size / sizeof user; i++) {
        memcpy(&user, (const unsigned char *)letter->bytes + i * sizeof user, sizeof user);
        if (!rk__mail_is_dead(channel->mail, user) && !rk__crowd_remove(&inbox->marked, user))
            rk__crowd_add(&inbox->awaited, user);
    }
    end_if_finished(channel, inbox);
}

static void on_mark(rk__channel *channel, const rk__letter *letter, rk__inbox *inbox) {
    if (!rk__crowd_remove(&inbox->awaited, letter->from)) /* FINISH is still to come */
        rk__crowd_add(&inbox->marked, letter->from);
    else
        end_if_finished(channel, inbox);
}

/* Not before his last words have come. */
static void end_if_orphaned(rk__channel *channel, rk__inbox *inbox) {
    if (inbox->orphaned_by != RK__NOBODY && inbox->place.store.end == RK_OK &&
        rk__mail_is_dead(channel->mail, inbox->orphaned_by))
        rk__store_end(channel, &inbox->place.store, RK_EDEAD);
}

static void on_orphan(rk__channel *channel, const rk__letter *letter, rk__inbox *inbox) {
    inbox->orphaned_by = letter->b == 0 ? RK__NOBODY : (uint32_t)(letter->b - 1);
    if (inbox->orphaned_by == RK__NOBODY && inbox->place.store.end == RK_EDEAD)
        inbox->place.store.end = RK_OK;
    end_if_orphaned(channel, inbox);
}

void rk__inbox_died(rk__channel *channel, rk__inbox *inbox, uint32_t endpoint) {
    if (inbox->place.id.home == endpoint) {
        rk__inbox_remove(channel, inbox, RK_EDEAD);
        return;
    }
    end_if_orphaned(channel, inbox);
    if (rk__crowd_remove(&inbox->awaited, endpoint))
        end_if_finished(channel, inbox);
}

void rk__inbox_receive(rk__channel *channel, rk__letter *letter) {
    rk__inbox *inbox = rk__inbox_find(channel, (uint32_t)letter->c, letter->a);
    if (inbox == NULL) /* closed */
        return;
    if (letter->op == RK__OP_DATA)
        rk__inbox_data(channel, inbox, letter);
    else if (letter->op == RK__OP_FINISH)
        on_finish(channel, letter, inbox);
    else if (letter->op == RK__OP_MARK)
        on_mark(channel, letter, inbox);
    else if (letter->op == RK__OP_ORPHAN)
        on_orphan(channel, letter, inbox);
}
