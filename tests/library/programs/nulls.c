/* What has to be given, at NULL: each call must be refused, and name what is missing. Nothing of the objects is looked
 * at before, so none is made. */
#include <stdio.h>
#include <string.h>

#include <rankine/rankine.h>

typedef struct trial {
    int failed;
    rk_error err;
    char room[4096]; /* whatever is pointed to */
} trial;

static void look(trial *it, const char *call, rk_status got) {
    size_t name = strcspn(call, "(");
    if (got == RK_EINVAL && strncmp(it->err.message, call, name) == 0 && strstr(it->err.message, " is NULL") != NULL)
        return;
    it->failed++;
    printf("%s: RK_%s (%s)\n", call, rk_status_name(got), it->err.message);
    it->err.message[0] = '\0';
}

#define NO(call) look(it, #call, (call))

static rk_status function(rk_call *call) {
    (void)call;
    return RK_OK;
}

static void of_process(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_process_start(NULL, function, room, 1, NULL, err));
    NO(rk_process_start(room, function, NULL, 4, NULL, err));
    NO(rk_process_is_alive((rk_process){0}, NULL, err));
    NO(rk_process_exit_code((rk_process){0}, NULL, err));
    NO(rk_process_get_info((rk_process){0}, NULL, err));
    NO(rk_current_process(NULL, err));
    NO(rk_parent_process(NULL, err));
}

static void of_pool(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_pool_create(NULL, NULL, err));
    NO(rk_pool_worker_count((rk_pool){0}, NULL, err));
    NO(rk_pool_submit((rk_pool){0}, function, NULL, 4, NULL, room, err));
    NO(rk_pool_apply((rk_pool){0}, function, NULL, 4, room, 1, room, err));
    NO(rk_pool_apply((rk_pool){0}, function, room, 1, NULL, 4, room, err));
    NO(rk_pool_map((rk_pool){0}, NULL, room, err));
    NO(rk_pool_map_async((rk_pool){0}, NULL, room, err));
    NO(rk_pool_map_async((rk_pool){0}, room, NULL, err));
    NO(rk_pool_imap((rk_pool){0}, NULL, room, err));
    NO(rk_pool_imap((rk_pool){0}, room, NULL, err));
    NO(rk_pool_imap_unordered((rk_pool){0}, NULL, room, err));
    NO(rk_pool_imap_unordered((rk_pool){0}, room, NULL, err));
    NO(rk_future_get((rk_future){0}, 0, NULL, room, err));
    NO(rk_future_get_into((rk_future){0}, 0, NULL, 4, err));
    NO(rk_future_exception((rk_future){0}, 0, NULL, err));
    NO(rk_future_ready((rk_future){0}, NULL, err));
    NO(rk_future_successful((rk_future){0}, NULL, err));
    NO(rk_future_running((rk_future){0}, NULL, err));
    NO(rk_future_cancelled((rk_future){0}, NULL, err));
    NO(rk_future_cancel((rk_future){0}, NULL, err));
    NO(rk_future_add_done_callback((rk_future){0}, NULL, room, err));
    NO(rk_futures_wait(NULL, 4, RK_ALL_COMPLETED, 0, err));
    NO(rk_as_completed(NULL, room, 1, err));
    NO(rk_as_completed(room, NULL, 4, err));
    NO(rk_completed_next((rk_completed){0}, 0, NULL, err));
    NO(rk_pool_create(room, &(rk_pool_options){.initializer_arg_size = 4}, err));
    NO(rk_pool_submit((rk_pool){0}, function, room, 1, &(rk_submit_options){.input_count = 4}, room, err));
}

static void of_queue(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_queue_create(NULL, NULL, err));
    NO(rk_queue_put((rk_queue){0}, NULL, 4, 0, err));
    NO(rk_queue_get((rk_queue){0}, 0, NULL, room, err));
    NO(rk_queue_get_into((rk_queue){0}, 0, NULL, 4, room, err));
    NO(rk_queue_get_i64((rk_queue){0}, 0, NULL, err));
    NO(rk_queue_get_f64((rk_queue){0}, 0, NULL, err));
    NO(rk_queue_size((rk_queue){0}, NULL, err));
    NO(rk_queue_empty((rk_queue){0}, NULL, err));
    NO(rk_queue_full((rk_queue){0}, NULL, err));
    NO(rk_pipe_create(NULL, room, true, err));
    NO(rk_pipe_create(room, NULL, true, err));
    NO(rk_pipe_send((rk_pipe){0}, NULL, 4, err));
    NO(rk_pipe_recv((rk_pipe){0}, 0, NULL, room, err));
    NO(rk_pipe_recv_into((rk_pipe){0}, 0, NULL, 4, room, err));
    NO(rk_pipe_poll((rk_pipe){0}, 0, NULL, err));
}

static void of_sync(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_lock_create(NULL, err));
    NO(rk_lock_locked((rk_lock){0}, NULL, err));
    NO(rk_rlock_create(NULL, err));
    NO(rk_rlock_locked((rk_rlock){0}, NULL, err));
    NO(rk_semaphore_create(NULL, 1, err));
    NO(rk_bounded_semaphore_create(NULL, 1, err));
    NO(rk_semaphore_value((rk_semaphore){0}, NULL, err));
    NO(rk_condition_create(NULL, err));
    NO(rk_condition_create_with_lock(NULL, (rk_lock){0}, err));
    NO(rk_condition_create_with_rlock(NULL, (rk_rlock){0}, err));
    NO(rk_condition_locked((rk_condition){0}, NULL, err));
    NO(rk_condition_wait_for((rk_condition){0}, NULL, room, 0, err));
    NO(rk_event_create(NULL, err));
    NO(rk_event_is_set((rk_event){0}, NULL, err));
    NO(rk_barrier_create(NULL, 1, function, err));
    NO(rk_barrier_parties((rk_barrier){0}, NULL, err));
    NO(rk_barrier_n_waiting((rk_barrier){0}, NULL, err));
    NO(rk_barrier_broken((rk_barrier){0}, NULL, err));
}

static void of_shared(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_value_create(NULL, RK_I64, room, err));
    NO(rk_value_create_raw(NULL, RK_I64, room, err));
    NO(rk_value_get((rk_value){0}, RK_I64, NULL, err));
    NO(rk_value_set((rk_value){0}, RK_I64, NULL, err));
    NO(rk_value_add((rk_value){0}, RK_I64, NULL, room, err));
    NO(rk_value_exchange((rk_value){0}, RK_I64, NULL, room, err));
    NO(rk_value_compare_swap((rk_value){0}, RK_I64, NULL, room, room, err));
    NO(rk_value_compare_swap((rk_value){0}, RK_I64, room, NULL, room, err));
    NO(rk_array_create(NULL, RK_I64, 1, room, err));
    NO(rk_array_create_raw(NULL, RK_I64, 1, room, err));
    NO(rk_array_length((rk_array){0}, NULL, err));
    NO(rk_array_get((rk_array){0}, RK_I64, 1, 4, NULL, err));
    NO(rk_array_put((rk_array){0}, RK_I64, 1, 4, NULL, err));
    NO(rk_array_add((rk_array){0}, RK_I64, 1, NULL, room, err));
    NO(rk_array_compare_swap((rk_array){0}, RK_I64, 1, NULL, room, room, err));
    NO(rk_array_compare_swap((rk_array){0}, RK_I64, 1, room, NULL, room, err));
    NO(rk_array_pointer((rk_array){0}, NULL, err));
    NO(rk_memory_create(NULL, room, 1, err));
    NO(rk_memory_attach(NULL, room, err));
    NO(rk_memory_attach(room, NULL, err));
    NO(rk_memory_size((rk_memory){0}, NULL, err));
    NO(rk_memory_pointer((rk_memory){0}, NULL, err));
    NO(rk_memory_read((rk_memory){0}, 1, 4, NULL, err));
    NO(rk_memory_write((rk_memory){0}, 1, 4, NULL, err));
    NO(rk_shared_list_create(NULL, room, 1, err));
    NO(rk_shared_list_create(room, NULL, 4, err));
    NO(rk_shared_list_length((rk_shared_list){0}, NULL, err));
    NO(rk_shared_list_get((rk_shared_list){0}, 1, NULL, room, 1, err));
    NO(rk_shared_list_get((rk_shared_list){0}, 1, room, NULL, 4, err));
    NO(rk_shared_list_set((rk_shared_list){0}, 1, NULL, err));
    NO(rk_shared_list_count((rk_shared_list){0}, NULL, room, err));
    NO(rk_shared_list_count((rk_shared_list){0}, room, NULL, err));
    NO(rk_shared_list_index((rk_shared_list){0}, NULL, room, err));
    NO(rk_shared_list_index((rk_shared_list){0}, room, NULL, err));
}

static void of_manager(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    rk_bytes some = rk_bytes_of("a", 1);
    rk_bytes nothing = rk_bytes_of(NULL, 4);
    NO(rk_dict_create(NULL, err));
    NO(rk_dict_set((rk_dict){0}, nothing, some, err));
    NO(rk_dict_set((rk_dict){0}, some, nothing, err));
    NO(rk_dict_get((rk_dict){0}, nothing, room, room, err));
    NO(rk_dict_get((rk_dict){0}, some, NULL, room, err));
    NO(rk_dict_delete((rk_dict){0}, nothing, err));
    NO(rk_dict_contains((rk_dict){0}, nothing, room, err));
    NO(rk_dict_contains((rk_dict){0}, some, NULL, err));
    NO(rk_dict_pop((rk_dict){0}, nothing, room, room, err));
    NO(rk_dict_pop((rk_dict){0}, some, NULL, room, err));
    NO(rk_dict_setdefault((rk_dict){0}, nothing, some, room, room, err));
    NO(rk_dict_setdefault((rk_dict){0}, some, nothing, room, room, err));
    NO(rk_dict_replace_if((rk_dict){0}, nothing, some, some, room, err));
    NO(rk_dict_replace_if((rk_dict){0}, some, nothing, some, room, err));
    NO(rk_dict_replace_if((rk_dict){0}, some, some, nothing, room, err));
    NO(rk_dict_replace_if((rk_dict){0}, some, some, some, NULL, err));
    NO(rk_dict_add_i64((rk_dict){0}, nothing, 1, room, err));
    NO(rk_dict_length((rk_dict){0}, NULL, err));
    NO(rk_dict_keys((rk_dict){0}, NULL, err));
    NO(rk_dict_items((rk_dict){0}, NULL, err));
    NO(rk_dict_set_i64((rk_dict){0}, nothing, 1, err));
    NO(rk_dict_set_f64((rk_dict){0}, nothing, 0, err));
    NO(rk_dict_set_text((rk_dict){0}, nothing, room, err));
    NO(rk_dict_set_text((rk_dict){0}, some, NULL, err));
    NO(rk_dict_get_i64((rk_dict){0}, nothing, room, err));
    NO(rk_dict_get_i64((rk_dict){0}, some, NULL, err));
    NO(rk_dict_get_f64((rk_dict){0}, nothing, room, err));
    NO(rk_dict_get_f64((rk_dict){0}, some, NULL, err));
    NO(rk_dict_get_text((rk_dict){0}, nothing, room, err));
    NO(rk_dict_get_text((rk_dict){0}, some, NULL, err));
    NO(rk_list_create(NULL, err));
    NO(rk_list_append((rk_list){0}, nothing, err));
    NO(rk_list_extend((rk_list){0}, NULL, 4, err));
    NO(rk_list_insert((rk_list){0}, 1, nothing, err));
    NO(rk_list_get((rk_list){0}, 1, NULL, room, err));
    NO(rk_list_set((rk_list){0}, 1, nothing, err));
    NO(rk_list_pop((rk_list){0}, 1, NULL, room, err));
    NO(rk_list_index((rk_list){0}, nothing, room, err));
    NO(rk_list_index((rk_list){0}, some, NULL, err));
    NO(rk_list_length((rk_list){0}, NULL, err));
    NO(rk_list_items((rk_list){0}, NULL, err));
    NO(rk_list_append_text((rk_list){0}, NULL, err));
    NO(rk_list_get_i64((rk_list){0}, 1, NULL, err));
    NO(rk_list_get_f64((rk_list){0}, 1, NULL, err));
    NO(rk_list_get_text((rk_list){0}, 1, NULL, err));
    NO(rk_namespace_create(NULL, err));
    NO(rk_namespace_set((rk_namespace){0}, NULL, some, err));
    NO(rk_namespace_set((rk_namespace){0}, room, nothing, err));
    NO(rk_namespace_get((rk_namespace){0}, NULL, room, room, err));
    NO(rk_namespace_get((rk_namespace){0}, room, NULL, room, err));
    NO(rk_namespace_delete((rk_namespace){0}, NULL, err));
    NO(rk_namespace_has((rk_namespace){0}, NULL, room, err));
    NO(rk_namespace_has((rk_namespace){0}, room, NULL, err));
    NO(rk_namespace_items((rk_namespace){0}, NULL, err));
    NO(rk_namespace_set_i64((rk_namespace){0}, NULL, 1, err));
    NO(rk_namespace_set_f64((rk_namespace){0}, NULL, 0, err));
    NO(rk_namespace_set_text((rk_namespace){0}, NULL, room, err));
    NO(rk_namespace_set_text((rk_namespace){0}, room, NULL, err));
    NO(rk_namespace_get_i64((rk_namespace){0}, NULL, room, err));
    NO(rk_namespace_get_i64((rk_namespace){0}, room, NULL, err));
    NO(rk_namespace_get_f64((rk_namespace){0}, NULL, room, err));
    NO(rk_namespace_get_f64((rk_namespace){0}, room, NULL, err));
    NO(rk_namespace_get_text((rk_namespace){0}, NULL, room, err));
    NO(rk_namespace_get_text((rk_namespace){0}, room, NULL, err));
    NO(rk_list_extend((rk_list){0}, &nothing, 1, err));
}

static void of_collect(trial *it) {
    rk_error *err = &it->err;
    NO(rk_everywhere(function, NULL, 4, 0, err));
}

static void of_wait(trial *it) {
    rk_error *err = &it->err;
    void *room = it->room;
    NO(rk_wait(NULL, 4, 0, room, err));
    NO(rk_wait(room, 1, 0, NULL, err));
}

/* Only here an object is needed. */
static rk_status of_imap(trial *it) {
    static const int items[] = {1};
    rk_map map = {.function = function, .items = items, .count = 1, .item_size = sizeof *items, .result_size = 4};
    rk_error *err = &it->err;
    rk_pool pool;
    rk_imap imap;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    RK_TRY(rk_pool_imap(pool, &map, &imap, err));
    NO(rk_imap_next(imap, 0, NULL, NULL, err));
    map.items = NULL;
    if (rk_pool_map(pool, &map, it->room, err) != RK_EINVAL || strstr(err->message, "items is NULL") == NULL)
        it->failed++;
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    trial it;
    memset(&it, 0, sizeof it);
    (void)argc, (void)argv;
    of_process(&it);
    of_pool(&it);
    of_queue(&it);
    of_sync(&it);
    of_shared(&it);
    of_manager(&it);
    of_collect(&it);
    of_wait(&it);
    RK_TRY(of_imap(&it));
    snprintf(err->message, sizeof err->message, "%d calls were not refused", it.failed);
    return it.failed == 0 ? RK_OK : RK_EMISMATCH;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
