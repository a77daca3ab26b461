/* Getting and watching: at a place here, or asked of the endpoint where it is. */
#include <stdlib.h>
#include <string.h>

#include "channel/channel_private.h"

enum { WANT_EXACT = 1, WANT_PEEK = 2, WANT_AT_ONCE = 4 };

rk__place *rk__place_find(const rk__channel *channel, uint32_t home, uint64_t serial) {
    return rk__registry_find(&channel->places, home, serial);
}

/* What those get who want a place that is not there: who asks may not yet have heard of a death. */
static rk_status why_absent(const rk__channel *channel, uint32_t home) {
    return rk__mail_is_dead(channel->mail, home) ? RK_EDEAD : RK_ENOENT;
}

static bool take(rk__channel *channel, rk__place *place, uint32_t by, const rk__want *want, rk__verdict *verdict) {
    if (!rk__store_take(&place->store, want, verdict))
        return false;
    if (place->is_queue && verdict->status == RK_OK && verdict->got == RK__GOT_MESSAGE && !want->peek)
        rk__queue_taken(channel, (rk__queue *)place, by);
    return true;
}

/* ---- the getter's side ---- */

static rk_status get_here(rk__channel *channel, rk_ref ref, const rk__want *want, uint64_t deadline_ns,
                          rk__verdict *verdict) {
    if (want->at_once)
        rk__yield(channel->mail);
    rk__place *place = rk__place_find(channel, ref.home, ref.serial);
    *verdict = (rk__verdict){.status = why_absent(channel, ref.home)};
    if (place == NULL || take(channel, place, channel->self, want, verdict))
        return RK_OK;
    if (want->at_once)
        return RK_ETIMEDOUT;
    rk__waiter waiter = {.who = {channel->self, 0}, .verdict = verdict, .want = *want};
    verdict->done = false;
    return rk__waiters_wait(channel->mail, &place->store.getters, &waiter, deadline_ns);
}

static uint64_t pack_want(const rk__want *want, uint32_t home) {
    uint64_t flags = (want->exact ? WANT_EXACT : 0) | (want->peek ? WANT_PEEK : 0) | (want->at_once ? WANT_AT_ONCE : 0);
    return home | flags << 32;
}

static rk__want unpack_want(const rk__letter *letter) {
    uint64_t flags = letter->c >> 32;
    return (rk__want){letter->b, (flags & WANT_EXACT) != 0, (flags & WANT_PEEK) != 0, (flags & WANT_AT_ONCE) != 0};
}

static rk_status get_there(rk__channel *channel, uint32_t seat, rk_ref ref, const rk__want *want, uint64_t deadline_ns,
                           rk__verdict *verdict) {
    rk__letter answer = {0}, question = {.to = seat,
                                         .room = RK__ROOM_CHANNEL,
                                         .op = RK__OP_GET,
                                         .a = ref.serial,
                                         .b = want->capacity,
                                         .c = pack_want(want, ref.home)};
    rk_status status = rk__mail_ask_cancelable(channel->mail, &question, want->at_once ? RK__NEVER : deadline_ns,
                                               RK__OP_GET_CANCEL, &answer, NULL);
    *verdict = (rk__verdict){.status = status, .got = (rk__got)answer.a, .size = answer.b, .bytes = answer.bytes};
    if (status == RK_ETIMEDOUT || status == RK_ECANCELLED ||
        (status == RK_EDEAD && rk__mail_is_dead(channel->mail, seat)))
        return status;
    return RK_OK;
}

rk_status rk__place_get(rk__channel *channel, uint32_t seat, rk_ref ref, const rk__want *want, uint64_t deadline_ns,
                        rk__verdict *verdict) {
    if (seat == channel->self)
        return get_here(channel, ref, want, deadline_ns, verdict);
    return get_there(channel, seat, ref, want, deadline_ns, verdict);
}

/* ---- where it goes ---- */

rk__want rk__sink_want(const rk__sink *sink, uint64_t deadline_ns) {
    return (rk__want){.capacity = sink->bytes != NULL ? UINT64_MAX : sink->capacity,
                      .exact = sink->exact,
                      .at_once = deadline_ns <= rk__clock_ns()};
}

rk_status rk__sink_fill(const rk__sink *sink, rk__verdict *verdict, rk_error *err) {
    if (verdict->got == RK__GOT_OTHER_SIZE)
        return rk__fail(err, RK_EINVAL, "the next message has %llu bytes, not %llu: get it with its size",
                        (unsigned long long)verdict->size, (unsigned long long)sink->capacity);
    if (sink->size != NULL)
        *sink->size = (size_t)verdict->size;
    if (verdict->got == RK__GOT_TOO_LARGE)
        return rk__fail(err, RK_EOVERFLOW, "the next message has %llu bytes, the buffer %llu: make it larger",
                        (unsigned long long)verdict->size, (unsigned long long)sink->capacity);
    if (sink->bytes != NULL) {
        *sink->bytes = verdict->bytes;
        return RK_OK;
    }
    if (verdict->size > 0)
        memcpy(sink->buffer, verdict->bytes, (size_t)verdict->size);
    free(verdict->bytes);
    return RK_OK;
}

/* ---- the place's side ---- */

static void on_get(rk__channel *channel, rk__letter *letter, rk__place *place) {
    rk__waiter asker = {.who = {letter->from, letter->call}, .want = unpack_want(letter)};
    rk__verdict verdict = {.status = why_absent(channel, (uint32_t)letter->c)};
    if (place != NULL && !take(channel, place, letter->from, &asker.want, &verdict)) {
        if (!asker.want.at_once) {
            rk__waiters_add_asker(channel->mail, &place->store.getters, &asker);
            return;
        }
        verdict.status = RK_ETIMEDOUT;
    }
    rk__mail_answer(channel->mail, asker.who, verdict.status, verdict.got, verdict.size, verdict.bytes,
                    verdict.bytes != NULL ? verdict.size : 0, RK__PAYLOAD_TAKE);
}

static void set_ready(rk__channel *channel, uint64_t number) {
    for (rk__watch *watch = channel->watches; watch != NULL; watch = watch->next)
        if (watch->number == number)
            watch->ready = true;
}

static void on_watch(rk__channel *channel, const rk__letter *letter, rk__place *place) {
    rk__watcher *made = NULL;
    if (place != NULL && !rk__store_is_ready(&place->store))
        made = malloc(sizeof *made);
    if (made == NULL) { /* ready, gone, or it will find out by itself */
        rk__channel_send(channel, letter->from, RK__OP_READY, 0, letter->b, 0);
        return;
    }
    *made = (rk__watcher){place->store.watchers, letter->from, letter->b};
    place->store.watchers = made;
}

static void on_unwatch(const rk__letter *letter, rk__place *place) {
    for (rk__watcher **at = place != NULL ? &place->store.watchers : NULL; at != NULL && *at != NULL;
         at = &(*at)->next) {
        rk__watcher *watcher = *at;
        if (watcher->endpoint == letter->from && watcher->number == letter->b) {
            *at = watcher->next;
            free(watcher);
            return;
        }
    }
}

void rk__place_receive(rk__channel *channel, rk__letter *letter) {
    rk__place *place = rk__place_find(channel, (uint32_t)letter->c, letter->a);
    if (letter->op == RK__OP_GET)
        on_get(channel, letter, place);
    else if (letter->op == RK__OP_GET_CANCEL && place != NULL)
        rk__waiters_cancel(channel->mail, &place->store.getters, (rk__question){letter->from, letter->call});
    else if (letter->op == RK__OP_WATCH)
        on_watch(channel, letter, place);
    else if (letter->op == RK__OP_UNWATCH)
        on_unwatch(letter, place);
    else if (letter->op == RK__OP_READY)
        set_ready(channel, letter->b);
}

/* ---- watching ---- */

static uint32_t seat_of(const rk__channel *channel, rk_ref ref) {
    if (ref.kind == RK__KIND_QUEUE)
        return ref.home;
    const rk__view *view = rk__registry_find(&channel->views, ref.home, ref.serial);
    return view != NULL ? view->in_seat : RK__NOBODY;
}

void rk__watches_died(rk__channel *channel, uint32_t endpoint) {
    for (rk__watch *watch = channel->watches; watch != NULL; watch = watch->next)
        if (watch->ref.home == endpoint || seat_of(channel, watch->ref) == endpoint)
            watch->ready = true;
}

rk_status rk__channel_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    rk__channel *channel = rk__mail_room(mail, RK__ROOM_CHANNEL);
    rk__view *view;
    *watch = (rk__watch){.ref = ref, .number = ++channel->last_watch};
    if (ref.kind == RK__KIND_QUEUE)
        RK_TRY(rk__ref_check(mail, ref, RK__KIND_QUEUE, err));
    else
        RK_TRY(rk__view_get_seated(channel, ref, &view, err));
    uint32_t seat = seat_of(channel, ref);
    watch->next = channel->watches;
    channel->watches = watch;
    watch->ready = rk__mail_is_dead(mail, seat);
    if (!watch->ready)
        rk__channel_send(channel, seat, RK__OP_WATCH, ref.serial, watch->number, ref.home);
    return RK_OK;
}

void rk__channel_unwatch(rk__mail *mail, rk__watch *watch) {
    rk__channel *channel = rk__mail_room(mail, RK__ROOM_CHANNEL);
    rk__watch **at = &channel->watches;
    while (*at != NULL && *at != watch)
        at = &(*at)->next;
    if (*at == NULL) /* its watch failed */
        return;
    *at = watch->next;
    uint32_t seat = seat_of(channel, watch->ref);
    if (!watch->ready && seat != RK__NOBODY)
        rk__channel_send(channel, seat, RK__OP_UNWATCH, watch->ref.serial, watch->number, watch->ref.home);
}
