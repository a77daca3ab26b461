/* Functions on all ranks, log lines and waits in a whole program, on any number of ranks and nodes.
 *
 *   test_collect        test_collect huge: more than 2 GiB in one call */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rankine/collect.h>
#include <rankine/log.h>
#include <rankine/pool.h>
#include <rankine/process.h>
#include <rankine/queue.h>
#include <rankine/sync.h>
#include <rankine/wait.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)
#define LONG 50.0

/* ---- data ---- */

enum { COUNT = 100000 };

static rk_status move_data(rk_call *call) {
    int64_t rank = rk_rank(), size = rk_size(), sum = 0;
    int64_t *values = malloc(COUNT * sizeof *values), *all = malloc((size_t)(COUNT * size) * sizeof *all);
    (void)call;
    CHECK(values != NULL && all != NULL);
    for (int64_t root = 0; root < size; root++) {
        for (int i = 0; i < COUNT; i++)
            values[i] = rank * COUNT + i;
        CHECK(rk_bcast(rk_i64s(values, COUNT), (int)root, LONG, NULL) == RK_OK);
        CHECK(values[0] == root * COUNT && values[COUNT - 1] == root * COUNT + COUNT - 1);
    }
    for (int i = 0; i < COUNT; i++)
        values[i] = rank * COUNT + i;
    CHECK(rk_allgather(rk_i64s(values, COUNT), rk_i64s(all, (uint64_t)(COUNT * size)), LONG, NULL) == RK_OK);
    for (int64_t i = 0; i < COUNT * size; i++)
        CHECK(all[i] == i);
    CHECK(rk_allreduce(rk_i64s(&rank, 1), rk_i64s(&sum, 1), RK_FOLD_SUM, LONG, NULL) == RK_OK);
    CHECK(sum == size * (size - 1) / 2);
    CHECK(rk_barrier_all(LONG, NULL) == RK_OK);
    free(values);
    free(all);
    return RK_OK;
}

static rk_status move_data_from_apart(rk_call *call) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_everywhere(move_data, NULL, 0, LONG, &err);
    return status == RK_OK ? status : rk_call_fail(call, status, "%s", err.message);
}

static rk_process start(rk_function function, bool isolate) {
    rk_process process;
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    rk_error err = RK_ERROR_INIT;
    options.isolate = isolate;
    if (rk_process_start(&process, function, NULL, 0, &options, &err) != RK_OK)
        fprintf(stderr, "%s\n", err.message);
    CHECK(err.code == RK_OK);
    return process;
}

static void check_ended_well(rk_process process) {
    rk_process_info info;
    CHECK(rk_process_join(process, LONG, NULL) == RK_OK);
    CHECK(rk_process_get_info(process, &info, NULL) == RK_OK);
    if (info.exit_code != 0)
        fprintf(stderr, "%s: %s\n", info.name, info.message);
    CHECK(info.exit_code == 0);
}

static void run_collective(void) {
    CHECK(rk_everywhere(move_data, NULL, 0, LONG, NULL) == RK_OK);
    rk_process apart = start(move_data_from_apart, true), other = start(move_data_from_apart, false);
    CHECK(rk_everywhere(move_data, NULL, 0, LONG, NULL) == RK_OK); /* three at once */
    check_ended_well(apart);
    check_ended_well(other);
}

/* ---- log ---- */

static rk_status log_lines(rk_call *call) {
    (void)call;
    for (int i = 0; i < 300; i++)
        CHECK(rk_log(RK_LOG_INFO, "line %d", i) == RK_OK);
    return RK_OK;
}

static size_t count(const char *text, const char *what) {
    size_t found = 0;
    for (; (text = strstr(text, what)) != NULL; text++)
        found++;
    return found;
}

static void check_log(const char *path) {
    char *text = calloc(1, 4 << 20);
    FILE *file = fopen(path, "r");
    CHECK(text != NULL && file != NULL && fread(text, 1, (4 << 20) - 1, file) > 0);
    fclose(file);
    size_t lines = 300 * (size_t)(rk_size() + 2);
    CHECK(count(text, " INFO ") == lines && count(text, "] line ") == lines && count(text, "\n") == lines);
    CHECK(count(text, "/Process-") == 600);
    free(text);
}

static void run_log(void) {
    char path[] = "/tmp/rankine-log-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK(rk_log_to_file(path, RK_LOG_INFO, NULL) == RK_OK);
    rk_process apart = start(log_lines, true), other = start(log_lines, false);
    CHECK(rk_everywhere(log_lines, NULL, 0, LONG, NULL) == RK_OK);
    check_ended_well(apart);
    check_ended_well(other);
    CHECK(rk_log_to_file(path, RK_LOG_OFF, NULL) == RK_OK); /* what was sent is there then */
    check_log(path);
    unlink(path);
}

/* ---- wait ---- */

typedef struct things {
    rk_queue queue;
    rk_event event;
} things;

static rk_status set_event(rk_call *call) {
    return rk_event_set(((const things *)call->arg)->event, NULL);
}

static rk_status do_nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static rk_status put_message(rk_call *call) {
    return rk_queue_put(((const things *)call->arg)->queue, "x", 1, LONG, NULL);
}

static void run_wait(void) {
    things all;
    rk_process process;
    bool ready[2];
    CHECK(rk_queue_create(&all.queue, NULL, NULL) == RK_OK && rk_event_create(&all.event, NULL) == RK_OK);
    rk_ref list[2] = {all.queue.ref, all.event.ref};
    CHECK(rk_wait(list, 2, 0, ready, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_start(&process, set_event, &all, sizeof all, NULL, NULL) == RK_OK);
    CHECK(rk_wait(list, 2, LONG, ready, NULL) == RK_OK && !ready[0] && ready[1]);
    CHECK(rk_event_clear(all.event, NULL) == RK_OK);
    CHECK(rk_process_start(&process, put_message, &all, sizeof all, NULL, NULL) == RK_OK);
    CHECK(rk_wait(list, 2, LONG, ready, NULL) == RK_OK && ready[0] && !ready[1]);
    list[0] = process.ref;
    CHECK(rk_wait(list, 2, LONG, ready, NULL) == RK_OK && ready[0] && !ready[1]);
    rk_pool pool;
    rk_future future;
    CHECK(rk_pool_create(&pool, NULL, NULL) == RK_OK);
    CHECK(rk_pool_submit(pool, do_nothing, NULL, 0, NULL, &future, NULL) == RK_OK);
    list[0] = future.ref;
    CHECK(rk_wait(list, 2, LONG, ready, NULL) == RK_OK && ready[0] && !ready[1]);
}

/* ---- huge ---- */

#define HUGE_COUNT (UINT64_C(2304) << 20 >> 3) /* 2.25 GiB of f64 */

static rk_status move_much(rk_call *call) {
    double *values = malloc(HUGE_COUNT * sizeof *values);
    bool root = rk_rank() == 0;
    (void)call;
    CHECK(values != NULL);
    for (uint64_t i = 0; i < HUGE_COUNT; i++)
        values[i] = root ? (double)i : -1.0;
    CHECK(rk_bcast(rk_f64s(values, HUGE_COUNT), 0, RK_FOREVER, NULL) == RK_OK);
    for (uint64_t i = 0; i < HUGE_COUNT; i++)
        CHECK(values[i] == (double)i);
    free(values);
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    (void)err;
    if (argc > 1 && strcmp(argv[1], "huge") == 0) {
        CHECK(rk_everywhere(move_much, NULL, 0, RK_FOREVER, NULL) == RK_OK);
        return RK_OK;
    }
    run_collective();
    run_log();
    run_wait();
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
