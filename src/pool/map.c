/* Maps: one future, whose chunks are sent and land one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

void rk__chunks_free(rk__chunks *chunks) {
    if (chunks == NULL)
        return;
    for (rk__flight *flight = chunks->returned, *next; flight != NULL; flight = next) {
        next = flight->next;
        free(flight);
    }
    free(chunks->items_owned);
    free(chunks->failed_text);
    free(chunks);
}

bool rk__chunks_left(const rk__chunks *chunks) {
    return chunks->next < chunks->count || chunks->returned != NULL;
}

rk__flight *rk__chunks_next(rk__future *future) {
    rk__chunks *chunks = future->chunks;
    rk__flight *flight = chunks->returned;
    if (flight != NULL) {
        chunks->returned = flight->next;
    } else {
        flight = rk__flight_new(future->pool->room, future);
        if (flight == NULL)
            return NULL;
        size_t left = chunks->count - chunks->next;
        flight->first = chunks->next;
        flight->count = left < chunks->chunk ? left : chunks->chunk;
        chunks->next += flight->count;
    }
    chunks->flights++;
    return flight;
}

/* ---- landing ---- */

static void note_failure(rk__chunks *chunks, size_t item, const rk__news *news) {
    if (item >= chunks->failed_at)
        return;
    free(chunks->failed_text);
    chunks->failed_at = item;
    chunks->failed = news->status;
    chunks->cancelled = news->cancelled;
    chunks->failed_rank = news->rank;
    chunks->failed_text = news->size > 0 ? malloc((size_t)news->size + 1) : NULL;
    if (chunks->failed_text != NULL) {
        memcpy(chunks->failed_text, news->bytes, (size_t)news->size);
        chunks->failed_text[news->size] = '\0';
    }
}

static void complete(rk__pools *room, rk__future *future) {
    rk__chunks *chunks = future->chunks;
    rk__news news = {.status = chunks->failed, .cancelled = chunks->cancelled, .rank = -1, .holder = RK__NOBODY};
    if (chunks->failed == RK_OK) {
        news.bytes = future->bytes; /* NULL: the results are the caller's */
        news.size = future->bytes != NULL ? chunks->count * chunks->result_size : 0;
    } else {
        future->failed_item = chunks->before + chunks->failed_at;
        news.rank = chunks->failed_rank;
        news.bytes = chunks->failed_text;
        news.size = chunks->failed_text != NULL ? strlen(chunks->failed_text) : 0;
        chunks->failed_text = NULL;
    }
    rk__future_complete(room, future, &news);
}

static void complete_if_done(rk__pools *room, rk__future *future) {
    if (future->chunks->flights == 0 && !rk__chunks_left(future->chunks))
        complete(room, future);
}

static void name_item(rk__news *news, unsigned long long item) {
    char *text = malloc(RK_ERROR_TEXT_MAX);
    if (text == NULL)
        return;
    int shown = (int)(news->size < 900 ? news->size : 900);
    if (shown > 0)
        snprintf(text, RK_ERROR_TEXT_MAX, "item %llu: %.*s", item, shown, (const char *)news->bytes);
    else
        snprintf(text, RK_ERROR_TEXT_MAX, "item %llu: %s", item, rk_status_text(news->status));
    free(news->bytes);
    news->bytes = text;
    news->size = strlen(text);
}

void rk__chunk_landed(rk__pools *room, rk__flight *flight, rk__news *news) {
    rk__future *future = flight->future;
    rk__chunks *chunks = future->chunks;
    size_t bytes = flight->count * chunks->result_size, item = flight->first + (size_t)news->failed_at;
    chunks->flights--;
    if (news->status == RK_OK && bytes > 0 && news->size == bytes) {
        memcpy(chunks->results + flight->first * chunks->result_size, news->bytes, bytes);
    } else if (news->status != RK_OK) {
        if (!news->cancelled)
            name_item(news, chunks->before + item);
        note_failure(chunks, item, news);
    }
    free(news->bytes);
    complete_if_done(room, future);
}

void rk__chunks_stop(rk__pools *room, rk__future *future, rk_status status, bool cancelled, const char *text) {
    rk__chunks *chunks = future->chunks;
    rk__news news = {
        .status = status, .cancelled = cancelled, .rank = -1, .bytes = (void *)(uintptr_t)text, .size = strlen(text)};
    for (rk__flight *flight = chunks->returned, *next; flight != NULL; flight = next) {
        next = flight->next;
        note_failure(chunks, flight->first, &news);
        rk__slots_remove(&room->flights, flight->serial);
        free(flight);
    }
    chunks->returned = NULL;
    if (chunks->next < chunks->count)
        note_failure(chunks, chunks->next, &news);
    chunks->next = chunks->count;
    if (future->queued)
        rk__queue_remove(&future->pool->queue, future);
    future->queued = false;
    complete_if_done(room, future);
}

/* ---- making one ---- */

static rk_status check(const rk_map *map, rk_error *err) {
    uint64_t bytes;
    if (map->item_size == 0 || map->item_size > UINT32_MAX || map->result_size > UINT32_MAX)
        return rk__fail(err, RK_EINVAL,
                        "items of %zu bytes, results of %zu: items have 1 to 4294967295, results at most",
                        map->item_size, map->result_size);
    if (!rk__mul_u64(map->count, map->item_size, &bytes) || !rk__mul_u64(map->count, map->result_size, &bytes))
        return rk__fail(err, RK_EINVAL, "%zu items of %zu bytes, results of %zu: more than can be counted", map->count,
                        map->item_size, map->result_size);
    if (map->next != NULL)
        return rk__fail(err, RK_EINVAL, "next is for rk_pool_imap: give a map items, or imap it");
    if (map->items == NULL && map->count > 0)
        return rk__fail(err, RK_EINVAL, "items is NULL, and count %zu", map->count);
    return RK_OK;
}

/* As in Python: four chunks a worker. */
static size_t chunk_for(const rk_map *map, const rk__pool *pool) {
    size_t parts = 4 * (size_t)(pool->living > 0 ? pool->living : 1);
    size_t chunk = map->chunksize > 0 ? map->chunksize : map->count / parts + (map->count % parts > 0);
    return chunk > 0 ? chunk : 1;
}

static rk_status allocate(rk__future *future, const rk_map *map, const rk__pool *pool, const rk__map_place *place,
                          rk_error *err) {
    RK_TRY(rk__alloc((void **)&future->chunks, 1, sizeof *future->chunks, "a map", err));
    rk__chunks *chunks = future->chunks;
    chunks->items = map->items;
    chunks->count = map->count;
    chunks->item_size = map->item_size;
    chunks->result_size = map->result_size;
    chunks->chunk = chunk_for(map, pool);
    chunks->failed_at = SIZE_MAX;
    chunks->results = place->results;
    chunks->before = place->before;
    size_t in = map->borrow ? 0 : map->count * map->item_size, out = map->count * map->result_size;
    if (in > 0 && (chunks->items_owned = malloc(in)) == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for %zu bytes of items", in);
    if (in > 0) {
        memcpy(chunks->items_owned, map->items, in);
        chunks->items = chunks->items_owned;
    }
    if (place->results == NULL && out > 0 && (future->bytes = malloc(out)) == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for %zu bytes of results", out);
    if (place->results == NULL)
        chunks->results = future->bytes;
    return RK_OK;
}

static rk_status add_callback(rk__future *future, const rk_map *map, rk_error *err) {
    rk__callback callback = {.result = map->callback, .failure = map->error_callback, .ctx = map->ctx};
    return callback.result == NULL && callback.failure == NULL ? RK_OK : rk__callback_add(future, &callback, err);
}

rk_status rk__map_begin(rk__pools *room, rk__pool *pool, const rk_map *map, const rk__map_place *place,
                        rk__future **out, rk_error *err) {
    rk__function_name name;
    RK_TRY(check(map, err));
    RK_TRY(rk__pool_name(room, map->function, &name, err));
    rk__future *made = rk__future_new(room, pool, 0);
    if (made == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for a map of %zu items", map->count);
    made->function = name;
    made->priority = map->priority;
    rk_status status = allocate(made, map, pool, place, err);
    if (status == RK_OK)
        status = add_callback(made, map, err);
    if (status != RK_OK) {
        rk__future_free(room, made);
        return status;
    }
    *out = made;
    if (map->count > 0) {
        rk__future_begin(room, made);
    } else {
        pool->undone++;
        made->state = RK__SENT;
        complete(room, made);
    }
    return RK_OK;
}
