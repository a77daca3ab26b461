/* How far we are ahead of another endpoint. What we send it lies in its ring or in our outbox until it polls; it says
 * now and then how much has arrived, and we wait when too much has not. */
#include "channel/channel_private.h"

#define AHEAD_BYTES  (UINT64_C(64) * 1024 * 1024)
#define MARK_BYTES   (AHEAD_BYTES / 8)
#define LETTER_BYTES 192 /* what a letter takes beside its payload */

/* ---- not too far ahead ---- */

typedef struct wait_for {
    const rk__channel *channel;
    uint32_t to;
} wait_for;

static bool there_may_be_more(void *ctx) {
    const wait_for *self = ctx;
    const rk__flow *flow = &self->channel->flows[self->to];
    return flow->sent - flow->acked <= AHEAD_BYTES || rk__mail_is_dead(self->channel->mail, self->to);
}

rk_status rk__flow_wait(rk__channel *channel, uint32_t to, uint64_t deadline_ns) {
    wait_for ctx = {channel, to};
    return rk__wait(channel->mail, there_may_be_more, &ctx, deadline_ns);
}

static void mark(rk__channel *channel, uint32_t to) {
    rk__flow *flow = &channel->flows[to];
    if (flow->marked == flow->sent)
        return;
    flow->marked = flow->sent;
    rk__channel_send(channel, to, RK__OP_SYNC, flow->sent, 0, 0);
}

rk_status rk__flow_send(rk__channel *channel, rk__letter *letter, rk_error *err) {
    rk__flow *flow = &channel->flows[letter->to];
    if (flow->sent == flow->acked && !rk__crowd_add(&channel->ahead, letter->to))
        return rk__fail(err, RK_ENOMEM, "no memory for a message");
    flow->sent += letter->size + LETTER_BYTES;
    RK_TRY(letter->size > RK__LARGE_BYTES ? rk__mail_send_large(channel->mail, letter, err)
                                          : rk__mail_send(channel->mail, letter, RK__PAYLOAD_COPY, err));
    if (flow->sent - flow->marked >= MARK_BYTES)
        mark(channel, letter->to);
    return RK_OK;
}

void rk__flow_receive(rk__channel *channel, const rk__letter *letter) {
    rk__flow *flow = &channel->flows[letter->from];
    if (letter->op == RK__OP_SYNC)
        rk__channel_send(channel, letter->from, RK__OP_ACK, letter->a, 0, 0);
    else if (letter->a <= flow->sent && letter->a > flow->acked) /* a predecessor's are not ours */
        flow->acked = letter->a;
    if (letter->op == RK__OP_ACK && flow->acked == flow->sent)
        rk__crowd_remove(&channel->ahead, letter->from);
}

void rk__flow_died(rk__channel *channel, uint32_t endpoint) {
    channel->flows[endpoint] = (rk__flow){0, 0, 0};
    rk__crowd_remove(&channel->ahead, endpoint);
}

/* ---- all of it there ---- */

typedef struct arrival {
    const rk__channel *channel;
    uint32_t to;
    uint64_t sent;
} arrival;

static bool has_arrived(void *ctx) {
    const arrival *self = ctx;
    const rk__flow *flow = &self->channel->flows[self->to];
    return flow->acked >= self->sent || rk__mail_is_dead(self->channel->mail, self->to);
}

rk_status rk__flow_flush(rk__channel *channel, uint32_t to, uint64_t deadline_ns) {
    arrival ctx = {channel, to, channel->flows[to].sent};
    mark(channel, to);
    return rk__wait(channel->mail, has_arrived, &ctx, deadline_ns);
}

rk_status rk__channel_flush(rk__mail *mail) {
    rk__channel *channel = rk__mail_room(mail, RK__ROOM_CHANNEL);
    for (size_t i = 0; i < channel->ahead.count; i++)
        mark(channel, channel->ahead.members[i]);
    while (channel->ahead.count > 0) {
        uint32_t to = channel->ahead.members[0];
        RK_TRY(rk__flow_flush(channel, to, RK__NEVER));
        rk__crowd_remove(&channel->ahead, to);
    }
    return RK_OK;
}
