/* Producers put parcels into a queue, consumers take them out, on any ranks. The queue holds a few at most: fast
 * producers wait. When all producers have ended, a sentinel for each consumer (an empty message) says that no more will
 * come. */
#include <stdio.h>
#include <stdlib.h>

#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/queue.h>

enum { PRODUCERS = 3, CONSUMERS = 2 };

typedef struct parcel {
    int64_t producer, number;
} parcel;

typedef struct work {
    rk_queue queue;
    int64_t producer, count;
} work;

typedef struct takings {
    int64_t parcels, sum, out_of_order;
} takings;

static rk_status produce(rk_call *call) {
    const work *todo = call->arg;
    for (int64_t i = 0; i < todo->count; i++) {
        parcel one = {todo->producer, i};
        RK_TRY(rk_queue_put(todo->queue, &one, sizeof one, RK_FOREVER, call->err));
    }
    return RK_OK;
}

static rk_status consume(rk_call *call) {
    const work *todo = call->arg;
    takings taken = {0, 0, 0};
    int64_t last[PRODUCERS] = {-1, -1, -1};
    for (;;) {
        parcel one;
        size_t size;
        RK_TRY(rk_queue_get_into(todo->queue, RK_FOREVER, &one, sizeof one, &size, call->err));
        if (size == 0) /* the sentinel */
            return rk_call_return(call, &taken, sizeof taken);
        taken.parcels++;
        taken.sum += one.number;
        taken.out_of_order += one.number <= last[one.producer]; /* of one producer, they come in its order */
        last[one.producer] = one.number;
    }
}

static rk_status start(rk_process *process, rk_function function, const work *todo, rk_error *err) {
    return rk_process_start(process, function, todo, sizeof *todo, NULL, err);
}

static rk_status collect(rk_process consumer, takings *all, rk_error *err) {
    void *bytes;
    size_t size;
    RK_TRY(rk_process_join(consumer, RK_FOREVER, err));
    RK_TRY(rk_process_result(consumer, &bytes, &size, err));
    const takings *one = bytes;
    all->parcels += one->parcels;
    all->sum += one->sum;
    all->out_of_order += one->out_of_order;
    rk_free(bytes);
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    rk_process producers[PRODUCERS], consumers[CONSUMERS];
    rk_queue_options options = {.maxsize = 16};
    work todo = {.count = argc > 1 ? atoll(argv[1]) : 10000};
    takings all = {0, 0, 0};
    RK_TRY(rk_queue_create(&todo.queue, &options, err));
    for (int i = 0; i < CONSUMERS; i++)
        RK_TRY(start(&consumers[i], consume, &todo, err));
    for (todo.producer = 0; todo.producer < PRODUCERS; todo.producer++)
        RK_TRY(start(&producers[todo.producer], produce, &todo, err));
    for (int i = 0; i < PRODUCERS; i++)
        RK_TRY(rk_process_join(producers[i], RK_FOREVER, err));
    for (int i = 0; i < CONSUMERS; i++)
        RK_TRY(rk_queue_put(todo.queue, NULL, 0, RK_FOREVER, err));
    for (int i = 0; i < CONSUMERS; i++)
        RK_TRY(collect(consumers[i], &all, err));
    printf("%lld parcels of %d producers, numbers add up to %lld, %lld out of order\n", (long long)all.parcels,
           PRODUCERS, (long long)all.sum, (long long)all.out_of_order);
    return rk_queue_destroy(todo.queue, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
