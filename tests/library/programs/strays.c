/* Functions that do to their thread or process what nobody should: `strays <scene> [children]`. Nothing may hang, and
 * what they did is told. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rankine/bytes.h>
#include <rankine/rankine.h>

#include "scenes.h"

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

/* ---- functions that end the thread they run on ---- */

enum { ITEMS = 10, LOST_ITEM = 7 };

static rk_status leave_thread(rk_call *call) {
    int x = *(const int *)call->arg;
    RK_TRY(rk_call_return(call, &(int){x * x}, sizeof x));
    if (x == LOST_ITEM)
        pthread_exit(NULL);
    return RK_OK;
}

static rk_status be_cancelled(rk_call *call) {
    (void)call;
    pthread_cancel(pthread_self());
    sleep(0);
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    sleep(60);
    return RK_OK;
}

static rk_status not_be_cancelled(rk_call *call) {
    pthread_cancel(pthread_self());
    sleep(0);
    return rk_call_return(call, call->arg, call->arg_size);
}

static rk_status expect_lost(const char *call, double with, rk_status got, rk_error *err) {
    if (got == RK_EDEAD && strstr(err->message, "ended its thread") != NULL)
        return RK_OK;
    return complain(err, call, with, got, RK_EDEAD);
}

static rk_status lose_tasks(const rk_pool_options *options, rk_error *err) {
    rk_pool pool;
    int items[ITEMS], results[ITEMS];
    rk_map map = {.function = leave_thread,
                  .items = items,
                  .count = ITEMS,
                  .item_size = sizeof(int),
                  .result_size = sizeof(int),
                  .chunksize = ITEMS};
    RK_TRY(rk_pool_create(&pool, options, err));
    for (int i = 0; i < ITEMS; i++) {
        items[i] = i;
        rk_status status = rk_pool_apply(pool, leave_thread, &i, sizeof i, &results[i], sizeof i, NULL, err);
        if (i == LOST_ITEM)
            status = expect_lost("rk_pool_apply", i, status, err);
        RK_TRY(status);
    }
    RK_TRY(expect_lost("rk_pool_map", 0, rk_pool_map(pool, &map, results, err), err));
    RK_TRY(expect_lost("a cancelled task", 0, rk_pool_apply(pool, be_cancelled, NULL, 0, NULL, 0, NULL, err), err));
    RK_TRY(rk_pool_apply(pool, not_be_cancelled, &items[1], sizeof(int), &results[1], sizeof(int), NULL, err));
    map.count = LOST_ITEM;
    RK_TRY(rk_pool_map(pool, &map, results, err));
    RK_TRY(rk_pool_close(pool, err));
    RK_TRY(rk_pool_join(pool, 60, err));
    return rk_pool_destroy(pool, err);
}

static rk_status lose_processes(bool isolate, rk_error *err) {
    rk_process_options options = {.isolate = isolate};
    static const rk_function functions[] = {leave_thread, be_cancelled};
    for (int i = 0; i < 2; i++) {
        rk_process process;
        void *bytes;
        size_t size;
        RK_TRY(rk_process_start(&process, functions[i], &(int){LOST_ITEM}, sizeof(int), &options, err));
        RK_TRY(rk_process_join(process, 30, err));
        RK_TRY(expect_lost("rk_process_result", i, rk_process_result(process, &bytes, &size, err), err));
    }
    return RK_OK;
}

static rk_status lose_initializer(rk_error *err) {
    rk_pool pool;
    rk_pool_options options = {
        .initializer = leave_thread, .initializer_arg = &(int){LOST_ITEM}, .initializer_arg_size = sizeof(int)};
    RK_TRY(rk_pool_create(&pool, &options, err));
    rk_status status = rk_pool_apply(pool, nothing, NULL, 0, NULL, 0, NULL, err);
    if (status != RK_EBROKEN || strstr(err->message, "ended its thread") == NULL)
        return complain(err, "rk_pool_apply", 0, status, RK_EBROKEN);
    return rk_pool_destroy(pool, err);
}

static rk_status leave_on_last_rank(rk_call *call) {
    (void)call;
    if (rk_rank() == rk_size() - 1)
        pthread_exit(NULL);
    return rk_barrier_all(60, call->err);
}

/* Not on the rank that called: its thread is the caller's. */
static rk_status lose_one_of_all(rk_error *err) {
    if (rk_size() == 1)
        return RK_OK;
    return expect_lost("rk_everywhere", 0, rk_everywhere(leave_on_last_rank, NULL, 0, 60, err), err);
}

static rk_status lost_threads(rk_error *err) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    RK_TRY(lose_tasks(&options, err));
    options.workers = 1;
    RK_TRY(lose_tasks(&options, err));
    options.isolate = true;
    RK_TRY(lose_tasks(&options, err));
    RK_TRY(lose_processes(false, err));
    RK_TRY(lose_processes(true, err));
    RK_TRY(lose_one_of_all(err));
    return lose_initializer(err);
}

/* ---- a function that forks ---- */

typedef struct belongings {
    rk_lock lock;
    rk_semaphore semaphore;
    rk_event event;
    rk_barrier barrier;
    rk_condition condition;
    rk_queue queue;
    rk_pipe left, right;
    rk_value value;
    rk_array array;
    rk_memory memory;
    rk_dict dict;
    rk_list list;
    rk_pool pool;
} belongings;

static rk_status make_belongings(belongings *b, rk_error *err) {
    RK_TRY(rk_lock_create(&b->lock, err));
    RK_TRY(rk_semaphore_create(&b->semaphore, 1, err));
    RK_TRY(rk_event_create(&b->event, err));
    RK_TRY(rk_barrier_create(&b->barrier, 1, NULL, err));
    RK_TRY(rk_condition_create(&b->condition, err));
    RK_TRY(rk_queue_create(&b->queue, NULL, err));
    RK_TRY(rk_pipe_create(&b->left, &b->right, true, err));
    RK_TRY(rk_value_create_i64(&b->value, 0, err));
    RK_TRY(rk_array_create(&b->array, RK_F64, 10, NULL, err));
    RK_TRY(rk_memory_create(&b->memory, NULL, 100, err));
    RK_TRY(rk_dict_create(&b->dict, err));
    RK_TRY(rk_list_create(&b->list, err));
    return rk_pool_create(&b->pool, NULL, err);
}

#define REFUSED(call) ((call) == RK_EPERM && strstr(err->message, "forked") != NULL ? 0 : (printf("%s\n", #call), 1))

/* What would go through at once, and what would wait. */
static int count_allowed(const belongings *b, rk_error *err) {
    void *p;
    size_t size;
    bool is;
    rk_lock lock;
    rk_pool pool;
    rk_process process;
    return REFUSED(rk_lock_create(&lock, err)) + REFUSED(rk_lock_acquire(b->lock, 1, err)) +
           REFUSED(rk_semaphore_acquire(b->semaphore, 1, err)) + REFUSED(rk_event_set(b->event, err)) +
           REFUSED(rk_barrier_wait(b->barrier, 1, NULL, err)) + REFUSED(rk_condition_notify_all(b->condition, err)) +
           REFUSED(rk_queue_put(b->queue, "x", 1, 1, err)) + REFUSED(rk_queue_get(b->queue, 1, &p, &size, err)) +
           REFUSED(rk_pipe_send(b->left, "x", 1, err)) + REFUSED(rk_pipe_recv(b->right, 1, &p, &size, err)) +
           REFUSED(rk_value_set_i64(b->value, 1, err)) + REFUSED(rk_array_pointer(b->array, &p, err)) +
           REFUSED(rk_memory_write(b->memory, 0, 1, "x", err)) +
           REFUSED(rk_dict_set(b->dict, rk_text("x"), rk_text("x"), err)) +
           REFUSED(rk_list_append(b->list, rk_text("x"), err)) + REFUSED(rk_pool_create(&pool, NULL, err)) +
           REFUSED(rk_pool_apply(b->pool, nothing, NULL, 0, NULL, 0, NULL, err)) +
           REFUSED(rk_pool_destroy(b->pool, err)) + REFUSED(rk_current_process(&process, err)) +
           REFUSED(rk_process_start(&process, nothing, NULL, 0, NULL, err)) +
           REFUSED(rk_everywhere(nothing, NULL, 0, 1, err)) + REFUSED(rk_barrier_all(1, err)) +
           REFUSED(rk_wait(&b->queue.ref, 1, 1, &is, err)) + (rk_log(RK_LOG_ERROR, "x") != RK_EPERM) +
           (rk_rank() != -1);
}

typedef enum parting { BY_EXIT, BY_UNDERSCORE_EXIT, BY_CRASH, BY_RETURN } parting;

static rk_status expect_child(pid_t child, int code, rk_call *call) {
    int status = -1;
    for (int i = 0; i < 1000 && waitpid(child, &status, WNOHANG) == 0; i++)
        usleep(10000);
    bool as_wanted =
        code >= 0 ? WIFEXITED(status) && WEXITSTATUS(status) == code : WIFSIGNALED(status) && WTERMSIG(status) == -code;
    if (as_wanted)
        return RK_OK;
    kill(child, SIGKILL);
    return rk_call_fail(call, RK_EMISMATCH, "a fork was to end with %d, not with the status %d", code, status);
}

/* A fork that has tried it all ends in each of the ways there are. */
static rk_status fork_and_wait(rk_call *call) {
    static const int codes[] = {0, 0, -SIGABRT, EXIT_FAILURE};
    const belongings *b = call->arg;
    for (parting how = BY_EXIT; how <= BY_RETURN; how++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            int allowed = count_allowed(b, call->err);
            fflush(stdout);
            if (allowed > 0)
                _exit(100 + allowed);
            if (how == BY_EXIT)
                exit(0);
            if (how == BY_UNDERSCORE_EXIT)
                _exit(0);
            if (how == BY_CRASH)
                abort();
            return RK_OK;
        }
        RK_TRY(expect_child(child, codes[how], call));
    }
    return rk_lock_acquire(b->lock, 10, call->err) == RK_OK ? rk_lock_release(b->lock, call->err) : RK_EMISMATCH;
}

static void fork_in_callback(rk_future future, void *ctx) {
    (void)future;
    *(pid_t *)ctx = fork();
}

static rk_status fork_in_a_callback(const belongings *b, rk_error *err) {
    rk_future future;
    pid_t child = -1;
    rk_call call = {.err = err};
    RK_TRY(rk_pool_submit(b->pool, nothing, NULL, 0, NULL, &future, err));
    RK_TRY(rk_future_add_done_callback(future, fork_in_callback, &child, err));
    RK_TRY(rk_future_wait(future, 30, err));
    return expect_child(child, EXIT_FAILURE, &call);
}

static rk_status forks(rk_error *err) {
    belongings b;
    rk_process process;
    void *bytes;
    size_t size;
    RK_TRY(make_belongings(&b, err));
    RK_TRY(rk_pool_apply(b.pool, fork_and_wait, &b, sizeof b, NULL, 0, NULL, err));
    for (int isolate = 0; isolate < 2; isolate++) {
        rk_process_options options = {.isolate = isolate};
        RK_TRY(rk_process_start(&process, fork_and_wait, &b, sizeof b, &options, err));
        RK_TRY(rk_process_join(process, 60, err));
        RK_TRY(rk_process_result(process, &bytes, &size, err));
    }
    RK_TRY(fork_in_a_callback(&b, err));
    if (fork() == 0)
        return RK_OK; /* from root */
    return rk_pool_destroy(b.pool, err);
}

/* ---- a function that closes what is not its own ---- */

static rk_status close_all(rk_call *call) {
    for (int fd = *(const int *)call->arg; fd < 1024; fd++)
        close(fd);
    return RK_OK;
}

static rk_status closed_from(int first, rk_error *err) {
    rk_pool pool;
    rk_process process;
    RK_TRY(rk_process_start(&process, nothing, NULL, 0, &(rk_process_options){.isolate = true}, err));
    RK_TRY(rk_process_join(process, 60, err));
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(rk_pool_apply(pool, close_all, &first, sizeof first, NULL, 0, NULL, err));
    return rk_pool_destroy(pool, err);
}

static rk_status closed(rk_error *err) {
    return closed_from(0, err);
}

static rk_status closed_but_stderr(rk_error *err) {
    return closed_from(3, err);
}

static rk_status children(rk_error *err) {
    (void)err;
    return RK_OK;
}

/* ---- all scenes ---- */

static rk_status root(int argc, char **argv, rk_error *err) {
    static const scene scenes[] = {{"lost_threads", lost_threads},
                                   {"forks", forks},
                                   {"closed", closed},
                                   {"closed_but_stderr", closed_but_stderr},
                                   {"children", children}};
    return play_scene(scenes, sizeof scenes / sizeof *scenes, argc, argv, err);
}

int main(int argc, char **argv) {
    rk_main_options options = RK_MAIN_OPTIONS_INIT;
    if (argc > 2)
        options.children = atoi(argv[2]);
    return rk_main(argc, argv, root, &options);
}
