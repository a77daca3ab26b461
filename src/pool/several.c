/* Waiting for several futures: a listener on each, so that a wait costs the same whatever their number. */
#include <stdlib.h>

#include "pool/pool_private.h"

static rk_status find_all(rk__pools *room, const rk_future *refs, size_t count, rk__future **found, rk_error *err) {
    for (size_t i = 0; i < count; i++) {
        void *one = NULL;
        RK_TRY(rk__pools_find(room, refs[i].ref, RK__KIND_FUTURE, &one, err));
        found[i] = one;
    }
    return RK_OK;
}

/* ---- wait ---- */

typedef struct tally {
    rk_wait_for what;
    size_t left;
    bool enough;
} tally;

typedef struct vote {
    rk__listener listener;
    rk__future *future;
    tally *of;
} vote;

static void count_one(tally *sum, const rk__future *future) {
    bool failed = future->status != RK_OK && !future->cancelled;
    sum->left--;
    sum->enough |= sum->left == 0 || sum->what == RK_FIRST_COMPLETED || (sum->what == RK_FIRST_EXCEPTION && failed);
}

static void heard_vote(rk__listener *listener, rk__future *future) {
    vote *one = (vote *)(void *)listener;
    one->future = NULL; /* it need not be unlistened, and may go */
    count_one(one->of, future);
}

static bool has_enough(void *ctx) {
    return ((const tally *)ctx)->enough;
}

static rk_status wait_for(rk__pools *room, rk__future **futures, size_t count, tally *sum, uint64_t deadline_ns,
                          rk_error *err) {
    vote *votes;
    RK_TRY(rk__alloc((void **)&votes, count, sizeof *votes, "a wait for futures", err));
    for (size_t i = 0; i < count; i++) {
        votes[i] = (vote){{NULL, heard_vote}, NULL, sum};
        if (futures[i]->settled) {
            count_one(sum, futures[i]);
        } else {
            votes[i].future = futures[i];
            rk__future_listen(futures[i], &votes[i].listener);
        }
    }
    rk_status status = rk__pools_wait(room, has_enough, sum, deadline_ns);
    for (size_t i = 0; i < count; i++)
        if (votes[i].future != NULL)
            rk__future_unlisten(votes[i].future, &votes[i].listener);
    free(votes);
    return status == RK_OK ? RK_OK
                           : rk__fail(err, status, "%s while waiting for %zu futures", rk_status_text(status), count);
}

static rk_status futures_wait(rk__pools *room, const rk_future *refs, size_t count, rk_wait_for what, double timeout,
                              rk_error *err) {
    uint64_t deadline = rk__deadline(timeout);
    tally sum = {what, count, count == 0};
    if (what < RK_FIRST_COMPLETED || what > RK_ALL_COMPLETED)
        return rk__fail(err, RK_EINVAL, "%d is none of RK_FIRST_COMPLETED, RK_FIRST_EXCEPTION, RK_ALL_COMPLETED",
                        (int)what);
    if (count == 0)
        return RK_OK;
    rk__future **futures;
    RK_TRY(rk__alloc((void **)&futures, count, sizeof(void *), "a wait for futures", err));
    rk_status status = find_all(room, refs, count, futures, err);
    if (status == RK_OK)
        status = wait_for(room, futures, count, &sum, deadline, err);
    free(futures);
    return status;
}

rk_status rk_futures_wait(const rk_future *futures, size_t count, rk_wait_for what, double timeout_seconds,
                          rk_error *err) {
    RK__NEED_BYTES(futures, count, err);
    rk__pools *room = rk__pools_enter(err);
    if (room == NULL)
        return RK_EPERM;
    rk_status status = futures_wait(room, futures, count, what, timeout_seconds, err);
    rk__pools_leave(room);
    return status;
}

/* ---- as_completed ---- */

typedef struct completed completed;

typedef struct entry {
    rk__listener listener;
    rk__future *future; /* pinned; NULL: has come */
    struct entry *next;
    completed *of;
    bool listens;
} entry;

struct completed {
    uint64_t serial;
    size_t count, left;
    entry *first, *last; /* done, not yet taken */
    entry entries[];
};

static void add_ready(entry *one) {
    one->next = NULL;
    if (one->of->last != NULL)
        one->of->last->next = one;
    else
        one->of->first = one;
    one->of->last = one;
    one->listens = false;
}

static void heard_entry(rk__listener *listener, rk__future *future) {
    (void)future;
    add_ready((entry *)(void *)listener);
}

static void add_entry(completed *made, rk__future *future) {
    entry *one = &made->entries[made->count++];
    made->left++;
    *one = (entry){{NULL, heard_entry}, future, NULL, made, !future->settled};
    rk__future_pin(future);
    if (future->settled)
        add_ready(one);
    else
        rk__future_listen(future, &one->listener);
}

static rk_status make_completed(rk__pools *room, rk__future **futures, size_t count, completed **out, rk_error *err) {
    completed *made = calloc(1, sizeof *made + count * sizeof *made->entries);
    if (made == NULL || (made->serial = rk__slots_add(&room->completeds, made)) == 0) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for an iterator over %zu futures", count);
    }
    room->stamp++;
    for (size_t i = 0; i < count; i++) {
        if (futures[i]->stamp == room->stamp)
            continue;
        futures[i]->stamp = room->stamp;
        add_entry(made, futures[i]);
    }
    *out = made;
    return RK_OK;
}

static rk_status as_completed(rk__pools *room, const rk_future *refs, size_t count, completed **made, rk_error *err) {
    rk__future **futures;
    RK_TRY(rk__alloc((void **)&futures, count + 1, sizeof(void *), "an iterator over futures", err));
    rk_status status = find_all(room, refs, count, futures, err);
    if (status == RK_OK)
        status = make_completed(room, futures, count, made, err);
    free(futures);
    return status;
}

rk_status rk_as_completed(rk_completed *completed_ref, const rk_future *futures, size_t count, rk_error *err) {
    RK__NEED(completed_ref, err);
    RK__NEED_BYTES(futures, count, err);
    rk__pools *room = rk__pools_enter(err);
    completed *made;
    if (room == NULL)
        return RK_EPERM;
    rk_status status = as_completed(room, futures, count, &made, err);
    if (status == RK_OK)
        completed_ref->ref = rk__pools_ref(room, made->serial, RK__KIND_COMPLETED);
    rk__pools_leave(room);
    return status;
}

typedef struct awaited {
    const rk__pools *room;
    uint64_t serial;
} awaited;

static bool one_is_ready(void *ctx) {
    const awaited *wanted = ctx;
    const completed *iterator = rk__slots_find(&wanted->room->completeds, wanted->serial);
    return iterator == NULL || iterator->first != NULL || iterator->left == 0;
}

static rk_status next(rk__pools *room, rk_ref ref, double timeout, rk_future *future, rk_error *err) {
    awaited wanted = {room, ref.serial};
    void *found = NULL;
    RK_TRY(rk__pools_find(room, ref, RK__KIND_COMPLETED, &found, err));
    rk_status status = rk__pools_wait(room, one_is_ready, &wanted, rk__deadline(timeout));
    if (status != RK_OK)
        return rk__fail(err, status, "%s while waiting for the next future", rk_status_text(status));
    RK_TRY(rk__pools_find(room, ref, RK__KIND_COMPLETED, &found, err));
    completed *iterator = found;
    entry *one = iterator->first;
    if (one == NULL)
        return rk__fail(err, RK_EEOF, "all futures have come");
    iterator->first = one->next;
    if (one->next == NULL)
        iterator->last = NULL;
    iterator->left--;
    future->ref = rk__pools_ref(room, one->future->serial, RK__KIND_FUTURE);
    rk__future_unpin(room, one->future);
    one->future = NULL;
    return RK_OK;
}

rk_status rk_completed_next(rk_completed iterator, double timeout_seconds, rk_future *future, rk_error *err) {
    RK__NEED(future, err);
    rk__pools *room = rk__pools_enter(err);
    if (room == NULL)
        return RK_EPERM;
    rk_status status = next(room, iterator.ref, timeout_seconds, future, err);
    rk__pools_leave(room);
    return status;
}

void rk__completed_free(rk__pools *room, void *item) {
    completed *iterator = item;
    for (size_t i = 0; i < iterator->count; i++) {
        entry *one = &iterator->entries[i];
        if (one->listens)
            rk__future_unlisten(one->future, &one->listener);
        if (one->future != NULL)
            rk__future_unpin(room, one->future);
    }
    rk__slots_remove(&room->completeds, iterator->serial);
    free(iterator);
}

rk_status rk_completed_destroy(rk_completed iterator, rk_error *err) {
    rk__pools *room = rk__pools_enter(err);
    void *found = NULL;
    if (room == NULL)
        return RK_EPERM;
    rk_status status = rk__pools_find(room, iterator.ref, RK__KIND_COMPLETED, &found, err);
    if (status == RK_OK)
        rk__completed_free(room, found);
    rk__pools_leave(room);
    return status;
}
