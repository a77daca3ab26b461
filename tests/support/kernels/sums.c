/* Uses its parameters and random numbers, never the task's index; keeps a journal of the tasks that it ran. */
#include <fcntl.h>
#include <unistd.h>

#include <rankine/kernel.h>

typedef struct {
    double a, b, c;
    const char *log;
} sums_params;

typedef struct {
    double sum, noise;
    double *triple;
} sums_result;

static void note(const char *path) {
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    (void)!write(fd, "1\n", 2);
    close(fd);
}

static int sums(rk_batch *batch) {
    for (uint64_t i = 0; i < batch->count; i++) {
        rk_task *task = rk_batch_task(batch, i);
        const sums_params *p = (const void *)(batch->params + i * batch->params_stride);
        sums_result *r = (void *)(batch->results + i * batch->result_stride);
        rk_random random = rk_random_stream(task, 3);
        if (p->log[0] != '\0')
            note(p->log);
        r->sum = p->a + p->b + p->c;
        r->noise = rk_random_f64(&random);
        for (int k = 0; k < 3; k++)
            r->triple[k] = r->sum * rk_random_f64(&random);
    }
    return RK_OK;
}

RK_KERNEL(sums, .summary = "sums of parameters, and noise", .version = "1", .deterministic = true,
          .params = {RK_PARAM(sums_params, a, RK_F64, "0", "1", "one"),
                     RK_PARAM(sums_params, b, RK_F64, "0", "1", "two"),
                     RK_PARAM(sums_params, c, RK_F64, "0", "1", "three"),
                     RK_PARAM(sums_params, log, RK_STRING, "", "1", "file to append to", .fixed = true)},
          .outputs = {RK_OUTPUT(sums_result, sum, RK_F64, "1", "a + b + c"),
                      RK_OUTPUT(sums_result, noise, RK_F64, "1", "random"),
                      RK_OUTPUT_ROW(sums_result, triple, RK_F64, "1", "random row", .shape = {"3"})},
          .reduce = {RK_REDUCE("sum_mean", RK_MEAN, sum), RK_REDUCE("noise_sum", RK_SUM, noise),
                     RK_REDUCE("triple_max", RK_MAX, triple)},
          .run_batch = sums, .thread_safe = true)
