#include "channel/channel_private.h"

#include <stdlib.h>

uint64_t rk__channel_serials(rk__channel *channel) {
    return channel->last_serial += 2;
}

void rk__channel_send(rk__channel *channel, uint32_t to, uint16_t op, uint64_t a, uint64_t b, uint64_t c) {
    rk__letter letter = {.to = to, .room = RK__ROOM_CHANNEL, .op = op, .a = a, .b = b, .c = c};
    rk__mail_send(channel->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void receive(void *ctx, rk__letter *letter) {
    rk__channel *channel = ctx;
    switch (letter->op) {
    case RK__OP_GET:
    case RK__OP_GET_CANCEL:
    case RK__OP_WATCH:
    case RK__OP_UNWATCH:
    case RK__OP_READY:
        rk__place_receive(channel, letter);
        break;
    case RK__OP_SYNC:
    case RK__OP_ACK:
        rk__flow_receive(channel, letter);
        break;
    case RK__OP_OPEN:
    case RK__OP_CLAIM:
    case RK__OP_TURNED:
    case RK__OP_CLOSE_END:
        rk__pair_receive(channel, letter);
        break;
    case RK__OP_OPENED:
    case RK__OP_SEATED:
    case RK__OP_TURN:
        rk__view_receive(channel, letter);
        break;
    case RK__OP_DATA:
    case RK__OP_FINISH:
    case RK__OP_MARK:
    case RK__OP_ORPHAN:
        rk__inbox_receive(channel, letter);
        break;
    default:
        rk__queue_receive(channel, letter);
    }
}

/* ---- deaths ---- */

typedef struct death {
    rk__channel *channel;
    uint32_t endpoint;
} death;

static void place_died(void *node, void *ctx) {
    rk__place *place = node;
    death *self = ctx;
    rk__store_died(&place->store, self->endpoint);
    if (place->is_queue)
        rk__queue_died(self->channel, node, self->endpoint);
    else
        rk__inbox_died(self->channel, node, self->endpoint);
}

static void forget_refusal(void *node, void *ctx) {
    rk__refusal *refusal = node;
    death *self = ctx;
    if (refusal->id.home != self->endpoint)
        return;
    rk__registry_remove(&self->channel->refusals, &refusal->id);
    free(refusal);
}

static void died(void *ctx, uint32_t endpoint) {
    rk__channel *channel = ctx;
    death self = {channel, endpoint};
    rk__watches_died(channel, endpoint);
    rk__pairs_died(channel, endpoint);
    rk__registry_each(&channel->places, place_died, &self);
    rk__views_died(channel, endpoint);
    rk__registry_each(&channel->refusals, forget_refusal, &self);
    rk__flow_died(channel, endpoint);
}

/* ---- making it ---- */

static void free_place(void *node, void *ctx) {
    rk__channel *channel = ctx;
    rk__place *place = node;
    if (place->is_queue)
        rk__queue_destroy_here(channel, node);
    else
        rk__inbox_remove(channel, node, RK_EDEAD);
}

static void free_pair(void *node, void *ctx) {
    (void)ctx;
    rk__pair_free(node);
}

static void free_node(void *node, void *ctx) {
    (void)ctx;
    free(node);
}

static void destroy(void *ctx) {
    rk__channel *channel = ctx;
    rk__registry_each(&channel->places, free_place, channel);
    rk__registry_each(&channel->pairs, free_pair, NULL);
    rk__registry_each(&channel->views, free_node, NULL);
    rk__registry_each(&channel->refusals, free_node, NULL);
    rk__registry_fini(&channel->places);
    rk__registry_fini(&channel->pairs);
    rk__registry_fini(&channel->views);
    rk__registry_fini(&channel->refusals);
    rk__crowd_fini(&channel->ahead);
    free(channel->flows);
    free(channel);
}

rk_status rk__channel_attach(rk__mail *mail, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__channel *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "queues", err));
    made->flows = calloc(rk__mail_endpoints(mail), sizeof *made->flows);
    if (made->flows == NULL) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for queues");
    }
    made->mail = mail;
    made->self = rk__mail_endpoint(mail);
    made->last_serial = rk__wall_ns() & ~UINT64_C(1); /* not those of a predecessor at this endpoint */
    rk__mail_attach(mail, RK__ROOM_CHANNEL, &ops, made);
    return RK_OK;
}
