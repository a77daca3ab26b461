/* The crew: the ranks of a run, the letters between them, who of them has died, and how they part. Private to src/run.
 *
 * Problem. While tasks are computed a rank, a node or a line between nodes may die. MPI does not say so, a collective
 * over the dead never returns, and a send to them may not either. What the dead were computing must be computed by
 * others, and the run must end in order without them.
 *
 * Idea. Letters (src/mail) from before the first task until the file is closed: they never block, and tell of deaths
 * (on a node at once; a node that is silent for ten seconds is dead to all others, and ends itself when it notices).
 * Which blocks are open is the business of the window and the ledger (src/dispatch); here is who says what to whom:
 *
 *   agent of a node                          rank 0
 *   ASK  {wants, counts, ...}   ------->     asks the ledger
 *                               <-------     SPAN {blocks, phase, drain}
 *   any rank
 *   BYTES {write, at, bytes}    ------->     courier.c
 *                               <-------     MOVED {status, bytes}
 *   DONE {status, peak}         ------->     when nothing is left: the node's writes are synced
 *                               <-------     PART {broken}: the file is closed
 *
 * The agent of a node is its lowest living rank: all of it know who that is. What an agent knew is in the window.
 *
 * Invariants.
 * - Between the first task and PART nobody enters a collective of all ranks. Before that a death ends the run: the
 *   collectives of the beginning would wait for it.
 * - Rank 0's death ends all others; the end of a run is rank 0's to tell.
 * - After PART {broken} nobody enters MPI again: processes end at once, since MPI_Finalize would wait for the dead.
 * - A rank whose team has lost a member ends: it may be inside a collective of the team. */
#ifndef RANKINE_RUN_CREW_H
#define RANKINE_RUN_CREW_H

#include "mail/mail.h"
#include "run/run_private.h"

typedef enum rk__crew_phase { RK__CREW_PREPARES = 0, RK__CREW_COMPUTES, RK__CREW_PARTED } rk__crew_phase;

typedef enum rk__crew_op { /* of letters that the session handles: rk__agent_receive */
                           RK__CREW_ASK = 10,
                           RK__CREW_SPAN,
                           RK__CREW_BYTES,
                           RK__CREW_MOVED
} rk__crew_op;

#define RK__CREW_FLUSH_NS UINT64_C(2000000000)

/* Collective. */
rk_status rk__crew_create(rk__crew **out, const rk__world *world, rk_error *err);
/* Collective if there are several nodes; not if it is broken. NULL is legal. */
void rk__crew_destroy(rk__crew *crew);

/* The session's handler of letters may be called from now on. Before the last collective of the beginning. */
void rk__crew_open(rk__crew *crew, rk__session_run *session);
/* From now on deaths are survived. After that collective. */
void rk__crew_compute(rk__crew *crew);
/* The session hears no more. */
void rk__crew_computed(rk__crew *crew);

/* ---- with the lock: what the handlers of letters also touch ---- */
void rk__crew_lock(rk__crew *crew);
void rk__crew_unlock(rk__crew *crew);
bool rk__crew_has_lost(const rk__crew *crew, int rank);
const char *rk__crew_host(const rk__crew *crew, int rank);
const char (*rk__crew_hosts(const rk__crew *crew))[64]; /* of all ranks; borrowed */
uint32_t rk__crew_losses(const rk__crew *crew);         /* how many so far */
bool rk__crew_is_agent(const rk__crew *crew);           /* this rank, of its node */
/* A copy of some bytes. Lost if the receiver is, or if there is no memory: who waits for an answer asks again. */
void rk__crew_send(rk__crew *crew, int rank, rk__crew_op op, void *bytes, size_t size);
/* A copy of head and rows. RK_ENOMEM. */
rk_status rk__crew_send_rows(rk__crew *crew, int rank, rk__crew_op op, const void *head, size_t size, const void *rows,
                             size_t rows_size, rk_error *err);
/* Any thread, without the lock, before another node than rank 0's writes what only one computation can give: ends a
 * process that was stopped for so long that the others may take its node for lost. A resume may have computed its
 * blocks anew, with other results. */
void rk__crew_fence(rk__crew *crew);
/* Letters of other nodes are waited for. */
void rk__crew_tune(rk__crew *crew, bool hurry);

/* ---- the end; without the lock, main thread ---- */

/* Not rank 0: what came of it here; returns when rank 0 has closed the file. */
void rk__crew_say_done(rk__crew *crew, rk_status status, const rk_error *err);
/* Rank 0: wait for that of all who live, for at most so long (RK__NEVER). What the lowest rank that failed has said.
 * *peak_bytes: largest resident set of a rank. */
rk_status rk__crew_gather(rk__crew *crew, uint64_t patience_ns, uint64_t *peak_bytes, rk_error *err);
/* Rank 0, after that: ranks that died, or were not waited for; is it one of them? */
uint32_t rk__crew_missing(const rk__crew *crew);
bool rk__crew_misses(const rk__crew *crew, int rank);
/* Rank 0: let them go. */
void rk__crew_part(rk__crew *crew);
/* Rank 0, after that: some rank is lost or left behind. */
bool rk__crew_is_broken(const rk__crew *crew);

#endif
