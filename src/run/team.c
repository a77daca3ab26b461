/* Teams: k ranks that compute a task together. Made before the first task, of consecutive ranks of a node where a node
 * has k; else of consecutive ranks of the run. The first rank of a team leads: it alone claims, stages and commits; the
 * others follow its orders, one broadcast a task, and only their verdict counts. Ranks that are left over wait.
 *
 *   leader                             members
 *   order {task, attempt}  -- bcast -->
 *   kernel                             kernel
 *   verdict            <-- allreduce ->  verdict        the lowest rank that failed, if any
 *   its message        <--- bcast ---
 *   ...
 *   order {end}            -- bcast -->
 *
 * MPI is called by the main thread during tasks here, and by the mail's where there are several nodes: crew.c sees that
 * it may. */
#include <stdlib.h>
#include <string.h>

#include "run/run_private.h"

typedef struct order {
    uint64_t task; /* UINT64_MAX: that was all */
    uint64_t attempt;
} order;

typedef struct verdict {
    int code;
    char message[RK__FAILURE_TEXT_MAX];
} verdict;

/* ---- making them ---- */

rk_status rk__team_check(const rk__world *world, int size, rk_error *err) {
    if (world->size < size)
        return rk__fail(err, RK_EINVAL, "each task takes %d ranks, and there %s %d: start with -n %d or more", size,
                        world->size == 1 ? "is" : "are", world->size, size);
    return RK_OK;
}

/* The team of this rank by number, MPI_UNDEFINED: none. */
static int number_of(const rk__world *world, int size, bool within_nodes) {
    if (!within_nodes)
        return world->rank / size < world->size / size ? world->rank / size : MPI_UNDEFINED;
    bool has_place = world->node_rank / size < world->node_size / size;
    return has_place ? world->node_leader[world->node] + world->node_rank / size : MPI_UNDEFINED;
}

static rk_status split(rk__team *team, const rk__world *world, rk_error *err) {
    int largest = world->node_size;
    RK_TRY(rk__mpi(MPI_Allreduce(MPI_IN_PLACE, &largest, 1, MPI_INT, MPI_MAX, world->comm), "MPI_Allreduce", err));
    int number = number_of(world, team->size, largest >= team->size);
    team->own = number == MPI_UNDEFINED ? -1 : number;
    RK_TRY(rk__mpi(MPI_Comm_split(world->comm, number, world->rank, &team->comm), "MPI_Comm_split", err));
    if (team->comm == MPI_COMM_NULL)
        return RK_OK;
    RK_TRY(rk__mpi(MPI_Comm_set_errhandler(team->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", err));
    return rk__mpi(MPI_Comm_rank(team->comm, &team->rank), "MPI_Comm_rank", err);
}

/* Who leads one, and which ranks are in one team. */
static rk_status count_leaders(rk__team *team, const rk__world *world, rk_error *err) {
    int leads = team->comm != MPI_COMM_NULL && team->rank == 0;
    RK_TRY(rk__alloc((void **)&team->leads, (size_t)world->size, sizeof *team->leads, "teams", err));
    RK_TRY(rk__alloc((void **)&team->number, (size_t)world->size, sizeof *team->number, "teams", err));
    RK_TRY(rk__mpi(MPI_Allgather(&team->own, 1, MPI_INT, team->number, 1, MPI_INT, world->comm), "MPI_Allgather", err));
    return rk__mpi(MPI_Allgather(&leads, 1, MPI_INT, team->leads, 1, MPI_INT, world->comm), "MPI_Allgather", err);
}

rk_status rk__team_create(rk__team *team, const rk__world *world, int size, rk_error *err) {
    *team = (rk__team){.comm = MPI_COMM_NULL, .size = size};
    if (size == 0)
        return RK_OK;
    RK_TRY(rk__team_check(world, size, err));
    RK_TRY(split(team, world, err));
    return count_leaders(team, world, err);
}

void rk__team_destroy(rk__team *team) {
    if (team->size > 0 && team->comm != MPI_COMM_NULL)
        MPI_Comm_free(&team->comm);
    free(team->leads);
    free(team->number);
    team->leads = team->number = NULL;
}

bool rk__team_has(const rk__team *team, int rank) {
    return team->size > 0 && team->own >= 0 && team->number[rank] == team->own;
}

/* ---- a task, on all of them ---- */

static void broadcast(rk__team *team, order *what) {
    MPI_Bcast(what, sizeof *what, MPI_BYTE, 0, team->comm);
}

static void begin(void *ctx, uint64_t task, uint32_t attempt) {
    order what = {task, attempt};
    broadcast(ctx, &what);
}

/* The message of the lowest rank that failed becomes everybody's. */
static void agree(void *ctx, int *code, char *message, size_t size) {
    rk__team *team = ctx;
    verdict told;
    int lowest = *code != RK_OK ? team->rank : team->size;
    MPI_Allreduce(MPI_IN_PLACE, &lowest, 1, MPI_INT, MPI_MIN, team->comm);
    if (lowest == team->size)
        return;
    memset(&told, 0, sizeof told);
    told.code = *code;
    memcpy(told.message, message, strnlen(message, sizeof told.message - 1));
    MPI_Bcast(&told, sizeof told, MPI_BYTE, lowest, team->comm);
    *code = told.code;
    memcpy(message, told.message, size < sizeof told.message ? size : sizeof told.message);
    message[size - 1] = '\0';
}

rk__exec_team rk__team_for_exec(rk__team *team) {
    if (team->size == 0)
        return (rk__exec_team){.size = 1};
    return (rk__exec_team){
        .comm = &team->comm, .rank = team->rank, .size = team->size, .begin = begin, .agree = agree, .ctx = team};
}

void rk__team_dismiss(rk__team *team) {
    if (team->size > 0)
        begin(team, UINT64_MAX, 0);
}

/* ---- the members ---- */

static rk_status create_exec(rk__session_run *session, const rk_place *place, rk__exec **exec, rk_error *err) {
    const rk__job *job = session->job;
    rk__exec_options options = {.kernel = job->module.kernel,
                                .space = job->space,
                                .schema = &job->schema,
                                .reducer = job->reducer,
                                .seed = job->identity.seed,
                                .place = place,
                                .team = rk__team_for_exec(&session->team)};
    return rk__exec_create(exec, &options, err);
}

rk_status rk__team_join(rk__session_run *session, const rk_place *place, rk_error *err) {
    return create_exec(session, place, &session->member, err);
}

rk_status rk__team_follow(rk__session_run *session, rk_error *err) {
    order what = {0};
    rk_status status = rk__fault_watch(rk__exec_watch_of(session->member), err);
    for (;;) {
        broadcast(&session->team, &what);
        if (what.task == UINT64_MAX) {
            rk__fault_unwatch();
            return status;
        }
        rk_status one = rk__exec_follow(session->member, what.task, (uint32_t)what.attempt, err);
        status = status == RK_OK ? one : status;
    }
}
