/* Keeps a journal of its own, so that tests can tell which tasks were begun and how often: a line per task, appended.
 * Tasks whose number is 3 modulo 5 fail while the file `broken` exists. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <rankine/kernel.h>

typedef struct {
    double ms;
    const char *log, *broken;
} journal_params;

enum { WAVE = 64 };

typedef struct {
    uint64_t number;
    double *wave;
} journal_result;

static void write_line(const char *path, uint64_t task) {
    char line[32];
    int length = snprintf(line, sizeof line, "%llu\n", (unsigned long long)task);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    if (write(fd, line, (size_t)length) != length)
        fprintf(stderr, "the journal %s cannot be written\n", path);
    close(fd);
}

static int journal(rk_task *task, const void *params, void *result) {
    const journal_params *p = params;
    journal_result *r = result;
    struct timespec time = {(time_t)(p->ms / 1000), (long)(p->ms * 1e6) % 1000000000};
    if (p->log[0] != '\0')
        write_line(p->log, task->index);
    while (nanosleep(&time, &time) != 0) /* no signal makes it shorter */
        ;
    if (task->index % 5 == 3 && access(p->broken, F_OK) == 0)
        return rk_task_fail(task, 7, "%s is there", p->broken);
    r->number = task->index + 1;
    for (int i = 0; i < WAVE; i++)
        r->wave[i] = sin((double)(task->index * WAVE) + i);
    return RK_OK;
}

RK_KERNEL(journal, .summary = "writes down which tasks it ran", .version = "1", .deterministic = true,
          .params = {RK_PARAM(journal_params, ms, RK_F64, "1", "ms", "time to sleep", .fixed = true),
                     RK_PARAM(journal_params, log, RK_STRING, "", "1", "file to append to", .fixed = true),
                     RK_PARAM(journal_params, broken, RK_STRING, "broken", "1", "tasks fail while it exists",
                              .fixed = true)},
          .outputs = {RK_OUTPUT(journal_result, number, RK_U64, "1", "the task's number plus one", .fill = "0"),
                      RK_OUTPUT_ROW(journal_result, wave, RK_F64, "1", "a row", .shape = {"64"})},
          .reduce = {RK_REDUCE("number_sum", RK_SUM, number), RK_REDUCE("wave_max", RK_MAX, wave)}, .run = journal)
