#define _GNU_SOURCE /* dladdr, pipe2 */
#include "spawner.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* Rankine ignores SIGPIPE */
#endif

/* 0, 1 and 2 may be closed: a descriptor that is to become one of them must not be one of them. */
static int above_two(int descriptor) {
    int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 3);
    close(descriptor);
    return moved;
}

static bool move_ends(int ends[2]) {
    ends[0] = above_two(ends[0]);
    ends[1] = above_two(ends[1]);
    if (ends[0] >= 0 && ends[1] >= 0)
        return true;
    close(ends[0]);
    close(ends[1]);
    return false;
}

static bool prepare_ends(int ends[2]) {
#ifdef __APPLE__ /* has no call that makes them so */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
#endif
    return (ends[0] > 2 && ends[1] > 2) || move_ends(ends);
}

bool spawner_pipe(int ends[2]) {
#ifdef __APPLE__
    return pipe(ends) == 0 && prepare_ends(ends);
#else
    return pipe2(ends, O_CLOEXEC) == 0 && prepare_ends(ends);
#endif
}

static bool make_sockets(int ends[2]) {
#ifdef __APPLE__
    return socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && prepare_ends(ends);
#else
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0 && prepare_ends(ends);
#endif
}

/* ---- the helper ---- */

static bool helper_path(char path[PATH_MAX]) {
    static const char anchor = 0;
    Dl_info info;
    if (dladdr(&anchor, &info) == 0 || info.dli_fname == NULL)
        return false;
    const char *slash = strrchr(info.dli_fname, '/');
    int length =
        snprintf(path, PATH_MAX, "%.*srankine-spawn", slash ? (int)(slash - info.dli_fname + 1) : 0, info.dli_fname);
    return length > 0 && length < PATH_MAX;
}

/* Its group is its own, so that signals for the ranks do not reach it: it ends with its socket. */
static int start_helper(const char *path, int socket, pid_t *pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, all;
    char *const words[] = {(char[]){"rankine-spawn"}, NULL};
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_adddup2(&actions, socket, STDIN_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (fcntl(STDERR_FILENO, F_GETFD) < 0)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    int failed = posix_spawn(pid, path, &actions, &attributes, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static bool start(spawner *s, char why[SPAWNER_TEXT_MAX]) {
    char path[PATH_MAX];
    int ends[2];
    if (!helper_path(path)) {
        snprintf(why, SPAWNER_TEXT_MAX, "the program rankine-spawn cannot be found beside this kernel");
        return false;
    }
    if (!make_sockets(ends)) {
        snprintf(why, SPAWNER_TEXT_MAX, "cannot make a socket (error %d)", errno);
        return false;
    }
    pid_t pid;
    int failed = start_helper(path, ends[1], &pid);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        snprintf(why, SPAWNER_TEXT_MAX, "cannot start %.300s (error %d)", path, failed);
        return false;
    }
    *s = (spawner){.is_there = true, .socket = ends[0], .pid = (int)pid};
    return true;
}

void spawner_stop(spawner *s) {
    if (!s->is_there)
        return;
    close(s->socket);
    while (waitpid(s->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *s = (spawner){0};
}

/* ---- what is said ---- */

static bool send_bytes(int socket, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = send(socket, bytes, length, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes += sent;
        length -= (size_t)sent;
    }
    return true;
}

/* In one piece if it fits: the helper need not wait for a second one. */
static bool send_message(int socket, const message *m, const int descriptors[3]) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control = {0};
    struct iovec parts[] = {{(void *)(uintptr_t)&m->head, sizeof m->head}, {m->data, (size_t)m->head.bytes}};
    struct msghdr whole = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&whole);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(3 * sizeof(int));
    memcpy(CMSG_DATA(rights), descriptors, 3 * sizeof(int));
    ssize_t sent;
    do
        sent = sendmsg(socket, &whole, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < (ssize_t)sizeof m->head)
        return false;
    size_t done = (size_t)sent - sizeof m->head;
    return send_bytes(socket, m->data + done, (size_t)m->head.bytes - done);
}

bool spawner_run(spawner *s, const message *m, const int descriptors[3], char why[SPAWNER_TEXT_MAX]) {
    if (m->failed) {
        snprintf(why, SPAWNER_TEXT_MAX, "out of memory for the command line");
        return false;
    }
    if (!s->is_there && !start(s, why))
        return false;
    if (send_message(s->socket, m, descriptors))
        return true;
    snprintf(why, SPAWNER_TEXT_MAX, "the process rankine-spawn, which starts programs, has died");
    spawner_stop(s);
    return false;
}

bool spawner_wait(spawner *s, message_end *end) {
    char *to = (char *)end;
    for (size_t done = 0; done < sizeof *end;) {
        ssize_t got = recv(s->socket, to + done, sizeof *end - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            spawner_stop(s);
            return false;
        }
        done += (size_t)got;
    }
    return true;
}
