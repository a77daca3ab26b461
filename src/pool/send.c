/* A flight becomes a letter, or for a worker of the owner's own endpoint a job that borrows what is here. */
#include <stdlib.h>

#include "pool/pool_private.h"

static uint16_t op_of(const rk__future *future) {
    return future->chunks != NULL ? RK__POOL_CHUNK : future->input_count > 0 ? RK__POOL_TASK_WITH : RK__POOL_TASK;
}

static uint64_t sizes_of(const rk__future *future) {
    const rk__chunks *chunks = future->chunks;
    if (chunks != NULL)
        return (uint64_t)chunks->item_size | (uint64_t)chunks->result_size << 32;
    return (uint64_t)(future->carried || future->pool->isolate) | (uint64_t)future->input_count << 1;
}

static void payload_of(const rk__flight *flight, rk__letter *letter) {
    const rk__future *future = flight->future;
    const rk__chunks *chunks = future->chunks;
    letter->bytes = (void *)(uintptr_t)future->arg;
    letter->size = future->arg_size;
    if (chunks != NULL) {
        letter->bytes = (void *)(uintptr_t)(chunks->items + flight->first * chunks->item_size);
        letter->size = flight->count * chunks->item_size;
    }
}

static bool send_here(rk__pools *room, rk__flight *flight, const rk__letter *letter, bool packed) {
    rk__worker *worker = rk__slots_at(&room->workers, flight->hand->there);
    rk__job *job = worker != NULL ? rk__job_new(0) : NULL;
    if (job == NULL) {
        if (packed)
            free(letter->bytes);
        return false;
    }
    job->flight = flight->serial;
    job->op = letter->op;
    job->function = flight->future->function;
    job->sizes = letter->c;
    job->bytes = letter->bytes;
    job->size = letter->size;
    job->owned = packed ? letter->bytes : NULL;
    flight->gone = packed;
    rk__job_add(worker, job);
    return true;
}

/* An argument of ours that is large goes for good. */
static bool is_given_away(const rk__future *future) {
    return future->chunks == NULL && future->arg_owned && future->arg_size > RK__LARGE_BYTES;
}

bool rk__flight_send(rk__pools *room, rk__flight *flight) {
    rk__future *future = flight->future;
    bool packed = future->chunks == NULL && future->input_count > 0;
    rk__letter letter = {.to = flight->hand->endpoint,
                         .room = RK__ROOM_POOL,
                         .op = op_of(future),
                         .status = (int32_t)flight->hand->there,
                         .call = flight->serial,
                         .a = future->function.object,
                         .b = future->function.offset,
                         .c = sizes_of(future)};
    payload_of(flight, &letter);
    if (packed && (letter.bytes = rk__inputs_pack(room, future, &letter.size)) == NULL)
        return false;
    if (letter.to == room->endpoint)
        return send_here(room, flight, &letter, packed);
    if (packed)
        return rk__mail_send(room->mail, &letter, RK__PAYLOAD_TAKE, NULL) == RK_OK;
    if (!is_given_away(future))
        return rk__mail_send_borrowed(room->mail, &letter, &flight->gone, NULL) == RK_OK;
    future->arg_owned = false;
    future->arg = NULL;
    return rk__mail_send(room->mail, &letter, RK__PAYLOAD_TAKE, NULL) == RK_OK;
}
