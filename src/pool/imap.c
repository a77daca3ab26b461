/* imap: a window over the items. Each chunk is a small map of its own; they are asked for, and sent, as results are
 * taken. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

typedef struct imap imap;

typedef struct part { /* a chunk under way, or being taken */
    rk__listener listener;
    struct part *next, *next_ready;
    imap *of;
    rk__future *future; /* pinned */
    uint64_t first;
    size_t count;
    bool listens;
} part;

struct imap {
    uint64_t serial, pool;
    rk_map map;
    unsigned char *items_owned;
    bool ordered, busy;
    bool open; /* there are more items; counted in the pool's open_imaps */
    uint64_t asked;
    size_t outstanding, buffer;
    part *first, *last; /* all, in order */
    part *ready, *ready_last;
    part *current;
    size_t at; /* item of it */
};

/* ---- chunks ---- */

static rk__pool *pool_of(const rk__pools *room, const imap *iterator) {
    return rk__slots_find(&room->pools, iterator->pool);
}

static void heard(rk__listener *listener, rk__future *future) {
    (void)future;
    part *one = (part *)(void *)listener;
    imap *iterator = one->of;
    one->listens = false;
    one->next_ready = NULL;
    if (iterator->ready_last != NULL)
        iterator->ready_last->next_ready = one;
    else
        iterator->ready = one;
    iterator->ready_last = one;
}

static void no_more_items(rk__pools *room, imap *iterator) {
    rk__pool *pool = pool_of(room, iterator);
    if (iterator->open && pool != NULL) {
        pool->open_imaps--;
        rk__pool_settle(pool);
    }
    iterator->open = false;
}

static void stop_listening(part *one) {
    if (one->listens)
        rk__future_unlisten(one->future, &one->listener);
    one->listens = false;
}

static void drop_part(rk__pools *room, imap *iterator, part *one) {
    part **at = &iterator->first, *before = NULL;
    while (*at != one) {
        before = *at;
        at = &(*at)->next;
    }
    *at = one->next;
    if (iterator->last == one)
        iterator->last = before;
    stop_listening(one);
    rk__future_forget(room, one->future);
    rk__future_unpin(room, one->future);
    iterator->outstanding--;
    free(one);
}

static void add_part(imap *iterator, part *one) {
    one->next = NULL;
    if (iterator->last != NULL)
        iterator->last->next = one;
    else
        iterator->first = one;
    iterator->last = one;
    iterator->outstanding++;
    if (one->future->settled) {
        heard(&one->listener, one->future);
    } else {
        one->listens = true;
        rk__future_listen(one->future, &one->listener);
    }
}

static rk_status send_chunk(rk__pools *room, imap *iterator, const void *items, size_t count, bool borrow,
                            rk_error *err) {
    rk__pool *pool = pool_of(room, iterator);
    if (pool == NULL || pool->ended_by != RK_OK)
        return rk__fail(err, RK_ECANCELLED, "the pool of this imap has ended");
    part *one;
    RK_TRY(rk__alloc((void **)&one, 1, sizeof *one, "a chunk", err));
    rk_map map = {.function = iterator->map.function,
                  .items = items,
                  .count = count,
                  .item_size = iterator->map.item_size,
                  .result_size = iterator->map.result_size,
                  .chunksize = count,
                  .priority = iterator->map.priority,
                  .borrow = borrow};
    rk_status status = rk__map_begin(room, pool, &map, &(rk__map_place){.before = iterator->asked}, &one->future, err);
    if (status != RK_OK) {
        free(one);
        return status;
    }
    one->listener.heard = heard;
    one->of = iterator;
    one->first = iterator->asked;
    one->count = count;
    iterator->asked += count;
    rk__future_pin(one->future);
    add_part(iterator, one);
    return RK_OK;
}

/* The user's generator runs without the lock. */
static size_t ask_for_items(rk__pools *room, imap *iterator, unsigned char *items) {
    const rk_map *map = &iterator->map;
    size_t count = 0;
    rk__leave(room->mail);
    rk__call_inner(true);
    while (count < map->chunksize && map->next(items + count * map->item_size, map->ctx))
        count++;
    rk__call_inner(false);
    rk__enter(NULL);
    return count;
}

static rk_status send_generated(rk__pools *room, imap *iterator, rk_error *err) {
    const rk_map *map = &iterator->map;
    unsigned char *items;
    RK_TRY(rk__alloc((void **)&items, map->chunksize, map->item_size, "a chunk of items", err));
    size_t count = ask_for_items(room, iterator, items);
    rk_status status = count > 0 ? send_chunk(room, iterator, items, count, false, err) : RK_OK;
    free(items);
    if (count < map->chunksize)
        no_more_items(room, iterator);
    return status;
}

static rk_status send_given(rk__pools *room, imap *iterator, rk_error *err) {
    const rk_map *map = &iterator->map;
    size_t left = map->count - (size_t)iterator->asked, count = left < map->chunksize ? left : map->chunksize;
    const unsigned char *items = map->items;
    rk_status status = RK_OK;
    if (count > 0)
        status = send_chunk(room, iterator, items + iterator->asked * map->item_size, count, map->borrow, err);
    if (iterator->asked == map->count)
        no_more_items(room, iterator);
    return status;
}

static rk_status refill(rk__pools *room, imap *iterator, rk_error *err) {
    rk_status status = RK_OK;
    while (status == RK_OK && iterator->open && iterator->outstanding < iterator->buffer)
        status = iterator->map.next != NULL ? send_generated(room, iterator, err) : send_given(room, iterator, err);
    return status;
}

/* ---- taking ---- */

static part *next_ready(const imap *iterator) {
    if (iterator->ordered)
        return iterator->first != NULL && iterator->first->future->settled ? iterator->first : NULL;
    return iterator->ready;
}

static bool one_is_ready(void *ctx) {
    return next_ready(ctx) != NULL;
}

static void take_from_ready(imap *iterator, const part *one) {
    part **at = &iterator->ready, *before = NULL;
    while (*at != one) {
        before = *at;
        at = &(*at)->next_ready;
    }
    *at = one->next_ready;
    if (iterator->ready_last == one)
        iterator->ready_last = before;
}

static void take_item(rk__pools *room, imap *iterator, void *result, uint64_t *index) {
    part *one = iterator->current;
    size_t size = iterator->map.result_size;
    if (size > 0)
        memcpy(result, (const unsigned char *)one->future->bytes + iterator->at * size, size);
    if (index != NULL)
        *index = one->first + iterator->at;
    if (++iterator->at < one->count)
        return;
    iterator->current = NULL;
    drop_part(room, iterator, one);
}

static rk_status take_part(rk__pools *room, imap *iterator, uint64_t *index, rk_error *err) {
    part *one = next_ready(iterator);
    take_from_ready(iterator, one);
    rk_status status = rk__future_failure(one->future, err);
    if (status == RK_OK) {
        iterator->current = one;
        iterator->at = 0;
    } else {
        if (index != NULL)
            *index = one->future->failed_item;
        drop_part(room, iterator, one);
    }
    return status;
}

static rk_status next(rk__pools *room, imap *iterator, double timeout_seconds, void *result, uint64_t *index,
                      rk_error *err) {
    uint64_t deadline = rk__deadline(timeout_seconds);
    if (result == NULL && iterator->map.result_size > 0)
        return rk__fail(err, RK_EINVAL, "rk_imap_next: result is NULL, and result_size %zu", iterator->map.result_size);
    rk_status status = refill(room, iterator, err);
    if (iterator->outstanding == 0)
        return status != RK_OK ? status : rk__fail(err, RK_EEOF, "that was the last result");
    if (iterator->current == NULL) {
        status = rk__pools_wait(room, one_is_ready, iterator, deadline);
        if (status != RK_OK)
            return rk__fail(err, status, "%s while waiting for the next result", rk_status_text(status));
        RK_TRY(take_part(room, iterator, index, err));
    }
    take_item(room, iterator, result, index);
    return RK_OK;
}

/* ---- the face ---- */

static rk_status find(rk__pools *room, rk_imap ref, imap **iterator, rk_error *err) {
    void *found = NULL;
    RK_TRY(rk__pools_find(room, ref.ref, RK__KIND_IMAP, &found, err));
    *iterator = found;
    RK_TRY(rk__worker_may_use(room, pool_of(room, *iterator), err));
    if ((*iterator)->busy)
        return rk__fail(err, RK_EPERM, "another function of this rank is in rk_imap_next on this iterator");
    return RK_OK;
}

rk_status rk_imap_next(rk_imap ref, double timeout_seconds, void *result, uint64_t *index, rk_error *err) {
    rk__pools *room = rk__pools_enter(err);
    imap *iterator;
    if (room == NULL)
        return RK_EPERM;
    rk_status status = find(room, ref, &iterator, err);
    if (status == RK_OK) {
        iterator->busy = true;
        status = next(room, iterator, timeout_seconds, result, index, err);
        iterator->busy = false;
    }
    rk__pools_leave(room);
    return status;
}

static rk_status copy_items(imap *made, rk_error *err) {
    size_t bytes = made->map.count * made->map.item_size;
    if (made->map.next != NULL || made->map.borrow || bytes == 0)
        return RK_OK;
    made->items_owned = malloc(bytes);
    if (made->items_owned == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for %zu bytes of items", bytes);
    memcpy(made->items_owned, made->map.items, bytes);
    made->map.items = made->items_owned;
    return RK_OK;
}

static rk_status check(const rk_map *map, rk_error *err) {
    uint64_t bytes;
    if (map->item_size == 0 || map->item_size > UINT32_MAX || map->result_size > UINT32_MAX)
        return rk__fail(err, RK_EINVAL,
                        "items of %zu bytes, results of %zu: items have 1 to 4294967295, results at most",
                        map->item_size, map->result_size);
    if (map->next == NULL &&
        ((map->items == NULL && map->count > 0) || !rk__mul_u64(map->count, map->item_size, &bytes)))
        return rk__fail(err, RK_EINVAL, "%zu items of %zu bytes at %p: give items, or next", map->count, map->item_size,
                        map->items);
    return RK_OK;
}

static rk_status make(rk__pools *room, rk__pool *pool, const rk_map *map, bool ordered, imap **out, rk_error *err) {
    rk__function_name name;
    imap *made;
    RK_TRY(check(map, err));
    RK_TRY(rk__pool_name(room, map->function, &name, err));
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "an imap", err));
    made->map = *map;
    made->map.chunksize = map->chunksize > 0 ? map->chunksize : 1;
    made->buffer = map->buffer > 0 ? map->buffer : 4 * (size_t)pool->living;
    made->pool = pool->serial;
    made->ordered = ordered;
    rk_status status = copy_items(made, err);
    if (status == RK_OK && (made->serial = rk__slots_add(&room->imaps, made)) == 0)
        status = rk__fail(err, RK_ENOMEM, "no memory for an imap");
    if (status != RK_OK) {
        free(made->items_owned);
        free(made);
        return status;
    }
    made->open = true;
    pool->open_imaps++;
    *out = made;
    return RK_OK;
}

static rk_status begin(rk__pools *room, rk_pool pool, const rk_map *map, bool ordered, rk_imap *ref, rk_error *err) {
    void *found = NULL;
    imap *made;
    RK_TRY(rk__pools_find(room, pool.ref, RK__KIND_POOL, &found, err));
    RK_TRY(rk__pool_takes(found, err));
    RK_TRY(make(room, found, map, ordered, &made, err));
    made->busy = true;
    rk_status status = refill(room, made, err);
    made->busy = false;
    if (status != RK_OK)
        rk__imap_free(room, made);
    else
        ref->ref = rk__pools_ref(room, made->serial, RK__KIND_IMAP);
    return status;
}

static rk_status enter_and_begin(rk_pool pool, const rk_map *map, bool ordered, rk_imap *ref, rk_error *err) {
    rk__pools *room = rk__pools_enter(err);
    if (room == NULL)
        return RK_EPERM;
    rk_status status = begin(room, pool, map, ordered, ref, err);
    rk__pools_leave(room);
    return status;
}

rk_status rk_pool_imap(rk_pool pool, const rk_map *map, rk_imap *imap_ref, rk_error *err) {
    RK__NEED(map, err);
    RK__NEED(imap_ref, err);
    return enter_and_begin(pool, map, true, imap_ref, err);
}

rk_status rk_pool_imap_unordered(rk_pool pool, const rk_map *map, rk_imap *imap_ref, rk_error *err) {
    RK__NEED(map, err);
    RK__NEED(imap_ref, err);
    return enter_and_begin(pool, map, false, imap_ref, err);
}

void rk__imap_free(rk__pools *room, void *item) {
    imap *iterator = item;
    no_more_items(room, iterator);
    while (iterator->first != NULL) {
        part *one = iterator->first;
        stop_listening(one); /* or it would be queued behind others that are freed */
        if (one->future->state == RK__PENDING)
            rk__chunks_stop(room, one->future, RK_ECANCELLED, true, "the imap was destroyed");
        drop_part(room, iterator, one);
    }
    rk__slots_remove(&room->imaps, iterator->serial);
    free(iterator->items_owned);
    free(iterator);
}

rk_status rk_imap_destroy(rk_imap ref, rk_error *err) {
    rk__pools *room = rk__pools_enter(err);
    imap *iterator;
    if (room == NULL)
        return RK_EPERM;
    rk_status status = find(room, ref, &iterator, err);
    if (status == RK_OK)
        rk__imap_free(room, iterator);
    rk__pools_leave(room);
    return status;
}
