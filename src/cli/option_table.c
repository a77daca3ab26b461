/* The options: what sets each, and the table that parsing, help and the check of the man page follow. */
#include "cli/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/when.h"
#include "run/run.h"

enum { RESTARTS = 20 }; /* of a job, if not said otherwise */

/* ---- setters: one per option ---- */

static rk_status whole_number(const char *option, const char *value, uint64_t least, uint64_t most, uint64_t *out,
                              rk_error *err) {
    uint64_t number;
    if (!rk__parse_count(value, &number) || number < least || number > most)
        return rk__fail(err, RK_EINVAL, "%s %s: a whole number from %llu to %llu is expected", option, value,
                        (unsigned long long)least, (unsigned long long)most);
    *out = number;
    return RK_OK;
}

static rk_status set_ranks(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t ranks;
    RK_TRY(whole_number("-n", value, 1, 10000000, &ranks, err));
    a->ranks = (int)ranks;
    return RK_OK;
}

static rk_status set_threads(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t threads;
    RK_TRY(whole_number("--threads", value, 1, 4096, &threads, err));
    a->threads = (uint32_t)threads;
    return RK_OK;
}

static rk_status set_jobs_per_rank(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t jobs;
    RK_TRY(whole_number("--jobs-per-rank", value, 1, 4096, &jobs, err));
    a->jobs_per_rank = (uint32_t)jobs;
    return RK_OK;
}

static rk_status set_cores_per_task(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t cores;
    RK_TRY(whole_number("--cores-per-task", value, 1, 65536, &cores, err));
    a->cores_per_task = (uint32_t)cores;
    return RK_OK;
}

static rk_status set_retries(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t retries;
    RK_TRY(whole_number("--retries", value, 0, 1000000, &retries, err));
    a->retries = (uint32_t)retries;
    return RK_OK;
}

static rk_status set_task_timeout(rk__arguments *a, const char *value, rk_error *err) {
    a->task_seconds = 0;
    if (strcmp(value, "none") == 0)
        return RK_OK;
    RK_TRY(rk__parse_duration("--task-timeout", value, &a->task_seconds, err));
    return a->task_seconds > 0 ? RK_OK : rk__fail(err, RK_EINVAL, "--task-timeout %s: no task could end", value);
}

static rk_status set_task_memory(rk__arguments *a, const char *value, rk_error *err) {
    a->task_bytes = 0;
    if (strcmp(value, "none") == 0 || (rk__parse_bytes(value, &a->task_bytes) && a->task_bytes > 0))
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "--task-memory %s: bytes are expected, such as 512M or 2G", value);
}

static rk_status set_failures_percent(rk__arguments *a, const char *value, rk_error *err) {
    char number[40] = "";
    size_t length = strlen(value);
    if (length < sizeof number)
        memcpy(number, value, length - 1);
    if (!rk__parse_f64(number, &a->failures_percent) || !(a->failures_percent > 0 && a->failures_percent <= 100))
        return rk__fail(err, RK_EINVAL, "--max-failures %s: a share above 0%% and up to 100%% is expected", value);
    return RK_OK;
}

static rk_status set_max_failures(rk__arguments *a, const char *value, rk_error *err) {
    a->limits_failures = strcmp(value, "none") != 0;
    a->failures_max = 0;
    a->failures_percent = 0;
    if (!a->limits_failures)
        return RK_OK;
    if (value[strlen(value) - 1] == '%')
        return set_failures_percent(a, value, err);
    if (!rk__parse_count(value, &a->failures_max) || a->failures_max == UINT64_MAX)
        return rk__fail(err, RK_EINVAL,
                        "--max-failures %s: a number of tasks (0, 20) or a share of them (5%%) is expected", value);
    return RK_OK;
}

static rk_status set_no_isolate(rk__arguments *a, const char *value, rk_error *err) {
    (void)value;
    (void)err;
    a->isolate = false;
    return RK_OK;
}

static rk_status set_hostfile(rk__arguments *a, const char *value, rk_error *err) {
    (void)err;
    a->hostfile = value;
    return RK_OK;
}

static rk_status set_schedule(rk__arguments *a, const char *value, rk_error *err) {
    if (rk__policy_from_name(value, &a->policy))
        return RK_OK;
    return rk__fail(err, RK_EINVAL,
                    "--schedule %s: there is no such policy (adaptive, static, dynamic, guided, factoring)", value);
}

static rk_status set_seed(rk__arguments *a, const char *value, rk_error *err) {
    return whole_number("--seed", value, 0, UINT64_MAX, &a->seed, err);
}

static rk_status set_block(rk__arguments *a, const char *value, rk_error *err) {
    RK_TRY(whole_number("--block", value, 1, UINT64_C(1) << 56, &a->block_tasks, err));
    if ((a->block_tasks & (a->block_tasks - 1)) != 0)
        return rk__fail(err, RK_EINVAL, "--block %s: must be a power of two, such as 32 or 64", value);
    return RK_OK;
}

static rk_status set_zip(rk__arguments *a, const char *value, rk_error *err) {
    if (strchr(value, ',') == NULL)
        return rk__fail(err, RK_EINVAL, "--zip %s: names of at least two parameters are expected, as in --zip a,b",
                        value);
    a->zips[a->zip_count++] = value;
    return RK_OK;
}

static rk_status set_table(rk__arguments *a, const char *value, rk_error *err) {
    if (a->table != NULL)
        return rk__fail(err, RK_EINVAL, "--table %s: there is a table already (%s); one is all", value, a->table);
    a->table = value;
    return RK_OK;
}

static rk_status set_tasks_from(rk__arguments *a, const char *value, rk_error *err) {
    if (a->tasks_from != NULL)
        return rk__fail(err, RK_EINVAL, "--tasks-from %s: given already (%s); one is all", value, a->tasks_from);
    a->tasks_from = value;
    return RK_OK;
}

static rk_status set_repeat(rk__arguments *a, const char *value, rk_error *err) {
    return whole_number("--repeat", value, 1, UINT64_C(1) << 56, &a->repeat, err);
}

static rk_status set_input_dims(rk__arguments *a, const char *value, rk_error *err) {
    uint64_t dims;
    RK_TRY(whole_number("--input-dims", value, 1, 8, &dims, err));
    a->input_dims = (unsigned)dims;
    return RK_OK;
}

static rk_status set_samples(rk__arguments *a, const char *value, rk_error *err) {
    return whole_number("--samples", value, 1, UINT64_C(1) << 40, &a->samples, err);
}

static rk_status set_part(rk__arguments *a, const char *value, rk_error *err) {
    char number[24] = "";
    const char *slash = strchr(value, '/');
    uint64_t part, parts;
    if (slash != NULL && (size_t)(slash - value) < sizeof number)
        memcpy(number, value, (size_t)(slash - value));
    if (slash == NULL || !rk__parse_u64(number, &part) || !rk__parse_u64(slash + 1, &parts) || part < 1 ||
        part > parts || parts > RK__PARTS_MAX)
        return rk__fail(err, RK_EINVAL, "--part %s: I/N is expected, such as 1/4, 2/4, 3/4, 4/4", value);
    a->part = (uint32_t)part;
    a->parts = (uint32_t)parts;
    return RK_OK;
}

static rk_status set_sync(rk__arguments *a, const char *value, rk_error *err) {
    return rk__parse_duration("--sync", value, &a->sync_seconds, err);
}

static rk_status set_time_limit(rk__arguments *a, const char *value, rk_error *err) {
    RK_TRY(rk__parse_duration("--time-limit", value, &a->limit_seconds, err));
    return a->limit_seconds > 0 ? RK_OK : rk__fail(err, RK_EINVAL, "--time-limit %s: nothing could be done", value);
}

static rk_status set_until(rk__arguments *a, const char *value, rk_error *err) {
    return rk__parse_time("--until", value, rk__wall_ns(), &a->until_ns, err);
}

static rk_status set_interval(rk__arguments *a, const char *value, rk_error *err) {
    double seconds;
    if (!rk__parse_f64(value, &seconds) || !(seconds >= 0.1 && seconds <= 86400))
        return rk__fail(err, RK_EINVAL, "--interval %s: seconds from 0.1 to 86400 are expected", value);
    a->interval_seconds = seconds;
    return RK_OK;
}

static rk_status set_output(rk__arguments *a, const char *value, rk_error *err) {
    (void)err;
    a->output = value;
    return RK_OK;
}

static rk_status set_kernel(rk__arguments *a, const char *value, rk_error *err) {
    (void)err;
    a->kernel = value;
    return RK_OK;
}

static rk_status set_reuse(rk__arguments *a, const char *value, rk_error *err) {
    (void)err;
    a->reuse = value;
    return RK_OK;
}

static rk_status set_progress(rk__arguments *a, const char *value, rk_error *err) {
    static const char *const names[] = {"auto", "always", "never"}; /* in the order of rk__progress_when */
    if (value == NULL)
        value = "always";
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            a->progress = (rk__progress_when)i;
            return RK_OK;
        }
    return rk__fail(err, RK_EINVAL, "--progress=%s: auto, always or never is expected", value);
}

static rk_status set_until_done(rk__arguments *a, const char *value, rk_error *err) {
    a->restarts = RESTARTS;
    return value != NULL ? whole_number("--until-done", value, 1, 1000, &a->restarts, err) : RK_OK;
}

static rk_status set_language(rk__arguments *a, const char *value, rk_error *err) {
    static const char *const names[] = {"c", "c++", "fortran"}; /* in the order of rk__language */
    for (int i = 0; i < 3; i++)
        if (strcmp(value, names[i]) == 0) {
            a->language = (rk__language)i;
            return RK_OK;
        }
    return rk__fail(err, RK_EINVAL, "--lang %s: c, c++ or fortran is expected", value);
}

#define FLAG_SETTER(field)                                                                                             \
    static rk_status set_##field(rk__arguments *a, const char *value, rk_error *err) {                                 \
        (void)value;                                                                                                   \
        (void)err;                                                                                                     \
        a->field = true;                                                                                               \
        return RK_OK;                                                                                                  \
    }
FLAG_SETTER(force)
FLAG_SETTER(fail_fast)
FLAG_SETTER(isolate)
FLAG_SETTER(gather)
FLAG_SETTER(dry_run)
FLAG_SETTER(srun)
FLAG_SETTER(quiet)
FLAG_SETTER(json)
FLAG_SETTER(accept_kernel)
FLAG_SETTER(repair)
FLAG_SETTER(retry_failed)
FLAG_SETTER(help)
FLAG_SETTER(version)
#undef FLAG_SETTER

/* ---- the table ---- */

#define IN(command) (1u << RK__COMMAND_##command)
#define EVERYWHERE  ((1u << RK__COMMAND_COUNT) - 1)

static const rk__option options[] = {
    {"ranks", 'n', RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME) | IN(DOCTOR), true, "N",
     "how many ranks to start (default: one for each core that may be used); 1 runs without mpirun", set_ranks},
    {"hostfile", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME) | IN(DOCTOR), true, "FILE",
     "hosts to start the ranks on, one per line, as mpirun reads them: node1 slots=4; without -n all slots",
     set_hostfile},
    {"schedule", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "POLICY",
     "how tasks are dealt: adaptive (default), static, dynamic, guided, factoring; never changes the results",
     set_schedule},
    {"threads", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "T",
     "T threads of each rank compute, for kernels that are safe for threads (default: 1); then -n defaults to cores / "
     "T",
     set_threads},
    {"jobs-per-rank", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "J",
     "the same for work that mostly waits (downloads, other programs): -n stays as it is", set_jobs_per_rank},
    {"cores-per-task", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "C",
     "each task may use C cores: fewer ranks by default, bound to C cores each, and OMP_NUM_THREADS (and what BLAS "
     "libraries look at) is C",
     set_cores_per_task},
    {"time-limit", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "TIME",
     "stop in time to end within TIME (90s, 1.5h, 1:30:00): a block is not begun if less is left than the rank's "
     "longest "
     "took, and an eighth; exit code 75",
     set_time_limit},
    {"until", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), false, "TIME",
     "the same, by the clock: 14:30, 2026-11-21T14:30, @SECONDS-SINCE-1970", set_until},
    {"dry-run", 0, RK__OPTION_FLAG, RK__GROUP_WHERE, IN(RUN) | IN(SUBMIT), false, NULL,
     "check everything and say what would be run: tasks, bytes, memory, where; of submit, print the script",
     set_dry_run},
    {"srun", 0, RK__OPTION_FLAG, RK__GROUP_WHERE, IN(SUBMIT), false, NULL,
     "start the ranks with srun --mpi=pmix, not with mpirun", set_srun},
    {"until-done", 0, RK__OPTION_OPTIONAL, RK__GROUP_WHERE, IN(SUBMIT), false, "N",
     "when the job's time is over, queue it again until the run is done, at most N times (default 20)", set_until_done},
    {"seed", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "S",
     "seed of the random numbers (default 20240229); same seed, same results", set_seed},
    {"repeat", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "N",
     "N replicates of every task, each with its own random numbers", set_repeat},
    {"zip", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "A,B",
     "walk the values of these parameters together, not as a product; may be given again", set_zip},
    {"table", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "FILE",
     "a task per line of a CSV file; its first line names the parameters", set_table},
    {"tasks-from", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "FILE",
     "of the kernel 'command': a task per line, a shell's program each; - reads standard input; empty lines and # "
     "lines "
     "are left out",
     set_tasks_from},
    {"input-dims", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "D",
     "how many leading dimensions of the input become tasks (default 1)", set_input_dims},
    {"block", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN) | IN(CHECK), false, "T",
     "tasks per block, the unit of claim and commit: a power of two; never changes the results", set_block},
    {"part", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN), false, "I/N",
     "compute the I-th of N parts of the tasks only, into a file of its own; 'rankine merge' joins the parts",
     set_part},
    {"reuse", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(RUN), false, "FILE",
     "take what FILE, an earlier run, has computed: the same words with values appended to the first or the last axis "
     "(the replicates, say)",
     set_reuse},
    {"retries", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "N",
     "try a task that fails again, up to N times, before it counts as failed", set_retries},
    {"isolate", 0, RK__OPTION_FLAG, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, NULL,
     "compute tasks in a process apart: one that crashes, exits or is killed costs nothing but itself", set_isolate},
    {"no-isolate", 0, RK__OPTION_FLAG, RK__GROUP_FAILURES, IN(RESUME), false, NULL,
     "compute the rest in the ranks themselves, though the run was begun with --isolate", set_no_isolate},
    {"task-timeout", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "TIME",
     "kill a task that takes longer than TIME (10s, 1.5h); it counts as failed; with --isolate, or where each task is "
     "a process anyway (command, coprocess); none: no limit",
     set_task_timeout},
    {"task-memory", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "BYTES",
     "with --isolate: kill a task that makes its process larger by more than this (512M, 2G); none: no limit",
     set_task_memory},
    {"max-failures", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "N|P%",
     "stop when more than N tasks (or P percent) have failed; exit code 75; none (default): go on", set_max_failures},
    {"fail-fast", 0, RK__OPTION_FLAG, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, NULL,
     "stop at the first task that fails, as --max-failures 0", set_fail_fast},
    {"samples", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(CHECK), false, "N",
     "how many tasks to recompute (default 256)", set_samples},
    {"output", 'o', RK__OPTION_VALUE, RK__GROUP_FILE, IN(RUN) | IN(MERGE) | IN(DOCTOR), false, "FILE",
     "the run file (default: KERNEL.h5 in this directory); doctor: also a directory", set_output},
    {"force", 0, RK__OPTION_FLAG, RK__GROUP_FILE, IN(RUN) | IN(MERGE), false, NULL,
     "overwrite the run file if it exists; of other files only HDF5 ones and empty ones are overwritten", set_force},
    {"sync", 0, RK__OPTION_VALUE, RK__GROUP_FILE, IN(RUN) | IN(RESUME), false, "TIME",
     "how much work a power cut may take (default 5s); 0: sync at the end only", set_sync},
    {"gather", 0, RK__OPTION_FLAG, RK__GROUP_FILE, IN(RUN) | IN(RESUME), false, NULL,
     "send rows to rank 0 instead of writing them from every node; found out by itself for NFS and local disks",
     set_gather},
    {"retry-failed", 0, RK__OPTION_FLAG, RK__GROUP_FILE, IN(RESUME), false, NULL,
     "compute failed tasks again (with the other tasks of their blocks)", set_retry_failed},
    {"repair", 0, RK__OPTION_FLAG, RK__GROUP_FILE, IN(RESUME), false, NULL,
     "check every block as verify does, and compute damaged ones again", set_repair},
    {"kernel", 0, RK__OPTION_VALUE, RK__GROUP_FILE, IN(RESUME) | IN(MERGE), false, "PATH",
     "where the kernel is now, if it has moved", set_kernel},
    {"accept-kernel", 0, RK__OPTION_FLAG, RK__GROUP_FILE, IN(RESUME) | IN(MERGE), false, NULL,
     "go on although the kernel's file has changed (rebuilt, say); this is recorded", set_accept_kernel},
    {"lang", 0, RK__OPTION_VALUE, RK__GROUP_FILE, IN(NEW), false, "LANGUAGE",
     "the new kernel's language: c (default), c++ or fortran", set_language},
    {"progress", 0, RK__OPTION_OPTIONAL, RK__GROUP_TALK, IN(RUN) | IN(RESUME) | IN(VERIFY), false, "WHEN",
     "auto (default: a live line on a terminal, else a line now and then), always (live line), never", set_progress},
    {"interval", 0, RK__OPTION_VALUE, RK__GROUP_TALK, IN(WATCH), false, "SECONDS",
     "how often to show what is new (default: 1, lines of text 10)", set_interval},
    {"quiet", 'q', RK__OPTION_FLAG, RK__GROUP_TALK, IN(RUN) | IN(RESUME) | IN(VERIFY) | IN(MERGE), false, NULL,
     "no progress and no summary; errors only", set_quiet},
    {"json", 0, RK__OPTION_FLAG, RK__GROUP_TALK, EVERYWHERE & ~IN(HELP), false, NULL,
     "the result as JSON on stdout, and nothing else there", set_json},
    {"help", 'h', RK__OPTION_FLAG, RK__GROUP_TALK, EVERYWHERE, false, NULL, "help, also for a command", set_help},
    {"version", 0, RK__OPTION_FLAG, RK__GROUP_TALK, 0, false, NULL, "versions of Rankine, MPI and HDF5", set_version},
};
enum { OPTION_COUNT = sizeof options / sizeof *options };
_Static_assert((int)OPTION_COUNT <= (int)RK__OPTIONS_MAX, "there is a place for each in rk__arguments");

const rk__option *rk__options(size_t *count) {
    *count = OPTION_COUNT;
    return options;
}

bool rk__option_applies(const rk__option *option, rk__command command) {
    if (command == RK__COMMAND_NONE)
        return option->commands == 0 || (option->commands & IN(HELP)) != 0;
    return (option->commands & (1u << command)) != 0;
}

static const char *const command_names[] = {
#define COMMAND_NAME(name, text) text,
    RK__COMMAND_MAP(COMMAND_NAME)
#undef COMMAND_NAME
};

const char *rk__command_name(rk__command command) {
    return command < RK__COMMAND_COUNT ? command_names[command] : "";
}

rk__command rk__command_from_name(const char *name) {
    for (int i = 0; i < RK__COMMAND_COUNT; i++)
        if (strcmp(command_names[i], name) == 0)
            return (rk__command)i;
    return RK__COMMAND_NONE;
}
