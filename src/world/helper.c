#include "world/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define PATIENCE_NS UINT64_C(3000000000)
#define NAP_NS      UINT64_C(1000000)

/* ---- messages ---- */

typedef union control {
    struct cmsghdr head; /* for its alignment */
    char bytes[CMSG_SPACE(2 * sizeof(int))];
} control;

rk_status rk__helper_send(int fd, const void *message, size_t size, const int descriptors[2], rk_error *err) {
    struct iovec part = {(void *)(uintptr_t)message, size};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    control space;
    memset(&space, 0, sizeof space);
    if (descriptors != NULL) {
        header.msg_control = &space;
        header.msg_controllen = sizeof space.bytes;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(2 * sizeof(int));
        memcpy(CMSG_DATA(rights), descriptors, 2 * sizeof(int));
    }
    ssize_t sent;
    while ((sent = sendmsg(fd, &header, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return sent == (ssize_t)size ? RK_OK
                                 : rk__fail(err, RK_EIO, "the helper for isolated tasks is gone: %s",
                                            sent < 0 ? rk__errno_text(errno) : "a message was cut");
}

static rk_status wait_for_message(int fd, int wait_ms, bool *there, rk_error *err) {
    struct pollfd wanted = {.fd = fd, .events = POLLIN};
    int count = poll(&wanted, 1, wait_ms);
    *there = count > 0;
    if (count < 0 && errno != EINTR)
        return rk__fail(err, RK_EIO, "waiting for the helper for isolated tasks: %s", rk__errno_text(errno));
    return RK_OK;
}

rk_status rk__helper_receive(int fd, void *message, size_t size, int wait_ms, int descriptors[2], bool *got,
                             rk_error *err) {
    struct iovec part = {message, size};
    control space;
    struct msghdr header = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &space, .msg_controllen = sizeof space.bytes};
    bool there;
    *got = false;
    RK_TRY(wait_for_message(fd, wait_ms, &there, err));
    if (!there)
        return RK_OK;
    ssize_t received = recvmsg(fd, &header, 0);
    if (received < 0 && (errno == EINTR || errno == EAGAIN))
        return RK_OK;
    if (received != (ssize_t)size)
        return rk__fail(err, RK_EIO, "the helper for isolated tasks ended%s%s", received < 0 ? ": " : "",
                        received < 0 ? rk__errno_text(errno) : "");
    struct cmsghdr *rights = CMSG_FIRSTHDR(&header);
    if (descriptors != NULL) {
        descriptors[0] = descriptors[1] = -1;
        if (rights != NULL && rights->cmsg_type == SCM_RIGHTS && rights->cmsg_len == CMSG_LEN(2 * sizeof(int)))
            memcpy(descriptors, CMSG_DATA(rights), 2 * sizeof(int));
    }
    *got = true;
    return RK_OK;
}

/* ---- its life ---- */

/* Signals that stop a run are the rank's business; the helper ends when the rank has. */
static void ignore_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_IGN);
}

static void die_with(pid_t parent) {
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(0);
}

static void leave_stdin(void) {
    int null_fd = open("/dev/null", O_RDONLY);
    if (null_fd > STDIN_FILENO) {
        dup2(null_fd, STDIN_FILENO);
        close(null_fd);
    }
}

rk_status rk__helper_start(rk__helper *helper, void (*serve)(void *ctx, int fd), void *ctx, rk_error *err) {
    int ends[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0)
        return rk__fail(err, RK_EIO, "a channel to the helper for isolated tasks: %s", rk__errno_text(errno));
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        ignore_signals();
        die_with(parent);
        leave_stdin();
        serve(ctx, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return rk__fail(err, RK_ENOMEM, "starting the helper for isolated tasks: %s", rk__errno_text(errno));
    }
    *helper = (rk__helper){ends[0], pid};
    return RK_OK;
}

void rk__helper_end(rk__helper *helper) {
    uint64_t begin = rk__clock_ns();
    close(helper->fd);
    while (waitpid(helper->pid, NULL, WNOHANG) == 0) {
        if (rk__clock_ns() - begin > PATIENCE_NS)
            kill(helper->pid, SIGKILL);
        rk__sleep_ns(NAP_NS);
    }
}
