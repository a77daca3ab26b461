#include <stdlib.h>

#include "channel/channel_private.h"

/* ---- the messages ---- */

static bool grow(rk__deque *deque) {
    size_t capacity = deque->capacity > 0 ? deque->capacity * 2 : 8;
    rk__message *items = malloc(capacity * sizeof *items);
    if (items == NULL)
        return false;
    for (size_t i = 0; i < deque->count; i++)
        items[i] = deque->items[(deque->first + i) & (deque->capacity - 1)];
    free(deque->items);
    deque->items = items;
    deque->capacity = capacity;
    deque->first = 0;
    return true;
}

bool rk__deque_push(rk__deque *deque, rk__message message) {
    if (deque->count == deque->capacity && !grow(deque))
        return false;
    deque->items[(deque->first + deque->count++) & (deque->capacity - 1)] = message;
    return true;
}

rk__message rk__deque_pop(rk__deque *deque) {
    rk__message message = deque->items[deque->first];
    deque->first = (deque->first + 1) & (deque->capacity - 1);
    deque->count--;
    return message;
}

void rk__deque_fini(rk__deque *deque) {
    while (deque->count > 0)
        free(rk__deque_pop(deque).bytes);
    free(deque->items);
    *deque = (rk__deque){0};
}

/* ---- those who look ---- */

static void tell_watchers(rk__channel *channel, rk__store *store) {
    while (store->watchers != NULL) {
        rk__watcher *watcher = store->watchers;
        store->watchers = watcher->next;
        rk__channel_send(channel, watcher->endpoint, RK__OP_READY, 0, watcher->number, 0);
        free(watcher);
    }
}

/* ---- putting ---- */

/* Does a message of that size suit him? If not, or if he only looks, *verdict is for him. */
static bool suits(const rk__want *want, uint64_t size, rk__verdict *verdict) {
    *verdict = (rk__verdict){.status = RK_OK, .size = size};
    if (want->exact && size != want->capacity)
        verdict->got = RK__GOT_OTHER_SIZE;
    else if (size > want->capacity)
        verdict->got = RK__GOT_TOO_LARGE;
    return verdict->got == RK__GOT_MESSAGE && !want->peek;
}

static rk_status hand_over(rk__mail *mail, rk__waiter *getter, rk__letter *message, rk__verdict verdict) {
    if (getter->verdict == NULL && !message->owned) { /* from the ring of one into that of the other */
        rk__mail_answer(mail, getter->who, RK_OK, RK__GOT_MESSAGE, message->size, message->bytes, message->size,
                        RK__PAYLOAD_COPY);
        free(getter);
        return RK_OK;
    }
    verdict.bytes = rk__letter_take(message);
    if (message->size > 0 && verdict.bytes == NULL)
        verdict = (rk__verdict){.status = RK_ENOMEM};
    rk__waiter_settle(mail, getter, verdict);
    return verdict.status;
}

static rk_status keep(rk__channel *channel, rk__store *store, rk__letter *message) {
    rk__message kept = {rk__letter_take(message), message->size};
    if ((kept.size > 0 && kept.bytes == NULL) || !rk__deque_push(&store->items, kept)) {
        free(kept.bytes);
        return RK_ENOMEM;
    }
    tell_watchers(channel, store);
    return RK_OK;
}

rk_status rk__store_offer(rk__channel *channel, rk__store *store, rk__letter *message, uint32_t *taker) {
    rk__verdict verdict;
    *taker = RK__NOBODY;
    for (rk__waiter *getter; (getter = rk__waiters_pop(&store->getters)) != NULL;) {
        if (suits(&getter->want, message->size, &verdict)) {
            *taker = getter->who.from;
            return hand_over(channel->mail, getter, message, verdict);
        }
        rk__waiter_settle(channel->mail, getter, verdict);
    }
    return keep(channel, store, message);
}

/* ---- taking ---- */

bool rk__store_take(rk__store *store, const rk__want *want, rk__verdict *verdict) {
    if (store->items.count > 0) {
        if (suits(want, store->items.items[store->items.first].size, verdict))
            verdict->bytes = rk__deque_pop(&store->items).bytes;
        return true;
    }
    *verdict = (rk__verdict){.status = store->end};
    return store->end != RK_OK;
}

bool rk__store_is_ready(const rk__store *store) {
    return store->items.count > 0 || store->end != RK_OK;
}

/* ---- the end ---- */

void rk__store_end(rk__channel *channel, rk__store *store, rk_status end) {
    store->end = end;
    rk__waiters_settle_all(channel->mail, &store->getters, end);
    tell_watchers(channel, store);
}

void rk__store_died(rk__store *store, uint32_t endpoint) {
    rk__waiters_died(&store->getters, endpoint);
    for (rk__watcher **at = &store->watchers; *at != NULL;) {
        rk__watcher *watcher = *at;
        if (watcher->endpoint != endpoint) {
            at = &watcher->next;
            continue;
        }
        *at = watcher->next;
        free(watcher);
    }
}

void rk__store_fini(rk__channel *channel, rk__store *store, rk_status status) {
    rk__store_end(channel, store, status);
    rk__deque_fini(&store->items);
}
