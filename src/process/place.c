/* Rank 0 keeps a list of all processes that are placed, and gives a new one to the rank that has the fewest. */
#include <stdlib.h>

#include "process/process_private.h"

static uint32_t count_of(const rk__room_of_processes *room, uint32_t rank) {
    uint32_t count = 0;
    for (const rk__placing *placing = room->placings; placing != NULL; placing = placing->next)
        count += placing->rank == rank;
    return count;
}

/* Behind the last one chosen first, so that equals take turns. */
static uint32_t choose(const rk__room_of_processes *room) {
    uint32_t ranks = rk__mail_ranks(room->mail), best = 0, fewest = UINT32_MAX;
    for (uint32_t i = 1; i <= ranks; i++) {
        uint32_t rank = (room->last_rank + i) % ranks;
        if (rank == 0 || rk__mail_is_dead(room->mail, rank))
            continue;
        uint32_t count = count_of(room, rank);
        if (count < fewest) {
            fewest = count;
            best = rank;
        }
    }
    return best;
}

void rk__place_ask(rk__room_of_processes *room, const rk__letter *letter) {
    uint32_t rank = letter->b > 0 ? (uint32_t)letter->b - 1 : choose(room);
    rk__placing *placing = malloc(sizeof *placing);
    if (placing != NULL) { /* else it is not counted */
        *placing = (rk__placing){room->placings, letter->from, rank, letter->a};
        room->placings = placing;
    }
    if (letter->b == 0)
        room->last_rank = rank;
    rk__process_send(room, letter->from, RK__PROCESS_PLACED, letter->a, rank, 0);
}

static void forget_where(rk__room_of_processes *room, bool (*matches)(const rk__placing *placing, const void *ctx),
                         const void *ctx) {
    rk__placing **at = &room->placings;
    while (*at != NULL) {
        rk__placing *placing = *at;
        if (!matches(placing, ctx)) {
            at = &placing->next;
            continue;
        }
        *at = placing->next;
        free(placing);
    }
}

static bool is_that(const rk__placing *placing, const void *ctx) {
    const rk__letter *letter = ctx;
    return placing->home == letter->from && placing->serial == letter->a;
}

void rk__place_end(rk__room_of_processes *room, const rk__letter *letter) {
    forget_where(room, is_that, letter);
}

static bool is_of(const rk__placing *placing, const void *ctx) {
    return placing->home == *(const uint32_t *)ctx;
}

void rk__place_died(rk__room_of_processes *room, uint32_t endpoint) {
    forget_where(room, is_of, &endpoint);
}
