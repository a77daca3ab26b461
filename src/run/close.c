/* The end of a session: every rank syncs what it wrote and says what came of it, rank 0 folds, and closes. */
#include <stdio.h>
#include <unistd.h>

#include "run/crew.h"

#define STRAGGLER_NS UINT64_C(2000000000)

static rk_status end_session(rk__session_run *session, const rk__totals *after, bool complete, rk_error *err) {
    rk__session entry = {.end_ns = rk__wall_ns(),
                         .ranks = (uint32_t)session->world->size,
                         .nodes = (uint32_t)session->world->node_count,
                         .threads = session->threads,
                         .tasks_before = session->before.tasks_done,
                         .tasks_after = after->tasks_done,
                         .kernel_ns = after->kernel_ns - session->before.kernel_ns,
                         .outcome = complete ? 1 : 2,
                         .pid = (uint32_t)getpid()};
    snprintf(entry.host, sizeof entry.host, "%s", session->world->host);
    return rk__record_session_end(session->record, session->number, &entry, err);
}

/* Rank 0: reductions are the fold of the partials in the file; nothing is kept in memory for them. */
rk_status rk__job_reduce(const rk__job *job, rk__record **record, void **results, rk_error *err) {
    RK_TRY(rk__job_fold(job, *record, results, err));
    RK_TRY(rk__record_finish(*record, *results, err));
    return rk__record_fold_values(record, job->space, err);
}

static rk_status close_run(rk__session_run *session, rk__run_summary *summary, rk_error *err) {
    rk__totals after;
    uint64_t begin = rk__clock_ns();
    RK_TRY(rk__record_sync(session->record, err));
    RK_TRY(rk__record_scan(session->record, NULL, &after, err));
    uint64_t first, count;
    rk__schema_part(&session->job->schema, &first, &count);
    bool complete = after.blocks_done == count;
    if (complete && session->job->schema.parts == 1)
        RK_TRY(rk__job_reduce(session->job, &session->record, &summary->results, err));
    RK_TRY(end_session(session, &after, complete, err));
    summary->complete = complete;
    summary->retried = rk__ledger_count(&session->ledger).retried;
    summary->too_many_failures = !complete && after.tasks_failed - session->before.tasks_failed > session->failures_max;
    summary->done = after.tasks_done;
    summary->failed = after.tasks_failed;
    summary->tasks_here = after.tasks_done - session->before.tasks_done;
    double claimers_ns = (double)session->seconds_ns * session->ledger.claimers;
    summary->efficiency = claimers_ns > 0 ? (double)(after.kernel_ns - session->before.kernel_ns) / claimers_ns : 0;
    summary->end_seconds = (double)(rk__clock_ns() - begin) * 1e-9;
    return RK_OK;
}

/* Each node syncs its own writes, rank 0's node as the file is closed. */
static bool syncs_for_its_node(rk__session_run *session) {
    rk__crew_lock(session->crew);
    bool agent = rk__crew_is_agent(session->crew);
    rk__crew_unlock(session->crew);
    return agent && session->world->rank != 0 && !session->sends;
}

static rk_status sync_own(rk__session_run *session, rk_error *err) {
    for (uint32_t i = 0; session->job->schema.varying > 0 && i < session->lane_count; i++)
        RK_TRY(rk__log_sync(session->record, session->number, session->lanes[i].owner, err));
    return syncs_for_its_node(session) ? rk__record_sync(session->record, err) : RK_OK;
}

/* Of those that died the file has been told; here are those that were not waited for. */
static rk_status record_losses(rk__session_run *session, rk_error *err) {
    for (int rank = 1; rank < session->world->size; rank++) {
        rk__crew_lock(session->crew);
        bool missing = rk__crew_misses(session->crew, rank);
        rk__crew_unlock(session->crew);
        if (missing && !session->told_lost[rank])
            RK_TRY(rk__record_lose_rank(session->record, session->number, (uint32_t)rank, err));
    }
    return RK_OK;
}

/* Rank 0: those that still compute what others have done in the meantime are not waited for. */
static rk_status gather_and_close(rk__session_run *session, rk_status status, rk__run_summary *summary, rk_error *err) {
    rk_error theirs = RK_ERROR_INIT;
    rk__crew_lock(session->crew);
    uint64_t patience_ns = session->ledger.all_safe ? STRAGGLER_NS : RK__NEVER;
    rk__crew_unlock(session->crew);
    rk_status told = rk__crew_gather(session->crew, patience_ns, &summary->peak_bytes, &theirs);
    if (status == RK_OK && told != RK_OK) {
        status = told;
        *err = theirs;
    }
    summary->ranks_lost = rk__crew_missing(session->crew);
    if (status == RK_OK)
        status = record_losses(session, err);
    return status == RK_OK ? close_run(session, summary, err) : status;
}

/* Others than rank 0 know only of their own part, and have nothing more to say. */
rk_status rk__session_finish(rk__session_run *session, rk_status status, rk__run_summary *summary, rk_error *err) {
    if (status == RK_OK)
        status = sync_own(session, err);
    if (session->world->rank == 0) {
        status = gather_and_close(session, status, summary, err);
        rk__crew_part(session->crew);
    } else {
        rk__crew_say_done(session->crew, status, err);
    }
    return status;
}
