/* Workers that live in children of ranks: each is born, replaced when it dies, and killed when the pool is terminated.
 *
 *   STARTING ──a child is there, START, STARTED──> INITIALIZING ──INITIALIZED──> READY ──STOP──> STOPPING
 *      ^ ^───────────── its death, and there is more to do ─────────────────────────┴──────────────┘
 *   A death in STARTING or INITIALIZING breaks the pool: the next one would die as well. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "pool/pool_private.h"

enum {
    IDLE_DEATHS_MAX = 3, /* of a worker in a row, without a task: what its initializer has left kills it */
    REFUSALS_MAX = 8     /* in a row: its rank may hear later than we do of the death that makes room */
};

static bool is_over(const rk__pool *pool) {
    return pool->ended_by != RK_OK || (pool->closed && pool->undone == 0 && pool->open_imaps == 0);
}

static void kill_child(rk__hand *hand) {
    rk__child_signal(hand->pool->room->mail, &hand->child, SIGKILL);
}

/* ---- births ---- */

/* No child is to be had for it. */
static void give_up(rk__hand *hand, rk_status status, const char *text) {
    rk__pool *pool = hand->pool;
    bool first = !hand->replaced;
    rk__hand_ends(hand);
    if (first || (pool->living == 0 && !is_over(pool)))
        rk__pool_end(pool, status == RK_EUNSUPPORTED ? RK_EFULL : status, text);
    rk__pool_settle(pool);
}

static void refused(rk__hand *hand, rk_status status, const char *text) {
    if (hand->replaced && status == RK_EFULL && hand->refusals++ < REFUSALS_MAX && !is_over(hand->pool))
        rk__isolated_begin(hand);
    else
        give_up(hand, status, text);
}

static void is_born(rk__hand *hand, const rk__child *child) {
    rk__pool *pool = hand->pool;
    hand->refusals = 0;
    hand->child = *child;
    hand->endpoint = child->endpoint;
    if (rk__mail_is_dead(pool->room->mail, child->endpoint)) /* nobody will tell us again */
        rk__isolated_died(hand);
    else if (is_over(pool))
        kill_child(hand);
    else
        rk__hand_start(hand);
}

static void ready(void *ctx, rk_status status, const rk__child *child, const char *text) {
    rk__hand *hand = ctx;
    rk__pool *pool = hand->pool;
    pool->pins++;
    if (status != RK_OK)
        refused(hand, status, text);
    else
        is_born(hand, child);
    rk__pool_unpin(pool);
}

void rk__isolated_begin(rk__hand *hand) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk__child_start(hand->pool->room->mail, hand->rank, ready, hand, &err);
    if (status != RK_OK)
        give_up(hand, status, err.message);
}

void rk__isolated_started(rk__hand *hand, rk_status status, const char *text) {
    if (status != RK_OK) {
        rk__pool_end(hand->pool, status, text);
        return;
    }
    hand->pool->starting--;
    hand->phase = RK__HAND_INITIALIZING;
}

void rk__isolated_initialized(rk__pools *room, uint64_t number) {
    rk__hand *hand = rk__slots_find(&room->hands, number);
    if (hand == NULL || hand->phase != RK__HAND_INITIALIZING)
        return;
    rk__pool *pool = hand->pool;
    pool->pins++;
    hand->phase = RK__HAND_READY;
    hand->tasks = 0;
    rk__pool_settle(pool);
    rk__dispatch(pool);
    rk__pool_unpin(pool);
}

/* ---- ends ---- */

void rk__isolated_outcome(rk__hand *hand) {
    hand->idle_deaths = 0;
    hand->tasks++;
    if (hand->tasks == hand->pool->beginning.max_tasks)
        rk__hand_stop(hand, RK__STOP_WHEN_DONE);
}

void rk__isolated_stop_now(rk__hand *hand) {
    if (hand->phase == RK__HAND_ENDED || hand->endpoint == RK__NOBODY) /* else: as soon as there is a child */
        return;
    if (hand->phase == RK__HAND_READY)
        hand->phase = RK__HAND_STOPPING;
    kill_child(hand);
}

void rk__isolated_ended(rk__hand *hand) {
    rk__child_end(hand->pool->room->mail, &hand->child);
}

static void describe(const rk__hand *hand, char text[256]) {
    static const char *const of[] = {"was to begin", "ran its initializer", "ran this task", "ran this task"};
    const char *what = hand->phase < RK__HAND_ENDED ? of[hand->phase] : "had ended";
    int wait_status = 0;
    if (!rk__mail_death_reason(hand->pool->room->mail, hand->endpoint, &wait_status))
        snprintf(text, 256, "the process of rank %u that %s has died", hand->rank, what);
    else if (WIFSIGNALED(wait_status))
        snprintf(text, 256, "the process of rank %u that %s was ended by signal %d (%s)", hand->rank, what,
                 WTERMSIG(wait_status), strsignal(WTERMSIG(wait_status)));
    else
        snprintf(text, 256, "the process of rank %u that %s ended itself with exit code %d", hand->rank, what,
                 WEXITSTATUS(wait_status));
}

static bool dies_of_itself(rk__hand *hand, bool idle) {
    hand->idle_deaths = idle ? hand->idle_deaths + 1 : 0;
    return hand->phase < RK__HAND_READY || hand->idle_deaths > IDLE_DEATHS_MAX;
}

/* Not to be picked while its tasks land. */
static void be_unborn(rk__hand *hand) {
    if (hand->phase != RK__HAND_STARTING)
        hand->pool->starting++;
    hand->phase = RK__HAND_STARTING;
    hand->endpoint = RK__NOBODY;
    hand->replaced = true;
}

void rk__isolated_died(rk__hand *hand) {
    rk__pool *pool = hand->pool;
    char text[256];
    describe(hand, text);
    bool broken = dies_of_itself(hand, hand->phase == RK__HAND_READY && hand->in_flight == 0);
    be_unborn(hand);
    rk__hand_land_all(hand, RK_EDEAD, text);
    if (broken && !is_over(pool))
        rk__pool_end(pool, RK_EBROKEN, text);
    if (is_over(pool))
        rk__hand_ends(hand);
    else
        rk__isolated_begin(hand);
    rk__dispatch(pool);
}

/* ---- making a pool ---- */

static bool none_is_leaving(void *ctx) {
    for (const rk__pool *pool = ((const rk__pools *)ctx)->all; pool != NULL; pool = pool->next)
        if (pool->isolate && pool->ended_by != RK_OK && pool->living > 0)
            return false;
    return true;
}

rk_status rk__isolated_await_room(rk__pools *room, rk_error *err) {
    rk_status status = rk__pools_wait(room, none_is_leaving, room, RK__NEVER);
    return status == RK_OK ? status
                           : rk__fail(err, status, "the calling function was told to end while it made a pool");
}
