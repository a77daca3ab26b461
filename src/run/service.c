/* The service thread: one per rank, asleep but for a moment every tick.
 *
 * It stamps the rank's line in the window, writes what the stage has held too long, and passes a signal on to the
 * window. On the first rank of a node it is the node's agent; on rank 0 it also conducts: answers the agents and shows
 * progress. Only it calls MPI while tasks run, and only when there is more than one node. Rank 0's own node is answered
 * by a call.
 *
 * An agent has at most one question under way; rank 0 answers each at once, also when nothing is left: so nobody waits
 * on a message that does not come, and the thread never blocks in MPI. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

#include "dispatch/search.h"
#include "run/run_private.h"

#define TICK_NS      UINT64_C(20000000) /* one node */
#define TICK_MPI_NS  UINT64_C(500000)   /* several: the price is 7 % of rank 0's core at most */
#define NAP_MIN_NS   UINT64_C(100000)
#define NAP_MAX_NS   (TICK_NS / 4)
#define FLUSH_AGE_NS UINT64_C(30000000)
#define ASK_EVERY_NS UINT64_C(100000000) /* counts for progress */
#define PROGRESS_NS  UINT64_C(200000000)

typedef struct agent {
    rk__ask question;
    rk__span_answer answer;
    MPI_Request sending, receiving;
    bool asked;
    uint64_t asked_ns;
    rk__search search;
} agent;

typedef struct display {
    uint64_t shown_ns, rate_ns, rate_tasks;
    uint64_t stopping_ns; /* 0: not stopping */
    double rate;
} display;

static void set_phase(rk__window *window, uint32_t phase) {
    if (atomic_load_explicit(&window->phase, memory_order_relaxed) < phase)
        atomic_store_explicit(&window->phase, phase, memory_order_release);
}

static void take_answer(rk__session_run *session, const rk__span_answer *answer) {
    rk__window *window = session->segment.window;
    if (answer->count > 0)
        rk__window_give(window, answer->first, answer->count, answer->number, answer->again != 0);
    if (answer->drain)
        atomic_store(&window->drain, 1);
    set_phase(window, answer->phase);
}

/* A node asks for more when what is unclaimed would not keep its claimers busy for long. */
static void write_question(rk__session_run *session, rk__ask *ask) {
    rk__window *window = session->segment.window;
    bool more = atomic_load(&window->phase) == RK__PHASE_RUN && rk__window_wants(window);
    *ask = (rk__ask){.node = (uint32_t)session->world->node,
                     .wants = more,
                     .finished = rk__window_is_finished(window),
                     .drain = atomic_load(&window->drain),
                     .term = atomic_load(&window->term),
                     .taken = atomic_load(&window->taken),
                     .counts = rk__window_count(window)};
}

static void ask_directly(rk__session_run *session, agent *own, uint64_t now) {
    rk__span_answer answer;
    write_question(session, &own->question);
    rk__ledger_answer(&session->ledger, &own->question, now, &answer);
    take_answer(session, &answer);
}

static void ask_by_message(rk__session_run *session, agent *own, uint64_t now) {
    MPI_Comm comm = session->world->comm;
    if (own->asked) {
        int answered = 0, sent = 0;
        MPI_Test(&own->sending, &sent, MPI_STATUS_IGNORE);
        MPI_Test(&own->receiving, &answered, MPI_STATUS_IGNORE);
        if (!answered || !sent)
            return;
        own->asked = false;
        take_answer(session, &own->answer);
        return;
    }
    rk__ask ask;
    write_question(session, &ask);
    bool ended = atomic_load(&session->segment.window->phase) == RK__PHASE_END;
    bool news = ask.wants || ask.finished != own->question.finished || ask.drain != own->question.drain;
    if (ended || (!news && now - own->asked_ns < (ask.finished ? ASK_EVERY_NS / 10 : ASK_EVERY_NS)))
        return;
    own->question = ask;
    own->asked = true;
    own->asked_ns = now;
    MPI_Irecv(&own->answer, sizeof own->answer, MPI_BYTE, 0, RK__TAG_SPAN, comm, &own->receiving);
    MPI_Isend(&own->question, sizeof own->question, MPI_BYTE, 0, RK__TAG_ASK, comm, &own->sending);
}

/* A test of a finished request sets it to MPI_REQUEST_NULL, which tests as done: both may be tested again. */
static void answer_agents(rk__session_run *session) {
    MPI_Comm comm = session->world->comm;
    for (;;) {
        int there = 0;
        MPI_Status from;
        rk__ask ask;
        rk__span_answer answer;
        MPI_Iprobe(MPI_ANY_SOURCE, RK__TAG_ASK, comm, &there, &from);
        if (!there)
            return;
        MPI_Recv(&ask, sizeof ask, MPI_BYTE, from.MPI_SOURCE, RK__TAG_ASK, comm, MPI_STATUS_IGNORE);
        rk__ledger_answer(&session->ledger, &ask, rk__clock_ns(), &answer);
        /* The agent has posted its receive before it asked: an eager message of 40 bytes does not wait. */
        MPI_Send(&answer, sizeof answer, MPI_BYTE, from.MPI_SOURCE, RK__TAG_SPAN, comm);
    }
}

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
    uint64_t done = session->before.tasks_done + counts.tasks;
    rk__progress progress = {.tasks = rk__schema_part_tasks(&session->job->schema),
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
    if (atomic_load(&session->flush_failed))
        return;
    for (uint32_t i = 0; i < session->lane_count; i++)
        if (rk__stage_flush_older(session->lanes[i].stage, FLUSH_AGE_NS, &err) != RK_OK) {
            session->flush_error = err;
            atomic_store(&session->flush_failed, 1);
            atomic_store(&window->drain, 1);
            return;
        }
    for (uint32_t i = 0; i < session->lane_count; i++)
        stamp_settled(&session->lanes[i], now - FLUSH_AGE_NS);
}

static void serve_messages(rk__session_run *session, agent *own, uint64_t now) {
    pthread_mutex_lock(&session->mpi_lock);
    if (session->world->rank != 0) {
        ask_by_message(session, own, now);
    } else {
        answer_agents(session);
        if (session->gathers)
            rk__courier_answer(session->courier);
    }
    pthread_mutex_unlock(&session->mpi_lock);
}

/* Once all blocks are claimed the end may be near: naps begin short again, and grow (*growing_ns: the next of them). */
static void nap(rk__session_run *session, bool messages, uint64_t *growing_ns) {
    if (messages) {
        rk__sleep_ns(TICK_MPI_NS);
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
    const rk__world *world = session->world;
    bool messages = world->node_count > 1 && world->node_rank == 0, conducts = world->rank == 0;
    agent own = {.sending = MPI_REQUEST_NULL, .receiving = MPI_REQUEST_NULL};
    display shown = {.shown_ns = session->start_ns, .rate_ns = session->start_ns};
    uint64_t tended_ns = 0, nap_ns = NAP_MIN_NS;
    pid_t parent = getppid();
    while (!atomic_load(&session->go) && !atomic_load(&session->quit))
        rk__sleep_ns(TICK_MPI_NS);
    while (!atomic_load(&session->quit)) {
        uint64_t now = rk__clock_ns();
        if (now - tended_ns >= TICK_NS) {
            tend_rank(session, now);
            tended_ns = now;
        }
        if (world->node_rank == 0)
            rk__search_tick(&own.search, session->segment.window, now);
        if (conducts) {
            ask_directly(session, &own, now);
            limit_failures(session);
        }
        if (messages)
            serve_messages(session, &own, now);
        if (conducts)
            show_progress(session, &shown, now);
        if (getppid() != parent)
            _exit(RK_EXIT_STOPPED); /* mpirun is gone: what is committed is in the file */
        nap(session, messages, &nap_ns);
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
