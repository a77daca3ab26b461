/* A helper: a process forked before MPI_Init, since forking after it is a known fault, that can fork others later. It
 * shares nothing with MPI, is never the target of a terminal's signals, and dies with its parent (Linux). */
#ifndef RANKINE_HELPER_H
#define RANKINE_HELPER_H

#include <sys/types.h>

#include "base/base.h"

typedef struct rk__helper {
    int fd; /* messages to and from it, each whole */
    pid_t pid;
} rk__helper;

/* `serve` runs in the helper, with its end of the messages; the helper ends when it returns. */
rk_status rk__helper_start(rk__helper *helper, void (*serve)(void *ctx, int fd), void *ctx, rk_error *err);
/* Closes its messages, upon which it ends; kills it should it not. */
void rk__helper_end(rk__helper *helper);

/* One message, with up to two descriptors (-1: none). */
rk_status rk__helper_send(int fd, const void *message, size_t size, const int descriptors[2], rk_error *err);
/* Waits up to `wait_ms` (-1: for ever). *got: a message was there. RK_EIO: the other side is gone. Descriptors received
 * are the caller's, -1 for none. */
rk_status rk__helper_receive(int fd, void *message, size_t size, int wait_ms, int descriptors[2], bool *got,
                             rk_error *err);

/* left.c: what processes leave behind. From now on descendants that lose their parent become our children (Linux), or
 * no more. */
void rk__left_adopt(bool wanted);
/* Kill all children of this process, with their process groups, until none is left or two seconds are over. */
void rk__left_end(void);
/* Children of a process that are alive; INT_MAX where that is not to be known. */
int rk__left_count_children(pid_t pid);

#endif
