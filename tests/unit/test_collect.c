/* A function on all ranks, and data between them when all goes well. */
#include <math.h>

#include "collect_fixture.h"

static const uint64_t counts_tried[] = {0, 1, 7, 1000, 150000};
enum { COUNTS = sizeof counts_tried / sizeof *counts_tried };

static void *room_for(uint64_t count, size_t each) {
    void *memory = malloc(count * each + 1);
    CHECK(memory != NULL);
    return memory;
}

/* Value i of a rank. */
static int64_t value_of(uint32_t rank, uint64_t i) {
    return (int64_t)(rank * UINT64_C(1000003) + i * 17 + 1);
}

static void fill(int64_t *values, uint64_t count, uint32_t rank, uint64_t first) {
    for (uint64_t i = 0; i < count; i++)
        values[i] = value_of(rank, first + i);
}

static void check_values(const int64_t *values, uint64_t count, uint32_t rank, uint64_t first) {
    for (uint64_t i = 0; i < count; i++)
        CHECK(values[i] == value_of(rank, first + i));
}

/* ---- everywhere ---- */

static _Atomic uint32_t runs[FIXTURE_RANKS_MAX];

static rk_status check_argument(rk_call *call) {
    const unsigned char *bytes = call->arg;
    for (size_t i = 0; i < call->arg_size; i++)
        CHECK(bytes[i] == (unsigned char)(i * 7));
    CHECK(call->arg_size == 0 || (uintptr_t)call->arg % 16 == 0);
    CHECK(!rk_call_stopping(call));
    atomic_fetch_add(&runs[own_rank()], 1);
    return rk_call_return(call, "dropped", 7);
}

static void run_with_arguments(uint32_t ranks) {
    static const size_t sizes[] = {0, 1, 1000, 3000000};
    unsigned char *bytes = room_for(sizes[3], 1);
    for (size_t i = 0; i < sizes[3]; i++)
        bytes[i] = (unsigned char)(i * 7);
    for (int s = 0; s < 4; s++) {
        CHECK(rk_everywhere(check_argument, bytes, sizes[s], LONG, NULL) == RK_OK);
        for (uint32_t rank = 0; rank < ranks; rank++)
            CHECK(atomic_exchange(&runs[rank], 0) == 1);
    }
    free(bytes);
}

static void a_function_runs_once_on_each_rank(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_with_arguments);
    serve_at(3, 2, attach_collect, run_with_arguments); /* called by another than rank 0 */
}

/* ---- movement ---- */

static rk_status bcast_all(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    (void)call;
    for (uint32_t root = 0; root < ranks; root++)
        for (int c = 0; c < COUNTS; c++) {
            uint64_t count = counts_tried[c];
            int64_t *values = room_for(count, sizeof *values);
            fill(values, count, me, 0);
            CHECK(rk_bcast(rk_i64s(values, count), (int)root, LONG, NULL) == RK_OK);
            check_values(values, count, root, 0);
            free(values);
        }
    return RK_OK;
}

static void bcast_root(uint32_t ranks) {
    (void)ranks;
    run_everywhere(bcast_all);
}

static void bcast_reaches_all(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, bcast_root);
}

/* There and back: parts of one root to all, and those of all to another. */
static rk_status scatter_gather_all(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    (void)call;
    for (uint32_t root = 0; root < ranks; root++)
        for (int c = 0; c < COUNTS; c++) {
            uint64_t count = counts_tried[c] / ranks, all = count * ranks;
            uint32_t other = (root + 1) % ranks;
            int64_t *whole = room_for(all, sizeof *whole), *part = room_for(count, sizeof *part);
            fill(whole, all, root, 0);
            rk_data send = me == root ? rk_i64s(whole, all) : rk_no_data();
            CHECK(rk_scatter(send, rk_i64s(part, count), (int)root, LONG, NULL) == RK_OK);
            check_values(part, count, root, me * count);
            memset(whole, 0, all * sizeof *whole);
            rk_data recv = me == other ? rk_i64s(whole, all) : rk_no_data();
            CHECK(rk_gather(rk_i64s(part, count), recv, (int)other, LONG, NULL) == RK_OK);
            if (me == other)
                check_values(whole, all, root, 0);
            free(whole);
            free(part);
        }
    return RK_OK;
}

static void scatter_gather_root(uint32_t ranks) {
    (void)ranks;
    run_everywhere(scatter_gather_all);
}

static void scatter_and_gather_are_inverse(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, scatter_gather_root);
}

static uint64_t uneven(uint32_t rank) { /* one has nothing */
    return rank == 1 ? 0 : 3 + rank * 1000;
}

static rk_status scatterv_gatherv_all(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    uint64_t counts[FIXTURE_RANKS_MAX], all = 0, before = 0;
    (void)call;
    for (uint32_t rank = 0; rank < ranks; rank++) {
        counts[rank] = uneven(rank);
        before += rank < me ? counts[rank] : 0;
        all += counts[rank];
    }
    int root = (int)ranks - 1;
    bool i_am = me == (uint32_t)root;
    int64_t *whole = room_for(all, sizeof *whole), *part = room_for(counts[me], sizeof *part);
    fill(whole, all, 5, 0);
    CHECK(rk_scatterv(i_am ? rk_i64s(whole, all) : rk_no_data(), i_am ? counts : NULL, rk_i64s(part, counts[me]), root,
                      LONG, NULL) == RK_OK);
    check_values(part, counts[me], 5, before);
    memset(whole, 0, all * sizeof *whole);
    CHECK(rk_gatherv(rk_i64s(part, counts[me]), i_am ? rk_i64s(whole, all) : rk_no_data(), i_am ? counts : NULL, root,
                     LONG, NULL) == RK_OK);
    if (i_am)
        check_values(whole, all, 5, 0);
    free(whole);
    free(part);
    return RK_OK;
}

static void scatterv_root(uint32_t ranks) {
    (void)ranks;
    run_everywhere(scatterv_gatherv_all);
}

static void parts_may_be_uneven(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, scatterv_root);
}

static rk_status allgather_alltoall_all(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    (void)call;
    for (int c = 0; c < COUNTS; c++) {
        uint64_t count = counts_tried[c] / ranks, all = count * ranks;
        int64_t *mine = room_for(all, sizeof *mine), *whole = room_for(all, sizeof *whole);
        fill(mine, all, me, 0);
        CHECK(rk_allgather(rk_i64s(mine, count), rk_i64s(whole, all), LONG, NULL) == RK_OK);
        for (uint32_t rank = 0; rank < ranks; rank++)
            check_values(whole + rank * count, count, rank, 0);
        CHECK(rk_alltoall(rk_i64s(mine, all), rk_i64s(whole, all), LONG, NULL) == RK_OK);
        for (uint32_t rank = 0; rank < ranks; rank++)
            check_values(whole + rank * count, count, rank, me * count);
        free(mine);
        free(whole);
    }
    return RK_OK;
}

static void allgather_root(uint32_t ranks) {
    (void)ranks;
    run_everywhere(allgather_alltoall_all);
}

static void all_hear_from_all(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, allgather_root);
}

/* ---- reductions ---- */

/* Of all ranks, by the plain definition. */
static int64_t folded(rk_fold fold, uint32_t ranks, uint64_t i) {
    uint64_t so_far = (uint64_t)value_of(0, i);
    for (uint32_t rank = 1; rank < ranks; rank++) {
        uint64_t value = (uint64_t)value_of(rank, i);
        so_far = fold == RK_FOLD_SUM    ? so_far + value
                 : fold == RK_FOLD_PROD ? so_far * value
                 : fold == RK_FOLD_MIN  ? (value < so_far ? value : so_far)
                 : fold == RK_FOLD_MAX  ? (value > so_far ? value : so_far)
                 : fold == RK_FOLD_AND  ? (so_far & value)
                                        : (so_far | value);
    }
    return (int64_t)so_far;
}

static rk_status reduce_integers(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    (void)call;
    for (int fold = RK_FOLD_SUM; fold <= RK_FOLD_OR; fold++)
        for (int c = 0; c < COUNTS; c++) {
            uint64_t count = counts_tried[c];
            uint32_t root = (uint32_t)c % ranks;
            int64_t *mine = room_for(count, sizeof *mine), *sum = room_for(count, sizeof *sum);
            fill(mine, count, me, 0);
            CHECK(rk_reduce(rk_i64s(mine, count), me == root ? rk_i64s(sum, count) : rk_no_data(), (rk_fold)fold,
                            (int)root, LONG, NULL) == RK_OK);
            for (uint64_t i = 0; me == root && i < count; i++)
                CHECK(sum[i] == folded((rk_fold)fold, ranks, i));
            CHECK(rk_allreduce(rk_i64s(mine, count), rk_i64s(mine, count), (rk_fold)fold, LONG, NULL) == RK_OK);
            for (uint64_t i = 0; i < count; i++)
                CHECK(mine[i] == folded((rk_fold)fold, ranks, i));
            free(mine);
            free(sum);
        }
    return RK_OK;
}

static void dawdle(uint32_t turns) { /* so that ranks come in another order each time */
    for (uint32_t i = 0; i < turns; i++)
        sched_yield();
}

static rk_status reduce_floats(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    double mine[64], sum[64], first[64] = {0};
    (void)call;
    for (int i = 0; i < 64; i++)
        mine[i] = sin(1.0 + me * 64 + i) * pow(10, i % 17);
    CHECK(rk_allreduce(rk_f64s(mine, 64), rk_f64s(first, 64), RK_FOLD_SUM, LONG, NULL) == RK_OK);
    for (uint32_t round = 0; round < 20; round++) {
        uint32_t root = round % ranks;
        dawdle((me * 7 + round * 5) % 11);
        CHECK(rk_reduce(rk_f64s(mine, 64), rk_f64s(sum, 64), RK_FOLD_SUM, (int)root, LONG, NULL) == RK_OK);
        CHECK(me != root || memcmp(sum, first, sizeof sum) == 0);
    }
    double with_nan[2] = {me == ranks - 1 ? NAN : 1.0, me + 1.0}, out[2];
    CHECK(rk_allreduce(rk_f64s(with_nan, 2), rk_f64s(out, 2), RK_FOLD_MAX, LONG, NULL) == RK_OK);
    CHECK(isnan(out[0]) && out[1] == ranks);
    CHECK(rk_allreduce(rk_f64s(with_nan, 2), rk_f64s(out, 2), RK_FOLD_MIN, LONG, NULL) == RK_OK);
    CHECK(isnan(out[0]) && out[1] == 1.0);
    return RK_OK;
}

static void reduce_root(uint32_t ranks) {
    (void)ranks;
    run_everywhere(reduce_integers);
    run_everywhere(reduce_floats);
}

static void reductions_fold_all_ranks_alike_each_time(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, reduce_root);
}

static void folds_know_all_numbers(void **state) {
    (void)state;
    int8_t i8[] = {100, -3};
    uint16_t u16[] = {65535, 7};
    int32_t i32[] = {INT32_MAX, -5};
    float f32[] = {1.5f, -2.0f};
    rk__collect_fold(RK_I8, RK_FOLD_SUM, &i8[0], &i8[0], 1);
    assert_int_equal(i8[0], -56);
    rk__collect_fold(RK_U16, RK_FOLD_PROD, &u16[0], &u16[0], 1);
    assert_int_equal(u16[0], 1);
    rk__collect_fold(RK_I32, RK_FOLD_SUM, &i32[0], &(int32_t){1}, 1);
    assert_int_equal(i32[0], INT32_MIN);
    rk__collect_fold(RK_I32, RK_FOLD_MIN, &i32[1], &i32[0], 1);
    assert_int_equal(i32[1], INT32_MIN);
    rk__collect_fold(RK_F32, RK_FOLD_PROD, &f32[0], &f32[1], 1);
    assert_true(f32[0] == -3.0f);
    assert_false(rk__fold_allowed(RK_F64, RK_FOLD_OR));
    assert_false(rk__fold_allowed(RK_BOOL, RK_FOLD_SUM));
    assert_false(rk__fold_allowed(RK_I32, (rk_fold)7));
    assert_true(rk__fold_allowed(RK_U8, RK_FOLD_AND));
}

/* ---- barrier ---- */

static _Atomic uint32_t came;

static rk_status meet_often(rk_call *call) {
    uint32_t me = own_rank(), ranks = rank_count();
    (void)call;
    for (uint32_t round = 1; round <= 300; round++) {
        dawdle((me + round) % 5);
        atomic_fetch_add(&came, 1);
        CHECK(rk_barrier_all(LONG, NULL) == RK_OK);
        CHECK(atomic_load(&came) >= round * ranks);
    }
    return RK_OK;
}

static void barrier_root(uint32_t ranks) {
    atomic_store(&came, 0);
    run_everywhere(meet_often);
    CHECK(atomic_load(&came) == 300 * ranks);
}

static void nobody_passes_a_barrier_before_all_have_come(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, barrier_root);
}

/* ---- several gatherings ---- */

static rk_status sum_argument(rk_call *call) {
    int64_t sum = 0, number = 0;
    memcpy(&number, call->arg, sizeof number);
    for (int round = 0; round < 50; round++) {
        CHECK(rk_allreduce(rk_i64s(&number, 1), rk_i64s(&sum, 1), RK_FOLD_SUM, LONG, NULL) == RK_OK);
        CHECK(sum == number * rank_count());
    }
    return RK_OK;
}

static _Atomic int strands_left;

static void gather_in_strand(void *ctx) {
    CHECK(rk_everywhere(sum_argument, ctx, sizeof(int64_t), LONG, NULL) == RK_OK);
    atomic_fetch_sub(&strands_left, 1);
}

static bool no_strand_left(void *ctx) {
    (void)ctx;
    return atomic_load(&strands_left) == 0;
}

static void run_side_by_side(uint32_t ranks) {
    int64_t numbers[4] = {1, 20, 300, 4000};
    uint32_t party;
    (void)ranks;
    atomic_store(&strands_left, 4);
    rk__mail *mail = rk__enter(NULL);
    for (int i = 0; i < 4; i++)
        CHECK(rk__strand_start(mail, gather_in_strand, &numbers[i], &party, NULL) == RK_OK);
    CHECK(rk__wait(mail, no_strand_left, NULL, rk__deadline(LONG)) == RK_OK);
    rk__leave(mail);
}

static void gatherings_do_not_mix(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_side_by_side);
}

/* Every rank calls all, in the middle of a gathering. */
static rk_status gather_within(rk_call *call) {
    int64_t mine = 1, sum, number = own_rank() + 1;
    (void)call;
    CHECK(rk_allreduce(rk_i64s(&mine, 1), rk_i64s(&sum, 1), RK_FOLD_SUM, LONG, NULL) == RK_OK);
    CHECK(rk_everywhere(sum_argument, &number, sizeof number, LONG, NULL) == RK_OK);
    CHECK(rk_allreduce(rk_i64s(&sum, 1), rk_i64s(&mine, 1), RK_FOLD_SUM, LONG, NULL) == RK_OK);
    CHECK(mine == (int64_t)rank_count() * rank_count());
    return RK_OK;
}

static void run_within(uint32_t ranks) {
    (void)ranks;
    run_everywhere(gather_within);
}

static void a_gathering_within_another(void **state) {
    (void)state;
    serve_all_sizes(attach_collect, run_within);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_function_runs_once_on_each_rank),
        cmocka_unit_test(bcast_reaches_all),
        cmocka_unit_test(scatter_and_gather_are_inverse),
        cmocka_unit_test(parts_may_be_uneven),
        cmocka_unit_test(all_hear_from_all),
        cmocka_unit_test(reductions_fold_all_ranks_alike_each_time),
        cmocka_unit_test(folds_know_all_numbers),
        cmocka_unit_test(nobody_passes_a_barrier_before_all_have_come),
        cmocka_unit_test(gatherings_do_not_mix),
        cmocka_unit_test(a_gathering_within_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
