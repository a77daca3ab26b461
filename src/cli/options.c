#include "cli/options.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/when.h"
#include "run/run.h"

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
    RK_TRY(rk__parse_duration("--task-timeout", value, &a->task_seconds, err));
    return a->task_seconds > 0 ? RK_OK : rk__fail(err, RK_EINVAL, "--task-timeout %s: no task could end", value);
}

static rk_status set_task_memory(rk__arguments *a, const char *value, rk_error *err) {
    if (rk__parse_bytes(value, &a->task_bytes) && a->task_bytes > 0)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "--task-memory %s: bytes are expected, such as 512M or 2G", value);
}

static rk_status set_max_failures(rk__arguments *a, const char *value, rk_error *err) {
    char number[40] = "";
    size_t length = strlen(value);
    a->limits_failures = true;
    if (value[length - 1] != '%')
        return whole_number("--max-failures", value, 0, UINT64_MAX - 1, &a->failures_max, err);
    if (length < sizeof number)
        memcpy(number, value, length - 1);
    if (!rk__parse_f64(number, &a->failures_percent) || !(a->failures_percent > 0 && a->failures_percent <= 100))
        return rk__fail(err, RK_EINVAL, "--max-failures %s: a share above 0%% and up to 100%% is expected", value);
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
    {"ranks", 'n', RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), true, "N",
     "how many ranks to start (default: one for each core that may be used); 1 runs without mpirun", set_ranks},
    {"hostfile", 0, RK__OPTION_VALUE, RK__GROUP_WHERE, IN(RUN) | IN(RESUME), true, "FILE",
     "hosts to start the ranks on, one per line, as mpirun reads them", set_hostfile},
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
    {"dry-run", 0, RK__OPTION_FLAG, RK__GROUP_WHERE, IN(RUN), false, NULL,
     "check everything and say what would be run: tasks, bytes, memory, where", set_dry_run},
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
    {"task-timeout", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "TIME",
     "kill a task that takes longer than TIME (10s, 1.5h); it counts as failed; with --isolate, or where each task is "
     "a process anyway (command, coprocess)",
     set_task_timeout},
    {"task-memory", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "BYTES",
     "with --isolate: kill a task that makes its process larger by more than this (512M, 2G)", set_task_memory},
    {"max-failures", 0, RK__OPTION_VALUE, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, "N|P%",
     "stop when more than N tasks (or P percent) have failed; exit code 75 (default: go on)", set_max_failures},
    {"fail-fast", 0, RK__OPTION_FLAG, RK__GROUP_FAILURES, IN(RUN) | IN(RESUME), false, NULL,
     "stop at the first task that fails, as --max-failures 0", set_fail_fast},
    {"samples", 0, RK__OPTION_VALUE, RK__GROUP_TASKS, IN(CHECK), false, "N",
     "how many tasks to recompute (default 256)", set_samples},
    {"output", 'o', RK__OPTION_VALUE, RK__GROUP_FILE, IN(RUN) | IN(MERGE), false, "FILE",
     "the run file (default: KERNEL.h5 in this directory)", set_output},
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
_Static_assert(OPTION_COUNT <= 64, "the parser keeps the options seen in one word");

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

/* ---- slips of the pen ---- */

enum { WORD_MAX = 32 };

/* Levenshtein distance; words beyond WORD_MAX are far from everything. */
static size_t edits(const char *a, const char *b) {
    size_t row[WORD_MAX + 1], columns = strlen(b);
    if (strlen(a) > WORD_MAX || columns > WORD_MAX)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= columns; j++) {
            size_t change = diagonal + (a[i] != b[j - 1]);
            size_t insert = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < insert ? change : insert;
        }
    }
    return row[columns];
}

const char *rk__nearest(const char *word, const char *const *candidates, size_t count) {
    const char *best = NULL;
    size_t length = strlen(word), fewest = length / 3 + 2;
    for (size_t i = 0; i < count; i++) {
        bool begins = length >= 3 && strncmp(word, candidates[i], length) == 0;
        size_t distance = begins ? 1 : edits(word, candidates[i]);
        if (distance < fewest && distance < strlen(candidates[i])) {
            fewest = distance;
            best = candidates[i];
        }
    }
    return best;
}

/* ---- the parser ---- */

typedef struct parser {
    rk__arguments *arguments;
    int argc, next;
    char **argv;
    size_t forward_count;
    uint64_t seen; /* bit per option */
} parser;

static rk_status unknown_option(const char *word, size_t length, rk_error *err) {
    const char *names[OPTION_COUNT];
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = options[i].name;
    char name[WORD_MAX + 1] = "";
    if (length > 2 && length - 2 < sizeof name)
        memcpy(name, word + 2, length - 2);
    const char *nearest = *name ? rk__nearest(name, names, OPTION_COUNT) : NULL;
    if (nearest != NULL)
        return rk__fail(err, RK_EINVAL, "unknown option '%.*s': did you mean --%s?", (int)length, word, nearest);
    return rk__fail(err, RK_EINVAL, "unknown option '%.*s': see rankine --help", (int)length, word);
}

static const rk__option *find_long(const char *name, size_t length) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return &options[i];
    return NULL;
}

static const rk__option *find_short(char letter) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (options[i].letter == letter)
            return &options[i];
    return NULL;
}

/* The next word as a value. A word that looks like an option is none: the value was forgotten. */
static const char *next_value(parser *p) {
    if (p->next >= p->argc)
        return NULL;
    const char *word = p->argv[p->next];
    bool option = word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
    if (option)
        return NULL;
    p->next++;
    return word;
}

static void forward(parser *p, int first, int end) {
    for (int i = first; i < end; i++)
        p->arguments->forward[p->forward_count++] = p->argv[i];
}

static rk_status apply(parser *p, const rk__option *option, int first, const char *value, rk_error *err) {
    if (option->kind == RK__OPTION_FLAG && value != NULL)
        return rk__fail(err, RK_EINVAL, "--%s takes no value, '%s' was given", option->name, value);
    if (option->kind == RK__OPTION_VALUE && value == NULL)
        value = next_value(p);
    if (option->kind == RK__OPTION_VALUE && (value == NULL || *value == '\0'))
        return rk__fail(err, RK_EINVAL, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    RK_TRY(option->set(p->arguments, value, err));
    p->seen |= UINT64_C(1) << (option - options);
    if (!option->launcher)
        forward(p, first, p->next);
    return RK_OK;
}

static rk_status parse_long(parser *p, const char *word, rk_error *err) {
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const rk__option *option = find_long(word + 2, length - 2);
    if (option == NULL)
        return unknown_option(word, length, err);
    return apply(p, option, p->next - 1, equals ? equals + 1 : NULL, err);
}

static rk_status parse_short(parser *p, const char *word, rk_error *err) {
    const rk__option *option = find_short(word[1]);
    if (option == NULL)
        return unknown_option(word, strlen(word), err);
    const char *value = word[2] == '=' ? word + 3 : word[2] != '\0' ? word + 2 : NULL;
    return apply(p, option, p->next - 1, value, err);
}

/* What people who come from elsewhere type, and what it is called here. */
static const char *const synonyms[][2] = {
    {"repair", "rankine resume FILE --repair"},
    {"retry", "rankine resume FILE --retry-failed"},
    {"continue", "rankine resume FILE"},
    {"restart", "rankine resume FILE"},
    {"status", "rankine info FILE, or live: rankine watch FILE"},
    {"show", "rankine info FILE"},
    {"list", "rankine kernels"},
    {"ls", "rankine kernels"},
    {"join", "rankine merge PART... -o FILE"},
    {"test", "rankine check KERNEL, or of a file: rankine verify FILE"},
};

static rk_status unknown_command(const char *word, rk_error *err) {
    for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms; i++)
        if (strcmp(word, synonyms[i][0]) == 0)
            return rk__fail(err, RK_EINVAL, "unknown command '%s': it is %s", word, synonyms[i][1]);
    const char *nearest = rk__nearest(word, command_names, RK__COMMAND_COUNT);
    if (nearest != NULL)
        return rk__fail(err, RK_EINVAL, "unknown command '%s': did you mean rankine %s?", word, nearest);
    return rk__fail(err, RK_EINVAL, "unknown command '%s': to run a kernel of that name, rankine run %s", word, word);
}

static rk_status parse_word(parser *p, const char *word, rk_error *err) {
    rk__arguments *a = p->arguments;
    if (a->command == RK__COMMAND_NONE) {
        a->command = rk__command_from_name(word);
        if (a->command == RK__COMMAND_NONE)
            return unknown_command(word, err);
    } else {
        a->words[a->word_count++] = word;
    }
    forward(p, p->next - 1, p->next);
    return RK_OK;
}

static rk_status parse_words(parser *p, rk_error *err) {
    bool ended = false;
    while (p->next < p->argc) {
        const char *word = p->argv[p->next++];
        if (ended || word[0] != '-' || word[1] == '\0') {
            RK_TRY(parse_word(p, word, err));
        } else if (strcmp(word, "--") == 0) {
            ended = true;
            forward(p, p->next - 1, p->next);
        } else {
            RK_TRY(word[1] == '-' ? parse_long(p, word, err) : parse_short(p, word, err));
        }
    }
    return RK_OK;
}

/* "run, check" */
static void commands_of(const rk__option *option, rk__text *out) {
    for (int i = 0; i < RK__COMMAND_COUNT; i++)
        if (option->commands & (1u << i))
            rk__text_add(out, "%s%s", out->length ? ", " : "", command_names[i]);
}

static rk_status check_places(const parser *p, rk_error *err) {
    rk__command command = p->arguments->command;
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const rk__option *option = &options[i];
        bool seen = (p->seen >> i & 1) != 0, anywhere = option->commands == 0;
        if (!seen || anywhere || command == RK__COMMAND_NONE || rk__option_applies(option, command))
            continue;
        rk__text commands = RK__TEXT_INIT;
        commands_of(option, &commands);
        rk_status status = rk__fail(err, RK_EINVAL, "--%s is no option of 'rankine %s' (it is one of: %s)",
                                    option->name, rk__command_name(command), rk__text_get(&commands));
        rk__text_fini(&commands);
        return status;
    }
    return RK_OK;
}

/* Wanted before the parse, for a message about any word must know it. */
static bool wants_json(int argc, char **argv) {
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

rk_status rk__arguments_parse(rk__arguments *out, int argc, char **argv, rk_error *err) {
    *out = (rk__arguments){.command = RK__COMMAND_NONE,
                           .program = argc > 0 ? argv[0] : "rankine",
                           .seed = RK__DEFAULT_SEED,
                           .sync_seconds = (double)RK__DEFAULT_SYNC_NS * 1e-9,
                           .samples = 256,
                           .json = wants_json(argc, argv)};
    size_t room = (size_t)argc + 1;
    void *words = NULL, *zips = NULL, *passed = NULL;
    rk_status status = rk__alloc(&words, room, sizeof *out->words, "words", err);
    if (status == RK_OK)
        status = rk__alloc(&zips, room, sizeof *out->zips, "words", err);
    if (status == RK_OK)
        status = rk__alloc(&passed, room, sizeof *out->forward, "words", err);
    out->words = words;
    out->zips = zips;
    out->forward = passed;
    if (status != RK_OK)
        return status;
    parser p = {.arguments = out, .argc = argc, .next = argc > 0, .argv = argv};
    forward(&p, 0, p.next);
    RK_TRY(parse_words(&p, err));
    return check_places(&p, err);
}

void rk__arguments_fini(rk__arguments *arguments) {
    free(arguments->words);
    free(arguments->zips);
    free(arguments->forward);
    *arguments = (rk__arguments){.command = RK__COMMAND_NONE};
}
