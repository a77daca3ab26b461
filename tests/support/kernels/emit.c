/* Emits as many values as the task's random numbers say: many tasks none, some thousands, some fail after a few. */
#include <stdlib.h>
#include <time.h>

#include <rankine/kernel.h>

typedef struct {
    uint64_t most, bytes;
    double us;
} emit_params;

typedef struct {
    double total;
} emit_result;

enum { TIMES, NAMES };

static int emit_one(rk_task *task, uint32_t output, const void *values, uint64_t count, int *status) {
    if (*status == RK_OK)
        *status = rk_emit(task, output, values, count);
    return *status;
}

static int emit_bytes(rk_task *task, uint64_t bytes) {
    enum { PIECE = 1 << 24 };
    unsigned char *piece = malloc(PIECE);
    int status = piece ? RK_OK : RK_ENOMEM;
    for (uint64_t done = 0; status == RK_OK && done < bytes; done += PIECE) {
        for (uint64_t i = 0; i < PIECE; i += 8)
            *(uint64_t *)(void *)(piece + i) = (done + i) * UINT64_C(0x9e3779b97f4a7c15);
        status = rk_emit(task, NAMES, piece, bytes - done < PIECE ? bytes - done : PIECE);
    }
    free(piece);
    return status;
}

static int emit_all(rk_task *task, const emit_params *p, emit_result *r) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    rk_random random = rk_random_stream(task, 0);
    int status = RK_OK;
    uint64_t count = p->most > 0 ? rk_random_below(&random, p->most) : 0;
    if (task->index % 4 == 1)
        count = 0;
    for (uint64_t i = 0; i < count; i++) {
        double time = rk_random_f64(&random);
        r->total += time;
        emit_one(task, TIMES, &time, 1, &status);
        if (i % 3 == 0)
            emit_one(task, NAMES, letters, i % 26 + 1, &status);
    }
    if (task->index % 11 == 7)
        return rk_task_fail(task, 9, "one of those that fail, after %llu values", (unsigned long long)count);
    return status == RK_OK ? emit_bytes(task, p->bytes) : status;
}

static int emit(rk_task *task, const void *params, void *result) {
    const emit_params *p = params;
    struct timespec time = {0, (long)(p->us * 1000)};
    if (p->us > 0)
        nanosleep(&time, NULL);
    return emit_all(task, p, result);
}

RK_KERNEL(emit, .summary = "emits values of varying number", .version = "1", .deterministic = true,
          .params = {RK_PARAM(emit_params, most, RK_U64, "40", "1", "fewer values than this"),
                     RK_PARAM(emit_params, bytes, RK_U64, "0", "1", "and so many bytes"),
                     RK_PARAM(emit_params, us, RK_F64, "0", "us", "time to sleep", .fixed = true)},
          .outputs = {RK_OUTPUT_VARYING("times", RK_F64, "s", "random times"),
                      RK_OUTPUT_VARYING("names", RK_U8, "1", "letters"),
                      RK_OUTPUT(emit_result, total, RK_F64, "s", "sum of the times")},
          .reduce = {RK_REDUCE("total_sum", RK_SUM, total)}, .run = emit, .thread_safe = true)
