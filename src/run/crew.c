#include "run/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rankine/command.h>

#include "mail/link_mpi.h"

#define NAP_AGENT_NS   UINT64_C(500000) /* the price is 7 % of a core at most */
#define NAP_PREPARE_NS UINT64_C(500000000)
#define NAP_OTHER_NS   UINT64_C(20000000)   /* they get letters in the end only, or when they follow an agent */
#define STOPPED_NS     UINT64_C(8000000000) /* less than the silence that makes a node lost */

enum { OP_DONE = 1, OP_PART }; /* the others: rk__crew_op */

typedef struct farewell { /* of a rank, to rank 0: what DONE brings */
    uint64_t peak_bytes;
    int32_t status;
    int32_t rank;
    char message[RK_ERROR_TEXT_MAX];
} farewell;

struct rk__crew {
    const rk__world *world;
    rk__mail *mail; /* NULL: one rank, alone */
    rk__shared shared;
    rk__crew_phase phase;
    rk__session_run *session; /* from the first task to the last */
    bool *lost;               /* [size] */
    uint32_t lost_count;
    /* rank 0 */
    char (*hosts)[sizeof(((rk__world *)0)->host)]; /* [size] */
    bool *done;                                    /* [size] */
    farewell first_failure;                        /* of the lowest rank */
    uint64_t peak_bytes;
    uint32_t left_behind; /* ranks that we did not wait for */
    bool broken;
    /* the others */
    bool parted;
};

/* ---- deaths ---- */

/* Nobody else does where a person has typed mpirun: cut off from the host of rank 0 it waits for that for ever. */
static void say_rank_0_is_lost(const rk__crew *crew) {
    if (rk__launch_is_watched() || !rk__crew_is_agent(crew))
        return;
    fprintf(
        stderr,
        "rankine: rank 0 on %s is not heard of any more: the ranks on %s end; what is committed is kept, for rankine "
        "resume; should mpirun stay, end it by Ctrl-C\n",
        rk__crew_host(crew, 0), crew->world->host);
}

/* Who has died is needed here: in the collectives of the beginning, or in the team; and rank 0 always. */
static _Noreturn void end_here(const rk__crew *crew, uint32_t rank) {
    if (crew->world->rank == 0)
        fprintf(stderr, "%srankine: rank %u has died %s\n", rk__launch_tty_columns() > 0 ? "\r\033[K" : "", rank,
                crew->phase == RK__CREW_PREPARES ? "while the run was being prepared"
                                                 : "in a task that rank 0 computes with it");
    else if (rank == 0)
        say_rank_0_is_lost(crew);
    _exit(RK_EXIT_STOPPED);
}

static void died(void *ctx, uint32_t endpoint) {
    rk__crew *crew = ctx;
    if (crew->phase == RK__CREW_PARTED)
        return;
    crew->lost[endpoint] = true;
    crew->lost_count++;
    bool needed = endpoint == 0 || crew->phase == RK__CREW_PREPARES;
    if (needed || (crew->session != NULL && rk__team_has(&crew->session->team, (int)endpoint)))
        end_here(crew, endpoint);
}

bool rk__crew_has_lost(const rk__crew *crew, int rank) {
    return crew->lost[rank];
}

const char *rk__crew_host(const rk__crew *crew, int rank) {
    return crew->hosts[rank];
}

const char (*rk__crew_hosts(const rk__crew *crew))[64] {
    return (const char(*)[64])crew->hosts;
}

uint32_t rk__crew_losses(const rk__crew *crew) {
    return crew->lost_count;
}

bool rk__crew_is_agent(const rk__crew *crew) {
    const rk__world *world = crew->world;
    for (int rank = world->node_leader[world->node]; rank < world->rank; rank++)
        if (world->node_of_rank[rank] == world->node && !crew->lost[rank])
            return false;
    return true;
}

/* ---- letters ---- */

static void take_farewell(rk__crew *crew, const rk__letter *letter) {
    farewell told;
    if (letter->size != sizeof told || letter->from >= (uint32_t)crew->world->size)
        return;
    memcpy(&told, letter->bytes, sizeof told);
    crew->done[letter->from] = true;
    crew->peak_bytes = told.peak_bytes > crew->peak_bytes ? told.peak_bytes : crew->peak_bytes;
    if (told.status != RK_OK && (crew->first_failure.status == RK_OK || told.rank < crew->first_failure.rank))
        crew->first_failure = told;
}

static void receive(void *ctx, rk__letter *letter) {
    rk__crew *crew = ctx;
    if (letter->op == OP_DONE) {
        take_farewell(crew, letter);
    } else if (letter->op == OP_PART) {
        if (letter->a != 0)
            _exit(RK_EXIT_OK); /* MPI_Finalize would wait for the dead */
        crew->parted = true;
        crew->phase = RK__CREW_PARTED;
    } else if (crew->session != NULL) {
        rk__agent_receive(crew->session, letter);
    }
}

void rk__crew_lock(rk__crew *crew) {
    if (crew->mail != NULL)
        rk__mail_lock(crew->mail);
}

void rk__crew_unlock(rk__crew *crew) {
    if (crew->mail != NULL)
        rk__mail_unlock(crew->mail);
}

void rk__crew_send(rk__crew *crew, int rank, rk__crew_op op, void *bytes, size_t size) {
    rk__letter letter = {.to = (uint32_t)rank, .room = RK__ROOM_RUN, .op = (uint16_t)op, .size = size, .bytes = bytes};
    rk__mail_send(crew->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

rk_status rk__crew_send_rows(rk__crew *crew, int rank, rk__crew_op op, const void *head, size_t size, const void *rows,
                             size_t rows_size, rk_error *err) {
    rk__letter letter = {.to = (uint32_t)rank, .room = RK__ROOM_RUN, .op = (uint16_t)op, .size = size + rows_size};
    char *bytes;
    RK_TRY(rk__alloc((void **)&bytes, 1, size + rows_size, "rows that go by message", err));
    memcpy(bytes, head, size);
    if (rows_size > 0)
        memcpy(bytes + size, rows, rows_size);
    letter.bytes = bytes;
    return rk__mail_send(crew->mail, &letter, RK__PAYLOAD_TAKE, err);
}

void rk__crew_fence(rk__crew *crew) {
    rk__crew_lock(crew);
    bool stopped = rk__mail_pause_ns(crew->mail) > STOPPED_NS;
    rk__crew_unlock(crew);
    if (stopped)
        _exit(RK_EXIT_STOPPED);
}

void rk__crew_tune(rk__crew *crew, bool hurry) {
    rk__mail_set_link_nap(crew->mail, hurry ? NAP_AGENT_NS : NAP_OTHER_NS);
}

/* ---- making it ---- */

typedef struct arena_plan {
    uint32_t node_ranks;
    size_t room_bytes[RK__ROOM_COUNT];
} arena_plan;

static void init_arena(void *memory, const uint64_t nonce[2], void *ctx) {
    const arena_plan *plan = ctx;
    rk__arena_init(memory, nonce, plan->node_ranks, 0, plan->room_bytes);
}

static rk_status make_arena(rk__crew *crew, rk_error *err) {
    arena_plan plan = {(uint32_t)crew->world->node_size, {0}};
    rk__share_plan share = {rk__arena_bytes(plan.node_ranks, 0, plan.room_bytes), init_arena, &plan};
    return rk__world_share(crew->world, &share, &crew->shared, err);
}

/* Collectives go on in the main thread: MPI has it almost for itself, and yet a death is noticed. */
static void rest(rk__crew *crew) {
    rk__crew_lock(crew);
    rk__mail_set_link_nap(crew->mail, NAP_PREPARE_NS);
    rk__crew_unlock(crew);
}

static rk_status make_mail(rk__crew *crew, rk_error *err) {
    static const rk__room_ops ops = {receive, died, NULL};
    const rk__world *world = crew->world;
    rk__mail_place place = {.endpoint = (uint32_t)world->rank,
                            .ranks = (uint32_t)world->size,
                            .node_of_rank = world->node_of_rank,
                            .place_in_node = world->place_in_node,
                            .node_ranks = (uint32_t)world->node_size,
                            .arena = crew->shared.memory,
                            .star = true,
                            .crowded = true}; /* nobody spins: the cores are for the tasks */
    if (world->node_count > 1)
        RK_TRY(rk__link_mpi_create(&place.link, world, err));
    rk_status local = rk__mail_create(&crew->mail, &place, err);
    if (local == RK_OK) {
        rk__mail_attach(crew->mail, RK__ROOM_RUN, &ops, crew);
        rest(crew);
    }
    rk_status status = rk__world_agree(world, local, err); /* nobody writes before all can read */
    if (local != RK_OK && place.link != NULL)
        place.link->destroy(place.link); /* as those do who have a mail */
    return status;
}

static rk_status allocate(rk__crew *crew, rk_error *err) {
    size_t size = (size_t)crew->world->size;
    RK_TRY(rk__alloc((void **)&crew->lost, size, sizeof *crew->lost, "ranks", err));
    RK_TRY(rk__alloc((void **)&crew->hosts, size, sizeof *crew->hosts, "ranks", err));
    return rk__alloc((void **)&crew->done, size, sizeof *crew->done, "ranks", err);
}

static rk_status learn_hosts(rk__crew *crew, rk_error *err) {
    const rk__world *world = crew->world;
    return rk__mpi(MPI_Allgather(world->host, sizeof world->host, MPI_CHAR, crew->hosts, sizeof world->host, MPI_CHAR,
                                 world->comm),
                   "MPI_Allgather", err);
}

static rk_status assemble(rk__crew *crew, rk_error *err) {
    RK_TRY(rk__world_agree(crew->world, allocate(crew, err), err));
    RK_TRY(learn_hosts(crew, err));
    if (crew->world->size == 1)
        return RK_OK;
    if (crew->world->node_count > 1 && !crew->world->multiple)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "a run on several nodes wants an MPI with MPI_THREAD_MULTIPLE; this one has not");
    RK_TRY(make_arena(crew, err));
    return make_mail(crew, err);
}

rk_status rk__crew_create(rk__crew **out, const rk__world *world, rk_error *err) {
    rk__crew *crew;
    RK_TRY(rk__world_agree(world, rk__alloc((void **)&crew, 1, sizeof *crew, "the ranks of a run", err), err));
    crew->world = world;
    crew->shared.fd = -1;
    rk_status status = assemble(crew, err);
    if (status == RK_OK)
        *out = crew;
    else
        rk__crew_destroy(crew);
    return status;
}

void rk__crew_destroy(rk__crew *crew) {
    if (crew == NULL)
        return;
    rk__mail_destroy(crew->mail);
    rk__unshare(&crew->shared);
    free(crew->lost);
    free(crew->done);
    free(crew->hosts);
    free(crew);
}

/* ---- the way of a session ---- */

void rk__crew_open(rk__crew *crew, rk__session_run *session) {
    rk__crew_lock(crew);
    crew->session = session;
    rk__crew_unlock(crew);
}

void rk__crew_compute(rk__crew *crew) {
    rk__crew_lock(crew);
    crew->phase = RK__CREW_COMPUTES;
    if (crew->mail != NULL)
        rk__crew_tune(crew, crew->session->sends || rk__crew_is_agent(crew));
    rk__crew_unlock(crew);
}

void rk__crew_computed(rk__crew *crew) {
    rk__crew_lock(crew);
    crew->session = NULL;
    rk__crew_unlock(crew);
}

static uint64_t own_peak(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
#ifdef __APPLE__
    return (uint64_t)usage.ru_maxrss;
#else
    return (uint64_t)usage.ru_maxrss * 1024;
#endif
}

static bool has_parted(void *ctx) {
    return ((const rk__crew *)ctx)->parted;
}

void rk__crew_say_done(rk__crew *crew, rk_status status, const rk_error *err) {
    farewell told = {.peak_bytes = own_peak(), .status = (int32_t)status, .rank = crew->world->rank};
    if (status != RK_OK)
        memcpy(told.message, err->message, sizeof told.message);
    rk__mail *mail = rk__enter(NULL);
    rk__crew_tune(crew, true);
    rk__letter letter = {.room = RK__ROOM_RUN, .op = OP_DONE, .size = sizeof told, .bytes = &told};
    if (rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) != RK_OK)
        _exit(RK_EXIT_STOPPED);                  /* rank 0 would wait for it for ever, but for our death */
    rk__wait(mail, has_parted, crew, RK__NEVER); /* rank 0's death ends us */
    rk__leave(mail);
}

/* ---- rank 0's end ---- */

static bool all_done(void *ctx) {
    const rk__crew *crew = ctx;
    for (int rank = 1; rank < crew->world->size; rank++)
        if (!crew->done[rank] && !crew->lost[rank])
            return false;
    return true;
}

rk_status rk__crew_gather(rk__crew *crew, uint64_t patience_ns, uint64_t *peak_bytes, rk_error *err) {
    crew->peak_bytes = own_peak();
    if (crew->mail != NULL) {
        uint64_t deadline = patience_ns == RK__NEVER ? RK__NEVER : rk__clock_ns() + patience_ns;
        rk__mail *mail = rk__enter(NULL);
        if (rk__wait(mail, all_done, crew, deadline) != RK_OK)
            for (int rank = 1; rank < crew->world->size; rank++)
                crew->left_behind += !crew->done[rank] && !crew->lost[rank];
        rk__leave(mail);
    }
    *peak_bytes = crew->peak_bytes;
    if (crew->first_failure.status == RK_OK)
        return RK_OK;
    rk_status status = rk__fail(err, (rk_status)crew->first_failure.status, "%s", crew->first_failure.message);
    if (err != NULL)
        err->rank = crew->first_failure.rank;
    return status;
}

uint32_t rk__crew_missing(const rk__crew *crew) {
    return crew->lost_count + crew->left_behind;
}

bool rk__crew_misses(const rk__crew *crew, int rank) {
    return rank > 0 && (crew->lost[rank] || !crew->done[rank]);
}

void rk__crew_part(rk__crew *crew) {
    if (crew->mail == NULL)
        return;
    rk__mail *mail = rk__enter(NULL);
    crew->phase = RK__CREW_PARTED;
    crew->broken = rk__crew_missing(crew) > 0;
    for (int rank = 1; rank < crew->world->size; rank++) {
        rk__letter letter = {.to = (uint32_t)rank, .room = RK__ROOM_RUN, .op = OP_PART, .a = crew->broken};
        if (!crew->broken || rk__mail_hears(mail, (uint32_t)rank))
            rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
    }
    rk__mail_flush(mail, rk__clock_ns() + RK__CREW_FLUSH_NS);
    rk__leave(mail);
}

bool rk__crew_is_broken(const rk__crew *crew) {
    return crew != NULL && crew->broken;
}
