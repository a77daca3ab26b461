#define _GNU_SOURCE /* strptime; NOLINT(bugprone-reserved-identifier) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "batch/batch.h"

#define SECOND_NS UINT64_C(1000000000)

static uint64_t number_in_env(const char *name) {
    const char *text = getenv(name);
    uint64_t number;
    return text != NULL && rk__parse_u64(text, &number) ? number : 0;
}

/* "2(x3),1": 7. 0: not understood. */
static uint64_t sum_of_nodes(const char *text) {
    uint64_t sum = 0;
    while (text != NULL && *text != '\0') {
        unsigned long long each, times = 1;
        int used = 0;
        if (sscanf(text, "%9llu%n", &each, &used) != 1)
            return 0;
        text += used;
        if (*text == '(') {
            if (sscanf(text, "(x%9llu)%n", &times, &used) != 1)
                return 0;
            text += used;
        }
        sum += (uint64_t)each * times;
        if (*text != '\0' && *text++ != ',')
            return 0;
    }
    return sum;
}

/* The task's place in the array says that it is one; its size alone is said to all that it starts. */
static uint64_t array_tasks(void) {
    uint64_t count = number_in_env("SLURM_ARRAY_TASK_COUNT");
    return getenv("SLURM_ARRAY_TASK_ID") != NULL ? (count > 0 ? count : 1) : 0;
}

void rk__batch_job_read(rk__batch_job *out) {
    *out = (rk__batch_job){.id = getenv("SLURM_JOB_ID")};
    if (out->id == NULL)
        return;
    out->restarts = number_in_env("SLURM_RESTART_COUNT");
    out->tasks = number_in_env("SLURM_NTASKS");
    if (out->tasks == 0)
        out->tasks = sum_of_nodes(getenv("SLURM_TASKS_PER_NODE"));
    out->cpus_per_task = number_in_env("SLURM_CPUS_PER_TASK");
    uint64_t end = number_in_env(RK__BATCH_END);
    out->end_ns = end < UINT64_MAX / SECOND_NS ? end * SECOND_NS : 0;
    out->array_tasks = array_tasks();
}

/* squeue writes local time, or "N/A". */
static bool read_time(const char *text, long long *seconds) {
    struct tm broken = {.tm_isdst = -1};
    if (strptime(text, "%Y-%m-%dT%H:%M:%S", &broken) == NULL)
        return false;
    *seconds = (long long)mktime(&broken);
    return *seconds > 0;
}

void rk__batch_job_ask_end(void) {
    const char *id = getenv("SLURM_JOB_ID");
    rk__batch_entry entry;
    bool found = false;
    long long seconds;
    char number[24];
    if (id == NULL || getenv(RK__BATCH_END) != NULL || rk__batch_find(id, &entry, &found, NULL) != RK_OK || !found ||
        !read_time(entry.end, &seconds))
        return;
    snprintf(number, sizeof number, "%lld", seconds);
    setenv(RK__BATCH_END, number, 1);
}
