/* Submitting: apply, submit, map. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

rk_status rk__pool_takes(const rk__pool *pool, rk_error *err) {
    if (pool->ended_by == RK_EBROKEN || pool->ended_by == RK_EDEAD)
        return rk__fail(err, pool->ended_by, "%s", pool->text);
    if (pool->closed)
        return rk__fail(err, RK_ECLOSED, "this pool was closed or terminated: it takes no more tasks");
    return RK_OK;
}

static rk_status enter(rk_pool ref, rk__pools **room, rk__pool **pool, rk_error *err) {
    void *found = NULL;
    *room = rk__pools_enter(err);
    if (*room == NULL)
        return RK_EPERM;
    rk_status status = rk__pools_find(*room, ref.ref, RK__KIND_POOL, &found, err);
    *pool = found;
    if (status == RK_OK)
        status = rk__pool_takes(*pool, err);
    if (status != RK_OK)
        rk__pools_leave(*room);
    return status;
}

/* ---- a task ---- */

static rk_status find_inputs(rk__pools *room, rk__future *future, const rk_submit_options *options, rk_error *err) {
    if (options->input_count == 0)
        return RK_OK;
    if (options->input_count > UINT32_MAX / 2)
        return rk__fail(err, RK_EINVAL, "%zu inputs: too many", options->input_count);
    RK_TRY(rk__alloc((void **)&future->inputs, options->input_count, sizeof *future->inputs, "inputs", err));
    for (size_t i = 0; i < options->input_count; i++) {
        void *found = NULL;
        RK_TRY(rk__pools_find(room, options->inputs[i].ref, RK__KIND_FUTURE, &found, err));
        future->inputs[i].of = found;
    }
    future->input_count = (uint32_t)options->input_count; /* from now on to be released */
    return RK_OK;
}

/* Behind the future if it is small: one piece of memory. */
static rk_status set_arg(rk__future *future, const void *arg, size_t size, bool borrow, rk_error *err) {
    future->arg = arg;
    future->arg_size = size;
    if (borrow || size == 0)
        return RK_OK;
    void *copy = future + 1;
    if (size > RK_POOL_CARRIED_BYTES && (copy = malloc(size)) == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for an argument of %zu bytes", size);
    future->arg_owned = size > RK_POOL_CARRIED_BYTES;
    memcpy(copy, arg, size);
    future->arg = copy;
    return RK_OK;
}

static rk_status add_callback(rk__future *future, const rk_submit_options *options, rk_error *err) {
    rk__callback callback = {.result = options->callback, .failure = options->error_callback, .ctx = options->ctx};
    return callback.result == NULL && callback.failure == NULL ? RK_OK : rk__callback_add(future, &callback, err);
}

static rk_status make_task(rk__pool *pool, rk_function function, const void *arg, size_t size,
                           const rk_submit_options *options, rk__future **out, rk_error *err) {
    rk__pools *room = pool->room;
    rk__function_name name;
    RK_TRY(rk__pool_name(room, function, &name, err));
    rk__future *made = rk__future_new(room, pool, !options->borrow && size <= RK_POOL_CARRIED_BYTES ? size : 0);
    if (made == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for one more future");
    made->function = name;
    made->priority = options->priority;
    rk_status status = find_inputs(room, made, options, err);
    if (status == RK_OK)
        status = set_arg(made, arg, size, options->borrow, err);
    if (status == RK_OK)
        status = add_callback(made, options, err);
    if (status != RK_OK)
        rk__future_free(room, made);
    *out = made;
    return status;
}

static rk_status submit(rk__pool *pool, rk_function function, const void *arg, size_t size,
                        const rk_submit_options *options, rk_future *future, rk_error *err) {
    rk__pools *room = pool->room;
    rk__future *made;
    RK_TRY(make_task(pool, function, arg, size, options, &made, err));
    if (future != NULL)
        future->ref = rk__pools_ref(room, made->serial, RK__KIND_FUTURE);
    rk__future_pin(made);
    rk__future_begin(room, made);
    if (future == NULL)
        rk__future_forget(room, made);
    rk__future_unpin(room, made);
    return RK_OK;
}

rk_status rk_pool_submit(rk_pool ref, rk_function function, const void *arg, size_t arg_size,
                         const rk_submit_options *options, rk_future *future, rk_error *err) {
    RK__NEED_BYTES(arg, arg_size, err);
    if (options != NULL)
        RK__NEED_BYTES(options->inputs, options->input_count, err);
    static const rk_submit_options defaults = RK_SUBMIT_OPTIONS_INIT;
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = submit(pool, function, arg, arg_size, options != NULL ? options : &defaults, future, err);
    rk__pools_leave(room);
    return status;
}

/* ---- and waiting for it ---- */

static bool borrows_nothing(const rk__future *future) {
    return future->settled || (future->flight != NULL && future->flight->gone);
}

/* The caller was told to end; what the future borrows from it is needed until it is out. */
static void abandon(rk__pools *room, rk__future *future) {
    static const char why[] = "the function that waited for it was told to end";
    if (future->state != RK__DONE && future->chunks != NULL)
        rk__chunks_stop(room, future, RK_ECANCELLED, true, why);
    else if (future->state == RK__BLOCKED || future->state == RK__PENDING)
        rk__future_fail(room, future, RK_ECANCELLED, true, why);
    future->cancelled |= !future->settled;
    while (!borrows_nothing(future))
        rk__yield(room->mail);
}

static rk_status await(rk__pools *room, rk__future *future, rk_error *err) {
    rk_status status = rk__pools_wait_future(room, future, RK_FOREVER, err);
    if (status != RK_OK)
        abandon(room, future);
    else
        status = rk__future_failure(future, err);
    return status;
}

static rk_status copy_result(const rk__future *future, void *result, size_t capacity, size_t *size, rk_error *err) {
    if (future->size > capacity || (size == NULL && future->size != capacity))
        return rk__fail(err, RK_EOVERFLOW, "the result has %llu bytes, not %zu", (unsigned long long)future->size,
                        capacity);
    if (future->size > 0)
        memcpy(result, future->bytes, (size_t)future->size);
    if (size != NULL)
        *size = (size_t)future->size;
    return RK_OK;
}

static rk_status apply(rk__pool *pool, rk_function function, const void *arg, size_t arg_size, void *result,
                       size_t capacity, size_t *size, rk_error *err) {
    rk__pools *room = pool->room;
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    rk__future *made;
    options.borrow = true;
    RK_TRY(make_task(pool, function, arg, arg_size, &options, &made, err));
    made->carried = true;
    rk__future_pin(made);
    rk__future_begin(room, made);
    rk_status status = await(room, made, err);
    if (status == RK_OK)
        status = copy_result(made, result, capacity, size, err);
    rk__future_forget(room, made);
    rk__future_unpin(room, made);
    return status;
}

rk_status rk_pool_apply(rk_pool ref, rk_function function, const void *arg, size_t arg_size, void *result,
                        size_t capacity, size_t *size, rk_error *err) {
    RK__NEED_BYTES(arg, arg_size, err);
    RK__NEED_BYTES(result, capacity, err);
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = apply(pool, function, arg, arg_size, result, capacity, size, err);
    rk__pools_leave(room);
    return status;
}

/* ---- maps ---- */

static rk_status map_now(rk__pool *pool, const rk_map *map, void *results, rk_error *err) {
    rk__pools *room = pool->room;
    rk_map borrowed = *map;
    rk__future *made;
    borrowed.borrow = true;
    borrowed.callback = NULL;
    borrowed.error_callback = NULL;
    if (results == NULL && map->result_size > 0 && map->count > 0)
        return rk__fail(err, RK_EINVAL, "results is NULL, and result_size %zu", map->result_size);
    RK_TRY(rk__map_begin(room, pool, &borrowed, &(rk__map_place){.results = results}, &made, err));
    rk__future_pin(made);
    rk_status status = await(room, made, err);
    rk__future_forget(room, made);
    rk__future_unpin(room, made);
    return status;
}

rk_status rk_pool_map(rk_pool ref, const rk_map *map, void *results, rk_error *err) {
    RK__NEED(map, err);
    rk__pools *room;
    rk__pool *pool;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = map_now(pool, map, results, err);
    rk__pools_leave(room);
    return status;
}

rk_status rk_pool_map_async(rk_pool ref, const rk_map *map, rk_future *future, rk_error *err) {
    RK__NEED(map, err);
    RK__NEED(future, err);
    rk__pools *room;
    rk__pool *pool;
    rk__future *made;
    RK_TRY(enter(ref, &room, &pool, err));
    rk_status status = rk__map_begin(room, pool, map, &(rk__map_place){0}, &made, err);
    if (status == RK_OK)
        future->ref = rk__pools_ref(room, made->serial, RK__KIND_FUTURE);
    rk__pools_leave(room);
    return status;
}
