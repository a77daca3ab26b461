/* One session on one rank: its lanes, the service thread, the end. */
#include <stdlib.h>
#include <string.h>

#include "run/crew.h"

#define WAIT_MIN_NS UINT64_C(20000)
#define WAIT_MAX_NS UINT64_C(2000000)

static void wait_for_end(rk__session_run *session) {
    for (uint64_t wait_ns = WAIT_MIN_NS;
         atomic_load_explicit(&session->segment.window->phase, memory_order_acquire) != RK__PHASE_END;
         wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS)
        rk__sleep_ns(wait_ns);
}

uint32_t rk__session_claimers(const rk__session_run *session, int rank, uint32_t *first) {
    const rk__world *world = session->world;
    if (session->team.size == 0) {
        *first = (uint32_t)world->place_in_node[rank] * session->threads;
        return session->threads;
    }
    *first = 0;
    for (int before = 0; before < rank; before++)
        *first += world->node_of_rank[before] == world->node_of_rank[rank] && session->team.leads[before] != 0;
    return session->team.leads[rank] != 0;
}

static int cores_of_task(const rk__session_run *session) {
    int wanted = (int)session->options->cores_per_task;
    int share = session->core_count / (session->world->node_size * (int)session->threads);
    return wanted > 0 ? wanted : share > 1 ? share : 1;
}

static rk_place place_of(const rk__session_run *session, uint32_t lane) {
    const rk__world *world = session->world;
    return (rk_place){.rank = world->rank,
                      .ranks = world->size,
                      .node = world->node,
                      .node_rank = world->node_rank,
                      .thread = (int)lane,
                      .cores = cores_of_task(session),
                      .core_list = session->cores,
                      .gpu = world->gpu,
                      .task_seconds = session->options->isolation.task_seconds,
                      .kernel_at = session->job->module.path};
}

static rk_status prepare(rk__session_run *session, rk_error *err) {
    session->fenced = session->world->node != session->world->node_of_rank[0] && !session->job->identity.deterministic;
    RK_TRY(rk__world_core_list(&session->cores, &session->core_count, err));
    RK_TRY(rk__alloc((void **)&session->lanes, session->lane_count + 1, sizeof *session->lanes, "lanes", err));
    for (uint32_t i = 0; i < session->lane_count; i++) {
        session->lanes[i] = (rk__lane){.session = session,
                                       .owner = (uint32_t)session->world->rank * session->threads + i,
                                       .place = place_of(session, i)};
        RK_TRY(rk__lane_open(&session->lanes[i], err));
    }
    session->place = place_of(session, 0);
    bool follows = session->team.comm != MPI_COMM_NULL && session->lane_count == 0;
    return follows ? rk__team_join(session, &session->place, err) : RK_OK;
}

/* ---- lanes that are threads ---- */

static void *run_lane(void *ctx) {
    rk__lane *lane = ctx;
    rk__lane_work(lane, &lane->error);
    return NULL;
}

/* A thread that cannot be started is a claimer that has finished already: the others do its share. */
static void start_lanes(rk__session_run *session) {
    for (uint32_t i = 1; i < session->lane_count; i++) {
        rk__lane *lane = &session->lanes[i];
        lane->error = (rk_error)RK_ERROR_INIT;
        lane->has_thread = rk__thread_start(&lane->thread, false, run_lane, lane) == 0;
        if (!lane->has_thread)
            rk__claimer_finish(&lane->claimer);
    }
}

/* What went wrong first, by the number of the lane. */
static rk_status join_lanes(rk__session_run *session, rk_status status, rk_error *err) {
    for (uint32_t i = 1; i < session->lane_count; i++) {
        rk__lane *lane = &session->lanes[i];
        if (lane->has_thread)
            pthread_join(lane->thread, NULL);
        lane->has_thread = false;
        if (status == RK_OK && lane->error.code != RK_OK) {
            *err = lane->error;
            status = err->code;
        }
    }
    return status;
}

/* The first lane's; a rank that follows a leader works for that; one that is left over waits. */
static rk_status work(rk__session_run *session, rk_error *err) {
    if (session->member != NULL)
        return rk__team_follow(session, err);
    if (session->lane_count == 0)
        return RK_OK;
    rk_status status = rk__lane_work(&session->lanes[0], err);
    rk__team_dismiss(&session->team);
    return status;
}

rk_status rk__session_start(rk__session_run *session, rk_error *err) {
    RK_TRY(rk__world_agree(session->world, prepare(session, err), err));
    session->start_ns = rk__clock_ns();
    RK_TRY(rk__world_agree(session->world, rk__service_start(session, err), err));
    rk__crew_open(session->crew, session);
    return rk__world_agree(session->world, rk__syncer_start(session, err), err);
}

rk_status rk__session_work(rk__session_run *session, rk_error *err) {
    rk__crew_compute(session->crew);
    rk__crash_begin(session);
    atomic_store(&session->go, true);
    start_lanes(session);
    rk_status status = work(session, err);
    status = join_lanes(session, status, err);
    rk__crash_end();
    wait_for_end(session);
    session->seconds_ns = rk__clock_ns() - session->start_ns;
    rk__service_stop(session);
    rk_status synced = rk__syncer_stop(session, status == RK_OK ? err : NULL);
    status = status == RK_OK ? synced : status;
    if (status == RK_OK && atomic_load(&session->flush_failed)) {
        *err = session->flush_error;
        status = err->code;
    }
    return status;
}
