#include "space_fixture.h"

#include <inttypes.h>
#include <math.h>

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 16;
}

/* whole * 10^-places, as a person writes it: no doubles are asked. */
static const char *decimal(int64_t whole, int places, char *buffer, size_t size) {
    uint64_t magnitude = whole < 0 ? (uint64_t)-whole : (uint64_t)whole, power = 1;
    for (int i = 0; i < places; i++)
        power *= 10;
    snprintf(buffer, size, "%s%" PRIu64 ".%0*" PRIu64, whole < 0 ? "-" : "", magnitude / power, places,
             magnitude % power);
    return buffer;
}

static double value_of(const rk__space *space, size_t axis, uint64_t i) {
    return rk__axis_value(&space->axes[axis], &space->axes[axis].columns[0], i).as.f64;
}

static void is_the_double_of(const char *setting, double got, const char *text) {
    if (got != strtod(text, NULL))
        fail_msg("%s: %.17g, not %s", setting, got, text);
}

/* A range of `count` values, and the same as points: each value is what strtod makes of its decimal. */
static void check_decimals(int64_t first, int64_t step, int places, uint64_t count) {
    char a[40], b[40], c[40], value[40], range[160], points[160];
    int64_t last = first + (int64_t)(count - 1) * step;
    decimal(first, places, a, sizeof a);
    decimal(last, places, b, sizeof b);
    decimal(step, places, c, sizeof c);
    snprintf(range, sizeof range, "sigma=%s:%s:%s", a, b, c);
    snprintf(points, sizeof points, "sigma=%s..%s/%" PRIu64, a, b, count);
    rk__space *of_range = space_of(&rk_kernel_all, range), *of_points = space_of(&rk_kernel_all, points);
    assert_int_equal(of_range->tasks, count);
    for (uint64_t i = 0; i < count; i++) {
        decimal(first + (int64_t)i * step, places, value, sizeof value);
        is_the_double_of(range, value_of(of_range, 0, i), value);
        is_the_double_of(points, value_of(of_points, 0, i), value);
    }
    rk__space_destroy(of_range);
    rk__space_destroy(of_points);
}

static void decimals_are_the_doubles_nearest_to_them(void **state) {
    (void)state;
    uint64_t seed = 17;
    check_decimals(0, 1, 1, 401);
    check_decimals(200, 1, 1, 101);
    check_decimals(1700000000123456, 1, 6, 1000); /* seconds since 1970, to the microsecond */
    for (int round = 0; round < 500; round++) {
        int places = 1 + (int)(next_random(&seed) % 9);
        int64_t first = (int64_t)(next_random(&seed) % 2000000) - 1000000;
        int64_t step = 1 + (int64_t)(next_random(&seed) % 9999);
        check_decimals(first, round % 2 ? -step : step, places, 2 + next_random(&seed) % 200);
    }
}

static void a_stop_that_is_not_met_does_not_matter(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "sigma=0:0.75:0.1");
    assert_int_equal(space->axes[0].count, 8);
    assert_true(value_of(space, 0, 7) == 0.7 && value_of(space, 0, 3) == 0.3);
    rk__space *longer = space_of(&rk_kernel_all, "sigma=0:1000:0.1");
    for (uint64_t i = 0; i < 8; i++)
        assert_true(value_of(space, 0, i) == value_of(longer, 0, i));
    rk__space_destroy(longer);
    rk__space_destroy(space);
}

static void points_between_whole_numbers_are_rounded_once(void **state) {
    (void)state;
    for (int gaps = 1; gaps < 300; gaps++) {
        char whole[40], decimals[40];
        snprintf(whole, sizeof whole, "sigma=-3..14/%d", gaps + 1);
        snprintf(decimals, sizeof decimals, "sigma=0..0.7/%d", gaps + 1);
        rk__space *space = space_of(&rk_kernel_all, whole), *tenths = space_of(&rk_kernel_all, decimals);
        for (int i = 0; i <= gaps; i++) {
            assert_true(value_of(space, 0, (uint64_t)i) == (double)(-3 * gaps + 17 * i) / gaps);
            assert_true(value_of(tenths, 0, (uint64_t)i) == (double)(7 * i) / (10 * gaps));
        }
        rk__space_destroy(tenths);
        rk__space_destroy(space);
    }
}

static void f32_is_rounded_once_more(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "tau=0:4:0.1");
    for (int i = 0; i <= 40; i++)
        assert_true(value_of(space, 0, (uint64_t)i) == (double)(float)(i / 10.0));
    rk__space_destroy(space);
}

/* What no decimal of few places describes: a fused multiply-add, as exact as the step is. */
static void other_numbers_are_stepped_by_fma(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "sigma=0.1234567890123456789:3:0.2718281828459045235");
    for (uint64_t i = 0; i + 1 < space->axes[0].count; i++)
        assert_true(value_of(space, 0, i) == fma((double)i, 0.2718281828459045235, 0.1234567890123456789));
    rk__space_destroy(space);
    space = space_of(&rk_kernel_all, "sigma=0:1e17:12345678901");
    uint64_t beyond = UINT64_C(800000); /* times the step: over 2^53 */
    assert_true(value_of(space, 0, beyond) == fma((double)beyond, 12345678901.0, 0));
    rk__space_destroy(space);
}

static void the_extremes_of_doubles_are_harmless(void **state) {
    (void)state;
    static const struct {
        double first, last, step;
        uint64_t count;
    } cases[] = {{-1.7e308, 1.7e308, 1.7e308, 3},       {5e-324, 1.5e-323, 5e-324, 3}, {0, 0, 0, 1},
                 {-0x1p53, 0x1p53, 1, 1u << 20},        {1e15, 2e15, 1e-15, 2},        {0x1p53, 0, -0x1p53, 2},
                 {0.1, 1e300, 1e284, UINT64_C(1) << 56}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk__lattice l = rk__lattice_of_range(cases[i].first, cases[i].last, cases[i].step, cases[i].count);
        assert_true(rk__lattice_value(&l, cases[i].first, cases[i].step, 0) == cases[i].first);
        if (l.count > 0)
            assert_true(fabs(rk__lattice_value(&l, cases[i].first, cases[i].step, l.count - 1)) <= 0x1p53);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decimals_are_the_doubles_nearest_to_them),
        cmocka_unit_test(a_stop_that_is_not_met_does_not_matter),
        cmocka_unit_test(points_between_whole_numbers_are_rounded_once),
        cmocka_unit_test(f32_is_rounded_once_more),
        cmocka_unit_test(other_numbers_are_stepped_by_fma),
        cmocka_unit_test(the_extremes_of_doubles_are_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
