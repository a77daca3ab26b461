/* Handing out: which pending task goes to which hand, and taking back what one can't get at for now. */
#include <stdlib.h>

#include "pool/pool_private.h"

/* ---- flights ---- */

static void link_flight(rk__hand *hand, rk__flight *flight) {
    flight->hand = hand;
    flight->next = NULL;
    flight->previous = hand->last;
    if (hand->last != NULL)
        hand->last->next = flight;
    else
        hand->first = flight;
    hand->last = flight;
    hand->in_flight++;
}

void rk__flight_unlink(rk__flight *flight) {
    rk__hand *hand = flight->hand;
    if (flight->next != NULL)
        flight->next->previous = flight->previous;
    else
        hand->last = flight->previous;
    if (flight->previous != NULL)
        flight->previous->next = flight->next;
    else
        hand->first = flight->next;
    hand->in_flight--;
}

void rk__flight_land(rk__pools *room, rk__flight *flight, rk__news *news) {
    rk__future *future = flight->future;
    rk__flight_unlink(flight);
    rk__slots_remove(&room->flights, flight->serial);
    if (future->chunks != NULL) {
        rk__chunk_landed(room, flight, news);
    } else {
        future->flight = NULL;
        rk__future_complete(room, future, news);
    }
    free(flight);
}

rk__flight *rk__flight_new(rk__pools *room, rk__future *future) {
    rk__flight *made = malloc(sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (rk__flight){.future = future, .gone = true};
    made->serial = rk__slots_add(&room->flights, made);
    if (made->serial != 0)
        return made;
    free(made);
    return NULL;
}

/* ---- to whom ---- */

static bool is_large(const rk__future *future) {
    return future->chunks == NULL && future->arg_size > RK__LARGE_BYTES;
}

/* The one with the fewest, the longest unused of those. */
static rk__hand *pick(rk__pool *pool, const rk__future *future) {
    uint32_t least = is_large(future) ? 1 : pool->depth, count = pool->hand_count;
    rk__hand *best = NULL;
    for (uint32_t i = 0; i < count && least > 0; i++) {
        rk__hand *hand = pool->hands[(pool->next_hand + i) % count];
        if (hand->phase != RK__HAND_READY || hand->in_flight >= least)
            continue;
        best = hand;
        least = hand->in_flight;
    }
    return best;
}

static rk__flight *take_off(rk__pools *room, rk__future *future) {
    rk__flight *flight = future->chunks != NULL ? rk__chunks_next(future) : rk__flight_new(room, future);
    if (flight == NULL)
        return NULL;
    if (future->chunks == NULL)
        future->flight = flight;
    if (future->chunks == NULL || !rk__chunks_left(future->chunks)) {
        rk__queue_remove(&future->pool->queue, future);
        future->queued = false;
    }
    future->state = RK__SENT;
    return flight;
}

static void send_to(rk__pool *pool, rk__hand *hand, rk__future *future) {
    static const char no_memory[] = "no memory to send this task to a worker";
    rk__pools *room = pool->room;
    rk__flight *flight = take_off(room, future);
    pool->next_hand = (pool->next_hand + 1) % pool->hand_count;
    if (flight != NULL) {
        link_flight(hand, flight);
        if (rk__flight_send(room, flight))
            return;
        rk__news news = {.status = RK_ENOMEM, .rank = -1, .holder = RK__NOBODY};
        rk__flight_land(room, flight, &news);
    } else if (future->chunks != NULL) {
        rk__chunks_stop(room, future, RK_ENOMEM, false, no_memory);
    } else {
        rk__future_fail(room, future, RK_ENOMEM, false, no_memory);
    }
}

/* ---- taking back ---- */

static void recall(rk__pool *pool) {
    rk__hand *fullest = NULL;
    bool idle = false;
    for (uint32_t i = 0; i < pool->hand_count; i++) {
        rk__hand *hand = pool->hands[i];
        if (hand->phase != RK__HAND_READY)
            continue;
        idle |= hand->in_flight == 0;
        if (hand->in_flight > 1 && (fullest == NULL || hand->in_flight > fullest->in_flight))
            fullest = hand;
    }
    if (!idle || fullest == NULL || fullest->recalled)
        return;
    fullest->recalled = true;
    rk__letter letter = {.op = RK__POOL_RECALL, .status = (int32_t)fullest->there, .call = fullest->serial};
    rk__pools_post(pool->room, fullest->endpoint, &letter);
}

void rk__dispatch(rk__pool *pool) {
    rk__future *future;
    rk__hand *hand;
    pool->pins++;
    while ((future = rk__queue_first(&pool->queue)) != NULL && (hand = pick(pool, future)) != NULL)
        send_to(pool, hand, future);
    if (future == NULL && pool->hand_count > 1)
        recall(pool);
    rk__pool_unpin(pool);
}
