/* The process that starts programs for one thread of a rank.
 *
 * Problem. A rank has MPI, threads and a large memory: it must not fork; what it starts counts the rank's own memory as
 * its peak (Linux carries it over exec); and nobody ends the program when the rank is killed.
 *
 * Idea. Each thread that runs programs has a small helper process, rankine-spawn, beside the kernel's shared object. It
 * is told over a socket what to start, with which three descriptors; it starts it by posix_spawn in a process group of
 * its own, waits, kills what is left of the group, and tells how it ended. When the socket closes, because the rank
 * wants it or because the rank is dead, it kills the group and ends. That costs two switches between processes. */
#ifndef PROGRAM_SPAWNER_H
#define PROGRAM_SPAWNER_H

#include "message.h"

enum { SPAWNER_TEXT_MAX = 400 };

typedef struct spawner {
    bool is_there;
    int socket; /* readable when the program has ended */
    int pid;
} spawner;

/* Start the helper if it is not there, and the program in it. The descriptors stay the caller's. False: `why` says so;
 * the helper is gone then. */
bool spawner_run(spawner *s, const message *m, const int descriptors[3], char why[SPAWNER_TEXT_MAX]);
/* Wait for the program's end. False: the helper died. */
bool spawner_wait(spawner *s, message_end *end);
/* Ends the helper, and the program if it still runs. */
void spawner_stop(spawner *s);

/* A pipe with both ends above 2, closed on exec. */
bool spawner_pipe(int ends[2]);

#endif
