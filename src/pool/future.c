/* The life of a future, from its making to the end of its last user. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

rk__future *rk__future_new(rk__pools *room, rk__pool *pool, size_t tail) {
    rk__future *made = malloc(sizeof *made + tail);
    if (made == NULL)
        return NULL;
    memset(made, 0, sizeof *made);
    made->pool = pool;
    made->holder = RK__NOBODY;
    made->rank = -1;
    made->serial = rk__slots_add(&room->futures, made);
    if (made->serial == 0) {
        free(made);
        return NULL;
    }
    return made;
}

/* ---- who is told ---- */

void rk__future_listen(rk__future *future, rk__listener *listener) {
    rk__listener **end = &future->listeners;
    while (*end != NULL)
        end = &(*end)->next;
    listener->next = NULL;
    *end = listener;
}

void rk__future_unlisten(rk__future *future, rk__listener *listener) {
    rk__listener **at = &future->listeners;
    while (*at != NULL && *at != listener)
        at = &(*at)->next;
    if (*at != NULL)
        *at = listener->next;
}

void rk__future_tell(rk__future *future) {
    rk__listener *list = future->listeners;
    future->listeners = NULL;
    while (list != NULL) {
        rk__listener *next = list->next;
        list->heard(list, future);
        list = next;
    }
}

void rk__future_unwatch_all(rk__future *future) {
    for (rk__watch *watch = future->watches; watch != NULL; watch = watch->next)
        watch->ready = true;
    future->watches = NULL;
}

/* ---- the end of it ---- */

void rk__future_free(rk__pools *room, rk__future *future) {
    rk__slots_remove(&room->futures, future->serial);
    rk__future_drop_value(room, future);
    while (future->callbacks != NULL) {
        rk__callback *next = future->callbacks->next;
        free(future->callbacks);
        future->callbacks = next;
    }
    rk__chunks_free(future->chunks);
    free(future->inputs);
    if (future->arg_owned)
        free((void *)(uintptr_t)future->arg);
    free(future);
}

static void free_if_unwanted(rk__pools *room, rk__future *future) {
    if (future->forgotten && future->settled && future->pins == 0 && future->dependents == 0)
        rk__future_free(room, future);
}

void rk__future_pin(rk__future *future) {
    future->pins++;
}

void rk__future_unpin(rk__pools *room, rk__future *future) {
    future->pins--;
    free_if_unwanted(room, future);
}

void rk__future_forget(rk__pools *room, rk__future *future) {
    future->forgotten = true;
    rk__future_unwatch_all(future);
    free_if_unwanted(room, future);
}

/* ---- done ---- */

static void release_inputs(rk__pools *room, rk__future *future) {
    for (uint32_t i = 0; i < future->input_count; i++) {
        rk__input *input = &future->inputs[i];
        if (input->awaited)
            rk__future_unlisten(input->of, &input->listener);
        input->of->dependents--;
        free_if_unwanted(room, input->of);
    }
    free(future->inputs);
    future->inputs = NULL;
    future->input_count = 0;
}

static void settle_one(rk__pools *room, rk__future *future) {
    rk__pool *pool = future->pool;
    future->pool = NULL;
    future->settled = true;
    future->pins++;
    release_inputs(room, future);
    rk__chunks_free(future->chunks);
    future->chunks = NULL;
    rk__future_tell(future);
    rk__future_unwatch_all(future);
    rk__callbacks_come_due(room, future);
    pool->undone--;
    rk__pool_settle(pool);
    rk__future_unpin(room, future);
}

/* One after the other, not from within each other: chains of inputs are long. */
static void settle(rk__pools *room) {
    if (room->settling)
        return;
    room->settling = true;
    while (room->finished.first != NULL) {
        rk__future *future = room->finished.first;
        rk__level_remove(&room->finished, future);
        settle_one(room, future);
    }
    room->settling = false;
}

static void leave_lists(rk__future *future) {
    if (future->state == RK__BLOCKED)
        rk__level_remove(&future->pool->blocked, future);
    if (future->queued)
        rk__queue_remove(&future->pool->queue, future);
    future->queued = false;
}

void rk__future_complete(rk__pools *room, rk__future *future, const rk__news *news) {
    leave_lists(future);
    future->state = RK__DONE;
    future->status = news->status;
    future->cancelled = news->cancelled;
    future->rank = news->rank;
    if (future->bytes != news->bytes) /* room for the results of a map that failed */
        free(future->bytes);
    future->bytes = news->bytes;
    future->size = news->size;
    future->holder = news->holder;
    future->value = news->value;
    if (future->arg_owned)
        free((void *)(uintptr_t)future->arg);
    future->arg_owned = false;
    future->arg = NULL;
    rk__level_add(&room->finished, future, false);
    settle(room);
}

void rk__future_fail(rk__pools *room, rk__future *future, rk_status status, bool cancelled, const char *text) {
    char *copy = rk__strdup(text);
    rk__news news = {.status = status,
                     .cancelled = cancelled,
                     .rank = -1,
                     .bytes = copy,
                     .size = copy != NULL ? strlen(copy) : 0,
                     .holder = RK__NOBODY};
    rk__future_complete(room, future, &news);
}

/* ---- beginning ---- */

static void make_pending(rk__pools *room, rk__future *future) {
    future->queued = rk__queue_add(&future->pool->queue, future, false);
    future->state = RK__PENDING;
    if (!future->queued)
        rk__future_fail(room, future, RK_ENOMEM, false, "no memory to queue this task");
    else
        rk__dispatch(future->pool);
}

static void fail_with_input(rk__pools *room, rk__future *future, const rk__input *input) {
    char text[RK_ERROR_TEXT_MAX];
    rk_error why = RK_ERROR_INIT;
    rk__future_failure(input->of, &why);
    snprintf(text, sizeof text, "input %zu failed: %.900s", (size_t)(input - future->inputs), why.message);
    rk__future_fail(room, future, input->of->status, input->of->cancelled, text);
}

static void input_is_done(rk__listener *listener, rk__future *of) {
    rk__input *input = (rk__input *)(void *)listener;
    rk__future *task = input->task;
    input->awaited = false;
    task->inputs_left--;
    if (task->state == RK__DONE) /* and not yet settled */
        return;
    rk__pools *room = task->pool->room;
    if (of->status != RK_OK) {
        fail_with_input(room, task, input);
    } else if (task->inputs_left == 0) {
        rk__level_remove(&task->pool->blocked, task);
        make_pending(room, task);
    }
}

static const rk__input *await_inputs(rk__future *future) {
    for (uint32_t i = 0; i < future->input_count; i++) {
        rk__input *input = &future->inputs[i];
        input->of->dependents++;
        input->task = future;
        input->listener.heard = input_is_done;
        input->awaited = !input->of->settled || input->of->fetching;
        future->inputs_left += input->awaited;
        if (input->awaited)
            rk__future_listen(input->of, &input->listener);
    }
    for (uint32_t i = 0; i < future->input_count; i++)
        if (future->inputs[i].of->settled && future->inputs[i].of->status != RK_OK)
            return &future->inputs[i];
    return NULL;
}

void rk__future_begin(rk__pools *room, rk__future *future) {
    const rk__input *failed = await_inputs(future);
    rk__pool *pool = future->pool;
    pool->undone++;
    future->state = RK__BLOCKED;
    rk__level_add(&pool->blocked, future, false);
    if (failed != NULL) {
        fail_with_input(room, future, failed);
    } else if (future->inputs_left == 0) {
        rk__level_remove(&pool->blocked, future);
        make_pending(room, future);
    }
}
