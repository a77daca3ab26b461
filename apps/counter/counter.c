/* One number that all ranks count up together: read it, add one, write it back. With the lock around the three steps
 * not one count is lost; without it (`--no-lock`) two ranks read the same number now and then, and one count is gone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/shared.h>
#include <rankine/sync.h>

typedef struct work {
    rk_value counter;
    rk_lock lock;
    int64_t times;
    bool locked;
} work;

static rk_status count_once(const work *todo, rk_error *err) {
    int64_t x;
    if (todo->locked)
        RK_TRY(rk_lock_acquire(todo->lock, RK_FOREVER, err));
    RK_TRY(rk_value_get(todo->counter, RK_I64, &x, err));
    x = x + 1;
    RK_TRY(rk_value_set(todo->counter, RK_I64, &x, err));
    return todo->locked ? rk_lock_release(todo->lock, err) : RK_OK;
}

static rk_status count(rk_call *call) {
    const work *todo = call->arg;
    for (int64_t i = 0; i < todo->times; i++)
        RK_TRY(count_once(todo, call->err));
    return RK_OK;
}

enum { PROCESSES_MAX = 1024 };

/* A process on each rank; two if there is one rank. */
static int process_count(void) {
    int ranks = rk_size();
    return ranks < 2 ? 2 : ranks < PROCESSES_MAX ? ranks : PROCESSES_MAX;
}

static rk_status count_together(work *todo, int64_t total, rk_error *err) {
    rk_process processes[PROCESSES_MAX];
    int n = process_count();
    for (int i = 0; i < n; i++) {
        rk_process_options options = RK_PROCESS_OPTIONS_INIT;
        options.where = RK_ON_RANK(i % rk_size());
        todo->times = total / n + (i < total % n);
        RK_TRY(rk_process_start(&processes[i], count, todo, sizeof *todo, &options, err));
    }
    for (int i = 0; i < n; i++) {
        rk_process_info info;
        RK_TRY(rk_process_join(processes[i], RK_FOREVER, err));
        RK_TRY(rk_process_get_info(processes[i], &info, err));
        if (info.exit_code != 0) {
            fprintf(stderr, "%s: %s\n", info.name, info.message);
            return RK_EKERNEL;
        }
    }
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    work todo = {.locked = true};
    int64_t total = 1000000, zero = 0, found;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--no-lock") == 0)
            todo.locked = false;
        else
            total = atoll(argv[i]);
    }
    RK_TRY(rk_lock_create(&todo.lock, err));
    RK_TRY(rk_value_create(&todo.counter, RK_I64, &zero, err));
    RK_TRY(count_together(&todo, total, err));
    RK_TRY(rk_value_get(todo.counter, RK_I64, &found, err));
    printf("%lld counts by %d processes on %d ranks: %lld, %lld lost\n", (long long)total, process_count(), rk_size(),
           (long long)found, (long long)(total - found));
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
