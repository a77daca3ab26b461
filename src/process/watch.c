/* Who waits for the end of a process: the home keeps watchers of each, the one who waits its watches. */
#include <stdlib.h>

#include "process/process_private.h"

/* ---- the home ---- */

/* A main process ends with its endpoint. */
static rk_status add(rk__room_of_processes *room, uint64_t serial, uint32_t from, uint64_t number, bool *over,
                     rk_error *err) {
    rk__process *process = rk__home_find(room, serial);
    rk__watcher *watcher;
    *over = process != NULL && process->phase == RK__PROCESS_OVER;
    if (*over || (process == NULL && serial == RK__MAIN_SERIAL))
        return RK_OK;
    if (process == NULL)
        return rk__fail(err, RK_ENOENT, "this process has been closed");
    RK_TRY(rk__alloc((void **)&watcher, 1, sizeof *watcher, "waiting for a process", err));
    *watcher = (rk__watcher){process->watchers, from, number};
    process->watchers = watcher;
    return RK_OK;
}

void rk__watch_begin(rk__room_of_processes *room, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk_error err = RK_ERROR_INIT;
    bool over;
    if (add(room, letter->a, letter->from, letter->b, &over, &err) != RK_OK)
        rk__mail_refuse(room->mail, question, err.code, "%s", err.message);
    else
        rk__mail_answer(room->mail, question, RK_OK, over, 0, NULL, 0, RK__PAYLOAD_COPY);
}

void rk__watch_end(rk__room_of_processes *room, const rk__letter *letter) {
    rk__process *process = rk__home_find(room, letter->a);
    rk__watcher **at = process != NULL ? &process->watchers : NULL;
    while (at != NULL && *at != NULL && ((*at)->number != letter->b || (*at)->from != letter->from))
        at = &(*at)->next;
    if (at == NULL || *at == NULL)
        return;
    rk__watcher *watcher = *at;
    *at = watcher->next;
    free(watcher);
}

void rk__watch_tell(rk__process *process) {
    while (process->watchers != NULL) {
        rk__watcher *watcher = process->watchers;
        process->watchers = watcher->next;
        rk__process_send(process->room, watcher->from, RK__PROCESS_READY, 0, watcher->number, 0);
        free(watcher);
    }
}

static void drop_watchers(rk__process *process, uint32_t endpoint) {
    rk__watcher **at = &process->watchers;
    while (*at != NULL) {
        rk__watcher *watcher = *at;
        if (watcher->from != endpoint) {
            at = &watcher->next;
            continue;
        }
        *at = watcher->next;
        free(watcher);
    }
}

/* ---- who waits ---- */

static void link_watch(rk__room_of_processes *room, rk__watch *watch) {
    watch->next = room->watches;
    room->watches = watch;
}

static rk_status ask_home(rk__mail *mail, rk__watch *watch, rk_error *err) {
    rk__letter answer, question = {.to = watch->ref.home,
                                   .room = RK__ROOM_PROCESS,
                                   .op = RK__PROCESS_WATCH,
                                   .a = watch->ref.serial,
                                   .b = watch->number};
    RK_TRY(rk__mail_ask(mail, &question, RK__NEVER, &answer, err));
    watch->ready |= answer.a != 0;
    return RK_OK;
}

rk_status rk__process_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    rk__room_of_processes *room = rk__process_room(mail);
    *watch = (rk__watch){.ref = ref};
    RK_TRY(rk__ref_check(mail, ref, RK__KIND_PROCESS, err));
    watch->number = ++room->last_watch;
    if (ref.home == rk__mail_endpoint(mail)) {
        RK_TRY(add(room, ref.serial, ref.home, watch->number, &watch->ready, err));
        link_watch(room, watch);
        return RK_OK;
    }
    link_watch(room, watch); /* before the home can say that it is ready */
    rk_status status = ask_home(mail, watch, err);
    if (status != RK_OK)
        rk__process_unwatch(mail, watch);
    return status;
}

void rk__process_unwatch(rk__mail *mail, rk__watch *watch) {
    rk__room_of_processes *room = rk__process_room(mail);
    rk__watch **at = &room->watches;
    while (*at != NULL && *at != watch)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = watch->next;
    if (!watch->ready)
        rk__process_send(room, watch->ref.home, RK__PROCESS_UNWATCH, watch->ref.serial, watch->number, 0);
}

void rk__watch_ready(rk__room_of_processes *room, const rk__letter *letter) {
    for (rk__watch *watch = room->watches; watch != NULL; watch = watch->next)
        if (watch->number == letter->b)
            watch->ready = true;
}

void rk__watch_died(rk__room_of_processes *room, uint32_t endpoint) {
    for (rk__watch *watch = room->watches; watch != NULL; watch = watch->next)
        if (watch->ref.home == endpoint)
            watch->ready = true;
    for (rk__process *process = room->processes; process != NULL; process = process->next)
        drop_watchers(process, endpoint);
}
