/* Prints, as kernels do: what all ranks say, many short lines, a long one, one in two pieces, any bytes. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rankine/kernel.h>

enum { COMMON, MANY, LONG, PIECES, BYTES, CRASH, FORGE, FLOOD };
enum { LINES = 20000, LONG_BYTES = 300000 };

typedef struct {
    int what;
    double ms;
} prints_params;

typedef struct {
    int32_t rank;
} prints_result;

static void nap(double ms) {
    struct timespec time = {(time_t)(ms / 1000), (long)(ms * 1e6) % 1000000000};
    nanosleep(&time, NULL);
}

static void print_long(int rank) {
    static char line[LONG_BYTES + 2];
    memset(line, 'a' + rank, LONG_BYTES);
    line[LONG_BYTES] = '\n';
    fputs(line, stderr);
}

static void print(int what, int rank) {
    if (what == COMMON) {
        fputs("a table is read\nand understood\n", stderr);
        puts("on stdout");
    }
    for (int i = 0; what == MANY && i < LINES; i++)
        fprintf(i % 2 ? stdout : stderr, "%d\n", i);
    for (int i = 0; what == FLOOD; i++)
        printf("%d\n", i);
    if (what == LONG)
        print_long(rank);
    if (what == PIECES) {
        fprintf(stderr, "a piece");
        nap(600);
        fprintf(stderr, ", and the rest\n");
    }
    for (int byte = 0; what == BYTES && byte < 256; byte++)
        fputc(byte, stderr);
    if (what == FORGE)
        fputs("\x01"
              "exit 0 0\n\x01"
              "closing\n\x01 line o 1 evil 4\n",
              stderr);
    fflush(stdout);
}

/* Each rank prints once, in its first task. */
static int prints(rk_task *task, const void *params, void *result) {
    const prints_params *p = params;
    static atomic_bool printed;
    if (!atomic_exchange(&printed, true))
        print(p->what, task->place->rank);
    if (p->what == CRASH && task->place->rank == 1)
        raise(SIGSEGV);
    ((prints_result *)result)->rank = task->place->rank;
    nap(p->ms);
    return RK_OK;
}

RK_KERNEL(prints, .summary = "prints", .version = "1", .deterministic = false,
          .params = {RK_PARAM(prints_params, what, RK_ENUM, "common", "1", "what it prints",
                              .choices = "common|many|long|pieces|bytes|crash|forge|flood", .fixed = true),
                     RK_PARAM(prints_params, ms, RK_F64, "20", "ms", "that a task takes", .fixed = true)},
          .outputs = {RK_OUTPUT(prints_result, rank, RK_I32, "1", "who ran it")}, .run = prints)
