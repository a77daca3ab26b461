/* What the units of this room share.
 *
 *   prepare.c   from options to a kernel, a space, a schema, an identity; the same on all ranks
 *   crew.c      the ranks: letters, deaths, how they part; crew.h has the whole
 *   segment.c   the node's shared memory
 *   team.c      ranks that compute a task together
 *   service.c   the service thread of a rank: stamps, flushes, shows progress
 *   agent.c     the agent of a node, and rank 0's answers: who computes what, and what the dead have left
 *   reach.c     who can write the file?
 *   courier.c   rows by message, for ranks that cannot
 *   syncer.c    the thread that syncs a node's writes now and then
 *   claims.c    from one claim to the next, until the end
 *   lane.c      a claimer of this rank: claim, execute, commit
 *   isolate.c   a lane whose tasks are computed by a process apart: the rank's side
 *   handover.c  what such a process hands over
 *   blame.c     when it has ended: which task did that, and what is left to do
 *   keeper.c    the helper that starts and ends such processes
 *   worker.c    such a process
 *   crash.c     what is said when a kernel ends its process without isolation
 *   session.c   one session of a run: its lanes and threads
 *   close.c     the end of a session
 *   reuse.c     takes from an earlier run what it has computed
 *   merge.c     joins the parts of a run
 *   refold.c    are the reductions what the partials give?
 *   run.c       start, resume, summary
 *   check.c     the same bits in other block sizes? */
#ifndef RANKINE_RUN_PRIVATE_H
#define RANKINE_RUN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "dispatch/ledger.h"
#include "dispatch/search.h"
#include "dispatch/window.h"
#include "exec/exchange.h"
#include "exec/exec.h"
#include "exec/fault.h"
#include "kernel/loader.h"
#include "run/run.h"

/* Everything about a run that does not depend on the rank. */
typedef struct rk__job {
    rk__module module;
    rk__space *space;
    rk__reducer *reducer;
    rk__schema schema;
    rk__identity identity; /* strings owned */
    int team_size;         /* ranks that a task takes; 0: the kernel is no MPI program */
} rk__job;

/* Not collective. `text`: canonical text of the space; NULL: from options->request. */
rk_status rk__job_create(rk__job *job, const rk__run_options *options, const char *text, bool check_input,
                         rk_error *err);
void rk__job_fini(rk__job *job);
/* The job that a file is of; its identity is matched. options: kernel (a path that replaces the recorded one),
 * accept_kernel. */
rk_status rk__job_of_record(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err);
/* The same, only to look: what the run reads need not be there. */
rk_status rk__job_to_read(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err);
/* One process: make the file. */
rk_status rk__job_create_file(const rk__job *job, const rk__run_options *options, const rk__world *world,
                              const char *path, rk_error *err);
/* What the partials in the file give; *results of schema.results_bytes, the caller's in any case. */
rk_status rk__job_fold(const rk__job *job, rk__record *record, void **results, rk_error *err);
/* One process: all blocks are committed; fold them, write the results into the file. *record may become another:
 * where values of varying length are folded, the file is replaced. */
rk_status rk__job_reduce(const rk__job *job, rk__record **record, void **results, rk_error *err);
/* An earlier run of the same kernel whose tasks need not be computed again. RK_EMISMATCH, RK_EUNSUPPORTED: why not. */
typedef struct rk__reuse rk__reuse;
rk_status rk__reuse_open(rk__reuse **out, const rk__job *job, const char *path, rk_error *err);
void rk__reuse_close(rk__reuse *reuse); /* NULL is legal */
/* What can be said before the file is made. */
rk_status rk__job_check_reuse(const rk__run_options *options, const rk__job *job, rk_error *err);
/* One process, before the first session: copies the blocks that are taken whole. */
rk_status rk__reuse_copy(rk__reuse *reuse, rk__record *to, rk_error *err);
/* For tasks that are loaded one by one; .load NULL if none are. Borrows. NULL is legal. */
rk__exec_reuse rk__reuse_loader(rk__reuse *reuse);
/* The file that a run writes; absolute. */
rk_status rk__job_output(const rk__run_options *options, const rk_kernel *kernel, char *path, size_t size,
                         rk_error *err);

/* Collective over the node: a window in shared memory that all ranks of the node are proved to share. The name is gone
 * as soon as all have it, so that nothing is left behind. */
typedef struct rk__segment {
    rk__window *window;
    size_t bytes;
    int fd; /* of the memory */
} rk__segment;
rk_status rk__segment_create(rk__segment *segment, const rk__world *world, uint64_t blocks, uint32_t claimers,
                             rk__policy policy, rk_error *err);
void rk__segment_destroy(rk__segment *segment);

typedef struct rk__crew rk__crew; /* crew.h */

/* Told to drain: set from signal handlers. */
bool rk__run_is_draining(void);

struct rk__session_run;

/* Ranks that compute a task together. */
typedef struct rk__team {
    MPI_Comm comm; /* MPI_COMM_NULL: this rank is in none */
    int size;      /* 0: there are no teams */
    int rank;
    int *leads;  /* [world.size] does the rank lead one? */
    int *number; /* [world.size] of its team; -1: none */
    int own;     /* the number of this rank's */
} rk__team;
/* Are there ranks enough? Before a file is made. */
rk_status rk__team_check(const rk__world *world, int size, rk_error *err);
/* Collective. */
rk_status rk__team_create(rk__team *team, const rk__world *world, int size, rk_error *err);
void rk__team_destroy(rk__team *team);
rk__exec_team rk__team_for_exec(rk__team *team);
/* The leader, when nothing is left: lets the others go. */
void rk__team_dismiss(rk__team *team);
/* Is this rank in a team, and that one in the same? */
bool rk__team_has(const rk__team *team, int rank);
/* A member: before the first task; then until the leader lets it go. */
rk_status rk__team_join(struct rk__session_run *session, const rk_place *place, rk_error *err);
rk_status rk__team_follow(struct rk__session_run *session, rk_error *err);

/* The claims of one claimer, one after the other. */
typedef struct rk__claims {
    rk__claimer *claimer;
    rk__window *window;
    uint64_t deadline_ns; /* 0: none */
    uint64_t longest_ns;  /* of the blocks so far */
    bool out_of_time;     /* the next block would not end before the deadline */
    rk_status (*block)(void *ctx, uint64_t block, bool *stopped, uint64_t *duration_ns, rk_error *err);
    void *ctx;
} rk__claims;
rk_status rk__claims_work(rk__claims *claims, rk_error *err);
/* Blocks that are claimed already. */
rk_status rk__claims_run(rk__claims *claims, uint64_t first, uint64_t count, uint64_t *computed, rk_error *err);

/* One claimer of this rank, with an executor and a stage of its own. The first lane is the main thread; --threads adds
 * others. Nothing of a lane is another thread's, but the stage, which the service thread flushes. */
typedef struct rk__lane {
    struct rk__session_run *session;
    uint32_t owner; /* in records: rank * lanes + number */
    rk_place place;
    rk__claimer claimer;
    rk__stage *stage;
    rk__log *log; /* NULL: no output is of varying length */
    rk__exec *exec;
    void *partial;
    struct rk__isolated *isolated; /* NULL: the tasks are computed here */
    _Atomic uint64_t taken_ns;     /* what a worker had handed over by then is staged; UINT64_MAX: there is none */
    bool out_of_time;
    pthread_t thread;
    bool has_thread;
    rk_error error; /* of its thread */
} rk__lane;
rk_status rk__lane_open(rk__lane *lane, rk_error *err);
void rk__lane_close(rk__lane *lane);
/* Compute until nothing is left, or until told to stop. A lane that fails has all others stop. */
rk_status rk__lane_work(rk__lane *lane, rk_error *err);
/* A block is computed; its rows are staged, its values logged. */
rk_status rk__lane_commit(rk__lane *lane, uint64_t block, const rk__block_record *record, const void *partial,
                          rk_error *err);
rk_status rk__lane_write_failure(rk__lane *lane, const rk__failure *failure, rk_error *err);

/* ---- isolation ---- */
typedef struct rk__isolated rk__isolated;
rk_status rk__isolated_open(rk__lane *lane, rk_error *err); /* sets lane->isolated */
void rk__isolated_close(rk__isolated *isolated);            /* ends the worker; NULL is legal */
/* As rk__lane_work's middle: until the worker has nothing left to do. */
rk_status rk__isolated_work(rk__lane *lane, rk_error *err);

/* Memory of a process that is resident and its own; 0 where that cannot be told. */
uint64_t rk__resident_bytes(pid_t pid);

/* What the rank tells its helper, which makes the same job from it. Text in the exchange. */
typedef struct rk__orders {
    uint64_t seed, block_tasks, deadline_ns, batch_tasks;
    uint64_t exchange_bytes, window_bytes;
    uint64_t failures_max; /* UINT64_MAX: no limit */
    uint32_t part, parts, retries, claimer, timed, limits_failures;
    rk_place place;                                 /* without its pointers */
    const char *kernel, *space, *reuse, *kernel_at; /* kernel_at, reuse: "" for none */
} rk__orders;

/* Messages between a rank and its helper. */
typedef enum rk__helper_verb {
    RK__HELPER_JOB = 1, /* to it, with two descriptors: window, exchange */
    RK__HELPER_START,   /* a worker */
    RK__HELPER_KILL,    /* the worker */
    RK__HELPER_READY,   /* from it: the job is made, or why not */
    RK__HELPER_STARTED, /* a worker; status is its pid */
    RK__HELPER_ENDED    /* the worker; status as of waitpid */
} rk__helper_verb;
typedef struct rk__helper_message {
    uint32_t verb;
    int32_t status;
    uint32_t stopped;                      /* ENDED: the signal that had stopped it; 0: none */
    uint64_t exchange_bytes, window_bytes; /* JOB */
    char text[512];                        /* READY */
} rk__helper_message;
/* The worker's status when a task has left processes behind. */
enum { RK__WORKER_LEFT = 86 };

/* In the helper, forked by the keeper: be a worker; does not return. */
_Noreturn void rk__worker_run(const rk__job *job, const rk__orders *orders, rk__exchange *exchange, rk__window *window,
                              rk__reuse *reuse);

/* The node's agent, as it deals with rank 0. */
typedef struct rk__agent {
    bool is;          /* this rank */
    rk__ask question; /* the latest */
    bool asked;       /* its answer is not there */
    uint64_t asked_ns;
    rk__search search;
    uint32_t buried;  /* so many deaths of ranks are dealt with on this node */
    uint32_t mourned; /* and by rank 0 */
} rk__agent;

/* One session: the part of a run between opening the file and its end. Lives on the main thread's stack. */
typedef struct rk__session_run {
    const rk__world *world;
    const rk__run_options *options;
    const rk__job *job;
    rk__record *record;
    rk__segment segment;
    rk__lane *lanes;     /* [lane_count] */
    uint32_t lane_count; /* 0: a rank that does not lead its team, or is in none */
    uint32_t threads;    /* lanes of a rank that has any */
    rk__team team;
    rk__exec *member;       /* of a rank that follows; NULL: none */
    rk_place place;         /* of that */
    int *cores, core_count; /* those that this process may use; owned */
    bool gathers, sends;    /* some ranks send their rows to rank 0; this one does */
    struct rk__courier *courier;
    rk__crew *crew;
    rk__agent agent;
    rk__reuse *reuse; /* NULL: none */
    uint16_t number;
    uint64_t failure_base;
    uint64_t failures_max; /* in this session; UINT64_MAX: no limit */
    rk__totals before;     /* what the file held at the start */
    uint64_t start_ns, seconds_ns;
    /* rank 0 */
    rk__ledger ledger;
    rk__ledger_node *nodes;
    void *ledger_memory;
    bool *told_lost;  /* [world.size] */
    rk__trust *trust; /* as of trust_ns; NULL: none */
    uint64_t trust_ns;
    /* the service thread */
    pthread_t thread;
    bool has_thread;
    _Atomic bool go; /* the main thread has done its last collective */
    _Atomic bool quit;
    bool fenced; /* of another node than rank 0's, and the kernel is not deterministic */
    _Atomic uint32_t flush_failed;
    rk_error flush_error; /* read by the main thread after joining */
    /* the syncing thread */
    pthread_t sync_thread;
    bool has_syncer;
    _Atomic bool sync_quit;
    rk_error sync_error; /* as flush_error */
} rk__session_run;

/* Collective, before the file is made, while rank 0 holds its lock. RK_EUNSUPPORTED: outputs of varying length are for
 * files that all nodes can write. */
rk_status rk__reach_check(const rk__world *world, const rk__run_options *options, const rk__job *job, const char *path,
                          rk_error *err);
/* Collective: opens the file, or a port to rank 0. */
rk_status rk__session_open(rk__session_run *session, const char *path, rk_error *err);
typedef struct rk__courier rk__courier;
rk_status rk__courier_create(rk__courier **out, rk__session_run *session, rk_error *err);
void rk__courier_destroy(rk__courier *courier); /* NULL is legal */
rk__port rk__courier_port(rk__courier *courier);
/* Letters, with the crew's lock: rank 0 does what is asked for; the others have an answer. */
struct rk__letter;
void rk__courier_serve(rk__courier *courier, const struct rk__letter *letter);
void rk__courier_hear(rk__courier *courier, const struct rk__letter *letter);

/* An entry of the file's table; may have all stop. */
rk_status rk__session_write_failure(rk__session_run *session, const rk__failure *failure, rk_error *err);

/* From begin to end a kernel that ends this process, or a thread of it, has its task named, here and (as a failure that
 * was tried 0 times) in the file. */
void rk__crash_begin(rk__session_run *session);
void rk__crash_end(void); /* also without a begin */

rk_status rk__service_start(rk__session_run *session, rk_error *err);
void rk__service_stop(rk__session_run *session);

/* The service thread's, at each tick: the node's agent, and what rank 0 does for all. */
void rk__agent_tend(rk__session_run *session, uint64_t now_ns);
/* A letter to this session, with the crew's lock. */
void rk__agent_receive(rk__session_run *session, const struct rk__letter *letter);
/* Rank 0: what the file says of a block; ctx is the session. */
rk__block_fate rk__agent_look(void *ctx, uint64_t block);
rk_status rk__syncer_start(rk__session_run *session, rk_error *err);
/* What went wrong while it ran, if anything. */
rk_status rk__syncer_stop(rk__session_run *session, rk_error *err);

/* How many claimers of its node's window a rank has; the first of them. */
uint32_t rk__session_claimers(const rk__session_run *session, int rank, uint32_t *first);
/* After the work, with its status: syncs, waits for the others, closes the file (rank 0). */
rk_status rk__session_finish(rk__session_run *session, rk_status status, rk__run_summary *summary, rk_error *err);
/* Collective: all that is needed before the first task. */
rk_status rk__session_start(rk__session_run *session, rk_error *err);
/* Computes what is open in the file, until nothing is left for anybody; RK_OK also when drained (look at the file). Of
 * this rank alone: others may have failed, or died. */
rk_status rk__session_work(rk__session_run *session, rk_error *err);

#endif
