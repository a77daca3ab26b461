/* One claimer of a rank: claim, execute, commit, until there is nothing left or somebody says stop. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/crew.h"

#define WAIT_MIN_NS UINT64_C(20000)
#define WAIT_MAX_NS UINT64_C(2000000)

static rk_status stage_rows(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err) {
    return rk__stage_rows(((rk__lane *)ctx)->stage, first, count, rows, err);
}

static rk_status log_values(void *ctx, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err) {
    return rk__log_add(((rk__lane *)ctx)->log, task, column, bytes, size, err);
}

rk_status rk__session_write_failure(rk__session_run *session, const rk__failure *failure, rk_error *err) {
    uint64_t ordinal = atomic_fetch_add(&session->segment.window->failures, 1);
    /* Of this node alone; rank 0 looks at all of them. Isolated processes look behind each block: a block that they
     * compute again tells its failures twice. */
    if (session->options->isolation.helper == NULL && ordinal >= session->failures_max)
        atomic_store(&session->segment.window->drain, 1);
    uint64_t slot =
        session->failure_base + ordinal * (uint64_t)session->world->node_count + (uint64_t)session->world->node;
    return rk__record_write_failure(session->record, slot, session->number, failure, err);
}

rk_status rk__lane_write_failure(rk__lane *lane, const rk__failure *failure, rk_error *err) {
    if (lane->session->failures_max != UINT64_MAX && lane->exec != NULL)
        rk__exec_finish_block(lane->exec);
    return rk__session_write_failure(lane->session, failure, err);
}

static rk_status write_failure(void *ctx, const rk__failure *failure, rk_error *err) {
    return rk__lane_write_failure(ctx, failure, err);
}

static void mark_committed(void *ctx, uint64_t first, uint64_t count) {
    rk__window_set_done(((rk__lane *)ctx)->session->segment.window, first, count);
}

static void keep_out(void *ctx) {
    rk__crew_fence(((rk__lane *)ctx)->session->crew);
}

static rk_status create_stage(rk__lane *lane, rk_error *err) {
    rk__session_run *session = lane->session;
    if (session->job->schema.varying > 0)
        RK_TRY(rk__log_create(&lane->log, session->record, session->number, lane->owner, err));
    rk__stage_options options = {.owner = lane->owner,
                                 .session = session->number,
                                 .epoch = &session->segment.window->epoch,
                                 .flushing = &lane->claimer.line->flushing,
                                 .log = lane->log,
                                 .committed = mark_committed,
                                 .writing = session->fenced ? keep_out : NULL,
                                 .ctx = lane};
    return rk__stage_create(&lane->stage, session->record, &options, err);
}

static rk_status create_exec(rk__lane *lane, rk_error *err) {
    rk__session_run *session = lane->session;
    const rk__job *job = session->job;
    rk__exec_options options = {
        .kernel = job->module.kernel,
        .space = job->space,
        .schema = &job->schema,
        .reducer = job->reducer,
        .seed = job->identity.seed,
        .sink = {.rows = stage_rows,
                 .failed = write_failure,
                 .emitted = lane->log ? log_values : NULL,
                 .ctx = lane,
                 .batch_tasks = rk__stage_batch_tasks(lane->stage)},
        .reuse = rk__reuse_loader(session->reuse),
        .place = &lane->place,
        .team = rk__team_for_exec(&session->team),
        .retries = session->options->retries,
        .drain = &session->segment.window->drain,
        .tasks = &lane->claimer.line->tasks,
        .failed = &lane->claimer.line->failed,
        .retried = &lane->claimer.line->retried,
    };
    return rk__exec_create(&lane->exec, &options, err);
}

rk_status rk__lane_open(rk__lane *lane, rk_error *err) {
    rk__session_run *session = lane->session;
    uint32_t first;
    rk__session_claimers(session, session->world->rank, &first);
    rk__claimer_join(&lane->claimer, session->segment.window, first + (uint32_t)lane->place.thread, (uint32_t)getpid());
    atomic_store(&lane->taken_ns, UINT64_MAX);
    RK_TRY(create_stage(lane, err));
    if (session->options->isolation.helper != NULL)
        return rk__isolated_open(lane, err);
    RK_TRY(create_exec(lane, err));
    if (session->job->schema.partial_bytes > 0)
        RK_TRY(rk__alloc(&lane->partial, 1, session->job->schema.partial_bytes, "partial", err));
    return RK_OK;
}

void rk__lane_close(rk__lane *lane) {
    rk__isolated_close(lane->isolated);
    rk__exec_destroy(lane->exec);
    rk__stage_destroy(lane->stage);
    rk__log_destroy(lane->log);
    free(lane->partial);
}

static rk_status run_block(void *ctx, uint64_t block, bool *stopped, uint64_t *duration_ns, rk_error *err) {
    rk__lane *lane = ctx;
    const rk__schema *schema = &lane->session->job->schema;
    rk__block_record record;
    if (lane->log != NULL)
        rk__log_begin(lane->log, block);
    rk_status status = rk__exec_block(lane->exec, block << schema->block_log2, rk__schema_block_tasks(schema, block),
                                      &record, lane->partial, stopped, err);
    if (status != RK_OK || *stopped) {
        rk__stage_abandon(lane->stage);
        return status;
    }
    *duration_ns = record.duration_ns;
    return rk__lane_commit(lane, block, &record, lane->partial, err);
}

rk_status rk__lane_commit(rk__lane *lane, uint64_t block, const rk__block_record *record, const void *partial,
                          rk_error *err) {
    atomic_uint_least64_t *kernel_ns = &lane->claimer.line->kernel_ns;
    atomic_store_explicit(kernel_ns, atomic_load_explicit(kernel_ns, memory_order_relaxed) + record->duration_ns,
                          memory_order_relaxed);
    atomic_fetch_add_explicit(&lane->claimer.line->blocks, 1, memory_order_relaxed);
    if (lane->log != NULL)
        RK_TRY(rk__log_end(lane->log, err));
    return rk__stage_commit(lane->stage, block, record, partial, err);
}

static rk_status work(rk__lane *lane, rk_error *err) {
    rk__claims claims = {.claimer = &lane->claimer,
                         .window = lane->session->segment.window,
                         .deadline_ns = lane->session->options->deadline_ns,
                         .block = run_block,
                         .ctx = lane};
    RK_TRY(rk__fault_watch(rk__exec_watch_of(lane->exec), err));
    rk_status status = rk__claims_work(&claims, err);
    rk__fault_unwatch();
    lane->out_of_time = claims.out_of_time;
    return status;
}

static bool has_ended(rk__window *window) {
    return atomic_load_explicit(&window->phase, memory_order_acquire) == RK__PHASE_END ||
           atomic_load_explicit(&window->drain, memory_order_relaxed) != 0;
}

/* What others have lost may still come: until everything has ended. true: there is something. */
static bool rest(rk__lane *lane) {
    rk__window *window = lane->claimer.window;
    rk__claimer_rest(&lane->claimer);
    for (uint64_t wait_ns = WAIT_MIN_NS; !has_ended(window);
         wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS) {
        if (rk__claimer_has_news(&lane->claimer))
            return true;
        rk__sleep_ns(wait_ns);
    }
    return false;
}

static rk_status work_once(rk__lane *lane, rk_error *err) {
    RK_TRY(lane->isolated != NULL ? rk__isolated_work(lane, err) : work(lane, err));
    return rk__stage_flush(lane->stage, err);
}

/* A rank that failed still takes part in the end: its peers are waiting for all claimers to finish. */
rk_status rk__lane_work(rk__lane *lane, rk_error *err) {
    rk_status status;
    do {
        status = work_once(lane, err);
    } while (status == RK_OK && !lane->out_of_time && rest(lane));
    if (status != RK_OK)
        atomic_store(&lane->session->segment.window->drain, 1);
    rk__claimer_finish(&lane->claimer);
    return status;
}
