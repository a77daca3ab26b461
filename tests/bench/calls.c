/* How long the library's calls take: prints "name seconds" a line, each for one operation, measured on rank 0. Two
 * ranks or more. `calls NAME` measures that one alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rankine/pool.h>
#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/queue.h>
#include <rankine/shared.h>
#include <rankine/sync.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static rk_status same(rk_call *call) {
    return rk_call_return(call, call->arg, call->arg_size);
}

/* ---- pools ---- */

static rk_status apply(double *seconds, rk_error *err) {
    enum { TIMES = 50000 };
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_pool pool;
    int x = 1, y;
    double begin = 0;
    options.workers = 1;
    RK_TRY(rk_pool_create(&pool, &options, err));
    for (int i = -1000; i < TIMES; i++) {
        if (i == 0)
            begin = now();
        RK_TRY(rk_pool_apply(pool, same, &x, sizeof x, &y, sizeof y, NULL, err));
    }
    *seconds = (now() - begin) / TIMES;
    return rk_pool_destroy(pool, err);
}

static rk_status map(double *seconds, rk_error *err) {
    enum { TIMES = 2000000 };
    static int items[TIMES];
    rk_pool pool;
    rk_map what = {.function = nothing, .items = items, .count = TIMES, .item_size = sizeof *items};
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(rk_pool_map(pool, &what, NULL, err));
    double begin = now();
    RK_TRY(rk_pool_map(pool, &what, NULL, err));
    *seconds = (now() - begin) / TIMES;
    return rk_pool_destroy(pool, err);
}

/* ---- a partner on another rank ---- */

typedef struct partner_work {
    rk_queue there, back;
    rk_lock lock;
    rk_value turn;
    int64_t times;
} partner_work;

static rk_status start(rk_process *partner, rk_function function, const partner_work *work, rk_error *err) {
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    options.where = RK_ON_RANK(rk_size() - 1);
    return rk_process_start(partner, function, work, sizeof *work, &options, err);
}

/* ---- queues: a stream of small messages, and there and back ---- */

static rk_status drain(rk_call *call) {
    const partner_work *work = call->arg;
    int64_t x;
    for (int64_t i = 0; i < work->times; i++)
        RK_TRY(rk_queue_get_i64(work->there, RK_FOREVER, &x, NULL));
    return rk_queue_put_i64(work->back, 0, RK_FOREVER, NULL);
}

static rk_status queue_stream(double *seconds, rk_error *err) {
    partner_work work = {.times = 300000};
    rk_process partner;
    int64_t x;
    RK_TRY(rk_queue_create(&work.there, NULL, err));
    RK_TRY(rk_queue_create(&work.back, NULL, err));
    RK_TRY(start(&partner, drain, &work, err));
    double begin = now();
    for (int64_t i = 0; i < work.times; i++)
        RK_TRY(rk_queue_put_i64(work.there, i, RK_FOREVER, err));
    RK_TRY(rk_queue_get_i64(work.back, RK_FOREVER, &x, err));
    *seconds = (now() - begin) / (double)work.times;
    return rk_process_join(partner, RK_FOREVER, err);
}

static rk_status echo(rk_call *call) {
    const partner_work *work = call->arg;
    int64_t x;
    for (int64_t i = 0; i < work->times; i++) {
        RK_TRY(rk_queue_get_i64(work->there, RK_FOREVER, &x, NULL));
        RK_TRY(rk_queue_put_i64(work->back, x, RK_FOREVER, NULL));
    }
    return RK_OK;
}

static rk_status queue_round(double *seconds, rk_error *err) {
    partner_work work = {.times = 50000};
    rk_process partner;
    int64_t x;
    RK_TRY(rk_queue_create(&work.there, NULL, err));
    RK_TRY(rk_queue_create(&work.back, NULL, err));
    RK_TRY(start(&partner, echo, &work, err));
    double begin = now();
    for (int64_t i = 0; i < work.times; i++) {
        RK_TRY(rk_queue_put_i64(work.there, i, RK_FOREVER, err));
        RK_TRY(rk_queue_get_i64(work.back, RK_FOREVER, &x, err));
    }
    *seconds = (now() - begin) / (double)work.times;
    return rk_process_join(partner, RK_FOREVER, err);
}

/* ---- locks ---- */

static rk_status lock_alone(double *seconds, rk_error *err) {
    enum { TIMES = 1000000 };
    rk_lock lock;
    RK_TRY(rk_lock_create(&lock, err));
    double begin = now();
    for (int i = 0; i < TIMES; i++) {
        RK_TRY(rk_lock_acquire(lock, RK_FOREVER, err));
        RK_TRY(rk_lock_release(lock, err));
    }
    *seconds = (now() - begin) / TIMES;
    return rk_lock_destroy(lock, err);
}

/* Both want it all the time: the time from one's release to the other's. */
static rk_status compete(const partner_work *work) {
    for (int64_t i = 0; i < work->times; i++) {
        RK_TRY(rk_lock_acquire(work->lock, RK_FOREVER, NULL));
        RK_TRY(rk_lock_release(work->lock, NULL));
    }
    return RK_OK;
}

static rk_status compete_there(rk_call *call) {
    return compete(call->arg);
}

static rk_status lock_contended(double *seconds, rk_error *err) {
    partner_work work = {.times = 200000};
    rk_process partner;
    RK_TRY(rk_lock_create(&work.lock, err));
    RK_TRY(start(&partner, compete_there, &work, err));
    double begin = now();
    RK_TRY(compete(&work));
    RK_TRY(rk_process_join(partner, RK_FOREVER, err));
    *seconds = (now() - begin) / (2 * (double)work.times);
    return RK_OK;
}

/* ---- arrays ---- */

enum { DOUBLES = 1 << 23 };

static rk_status array_read(double *seconds, rk_error *err) {
    rk_array array;
    double *copy = malloc(DOUBLES * sizeof *copy);
    if (copy == NULL)
        return RK_ENOMEM;
    RK_TRY(rk_array_create(&array, RK_F64, DOUBLES, NULL, err));
    RK_TRY(rk_array_get(array, RK_F64, 0, DOUBLES, copy, err));
    double begin = now();
    RK_TRY(rk_array_get(array, RK_F64, 0, DOUBLES, copy, err));
    *seconds = (now() - begin) / DOUBLES;
    free(copy);
    return rk_array_destroy(array, err);
}

static rk_status memory_read(double *seconds, rk_error *err) {
    double *memory = malloc(DOUBLES * sizeof *memory), *copy = malloc(DOUBLES * sizeof *copy);
    (void)err;
    if (memory == NULL || copy == NULL)
        return RK_ENOMEM;
    void *(*volatile copy_bytes)(void *, const void *, size_t) = memcpy; /* not to be left out */
    memset(memory, 1, DOUBLES * sizeof *memory);
    copy_bytes(copy, memory, DOUBLES * sizeof *copy);
    double begin = now();
    copy_bytes(copy, memory, DOUBLES * sizeof *copy);
    *seconds = (now() - begin) / DOUBLES;
    free(memory);
    free(copy);
    return RK_OK;
}

static const struct {
    const char *name;
    rk_status (*measure)(double *seconds, rk_error *err);
} all[] = {{"apply", apply},
           {"map", map},
           {"queue_stream", queue_stream},
           {"queue_round", queue_round},
           {"lock_alone", lock_alone},
           {"lock_contended", lock_contended},
           {"array_read", array_read},
           {"memory_read", memory_read}};

static rk_status root(int argc, char **argv, rk_error *err) {
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double seconds;
        if (argc > 1 && strcmp(argv[1], all[i].name) != 0)
            continue;
        RK_TRY(all[i].measure(&seconds, err));
        printf("%s %.4g\n", all[i].name, seconds);
        fflush(stdout);
    }
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
