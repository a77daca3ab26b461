/* Does, in chosen tasks, whatever ends or spoils a process; `masked` fails the same tasks without doing harm. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <rankine/kernel.h>

typedef struct {
    uint64_t every;
    bool masked;
    int only;    /* one kind, or all in turn */
    uint64_t us; /* that a task takes */
} evil_params;

typedef struct {
    double value;
    uint32_t *numbers;
} evil_result;

enum {
    SEGFAULT,
    ABORT,
    EXIT,
    OVERFLOW,
    MEMORY,
    LOOP,
    PRINT,
    FORK,
    DAEMON,
    KINDS,
    COPY = KINDS + 1,
    NONE,
    STOP,
    STOP_HELPER,
    KILL_HELPER
};

static volatile int sink;
static int *volatile nowhere;

static int recurse(int depth) {
    volatile char frame[4096];
    frame[depth % 4096] = (char)depth;
    sink = frame[0];
    return depth < 0 ? 0 : recurse(depth + 1) + frame[1];
}

static void allocate(void) {
    for (;;) {
        char *memory = malloc(1 << 20);
        if (memory != NULL)
            memset(memory, 1, 1 << 20);
    }
}

static void leave_child(bool twice) {
    pid_t pid = fork();
    if (pid != 0)
        return;
    if (twice && (setsid() < 0 || fork() != 0))
        _exit(0);
    for (;;)
        pause();
}

static void harm(int kind) {
    switch (kind) {
    case SEGFAULT:
        *nowhere = 1;
        break;
    case ABORT:
        abort();
    case EXIT:
        exit(0);
    case OVERFLOW:
        sink = recurse(0);
        break;
    case MEMORY:
        allocate();
        break;
    case LOOP:
        for (;;)
            sink++;
    case PRINT:
        for (;;)
            puts("and on and on and on");
    case COPY:
        if (fork() == 0)
            usleep(1000); /* and comes back */
        break;
    case STOP:
        raise(SIGSTOP);
        break;
    case STOP_HELPER:
        kill(getppid(), SIGSTOP);
        break;
    case KILL_HELPER:
        kill(getppid(), SIGKILL);
        for (;;)
            pause();
    case FORK:
    case DAEMON:
        leave_child(kind == DAEMON);
        break;
    default:
        break;
    }
}

static int evil(rk_task *task, const void *params, void *result) {
    const evil_params *p = params;
    evil_result *r = result;
    double value = (double)task->index;
    if (p->us > 0 && !p->masked)
        usleep((useconds_t)p->us);
    rk_accumulate(task, 0, &value, 1, task->index);
    r->value = value;
    for (uint32_t i = 0; i < 4; i++)
        r->numbers[i] = (uint32_t)task->index + i;
    if (task->index % p->every != p->every / 2)
        return rk_emit(task, 2, &value, 1);
    if (p->masked)
        return rk_task_fail(task, 1, "masked");
    uint64_t bad = task->index / p->every;
    if (p->only >= COPY && rk_emit(task, 2, &value, 1) != RK_OK)
        return RK_EKERNEL;
    harm(p->only != KINDS ? p->only : (int)(bad % KINDS));
    return RK_OK;
}

RK_KERNEL(evil, .summary = "ends its process in every way", .version = "1", .deterministic = true,
          .params = {RK_PARAM(evil_params, every, RK_U64, "100", "1", "of so many tasks one is bad"),
                     RK_PARAM(evil_params, masked, RK_BOOL, "no", "1", "fail without harm"),
                     RK_PARAM(evil_params, only, RK_ENUM, "all", "1", "the one kind of harm",
                              .choices = "segfault|abort|exit|overflow|memory|loop|print|fork|daemon|all|copy|none|"
                                         "stop|stop_helper|kill_helper"),
                     RK_PARAM(evil_params, us, RK_U64, "0", "us", "how long a good task takes")},
          .outputs = {RK_OUTPUT(evil_result, value, RK_F64, "1", "the task's number"),
                      RK_OUTPUT_ROW(evil_result, numbers, RK_U32, "1", "numbers", {"4"}),
                      RK_OUTPUT_VARYING("given", RK_F64, "1", "the task's number")},
          .reduce = {RK_REDUCE_VALUES("given_sum", RK_SUM, "1", "sum of given values"),
                     RK_REDUCE("value_sum", RK_SUM, value)},
          .run = evil)
