/* A task that does what no task should: ends the process, or closes what is not its own. */
#include <stdlib.h>
#include <unistd.h>

#include <rankine/kernel.h>

typedef struct {
    int how;
} rude_params;

typedef struct {
    uint64_t number;
} rude_result;

enum { NOTHING, EXIT, CLOSE };

static int rude(rk_task *task, const void *params, void *result) {
    int how = task->index == 7 ? ((const rude_params *)params)->how : NOTHING;
    if (how == EXIT)
        exit(0);
    for (int fd = 3; how == CLOSE && fd < 200; fd++)
        close(fd);
    ((rude_result *)result)->number = task->index;
    return RK_OK;
}

RK_KERNEL(rude, .summary = "ends its process", .version = "1", .deterministic = true,
          .params = {RK_PARAM(rude_params, how, RK_ENUM, "nothing", "1", "what it does",
                              .choices = "nothing|exit|close")},
          .outputs = {RK_OUTPUT(rude_result, number, RK_U64, "1", "the task's number")}, .run = rude)
