/* The room's beginning and end, its letters and deaths, and what is the same for all kinds of objects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shared/shared_private.h"

rk__shared *rk__shared_of(const rk__mail *mail) {
    return rk__mail_room(mail, RK__ROOM_SHARED);
}

bool rk__shared_is_near(const rk__shared *shared, uint32_t home) {
    return !shared->pretend_remote && rk__mail_on_my_node(shared->mail, home);
}

void rk__shared_pretend_remote(rk__mail *mail, bool pretend) {
    rk__shared_of(mail)->pretend_remote = pretend;
}

/* ---- for all kinds ---- */

rk_status rk__shared_enter(rk_ref ref, rk__kind kind, rk__intent intent, rk__shared **shared, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    if (intent == RK__LOOK)
        rk__yield(mail);
    rk_status status = rk__ref_check(mail, ref, kind, err);
    if (status == RK_OK)
        *shared = rk__shared_of(mail);
    else
        rk__leave(mail);
    return status;
}

rk_status rk__shared_leave(rk__shared *shared, rk_status status) {
    rk__leave(shared->mail);
    return status;
}

static rk__letter letter_to_home(rk_ref ref, rk__shared_op op) {
    return (rk__letter){.to = ref.home, .room = RK__ROOM_SHARED, .op = op, .a = ref.serial, .b = ref.kind};
}

rk_status rk__shared_describe(rk__shared *shared, rk_ref ref, uint64_t *count, uint32_t *type, rk_error *err) {
    rk__letter answer, letter = letter_to_home(ref, RK__SHARED_DESCRIBE);
    rk__facts facts;
    if (rk__shared_is_near(shared, ref.home)) {
        RK_TRY(rk__slot_find(shared, ref, &facts, err));
        *count = facts.count;
        *type = facts.type;
        return RK_OK;
    }
    RK_TRY(rk__mail_ask(shared->mail, &letter, RK__NEVER, &answer, err));
    *count = answer.a;
    *type = (uint32_t)answer.b;
    return RK_OK;
}

static rk_status destroy_here(rk__shared *shared, rk_ref ref, rk_error *err) {
    rk__facts facts;
    RK_TRY(rk__slot_find(shared, ref, &facts, err));
    if (rk__slot_release(shared, ref))
        return RK_OK;
    return rk__fail(err, RK_ENOENT, "this %s is no more: it was destroyed", rk__kind_text(ref.kind));
}

rk_status rk__shared_destroy(rk__shared *shared, rk_ref ref, rk_error *err) {
    rk__letter letter = letter_to_home(ref, RK__SHARED_DESTROY);
    if (rk__shared_is_near(shared, ref.home))
        return destroy_here(shared, ref, err);
    return rk__mail_ask(shared->mail, &letter, RK__NEVER, NULL, err);
}

rk_status rk__shared_pointer(rk__shared *shared, rk_ref ref, void **p, rk_error *err) {
    rk__facts facts;
    rk__mapping *mapping;
    if (!rk__shared_is_near(shared, ref.home))
        return rk__fail(
            err, RK_EUNSUPPORTED,
            "this %s lives on the node of rank %u: there is no pointer to it here; get and put what you need",
            rk__kind_text(ref.kind), rk__mail_rank_of(shared->mail, ref.home));
    RK_TRY(rk__slot_find(shared, ref, &facts, err));
    if (facts.bytes == 0) {
        *p = NULL;
        return RK_OK;
    }
    RK_TRY(rk__segment_map(shared, &facts, &mapping, err));
    mapping->pointed = true;
    *p = mapping->bytes;
    return RK_OK;
}

rk_status rk__shared_make(rk__shared *shared, const rk__making *making, rk_ref *ref, unsigned char **memory,
                          rk_error *err) {
    rk_ref made;
    *memory = NULL;
    RK_TRY(rk__slot_claim(shared, making->kind, &made, err));
    rk_status status = making->bytes == 0 ? RK_OK : rk__segment_make(shared, made.serial, making->bytes, memory, err);
    if (status == RK_OK)
        *ref = made;
    else
        rk__slot_release(shared, made);
    return status;
}

/* ---- letters ---- */

static void answer_describe(rk__shared *shared, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk_ref ref = {letter->a, rk__mail_endpoint(shared->mail), (uint32_t)letter->b};
    rk_error err = RK_ERROR_INIT;
    rk__facts facts;
    rk_status status = rk__slot_find(shared, ref, &facts, &err);
    if (status == RK_OK)
        rk__mail_answer(shared->mail, question, RK_OK, facts.count, facts.type, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__mail_refuse(shared->mail, question, status, "%s", err.message);
}

static void answer_destroy(rk__shared *shared, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk_ref ref = {letter->a, rk__mail_endpoint(shared->mail), (uint32_t)letter->b};
    rk_error err = RK_ERROR_INIT;
    rk_status status = destroy_here(shared, ref, &err);
    if (status == RK_OK)
        rk__mail_answer(shared->mail, question, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__mail_refuse(shared->mail, question, status, "%s", err.message);
}

static void receive(void *ctx, rk__letter *letter) {
    rk__shared *shared = ctx;
    switch ((rk__shared_op)letter->op) {
    case RK__SHARED_STEP:
        rk__element_receive(shared, letter);
        return;
    case RK__SHARED_GET:
    case RK__SHARED_PUT:
    case RK__SHARED_PIECE:
        rk__range_receive(shared, letter);
        return;
    case RK__SHARED_DESCRIBE:
        answer_describe(shared, letter);
        return;
    case RK__SHARED_DESTROY:
        answer_destroy(shared, letter);
        return;
    case RK__SHARED_UNMAP:
        rk__segment_unmap(shared, letter->a, letter->b != 0);
        return;
    case RK__SHARED_ITEM_GET:
    case RK__SHARED_ITEM_SET:
    case RK__SHARED_ITEM_FIND:
        rk__list_receive(shared, letter);
        return;
    case RK__SHARED_NAME_ADD:
    case RK__SHARED_NAME_FIND:
    case RK__SHARED_NAME_REMOVE:
        rk__name_receive(shared, letter);
        return;
    }
}

/* ---- deaths ---- */

static bool may_release(const rk__shared *shared, uint32_t endpoint) {
    uint32_t rank = rk__mail_rank_of(shared->mail, endpoint);
    return rk__mail_on_my_node(shared->mail, endpoint) &&
           (endpoint == rank || rank == rk__mail_endpoint(shared->mail) || rk__mail_is_dead(shared->mail, rank));
}

static void died(void *ctx, uint32_t endpoint) {
    rk__shared *shared = ctx;
    rk__range_died(shared, endpoint);
    rk__names_died(shared, endpoint);
    if (may_release(shared, endpoint))
        rk__slots_release_all(shared, endpoint);
}

/* ---- beginning and end ---- */

size_t rk__shared_area_bytes(void) {
    return rk__slots_bytes();
}

static void destroy(void *ctx) {
    rk__shared *shared = ctx;
    rk__slots_release_all(shared, rk__mail_endpoint(shared->mail));
    rk__segments_fini(shared);
    rk__names_fini(shared);
    free(shared->mapping_of_slot);
    free(shared->neighbours);
    free(shared);
}

static void find_neighbours(rk__shared *shared) {
    rk__mail *mail = shared->mail;
    for (uint32_t endpoint = 0; endpoint < rk__mail_endpoints(mail); endpoint++) {
        if (!rk__mail_on_my_node(mail, endpoint))
            continue;
        if (endpoint == rk__mail_endpoint(mail))
            shared->my_bit = shared->neighbour_count;
        shared->neighbours[shared->neighbour_count++] = endpoint;
    }
    shared->first_rank = shared->neighbours[0];
}

static rk_status make_room(rk__mail *mail, rk__shared **out, rk_error *err) {
    rk__shared *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "shared objects", err));
    rk_status status =
        rk__alloc((void **)&made->mapping_of_slot, RK__SHARED_SLOTS, sizeof(void *), "shared objects", err);
    if (status == RK_OK)
        status = rk__alloc((void **)&made->neighbours, rk__mail_endpoints(mail), sizeof *made->neighbours,
                           "shared objects", err);
    if (status != RK_OK) {
        free(made->mapping_of_slot);
        free(made);
        return status;
    }
    *out = made;
    return RK_OK;
}

rk_status rk__shared_attach(rk__mail *mail, const char *job_name, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__shared *shared;
    if (strlen(job_name) >= RK__SHARED_JOB_MAX || job_name[0] != '/')
        return rk__fail(err, RK_EINVAL, "job name '%s': must begin with '/' and have less than %d letters", job_name,
                        RK__SHARED_JOB_MAX);
    RK_TRY(make_room(mail, &shared, err));
    shared->mail = mail;
    shared->area = rk__mail_area(mail, RK__ROOM_SHARED);
    snprintf(shared->job, sizeof shared->job, "%s", job_name);
    shared->last_transfer = rk__wall_ns(); /* a predecessor's pieces are not ours */
    find_neighbours(shared);
    rk__mail_attach(mail, RK__ROOM_SHARED, &ops, shared);
    return RK_OK;
}
