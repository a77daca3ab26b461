#include <stdlib.h>

#include "sync/sync_private.h"

/* ---- a step ---- */

typedef struct standing {
    const rk__sync_machine *machine;
    uint32_t party;
} standing;

static bool is_done(void *ctx) {
    const standing *self = ctx;
    return rk__sync_is_done(self->machine, self->party);
}

/* What is given up may have been granted meanwhile: then it is taken. */
static rk_status stand(rk__sync_room *room, const rk__sync_request *request, uint64_t deadline_ns, uint64_t *value) {
    standing self = {&room->machine, request->party};
    rk_status why = rk__wait(room->mail, is_done, &self, deadline_ns);
    if (why != RK_OK) {
        rk__sync_request cancel = *request;
        rk__sync_reply reply;
        cancel.op = RK__SYNC_CANCEL;
        rk__sync_step(&room->machine, &cancel, &reply);
    }
    rk_status status = rk__sync_take(&room->machine, request->party, value);
    return status == RK_ETIMEDOUT ? why : status;
}

static rk_status step_here(rk__sync_room *room, const rk__sync_request *request, uint64_t deadline_ns,
                           rk__sync_reply *reply) {
    rk__sync_step(&room->machine, request, reply);
    return reply->pending ? stand(room, request, deadline_ns, &reply->value) : reply->status;
}

static rk_status step_by_letter(rk__sync_room *room, uint32_t home, const rk__sync_request *request,
                                uint64_t deadline_ns, rk__sync_reply *reply) {
    rk__letter answer, letter = {.to = home,
                                 .room = RK__ROOM_SYNC,
                                 .op = (uint16_t)request->op,
                                 .a = request->serial,
                                 .b = request->value,
                                 .c = request->party | (uint64_t)request->kind << 32 | (uint64_t)request->flags << 40};
    room->wrote_to[home] |= request->op == RK__SYNC_ARRIVE;
    RK_TRY(rk__mail_ask_cancelable(room->mail, &letter, deadline_ns, RK__SYNC_CANCEL, &answer, NULL));
    *reply = (rk__sync_reply){RK_OK, false, answer.a, answer.b};
    return RK_OK;
}

rk_status rk__sync_call(rk__mail *mail, rk_ref ref, const rk__sync_request *step, uint64_t deadline_ns,
                        rk__sync_reply *reply) {
    rk__sync_room *room = rk__sync_room_of(mail);
    rk__sync_request request = *step;
    request.kind = ref.kind;
    request.serial = ref.serial;
    request.party = rk__mail_party(mail);
    if (rk__mail_on_my_node(mail, ref.home) && !room->pretend_remote)
        return step_here(room, &request, deadline_ns, reply);
    return step_by_letter(room, ref.home, &request, deadline_ns, reply);
}

/* ---- what the public functions are made of ---- */

static rk_status not_permitted(const char *what, uint32_t kind, rk__sync_op op, rk_error *err) {
    if (op == RK__SYNC_RELEASE)
        return rk__fail(err, RK_EPERM, "this %s is not the caller's to release: %s", what,
                        kind == RK__KIND_LOCK ? "nobody holds it" : "acquire it first");
    if (op == RK__SYNC_DESTROY)
        return rk__fail(err, RK_EPERM, "conditions were made for this %s: destroy them first", what);
    return rk__fail(err, RK_EPERM, "the caller does not hold the lock of this %s: acquire it first", what);
}

static rk_status is_broken(const char *what, uint32_t kind, rk_error *err) {
    if (kind == RK__KIND_BARRIER)
        return rk__fail(err, RK_EBROKEN,
                        "this barrier is broken: a party gave up or died, or it was aborted or reset; rk_barrier_reset "
                        "makes it usable again");
    return rk__fail(err, RK_EBROKEN,
                    "this %s is broken, a process died that held it: look after what it protected, and create another",
                    what);
}

rk_status rk__sync_fail(rk_ref ref, rk__sync_op op, rk_status status, rk_error *err) {
    const char *what = rk__kind_text(ref.kind);
    switch (status) {
    case RK_OK:
        return RK_OK;
    case RK_ETIMEDOUT:
        return rk__fail(err, status, "waiting for this %s took longer than it may", what);
    case RK_ECANCELLED:
        return rk__fail(err, status, "told to end while it waited for this %s", what);
    case RK_EBROKEN:
        return is_broken(what, ref.kind, err);
    case RK_EPERM:
        return not_permitted(what, ref.kind, op, err);
    case RK_ENOENT:
        return rk__fail(err, status, "this %s has been destroyed", what);
    case RK_EDEAD:
        return rk__fail(err, status, "process %u, where this %s lived, has died", ref.home, what);
    case RK_EINVAL:
        return rk__fail(err, status, "this %s was released more often than it had been acquired, or 0 times", what);
    case RK_EOVERFLOW:
        return rk__fail(err, status, "this %s can't count that far", what);
    default:
        return rk__fail(err, status, "%s: %s", what, rk_status_text(status));
    }
}

static bool can_wait(rk__sync_op op) {
    return op == RK__SYNC_ACQUIRE || op == RK__SYNC_WAIT;
}

static rk_status call_and_explain(rk__mail *mail, rk_ref ref, const rk__sync_request *step, uint64_t deadline_ns,
                                  rk__sync_reply *reply, rk_error *err) {
    rk_status status = rk__sync_call(mail, ref, step, deadline_ns, reply);
    if ((step->flags & RK__SYNC_TRY && status == RK_ETIMEDOUT) || step->op == RK__SYNC_LOOK)
        rk__yield(mail); /* who asks again and again lets the other strands run */
    return rk__sync_fail(ref, step->op, status, err);
}

rk_status rk__sync_do(rk_ref ref, rk__kind kind, rk__sync_op op, uint64_t value, double timeout_seconds,
                      rk__sync_reply *reply, rk_error *err) {
    rk__sync_reply unused;
    bool look_only = can_wait(op) && !(timeout_seconds > 0);
    rk__sync_request step = {.op = op, .value = value, .flags = look_only ? RK__SYNC_TRY : 0};
    uint64_t deadline_ns = look_only ? RK__NEVER : rk__deadline(timeout_seconds);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = rk__ref_check(mail, ref, kind, err);
    if (status == RK_OK)
        status = call_and_explain(mail, ref, &step, deadline_ns, reply != NULL ? reply : &unused, err);
    rk__leave(mail);
    return status;
}

static rk_status check_lock(rk__mail *mail, const rk_ref *lock, rk_error *err) {
    RK_TRY(rk__ref_check(mail, *lock, (rk__kind)lock->kind, err));
    if (lock->home == rk__mail_endpoint(mail))
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "this %s lives in process %u: create the condition there too",
                    rk__kind_text(lock->kind), lock->home);
}

rk_status rk__sync_create(rk__kind kind, uint64_t value, uint64_t limit, const rk_ref *lock, rk_ref *ref,
                          rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    uint64_t serial;
    rk_status status = lock != NULL ? check_lock(mail, lock, err) : RK_OK;
    if (status == RK_OK)
        status = rk__sync_make(&rk__sync_room_of(mail)->machine, kind, value, limit, lock != NULL ? lock->serial : 0,
                               &serial, err);
    if (status == RK_OK)
        *ref = (rk_ref){serial, rk__mail_endpoint(mail), (uint32_t)kind};
    rk__leave(mail);
    return status;
}

/* ---- letters ---- */

static void receive(void *ctx, rk__letter *letter) {
    rk__sync_room *room = ctx;
    if (rk__mail_is_dead(room->mail, letter->from))
        return; /* what it had has been cleaned up: nothing of its may come after */
    if (letter->op == RK__SYNC_LETTER_LEFT) {
        rk__sync_left(&room->machine, letter->from, rk__mail_endpoint(room->mail));
        return;
    }
    if (rk__sync_watch_receive(room, letter))
        return;
    rk__sync_request request = {.op = (rk__sync_op)letter->op,
                                .kind = (uint32_t)(letter->c >> 32 & 0xff),
                                .serial = letter->a,
                                .party = (uint32_t)letter->c,
                                .flags = (uint32_t)(letter->c >> 40),
                                .value = letter->b,
                                .call = letter->call};
    rk__sync_reply reply;
    rk__sync_step(&room->machine, &request, &reply);
    rk__question question = {letter->from, letter->call};
    if (!reply.pending && request.op != RK__SYNC_CANCEL)
        rk__mail_answer(room->mail, question, reply.status, reply.value, reply.more, NULL, 0, RK__PAYLOAD_COPY);
}

static void tell(void *ctx, const rk__sync_news *news) {
    rk__sync_room *room = ctx;
    if (news->party == RK__NOBODY) {
        rk__sync_watch_changed(room, news->home, news->value);
        return;
    }
    uint32_t endpoint = rk__party_endpoint(news->party);
    rk__question question = {endpoint, news->call};
    if (news->call == 0)
        rk__mail_ring(room->mail, endpoint);
    else
        rk__mail_answer(room->mail, question, news->status, news->value, 0, NULL, 0, RK__PAYLOAD_COPY);
}

/* ---- deaths ---- */

static bool is_gone(void *ctx, uint32_t endpoint, uint32_t birth) {
    return rk__mail_is_gone(((rk__sync_room *)ctx)->mail, endpoint, birth);
}

/* A child's endpoint may be taken by another one soon: its rank, which knows when, cleans up after it, unless it died
 * with it. */
static bool is_anothers_affair(const rk__mail *mail, uint32_t endpoint) {
    uint32_t rank = rk__mail_rank_of(mail, endpoint);
    return endpoint != rank && rank != rk__mail_endpoint(mail) && !rk__mail_is_dead(mail, rank);
}

/* Its children that we have buried were its affair, and it may not have come to it. */
static void inherit(rk__sync_room *room, uint32_t rank) {
    uint32_t ranks = rk__mail_ranks(room->mail);
    for (uint32_t child = rank + ranks; rank < ranks && child < rk__mail_endpoints(room->mail); child += ranks)
        if (rk__mail_is_dead(room->mail, child))
            rk__sync_died(&room->machine, child, true);
}

static void died(void *ctx, uint32_t endpoint) {
    rk__sync_room *room = ctx;
    bool neighbour = rk__mail_on_my_node(room->mail, endpoint);
    if (!neighbour || !is_anothers_affair(room->mail, endpoint))
        rk__sync_died(&room->machine, endpoint, neighbour);
    else
        rk__sync_tell_again(&room->machine, endpoint);
    if (neighbour)
        inherit(room, endpoint);
    rk__sync_watch_died(room, endpoint);
}

/* ---- making it ---- */

static void leave_barriers(rk__sync_room *room) {
    rk__sync_left(&room->machine, room->machine.me, RK__NOBODY);
    for (uint32_t home = 0; home < room->machine.endpoints; home++) {
        rk__letter letter = {.to = home, .room = RK__ROOM_SYNC, .op = RK__SYNC_LETTER_LEFT};
        if (room->wrote_to[home] && home != room->machine.me)
            rk__mail_send(room->mail, &letter, RK__PAYLOAD_COPY, NULL);
    }
}

static void destroy(void *ctx) {
    rk__sync_room *room = ctx;
    leave_barriers(room);
    rk__sync_watch_fini(room);
    free(room->wrote_to);
    free(room);
}

rk_status rk__sync_attach(rk__mail *mail, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__sync_room *room;
    if (rk__mail_endpoints(mail) > RK__SYNC_ENDPOINTS_MAX)
        return rk__fail(err, RK_EUNSUPPORTED, "%u ranks and children: locks tell %d apart", rk__mail_endpoints(mail),
                        RK__SYNC_ENDPOINTS_MAX);
    RK_TRY(rk__alloc((void **)&room, 1, sizeof *room, "synchronisation", err));
    rk_status status =
        rk__alloc((void **)&room->wrote_to, rk__mail_endpoints(mail), sizeof *room->wrote_to, "endpoints", err);
    if (status != RK_OK) {
        free(room);
        return status;
    }
    room->mail = mail;
    room->machine = (rk__sync_machine){.area = rk__mail_area(mail, RK__ROOM_SYNC),
                                       .me = rk__mail_endpoint(mail),
                                       .endpoints = rk__mail_endpoints(mail),
                                       .birth = (uint32_t)rk__mail_birth(mail),
                                       .is_gone = is_gone,
                                       .tell = tell,
                                       .ctx = room};
    rk__mail_attach(mail, RK__ROOM_SYNC, &ops, room);
    return RK_OK;
}

void rk__sync_pretend_remote(rk__mail *mail, bool remote) {
    rk__sync_room_of(mail)->pretend_remote = remote;
}
