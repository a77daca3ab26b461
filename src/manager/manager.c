#include "manager/manager.h"

#include <stdio.h>
#include <stdlib.h>

#include "manager/manager_private.h"

void rk__reply_refuse(rk__reply *reply, rk_status status, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(reply->text, sizeof reply->text, fmt, args);
    va_end(args);
    reply->status = status;
}

bool rk__request_take(rk__request *request, void **value, rk__reply *reply) {
    size_t size = request->value.size;
    *value = request->owned;
    request->owned = NULL;
    if (*value != NULL || size == 0)
        return true;
    *value = malloc(size);
    if (*value == NULL) {
        rk__reply_refuse(reply, RK_ENOMEM, "no memory for a value of %zu bytes", size);
        return false;
    }
    memcpy(*value, request->value.data, size);
    return true;
}

/* ---- objects ---- */

static void free_object(rk__managed *object) {
    rk__table_clear(&object->table);
    rk__list_clear(object);
    free(object);
}

static rk_status make(rk__manager *manager, rk__kind kind, rk_ref *ref, rk_error *err) {
    rk__managed *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, rk__kind_text(kind), err));
    made->kind = kind;
    made->id.home = rk__mail_endpoint(manager->mail);
    made->id.serial = ++manager->last_serial;
    made->table.seed = made->id.serial;
    if (!rk__registry_add(&manager->objects, &made->id)) {
        free(made);
        return rk__fail(err, RK_ENOMEM, "no memory for a %s", rk__kind_text(kind));
    }
    *ref = (rk_ref){made->id.serial, made->id.home, (uint32_t)kind};
    return RK_OK;
}

rk_status rk__manager_make(rk__kind kind, rk_ref *ref, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = make(rk__mail_room(mail, RK__ROOM_MANAGER), kind, ref, err);
    rk__leave(mail);
    return status;
}

void rk__manager_serve(rk__manager *manager, uint64_t serial, rk__request *request, rk__reply *reply) {
    *reply = (rk__reply){.status = RK_OK};
    uint32_t self = rk__mail_endpoint(manager->mail);
    rk__managed *object = rk__registry_find(&manager->objects, self, serial);
    if (object == NULL) {
        rk__reply_refuse(reply, RK_ENOENT, "this object of process %u was destroyed", self);
    } else if (request->op == RK__DESTROY) {
        rk__registry_remove(&manager->objects, &object->id);
        free_object(object);
    } else if (object->kind == RK__KIND_LIST) {
        rk__list_serve(object, request, reply);
    } else {
        rk__dict_serve(object, request, reply);
    }
    free(request->owned); /* nobody wanted it */
    request->owned = NULL;
}

/* ---- stashes ---- */

static void keep_stash(rk__manager *manager, rk__letter *letter) {
    rk__stash *made = malloc(sizeof *made);
    if (made == NULL)
        return; /* its request will say so */
    *made = (rk__stash){manager->stashes, letter->from, letter->b, rk__letter_take(letter), letter->size};
    manager->stashes = made;
}

static void *take_stash(rk__manager *manager, uint32_t from, uint64_t number) {
    for (rk__stash **at = &manager->stashes; *at != NULL; at = &(*at)->next) {
        rk__stash *stash = *at;
        if (stash->from != from || stash->number != number)
            continue;
        void *bytes = stash->bytes;
        *at = stash->next;
        free(stash);
        return bytes;
    }
    return NULL;
}

static void died(void *ctx, uint32_t endpoint) {
    rk__manager *manager = ctx;
    for (rk__stash **at = &manager->stashes; *at != NULL;) {
        rk__stash *stash = *at;
        if (stash->from != endpoint && endpoint != RK__NOBODY) {
            at = &stash->next;
            continue;
        }
        *at = stash->next;
        free(stash->bytes);
        free(stash);
    }
}

/* ---- letters ---- */

/* What lies in a letter; false: the value should have been stashed, and was not. */
static bool read_request(rk__manager *manager, const rk__letter *letter, rk__request *request) {
    rk__parcel parcel;
    const unsigned char *at = letter->bytes;
    memcpy(&parcel, at, sizeof parcel);
    at += sizeof parcel;
    *request = (rk__request){.op = (rk__request_op)letter->op, .number = (int64_t)letter->b};
    request->key = rk_bytes_of(at, (size_t)parcel.key_size);
    request->expected = rk_bytes_of(at + parcel.key_size, (size_t)parcel.expected_size);
    request->value = rk_bytes_of(at + parcel.key_size + parcel.expected_size, (size_t)parcel.value_size);
    if (letter->c == 0)
        return true;
    request->owned = take_stash(manager, letter->from, letter->c);
    request->value.data = request->owned;
    return request->owned != NULL;
}

static void receive(void *ctx, rk__letter *letter) {
    rk__manager *manager = ctx;
    rk__question who = {letter->from, letter->call};
    rk__request request;
    rk__reply reply;
    if (letter->op == RK__STASH) {
        keep_stash(manager, letter);
        return;
    }
    if (!read_request(manager, letter, &request)) {
        rk__mail_refuse(manager->mail, who, RK_ENOMEM, "no memory for a value of %zu bytes", request.value.size);
        return;
    }
    rk__manager_serve(manager, letter->a, &request, &reply);
    if (reply.status != RK_OK)
        rk__mail_refuse(manager->mail, who, reply.status, "%s",
                        reply.text[0] != '\0' ? reply.text : rk_status_text(reply.status));
    else
        rk__mail_answer(manager->mail, who, RK_OK, reply.number, 0, reply.bytes, reply.size,
                        reply.borrowed ? RK__PAYLOAD_COPY : RK__PAYLOAD_TAKE);
}

/* ---- making it ---- */

static void free_node(void *node, void *ctx) {
    (void)ctx;
    free_object(node);
}

static void destroy(void *ctx) {
    rk__manager *manager = ctx;
    died(manager, RK__NOBODY);
    rk__registry_each(&manager->objects, free_node, NULL);
    rk__registry_fini(&manager->objects);
    free(manager);
}

rk_status rk__manager_attach(rk__mail *mail, rk_error *err) {
    static const rk__room_ops ops = {receive, died, destroy};
    rk__manager *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "managers", err));
    made->mail = mail;
    made->last_serial = rk__wall_ns(); /* not those of a predecessor at this endpoint */
    rk__mail_attach(mail, RK__ROOM_MANAGER, &ops, made);
    return RK_OK;
}
