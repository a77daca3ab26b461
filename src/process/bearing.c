/* Asking a rank for a child, and what may be asked of it. */
#include <stdio.h>
#include <stdlib.h>

#include "process/process_private.h"

rk_status rk__child_start(rk__mail *mail, uint32_t rank, rk__child_ready ready, void *ctx, rk_error *err) {
    rk__room_of_processes *room = rk__process_room(mail);
    rk__bearing *bearing;
    if (rk__mail_is_dead(mail, rank))
        return rk__fail(err, RK_EDEAD, "rank %u, which was to start an isolated process, has died", rank);
    RK_TRY(rk__alloc((void **)&bearing, 1, sizeof *bearing, "a process", err));
    *bearing = (rk__bearing){room->bearings, ++room->last_request, rank, ready, ctx};
    room->bearings = bearing;
    rk__process_send(room, rank, RK__PROCESS_BEAR, bearing->request, 0, 0);
    return RK_OK;
}

static void conclude(rk__room_of_processes *room, rk__bearing *bearing, rk_status status, const rk__child *child,
                     const char *text) {
    rk__bearing **at = &room->bearings;
    while (*at != bearing)
        at = &(*at)->next;
    *at = bearing->next;
    bearing->ready(bearing->ctx, status, child, text);
    free(bearing);
}

void rk__bearing_born(rk__room_of_processes *room, const rk__letter *letter) {
    rk__bearing *bearing = room->bearings;
    rk__child child = {(uint32_t)letter->b, letter->c};
    char text[RK_ERROR_TEXT_MAX];
    while (bearing != NULL && bearing->request != letter->a)
        bearing = bearing->next;
    if (bearing == NULL)
        return;
    snprintf(text, sizeof text, "%.*s", (int)letter->size, letter->size > 0 ? (const char *)letter->bytes : "");
    conclude(room, bearing, (rk_status)letter->status, &child, text);
}

void rk__bearing_died(rk__room_of_processes *room, uint32_t endpoint) {
    for (rk__bearing *bearing = room->bearings, *next; bearing != NULL; bearing = next) {
        char text[100];
        next = bearing->next;
        snprintf(text, sizeof text, "rank %u, which was to start an isolated process, has died", endpoint);
        if (bearing->rank == endpoint)
            conclude(room, bearing, RK_EDEAD, NULL, text);
    }
}

void rk__bearing_fini(rk__room_of_processes *room) {
    while (room->bearings != NULL) {
        rk__bearing *bearing = room->bearings;
        room->bearings = bearing->next;
        free(bearing);
    }
}

void rk__child_end(rk__mail *mail, const rk__child *child) {
    rk__process_send(rk__process_room(mail), child->endpoint, RK__PROCESS_LEAVE, 0, child->birth, 0);
}

void rk__child_signal(rk__mail *mail, const rk__child *child, int signal_number) {
    rk__process_send(rk__process_room(mail), rk__mail_rank_of(mail, child->endpoint), RK__PROCESS_SIGNAL_CHILD,
                     child->endpoint, child->birth, (uint64_t)signal_number);
}
