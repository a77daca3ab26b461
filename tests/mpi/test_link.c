/* Fragments between ranks that read, do not read, and die. As `die N`: ranks from 1 on are killed by themselves with
 * all unread that rank 0 could send; rank 0 says that it is still there. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../unit/check.h"

#include "mail/link_mpi.h"

enum { READY = 7, MANY = 500, WINDOW = 256 * 1024 };

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

static void flood(const rk__world *world, rk__link *link) {
    uint64_t sent[FIXTURE_RANKS_MAX] = {0}, got[FIXTURE_RANKS_MAX] = {0}, left = 1;
    while (left > 0) {
        left = 0;
        for (int r = 0; r < world->size; r++) {
            if (r == world->rank)
                continue;
            if (sent[r] < MANY)
                sent[r] += send_one(link, (uint32_t)r, sent[r], size_of(sent[r]));
            left += 2 * MANY - sent[r] - got[r];
        }
        while (read_one(link, got))
            ;
    }
}

/* Collective. Rank 0's last ones are read by nobody, and the link ends all the same. */
static void leave_some(const rk__world *world, rk__link *link) {
    if (world->rank == 0)
        send_what_goes(link, 1);
    link->destroy(link);
}

static void nap(long milliseconds) {
    nanosleep(&(struct timespec){milliseconds / 1000, milliseconds % 1000 * 1000000}, NULL);
}

static int be_killed_or_live(const rk__world *world, rk__link *link) {
    if (world->rank > 0) {
        hear(world, 0);
        nap(500); /* without a look at what comes */
        raise(SIGKILL);
    }
    for (int r = 1; r < world->size; r++)
        tell(world, r);
    uint64_t got[FIXTURE_RANKS_MAX] = {0};
    for (int i = 0; i < 1500; i++) {
        for (int r = 1; r < world->size; r++)
            for (int more = 0; more < 10; more++)
                send_one(link, (uint32_t)r, 0, RK__FRAGMENT_BYTES);
        CHECK(!read_one(link, got));
        nap(1);
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
        return be_killed_or_live(&world, link);
    fill_the_window(&world, link);
    MPI_Barrier(world.comm);
    flood(&world, link);
    MPI_Barrier(world.comm);
    leave_some(&world, link);
    rk__world_fini(&world);
    return 0;
}
