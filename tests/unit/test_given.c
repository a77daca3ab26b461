#include "space_fixture.h"

#include "scratch_directory.h"

typedef struct own_params {
    const char *cmd;
} own_params;

static const rk_kernel always = {.name = "always",
                                 .params = {RK_PARAM(own_params, cmd, RK_STRING, "", NULL, NULL, .fixed = true)}};

static void infer_request(const rk__request *request, const char *expected) {
    rk_error err = RK_ERROR_INIT;
    rk__givens givens = {0};
    rk__text said = RK__TEXT_INIT;
    if (rk__givens_infer(&givens, &always, request, &err) != RK_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < givens.count; i++)
        rk__text_add(&said, "%s %s %s;", givens.items[i].name,
                     givens.items[i].type == RK_I64   ? "i64"
                     : givens.items[i].type == RK_F64 ? "f64"
                                                      : "string",
                     givens.items[i].value ? givens.items[i].value : "(many)");
    assert_string_equal(rk__text_get(&said), expected);
    rk__text_fini(&said);
    rk__givens_fini(&givens);
}

static void infer(const char *settings, const char *expected) {
    asked a;
    ask(&a, settings);
    infer_request(&a.request, expected);
}

static void what_prints_as_it_is_written_is_a_number(void **state) {
    (void)state;
    infer("x=3", "x i64 3;");
    infer("x=-3", "x i64 -3;");
    infer("x=0.1", "x f64 0.1;");
    infer("x=1,2,3", "x i64 (many);");
    infer("x=1,2.5", "x f64 (many);");
    infer("x=9223372036854775807", "x i64 9223372036854775807;");
}

static void what_prints_otherwise_stays_text(void **state) {
    (void)state;
    infer("x=007", "x string 007;");
    infer("x=1e6", "x string 1e6;");
    infer("x=1.0,2", "x string (many);");
    infer("x=+1", "x string +1;");
    infer("x=0x10", "x string 0x10;");
    infer("x=nan", "x string nan;");
    infer("x=", "x string ;");
    infer("x=5m", "x string 5m;");
    infer("x=1,,2", "x string (many);");
    infer("x=9223372036854775808", "x string 9223372036854775808;");
}

static void ranges_of_numbers_are_numbers(void **state) {
    (void)state;
    infer("x=1:5", "x i64 (many);");
    infer("x=0:1:0.1", "x f64 (many);");
    infer("x=0..1/11", "x f64 (many);");
    infer("x=0..10/11", "x i64 (many);");
    infer("x=5:1", "x string 5:1;"); /* leads nowhere: no range */
    infer("x=a:b", "x string a:b;");
    infer("x=http://a/b..c", "x string http://a/b..c;");
}

static void fixed_strings_are_one_value_as_they_stand(void **state) {
    (void)state;
    infer("cmd=a,b,c x=a,b", "cmd string a,b,c;x string (many);");
    infer("cmd=1:5", "cmd string 1:5;");
    infer("cmd=7", "cmd string 7;");
}

static void files_and_tables_are_looked_into(void **state) {
    (void)state;
    WRITE_TEXT("numbers.txt", "1\n2\n");
    WRITE_TEXT("words.txt", "1\n02\n");
    WRITE_TEXT("line.txt", "a, b\n");
    infer("x=@numbers.txt y=@words.txt z=@line.txt", "x i64 (many);y string (many);z string a, b;");
    asked a;
    ask(&a, "x=1");
    a.request.table = WRITE_TEXT("table.csv", "i,f,s,t\n1,0.5,a, 1\n2,3,b,2\n");
    infer_request(&a.request, "x i64 1;i i64 (many);f f64 (many);s string (many);t string (many);");
}

static void a_name_counts_once_and_a_missing_file_is_told(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__givens givens = {0};
    asked a;
    infer("x=1 x=2 nothing", "x i64 1;");
    ask(&a, "x=@absent.txt");
    assert_int_equal(rk__givens_infer(&givens, &always, &a.request, &err), RK_ENOENT);
    assert_non_null(strstr(err.message, "absent.txt"));
    ask(&a, "");
    a.request.table = "absent.csv";
    assert_int_equal(rk__givens_infer(&givens, &always, &a.request, &err), RK_ENOENT);
}

static void the_text_holds_them(void **state) {
    (void)state;
    const rk_given given[] = {{"cmd", "a b%", RK_STRING}, {"x", NULL, RK_I64}, {"y", "", RK_STRING}};
    rk_error err = RK_ERROR_INIT;
    rk__givens givens = {0};
    asked a;
    ask(&a, "cmd=a");
    a.request.given = given;
    a.request.given_count = 3;
    char *text = describe(&always, &a.request);
    assert_string_equal(text, "rankine-space 3\nkernel always\ngiven cmd string a%20b%25\ngiven x i64\n"
                              "given y string %-\nparam cmd a\nend\n");
    assert_int_equal(rk__givens_read(&givens, text, &err), RK_OK);
    assert_int_equal(givens.count, 3);
    assert_string_equal(givens.items[0].value, "a b%");
    assert_null(givens.items[1].value);
    assert_int_equal(givens.items[1].type, RK_I64);
    assert_string_equal(givens.items[2].value, "");
    rk__givens_fini(&givens);
    rk__space_destroy(space_of_text(&always, text));
    free(text);
    assert_int_equal(rk__givens_read(&givens, "rankine-space 1\nkernel always\nparam cmd a\nend\n", &err), RK_OK);
    assert_int_equal(givens.count, 0);
    assert_int_equal(rk__givens_read(&givens, "rankine-space 3\nkernel always\ngiven x\nend\n", &err), RK_EFORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_prints_as_it_is_written_is_a_number),
        cmocka_unit_test(what_prints_otherwise_stays_text),
        cmocka_unit_test(ranges_of_numbers_are_numbers),
        cmocka_unit_test(fixed_strings_are_one_value_as_they_stand),
        cmocka_unit_test(files_and_tables_are_looked_into),
        cmocka_unit_test(a_name_counts_once_and_a_missing_file_is_told),
        cmocka_unit_test(the_text_holds_them),
    };
    return cmocka_run_group_tests(tests, enter_scratch_directory, leave_scratch_directory);
}
