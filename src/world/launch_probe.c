/* Can a program be started on each of these hosts? Asked of mpirun for one host at a time, so that the answer has a
 * name; some at once, each with a bound. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world/launch_private.h"

enum { AT_ONCE = 8, LOOK_MS = 20 };
#define GRACE_NS UINT64_C(3000000000) /* mpirun ends what it has started */

typedef struct asking {
    rk__launch_probe *probe; /* NULL: this place is free */
    pid_t mpirun;
    int output_fd;
    uint64_t end_ns;
    bool told; /* to end */
} asking;

/* ---- one question ---- */

/* Between fork and exec only what is async-signal-safe. */
static _Noreturn void become_mpirun(const rk__launch_command *command, int output) {
    setpgid(0, 0);
    int null_fd = open("/dev/null", O_RDONLY);
    dup2(null_fd, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execve(command->path, command->argv, command->envp);
    _exit(127);
}

static rk_status start(asking *self, const rk__launch_command *command, rk_error *err) {
    int ends[2];
    if (pipe(ends) != 0)
        return rk__fail(err, RK_EIO, "cannot make a pipe: %s", rk__errno_text(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    self->mpirun = fork();
    int failure = errno;
    if (self->mpirun == 0)
        become_mpirun(command, ends[1]);
    close(ends[1]);
    if (self->mpirun < 0) {
        close(ends[0]);
        return rk__fail(err, RK_EIO, "cannot start mpirun: %s", rk__errno_text(failure));
    }
    setpgid(self->mpirun, self->mpirun);
    self->output_fd = ends[0];
    return RK_OK;
}

static rk_status ask(asking *self, rk__launch_probe *probe, const rk__launch_plan *plan, rk_error *err) {
    rk__launch_options options = *plan->options;
    rk__launch_plan here = *plan;
    rk__launch_command command;
    options.only_host = probe->host;
    here.options = &options;
    RK_TRY(rk__launch_command_create(&command, &here, err));
    rk_status status = start(self, &command, err);
    rk__launch_command_fini(&command);
    if (status != RK_OK)
        return status;
    self->probe = probe;
    self->told = false;
    self->end_ns = rk__clock_ns() + plan->options->limit_ns;
    return RK_OK;
}

/* ---- its answer ---- */

static void read_output(asking *self) {
    rk__launch_probe *probe = self->probe;
    char piece[512];
    ssize_t got;
    while ((got = read(self->output_fd, piece, sizeof piece)) > 0) {
        size_t length = strlen(probe->said), room = sizeof probe->said - 1 - length;
        size_t fits = (size_t)got < room ? (size_t)got : room;
        memcpy(probe->said + length, piece, fits);
        probe->said[length + fits] = '\0';
    }
}

static void end_in_time(asking *self) {
    uint64_t now = rk__clock_ns();
    if (now < self->end_ns)
        return;
    kill(-self->mpirun, self->told ? SIGKILL : SIGTERM);
    self->probe->timed_out = true;
    self->told = true;
    self->end_ns = now + GRACE_NS;
}

static void look_after(asking *self) {
    int status;
    read_output(self);
    end_in_time(self);
    if (waitpid(self->mpirun, &status, WNOHANG) == 0)
        return;
    read_output(self);
    close(self->output_fd);
    kill(-self->mpirun, SIGKILL); /* its ssh, if that is still there */
    self->probe->started = !self->probe->timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    self->probe = NULL;
}

/* ---- all of them ---- */

static rk_status ask_all(rk__launch_probe *probes, size_t count, const rk__launch_plan *plan, rk_error *err) {
    asking places[AT_ONCE] = {{0}};
    rk_status status = RK_OK;
    size_t next = 0, open = 0;
    while ((next < count && status == RK_OK) || open > 0) {
        open = 0;
        for (int i = 0; i < AT_ONCE; i++) {
            if (places[i].probe != NULL)
                look_after(&places[i]);
            if (places[i].probe == NULL && next < count && status == RK_OK)
                status = ask(&places[i], &probes[next++], plan, err);
            open += places[i].probe != NULL;
        }
        poll(NULL, 0, LOOK_MS);
    }
    return status;
}

rk_status rk__launch_ask_hosts(rk__launch_probe *probes, size_t count, const rk__launch_options *options,
                               rk_error *err) {
    rk__launch_job job;
    RK_TRY(rk__launch_job_create(&job, err));
    rk__launch_plan plan = {.options = options,
                            .job = &job,
                            .cores = rk__world_cores(),
                            .root = geteuid() == 0,
                            .allocation = rk__launch_in_allocation()};
    rk_status status = ask_all(probes, count, &plan, err);
    rk__launch_job_destroy(&job);
    return status;
}
