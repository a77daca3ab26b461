/* One session on one rank: claim, execute, commit, until there is nothing left or somebody says stop. */
#include <string.h>
#include <unistd.h>

#include "run/run_private.h"

#define WAIT_MIN_NS UINT64_C(20000)
#define WAIT_MAX_NS UINT64_C(2000000)

static rk_status stage_rows(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err) {
    return rk__stage_rows(((rk__session_run *)ctx)->stage, first, count, rows, err);
}

static rk_status log_values(void *ctx, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err) {
    return rk__log_add(((rk__session_run *)ctx)->log, task, column, bytes, size, err);
}

static rk_status write_failure(void *ctx, const rk__failure *failure, rk_error *err) {
    rk__session_run *session = ctx;
    uint64_t ordinal = atomic_fetch_add(&session->segment.window->failures, 1);
    uint64_t slot =
        session->failure_base + ordinal * (uint64_t)session->world->node_count + (uint64_t)session->world->node;
    return rk__record_write_failure(session->record, slot, session->number, failure, err);
}

static void mark_committed(void *ctx, uint64_t first, uint64_t count) {
    rk__window_set_done(((rk__session_run *)ctx)->segment.window, first, count);
}

static rk_status create_stage(rk__session_run *session, rk_error *err) {
    if (session->job->schema.varying > 0)
        RK_TRY(rk__log_create(&session->log, session->record, session->number, (uint32_t)session->world->rank, err));
    rk__stage_options options = {.owner = (uint32_t)session->world->rank,
                                 .session = session->number,
                                 .epoch = &session->segment.window->epoch,
                                 .flushing = &session->claimer.line->flushing,
                                 .log = session->log,
                                 .committed = mark_committed,
                                 .ctx = session};
    return rk__stage_create(&session->stage, session->record, &options, err);
}

static rk_status create_exec(rk__session_run *session, rk_error *err) {
    const rk__job *job = session->job;
    rk__exec_options options = {
        .kernel = job->module.kernel,
        .space = job->space,
        .schema = &job->schema,
        .reducer = job->reducer,
        .seed = job->identity.seed,
        .sink = {.rows = stage_rows,
                 .failed = write_failure,
                 .emitted = session->log ? log_values : NULL,
                 .ctx = session,
                 .batch_tasks = rk__stage_batch_tasks(session->stage)},
        .reuse = rk__reuse_loader(session->reuse),
        .drain = &session->segment.window->drain,
        .tasks = &session->claimer.line->tasks,
        .failed = &session->claimer.line->failed,
    };
    return rk__exec_create(&session->exec, &options, err);
}

static bool must_stop(rk__session_run *session) {
    return session->out_of_time || atomic_load_explicit(&session->segment.window->drain, memory_order_relaxed) != 0;
}

/* A block is not begun if it would take longer than what is left, going by the longest so far. The other ranks go on
 * as long as theirs fit. */
static bool fits(rk__session_run *session) {
    uint64_t deadline = session->options->deadline_ns;
    if (deadline > 0 && rk__clock_ns() + session->longest_ns + session->longest_ns / 8 >= deadline)
        session->out_of_time = true;
    return !session->out_of_time;
}

static rk_status run_block(rk__session_run *session, uint64_t block, bool *stopped, rk_error *err) {
    const rk__schema *schema = &session->job->schema;
    rk__block_record record;
    if (session->log != NULL)
        rk__log_begin(session->log, block);
    rk_status status = rk__exec_block(session->exec, block << schema->block_log2, rk__schema_block_tasks(schema, block),
                                      &record, session->partial, stopped, err);
    if (status != RK_OK || *stopped) {
        rk__stage_abandon(session->stage);
        return status;
    }
    if (record.duration_ns > session->longest_ns)
        session->longest_ns = record.duration_ns;
    atomic_uint_least64_t *kernel_ns = &session->claimer.line->kernel_ns;
    atomic_store_explicit(kernel_ns, atomic_load_explicit(kernel_ns, memory_order_relaxed) + record.duration_ns,
                          memory_order_relaxed);
    if (session->log != NULL)
        RK_TRY(rk__log_end(session->log, err));
    return rk__stage_commit(session->stage, block, &record, session->partial, err);
}

/* Returns how many blocks of the claim were computed. */
static rk_status run_claim(rk__session_run *session, uint64_t first, uint64_t count, uint64_t *computed,
                           rk_error *err) {
    bool stopped = false;
    *computed = 0;
    for (uint64_t block = first; block < first + count && !stopped && !must_stop(session); block++) {
        if (rk__window_is_done(session->segment.window, block))
            continue;
        if (!fits(session))
            break;
        RK_TRY(run_block(session, block, &stopped, err));
        ++*computed;
    }
    return RK_OK;
}

static rk_status work(rk__session_run *session, rk_error *err) {
    uint64_t unit_ns = 0, wait_ns = WAIT_MIN_NS, first, count, computed;
    while (!must_stop(session)) {
        uint32_t phase = atomic_load_explicit(&session->segment.window->phase, memory_order_acquire);
        if (!rk__claimer_claim(&session->claimer, unit_ns, &first, &count)) {
            if (phase >= RK__PHASE_LAST)
                break;
            rk__sleep_ns(wait_ns);
            wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS;
            continue;
        }
        uint64_t begin = rk__clock_ns();
        wait_ns = WAIT_MIN_NS;
        RK_TRY(run_claim(session, first, count, &computed, err));
        if (computed > 0)
            unit_ns = (rk__clock_ns() - begin) / computed + 1;
    }
    return RK_OK;
}

/* A rank that failed still takes part in the end: its peers are waiting for all claimers to finish. */
static rk_status work_and_flush(rk__session_run *session, rk_error *err) {
    rk_status status = work(session, err);
    if (status == RK_OK)
        status = rk__stage_flush(session->stage, err);
    if (status != RK_OK)
        atomic_store(&session->segment.window->drain, 1);
    rk__claimer_finish(&session->claimer);
    return status;
}

static void wait_for_end(rk__session_run *session) {
    for (uint64_t wait_ns = WAIT_MIN_NS;
         atomic_load_explicit(&session->segment.window->phase, memory_order_acquire) != RK__PHASE_END;
         wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS)
        rk__sleep_ns(wait_ns);
}

static rk_status prepare(rk__session_run *session, rk_error *err) {
    rk__claimer_join(&session->claimer, session->segment.window, (uint32_t)session->world->node_rank,
                     (uint32_t)getpid());
    RK_TRY(create_stage(session, err));
    RK_TRY(create_exec(session, err));
    if (session->job->schema.partial_bytes > 0)
        RK_TRY(rk__alloc(&session->partial, 1, session->job->schema.partial_bytes, "partial", err));
    return RK_OK;
}

rk_status rk__session_compute(rk__session_run *session, rk_error *err) {
    RK_TRY(rk__world_agree(session->world, prepare(session, err), err));
    session->start_ns = rk__clock_ns();
    RK_TRY(rk__world_agree(session->world, rk__service_start(session, err), err));
    RK_TRY(rk__world_agree(session->world, rk__syncer_start(session, err), err));
    atomic_store(&session->go, true);
    rk_status status = work_and_flush(session, err);
    wait_for_end(session);
    session->seconds_ns = rk__clock_ns() - session->start_ns;
    rk__service_stop(session);
    rk_status synced = rk__syncer_stop(session, status == RK_OK ? err : NULL);
    status = status == RK_OK ? synced : status;
    if (status == RK_OK && atomic_load(&session->flush_failed)) {
        *err = session->flush_error;
        status = err->code;
    }
    return rk__world_agree(session->world, status, err);
}
