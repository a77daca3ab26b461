/* Why do the ranks not begin? Who wanted them knows what to ask; it takes its time, and starts processes of its own: so
 * a process apart does it, and writes what it found to a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "world/launch_private.h"

static void write_all(int fd, const rk__text *text) {
    size_t done = 0;
    ssize_t wrote;
    while (done < text->length && ((wrote = write(fd, text->data + done, text->length - done)) > 0 || errno == EINTR))
        done += wrote > 0 ? (size_t)wrote : 0;
}

static _Noreturn void find_out(const rk__launch_options *options, bool ended, pid_t launcher, int fd) {
    rk__text why = RK__TEXT_INIT;
    setpgid(0, 0);
    rk__launch_signals_close();
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != launcher)
        _exit(1);
    options->doubt(options->doubt_ctx, ended, &why);
    write_all(fd, &why);
    _exit(0);
}

void rk__launch_doubt_begin(rk__launch_doubt *doubt, const rk__launch_options *options, bool ended) {
    int ends[2];
    doubt->asked = true;
    if (pipe(ends) != 0)
        return; /* then nobody knows */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pid_t launcher = getpid(), pid = fork();
    if (pid == 0)
        find_out(options, ended, launcher, ends[1]);
    close(ends[1]);
    if (pid > 0) {
        doubt->pid = pid;
        doubt->fd = ends[0];
    } else {
        close(ends[0]);
    }
}

void rk__launch_doubt_read(rk__launch_doubt *doubt) {
    char piece[1024];
    ssize_t got;
    while (doubt->fd >= 0 && (got = read(doubt->fd, piece, sizeof piece)) != 0) {
        if (got < 0)
            return;
        rk__text_add_bytes(&doubt->why, piece, (size_t)got);
    }
    if (doubt->fd >= 0)
        close(doubt->fd);
    doubt->fd = -1;
}

/* What it has started ends with all else that the launcher leaves behind. */
void rk__launch_doubt_end(rk__launch_doubt *doubt) {
    if (doubt->fd >= 0) {
        kill(-doubt->pid, SIGKILL);
        close(doubt->fd);
    }
    doubt->fd = -1;
}
