/* What a program writes to its standard error, on its way to the rank's: passed on at once, and its end kept.
 *
 * Nothing here waits: what the rank's standard error does not take yet stays in the piece, and the program's pipe is
 * read again when the piece is gone. */
#ifndef PROGRAM_RELAY_H
#define PROGRAM_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/select.h>

enum { RELAY_PIECE = 512 /* _POSIX_PIPE_BUF: a pipe that takes anything takes this at once */, RELAY_END = 2000 };

typedef struct relay {
    int from, to; /* -1: closed, none */
    char piece[RELAY_PIECE];
    size_t piece_used;
    char end[RELAY_END]; /* the last bytes */
    size_t end_used;
} relay;

#define RELAY_INIT                                                                                                     \
    { .from = -1, .to = -1 }

/* In front of `to`, which it takes; the program is to be given *program_end. False: there is none, errno says why. */
bool relay_begin(relay *r, int to, int *program_end);
/* What is to be waited for: adds to the sets. Returns the highest descriptor so far. */
int relay_watch(const relay *r, fd_set *readable, fd_set *writable, int highest);
/* What can be moved now is moved. */
void relay_move(relay *r, const fd_set *readable, const fd_set *writable);
/* The program has ended: what is in its pipe is moved, unless that takes more than a moment. Closes both. */
void relay_end(relay *r);

#endif
