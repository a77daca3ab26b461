#include <string.h>

#include <rankine/bytes.h>

#include "errand.h"

static rk_status get_a_token(const job_order *todo, job_result *result, rk_error *err) {
    void *bytes;
    size_t size;
    uint32_t token;
    RK_TRY(todo->kind == JOB_GET ? rk_queue_get(todo->on.queues[todo->x & 1], RK_FOREVER, &bytes, &size, err)
                                 : rk_pipe_recv(todo->on.ends[todo->x & 1], RK_FOREVER, &bytes, &size, err));
    result->got = true;
    if (size >= sizeof token) { /* the first of its label */
        memcpy(&token, bytes, sizeof token);
        result->x = (int64_t)token + 1;
    }
    rk_free(bytes);
    return RK_OK;
}

static rk_status lock_and_release(const job_order *todo, rk_error *err) {
    RK_TRY(rk_lock_acquire(todo->on.lock, RK_FOREVER, err));
    return rk_lock_release(todo->on.lock, err);
}

static rk_status acquire_and_release(const job_order *todo, rk_error *err) {
    RK_TRY(rk_semaphore_acquire(todo->on.semaphores[todo->x & 1], RK_FOREVER, err));
    return rk_semaphore_release(todo->on.semaphores[todo->x & 1], 1, err);
}

static rk_status wait_for_notice(const job_order *todo, rk_error *err) {
    RK_TRY(rk_condition_acquire(todo->on.condition, RK_FOREVER, err));
    RK_TRY(rk_condition_wait(todo->on.condition, RK_FOREVER, err));
    return rk_condition_release(todo->on.condition, err);
}

static rk_status do_job(const job_order *todo, job_result *result, rk_error *err) {
    uint32_t index;
    switch (todo->kind) {
    case JOB_SQUARE:
        result->x = todo->x * todo->x;
        return RK_OK;
    case JOB_FAIL:
        return RK_EKERNEL;
    case JOB_WAIT_EVENT:
        return rk_event_wait(todo->never, RK_FOREVER, err);
    case JOB_GET:
    case JOB_RECV:
        return get_a_token(todo, result, err);
    case JOB_LOCK:
        return lock_and_release(todo, err);
    case JOB_SEMAPHORE:
        return acquire_and_release(todo, err);
    case JOB_CONDITION:
        return wait_for_notice(todo, err);
    default:
        RK_TRY(rk_barrier_wait(todo->on.barrier, RK_FOREVER, &index, err));
        result->index = (int32_t)index;
        return RK_OK;
    }
}

rk_status be_a_job(rk_call *call) {
    const job_order *todo = call->arg;
    rk_error err = RK_ERROR_INIT;
    job_result result = {.index = -1};
    rk_status status = do_job(todo, &result, &err);
    if (status != RK_OK)
        return rk_call_fail(call, status, "%s", err.message);
    return rk_call_return(call, &result, sizeof result);
}
