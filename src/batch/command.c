#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "batch/batch.h"

extern char **environ;

#define PATIENCE_NS UINT64_C(60000000000) /* Slurm's commands try a busy controller again for some time */
enum { WAIT_MS = 100 };

static void close_both(const int ends[2]) {
    close(ends[0]);
    close(ends[1]);
}

static rk_status open_pipe(int ends[2], rk_error *err) {
    if (pipe(ends) != 0)
        return rk__fail(err, RK_EIO, "cannot make a pipe: %s", rk__errno_text(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    return RK_OK;
}

/* Its stdout and stderr are our pipes; a signal that we ignore is not ignored there. */
static int spawn(const char *const *argv, int out_fd, int err_fd, pid_t *pid) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err_fd, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    int code = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return code;
}

/* False: there is nothing more to come. */
static bool take(int fd, rk__text *text) {
    char piece[4096];
    ssize_t got = read(fd, piece, sizeof piece);
    if (got > 0)
        rk__text_add_bytes(text, piece, (size_t)got);
    return got > 0 || (got < 0 && errno == EINTR);
}

/* Until it has closed both, or time is up. */
static bool read_all(rk__batch_answer *answer, int out_fd, int err_fd) {
    uint64_t end = rk__clock_ns() + PATIENCE_NS;
    struct pollfd ends[2] = {{.fd = out_fd, .events = POLLIN}, {.fd = err_fd, .events = POLLIN}};
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        if (rk__clock_ns() > end)
            return false;
        if (poll(ends, 2, WAIT_MS) <= 0)
            continue;
        if (ends[0].revents != 0 && !take(out_fd, &answer->out))
            ends[0].fd = -1;
        if (ends[1].revents != 0 && !take(err_fd, &answer->err))
            ends[1].fd = -1;
    }
    return true;
}

static int reap(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static rk_status talk(rk__batch_answer *answer, const char *const *argv, const int out[2], const int error[2],
                      rk_error *err) {
    pid_t pid;
    int code = spawn(argv, out[1], error[1], &pid);
    close(out[1]);
    close(error[1]);
    if (code != 0)
        return rk__fail(err, code == ENOENT ? RK_ENOENT : RK_EIO, "%s: %s", argv[0],
                        code == ENOENT ? "not found along PATH: there is no Slurm here" : rk__errno_text(code));
    bool ended = read_all(answer, out[0], error[0]);
    if (!ended)
        kill(pid, SIGKILL);
    answer->code = reap(pid);
    if (!ended)
        return rk__fail(err, RK_ETIMEDOUT, "%s gave no answer for a minute: is Slurm's controller up (scontrol ping)?",
                        argv[0]);
    return RK_OK;
}

rk_status rk__batch_ask(rk__batch_answer *answer, const char *const *argv, rk_error *err) {
    int out[2], error[2];
    *answer = (rk__batch_answer){0};
    RK_TRY(open_pipe(out, err));
    rk_status status = open_pipe(error, err);
    if (status != RK_OK) {
        close_both(out);
        return status;
    }
    status = talk(answer, argv, out, error, err);
    close(out[0]);
    close(error[0]);
    return status;
}

void rk__batch_answer_fini(rk__batch_answer *answer) {
    rk__text_fini(&answer->out);
    rk__text_fini(&answer->err);
}
