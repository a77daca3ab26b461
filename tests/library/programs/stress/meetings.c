/* Locks, semaphores, conditions, events, barriers. What a lock protects agrees whenever somebody has it, also when
 * ranks die: a lock that one held at its death is broken, and nobody gets it any more. */
#include <rankine/sync.h>

#include "stress.h"

void change_pair_locked(actor *who) {
    const kit *on = who->on;
    int64_t left, right;
    if (!met(who, rk_lock_acquire(on->lock, short_time(&who->random), &who->err), BIT(RK_ETIMEDOUT), "acquire"))
        return;
    if (met(who, rk_value_get_i64(on->left, &left, &who->err), 0, "get left") &&
        met(who, rk_value_get_i64(on->right, &right, &who->err), 0, "get right")) {
        holds(who, left == right, "a locked pair does not agree");
        bool set = met(who, rk_value_set_i64(on->left, left + 1, &who->err), 0, "set left");
        dawdle(who);
        if (met(who, rk_value_set_i64(on->right, left + 1, &who->err), 0, "set right") && set)
            who->books->totals[who->set][LOCKED]++;
    }
    met(who, rk_lock_release(on->lock, &who->err), 0, "release");
}

void change_pair_rlocked(actor *who) {
    const kit *on = who->on;
    int64_t pair[2];
    int depth = 0, wanted = 1 + (int)below(&who->random, 3);
    while (depth < wanted) {
        double seconds = depth > 0 ? 0 : short_time(&who->random);
        if (!met(who, rk_rlock_acquire(on->rlock, seconds, &who->err), depth > 0 ? 0 : BIT(RK_ETIMEDOUT), "acquire"))
            break;
        depth++;
    }
    if (depth > 0 && met(who, rk_array_get_i64(on->pair, 0, 2, pair, &who->err), 0, "get the pair")) {
        holds(who, pair[0] == pair[1], "a pair with an rlock does not agree");
        pair[0]++;
        bool put = met(who, rk_array_put_i64(on->pair, 0, 1, &pair[0], &who->err), 0, "put the first");
        dawdle(who);
        if (met(who, rk_array_put_i64(on->pair, 1, 1, &pair[0], &who->err), 0, "put the second") && put)
            who->books->totals[who->set][RLOCKED]++;
    }
    for (; depth > 0; depth--)
        met(who, rk_rlock_release(on->rlock, &who->err), 0, "release");
}

void go_inside(actor *who) {
    int which = (int)below(&who->random, 2);
    rk_semaphore door = who->on->semaphores[which];
    rk_value inside = who->on->inside[which];
    int64_t before;
    if (!met(who, rk_semaphore_acquire(door, short_time(&who->random), &who->err), BIT(RK_ETIMEDOUT), "acquire"))
        return;
    if (met(who, rk_value_add_i64(inside, 1, &before, &who->err), 0, "go in")) {
        holds(who, before >= 0 && before < INSIDE_MAX, "too many behind a semaphore");
        dawdle(who);
        met(who, rk_value_add_i64(inside, -1, NULL, &who->err), 0, "go out");
    }
    met(who, rk_semaphore_release(door, 1, &who->err), 0, "release");
}

/* What is available changes only with the condition's lock. */
static bool change_available(actor *who, int64_t by) {
    int64_t x;
    return met(who, rk_value_get_i64(who->on->available, &x, &who->err), 0, "get available") &&
           holds(who, x + by >= 0, "less than nothing is available") &&
           met(who, rk_value_set_i64(who->on->available, x + by, &who->err), 0, "set available");
}

void produce(actor *who) {
    rk_condition condition = who->on->condition;
    if (!met(who, rk_condition_acquire(condition, short_time(&who->random), &who->err), BIT(RK_ETIMEDOUT), "acquire"))
        return;
    int64_t n = 1 + (int64_t)below(&who->random, 3);
    if (change_available(who, n)) {
        who->books->totals[who->set][PRODUCED] += n;
        rk_status status = below(&who->random, 2) > 0 ? rk_condition_notify(condition, (uint64_t)n, &who->err)
                                                      : rk_condition_notify_all(condition, &who->err);
        met(who, status, 0, "notify");
    }
    met(who, rk_condition_release(condition, &who->err), 0, "release");
}

static bool some_available(void *ctx) {
    actor *who = ctx;
    int64_t x = 0;
    return met(who, rk_value_get_i64(who->on->available, &x, &who->err), 0, "get available") && x > 0;
}

/* RK_EBROKEN and RK_ENOENT: the lock is not the caller's any more. */
void consume(actor *who) {
    rk_condition condition = who->on->condition;
    if (!met(who, rk_condition_acquire(condition, short_time(&who->random), &who->err), BIT(RK_ETIMEDOUT), "acquire"))
        return;
    rk_status status = rk_condition_wait_for(condition, some_available, who, short_time(&who->random), &who->err);
    if (!met(who, status, BIT(RK_ETIMEDOUT), "wait_for") && status != RK_ETIMEDOUT)
        return;
    if (status == RK_OK && change_available(who, -1))
        who->books->totals[who->set][CONSUMED]++;
    met(who, rk_condition_release(condition, &who->err), 0, "release");
}

void touch_event(actor *who) {
    bool set;
    switch (below(&who->random, 5)) {
    case 0:
        met(who, rk_event_set(who->on->event, &who->err), 0, "set");
        break;
    case 1:
        met(who, rk_event_clear(who->on->event, &who->err), 0, "clear");
        break;
    case 2:
        met(who, rk_event_is_set(who->on->event, &set, &who->err), 0, "is_set");
        break;
    default:
        met(who, rk_event_wait(who->on->event, short_time(&who->random), &who->err), BIT(RK_ETIMEDOUT), "wait");
    }
}

rk_status barrier_action(rk_call *call) {
    return call->arg_size == 0 ? RK_OK : RK_EINVAL;
}

void meet_at_barrier(actor *who) {
    rk_barrier barrier = who->on->barrier;
    uint32_t index;
    bool broken;
    if (met(who, rk_barrier_wait(barrier, short_time(&who->random), &index, &who->err), BIT(RK_EBROKEN), "wait")) {
        if (holds(who, index < PARTIES, "an index that a barrier does not have"))
            who->books->totals[who->set][MET + index]++;
    } else if (met(who, rk_barrier_broken(barrier, &broken, &who->err), 0, "broken") && broken) {
        met(who, rk_barrier_reset(barrier, &who->err), 0, "reset");
    } else if (below(&who->random, 50) == 0) {
        met(who, rk_barrier_abort(barrier, &who->err), 0, "abort");
    }
}
