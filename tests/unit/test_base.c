#include "base/base.h"
#include "base/types.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- status and errors ---- */

static void every_status_has_its_own_number_name_and_text(void **state) {
    (void)state;
    static const rk_status all[] = {
#define STATUS(name, number, text) RK_##name,
        RK_STATUS_MAP(STATUS)
#undef STATUS
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        assert_int_equal(all[i], i);
        assert_string_not_equal(rk_status_name(all[i]), "unknown status");
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(rk_status_name(all[i]), rk_status_name(all[j]));
            assert_string_not_equal(rk_status_text(all[i]), rk_status_text(all[j]));
        }
    }
    assert_string_equal(rk_status_name(RK_EABI), "EABI");
    assert_string_equal(rk_status_text(RK_EEXIST), "exists already");
}

static void an_unknown_status_still_has_words(void **state) {
    (void)state;
    assert_string_equal(rk_status_name((rk_status)999), "unknown status");
    assert_string_equal(rk_status_text((rk_status)999), "unknown status");
    char text[64];
    assert_string_equal(rk__format_status((rk_status)999, text, sizeof text), "999, which is no rk_status");
    assert_string_equal(rk__format_status(RK_EIO, text, sizeof text), "RK_EIO: input or output failed");
}

static void fail_sets_code_and_message_and_returns_the_code(void **state) {
    (void)state;
    rk_error err = {RK_OK, 7, {0}};
    assert_int_equal(rk__fail(&err, RK_EINVAL, "axis '%s': step %d", "rho", 0), RK_EINVAL);
    assert_int_equal(err.code, RK_EINVAL);
    assert_int_equal(err.rank, -1);
    assert_string_equal(err.message, "axis 'rho': step 0");
    rk__error_clear(&err);
    assert_int_equal(err.code, RK_OK);
    assert_string_equal(err.message, "");
}

static void fail_and_prefix_accept_no_error(void **state) {
    (void)state;
    assert_int_equal(rk__fail(NULL, RK_EIO, "lost"), RK_EIO);
    assert_int_not_equal(rk__prefix(NULL, "while: "), RK_OK);
    rk__error_clear(NULL);
}

static void prefix_puts_text_before_the_message_and_keeps_the_code(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__fail(&err, RK_ENOENT, "no such file");
    assert_int_equal(rk__prefix(&err, "row %d: ", 3), RK_ENOENT);
    assert_string_equal(err.message, "row 3: no such file");
}

static void long_messages_are_cut_and_stay_terminated(void **state) {
    (void)state;
    char text[2 * RK_ERROR_TEXT_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    rk_error err = RK_ERROR_INIT;
    rk__fail(&err, RK_EINVAL, "%s", text);
    assert_int_equal(strlen(err.message), RK_ERROR_TEXT_MAX - 1);
    rk__prefix(&err, "before: ");
    assert_int_equal(strlen(err.message), RK_ERROR_TEXT_MAX - 1);
    assert_memory_equal(err.message, "before: xxx", 11);
    rk__prefix(&err, "%s", text);
    assert_int_equal(strlen(err.message), RK_ERROR_TEXT_MAX - 1);
}

static void errno_has_words(void **state) {
    (void)state;
    assert_string_equal(rk__errno_text(ENOENT), strerror(ENOENT));
}

/* ---- arithmetic ---- */

static void sums_and_products_refuse_to_wrap(void **state) {
    (void)state;
    uint64_t out = 5;
    assert_true(rk__add_u64(UINT64_MAX - 1, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_false(rk__add_u64(UINT64_MAX, 1, &out));
    assert_true(out == UINT64_MAX);
    assert_true(rk__mul_u64(UINT64_C(1) << 32, (UINT64_C(1) << 32) - 1, &out));
    assert_true(out == UINT64_C(0xffffffff00000000));
    assert_false(rk__mul_u64(UINT64_C(1) << 32, UINT64_C(1) << 32, &out));
    assert_true(out == UINT64_C(0xffffffff00000000));
    assert_true(rk__mul_u64(0, UINT64_MAX, &out));
    assert_true(out == 0);
}

/* ---- numbers as text ---- */

static void integers_are_read_whole_or_not_at_all(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {{"0", true, 0},
                 {"-42", true, -42},
                 {"+7", true, 7},
                 {"010", true, 10},
                 {"0x1F", true, 31},
                 {"-0x10", true, -16},
                 {"9223372036854775807", true, INT64_MAX},
                 {"-9223372036854775808", true, INT64_MIN},
                 {"9223372036854775808", false, 0},
                 {"", false, 0},
                 {" 1", false, 0},
                 {"1 ", false, 0},
                 {"1.5", false, 0},
                 {"0x", false, 0},
                 {"-", false, 0},
                 {"- 1", false, 0},
                 {"ten", false, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t value = 99;
        assert_int_equal(rk__parse_i64(cases[i].text, &value), cases[i].good);
        assert_true(value == (cases[i].good ? cases[i].value : 99));
    }
}

static void unsigned_integers_refuse_a_minus(void **state) {
    (void)state;
    uint64_t value = 99;
    assert_true(rk__parse_u64("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_true(rk__parse_u64("0xff", &value));
    assert_true(value == 255);
    static const char *const bad[] = {"-1", "-0", "18446744073709551616", "", "\t1", "1e3", "+-1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(rk__parse_u64(bad[i], &value));
        assert_true(value == 255);
    }
}

static void counts_may_have_an_exponent(void **state) {
    (void)state;
    static const char *const bad[] = {"", "-1", "-0", "1.5", "1e-3", "1e16", "nan", "inf", "1e6x", " 1e6"};
    uint64_t value = 0;
    assert_true(rk__parse_count("1e6", &value) && value == 1000000);
    assert_true(rk__parse_count("2.5e3", &value) && value == 2500);
    assert_true(rk__parse_count("18446744073709551615", &value) && value == UINT64_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(rk__parse_count(bad[i], &value));
    assert_int_equal(value, UINT64_MAX);
}

static void floats_take_what_strtod_takes_and_nothing_around_it(void **state) {
    (void)state;
    double value = 0;
    assert_true(rk__parse_f64("-1.25e2", &value));
    assert_true(value == -125);
    assert_true(rk__parse_f64("0x1.8p1", &value));
    assert_true(value == 3);
    assert_true(rk__parse_f64("nan", &value) && isnan(value));
    assert_true(rk__parse_f64("-inf", &value) && isinf(value) && value < 0);
    value = 7;
    static const char *const bad[] = {"", " 1", "1 ", "1,5", "1e", "--1", "1e999", "-1e999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(rk__parse_f64(bad[i], &value));
        assert_true(value == 7);
    }
}

static void floats_too_small_for_normal_are_kept(void **state) {
    (void)state;
    double value = 0;
    assert_true(rk__parse_f64("4.9e-324", &value));
    assert_true(value == 0x1p-1074);
}

static void the_shortest_text_reads_back_to_the_same_bits(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"}, {28, "28"},       {1.0 / 3, "0.3333333333333333"}, {-0.0, "-0"}, {1e300, "1e+300"},
                 {NAN, "nan"}, {INFINITY, "inf"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(rk__format_f64(cases[i].value, buffer, sizeof buffer), cases[i].text);
    uint64_t bits = 1;
    for (int i = 0; i < 2000; i++) {
        bits = bits * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value))
            continue;
        assert_true(rk__parse_f64(rk__format_f64(value, buffer, sizeof buffer), &back));
        assert_memory_equal(&value, &back, sizeof value);
    }
}

static void bytes_are_named_in_binary_units(void **state) {
    (void)state;
    char buffer[32];
    assert_string_equal(rk__format_bytes(0, buffer, sizeof buffer), "0 B");
    assert_string_equal(rk__format_bytes(1023, buffer, sizeof buffer), "1023 B");
    assert_string_equal(rk__format_bytes(1536, buffer, sizeof buffer), "1.5 KiB");
    assert_string_equal(rk__format_bytes(UINT64_C(12) << 20, buffer, sizeof buffer), "12 MiB");
    assert_string_equal(rk__format_bytes(UINT64_MAX, buffer, sizeof buffer), "16 EiB");
}

static void counts_have_decimal_suffixes(void **state) {
    (void)state;
    char buffer[32];
    assert_string_equal(rk__format_count(9999, buffer, sizeof buffer), "9999");
    assert_string_equal(rk__format_count(12345, buffer, sizeof buffer), "12.3k");
    assert_string_equal(rk__format_count(2.5e8, buffer, sizeof buffer), "250M");
    assert_string_equal(rk__format_count(1.5e13, buffer, sizeof buffer), "15.0T");
}

static void times_take_the_unit_a_person_would(void **state) {
    (void)state;
    static const struct {
        double seconds;
        const char *text;
    } cases[] = {{0.000012, "12 us"},  {0.25, "250 ms"},     {3.24, "3.2 s"}, {250, "4 min 10 s"},
                 {7500, "2 h 05 min"}, {183600, "2 d 03 h"}, {NAN, "?"},      {INFINITY, "?"}};
    char buffer[32];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(rk__format_seconds(cases[i].seconds, buffer, sizeof buffer), cases[i].text);
}

/* ---- clocks ---- */

static void wall_time_is_written_in_utc(void **state) {
    (void)state;
    char buffer[32];
    rk__wall_text(UINT64_C(1709210096) * UINT64_C(1000000000) + 999, buffer, sizeof buffer);
    assert_string_equal(buffer, "2024-02-29T12:34:56Z");
}

static void the_clock_goes_on_at_least_as_long_as_a_sleep(void **state) {
    (void)state;
    uint64_t before = rk__clock_ns();
    rk__sleep_ns(2000000);
    assert_true(rk__clock_ns() - before >= 2000000);
}

/* ---- text ---- */

static void text_grows_and_stays_terminated(void **state) {
    (void)state;
    rk__text text = RK__TEXT_INIT;
    assert_string_equal(rk__text_get(&text), "");
    for (int i = 0; i < 1000; i++)
        rk__text_add(&text, "%03d,", i);
    assert_int_equal(text.length, 4000);
    assert_int_equal(strlen(rk__text_get(&text)), 4000);
    assert_memory_equal(rk__text_get(&text) + 3996, "999,", 5);
    rk__text_fini(&text);
    assert_string_equal(rk__text_get(&text), "");
}

static void text_keeps_bytes_as_they_are(void **state) {
    (void)state;
    rk__text text = RK__TEXT_INIT;
    rk__text_add_bytes(&text, "a\0b", 3);
    assert_int_equal(text.length, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    rk__text_fini(&text);
}

static void copies_of_strings_are_new_and_null_stays_null(void **state) {
    (void)state;
    char word[] = "word";
    char *copy = rk__strdup(word);
    word[0] = 'x';
    assert_string_equal(copy, "word");
    free(copy);
    assert_null(rk__strdup(NULL));
}

/* ---- memory ---- */

static void memory_comes_zeroed_and_too_much_is_refused_by_name(void **state) {
    (void)state;
    void *memory = NULL;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__alloc(&memory, 100, 8, "rows", &err), RK_OK);
    for (size_t i = 0; i < 800; i++)
        assert_int_equal(((unsigned char *)memory)[i], 0);
    free(memory);

    void *untouched = &err;
    memory = untouched;
    assert_int_equal(rk__alloc(&memory, SIZE_MAX / 2, 8, "rows", &err), RK_ENOMEM);
    assert_ptr_equal(memory, untouched);
    assert_non_null(strstr(err.message, "rows"));
}

/* ---- JSON ---- */

static void assert_json(rk__json *json, const char *expected) {
    assert_false(json->text.failed);
    assert_string_equal(rk__text_get(&json->text), expected);
    rk__text_fini(&json->text);
}

static void json_puts_commas_between_items_only(void **state) {
    (void)state;
    rk__json json = {0};
    rk__json_begin(&json, NULL, '{');
    rk__json_u64(&json, "tasks", UINT64_MAX);
    rk__json_i64(&json, "code", -3);
    rk__json_begin(&json, "list", '[');
    rk__json_f64(&json, NULL, 0.1);
    rk__json_bool(&json, NULL, true);
    rk__json_end(&json, ']');
    rk__json_begin(&json, "none", '[');
    rk__json_end(&json, ']');
    rk__json_bool(&json, "done", false);
    rk__json_end(&json, '}');
    assert_json(&json,
                "{\n  \"tasks\": 18446744073709551615,\n  \"code\": -3,\n  \"list\": [\n    0.1,\n    true\n  ],\n"
                "  \"none\": [],\n  \"done\": false\n}");
}

static void json_has_null_for_what_it_has_no_word_for(void **state) {
    (void)state;
    rk__json json = {0};
    rk__json_begin(&json, NULL, '[');
    rk__json_f64(&json, NULL, NAN);
    rk__json_f64(&json, NULL, -INFINITY);
    rk__json_string(&json, NULL, NULL);
    rk__json_end(&json, ']');
    assert_json(&json, "[\n  null,\n  null,\n  null\n]");
}

static void json_strings_escape_quotes_controls_and_bytes_that_are_no_utf8(void **state) {
    (void)state;
    static const struct {
        const char *value, *json;
    } cases[] = {{"plain", "\"plain\""},
                 {"a\"b\\c", "\"a\\\"b\\\\c\""},
                 {"line\nnext\x1b", "\"line\\u000anext\\u001b\""},
                 {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8c\x8d\""},
                 {"\xff\x80", "\"\\u00ff\\u0080\""},
                 {"\xc0\xaf", "\"\\u00c0\\u00af\""},                       /* overlong */
                 {"\xed\xa0\x80", "\"\\u00ed\\u00a0\\u0080\""},            /* a surrogate */
                 {"\xf4\x90\x80\x80", "\"\\u00f4\\u0090\\u0080\\u0080\""}, /* beyond U+10FFFF */
                 {"cut \xe2\x82", "\"cut \\u00e2\\u0082\""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk__json json = {0};
        rk__json_string(&json, NULL, cases[i].value);
        assert_json(&json, cases[i].json);
    }
}

static void json_keys_are_escaped_too(void **state) {
    (void)state;
    rk__json json = {0};
    rk__json_begin(&json, NULL, '{');
    rk__json_u64(&json, "a\"b", 1);
    rk__json_end(&json, '}');
    assert_json(&json, "{\n  \"a\\\"b\": 1\n}");
}

/* ---- types ---- */

static void types_have_the_size_of_their_c_type(void **state) {
    (void)state;
    assert_int_equal(rk__type_bytes(RK_I16), sizeof(int16_t));
    assert_int_equal(rk__type_bytes(RK_U64), sizeof(uint64_t));
    assert_int_equal(rk__type_bytes(RK_F32), sizeof(float));
    assert_int_equal(rk__type_bytes(RK_BOOL), sizeof(bool));
    assert_int_equal(rk__type_bytes(RK_STRING), 0);
    assert_int_equal(rk__type_bytes((rk_type)0), 0);
}

static void types_are_found_by_the_name_they_have(void **state) {
    (void)state;
    for (int type = RK_I8; type <= RK_INPUT; type++)
        assert_int_equal(rk__type_from_name(rk__type_name((rk_type)type)), type);
    assert_int_equal(rk__type_from_name("double"), 0);
    assert_string_equal(rk__type_name((rk_type)77), "?");
}

static void floats_and_integers_are_told_apart(void **state) {
    (void)state;
    assert_true(rk__type_is_float(RK_F32) && rk__type_is_float(RK_F64));
    assert_true(rk__type_is_integer(RK_I8) && rk__type_is_integer(RK_U64));
    assert_false(rk__type_is_integer(RK_F32) || rk__type_is_integer(RK_BOOL));
    assert_false(rk__type_is_float(RK_U64) || rk__type_is_float(RK_STRING));
}

static void operators_have_names(void **state) {
    (void)state;
    assert_string_equal(rk__op_name(RK_COUNT), "count");
    assert_string_equal(rk__op_name(RK_ARGMAX), "argmax");
    assert_string_equal(rk__op_name(RK_CUSTOM), "custom");
    assert_string_equal(rk__op_name((rk_op)0), "?");
    assert_string_equal(rk__op_name((rk_op)(RK_CUSTOM + 1)), "?");
}

/* ---- slips of the pen ---- */

static void the_word_that_was_meant_has_the_fewest_edits(void **state) {
    (void)state;
    static const char *const names[] = {"run", "resume", "verify", "verity"};
    assert_string_equal(rk__nearest("reusme", names, 4), "resume");
    assert_string_equal(rk__nearest("veri", names, 4), "verify");
    assert_string_equal(rk__nearest("verrity", names, 4), "verity");
    assert_string_equal(rk__nearest("rum", names, 4), "run");
    assert_null(rk__nearest("verify", names, 0));
}

static void what_is_far_from_every_word_is_no_slip(void **state) {
    (void)state;
    static const char *const names[] = {"run", "resume", "x", "a-name-of-more-than-thirty-two-letters"};
    assert_null(rk__nearest("mandelbrot", names, 4));
    assert_null(rk__nearest("y", names, 4));
    assert_null(rk__nearest("", names, 4));
    assert_null(rk__nearest("b-name-of-more-than-thirty-two-letters", names, 4));
    assert_string_equal(rk__nearest("a-name", names, 4), names[3]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_number_name_and_text),
        cmocka_unit_test(an_unknown_status_still_has_words),
        cmocka_unit_test(fail_sets_code_and_message_and_returns_the_code),
        cmocka_unit_test(fail_and_prefix_accept_no_error),
        cmocka_unit_test(prefix_puts_text_before_the_message_and_keeps_the_code),
        cmocka_unit_test(long_messages_are_cut_and_stay_terminated),
        cmocka_unit_test(errno_has_words),
        cmocka_unit_test(sums_and_products_refuse_to_wrap),
        cmocka_unit_test(integers_are_read_whole_or_not_at_all),
        cmocka_unit_test(unsigned_integers_refuse_a_minus),
        cmocka_unit_test(counts_may_have_an_exponent),
        cmocka_unit_test(floats_take_what_strtod_takes_and_nothing_around_it),
        cmocka_unit_test(floats_too_small_for_normal_are_kept),
        cmocka_unit_test(the_shortest_text_reads_back_to_the_same_bits),
        cmocka_unit_test(bytes_are_named_in_binary_units),
        cmocka_unit_test(counts_have_decimal_suffixes),
        cmocka_unit_test(times_take_the_unit_a_person_would),
        cmocka_unit_test(wall_time_is_written_in_utc),
        cmocka_unit_test(the_clock_goes_on_at_least_as_long_as_a_sleep),
        cmocka_unit_test(text_grows_and_stays_terminated),
        cmocka_unit_test(text_keeps_bytes_as_they_are),
        cmocka_unit_test(copies_of_strings_are_new_and_null_stays_null),
        cmocka_unit_test(memory_comes_zeroed_and_too_much_is_refused_by_name),
        cmocka_unit_test(json_puts_commas_between_items_only),
        cmocka_unit_test(json_has_null_for_what_it_has_no_word_for),
        cmocka_unit_test(json_strings_escape_quotes_controls_and_bytes_that_are_no_utf8),
        cmocka_unit_test(json_keys_are_escaped_too),
        cmocka_unit_test(types_have_the_size_of_their_c_type),
        cmocka_unit_test(types_are_found_by_the_name_they_have),
        cmocka_unit_test(floats_and_integers_are_told_apart),
        cmocka_unit_test(operators_have_names),
        cmocka_unit_test(the_word_that_was_meant_has_the_fewest_edits),
        cmocka_unit_test(what_is_far_from_every_word_is_no_slip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
