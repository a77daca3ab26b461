/* Objects of processes that are not there: Each call must return, and say so. */
#include <stdio.h>
#include <string.h>

#include <rankine/bytes.h>
#include <rankine/rankine.h>

static rk_status complain(rk_error *err, const char *call, double with, rk_status got) {
    char why[256];
    snprintf(why, sizeof why, "%.200s", err->message);
    snprintf(err->message, sizeof err->message, "%s of %g: RK_%s, not RK_EDEAD (%s)", call, with, rk_status_name(got),
             why);
    return RK_EMISMATCH;
}

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

typedef struct things {
    rk_lock lock;
    rk_rlock rlock;
    rk_semaphore semaphore;
    rk_condition condition;
    rk_event event;
    rk_barrier barrier;
    rk_queue queue;
    rk_pipe left, right;
    rk_value value;
    rk_array array;
    rk_memory memory;
    rk_shared_list texts;
    rk_dict dict;
    rk_list list;
    rk_namespace space;
    rk_process process;
} things;

static rk_status make_things(things *t, rk_error *err) {
    RK_TRY(rk_lock_create(&t->lock, err));
    RK_TRY(rk_rlock_create(&t->rlock, err));
    RK_TRY(rk_semaphore_create(&t->semaphore, 1, err));
    RK_TRY(rk_condition_create(&t->condition, err));
    RK_TRY(rk_event_create(&t->event, err));
    RK_TRY(rk_barrier_create(&t->barrier, 1, NULL, err));
    RK_TRY(rk_queue_create(&t->queue, NULL, err));
    RK_TRY(rk_pipe_create(&t->left, &t->right, true, err));
    RK_TRY(rk_value_create_i64(&t->value, 0, err));
    RK_TRY(rk_array_create(&t->array, RK_F64, 10, NULL, err));
    RK_TRY(rk_memory_create(&t->memory, NULL, 100, err));
    RK_TRY(rk_shared_list_create(&t->texts, &(rk_shared_item){.kind = RK_SHARED_INT}, 1, err));
    RK_TRY(rk_dict_create(&t->dict, err));
    RK_TRY(rk_list_create(&t->list, err));
    RK_TRY(rk_namespace_create(&t->space, err));
    RK_TRY(rk_process_start(&t->process, nothing, NULL, 0, NULL, err));
    return rk_process_join(t->process, RK_FOREVER, err);
}

#define CALL(name, member, call)                                                                                       \
    static rk_status name(things *t, uint32_t home, rk_error *err) {                                                   \
        t->member.ref.home = home;                                                                                     \
        return call;                                                                                                   \
    }
CALL(call_lock, lock, rk_lock_acquire(t->lock, RK_FOREVER, err))
CALL(call_rlock, rlock, rk_rlock_release(t->rlock, err))
CALL(call_semaphore, semaphore, rk_semaphore_acquire(t->semaphore, 1, err))
CALL(call_condition, condition, rk_condition_acquire(t->condition, RK_FOREVER, err))
CALL(call_event, event, rk_event_is_set(t->event, &(bool){0}, err))
CALL(call_barrier, barrier, rk_barrier_wait(t->barrier, RK_FOREVER, NULL, err))
CALL(call_put, queue, rk_queue_put(t->queue, "x", 1, RK_FOREVER, err))
CALL(call_get, queue, rk_queue_get(t->queue, RK_FOREVER, &(void *){0}, &(size_t){0}, err))
CALL(call_send, left, rk_pipe_send(t->left, "x", 1, err))
CALL(call_recv, right, rk_pipe_recv(t->right, RK_FOREVER, &(void *){0}, &(size_t){0}, err))
CALL(call_value, value, rk_value_get_i64(t->value, &(int64_t){0}, err))
CALL(call_array, array, rk_array_get_f64(t->array, 0, 1, &(double){0}, err))
CALL(call_memory, memory, rk_memory_write(t->memory, 0, 1, "x", err))
CALL(call_texts, texts, rk_shared_list_get(t->texts, 0, &(rk_shared_item){0}, NULL, 0, err))
CALL(call_dict, dict, rk_dict_set(t->dict, rk_text("x"), rk_text("x"), err))
CALL(call_list, list, rk_list_append(t->list, rk_text("x"), err))
CALL(call_space, space, rk_namespace_set(t->space, "x", rk_text("x"), err))
CALL(call_process, process, rk_process_join(t->process, RK_FOREVER, err))

/* As of any that is dead it is ready, and the next call tells. */
static rk_status call_wait(things *t, uint32_t home, rk_error *err) {
    rk_status status = rk_wait(&t->queue.ref, 1, RK_FOREVER, &(bool){0}, err);
    return status == RK_OK ? call_get(t, home, err) : status;
}

static const struct {
    const char *name;
    rk_status (*call)(things *t, uint32_t home, rk_error *err);
} calls[] = {{"rk_lock_acquire", call_lock},
             {"rk_rlock_release", call_rlock},
             {"rk_semaphore_acquire", call_semaphore},
             {"rk_condition_acquire", call_condition},
             {"rk_event_is_set", call_event},
             {"rk_barrier_wait", call_barrier},
             {"rk_queue_put", call_put},
             {"rk_queue_get", call_get},
             {"rk_pipe_send", call_send},
             {"rk_pipe_recv", call_recv},
             {"rk_value_get", call_value},
             {"rk_array_get", call_array},
             {"rk_memory_write", call_memory},
             {"rk_shared_list_get", call_texts},
             {"rk_dict_set", call_dict},
             {"rk_list_append", call_list},
             {"rk_namespace_set", call_space},
             {"rk_process_join", call_process},
             {"rk_wait", call_wait}};

static rk_status await_goodbye(rk_call *call) {
    rk_queue queue;
    void *bytes;
    size_t size;
    RK_TRY(rk_queue_create(&queue, NULL, call->err));
    RK_TRY(rk_queue_put(*(const rk_queue *)call->arg, &queue, sizeof queue, 60, call->err));
    RK_TRY(rk_queue_get(queue, 60, &bytes, &size, call->err));
    rk_free(bytes);
    return RK_OK;
}

/* Objects of one that is there after all are found. */
static rk_status late_comer(rk_error *err) {
    rk_queue back, there;
    rk_process process;
    void *bytes;
    size_t size;
    RK_TRY(rk_queue_create(&back, NULL, err));
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process_options options = {.isolate = true, .where = RK_ON_RANK(rank)};
        RK_TRY(rk_process_start(&process, await_goodbye, &back, sizeof back, &options, err));
        RK_TRY(rk_queue_get(back, 60, &bytes, &size, err));
        memcpy(&there, bytes, sizeof there);
        rk_free(bytes);
        RK_TRY(rk_queue_put(there, "bye", 3, 60, err));
        RK_TRY(rk_process_join(process, 60, err));
        rk_status status = rk_queue_get(there, 60, &bytes, &size, err);
        if (status != RK_EDEAD)
            return complain(err, "rk_queue_get", rank, status);
    }
    return RK_OK;
}

/* Objects of processes that were never born, and of those that no program has. */
static rk_status root(int argc, char **argv, rk_error *err) {
    (void)argc;
    (void)argv;
    things t;
    RK_TRY(make_things(&t, err));
    for (uint32_t home = (uint32_t)rk_size(); home < (uint32_t)rk_size() * 5 + 10; home++)
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            rk_status status = calls[i].call(&t, home, err);
            if (status != RK_EDEAD && status != RK_EINVAL)
                return complain(err, calls[i].name, home, status);
        }
    return late_comer(err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
