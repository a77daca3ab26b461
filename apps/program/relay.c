#include "relay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { MOMENT_US = 100000 };

bool relay_begin(relay *r, int to, int *program_end) {
    int ends[2];
    *r = (relay)RELAY_INIT;
    if (pipe(ends) != 0)
        return false;
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    r->from = ends[0];
    r->to = to;
    *program_end = ends[1];
    return true;
}

static void close_one(int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

/* A terminal or a file takes all; who does not read any more gets nothing, and the end is kept all the same. */
static void give(relay *r) {
    ssize_t put = write(r->to, r->piece, r->piece_used);
    if (put < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (put < 0)
        close_one(&r->to);
    size_t left = put > 0 ? r->piece_used - (size_t)put : 0;
    memmove(r->piece, r->piece + r->piece_used - left, left);
    r->piece_used = left;
}

static void keep_end(relay *r, const char *bytes, size_t length) {
    size_t kept = r->end_used + length <= RELAY_END ? r->end_used : RELAY_END - length;
    memmove(r->end, r->end + r->end_used - kept, kept);
    memcpy(r->end + kept, bytes, length);
    r->end_used = kept + length;
}

static void take(relay *r) {
    ssize_t got = read(r->from, r->piece, RELAY_PIECE);
    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        close_one(&r->from);
        return;
    }
    r->piece_used = r->to >= 0 ? (size_t)got : 0;
    keep_end(r, r->piece, (size_t)got);
}

int relay_watch(const relay *r, fd_set *readable, fd_set *writable, int highest) {
    bool gives = r->piece_used > 0;
    int watched = gives ? r->to : r->from;
    if (watched < 0 || watched >= FD_SETSIZE)
        return highest;
    FD_SET(watched, gives ? writable : readable);
    return watched > highest ? watched : highest;
}

void relay_move(relay *r, const fd_set *readable, const fd_set *writable) {
    if (r->piece_used > 0 && FD_ISSET(r->to, writable))
        give(r);
    else if (r->piece_used == 0 && r->from >= 0 && FD_ISSET(r->from, readable))
        take(r);
}

static bool has_more(const relay *r) {
    int bytes = 0;
    return r->piece_used > 0 || (r->from >= 0 && ioctl(r->from, FIONREAD, &bytes) == 0 && bytes > 0);
}

void relay_end(relay *r) {
    while (has_more(r)) {
        struct timeval moment = {0, MOMENT_US};
        fd_set readable, writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        int highest = relay_watch(r, &readable, &writable, -1);
        int ready = select(highest + 1, &readable, &writable, NULL, &moment);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            break;
        relay_move(r, &readable, &writable);
    }
    close_one(&r->from);
    close_one(&r->to);
}
