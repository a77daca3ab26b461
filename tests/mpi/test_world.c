/* The world on any number of ranks. Each check is a collective verdict: one rank's failure fails the program, and its
 * message comes once. Run with RANKINE_NODE_RANKS unset and set. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "world/world.h"

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            return rk__fail(err, RK_EINVAL, "%s:%d: %s", __FILE__, __LINE__, #condition);                              \
    } while (0)

typedef rk_status (*check_fn)(const rk__world *world, rk_error *err);

/* ---- nodes ---- */

static rk_status nodes_cover_all_ranks_in_order(const rk__world *world, rk_error *err) {
    int seen = 0;
    for (int rank = 0; rank < world->size; rank++) {
        int node = world->node_of_rank[rank];
        CHECK(node >= 0 && node <= seen && node < world->node_count);
        if (node == seen) {
            CHECK(world->node_leader[node] == rank);
            seen++;
        }
    }
    CHECK(seen == world->node_count);
    return RK_OK;
}

static rk_status own_place_agrees_with_the_map(const rk__world *world, rk_error *err) {
    int before = 0, members = 0;
    for (int rank = 0; rank < world->size; rank++) {
        bool mine = world->node_of_rank[rank] == world->node;
        members += mine;
        before += mine && rank < world->rank;
    }
    CHECK(world->node_of_rank[world->rank] == world->node);
    CHECK(world->node_rank == before);
    CHECK(world->node_size == members);
    int size = 0;
    MPI_Comm_size(world->node_comm, &size);
    CHECK(size == members);
    return RK_OK;
}

static rk_status asked_for_nodes_are_made(const rk__world *world, rk_error *err) {
    const char *text = getenv("RANKINE_NODE_RANKS");
    if (text == NULL) {
        CHECK(world->node_count == 1); /* tests run on one host */
        return RK_OK;
    }
    int ranks = atoi(text);
    CHECK(world->node_count == (world->size + ranks - 1) / ranks);
    CHECK(world->node == world->rank / ranks);
    return RK_OK;
}

static rk_status host_is_named(const rk__world *world, rk_error *err) {
    char host[256] = "";
    gethostname(host, sizeof host - 1);
    CHECK(strncmp(world->host, host, sizeof world->host - 1) == 0);
    return RK_OK;
}

static rk_status communicators_are_private_and_return_errors(const rk__world *world, rk_error *err) {
    int relation = MPI_IDENT;
    MPI_Comm_compare(world->comm, MPI_COMM_WORLD, &relation);
    CHECK(relation == MPI_CONGRUENT);
    rk_error failure = RK_ERROR_INIT;
    int code = MPI_Send(NULL, 0, MPI_BYTE, world->size, 0, world->comm);
    CHECK(rk__mpi(code, "MPI_Send", &failure) == RK_EMPI);
    CHECK(strstr(failure.message, "MPI_Send") != NULL && strstr(failure.message, "rank") != NULL);
    code = MPI_Send(NULL, 0, MPI_BYTE, world->node_size, 0, world->node_comm);
    CHECK(rk__mpi(code, "MPI_Send", NULL) == RK_EMPI);
    CHECK(rk__mpi(MPI_SUCCESS, "MPI_Send", NULL) == RK_OK);
    return RK_OK;
}

static rk_status threads_may_take_turns(const rk__world *world, rk_error *err) {
    (void)world;
    int level = MPI_THREAD_SINGLE;
    MPI_Query_thread(&level);
    CHECK(level >= MPI_THREAD_SERIALIZED);
    return RK_OK;
}

static rk_status started_by_mpirun_we_are_ranks(const rk__world *world, rk_error *err) {
    (void)world;
    bool am_rank = false;
    RK_TRY(rk__world_am_rank(&am_rank, err));
    CHECK(am_rank);
    return RK_OK;
}

/* ---- agreement ---- */

static rk_status success_is_agreed_and_leaves_the_error_alone(const rk__world *world, rk_error *err) {
    rk_error own = RK_ERROR_INIT;
    CHECK(rk__world_agree(world, RK_OK, &own) == RK_OK);
    CHECK(own.code == RK_OK && own.rank == -1);
    return RK_OK;
}

/* Of several nodes the message names the host first. */
static bool ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && strcmp(text + length - tail, end) == 0;
}

static rk_status lowest_failing_rank_speaks_for_all(const rk__world *world, rk_error *err) {
    rk_error own = RK_ERROR_INIT;
    int lowest = world->size / 2;
    rk_status local = RK_OK;
    if (world->rank >= lowest)
        local = rk__fail(&own, world->rank == lowest ? RK_EFORMAT : RK_EIO, "rank %d failed", world->rank);
    char expected[64];
    snprintf(expected, sizeof expected, "rank %d failed", lowest);
    CHECK(rk__world_agree(world, local, &own) == RK_EFORMAT);
    CHECK(own.code == RK_EFORMAT && own.rank == lowest);
    CHECK(ends_with(own.message, expected));
    return RK_OK;
}

static rk_status failure_without_text_gets_one(const rk__world *world, rk_error *err) {
    rk_error own = RK_ERROR_INIT;
    bool failing = world->rank == world->size - 1;
    CHECK(rk__world_agree(world, failing ? RK_EOVERFLOW : RK_OK, &own) == RK_EOVERFLOW);
    CHECK(ends_with(own.message, rk_status_text(RK_EOVERFLOW)));
    CHECK(own.rank == world->size - 1);
    CHECK(rk__world_agree(world, RK_EINVAL, NULL) == RK_EINVAL);
    return RK_OK;
}

/* ---- broadcast ---- */

static unsigned char pattern(size_t i) {
    return (unsigned char)(i * 2654435761u >> 7);
}

static rk_status broadcast_of(const rk__world *world, size_t size, int root, rk_error *err) {
    unsigned char *bytes = calloc(size + 1, 1);
    if (bytes == NULL)
        return rk__fail(err, RK_ENOMEM, "no %zu bytes", size);
    for (size_t i = 0; i < size && world->rank == root; i++)
        bytes[i] = pattern(i);
    rk_status status = rk__world_bcast(world->comm, bytes, size, root, err);
    size_t wrong = bytes[size] != 0;
    for (size_t i = 0; i < size; i++)
        wrong += bytes[i] != pattern(i);
    free(bytes);
    if (status == RK_OK && wrong != 0)
        return rk__fail(err, RK_EINVAL, "%zu of %zu bytes from rank %d differ", wrong, size, root);
    return status;
}

static rk_status broadcast_brings_every_byte(const rk__world *world, rk_error *err) {
    static const size_t sizes[] = {0, 1, 4097, 3000001};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        RK_TRY(broadcast_of(world, sizes[i], (int)i % world->size, err));
    return RK_OK;
}

/* More than one MPI_Bcast can carry; asked for by argument, for it takes 2 GiB and more of memory per rank. */
static rk_status huge_broadcast(const rk__world *world, rk_error *err) {
    return broadcast_of(world, ((size_t)1 << 31) + 12345, 0, err);
}

/* ---- the program ---- */

typedef struct check {
    const char *name;
    check_fn run;
} check;

static int run_checks(const rk__world *world, const check *checks, size_t count) {
    int failures = 0;
    for (size_t i = 0; i < count; i++) {
        rk_error err = RK_ERROR_INIT;
        rk_status status = rk__world_agree(world, checks[i].run(world, &err), &err);
        failures += status != RK_OK;
        if (world->rank == 0)
            printf("%s %s%s%s\n", status == RK_OK ? "ok  " : "FAIL", checks[i].name, status == RK_OK ? "" : ": ",
                   err.message);
    }
    return failures;
}

/* What a run does with a bad setting: the same error everywhere, and nothing held. MPI cannot start twice, so it is
 * made beforehand. */
static int refuse_bad_node_ranks(void) {
    int level, rank, failures;
    MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level);
    setenv("RANKINE_NODE_RANKS", "0", 1);
    rk__world world;
    rk_error err = RK_ERROR_INIT;
    failures = rk__world_init(&world, &err) != RK_EINVAL || strstr(err.message, "RANKINE_NODE_RANKS=0") == NULL ||
               err.rank != 0;
    setenv("RANKINE_NODE_RANKS", "1", 1);
    failures += rk__world_init(&world, &err) != RK_OK;
    failures += world.owns_mpi || world.node_size != 1;
    rk__world_fini(&world);
    rk__world_fini(&world);               /* harmless */
    MPI_Comm_rank(MPI_COMM_WORLD, &rank); /* MPI is still its owner's */
    if (rank == 0)
        printf("%s bad node size is refused\n", failures == 0 ? "ok  " : "FAIL");
    MPI_Allreduce(MPI_IN_PLACE, &failures, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
    MPI_Finalize();
    return failures;
}

int main(int argc, char **argv) {
    static const check checks[] = {{"nodes cover all ranks in order", nodes_cover_all_ranks_in_order},
                                   {"own place agrees with the map", own_place_agrees_with_the_map},
                                   {"asked-for nodes are made", asked_for_nodes_are_made},
                                   {"host is named", host_is_named},
                                   {"communicators are private", communicators_are_private_and_return_errors},
                                   {"threads may take turns", threads_may_take_turns},
                                   {"started by mpirun we are ranks", started_by_mpirun_we_are_ranks},
                                   {"success is agreed", success_is_agreed_and_leaves_the_error_alone},
                                   {"lowest failing rank speaks for all", lowest_failing_rank_speaks_for_all},
                                   {"failure without text gets one", failure_without_text_gets_one},
                                   {"broadcast brings every byte", broadcast_brings_every_byte}};
    static const check huge[] = {{"huge broadcast", huge_broadcast}};
    if (argc > 1 && strcmp(argv[1], "bad-nodes") == 0)
        return refuse_bad_node_ranks() != 0;
    rk__world world;
    rk_error err = RK_ERROR_INIT;
    if (rk__world_init(&world, &err) != RK_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    int failures = argc > 1 && strcmp(argv[1], "huge") == 0
                       ? run_checks(&world, huge, 1)
                       : run_checks(&world, checks, sizeof checks / sizeof *checks);
    rk__world_fini(&world);
    return failures != 0;
}
