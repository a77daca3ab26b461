/* Fragments between ranks that read, do not read, and die. As `die`: rank 0 kills the others when all that it could
 * send them is unread, goes on for a while, and says that it is still there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../unit/check.h"

#include "mail/link_mpi.h"

enum { READY = 7, MANY = 500, LINKS = 20, WINDOW = 256 * 1024 };

static unsigned char payload[RK__FRAGMENT_BYTES];
static uint32_t me;

/* Fragment `number` from one rank to another, and its size, which is up to the number too. */
static size_t size_of(uint64_t number) {
    return number % 7 == 0 ? RK__FRAGMENT_BYTES : (size_t)(number * 37 % 300);
}

static bool send_one(rk__link *link, uint32_t to, uint64_t number, size_t bytes) {
    rk__fragment head = {.from = me, .to = to, .a = number, .size = bytes};
    memset(payload, (int)(number & 0xff), bytes);
    return link->send(link, to, &head, payload, bytes);
}

/* The next fragment from any rank must be the one after its last. */
static bool read_one(rk__link *link, uint64_t *count) {
    rk__fragment head;
    const void *piece;
    size_t bytes;
    if (!link->receive(link, &head, &piece, &bytes))
        return false;
    CHECK(head.a == count[head.from] && bytes == head.size);
    for (size_t i = 0; i < bytes; i++)
        CHECK(((const unsigned char *)piece)[i] == (unsigned char)head.a);
    count[head.from]++;
    return true;
}

static void tell(const rk__world *world, int rank) {
    MPI_Send(NULL, 0, MPI_BYTE, rank, READY, world->comm);
}

static void hear(const rk__world *world, int rank) {
    MPI_Recv(NULL, 0, MPI_BYTE, rank, READY, world->comm, MPI_STATUS_IGNORE);
}

/* Those to a rank that does not read: as many as there is room for. */
static uint64_t send_what_goes(rk__link *link, uint32_t to) {
    uint64_t count = 0, until = rk__clock_ns() + 100000000;
    while (rk__clock_ns() < until)
        count += send_one(link, to, count, RK__FRAGMENT_BYTES);
    return count;
}

static void fill_the_window(const rk__world *world, rk__link *link) {
    uint64_t sent = 0, got[FIXTURE_RANKS_MAX] = {0};
    if (world->rank == 0) {
        sent = send_what_goes(link, 1);
        CHECK(sent >= 1 && sent * RK__FRAGMENT_BYTES <= WINDOW);
        tell(world, 1);
        while (sent < MANY) {
            sent += send_one(link, 1, sent, RK__FRAGMENT_BYTES);
            CHECK(!read_one(link, got));
        }
        hear(world, 1);
    } else if (world->rank == 1) {
        hear(world, 0);
        while (got[0] < MANY)
            read_one(link, got);
        tell(world, 0);
    }
}

/* `many` to each and from each. */
static void flood(const rk__world *world, rk__link *link, uint64_t many) {
    uint64_t sent[FIXTURE_RANKS_MAX] = {0}, got[FIXTURE_RANKS_MAX] = {0}, left = 1;
    while (left > 0) {
        left = 0;
        for (int r = 0; r < world->size; r++) {
            if (r == world->rank)
                continue;
            if (sent[r] < many)
                sent[r] += send_one(link, (uint32_t)r, sent[r], size_of(sent[r]));
            left += 2 * many - sent[r] - got[r];
        }
        while (read_one(link, got))
            ;
    }
}

/* What nobody has read when the link ends: small ones, which fill what the receivers have ready, and a large one, which
 * some transports send only when it is wanted. */
static void leave_some(const rk__world *world, rk__link *link) {
    for (uint32_t r = 0; r < (uint32_t)world->size; r++)
        for (uint64_t i = 0; i < 13 && r != me; i++)
            send_one(link, r, i, i < 12 ? 100 : RK__FRAGMENT_BYTES);
}

/* One rank comes late to the end of each, when the others have nothing to do but to wait for it. */
static void one_after_the_other(const rk__world *world) {
    for (int i = 0; i < LINKS; i++) {
        rk__link *link;
        CHECK(rk__link_mpi_create(&link, world, NULL) == RK_OK);
        flood(world, link, 10);
        MPI_Barrier(world->comm);
        if (i % world->size == world->rank)
            rk__sleep_ns(20000000);
        leave_some(world, link);
        link->destroy(link);
    }
}

/* ---- deaths ---- */

/* Says who it is, and looks at nothing that comes. */
static void wait_for_the_end(const rk__world *world) {
    long pid = getpid();
    MPI_Send(&pid, 1, MPI_LONG, 0, READY, world->comm);
    for (;;)
        pause();
}

static void send_to_all(const rk__world *world, rk__link *link) {
    for (uint32_t r = 1; r < (uint32_t)world->size; r++)
        for (int more = 0; more < 10; more++)
            send_one(link, r, 0, RK__FRAGMENT_BYTES);
}

static int outlive_them(const rk__world *world, rk__link *link) {
    long pids[FIXTURE_RANKS_MAX];
    uint64_t got[FIXTURE_RANKS_MAX] = {0};
    signal(SIGPIPE, SIG_IGN); /* as programs and runs do */
    if (world->rank > 0)
        wait_for_the_end(world);
    for (int r = 1; r < world->size; r++)
        MPI_Recv(&pids[r], 1, MPI_LONG, r, READY, world->comm, MPI_STATUS_IGNORE);
    for (int i = 0; i < 1000; i++) {
        send_to_all(world, link);
        CHECK(!read_one(link, got));
        for (int r = 1; r < world->size && i == 200; r++)
            kill((pid_t)pids[r], SIGKILL);
        rk__sleep_ns(1000000);
    }
    printf("still there\n");
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv) {
    rk_error err = RK_ERROR_INIT;
    rk__world world;
    rk__link *link = NULL;
    CHECK(rk__world_init(&world, &err) == RK_OK);
    me = (uint32_t)world.rank;
    CHECK(rk__link_mpi_create(&link, &world, &err) == RK_OK);
    if (argc > 1 && strcmp(argv[1], "die") == 0)
        return outlive_them(&world, link);
    fill_the_window(&world, link);
    MPI_Barrier(world.comm);
    flood(&world, link, MANY);
    MPI_Barrier(world.comm);
    link->destroy(link);
    one_after_the_other(&world);
    rk__world_fini(&world);
    return 0;
}
