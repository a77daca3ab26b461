#include "run/run.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/crew.h"

static volatile sig_atomic_t draining; /* the one thing that a signal handler may reach */

void rk__run_drain(void) {
    draining = 1;
}

bool rk__run_is_draining(void) {
    return draining != 0;
}

rk_status rk__run_assemble(const rk__world *world, rk__run_options *options, rk_error *err) {
    return rk__crew_create(&options->crew, world, err);
}

bool rk__run_is_broken(const rk__run_options *options) {
    return rk__crew_is_broken(options->crew);
}

bool rk__run_disband(rk__run_options *options) {
    if (rk__crew_is_broken(options->crew))
        return false;
    rk__crew_destroy(options->crew);
    options->crew = NULL;
    return true;
}

/* ---- getting all ranks to the same job ---- */

/* Ranks that run different kernel files would give different bits. */
static rk_status same_kernel(const rk__world *world, const rk__job *job, rk_error *err) {
    uint64_t content[2] = {job->module.content[0], job->module.content[1]};
    RK_TRY(rk__world_bcast(world->comm, content, sizeof content, 0, err));
    rk_status status = RK_OK;
    if (memcmp(content, job->module.content, sizeof content) != 0)
        status = rk__fail(err, RK_EMISMATCH, "host %s: kernel '%s' is another file than on rank 0 (%s)", world->host,
                          job->module.kernel->name, job->module.path ? job->module.path : "linked in");
    return rk__world_agree(world, status, err);
}

/* Rank 0 reads what the user wrote (files among it); the others build from its text. */
static rk_status create_job(const rk__world *world, const rk__run_options *options, rk__job *job, rk_error *err) {
    char *text = NULL;
    rk_status status = RK_OK;
    if (world->rank == 0)
        status = rk__job_create(job, options, NULL, false, err);
    RK_TRY(rk__world_agree(world, status, err));
    if (world->rank == 0)
        text = rk__strdup(job->space->text);
    status = rk__world_send_text(world, &text, err);
    if (status == RK_OK && world->rank != 0)
        status = rk__job_create(job, options, text, true, err);
    free(text);
    RK_TRY(rk__world_agree(world, status, err));
    return same_kernel(world, job, err);
}

/* ---- one session over an existing file ---- */

static rk_status call_roll(rk__session_run *session, rk_error *err) {
    rk__roll roll = {.ranks = (uint32_t)session->world->size,
                     .threads = session->threads,
                     .node_of_rank = session->world->node_of_rank,
                     .hosts = rk__crew_hosts(session->crew)};
    return rk__record_call_roll(session->record, session->number, &roll, err);
}

static rk_status begin_session(rk__session_run *session, rk_error *err) {
    const rk__world *world = session->world;
    rk_status status = RK_OK;
    if (world->rank == 0) {
        rk__session entry = {.start_ns = rk__wall_ns(),
                             .ranks = (uint32_t)world->size,
                             .nodes = (uint32_t)world->node_count,
                             .threads = session->threads,
                             .tasks_before = session->before.tasks_done,
                             .pid = (uint32_t)getpid()};
        snprintf(entry.host, sizeof entry.host, "%s", world->host);
        status = rk__record_session_begin(session->record, &entry, &session->number, err);
        if (status == RK_OK)
            status = call_roll(session, err);
        if (status == RK_OK)
            status = rk__record_failure_base(session->record, &session->failure_base, err);
    }
    RK_TRY(rk__world_agree(world, status, err));
    RK_TRY(rk__world_bcast(world->comm, &session->number, sizeof session->number, 0, err));
    return rk__world_bcast(world->comm, &session->failure_base, sizeof session->failure_base, 0, err);
}

/* Before anybody looks at what is committed: is it there, and is it wanted? */
static rk_status settle_file(rk__session_run *session, rk__run_summary *summary, rk_error *err) {
    const rk__run_options *options = session->options;
    rk_status status = RK_OK;
    if (session->world->rank == 0) {
        rk__settle_options wanted = {.check_all = options->repair, .retry_failed = options->retry_failed};
        rk__settle_report report;
        status = rk__record_settle(session->record, &wanted, &report, err);
        summary->blocks_damaged += report.blocks_damaged;
        summary->blocks_retried = report.blocks_retried;
    }
    return rk__world_agree(session->world, status, err);
}

/* Blocks of other parts count as done: nobody computes them. */
static void close_other_parts(const rk__schema *schema, uint64_t *done) {
    uint64_t first, count;
    rk__schema_part(schema, &first, &count);
    for (uint64_t block = 0; schema->parts > 1 && block < schema->blocks; block++)
        if (block - first >= count)
            done[block / 64] |= UINT64_C(1) << block % 64;
}

/* Rank 0 reads from the file what is committed, and tells all: not every node may see the file. */
static rk_status read_done(rk__session_run *session, uint64_t *done, rk_error *err) {
    const rk__world *world = session->world;
    size_t words = (size_t)((session->job->schema.blocks + 63) / 64);
    rk_status status = RK_OK;
    if (world->rank == 0)
        status = rk__record_scan(session->record, done, &session->before, err);
    RK_TRY(rk__world_agree(world, status, err));
    RK_TRY(rk__world_bcast(world->comm, done, words * sizeof *done, 0, err));
    close_other_parts(&session->job->schema, done);
    return rk__world_bcast(world->comm, &session->before, sizeof session->before, 0, err);
}

static rk_status scan_file(rk__session_run *session, rk_error *err) {
    size_t words = (size_t)((session->job->schema.blocks + 63) / 64);
    uint64_t *done = NULL;
    RK_TRY(rk__world_agree(session->world, rk__alloc((void **)&done, words, sizeof *done, "map of blocks", err), err));
    rk_status status = read_done(session, done, err);
    for (size_t w = 0; status == RK_OK && session->world->node_rank == 0 && w < words; w++)
        atomic_store_explicit(&rk__window_bitmap(session->segment.window)[w], done[w], memory_order_relaxed);
    free(done);
    return rk__world_agree(session->world, status, err);
}

static uint32_t claimers_of(const rk__session_run *session, int rank) {
    uint32_t first;
    return rk__session_claimers(session, rank, &first);
}

static uint32_t claimers_here(const rk__session_run *session) {
    uint32_t sum = 0;
    for (int rank = 0; rank < session->world->size; rank++)
        if (session->world->node_of_rank[rank] == session->world->node)
            sum += claimers_of(session, rank);
    return sum;
}

static rk_status create_ledger(rk__session_run *session, rk_error *err) {
    const rk__world *world = session->world;
    if (world->rank != 0)
        return RK_OK;
    RK_TRY(rk__alloc((void **)&session->nodes, (size_t)world->node_count, sizeof *session->nodes, "ledger", err));
    for (int r = 0; r < world->size; r++)
        session->nodes[world->node_of_rank[r]].claimers += claimers_of(session, r);
    RK_TRY(rk__alloc((void **)&session->told_lost, (size_t)world->size, sizeof *session->told_lost, "ledger", err));
    rk__ledger_init(&session->ledger, session->job->schema.blocks, session->options->policy, session->nodes,
                    (uint32_t)world->node_count);
    if (world->node_count == 1)
        return RK_OK;
    RK_TRY(rk__alloc(&session->ledger_memory, 1, rk__ledger_bytes(session->job->schema.blocks), "ledger", err));
    rk__ledger_guard(&session->ledger, session->ledger_memory, session->job->identity.deterministic, rk__agent_look,
                     session);
    return RK_OK;
}

static rk_status run_session(rk__session_run *session, rk__run_summary *summary, rk_error *err) {
    RK_TRY(rk__team_create(&session->team, session->world, session->job->team_size, err));
    session->lane_count = claimers_of(session, session->world->rank);
    RK_TRY(rk__segment_create(&session->segment, session->world, session->job->schema.blocks, claimers_here(session),
                              session->options->policy, err));
    RK_TRY(settle_file(session, summary, err));
    RK_TRY(scan_file(session, err));
    RK_TRY(begin_session(session, err));
    RK_TRY(rk__world_agree(session->world, create_ledger(session, err), err));
    RK_TRY(rk__session_start(session, err));
    return rk__session_finish(session, rk__session_work(session, err), summary, err);
}

static void session_fini(rk__session_run *session) {
    rk__crash_end();
    rk__crew_computed(session->crew);
    rk__service_stop(session);
    rk__syncer_stop(session, NULL);
    for (uint32_t i = 0; session->lanes != NULL && i < session->lane_count; i++)
        rk__lane_close(&session->lanes[i]);
    free(session->lanes);
    rk__exec_destroy(session->member);
    rk__team_destroy(&session->team);
    free(session->cores);
    rk__reuse_close(session->reuse);
    free(session->nodes);
    free(session->ledger_memory);
    free(session->told_lost);
    rk__trust_destroy(session->trust);
    rk__segment_destroy(&session->segment);
    rk__record_close(session->record);
    rk__courier_destroy(session->courier);
}

/* ---- summary ---- */

static void describe_run(const rk__world *world, rk__job *job, const char *path, int threads,
                         rk__run_summary *summary) {
    snprintf(summary->path, sizeof summary->path, "%s", path);
    snprintf(summary->kernel, sizeof summary->kernel, "%s", job->module.kernel->name);
    summary->tasks = rk__schema_part_tasks(&job->schema);
    summary->part = job->schema.part;
    summary->parts = job->schema.parts;
    summary->ranks = world->size;
    summary->nodes = world->node_count;
    summary->threads = threads;
}

void rk__run_summary_fini(rk__run_summary *summary) {
    rk__schema_fini(&summary->schema);
    free(summary->results);
    *summary = (rk__run_summary){0};
}

/* Every rank loads tasks for itself; whole blocks are copied by one. */
static rk_status take_over(rk__session_run *session, rk_error *err) {
    rk_status status = rk__reuse_open(&session->reuse, session->job, session->options->reuse, err);
    RK_TRY(rk__world_agree(session->world, status, err));
    if (session->world->rank == 0)
        status = rk__reuse_copy(session->reuse, session->record, err);
    return rk__world_agree(session->world, status, err);
}

static uint64_t failures_limit(const rk__run_options *options, uint64_t tasks) {
    if (!options->limits_failures)
        return UINT64_MAX;
    return options->failures_percent > 0 ? (uint64_t)(options->failures_percent / 100 * (double)tasks)
                                         : options->failures_max;
}

static rk_status compute(const rk__world *world, const rk__run_options *options, rk__job *job, const char *path,
                         uint64_t setup_ns, rk__run_summary *summary, rk_error *err) {
    rk__session_run session = {.world = world,
                               .crew = options->crew,
                               .options = options,
                               .job = job,
                               .threads = options->threads > 1 ? options->threads : 1};
    describe_run(world, job, path, (int)session.threads, summary);
    session.failures_max = failures_limit(options, summary->tasks);
    rk_status status = rk__session_open(&session, path, err);
    summary->gathered = session.gathers;
    if (status == RK_OK && options->reuse != NULL)
        status = take_over(&session, err);
    if (status == RK_OK)
        status = run_session(&session, summary, err);
    if (session.start_ns > 0)
        summary->setup_seconds = (double)(session.start_ns - setup_ns) * 1e-9;
    summary->seconds = (double)session.seconds_ns * 1e-9;
    session_fini(&session);
    if (status != RK_OK || world->rank != 0)
        return status;
    summary->schema = job->schema;
    job->schema = (rk__schema){0};
    summary->interrupted = !summary->complete;
    summary->timed_out = summary->interrupted && options->deadline_ns > 0 && !rk__run_is_draining();
    if (summary->complete)
        return RK_OK;
    return rk__fail(err, RK_EINTERRUPTED, "stopped %s; go on with: rankine resume %s%s",
                    summary->too_many_failures ? "by too many failures"
                    : summary->timed_out       ? "at its time limit"
                                               : "before the end",
                    path, summary->too_many_failures ? " --retry-failed" : "");
}

/* Can a block be computed at all? Found out before a file is made, or an old one replaced. */
static rk_status try_memory(const rk__job *job, rk_error *err) {
    rk__exec *exec = NULL;
    rk__exec_options options = {.kernel = job->module.kernel,
                                .space = job->space,
                                .schema = &job->schema,
                                .reducer = job->reducer,
                                .seed = job->identity.seed};
    rk_status status = rk__exec_create(&exec, &options, err);
    rk__exec_destroy(exec);
    return status;
}

/* Rank 0 holds the lock for all. */
static rk_status take_lock(const rk__world *world, const char *path, rk__lock **lock, rk_error *err) {
    rk_status status = world->rank == 0 ? rk__lock_take(lock, path, world->host, err) : RK_OK;
    return rk__world_agree(world, status, err);
}

rk_status rk__run_start(const rk__world *world, const rk__run_options *options, rk__run_summary *summary,
                        rk_error *err) {
    rk__job job = {0};
    char path[sizeof summary->path];
    uint64_t begin = rk__clock_ns();
    *summary = (rk__run_summary){0};
    RK_TRY(create_job(world, options, &job, err));
    rk__lock *lock = NULL;
    rk_status status = rk__team_check(world, job.team_size, err);
    if (status == RK_OK)
        status = rk__job_output(options, job.module.kernel, path, sizeof path, err);
    if (status == RK_OK)
        status = take_lock(world, path, &lock, err);
    if (status == RK_OK)
        status = rk__world_agree(world, try_memory(&job, err), err);
    if (status == RK_OK)
        status = rk__reach_check(world, options, &job, path, err);
    if (status == RK_OK && world->rank == 0)
        status = rk__job_check_reuse(options, &job, err);
    if (status == RK_OK && world->rank == 0)
        status = rk__job_create_file(&job, options, world, path, err);
    if (status == RK_OK && world->rank == 0)
        status = rk__lock_file(lock, path, world->host, err);
    status = rk__world_agree(world, status, err);
    if (status == RK_OK)
        status = compute(world, options, &job, path, begin, summary, err);
    rk__lock_release(lock);
    rk__job_fini(&job);
    return status;
}

/* ---- resume ---- */

static rk_status mend_seal(const rk__run_options *options, rk__run_summary *summary, rk_error *err) {
    rk__settle_report report = {0};
    if (!options->repair || !rk__record_lost_seal(options->output))
        return RK_OK;
    rk_status status = rk__record_reseal(options->output, &report, err);
    summary->blocks_damaged = report.blocks_damaged;
    return status;
}

static rk_status load_for_resume(const rk__run_options *options, const char *path, rk__job *job, rk_error *err) {
    rk__record *record = NULL;
    RK_TRY(rk__record_open(&record, path, false, err));
    rk_status status = rk__job_of_record(options, record, job, err);
    rk__record_close(record);
    return status;
}

typedef struct origin { /* what the other ranks need to make the same job */
    uint64_t seed, block_tasks;
    uint32_t part, parts;
} origin;

static rk_status make_same_job(const rk__run_options *options, const origin *from, const char *kernel, const char *text,
                               rk__job *job, rk_error *err) {
    rk__run_options wanted = *options;
    wanted.kernel = kernel;
    wanted.seed = from->seed;
    wanted.block_tasks = from->block_tasks;
    wanted.part = from->part;
    wanted.parts = from->parts;
    return rk__job_create(job, &wanted, text, true, err);
}

/* Rank 0 has the job from the file, which the others need not see. */
static rk_status share_job(const rk__world *world, const rk__run_options *options, rk__job *job, rk_error *err) {
    char *kernel = NULL, *text = NULL;
    origin from = {0};
    if (world->rank == 0) {
        from = (origin){job->identity.seed, UINT64_C(1) << job->schema.block_log2, job->schema.part, job->schema.parts};
        kernel = rk__strdup(*job->identity.kernel_path ? job->identity.kernel_path : job->identity.kernel_name);
        text = rk__strdup(job->space->text);
    }
    rk_status status = rk__world_bcast(world->comm, &from, sizeof from, 0, err);
    if (status == RK_OK)
        status = rk__world_send_text(world, &kernel, err);
    if (status == RK_OK)
        status = rk__world_send_text(world, &text, err);
    if (status == RK_OK && world->rank != 0)
        status = make_same_job(options, &from, kernel, text, job, err);
    free(kernel);
    free(text);
    RK_TRY(rk__world_agree(world, status, err));
    return same_kernel(world, job, err);
}

/* Rank 0: a complete file is not written to. */
static rk_status read_complete(const rk__run_options *options, rk__run_summary *summary, bool *done, rk_error *err) {
    rk__record *record = NULL;
    rk__totals totals;
    void *results = NULL;
    RK_TRY(rk__record_open(&record, options->output, false, err));
    const rk__schema *schema = rk__record_schema(record);
    rk_status status = rk__record_scan(record, NULL, &totals, err);
    *done = status == RK_OK && totals.blocks_done == schema->blocks && rk__record_is_whole(record) &&
            rk__alloc(&results, 1, schema->results_bytes, "results", NULL) == RK_OK &&
            rk__record_read_results(record, results, NULL) == RK_OK;
    if (*done) {
        snprintf(summary->path, sizeof summary->path, "%s", options->output);
        snprintf(summary->kernel, sizeof summary->kernel, "%s", rk__record_identity(record)->kernel_name);
        summary->tasks = summary->done = totals.tasks_done;
        summary->failed = totals.tasks_failed;
        summary->results = results;
        summary->complete = true;
        summary->part = summary->parts = 1;
        rk__record_take_schema(record, &summary->schema);
        results = NULL;
    }
    free(results);
    rk__record_close(record);
    return status;
}

static rk_status is_done(const rk__world *world, const rk__run_options *options, rk__run_summary *summary, bool *done,
                         rk_error *err) {
    rk_status status = RK_OK;
    if (world->rank == 0 && !options->repair && !options->retry_failed && options->kernel == NULL)
        status = read_complete(options, summary, done, err);
    RK_TRY(rk__world_agree(world, status, err));
    summary->ranks = world->size;
    summary->nodes = world->node_count;
    return rk__world_bcast(world->comm, done, sizeof *done, 0, err);
}

/* What is to happen to tasks that fail may come from the file, which some ranks cannot read. */
static rk_status same_policy(const rk__world *world, const rk__run_options *options, rk_error *err) {
    const rk__run_isolation *isolation = &options->isolation;
    double mine[] = {isolation->wanted,        isolation->task_seconds,  (double)isolation->task_bytes,
                     options->retries,         options->limits_failures, (double)options->failures_max,
                     options->failures_percent};
    double first[sizeof mine / sizeof *mine];
    memcpy(first, mine, sizeof mine);
    RK_TRY(rk__world_bcast(world->comm, first, sizeof first, 0, err));
    rk_status status = RK_OK;
    bool same = true;
    for (size_t i = 0; i < sizeof mine / sizeof *mine; i++)
        same = same && first[i] == mine[i];
    if (!same)
        status = rk__fail(err, RK_EMISMATCH,
                          "host %s cannot read from %s what the run does about tasks that fail: give its --isolate, "
                          "--task-timeout, --task-memory, --retries and --max-failures again",
                          world->host, options->output);
    return rk__world_agree(world, status, err);
}

rk_status rk__run_resume(const rk__world *world, const rk__run_options *options, rk__run_summary *summary,
                         rk_error *err) {
    rk__job job = {0};
    uint64_t begin = rk__clock_ns();
    *summary = (rk__run_summary){0};
    rk__lock *lock = NULL;
    bool done = false;
    RK_TRY(is_done(world, options, summary, &done, err));
    if (done)
        return RK_OK;
    RK_TRY(same_policy(world, options, err));
    RK_TRY(take_lock(world, options->output, &lock, err));
    rk_status status = world->rank == 0 ? mend_seal(options, summary, err) : RK_OK;
    if (status == RK_OK && world->rank == 0)
        status = load_for_resume(options, options->output, &job, err);
    status = rk__world_agree(world, status, err);
    if (status == RK_OK)
        status = share_job(world, options, &job, err);
    if (status == RK_OK)
        status = compute(world, options, &job, options->output, begin, summary, err);
    rk__lock_release(lock);
    rk__job_fini(&job);
    return status;
}
