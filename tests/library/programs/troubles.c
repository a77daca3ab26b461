/* What goes wrong from outside or by mistake: `troubles <scene>`. Scenes wait where the test is to do something. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rankine/rankine.h>

#include "scenes.h"

/* Says that it is ready, and goes on with a line on stdin, or never. */
static void wait_for_test(void) {
    char line[16];
    printf("ready\n");
    fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        printf("end of input\n");
}

static rk_status have_array(rk_call *call) {
    rk_array array;
    return rk_array_create_f64(&array, 100000, NULL, call->err);
}

/* Objects with names, of this rank and of others, and one that lives on in children of the ranks. */
static rk_status objects(rk_error *err) {
    rk_memory memory;
    rk_pool pool;
    rk_process child;
    rk_process_options isolated = RK_PROCESS_OPTIONS_INIT;
    isolated.isolate = true;
    RK_TRY(rk_memory_create(&memory, "left", 1 << 20, err));
    RK_TRY(rk_pool_create(&pool, NULL, err));
    for (int i = 0; i < rk_size(); i++)
        RK_TRY(rk_pool_submit(pool, have_array, NULL, 0, NULL, NULL, err));
    RK_TRY(rk_pool_shutdown(pool, true, false, err));
    RK_TRY(rk_process_start(&child, have_array, NULL, 0, &isolated, err));
    RK_TRY(rk_process_join(child, RK_FOREVER, err));
    wait_for_test();
    return RK_OK;
}

static rk_status print(rk_call *call) {
    printf("item %d\n", *(const int *)call->arg);
    return RK_OK;
}

/* Isolated workers print; the pool is destroyed when all is done. */
static rk_status printing(rk_error *err) {
    const int items[] = {0, 1, 2, 3};
    rk_map map = {.function = print, .items = items, .count = 4, .item_size = sizeof *items, .chunksize = 1};
    rk_pool pool;
    RK_TRY(rk_pool_create(&pool, &(rk_pool_options){.isolate = true, .workers = 2}, err));
    RK_TRY(rk_pool_map(pool, &map, NULL, err));
    return rk_pool_destroy(pool, err);
}

static rk_status fail(rk_call *call) {
    return rk_call_fail(call, RK_EIO, "no bread");
}

static rk_status crash(rk_call *call) {
    (void)call;
    abort();
}

static rk_status wait_for_ever(rk_call *call) {
    while (!rk_call_stopping(call))
        ;
    return RK_ECANCELLED;
}

/* Nobody asks what came of them. */
static rk_status unasked(rk_error *err) {
    rk_process failing, crashing, terminated;
    RK_TRY(rk_process_start(&terminated, wait_for_ever, NULL, 0, &(rk_process_options){.isolate = true}, err));
    RK_TRY(rk_process_terminate(terminated, err));
    RK_TRY(rk_process_start(&crashing, crash, NULL, 0, &(rk_process_options){.isolate = true}, err));
    return rk_process_start(&failing, fail, NULL, 0, &(rk_process_options){.name = "baker"}, err);
}

static rk_status leave(rk_call *call) {
    (void)call;
    exit(3);
}

static rk_status apply(rk_function function, rk_error *err) {
    rk_pool pool;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    return rk_pool_apply(pool, function, NULL, 0, NULL, 0, NULL, err);
}

static rk_status crashing(rk_error *err) {
    return apply(crash, err);
}

static uint64_t dig(uint64_t depth) {
    volatile uint64_t hole[100];
    for (int i = 0; i < 100; i++)
        hole[i] = depth;
    return depth > 0 ? dig(depth + 1) + hole[depth % 100] : 0;
}

static rk_status overflow(rk_call *call) {
    return rk_call_return(call, &(uint64_t){dig(1)}, sizeof(uint64_t));
}

static rk_status overflowing(rk_error *err) {
    return apply(overflow, err);
}

static rk_status leaving(rk_error *err) {
    return apply(leave, err);
}

static rk_status end_thread(rk_call *call) {
    (void)call;
    pthread_exit(NULL);
}

/* The function goes on running beside it. */
static rk_status root_without_thread(rk_error *err) {
    rk_process process;
    RK_TRY(rk_process_start(&process, wait_for_ever, NULL, 0, &(rk_process_options){.daemon = true, .isolate = true},
                            err));
    pthread_exit(NULL);
}

static void end_thread_of_caller(rk_future future, void *ctx) {
    (void)future;
    (void)ctx;
    pthread_exit(NULL);
}

/* Those who wait in the call that runs it are waited for in vain. */
static rk_status callback_without_thread(rk_error *err) {
    rk_pool pool;
    rk_future future;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(rk_pool_submit(pool, fail, NULL, 0, NULL, &future, err));
    RK_TRY(rk_future_add_done_callback(future, end_thread_of_caller, NULL, err));
    return rk_future_wait(future, RK_FOREVER, err);
}

static rk_status callback_in_task(rk_call *call) {
    return callback_without_thread(call->err);
}

static rk_status inner(rk_error *err) {
    return apply(callback_in_task, err);
}

static rk_status everyone(rk_error *err) {
    return rk_everywhere(end_thread, NULL, 0, RK_FOREVER, err);
}

static rk_status wait_long(rk_call *call) {
    rk_event never;
    RK_TRY(rk_event_create(&never, call->err));
    rk_event_wait(never, 12, call->err);
    return RK_OK;
}

/* Root fails, and leaves behind who waits for it. */
static rk_status lingering(rk_error *err) {
    rk_process process;
    RK_TRY(rk_process_start(&process, wait_long, NULL, 0, NULL, err));
    snprintf(err->message, sizeof err->message, "no flour");
    return RK_EINVAL;
}

static rk_status silent(rk_error *err) {
    (void)err;
    return (rk_status)42;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    static const scene scenes[] = {{"objects", objects},
                                   {"printing", printing},
                                   {"unasked", unasked},
                                   {"crashing", crashing},
                                   {"overflowing", overflowing},
                                   {"leaving", leaving},
                                   {"silent", silent},
                                   {"lingering", lingering},
                                   {"root_ends", root_without_thread},
                                   {"callback_ends", callback_without_thread},
                                   {"inner", inner},
                                   {"everyone", everyone}};
    return play_scene(scenes, sizeof scenes / sizeof *scenes, argc, argv, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
