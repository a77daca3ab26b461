#include <stdlib.h>
#include <string.h>

#include "collect/collect_private.h"

rk__collect *rk__collect_room(const rk__mail *mail) {
    return rk__mail_room(mail, RK__ROOM_COLLECT);
}

void rk__collect_send(rk__collect *collect, uint32_t to, rk__letter letter, const char *text) {
    letter.to = to;
    letter.room = RK__ROOM_COLLECT;
    letter.size = text != NULL ? strlen(text) : 0;
    letter.bytes = letter.size > 0 ? (void *)(uintptr_t)text : NULL;
    rk__mail_send(collect->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

static void trouble(rk__collect *collect, const rk__letter *letter) {
    char text[RK_ERROR_TEXT_MAX] = "";
    rk__gathering *gathering = rk__gathering_find(collect, letter->from, letter->call);
    if (gathering == NULL)
        return;
    memcpy(text, letter->size > 0 ? letter->bytes : "", letter->size < sizeof text ? letter->size : sizeof text - 1);
    rk__gathering_trouble(gathering, letter->a, (rk_status)letter->status, (uint32_t)letter->b, text);
}

static void receive(void *ctx, rk__letter *letter) {
    rk__collect *collect = ctx;
    switch ((rk__collect_op)(letter->op & 15)) {
    case RK__COLLECT_START:
        rk__gathering_start(collect, letter);
        break;
    case RK__COLLECT_STOP:
        rk__gathering_stop(collect, letter->from, letter->call);
        break;
    case RK__COLLECT_DATA:
        rk__exchange_data(collect, letter);
        break;
    case RK__COLLECT_ACK:
        rk__exchange_acked(collect, letter);
        break;
    case RK__COLLECT_STUCK:
        rk__everywhere_stuck(collect, letter);
        break;
    case RK__COLLECT_BREAK:
        rk__everywhere_broken(collect, letter);
        break;
    case RK__COLLECT_TROUBLE:
        trouble(collect, letter);
        break;
    case RK__COLLECT_ENDED:
        rk__everywhere_ended(collect, letter);
        break;
    }
}

static void died(void *ctx, uint32_t endpoint) {
    rk__collect *collect = ctx;
    rk__everywhere_died(collect, endpoint);
    rk__gatherings_died(collect, endpoint);
    collect->begun[endpoint] = 0;
}

static void destroy(void *ctx) {
    rk__collect *collect = ctx;
    while (collect->gatherings != NULL)
        rk__gathering_forget(collect->gatherings);
    free(collect->begun);
    free(collect);
}

rk_status rk__collect_attach(rk__mail *mail, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__collect *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "collective calls", err));
    made->mail = mail;
    made->ranks = rk__mail_ranks(mail);
    made->last_number = rk__wall_ns(); /* one that takes up a dead endpoint gives none of its numbers */
    rk_status status =
        rk__alloc((void **)&made->begun, rk__mail_endpoints(mail), sizeof *made->begun, "collective calls", err);
    if (status != RK_OK) {
        free(made);
        return status;
    }
    rk__mail_attach(mail, RK__ROOM_COLLECT, &ops, made);
    return RK_OK;
}
