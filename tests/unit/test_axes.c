#include "space_fixture.h"

#include <math.h>
#include <sys/resource.h>

#include "scratch_directory.h"

static const all_params *bound(const rk__space *space, uint64_t task) {
    static all_params params;
    memcpy(&params, space->base_params, sizeof params);
    rk__space_bind(space, task, &params);
    return &params;
}

/* ---- counts and ends of ranges ---- */

static void range_includes_its_stop_within_rounding(void **state) {
    (void)state;
    static const struct {
        const char *setting;
        uint64_t count;
        double last;
    } cases[] = {{"sigma=20:30:0.1", 101, 30},       {"sigma=0:1:0.1", 11, 1},  {"sigma=0:0.3:0.1", 4, 0.3},
                 {"sigma=0:1:0.3", 4, 0.9},          {"sigma=1:0:-0.25", 5, 0}, {"sigma=3:3:1", 1, 3},
                 {"sigma=0:1e6:0.1", 10000001, 1e6}, {"sigma=-1:1:0.5", 5, 1},  {"sigma=0:0.95:0.1", 10, 0.9},
                 {"sigma=0:10:2.5m", 5, 10}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk__space *space = space_of(&rk_kernel_all, cases[i].setting);
        assert_int_equal(space->tasks, cases[i].count);
        assert_true(bound(space, cases[i].count - 1)->sigma == cases[i].last);
        rk__space_destroy(space);
    }
}

static void range_values_are_rounded_once(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "sigma=20:30:0.1");
    assert_true(bound(space, 0)->sigma == 20.0);
    assert_true(bound(space, 1)->sigma == 20.1);
    assert_true(bound(space, 3)->sigma == 20.3);
    assert_true(bound(space, 57)->sigma == 25.7);
    rk__space_destroy(space);
}

static void points_have_both_ends_exact(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "sigma=0.1..0.7/7");
    assert_int_equal(space->tasks, 7);
    assert_true(bound(space, 0)->sigma == 0.1);
    assert_true(bound(space, 6)->sigma == 0.7);
    assert_true(bound(space, 3)->sigma == 0.4);
    rk__space_destroy(space);
    space = space_of(&rk_kernel_all, "i64=10..-10/5");
    assert_int_equal(bound(space, 1)->i64, 5);
    assert_int_equal(bound(space, 4)->i64, -10);
    rk__space_destroy(space);
}

static void f32_axes_step_in_double_precision(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "tau=0:1:0.1");
    assert_int_equal(space->tasks, 11);
    for (int i = 0; i <= 10; i++)
        assert_true(bound(space, (uint64_t)i)->tau == (float)(i / 10.0));
    rk__space_destroy(space);
}

static void integer_ranges_are_exact(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "u8=250:255");
    assert_int_equal(space->tasks, 6);
    assert_int_equal(bound(space, 5)->u8, 255);
    rk__space_destroy(space);
    space = space_of(&rk_kernel_all, "u64=18446744073709551615:18446744073709551605:-5");
    assert_int_equal(space->tasks, 3);
    assert_true(bound(space, 2)->u64 == UINT64_MAX - 10);
    rk__space_destroy(space);
    space = space_of(&rk_kernel_all, "i64=-9223372036854775808:9223372036854775807:9223372036854775807");
    assert_int_equal(space->tasks, 3);
    assert_true(bound(space, 1)->i64 == -1 && bound(space, 2)->i64 == INT64_MAX - 1);
    rk__space_destroy(space);
    space = space_of(&rk_kernel_all, "i8=5:-6:-3");
    assert_int_equal(space->tasks, 4);
    assert_int_equal(bound(space, 3)->i8, -4);
    rk__space_destroy(space);
}

static void huge_range_takes_no_memory(void **state) {
    (void)state;
    struct rusage before, after;
    getrusage(RUSAGE_SELF, &before);
    rk__space *space = space_of(&rk_kernel_all, "u64=0:999999999999 sigma=0..1/65536");
    getrusage(RUSAGE_SELF, &after);
    assert_int_equal(space->tasks, UINT64_C(1000000000000) * 65536);
    assert_int_equal(bound(space, space->tasks - 1)->u64, UINT64_C(999999999999));
    assert_true(bound(space, space->tasks - 1)->sigma == 1);
    assert_true(strlen(space->text) < 1000);
    assert_true(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
    rk__space_destroy(space);
}

/* ---- lists ---- */

static void lists_hold_every_type(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "label=a:b,,c color=blue,red flag=no,yes rho=1");
    assert_int_equal(space->tasks, 12);
    const all_params *p = bound(space, 0);
    assert_string_equal(p->label, "a:b");
    assert_true(p->color == 2 && !p->flag && p->rho == 1);
    p = bound(space, 7);
    assert_string_equal(p->label, "");
    assert_true(p->color == 0 && p->flag);
    rk__space_destroy(space);
}

static void first_setting_is_the_slowest_axis(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "sigma=1,2,3 i8=4:5");
    assert_int_equal(space->axis_count, 2);
    assert_string_equal(space->axes[0].name, "sigma");
    assert_string_equal(space->axes[0].columns[0].unit, "m");
    assert_int_equal(space->axes[0].stride, 2);
    assert_int_equal(space->axes[1].stride, 1);
    assert_true(space->sweeps);
    assert_true(bound(space, 3)->sigma == 2 && bound(space, 3)->i8 == 5);
    assert_true(bound(space, 4)->sigma == 3 && bound(space, 4)->i8 == 4);
    rk__space_destroy(space);
}

static void without_sweeps_there_is_one_task(void **state) {
    (void)state;
    rk__space *space = space_of(&rk_kernel_all, "rho=3");
    const all_params *p = space->base_params;
    assert_int_equal(space->tasks, 1);
    assert_int_equal(space->axis_count, 0);
    assert_false(space->sweeps);
    assert_true(p->rho == 3 && p->sigma == 10 && p->i8 == -1 && !p->flag && p->color == 0 && p->n == 4);
    assert_string_equal(p->label, "none");
    rk__space_destroy(space);
}

static void values_come_from_a_file(void **state) {
    (void)state;
    WRITE_TEXT("values.txt", "# lengths\n1\n\n  2.5 m  # with its unit\r\n3");
    WRITE_TEXT("label.txt", "one, two # three\n");
    rk__space *space = space_of(&rk_kernel_all, "sigma=@values.txt label=@label.txt");
    assert_int_equal(space->tasks, 3);
    assert_true(bound(space, 1)->sigma == 2.5 && bound(space, 2)->sigma == 3);
    assert_string_equal(bound(space, 0)->label, "one, two # three");
    unlink("values.txt");
    rk__space *again = space_of_text(&rk_kernel_all, space->text);
    assert_int_equal(again->tasks, 3);
    rk__space_destroy(again);
    rk__space_destroy(space);
}

/* ---- zips and replicates ---- */

static rk__request with_zip(asked *a, const char *settings, const char *const *zips, size_t count) {
    ask(a, settings);
    a->request.zips = zips;
    a->request.zip_count = count;
    return a->request;
}

static void zip_walks_axes_together(void **state) {
    (void)state;
    asked a;
    const char *zips[] = {"sigma,i8"};
    rk__request request = with_zip(&a, "i8=1:3 u8=1,2 sigma=0..1/3", zips, 1);
    rk__space *space = space_of_request(&rk_kernel_all, &request);
    assert_int_equal(space->tasks, 6);
    assert_int_equal(space->axes[0].kind, RK__AXIS_ZIP);
    assert_string_equal(space->axes[0].name, "sigma");
    assert_string_equal(space->axes[0].columns[1].name, "i8");
    const all_params *p = bound(space, 3);
    assert_true(p->i8 == 2 && p->sigma == 0.5 && p->u8 == 2);
    rk__space_destroy(space);
}

static void values_of_a_zip_may_repeat(void **state) {
    (void)state;
    asked a;
    const char *zips[] = {"sigma,i8"};
    rk__request request = with_zip(&a, "i8=1,1,2 sigma=5,6,6", zips, 1);
    rk__space *space = space_of_request(&rk_kernel_all, &request);
    assert_true(bound(space, 1)->i8 == 1 && bound(space, 1)->sigma == 6);
    rk__space_destroy(space);
}

static void zip_refuses_what_does_not_fit_together(void **state) {
    (void)state;
    static const struct {
        const char *settings, *zips[2];
        const char *words;
    } cases[] = {
        {"i8=1:3 sigma=1,2", {"i8,sigma", NULL}, "'i8' has 3 values, but 'sigma' has 2"},
        {"i8=1:3 sigma=1", {"i8,sigma", NULL}, "'sigma' has no list or range"},
        {"i8=1:3", {"i8,sigma", NULL}, "'sigma' has no list or range"},
        {"i8=1:3", {"i8", NULL}, "at least two"},
        {"i8=1:3", {"i8,i8", NULL}, "in a zip already"},
        {"i8=1:3 u8=1:3 i64=1:3", {"i8,u8", "i64,u8"}, "'u8' is in a zip already"},
        {"i8=1:3", {"i8,sigmo", NULL}, "did you mean 'sigma'?"},
        {"i8=1:3", {"i8,", NULL}, "no parameter ''"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asked a;
        rk__request request = with_zip(&a, cases[i].settings, cases[i].zips, cases[i].zips[1] != NULL ? 2 : 1);
        refuses_request(&rk_kernel_all, &request, RK_EINVAL, cases[i].words);
    }
}

static void replicate_is_the_fastest_axis(void **state) {
    (void)state;
    asked a;
    ask(&a, "sigma=1,2");
    a.request.repeat = 5;
    rk__space *space = space_of_request(&rk_kernel_all, &a.request);
    rk_task task = {0};
    assert_int_equal(space->tasks, 10);
    assert_string_equal(space->axes[1].name, "replicate");
    rk__space_locate(space, 8, &task);
    assert_true(task.index == 8 && task.replicate == 3 && task.plan_index == 0 && task.input_index == 0);
    assert_true(bound(space, 8)->sigma == 2);
    rk__space_destroy(space);
}

static void names_that_rankine_makes_up_give_way(void **state) {
    (void)state;
    rk_kernel kernel = rk_kernel_all;
    kernel.outputs[0].name = "replicate";
    asked a;
    ask(&a, "");
    a.request.repeat = 2;
    rk__space *space = space_of_request(&kernel, &a.request);
    assert_string_equal(space->axes[0].name, "replicate_axis");
    rk__space_destroy(space);
}

/* ---- what is refused, and how ---- */

static void bad_settings_get_one_clear_line(void **state) {
    (void)state;
    WRITE_TEXT("empty.txt", "# nothing\n\n");
    WRITE_TEXT("wrong.txt", "1\nx\n");
    WRITE_TEXT("twice.txt", "2\n1\n2\n");
    write_file("binary.txt", "1\0\n", 3);
    static const struct {
        const char *settings;
        rk_status status;
        const char *words;
    } cases[] = {
        {"rhoo=1", RK_EINVAL, "kernel 'all' has no parameter 'rhoo': did you mean 'rho'? (it has rho, sigma, "},
        {"zzzzzzzz=1", RK_EINVAL, "kernel 'all' has no parameter 'zzzzzzzz' (it has rho"},
        {"rho", RK_EINVAL, "'rho' is no setting: write name=value"},
        {"=1", RK_EINVAL, "'=1' is no setting"},
        {"sigma=1 sigma=2", RK_EINVAL, "parameter 'sigma' is given twice"},
        {"sigma=1:2:0", RK_EINVAL, "parameter 'sigma': step 0 in '1:2:0'"},
        {"i8=1:2:0", RK_EINVAL, "parameter 'i8': step 0 in '1:2:0'"},
        {"sigma=1:2:-1", RK_EINVAL, "the range '1:2:-1' is empty"},
        {"sigma=2:1:1", RK_EINVAL, "the range '2:1:1' is empty"},
        {"i8=2:1", RK_EINVAL, "the range '2:1' is empty"},
        {"i8=1:2:-1", RK_EINVAL, "the range '1:2:-1' is empty"},
        {"sigma=20:30", RK_EINVAL, "'20:30' needs a step (20:30:0.1) or a number of points (20..30/101)"},
        {"sigma=0:nan:1", RK_EINVAL, "'nan' is not a finite number"},
        {"sigma=0:inf:1", RK_EINVAL, "'inf' is not a finite number"},
        {"sigma=nan..1/5", RK_EINVAL, "'nan' is not a finite number"},
        {"sigma=0:1:inf", RK_EINVAL, "'inf' is not a finite number"},
        {"sigma=0:1:0.1:2", RK_EINVAL, "too many ':'"},
        {"sigma=0:1:0.1kg", RK_EINVAL, "unit 'kg' given, 'm' expected"},
        {"sigma=0::1", RK_EINVAL, "the value is empty"},
        {"sigma=1,,2", RK_EINVAL, "value 2 of the list is empty"},
        {"sigma=1,2,", RK_EINVAL, "value 3 of the list is empty"},
        {"sigma=3,28,1,28.0", RK_EINVAL, "parameter 'sigma': 28 is there twice: "},
        {"sigma=0,1,-0", RK_EINVAL, "parameter 'sigma': 0 is there twice: "},
        {"tau=0.1,0.1000000001", RK_EINVAL, "parameter 'tau': 0.1 is there twice: "},
        {"label=a,b,a", RK_EINVAL, "parameter 'label': a is there twice: "},
        {"color=red,red", RK_EINVAL, "parameter 'color': red is there twice: "},
        {"sigma=@twice.txt", RK_EINVAL, "parameter 'sigma': 2 is there twice: "},
        {"sigma=1,x", RK_EINVAL, "'x' is not a number"},
        {"sigma=0..1", RK_EINVAL, "'0..1' needs a number of points"},
        {"sigma=0..1/1", RK_EINVAL, "at least 2"},
        {"sigma=0..1/x", RK_EINVAL, "needs a number of points"},
        {"sigma=1..1/5", RK_EINVAL, "both ends are the same"},
        {"sigma=-1.7e308..1.7e308/3", RK_EOVERFLOW, "too far apart"},
        {"i8=0..10/4", RK_EINVAL, "are not all integers"},
        {"u8=250:256", RK_EINVAL, "256 does not fit u8"},
        {"u8=5:-1:-1", RK_EINVAL, "-1 does not fit u8"},
        {"tau=0:1e39:1", RK_EINVAL, "1e39 is too large for f32"},
        {"u64=0:18446744073709551615", RK_EOVERFLOW, "more than 2^56 values"},
        {"sigma=0:1e300:1", RK_EOVERFLOW, "more than 2^56 values"},
        {"u64=0:999999999999 i64=0:999999999999", RK_EOVERFLOW, "too many tasks"},
        {"n=1,2", RK_EINVAL, "parameter 'n' has one value for the whole run (it is a size of output 'image')"},
        {"bins=1:2", RK_EINVAL, "(reduction 'h' needs it)"},
        {"rho=1,2", RK_EINVAL, "(reduction 'h' needs it)"},
        {"seed_like=1,2", RK_EINVAL, "(the kernel asks for that)"},
        {"color=red,pink", RK_EINVAL, "'pink' is none of red|green|blue"},
        {"sigma=@", RK_EINVAL, "'@' needs a file"},
        {"sigma=@absent.txt", RK_ENOENT, "parameter 'sigma': cannot open 'absent.txt': No such file or directory"},
        {"sigma=@.", RK_EINVAL, "'.' is not a regular file"},
        {"sigma=@empty.txt", RK_EINVAL, "no values in 'empty.txt'"},
        {"sigma=@wrong.txt", RK_EINVAL, "'wrong.txt' line 2: parameter 'sigma': 'x' is not a number"},
        {"sigma=@binary.txt", RK_EFORMAT, "is not a text file"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(&rk_kernel_all, cases[i].settings, cases[i].status, cases[i].words);
}

static void missing_required_parameter_is_named(void **state) {
    (void)state;
    rk_kernel kernel = rk_kernel_all;
    kernel.params[0].preset = NULL;
    refuses(&kernel, "sigma=1", RK_EINVAL, "kernel 'all' needs the parameter 'rho', a pure number: write rho=VALUE");
}

static void too_many_axes_are_refused(void **state) {
    (void)state;
    typedef struct {
        uint8_t v[20];
    } many_params;
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i",
                                        "j", "k", "l", "m", "n", "o", "p", "q"};
    rk_kernel kernel = {.name = "many"};
    char settings[256] = "";
    for (size_t i = 0; i < 17; i++) {
        kernel.params[i] = (rk_param){names[i], i, 1, RK_U8, "0", NULL, NULL, NULL, false};
        snprintf(settings + strlen(settings), sizeof settings - strlen(settings), "%s=1,2 ", names[i]);
    }
    assert_true(sizeof(many_params) >= 17);
    refuses(&kernel, settings, RK_EOVERFLOW, "more than 16 axes");
}

static void input_dimensions_need_an_input(void **state) {
    (void)state;
    asked a;
    ask(&a, "");
    a.request.input_dims = 2;
    refuses_request(&rk_kernel_all, &a.request, RK_EINVAL, "no input is given");
}

/* ---- numbers behind names ---- */

static void sizes_and_bounds_come_from_parameters_or_literals(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__space *space = space_of(&rk_kernel_all, "n=7 rho=2.5 sigma=1,2");
    uint64_t size = 0;
    double number = 0;
    assert_int_equal(rk__space_dimension(space, "n", &size, &err), RK_OK);
    assert_int_equal(size, 7);
    assert_int_equal(rk__space_dimension(space, "3", &size, &err), RK_OK);
    assert_int_equal(size, 3);
    assert_int_equal(rk__space_number(space, "rho", &number, &err), RK_OK);
    assert_true(number == 2.5);
    assert_int_equal(rk__space_number(space, "i8", &number, &err), RK_OK);
    assert_true(number == -1);
    assert_int_equal(rk__space_number(space, "-1e3", &number, &err), RK_OK);
    assert_true(number == -1000);
    static const char *const no_sizes[] = {"0", "x", "rho", "i8", "u64", "sigma"};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(rk__space_dimension(space, no_sizes[i], &size, &err), RK_EINVAL);
    static const char *const no_numbers[] = {"x", "label", "nan", "sigma", "color"};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(rk__space_number(space, no_numbers[i], &number, &err), RK_EINVAL);
    assert_int_equal(size, 3);
    rk__space_destroy(space);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(range_includes_its_stop_within_rounding),
        cmocka_unit_test(range_values_are_rounded_once),
        cmocka_unit_test(points_have_both_ends_exact),
        cmocka_unit_test(f32_axes_step_in_double_precision),
        cmocka_unit_test(integer_ranges_are_exact),
        cmocka_unit_test(huge_range_takes_no_memory),
        cmocka_unit_test(lists_hold_every_type),
        cmocka_unit_test(first_setting_is_the_slowest_axis),
        cmocka_unit_test(without_sweeps_there_is_one_task),
        cmocka_unit_test(values_come_from_a_file),
        cmocka_unit_test(zip_walks_axes_together),
        cmocka_unit_test(values_of_a_zip_may_repeat),
        cmocka_unit_test(zip_refuses_what_does_not_fit_together),
        cmocka_unit_test(replicate_is_the_fastest_axis),
        cmocka_unit_test(names_that_rankine_makes_up_give_way),
        cmocka_unit_test(bad_settings_get_one_clear_line),
        cmocka_unit_test(missing_required_parameter_is_named),
        cmocka_unit_test(too_many_axes_are_refused),
        cmocka_unit_test(input_dimensions_need_an_input),
        cmocka_unit_test(sizes_and_bounds_come_from_parameters_or_literals),
    };
    return cmocka_run_group_tests(tests, enter_scratch_directory, leave_scratch_directory);
}
