/* Calls with what nobody should give them, one scene each: `misuse <scene>`. Each must return, with a status. */
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <rankine/rankine.h>

#include "scenes.h"

/* ---- times that have passed ---- */

typedef struct things { /* none of which is ready */
    rk_lock lock;       /* held by another */
    rk_rlock rlock;     /* as well */
    rk_semaphore semaphore;
    rk_condition condition;
    rk_event event;
    rk_barrier barrier;
    rk_queue queue, full;
    rk_pipe left, right;
    rk_pool pool;
    rk_future future;
    rk_imap imap;
    rk_completed completed;
    rk_process process;
    rk_value value; /* its lock is held by another */
} things;

typedef struct holding {
    rk_lock lock;
    rk_rlock rlock;
    rk_value value;
    rk_event held, done;
} holding;

static rk_status hold(rk_call *call) {
    const holding *it = call->arg;
    RK_TRY(rk_lock_acquire(it->lock, RK_FOREVER, NULL));
    RK_TRY(rk_rlock_acquire(it->rlock, RK_FOREVER, NULL));
    RK_TRY(rk_value_lock(it->value, RK_FOREVER, NULL));
    RK_TRY(rk_event_set(it->held, NULL));
    RK_TRY(rk_event_wait(it->done, RK_FOREVER, NULL));
    RK_TRY(rk_value_unlock(it->value, NULL));
    RK_TRY(rk_rlock_release(it->rlock, NULL));
    return rk_lock_release(it->lock, NULL);
}

static rk_status await(rk_call *call) {
    return rk_event_wait(((const holding *)call->arg)->done, RK_FOREVER, NULL);
}

static bool never(void *ctx) {
    (void)ctx;
    return false;
}

#define TIMED(name, call)                                                                                              \
    static rk_status name(things *t, double s, rk_error *err) {                                                        \
        return call;                                                                                                   \
    }
TIMED(lock_acquire, rk_lock_acquire(t->lock, s, err))
TIMED(rlock_acquire, rk_rlock_acquire(t->rlock, s, err))
TIMED(semaphore_acquire, rk_semaphore_acquire(t->semaphore, s, err))
TIMED(condition_wait, rk_condition_wait(t->condition, s, err))
TIMED(condition_wait_for, rk_condition_wait_for(t->condition, never, NULL, s, err))
TIMED(event_wait, rk_event_wait(t->event, s, err))
TIMED(barrier_wait, rk_barrier_wait(t->barrier, s, NULL, err))
TIMED(queue_put, rk_queue_put(t->full, "x", 1, s, err))
TIMED(queue_get, rk_queue_get(t->queue, s, &(void *){NULL}, &(size_t){0}, err))
TIMED(queue_join, rk_queue_join(t->full, s, err))
TIMED(pipe_recv, rk_pipe_recv(t->left, s, &(void *){NULL}, &(size_t){0}, err))
TIMED(pool_join, rk_pool_join(t->pool, s, err))
TIMED(future_wait, rk_future_wait(t->future, s, err))
TIMED(future_get, rk_future_get(t->future, s, &(const void *){NULL}, &(size_t){0}, err))
TIMED(futures_wait, rk_futures_wait(&t->future, 1, RK_ALL_COMPLETED, s, err))
TIMED(imap_next, rk_imap_next(t->imap, s, NULL, NULL, err))
TIMED(completed_next, rk_completed_next(t->completed, s, &(rk_future){{0, 0, 0}}, err))
TIMED(process_join, rk_process_join(t->process, s, err))
TIMED(value_lock, rk_value_lock(t->value, s, err))
TIMED(wait_for_objects, rk_wait(&t->queue.ref, 1, s, &(bool){false}, err))

static const struct {
    const char *name;
    rk_status (*call)(things *t, double seconds, rk_error *err);
    rk_status wanted;
} timed[] = {{"rk_lock_acquire", lock_acquire, RK_ETIMEDOUT},
             {"rk_rlock_acquire", rlock_acquire, RK_ETIMEDOUT},
             {"rk_semaphore_acquire", semaphore_acquire, RK_ETIMEDOUT},
             {"rk_condition_wait", condition_wait, RK_ETIMEDOUT},
             {"rk_condition_wait_for", condition_wait_for, RK_ETIMEDOUT},
             {"rk_event_wait", event_wait, RK_ETIMEDOUT},
             {"rk_queue_put", queue_put, RK_EFULL},
             {"rk_queue_get", queue_get, RK_EEMPTY},
             {"rk_queue_join", queue_join, RK_ETIMEDOUT},
             {"rk_pipe_recv", pipe_recv, RK_ETIMEDOUT},
             {"rk_pool_join", pool_join, RK_ETIMEDOUT},
             {"rk_future_wait", future_wait, RK_ETIMEDOUT},
             {"rk_future_get", future_get, RK_ETIMEDOUT},
             {"rk_futures_wait", futures_wait, RK_ETIMEDOUT},
             {"rk_imap_next", imap_next, RK_ETIMEDOUT},
             {"rk_completed_next", completed_next, RK_ETIMEDOUT},
             {"rk_process_join", process_join, RK_ETIMEDOUT},
             {"rk_value_lock", value_lock, RK_ETIMEDOUT},
             {"rk_wait", wait_for_objects, RK_ETIMEDOUT},
             {"rk_barrier_wait", barrier_wait, RK_EBROKEN}}; /* the first one breaks it */

static rk_status make_objects(things *t, holding *h, rk_error *err) {
    RK_TRY(rk_lock_create(&t->lock, err));
    RK_TRY(rk_rlock_create(&t->rlock, err));
    RK_TRY(rk_semaphore_create(&t->semaphore, 0, err));
    RK_TRY(rk_condition_create(&t->condition, err));
    RK_TRY(rk_event_create(&t->event, err));
    RK_TRY(rk_barrier_create(&t->barrier, 2, NULL, err));
    RK_TRY(rk_queue_create(&t->queue, NULL, err));
    RK_TRY(rk_queue_create(&t->full, &(rk_queue_options){.maxsize = 1}, err));
    RK_TRY(rk_pipe_create(&t->left, &t->right, true, err));
    RK_TRY(rk_value_create_i64(&t->value, 0, err));
    RK_TRY(rk_event_create(&h->held, err));
    RK_TRY(rk_event_create(&h->done, err));
    h->lock = t->lock;
    h->rlock = t->rlock;
    h->value = t->value;
    RK_TRY(rk_condition_acquire(t->condition, 0, err));
    return rk_queue_put(t->full, "x", 1, 0, err);
}

static rk_status make_work(things *t, const holding *h, rk_error *err) {
    rk_map map = {.function = await, .items = h, .count = 1, .item_size = sizeof *h};
    RK_TRY(rk_process_start(&t->process, hold, h, sizeof *h, NULL, err));
    RK_TRY(rk_event_wait(h->held, RK_FOREVER, err));
    RK_TRY(rk_pool_create(&t->pool, NULL, err));
    RK_TRY(rk_pool_submit(t->pool, await, h, sizeof *h, NULL, &t->future, err));
    RK_TRY(rk_pool_imap(t->pool, &map, &t->imap, err));
    RK_TRY(rk_as_completed(&t->completed, &t->future, 1, err));
    return rk_pool_close(t->pool, err);
}

static rk_status past_times(rk_error *err) {
    static const double times[] = {0, -1, -1e-9, -INFINITY, NAN};
    things t;
    holding h;
    RK_TRY(make_objects(&t, &h, err));
    RK_TRY(make_work(&t, &h, err));
    for (size_t i = 0; i < sizeof timed / sizeof *timed; i++)
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) {
            rk_status got = timed[i].call(&t, times[k], err);
            bool breaks = timed[i].wanted == RK_EBROKEN && got == RK_ETIMEDOUT && k == 0;
            if (got != timed[i].wanted && !breaks)
                return complain(err, timed[i].name, times[k], got, timed[i].wanted);
        }
    RK_TRY(rk_event_set(h.done, err));
    return rk_pool_join(t.pool, INFINITY, err);
}

/* ---- a task that uses the pool it works for ---- */

typedef struct mine {
    rk_pool pool;
    rk_future future;
    rk_imap imap;
    rk_event over;
} mine;

static rk_status square(rk_call *call) {
    int x = *(const int *)call->arg;
    return rk_call_return(call, &(int){x * x}, sizeof x);
}

static rk_status use_own_pool(rk_call *call) {
    const mine *it = call->arg;
    const int items[] = {1, 2};
    int results[2];
    rk_pool other;
    rk_map map = {.function = square, .items = items, .count = 2, .item_size = sizeof(int), .result_size = sizeof(int)};
    if (rk_pool_map(it->pool, &map, results, NULL) != RK_EPERM ||
        rk_pool_submit(it->pool, square, items, sizeof *items, NULL, NULL, NULL) != RK_EPERM ||
        rk_future_wait(it->future, RK_FOREVER, NULL) != RK_EPERM ||
        rk_imap_next(it->imap, RK_FOREVER, results, NULL, NULL) != RK_EPERM)
        return rk_call_fail(call, RK_EMISMATCH, "a task may use its own pool");
    RK_TRY(rk_pool_create(&other, NULL, call->err));
    RK_TRY(rk_pool_map(other, &map, results, call->err));
    RK_TRY(rk_pool_destroy(other, call->err));
    return rk_call_return(call, &results[1], sizeof results[1]);
}

static rk_status wait_for_end(rk_call *call) {
    return rk_event_wait(((const mine *)call->arg)->over, RK_FOREVER, call->err);
}

static void submit_another(rk_future future, void *ctx) {
    mine *it = ctx;
    (void)future;
    rk_pool_submit(it->pool, square, &(int){2}, sizeof(int), NULL, &it->future, NULL);
}

/* Two workers: of one the task is done only when that of the other has tried. */
static rk_status own_pool(rk_error *err) {
    mine it;
    rk_future first, second;
    int number = 0, items[] = {3};
    rk_map map = {.function = square, .items = items, .count = 1, .item_size = sizeof(int), .result_size = sizeof(int)};
    RK_TRY(rk_event_create(&it.over, err));
    RK_TRY(rk_pool_create(&it.pool, &(rk_pool_options){.workers = 2}, err));
    RK_TRY(rk_pool_submit(it.pool, wait_for_end, &it, sizeof it, NULL, &first, err));
    it.future = first;
    RK_TRY(rk_pool_imap(it.pool, &map, &it.imap, err));
    RK_TRY(rk_pool_submit(it.pool, use_own_pool, &it, sizeof it, NULL, &second, err));
    RK_TRY(rk_future_get_into(second, RK_FOREVER, &number, sizeof number, err));
    RK_TRY(rk_future_add_done_callback(first, submit_another, &it, err)); /* callbacks may, wherever they run */
    RK_TRY(rk_event_set(it.over, err));
    RK_TRY(rk_future_wait(first, RK_FOREVER, err));
    RK_TRY(rk_future_get_into(it.future, RK_FOREVER, &number, sizeof number, err));
    snprintf(err->message, sizeof err->message, "%d, not 4", number);
    return number == 4 ? RK_OK : RK_EMISMATCH;
}

/* ---- an initializer that says nothing ---- */

static rk_status refuse(rk_call *call) {
    (void)call;
    return RK_EIO;
}

static rk_status initializer(rk_error *err) {
    rk_pool pool;
    rk_map map = {.function = square, .items = "abcd", .count = 1, .item_size = 4, .result_size = 4};
    int result;
    RK_TRY(rk_pool_create(&pool, &(rk_pool_options){.initializer = refuse}, err));
    rk_status status = rk_pool_map(pool, &map, &result, err);
    if (status == RK_EBROKEN && strstr(err->message, "RK_EIO") != NULL)
        return RK_OK;
    return complain(err, "rk_pool_map", 0, status, RK_EBROKEN);
}

/* ---- what there is not so much of ---- */

static rk_status too_much(rk_error *err) {
    rk_pool pool;
    rk_shared_list list;
    static const int counts[] = {1000000, INT_MAX};
    for (size_t i = 0; i < 2; i++) {
        rk_status status = rk_pool_create(&pool, &(rk_pool_options){.workers = counts[i]}, err);
        if (status != RK_EFULL)
            return complain(err, "rk_pool_create", counts[i], status, RK_EFULL);
    }
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 8, SIZE_MAX / 2};
    for (size_t i = 0; i < 3; i++) {
        rk_shared_item item = {.kind = RK_SHARED_BYTES, .bytes = "x", .size = sizes[i]};
        rk_status status = rk_shared_list_create(&list, &item, 1, err);
        if (status != RK_EINVAL)
            return complain(err, "rk_shared_list_create", (double)sizes[i], status, RK_EINVAL);
    }
    return RK_OK;
}

/* ---- all scenes ---- */

static rk_status root(int argc, char **argv, rk_error *err) {
    static const scene scenes[] = {
        {"past_times", past_times}, {"own_pool", own_pool}, {"initializer", initializer}, {"too_much", too_much}};
    return play_scene(scenes, sizeof scenes / sizeof *scenes, argc, argv, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
