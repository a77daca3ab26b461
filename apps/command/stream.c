#include "stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spawner.h"

enum { PIECE_BYTES = 1 << 16 };

bool stream_begin(stream *s, size_t capture, size_t wanted) {
    int ends[2];
    if (!spawner_pipe(ends))
        return false;
    s->descriptor = ends[0];
    s->writer = ends[1];
    s->total = 0;
    s->head_used = s->tail_used = 0;
    s->capture = capture;
    s->wanted = wanted;
    s->failed = false;
    return true;
}

static bool make_room(stream *s, char **data, size_t *room, size_t wanted) {
    if (wanted <= *room)
        return true;
    size_t more = 2 * *room > wanted ? 2 * *room : wanted;
    char *grown = realloc(*data, more);
    if (grown == NULL) {
        s->failed = true;
        return false;
    }
    *data = grown;
    *room = more;
    return true;
}

static void add_head(stream *s, const char *bytes, size_t length) {
    size_t fits = s->capture - s->head_used < length ? s->capture - s->head_used : length;
    if (fits > 0 && make_room(s, &s->head, &s->head_room, s->head_used + fits)) {
        memcpy(s->head + s->head_used, bytes, fits);
        s->head_used += fits;
    }
}

static void add_tail(stream *s, const char *bytes, size_t length) {
    if (s->tail_used > 2 * s->wanted + PIECE_BYTES) {
        memmove(s->tail, s->tail + s->tail_used - s->wanted, s->wanted);
        s->tail_used = s->wanted;
    }
    if (s->wanted > 0 && make_room(s, &s->tail, &s->tail_room, s->tail_used + length)) {
        memcpy(s->tail + s->tail_used, bytes, length);
        s->tail_used += length;
    }
}

static void end(stream *s) {
    if (s->descriptor >= 0) {
        close(s->descriptor);
        close(s->writer);
    }
    s->descriptor = s->writer = -1;
}

bool stream_read(stream *s, size_t most) {
    char piece[PIECE_BYTES];
    ssize_t got;
    do
        got = read(s->descriptor, piece, most < sizeof piece ? most : sizeof piece);
    while (got < 0 && errno == EINTR);
    if (got <= 0) {
        end(s);
        return false;
    }
    s->total += (uint64_t)got;
    add_head(s, piece, (size_t)got);
    add_tail(s, piece, (size_t)got);
    return true;
}

void stream_drain(stream *s) {
    int left = 0;
    if (s->descriptor >= 0 && ioctl(s->descriptor, FIONREAD, &left) != 0)
        left = 0;
    while (left > 0) {
        uint64_t before = s->total;
        if (!stream_read(s, (size_t)left))
            return;
        left -= (int)(s->total - before);
    }
    end(s);
}

void stream_fini(stream *s) {
    end(s);
    free(s->head);
    free(s->tail);
    *s = STREAM_CLOSED;
}
