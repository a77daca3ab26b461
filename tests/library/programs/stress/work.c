/* What root does meanwhile: tasks of a pool whose results are known, with cancels and dependencies; processes that end
 * by themselves, and others that wait for something without end until they are terminated, which must lose nothing. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rankine/bytes.h>
#include <rankine/pool.h>
#include <rankine/process.h>

#include "errand.h"

enum { BATCH = 40, JOBS = 6, WAIT_SECONDS = 40, LARGE = 100000 };

typedef struct job {
    bool runs, terminated, isolated;
    int rank;
    job_order order;
    rk_process process;
} job;

struct work {
    audit *all;
    uint64_t random, done;
    bool isolate, has_pool;
    rk_event never; /* of those who may be killed in the middle of waiting: they break it */
    rk_pool pool;
    job jobs[JOBS];
};

static void wrong(work *todo, const char *what, rk_status status) {
    todo->all->failures++;
    fprintf(stderr, "stress: seed %llu: root: %s: %s (%s)\n", (unsigned long long)todo->all->todo->seed, what,
            rk_status_name(status), todo->all->err.message);
}

static bool fine(work *todo, rk_status status, unsigned allowed, const char *what) {
    if (may_die(todo->all->todo))
        allowed |= BIT(RK_EDEAD) | BIT(RK_EBROKEN);
    if (status != RK_OK && (BIT(status) & allowed) == 0)
        wrong(todo, what, status);
    return status == RK_OK;
}

/* ---- tasks ---- */

typedef struct task {
    int64_t x;
    int64_t inputs, delay_us;
    bool fails, large, waits;
    rk_event never;
} task;

/* x and what the inputs have, in the first 8 bytes. */
static rk_status add_up(rk_call *call) {
    task it;
    memcpy(&it, call->arg, sizeof it);
    if (it.delay_us > 0)
        usleep((useconds_t)it.delay_us);
    if (it.waits && rk_event_wait(it.never, 2e-3, NULL) == RK_ECANCELLED)
        return RK_ECANCELLED;
    if (it.fails)
        return rk_call_fail(call, RK_EKERNEL, "task %lld fails", (long long)it.x);
    for (int64_t i = 0; i < it.inputs; i++) {
        size_t size;
        int64_t more;
        const void *input = rk_call_input(call, (size_t)i, &size);
        if (input == NULL || size < sizeof more)
            return rk_call_fail(call, RK_ECORRUPT, "input %lld has %zu bytes", (long long)i, size);
        memcpy(&more, input, sizeof more);
        it.x += more;
    }
    size_t size = it.large ? LARGE : sizeof it.x;
    unsigned char *result = rk_call_result(call, size);
    if (result == NULL)
        return RK_ENOMEM;
    memset(result, (int)(it.x & 0xff), size);
    memcpy(result, &it.x, sizeof it.x);
    return RK_OK;
}

typedef struct batch {
    rk_future futures[BATCH];
    task tasks[BATCH];
    int inputs[BATCH][2];
    rk_status ends[BATCH];
    int64_t sums[BATCH];
    bool cancelled[BATCH];
    int count;
} batch;

static bool submit_one(work *todo, batch *it) {
    int i = it->count;
    task *one = &it->tasks[i];
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    rk_future inputs[2];
    *one = (task){.x = (int64_t)below(&todo->random, 1000),
                  .inputs = i == 0 ? 0 : (int64_t)below(&todo->random, 3),
                  .delay_us = below(&todo->random, 8) == 0 ? 500 : 0,
                  .fails = below(&todo->random, 15) == 0,
                  .large = below(&todo->random, 6) == 0,
                  .waits = below(&todo->random, 6) == 0,
                  .never = todo->all->todo->sets[0].never};
    for (int64_t k = 0; k < one->inputs; k++) {
        it->inputs[i][k] = (int)below(&todo->random, (uint64_t)i);
        inputs[k] = it->futures[it->inputs[i][k]];
    }
    options.inputs = inputs;
    options.input_count = (size_t)one->inputs;
    options.priority = (int)below(&todo->random, 3);
    return fine(todo, rk_pool_submit(todo->pool, add_up, one, sizeof *one, &options, &it->futures[i], &todo->all->err),
                0, "submit");
}

static void cancel_some(work *todo, batch *it) {
    for (int i = 0; i < it->count; i++)
        if (below(&todo->random, 12) == 0)
            fine(todo, rk_future_cancel(it->futures[i], &it->cancelled[i], &todo->all->err), 0, "cancel");
}

/* What a task must end with, as its inputs have ended. */
static bool is_as_expected(const work *todo, const batch *it, int i, const unsigned char *bytes, size_t size) {
    const task *one = &it->tasks[i];
    int64_t sum = one->x;
    bool inputs_fail = false, unknown = false, lenient = may_die(todo->all->todo);
    for (int64_t k = 0; k < one->inputs; k++) {
        int input = it->inputs[i][k];
        inputs_fail |= it->ends[input] != RK_OK;
        unknown |= it->ends[input] == RK_EDEAD; /* now; it may have been there when this task wanted it */
        sum += it->sums[input];
    }
    if (it->cancelled[i])
        return it->ends[i] == RK_ECANCELLED;
    if (lenient && (unknown || it->ends[i] == RK_EDEAD))
        return true;
    if (inputs_fail || one->fails)
        return it->ends[i] != RK_OK;
    return it->ends[i] == RK_OK && size == (one->large ? LARGE : sizeof sum) && it->sums[i] == sum &&
           (!one->large || bytes[size - 1] == (unsigned char)(sum & 0xff));
}

static void check_one(work *todo, batch *it, int i) {
    const void *bytes = NULL;
    size_t size = 0;
    be_at(0, "get a future", i);
    it->ends[i] = rk_future_get(it->futures[i], WAIT_SECONDS, &bytes, &size, &todo->all->err);
    if (it->ends[i] == RK_OK && size >= sizeof it->sums[i])
        memcpy(&it->sums[i], bytes, sizeof it->sums[i]);
    if (!is_as_expected(todo, it, i, bytes, size)) {
        fprintf(stderr, "stress: task %d: cancelled %d, fails %d, inputs %lld, %zu bytes, sum %lld\n", i,
                it->cancelled[i], it->tasks[i].fails, (long long)it->tasks[i].inputs, size, (long long)it->sums[i]);
        wrong(todo, "a task's result", it->ends[i]);
    }
}

static void tasks_with_inputs(work *todo) {
    batch it;
    memset(&it, 0, sizeof it);
    be_at(0, "submit", -1);
    while (it.count < BATCH && submit_one(todo, &it))
        it.count++;
    be_at(0, "cancel", -1);
    cancel_some(todo, &it);
    for (int i = 0; i < it.count; i++)
        check_one(todo, &it, i);
    for (int i = 0; i < it.count; i++)
        fine(todo, rk_future_destroy(it.futures[i], &todo->all->err), 0, "destroy a future");
    todo->done += (uint64_t)it.count;
}

static rk_status triple(rk_call *call) {
    int64_t x;
    memcpy(&x, call->arg, sizeof x);
    x *= 3;
    return rk_call_return(call, &x, sizeof x);
}

static void map_some(work *todo) {
    enum { COUNT = 200 };
    int64_t x[COUNT], y[COUNT];
    for (int i = 0; i < COUNT; i++)
        x[i] = (int64_t)below(&todo->random, 1000000);
    memset(y, 0, sizeof y);
    rk_map map = {.function = triple,
                  .items = x,
                  .count = 1 + below(&todo->random, COUNT),
                  .item_size = sizeof *x,
                  .result_size = sizeof *y,
                  .chunksize = below(&todo->random, 8)};
    be_at(0, "map", -1);
    if (!fine(todo, rk_pool_map(todo->pool, &map, y, &todo->all->err), 0, "map"))
        return;
    for (size_t i = 0; i < map.count; i++)
        if (y[i] != 3 * x[i])
            wrong(todo, "a result of map", RK_OK);
    todo->done += map.count;
}

static void iterate_some(work *todo) {
    enum { COUNT = 60 };
    int64_t x[COUNT], y;
    bool came[COUNT] = {false};
    uint64_t index = 0;
    rk_imap imap;
    rk_status status = RK_OK;
    for (int i = 0; i < COUNT; i++)
        x[i] = i;
    rk_map map = {.function = triple,
                  .items = x,
                  .count = COUNT,
                  .item_size = sizeof *x,
                  .result_size = sizeof y,
                  .chunksize = 1 + below(&todo->random, 4)};
    be_at(0, "imap", -1);
    if (!fine(todo, rk_pool_imap_unordered(todo->pool, &map, &imap, &todo->all->err), 0, "imap_unordered"))
        return;
    uint64_t wanted = below(&todo->random, 2 * COUNT);
    for (uint64_t i = 0; i < wanted && status == RK_OK; i++) {
        status = rk_imap_next(imap, WAIT_SECONDS, &y, &index, &todo->all->err);
        if (status == RK_OK && (index >= COUNT || came[index] || y != 3 * x[index]))
            wrong(todo, "a result of imap_unordered", status);
        else if (status == RK_OK)
            came[index] = true;
    }
    fine(todo, status, BIT(RK_EEOF), "next");
    for (int i = 0; status == RK_EEOF && i < COUNT; i++)
        if (!came[i])
            wrong(todo, "imap_unordered ended before all had come", status);
    fine(todo, rk_imap_destroy(imap, &todo->all->err), 0, "destroy an imap");
    todo->done += wanted;
}

static void change_pool(work *todo) {
    bool hard = below(&todo->random, 2) > 0;
    rk_error *err = &todo->all->err;
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    if (todo->has_pool) {
        be_at(0, "end a pool", hard);
        fine(todo, hard ? rk_pool_terminate(todo->pool, err) : rk_pool_close(todo->pool, err), 0, "end a pool");
        fine(todo, rk_pool_join(todo->pool, WAIT_SECONDS, err), 0, "join a pool");
        fine(todo, rk_pool_destroy(todo->pool, err), 0, "destroy a pool");
    }
    be_at(0, "create a pool", -1);
    options.workers = (int)below(&todo->random, 5);
    options.isolate = todo->isolate && below(&todo->random, 2) > 0;
    todo->has_pool =
        fine(todo, rk_pool_create(&todo->pool, &options, err), options.isolate ? BIT(RK_EFULL) : 0, "create a pool");
}

static void use_pool(work *todo) {
    int workers = 0;
    if (todo->has_pool)
        fine(todo, rk_pool_worker_count(todo->pool, &workers, &todo->all->err), 0, "count workers");
    if (workers == 0 || below(&todo->random, 10) == 0)
        change_pool(todo);
    if (!todo->has_pool)
        return;
    switch (below(&todo->random, 3)) {
    case 0:
        map_some(todo);
        break;
    case 1:
        iterate_some(todo);
        break;
    default:
        tasks_with_inputs(todo);
    }
}

/* ---- processes ---- */

static rk_event unbroken(work *todo) {
    bool set;
    rk_error *err = &todo->all->err;
    if (rk_event_is_set(todo->never, &set, err) == RK_EBROKEN) {
        fine(todo, rk_event_destroy(todo->never, err), 0, "destroy a broken event");
        fine(todo, rk_event_create(&todo->never, err), 0, "create an event");
    }
    return todo->never;
}

static void start_job(work *todo, job *one) {
    const orders *all = todo->all->todo;
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    memset(one, 0, sizeof *one);
    one->isolated = todo->isolate && below(&todo->random, 4) == 0;
    one->order.kind = (job_kind)below(&todo->random, JOB_KINDS);
    one->order.set = (int32_t)below(&todo->random, (uint64_t)all->set_count);
    one->order.x = (int64_t)below(&todo->random, 1000);
    one->order.never = one->isolated ? unbroken(todo) : all->sets[one->order.set].never;
    one->order.on = all->sets[one->order.set];
    bool reserved = one->order.set >= all->ranks;
    one->rank = (int)below(&todo->random, (uint64_t)(reserved ? all->immortals : all->ranks));
    if (one->isolated) /* whose waits are killed at any moment: nothing that others count on */
        one->order.kind = one->order.kind % (JOB_WAIT_EVENT + 1);
    options.where = RK_ON_RANK(one->rank);
    options.isolate = one->isolated;
    be_at(0, "start a process", one->order.kind);
    one->runs =
        fine(todo, rk_process_start(&one->process, be_a_job, &one->order, sizeof one->order, &options, &todo->all->err),
             one->isolated ? BIT(RK_EFULL) : 0, "start a process");
    todo->done += one->runs;
}

static void take_result(work *todo, const job *one, const job_result *result) {
    int64_t *totals = todo->all->totals[one->order.set];
    switch (one->order.kind) {
    case JOB_SQUARE:
        if (result->x != one->order.x * one->order.x)
            wrong(todo, "the result of a process", RK_OK);
        break;
    case JOB_GET:
    case JOB_RECV:
        if (!result->got)
            break;
        if (result->x > 0)
            audit_token(todo->all, (uint32_t)(result->x - 1));
        else
            totals[EMPTY_GOT]++;
        if (one->order.kind == JOB_GET) {
            rk_status status = rk_queue_task_done(one->order.on.queues[one->order.x & 1], &todo->all->err);
            fine(todo, status, 0, "task_done for another");
        }
        break;
    case JOB_BARRIER:
        totals[MET + result->index]++;
        break;
    default:
        break;
    }
}

static unsigned expected_of(const work *todo, const job *one) {
    unsigned allowed = one->terminated ? BIT(RK_ECANCELLED) : 0;
    if (one->isolated && one->order.kind == JOB_WAIT_EVENT)
        allowed |= BIT(RK_EDEAD) | BIT(RK_EBROKEN) | BIT(RK_ENOENT);
    if (one->order.kind == JOB_FAIL)
        allowed |= BIT(RK_EKERNEL);
    if (one->order.kind == JOB_BARRIER)
        allowed |= BIT(RK_EBROKEN);
    return allowed | (may_die(todo->all->todo) ? BIT(RK_EBROKEN) | BIT(RK_ENOENT) : 0);
}

static void wrong_result(work *todo, const job *one, size_t size) {
    rk_process_info info = {.exit_code = RK_PROCESS_RUNNING};
    rk_process_get_info(one->process, &info, &todo->all->err);
    fprintf(stderr, "stress: job %d on rank %d, isolated %d, terminated %d: %zu bytes, exit code %d, %s\n",
            (int)one->order.kind, one->rank, one->isolated, one->terminated, size, info.exit_code,
            rk_status_name(info.status));
    wrong(todo, "the size of a process's result", RK_OK);
}

static void join_job(work *todo, job *one) {
    void *bytes;
    size_t size;
    rk_error *err = &todo->all->err;
    be_at(0, "join a process", one->order.kind);
    if (!fine(todo, rk_process_join(one->process, WAIT_SECONDS, err), 0, "join a process"))
        return;
    if (fine(todo, rk_process_result(one->process, &bytes, &size, err), expected_of(todo, one),
             "the result of a process")) {
        if (size == sizeof(job_result))
            take_result(todo, one, bytes);
        else
            wrong_result(todo, one, size);
        rk_free(bytes);
    }
    fine(todo, rk_process_close(one->process, err), 0, "close a process");
}

static void end_job(work *todo, job *one) {
    rk_error *err = &todo->all->err;
    if (one->order.kind >= JOB_WAIT_EVENT) {
        bool kill = one->isolated && below(&todo->random, 2) > 0;
        one->terminated = true;
        be_at(0, "terminate a process", one->order.kind);
        fine(todo, kill ? rk_process_kill(one->process, err) : rk_process_terminate(one->process, err), 0, "terminate");
    }
    join_job(todo, one);
    one->runs = false;
}

work *work_begin(audit *all, uint64_t seed, bool isolate) {
    work *todo = calloc(1, sizeof *todo);
    if (todo == NULL)
        abort();
    todo->all = all;
    todo->random = seed ^ 0x726f6f74;
    todo->isolate = isolate;
    fine(todo, rk_event_create(&todo->never, &all->err), 0, "create an event");
    return todo;
}

void work_step(work *todo) {
    job *one = &todo->jobs[below(&todo->random, JOBS)];
    if (below(&todo->random, 3) == 0)
        use_pool(todo);
    else if (one->runs)
        end_job(todo, one);
    else
        start_job(todo, one);
}

void work_end(work *todo) {
    for (int i = 0; i < JOBS; i++)
        if (todo->jobs[i].runs)
            end_job(todo, &todo->jobs[i]);
    if (todo->has_pool) {
        be_at(0, "end the pool", -1);
        fine(todo, rk_pool_close(todo->pool, &todo->all->err), 0, "close the pool");
        fine(todo, rk_pool_join(todo->pool, WAIT_SECONDS, &todo->all->err), 0, "join the pool");
        fine(todo, rk_pool_destroy(todo->pool, &todo->all->err), 0, "destroy the pool");
    }
    free(todo);
}

uint64_t work_done(const work *todo) {
    return todo->done;
}
