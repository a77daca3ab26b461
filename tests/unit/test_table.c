#include "space_fixture.h"

#include "scratch_directory.h"

static rk__space *space_of_table(const char *text) {
    asked a;
    ask(&a, "");
    a.request.table = WRITE_TEXT("table.csv", text);
    return space_of_request(&rk_kernel_all, &a.request);
}

static all_params bound(const rk__space *space, uint64_t task) {
    all_params params;
    memcpy(&params, space->base_params, sizeof params);
    rk__space_bind(space, task, &params);
    return params;
}

static void each_line_is_a_task(void **state) {
    (void)state;
    rk__space *space = space_of_table("sigma,i8,label\n1.5,-3,a\n 2 m , 4 , b \n");
    assert_int_equal(space->tasks, 2);
    assert_int_equal(space->axes[0].kind, RK__AXIS_TABLE);
    assert_string_equal(space->axes[0].name, "row");
    all_params p = bound(space, 0);
    assert_true(p.sigma == 1.5 && p.i8 == -3 && p.rho == 28);
    assert_string_equal(p.label, "a");
    p = bound(space, 1);
    assert_true(p.sigma == 2 && p.i8 == 4);
    assert_string_equal(p.label, " b ");
    rk__space_destroy(space);
}

static void quotes_line_ends_and_marks_are_understood(void **state) {
    (void)state;
    rk__space *space = space_of_table("\xef\xbb\xbf\"label\", sigma\r\n\r\n\"a, \"\"b\"\"\nc\",1\r\n\"\",2");
    assert_int_equal(space->tasks, 2);
    assert_string_equal(bound(space, 0).label, "a, \"b\"\nc");
    assert_string_equal(bound(space, 1).label, "");
    assert_true(bound(space, 1).sigma == 2);
    rk__space_destroy(space);
}

static void table_follows_the_settings(void **state) {
    (void)state;
    asked a;
    ask(&a, "i8=1,2,3");
    a.request.table = WRITE_TEXT("table.csv", "sigma\n5\n6\n");
    a.request.repeat = 2;
    rk__space *space = space_of_request(&rk_kernel_all, &a.request);
    assert_int_equal(space->tasks, 12);
    assert_string_equal(space->axes[1].name, "row");
    assert_true(bound(space, 7).i8 == 2 && bound(space, 7).sigma == 6);
    rk__space_destroy(space);
}

static void bad_tables_name_the_line_and_the_column(void **state) {
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "table 'table.csv' is empty"},
        {"\n \n", "table 'table.csv' is empty"},
        {"sigma\n", "table 'table.csv' has no tasks"},
        {"sigma,i8\n1,2\n3,x\n", "table 'table.csv' line 3 column 'i8': parameter 'i8': 'x' is not a number"},
        {"label,i8\n\"a\nb\",2\nc,300\n", "line 4 column 'i8': parameter 'i8': 300 does not fit"},
        {"sigma,i8\n1\n", "line 2: 1 fields, but 2 columns: no value for 'i8'"},
        {"sigma,i8\n1,2,3\n", "line 2: more fields than the 2 columns"},
        {"sigma,i8\n1,\n", "line 2 column 'i8': parameter 'i8': the value is empty"},
        {"sigma,sigmo\n1,2\n", "line 1 column 2: kernel 'all' has no parameter 'sigmo': did you mean 'sigma'?"},
        {"sigma,sigma\n1,2\n", "column 'sigma' is there twice"},
        {"sigma,\n1,2\n", "has no parameter ''"},
        {"n\n1\n", "parameter 'n' has one value for the whole run (it is a size of output 'image')"},
        {"label\n\"a\n", "line 2: a quote is not closed"},
        {"label\n\"a\"b\n", "line 2: text after a closing quote"},
        {"sigma\nnan\n", "line 2 column 'sigma': parameter 'sigma': 'nan' is not a finite number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asked a;
        ask(&a, "");
        a.request.table = WRITE_TEXT("table.csv", cases[i].text);
        refuses_request(&rk_kernel_all, &a.request, RK_EINVAL, cases[i].words);
    }
}

static void missing_or_binary_tables_are_refused(void **state) {
    (void)state;
    asked a;
    ask(&a, "");
    a.request.table = "absent.csv";
    refuses_request(&rk_kernel_all, &a.request, RK_ENOENT, "table: cannot open 'absent.csv'");
    a.request.table = write_file("table.csv", "sigma\n\0\n", 8);
    refuses_request(&rk_kernel_all, &a.request, RK_EFORMAT, "'table.csv' is not a text file");
}

static void column_and_setting_exclude_each_other(void **state) {
    (void)state;
    asked a;
    ask(&a, "sigma=1");
    a.request.table = WRITE_TEXT("table.csv", "i8,sigma\n1,2\n");
    refuses_request(&rk_kernel_all, &a.request, RK_EINVAL,
                    "parameter 'sigma' is a column of the table 'table.csv' and a setting");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_a_task),
        cmocka_unit_test(quotes_line_ends_and_marks_are_understood),
        cmocka_unit_test(table_follows_the_settings),
        cmocka_unit_test(bad_tables_name_the_line_and_the_column),
        cmocka_unit_test(missing_or_binary_tables_are_refused),
        cmocka_unit_test(column_and_setting_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, enter_scratch_directory, leave_scratch_directory);
}
