/* Each rank makes its set, in a process that ends at once: what it made stays. */
#include <stdio.h>
#include <string.h>

#include <rankine/bytes.h>
#include <rankine/process.h>

#include "stress.h"

static rk_status make_channels(kit *it, int number, rk_error *err) {
    rk_queue_options few = {.maxsize = 4};
    RK_TRY(rk_queue_create(&it->queues[0], &few, err));
    RK_TRY(rk_queue_create(&it->queues[1], NULL, err));
    RK_TRY(rk_pipe_create(&it->ends[0], &it->ends[1], true, err));
    RK_TRY(rk_list_create(&it->list, err));
    RK_TRY(rk_dict_create(&it->tokens, err));
    RK_TRY(rk_value_create_i64(&it->held, number * TOKENS + 1, err));
    for (int i = 1; i < TOKENS; i++) { /* the first is held */
        uint32_t token = (uint32_t)(number * TOKENS + i);
        RK_TRY(rk_list_append(it->list, rk_bytes_of(&token, sizeof token), err));
    }
    return RK_OK;
}

static rk_status make_meetings(kit *it, rk_error *err) {
    RK_TRY(rk_lock_create(&it->lock, err));
    RK_TRY(rk_value_create_i64(&it->left, 0, err));
    RK_TRY(rk_value_create_i64(&it->right, 0, err));
    RK_TRY(rk_rlock_create(&it->rlock, err));
    RK_TRY(rk_array_create_i64(&it->pair, 2, NULL, err));
    RK_TRY(rk_semaphore_create(&it->semaphores[0], INSIDE_MAX, err));
    RK_TRY(rk_bounded_semaphore_create(&it->semaphores[1], INSIDE_MAX, err));
    RK_TRY(rk_value_create_i64(&it->inside[0], 0, err));
    RK_TRY(rk_value_create_i64(&it->inside[1], 0, err));
    RK_TRY(rk_condition_create(&it->condition, err));
    RK_TRY(rk_value_create_i64(&it->available, 0, err));
    RK_TRY(rk_event_create(&it->event, err));
    RK_TRY(rk_event_create(&it->never, err));
    return rk_barrier_create(&it->barrier, PARTIES, barrier_action, err);
}

static rk_status make_texts(kit *it, rk_error *err) {
    char longest[TEXT_MAX + 1];
    rk_shared_item items[ACTORS_MAX];
    memset(longest, 'x', sizeof longest);
    for (int i = 0; i < ACTORS_MAX; i++)
        items[i] = (rk_shared_item){.kind = RK_SHARED_STRING, .bytes = longest, .size = TEXT_MAX};
    return rk_shared_list_create(&it->texts, items, ACTORS_MAX, err);
}

static rk_status make_data(kit *it, int number, rk_error *err) {
    char name[32];
    RK_TRY(rk_value_create_i64(&it->sum, 0, err));
    RK_TRY(rk_value_create_i64(&it->swapped, 0, err));
    RK_TRY(rk_value_create_f64(&it->floated, 0, err));
    RK_TRY(rk_array_create_i64(&it->elements, ELEMENTS, NULL, err));
    RK_TRY(rk_dict_create(&it->counts, err));
    RK_TRY(rk_dict_create(&it->board, err));
    RK_TRY(rk_namespace_create(&it->names, err));
    snprintf(name, sizeof name, "stress-%d", number);
    RK_TRY(rk_memory_create(&it->memory, name, (uint64_t)ACTORS_MAX * RANGE_BYTES, err));
    return make_texts(it, err);
}

static rk_status make_set(rk_call *call) {
    int number = *(const int *)call->arg;
    rk_error err = RK_ERROR_INIT;
    kit it;
    memset(&it, 0, sizeof it);
    rk_status status = make_channels(&it, number, &err);
    if (status == RK_OK)
        status = make_meetings(&it, &err);
    if (status == RK_OK)
        status = make_data(&it, number, &err);
    if (status != RK_OK)
        return rk_call_fail(call, status, "set %d: %s", number, err.message);
    return rk_call_return(call, &it, sizeof it);
}

rk_status make_sets(orders *todo, rk_error *err) {
    rk_process processes[SETS_MAX];
    for (int i = 0; i < todo->set_count; i++) {
        rk_process_options options = RK_PROCESS_OPTIONS_INIT;
        options.where = RK_ON_RANK(i % todo->ranks);
        RK_TRY(rk_process_start(&processes[i], make_set, &i, sizeof i, &options, err));
    }
    for (int i = 0; i < todo->set_count; i++) {
        void *bytes;
        size_t size;
        RK_TRY(rk_process_join(processes[i], 30, err));
        RK_TRY(rk_process_result(processes[i], &bytes, &size, err));
        memcpy(&todo->sets[i], bytes, sizeof todo->sets[i]);
        rk_free(bytes);
        RK_TRY(rk_process_close(processes[i], err));
    }
    return RK_OK;
}
