/* Queue, JoinableQueue, Pipe. */
#include "scenarios.h"

#include <rankine/queue.h>

static rk_status limits(rk_error *err) {
    rk_queue_options options = {.maxsize = 2};
    rk_queue queue;
    uint64_t count;
    int64_t x;
    bool answer;
    RK_TRY(rk_queue_create(&queue, &options, err));
    told("get_nowait", rk_queue_get_i64(queue, 0, &x, NULL));
    told("get", rk_queue_get_i64(queue, 0.05, &x, NULL));
    for (int i = 1; i <= 2; i++)
        told("put", rk_queue_put_i64(queue, i, RK_FOREVER, err));
    told("put_nowait", rk_queue_put_i64(queue, 3, 0, NULL));
    told("put", rk_queue_put_i64(queue, 3, 0.05, NULL));
    RK_TRY(rk_queue_full(queue, &answer, err));
    answered("full", answer);
    RK_TRY(rk_queue_size(queue, &count, err));
    numbered("qsize", (int64_t)count);
    for (int i = 0; i < 2; i++) {
        RK_TRY(rk_queue_get_i64(queue, RK_FOREVER, &x, err));
        numbered("get", x);
    }
    RK_TRY(rk_queue_empty(queue, &answer, err));
    answered("empty", answer);
    RK_TRY(rk_queue_full(queue, &answer, err));
    answered("full", answer);
    RK_TRY(rk_queue_close(queue, err));
    told("put after close", rk_queue_put_i64(queue, 3, RK_FOREVER, NULL));
    return rk_queue_destroy(queue, err);
}

/* Doubles what comes until a 0 comes. */
typedef struct work {
    rk_queue in, out;
} work;

static rk_status double_numbers(rk_call *call) {
    const work *queues = call->arg;
    int64_t x;
    for (;;) {
        RK_TRY(rk_queue_get_i64(queues->in, RK_FOREVER, &x, NULL));
        if (x != 0)
            RK_TRY(rk_queue_put_i64(queues->out, 2 * x, RK_FOREVER, NULL));
        RK_TRY(rk_queue_task_done(queues->in, NULL));
        if (x == 0)
            return RK_OK;
    }
}

static rk_status order(rk_error *err) {
    work queues;
    rk_process process;
    int64_t doubled[6];
    RK_TRY(rk_queue_create(&queues.in, NULL, err));
    RK_TRY(rk_queue_create(&queues.out, NULL, err));
    RK_TRY(rk_process_start(&process, double_numbers, &queues, sizeof queues, NULL, err));
    for (int64_t i = 1; i <= 6; i++)
        RK_TRY(rk_queue_put_i64(queues.in, i, RK_FOREVER, err));
    RK_TRY(rk_queue_put_i64(queues.in, 0, RK_FOREVER, err));
    for (int i = 0; i < 6; i++)
        RK_TRY(rk_queue_get_i64(queues.out, RK_FOREVER, &doubled[i], err));
    numbers("get", doubled, 6);
    told("join", rk_queue_join(queues.in, RK_FOREVER, err));
    told("task_done once more", rk_queue_task_done(queues.in, NULL));
    return rk_process_join(process, RK_FOREVER, err);
}

/* ---- pipes ---- */

static rk_status echo(rk_call *call) {
    rk_pipe end = *(const rk_pipe *)call->arg;
    void *bytes;
    size_t size;
    rk_status status;
    while ((status = rk_pipe_recv(end, RK_FOREVER, &bytes, &size, NULL)) == RK_OK && size > 0) {
        status = rk_pipe_send(end, bytes, size, NULL);
        rk_free(bytes);
        RK_TRY(status);
    }
    RK_TRY(status);
    return rk_pipe_close(end, NULL);
}

static rk_status echoes(rk_error *err) {
    rk_pipe here, there;
    rk_process process;
    char buffer[4];
    void *bytes;
    size_t size;
    bool answer;
    RK_TRY(rk_pipe_create(&here, &there, true, err));
    RK_TRY(rk_process_start(&process, echo, &there, sizeof there, NULL, err));
    RK_TRY(rk_pipe_poll(here, 0, &answer, err));
    answered("poll", answer);
    RK_TRY(rk_pipe_send(here, "abcdef", 6, err));
    RK_TRY(rk_pipe_poll(here, RK_FOREVER, &answer, err));
    answered("poll", answer);
    RK_TRY(rk_pipe_recv(here, RK_FOREVER, &bytes, &size, err));
    printf("recv_bytes: %.*s\n", (int)size, (const char *)bytes);
    rk_free(bytes);
    RK_TRY(rk_pipe_send(here, "abcdef", 6, err));
    told("recv_bytes_into 4 bytes", rk_pipe_recv_into(here, RK_FOREVER, buffer, sizeof buffer, &size, NULL));
    RK_TRY(rk_pipe_recv(here, RK_FOREVER, &bytes, &size, err)); /* it stayed; in Python it is in the exception */
    rk_free(bytes);
    RK_TRY(rk_pipe_send(here, NULL, 0, err));
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_pipe_poll(here, RK_FOREVER, &answer, err));
    answered("poll at the end", answer);
    told("recv", rk_pipe_recv(here, RK_FOREVER, &bytes, &size, NULL));
    told("send", rk_pipe_send(here, "a", 1, NULL));
    return rk_pipe_close(here, err);
}

static rk_status one_way(rk_error *err) {
    rk_pipe reader, writer;
    void *bytes;
    size_t size;
    RK_TRY(rk_pipe_create(&reader, &writer, false, err));
    told("send at the reader", rk_pipe_send(reader, "a", 1, NULL));
    told("recv at the writer", rk_pipe_recv(writer, RK_FOREVER, &bytes, &size, NULL));
    for (int i = 0; i < 2; i++)
        told("send", rk_pipe_send(writer, "a", 1, err));
    RK_TRY(rk_pipe_close(writer, err));
    told("send at a closed end", rk_pipe_send(writer, "a", 1, NULL));
    for (int i = 0; i < 3; i++) {
        rk_status status = rk_pipe_recv(reader, RK_FOREVER, &bytes, &size, NULL);
        told("recv", status);
        if (status == RK_OK)
            rk_free(bytes);
    }
    RK_TRY(rk_pipe_close(reader, err));
    told("recv at a closed end", rk_pipe_recv(reader, RK_FOREVER, &bytes, &size, NULL));
    return RK_OK;
}

const scenario channel_scenarios[] = {
    {"limits", limits}, {"order", order}, {"echoes", echoes}, {"one_way", one_way}, {NULL, NULL}};
