/* All ranks want one lock, all the time, for a while: `race SECONDS`. Prints how often each had it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rankine/rankine.h>

typedef struct heat {
    rk_lock lock;
    rk_barrier start;
    double seconds;
} heat;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static rk_status run(rk_call *call) {
    const heat *it = call->arg;
    int64_t times = 0;
    RK_TRY(rk_barrier_wait(it->start, 60, NULL, call->err));
    for (double end = now() + it->seconds; now() < end; times++) {
        RK_TRY(rk_lock_acquire(it->lock, 60, call->err));
        RK_TRY(rk_lock_release(it->lock, call->err));
    }
    return rk_call_return(call, &times, sizeof times);
}

static rk_status report(rk_process runner, rk_error *err) {
    void *bytes;
    size_t size;
    int64_t times;
    RK_TRY(rk_process_join(runner, 60, err));
    RK_TRY(rk_process_result(runner, &bytes, &size, err));
    memcpy(&times, bytes, sizeof times);
    rk_free(bytes);
    printf("%lld\n", (long long)times);
    return rk_process_close(runner, err);
}

static rk_status root(int argc, char **argv, rk_error *err) {
    heat it = {.seconds = argc > 1 ? atof(argv[1]) : 1};
    rk_process runners[64];
    int count = rk_size() < 64 ? rk_size() : 64;
    RK_TRY(rk_lock_create(&it.lock, err));
    RK_TRY(rk_barrier_create(&it.start, (uint32_t)count, NULL, err));
    for (int rank = 0; rank < count; rank++) {
        rk_process_options options = {.where = RK_ON_RANK(rank)};
        RK_TRY(rk_process_start(&runners[rank], run, &it, sizeof it, &options, err));
    }
    for (int rank = 0; rank < count; rank++)
        RK_TRY(report(runners[rank], err));
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
