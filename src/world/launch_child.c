#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "world/launch_private.h"

/* Signals as a program expects to find them. TTOU and TTIN stay ignored: mpirun is not in the terminal's foreground
 * group, and must not be stopped for writing to a terminal under `stty tostop`. */
static void reset_signals(void) {
    static const int defaults[] = {SIGINT, SIGTERM, SIGTSTP, SIGCHLD, SIGPIPE, SIGUSR1};
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        signal(defaults[i], SIG_DFL);
    signal(SIGTTOU, SIG_IGN);
    signal(SIGTTIN, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* mpirun ends when we do, even by SIGKILL. Should we be gone already, nobody is told: look. */
static void die_with(pid_t launcher) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != launcher)
        _exit(127);
#else
    (void)launcher;
#endif
}

static void redirect(int stderr_fd) {
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd >= 0)
        dup2(null_fd, STDIN_FILENO);
    if (null_fd > STDERR_FILENO)
        close(null_fd);
    dup2(stderr_fd, STDERR_FILENO);
}

/* In the child; between fork and exec only what is async-signal-safe. */
static _Noreturn void become_mpirun(const rk__launch_command *command, pid_t launcher, int stderr_fd, int failure_fd) {
    setpgid(0, 0);
    redirect(stderr_fd);
    reset_signals();
    die_with(launcher);
    execve(command->path, command->argv, command->envp);
    int failure = errno;
    ssize_t ignored = write(failure_fd, &failure, sizeof failure);
    (void)ignored;
    _exit(127);
}

static bool pipe_cloexec(int ends[2]) {
    if (pipe(ends) != 0)
        return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return true;
}

static void close_pipe(const int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

/* errno of exec; 0 once exec has closed the other end. */
static int exec_failure(int fd) {
    int failure = 0;
    ssize_t got;
    do
        got = read(fd, &failure, sizeof failure);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof failure ? failure : 0;
}

rk_status rk__launch_child_start(const rk__launch_command *command, pid_t *pid, int *stderr_fd, rk_error *err) {
    int output[2], failure[2];
    if (!pipe_cloexec(output))
        return rk__fail(err, RK_EIO, "cannot make a pipe: %s", rk__errno_text(errno));
    if (!pipe_cloexec(failure)) {
        close_pipe(output);
        return rk__fail(err, RK_EIO, "cannot make a pipe: %s", rk__errno_text(errno));
    }
    pid_t launcher = getpid(), child = fork();
    if (child == 0)
        become_mpirun(command, launcher, output[1], failure[1]);
    int error = child < 0 ? errno : 0;
    close(output[1]);
    close(failure[1]);
    if (child > 0) {
        setpgid(child, child); /* both sides do: whoever comes first */
        error = exec_failure(failure[0]);
    }
    close(failure[0]);
    if (error != 0) {
        close(output[0]);
        return rk__fail(err, RK_EIO, "cannot start '%s': %s", command->path, rk__errno_text(error));
    }
    fcntl(output[0], F_SETFL, O_NONBLOCK);
    *pid = child;
    *stderr_fd = output[0];
    return RK_OK;
}
