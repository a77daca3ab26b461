/* Watching. The home keeps who watches what; an object that is watched says so to whoever makes it ready, who tells the
 * home. If that one died before it did, the home looks again. */
#include <stdlib.h>

#include "sync/sync_private.h"

static void send(rk__sync_room *room, uint32_t to, uint16_t op, uint64_t serial, uint64_t number, uint64_t party) {
    rk__letter letter = {.to = to, .room = RK__ROOM_SYNC, .op = op, .a = serial, .b = number, .c = party};
    rk__mail_send(room->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

void rk__sync_watch_changed(rk__sync_room *room, uint32_t home, uint64_t serial) {
    send(room, home, RK__SYNC_LETTER_CHANGED, serial, 0, 0);
}

/* ---- at the home ---- */

static void forget(rk__sync_watcher **at) {
    rk__sync_watcher *gone = *at;
    *at = gone->next;
    free(gone);
}

static void watch(rk__sync_room *room, const rk__letter *letter) {
    if (rk__sync_ready(&room->machine, letter->a, (uint32_t)letter->c, true)) {
        send(room, letter->from, RK__SYNC_LETTER_NOTICE, 0, letter->b, 0);
        return;
    }
    rk__sync_watcher *made = malloc(sizeof *made);
    if (made == NULL) { /* rather told for nothing than never */
        send(room, letter->from, RK__SYNC_LETTER_NOTICE, 0, letter->b, 0);
        return;
    }
    *made = (rk__sync_watcher){room->watchers, letter->a, letter->b, letter->from, (uint32_t)letter->c};
    room->watchers = made;
}

static void unwatch(rk__sync_room *room, const rk__letter *letter) {
    rk__sync_watcher **at = &room->watchers;
    while (*at != NULL && ((*at)->endpoint != letter->from || (*at)->number != letter->b))
        at = &(*at)->next;
    if (*at != NULL)
        forget(at);
}

/* serial 0: all objects. */
static void look_again(rk__sync_room *room, uint64_t serial) {
    for (rk__sync_watcher **at = &room->watchers; *at != NULL;) {
        rk__sync_watcher *one = *at;
        if ((serial == 0 || one->serial == serial) && rk__sync_ready(&room->machine, one->serial, one->party, true)) {
            send(room, one->endpoint, RK__SYNC_LETTER_NOTICE, 0, one->number, 0);
            forget(at);
        } else {
            at = &one->next;
        }
    }
}

/* ---- at the watcher ---- */

static void notice(rk__sync_room *room, uint64_t number) {
    for (rk__watch *watch = room->watches; watch != NULL; watch = watch->next)
        watch->ready |= watch->number == number;
}

rk_status rk__sync_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    rk__sync_room *room = rk__sync_room_of(mail);
    RK_TRY(rk__ref_check(mail, ref, (rk__kind)ref.kind, err));
    if (ref.kind != RK__KIND_LOCK && ref.kind != RK__KIND_RLOCK && ref.kind != RK__KIND_SEMAPHORE &&
        ref.kind != RK__KIND_EVENT)
        return rk__fail(err, RK_EINVAL, "a %s can't be waited for together with other objects",
                        rk__kind_text(ref.kind));
    uint32_t party = rk__mail_party(mail);
    *watch = (rk__watch){room->watches, ref, ++room->last_watch, false};
    room->watches = watch;
    if (rk__mail_on_my_node(mail, ref.home) && !room->pretend_remote)
        watch->ready = rk__sync_ready(&room->machine, ref.serial, party, false);
    if (!watch->ready)
        send(room, ref.home, RK__SYNC_LETTER_WATCH, ref.serial, watch->number, party);
    return RK_OK;
}

void rk__sync_unwatch(rk__mail *mail, rk__watch *watch) {
    rk__sync_room *room = rk__sync_room_of(mail);
    rk__watch **at = &room->watches;
    while (*at != watch)
        at = &(*at)->next;
    *at = watch->next;
    if (!watch->ready)
        send(room, watch->ref.home, RK__SYNC_LETTER_UNWATCH, watch->ref.serial, watch->number, 0);
}

/* ---- for both ---- */

bool rk__sync_watch_receive(rk__sync_room *room, const rk__letter *letter) {
    switch (letter->op) {
    case RK__SYNC_LETTER_WATCH:
        watch(room, letter);
        return true;
    case RK__SYNC_LETTER_UNWATCH:
        unwatch(room, letter);
        return true;
    case RK__SYNC_LETTER_CHANGED:
        look_again(room, letter->a);
        return true;
    case RK__SYNC_LETTER_NOTICE:
        notice(room, letter->b);
        return true;
    default:
        return false;
    }
}

void rk__sync_watch_died(rk__sync_room *room, uint32_t endpoint) {
    for (rk__sync_watcher **at = &room->watchers; *at != NULL;)
        if ((*at)->endpoint == endpoint)
            forget(at);
        else
            at = &(*at)->next;
    for (rk__watch *watch = room->watches; watch != NULL; watch = watch->next)
        watch->ready |= watch->ref.home == endpoint;
    look_again(room, 0);
}

void rk__sync_watch_fini(rk__sync_room *room) {
    while (room->watchers != NULL)
        forget(&room->watchers);
}
