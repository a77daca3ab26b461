/* Pools: made, closed, terminated, joined, destroyed. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

#define PARTING_SECONDS 5.0

static const char terminated[] = "the pool was terminated";

static rk_status enter(rk_pool ref, rk__pools **room, rk__pool **pool, rk_error *err) {
    void *found = NULL;
    *room = rk__pools_enter(err);
    if (*room == NULL)
        return RK_EPERM;
    rk_status status = rk__pools_find(*room, ref.ref, RK__KIND_POOL, &found, err);
    *pool = found;
    if (status != RK_OK)
        rk__pools_leave(*room);
    return status;
}

/* ---- making one ---- */

/* Other ranks first, one worker each; then the caller's; then all of them again. */
static uint32_t rank_for(const rk__pools *room, uint32_t number) {
    uint32_t ranks = rk__mail_ranks(room->mail), skipped = 0;
    for (uint32_t i = 0;; i++) {
        uint32_t rank = (room->endpoint + 1 + i) % ranks;
        if (rk__mail_is_dead(room->mail, rank))
            continue;
        if (skipped++ == number)
            return rank;
    }
}

static uint32_t living_ranks(const rk__pools *room) {
    uint32_t count = 0;
    for (uint32_t rank = 0; rank < rk__mail_ranks(room->mail); rank++)
        count += !rk__mail_is_dead(room->mail, rank);
    return count;
}

static rk_status add_hand(rk__pool *pool, rk_error *err) {
    rk__pools *room = pool->room;
    rk__hand *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a worker", err));
    made->pool = pool;
    made->rank = rank_for(room, pool->hand_count);
    made->endpoint = pool->isolate ? RK__NOBODY : made->rank;
    made->serial = rk__slots_add(&room->hands, made);
    if (made->serial == 0) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for a worker");
    }
    pool->hands[pool->hand_count++] = made;
    pool->living++;
    pool->starting++;
    return RK_OK;
}

/* Before anything is made for each of them. */
static rk_status check_count(const rk__mail *mail, uint32_t workers, bool isolate, rk_error *err) {
    uint32_t ranks = rk__mail_ranks(mail), children = rk__mail_endpoints(mail) - ranks;
    if (isolate && workers > children)
        return rk__fail(err, RK_EFULL,
                        "%u isolated workers: %u ranks may have %u isolated processes between them: ask for fewer, or "
                        "raise rk_main_options.children",
                        workers, ranks, children);
    if (!isolate && workers / RK__STRANDS_MAX > ranks)
        return rk__fail(err, RK_EFULL,
                        "%u workers: each of %u ranks runs %d functions side by side at most: ask for fewer, or start "
                        "with more ranks",
                        workers, ranks, RK__STRANDS_MAX);
    return RK_OK;
}

static rk_status make(rk__pools *room, uint32_t workers, bool isolate, rk__pool **out, rk_error *err) {
    rk__pool *made;
    RK_TRY(check_count(room->mail, workers, isolate, err));
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a pool", err));
    rk_status status = rk__alloc((void **)&made->hands, workers, sizeof(void *), "workers", err);
    made->serial = status == RK_OK ? rk__slots_add(&room->pools, made) : 0;
    if (made->serial == 0) {
        free(made->hands);
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for a pool of %u workers", workers);
    }
    made->room = room;
    made->isolate = isolate;
    made->depth = isolate ? 1 : 2;
    made->next = room->all;
    room->all = made;
    for (uint32_t i = 0; i < workers && status == RK_OK; i++)
        status = add_hand(made, err);
    if (status != RK_OK)
        rk__pool_free(made);
    *out = made;
    return status;
}

void rk__hand_start(rk__hand *hand) {
    const rk__beginning *beginning = &hand->pool->beginning;
    rk__letter letter = {.op = RK__POOL_START,
                         .status = beginning->has_initializer,
                         .call = hand->serial,
                         .a = beginning->initializer.object,
                         .b = beginning->initializer.offset,
                         .c = hand->pool->isolate ? hand->child.birth : beginning->max_tasks,
                         .bytes = (void *)(uintptr_t)beginning->arg,
                         .size = beginning->arg_size};
    rk__pools_post(hand->pool->room, hand->endpoint, &letter);
}

static void start_all(rk__pool *pool) {
    for (uint32_t i = 0; i < pool->hand_count; i++) {
        if (pool->isolate)
            rk__isolated_begin(pool->hands[i]);
        else
            rk__hand_start(pool->hands[i]);
    }
}

static bool has_started(void *ctx) {
    return ((const rk__pool *)ctx)->starting == 0;
}

static rk_status forget(rk__pool *pool) {
    pool->pins++;
    pool->forgotten = true;
    rk__pool_end(pool, RK_ECANCELLED, terminated);
    rk__pool_unpin(pool);
    return RK_OK;
}

static bool has_ended(void *ctx) {
    const rk__pool *pool = ctx;
    return pool->living == 0 && pool->undone == 0;
}

/* Its workers' places may be wanted by the next pool. */
static void part_from(rk__pool *pool) {
    pool->pins++;
    rk__pool_end(pool, RK_ECANCELLED, terminated);
    rk__pools_wait(pool->room, has_ended, pool, rk__deadline(PARTING_SECONDS));
    pool->forgotten = true;
    rk__pool_unpin(pool);
}

static rk_status await_start(rk__pool *pool, rk_error *err) {
    rk_status status = rk__pools_wait(pool->room, has_started, pool, RK__NEVER);
    if (status != RK_OK)
        rk__fail(err, status, "the calling function was told to end while it made a pool");
    else if (pool->ended_by != RK_OK && pool->ended_by != RK_EBROKEN)
        status = rk__fail(err, pool->ended_by, "a pool of %u workers: %s", pool->hand_count, pool->text);
    if (status != RK_OK)
        part_from(pool);
    return status;
}

static rk_status prepare(rk__pools *room, const rk_pool_options *options, rk__beginning *beginning, rk_error *err) {
    *beginning = (rk__beginning){.arg = options->initializer_arg,
                                 .arg_size = options->initializer_arg_size,
                                 .max_tasks = options->max_tasks_per_worker,
                                 .has_initializer = options->initializer != NULL};
    if (options->isolate)
        RK_TRY(rk__isolated_await_room(room, err));
    if (options->initializer != NULL)
        RK_TRY(rk__pool_name(room, options->initializer, &beginning->initializer, err));
    if (!options->isolate || beginning->arg_size == 0)
        return RK_OK;
    void *copy = malloc(beginning->arg_size);
    if (copy == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for an argument of %zu bytes", options->initializer_arg_size);
    beginning->arg = memcpy(copy, options->initializer_arg, options->initializer_arg_size);
    return RK_OK;
}

static rk_status create(rk__pools *room, const rk_pool_options *options, rk_pool *pool, rk_error *err) {
    rk__beginning beginning;
    uint32_t others = living_ranks(room) - 1;
    if (options->workers < 0)
        return rk__fail(err, RK_EINVAL, "workers is %d: give a positive number, or 0 for one on each other rank",
                        options->workers);
    uint32_t workers = options->workers > 0 ? (uint32_t)options->workers : others > 0 ? others : 1;
    RK_TRY(prepare(room, options, &beginning, err));
    rk__pool *made;
    rk_status status = make(room, workers, options->isolate, &made, err);
    if (status != RK_OK) {
        if (options->isolate)
            free((void *)(uintptr_t)beginning.arg);
        return status;
    }
    made->beginning = beginning;
    start_all(made);
    RK_TRY(await_start(made, err));
    pool->ref = rk__pools_ref(room, made->serial, RK__KIND_POOL);
    return RK_OK;
}

rk_status rk_pool_create(rk_pool *pool, const rk_pool_options *options, rk_error *err) {
    RK__NEED(pool, err);
    if (options != NULL)
        RK__NEED_BYTES(options->initializer_arg, options->initializer_arg_size, err);
    static const rk_pool_options defaults = RK_POOL_OPTIONS_INIT;
    rk__pools *room = rk__pools_enter(err);
    if (room == NULL)
        return RK_EPERM;
    rk_status status = create(room, options != NULL ? options : &defaults, pool, err);
    rk__pools_leave(room);
    return status;
}

rk_status rk_pool_worker_count(rk_pool ref, int *count, rk_error *err) {
    RK__NEED(count, err);
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk__pools_look(room);
    *count = (int)pool->living;
    rk__pools_leave(room);
    return RK_OK;
}

/* ---- ending one ---- */

rk_status rk_pool_close(rk_pool ref, rk_error *err) {
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    pool->closed = true;
    rk__pool_settle(pool);
    rk__pools_leave(room);
    return RK_OK;
}

rk_status rk_pool_terminate(rk_pool ref, rk_error *err) {
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk__pool_end(pool, RK_ECANCELLED, terminated);
    rk__pools_leave(room);
    return RK_OK;
}

static rk_status join(rk__pools *room, rk__pool *pool, double timeout_seconds, rk_error *err) {
    if (!pool->closed)
        return rk__fail(err, RK_EPERM, "join of a pool that still takes tasks: call rk_pool_close or _terminate first");
    if (pool->open_imaps > 0)
        return rk__fail(err, RK_EPERM,
                        "join of a pool with an imap that has items left: take its results or destroy it first");
    pool->pins++;
    rk_status status = rk__pools_wait(room, has_ended, pool, rk__deadline(timeout_seconds));
    rk__pool_unpin(pool);
    if (status == RK_ETIMEDOUT)
        rk__fail(err, status, "the pool had not ended after %g s", timeout_seconds);
    else if (status != RK_OK)
        rk__fail(err, status, "the calling function was told to end while it joined a pool");
    return status;
}

rk_status rk_pool_join(rk_pool ref, double timeout_seconds, rk_error *err) {
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = join(room, pool, timeout_seconds, err);
    rk__pools_leave(room);
    return status;
}

/* Each in turn: cancelling one has callbacks and inputs of others do what they do. */
static void cancel_waiting(rk__pool *pool) {
    rk__future *future;
    pool->pins++;
    while ((future = pool->blocked.first) != NULL)
        rk__future_fail(pool->room, future, RK_ECANCELLED, true, "cancelled at the shutdown of the pool");
    while ((future = rk__queue_first(&pool->queue)) != NULL) {
        if (future->chunks != NULL)
            rk__chunks_stop(pool->room, future, RK_ECANCELLED, true, "cancelled at the shutdown of the pool");
        else
            rk__future_fail(pool->room, future, RK_ECANCELLED, true, "cancelled at the shutdown of the pool");
    }
    rk__pool_unpin(pool);
}

rk_status rk_pool_shutdown(rk_pool ref, bool wait, bool cancel_futures, rk_error *err) {
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    pool->closed = true;
    if (cancel_futures)
        cancel_waiting(pool);
    rk__pool_settle(pool);
    rk_status status = wait ? join(room, pool, RK_FOREVER, err) : RK_OK;
    rk__pools_leave(room);
    return status;
}

rk_status rk_pool_destroy(rk_pool ref, rk_error *err) {
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = forget(pool);
    rk__pools_leave(room);
    return status;
}

/* ---- the end of the program ---- */

static bool has_none(void *ctx) {
    return ((const rk__pools *)ctx)->all == NULL;
}

void rk__pool_finish(uint64_t deadline_ns) {
    rk__pools *room = rk__pools_enter(NULL);
    if (room == NULL)
        return;
    for (rk__pool *pool = room->all, *next; pool != NULL; pool = next) {
        next = pool->next;
        forget(pool);
    }
    rk__wait(room->mail, has_none, room, deadline_ns);
    rk__pools_leave(room);
}
