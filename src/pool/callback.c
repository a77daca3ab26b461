/* Callbacks: queued when a future is done, called by the next strand of the owner that waits or looks. */
#include <stdlib.h>

#include "pool/pool_private.h"

rk_status rk__callback_add(rk__future *future, const rk__callback *callback, rk_error *err) {
    rk__callback *made, **end = &future->callbacks;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a callback", err));
    *made = *callback;
    made->future = future;
    made->next = NULL;
    while (*end != NULL)
        end = &(*end)->next;
    *end = made;
    return RK_OK;
}

void rk__callbacks_come_due(rk__pools *room, rk__future *future) {
    while (future->callbacks != NULL) {
        rk__callback *callback = future->callbacks;
        future->callbacks = callback->next;
        callback->next = NULL;
        future->pins++;
        if (room->due_last != NULL)
            room->due_last->next = callback;
        else
            room->due = callback;
        room->due_last = callback;
    }
}

static void call(const rk__callback *callback, rk_future future, rk_status status, const rk_error *why) {
    if (callback->done != NULL)
        callback->done(future, callback->ctx);
    else if (status == RK_OK && callback->result != NULL)
        callback->result(callback->future->bytes, (size_t)callback->future->size, callback->ctx);
    else if (status != RK_OK && callback->failure != NULL)
        callback->failure(why, callback->ctx);
}

static void run(rk__pools *room, rk__callback *callback) {
    rk__future *future = callback->future;
    rk_error why = RK_ERROR_INIT;
    rk_status status = rk__future_failure(future, &why);
    if (status == RK_OK && callback->result != NULL)
        status = rk__future_fetch(room, future, &why);
    rk__leave(room->mail);
    rk__call_inner(true);
    call(callback, (rk_future){rk__pools_ref(room, future->serial, RK__KIND_FUTURE)}, status, &why);
    rk__call_inner(false);
    rk__enter(NULL);
    rk__future_unpin(room, future);
    free(callback);
}

void rk__callbacks_run(rk__pools *room) {
    if (room->calling)
        return;
    room->calling = true;
    while (room->due != NULL) {
        rk__callback *callback = room->due;
        room->due = callback->next;
        if (room->due == NULL)
            room->due_last = NULL;
        run(room, callback);
    }
    room->calling = false;
}

/* ---- waiting ---- */

typedef struct waiting {
    const rk__pools *room;
    rk__condition condition;
    void *ctx;
} waiting;

static bool true_or_due(void *ctx) {
    const waiting *wanted = ctx;
    return wanted->condition(wanted->ctx) || (wanted->room->due != NULL && !wanted->room->calling);
}

rk_status rk__pools_wait(rk__pools *room, rk__condition condition, void *ctx, uint64_t deadline_ns) {
    waiting wanted = {room, condition, ctx};
    for (;;) {
        rk_status status = rk__wait(room->mail, true_or_due, &wanted, deadline_ns);
        if (room->due != NULL)
            rk__callbacks_run(room);
        if (condition(ctx))
            return RK_OK;
        if (status != RK_OK)
            return status;
    }
}

void rk__pools_look(rk__pools *room) {
    rk__yield(room->mail);
    if (room->due != NULL)
        rk__callbacks_run(room);
}

static bool is_settled(void *ctx) {
    return ((const rk__future *)ctx)->settled;
}

rk_status rk__pools_wait_future(rk__pools *room, rk__future *future, double timeout_seconds, rk_error *err) {
    rk_status status = rk__pools_wait(room, is_settled, future, rk__deadline(timeout_seconds));
    if (status == RK_ETIMEDOUT)
        rk__fail(err, status, "the future was not done within %g s", timeout_seconds);
    else if (status != RK_OK)
        rk__fail(err, status, "the calling function was told to end while it waited for a future");
    return status;
}
