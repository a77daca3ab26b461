/* What is said to the process that starts programs: words and environment, and what it says back. */
#ifndef PROGRAM_MESSAGE_H
#define PROGRAM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "last_line.h"

/* Sent with three descriptors (SCM_RIGHTS): standard input, output and error of the program. `bytes` follow: `words`
 * strings, then `variables` strings, each ended by a zero byte. */
typedef struct message_head {
    uint32_t words, variables;
    uint64_t bytes;
    double limit_seconds; /* the program is killed after so long; 0: never */
    uint64_t wants_words; /* 1: what it writes to standard error passes through, and its last line is told */
} message_head;

/* Sent once the program and its process group are gone. */
typedef struct message_end {
    int32_t error;  /* errno: it could not be started; nothing else is set then */
    int32_t status; /* as waitpid's */
    int32_t late;   /* it was killed because its time was over */
    double wall_seconds, cpu_seconds;
    uint64_t max_rss_bytes;
    char last_words[LAST_LINE_MAX]; /* on standard error, if they were wanted; "" if there were none */
} message_end;

typedef struct message {
    message_head head;
    char *data;
    size_t room;
    bool failed; /* out of memory */
} message;

void message_clear(message *m);
void message_add(message *m, const char *bytes, size_t length);
/* End of a word, or of a variable of the environment: all words come first. */
void message_end_word(message *m);
void message_end_variable(message *m);
/* "NAME=value" from three parts. */
void message_variable(message *m, const char *prefix, const char *name, const char *value);
/* This process's environment without what Rankine, mpirun and srun have put there for their ranks: a program may be an
 * MPI program of its own. */
void message_add_environment(message *m);
void message_fini(message *m);

#endif
