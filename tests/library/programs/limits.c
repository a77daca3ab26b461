/* What must go well beyond the usual: `chain N`: a value through N futures that depend on each other, over all ranks;
 * `outstanding N`: N futures at once, with the memory they take; `huge BYTES`: an argument and a result of that size;
 * `deep N`: a function with a stack of more than N MiB. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <rankine/pool.h>
#include <rankine/program.h>

/* ---- a chain ---- */

typedef struct link {
    int64_t value;
    int64_t last_rank, moves; /* how often it came to another rank */
} link;

static rk_status add_one(rk_call *call) {
    link x = {0, -1, 0};
    size_t size;
    const void *before = rk_call_input(call, 0, &size);
    if (before != NULL)
        memcpy(&x, before, sizeof x);
    x.value++;
    x.moves += x.last_rank != rk_rank();
    x.last_rank = rk_rank();
    return rk_call_return(call, &x, sizeof x);
}

static rk_status chain(rk_pool pool, int64_t length, rk_error *err) {
    rk_future *futures = calloc((size_t)length, sizeof *futures);
    link x;
    if (futures == NULL)
        return RK_ENOMEM;
    for (int64_t i = 0; i < length; i++) {
        rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
        options.inputs = i > 0 ? &futures[i - 1] : NULL;
        options.input_count = i > 0;
        RK_TRY(rk_pool_submit(pool, add_one, NULL, 0, &options, &futures[i], err));
    }
    RK_TRY(rk_future_get_into(futures[length - 1], 120, &x, sizeof x, err));
    printf("value %lld after %lld links, %lld moves\n", (long long)x.value, (long long)length, (long long)x.moves);
    for (int64_t i = 0; i < length; i++)
        RK_TRY(rk_future_destroy(futures[i], err));
    free(futures);
    return RK_OK;
}

/* ---- many at once ---- */

static rk_status negative(rk_call *call) {
    int64_t x = -*(const int64_t *)call->arg;
    return rk_call_return(call, &x, sizeof x);
}

static double resident_mib(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024;
}

static rk_status outstanding(rk_pool pool, int64_t count, rk_error *err) {
    rk_future *futures = calloc((size_t)count, sizeof *futures);
    int64_t sum = 0, x;
    if (futures == NULL)
        return RK_ENOMEM;
    double before = resident_mib();
    for (int64_t i = 0; i < count; i++)
        RK_TRY(rk_pool_submit(pool, negative, &i, sizeof i, NULL, &futures[i], err));
    double after = resident_mib();
    for (int64_t i = 0; i < count; i++) {
        RK_TRY(rk_future_get_into(futures[i], 120, &x, sizeof x, err));
        sum += x;
        RK_TRY(rk_future_destroy(futures[i], err));
    }
    printf("%lld futures, sum %lld, %.1f MiB\n", (long long)count, (long long)sum, after - before);
    free(futures);
    return RK_OK;
}

/* ---- a large one ---- */

static rk_status turn_over(rk_call *call) {
    const unsigned char *given = call->arg;
    unsigned char *back = rk_call_result(call, call->arg_size);
    if (back == NULL)
        return rk_call_fail(call, RK_ENOMEM, "no memory for %zu bytes", call->arg_size);
    for (size_t i = 0; i < call->arg_size; i++)
        back[i] = (unsigned char)~given[i];
    return RK_OK;
}

static unsigned char pattern(size_t i) {
    return (unsigned char)(i * 7 + i / 4096);
}

static rk_status huge(rk_pool pool, size_t size, rk_error *err) {
    unsigned char *given = malloc(size);
    rk_submit_options options = RK_SUBMIT_OPTIONS_INIT;
    rk_future future;
    const void *bytes;
    size_t got, wrong = 0;
    if (given == NULL)
        return RK_ENOMEM;
    for (size_t i = 0; i < size; i++)
        given[i] = pattern(i);
    options.borrow = true;
    RK_TRY(rk_pool_submit(pool, turn_over, given, size, &options, &future, err));
    RK_TRY(rk_future_get(future, 600, &bytes, &got, err));
    for (size_t i = 0; i < got; i++)
        wrong += ((const unsigned char *)bytes)[i] != (unsigned char)~pattern(i);
    printf("%zu bytes of %zu came back, %zu of them wrong\n", got, size, wrong);
    free(given);
    return rk_future_destroy(future, err);
}

/* ---- a deep one ---- */

static int descend(int levels) {
    volatile char frame[1 << 20];
    for (size_t i = 0; i < sizeof frame; i += 4096)
        frame[i] = 1;
    int below = levels > 1 ? descend(levels - 1) : 0;
    return below + frame[sizeof frame - 4096];
}

static rk_status dive(rk_call *call) {
    int levels = descend(*(const int *)call->arg);
    return rk_call_return(call, &levels, sizeof levels);
}

static rk_status deep(rk_pool pool, int mebibytes, rk_error *err) {
    int reached;
    RK_TRY(rk_pool_apply(pool, dive, &mebibytes, sizeof mebibytes, &reached, sizeof reached, NULL, err));
    printf("%d MiB deep\n", reached);
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    long long number = argc > 2 ? atoll(argv[2]) : 1000;
    const char *what = argc > 1 ? argv[1] : "chain";
    rk_pool pool;
    rk_status status;
    RK_TRY(rk_pool_create(&pool, NULL, err));
    if (strcmp(what, "outstanding") == 0)
        status = outstanding(pool, number, err);
    else if (strcmp(what, "huge") == 0)
        status = huge(pool, (size_t)number, err);
    else if (strcmp(what, "deep") == 0)
        status = deep(pool, (int)number, err);
    else
        status = chain(pool, number, err);
    RK_TRY(status);
    RK_TRY(rk_pool_close(pool, err));
    RK_TRY(rk_pool_join(pool, 60, err));
    return rk_pool_destroy(pool, err);
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
