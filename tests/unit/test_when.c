/* Durations and times as people and batch systems write them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/when.h"

#define NOW_NS (UINT64_C(1795251600) * UINT64_C(1000000000)) /* 2026-11-21 09:00:00 UTC */

static double duration(const char *text) {
    rk_error err = RK_ERROR_INIT;
    double seconds = -1;
    assert_int_equal(rk__parse_duration("--time-limit", text, &seconds, &err), RK_OK);
    return seconds;
}

static uint64_t point(const char *text) {
    rk_error err = RK_ERROR_INIT;
    uint64_t wall_ns = 0;
    assert_int_equal(rk__parse_time("--until", text, NOW_NS, &wall_ns, &err), RK_OK);
    return (wall_ns - NOW_NS) / UINT64_C(1000000000);
}

static void durations_in_all_forms(void **state) {
    (void)state;
    assert_true(duration("90") == 90);
    assert_true(duration("90s") == 90);
    assert_true(duration("0.5") == 0.5);
    assert_true(duration("10m") == 600);
    assert_true(duration("10min") == 600);
    assert_true(duration("1.5h") == 5400);
    assert_true(duration("2d") == 172800);
    assert_true(duration("10:30") == 630);
    assert_true(duration("1:30:05") == 5405);
    assert_true(duration("2-12:00:07") == 216007);
}

static void other_durations_are_refused(void **state) {
    static const char *const words[] = {"",    "x",       "-5",  "5x",    "0x10", "nan",
                                        "inf", "1:2:3:4", "5 s", "1e300", "1:",   "+3"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        rk_error err = RK_ERROR_INIT;
        double seconds = 42;
        assert_int_equal(rk__parse_duration("--time-limit", words[i], &seconds, &err), RK_EINVAL);
        assert_true(seconds == 42);
        assert_non_null(strstr(err.message, "such as 90s"));
    }
}

static void times_in_all_forms(void **state) {
    (void)state;
    assert_int_equal(point("09:01"), 60);
    assert_int_equal(point("10:30:05"), 5405);
    assert_int_equal(point("09:00"), 86400); /* tomorrow */
    assert_int_equal(point("08:00"), 82800);
    assert_int_equal(point("2026-11-21T09:10"), 600);
    assert_int_equal(point("2026-11-22 09:00:01"), 86401);
    assert_int_equal(point("@1795251610"), 10);
}

static void other_times_are_refused(void **state) {
    static const char *const words[] = {
        "",    "soon",  "24:00", "12:60", "2026-11-21", "2026-02-30T10:00", "2020-01-01T00:00", "@1795251600",
        "@-5", "12:30x"};
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        rk_error err = RK_ERROR_INIT;
        uint64_t wall_ns = 42;
        assert_int_equal(rk__parse_time("--until", words[i], NOW_NS, &wall_ns, &err), RK_EINVAL);
        assert_int_equal(wall_ns, 42);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_in_all_forms),
        cmocka_unit_test(other_durations_are_refused),
        cmocka_unit_test(times_in_all_forms),
        cmocka_unit_test(other_times_are_refused),
    };
    setenv("TZ", "UTC0", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
