#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "world/launch_private.h"

static const int watched[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGTSTP, SIGCHLD, SIGPIPE};
enum { WATCHED = sizeof watched / sizeof *watched };

/* A handler gets nothing but its signal's number: what it needs, and what was there before, has to be static. */
static volatile sig_atomic_t pipe_in = -1;
static int pipe_out = -1;
static struct sigaction before[WATCHED];

/* In one write, which a pipe takes whole; when the pipe is full, there is enough to read already. */
static void note_signal(int number) {
    int saved = errno;
    rk__signal_note note = {.at_ns = rk__clock_ns(), .number = number};
    ssize_t ignored = write((int)pipe_in, &note, sizeof note);
    (void)ignored;
    errno = saved;
}

/* nohup is respected. INT is not left ignored, as a shell does for its background jobs: mpirun does not either, and
 * Rankine answers to it by a clean end. */
static bool stays_ignored(int number, const struct sigaction *was) {
    return number == SIGHUP && was->sa_handler == SIG_IGN;
}

static void catch_signal(size_t i) {
    struct sigaction action = {.sa_handler = watched[i] == SIGPIPE ? SIG_IGN : note_signal};
    sigemptyset(&action.sa_mask); /* no SA_RESTART: a write to a stopped terminal must end */
    sigaction(watched[i], NULL, &before[i]);
    if (!stays_ignored(watched[i], &before[i]))
        sigaction(watched[i], &action, NULL);
}

static void prepare_end(int fd) {
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
}

rk_status rk__launch_signals_open(int *fd, rk_error *err) {
    int ends[2];
    if (pipe(ends) != 0)
        return rk__fail(err, RK_EIO, "cannot make a pipe: %s", rk__errno_text(errno));
    prepare_end(ends[0]);
    prepare_end(ends[1]);
    pipe_out = ends[0];
    pipe_in = ends[1];
    for (size_t i = 0; i < WATCHED; i++)
        catch_signal(i);
    *fd = pipe_out;
    return RK_OK;
}

/* By default TSTP does not stop a process that nobody could continue (an orphaned group): so not by SIGSTOP. */
void rk__launch_signals_suspend(void) {
    struct sigaction stop = {.sa_handler = SIG_DFL}, caught;
    sigemptyset(&stop.sa_mask);
    sigaction(SIGTSTP, &stop, &caught);
    raise(SIGTSTP);
    sigaction(SIGTSTP, &caught, NULL);
}

void rk__launch_signals_close(void) {
    for (size_t i = 0; i < WATCHED; i++)
        sigaction(watched[i], &before[i], NULL);
    close((int)pipe_in);
    close(pipe_out);
    pipe_in = -1;
    pipe_out = -1;
}
