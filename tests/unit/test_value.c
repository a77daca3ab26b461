#include "space_fixture.h"

#include <math.h>

static rk__value parsed(const char *name, const char *text) {
    rk_error err = RK_ERROR_INIT;
    rk__value value = {.as.u64 = 0};
    if (rk__value_parse(param_named(&rk_kernel_all, name), text, &value, &err) != RK_OK)
        fail_msg("%s=%s: %s", name, text, err.message);
    return value;
}

static void value_refused(const char *name, const char *text, const char *message) {
    rk_error err = RK_ERROR_INIT;
    rk__value value = {.as.u64 = 77};
    assert_int_equal(rk__value_parse(param_named(&rk_kernel_all, name), text, &value, &err), RK_EINVAL);
    assert_string_equal(err.message, message);
    assert_int_equal(value.as.u64, 77);
}

static void integers_take_their_whole_range(void **state) {
    (void)state;
    assert_int_equal(parsed("i8", "-128").as.i64, -128);
    assert_int_equal(parsed("i8", "127").as.i64, 127);
    assert_int_equal(parsed("u8", "255").as.u64, 255);
    assert_true(parsed("i64", "-9223372036854775808").as.i64 == INT64_MIN);
    assert_true(parsed("i64", "9223372036854775807").as.i64 == INT64_MAX);
    assert_true(parsed("u64", "18446744073709551615").as.u64 == UINT64_MAX);
}

static void integers_take_hexadecimal_and_whole_decimals(void **state) {
    (void)state;
    assert_int_equal(parsed("u64", "0x10").as.u64, 16);
    assert_int_equal(parsed("u64", "1e6").as.u64, 1000000);
    assert_int_equal(parsed("i64", "-2.0").as.i64, -2);
    assert_int_equal(parsed("i64", "010").as.i64, 10);
}

static void integers_refuse_what_does_not_fit(void **state) {
    (void)state;
    value_refused("u8", "300", "parameter 'u8': 300 does not fit u8 (0 … 255)");
    value_refused("u8", "-1", "parameter 'u8': -1 does not fit u8 (0 … 255)");
    value_refused("i8", "128", "parameter 'i8': 128 does not fit i8 (-128 … 127)");
    value_refused("i8", "-129", "parameter 'i8': -129 does not fit i8 (-128 … 127)");
    value_refused("i64", "9223372036854775808",
                  "parameter 'i64': 9223372036854775808 does not fit i64 "
                  "(-9223372036854775808 … 9223372036854775807)");
    value_refused("u64", "18446744073709551616",
                  "parameter 'u64': 18446744073709551616 does not fit u64 (0 … 18446744073709551615)");
    value_refused("i8", "1.5", "parameter 'i8': 1.5 is not an integer (i8)");
    value_refused("i8", "nan", "parameter 'i8': nan is not an integer (i8)");
    value_refused("i8", "", "parameter 'i8': the value is empty, a number (i8) is needed");
}

static void floats_must_be_finite_numbers(void **state) {
    (void)state;
    assert_true(parsed("rho", "0.1").as.f64 == 0.1);
    assert_true(parsed("rho", "-1e-300").as.f64 == -1e-300);
    assert_true(parsed("tau", "0.1").as.f64 == (double)0.1f);
    value_refused("rho", "nan", "parameter 'rho': 'nan' is not a finite number");
    value_refused("rho", "-inf", "parameter 'rho': '-inf' is not a finite number");
    value_refused("rho", "abc", "parameter 'rho': 'abc' is not a number");
    value_refused("rho", "1.2.3", "parameter 'rho': '1.2.3' is not a number");
    value_refused("rho", "1e999", "parameter 'rho': 1e999 is too large for f64");
    value_refused("tau", "1e39", "parameter 'tau': 1e39 is too large for f32");
}

static void a_number_may_carry_its_own_unit_only(void **state) {
    (void)state;
    assert_true(parsed("sigma", "5 m").as.f64 == 5);
    assert_true(parsed("sigma", "5m").as.f64 == 5);
    assert_true(parsed("sigma", " 5e-1 m ").as.f64 == 0.5);
    value_refused("rho", "5 kg", "parameter 'rho': unit 'kg' given, '1' expected");
    value_refused("sigma", "5 km", "parameter 'sigma': unit 'km' given, 'm' expected");
    value_refused("u8", "5 m", "parameter 'u8': unit 'm' given, '1' expected");
}

static void booleans_take_words(void **state) {
    (void)state;
    const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(parsed("flag", yes[i]).as.u64, 1);
        assert_int_equal(parsed("flag", no[i]).as.u64, 0);
    }
    value_refused("flag", "maybe", "parameter 'flag': 'maybe' is none of yes, no, true, false, on, off, 1, 0");
}

static void choices_are_matched_whole(void **state) {
    (void)state;
    assert_int_equal(parsed("color", "red").as.i64, 0);
    assert_int_equal(parsed("color", "blue").as.i64, 2);
    value_refused("color", "gree", "parameter 'color': 'gree' is none of red|green|blue");
    value_refused("color", "red|green", "parameter 'color': 'red|green' is none of red|green|blue");
    value_refused("color", "", "parameter 'color': '' is none of red|green|blue");
}

static void store_writes_each_type_into_its_field(void **state) {
    (void)state;
    all_params p = {0};
    static const char *const values[][2] = {{"rho", "2.5"}, {"tau", "0.1"},     {"i8", "-7"},
                                            {"u8", "200"},  {"i64", "-5"},      {"u64", "0xffffffffffffffff"},
                                            {"flag", "on"}, {"color", "green"}, {"n", "4000000000"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        rk__value_store(param_named(&rk_kernel_all, values[i][0]), parsed(values[i][0], values[i][1]), &p);
    rk__value label = parsed("label", "a b");
    rk__value_store(param_named(&rk_kernel_all, "label"), label, &p);
    assert_true(p.rho == 2.5 && p.tau == 0.1f && p.i8 == -7 && p.u8 == 200 && p.i64 == -5 && p.u64 == UINT64_MAX);
    assert_true(p.flag && p.color == 1 && p.n == 4000000000u);
    assert_string_equal(p.label, "a b");
    rk__value_fini(param_named(&rk_kernel_all, "label"), &label);
}

static void text_reads_back_to_the_same_value(void **state) {
    (void)state;
    static const char *const values[][2] = {{"rho", "0.1"},
                                            {"rho", "-0"},
                                            {"rho", "4.9406564584124654e-324"},
                                            {"rho", "1.7976931348623157e308"},
                                            {"tau", "0.1"},
                                            {"tau", "3.4028235e38"},
                                            {"i8", "-128"},
                                            {"u64", "18446744073709551615"},
                                            {"flag", "true"},
                                            {"label", "a, %b"},
                                            {"label", ""},
                                            {"color", "blue"}};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const rk_param *param = param_named(&rk_kernel_all, values[i][0]);
        rk__text text = RK__TEXT_INIT;
        rk__value value = parsed(values[i][0], values[i][1]);
        rk__value_text(param, value, &text);
        rk__value back = parsed(values[i][0], rk__text_get(&text));
        if (param->type == RK_STRING)
            assert_string_equal(value.as.text, back.as.text);
        else
            assert_true(value.as.u64 == back.as.u64);
        rk__value_fini(param, &value);
        rk__value_fini(param, &back);
        rk__text_fini(&text);
    }
}

static void f32_text_is_as_short_as_a_float_needs(void **state) {
    (void)state;
    rk__text text = RK__TEXT_INIT;
    rk__value_text(param_named(&rk_kernel_all, "tau"), parsed("tau", "0.1"), &text);
    assert_string_equal(rk__text_get(&text), "0.1");
    rk__text_fini(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_take_their_whole_range),
        cmocka_unit_test(integers_take_hexadecimal_and_whole_decimals),
        cmocka_unit_test(integers_refuse_what_does_not_fit),
        cmocka_unit_test(floats_must_be_finite_numbers),
        cmocka_unit_test(a_number_may_carry_its_own_unit_only),
        cmocka_unit_test(booleans_take_words),
        cmocka_unit_test(choices_are_matched_whole),
        cmocka_unit_test(store_writes_each_type_into_its_field),
        cmocka_unit_test(text_reads_back_to_the_same_value),
        cmocka_unit_test(f32_text_is_as_short_as_a_float_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
