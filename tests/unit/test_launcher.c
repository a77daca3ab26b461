/* The launcher with a stand-in for mpirun, first on PATH: a script that notes how it was called and passes USR1 on, as
 * Open MPI does; and with the real one. rk__launch runs in a child of ours, which can be signalled. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world/launch_private.h"

enum { PATIENCE_MS = 20000, PAUSE_NS = 20000000, TEXT_MAX = 65536 };

/* Options end where the command, an absolute path, begins. The trap of a waiting shell runs, and `wait` returns early.
 */
static const char fake_mpirun[] = "#!/bin/sh\n"
                                  "printf '%s\\n' \"$0\" \"$@\" > $FAKE/args\n"
                                  "env > $FAKE/env\n"
                                  "readlink /proc/self/fd/0 > $FAKE/stdin\n"
                                  "echo $$ > $FAKE/pid\n"
                                  "trap 'echo USR1 >> $FAKE/signals; kill -USR1 $child\n"
                                  "  echo \"mpirun: Forwarding signal 10 to job\" >&2' USR1\n"
                                  "trap 'echo TERM >> $FAKE/signals; kill -KILL $child 2>/dev/null; exit 1' TERM\n"
                                  "while [ \"${1#/}\" = \"$1\" ]; do [ \"$1\" != --hostfile ] || shift; shift; done\n"
                                  "\"$@\" &\n"
                                  "child=$!\n"
                                  "while :; do wait $child; status=$?\n"
                                  "  kill -0 $child 2>/dev/null || exit $status; done\n";

typedef struct fixture {
    char directory[64]; /* FAKE: what the fake mpirun notes; also TMPDIR's parent */
    char old_path[4096];
} fixture;

static const char *own_path; /* of this program, which can play a rank */

/* ---- files ---- */

static const char *in(const fixture *here, const char *name) {
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", here->directory, name);
    return path;
}

static void copy_text(char *buffer, size_t size, const char *text) {
    size_t length = strnlen(text, size - 1);
    memcpy(buffer, text, length);
    buffer[length] = '\0';
}

static void write_file(const char *path, const char *text, mode_t mode) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static const char *read_file(const char *path) {
    static char text[TEXT_MAX];
    FILE *file = fopen(path, "r");
    size_t length = file != NULL ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file != NULL)
        fclose(file);
    text[length] = '\0';
    return text;
}

static bool has_line(const char *text, const char *line) {
    size_t length = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at++)
        if ((at == text || at[-1] == '\n') && (at[length] == '\n' || at[length] == '\0'))
            return true;
    return false;
}

#define AWAIT(condition)                                                                                               \
    do {                                                                                                               \
        uint64_t end_ns = rk__clock_ns() + (uint64_t)PATIENCE_MS * 1000000;                                            \
        while (!(condition)) {                                                                                         \
            assert_true(rk__clock_ns() < end_ns);                                                                      \
            rk__sleep_ns(PAUSE_NS);                                                                                    \
        }                                                                                                              \
    } while (0)

static void await_file(const char *path) {
    AWAIT(access(path, F_OK) == 0);
}

/* An orphan that has ended is a zombie until the system's first process reaps it, which in a container may be never. */
static bool is_alive(pid_t pid) {
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return kill(pid, 0) == 0;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    fclose(file);
    return state != 'Z' && state != 'X';
}

static bool read_pid(const char *path, pid_t *out) {
    char text[32];
    int64_t pid;
    copy_text(text, sizeof text, read_file(path));
    text[strcspn(text, "\n")] = '\0';
    if (!rk__parse_i64(text, &pid) || pid <= 1)
        return false;
    *out = (pid_t)pid;
    return true;
}

static pid_t pid_in(const char *path) {
    pid_t pid = -1;
    AWAIT(read_pid(path, &pid));
    return pid;
}

/* ---- fixture ---- */

static const char *const disturbing[] = {"SLURM_JOB_ID",
                                         "PBS_JOBID",
                                         "LSB_JOBID",
                                         "PE_HOSTFILE",
                                         "OMPI_MCA_btl",
                                         "OMPI_MCA_hwloc_base_binding_policy",
                                         "PRTE_MCA_hwloc_default_binding_policy",
                                         "OMPI_MCA_mpi_yield_when_idle",
                                         "OMPI_ALLOW_RUN_AS_ROOT",
                                         "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM",
                                         "RANKINE_JOB",
                                         "RANKINE_TTY",
                                         "RANKINE_RANKS"};

static int set_up(void **state) {
    fixture *here = calloc(1, sizeof *here);
    char path[4352];
    for (size_t i = 0; i < sizeof disturbing / sizeof *disturbing; i++)
        unsetenv(disturbing[i]);
    strcpy(here->directory, "/tmp/test-launcher-XXXXXX");
    if (mkdtemp(here->directory) == NULL)
        return -1;
    copy_text(here->old_path, sizeof here->old_path, getenv("PATH"));
    mkdir(in(here, "bin"), 0755);
    mkdir(in(here, "tmp"), 0755);
    write_file(in(here, "bin/mpirun"), fake_mpirun, 0755);
    snprintf(path, sizeof path, "%s/bin:%s", here->directory, here->old_path);
    setenv("PATH", path, 1);
    setenv("FAKE", here->directory, 1);
    setenv("TMPDIR", in(here, "tmp"), 1);
    *state = here;
    return 0;
}

static int tear_down(void **state) {
    fixture *here = *state;
    char command[128];
    setenv("PATH", here->old_path, 1);
    unsetenv("TMPDIR");
    snprintf(command, sizeof command, "rm -rf %s", here->directory);
    int status = system(command);
    free(here);
    return status;
}

static void use_real_mpirun(const fixture *here) {
    setenv("PATH", here->old_path, 1);
}

/* ---- launching ---- */

/* Where a launcher's stderr goes, to be read afterwards. */
static int open_log(const fixture *here, char *path, size_t size) {
    copy_text(path, size, in(here, "stderr"));
    return open(path, O_CREAT | O_RDWR, 0644);
}

typedef struct outcome {
    rk_status status;
    rk_error err;
    rk__launch_result result;
} outcome;

typedef struct background {
    pid_t pid;
    int fd; /* gives an outcome */
} background;

static _Noreturn void launch_here(const rk__launch_options *options, int fd) {
    outcome got = {.err = RK_ERROR_INIT};
    got.status = rk__launch(options, &got.result, &got.err);
    bool written = write(fd, &got, sizeof got) == (ssize_t)sizeof got;
    _exit(written ? 0 : 1);
}

static background start(const rk__launch_options *options, int stderr_fd) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        setpgid(0, 0); /* as a shell does for a job */
        if (stderr_fd >= 0)
            dup2(stderr_fd, STDERR_FILENO);
        launch_here(options, ends[1]);
    }
    close(ends[1]);
    return (background){pid, ends[0]};
}

static outcome finish(background it) {
    outcome got = {.status = RK_ETIMEDOUT};
    struct pollfd event = {.fd = it.fd, .events = POLLIN};
    bool answered = poll(&event, 1, PATIENCE_MS) == 1 && read(it.fd, &got, sizeof got) == (ssize_t)sizeof got;
    if (!answered)
        kill(it.pid, SIGKILL);
    waitpid(it.pid, NULL, 0);
    close(it.fd);
    assert_true(answered);
    return got;
}

/* Each rank runs the shell line. */
static background start_shell(int ranks, const char *line, int stderr_fd) {
    char *argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)line, NULL};
    rk__launch_options options = {.ranks = ranks, .argv = argv};
    return start(&options, stderr_fd);
}

static rk__launch_result run_shell(int ranks, const char *line) {
    outcome got = finish(start_shell(ranks, line, -1));
    assert_string_equal(got.err.message, "");
    assert_int_equal(got.status, RK_OK);
    return got.result;
}

/* ---- how mpirun is called ---- */

static void all_cores_are_bound(void **state) {
    run_shell(rk__world_cores(), "exit 0");
    const char *args = read_file(in(*state, "args"));
    char ranks[32];
    snprintf(ranks, sizeof ranks, "-n\n%d\n", rk__world_cores());
    assert_non_null(strstr(args, ranks));
    assert_non_null(strstr(args, "\n--bind-to\ncore\n"));
    assert_null(strstr(args, "--oversubscribe"));
    assert_non_null(strstr(args, "\n/bin/sh\n-c\nexit 0\n"));
}

static void more_ranks_than_cores_oversubscribe_unbound(void **state) {
    run_shell(rk__world_cores() + 1, "exit 0");
    const char *args = read_file(in(*state, "args"));
    assert_true(has_line(args, "--oversubscribe"));
    assert_non_null(strstr(args, "\n--bind-to\nnone\n"));
    assert_true(has_line(read_file(in(*state, "env")), "OMPI_MCA_mpi_yield_when_idle=1"));
}

static void users_binding_is_not_overruled(void **state) {
    setenv("OMPI_MCA_hwloc_base_binding_policy", "socket", 1);
    run_shell(rk__world_cores(), "exit 0");
    assert_null(strstr(read_file(in(*state, "args")), "--bind-to"));
}

static void allocation_decides_about_hosts_and_network(void **state) {
    setenv("SLURM_JOB_ID", "7", 1);
    run_shell(rk__world_cores(), "exit 0");
    const char *args = read_file(in(*state, "args"));
    assert_true(has_line(args, "--oversubscribe")); /* its slots are tasks, not cores */
    assert_non_null(strstr(args, "\n--bind-to\nnone\n"));
    assert_null(strstr(read_file(in(*state, "env")), "OMPI_MCA_btl="));
}

static void hostfile_is_passed_and_no_network_ruled_out(void **state) {
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    char hostfile[256];
    copy_text(hostfile, sizeof hostfile, in(*state, "hosts"));
    write_file(hostfile, "localhost slots=64\n", 0644);
    rk__launch_options options = {.ranks = 3, .argv = argv, .hostfile = hostfile};
    assert_int_equal(finish(start(&options, -1)).status, RK_OK);
    const char *args = read_file(in(*state, "args"));
    assert_true(has_line(args, hostfile));
    assert_null(strstr(args, "--oversubscribe"));
    assert_null(strstr(read_file(in(*state, "env")), "OMPI_MCA_btl="));
}

static void missing_hostfile_is_named(void **state) {
    (void)state;
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    rk__launch_options options = {.ranks = 1, .argv = argv, .hostfile = "/nonexistent/hosts"};
    outcome got = finish(start(&options, -1));
    assert_int_equal(got.status, RK_ENOENT);
    assert_non_null(strstr(got.err.message, "/nonexistent/hosts"));
}

static void missing_mpirun_names_the_package(void **state) {
    setenv("PATH", in(*state, "tmp"), 1);
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    rk__launch_options options = {.ranks = 1, .argv = argv};
    outcome got = finish(start(&options, -1));
    assert_int_equal(got.status, RK_ENOENT);
    assert_non_null(strstr(got.err.message, "openmpi-bin"));
    assert_int_equal(rmdir(in(*state, "tmp")), 0); /* and no job directory is left */
}

static void mpirun_that_cannot_start_is_named(void **state) {
    write_file(in(*state, "bin/mpirun"), "#!/nonexistent/interpreter\n", 0755);
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL};
    rk__launch_options options = {.ranks = 1, .argv = argv};
    outcome got = finish(start(&options, -1));
    assert_int_equal(got.status, RK_EIO);
    assert_non_null(strstr(got.err.message, in(*state, "bin/mpirun")));
}

static void ranks_learn_of_their_job(void **state) {
    setenv("RANKINE_JOB", "/another/job", 1);
    setenv("RANKINE_TTY", "99", 1);
    setenv("RANKINE_KERNEL_PATH", "/kernels", 1);
    run_shell(3, "test -d $RANKINE_JOB && touch $FAKE/saw-directory");
    assert_int_equal(access(in(*state, "saw-directory"), F_OK), 0);
    const char *env = read_file(in(*state, "env"));
    assert_true(has_line(env, "RANKINE_RANKS=3"));
    assert_null(strstr(env, "/another/job"));
    assert_null(strstr(env, "RANKINE_TTY"));
    assert_non_null(strstr(env, in(*state, "tmp/rankine-")));
    const char *args = read_file(in(*state, "args"));
    assert_non_null(strstr(args, "\n-x\nRANKINE_JOB\n"));
    assert_non_null(strstr(args, "\n-x\nRANKINE_KERNEL_PATH\n"));
}

static void root_is_allowed_and_users_settings_win(void **state) {
    setenv("OMPI_MCA_btl", "self,tcp", 1);
    run_shell(1, "exit 0");
    const char *env = read_file(in(*state, "env"));
    assert_int_equal(has_line(env, "OMPI_ALLOW_RUN_AS_ROOT=1"), geteuid() == 0);
    assert_int_equal(has_line(env, "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1"), geteuid() == 0);
    assert_true(has_line(env, "OMPI_MCA_btl=self,tcp"));
    assert_false(has_line(env, "OMPI_MCA_btl=self,vader"));
}

static void mpirun_leads_its_own_group_and_reads_nothing(void **state) {
    run_shell(1, "ps -o pgid= -p $PPID | tr -d ' ' > $FAKE/group; echo $PPID > $FAKE/leader");
    char group[64];
    copy_text(group, sizeof group, read_file(in(*state, "group")));
    assert_string_not_equal(group, "");
    assert_string_equal(group, read_file(in(*state, "leader")));
    if (access("/proc/self/fd", F_OK) == 0)
        assert_string_equal(read_file(in(*state, "stdin")), "/dev/null\n");
}

static void terminals_width_is_passed(void **state) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    int side = open(ptsname(terminal), O_RDWR | O_NOCTTY);
    struct winsize window = {.ws_col = 77, .ws_row = 20};
    assert_int_equal(ioctl(side, TIOCSWINSZ, &window), 0);
    assert_int_equal(finish(start_shell(1, "exit 0", side)).status, RK_OK);
    assert_true(has_line(read_file(in(*state, "env")), "RANKINE_TTY=77"));
    close(side);
    close(terminal);
}

/* ---- results ---- */

static void reported_code_wins_over_mpiruns(void **state) {
    (void)state;
    rk__launch_result result = run_shell(1, "echo 7 > $RANKINE_JOB/exit; exit 3");
    assert_true(result.reported);
    assert_int_equal(result.exit_code, 7);
    assert_false(result.interrupted);
}

static void without_a_report_mpiruns_code_counts(void **state) {
    (void)state;
    rk__launch_result result = run_shell(1, "exit 3");
    assert_false(result.reported);
    assert_int_equal(result.exit_code, 3);
}

static void unfinished_report_is_none(void **state) {
    (void)state;
    rk__launch_result result = run_shell(1, "echo 7 > $RANKINE_JOB/exit.tmp; : > $RANKINE_JOB/exit; exit 3");
    assert_false(result.reported);
    assert_int_equal(result.exit_code, 3);
}

static void death_by_signal_is_128_and_its_number(void **state) {
    (void)state;
    rk__launch_result result = run_shell(1, "kill -KILL $PPID; exec sleep 60");
    assert_false(result.reported);
    assert_int_equal(result.exit_code, 128 + SIGKILL);
}

static void nothing_is_left_of_the_job(void **state) {
    char *argv[] = {(char *)(uintptr_t)own_path, (char *)(uintptr_t) "--leave-segments", NULL};
    rk__launch_options options = {.ranks = 1, .argv = argv};
    outcome got = finish(start(&options, -1));
    assert_int_equal(got.status, RK_OK);
    assert_true(got.result.reported);
    assert_int_equal(got.result.exit_code, 0);
    assert_int_equal(rmdir(in(*state, "tmp")), 0); /* empty */
    char name[64];
    copy_text(name, sizeof name, read_file(in(*state, "segment")));
    assert_int_equal(strncmp(name, "/rankine-", 9), 0);
    assert_int_equal(shm_open(name, O_RDWR, 0), -1);
    assert_int_equal(errno, ENOENT);
#ifdef __linux__
    copy_text(strrchr(name, '-'), 8, "-s2b0c"); /* a shared object of a program */
    assert_int_equal(shm_open(name, O_RDWR, 0), -1);
    assert_int_equal(errno, ENOENT);
#endif
}

/* The rank of the test above. */
static int leave_segments(void) {
    static const char *const ends[] = {"s2b0c", "0", "63"};
    char base[64], path[256];
    rk__launch_job_name(base, sizeof base);
    for (int i = 0; i < 3; i++) {
        char name[96];
        snprintf(name, sizeof name, "%s-%s", base, ends[i]);
        int fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
        if (fd < 0)
            return 1;
        close(fd);
        snprintf(path, sizeof path, "%s/segment", getenv("FAKE"));
        write_file(path, name, 0644);
    }
    snprintf(path, sizeof path, "%s/deep", getenv("RANKINE_JOB"));
    mkdir(path, 0755);
    strcat(path, "/file");
    write_file(path, "", 0644);
    return rk__launch_report(0, false) ? 0 : 1;
}

static void what_outlives_mpirun_is_ended(void **state) {
#ifdef __linux__
    run_shell(1, "setsid sh -c 'echo $$ > $FAKE/survivor; exec sleep 60' &\n"
                 "while [ ! -s $FAKE/survivor ]; do sleep 0.05; done");
    assert_false(is_alive(pid_in(in(*state, "survivor"))));
#else
    (void)state;
    skip();
#endif
}

/* ---- signals ---- */

static const char draining_rank[] = "exec 2>/dev/null; trap 'touch $FAKE/drained; echo 75 > $RANKINE_JOB/exit; exit 0' "
                                    "USR1; touch $RANKINE_JOB/begun $FAKE/ready; "
                                    "while :; do sleep 0.05; done";
static const char stubborn_rank[] = "trap '' USR1; touch $RANKINE_JOB/begun $FAKE/ready; while :; do sleep 0.05; done";

/* As an impatient person does. */
static void insist(background it, int number) {
    struct pollfd done = {.fd = it.fd, .events = POLLIN};
    for (int i = 0; i < 100 && poll(&done, 1, 250) == 0; i++)
        kill(it.pid, number);
}

static void drain_by(fixture *here, int number) {
    char log[256];
    int fd = open_log(here, log, sizeof log);
    background it = start_shell(1, draining_rank, fd);
    await_file(in(here, "ready"));
    kill(it.pid, number);
    outcome got = finish(it);
    close(fd);
    assert_int_equal(got.status, RK_OK);
    assert_true(got.result.reported && got.result.interrupted);
    assert_int_equal(got.result.exit_code, 75);
    assert_true(has_line(read_file(in(here, "signals")), "USR1"));
    assert_false(has_line(read_file(in(here, "signals")), "TERM"));
    assert_string_equal(read_file(log), ""); /* nobody speaks of it but the ranks */
}

static void int_drains(void **state) {
    drain_by(*state, SIGINT);
}

static void term_drains(void **state) {
    drain_by(*state, SIGTERM);
}

static void hup_drains(void **state) {
    drain_by(*state, SIGHUP);
}

static void usr1_comes_again_until_the_ranks_end(void **state) {
    background it =
        start_shell(1,
                    "n=0; trap 'n=$((n+1)); [ $n -lt 2 ] || exit 0' USR1; touch $RANKINE_JOB/begun $FAKE/ready; "
                    "while :; do sleep 0.05; done",
                    -1);
    await_file(in(*state, "ready"));
    kill(it.pid, SIGINT);
    outcome got = finish(it);
    assert_true(got.result.interrupted);
    assert_int_equal(got.result.exit_code, 0);
}

static void second_int_ends_stubborn_ranks(void **state) {
    background it = start_shell(1, stubborn_rank, -1);
    await_file(in(*state, "ready"));
    kill(it.pid, SIGINT);
    AWAIT(has_line(read_file(in(*state, "signals")), "USR1"));
    insist(it, SIGINT);
    outcome got = finish(it);
    assert_true(got.result.interrupted);
    assert_false(got.result.reported);
    assert_int_equal(got.result.exit_code, 1);
    assert_true(has_line(read_file(in(*state, "signals")), "TERM"));
}

static void mpirun_that_ignores_term_is_killed(void **state) {
    write_file(in(*state, "bin/mpirun"),
               "#!/bin/sh\ntrap '' TERM USR1\ntouch $RANKINE_JOB/begun $FAKE/ready\nwhile :; do sleep 0.05; done\n",
               0755);
    background it = start_shell(1, "exit 0", -1);
    await_file(in(*state, "ready"));
    insist(it, SIGTERM);
    assert_int_equal(finish(it).result.exit_code, 128 + SIGKILL);
}

static void killed_launcher_takes_mpirun_along(void **state) {
#ifdef __linux__
    background it = start_shell(1, stubborn_rank, -1);
    await_file(in(*state, "ready"));
    pid_t mpirun = pid_in(in(*state, "pid"));
    kill(it.pid, SIGKILL);
    waitpid(it.pid, NULL, 0);
    close(it.fd);
    AWAIT(has_line(read_file(in(*state, "signals")), "TERM"));
    AWAIT(!is_alive(mpirun));
    /* The next launch removes what the killed one could not. */
    run_shell(1, "exit 0");
    assert_int_equal(rmdir(in(*state, "tmp")), 0);
#else
    (void)state;
    skip();
#endif
}

static void mpirun_whose_ranks_are_gone_is_ended(void **state) {
#ifdef __linux__
    write_file(in(*state, "bin/mpirun"), "#!/bin/sh\nmkfifo $FAKE/never\nsleep 3 &\nread line <>$FAKE/never\n", 0755);
    background it = start_shell(1, "exit 0", -1);
    assert_int_equal(finish(it).result.exit_code, 128 + SIGKILL);
#else
    (void)state;
    skip();
#endif
}

static bool is_stopped(pid_t pid) {
    char path[64], letter = '?';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *after_name = strrchr(read_file(path), ')');
    return after_name != NULL && sscanf(after_name + 1, " %c", &letter) == 1 && letter == 'T';
}

static void suspending_stops_the_job_and_continuing_goes_on(void **state) {
#ifdef __linux__
    background it = start_shell(1, draining_rank, -1);
    await_file(in(*state, "ready"));
    pid_t mpirun = pid_in(in(*state, "pid"));
    kill(it.pid, SIGTSTP);
    AWAIT(is_stopped(it.pid));
    AWAIT(is_stopped(mpirun));
    kill(it.pid, SIGINT);
    kill(it.pid, SIGCONT);
    assert_int_equal(finish(it).result.exit_code, 75);
#else
    (void)state;
    skip();
#endif
}

/* ---- the real mpirun ---- */

static void real_mpirun_runs_ranks_and_brings_their_result(void **state) {
    use_real_mpirun(*state);
    char log[256];
    int fd = open_log(*state, log, sizeof log);
    outcome got = finish(start_shell(rk__world_cores() + 1,
                                     "touch $FAKE/rank-$OMPI_COMM_WORLD_RANK; "
                                     "[ $OMPI_COMM_WORLD_RANK -gt 0 ] || echo 7 > $RANKINE_JOB/exit",
                                     fd));
    close(fd);
    assert_string_equal(read_file(log), "");
    assert_int_equal(got.status, RK_OK);
    assert_true(got.result.reported);
    assert_int_equal(got.result.exit_code, 7);
    for (int rank = 0; rank <= rk__world_cores(); rank++) {
        char name[32];
        snprintf(name, sizeof name, "rank-%d", rank);
        assert_int_equal(access(in(*state, name), F_OK), 0);
    }
    assert_int_equal(rmdir(in(*state, "tmp")), 0);
}

static void real_mpirun_passes_the_drain_on_silently(void **state) {
    use_real_mpirun(*state);
    char log[256];
    int fd = open_log(*state, log, sizeof log);
    background it = start_shell(1, draining_rank, fd);
    await_file(in(*state, "ready"));
    kill(it.pid, SIGINT);
    outcome got = finish(it);
    close(fd);
    assert_true(got.result.interrupted);
    assert_int_equal(got.result.exit_code, 75);
    assert_string_equal(read_file(log), "");
}

static void real_mpirun_ends_stubborn_ranks(void **state) {
    use_real_mpirun(*state);
    background it = start_shell(1, "trap '' USR1 TERM; echo $$ > $FAKE/rank; while :; do sleep 0.05; done", -1);
    pid_t rank = pid_in(in(*state, "rank"));
    insist(it, SIGINT);
    assert_true(finish(it).result.interrupted);
    assert_false(is_alive(rank));
    assert_int_equal(rmdir(in(*state, "tmp")), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    static char path[4096];
    if (argc == 2 && strcmp(argv[1], "--leave-segments") == 0)
        return leave_segments();
    own_path = realpath(argv[0], path);
    const struct CMUnitTest tests[] = {
        TEST(all_cores_are_bound),
        TEST(more_ranks_than_cores_oversubscribe_unbound),
        TEST(users_binding_is_not_overruled),
        TEST(allocation_decides_about_hosts_and_network),
        TEST(hostfile_is_passed_and_no_network_ruled_out),
        TEST(missing_hostfile_is_named),
        TEST(missing_mpirun_names_the_package),
        TEST(mpirun_that_cannot_start_is_named),
        TEST(ranks_learn_of_their_job),
        TEST(root_is_allowed_and_users_settings_win),
        TEST(mpirun_leads_its_own_group_and_reads_nothing),
        TEST(terminals_width_is_passed),
        TEST(reported_code_wins_over_mpiruns),
        TEST(without_a_report_mpiruns_code_counts),
        TEST(unfinished_report_is_none),
        TEST(death_by_signal_is_128_and_its_number),
        TEST(nothing_is_left_of_the_job),
        TEST(what_outlives_mpirun_is_ended),
        TEST(int_drains),
        TEST(term_drains),
        TEST(hup_drains),
        TEST(usr1_comes_again_until_the_ranks_end),
        TEST(second_int_ends_stubborn_ranks),
        TEST(mpirun_that_ignores_term_is_killed),
        TEST(killed_launcher_takes_mpirun_along),
        TEST(mpirun_whose_ranks_are_gone_is_ended),
        TEST(suspending_stops_the_job_and_continuing_goes_on),
        TEST(real_mpirun_runs_ranks_and_brings_their_result),
        TEST(real_mpirun_passes_the_drain_on_silently),
        TEST(real_mpirun_ends_stubborn_ranks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
