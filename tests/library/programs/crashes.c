/* Pools of isolated workers, of which some crash. The first word says what happens:
 *   mixed, map, endless, initializer, idle, full, too_many, renewed, large, beside, rank_dies,
 *   heir */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <rankine/pool.h>
#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/queue.h>

enum { CHILDREN = 2, TASKS = 200, LARGE = 200000, MAX_TASKS = 3 };

#define EXPECT(condition)                                                                                              \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return unexpected(err, __LINE__, #condition);                                                              \
    } while (0)

/* What is in *err says more. */
static rk_status unexpected(rk_error *err, int line, const char *what) {
    fprintf(stderr, "line %d: not so: %s\n", line, what);
    err->code = RK_EINVAL;
    return RK_EINVAL;
}

static rk_status make(rk_pool *pool, int workers, rk_function initializer, uint64_t max_tasks, rk_error *err) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    options.isolate = true;
    options.workers = workers;
    options.initializer = initializer;
    options.initializer_arg = "primed";
    options.initializer_arg_size = sizeof "primed";
    options.max_tasks_per_worker = max_tasks;
    return rk_pool_create(pool, &options, err);
}

static int all_children(void) {
    return CHILDREN * rk_size();
}

static rk_status end(rk_pool pool, rk_error *err) {
    RK_TRY(rk_pool_close(pool, err));
    RK_TRY(rk_pool_join(pool, 60, err));
    return rk_pool_destroy(pool, err);
}

static double now_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* ---- one that does what its number says ---- */

static const struct {
    int64_t remainder; /* of 20 */
    const char *reason;
} crashes[] = {{3, "signal 11 "}, {7, "signal 6 "}, {11, "exit code 0"}, {13, "exit code 3"}, {17, "signal 9 "}};

static const char *reason_of(int64_t number) {
    for (size_t i = 0; i < sizeof crashes / sizeof crashes[0]; i++)
        if (number % 20 == crashes[i].remainder)
            return crashes[i].reason;
    return NULL;
}

static void crash(int64_t number) {
    signal(SIGSEGV, SIG_DFL);
    if (number % 20 == 3)
        raise(SIGSEGV);
    if (number % 20 == 7)
        abort();
    if (number % 20 == 11)
        exit(0);
    if (number % 20 == 13)
        _exit(3);
    if (number % 20 == 17)
        raise(SIGKILL);
}

static rk_status triple(rk_call *call) {
    int64_t number = *(const int64_t *)call->arg;
    crash(number);
    return rk_call_return(call, &(int64_t){3 * number}, sizeof number);
}

/* ---- mixed ---- */

static rk_status check_crashed(rk_future future, const char *reason, rk_error *err) {
    rk_error what = RK_ERROR_INIT;
    char rank[32];
    RK_TRY(rk_future_exception(future, 60, &what, err));
    snprintf(rank, sizeof rank, "rank %d ", what.rank);
    *err = what;
    EXPECT(what.code == RK_EDEAD);
    EXPECT(strstr(what.message, reason) != NULL);
    EXPECT(what.rank >= 0 && what.rank < rk_size() && strstr(what.message, rank) != NULL);
    *err = (rk_error)RK_ERROR_INIT;
    return RK_OK;
}

static rk_status check(rk_future future, int64_t number, rk_error *err) {
    int64_t result = 0;
    if (reason_of(number) != NULL)
        return check_crashed(future, reason_of(number), err);
    RK_TRY(rk_future_get_into(future, 60, &result, sizeof result, err));
    EXPECT(result == 3 * number);
    return RK_OK;
}

static rk_status mixed(rk_error *err) {
    static rk_future futures[TASKS];
    rk_pool pool;
    int living, failed = 0;
    RK_TRY(make(&pool, all_children(), NULL, 0, err));
    for (int64_t i = 0; i < TASKS; i++)
        RK_TRY(rk_pool_submit(pool, triple, &i, sizeof i, NULL, &futures[i], err));
    for (int64_t i = 0; i < TASKS; i++) {
        RK_TRY(check(futures[i], i, err));
        failed += reason_of(i) != NULL;
        RK_TRY(rk_future_destroy(futures[i], err));
    }
    RK_TRY(rk_pool_worker_count(pool, &living, err));
    EXPECT(living == all_children());
    printf("%d of %d failed\n", failed, TASKS);
    return end(pool, err);
}

static rk_status map(rk_error *err) {
    static int64_t items[TASKS], results[TASKS];
    rk_map map = {.function = triple,
                  .items = items,
                  .count = TASKS,
                  .item_size = sizeof items[0],
                  .result_size = sizeof results[0],
                  .chunksize = 20};
    rk_pool pool;
    for (int64_t i = 0; i < TASKS; i++)
        items[i] = i == 105 ? 3 : 20 * i; /* one crashes, and takes along its chunk */
    RK_TRY(make(&pool, all_children(), NULL, 0, err));
    EXPECT(rk_pool_map(pool, &map, results, err) == RK_EDEAD && strstr(err->message, "signal 11 ") != NULL);
    for (int64_t i = 0; i < TASKS; i++)
        EXPECT((i >= 100 && i < 120) || results[i] == 60 * i);
    items[105] = 0;
    RK_TRY(rk_pool_map(pool, &map, results, err));
    return end(pool, err);
}

/* ---- endless: until the pool is terminated ---- */

static rk_status loop(rk_call *call) {
    rk_error err = RK_ERROR_INIT;
    RK_TRY(rk_queue_put_i64(*(const rk_queue *)call->arg, 1, RK_FOREVER, &err));
    signal(SIGTERM, SIG_IGN);
    for (volatile uint64_t turns = 0;; turns++)
        ;
}

static rk_status endless(rk_error *err) {
    rk_queue queue;
    rk_pool pool, next;
    static rk_future futures[TASKS];
    int count = all_children() + 3;
    int64_t begun, result;
    RK_TRY(rk_queue_create(&queue, NULL, err));
    RK_TRY(make(&pool, all_children(), NULL, 0, err));
    for (int i = 0; i < count; i++)
        RK_TRY(rk_pool_submit(pool, loop, &queue, sizeof queue, NULL, &futures[i], err));
    for (int i = 0; i < all_children(); i++)
        RK_TRY(rk_queue_get_i64(queue, 60, &begun, err));
    RK_TRY(rk_pool_terminate(pool, err));
    RK_TRY(make(&next, all_children(), NULL, 0, err)); /* their children make room */
    RK_TRY(rk_pool_join(pool, 0, err));
    for (int i = 0; i < count; i++) {
        rk_error what = RK_ERROR_INIT;
        RK_TRY(rk_future_exception(futures[i], 60, &what, err));
        EXPECT(what.code == RK_ECANCELLED);
    }
    RK_TRY(rk_pool_apply(next, triple, &(int64_t){4}, sizeof(int64_t), &result, sizeof result, NULL, err));
    EXPECT(result == 12);
    RK_TRY(rk_pool_submit(next, loop, &queue, sizeof queue, NULL, NULL, err));
    RK_TRY(rk_queue_get_i64(queue, 60, &begun, err));
    return rk_pool_destroy(pool, err); /* `next` is left as it is: the end of the program ends it */
}

/* ---- a rank dies, with its children ---- */

static rk_status where(rk_call *call) {
    int64_t here[2] = {rk_rank(), getpid()};
    return rk_call_return(call, here, sizeof here);
}

static rk_status kill_rank(int64_t rank, rk_error *err) {
    rk_pool pool;
    int64_t found[2] = {-1, 0};
    RK_TRY(rk_pool_create(&pool, NULL, err));
    while (found[0] != rank)
        RK_TRY(rk_pool_apply(pool, where, NULL, 0, found, sizeof found, NULL, err));
    kill((pid_t)found[1], SIGKILL);
    return rk_pool_destroy(pool, err);
}

static rk_status rank_dies(rk_error *err) {
    rk_queue queue;
    rk_pool pool;
    static rk_future futures[TASKS];
    int64_t begun, dead = rk_size() - 1, result;
    int failed = 0, living;
    RK_TRY(rk_queue_create(&queue, NULL, err));
    RK_TRY(make(&pool, all_children(), NULL, 0, err));
    for (int i = 0; i < all_children(); i++)
        RK_TRY(rk_pool_submit(pool, loop, &queue, sizeof queue, NULL, &futures[i], err));
    for (int i = 0; i < all_children(); i++)
        RK_TRY(rk_queue_get_i64(queue, 60, &begun, err));
    RK_TRY(kill_rank(dead, err));
    for (living = all_children(); living > all_children() - CHILDREN; usleep(1000))
        RK_TRY(rk_pool_worker_count(pool, &living, err));
    for (int i = 0; i < all_children(); i++) {
        rk_error what = RK_ERROR_INIT;
        bool ready;
        RK_TRY(rk_future_ready(futures[i], &ready, err));
        if (!ready)
            continue;
        RK_TRY(rk_future_exception(futures[i], 0, &what, err));
        EXPECT(what.code == RK_EDEAD && what.rank == dead);
        failed++;
    }
    EXPECT(failed == CHILDREN);
    RK_TRY(rk_pool_destroy(pool, err));
    RK_TRY(make(&pool, 0, NULL, 0, err));
    RK_TRY(rk_pool_apply(pool, triple, &(int64_t){5}, sizeof(int64_t), &result, sizeof result, NULL, err));
    printf("%d failed, and 3 * 5 = %d\n", failed, (int)result);
    return end(pool, err);
}

/* ---- a child dies with its rank, in the place of others that had ended well ---- */

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static rk_status start_on(rk_process *process, rk_function function, const rk_queue *queue, int rank, rk_error *err) {
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    options.isolate = true;
    options.where = RK_ON_RANK(rank);
    return rk_process_start(process, function, queue, sizeof *queue, &options, err);
}

static rk_status heir(rk_error *err) {
    rk_queue queue;
    rk_process process;
    int dead = rk_size() - 1, code;
    int64_t begun;
    RK_TRY(rk_queue_create(&queue, NULL, err));
    for (int i = 0; i < 2 * CHILDREN; i++) {
        RK_TRY(start_on(&process, nothing, &queue, dead, err));
        RK_TRY(rk_process_join(process, 60, err));
        RK_TRY(rk_process_result(process, NULL, NULL, err));
        RK_TRY(rk_process_close(process, err));
    }
    RK_TRY(start_on(&process, loop, &queue, dead, err));
    RK_TRY(rk_queue_get_i64(queue, 60, &begun, err));
    RK_TRY(kill_rank(dead, err));
    RK_TRY(rk_process_join(process, 60, err));
    RK_TRY(rk_process_exit_code(process, &code, err));
    EXPECT(code == -SIGKILL);
    EXPECT(rk_process_result(process, NULL, NULL, err) == RK_EDEAD);
    printf("%s\n", err->message);
    return rk_process_close(process, err);
}

/* ---- initializers that crash, at once or later ---- */

static rk_status crash_at_first(rk_call *call) {
    (void)call;
    crash(3);
    return RK_OK;
}

static bool becomes_broken(rk_pool pool, rk_error *err) {
    double deadline = now_seconds() + 60;
    int living = 1;
    while (living > 0 && rk_pool_worker_count(pool, &living, err) == RK_OK && now_seconds() < deadline)
        usleep(1000);
    return rk_pool_submit(pool, triple, &(int64_t){1}, sizeof(int64_t), NULL, NULL, err) == RK_EBROKEN;
}

static rk_status initializer(rk_error *err) {
    rk_pool pool, next;
    RK_TRY(make(&pool, all_children(), crash_at_first, 0, err));
    EXPECT(becomes_broken(pool, err) && strstr(err->message, "signal 11 ") != NULL);
    RK_TRY(rk_pool_join(pool, 0, err));
    RK_TRY(rk_pool_destroy(pool, err));
    RK_TRY(make(&next, all_children(), NULL, 0, err));
    return end(next, err);
}

static rk_status leave_a_bomb(rk_call *call) {
    const struct itimerval soon = {.it_value.tv_usec = 20000};
    (void)call;
    setitimer(ITIMER_REAL, &soon, NULL);
    return RK_OK;
}

static rk_status idle(rk_error *err) {
    rk_pool pool;
    RK_TRY(make(&pool, 1, leave_a_bomb, 0, err));
    EXPECT(becomes_broken(pool, err) && strstr(err->message, "signal 14 ") != NULL);
    return rk_pool_destroy(pool, err);
}

/* ---- as many as there are children ---- */

static rk_status full(rk_error *err) {
    rk_pool pool;
    EXPECT(make(&pool, 1, NULL, 0, err) == RK_EFULL);
    EXPECT(strstr(err->message, "rk_main_options.children") != NULL);
    return RK_OK;
}

static rk_status too_many(rk_error *err) {
    rk_pool pool;
    for (int i = 0; i < 3; i++) {
        EXPECT(make(&pool, all_children() + 1, NULL, 0, err) == RK_EFULL);
        EXPECT(strstr(err->message, "rk_main_options.children") != NULL);
        RK_TRY(make(&pool, all_children(), NULL, 0, err));
        RK_TRY(rk_pool_destroy(pool, err));
    }
    return RK_OK;
}

/* ---- a new child after some tasks ---- */

static char primed[8];

static rk_status prime(rk_call *call) {
    memcpy(primed, call->arg, sizeof "primed");
    return RK_OK;
}

static rk_status who(rk_call *call) {
    if (strcmp(primed, "primed") != 0)
        return rk_call_fail(call, RK_EINVAL, "the initializer has not run");
    return rk_call_return(call, &(int64_t){getpid()}, sizeof(int64_t));
}

static rk_status renewed(rk_error *err) {
    rk_pool pool;
    int64_t pids[30];
    int most = 0, different = 0;
    RK_TRY(make(&pool, 2, prime, MAX_TASKS, err));
    for (int i = 0; i < 30; i++)
        RK_TRY(rk_pool_apply(pool, who, NULL, 0, &pids[i], sizeof pids[i], NULL, err));
    for (int i = 0; i < 30; i++) {
        int before = 0, times = 0;
        for (int j = 0; j < 30; j++) {
            before += j < i && pids[j] == pids[i];
            times += pids[j] == pids[i];
        }
        different += before == 0;
        most = times > most ? times : most;
    }
    EXPECT(most == MAX_TASKS);
    EXPECT(different >= 30 / MAX_TASKS);
    return end(pool, err);
}

/* ---- large values outlive who made them ---- */

static rk_status many_bytes(rk_call *call) {
    char *bytes = rk_call_result(call, LARGE);
    if (bytes == NULL)
        return RK_ENOMEM;
    memset(bytes, *(const char *)call->arg, LARGE);
    return RK_OK;
}

static rk_status count_bytes(rk_call *call) {
    size_t size;
    const char *bytes = rk_call_input(call, 0, &size);
    int64_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum += bytes[i];
    return rk_call_return(call, &sum, sizeof sum);
}

static rk_status large(rk_error *err) {
    rk_pool pool;
    rk_future made, counted;
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    int64_t sum;
    static char bytes[LARGE];
    RK_TRY(make(&pool, 2, NULL, 1, err)); /* each child does one task */
    RK_TRY(rk_pool_submit(pool, many_bytes, "\2", 1, NULL, &made, err));
    for (int i = 0; i < 4; i++)
        rk_pool_apply(pool, triple, &(int64_t){3}, sizeof(int64_t), &sum, sizeof sum, NULL, NULL);
    options.inputs = &made;
    options.input_count = 1;
    RK_TRY(rk_pool_submit(pool, count_bytes, NULL, 0, &options, &counted, err));
    RK_TRY(rk_future_get_into(counted, 60, &sum, sizeof sum, err));
    EXPECT(sum == 2 * LARGE);
    RK_TRY(end(pool, err));
    RK_TRY(rk_future_get_into(made, 60, bytes, sizeof bytes, err));
    EXPECT(bytes[0] == 2 && bytes[LARGE - 1] == 2);
    return RK_OK;
}

/* ---- workers of a rank run beside each other ---- */

/* Neither calls the library: taking turns they would never meet. */
static rk_status meet(rk_call *call) {
    int me = *(const int *)call->arg;
    const char *const names[] = {"first", "second"};
    double deadline = now_seconds() + 30;
    FILE *file = fopen(names[me], "w");
    if (file == NULL)
        return rk_call_fail(call, RK_EINVAL, "can't write here");
    fclose(file);
    while (access(names[1 - me], F_OK) != 0)
        if (now_seconds() > deadline)
            return rk_call_fail(call, RK_ETIMEDOUT, "the other one has not come");
    return RK_OK;
}

static rk_status beside(rk_error *err) {
    rk_pool pool;
    rk_future futures[2];
    RK_TRY(make(&pool, 2, NULL, 0, err));
    for (int i = 0; i < 2; i++)
        RK_TRY(rk_pool_submit(pool, meet, &i, sizeof i, NULL, &futures[i], err));
    for (int i = 0; i < 2; i++)
        RK_TRY(rk_future_get_into(futures[i], 60, NULL, 0, err));
    return end(pool, err);
}

static rk_status root(int argc, char **argv, rk_error *err) {
    static const struct {
        const char *name;
        rk_status (*run)(rk_error *err);
    } scenes[] = {{"mixed", mixed},         {"map", map},       {"endless", endless}, {"initializer", initializer},
                  {"idle", idle},           {"full", full},     {"large", large},     {"too_many", too_many},
                  {"rank_dies", rank_dies}, {"beside", beside}, {"renewed", renewed}, {"heir", heir}};
    for (size_t i = 0; argc > 1 && i < sizeof scenes / sizeof scenes[0]; i++)
        if (strcmp(argv[1], scenes[i].name) == 0)
            return scenes[i].run(err);
    return unexpected(err, __LINE__, "a scene of that name");
}

int main(int argc, char **argv) {
    rk_main_options options = RK_MAIN_OPTIONS_INIT;
    options.children = argc > 1 && strcmp(argv[1], "full") == 0 ? 0 : CHILDREN;
    return rk_main(argc, argv, root, &options);
}
