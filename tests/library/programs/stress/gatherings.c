/* Functions on all ranks at once, with collective calls in an order that all derive from one seed. What each rank sends
 * is known to all: so is what must come. */
#include <rankine/collect.h>

#include "stress.h"

enum { CALLS_MAX = 6, COUNT_MAX = 40 };
#define CALL_SECONDS 40.0

typedef struct score { /* of a gathering */
    uint64_t seed;
    int64_t ranks;
} score;

typedef struct player {
    rk_call *call;
    int64_t ranks, me, count, round;
    int root;
    int64_t mine[COUNT_MAX * RANKS_MAX], all[COUNT_MAX * RANKS_MAX];
} player;

/* What rank r has in place i for rank `to`. */
static int64_t note_of(const player *it, int64_t r, int64_t i, int64_t to) {
    return it->round * 1000003 + r * 10007 + i * 101 + to;
}

static rk_status off_key(const player *it, const char *what, int64_t found, int64_t expected) {
    return rk_call_fail(it->call, RK_ECORRUPT, "%s on rank %lld: %lld, expected %lld", what, (long long)it->me,
                        (long long)found, (long long)expected);
}

static void fill(player *it, int64_t to) {
    for (int64_t i = 0; i < it->count; i++)
        it->mine[i] = note_of(it, it->me, i, to);
}

/* All that the ranks have for one. */
static rk_status compare_all(const player *it, int64_t to, const char *what) {
    for (int64_t r = 0; r < it->ranks; r++)
        for (int64_t i = 0; i < it->count; i++)
            if (it->all[r * it->count + i] != note_of(it, r, i, to))
                return off_key(it, what, it->all[r * it->count + i], note_of(it, r, i, to));
    return RK_OK;
}

static rk_status compare_mine(const player *it, int64_t from, int64_t to, const char *what) {
    for (int64_t i = 0; i < it->count; i++)
        if (it->mine[i] != note_of(it, from, i, to))
            return off_key(it, what, it->mine[i], note_of(it, from, i, to));
    return RK_OK;
}

static rk_status compare_sum(const player *it, const char *what) {
    for (int64_t i = 0; i < it->count; i++) {
        int64_t sum = 0;
        for (int64_t r = 0; r < it->ranks; r++)
            sum += note_of(it, r, i, 0);
        if (it->all[i] != sum)
            return off_key(it, what, it->all[i], sum);
    }
    return RK_OK;
}

/* ---- the calls ---- */

static rk_data mine(player *it) {
    return rk_i64s(it->mine, (uint64_t)it->count);
}

static rk_data everyones(player *it) {
    return rk_i64s(it->all, (uint64_t)(it->count * it->ranks));
}

static rk_status play_bcast(player *it) {
    fill(it, 0);
    RK_TRY(rk_bcast(mine(it), it->root, CALL_SECONDS, it->call->err));
    return compare_mine(it, it->root, 0, "bcast");
}

static rk_status play_scatter(player *it) {
    for (int64_t to = 0; to < it->ranks; to++)
        for (int64_t i = 0; i < it->count; i++)
            it->all[to * it->count + i] = note_of(it, it->me, i, to);
    RK_TRY(
        rk_scatter(it->me == it->root ? everyones(it) : rk_no_data(), mine(it), it->root, CALL_SECONDS, it->call->err));
    return compare_mine(it, it->root, it->me, "scatter");
}

static rk_status play_gather(player *it) {
    bool root = it->me == it->root;
    fill(it, 7);
    RK_TRY(rk_gather(mine(it), root ? everyones(it) : rk_no_data(), it->root, CALL_SECONDS, it->call->err));
    return root ? compare_all(it, 7, "gather") : RK_OK;
}

static rk_status play_allgather(player *it) {
    fill(it, 9);
    RK_TRY(rk_allgather(mine(it), everyones(it), CALL_SECONDS, it->call->err));
    return compare_all(it, 9, "allgather");
}

static rk_status play_alltoall(player *it) {
    for (int64_t to = 0; to < it->ranks; to++)
        for (int64_t i = 0; i < it->count; i++)
            it->mine[to * it->count + i] = note_of(it, it->me, i, to);
    rk_data sent = rk_i64s(it->mine, (uint64_t)(it->count * it->ranks));
    RK_TRY(rk_alltoall(sent, everyones(it), CALL_SECONDS, it->call->err));
    return compare_all(it, it->me, "alltoall");
}

static rk_status play_reduce(player *it) {
    bool root = it->me == it->root;
    fill(it, 0);
    rk_data sum = root ? rk_i64s(it->all, (uint64_t)it->count) : rk_no_data();
    RK_TRY(rk_reduce(mine(it), sum, RK_FOLD_SUM, it->root, CALL_SECONDS, it->call->err));
    return root ? compare_sum(it, "reduce") : RK_OK;
}

static rk_status play_allreduce(player *it) {
    fill(it, 0);
    RK_TRY(rk_allreduce(mine(it), rk_i64s(it->all, (uint64_t)it->count), RK_FOLD_SUM, CALL_SECONDS, it->call->err));
    return compare_sum(it, "allreduce");
}

static rk_status play_barrier(player *it) {
    return rk_barrier_all(CALL_SECONDS, it->call->err);
}

static rk_status play(rk_call *call) {
    static rk_status (*const pieces[])(player * it) = {play_bcast,    play_scatter, play_gather,    play_allgather,
                                                       play_alltoall, play_reduce,  play_allreduce, play_barrier};
    const score *given = call->arg;
    uint64_t random = given->seed;
    player it = {.call = call, .ranks = given->ranks, .me = rk_rank()};
    int64_t calls = 1 + (int64_t)below(&random, CALLS_MAX);
    for (it.round = 0; it.round < calls; it.round++) {
        it.count = 1 + (int64_t)below(&random, COUNT_MAX);
        it.root = (int)below(&random, (uint64_t)it.ranks);
        RK_TRY(pieces[below(&random, sizeof pieces / sizeof *pieces)](&it));
    }
    return RK_OK;
}

/* All ranks are in it: with mortals, never strict. */
void gather_all_ranks(actor *who) {
    bool strict = who->strict;
    score it = {next_random(&who->random), who->todo->ranks};
    who->strict = !may_die(who->todo);
    if (met(who, rk_everywhere(play, &it, sizeof it, CALL_SECONDS, &who->err), BIT(RK_EFULL), "everywhere"))
        who->books->gatherings++;
    who->strict = strict;
}
