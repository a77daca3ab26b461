/* One claimer of a rank: claim, execute, commit, until there is nothing left or somebody says stop. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/run_private.h"

#define WAIT_MIN_NS UINT64_C(20000)
#define WAIT_MAX_NS UINT64_C(2000000)

static rk_status stage_rows(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err) {
    return rk__stage_rows(((rk__lane *)ctx)->stage, first, count, rows, err);
}

static rk_status log_values(void *ctx, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err) {
    return rk__log_add(((rk__lane *)ctx)->log, task, column, bytes, size, err);
}

static rk_status write_failure(void *ctx, const rk__failure *failure, rk_error *err) {
    rk__session_run *session = ((rk__lane *)ctx)->session;
    uint64_t ordinal = atomic_fetch_add(&session->segment.window->failures, 1);
    if (ordinal >= session->failures_max) /* of this node alone; rank 0 looks at all of them */
        atomic_store(&session->segment.window->drain, 1);
    uint64_t slot =
        session->failure_base + ordinal * (uint64_t)session->world->node_count + (uint64_t)session->world->node;
    return rk__record_write_failure(session->record, slot, session->number, failure, err);
}

static void mark_committed(void *ctx, uint64_t first, uint64_t count) {
    rk__window_set_done(((rk__lane *)ctx)->session->segment.window, first, count);
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
    uint32_t number = (uint32_t)session->world->node_rank * session->lane_count + (uint32_t)lane->place.thread;
    rk__claimer_join(&lane->claimer, session->segment.window, number, (uint32_t)getpid());
    RK_TRY(create_stage(lane, err));
    RK_TRY(create_exec(lane, err));
    if (session->job->schema.partial_bytes > 0)
        RK_TRY(rk__alloc(&lane->partial, 1, session->job->schema.partial_bytes, "partial", err));
    return RK_OK;
}

void rk__lane_close(rk__lane *lane) {
    rk__exec_destroy(lane->exec);
    rk__stage_destroy(lane->stage);
    rk__log_destroy(lane->log);
    free(lane->partial);
}

static bool must_stop(rk__lane *lane) {
    return lane->out_of_time || atomic_load_explicit(&lane->session->segment.window->drain, memory_order_relaxed) != 0;
}

/* A block is not begun if it would take longer than what is left, going by the longest so far. The other ranks go on
 * as long as theirs fit. */
static bool fits(rk__lane *lane) {
    uint64_t deadline = lane->session->options->deadline_ns;
    if (deadline > 0 && rk__clock_ns() + lane->longest_ns + lane->longest_ns / 8 >= deadline)
        lane->out_of_time = true;
    return !lane->out_of_time;
}

static rk_status run_block(rk__lane *lane, uint64_t block, bool *stopped, rk_error *err) {
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
    if (record.duration_ns > lane->longest_ns)
        lane->longest_ns = record.duration_ns;
    atomic_uint_least64_t *kernel_ns = &lane->claimer.line->kernel_ns;
    atomic_store_explicit(kernel_ns, atomic_load_explicit(kernel_ns, memory_order_relaxed) + record.duration_ns,
                          memory_order_relaxed);
    if (lane->log != NULL)
        RK_TRY(rk__log_end(lane->log, err));
    return rk__stage_commit(lane->stage, block, &record, lane->partial, err);
}

/* Returns how many blocks of the claim were computed. */
static rk_status run_claim(rk__lane *lane, uint64_t first, uint64_t count, uint64_t *computed, rk_error *err) {
    bool stopped = false;
    *computed = 0;
    for (uint64_t block = first; block < first + count && !stopped && !must_stop(lane); block++) {
        if (rk__window_is_done(lane->session->segment.window, block))
            continue;
        if (!fits(lane))
            break;
        RK_TRY(run_block(lane, block, &stopped, err));
        ++*computed;
    }
    return RK_OK;
}

static rk_status work(rk__lane *lane, rk_error *err) {
    uint64_t unit_ns = 0, wait_ns = WAIT_MIN_NS, first, count, computed;
    while (!must_stop(lane)) {
        uint32_t phase = atomic_load_explicit(&lane->session->segment.window->phase, memory_order_acquire);
        if (!rk__claimer_claim(&lane->claimer, unit_ns, &first, &count)) {
            if (phase >= RK__PHASE_LAST)
                break;
            rk__sleep_ns(wait_ns);
            wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS;
            continue;
        }
        uint64_t begin = rk__clock_ns();
        wait_ns = WAIT_MIN_NS;
        RK_TRY(run_claim(lane, first, count, &computed, err));
        if (computed > 0)
            unit_ns = (rk__clock_ns() - begin) / computed + 1;
    }
    return RK_OK;
}

/* A rank that failed still takes part in the end: its peers are waiting for all claimers to finish. */
rk_status rk__lane_work(rk__lane *lane, rk_error *err) {
    rk_status status = work(lane, err);
    if (status == RK_OK)
        status = rk__stage_flush(lane->stage, err);
    if (status != RK_OK)
        atomic_store(&lane->session->segment.window->drain, 1);
    rk__claimer_finish(&lane->claimer);
    return status;
}
