#include "shared_fixture.h"

/* ---- values ---- */

static rk_value counter, sum, guess;
enum { ROUNDS = 2000 };

static void count_together(uint32_t rank, uint32_t ranks) {
    int64_t got_i = 0;
    double got_f = 0;
    uint64_t got_u = 0;
    if (rank == 0) {
        CHECK(rk_value_create_i64(&counter, 5, NULL) == RK_OK);
        CHECK(rk_value_create_f64(&sum, 0.5, NULL) == RK_OK);
        CHECK(rk_value_create_u64(&guess, 1, NULL) == RK_OK);
    }
    meet();
    for (int i = 0; i < ROUNDS; i++) {
        bool swapped = false;
        CHECK(rk_value_add_i64(counter, -3, NULL, NULL) == RK_OK);
        CHECK(rk_value_add_f64(sum, 0.25, NULL, NULL) == RK_OK);
        CHECK(rk_value_get_u64(guess, &got_u, NULL) == RK_OK);
        while (!swapped)
            CHECK(rk_value_compare_swap_u64(guess, &got_u, got_u + 2, &swapped, NULL) == RK_OK);
    }
    meet();
    CHECK(rk_value_get_i64(counter, &got_i, NULL) == RK_OK && got_i == 5 - INT64_C(3) * ROUNDS * ranks);
    CHECK(rk_value_get_f64(sum, &got_f, NULL) == RK_OK && got_f == 0.5 + 0.25 * ROUNDS * ranks);
    CHECK(rk_value_get_u64(guess, &got_u, NULL) == RK_OK && got_u == 1 + UINT64_C(2) * ROUNDS * ranks);
}

static void ranks_that_count_together_lose_nothing(void **state) {
    (void)state;
    near_and_far(1, count_together);
    near_and_far(2, count_together);
    near_and_far(3, count_together);
    near_and_far(5, count_together);
}

static bool all_differ(const int32_t *tickets, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (tickets[i] == tickets[k])
                return false;
    return true;
}

static int32_t taken[8];

static void exchange_tickets(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_value_create_i32(&counter, 100, NULL) == RK_OK);
    meet();
    CHECK(rk_value_exchange_i32(counter, (int32_t)rank, &taken[rank], NULL) == RK_OK);
    meet();
    if (rank == 0)
        CHECK(rk_value_get_i32(counter, &taken[ranks], NULL) == RK_OK);
    meet();
    CHECK(all_differ(taken, ranks + 1));
}

static void what_is_exchanged_is_had_once(void **state) {
    (void)state;
    near_and_far(5, exchange_tickets);
}

static void check_type(rk_type type, const void *one, const void *largest, const void *wrapped) {
    rk_value value;
    bool swapped;
    char got[8] = {1, 1, 1, 1, 1, 1, 1, 1}, zero[8] = {0};
    size_t bytes = rk__type_bytes(type);
    CHECK(rk_value_create_raw(&value, type, NULL, NULL) == RK_OK);
    CHECK(rk_value_get(value, type, got, NULL) == RK_OK && memcmp(got, zero, bytes) == 0);
    CHECK(rk_value_set(value, type, largest, NULL) == RK_OK);
    CHECK(rk_value_add(value, type, one, got, NULL) == RK_OK && memcmp(got, largest, bytes) == 0);
    CHECK(rk_value_get(value, type, got, NULL) == RK_OK && memcmp(got, wrapped, bytes) == 0);
    CHECK(rk_value_compare_swap(value, type, got, one, NULL, NULL) == RK_OK && memcmp(got, wrapped, bytes) == 0);
    CHECK(rk_value_compare_swap(value, type, got, largest, &swapped, NULL) == RK_OK && !swapped);
    CHECK(memcmp(got, one, bytes) == 0);
    CHECK(rk_value_exchange(value, type, largest, got, NULL) == RK_OK && memcmp(got, one, bytes) == 0);
    CHECK(rk_value_destroy(value, NULL) == RK_OK);
}

#define CHECK_TYPE(TYPE, ctype, largest, wrapped)                                                                      \
    do {                                                                                                               \
        const ctype one_ = 1, largest_ = (largest), wrapped_ = (wrapped);                                              \
        check_type(TYPE, &one_, &largest_, &wrapped_);                                                                 \
    } while (0)

static void try_all_types(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    CHECK_TYPE(RK_I8, int8_t, INT8_MAX, INT8_MIN);
    CHECK_TYPE(RK_U8, uint8_t, UINT8_MAX, 0);
    CHECK_TYPE(RK_I16, int16_t, INT16_MAX, INT16_MIN);
    CHECK_TYPE(RK_U16, uint16_t, UINT16_MAX, 0);
    CHECK_TYPE(RK_I32, int32_t, INT32_MAX, INT32_MIN);
    CHECK_TYPE(RK_U32, uint32_t, UINT32_MAX, 0);
    CHECK_TYPE(RK_I64, int64_t, INT64_MAX, INT64_MIN);
    CHECK_TYPE(RK_U64, uint64_t, UINT64_MAX, 0);
    CHECK_TYPE(RK_F32, float, 2.5f, 3.5f);
    CHECK_TYPE(RK_F64, double, 2.5, 3.5);
}

static void values_are_of_all_types_and_integers_wrap_around(void **state) {
    (void)state;
    near_and_far(2, try_all_types);
}

static void poll_the_value(void *ctx) {
    int64_t got = 0;
    while (got == 0) /* only the other strand can change it, and that only if this call lets it */
        CHECK(rk_value_get_i64(counter, &got, NULL) == RK_OK);
    *(bool *)ctx = true;
}

static bool is_true(void *ctx) {
    return *(bool *)ctx;
}

static void poll_beside(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    bool ended = false;
    uint32_t party;
    CHECK(rk_value_create_i64(&counter, 0, NULL) == RK_OK);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, poll_the_value, &ended, &party, NULL) == RK_OK);
    CHECK(rk__wait(mail, is_true, &ended, rk__deadline(0.05)) == RK_ETIMEDOUT);
    rk__leave(mail);
    CHECK(rk_value_set_i64(counter, 1, NULL) == RK_OK);
    mail = rk__enter(NULL);
    CHECK(rk__wait(mail, is_true, &ended, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

static void a_strand_that_polls_a_value_lets_others_run(void **state) {
    (void)state;
    near_and_far(1, poll_beside);
}

/* ---- arrays ---- */

static rk_array array;
enum { LONG = 1000003 }; /* elements: many pieces, the last one odd */

static void put_and_get_parts(uint32_t rank, uint32_t ranks) {
    uint64_t first = (uint64_t)LONG * rank / ranks, count = (uint64_t)LONG * (rank + 1) / ranks - first, length = 0;
    int32_t *all = malloc(LONG * sizeof *all);
    if (rank == 0)
        CHECK(rk_array_create_i32(&array, LONG, NULL, NULL) == RK_OK);
    meet();
    CHECK(rk_array_length(array, &length, NULL) == RK_OK && length == LONG);
    CHECK(rk_array_get_i32(array, 0, 10, all, NULL) == RK_OK && (rank > 0 || ranks > 1 || all[9] == 0));
    for (uint64_t i = 0; i < count; i++)
        all[i] = (int32_t)(7 * (first + i) + 1);
    CHECK(rk_array_put_i32(array, first, count, all, NULL) == RK_OK);
    meet();
    CHECK(rk_array_get_i32(array, 0, LONG, all, NULL) == RK_OK);
    for (int32_t i = 0; i < LONG; i++)
        CHECK(all[i] == 7 * i + 1);
    CHECK(rk_array_get_i32(array, LONG - 1, 1, all, NULL) == RK_OK && all[0] == 7 * (LONG - 1) + 1);
    CHECK(rk_array_get_i32(array, LONG, 0, NULL, NULL) == RK_OK);
    CHECK(rk_array_put_i32(array, 3, 0, NULL, NULL) == RK_OK);
    free(all);
    meet();
    if (rank == ranks - 1)
        CHECK(rk_array_destroy(array, NULL) == RK_OK);
}

static void ranges_of_an_array_come_whole(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        near_and_far(ranks, put_and_get_parts);
}

static void change_elements(uint32_t rank, uint32_t ranks) {
    static const double initial[3] = {1, 2, 3};
    double got[3], expected = 2;
    void *p = NULL;
    rk_array counts;
    bool swapped = false;
    if (rank == 0)
        CHECK(rk_array_create_raw(&array, RK_F64, 3, initial, NULL) == RK_OK);
    meet();
    for (int i = 0; i < ROUNDS; i++)
        CHECK(rk_array_add_f64(array, 2, 0.5, NULL, NULL) == RK_OK);
    meet();
    CHECK(rk_array_get_f64(array, 0, 3, got, NULL) == RK_OK);
    CHECK(got[0] == 1 && got[1] == 2 && got[2] == 3 + 0.5 * ROUNDS * ranks);
    CHECK(rk_array_pointer(array, &p, NULL) == (is_far(rank) ? RK_EUNSUPPORTED : RK_OK));
    CHECK(is_far(rank) || memcmp(p, got, sizeof got) == 0);
    meet();
    if (rank == 0) {
        CHECK(rk_array_compare_swap_f64(array, 1, &expected, 9, &swapped, NULL) == RK_OK && swapped);
        CHECK(rk_array_compare_swap_f64(array, 1, &expected, 9, &swapped, NULL) == RK_OK && !swapped && expected == 9);
    }
    meet();
    CHECK(is_far(rank) || ((const double *)p)[1] == 9);          /* the same memory */
    CHECK(rk_array_create_i64(&counts, 0, NULL, NULL) == RK_OK); /* as Python's Array('q', 0) */
    CHECK(rk_array_destroy(counts, NULL) == RK_OK);
}

static void elements_are_changed_at_once(void **state) {
    (void)state;
    near_and_far(1, change_elements);
    near_and_far(3, change_elements);
}

/* Atomics through the pointer, letters to the home, and calls on the node, all on one element. */
static void mix_pointer_and_calls(uint32_t rank, uint32_t ranks) {
    uint64_t got = 0;
    void *p;
    if (rank == 0)
        CHECK(rk_array_create_u64(&array, 2, NULL, NULL) == RK_OK);
    meet();
    if (rank == 2) {
        CHECK(rk_array_pointer(array, &p, NULL) == RK_OK);
        for (int i = 0; i < ROUNDS; i++)
            atomic_fetch_add((_Atomic uint64_t *)p + 1, 1);
    } else {
        for (int i = 0; i < ROUNDS; i++)
            CHECK(rk_array_add_u64(array, 1, 1, NULL, NULL) == RK_OK);
    }
    meet();
    CHECK(rk_array_get_u64(array, 1, 1, &got, NULL) == RK_OK && got == (uint64_t)ROUNDS * ranks);
}

static void atomics_through_the_pointer_mix_with_calls(void **state) {
    (void)state;
    nearness = MIXED;
    shared_ranks(4, mix_pointer_and_calls);
    nearness = ALL_NEAR;
}

/* ---- the end of objects ---- */

static bool nothing_is_mapped(void *ctx) {
    return ((const rk__shared *)ctx)->mappings == NULL;
}

static void use_after_destroy(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t got = 7;
    if (rank == 0) {
        CHECK(rk_value_create_i64(&counter, 1, NULL) == RK_OK);
        CHECK(rk_array_create_i64(&array, 600, NULL, NULL) == RK_OK);
    }
    meet();
    CHECK(rk_array_put_i64(array, rank, 1, &got, NULL) == RK_OK);
    meet();
    if (rank == ranks - 1) {
        CHECK(rk_value_destroy(counter, NULL) == RK_OK && rk_array_destroy(array, NULL) == RK_OK);
        CHECK(rk_value_destroy(counter, &err) == RK_ENOENT && strstr(err.message, "value") != NULL);
        CHECK(rk_value_create_i64(&sum, 4, NULL) == RK_OK); /* not in its place */
    }
    meet();
    CHECK(rk_value_get_i64(counter, &got, &err) == RK_ENOENT && got == 7);
    CHECK(rk_value_add_i64(counter, 1, NULL, NULL) == RK_ENOENT);
    CHECK(rk_array_get_i64(array, 0, 1, &got, &err) == RK_ENOENT && strstr(err.message, "array") != NULL);
    CHECK(rk_array_get_i64(array, 0, 5, &got, NULL) == RK_ENOENT);
    CHECK(rk_array_destroy(array, NULL) == RK_ENOENT);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__wait(mail, nothing_is_mapped, rk__shared_of(mail), rk__deadline(30)) == RK_OK);
    rk__leave(mail);
}

static void what_is_destroyed_is_gone_for_all(void **state) {
    (void)state;
    near_and_far(1, use_after_destroy);
    near_and_far(4, use_after_destroy);
}

static void use_all_slots(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    rk_value *values = calloc(RK__SHARED_SLOTS + 1, sizeof *values);
    rk_error err = RK_ERROR_INIT;
    int64_t got;
    for (int round = 0; round < 2; round++) {
        for (int64_t i = 0; i < RK__SHARED_SLOTS; i++)
            CHECK(rk_value_create_raw(&values[i], RK_I64, &i, NULL) == RK_OK);
        CHECK(rk_value_create_raw(&values[RK__SHARED_SLOTS], RK_I64, NULL, &err) == RK_EFULL);
        CHECK(strstr(err.message, "65536") != NULL);
        CHECK(rk_array_create_raw(&array, RK_I64, 2, NULL, NULL) == RK_EFULL);
        for (int i = 0; i < RK__SHARED_SLOTS; i++)
            CHECK(rk_value_get_i64(values[i], &got, NULL) == RK_OK && got == i);
        for (int i = 0; i < RK__SHARED_SLOTS; i++)
            CHECK(rk_value_destroy(values[i], NULL) == RK_OK);
        CHECK(rk_value_get_i64(values[round], &got, NULL) == RK_ENOENT);
    }
    free(values);
}

static void slots_run_out_and_come_back(void **state) {
    (void)state;
    shared_ranks(1, use_all_slots);
}

static void churn(uint32_t rank, uint32_t ranks) { /* all claim and release at the same time */
    (void)ranks;
    for (int i = 0; i < 300; i++) {
        rk_value value;
        rk_array numbers;
        uint64_t got = 0, wanted = (uint64_t)i * 100 + rank;
        CHECK(rk_value_create_u64(&value, wanted, NULL) == RK_OK);
        CHECK(rk_array_create_u64(&numbers, 1, &wanted, NULL) == RK_OK);
        CHECK(rk_value_get_u64(value, &got, NULL) == RK_OK && got == wanted);
        CHECK(rk_array_add_u64(numbers, 0, 1, &got, NULL) == RK_OK && got == wanted);
        CHECK(rk_value_destroy(value, NULL) == RK_OK && rk_array_destroy(numbers, NULL) == RK_OK);
    }
}

static void all_may_make_and_destroy_at_once(void **state) {
    (void)state;
    near_and_far(5, churn);
}

/* ---- death ---- */

static void expect_the_dead(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    rk_status status;
    int64_t got;
    rk__mail *mail = rk__enter(NULL);
    if (rank == 0)
        rk__mail_bury(mail, ranks - 1);
    rk__leave(mail);
    do
        status = rk_value_get_i64(counter, &got, &err);
    while (status == RK_OK);
    CHECK(status == RK_EDEAD && strstr(err.message, "died") != NULL);
    do
        status = rk_array_get_i64(array, 0, 1, &got, &err);
    while (status == RK_OK);
    CHECK(status == RK_EDEAD);
}

static void lose_the_last(uint32_t rank, uint32_t ranks) {
    static const int64_t seven = 7;
    void *p = NULL;
    bool dies = rank == ranks - 1;
    if (dies) {
        CHECK(rk_value_create_i64(&counter, 1, NULL) == RK_OK);
        CHECK(rk_array_create_i64(&array, 1, &seven, NULL) == RK_OK);
    }
    meet();
    if (!dies)
        CHECK(rk_array_pointer(array, &p, NULL) == (is_far(rank) ? RK_EUNSUPPORTED : RK_OK));
    meet();
    if (!dies)
        expect_the_dead(rank, ranks);
    meet();
    CHECK(left_in_shm() == 0);
    CHECK(p == NULL || *(int64_t *)p == 7); /* what one has of it stays */
}

static void the_death_of_the_home_is_told_and_leaves_nothing(void **state) {
    (void)state;
    near_and_far(2, lose_the_last);
    near_and_far(4, lose_the_last);
}

static void lose_it_while_moving(uint32_t rank, uint32_t ranks) {
    int64_t *all = calloc(LONG, sizeof *all);
    if (rank == ranks - 1)
        CHECK(rk_array_create_i64(&array, LONG, NULL, NULL) == RK_OK);
    meet();
    if (rank < ranks - 1) {
        rk_status status = RK_OK;
        for (int i = 0; status == RK_OK; i++) {
            if (rank == 0 && i == 3) {
                rk__mail *mail = rk__enter(NULL);
                rk__mail_bury(mail, ranks - 1);
                rk__leave(mail);
            }
            status =
                i % 2 == 0 ? rk_array_get_i64(array, 0, LONG, all, NULL) : rk_array_put_i64(array, 0, LONG, all, NULL);
        }
        CHECK(status == RK_EDEAD);
    }
    meet();
    free(all);
}

static void a_transfer_ends_when_the_home_dies(void **state) {
    (void)state;
    near_and_far(3, lose_it_while_moving);
}

/* ---- misuse ---- */

static void misuse(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    rk_value value, none = {{0, 0, 0}, {0, 0, 0}};
    rk_array numbers;
    int64_t got[4];
    int32_t narrow;
    bool truth = true;
    (void)rank;
    CHECK(rk_value_create_i64(&value, 1, NULL) == RK_OK);
    CHECK(rk_array_create_i64(&numbers, 4, NULL, NULL) == RK_OK);
    CHECK(rk_value_get_i64(none, got, &err) == RK_EINVAL && strstr(err.message, "never made") != NULL);
    CHECK(rk_value_get_i64((rk_value){numbers.ref, {0, 0, 0}}, got, &err) == RK_EINVAL);
    CHECK(strstr(err.message, "array") != NULL);
    rk_value forged = {{numbers.ref.serial, numbers.ref.home, RK__KIND_VALUE}, {0, 0, 0}};
    CHECK(rk_value_get_i64(forged, got, &err) == RK_EINVAL && strstr(err.message, "array") != NULL);
    rk_value foreign = {{value.ref.serial, ranks, RK__KIND_VALUE}, {0, 0, 0}};
    CHECK(rk_value_get_i64(foreign, got, &err) == RK_EINVAL);
    rk_value wild = {{UINT64_MAX, value.ref.home, RK__KIND_VALUE}, {0, 0, 0}};
    CHECK(rk_value_get_i64(wild, got, &err) == RK_ENOENT);
    CHECK(rk_value_get_i32(value, &narrow, &err) == RK_EINVAL && strstr(err.message, "i64, not i32") != NULL);
    CHECK(rk_value_create_raw(&forged, RK_STRING, NULL, &err) == RK_EINVAL && strstr(err.message, "string") != NULL);
    CHECK(rk_value_create_raw(&forged, RK_BOOL, &truth, &err) == RK_OK);
    CHECK(rk_value_add(forged, RK_BOOL, &truth, NULL, &err) == RK_EINVAL);
    CHECK(rk_array_get_i64(numbers, 4, 1, got, &err) == RK_EINVAL && strstr(err.message, "element 4") != NULL);
    CHECK(rk_array_get_i64(numbers, 1, 4, got, &err) == RK_EINVAL && strstr(err.message, "has 4") != NULL);
    CHECK(rk_array_put_i64(numbers, UINT64_MAX / 8, 2, got, &err) == RK_EINVAL);
    CHECK(rk_array_put_i64(numbers, UINT64_MAX - 1, 3, got, &err) == RK_EINVAL);
    CHECK(rk_array_get(numbers, RK_I32, 0, 2, got, &err) == RK_EINVAL);
    CHECK(rk_array_get(numbers, RK_I32, 0, 1, got, &err) == RK_EINVAL);
    CHECK(rk_array_create_i64(&numbers, UINT64_MAX / 4, NULL, &err) == RK_EINVAL);
}

static void misuse_is_refused(void **state) {
    (void)state;
    near_and_far(2, misuse);
}

static void a_stranger_is_refused(void **state) {
    (void)state;
    rk_value value = {{1, 0, RK__KIND_VALUE}, {0, 0, 0}};
    rk_array numbers = {{1, 0, RK__KIND_ARRAY}, {0, 0, 0}};
    int64_t got;
    assert_int_equal(rk_value_create_i64(&value, 0, NULL), RK_EPERM);
    assert_int_equal(rk_value_get_i64(value, &got, NULL), RK_EPERM);
    assert_int_equal(rk_array_create_i64(&numbers, 1, NULL, NULL), RK_EPERM);
    assert_int_equal(rk_array_get_i64(numbers, 0, 1, &got, NULL), RK_EPERM);
}

/* ---- locks ---- */

static rk_value guarded;
static rk_array guarded_array;

enum { COUNTS = 300 };

static void count_up_under_lock(void) {
    for (int i = 0; i < COUNTS; i++) {
        int64_t x;
        CHECK(rk_value_lock(guarded, RK_FOREVER, NULL) == RK_OK);
        CHECK(rk_value_lock(guarded, 0, NULL) == RK_OK); /* it is ours already */
        CHECK(rk_value_get(guarded, RK_I64, &x, NULL) == RK_OK);
        x++;
        CHECK(rk_value_set(guarded, RK_I64, &x, NULL) == RK_OK);
        CHECK(rk_value_unlock(guarded, NULL) == RK_OK);
        CHECK(rk_value_unlock(guarded, NULL) == RK_OK);
    }
}

static void guard_a_value(uint32_t rank, uint32_t ranks) {
    int64_t x = 0;
    if (rank == 0) {
        CHECK(rk_value_create(&guarded, RK_I64, NULL, NULL) == RK_OK);
        CHECK(rk_array_create(&guarded_array, RK_I64, 3, NULL, NULL) == RK_OK);
    }
    meet();
    count_up_under_lock();
    meet();
    CHECK(rk_value_get(guarded, RK_I64, &x, NULL) == RK_OK && x == COUNTS * (int64_t)ranks);
    CHECK(rk_value_unlock(guarded, NULL) == RK_EPERM);
    CHECK(rk_array_lock(guarded_array, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_array_unlock(guarded_array, NULL) == RK_OK);
    meet();
    if (rank == 0) {
        CHECK(rk_value_destroy(guarded, NULL) == RK_OK);
        CHECK(rk_array_destroy(guarded_array, NULL) == RK_OK);
        CHECK(rk_value_lock(guarded, 0, NULL) == RK_ENOENT);
    }
}

static void a_value_is_ones_own_while_it_is_locked(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        near_and_far(ranks, guard_a_value);
}

static void lock_what_has_none(uint32_t rank, uint32_t ranks) {
    rk_value raw;
    rk_error err = RK_ERROR_INIT;
    (void)rank, (void)ranks;
    CHECK(rk_value_create_raw(&raw, RK_I64, NULL, NULL) == RK_OK);
    CHECK(rk_value_lock(raw, RK_FOREVER, &err) == RK_EPERM && strstr(err.message, "rk_value_create") != NULL);
    CHECK(rk_value_unlock(raw, NULL) == RK_EPERM);
    CHECK(rk_value_destroy(raw, NULL) == RK_OK);
}

static void a_raw_value_has_no_lock(void **state) {
    (void)state;
    shared_ranks(1, lock_what_has_none);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranks_that_count_together_lose_nothing),
        cmocka_unit_test(what_is_exchanged_is_had_once),
        cmocka_unit_test(values_are_of_all_types_and_integers_wrap_around),
        cmocka_unit_test(a_strand_that_polls_a_value_lets_others_run),
        cmocka_unit_test(ranges_of_an_array_come_whole),
        cmocka_unit_test(elements_are_changed_at_once),
        cmocka_unit_test(atomics_through_the_pointer_mix_with_calls),
        cmocka_unit_test(what_is_destroyed_is_gone_for_all),
        cmocka_unit_test(slots_run_out_and_come_back),
        cmocka_unit_test(all_may_make_and_destroy_at_once),
        cmocka_unit_test(the_death_of_the_home_is_told_and_leaves_nothing),
        cmocka_unit_test(a_transfer_ends_when_the_home_dies),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(a_value_is_ones_own_while_it_is_locked),
        cmocka_unit_test(a_raw_value_has_no_lock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
