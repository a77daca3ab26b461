#include "cli/drive.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "batch/batch.h"
#include "cli/display.h"
#include "cli/failures.h"
#include "cli/guard.h"
#include "cli/jsonout.h"
#include "cli/life.h"
#include "cli/progress.h"
#include "cli/quote.h"
#include "cli/recall.h"
#include "cli/request.h"
#include "cli/signals.h"
#include "cli/spaceout.h"

enum { FAILURES_SHOWN = 3, RANKS_MAX = 10000000 };
enum { RANKS_PER_CORE_MAX = 64 }; /* more is a slip of the pen, and the machine would be stuck for minutes */
#define FINALIZE_NS     UINT64_C(10000000000)
#define STDOUT_VARIABLE "RANKINE_STDOUT_TTY" /* set by the launcher for the ranks */

/* ---- how were we started? ---- */

bool rk__drive_is_silent_rank(void) {
    static const char *const names[] = {"PMIX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = getenv(names[i]);
        uint64_t rank;
        if (text != NULL && rk__parse_u64(text, &rank))
            return rank > 0;
    }
    return false;
}

rk_status rk__drive_am_rank(bool *out, rk_error *err) {
    RK_TRY(rk__world_am_rank(out, err));
    if (!*out)
        rk__batch_job_ask_end();
    return RK_OK;
}

static int cores_per_rank(const rk__arguments *a) {
    uint32_t threads = a->threads > 0 ? a->threads : 1, cores = a->cores_per_task > 0 ? a->cores_per_task : 1;
    return (int)(threads * cores);
}

/* Slurm's tasks, or fewer where threads of ranks would be more than its cores. */
static int ranks_of_job(const rk__arguments *a, const rk__batch_job *job) {
    uint64_t cpus = job->tasks * (job->cpus_per_task > 0 ? job->cpus_per_task : 1);
    uint64_t share = cpus / (uint64_t)cores_per_rank(a), ranks = share < job->tasks ? share : job->tasks;
    return ranks > RANKS_MAX ? RANKS_MAX : ranks > 1 ? (int)ranks : 1;
}

rk_status rk__drive_ranks(const rk__cli *cli, int *out, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    if (a->hostfile != NULL && access(a->hostfile, R_OK) != 0)
        return rk__fail(err, RK_ENOENT, "--hostfile %s: %s", a->hostfile, rk__errno_text(errno));
    if (a->hostfile != NULL && a->ranks == 0)
        return rk__fail(err, RK_EINVAL, "--hostfile %s: say with -n how many ranks to start on these hosts",
                        a->hostfile);
    rk__batch_job job;
    rk__batch_job_read(&job);
    if (a->hostfile == NULL && job.tasks > 0) {
        *out = a->ranks > 0 ? a->ranks : ranks_of_job(a, &job);
        return RK_OK;
    }
    int cores = rk__world_cores(), share = cores / cores_per_rank(a);
    *out = a->ranks > 0 ? a->ranks : share > 1 ? share : 1;
    if (a->hostfile == NULL && *out > RANKS_PER_CORE_MAX * cores)
        return rk__fail(
            err, RK_EINVAL,
            "-n %d: this machine has %d cores for them; at most %d ranks are started on it (-n %d is usual)", *out,
            cores, RANKS_PER_CORE_MAX * cores, share > 1 ? share : 1);
    return RK_OK;
}

/* Said once, by who starts the ranks. */
static void warn_of_crowd(const rk__cli *cli, int ranks) {
    rk__batch_job job;
    int cores = rk__world_cores(), each = cores_per_rank(&cli->arguments);
    rk__batch_job_read(&job);
    if (job.id != NULL || cli->arguments.hostfile != NULL || cli->arguments.quiet || ranks * each <= cores)
        return;
    fprintf(stderr, "rankine: %d rank%s of %d core%s each on %d core%s: they share, and slow each other down\n", ranks,
            ranks == 1 ? "" : "s", each, each == 1 ? "" : "s", cores, cores == 1 ? "" : "s");
}

/* What OpenMP and the usual BLAS libraries go by; what the user has set goes first. */
static void set_task_threads(uint32_t cores) {
    static const char *const names[] = {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                                        "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"};
    char number[16];
    snprintf(number, sizeof number, "%u", cores);
    for (size_t i = 0; cores > 0 && i < sizeof names / sizeof *names; i++)
        setenv(names[i], number, 0);
}

/* ---- being a rank ---- */

/* -n and --hostfile are for the launcher; mpirun and srun have their own. */
static rk_status check_world(const rk__cli *cli, const rk__world *world, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    if (a->ranks > 0 && a->ranks != world->size)
        return rk__fail(err, RK_EINVAL, "-n %d: this is one of %d ranks that mpirun or srun started; leave -n out",
                        a->ranks, world->size);
    if (a->hostfile != NULL && world->size > 1)
        return rk__fail(err, RK_EINVAL, "--hostfile %s: the ranks are there already: give it to mpirun instead",
                        a->hostfile);
    return RK_OK;
}

static void read_digest(const char *path, uint64_t digest[2], bool *known) {
    rk__record *record = NULL;
    *known = rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_digest(record, digest, NULL) == RK_OK;
    rk__record_close(record);
}

/* With the options of this machine, to be taken or left: it may be another one then. */
static void add_command(const rk__cli *cli, const char *path, const char *option, rk__text *out) {
    rk__text_add(out, "rankine resume ");
    rk__quote_add(out, rk__display_path(path));
    rk__text_add(out, "%s", option);
    rk__recall_machine(out, cli->typed);
}

static void add_go_on(const rk__cli *cli, const rk__run_summary *summary, rk__text *out) {
    rk__text command = RK__TEXT_INIT;
    bool again = summary->too_many_failures;
    add_command(cli, summary->path, again ? " --retry-failed" : "", &command);
    rk__display_fact(out, "go on", "%s%s", rk__text_get(&command), again ? "   (tries the failed tasks again)" : "");
    rk__text_fini(&command);
}

static void add_job(rk__text *out) {
    rk__batch_job job;
    rk__batch_job_read(&job);
    if (job.id != NULL && job.restarts > 0)
        rk__display_fact(out, "job", "%s of Slurm, restart %" PRIu64, job.id, job.restarts);
    else if (job.id != NULL)
        rk__display_fact(out, "job", "%s of Slurm", job.id);
}

int rk__drive_say(const rk__cli *cli, const rk__run_summary *summary, rk__summary_fn display, int code) {
    rk__text text = RK__TEXT_INIT;
    rk__record *record = NULL;
    rk__module module = {0};
    rk__space *space = NULL;
    if (summary->results != NULL && rk__record_open(&record, summary->path, false, NULL) == RK_OK)
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
    display(&text, summary, space);
    add_job(&text);
    if (!summary->complete)
        add_go_on(cli, summary, &text);
    rk__space_destroy(space);
    rk__module_unload(&module);
    rk__record_close(record);
    return rk__cli_print(&text, code);
}

/* The first of the failures, on stderr: most of what a person would look for next. */
static void say_failures(const rk__cli *cli, const rk__run_summary *summary) {
    rk__text text = RK__TEXT_INIT;
    rk__record *record = NULL;
    rk__failure *failures = NULL;
    rk__module module = {0};
    rk__space *space = NULL;
    size_t count = 0;
    if (rk__record_open(&record, summary->path, false, NULL) == RK_OK &&
        rk__record_read_failures(record, &failures, &count, NULL) == RK_OK && count > 0) {
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
        rk__failures_view view = {.space = space,
                                  .failed = summary->failed,
                                  .most = FAILURES_SHOWN,
                                  .columns = rk__launch_tty_columns(),
                                  .brief = true};
        rk__failures_print(&text, failures, count, &view);
        fprintf(stderr, "rankine: %" PRIu64 " of %" PRIu64 " tasks failed:%s", summary->failed, summary->tasks,
                rk__text_get(&text));
    }
    rk__space_destroy(space);
    rk__module_unload(&module);
    free(failures);
    rk__record_close(record);
    rk__text_fini(&text);
}

static int say_summary(const rk__cli *cli, const rk__run_summary *summary) {
    int code = !summary->complete ? RK_EXIT_STOPPED : summary->failed > 0 ? RK_EXIT_TASKS_FAILED : RK_EXIT_OK;
    if (summary->failed > 0 && !cli->arguments.quiet)
        say_failures(cli, summary);
    if (cli->arguments.json) {
        uint64_t digest[2];
        bool known = false;
        if (summary->complete)
            read_digest(summary->path, digest, &known);
        rk__json json = {0};
        rk__jsonout_begin(&json, code);
        rk__jsonout_summary(&json, summary, known ? digest : NULL);
        return rk__jsonout_print(&json, code);
    }
    if (cli->arguments.quiet)
        return code;
    return rk__drive_say(cli, summary, rk__display_summary, code);
}

/* A failure after the file was made leaves something that can be resumed; the summary's path says that it was. */
static int say_failure(const rk__cli *cli, const rk__run_summary *summary, rk_error *err) {
    rk_exit code = rk__exit_of(err->code);
    if (code != RK_EXIT_ERROR || summary->path[0] == '\0' || access(summary->path, F_OK) != 0)
        return rk__cli_fail(cli, err);
    rk__text command = RK__TEXT_INIT;
    add_command(cli, summary->path, "", &command);
    size_t length = strlen(err->message);
    snprintf(err->message + length, sizeof err->message - length, "; when that is mended: %s", rk__text_get(&command));
    rk__text_fini(&command);
    return rk__cli_fail_with(cli, err, RK_EXIT_STOPPED);
}

/* Under mpirun stdout is a pipe: the launcher says what is at its end. */
static bool stdout_is_terminal(void) {
    return isatty(STDOUT_FILENO) || getenv(STDOUT_VARIABLE) != NULL;
}

int rk__drive_report(int code, bool broken) {
    return rk__launch_report(code, broken) ? RK_EXIT_OK : code;
}

/* Only rank 0 speaks; its exit code is that of the command. */
static int run_in_world(rk__cli *cli, const rk__world *world, rk__run_options *options, rk__drive_fn run) {
    rk_error err = RK_ERROR_INIT;
    rk__run_summary summary = {0};
    rk__progress_display display;
    rk__progress_init(&display, "task", &cli->arguments, rk__launch_tty_columns());
    options->progress = rk__progress_show;
    options->notice = rk__progress_notice;
    options->progress_ctx = &display;

    rk_status status = check_world(cli, world, &err);
    if (status == RK_OK)
        status = rk__run_assemble(world, options, &err);
    if (world->rank == 0)
        rk__launch_begin(); /* from now on deaths are noticed */
    if (status == RK_OK)
        status = run(world, options, &summary, &err);
    int code = RK_EXIT_OK;
    if (world->rank == 0) {
        bool told = status == RK_OK || status == RK_EINTERRUPTED;
        rk__progress_clear(&display, told && stdout_is_terminal() ? STDOUT_FILENO : STDERR_FILENO);
        int output = rk__launch_open_output();
        if (output >= 0)
            rk__cli_results_to(output);
        code = rk__drive_report(told ? say_summary(cli, &summary) : say_failure(cli, &summary, &err),
                                rk__run_is_broken(options));
    }
    rk__run_summary_fini(&summary);
    return code;
}

/* MPI_Finalize may wait for ever, if a task has closed MPI's descriptors, say. All that matters is done by then. */
static void *end_in_time(void *ctx) {
    rk__sleep_ns(FINALIZE_NS);
    _exit(*(const int *)ctx);
}

static void watch_the_end(int code) {
    static int exit_code; /* outlives this function, as the thread may */
    pthread_t watch;
    exit_code = code;
    if (pthread_create(&watch, NULL, end_in_time, &exit_code) == 0)
        pthread_detach(watch);
}

void rk__drive_finish(rk__world *world, int code) {
    watch_the_end(code);
    rk__world_fini(world);
}

static void finish_world(rk__world *world, rk__run_options *options, int code) {
    watch_the_end(code);
    if (!rk__run_disband(options)) {
        if (world->rank == 0 && !rk__launch_is_watched())
            rk__launch_end_mpirun(); /* it would wait for the lost */
        fflush(NULL);
        _exit(code);
    }
    rk__world_fini(world);
}

/* `path`: the run file; NULL: this is one of several ranks, and somebody else says how to go on. */
static void handle_signals(const rk__cli *cli, const char *path) {
    rk__text go_on = RK__TEXT_INIT;
    if (path != NULL)
        add_command(cli, path, "", &go_on);
    rk__signals_handle(rk__launch_is_watched(), path != NULL ? rk__text_get(&go_on) : NULL);
    rk__text_fini(&go_on);
}

static int be_rank(rk__cli *cli, rk__run_options *options, const char *path, rk__drive_fn run) {
    rk_error err = RK_ERROR_INIT;
    rk__world world = {0};
    set_task_threads(cli->arguments.cores_per_task);
    if (options->isolation.wanted && rk__run_isolate(options, &err) != RK_OK)
        return rk__drive_report(rk__cli_fail(cli, &err), false);
    handle_signals(cli, path);
    rk__guard_set(RK__GUARD_NONE); /* MPI may */
    if (rk__world_init(&world, &err) != RK_OK)
        return rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__drive_report(rk__cli_fail(cli, &err), false);
    rk__guard_set(RK__GUARD_RUN);
    rk__signals_begin();
    int code = run_in_world(cli, &world, options, run);
    rk__guard_set(RK__GUARD_NONE);
    rk__signals_end(code);
    rk__run_isolate_end(options);
    finish_world(&world, options, code);
    return code;
}

int rk__drive_rank(rk__cli *cli, rk__run_options *options, rk__drive_fn run) {
    return be_rank(cli, options, NULL, run);
}

/* ---- launching ranks ---- */

const char *rk__drive_own_path(const rk__cli *cli, char *buffer, size_t size) {
    ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
    if (length > 0) {
        buffer[length] = '\0';
        return buffer;
    }
    const char *name = cli->arguments.program;
    char resolved[PATH_MAX];
    if (strchr(name, '/') == NULL || realpath(name, resolved) == NULL)
        return name; /* mpirun looks along PATH, as the shell did */
    snprintf(buffer, size, "%s", resolved);
    return buffer;
}

void rk__drive_command_line(const rk__cli *cli, int ranks, rk__text *out) {
    char path[PATH_MAX];
    rk__text_add(out, "mpirun -n %d", ranks);
    if (cli->arguments.hostfile != NULL) {
        rk__text_add(out, " --hostfile ");
        rk__quote_add(out, cli->arguments.hostfile);
    }
    rk__text_add(out, " ");
    rk__quote_add(out, rk__drive_own_path(cli, path, sizeof path));
    for (char *const *word = cli->arguments.forward + 1; *word != NULL; word++)
        if (strcmp(*word, "--dry-run") != 0) {
            rk__text_add(out, " ");
            rk__quote_add(out, *word);
        }
}

/* Which file stood at a path: tells a file that the run made from one that was there before. */
typedef struct file_mark {
    bool exists;
    dev_t device;
    ino_t inode;
} file_mark;

static file_mark mark_of(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return (file_mark){0};
    return (file_mark){true, status.st_dev, status.st_ino};
}

static bool same_mark(file_mark a, file_mark b) {
    return a.exists == b.exists && a.device == b.device && a.inode == b.inode;
}

/* What is to be added to `rankine resume FILE` after what ended the latest session. */
static const char *option_after(const rk__cli *cli, rk__record *record) {
    rk__session *sessions = NULL;
    rk__failure crash;
    size_t count = 0;
    rk__module module = {0};
    rk__space *space = NULL;
    const char *option = "";
    if (rk__record_read_sessions(record, &sessions, &count, NULL) == RK_OK &&
        rk__life_crash(record, rk__life_latest(sessions, count), &crash)) {
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
        option = rk__life_after_crash(module.kernel);
    }
    rk__space_destroy(space);
    rk__module_unload(&module);
    free(sessions);
    return option;
}

static bool scan_file(const rk__cli *cli, const char *path, uint64_t *done, uint64_t *tasks, const char **option) {
    rk__record *record = NULL;
    rk__totals totals;
    bool known =
        rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_scan(record, NULL, &totals, NULL) == RK_OK;
    if (known) {
        *done = totals.tasks_done;
        *tasks = rk__record_schema(record)->tasks;
        *option = option_after(cli, record);
    }
    rk__record_close(record);
    return known;
}

static bool is_complete(const char *path) {
    rk__record *record = NULL;
    uint64_t digest[2];
    bool complete =
        rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_digest(record, digest, NULL) == RK_OK;
    rk__record_close(record);
    return complete;
}

/* The ranks are gone and rank 0 left no result: what is there to go on with? */
static int say_died(const rk__cli *cli, const char *path, bool ours, const rk__launch_result *result) {
    rk_error err = RK_ERROR_INIT;
    uint64_t done, tasks;
    const char *option;
    if (rk__launch_tty_columns() > 0 && !cli->arguments.quiet)
        fputs("\r\033[K", stderr); /* a live line of theirs may stand there */
    if (!ours || !scan_file(cli, path, &done, &tasks, &option)) {
        /* As asked: a rank that is still starting ends at the signal that has others finish their tasks. */
        if (result->interrupted && !ours)
            rk__fail(&err, RK_EINTERRUPTED, "stopped before anything was begun: there is nothing to resume");
        else if (result->stuck)
            rk__fail(&err, RK_EMPI,
                     "the ranks did not all begin: some ended while they started, or it took too long; "
                     "rankine doctor%s%s says what is wrong with a host",
                     cli->arguments.hostfile != NULL ? " --hostfile " : "",
                     cli->arguments.hostfile != NULL ? cli->arguments.hostfile : "");
        else
            rk__fail(&err, RK_EMPI,
                     "the ranks ended without a result before there was a run file (mpirun's exit code is %d)%s%s",
                     result->exit_code,
                     cli->arguments.hostfile != NULL ? "; what is wrong with a host says rankine doctor --hostfile "
                                                     : "",
                     cli->arguments.hostfile != NULL ? cli->arguments.hostfile : "");
        return rk__cli_fail(cli, &err);
    }
    const char *shown = rk__display_path(path);
    if (done == tasks && is_complete(path)) {
        rk__fail(&err, RK_EMPI, "the ranks left no result, but the run is complete: rankine info %s", shown);
        return rk__cli_fail(cli, &err);
    }
    rk__text command = RK__TEXT_INIT;
    add_command(cli, path, option, &command);
    rk__fail(&err, RK_EINTERRUPTED,
             "the run ended before it was complete: %" PRIu64 " of %" PRIu64 " tasks are in %s; go on with: %s", done,
             tasks, shown, rk__text_get(&command));
    rk__text_fini(&command);
    return rk__cli_fail(cli, &err);
}

int rk__drive_pass_output(int fd, int exit_code) {
    rk__text text = RK__TEXT_INIT;
    char piece[4096];
    ssize_t got = 0;
    while (fd >= 0 && (got = read(fd, piece, sizeof piece)) > 0)
        rk__text_add_bytes(&text, piece, (size_t)got);
    text.failed = text.failed || got < 0;
    if (fd >= 0)
        close(fd);
    return rk__cli_print(&text, exit_code);
}

static int launch(rk__cli *cli, int ranks, const char *path, bool resuming) {
    rk_error err = RK_ERROR_INIT;
    char self[PATH_MAX];
    const char *own = rk__drive_own_path(cli, self, sizeof self);
    char *first = rk__strdup(own);
    if (first == NULL)
        return RK_EXIT_ERROR;
    cli->arguments.forward[0] = first;
    rk__launch_options options = {.ranks = ranks,
                                  .hostfile = cli->arguments.hostfile,
                                  .cores_per_rank = cores_per_rank(&cli->arguments),
                                  .argv = cli->arguments.forward,
                                  .quiet = cli->arguments.quiet};
    rk__launch_result result = {0};
    file_mark before = mark_of(path);
    int code;
    warn_of_crowd(cli, ranks);
    rk__request_pass_on(cli);
    if (isatty(STDOUT_FILENO))
        setenv(STDOUT_VARIABLE, "1", 1);
    rk__cli_give_stdout_back();
    rk_status status = rk__launch(&options, &result, &err);
    if (cli->arguments.json)
        rk__cli_take_stdout();
    if (status != RK_OK) {
        code = rk__cli_fail(cli, &err);
    } else if (result.reported) {
        code = rk__drive_pass_output(result.output_fd, result.exit_code);
    } else {
        file_mark after = mark_of(path);
        code = say_died(cli, path, after.exists && (resuming || !same_mark(before, after)), &result);
    }
    cli->arguments.forward[0] = NULL;
    free(first);
    return code;
}

int rk__drive(rk__cli *cli, rk__run_options *options, const char *path, rk__drive_fn run) {
    rk_error err = RK_ERROR_INIT;
    int ranks;
    if (rk__drive_ranks(cli, &ranks, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    if (ranks == 1 && cli->arguments.hostfile == NULL)
        return be_rank(cli, options, path, run);
    return launch(cli, ranks, path, run == rk__run_resume);
}
