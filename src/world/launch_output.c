#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world/launch_relay.h"

static bool begin_run(rk__output *output, rk__stream stream) {
    if (output->run_count == output->run_capacity) {
        size_t capacity = output->run_capacity * 2 + 8;
        struct rk__output_run *grown = realloc(output->runs, capacity * sizeof *grown);
        if (grown == NULL)
            return false;
        output->runs = grown;
        output->run_capacity = capacity;
    }
    output->runs[output->run_count++] = (struct rk__output_run){stream, output->text.length};
    return true;
}

void rk__output_add(rk__output *output, rk__stream stream, const char *bytes, size_t length) {
    bool goes_on = output->run_count > 0 && output->runs[output->run_count - 1].stream == stream;
    if (!goes_on && !begin_run(output, stream))
        return;
    rk__text_add_bytes(&output->text, bytes, length);
    output->runs[output->run_count - 1].end = output->text.length;
}

static void clear(rk__output *output) {
    output->run_count = output->run_at = output->written = output->text.length = 0;
}

static bool has_room(int fd) {
    struct pollfd event = {.fd = fd, .events = POLLOUT};
    return poll(&event, 1, 0) > 0; /* an error is for write to tell */
}

/* A pipe that has room takes PIPE_BUF bytes at once. It may be O_NONBLOCK: others share it, and that is theirs to say.
 */
static bool write_run(rk__output *output, const struct rk__output_run *run, int fd) {
    while (output->written < run->end) {
        size_t left = run->end - output->written;
        if (!has_room(fd))
            return false;
        ssize_t wrote = write(fd, output->text.data + output->written, left < PIPE_BUF ? left : PIPE_BUF);
        if (wrote < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
            return false;
        output->written = wrote > 0 ? output->written + (size_t)wrote : run->end;
    }
    return true;
}

bool rk__output_write(rk__output *output, const int fds[RK__STREAMS]) {
    for (; output->run_at < output->run_count; output->run_at++) {
        const struct rk__output_run *run = &output->runs[output->run_at];
        if (!write_run(output, run, fds[run->stream]))
            return false;
    }
    clear(output);
    return true;
}

int rk__output_waits_for(const rk__output *output, const int fds[RK__STREAMS]) {
    return output->run_at < output->run_count ? fds[output->runs[output->run_at].stream] : -1;
}

void rk__output_fini(rk__output *output) {
    rk__text_fini(&output->text);
    free(output->runs);
    *output = (rk__output){0};
}
