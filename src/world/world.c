#include "world/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world/rank.h"

static void ask_for_sockets(void) {
    char bytes[24];
    snprintf(bytes, sizeof bytes, "%d", RK__SOCKET_BYTES);
    setenv(RK__SOCKET_VARIABLE, bytes, 0);
}

static rk_status start_mpi(rk__world *world, rk_error *err) {
    int initialized = 0, finalized = 0, level = MPI_THREAD_SINGLE;
    MPI_Initialized(&initialized);
    MPI_Finalized(&finalized);
    if (finalized)
        return rk__fail(err, RK_EMPI, "MPI was finalized already: make the world before MPI_Finalize");
    if (initialized) {
        RK_TRY(rk__mpi(MPI_Query_thread(&level), "MPI_Query_thread", err));
    } else {
        ask_for_sockets();
        RK_TRY(rk__mpi(MPI_Init_thread(NULL, NULL, MPI_THREAD_MULTIPLE, &level), "MPI_Init_thread", err));
        world->owns_mpi = true;
        MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    }
    world->multiple = level == MPI_THREAD_MULTIPLE;
    if (level < MPI_THREAD_SERIALIZED)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "this MPI gives thread level %d, MPI_THREAD_SERIALIZED (%d) is needed: build Open MPI with "
                        "thread support, or initialise MPI with MPI_Init_thread",
                        level, MPI_THREAD_SERIALIZED);
    return RK_OK;
}

static rk_status duplicate_world(rk__world *world, rk_error *err) {
    RK_TRY(rk__mpi(MPI_Comm_dup(MPI_COMM_WORLD, &world->comm), "MPI_Comm_dup", err));
    RK_TRY(rk__mpi(MPI_Comm_set_errhandler(world->comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", err));
    RK_TRY(rk__mpi(MPI_Comm_rank(world->comm, &world->rank), "MPI_Comm_rank", err));
    return rk__mpi(MPI_Comm_size(world->comm, &world->size), "MPI_Comm_size", err);
}

/* Ranks per made-up node, 0 for the real nodes. */
static rk_status node_ranks_wanted(int *out, rk_error *err) {
    const char *text = getenv("RANKINE_NODE_RANKS");
    uint64_t value = 0;
    if (text != NULL && (!rk__parse_u64(text, &value) || value == 0 || value > INT32_MAX))
        return rk__fail(err, RK_EINVAL, "RANKINE_NODE_RANKS=%s: must be a number of ranks, 1 or more", text);
    *out = (int)value;
    return RK_OK;
}

static rk_status split_nodes(rk__world *world, rk_error *err) {
    int node_ranks = 0;
    rk_status local = node_ranks_wanted(&node_ranks, err);
    RK_TRY(rk__world_agree(world, local, err));
    if (node_ranks > 0)
        RK_TRY(rk__mpi(MPI_Comm_split(world->comm, world->rank / node_ranks, world->rank, &world->node_comm),
                       "MPI_Comm_split", err));
    else
        RK_TRY(rk__mpi(
            MPI_Comm_split_type(world->comm, MPI_COMM_TYPE_SHARED, world->rank, MPI_INFO_NULL, &world->node_comm),
            "MPI_Comm_split_type", err));
    RK_TRY(rk__mpi(MPI_Comm_set_errhandler(world->node_comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler", err));
    RK_TRY(rk__mpi(MPI_Comm_rank(world->node_comm, &world->node_rank), "MPI_Comm_rank", err));
    return rk__mpi(MPI_Comm_size(world->node_comm, &world->node_size), "MPI_Comm_size", err);
}

/* In: node_of_rank[r] is the lowest rank of r's node. Out: node numbers, in the order of their lowest ranks. A node's
 * leader comes before its other ranks, so its number is known when they are met. */
static void number_nodes(rk__world *world) {
    for (int rank = 0; rank < world->size; rank++) {
        int leader = world->node_of_rank[rank];
        if (leader == rank) {
            world->node_leader[world->node_count] = rank;
            world->node_of_rank[rank] = world->node_count++;
        } else {
            world->node_of_rank[rank] = world->node_of_rank[leader];
        }
    }
    world->node = world->node_of_rank[world->rank];
}

static rk_status map_nodes(rk__world *world, rk_error *err) {
    int leader = world->rank;
    RK_TRY(rk__mpi(MPI_Bcast(&leader, 1, MPI_INT, 0, world->node_comm), "MPI_Bcast", err));
    size_t size = (size_t)world->size;
    rk_status local = rk__alloc((void **)&world->node_of_rank, size, sizeof(int), "the map of nodes", err);
    if (local == RK_OK)
        local = rk__alloc((void **)&world->node_leader, size, sizeof(int), "the map of nodes", err);
    if (local == RK_OK)
        local = rk__alloc((void **)&world->place_in_node, size, sizeof(int), "the map of nodes", err);
    RK_TRY(rk__world_agree(world, local, err));
    RK_TRY(rk__mpi(MPI_Allgather(&leader, 1, MPI_INT, world->node_of_rank, 1, MPI_INT, world->comm), "MPI_Allgather",
                   err));
    number_nodes(world);
    return rk__mpi(MPI_Allgather(&world->node_rank, 1, MPI_INT, world->place_in_node, 1, MPI_INT, world->comm),
                   "MPI_Allgather", err);
}

static void name_host(rk__world *world) {
    if (gethostname(world->host, sizeof world->host) != 0)
        strcpy(world->host, "?");
    world->host[sizeof world->host - 1] = '\0'; /* POSIX leaves a truncated name unterminated */
}

rk_status rk__world_init(rk__world *world, rk_error *err) {
    rk__world made = {.comm = MPI_COMM_NULL, .node_comm = MPI_COMM_NULL};
    rk__rank_launch launch = rk__rank_launch_read();
    rk_status status = start_mpi(&made, err);
    if (status == RK_OK)
        status = duplicate_world(&made, err);
    if (status == RK_OK)
        status = rk__rank_launch_check(&launch, made.size, err);
    if (status == RK_OK)
        status = split_nodes(&made, err);
    if (status == RK_OK)
        status = map_nodes(&made, err);
    if (status != RK_OK) {
        rk__world_fini(&made);
        return status;
    }
    name_host(&made);
    made.gpu = rk__world_choose_gpu(made.node_rank);
    *world = made;
    return RK_OK;
}

rk_status rk__world_init_apart(rk__world *world, rk_error *err) {
    rk__world made = {.comm = MPI_COMM_WORLD, .node_comm = MPI_COMM_NULL, .gpu = -1};
    rk__rank_launch launch = rk__rank_launch_read();
    rk_status status = start_mpi(&made, err);
    if (status == RK_OK)
        status = rk__mpi(MPI_Comm_rank(made.comm, &made.rank), "MPI_Comm_rank", err);
    if (status == RK_OK)
        status = rk__mpi(MPI_Comm_size(made.comm, &made.size), "MPI_Comm_size", err);
    if (status == RK_OK)
        status = rk__rank_launch_check(&launch, made.size, err);
    if (status != RK_OK) {
        rk__world_fini(&made);
        return status;
    }
    name_host(&made);
    *world = made;
    return RK_OK;
}

static void free_comm(MPI_Comm *comm) {
    if (*comm != MPI_COMM_NULL && *comm != MPI_COMM_WORLD)
        MPI_Comm_free(comm);
}

void rk__world_fini(rk__world *world) {
    if (world == NULL)
        return;
    free_comm(&world->node_comm);
    free_comm(&world->comm);
    free(world->node_of_rank);
    free(world->node_leader);
    free(world->place_in_node);
    if (world->owns_mpi)
        MPI_Finalize();
    *world = (rk__world){.comm = MPI_COMM_NULL, .node_comm = MPI_COMM_NULL};
}
