/* What the owner does on letters from workers and on deaths, and how a pool ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

/* ---- how much is sent ahead ---- */

#define SHORT_TASK_NS UINT64_C(20000)
#define LONG_TASK_NS  UINT64_C(1000000)
#define AHEAD_NS      UINT64_C(40000) /* of work: more than a letter, and the wake-up of who sends it, take */
enum { DEPTH_MAX = 64, DEPTH_USUAL = 2, MEAN_WEIGHT = 8 };

static uint32_t depth_for(uint64_t task_ns) {
    if (task_ns >= LONG_TASK_NS)
        return 1;
    if (task_ns >= SHORT_TASK_NS)
        return DEPTH_USUAL;
    uint64_t depth = DEPTH_USUAL + AHEAD_NS / (task_ns + 1);
    return depth < DEPTH_MAX ? (uint32_t)depth : DEPTH_MAX;
}

static void learn(rk__pool *pool, uint64_t run_ns) {
    pool->task_ns = pool->task_ns == 0 ? run_ns + 1 : (pool->task_ns * (MEAN_WEIGHT - 1) + run_ns) / MEAN_WEIGHT + 1;
    pool->depth = depth_for(pool->task_ns);
}

/* ---- letters ---- */

void rk__owner_outcome(rk__pools *room, uint64_t number, rk__news *news) {
    rk__flight *flight = rk__slots_find(&room->flights, number);
    if (flight == NULL) { /* the pool was terminated meanwhile */
        rk__letter letter = {.op = RK__POOL_DROP, .a = news->value};
        if (news->holder != RK__NOBODY)
            rk__pools_post(room, news->holder, &letter);
        free(news->bytes);
        return;
    }
    rk__hand *hand = flight->hand;
    rk__pool *pool = hand->pool;
    pool->pins++;
    news->rank = (int32_t)hand->rank;
    if (pool->isolate)
        rk__isolated_outcome(hand);
    else if (news->run_ns > 0)
        learn(pool, news->run_ns);
    rk__flight_land(room, flight, news);
    if (hand->in_flight <= pool->depth / 2) /* short tasks: several at a time */
        rk__dispatch(pool);
    rk__pool_unpin(pool);
}

void rk__owner_returned(rk__pools *room, uint64_t number) {
    rk__flight *flight = rk__slots_find(&room->flights, number);
    if (flight == NULL)
        return;
    rk__future *future = flight->future;
    if (future->cancelled || future->pool->ended_by != RK_OK) {
        rk__news news = {.status = RK_ECANCELLED, .cancelled = true, .rank = -1, .holder = RK__NOBODY};
        rk__flight_land(room, flight, &news);
        return;
    }
    rk__flight_unlink(flight);
    if (!future->queued)
        future->queued = rk__queue_add(&future->pool->queue, future, true);
    if (future->chunks != NULL) {
        flight->next = future->chunks->returned;
        future->chunks->returned = flight;
        future->chunks->flights--;
        if (!future->queued)
            rk__chunks_stop(room, future, RK_ENOMEM, false, "no memory to queue this task");
        return;
    }
    rk__slots_remove(&room->flights, flight->serial);
    free(flight);
    future->flight = NULL;
    future->state = RK__PENDING;
    if (!future->queued)
        rk__future_fail(room, future, RK_ENOMEM, false, "no memory to queue this task");
}

void rk__owner_recalled(rk__pools *room, uint64_t number) {
    rk__hand *hand = rk__slots_find(&room->hands, number);
    if (hand == NULL)
        return;
    hand->recalled = false;
    rk__dispatch(hand->pool);
}

void rk__hand_stop(rk__hand *hand, rk__how_to_stop how) {
    rk__letter letter = {.op = RK__POOL_STOP, .status = (int32_t)hand->there, .a = how};
    if (hand->pool->isolate && how == RK__STOP_NOW) {
        rk__isolated_stop_now(hand);
    } else if (hand->phase == RK__HAND_READY || hand->phase == RK__HAND_STOPPING) {
        hand->phase = RK__HAND_STOPPING;
        rk__pools_post(hand->pool->room, hand->endpoint, &letter);
    }
}

void rk__hand_ends(rk__hand *hand) {
    if (hand->phase == RK__HAND_STARTING)
        hand->pool->starting--;
    hand->phase = RK__HAND_ENDED;
    hand->pool->living--;
}

static void copy_text(char text[256], const rk__letter *letter) {
    snprintf(text, 256, "%.*s", (int)(letter->size < 255 ? letter->size : 255),
             letter->size > 0 ? (const char *)letter->bytes : "");
}

void rk__owner_started(rk__pools *room, const rk__letter *letter) {
    rk__hand *hand = rk__slots_find(&room->hands, letter->call);
    if (hand == NULL || hand->phase != RK__HAND_STARTING)
        return;
    rk__pool *pool = hand->pool;
    char text[256];
    copy_text(text, letter);
    hand->there = (uint32_t)letter->a;
    if (pool->isolate) {
        rk__isolated_started(hand, (rk_status)letter->status, text);
        return;
    }
    if (letter->status != RK_OK) {
        rk__hand_ends(hand);
        rk__pool_end(pool, (rk_status)letter->status, text);
        return;
    }
    pool->starting--;
    hand->phase = RK__HAND_READY;
    if (pool->ended_by != RK_OK) /* meanwhile */
        rk__hand_stop(hand, RK__STOP_NOW);
}

void rk__owner_broken(rk__pools *room, const rk__letter *letter) {
    rk__hand *hand = rk__slots_find(&room->hands, letter->call);
    char reason[256], text[256];
    if (hand == NULL)
        return;
    copy_text(reason, letter);
    snprintf(text, sizeof text, "the initializer failed on rank %u: %.180s", hand->rank, reason);
    rk__pool_end(hand->pool, RK_EBROKEN, text);
}

void rk__owner_ended(rk__pools *room, uint64_t number) {
    rk__hand *hand = rk__slots_find(&room->hands, number);
    if (hand == NULL || hand->phase == RK__HAND_ENDED)
        return;
    if (hand->pool->isolate) {
        rk__isolated_ended(hand);
        return;
    }
    rk__hand_ends(hand);
    rk__pool_settle(hand->pool);
}

/* ---- ends ---- */

static void land_all(rk__hand *hand, rk_status status, const char *text, bool those_gone) {
    rk__pools *room = hand->pool->room;
    rk__flight *next;
    for (rk__flight *flight = hand->first; flight != NULL; flight = next) {
        next = flight->next;
        if (those_gone && !flight->gone)
            continue;
        char *copy = rk__strdup(text);
        rk__news news = {.status = status,
                         .cancelled = status == RK_ECANCELLED,
                         .rank = (int32_t)hand->rank,
                         .bytes = copy,
                         .size = copy != NULL ? strlen(copy) : 0,
                         .holder = RK__NOBODY};
        rk__flight_land(room, flight, &news);
    }
}

void rk__hand_land_all(rk__hand *hand, rk_status status, const char *text) {
    land_all(hand, status, text, false);
}

static void hand_died(rk__hand *hand) {
    rk__pool *pool = hand->pool;
    char text[128];
    snprintf(text, sizeof text, "rank %u, which had this task, has died", hand->rank);
    rk__hand_ends(hand);
    land_all(hand, RK_EDEAD, text, false);
    if (pool->living == 0)
        rk__pool_end(pool, RK_EDEAD, "no worker is left: all ranks of this pool have died");
    else
        rk__dispatch(pool);
}

static void died(rk__hand *hand, uint32_t endpoint) {
    if (hand->phase == RK__HAND_ENDED)
        return;
    if (hand->rank == endpoint) /* with its children */
        hand_died(hand);
    else if (hand->endpoint == endpoint)
        rk__isolated_died(hand);
}

void rk__owner_died(rk__pools *room, uint32_t endpoint) {
    for (rk__pool *pool = room->all, *next; pool != NULL; pool = next) {
        pool->pins++;
        for (uint32_t i = 0; i < pool->hand_count; i++)
            died(pool->hands[i], endpoint);
        next = pool->next;
        rk__pool_settle(pool);
        rk__pool_unpin(pool);
    }
}

static void fail_waiting(rk__pool *pool, rk_status why, const char *text) {
    rk__future *future;
    while ((future = pool->blocked.first) != NULL || (future = rk__queue_first(&pool->queue)) != NULL) {
        if (future->chunks != NULL)
            rk__chunks_stop(pool->room, future, why, why == RK_ECANCELLED, text);
        else
            rk__future_fail(pool->room, future, why, why == RK_ECANCELLED, text);
    }
}

void rk__pool_end(rk__pool *pool, rk_status why, const char *text) {
    if (pool->ended_by != RK_OK)
        return;
    pool->ended_by = why;
    pool->closed = true;
    snprintf(pool->text, sizeof pool->text, "%s", text);
    pool->pins++;
    fail_waiting(pool, why, pool->text);
    for (uint32_t i = 0; i < pool->hand_count; i++) {
        rk__hand_stop(pool->hands[i], RK__STOP_NOW);
        land_all(pool->hands[i], why, pool->text, true);
    }
    rk__pool_settle(pool);
    rk__pool_unpin(pool);
}

void rk__pool_settle(rk__pool *pool) {
    if (pool->closed && pool->undone == 0 && pool->open_imaps == 0)
        for (uint32_t i = 0; i < pool->hand_count; i++)
            if (pool->hands[i]->phase == RK__HAND_READY)
                rk__hand_stop(pool->hands[i], RK__STOP_WHEN_DONE);
    if (pool->forgotten && pool->living == 0 && pool->undone == 0 && pool->pins == 0)
        rk__pool_free(pool);
}

void rk__pool_unpin(rk__pool *pool) {
    pool->pins--;
    if (pool->pins == 0 && pool->forgotten)
        rk__pool_settle(pool);
}

void rk__pool_free(rk__pool *pool) {
    rk__pools *room = pool->room;
    rk__pool **at = &room->all;
    while (*at != pool)
        at = &(*at)->next;
    *at = pool->next;
    for (uint32_t i = 0; i < pool->hand_count; i++) {
        for (rk__flight *flight = pool->hands[i]->first, *next; flight != NULL; flight = next) {
            next = flight->next;
            free(flight);
        }
        rk__slots_remove(&room->hands, pool->hands[i]->serial);
        free(pool->hands[i]);
    }
    rk__slots_remove(&room->pools, pool->serial);
    if (pool->isolate)
        free((void *)(uintptr_t)pool->beginning.arg);
    free(pool->queue.levels);
    free(pool->hands);
    free(pool);
}
