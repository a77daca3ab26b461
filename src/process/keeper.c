/* The helper of a rank that forks its children, waits for them and tells how they ended. It begins before MPI does, has
 * one thread, and never touches the arena. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "process/process_private.h"

typedef struct nest {
    pid_t pid; /* 0: empty */
    uint64_t birth;
} nest;

typedef struct keeping {
    const rk__keeper *keeper;
    int fd;
    pid_t rank;
    int held;       /* what the rank gave us, or -1 */
    sigset_t usual; /* SIGCHLD comes only while we wait */
    nest nests[RK__CHILDREN_MAX];
} keeping;

/* ---- births ---- */

/* As a program expects to find them; SIGPIPE is ignored in ranks too. */
static void reset_signals(const keeping *self) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGTSTP, SIGCHLD};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_DFL);
    sigprocmask(SIG_SETMASK, &self->usual, NULL);
}

static _Noreturn void be_child(const keeping *self, const rk__keeper_message *message, int arena_fd, pid_t parent) {
    rk__birth birth = {message->endpoint, message->slot, message->birth, message->arena_bytes, arena_fd};
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(1);
    reset_signals(self);
    close(self->fd);
    if (self->held >= 0)
        close(self->held);
    self->keeper->be_child(self->keeper->ctx, &birth);
    _exit(1);
}

static void tell_end(const keeping *self, uint32_t slot, uint64_t birth, int wait_status) {
    rk__keeper_message message = {.verb = RK__KEEPER_LOST, .slot = slot, .birth = birth, .value = wait_status};
    rk__helper_send(self->fd, &message, sizeof message, NULL, NULL);
}

static void give_birth(keeping *self, const rk__keeper_message *message, int arena_fd) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        be_child(self, message, arena_fd, parent);
    if (pid < 0) {
        tell_end(self, message->slot, message->birth, RK__KEEPER_NO_FORK);
        return;
    }
    setpgid(pid, pid);
    self->nests[message->slot] = (nest){pid, message->birth};
}

static void obey(keeping *self, const rk__keeper_message *message, const int descriptors[2]) {
    if (message->slot >= RK__CHILDREN_MAX)
        return;
    nest *its = &self->nests[message->slot];
    if (message->verb == RK__KEEPER_FORK) {
        close(descriptors[1]);
        give_birth(self, message, descriptors[0]);
        close(descriptors[0]);
    } else if (message->verb == RK__KEEPER_HOLD) {
        close(descriptors[1]);
        self->held = descriptors[0];
    } else if (message->verb == RK__KEEPER_KILL && its->pid > 0 && its->birth == message->birth) {
        kill(its->pid, message->value);
    }
}

/* ---- ends ---- */

/* What it leaves behind in its process group ends before the rank hears of it. */
static void look_for_ends(keeping *self) {
    int wait_status;
    pid_t pid;
    while ((pid = waitpid(-1, &wait_status, WNOHANG)) > 0)
        for (uint32_t slot = 0; slot < RK__CHILDREN_MAX; slot++)
            if (self->nests[slot].pid == pid) {
                kill(-pid, SIGKILL);
                tell_end(self, slot, self->nests[slot].birth, wait_status);
                self->nests[slot].pid = 0;
            }
}

static void end_all(keeping *self) {
    for (uint32_t slot = 0; slot < RK__CHILDREN_MAX; slot++)
        if (self->nests[slot].pid > 0)
            kill(-self->nests[slot].pid, SIGKILL);
    rk__left_end();
}

/* ---- its life ---- */

static void on_child(int number) {
    (void)number; /* it interrupts the wait for messages */
}

static void expect_children(keeping *self) {
    struct sigaction action = {.sa_handler = on_child};
    sigset_t children;
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, &self->usual);
    sigdelset(&self->usual, SIGCHLD);
    rk__left_adopt(true);
    setpgid(0, 0); /* the rank's death, or that of its group, must not end us before we have ended what is left */
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGCHLD);
#endif
}

/* A message, or the end of a child. */
static bool wait_for_news(const keeping *self) {
    fd_set wanted;
    FD_ZERO(&wanted);
    FD_SET(self->fd, &wanted);
    bool came = pselect(self->fd + 1, &wanted, NULL, NULL, NULL, &self->usual) >= 0 || errno == EINTR;
    return came && getppid() == self->rank;
}

static void serve(void *ctx, int fd) {
    keeping self = {.keeper = ctx, .fd = fd, .rank = getppid(), .held = -1};
    rk__keeper_message message;
    int descriptors[2];
    bool got;
    expect_children(&self);
    while (fd < FD_SETSIZE && wait_for_news(&self) &&
           rk__helper_receive(fd, &message, sizeof message, 0, descriptors, &got, NULL) == RK_OK) {
        if (got)
            obey(&self, &message, descriptors);
        look_for_ends(&self);
    }
    end_all(&self);
    close(fd); /* with what may be in it */
    self.keeper->at_end(self.held);
}

rk_status rk__process_keeper(rk__helper *helper, const rk__keeper *keeper, rk_error *err) {
    return rk__helper_start(helper, serve, (void *)(uintptr_t)keeper, err);
}

void rk__process_keeper_hold(const rk__helper *helper, int held) {
    const rk__keeper_message message = {.verb = RK__KEEPER_HOLD};
    const int descriptors[2] = {held, held};
    rk__helper_send(helper->fd, &message, sizeof message, descriptors, NULL);
}
