/* rankine-spawn: starts one program after another for a thread of a rank. See spawner.h; standard input is the socket.
 *
 *     idle ──request──> running ──program ends──> its group is killed, the end is told ──> idle
 *       └──socket closed──> end   └──socket closed──> its group is killed ──> end */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "message.h"
#include "relay.h"

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

typedef struct request {
    message_head head;
    int descriptors[3];
    char *data;
    char **words, **variables; /* NULL-terminated, into data */
    size_t data_room, list_room;
} request;

/* ---- receiving ---- */

static bool receive_head(request *r) {
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {&r->head, sizeof r->head};
    struct msghdr whole = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t got;
    do
        got = recvmsg(STDIN_FILENO, &whole, 0);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&whole);
    if (got != (ssize_t)sizeof r->head || rights == NULL || rights->cmsg_type != SCM_RIGHTS ||
        rights->cmsg_len != CMSG_LEN(3 * sizeof(int)))
        return false;
    memcpy(r->descriptors, CMSG_DATA(rights), sizeof r->descriptors);
    return true;
}

static bool receive_data(request *r) {
    if (r->head.bytes > r->data_room) {
        free(r->data);
        r->data_room = (size_t)r->head.bytes;
        r->data = malloc(r->data_room);
    }
    for (size_t done = 0; r->data != NULL && done < r->head.bytes;) {
        ssize_t got = recv(STDIN_FILENO, r->data + done, (size_t)r->head.bytes - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return r->data != NULL;
}

static bool split(request *r) {
    size_t count = (size_t)r->head.words + r->head.variables + 2;
    if (count > r->list_room) {
        free(r->words);
        r->list_room = count;
        r->words = calloc(count, sizeof *r->words);
    }
    if (r->words == NULL)
        return false;
    char *at = r->data;
    r->variables = r->words + r->head.words + 1;
    for (size_t i = 0; i + 1 < count; i++) {
        if (i == r->head.words) {
            r->words[i] = NULL;
            continue;
        }
        r->words[i] = at;
        at += strlen(at) + 1;
    }
    r->words[count - 1] = NULL;
    return true;
}

/* ---- running ---- */

static double seconds_of(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int start_program(const request *r, pid_t *pid) {
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    sigset_t none, all;
    short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_init(&actions);
#ifdef POSIX_SPAWN_CLOEXEC_DEFAULT
    flags |= POSIX_SPAWN_CLOEXEC_DEFAULT;
#endif
    posix_spawnattr_setflags(&attributes, flags);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    for (int i = 0; i < 3; i++)
        posix_spawn_file_actions_adddup2(&actions, r->descriptors[i], i);
    int failed = posix_spawnp(pid, r->words[0], &actions, &attributes, r->words, r->variables);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed;
}

static bool has_ended(pid_t pid) {
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* What is left of the program's time; NULL: it has no limit. */
static const struct timespec *time_left(double limit_seconds, double begin, struct timespec *left) {
    double seconds = begin + limit_seconds - now();
    if (limit_seconds <= 0)
        return NULL;
    if (seconds < 0)
        seconds = 0;
    left->tv_sec = (time_t)seconds;
    left->tv_nsec = (long)((seconds - (double)left->tv_sec) * 1e9);
    return left;
}

/* Until the program has ended; it stays a zombie, so that its group's number is not another's. False: the socket was
 * closed, or something came that has no place here. */
static bool watch(pid_t pid, relay *words, double limit_seconds, double begin, int32_t *late) {
    sigset_t with_child;
    struct timespec left;
    sigprocmask(SIG_SETMASK, NULL, &with_child);
    sigdelset(&with_child, SIGCHLD);
    while (!has_ended(pid)) {
        fd_set readable, writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        FD_SET(STDIN_FILENO, &readable);
        int highest = relay_watch(words, &readable, &writable, STDIN_FILENO);
        int ready = pselect(highest + 1, &readable, &writable, NULL, time_left(*late ? 0 : limit_seconds, begin, &left),
                            &with_child);
        if (ready > 0 && FD_ISSET(STDIN_FILENO, &readable))
            return false;
        if (ready > 0)
            relay_move(words, &readable, &writable);
        if (!*late && limit_seconds > 0 && now() - begin >= limit_seconds) {
            *late = 1;
            kill(-pid, SIGKILL);
        }
    }
    return true;
}

static void reap(pid_t pid, message_end *end) {
    struct rusage used = {0};
    while (wait4(pid, &end->status, 0, &used) < 0 && errno == EINTR)
        ;
    end->cpu_seconds = seconds_of(used.ru_utime) + seconds_of(used.ru_stime);
#ifdef __APPLE__
    end->max_rss_bytes = (uint64_t)used.ru_maxrss;
#else
    end->max_rss_bytes = (uint64_t)used.ru_maxrss * 1024;
#endif
}

/* The program writes to the relay then, which has taken the rank's descriptor. Without one it writes there itself. */
static void put_between(relay *words, request *r) {
    int program_end;
    if (r->head.wants_words != 0 && relay_begin(words, r->descriptors[2], &program_end))
        r->descriptors[2] = program_end;
}

static bool serve(request *r) {
    message_end end = {0};
    relay words = RELAY_INIT;
    pid_t pid;
    double begin = now();
    put_between(&words, r);
    end.error = start_program(r, &pid);
    for (int i = 0; i < 3; i++)
        close(r->descriptors[i]);
    bool wanted = true;
    if (end.error == 0) {
        wanted = watch(pid, &words, r->head.limit_seconds, begin, &end.late);
        kill(-pid, SIGKILL);
        end.wall_seconds = now() - begin;
        reap(pid, &end);
    }
    relay_end(&words);
    last_line(words.end, words.end_used, end.last_words);
    return wanted && send(STDIN_FILENO, &end, sizeof end, MSG_NOSIGNAL) == (ssize_t)sizeof end;
}

/* Not all that the rank has open is closed on exec, and a program is to have three descriptors. */
static void close_others(void) {
    DIR *open = opendir("/proc/self/fd");
    const struct dirent *entry;
    while (open != NULL && (entry = readdir(open)) != NULL) {
        int descriptor = atoi(entry->d_name);
        if (descriptor > 2 && descriptor != dirfd(open))
            close(descriptor);
    }
    if (open != NULL)
        closedir(open);
}

static void on_child(int number) {
    (void)number; /* it only wakes the wait */
}

int main(void) {
    request r = {0};
    sigset_t child;
    struct sigaction action = {.sa_handler = on_child};
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* the reader of the rank's standard error may be gone; programs have the default */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    close_others();
    while (receive_head(&r)) {
        for (int i = 0; i < 3; i++)
            fcntl(r.descriptors[i], F_SETFD, FD_CLOEXEC);
        if (!receive_data(&r) || !split(&r) || !serve(&r))
            break;
    }
    free(r.data);
    free(r.words);
    return 0;
}
