/* What one can ask of a future. */
#include <string.h>

#include "pool/pool_private.h"

static rk_status enter(rk_future ref, rk__pools **room, rk__future **future, rk_error *err) {
    void *found = NULL;
    *room = rk__pools_enter(err);
    if (*room == NULL)
        return RK_EPERM;
    rk_status status = rk__pools_find(*room, ref.ref, RK__KIND_FUTURE, &found, err);
    *future = found;
    if (status != RK_OK)
        rk__pools_leave(*room);
    else
        rk__future_pin(*future);
    return status;
}

static rk_status leave(rk__pools *room, rk__future *future, rk_status status) {
    rk__future_unpin(room, future);
    rk__pools_leave(room);
    return status;
}

/* ---- waiting ---- */

static rk_status get(rk__pools *room, rk__future *future, double timeout_seconds, rk_error *err) {
    RK_TRY(rk__pools_wait_future(room, future, timeout_seconds, err));
    RK_TRY(rk__future_failure(future, err));
    RK_TRY(rk__future_fetch(room, future, err));
    return future->forgotten ? rk__fail(err, RK_ENOENT, "this future was destroyed") : RK_OK;
}

rk_status rk_future_get(rk_future ref, double timeout_seconds, const void **bytes, size_t *size, rk_error *err) {
    RK__NEED(bytes, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk_status status = get(room, future, timeout_seconds, err);
    if (status == RK_OK) {
        *bytes = future->bytes;
        if (size != NULL)
            *size = (size_t)future->size;
    }
    return leave(room, future, status);
}

rk_status rk_future_get_into(rk_future ref, double timeout_seconds, void *result, size_t size, rk_error *err) {
    RK__NEED_BYTES(result, size, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk_status status = get(room, future, timeout_seconds, err);
    if (status == RK_OK && future->size != size)
        status =
            rk__fail(err, RK_EOVERFLOW, "the result has %llu bytes, not %zu", (unsigned long long)future->size, size);
    if (status == RK_OK && size > 0)
        memcpy(result, future->bytes, size);
    return leave(room, future, status);
}

rk_status rk_future_wait(rk_future ref, double timeout_seconds, rk_error *err) {
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    return leave(room, future, rk__pools_wait_future(room, future, timeout_seconds, err));
}

rk_status rk_future_exception(rk_future ref, double timeout_seconds, rk_error *what, rk_error *err) {
    RK__NEED(what, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk_status status = rk__pools_wait_future(room, future, timeout_seconds, err);
    if (status == RK_OK) {
        rk__error_clear(what);
        rk__future_failure(future, what);
    }
    return leave(room, future, status);
}

/* ---- looking ---- */

static rk_status look(rk_future ref, rk__pools **room, rk__future **future, rk_error *err) {
    RK_TRY(enter(ref, room, future, err));
    rk__pools_look(*room);
    return RK_OK;
}

rk_status rk_future_ready(rk_future ref, bool *ready, rk_error *err) {
    RK__NEED(ready, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(look(ref, &room, &future, err));
    *ready = future->settled;
    return leave(room, future, RK_OK);
}

rk_status rk_future_successful(rk_future ref, bool *successful, rk_error *err) {
    RK__NEED(successful, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(look(ref, &room, &future, err));
    rk_status status = RK_OK;
    if (!future->settled)
        status = rk__fail(err, RK_EPERM, "the future is not done: ask rk_future_ready first, or wait");
    else
        *successful = future->status == RK_OK;
    return leave(room, future, status);
}

rk_status rk_future_running(rk_future ref, bool *running, rk_error *err) {
    RK__NEED(running, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(look(ref, &room, &future, err));
    *running = future->state == RK__SENT;
    return leave(room, future, RK_OK);
}

rk_status rk_future_cancelled(rk_future ref, bool *cancelled, rk_error *err) {
    RK__NEED(cancelled, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(look(ref, &room, &future, err));
    *cancelled = future->settled && future->cancelled;
    return leave(room, future, RK_OK);
}

/* ---- cancelling ---- */

static rk_status withdraw(rk__pools *room, const rk__flight *flight, bool *done, rk_error *err) {
    if (flight->hand->endpoint == room->endpoint) {
        rk__worker *worker = rk__slots_at(&room->workers, flight->hand->there);
        *done = worker != NULL && rk__job_withdraw(worker, flight->serial);
        return RK_OK;
    }
    rk__letter answer, question = {.to = flight->hand->endpoint,
                                   .room = RK__ROOM_POOL,
                                   .op = RK__POOL_WITHDRAW,
                                   .status = (int32_t)flight->hand->there,
                                   .a = flight->serial};
    rk_status status = rk__mail_ask_cancelable(room->mail, &question, RK__NEVER, RK__POOL_FETCH_ENDS, &answer, err);
    *done = status == RK_OK && answer.a != 0;
    return status == RK_EDEAD ? RK_OK : status;
}

static void land_cancelled(rk__pools *room, uint64_t number) {
    rk__flight *flight = rk__slots_find(&room->flights, number);
    rk__news news = {.status = RK_ECANCELLED, .cancelled = true, .rank = -1, .holder = RK__NOBODY};
    if (flight == NULL)
        return;
    rk__pool *pool = flight->hand->pool;
    pool->pins++;
    rk__flight_land(room, flight, &news);
    rk__dispatch(pool);
    rk__pool_unpin(pool);
}

static rk_status cancel(rk__pools *room, rk__future *future, rk_error *err) {
    while (future->state != RK__DONE) {
        if (future->state != RK__SENT && future->chunks != NULL) {
            rk__chunks_stop(room, future, RK_ECANCELLED, true, "cancelled");
        } else if (future->state != RK__SENT) {
            rk__future_fail(room, future, RK_ECANCELLED, true, "cancelled");
        } else if (future->chunks != NULL) {
            break;
        } else {
            uint64_t number = future->flight->serial;
            bool done = false;
            RK_TRY(withdraw(room, future->flight, &done, err));
            if (done)
                land_cancelled(room, number);
            else if (future->flight != NULL && future->flight->serial == number)
                break; /* it has begun; otherwise it came back meanwhile */
        }
    }
    return RK_OK;
}

rk_status rk_future_cancel(rk_future ref, bool *cancelled, rk_error *err) {
    RK__NEED(cancelled, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk_status status = cancel(room, future, err);
    if (status == RK_OK) {
        *cancelled = future->state == RK__DONE && future->cancelled;
        rk__pools_look(room);
    }
    return leave(room, future, status);
}

/* ---- being told ---- */

rk_status rk_future_add_done_callback(rk_future ref, rk_done_fn callback, void *ctx, rk_error *err) {
    RK__NEED(callback, err);
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk_status status = rk__callback_add(future, &(rk__callback){.done = callback, .ctx = ctx}, err);
    if (status == RK_OK && future->settled) {
        rk__callbacks_come_due(room, future);
        rk__callbacks_run(room);
    }
    return leave(room, future, status);
}

rk_status rk__pool_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    rk__pools *room = rk__mail_room(mail, RK__ROOM_POOL);
    void *found = NULL;
    RK_TRY(rk__pools_find(room, ref, RK__KIND_FUTURE, &found, err));
    rk__future *future = found;
    *watch = (rk__watch){.ref = ref, .ready = future->settled};
    if (!watch->ready) {
        watch->next = future->watches;
        future->watches = watch;
    }
    return RK_OK;
}

void rk__pool_unwatch(rk__mail *mail, rk__watch *watch) {
    const rk__pools *room = rk__mail_room(mail, RK__ROOM_POOL);
    rk__future *future = rk__slots_find(&room->futures, watch->ref.serial);
    if (future == NULL)
        return;
    rk__watch **at = &future->watches;
    while (*at != NULL && *at != watch)
        at = &(*at)->next;
    if (*at != NULL)
        *at = watch->next;
}

rk_status rk_future_destroy(rk_future ref, rk_error *err) {
    rk__pools *room;
    rk__future *future;
    RK_TRY(enter(ref, &room, &future, err));
    rk__future_forget(room, future);
    return leave(room, future, RK_OK);
}
