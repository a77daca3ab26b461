/* Ends its thread or its process where it should not: in a task, in its plan, while it is loaded. It prints, too. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rankine/kernel.h>

enum { NOWHERE, IN_EXIT, IN_PTHREAD_EXIT, IN_UNDERSCORE_EXIT, IN_PLAN };

typedef struct {
    int where;
    bool prints;
} quits_params;

typedef struct {
    uint64_t number;
} quits_result;

__attribute__((constructor)) static void begin(void) {
    if (getenv("QUITS_WHEN_LOADED") != NULL)
        exit(0);
}

static int plan(rk_plan *plan, const void *params) {
    const quits_params *p = params;
    if (p->prints)
        puts("planned");
    if (p->where == IN_PLAN)
        exit(0);
    return rk_plan_axis(plan, "part", 10, 0, 1, "1", "its number");
}

static int quits(rk_task *task, const void *params, void *result) {
    const quits_params *p = params;
    if (p->prints)
        printf("task %llu\n", (unsigned long long)task->index);
    if (task->index == 7 && p->where == IN_EXIT)
        exit(0);
    if (task->index == 7 && p->where == IN_PTHREAD_EXIT)
        pthread_exit(NULL);
    if (task->index == 7 && p->where == IN_UNDERSCORE_EXIT)
        _exit(0);
    ((quits_result *)result)->number = task->index;
    return RK_OK;
}

RK_KERNEL(quits, .summary = "ends its process or thread", .version = "1", .deterministic = true,
          .params = {RK_PARAM(quits_params, where, RK_ENUM, "nowhere", "1", "where it ends",
                              .choices = "nowhere|exit|pthread_exit|_exit|plan", .fixed = true),
                     RK_PARAM(quits_params, prints, RK_BOOL, "no", "1", "print to stdout", .fixed = true)},
          .outputs = {RK_OUTPUT(quits_result, number, RK_U64, "1", "the task's number")}, .plan = plan, .run = quits,
          .thread_safe = true)
