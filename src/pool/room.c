/* The room: letters to whom they are for, deaths, beginning and end. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

/* ---- entering ---- */

rk__pools *rk__pools_enter(rk_error *err) {
    rk__mail *mail = rk__enter(err);
    return mail != NULL ? rk__mail_room(mail, RK__ROOM_POOL) : NULL;
}

void rk__pools_leave(rk__pools *room) {
    rk__leave(room->mail);
}

static const rk__slots *slots_of(const rk__pools *room, rk__kind kind) {
    return kind == RK__KIND_POOL     ? &room->pools
           : kind == RK__KIND_FUTURE ? &room->futures
           : kind == RK__KIND_IMAP   ? &room->imaps
                                     : &room->completeds;
}

static bool is_gone(const void *found, rk__kind kind) {
    return found == NULL || (kind == RK__KIND_POOL && ((const rk__pool *)found)->forgotten) ||
           (kind == RK__KIND_FUTURE && ((const rk__future *)found)->forgotten);
}

static const rk__pool *pool_of(const void *item, rk__kind kind) {
    return kind == RK__KIND_POOL ? item : kind == RK__KIND_FUTURE ? ((const rk__future *)item)->pool : NULL;
}

rk_status rk__pools_find(rk__pools *room, rk_ref ref, rk__kind kind, void **found, rk_error *err) {
    RK_TRY(rk__ref_check(room->mail, ref, kind, err));
    if (ref.home != room->endpoint)
        return rk__fail(err, RK_EPERM, "this %s belongs to process %u, which made it: it is used there only",
                        rk__kind_text(kind), ref.home);
    void *item = rk__slots_find(slots_of(room, kind), ref.serial);
    if (is_gone(item, kind))
        return rk__fail(err, RK_ENOENT, "this %s was destroyed", rk__kind_text(kind));
    RK_TRY(rk__worker_may_use(room, pool_of(item, kind), err));
    *found = item;
    return RK_OK;
}

rk_ref rk__pools_ref(const rk__pools *room, uint64_t serial, rk__kind kind) {
    return (rk_ref){.serial = serial, .home = room->endpoint, .kind = kind};
}

void rk__pools_post(rk__pools *room, uint32_t to, rk__letter *letter) {
    letter->to = to;
    letter->room = RK__ROOM_POOL;
    rk__mail_send(room->mail, letter, RK__PAYLOAD_COPY, NULL);
}

/* ---- letters ---- */

static void receive_outcome(rk__pools *room, rk__letter *letter) {
    rk__news news = {
        .status = (rk_status)letter->status, .size = letter->size, .holder = RK__NOBODY, .run_ns = letter->a};
    if (news.status != RK_OK) {
        news.cancelled = letter->b != 0;
        news.failed_at = letter->c;
    } else if (letter->b != 0) {
        news.holder = letter->from;
        news.value = letter->b;
        news.size = letter->c;
    }
    if (letter->size > 0 && (news.bytes = rk__letter_take(letter)) == NULL) {
        news.status = RK_ENOMEM;
        news.size = 0;
    }
    rk__owner_outcome(room, letter->call, &news);
}

static void receive_withdraw(rk__pools *room, const rk__letter *letter) {
    rk__worker *worker = rk__worker_meant(room, letter);
    bool done = worker != NULL && rk__job_withdraw(worker, letter->a);
    rk__mail_answer(room->mail, (rk__question){letter->from, letter->call}, RK_OK, done, 0, NULL, 0, RK__PAYLOAD_COPY);
}

static void receive_recall(rk__pools *room, const rk__letter *letter) {
    rk__worker *worker = rk__worker_meant(room, letter);
    rk__letter answer = {.op = RK__POOL_RECALLED, .call = letter->call};
    if (worker != NULL)
        rk__jobs_give_back(worker);
    rk__pools_post(room, letter->from, &answer);
}

static void receive_stop(rk__pools *room, const rk__letter *letter) {
    rk__worker *worker = rk__worker_meant(room, letter);
    if (worker != NULL)
        rk__worker_stop(worker, (rk__how_to_stop)letter->a);
}

static void receive(void *ctx, rk__letter *letter) {
    rk__pools *room = ctx;
    switch ((rk__pool_op)letter->op) {
    case RK__POOL_START:
        rk__worker_start(room, letter);
        break;
    case RK__POOL_STARTED:
        rk__owner_started(room, letter);
        break;
    case RK__POOL_INITIALIZED:
        rk__isolated_initialized(room, letter->call);
        break;
    case RK__POOL_BROKEN:
        rk__owner_broken(room, letter);
        break;
    case RK__POOL_TASK:
    case RK__POOL_TASK_WITH:
    case RK__POOL_CHUNK:
        rk__job_receive(room, letter);
        break;
    case RK__POOL_OUTCOME:
        receive_outcome(room, letter);
        break;
    case RK__POOL_RECALL:
        receive_recall(room, letter);
        break;
    case RK__POOL_RETURNED:
        rk__owner_returned(room, letter->call);
        break;
    case RK__POOL_RECALLED:
        rk__owner_recalled(room, letter->call);
        break;
    case RK__POOL_WITHDRAW:
        receive_withdraw(room, letter);
        break;
    case RK__POOL_STOP:
        receive_stop(room, letter);
        break;
    case RK__POOL_ENDED:
        rk__owner_ended(room, letter->call);
        break;
    case RK__POOL_FETCH:
        rk__value_fetch(room, letter);
        break;
    case RK__POOL_FETCH_ENDS:
        break;
    case RK__POOL_DROP:
        rk__value_drop(room, letter->a);
        break;
    }
}

static void died(void *ctx, uint32_t endpoint) {
    rk__pools *room = ctx;
    rk__owner_died(room, endpoint);
    rk__worker_died(room, endpoint);
    rk__value_owner_died(room, endpoint);
}

/* ---- beginning and end ---- */

/* What the user did not destroy; nobody runs any more. */
static void free_futures(rk__pools *room) {
    for (uint32_t i = 0; i < room->futures.used; i++) {
        rk__future *future = rk__slots_at(&room->futures, i);
        if (future != NULL)
            rk__future_free(room, future);
    }
    while (room->due != NULL) {
        rk__callback *next = room->due->next;
        free(room->due);
        room->due = next;
    }
}

static void free_rest(rk__pools *room) {
    for (uint32_t i = 0; i < room->imaps.used; i++)
        if (rk__slots_at(&room->imaps, i) != NULL)
            rk__imap_free(room, rk__slots_at(&room->imaps, i));
    for (uint32_t i = 0; i < room->completeds.used; i++)
        if (rk__slots_at(&room->completeds, i) != NULL)
            rk__completed_free(room, rk__slots_at(&room->completeds, i));
    while (room->all != NULL)
        rk__pool_free(room->all);
    free_futures(room);
    for (uint32_t i = 0; i < room->workers.used; i++)
        if (rk__slots_at(&room->workers, i) != NULL)
            rk__worker_free(rk__slots_at(&room->workers, i));
    for (uint32_t i = 0; i < room->values.used; i++)
        if (rk__slots_at(&room->values, i) != NULL)
            rk__value_free(rk__slots_at(&room->values, i));
}

static void destroy(void *ctx) {
    rk__pools *room = ctx;
    free_rest(room);
    rk__slots_fini(&room->pools);
    rk__slots_fini(&room->futures);
    rk__slots_fini(&room->flights);
    rk__slots_fini(&room->hands);
    rk__slots_fini(&room->imaps);
    rk__slots_fini(&room->completeds);
    rk__slots_fini(&room->workers);
    rk__slots_fini(&room->values);
    free(room);
}

rk_status rk__pool_attach(rk__mail *mail, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__pools *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "the room of pools", err));
    made->mail = mail;
    made->endpoint = rk__mail_endpoint(mail);
    rk__mail_attach(mail, RK__ROOM_POOL, &ops, made);
    return RK_OK;
}
