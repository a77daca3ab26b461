/* From a request to its reply. */
#include <stdlib.h>

#include "manager/manager_private.h"

#define LARGE_BYTES  ((size_t)32768) /* a value goes ahead as a stash */
#define SMALL_PARCEL 512             /* bytes of a request that need no malloc */

/* ---- by letters ---- */

static rk_status send_stash(rk__manager *manager, uint32_t home, rk_bytes value, uint64_t *number, rk_error *err) {
    *number = ++manager->last_stash;
    rk__letter letter = {.to = home,
                         .room = RK__ROOM_MANAGER,
                         .op = RK__STASH,
                         .b = *number,
                         .size = value.size,
                         .bytes = (void *)(uintptr_t)value.data};
    return rk__mail_send_large(manager->mail, &letter, err);
}

static void write_parcel(unsigned char *at, const rk__request *request, bool stashed) {
    rk__parcel parcel = {request->key.size, request->expected.size, request->value.size};
    const rk_bytes parts[] = {{&parcel, sizeof parcel},
                              request->key,
                              request->expected,
                              {request->value.data, stashed ? 0 : request->value.size}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].size > 0) {
            memcpy(at, parts[i].data, parts[i].size);
            at += parts[i].size;
        }
}

static rk_status ask_home(rk__manager *manager, rk_ref ref, const rk__request *request, rk__reply *reply,
                          rk_error *err) {
    unsigned char small[SMALL_PARCEL], *parcel = small;
    uint64_t stash = 0;
    size_t size = sizeof(rk__parcel) + request->key.size + request->expected.size;
    if (request->value.size > LARGE_BYTES)
        RK_TRY(send_stash(manager, ref.home, request->value, &stash, err));
    else
        size += request->value.size;
    if (size > sizeof small)
        RK_TRY(rk__alloc((void **)&parcel, size, 1, "a request", err));
    write_parcel(parcel, request, stash != 0);
    rk__letter answer = {0}, question = {.to = ref.home,
                                         .room = RK__ROOM_MANAGER,
                                         .op = (uint16_t)request->op,
                                         .a = ref.serial,
                                         .b = (uint64_t)request->number,
                                         .c = stash,
                                         .size = size,
                                         .bytes = parcel};
    rk_status status = rk__mail_ask(manager->mail, &question, RK__NEVER, &answer, err);
    *reply = (rk__reply){.status = status, .number = answer.a, .bytes = answer.bytes, .size = answer.size};
    if (parcel != small)
        free(parcel);
    return status;
}

/* ---- at home ---- */

static rk_status own_bytes(rk__reply *reply, rk_error *err) {
    if (!reply->borrowed || reply->size == 0)
        return RK_OK;
    void *copy;
    RK_TRY(rk__alloc(&copy, (size_t)reply->size, 1, "a value", err));
    memcpy(copy, reply->bytes, (size_t)reply->size);
    reply->bytes = copy;
    return RK_OK;
}

/* What loops wait with: they must let others go on. */
static bool looks(rk__request_op op) {
    return op == RK__LENGTH || op == RK__ITEMS || op == RK__KEYS || op == RK__DICT_GET || op == RK__DICT_CONTAINS ||
           op == RK__DICT_REPLACE_IF || op == RK__LIST_GET || op == RK__LIST_INDEX;
}

static rk_status serve_here(rk__manager *manager, rk_ref ref, rk__request *request, rk__reply *reply, rk_error *err) {
    if (looks(request->op))
        rk__yield(manager->mail);
    rk__manager_serve(manager, ref.serial, request, reply);
    if (reply->status != RK_OK)
        return rk__fail(err, reply->status, "%s", reply->text[0] != '\0' ? reply->text : rk_status_text(reply->status));
    return own_bytes(reply, err);
}

rk_status rk__manager_call(rk_ref ref, rk__kind kind, rk__request *request, rk__reply *reply, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__manager *manager = rk__mail_room(mail, RK__ROOM_MANAGER);
    rk_status status = rk__ref_check(mail, ref, kind, err);
    if (status == RK_OK && ref.home == rk__mail_endpoint(mail))
        status = serve_here(manager, ref, request, reply, err);
    else if (status == RK_OK)
        status = ask_home(manager, ref, request, reply, err);
    rk__leave(mail);
    return status;
}

/* ---- what is wanted of the reply ---- */

rk_status rk__manager_do(rk_ref ref, rk__kind kind, rk__request *request, rk_error *err) {
    rk__reply reply;
    return rk__manager_call(ref, kind, request, &reply, err);
}

rk_status rk__manager_ask(rk_ref ref, rk__kind kind, rk__request *request, uint64_t *number, rk_error *err) {
    rk__reply reply;
    RK_TRY(rk__manager_call(ref, kind, request, &reply, err));
    *number = reply.number;
    return RK_OK;
}

rk_status rk__manager_get(rk_ref ref, rk__kind kind, rk__request *request, void **value, size_t *size, rk_error *err) {
    rk__reply reply;
    RK_TRY(rk__manager_call(ref, kind, request, &reply, err));
    *value = reply.bytes;
    if (size != NULL)
        *size = (size_t)reply.size;
    return RK_OK;
}

rk_status rk__manager_get_word(rk_ref ref, rk__kind kind, rk__request *request, void *word, rk_error *err) {
    void *value;
    size_t size;
    RK_TRY(rk__manager_get(ref, kind, request, &value, &size, err));
    bool fits = size == sizeof(uint64_t);
    if (fits)
        memcpy(word, value, size);
    free(value);
    return fits ? RK_OK : rk__fail(err, RK_EINVAL, "the value has %zu bytes: no number of 8", size);
}

rk_status rk__manager_get_text(rk_ref ref, rk__kind kind, rk__request *request, char **text, rk_error *err) {
    void *value;
    size_t size;
    RK_TRY(rk__manager_get(ref, kind, request, &value, &size, err));
    char *ended = realloc(value, size + 1);
    if (ended == NULL) {
        free(value);
        return rk__fail(err, RK_ENOMEM, "no memory for a text of %zu bytes", size);
    }
    ended[size] = '\0';
    *text = ended;
    return RK_OK;
}

rk_status rk__manager_items(rk_ref ref, rk__kind kind, rk__request_op op, rk_items *items, rk_error *err) {
    void *pack;
    size_t size;
    RK_TRY(rk__manager_get(ref, kind, &(rk__request){.op = op}, &pack, &size, err));
    return rk__items_unpack(items, pack, err);
}
