#include "cli/request.h"

#include <stdlib.h>
#include <string.h>

#include "batch/batch.h"
#include "cli/build.h"
#include "cli/quote.h"

#define TYPED_VARIABLE "RANKINE_COMMAND_LINE"
enum { TYPED_MAX = 1 << 16 }; /* Linux takes no variable of more than 128 KiB */

void rk__request_pass_on(const rk__cli *cli) {
    rk__text typed = RK__TEXT_INIT;
    rk__request_command_line(cli, &typed);
    if (!typed.failed && typed.length < TYPED_MAX)
        setenv(TYPED_VARIABLE, rk__text_get(&typed), 1);
    rk__text_fini(&typed);
}

void rk__request_command_line(const rk__cli *cli, rk__text *out) {
    const char *typed = getenv(TYPED_VARIABLE);
    if (typed != NULL) {
        rk__text_add_bytes(out, typed, strlen(typed));
        unsetenv(TYPED_VARIABLE); /* what tasks start is another command */
        return;
    }
    rk__quote_add_words(out, cli->argv, (size_t)cli->argc);
}

#define JOB_END_NS UINT64_C(10000000000) /* of a job's time, for the end of the run and of its script */

/* A batch system's time limit is one of ours; it may be over already. */
static uint64_t end_of_job(void) {
    rk__batch_job job;
    rk__batch_job_read(&job);
    return job.end_ns > JOB_END_NS ? job.end_ns - JOB_END_NS : 0;
}

static void earlier(uint64_t *deadline_ns, uint64_t other_ns) {
    if (*deadline_ns == 0 || other_ns < *deadline_ns)
        *deadline_ns = other_ns;
}

void rk__request_session(const rk__cli *cli, rk__run_options *options) {
    const rk__arguments *a = &cli->arguments;
    uint64_t now = rk__clock_ns(), wall = rk__wall_ns();
    options->policy = a->policy;
    options->gather = a->gather;
    options->threads = a->threads > 0 ? a->threads : a->jobs_per_rank;
    options->retries = a->retries;
    options->isolation =
        (rk__run_isolation){.wanted = a->isolate, .task_seconds = a->task_seconds, .task_bytes = a->task_bytes};
    options->cores_per_task = a->cores_per_task;
    options->limits_failures = a->limits_failures || a->fail_fast;
    options->failures_max = a->fail_fast ? 0 : a->failures_max;
    options->failures_percent = a->fail_fast ? 0 : a->failures_percent;
    options->sync_ns = (uint64_t)(a->sync_seconds * 1e9);
    options->deadline_ns = 0;
    if (a->limit_seconds > 0)
        earlier(&options->deadline_ns, now + (uint64_t)(a->limit_seconds * 1e9));
    if (a->until_ns > 0)
        earlier(&options->deadline_ns, now + (a->until_ns > wall ? a->until_ns - wall : 0));
    uint64_t job_ns = end_of_job();
    if (job_ns > 0)
        earlier(&options->deadline_ns, now + (job_ns > wall ? job_ns - wall : 0));
}

rk_status rk__request_make(const rk__cli *cli, rk__run_options *options, rk__text *command_line, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    RK_TRY(rk__cli_words(cli, 1, SIZE_MAX, "a kernel", err));
    for (size_t i = 1; i < a->word_count; i++)
        if (strchr(a->words[i], '=') == NULL)
            return rk__fail(err, RK_EINVAL, "'%s' sets nothing: parameters are given as name=value", a->words[i]);
    RK_TRY(rk__build_refuse_source(a->words[0], err));
    rk__request_command_line(cli, command_line);
    *options = (rk__run_options){
        .kernel = a->words[0],
        .linked = cli->linked,
        .request = {.settings = a->words + 1,
                    .setting_count = a->word_count - 1,
                    .zips = a->zips,
                    .zip_count = a->zip_count,
                    .table = a->table,
                    .repeat = a->repeat,
                    .may_repeat = a->tasks_from != NULL ? "line" : NULL,
                    .input_dims = a->input_dims},
        .output = a->output,
        .seed = a->seed,
        .block_tasks = a->block_tasks,
        .force = a->force,
        .reuse = a->reuse,
        .part = a->part,
        .parts = a->parts,
        .command_line = rk__text_get(command_line),
    };
    rk__request_session(cli, options);
    return RK_OK;
}
