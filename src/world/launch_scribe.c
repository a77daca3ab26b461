#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "world/launch_private.h"
#include "world/launch_relay.h"

enum { LOOK_MS = 500 };

typedef struct scribe {
    int from[RK__STREAMS]; /* what the rank prints; -1: that has ended */
    int to;                /* mpirun's */
    pid_t rank_pid;
    uint64_t rank;
    char host[RK__HOST_BYTES];
} scribe;

/* ---- frames ---- */

/* One write: what other ranks' scribes and mpirun write is not in between. */
static bool write_frame(const scribe *self, rk__stream stream, const char *text, size_t length) {
    char frame[RK__FRAME_BYTES];
    memset(frame, '\n', sizeof frame);
    int head = snprintf(frame, sizeof frame, "%c%s line %c %d %s %zu\n", RK__LAUNCH_WORD, rk__launch_secret(),
                        stream == RK__STREAM_OUT ? 'o' : 'e', (int)self->rank, self->host, length);
    memcpy(frame + head, text, length);
    ssize_t wrote;
    while ((wrote = write(self->to, frame, sizeof frame)) < 0 && errno == EINTR)
        continue;
    return wrote == (ssize_t)sizeof frame;
}

/* The longest head leaves this. */
enum { TEXT_BYTES = RK__FRAME_BYTES - RK__HOST_BYTES - RK__SECRET_BYTES - 40 };

/* false: nobody reads any more. A pseudo-terminal says EIO when its last writer is gone. */
static bool pass_on(scribe *self, rk__stream stream) {
    char text[TEXT_BYTES];
    ssize_t got = read(self->from[stream], text, sizeof text);
    if (got > 0)
        return write_frame(self, stream, text, (size_t)got);
    if (got == 0 || errno != EINTR) {
        close(self->from[stream]);
        self->from[stream] = -1;
    }
    return true;
}

/* Until all that could print has ended, or the rank has and whom it has left behind prints nothing. */
static void serve(scribe *self) {
    bool heard = true;
    while (heard && (self->from[0] >= 0 || self->from[1] >= 0)) {
        struct pollfd events[RK__STREAMS] = {{.fd = self->from[0], .events = POLLIN},
                                             {.fd = self->from[1], .events = POLLIN}};
        int ready = poll(events, RK__STREAMS, LOOK_MS);
        if (ready == 0 && getppid() != self->rank_pid)
            return;
        for (int i = 0; ready > 0 && heard && i < RK__STREAMS; i++)
            if (events[i].revents != 0)
                heard = pass_on(self, (rk__stream)i);
    }
}

/* ---- start ---- */

/* Signals that end a rank do not end what still passes its last words on. */
static void stand_apart(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_IGN);
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_NAME, "rk-scribe"); /* it is not the rank whose command line it has */
#endif
}

/* A terminal, if there is one to be had: C, Fortran and Python write lines to those and blocks to pipes. */
static bool open_terminal(int ends[2]) {
    struct termios mode;
    ends[0] = posix_openpt(O_RDWR | O_NOCTTY);
    const char *name = ends[0] >= 0 && grantpt(ends[0]) == 0 && unlockpt(ends[0]) == 0 ? ptsname(ends[0]) : NULL;
    ends[1] = name != NULL ? open(name, O_RDWR | O_NOCTTY) : -1;
    if (ends[1] >= 0 && tcgetattr(ends[1], &mode) == 0) {
        cfmakeraw(&mode);
        if (tcsetattr(ends[1], TCSANOW, &mode) == 0)
            return true;
    }
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return false;
}

static bool open_ends(int out[2], int err[2]) {
    if (pipe(err) != 0)
        return false;
    if (open_terminal(out) || pipe(out) == 0)
        return true;
    close(err[0]);
    close(err[1]);
    return false;
}

static bool read_place(scribe *self) {
    const char *rank = getenv("OMPI_COMM_WORLD_RANK"), *here = getenv("OMPI_COMM_WORLD_LOCAL_SIZE"),
               *all = getenv("RANKINE_RANKS");
    uint64_t local, size;
    if (!rk__launch_is_watched() || *rk__launch_secret() == '\0' || rank == NULL || here == NULL || all == NULL ||
        !rk__parse_u64(rank, &self->rank) || !rk__parse_u64(here, &local) || !rk__parse_u64(all, &size) || size < 2)
        return false;
    strcpy(self->host, "-");
    if (local < size && gethostname(self->host, sizeof self->host) != 0)
        strcpy(self->host, "-");
    self->host[sizeof self->host - 1] = '\0';
    self->host[strcspn(self->host, ". \n")] = '\0';
    return true;
}

bool rk__launch_labels_output(void) {
    scribe self;
    return read_place(&self);
}

int rk__launch_label_output(bool merged) {
    scribe self = {.to = STDERR_FILENO, .rank_pid = getpid()};
    int out[2], err[2];
    if (!read_place(&self) || !open_ends(out, err))
        return -1;
    int before = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    pid_t pid = fork();
    if (pid == 0) {
        stand_apart();
        self.from[RK__STREAM_OUT] = out[0];
        self.from[RK__STREAM_ERR] = err[0];
        close(out[1]);
        close(err[1]);
        close(STDIN_FILENO);
        close(STDOUT_FILENO);
        close(before);
        serve(&self);
        _exit(0);
    }
    if (pid > 0) {
        dup2(merged ? err[1] : out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
    }
    for (int i = 0; i < 2; i++) {
        close(out[i]);
        close(err[i]);
    }
    if (merged && before >= 0)
        close(before);
    return merged ? -1 : before;
}
