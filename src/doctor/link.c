/* Latency, bandwidth and clocks between two ranks: one probes, the other echoes.
 *
 *     probe: step {PINGS times: bytes = 0}      echo: its wall clock, at once
 *     probe: step {bytes > 0}, then the bytes   echo: its wall clock, when all have come
 *     probe: step {bytes < 0}                   echo: ends
 *
 * Half the shortest round trip is the latency. The clock of the other is its reading less the middle of that round
 * trip, wrong by half of it at most (Cristian, Distributed Computing 3 (1989) 146). Bytes are sent in growing pieces
 * until one takes long enough to be timed. */
#include <stdlib.h>

#include "doctor/doctor_private.h"

enum { PINGS = 30, FIRST_BYTES = 65536, LAST_BYTES = 16 << 20, GROWTH = 8 };
#define TIMED_NS UINT64_C(20000000)

typedef struct step {
    int64_t bytes;
} step;

typedef struct reading {
    uint64_t wall_ns;
} reading;

/* One step, answered; *trip_ns is how long it took. */
static bool take_step(int peer, int tag, int64_t bytes, const void *payload, uint64_t deadline, uint64_t *trip_ns,
                      reading *answer) {
    step next = {bytes};
    uint64_t begin = rk__clock_ns();
    if (!rk__wire_send(&next, sizeof next, peer, tag, deadline) ||
        (bytes > 0 && !rk__wire_send(payload, (size_t)bytes, peer, tag, deadline)) ||
        !rk__wire_receive(answer, sizeof *answer, peer, tag, deadline, NULL, NULL))
        return false;
    *trip_ns = rk__clock_ns() - begin;
    return true;
}

static bool ping(int peer, int tag, uint64_t deadline, uint64_t *shortest_ns, rk__link *link) {
    *shortest_ns = UINT64_MAX;
    for (int i = 0; i < PINGS; i++) {
        uint64_t before = rk__wall_ns(), trip;
        reading answer;
        if (!take_step(peer, tag, 0, NULL, deadline, &trip, &answer))
            return i > 0;
        link->reached = true;
        if (trip >= *shortest_ns)
            continue;
        *shortest_ns = trip;
        link->latency_seconds = (double)trip / 2e9;
        link->clock_error_seconds = (double)trip / 2e9;
        link->clock_seconds = ((double)answer.wall_ns - (double)before) / 1e9 - (double)trip / 2e9;
    }
    return true;
}

static void time_bytes(int peer, int tag, uint64_t deadline, uint64_t shortest_ns, rk__link *link) {
    char *payload = calloc(1, LAST_BYTES);
    uint64_t trip = 0;
    for (int64_t bytes = FIRST_BYTES; payload != NULL && bytes <= LAST_BYTES && trip < TIMED_NS; bytes *= GROWTH) {
        reading answer;
        if (!take_step(peer, tag, bytes, payload, deadline, &trip, &answer))
            break;
        double seconds = (double)(trip > shortest_ns ? trip - shortest_ns : 1) / 1e9;
        link->bytes_per_second = (double)bytes / seconds;
    }
    free(payload);
}

void rk__link_probe(int peer, int tag, rk__link *link) {
    uint64_t deadline = rk__clock_ns() + RK__LINK_NS, shortest_ns;
    *link = (rk__link){.tried = true};
    if (!ping(peer, tag, deadline, &shortest_ns, link))
        return;
    time_bytes(peer, tag, deadline, shortest_ns, link);
    step end = {-1};
    rk__wire_send(&end, sizeof end, peer, tag, deadline);
}

void rk__link_echo(int peer, int tag) {
    uint64_t deadline = rk__clock_ns() + RK__LINK_NS;
    char *room = malloc(LAST_BYTES);
    step next = {0};
    while (room != NULL && rk__wire_receive(&next, sizeof next, peer, tag, deadline, NULL, NULL) && next.bytes >= 0) {
        if (next.bytes > 0 && !rk__wire_receive(room, LAST_BYTES, peer, tag, deadline, NULL, NULL))
            break;
        reading answer = {rk__wall_ns()};
        if (!rk__wire_send(&answer, sizeof answer, peer, tag, deadline))
            break;
    }
    free(room);
}
