/* The thread that synchronises a node's writes: one per node, on its first rank.
 *
 * Every few seconds: begin a new epoch; wait until no rank of the node is writing in the old one; sync the file, which
 * covers the writes of all processes of this node; leave a mark for each rank. A disk that takes long to sync delays
 * nothing but the next mark. */
#include <string.h>

#include "run/run_private.h"

#define NAP_NS      UINT64_C(5000000)
#define PATIENCE_NS UINT64_C(10000000000) /* a rank that died while writing never leaves its epoch */

static void nap_until(rk__session_run *session, uint64_t end_ns) {
    while (!atomic_load(&session->sync_quit) && rk__clock_ns() < end_ns)
        rk__sleep_ns(NAP_NS);
}

static bool wait_for_quiet(rk__session_run *session, uint32_t epoch) {
    uint64_t begin = rk__clock_ns();
    while (!rk__window_is_quiet(session->segment.window, epoch)) {
        if (atomic_load(&session->sync_quit) || rk__clock_ns() - begin > PATIENCE_NS)
            return false;
        rk__sleep_ns(NAP_NS);
    }
    return true;
}

static rk_status mark_ranks(rk__session_run *session, uint32_t epoch, rk_error *err) {
    const rk__world *world = session->world;
    for (int r = 0; r < world->size; r++)
        if (world->node_of_rank[r] == world->node)
            for (uint32_t lane = 0; lane < session->threads; lane++)
                RK_TRY(rk__record_mark(session->record, (uint32_t)r * session->threads + lane, session->number, epoch,
                                       err));
    return RK_OK;
}

static rk_status sync_logs(rk__session_run *session, rk_error *err) {
    const rk__world *world = session->world;
    for (int r = 0; session->job->schema.varying > 0 && r < world->size; r++)
        if (world->node_of_rank[r] == world->node)
            for (uint32_t lane = 0; lane < session->threads; lane++)
                RK_TRY(rk__log_sync(session->record, session->number, (uint32_t)r * session->threads + lane, err));
    return RK_OK;
}

static rk_status sync_once(rk__session_run *session, rk_error *err) {
    uint32_t epoch = rk__window_next_epoch(session->segment.window);
    if (!wait_for_quiet(session, epoch))
        return RK_OK;
    RK_TRY(rk__record_sync(session->record, err));
    RK_TRY(sync_logs(session, err));
    return mark_ranks(session, epoch, err);
}

static void *keep_syncing(void *ctx) {
    rk__session_run *session = ctx;
    rk_error err = RK_ERROR_INIT;
    while (!atomic_load(&session->sync_quit)) {
        nap_until(session, rk__clock_ns() + session->options->sync_ns);
        if (atomic_load(&session->sync_quit))
            return NULL;
        if (sync_once(session, &err) != RK_OK) {
            session->sync_error = err;
            atomic_store(&session->segment.window->drain, 1);
            return NULL;
        }
    }
    return NULL;
}

rk_status rk__syncer_start(rk__session_run *session, rk_error *err) {
    session->sync_error = (rk_error)RK_ERROR_INIT;
    if (session->world->node_rank != 0 || session->options->sync_ns == 0 || session->sends)
        return RK_OK;
    int code = pthread_create(&session->sync_thread, NULL, keep_syncing, session);
    if (code != 0)
        return rk__fail(err, RK_ENOMEM, "starting a thread: %s", rk__errno_text(code));
    session->has_syncer = true;
    return RK_OK;
}

rk_status rk__syncer_stop(rk__session_run *session, rk_error *err) {
    if (!session->has_syncer)
        return RK_OK;
    atomic_store(&session->sync_quit, true);
    pthread_join(session->sync_thread, NULL);
    session->has_syncer = false;
    if (session->sync_error.code != RK_OK && err != NULL)
        *err = session->sync_error;
    return session->sync_error.code;
}
