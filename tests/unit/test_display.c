/* What a person and a script are shown: progress, results, summary, tables, JSON. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/cli.h"
#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/progress.h"
#include "cli/table.h"

static const rk__progress half = {
    .tasks = 5000, .done = 2250, .failed = 3, .seconds = 4.2, .rate = 525, .eta_seconds = 5.2, .ranks = 4, .busy = 4};

static void assert_no_line_beyond(const char *text, size_t columns) {
    for (const char *at = text; *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        if (length > columns)
            fail_msg("%zu columns: %.*s", length, (int)length, at);
        at += length;
    }
}

/* ---- progress ---- */

static void live_line_has_bar_and_figures(void **state) {
    (void)state;
    char line[128];
    rk__progress_line(line, sizeof line, 79, &half);
    assert_string_equal(line, "[==========>            ]  45%  2250/5000  525/s  ETA 5.2 s  3 failed  4/4 busy");
}

static void live_line_is_cut_to_the_width(void **state) {
    (void)state;
    char line[128];
    for (int columns = 1; columns < 100; columns++) {
        rk__progress_line(line, sizeof line, columns, &half);
        assert_true(strlen(line) <= (size_t)columns);
        assert_true(strlen(line) > 0);
    }
}

static void percent_is_100_only_when_all_is_done(void **state) {
    (void)state;
    char line[128];
    rk__progress p = {.tasks = UINT64_C(1) << 50, .done = (UINT64_C(1) << 50) - 1, .rate = 1e9, .eta_seconds = NAN};
    rk__progress_line(line, sizeof line, 79, &p);
    assert_non_null(strstr(line, " 99%"));
    p.done++;
    rk__progress_line(line, sizeof line, 79, &p);
    assert_non_null(strstr(line, "100%"));
}

static void sentence_says_the_same_without_a_bar(void **state) {
    (void)state;
    char text[160];
    rk__progress_sentence(text, sizeof text, "task", &half);
    assert_string_equal(text, "2250 of 5000 tasks (45 %), 525/s, ETA 5.2 s, 3 failed, 4 of 4 ranks busy");
    rk__progress p = {.tasks = 1, .done = 0, .rate = 0.25, .eta_seconds = NAN};
    rk__progress_sentence(text, sizeof text, "block", &p);
    assert_string_equal(text, "0 of 1 block (0 %), 0.25/s");
}

static void plain_lines_come_after_10_seconds_then_each_minute(void **state) {
    (void)state;
    rk__progress_display display;
    rk__arguments arguments = {.command = RK__COMMAND_RUN};
    rk__progress_init(&display, "task", &arguments, 0);
    assert_false(rk__progress_due(&display, 9.9));
    assert_true(rk__progress_due(&display, 10.1));
    assert_false(rk__progress_due(&display, 60));
    assert_true(rk__progress_due(&display, 70.1));
    assert_true(rk__progress_due(&display, 1000));
    assert_false(rk__progress_due(&display, 1001));
    assert_true(rk__progress_due(&display, 1031));
}

static void progress_follows_terminal_and_options(void **state) {
    (void)state;
    rk__progress_display display;
    rk__arguments a = {.progress = RK__PROGRESS_AUTO};
    rk__progress_init(&display, "task", &a, 120);
    assert_int_equal(display.columns, 120);
    assert_false(display.silent);
    a.progress = RK__PROGRESS_ALWAYS;
    rk__progress_init(&display, "task", &a, 0);
    assert_int_equal(display.columns, 80);
    a.quiet = true;
    rk__progress_init(&display, "task", &a, 120);
    assert_true(display.silent);
    a = (rk__arguments){.progress = RK__PROGRESS_NEVER};
    rk__progress_init(&display, "task", &a, 120);
    assert_true(display.silent);
}

/* ---- values ---- */

static void elements_read_back_to_the_same_value(void **state) {
    (void)state;
    char b[40];
    const double f64[] = {0.1, NAN, -INFINITY};
    const float f32[] = {0.1f, 16777216.0f, 20};
    const uint64_t u64[] = {UINT64_MAX};
    const int8_t i8[] = {-128};
    const uint8_t yes[] = {1};
    assert_string_equal(rk__display_element(RK_F64, f64, 0, b, sizeof b), "0.1");
    assert_string_equal(rk__display_element(RK_F64, f64, 1, b, sizeof b), "nan");
    assert_string_equal(rk__display_element(RK_F64, f64, 2, b, sizeof b), "-inf");
    assert_string_equal(rk__display_element(RK_F32, f32, 0, b, sizeof b), "0.1");
    assert_string_equal(rk__display_element(RK_F32, f32, 1, b, sizeof b), "16777216");
    assert_string_equal(rk__display_element(RK_F32, f32, 2, b, sizeof b), "20");
    assert_string_equal(rk__display_element(RK_U64, u64, 0, b, sizeof b), "18446744073709551615");
    assert_string_equal(rk__display_element(RK_I8, i8, 0, b, sizeof b), "-128");
    assert_string_equal(rk__display_element(RK_BOOL, yes, 0, b, sizeof b), "yes");
}

static void slow_rates_keep_their_digits(void **state) {
    (void)state;
    char b[40];
    assert_string_equal(rk__display_rate(0.031, b, sizeof b), "0.031");
    assert_string_equal(rk__display_rate(525, b, sizeof b), "525");
    assert_string_equal(rk__display_rate(NAN, b, sizeof b), "?");
}

/* ---- results ---- */

typedef struct results {
    double mean;
    uint64_t counts[10];
    double map[100];
    uint64_t huge;
} results;

static const results numbers = {
    .mean = -0.1,
    .counts = {6140517, 5865300, 1100361, 68546, 1648, 17, 0, 0, 0, 0},
    .map = {NAN, 1.0 / 3},
    .huge = UINT64_MAX,
};

static rk__result_field fields[] = {
    {.name = "mean", .type = RK_F64, .count = 1, .offset = offsetof(results, mean), .unit = "m/s", .help = "of all"},
    {.name = "counts", .type = RK_U64, .count = 10, .offset = offsetof(results, counts), .unit = "1", .help = "rings"},
    {.name = "map", .type = RK_F64, .count = 100, .offset = offsetof(results, map), .unit = NULL, .help = NULL},
    {.name = "huge",
     .type = RK_U64,
     .count = 1,
     .offset = offsetof(results, huge),
     .unit = "1",
     .help = "a long explanation that has to be cut because a line of the screen has no more than 80 columns"},
};

static rk__schema schema_of_results(void) {
    return (rk__schema){.field_count = 4, .fields = fields, .results_bytes = sizeof(results)};
}

static void results_are_aligned_and_cut(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__schema schema = schema_of_results();
    rk__display_results(&out, &schema, &numbers, NULL);
    assert_string_equal(rk__text_get(&out),
                        "  mean        -0.1                  m/s  of all\n"
                        "  counts      6140517 5865300 1100361 68546 1648 17 0 0 0 0\n"
                        "  map         nan 0.3333333333333333 0 0 0 0 0 0 0 0 0 0 0 0 0 ... (100 values)\n"
                        "  huge        18446744073709551615       a long explanation that has to be cu...\n");
    assert_no_line_beyond(rk__text_get(&out), 80);
    rk__text_fini(&out);
}

static rk__run_summary complete_summary(void) {
    return (rk__run_summary){.path = "/nowhere/pi.h5",
                             .kernel = "pi",
                             .tasks = 1000,
                             .done = 1000,
                             .tasks_here = 1000,
                             .seconds = 2,
                             .setup_seconds = 0.12,
                             .end_seconds = 0.003,
                             .efficiency = 0.973,
                             .ranks = 4,
                             .nodes = 1,
                             .peak_bytes = UINT64_C(35) << 20,
                             .complete = true};
}

static void summary_of_a_complete_run(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__run_summary s = complete_summary();
    rk__display_summary(&out, &s, NULL);
    assert_string_equal(
        rk__text_get(&out),
        "pi: complete, 1000 tasks\n"
        "\n"
        "  time        2.0 s for 1000 tasks (500/s); start 120 ms, end 3 ms\n"
        "  ranks       4 ranks on 1 node, efficiency 97.3 %, at most 35 MiB each\n"
        "\n"
        "  file        /nowhere/pi.h5\n"
        "  look        rankine info /nowhere/pi.h5\n"
        "  python      xarray.open_dataset(\"/nowhere/pi.h5\", group=\"reduced\", engine=\"h5netcdf\")\n");
    rk__text_fini(&out);
}

static void summary_of_a_stopped_run_says_how_far_it_came(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__run_summary s = complete_summary();
    s.complete = false;
    s.done = 600;
    s.failed = 3;
    rk__display_summary(&out, &s, NULL);
    assert_non_null(strstr(rk__text_get(&out), "pi: stopped, 600 of 1000 tasks done, 3 failed\n"));
    assert_null(strstr(rk__text_get(&out), "xarray"));
    rk__text_fini(&out);
}

/* ---- tables ---- */

static void table_wraps_its_last_column(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__table table;
    rk__table_init(&table, 3);
    rk__table_row(&table, (const char *[]){"name", "unit", "meaning"});
    rk__table_row(&table, (const char *[]){"rho", NULL, "short"});
    rk__table_row(&table, (const char *[]){"sigma_long", "m/s",
                                           "words enough to need a second line, for there are 80 columns and no more"});
    rk__table_row(&table, (const char *[]){"x", "\xc2\xb5m", ""});
    rk__table_print(&table, &out);
    assert_string_equal(rk__text_get(&out),
                        "  name        unit  meaning\n"
                        "  rho               short\n"
                        "  sigma_long  m/s   words enough to need a second line, for there are 80 columns\n"
                        "                    and no more\n"
                        "  x           \xc2\xb5m\n");
    rk__text_fini(&out);
}

static void table_without_rows_is_nothing(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__table table;
    rk__table_init(&table, 2);
    rk__table_row(&table, (const char *[]){"name", "meaning"});
    rk__table_print(&table, &out);
    assert_string_equal(rk__text_get(&out), "");
    rk__text_fini(&out);
}

/* ---- JSON ---- */

static void json_has_exact_integers_and_null_for_nan(void **state) {
    (void)state;
    rk__json json = {0};
    rk__schema schema = schema_of_results();
    rk__jsonout_begin(&json, RK_EXIT_TASKS_FAILED);
    rk__jsonout_results(&json, &schema, &numbers);
    rk__json_end(&json, '}');
    const char *text = rk__text_get(&json.text);
    assert_non_null(strstr(text, "\"status\": \"tasks_failed\""));
    assert_non_null(strstr(text, "\"exit_code\": 3"));
    assert_non_null(strstr(text, "\"value\": 18446744073709551615"));
    assert_non_null(strstr(text, "\"value\": -0.1"));
    assert_non_null(strstr(text, "null,\n        0.3333333333333333,"));
    rk__text_fini(&json.text);
}

static void json_error_has_code_name_and_message(void **state) {
    (void)state;
    rk__json json = {0};
    rk_error err = RK_ERROR_INIT;
    rk__fail(&err, RK_ENOENT, "no \"x\"");
    rk__jsonout_error(&json, &err);
    const char *text = rk__text_get(&json.text);
    assert_non_null(strstr(text, "\"code\": 5"));
    assert_non_null(strstr(text, "\"name\": \"ENOENT\""));
    assert_non_null(strstr(text, "\"message\": \"no \\\"x\\\"\""));
    rk__text_fini(&json.text);
}

static void json_digest_has_the_high_half_first(void **state) {
    (void)state;
    rk__json json = {0};
    const uint64_t digest[2] = {0x0123456789abcdef, 0xfe};
    rk__jsonout_digest(&json, digest);
    assert_non_null(strstr(rk__text_get(&json.text), "\"00000000000000fe0123456789abcdef\""));
    rk__text_fini(&json.text);
}

static void every_status_has_its_exit_code(void **state) {
    (void)state;
    static const struct {
        rk_status status;
        rk_exit code;
    } pairs[] = {{RK_OK, RK_EXIT_OK},
                 {RK_EINVAL, RK_EXIT_USAGE},
                 {RK_EEXIST, RK_EXIT_USAGE},
                 {RK_ENOENT, RK_EXIT_USAGE},
                 {RK_EPERM, RK_EXIT_USAGE},
                 {RK_EFORMAT, RK_EXIT_USAGE},
                 {RK_EABI, RK_EXIT_USAGE},
                 {RK_EMISMATCH, RK_EXIT_USAGE},
                 {RK_EOVERFLOW, RK_EXIT_USAGE},
                 {RK_EUNSUPPORTED, RK_EXIT_USAGE},
                 {RK_ECORRUPT, RK_EXIT_DAMAGED},
                 {RK_EINTERRUPTED, RK_EXIT_STOPPED},
                 {RK_ENOMEM, RK_EXIT_ERROR},
                 {RK_EIO, RK_EXIT_ERROR},
                 {RK_EKERNEL, RK_EXIT_ERROR},
                 {RK_EMPI, RK_EXIT_ERROR},
                 {RK_EHDF5, RK_EXIT_ERROR},
                 {RK_ETIMEDOUT, RK_EXIT_ERROR}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_int_equal(rk__exit_of(pairs[i].status), pairs[i].code);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_line_has_bar_and_figures),
        cmocka_unit_test(live_line_is_cut_to_the_width),
        cmocka_unit_test(percent_is_100_only_when_all_is_done),
        cmocka_unit_test(sentence_says_the_same_without_a_bar),
        cmocka_unit_test(plain_lines_come_after_10_seconds_then_each_minute),
        cmocka_unit_test(progress_follows_terminal_and_options),
        cmocka_unit_test(elements_read_back_to_the_same_value),
        cmocka_unit_test(slow_rates_keep_their_digits),
        cmocka_unit_test(results_are_aligned_and_cut),
        cmocka_unit_test(summary_of_a_complete_run),
        cmocka_unit_test(summary_of_a_stopped_run_says_how_far_it_came),
        cmocka_unit_test(table_wraps_its_last_column),
        cmocka_unit_test(table_without_rows_is_nothing),
        cmocka_unit_test(json_has_exact_integers_and_null_for_nan),
        cmocka_unit_test(json_error_has_code_name_and_message),
        cmocka_unit_test(json_digest_has_the_high_half_first),
        cmocka_unit_test(every_status_has_its_exit_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
