/* src/program: rk_main, which makes a program of the ranks: starts MPI, the node's arena and the mail, attaches all
 * rooms, runs the root function on rank 0 while the others serve, and ends it all in order.
 *
 *   rank 0                              the others
 *   root(argc, argv) ...                serve: their first strand waits for END
 *   rooms: join what is left
 *   END --------------------------->    leave: nothing runs any more
 *   <--------------------------- BYE
 *   destroy, MPI_Finalize               destroy, MPI_Finalize      collective: only if nobody has died
 *
 * Before MPI starts each rank forks a helper, which forks its isolated children when they are wanted: see src/process.
 *
 * A rank that does not say BYE within END_SECONDS is in a function that does not end: rank 0 says so and ends the job.
 * Where somebody has died nothing collective is safe: the others _exit. What MPI does in the end is bounded, too. */
#ifndef RANKINE_PROGRAM_PRIVATE_H
#define RANKINE_PROGRAM_PRIVATE_H

#include <pthread.h>
#include <time.h>

#include <rankine/program.h>

#include "mail/mail.h"
#include "process/process.h"
#include "world/world.h"

enum { RK__JOB_SIZE = 40 };

/* ---- watchdog.c: MPI that can't work any more ---- */

typedef struct rk__watchdog {
    const char *name;
    int rank;
    int hold; /* is looked at; -1: not */
    bool broken, ending, over, runs;
    struct timespec end; /* when it began */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} rk__watchdog;

/* From now on it is said if the descriptor `hold` is closed. */
void rk__watchdog_begin(rk__watchdog *watchdog, const char *name, int rank, int hold);
/* The end: the process ends in bounded time, with 1 and a line that says why, unless rk__watchdog_end comes before. */
void rk__watchdog_ending(rk__watchdog *watchdog);
void rk__watchdog_end(rk__watchdog *watchdog);

typedef struct rk__program {
    const char *name; /* to begin messages with */
    rk__world world;
    rk__shared shared;
    rk__helper helper; /* forks isolated children; pid 0: none */
    rk__mail *mail;
    char job[RK__JOB_SIZE]; /* its name, the same on all ranks */
    int hold;               /* of its shared memory; -1: none */
    rk__watchdog watchdog;
    int cores, all_cores; /* of the node, of all nodes */
    int units;            /* that the ranks of the node may use; 0: not known */
    bool ended;           /* END came, or never will */
    bool orphaned;        /* rank 0 died before */
    bool speaks;          /* and of those who are left this one says it */
    bool *bye;            /* [size] rank 0: who has said it, or died */
} rk__program;

/* ---- child.c: isolated children, which have no MPI ---- */

/* What they must know, in the arena. */
size_t rk__facts_bytes(uint32_t ranks);
void rk__facts_write(void *arena, const rk__program *program, const rk__mail_place *place);
/* A process that was forked before MPI began becomes a child. */
_Noreturn void rk__program_be_child(void *ctx, const rk__birth *birth);

/* ---- last_words.c: what ends a rank while it runs a function is said ---- */

/* Once, when MPI has begun. */
void rk__last_words_begin(const rk__world *world);

/* ---- hold.c: shared memory objects have names, which outlive a program that is killed ---- */

/* Each rank holds those of the job, before there are any. -1: that can't be done here. */
int rk__hold(const char *job);
/* The rank's are gone. If no other rank of this node holds them, what is left of the job is removed. -1: nothing. */
void rk__let_go(const char *job, int hold);
/* Remove what is left of all jobs of this user that nobody holds. */
void rk__sweep(void);
/* The same for who has the `hold` of a rank that has ended; -1: of none. */
void rk__sweep_after(int hold);

#endif
