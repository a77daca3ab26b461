/* The service thread: one per rank, asleep but for a moment every tick.
 *
 * It stamps the rank's line in the window, writes what the stage has held too long, and passes a signal on to the
 * window. On the agent of a node it asks rank 0 for blocks in time (agent.c); on rank 0 it also shows progress. */
#include <math.h>
#include <unistd.h>

#include <rankine/command.h>

#include "run/crew.h"

#define TICK_NS      UINT64_C(20000000) /* one node */
#define TICK_MORE_NS UINT64_C(500000)   /* the agent of one of several */
#define NAP_MIN_NS   UINT64_C(100000)
#define NAP_MAX_NS   (TICK_NS / 4)
#define FLUSH_AGE_NS UINT64_C(30000000)
#define PROGRESS_NS  UINT64_C(200000000)

typedef struct display {
    uint64_t shown_ns, rate_ns, rate_tasks;
    uint64_t stopping_ns; /* 0: not stopping */
    double rate;
} display;

/* ---- progress ---- */

static void show_progress(rk__session_run *session, display *shown, uint64_t now) {
    if (session->options->progress == NULL || now - shown->shown_ns < PROGRESS_NS)
        return;
    rk__window_counts counts = rk__ledger_count(&session->ledger);
    double interval = (double)(now - shown->rate_ns) * 1e-9;
    if (interval > 0) {
        double rate = (double)(counts.tasks - shown->rate_tasks) / interval;
        double weight = shown->rate > 0 ? 0.1 : 1;
        shown->rate = weight * rate + (1 - weight) * shown->rate;
    }
    if (shown->stopping_ns == 0 && rk__run_is_draining())
        shown->stopping_ns = now;
    uint64_t done = session->before.tasks_done + counts.tasks, all = rk__schema_part_tasks(&session->job->schema);
    done = done < all ? done : all; /* what the dead did and others did again counts twice */
    rk__progress progress = {.tasks = all,
                             .done = done,
                             .failed = session->before.tasks_failed + counts.failed,
                             .seconds = (double)(now - session->start_ns) * 1e-9,
                             .rate = shown->rate,
                             .ranks = session->world->size,
                             .busy = (int)counts.working,
                             .stopping_seconds =
                                 shown->stopping_ns > 0 ? (double)(now - shown->stopping_ns) * 1e-9 : 0};
    progress.eta_seconds = shown->rate > 0 ? (double)(progress.tasks - done) / shown->rate : NAN;
    session->options->progress(session->options->progress_ctx, &progress);
    shown->shown_ns = shown->rate_ns = now;
    shown->rate_tasks = counts.tasks;
}

/* Rank 0: all nodes hear of it with their next answer. */
static void limit_failures(rk__session_run *session) {
    if (session->failures_max != UINT64_MAX && rk__ledger_count(&session->ledger).failed > session->failures_max)
        atomic_store(&session->segment.window->drain, 1);
}

/* What was staged by `flushed_ns` is written; of what a worker has handed over some may not be staged yet. */
static void stamp_settled(rk__lane *lane, uint64_t flushed_ns) {
    uint64_t taken_ns = atomic_load_explicit(&lane->taken_ns, memory_order_acquire);
    atomic_store_explicit(&lane->claimer.line->settled_ns, taken_ns < flushed_ns ? taken_ns : flushed_ns,
                          memory_order_release);
}

static void tend_rank(rk__session_run *session, uint64_t now) {
    rk__window *window = session->segment.window;
    rk_error err = RK_ERROR_INIT;
    for (uint32_t i = 0; i < session->lane_count; i++)
        atomic_store_explicit(&session->lanes[i].claimer.line->beat_ns, now, memory_order_relaxed);
    uint64_t deadline = session->options->deadline_ns;
    if (rk__run_is_draining() || (deadline > 0 && now >= deadline))
        atomic_store(&window->drain, 1);
    for (uint32_t i = 0; i < session->lane_count && !atomic_load(&session->flush_failed); i++)
        if (rk__stage_flush_older(session->lanes[i].stage, FLUSH_AGE_NS, &err) != RK_OK) {
            session->flush_error = err;
            atomic_store(&session->flush_failed, 1);
            atomic_store(&window->drain, 1);
        }
    for (uint32_t i = 0; i < session->lane_count && !atomic_load(&session->flush_failed); i++)
        stamp_settled(&session->lanes[i], now - FLUSH_AGE_NS);
}

/* Once all blocks are claimed the end may be near: naps begin short again, and grow (*growing_ns: the next of them). */
static void nap(rk__session_run *session, uint64_t *growing_ns) {
    if (session->world->node_count > 1 && session->agent.is) {
        rk__sleep_ns(TICK_MORE_NS);
    } else if (rk__window_unclaimed(session->segment.window) > 0) {
        *growing_ns = NAP_MIN_NS;
        rk__sleep_ns(NAP_MAX_NS);
    } else {
        rk__sleep_ns(*growing_ns);
        *growing_ns = 2 * *growing_ns < NAP_MAX_NS ? 2 * *growing_ns : NAP_MAX_NS;
    }
}

static void *serve(void *ctx) {
    rk__session_run *session = ctx;
    bool conducts = session->world->rank == 0;
    display shown = {.shown_ns = session->start_ns, .rate_ns = session->start_ns};
    uint64_t tended_ns = 0, nap_ns = NAP_MIN_NS;
    pid_t parent = getppid();
    while (!atomic_load(&session->go) && !atomic_load(&session->quit))
        rk__sleep_ns(TICK_MORE_NS);
    while (!atomic_load(&session->quit)) {
        uint64_t now = rk__clock_ns();
        if (now - tended_ns >= TICK_NS) {
            tend_rank(session, now);
            tended_ns = now;
        }
        rk__agent_tend(session, now);
        if (conducts) {
            limit_failures(session);
            show_progress(session, &shown, now);
        }
        if (getppid() != parent)
            _exit(RK_EXIT_STOPPED); /* mpirun is gone: what is committed is in the file */
        nap(session, &nap_ns);
    }
    return NULL;
}

rk_status rk__service_start(rk__session_run *session, rk_error *err) {
    int code = pthread_create(&session->thread, NULL, serve, session);
    if (code != 0)
        return rk__fail(err, RK_ENOMEM, "starting a thread: %s", rk__errno_text(code));
    session->has_thread = true;
    return RK_OK;
}

void rk__service_stop(rk__session_run *session) {
    if (!session->has_thread)
        return;
    atomic_store(&session->quit, true);
    pthread_join(session->thread, NULL);
    session->has_thread = false;
}
