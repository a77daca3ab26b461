#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "call/call.h"

static rk_status twice(rk_call *call) {
    int value;
    if (call->arg_size != sizeof value)
        return rk_call_fail(call, RK_EINVAL, "%zu bytes", call->arg_size);
    memcpy(&value, call->arg, sizeof value);
    value *= 2;
    return rk_call_return(call, &value, sizeof value);
}

static rk_status tell_whether_stopping(rk_call *call) {
    bool answer = rk_call_stopping(call);
    return rk_call_return(call, &answer, sizeof answer);
}

static rk_status fail_after_a_result(rk_call *call) {
    rk_call_return(call, "abc", 3);
    return RK_EIO;
}

/* What a call of the library that it makes would leave: `arg` is the status that it returns. */
static rk_status fail_with_a_calls_error(rk_call *call) {
    rk__fail(call->err, RK_EFULL, "the queue is full");
    return *(const rk_status *)call->arg;
}

static rk_status last_result_counts(rk_call *call) {
    rk_call_return(call, "first", 5);
    char *room = rk_call_result(call, 2);
    memcpy(room, "ok", 2);
    return RK_OK;
}

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static void the_message_of_a_call_that_failed_goes_on(void **state) {
    (void)state;
    rk_status full = RK_EFULL, other = RK_EIO, none = (rk_status)77;
    rk__outcome outcome;
    rk__call_run(fail_with_a_calls_error, &full, sizeof full, NULL, NULL, &outcome);
    assert_int_equal(outcome.status, RK_EFULL);
    assert_string_equal(outcome.message, "the queue is full");
    rk__call_run(fail_with_a_calls_error, &other, sizeof other, NULL, NULL, &outcome); /* that was got over */
    assert_string_equal(outcome.message, "the function returned RK_EIO: input or output failed");
    rk__call_run(fail_with_a_calls_error, &none, sizeof none, NULL, NULL, &outcome);
    assert_string_equal(outcome.message, "the function returned 77, which is no rk_status");
}

static void a_name_leads_back_to_its_function(void **state) {
    (void)state;
    rk_function functions[] = {twice, nothing, last_result_counts};
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        rk__function_name name;
        rk_function found = NULL;
        assert_int_equal(rk__function_name_of(functions[i], &name, NULL), RK_OK);
        assert_int_equal(name.object, 0); /* the executable, wherever it was loaded */
        assert_int_equal(rk__function_find(&name, &found, NULL), RK_OK);
        assert_ptr_equal(found, functions[i]);
    }
}

static void what_is_no_function_has_no_name(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__function_name name;
    assert_int_equal(rk__function_name_of(NULL, &name, &err), RK_EINVAL);
    assert_int_equal(rk__function_name_of((rk_function)(uintptr_t)16, &name, &err), RK_EINVAL);
    assert_non_null(strstr(err.message, "no object"));
}

static void a_function_of_an_object_that_is_not_there_is_told(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__function_name name = {12345, 16};
    rk_function found;
    assert_int_equal(rk__function_find(&name, &found, &err), RK_ENOENT);
    assert_non_null(strstr(err.message, "not loaded"));
}

static void a_function_of_a_library_is_found_too(void **state) {
    (void)state;
    rk__function_name name;
    rk_function found, wanted = (rk_function)(uintptr_t)&qsort; /* any address in another object */
    assert_int_equal(rk__function_name_of(wanted, &name, NULL), RK_OK);
    assert_int_equal(rk__function_find(&name, &found, NULL), RK_OK);
    assert_ptr_equal(found, wanted);
}

static void what_comes_of_a_call_is_collected(void **state) {
    (void)state;
    int value = 21;
    rk__outcome outcome;
    rk__call_run(twice, &value, sizeof value, NULL, NULL, &outcome);
    assert_int_equal(outcome.status, RK_OK);
    assert_int_equal(outcome.size, sizeof value);
    assert_int_equal(*(int *)outcome.bytes, 42);
    free(outcome.bytes);
    rk__call_run(twice, &value, 1, NULL, NULL, &outcome);
    assert_int_equal(outcome.status, RK_EINVAL);
    assert_string_equal(outcome.message, "1 bytes");
    rk__call_run(last_result_counts, NULL, 0, NULL, NULL, &outcome);
    assert_int_equal(outcome.size, 2);
    assert_memory_equal(outcome.bytes, "ok", 2);
    free(outcome.bytes);
    rk__call_run(nothing, NULL, 0, NULL, NULL, &outcome);
    assert_null(outcome.bytes);
}

static void a_failed_call_has_no_result(void **state) {
    (void)state;
    rk__outcome outcome;
    rk__call_run(fail_after_a_result, NULL, 0, NULL, NULL, &outcome);
    assert_int_equal(outcome.status, RK_EIO);
    assert_null(outcome.bytes);
    assert_int_equal(outcome.size, 0);
}

static bool yes(void *ctx) {
    return *(bool *)ctx;
}

static void a_function_hears_that_it_is_to_end(void **state) {
    (void)state;
    bool answers[] = {true, false};
    for (int i = 0; i < 2; i++) {
        rk__outcome outcome;
        rk__call_run(tell_whether_stopping, NULL, 0, yes, &answers[i], &outcome);
        assert_int_equal(*(bool *)outcome.bytes, answers[i]);
        free(outcome.bytes);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_leads_back_to_its_function),
        cmocka_unit_test(the_message_of_a_call_that_failed_goes_on),
        cmocka_unit_test(what_is_no_function_has_no_name),
        cmocka_unit_test(a_function_of_an_object_that_is_not_there_is_told),
        cmocka_unit_test(a_function_of_a_library_is_found_too),
        cmocka_unit_test(what_comes_of_a_call_is_collected),
        cmocka_unit_test(a_failed_call_has_no_result),
        cmocka_unit_test(a_function_hears_that_it_is_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
