/* Letters between ranks of one node and of several (RANKINE_NODE_RANKS). `rate` prints the time of a question and its
 * answer beside that of an MPI ping-pong. */
#include "../unit/mail_checks.h"

#include "mail/link_mpi.h"

typedef struct setting {
    rk__world world;
    rk__shared shared;
    int *place_in_node;
    rk__mail *mail;
} setting;

static void init_arena(void *memory, const uint64_t nonce[2], void *ctx) {
    static const size_t none[RK__ROOM_COUNT];
    rk__arena_init(memory, nonce, *(const uint32_t *)ctx, 0, none);
}

static rk_status set_up(setting *self, bool crowded, rk_error *err) {
    static const size_t none[RK__ROOM_COUNT];
    RK_TRY(rk__world_init(&self->world, err));
    const rk__world *world = &self->world;
    uint32_t node_ranks = (uint32_t)world->node_size;
    rk__share_plan plan = {rk__arena_bytes(node_ranks, 0, none), init_arena, &node_ranks};
    RK_TRY(rk__world_share(world, &plan, &self->shared, err));
    RK_TRY(rk__alloc((void **)&self->place_in_node, (size_t)world->size, sizeof(int), "places", err));
    for (int r = 0; r < world->size; r++)
        for (int before = 0; before < r; before++)
            self->place_in_node[r] += world->node_of_rank[before] == world->node_of_rank[r];
    rk__mail_place place = {.endpoint = (uint32_t)world->rank,
                            .ranks = (uint32_t)world->size,
                            .node_of_rank = world->node_of_rank,
                            .place_in_node = self->place_in_node,
                            .node_ranks = node_ranks,
                            .arena = self->shared.memory,
                            .crowded = crowded};
    if (world->node_count > 1)
        RK_TRY(rk__link_mpi_create(&place.link, world, err));
    RK_TRY(rk__mail_create(&self->mail, &place, err));
    attach_counter(self->mail);
    return RK_OK;
}

static void tear_down(setting *self) {
    rk__mail_destroy(self->mail);
    rk__unshare(&self->shared);
    free(self->place_in_node);
    rk__world_fini(&self->world);
}

/* ---- how fast ---- */

enum { ROUNDS = 100000 };

static double seconds_a_question(rk__mail *mail) {
    uint64_t begin = rk__clock_ns();
    for (int i = 0; i < ROUNDS; i++) {
        rk__letter question = {.to = 1, .room = RK__ROOM_CHANNEL, .op = OP_ECHO};
        CHECK(rk__mail_ask(mail, &question, RK__NEVER, NULL, NULL) == RK_OK);
    }
    return (double)(rk__clock_ns() - begin) * 1e-9 / ROUNDS;
}

static double seconds_a_ping_pong(const rk__world *world) {
    char byte = 0;
    uint64_t begin = rk__clock_ns();
    for (int i = 0; i < ROUNDS && world->rank < 2; i++) {
        if (world->rank == 0)
            MPI_Send(&byte, 1, MPI_BYTE, 1, 99, world->comm);
        MPI_Recv(&byte, 1, MPI_BYTE, 1 - world->rank, 99, world->comm, MPI_STATUS_IGNORE);
        if (world->rank == 1)
            MPI_Send(&byte, 1, MPI_BYTE, 0, 99, world->comm);
    }
    return (double)(rk__clock_ns() - begin) * 1e-9 / ROUNDS;
}

static bool told_to_end(void *ctx) {
    const counter *self = ctx;
    return self->count[0] > 0;
}

static void measure(setting *self) {
    rk__mail *mail = rk__enter(NULL);
    if (self->world.rank == 0) {
        seconds_a_question(mail);
        printf("question and answer %.0f ns", seconds_a_question(mail) * 1e9);
        rk__letter end = {.to = 1, .room = RK__ROOM_CHANNEL, .op = OP_COUNT};
        rk__mail_send(mail, &end, RK__PAYLOAD_COPY, NULL);
    } else {
        rk__wait(mail, told_to_end, rk__mail_room(mail, RK__ROOM_CHANNEL), RK__NEVER);
    }
    rk__leave(mail);
    MPI_Barrier(self->world.comm);
    double mpi = seconds_a_ping_pong(&self->world);
    if (self->world.rank == 0)
        printf(", MPI ping-pong %.0f ns\n", mpi * 1e9);
}

int main(int argc, char **argv) {
    bool rate = argc > 1 && strcmp(argv[1], "rate") == 0;
    setting self = {.shared = {.fd = -1}};
    rk_error err = RK_ERROR_INIT;
    if (set_up(&self, !rate, &err) != RK_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    uint32_t rank = (uint32_t)self.world.rank, ranks = (uint32_t)self.world.size;
    MPI_Barrier(self.world.comm); /* rooms are there before letters come */
    if (rate) {
        measure(&self);
    } else {
        send_to_all(rank, ranks);
        ask_around(rank, ranks);
        MPI_Barrier(self.world.comm); /* the computing rank's neighbours are not still asking */
        compute_or_ask(rank, ranks);
    }
    MPI_Barrier(self.world.comm);
    tear_down(&self);
    return 0;
}
