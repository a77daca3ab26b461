/* What a program writes to one of its streams: how much it is, its begin, which is recorded, and its end, in which a
 * result or the last words of an error are looked for. */
#ifndef COMMAND_STREAM_H
#define COMMAND_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct stream {
    int descriptor; /* the pipe's end to read from; -1: closed */
    int writer;     /* the program's end, held here too: that the program lets go of it need not wake anybody */
    uint64_t total;
    char *head; /* the first bytes, at most `capture` */
    size_t head_used, head_room, capture;
    char *tail; /* at least the last `wanted` bytes, if there are as many; more than that is dropped now and then */
    size_t tail_used, tail_room, wanted;
    bool failed; /* out of memory */
} stream;

#define STREAM_CLOSED ((stream){.descriptor = -1, .writer = -1})

/* Makes the pipe. False: there are no descriptors left (errno). */
bool stream_begin(stream *s, size_t capture, size_t wanted);
/* What is there to be read, at least a byte, at most `most`; false: that was the end, and the descriptor is closed. */
bool stream_read(stream *s, size_t most);
/* What is in the pipe now, and no more: whoever else holds the other end may write on. Closes. */
void stream_drain(stream *s);
void stream_fini(stream *s);

#endif
