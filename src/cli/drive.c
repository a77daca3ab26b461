#include "cli/drive_private.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "batch/batch.h"
#include "cli/guard.h"
#include "cli/hosts.h"
#include "cli/progress.h"
#include "cli/request.h"
#include "cli/signals.h"

enum { RANKS_MAX = 10000000 };
enum { RANKS_PER_CORE_MAX = 64 }; /* more is a slip of the pen, and the machine would be stuck for minutes */
#define FINALIZE_NS UINT64_C(10000000000)

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

int rk__drive_cores_per_rank(const rk__arguments *a) {
    uint32_t threads = a->threads > 0 ? a->threads : 1, cores = a->cores_per_task > 0 ? a->cores_per_task : 1;
    return (int)(threads * cores);
}

/* Slurm's tasks, or fewer where threads of ranks would be more than its cores. */
static int ranks_of_job(const rk__arguments *a, const rk__batch_job *job) {
    uint64_t cpus = job->tasks * (job->cpus_per_task > 0 ? job->cpus_per_task : 1);
    uint64_t share = cpus / (uint64_t)rk__drive_cores_per_rank(a), ranks = share < job->tasks ? share : job->tasks;
    return ranks > RANKS_MAX ? RANKS_MAX : ranks > 1 ? (int)ranks : 1;
}

/* The file is read in any case: mpirun does not say what is wrong with it. */
static rk_status ranks_of_hosts(const rk__arguments *a, int *out, rk_error *err) {
    int here, most = RANKS_PER_CORE_MAX * rk__world_cores();
    *out = a->ranks;
    RK_TRY(rk__hosts_ranks(a->hostfile, out, &here, err));
    if (here > most)
        return rk__fail(err, RK_EINVAL,
                        "--hostfile %s: %d ranks would be started on this machine, which has %d cores; at most %d are",
                        a->hostfile, here, rk__world_cores(), most);
    return RK_OK;
}

rk_status rk__drive_ranks(const rk__cli *cli, int *out, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    if (a->hostfile != NULL)
        return ranks_of_hosts(a, out, err);
    rk__batch_job job;
    rk__batch_job_read(&job);
    if (job.tasks > 0) {
        *out = a->ranks > 0 ? a->ranks : ranks_of_job(a, &job);
        return RK_OK;
    }
    int cores = rk__world_cores(), share = cores / rk__drive_cores_per_rank(a);
    *out = a->ranks > 0 ? a->ranks : share > 1 ? share : 1;
    if (*out > RANKS_PER_CORE_MAX * cores)
        return rk__fail(
            err, RK_EINVAL,
            "-n %d: this machine has %d cores for them; at most %d ranks are started on it (-n %d is usual)", *out,
            cores, RANKS_PER_CORE_MAX * cores, share > 1 ? share : 1);
    return RK_OK;
}

/* Said once, by who starts the ranks. */
static void warn_of_crowd(const rk__cli *cli, int ranks) {
    rk__batch_job job;
    int cores = rk__world_cores(), each = rk__drive_cores_per_rank(&cli->arguments);
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

/* Under mpirun stdout is a pipe: the launcher says what is at its end. */
static bool stdout_is_terminal(void) {
    return isatty(STDOUT_FILENO) || getenv(RK__DRIVE_STDOUT_VARIABLE) != NULL;
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
        bool apart = told && stdout_is_terminal() && !rk__launch_labels_output();
        rk__progress_clear(&display, apart ? STDOUT_FILENO : STDERR_FILENO);
        int output = rk__launch_open_output();
        if (output >= 0)
            rk__cli_results_to(output);
        code =
            rk__drive_report(told ? rk__drive_say_summary(cli, &summary) : rk__drive_say_failure(cli, &summary, &err),
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
        bool watched = world->rank != 0 || rk__launch_is_watched();
        if (!watched && !rk__launch_end_mpirun()) /* it would wait for the lost */
            fputs("rankine: mpirun may wait for the lost ranks for ever: end it by Ctrl-C\n", stderr);
        fflush(NULL);
        _exit(code);
    }
    rk__world_fini(world);
}

/* `path`: the run file; NULL: this is one of several ranks, and somebody else says how to go on. */
static void handle_signals(const rk__cli *cli, const char *path) {
    rk__text go_on = RK__TEXT_INIT;
    if (path != NULL)
        rk__drive_add_command(cli, path, "", &go_on);
    rk__signals_handle(rk__launch_is_watched(), path != NULL ? rk__text_get(&go_on) : NULL);
    rk__text_fini(&go_on);
}

static int be_rank(rk__cli *cli, rk__run_options *options, const char *path, rk__drive_fn run) {
    rk_error err = RK_ERROR_INIT;
    rk__world world = {0};
    set_task_threads(cli->arguments.cores_per_task);
    int results = rk__launch_label_output(cli->arguments.json);
    if (results >= 0)
        rk__cli_results_to(results);
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

int rk__drive(rk__cli *cli, rk__run_options *options, const char *path, rk__drive_fn run) {
    rk_error err = RK_ERROR_INIT;
    int ranks;
    if (rk__drive_ranks(cli, &ranks, &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    if (ranks == 1 && cli->arguments.hostfile == NULL)
        return be_rank(cli, options, path, run);
    warn_of_crowd(cli, ranks);
    return rk__drive_launch(cli, ranks, path, run == rk__run_resume);
}
