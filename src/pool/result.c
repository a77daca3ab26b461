/* What came of a future, and bringing it here. */
#include <stdlib.h>

#include "pool/pool_private.h"

rk_status rk__future_failure(const rk__future *future, rk_error *err) {
    if (future->status == RK_OK)
        return RK_OK;
    if (future->bytes != NULL && future->size > 0)
        rk__fail(err, future->status, "%.*s", (int)future->size, (const char *)future->bytes);
    else
        rk__fail(err, future->status, "%s", rk_status_text(future->status));
    if (err != NULL)
        err->rank = future->rank;
    return future->status;
}

void rk__future_drop_value(rk__pools *room, rk__future *future) {
    if (future->holder == room->endpoint) {
        rk__value_drop(room, future->value);
    } else {
        free(future->bytes);
        rk__letter letter = {.op = RK__POOL_DROP, .a = future->value};
        if (future->holder != RK__NOBODY)
            rk__pools_post(room, future->holder, &letter);
    }
    future->bytes = NULL;
    future->holder = RK__NOBODY;
}

static bool not_fetching(void *ctx) {
    return !((const rk__future *)ctx)->fetching;
}

static bool is_here(const rk__future *future) {
    return future->status != RK_OK || future->size == 0 || future->bytes != NULL;
}

/* Taken away if nobody needs it there. */
static rk_status fetch(rk__pools *room, rk__future *future, rk_error *err) {
    bool take = future->dependents == 0;
    rk__letter answer,
        question = {.to = future->holder, .room = RK__ROOM_POOL, .op = RK__POOL_FETCH, .a = future->value, .b = take};
    future->fetching = true;
    rk_status status = rk__mail_ask_cancelable(room->mail, &question, RK__NEVER, RK__POOL_FETCH_ENDS, &answer, err);
    future->fetching = false;
    if (status == RK_OK) {
        future->bytes = answer.bytes;
        if (take)
            future->holder = RK__NOBODY;
    } else if (status == RK_EDEAD) {
        rk__fail(err, RK_EDEAD, "rank %d, which had this result of %llu bytes, has died", future->rank,
                 (unsigned long long)future->size);
    }
    rk__future_tell(future); /* tasks that came meanwhile */
    return status;
}

rk_status rk__future_fetch(rk__pools *room, rk__future *future, rk_error *err) {
    rk_status status = RK_OK;
    future->pins++;
    if (future->fetching)
        status = rk__wait(room->mail, not_fetching, future, RK__NEVER);
    if (status == RK_OK && !is_here(future))
        status = fetch(room, future, err);
    else if (status != RK_OK)
        rk__fail(err, status, "%s", rk_status_text(status));
    rk__future_unpin(room, future);
    return status;
}
