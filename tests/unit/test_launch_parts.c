/* The launcher's parts that need no process: when it sends what, and what the environment says. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch_fixture.h"
#include "world/rank.h"

/* ---- when to send what ---- */

static void stop_by_usr1_drains_and_is_no_first_request(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_drain(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    assert_true(stop.asked);
    rk__stop_drain(&stop, 2 * SECOND - 1, true);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND - 1), 0);
    rk__stop_request(&stop, 3 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 3 * SECOND), SIGUSR1);
    rk__stop_request(&stop, 4 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 4 * SECOND), SIGTERM);
    rk__stop_drain(&stop, 5 * SECOND, true);
    assert_int_equal(stop.phase, RK__STOP_KILL);
}

static void stop_is_silent_until_asked(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    assert_int_equal(rk__stop_due(&stop, 1000 * SECOND), 0);
    assert_false(stop.asked);
}

static void first_request_drains_and_repeats(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    assert_int_equal(rk__stop_due(&stop, SECOND), 0);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), SIGUSR1);
    assert_true(stop.asked);
}

static void what_has_not_begun_is_not_drained(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, false);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 6 * SECOND), SIGKILL);
}

static void two_requests_at_once_are_one(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    rk__stop_request(&stop, SECOND + SECOND / 10, true);
    assert_int_equal(rk__stop_due(&stop, SECOND + SECOND / 10), SIGUSR1);
    assert_int_equal(rk__stop_due(&stop, SECOND + SECOND / 10), 0);
}

static void second_request_terminates_then_kills_after_grace(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    rk__stop_request(&stop, 2 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 7 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 7 * SECOND), SIGKILL);
    assert_int_equal(rk__stop_due(&stop, 8 * SECOND), SIGKILL);
}

static void third_request_kills_at_once(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    for (uint64_t i = 1; i <= 2; i++) {
        rk__stop_request(&stop, i * SECOND, true);
        assert_int_not_equal(rk__stop_due(&stop, i * SECOND), 0);
    }
    rk__stop_request(&stop, 3 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 3 * SECOND), SIGKILL);
}

static void job_that_lingers_after_its_report_is_ended(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    rk__stop_linger(&stop, 2 * SECOND, 30 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 5 * SECOND), 0); /* no more USR1: the ranks are leaving */
    assert_int_equal(rk__stop_due(&stop, 32 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 32 * SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 37 * SECOND), SIGKILL);
}

static void who_lingers_is_let_wait_until_asked(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_put_off(&stop, 5 * SECOND);
    assert_int_equal(stop.deadline_ns, UINT64_MAX);
    rk__stop_linger(&stop, SECOND, SECOND);
    rk__stop_put_off(&stop, 9 * SECOND);
    rk__stop_put_off(&stop, 4 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 9 * SECOND - 1), 0);
    rk__stop_request(&stop, 5 * SECOND, true);
    rk__stop_put_off(&stop, 20 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 5 * SECOND), SIGTERM);
}

static void report_alone_is_no_request(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_linger(&stop, SECOND, 30 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), 0);
    assert_false(stop.asked);
}

/* ---- am I a rank ---- */

static const char *const rank_variables[] = {"PMIX_RANK",    "OMPI_COMM_WORLD_RANK", "PMI_RANK",
                                             "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID",
                                             "SLURM_NTASKS", "RANKINE_RANKS",        "RANKINE_JOB"};

static int clear_environment(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rank_variables / sizeof *rank_variables; i++)
        unsetenv(rank_variables[i]);
    return 0;
}

static bool am_rank(void) {
    bool answer = false;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__world_am_rank(&answer, &err), RK_OK);
    return answer;
}

static void each_launchers_variable_makes_a_rank(void **state) {
    assert_false(am_rank());
    for (size_t i = 0; i < 3; i++) {
        clear_environment(state);
        setenv(rank_variables[i], "0", 1);
        assert_true(am_rank());
        setenv(rank_variables[i], "", 1);
        assert_false(am_rank());
    }
}

static void batch_script_is_no_rank(void **state) {
    (void)state;
    setenv("SLURM_PROCID", "0", 1);
    setenv("SLURM_NTASKS", "8", 1);
    assert_false(am_rank());
}

static void srun_step_of_one_task_is_no_rank(void **state) {
    (void)state;
    setenv("SLURM_PROCID", "0", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    setenv("SLURM_NTASKS", "8", 1);
    assert_false(am_rank());
}

static void refuse_srun_step(const char *tasks_variable) {
    bool answer = true;
    rk_error err = RK_ERROR_INIT;
    setenv("SLURM_PROCID", "1", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv(tasks_variable, "4", 1);
    assert_int_equal(rk__world_am_rank(&answer, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "srun --mpi=pmix"));
    assert_non_null(strstr(err.message, "4 tasks"));
    assert_true(answer); /* untouched */
}

static void srun_step_without_pmix_is_refused(void **state) {
    refuse_srun_step("SLURM_NTASKS");
    clear_environment(state);
    refuse_srun_step("SLURM_STEP_NUM_TASKS");
}

static void world_of_another_size_than_launched_is_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    setenv("RANKINE_RANKS", "4", 1);
    rk__rank_launch launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 4, &err), RK_OK);
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "another MPI"));
}

static void srun_ranks_that_mpi_sees_alone_are_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    setenv("PMI_RANK", "1", 1); /* --mpi=pmi2, which this Open MPI may not know */
    setenv("SLURM_PROCID", "1", 1);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    rk__rank_launch launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 4, &err), RK_OK);
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "srun --mpi=pmix"));
    setenv("PMIX_RANK", "1", 1);
    launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_OK);
}

/* ---- mpirun's command line ---- */

static void words_of_mpirun(rk__text *out, int ranks, int cores_per_rank, const char *hostfile) {
    rk_error err = RK_ERROR_INIT;
    rk__launch_command command;
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, directory[] = "/tmp/rankine-AAAAAA";
    rk__launch_options options = {.ranks = ranks, .cores_per_rank = cores_per_rank, .hostfile = hostfile, .argv = argv};
    rk__launch_job job = {{directory, -1}, {NULL, -1}, SECRET};
    rk__launch_plan plan = {.options = &options, .job = &job, .cores = 8};
    assert_int_equal(rk__launch_command_create(&command, &plan, &err), RK_OK);
    rk__text_fini(out);
    for (char **word = command.argv; *word != NULL; word++)
        rk__text_add(out, "%s ", *word);
    rk__launch_command_fini(&command);
}

/* What is only for one host must not reach others: a daemon there would make our directory, and leave it. */
static bool keeps_to_this_host(void) {
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, directory[] = "/tmp/rankine-AAAAAA";
    rk__launch_options options = {.ranks = 2, .argv = argv};
    rk__launch_job job = {{directory, -1}, {NULL, -1}, SECRET};
    rk__launch_plan plan = {.options = &options, .job = &job, .cores = 8};
    rk__launch_command command;
    bool found = false;
    assert_int_equal(rk__launch_command_create(&command, &plan, NULL), RK_OK);
    for (char **entry = command.envp; *entry != NULL; entry++)
        found = found || strcmp(*entry, "OMPI_MCA_orte_tmpdir_base=/tmp/rankine-AAAAAA") == 0;
    rk__launch_command_fini(&command);
    return found;
}

static void a_default_hostfile_means_other_hosts(void **state) {
    (void)state;
    static const char *const names[] = {"OMPI_MCA_orte_default_hostfile", "PRTE_MCA_prte_default_hostfile"};
    assert_true(keeps_to_this_host());
    for (size_t i = 0; i < 2; i++) {
        setenv(names[i], "/etc/hosts.mpi", 1);
        assert_false(keeps_to_this_host());
        setenv(names[i], "none", 1);
        assert_true(keeps_to_this_host());
        unsetenv(names[i]);
    }
}

static void ranks_of_several_cores_are_bound_to_them(void **state) {
    (void)state;
    rk__text words = RK__TEXT_INIT;
    unsetenv("OMPI_MCA_hwloc_base_binding_policy"); /* what the user has set goes first */
    unsetenv("PRTE_MCA_hwloc_default_binding_policy");
    words_of_mpirun(&words, 2, 4, NULL);
    assert_non_null(strstr(rk__text_get(&words), " --map-by slot:PE=4 --bind-to core "));
    words_of_mpirun(&words, 2, 3, NULL);
    assert_non_null(strstr(rk__text_get(&words), " --map-by slot:PE=3 --bind-to core "));
    words_of_mpirun(&words, 3, 4, NULL); /* more than there is room for */
    assert_null(strstr(rk__text_get(&words), "--map-by"));
    assert_non_null(strstr(rk__text_get(&words), " --bind-to none "));
    words_of_mpirun(&words, 2, 4, "/dev/null"); /* cores of other hosts are not known */
    assert_null(strstr(rk__text_get(&words), "--map-by"));
    rk__text_fini(&words);
}

/* ---- the rank's side ---- */

static void job_name_comes_from_the_job_directory(void **state) {
    (void)state;
    char first[64], again[64], other[64];
    setenv("RANKINE_JOB", "/tmp/rankine-AAAAAA", 1);
    rk__launch_job_name(first, sizeof first);
    rk__launch_job_name(again, sizeof again);
    setenv("RANKINE_JOB", "/tmp/rankine-AAAAAB", 1);
    rk__launch_job_name(other, sizeof other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_int_equal(strncmp(first, "/rankine-", 9), 0);
    assert_true(strlen(first) + strlen("-63") <= 31); /* macOS takes no more */
}

static void job_name_is_random_without_a_launcher(void **state) {
    (void)state;
    char first[64], other[64];
    rk__launch_job_name(first, sizeof first);
    rk__launch_job_name(other, sizeof other);
    assert_string_not_equal(first, other);
}

static void report_needs_a_job(void **state) {
    (void)state;
    assert_false(rk__launch_report(0, false));
}

/* As from a host that does not see the directory: by way of stderr. */
static void report_reaches_another_host(void **state) {
    (void)state;
    char text[64] = "";
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    setenv("RANKINE_JOB", "/nonexistent/rankine-AAAAAA", 1);
    setenv("RANKINE_SECRET", SECRET, 1);
    rk__launch_take_secret();
    assert_null(getenv("RANKINE_SECRET"));
    dup2(ends[1], STDERR_FILENO);
    rk__launch_begin();
    bool told = rk__launch_report(3, true);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_true(told);
    ssize_t length = read(ends[0], text, sizeof text);
    close(ends[0]);
    close(ends[1]);
    for (size_t cut = 0; cut <= (size_t)length; cut++) {
        rk__relay relay;
        begin(&relay);
        rk__relay_add(&relay, "a [", 3, 0);
        add_cut(&relay, text, (size_t)length, cut);
        rk__relay_add(&relay, "b", 1, 0);
        assert_true(relay.begun && relay.reported && relay.broken);
        assert_int_equal(relay.exit_code, 3);
        assert_relayed(&relay, "a [b");
    }
}

static void report_reads_back(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    int code = -1;
    bool broken = false;
    assert_int_equal(rk__launch_job_create(&job, &err), RK_OK);
    setenv("RANKINE_JOB", job.directory.path, 1);
    assert_false(rk__launch_job_reported(&job, &code, &broken));
    assert_true(rk__launch_report(75, true));
    assert_true(rk__launch_job_reported(&job, &code, &broken));
    assert_int_equal(code, 75);
    assert_true(broken);
    rk__launch_job_destroy(&job);
    assert_int_equal(access(getenv("RANKINE_JOB"), F_OK), -1);
}

static void a_job_without_its_first_rank_is_headless(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    int pipe_fd[2], status;
    assert_int_equal(rk__launch_job_create(&job, &err), RK_OK);
    setenv("RANKINE_JOB", job.directory.path, 1);
    assert_false(rk__launch_job_headless(&job));
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t rank = fork();
    if (rank == 0) {
        char byte;
        rk__launch_begin();
        close(pipe_fd[1]);
        _exit(read(pipe_fd[0], &byte, 1) != 0);
    }
    while (!rk__launch_job_begun(&job))
        rk__sleep_ns(1000000);
    assert_false(rk__launch_job_headless(&job));
    close(pipe_fd[1]);
    assert_int_equal(waitpid(rank, &status, 0), rank);
    assert_true(rk__launch_job_headless(&job));
    close(pipe_fd[0]);
    rk__launch_job_destroy(&job);
}

static void job_directory_that_cannot_be_made_is_named(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    setenv("TMPDIR", "/nonexistent/tmp", 1);
    assert_int_equal(rk__launch_job_create(&job, &err), RK_EIO);
    assert_non_null(strstr(err.message, "/nonexistent/tmp"));
    unsetenv("TMPDIR");
}

static void abandoned_directory_is_swept_and_a_live_one_is_not(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    char parent[] = "/tmp/test-launch-parts-XXXXXX";
    rk__launch_directory live, abandoned;
    assert_non_null(mkdtemp(parent));
    assert_int_equal(rk__launch_directory_make(&live, parent, &err), RK_OK);
    assert_int_equal(rk__launch_directory_make(&abandoned, parent, &err), RK_OK);
    close(abandoned.lock_fd); /* as the death of its launcher does */
    rk__launch_directory_sweep(parent);
    assert_int_equal(access(live.path, F_OK), 0);
    assert_int_equal(access(abandoned.path, F_OK), -1);
    free(abandoned.path);
    rk__launch_directory_remove(&live);
    assert_int_equal(rmdir(parent), 0);
}

static void the_session_of_a_killed_mpirun_is_removed_and_no_other(void **state) {
    (void)state;
    char parent[] = "/tmp/test-launch-parts-XXXXXX", top[160], path[256], host[64] = "";
    assert_non_null(mkdtemp(parent));
    setenv("TMPDIR", parent, 1);
    gethostname(host, sizeof host - 1);
    snprintf(top, sizeof top, "%s/ompi.%.*s.%ld", parent, (int)strcspn(host, "."), host, (long)geteuid());
    assert_int_equal(mkdir(top, 0700), 0);
    for (int pid = 10; pid <= 11; pid++) {
        snprintf(path, sizeof path, "%s/pid.%d", top, pid);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/pid.%d/0", top, pid);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    rk__launch_session_remove(10);
    snprintf(path, sizeof path, "%s/pid.10", top);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/pid.11/0", top);
    assert_int_equal(access(path, F_OK), 0);
    rk__launch_session_remove(11);
    assert_int_equal(access(top, F_OK), -1);
    unsetenv("TMPDIR");
    assert_int_equal(rmdir(parent), 0);
}

static void sweep_leaves_what_is_not_ours_alone(void **state) {
    (void)state;
    char parent[] = "/tmp/test-launch-parts-XXXXXX", other[64], fresh[320], host[256] = "";
    assert_non_null(mkdtemp(parent));
    snprintf(other, sizeof other, "%s/rankine-results", parent);
    gethostname(host, sizeof host - 1);
    snprintf(fresh, sizeof fresh, "%s/rankine-%.*s-AAAAAA", parent, (int)strcspn(host, "."), host);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(mkdir(fresh, 0700), 0); /* not locked yet: somebody is making it */
    rk__launch_directory_sweep(parent);
    assert_int_equal(rmdir(fresh), 0);
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(rmdir(parent), 0);
}

typedef struct sweeping {
    char parent[64];
    _Atomic int quit;
} sweeping;

static void *sweep_again_and_again(void *ctx) {
    sweeping *s = ctx;
    while (!atomic_load(&s->quit))
        rk__launch_directory_sweep(s->parent);
    return NULL;
}

/* The sweeps of other launchers come at any moment. */
static void a_directory_that_was_made_is_not_swept(void **state) {
    (void)state;
    enum { DIRECTORIES = 1000 };
    sweeping s = {"/tmp/test-launch-parts-XXXXXX", 0};
    rk_error err = RK_ERROR_INIT;
    pthread_t sweepers[2];
    assert_non_null(mkdtemp(s.parent));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&sweepers[i], NULL, sweep_again_and_again, &s), 0);
    for (int i = 0; i < DIRECTORIES; i++) {
        rk__launch_directory made;
        char path[128];
        assert_int_equal(rk__launch_directory_make(&made, s.parent, &err), RK_OK);
        rk__sleep_ns(20000);
        snprintf(path, sizeof path, "%s/lock", made.path);
        assert_int_equal(access(path, F_OK), 0);
        rk__launch_directory_remove(&made);
    }
    atomic_store(&s.quit, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(sweepers[i], NULL);
    assert_int_equal(rmdir(s.parent), 0);
}

static void terminal_width_comes_from_the_launcher(void **state) {
    (void)state;
    setenv("RANKINE_TTY", "132", 1);
    assert_int_equal(rk__launch_tty_columns(), 132);
    unsetenv("RANKINE_TTY");
}

static void there_is_a_core(void **state) {
    (void)state;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    assert_in_range(rk__world_cores(), 1, (uintmax_t)online);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stop_is_silent_until_asked),
        cmocka_unit_test(stop_by_usr1_drains_and_is_no_first_request),
        cmocka_unit_test(first_request_drains_and_repeats),
        cmocka_unit_test(two_requests_at_once_are_one),
        cmocka_unit_test(what_has_not_begun_is_not_drained),
        cmocka_unit_test(second_request_terminates_then_kills_after_grace),
        cmocka_unit_test(third_request_kills_at_once),
        cmocka_unit_test(job_that_lingers_after_its_report_is_ended),
        cmocka_unit_test(who_lingers_is_let_wait_until_asked),
        cmocka_unit_test(report_alone_is_no_request),
        cmocka_unit_test_setup(each_launchers_variable_makes_a_rank, clear_environment),
        cmocka_unit_test_setup(batch_script_is_no_rank, clear_environment),
        cmocka_unit_test_setup(srun_step_of_one_task_is_no_rank, clear_environment),
        cmocka_unit_test_setup(srun_step_without_pmix_is_refused, clear_environment),
        cmocka_unit_test_setup(world_of_another_size_than_launched_is_refused, clear_environment),
        cmocka_unit_test_setup(srun_ranks_that_mpi_sees_alone_are_refused, clear_environment),
        cmocka_unit_test(ranks_of_several_cores_are_bound_to_them),
        cmocka_unit_test(a_default_hostfile_means_other_hosts),
        cmocka_unit_test_setup(job_name_comes_from_the_job_directory, clear_environment),
        cmocka_unit_test_setup(job_name_is_random_without_a_launcher, clear_environment),
        cmocka_unit_test_setup(report_needs_a_job, clear_environment),
        cmocka_unit_test_setup(report_reaches_another_host, clear_environment),
        cmocka_unit_test_setup(report_reads_back, clear_environment),
        cmocka_unit_test_setup(a_job_without_its_first_rank_is_headless, clear_environment),
        cmocka_unit_test_setup(job_directory_that_cannot_be_made_is_named, clear_environment),
        cmocka_unit_test(the_session_of_a_killed_mpirun_is_removed_and_no_other),
        cmocka_unit_test(abandoned_directory_is_swept_and_a_live_one_is_not),
        cmocka_unit_test(sweep_leaves_what_is_not_ours_alone),
        cmocka_unit_test(a_directory_that_was_made_is_not_swept),
        cmocka_unit_test(terminal_width_comes_from_the_launcher),
        cmocka_unit_test(there_is_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
