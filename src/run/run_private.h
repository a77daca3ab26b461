/* What the units of this room share.
 *
 *   prepare.c   from options to a kernel, a space, a schema, an identity; the same on all ranks
 *   segment.c   the node's shared memory
 *   service.c   the service thread of a rank: stamps, flushes, asks, answers, shows progress
 *   reach.c     who can write the file?
 *   courier.c   rows by message, for ranks that cannot
 *   syncer.c    the thread that syncs a node's writes now and then
 *   lane.c      a claimer of this rank: claim, execute, commit, until the end
 *   session.c   one session of a run: its lanes and threads
 *   reuse.c     takes from an earlier run what it has computed
 *   merge.c     joins the parts of a run
 *   run.c       start, resume, summary
 *   check.c     the same bits in other block sizes? */
#ifndef RANKINE_RUN_PRIVATE_H
#define RANKINE_RUN_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "dispatch/ledger.h"
#include "dispatch/window.h"
#include "exec/exec.h"
#include "kernel/loader.h"
#include "run/run.h"

/* Everything about a run that does not depend on the rank. */
typedef struct rk__job {
    rk__module module;
    rk__space *space;
    rk__reducer *reducer;
    rk__schema schema;
    rk__identity identity; /* strings owned */
} rk__job;

/* Not collective. `text`: canonical text of the space; NULL: from options->request. */
rk_status rk__job_create(rk__job *job, const rk__run_options *options, const char *text, bool check_input,
                         rk_error *err);
void rk__job_fini(rk__job *job);
/* The job that a file is of; its identity is matched. options: kernel (a path that replaces the recorded one),
 * accept_kernel. */
rk_status rk__job_of_record(const rk__run_options *options, rk__record *record, rk__job *job, rk_error *err);
/* One process: make the file. */
rk_status rk__job_create_file(const rk__job *job, const rk__run_options *options, const rk__world *world,
                              const char *path, rk_error *err);
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
} rk__segment;
rk_status rk__segment_create(rk__segment *segment, const rk__world *world, uint64_t blocks, uint32_t lanes,
                             rk__policy policy, rk_error *err);
void rk__segment_destroy(rk__segment *segment);

/* Told to drain: set from signal handlers. */
bool rk__run_is_draining(void);

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
    uint64_t longest_ns; /* of the blocks that it computed */
    bool out_of_time;    /* the next block would not end before the deadline */
    pthread_t thread;
    bool has_thread;
    rk_error error; /* of its thread */
} rk__lane;
rk_status rk__lane_open(rk__lane *lane, rk_error *err);
void rk__lane_close(rk__lane *lane);
/* Compute until nothing is left, or until told to stop. A lane that fails has all others stop. */
rk_status rk__lane_work(rk__lane *lane, rk_error *err);

/* One session: the part of a run between opening the file and its end. Lives on the main thread's stack. */
typedef struct rk__session_run {
    const rk__world *world;
    const rk__run_options *options;
    const rk__job *job;
    rk__record *record;
    rk__segment segment;
    rk__lane *lanes; /* [lane_count] */
    uint32_t lane_count;
    int *cores, core_count; /* those that this process may use; owned */
    bool gathers, sends;    /* some ranks send their rows to rank 0; this one does */
    struct rk__courier *courier;
    pthread_mutex_t mpi_lock; /* one thread of a process calls MPI at a time */
    rk__reuse *reuse;         /* NULL: none */
    uint16_t number;
    uint64_t failure_base;
    uint64_t failures_max; /* in this session; UINT64_MAX: no limit */
    rk__totals before;     /* what the file held at the start */
    uint64_t start_ns, seconds_ns;
    /* rank 0 */
    rk__ledger ledger;
    rk__ledger_node *nodes;
    /* the service thread */
    pthread_t thread;
    bool has_thread;
    _Atomic bool go; /* the main thread has done its last collective: the service thread may call MPI */
    _Atomic bool quit;
    _Atomic uint32_t flush_failed;
    rk_error flush_error; /* read by the main thread after joining */
    /* the syncing thread */
    pthread_t sync_thread;
    bool has_syncer;
    _Atomic bool sync_quit;
    rk_error sync_error; /* as flush_error */
} rk__session_run;

/* Collective: opens the file, or a port to rank 0. */
rk_status rk__session_open(rk__session_run *session, const char *path, rk_error *err);
typedef struct rk__courier rk__courier;
rk_status rk__courier_create(rk__courier **out, rk__session_run *session, rk_error *err);
void rk__courier_destroy(rk__courier *courier); /* NULL is legal */
rk__port rk__courier_port(rk__courier *courier);
/* Rank 0's service thread, holding mpi_lock: do what is asked for. */
void rk__courier_answer(rk__courier *courier);

rk_status rk__service_start(rk__session_run *session, rk_error *err);
void rk__service_stop(rk__session_run *session);
rk_status rk__syncer_start(rk__session_run *session, rk_error *err);
/* What went wrong while it ran, if anything. */
rk_status rk__syncer_stop(rk__session_run *session, rk_error *err);

/* Collective. Computes what is open in the file; RK_OK also when drained (look at the file). */
rk_status rk__session_compute(rk__session_run *session, rk_error *err);

#endif
