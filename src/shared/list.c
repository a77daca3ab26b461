#include <stdlib.h>
#include <string.h>

#include "shared/shared_private.h"

/* ---- making ---- */

static rk_status create(rk__shared *shared, rk_shared_list *list, const rk_shared_item *items, uint64_t count,
                        rk_error *err) {
    rk__making making = {RK__KIND_SHARED_LIST, 0, count, 0};
    rk_shared_list made;
    unsigned char *memory;
    RK_TRY(rk__items_bytes(items, count, &making.bytes, err));
    RK_TRY(rk__shared_make(shared, &making, &made.ref, &memory, err));
    rk__items_init(memory, items, count);
    rk__slot_publish(shared, made.ref, 0, count, making.bytes);
    *list = made;
    return RK_OK;
}

rk_status rk_shared_list_create(rk_shared_list *list, const rk_shared_item *items, uint64_t count, rk_error *err) {
    RK__NEED(list, err);
    RK__NEED_BYTES(items, count, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = create(rk__shared_of(mail), list, items, count, err);
    rk__leave(mail);
    return status;
}

rk_status rk_shared_list_length(rk_shared_list list, uint64_t *count, rk_error *err) {
    RK__NEED(count, err);
    rk__shared *shared;
    uint32_t type;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__LOOK, &shared, err));
    return rk__shared_leave(shared, rk__shared_describe(shared, list.ref, count, &type, err));
}

/* ---- in the memory of this node ---- */

/* *memory: NULL if it has no items. */
static rk_status locate(rk__shared *shared, rk_ref ref, uint64_t *count, unsigned char **memory, rk_error *err) {
    rk__facts facts;
    rk__mapping *mapping;
    RK_TRY(rk__slot_find(shared, ref, &facts, err));
    *count = facts.count;
    *memory = NULL;
    if (facts.count == 0)
        return RK_OK;
    RK_TRY(rk__segment_map(shared, &facts, &mapping, err));
    *memory = mapping->bytes;
    return RK_OK;
}

static rk_status locate_item(rk__shared *shared, rk_ref ref, uint64_t index, unsigned char **memory, rk_error *err) {
    uint64_t count;
    RK_TRY(locate(shared, ref, &count, memory, err));
    if (index >= count)
        return rk__fail(err, RK_EINVAL, "item %llu of a shareable list of %llu", (unsigned long long)index,
                        (unsigned long long)count);
    return RK_OK;
}

static rk_status get_here(rk__shared *shared, rk_ref ref, uint64_t index, rk__item_head **item, bool *busy,
                          rk_error *err) {
    unsigned char *memory;
    RK_TRY(locate_item(shared, ref, index, &memory, err));
    *item = rk__items_get(memory, index, busy);
    return *item != NULL || *busy ? RK_OK : rk__fail(err, RK_ENOMEM, "no memory for an item");
}

static rk_status set_here(rk__shared *shared, rk_ref ref, uint64_t index, const rk__item_head *item, rk_error *err) {
    unsigned char *memory;
    RK_TRY(locate_item(shared, ref, index, &memory, err));
    return rk__items_set(memory, index, item, err);
}

static rk_status find_here(rk__shared *shared, rk_ref ref, const rk__item_head *item, uint64_t *found, uint64_t *first,
                           rk_error *err) {
    unsigned char *memory;
    uint64_t count;
    RK_TRY(locate(shared, ref, &count, &memory, err));
    return rk__items_find(memory, count, item, found, first, err);
}

/* ---- the home ---- */

static void answer_get(rk__shared *shared, rk_ref ref, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk__item_head *item;
    rk_error err = RK_ERROR_INIT;
    bool busy; /* never: only we change it */
    rk_status status = get_here(shared, ref, letter->b, &item, &busy, &err);
    if (status == RK_OK)
        rk__mail_answer(shared->mail, question, RK_OK, 0, 0, item, sizeof *item + item->size, RK__PAYLOAD_TAKE);
    else
        rk__mail_refuse(shared->mail, question, status, "%s", err.message);
}

static void answer_change_or_find(rk__shared *shared, rk_ref ref, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk_error err = RK_ERROR_INIT;
    uint64_t found = 0, first = 0;
    rk_status status = letter->op == RK__SHARED_ITEM_SET ? set_here(shared, ref, letter->b, letter->bytes, &err)
                                                         : find_here(shared, ref, letter->bytes, &found, &first, &err);
    if (status == RK_OK)
        rk__mail_answer(shared->mail, question, RK_OK, found, first, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__mail_refuse(shared->mail, question, status, "%s", err.message);
}

void rk__list_receive(rk__shared *shared, const rk__letter *letter) {
    rk_ref ref = {letter->a, rk__mail_endpoint(shared->mail), RK__KIND_SHARED_LIST};
    if (letter->op == RK__SHARED_ITEM_GET)
        answer_get(shared, ref, letter);
    else
        answer_change_or_find(shared, ref, letter);
}

/* ---- getting ---- */

static rk_status get(rk__shared *shared, rk_ref ref, uint64_t index, rk__item_head **item, rk_error *err) {
    bool busy = true;
    if (rk__shared_is_near(shared, ref.home))
        RK_TRY(get_here(shared, ref, index, item, &busy, err));
    if (!busy)
        return RK_OK;
    rk__letter answer,
        letter = {.to = ref.home, .room = RK__ROOM_SHARED, .op = RK__SHARED_ITEM_GET, .a = ref.serial, .b = index};
    RK_TRY(rk__mail_ask(shared->mail, &letter, RK__NEVER, &answer, err));
    *item = answer.bytes;
    return RK_OK;
}

static rk_status unpack(const rk__item_head *head, rk_shared_item *item, void *buffer, size_t buffer_size,
                        rk_error *err) {
    bool has_bytes = head->kind == RK_SHARED_STRING || head->kind == RK_SHARED_BYTES;
    *item = (rk_shared_item){.kind = (rk_shared_kind)head->kind, .size = (size_t)head->size};
    if (has_bytes && head->size >= buffer_size)
        return rk__fail(err, RK_EOVERFLOW, "an item of %llu bytes and a NUL do not fit into %zu",
                        (unsigned long long)head->size, buffer_size);
    if (has_bytes) {
        memcpy(buffer, head + 1, (size_t)head->size);
        ((char *)buffer)[head->size] = '\0';
        item->bytes = buffer;
    } else if (head->kind == RK_SHARED_BOOL) {
        item->b = head->bits != 0;
    } else if (head->kind == RK_SHARED_INT) {
        item->i = (int64_t)head->bits;
    } else if (head->kind == RK_SHARED_FLOAT) {
        memcpy(&item->f, &head->bits, sizeof item->f);
    }
    return RK_OK;
}

rk_status rk_shared_list_get(rk_shared_list list, uint64_t index, rk_shared_item *item, void *buffer,
                             size_t buffer_size, rk_error *err) {
    RK__NEED(item, err);
    RK__NEED_BYTES(buffer, buffer_size, err);
    rk__shared *shared;
    rk__item_head *head;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__LOOK, &shared, err));
    rk_status status = get(shared, list.ref, index, &head, err);
    if (status == RK_OK) {
        status = unpack(head, item, buffer, buffer_size, err);
        free(head);
    }
    return rk__shared_leave(shared, status);
}

/* ---- setting and finding: by the home ---- */

static rk_status set(rk__shared *shared, rk_ref ref, uint64_t index, const rk_shared_item *item, rk_error *err) {
    rk__item_head *head;
    uint64_t size;
    RK_TRY(rk__item_pack(item, &head, &size, err));
    rk__letter letter = {.to = ref.home,
                         .room = RK__ROOM_SHARED,
                         .op = RK__SHARED_ITEM_SET,
                         .a = ref.serial,
                         .b = index,
                         .size = size,
                         .bytes = head};
    bool mine = ref.home == rk__mail_endpoint(shared->mail);
    rk_status status =
        mine ? set_here(shared, ref, index, head, err) : rk__mail_ask(shared->mail, &letter, RK__NEVER, NULL, err);
    free(head);
    return status;
}

rk_status rk_shared_list_set(rk_shared_list list, uint64_t index, const rk_shared_item *item, rk_error *err) {
    RK__NEED(item, err);
    rk__shared *shared;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, set(shared, list.ref, index, item, err));
}

static rk_status find(rk__shared *shared, rk_ref ref, const rk_shared_item *item, uint64_t *found, uint64_t *first,
                      rk_error *err) {
    rk__item_head *head;
    rk__letter answer = {.to = 0};
    uint64_t size;
    RK_TRY(rk__item_pack(item, &head, &size, err));
    rk__letter letter = {.to = ref.home,
                         .room = RK__ROOM_SHARED,
                         .op = RK__SHARED_ITEM_FIND,
                         .a = ref.serial,
                         .size = size,
                         .bytes = head};
    bool mine = ref.home == rk__mail_endpoint(shared->mail);
    rk_status status = mine ? find_here(shared, ref, head, &answer.a, &answer.b, err)
                            : rk__mail_ask(shared->mail, &letter, RK__NEVER, &answer, err);
    free(head);
    *found = answer.a;
    *first = answer.b;
    return status;
}

rk_status rk_shared_list_count(rk_shared_list list, const rk_shared_item *item, uint64_t *count, rk_error *err) {
    RK__NEED(item, err);
    RK__NEED(count, err);
    rk__shared *shared;
    uint64_t found, first;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__LOOK, &shared, err));
    rk_status status = find(shared, list.ref, item, &found, &first, err);
    if (status == RK_OK)
        *count = found;
    return rk__shared_leave(shared, status);
}

rk_status rk_shared_list_index(rk_shared_list list, const rk_shared_item *item, uint64_t *index, rk_error *err) {
    RK__NEED(item, err);
    RK__NEED(index, err);
    rk__shared *shared;
    uint64_t found, first;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__LOOK, &shared, err));
    rk_status status = find(shared, list.ref, item, &found, &first, err);
    if (status == RK_OK && found == 0)
        status = rk__fail(err, RK_ENOENT, "no item of this shareable list is equal to that");
    if (status == RK_OK)
        *index = first;
    return rk__shared_leave(shared, status);
}

rk_status rk_shared_list_destroy(rk_shared_list list, rk_error *err) {
    rk__shared *shared;
    RK_TRY(rk__shared_enter(list.ref, RK__KIND_SHARED_LIST, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__shared_destroy(shared, list.ref, err));
}
