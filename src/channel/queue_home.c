/* A queue where it lives. */
#include <stdlib.h>

#include "channel/channel_private.h"

rk__queue *rk__queue_find(const rk__channel *channel, uint64_t serial) {
    rk__place *place = rk__place_find(channel, channel->self, serial);
    return place != NULL && place->is_queue ? (rk__queue *)place : NULL;
}

rk_status rk__queue_make(rk__channel *channel, uint64_t maxsize, rk_ref *ref, rk_error *err) {
    rk__queue *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a queue", err));
    made->maxsize = maxsize;
    made->place.is_queue = true;
    made->place.id.home = channel->self;
    made->place.id.serial = rk__channel_serials(channel);
    made->shares = calloc(rk__mail_endpoints(channel->mail), sizeof *made->shares);
    if (made->shares == NULL || !rk__registry_add(&channel->places, &made->place.id)) {
        free(made->shares);
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for a queue");
    }
    *ref = (rk_ref){made->place.id.serial, channel->self, RK__KIND_QUEUE};
    return RK_OK;
}

void rk__queue_free(rk__channel *channel, rk__queue *queue) {
    rk__deque_fini(&queue->place.store.items);
    rk__store_fini(channel, &queue->place.store, RK_ENOENT);
    rk__waiters_settle_all(channel->mail, &queue->putters, RK_ENOENT);
    rk__waiters_settle_all(channel->mail, &queue->joiners, RK_ENOENT);
    free(queue->shares);
    free(queue);
}

/* ---- putting ---- */

static bool has_place(const rk__queue *queue) {
    return queue->maxsize == 0 || queue->place.store.items.count + queue->reserved < queue->maxsize;
}

bool rk__queue_is_full(const rk__queue *queue) {
    return !has_place(queue);
}

static rk__share *share_of(rk__queue *queue, uint32_t endpoint) {
    rk__share *share = &queue->shares[endpoint];
    if (share->era != queue->era) {
        share->taken = 0;
        share->era = queue->era;
    }
    return share;
}

static rk_status accept(rk__channel *channel, rk__queue *queue, rk__letter *message) {
    uint32_t taker;
    RK_TRY(rk__store_offer(channel, &queue->place.store, message, &taker));
    queue->unfinished++;
    if (taker != RK__NOBODY)
        share_of(queue, taker)->taken++;
    return RK_OK;
}

static void reserve(rk__queue *queue, uint32_t endpoint) {
    queue->reserved++;
    queue->shares[endpoint].reserved++;
}

/* Putters come in while there is place for them. */
static void admit(rk__channel *channel, rk__queue *queue) {
    while (queue->putters.first != NULL && has_place(queue)) {
        rk__waiter *putter = rk__waiters_pop(&queue->putters);
        rk_status status = RK_OK;
        if (putter->reserves)
            reserve(queue, putter->who.from);
        else
            status = accept(channel, queue, &putter->message);
        rk__waiter_settle(channel->mail, putter, (rk__verdict){.status = status});
    }
}

rk_status rk__queue_put_here(rk__channel *channel, rk__queue *queue, rk__letter *message) {
    if (queue->closed)
        return RK_ECLOSED;
    return has_place(queue) ? accept(channel, queue, message) : RK_EFULL;
}

static void on_put(rk__channel *channel, rk__letter *letter, rk__queue *queue) {
    rk_status status = RK_ENOENT;
    if (queue != NULL && letter->c != 0) {
        queue->reserved--;
        queue->shares[letter->from].reserved--;
        status = accept(channel, queue, letter);
        admit(channel, queue);
    } else if (queue != NULL) {
        status = queue->closed ? RK_ECLOSED : accept(channel, queue, letter);
    }
    if (status == RK_OK)
        return;
    rk__letter refused = {
        .to = letter->from, .room = RK__ROOM_CHANNEL, .op = RK__OP_REFUSED, .status = (int32_t)status, .a = letter->a};
    rk__mail_send(channel->mail, &refused, RK__PAYLOAD_COPY, NULL);
}

static void on_put_ask(rk__channel *channel, rk__letter *letter, rk__queue *queue) {
    rk__waiter asker = {.who = {letter->from, letter->call}, .reserves = letter->op == RK__OP_RESERVE};
    rk_status status = queue == NULL ? RK_ENOENT : queue->closed ? RK_ECLOSED : has_place(queue) ? RK_OK : RK_EFULL;
    if (status == RK_EFULL && letter->c == 0) {
        asker.message = (rk__letter){.size = letter->size, .bytes = rk__letter_take(letter), .owned = true};
        if (!rk__waiters_add_asker(channel->mail, &queue->putters, &asker))
            free(asker.message.bytes);
        return;
    }
    if (status == RK_OK && asker.reserves)
        reserve(queue, letter->from);
    else if (status == RK_OK)
        status = accept(channel, queue, letter);
    rk__mail_answer(channel->mail, asker.who, status, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

/* ---- counting ---- */

void rk__queue_taken(rk__channel *channel, rk__queue *queue, uint32_t by) {
    share_of(queue, by)->taken++;
    admit(channel, queue);
}

bool rk__queue_join_here(const rk__queue *queue, rk_status *status) {
    *status = queue->unfinished == 0 ? RK_OK : RK_EDEAD;
    return queue->unfinished <= queue->lost;
}

static void tell_joiners(rk__channel *channel, rk__queue *queue) {
    rk_status status;
    if (rk__queue_join_here(queue, &status))
        rk__waiters_settle_all(channel->mail, &queue->joiners, status);
}

rk_status rk__queue_task_done_here(rk__channel *channel, rk__queue *queue, uint32_t by) {
    if (queue->unfinished == 0)
        return RK_EINVAL;
    rk__share *share = share_of(queue, by);
    if (share->taken > 0)
        share->taken--;
    else if (queue->lost > 0)
        queue->lost--;
    if (--queue->unfinished == 0) {
        queue->lost = 0;
        queue->era++;
    }
    tell_joiners(channel, queue);
    return RK_OK;
}

/* ---- the end of it, or of somebody ---- */

void rk__queue_close_here(rk__channel *channel, rk__queue *queue) {
    if (queue->closed)
        return;
    queue->closed = true;
    rk__waiters_settle_all(channel->mail, &queue->putters, RK_ECLOSED);
    rk__store_end(channel, &queue->place.store, RK_ECLOSED);
}

void rk__queue_destroy_here(rk__channel *channel, rk__queue *queue) {
    rk__registry_remove(&channel->places, &queue->place.id);
    rk__queue_free(channel, queue);
}

void rk__queue_died(rk__channel *channel, rk__queue *queue, uint32_t endpoint) {
    rk__share *share = share_of(queue, endpoint);
    rk__waiters_died(&queue->putters, endpoint);
    rk__waiters_died(&queue->joiners, endpoint);
    queue->reserved -= share->reserved;
    queue->lost += share->taken;
    share->taken = share->reserved = 0;
    admit(channel, queue);
    tell_joiners(channel, queue);
}

/* ---- letters ---- */

static void on_join(rk__channel *channel, const rk__letter *letter, rk__queue *queue) {
    rk__waiter asker = {.who = {letter->from, letter->call}};
    rk_status status = RK_ENOENT;
    if (queue == NULL || rk__queue_join_here(queue, &status))
        rk__mail_answer(channel->mail, asker.who, status, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__waiters_add_asker(channel->mail, &queue->joiners, &asker);
}

static void on_question(rk__channel *channel, const rk__letter *letter, rk__queue *queue) {
    rk_status status = queue == NULL ? RK_ENOENT : RK_OK;
    uint64_t count = queue != NULL ? queue->place.store.items.count : 0;
    bool full = queue != NULL && rk__queue_is_full(queue);
    if (queue != NULL && letter->op == RK__OP_TASK_DONE)
        status = rk__queue_task_done_here(channel, queue, letter->from);
    else if (queue != NULL && letter->op == RK__OP_CLOSE)
        rk__queue_close_here(channel, queue);
    else if (queue != NULL && letter->op == RK__OP_DESTROY)
        rk__queue_destroy_here(channel, queue);
    rk__mail_answer(channel->mail, (rk__question){letter->from, letter->call}, status, count, full, NULL, 0,
                    RK__PAYLOAD_COPY);
}

static void on_refused(rk__channel *channel, const rk__letter *letter) {
    rk__refusal *known = rk__registry_find(&channel->refusals, letter->from, letter->a);
    if (known != NULL) {
        known->status = (rk_status)letter->status;
        return;
    }
    rk__refusal *made = malloc(sizeof *made);
    if (made == NULL)
        return;
    *made = (rk__refusal){{.home = letter->from, .serial = letter->a}, (rk_status)letter->status};
    if (!rk__registry_add(&channel->refusals, &made->id))
        free(made);
}

void rk__queue_receive(rk__channel *channel, rk__letter *letter) {
    rk__question who = {letter->from, letter->call};
    rk__queue *queue = rk__queue_find(channel, letter->a);
    if (letter->op == RK__OP_PUT)
        on_put(channel, letter, queue);
    else if (letter->op == RK__OP_REFUSED)
        on_refused(channel, letter);
    else if (letter->op == RK__OP_PUT_ASK || letter->op == RK__OP_RESERVE)
        on_put_ask(channel, letter, queue);
    else if (letter->op == RK__OP_PUT_CANCEL && queue != NULL)
        rk__waiters_cancel(channel->mail, &queue->putters, who);
    else if (letter->op == RK__OP_JOIN)
        on_join(channel, letter, queue);
    else if (letter->op == RK__OP_JOIN_CANCEL && queue != NULL)
        rk__waiters_cancel(channel->mail, &queue->joiners, who);
    else if (letter->op != RK__OP_PUT_CANCEL && letter->op != RK__OP_JOIN_CANCEL)
        on_question(channel, letter, queue);
}
