/* Processes and pools of actors', not only of root: anybody may have them. */
#include <stdlib.h>
#include <string.h>

#include <rankine/bytes.h>
#include <rankine/pool.h>
#include <rankine/process.h>

#include "stress.h"

enum { WAIT_SECONDS = 20, ITEMS = 12, FLOOD = 90, DROP_BYTES = 1 << 20 };

static rk_status negate(rk_call *call) {
    int64_t x;
    memcpy(&x, call->arg, sizeof x);
    x = -x;
    return rk_call_return(call, &x, sizeof x);
}

static void check_process(actor *who, rk_process process, int64_t x) {
    void *bytes;
    size_t size;
    int64_t found = 0;
    if (!met(who, rk_process_join(process, WAIT_SECONDS, &who->err), 0, "join"))
        return;
    if (met(who, rk_process_result(process, &bytes, &size, &who->err), 0, "result")) {
        memcpy(&found, bytes, size < sizeof found ? size : sizeof found);
        holds(who, found == -x, "a process has another result");
        rk_free(bytes);
    }
    met(who, rk_process_close(process, &who->err), 0, "close");
}

/* On a rank that nobody kills, for strict sets. */
void run_a_process(actor *who) {
    int64_t x = (int64_t)below(&who->random, 1000000);
    rk_process process;
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    options.where =
        RK_ON_RANK((int)below(&who->random, (uint64_t)(who->strict ? who->todo->immortals : who->todo->ranks)));
    if (met(who, rk_process_start(&process, negate, &x, sizeof x, &options, &who->err), BIT(RK_EFULL), "start"))
        check_process(who, process, x);
}

static void map_some(actor *who, rk_pool pool) {
    int64_t x[ITEMS], y[ITEMS] = {0};
    for (int i = 0; i < ITEMS; i++)
        x[i] = (int64_t)below(&who->random, 1000000);
    rk_map map = {.function = negate, .items = x, .count = ITEMS, .item_size = sizeof *x, .result_size = sizeof *y};
    if (!met(who, rk_pool_map(pool, &map, y, &who->err), 0, "map"))
        return;
    for (int i = 0; i < ITEMS; i++)
        if (!holds(who, y[i] == -x[i], "a pool has another result"))
            return;
}

/* Workers are on any ranks: with mortals, never strict. */
void run_a_pool(actor *who) {
    rk_pool pool;
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    bool strict = who->strict;
    who->strict = !may_die(who->todo);
    options.workers = 1 + (int)below(&who->random, 3);
    if (met(who, rk_pool_create(&pool, &options, &who->err), BIT(RK_EFULL), "create")) {
        map_some(who, pool);
        if (below(&who->random, 2) > 0) {
            met(who, rk_pool_close(pool, &who->err), 0, "close");
            met(who, rk_pool_join(pool, WAIT_SECONDS, &who->err), 0, "join");
        }
        met(who, rk_pool_destroy(pool, &who->err), 0, "destroy");
    }
    who->strict = strict;
}

/* ---- floods: more than may be on its way to another rank at a time ---- */

typedef struct flood {
    rk_queue queue;
    rk_pipe pipe;
    bool by_pipe;
} flood;

static rk_status pour(rk_call *call) {
    const flood *it = call->arg;
    unsigned char *drop = calloc(1, DROP_BYTES);
    rk_error err = RK_ERROR_INIT;
    rk_status status = drop != NULL ? RK_OK : RK_ENOMEM;
    for (int i = 0; status == RK_OK && i < FLOOD; i++) {
        drop[0] = drop[DROP_BYTES - 1] = (unsigned char)i;
        status = it->by_pipe ? rk_pipe_send(it->pipe, drop, DROP_BYTES, &err)
                             : rk_queue_put(it->queue, drop, DROP_BYTES, RK_FOREVER, &err);
    }
    free(drop);
    return status == RK_OK ? RK_OK : rk_call_fail(call, status, "%s", err.message);
}

static rk_status next_drop(actor *who, const flood *it, rk_pipe mine, double seconds, void **bytes, size_t *size) {
    return it->by_pipe ? rk_pipe_recv(mine, seconds, bytes, size, &who->err)
                       : rk_queue_get(it->queue, seconds, bytes, size, &who->err);
}

/* Up to so many, in order. On a lenient set it may have ended before. */
static void drain(actor *who, const flood *it, rk_pipe mine, int wanted) {
    for (int i = 0; i < wanted; i++) {
        void *bytes;
        size_t size;
        rk_status status = next_drop(who, it, mine, who->strict ? WAIT_SECONDS : 1, &bytes, &size);
        if (!met(who, status, who->strict ? 0 : BIT(RK_EEMPTY) | BIT(RK_ETIMEDOUT), "get of a flood"))
            return;
        const unsigned char *drop = bytes;
        holds(who, size == DROP_BYTES && drop[0] == i && drop[size - 1] == i, "a flood out of order");
        rk_free(bytes);
    }
}

/* The flood ends by itself, or its source is terminated, or what it goes to is destroyed. */
static void be_flooded_by(actor *who, const flood *it, rk_pipe mine, rk_process source) {
    uint64_t end = below(&who->random, 3);
    unsigned allowed = 0;
    drain(who, it, mine, end == 0 ? FLOOD : (int)below(&who->random, FLOOD));
    if (end == 1) {
        allowed = BIT(RK_ECANCELLED);
        met(who, rk_process_terminate(source, &who->err), 0, "terminate a flood");
    } else if (end == 2) {
        allowed = BIT(RK_ENOENT) | BIT(RK_EBROKEN);
        met(who, it->by_pipe ? rk_pipe_close(mine, &who->err) : rk_queue_destroy(it->queue, &who->err), 0,
            "end a flood");
    }
    if (!met(who, rk_process_join(source, WAIT_SECONDS, &who->err), 0, "join a flood"))
        return;
    void *bytes = NULL;
    size_t size;
    met(who, rk_process_result(source, &bytes, &size, &who->err), allowed, "result of a flood");
    rk_free(bytes);
    met(who, rk_process_close(source, &who->err), 0, "close");
    if (it->by_pipe) {
        met(who, rk_pipe_close(mine, &who->err), 0, "close a flood");
        met(who, rk_pipe_close(it->pipe, &who->err), 0, "close a flood");
    } else if (end != 2) {
        met(who, rk_queue_destroy(it->queue, &who->err), 0, "destroy a flood");
    }
}

void be_flooded(actor *who) {
    flood it = {.by_pipe = below(&who->random, 2) > 0};
    rk_pipe mine = {.ref = {0, 0, 0}};
    rk_process source;
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    if (below(&who->random, 10) > 0) /* it takes long */
        return;
    options.where =
        RK_ON_RANK((int)below(&who->random, (uint64_t)(who->strict ? who->todo->immortals : who->todo->ranks)));
    rk_status status =
        it.by_pipe ? rk_pipe_create(&mine, &it.pipe, false, &who->err) : rk_queue_create(&it.queue, NULL, &who->err);
    if (!met(who, status, 0, "create"))
        return;
    if (met(who, rk_process_start(&source, pour, &it, sizeof it, &options, &who->err), BIT(RK_EFULL), "start"))
        be_flooded_by(who, &it, mine, source);
}
