/* The exact sum against an independent oracle: sums of numbers that 128-bit integers hold, and known hard cases. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reduce/reduce.h"

static uint64_t next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state ^ *state >> 29;
}

static uint64_t bits(double value) {
    uint64_t out;
    memcpy(&out, &value, sizeof out);
    return out;
}

static double sum_of(const double *values, size_t count) {
    rk__exact sum = {0};
    rk__exact_add_many(&sum, values, count);
    return rk__exact_round(&sum);
}

static void known_sums(void **state) {
    (void)state;
    assert_true(sum_of((double[]){1e308, 1e308, -1e308}, 3) == 1e308);
    assert_true(sum_of((double[]){1, 1e100, 1, -1e100}, 4) == 2);
    assert_true(sum_of((double[]){0x1p-1074, 0x1p-1074}, 2) == 0x1p-1073);
    assert_true(sum_of((double[]){0x1p-1074, 1, -1}, 3) == 0x1p-1074);
    assert_true(sum_of((double[]){1, 0x1p-53}, 2) == 1);                      /* tie to even */
    assert_true(sum_of((double[]){1, 0x1p-53, 0x1p-1074}, 3) == 1 + 0x1p-52); /* above the tie */
    assert_true(sum_of((double[]){-1, -0x1p-53, -0x1p-1074}, 3) == -1 - 0x1p-52);
    assert_true(sum_of((double[]){1 + 0x1p-52, 0x1p-53}, 2) == 1 + 0x1p-51);
    assert_true(sum_of((double[]){0x1.fffffffffffffp1023, 0x1p970}, 2) == HUGE_VAL);
    assert_true(sum_of((double[]){0x1.fffffffffffffp1023, 0x1.fffffffffffffp969}, 2) == 0x1.fffffffffffffp1023);
}

static void special_values(void **state) {
    (void)state;
    const uint64_t canonical = UINT64_C(0x7ff8000000000000);
    assert_true(sum_of((double[]){HUGE_VAL, 1}, 2) == HUGE_VAL);
    assert_true(bits(sum_of((double[]){HUGE_VAL, -HUGE_VAL}, 2)) == canonical);
    assert_true(bits(sum_of((double[]){-(double)NAN, 1}, 2)) == canonical);
    assert_true(bits(sum_of(NULL, 0)) == 0);
    assert_true(bits(sum_of((double[]){-0.0, -0.0}, 2)) == UINT64_C(1) << 63);
    assert_true(bits(sum_of((double[]){-0.0, 0.0}, 2)) == 0);
    assert_true(bits(sum_of((double[]){1, -1}, 2)) == 0);
}

/* Integers times 2^e are summed exactly in 64-bit integers, and converted with the hardware's rounding. */
static void agrees_with_integer_sums(void **state) {
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        int64_t total = 0;
        double values[64];
        int exponent = (int)(next(&seed) % 1800) - 1074;
        for (int i = 0; i < 64; i++) {
            int64_t value = (int64_t)(next(&seed) >> 11) - ((int64_t)1 << 52);
            total += value;
            values[i] = ldexp((double)value, exponent);
        }
        assert_true(sum_of(values, 64) == ldexp((double)total, exponent));
    }
}

static double any_double(uint64_t *seed) {
    for (;;) {
        uint64_t pattern = next(seed);
        double value;
        memcpy(&value, &pattern, sizeof value);
        if (isfinite(value))
            return value;
    }
}

static void order_and_merges_do_not_matter(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    static double values[COUNT];
    uint64_t seed = 11;
    for (int i = 0; i < COUNT; i++)
        values[i] = any_double(&seed);
    rk__exact all = {0};
    rk__exact_add_many(&all, values, COUNT);
    rk__exact_normalise(&all);
    for (int round = 0; round < 10; round++) {
        rk__exact parts[7];
        memset(parts, 0, sizeof parts);
        for (int i = COUNT; i-- > 0;)
            rk__exact_add(&parts[next(&seed) % 7], values[i]);
        for (int p = 6; p > 0; p--)
            rk__exact_merge(&parts[next(&seed) % (unsigned)p], &parts[p]);
        rk__exact_normalise(&parts[0]);
        assert_memory_equal(&parts[0], &all, sizeof all);
    }
}

static void mean_and_variance_are_rounded_once(void **state) {
    (void)state;
    rk__exact sum = {0};
    rk__wide squares = {0};
    const double values[] = {1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16};
    for (int i = 0; i < 4; i++) {
        rk__exact_add(&sum, values[i]);
        rk__wide_add_square(&squares, values[i]);
    }
    assert_true(rk__exact_mean(&sum, 4) == 1e9 + 10);
    assert_true(rk__exact_variance(&sum, &squares, 4) == 22.5);
}

static void variance_of_extreme_values(void **state) {
    (void)state;
    for (int e = -1070; e <= 1020; e += 110) {
        rk__exact sum = {0};
        rk__wide squares = {0};
        double a = ldexp(3, e), b = ldexp(1, e);
        rk__exact_add(&sum, a);
        rk__exact_add(&sum, b);
        rk__wide_add_square(&squares, a);
        rk__wide_add_square(&squares, b);
        assert_true(rk__exact_variance(&sum, &squares, 2) == ldexp(1, 2 * e));
    }
}

/* From Python's exact fractions: sum, mean and variance of i*i*0.1 - 7, i < 1000. */
static void agrees_with_python(void **state) {
    (void)state;
    rk__exact sum = {0};
    rk__wide squares = {0};
    for (int i = 0; i < 1000; i++) {
        double value = i * i * 0.1 - 7;
        rk__exact_add(&sum, value);
        rk__wide_add_square(&squares, value);
    }
    assert_true(rk__exact_round(&sum) == 0x1.fbc1be0000001p+24);
    assert_true(rk__exact_mean(&sum, 1000) == 0x1.03f8b33333333p+15);
    assert_true(rk__exact_variance(&sum, &squares, 1000) == 0x1.a70f75d0e24dep+29);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sums),
        cmocka_unit_test(special_values),
        cmocka_unit_test(agrees_with_integer_sums),
        cmocka_unit_test(order_and_merges_do_not_matter),
        cmocka_unit_test(mean_and_variance_are_rounded_once),
        cmocka_unit_test(variance_of_extreme_values),
        cmocka_unit_test(agrees_with_python),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
