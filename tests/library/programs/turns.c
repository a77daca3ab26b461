/* Loops that poll with a timeout of 0, on the rank of the function that they wait for: each look gives it a turn.
 * Prints the calls whose loop does not end. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rankine/rankine.h>

enum { LOOKS = 500, NAP_US = 1000 };

typedef struct stage {
    rk_pool pool;
    rk_future future;
    rk_imap imap, unordered;
    rk_completed completed;
    rk_queue parcels, full, waited; /* full: of one place; waited: something in it is not done */
    rk_event event;
    rk_lock lock;
    rk_semaphore semaphore;
    rk_pipe here, there;
    rk_process actor;
    rk_error why;
    int x;
    int64_t parcel;
    bool truth;
} stage;

/* ---- what is waited for ---- */

static rk_status a_task(rk_call *call) {
    usleep(5 * NAP_US);
    return rk_call_return(call, call->arg, call->arg_size);
}

/* Waits first: a process is alone on its rank until it does. */
static rk_status act(rk_call *call) {
    stage on;
    int64_t parcel;
    rk_event never;
    memcpy(&on, call->arg, sizeof on);
    RK_TRY(rk_event_create(&never, call->err));
    if (rk_event_wait(never, 0.005, call->err) != RK_ETIMEDOUT)
        return RK_EMISMATCH;
    RK_TRY(rk_queue_put_i64(on.parcels, 1, RK_FOREVER, call->err));
    RK_TRY(rk_event_set(on.event, call->err));
    RK_TRY(rk_lock_release(on.lock, call->err));
    RK_TRY(rk_semaphore_release(on.semaphore, 1, call->err));
    RK_TRY(rk_pipe_send(on.there, &parcel, sizeof parcel, call->err));
    RK_TRY(rk_queue_get_i64(on.full, RK_FOREVER, &parcel, call->err));
    RK_TRY(rk_queue_get_i64(on.waited, RK_FOREVER, &parcel, call->err));
    return rk_queue_task_done(on.waited, call->err);
}

static rk_status submit(stage *on, rk_error *err) {
    rk_map one = {
        .function = a_task, .items = &on->x, .count = 1, .item_size = sizeof on->x, .result_size = sizeof on->x};
    RK_TRY(rk_pool_create(&on->pool, &(rk_pool_options){.workers = rk_size()}, err));
    RK_TRY(rk_pool_submit(on->pool, a_task, &on->x, sizeof on->x, NULL, &on->future, err));
    RK_TRY(rk_as_completed(&on->completed, &on->future, 1, err));
    RK_TRY(rk_pool_imap(on->pool, &one, &on->imap, err));
    return rk_pool_imap_unordered(on->pool, &one, &on->unordered, err);
}

static rk_status start_actor(stage *on, rk_error *err) {
    rk_process_options here = {.where = RK_ON_RANK(0)};
    RK_TRY(rk_queue_create(&on->parcels, NULL, err));
    RK_TRY(rk_queue_create(&on->full, &(rk_queue_options){.maxsize = 1}, err));
    RK_TRY(rk_queue_create(&on->waited, NULL, err));
    RK_TRY(rk_queue_put_i64(on->full, 1, 0, err));
    RK_TRY(rk_queue_put_i64(on->waited, 1, 0, err));
    RK_TRY(rk_event_create(&on->event, err));
    RK_TRY(rk_lock_create(&on->lock, err));
    RK_TRY(rk_lock_acquire(on->lock, 0, err));
    RK_TRY(rk_semaphore_create(&on->semaphore, 0, err));
    RK_TRY(rk_pipe_create(&on->here, &on->there, false, err));
    return rk_process_start(&on->actor, act, on, sizeof *on, &here, err);
}

/* ---- looks ---- */

static bool future_get(stage *on) {
    const void *bytes;
    return rk_future_get(on->future, 0, &bytes, NULL, NULL) == RK_OK;
}

static bool future_get_into(stage *on) {
    return rk_future_get_into(on->future, 0, &on->x, sizeof on->x, NULL) == RK_OK;
}

static bool future_wait(stage *on) {
    return rk_future_wait(on->future, 0, NULL) == RK_OK;
}

static bool future_exception(stage *on) {
    return rk_future_exception(on->future, 0, &on->why, NULL) == RK_OK;
}

static bool future_ready(stage *on) {
    return rk_future_ready(on->future, &on->truth, NULL) == RK_OK && on->truth;
}

static bool futures_wait(stage *on) {
    return rk_futures_wait(&on->future, 1, RK_ALL_COMPLETED, 0, NULL) == RK_OK;
}

static bool completed_next(stage *on) {
    return rk_completed_next(on->completed, 0, &on->future, NULL) == RK_OK;
}

static bool imap_next(stage *on) {
    return rk_imap_next(on->imap, 0, &on->x, NULL, NULL) == RK_OK;
}

static bool unordered_next(stage *on) {
    return rk_imap_next(on->unordered, 0, &on->x, NULL, NULL) == RK_OK;
}

static bool wait_for_any(stage *on) {
    return rk_wait(&on->future.ref, 1, 0, &on->truth, NULL) == RK_OK;
}

static bool pool_join(stage *on) {
    return rk_pool_close(on->pool, NULL) == RK_OK && rk_pool_join(on->pool, 0, NULL) == RK_OK;
}

static bool queue_get(stage *on) {
    return rk_queue_get_i64(on->parcels, 0, &on->parcel, NULL) == RK_OK;
}

static bool queue_put(stage *on) {
    return rk_queue_put_i64(on->full, 2, 0, NULL) == RK_OK;
}

static bool queue_join(stage *on) {
    return rk_queue_join(on->waited, 0, NULL) == RK_OK;
}

static bool event_wait(stage *on) {
    return rk_event_wait(on->event, 0, NULL) == RK_OK;
}

static bool lock_acquire(stage *on) {
    return rk_lock_acquire(on->lock, 0, NULL) == RK_OK;
}

static bool semaphore_acquire(stage *on) {
    return rk_semaphore_acquire(on->semaphore, 0, NULL) == RK_OK;
}

static bool pipe_poll(stage *on) {
    return rk_pipe_poll(on->here, 0, &on->truth, NULL) == RK_OK && on->truth;
}

static bool process_join(stage *on) {
    return rk_process_join(on->actor, 0, NULL) == RK_OK;
}

/* ---- loops ---- */

static const struct {
    const char *name;
    rk_status (*prepare)(stage *on, rk_error *err);
    bool (*look)(stage *on);
} loops[] = {
    {"rk_future_get", submit, future_get},
    {"rk_future_get_into", submit, future_get_into},
    {"rk_future_wait", submit, future_wait},
    {"rk_future_exception", submit, future_exception},
    {"rk_future_ready", submit, future_ready},
    {"rk_futures_wait", submit, futures_wait},
    {"rk_completed_next", submit, completed_next},
    {"rk_imap_next", submit, imap_next},
    {"rk_imap_next, unordered", submit, unordered_next},
    {"rk_wait", submit, wait_for_any},
    {"rk_pool_join", submit, pool_join},
    {"rk_queue_get", start_actor, queue_get},
    {"rk_queue_put", start_actor, queue_put},
    {"rk_queue_join", start_actor, queue_join},
    {"rk_event_wait", start_actor, event_wait},
    {"rk_lock_acquire", start_actor, lock_acquire},
    {"rk_semaphore_acquire", start_actor, semaphore_acquire},
    {"rk_pipe_poll", start_actor, pipe_poll},
    {"rk_process_join", start_actor, process_join},
};

static rk_status root(int argc, char **argv, rk_error *err) {
    (void)argc;
    (void)argv;
    for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
        stage on;
        int looks = 0;
        memset(&on, 0, sizeof on);
        RK_TRY(loops[i].prepare(&on, err));
        while (looks < LOOKS && !loops[i].look(&on)) {
            usleep(NAP_US);
            looks++;
        }
        if (looks == LOOKS)
            printf("%s(..., 0) never sees it\n", loops[i].name);
    }
    printf("%zu loops\n", sizeof loops / sizeof *loops);
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
