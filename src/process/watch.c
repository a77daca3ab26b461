/* Who waits for the end of a process: the home keeps watchers of each, the one who waits its watches. */
#include <stdlib.h>

#include "process/process_private.h"

/* ---- the home ---- */

void rk__watch_begin(rk__room_of_processes *room, const rk__letter *letter) {
    rk__process *process = rk__home_find(room, letter->a);
    if (process == NULL && letter->a == RK__MAIN_SERIAL) /* it ends with its endpoint */
        return;
    rk__watcher *watcher = process != NULL && process->phase != RK__PROCESS_OVER ? malloc(sizeof *watcher) : NULL;
    if (watcher == NULL) {
        rk__process_send(room, letter->from, RK__PROCESS_READY, 0, letter->b, 0);
        return;
    }
    *watcher = (rk__watcher){process->watchers, letter->from, letter->b};
    process->watchers = watcher;
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

rk_status rk__process_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    rk__room_of_processes *room = rk__process_room(mail);
    *watch = (rk__watch){.ref = ref};
    RK_TRY(rk__ref_check(mail, ref, RK__KIND_PROCESS, err));
    watch->number = ++room->last_watch;
    watch->next = room->watches;
    room->watches = watch;
    rk__process_send(room, ref.home, RK__PROCESS_WATCH, ref.serial, watch->number, 0);
    return RK_OK;
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
