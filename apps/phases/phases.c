/* Work in phases: in each, every process writes its place of a shared array, waits at a barrier until all have, and
 * looks at what the others wrote. A second barrier keeps the fast ones from writing before the slow ones have looked.
 */
#include <stdio.h>
#include <stdlib.h>

#include <rankine/bytes.h>
#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/shared.h>
#include <rankine/sync.h>

enum { PROCESSES_MAX = 1024 };

typedef struct work {
    rk_array places;
    rk_barrier barrier;
    int64_t number, processes, phases;
} work;

/* How many places do not say `phase`. */
static rk_status count_strays(const work *todo, int64_t phase, int64_t *strays, rk_error *err) {
    int64_t places[PROCESSES_MAX];
    RK_TRY(rk_array_get(todo->places, RK_I64, 0, (uint64_t)todo->processes, places, err));
    for (int64_t i = 0; i < todo->processes; i++)
        *strays += places[i] != phase;
    return RK_OK;
}

static rk_status one_phase(const work *todo, int64_t phase, int64_t *strays, rk_error *err) {
    RK_TRY(rk_array_put(todo->places, RK_I64, (uint64_t)todo->number, 1, &phase, err));
    RK_TRY(rk_barrier_wait(todo->barrier, RK_FOREVER, NULL, err));
    RK_TRY(count_strays(todo, phase, strays, err));
    return rk_barrier_wait(todo->barrier, RK_FOREVER, NULL, err);
}

static rk_status take_part(rk_call *call) {
    const work *todo = call->arg;
    int64_t strays = 0;
    for (int64_t phase = 1; phase <= todo->phases; phase++)
        RK_TRY(one_phase(todo, phase, &strays, call->err));
    return rk_call_return(call, &strays, sizeof strays);
}

static rk_status collect(rk_process process, int64_t *strays, rk_error *err) {
    void *bytes;
    size_t size;
    RK_TRY(rk_process_join(process, RK_FOREVER, err));
    RK_TRY(rk_process_result(process, &bytes, &size, err));
    *strays += *(const int64_t *)bytes;
    rk_free(bytes);
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    rk_process processes[PROCESSES_MAX];
    int n = rk_size() < 3 ? 3 : rk_size() < PROCESSES_MAX ? rk_size() : PROCESSES_MAX;
    work todo = {.processes = n, .phases = argc > 1 ? atoll(argv[1]) : 100};
    int64_t strays = 0;
    RK_TRY(rk_array_create(&todo.places, RK_I64, (uint64_t)n, NULL, err));
    RK_TRY(rk_barrier_create(&todo.barrier, (uint32_t)n, NULL, err));
    for (todo.number = 0; todo.number < n; todo.number++) {
        rk_process_options options = RK_PROCESS_OPTIONS_INIT;
        options.where = RK_ON_RANK((int)todo.number % rk_size());
        RK_TRY(rk_process_start(&processes[todo.number], take_part, &todo, sizeof todo, &options, err));
    }
    for (int i = 0; i < n; i++)
        RK_TRY(collect(processes[i], &strays, err));
    printf("%lld phases of %d processes, %lld places read too early or too late\n", (long long)todo.phases, n,
           (long long)strays);
    return RK_OK;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
