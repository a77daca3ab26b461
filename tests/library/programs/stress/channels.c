/* Tokens in parcels of 0 bytes to some MB, through queues and pipes. A parcel tells who sent it and as which of that
 * actor's in the channel: those of one actor come in order, to each who gets them. */
#include <stdlib.h>
#include <string.h>

#include <rankine/bytes.h>

#include "stress.h"

typedef struct label {
    uint32_t token, actor;
    uint64_t number, size, seed;
} label;

static void fill(unsigned char *bytes, size_t size, uint64_t seed) {
    for (size_t i = 0; i < size; i += sizeof seed) {
        uint64_t word = next_random(&seed);
        memcpy(bytes + i, &word, size - i < sizeof word ? size - i : sizeof word);
    }
}

static bool is_filled(const unsigned char *bytes, size_t size, uint64_t seed) {
    for (size_t i = 0; i < size; i += sizeof seed) {
        uint64_t word = next_random(&seed);
        if (memcmp(bytes + i, &word, size - i < sizeof word ? size - i : sizeof word) != 0)
            return false;
    }
    return true;
}

static size_t parcel_size(actor *who) {
    uint64_t kind = below(&who->random, 200);
    size_t bound = kind < 130 ? 100 : kind < 190 ? 8 << 10 : kind < 199 ? 200 << 10 : PARCEL_MAX - sizeof(label);
    return sizeof(label) + below(&who->random, bound);
}

static size_t make_parcel(actor *who, int channel, uint32_t token) {
    size_t size = parcel_size(who);
    label head = {.token = token,
                  .actor = (uint32_t)who->number,
                  .number = who->put[who->set][channel] + 1,
                  .size = size,
                  .seed = next_random(&who->random)};
    memcpy(who->parcel, &head, sizeof head);
    fill(who->parcel + sizeof head, size - sizeof head, head.seed);
    return size;
}

static bool send(actor *who, int channel, size_t size) {
    const kit *on = who->on;
    double seconds = short_time(&who->random);
    switch (channel) {
    case 0:
        return met(who, rk_queue_put(on->queues[0], who->parcel, size, seconds, &who->err), BIT(RK_EFULL), "put");
    case 1:
        return met(who, rk_queue_put(on->queues[1], who->parcel, size, seconds, &who->err), 0, "put, unbounded");
    default:
        return met(who, rk_pipe_send(on->ends[channel - 2], who->parcel, size, &who->err), 0, "send");
    }
}

void put_parcel(actor *who) {
    int channel = (int)below(&who->random, CHANNELS);
    bool empty = below(&who->random, 30) == 0;
    if (bag_is_empty(who) && !empty)
        return;
    if (empty) {
        if (send(who, channel, 0))
            who->books->totals[who->set][EMPTY_PUT]++;
        return;
    }
    uint32_t token = take_from_bag(who);
    if (send(who, channel, make_parcel(who, channel, token)))
        who->put[who->set][channel]++;
    else if (who->err.code == RK_EFULL) /* with all else, nobody knows whether it has arrived */
        put_into_bag(who, token);
}

int64_t open_parcel(actor *who, int channel, const void *bytes, size_t size) {
    label head;
    if (size == 0) {
        who->books->totals[who->set][EMPTY_GOT]++;
        return -1;
    }
    if (!holds(who, size >= sizeof head, "a parcel is cut short"))
        return -1;
    memcpy(&head, bytes, sizeof head);
    if (!holds(who, head.size == size && head.actor < ACTORS_MAX && head.token < TOKENS_MAX,
               "a parcel's label is spoilt"))
        return -1;
    const unsigned char *rest = (const unsigned char *)bytes + sizeof head;
    holds(who, is_filled(rest, size - sizeof head, head.seed), "a parcel is spoilt");
    uint64_t *last = &who->last[who->set][channel][head.actor];
    holds(who, head.number > *last, "parcels of one actor out of order");
    *last = head.number;
    return head.token;
}

/* RK_EEMPTY of queues and RK_ETIMEDOUT of pipes are one. */
static bool receive(actor *who, int channel, void **bytes, size_t *size) {
    const kit *on = who->on;
    double seconds = short_time(&who->random);
    bool small = below(&who->random, 4) == 0;
    unsigned allowed = BIT(channel < 2 ? RK_EEMPTY : RK_ETIMEDOUT) | (small ? BIT(RK_EOVERFLOW) : 0);
    void *copy = small ? malloc(200) : NULL;
    rk_status status;
    if (channel < 2 && small)
        status = rk_queue_get_into(on->queues[channel], seconds, copy, 200, size, &who->err);
    else if (channel < 2)
        status = rk_queue_get(on->queues[channel], seconds, &copy, size, &who->err);
    else if (small)
        status = rk_pipe_recv_into(on->ends[channel - 2], seconds, copy, 200, size, &who->err);
    else
        status = rk_pipe_recv(on->ends[channel - 2], seconds, &copy, size, &who->err);
    if (!met(who, status, allowed, channel < 2 ? "get" : "recv")) {
        if (small)
            free(copy);
        return false;
    }
    *bytes = copy;
    return true;
}

void get_parcel(actor *who) {
    int channel = (int)below(&who->random, CHANNELS);
    void *bytes;
    size_t size;
    if (bag_is_full(who) || !receive(who, channel, &bytes, &size))
        return;
    int64_t token = open_parcel(who, channel, bytes, size);
    if (token >= 0)
        put_into_bag(who, (uint32_t)token);
    rk_free(bytes);
    if (channel < 2)
        met(who, rk_queue_task_done(who->on->queues[channel], &who->err), 0, "task_done");
}

void look_at_channels(actor *who) {
    const kit *on = who->on;
    uint64_t count;
    bool truth;
    double seconds = short_time(&who->random);
    switch (below(&who->random, 6)) {
    case 0:
        if (met(who, rk_queue_size(on->queues[0], &count, &who->err), 0, "qsize"))
            holds(who, count <= on->queues[0].maxsize, "a queue has more than fits");
        break;
    case 1:
        met(who, rk_queue_empty(on->queues[1], &truth, &who->err), 0, "empty");
        break;
    case 2:
        if (met(who, rk_queue_full(on->queues[1], &truth, &who->err), 0, "full"))
            holds(who, !truth, "an unbounded queue is full");
        break;
    case 3:
        met(who, rk_queue_join(on->queues[below(&who->random, 2)], seconds, &who->err), BIT(RK_ETIMEDOUT), "join");
        break;
    case 4:
        met(who, rk_queue_flush(on->queues[below(&who->random, 2)], 30, &who->err), 0, "flush");
        break;
    default:
        met(who, rk_pipe_poll(on->ends[below(&who->random, 2)], seconds, &truth, &who->err), 0, "poll");
    }
}
