/* src/run: one run, from a request to a finished file: puts space, kernel, record, dispatch and exec together. */
#ifndef RANKINE_RUN_H
#define RANKINE_RUN_H

#include "base/base.h"
#include "dispatch/policy.h"
#include "kernel/loader.h"
#include "record/record.h"
#include "space/space.h"
#include "world/world.h"

typedef struct rk__progress { /* a snapshot, for display */
    uint64_t tasks, done, failed;
    double seconds;     /* since tasks began in this session */
    double rate;        /* tasks per second, smoothed */
    double eta_seconds; /* NaN while unknown */
    int ranks, busy;
    double stopping_seconds; /* since a signal asked to stop; 0: none did */
} rk__progress;

/* Tasks computed by a process of their own, so that one that ends it costs nothing but itself. */
typedef struct rk__run_isolation {
    bool wanted;
    struct rk__helper *helper; /* rk__run_isolate; NULL: none */
    double task_seconds;       /* a task that takes longer is killed; 0: none */
    uint64_t task_bytes;       /* a task that makes its process larger by more than this is killed; 0: none */
} rk__run_isolation;

typedef struct rk__run_options {
    const char *kernel;             /* name or path; run and check */
    const rk_kernel *const *linked; /* NULL-terminated, or NULL */
    rk__request request;
    const char *output; /* path of the run file; NULL: "<kernel>.h5" here */
    uint64_t seed;
    uint64_t block_tasks; /* 0: default */
    rk__policy policy;
    bool force, accept_kernel;
    bool gather;               /* rows go to rank 0 by message from all nodes but its own */
    bool repair, retry_failed; /* resume: compute damaged blocks, blocks with failed tasks, again */
    const char *reuse;         /* run: a file whose tasks need not be computed again; NULL: none */
    uint32_t part, parts;      /* run: compute this part of the blocks only, into a file of its own; 0 or 1 of 1: all */
    uint64_t sync_ns;          /* how much a power cut may take; 0: sync at the end only */
    uint32_t cores_per_task;   /* 0: the node's cores are shared out */
    uint32_t retries;          /* how often a failed task is tried again at once */
    bool limits_failures;      /* stop when more tasks have failed in this session than: */
    uint64_t failures_max;     /* so many, */
    double failures_percent;   /* or this share of the tasks if it is not 0 */
    rk__run_isolation isolation;
    struct rk__crew *crew;    /* rk__run_assemble */
    uint32_t threads;         /* of each rank that call the kernel; 0: one, the main thread */
    uint64_t deadline_ns;     /* on rk__clock_ns: no block is begun that would not end before; 0: none */
    const char *command_line; /* for the record */
    rk__listener listener;    /* hears from rank 0 what the kernel has to say of the request */
    void (*progress)(
        void *ctx,
        const rk__progress *progress); /* rank 0, about 5 times a second, from the service thread; NULL: none */
    void (*notice)(void *ctx, const char *text); /* rank 0, a line for the person who looks; same ctx; NULL: none */
    void *progress_ctx;
} rk__run_options;
#define RK__DEFAULT_SEED    UINT64_C(20240229)
#define RK__DEFAULT_SYNC_NS UINT64_C(5000000000)

typedef struct rk__run_summary { /* rank 0's */
    char path[4096];
    char kernel[80];
    uint64_t tasks, done, failed;            /* in the file */
    uint64_t tasks_here;                     /* computed in this session */
    uint64_t blocks_damaged, blocks_retried; /* found before it, and computed again */
    double seconds;                          /* of this session, from the first claim to the last commit */
    double setup_seconds, end_seconds;
    double efficiency;          /* kernel time / (ranks * seconds) */
    int ranks, nodes, threads;  /* threads: of each rank */
    uint32_t ranks_lost;        /* they died, or were not waited for */
    uint64_t peak_bytes;        /* largest resident set of a rank */
    bool complete, interrupted; /* complete: all of the file's part */
    uint32_t part, parts;
    bool gathered;          /* rows came by message from some nodes */
    bool timed_out;         /* interrupted by the deadline, not by a signal */
    bool too_many_failures; /* interrupted by them */
    uint64_t retried;       /* tasks that succeeded at a later attempt in this session */
    rk__schema schema;      /* owned by the summary; fields for printing results */
    void *results;          /* schema.results_bytes, or NULL if not complete */
} rk__run_summary;
void rk__run_summary_fini(rk__run_summary *summary);

/* A plan of a run without running it: what --dry-run prints. */
typedef struct rk__run_plan {
    char path[4096];
    uint64_t tasks, blocks, block_tasks, file_bytes, row_bytes, partial_bytes, rank_bytes;
    int team_size;     /* ranks that a task takes; 0: the kernel is no MPI program */
    rk__space *space;  /* owned */
    rk__schema schema; /* owned */
} rk__run_plan;
/* Not collective. Checks all that a run checks before its first task, the output's directory included. */
rk_status rk__run_prepare(const rk__run_options *options, rk__run_plan *plan, rk_error *err);
void rk__run_plan_fini(rk__run_plan *plan);

/* Collective, before rk__run_start and rk__run_resume: makes options->crew, by which the ranks write to each other and
 * hear of deaths. RK_EUNSUPPORTED: several nodes, and an MPI without MPI_THREAD_MULTIPLE. */
rk_status rk__run_assemble(const rk__world *world, rk__run_options *options, rk_error *err);
/* Rank 0, after the run: have ranks been lost? */
bool rk__run_is_broken(const rk__run_options *options);
/* Collective: gives it back. false: ranks were lost, and the process has to end without another call of MPI. */
bool rk__run_disband(rk__run_options *options);

/* Collective over the world. RK_OK: complete (failed tasks are in the summary). RK_EINTERRUPTED: stopped, resumable.
 * The summary is valid in both cases, on rank 0: others hear only of what failed before the first task, and of what
 * failed with them. Ranks that die while tasks are computed are done without. */
rk_status rk__run_start(const rk__world *world, const rk__run_options *options, rk__run_summary *summary,
                        rk_error *err);
/* Go on with a file: needs nothing but options->output; kernel (a path that replaces the recorded one), policy,
 * accept_kernel, progress are honoured. A complete file: RK_OK at once. */
rk_status rk__run_resume(const rk__world *world, const rk__run_options *options, rk__run_summary *summary,
                         rk_error *err);

/* Join the parts of a run (files made with options->parts) into a new file, options->output. One process, no MPI.
 * Blocks that no part has, or that are damaged, are left open: then RK_EINTERRUPTED, and the file can be resumed. A
 * part of another run is RK_EMISMATCH. The parts are left as they are. */
rk_status rk__run_merge(const rk__run_options *options, const char *const *parts, size_t count,
                        rk__run_summary *summary, rk_error *err);

/* One process, no MPI: fold the partials of a complete file again. wrong[f]: the result in the file is not what they
 * give, to the bit (f < field_count; untouched on failure). RK_ECORRUPT: a partial is damaged. Others: the kernel of
 * the run is not to be had here, so that nothing can be said. */
rk_status rk__run_refold(const rk_kernel *const *linked, rk__record *record, bool *wrong, rk_error *err);

/* Recompute samples of a run in other batch and block sizes and compare the bits (one process, no file). */
typedef struct rk__check_report {
    uint64_t tasks_checked, comparisons, differences;
    uint64_t first_task;   /* with a difference */
    char first_output[80]; /* or "reduction NAME" */
} rk__check_report;
rk_status rk__run_check(const rk__run_options *options, uint64_t samples, rk__check_report *report, rk_error *err);

/* Before MPI_Init: forks the helper that will start the processes for options->isolation. It dies with this one. */
rk_status rk__run_isolate(rk__run_options *options, rk_error *err);
void rk__run_isolate_end(rk__run_options *options);

/* Ask a running run of this process to drain; async-signal-safe. */
void rk__run_drain(void);

#endif
