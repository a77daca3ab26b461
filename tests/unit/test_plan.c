#include "space_fixture.h"

#include <math.h>

static int plan_image(rk_plan *plan, const void *params) {
    const all_params *p = params;
    rk_plan_dimension(plan, "width", 2u * p->n);
    rk_plan_axis(plan, "chapter", 2, 0, 0, NULL, NULL);
    return rk_plan_axis(plan, "line", p->n, -1.5, 0.5, "px", "line of the image");
}

static rk_kernel planned(rk_plan_fn plan) {
    rk_kernel kernel = rk_kernel_all;
    kernel.plan = plan;
    return kernel;
}

static void plan_adds_axes_between_sweeps_and_replicates(void **state) {
    (void)state;
    rk_kernel kernel = planned(plan_image);
    asked a;
    ask(&a, "sigma=1,2,3 n=5");
    a.request.repeat = 4;
    rk__space *space = space_of_request(&kernel, &a.request);
    assert_int_equal(space->tasks, 3 * 2 * 5 * 4);
    assert_int_equal(space->axis_count, 4);
    assert_int_equal(space->axes[1].column_count, 0);
    const rk__axis *line = &space->axes[2];
    assert_int_equal(line->kind, RK__AXIS_PLANNED);
    assert_string_equal(line->columns[0].unit, "px");
    assert_string_equal(line->columns[0].help, "line of the image");
    assert_true(rk__axis_value(line, &line->columns[0], 0).as.f64 == -1.5);
    assert_true(rk__axis_value(line, &line->columns[0], 4).as.f64 == 0.5);
    rk_task task = {0};
    rk__space_locate(space, ((2 * 2 + 1) * 5 + 3) * 4 + 2, &task);
    assert_true(task.plan_index == 1 * 5 + 3 && task.replicate == 2);
    rk__space_destroy(space);
}

static void plan_sees_the_unswept_parameters(void **state) {
    (void)state;
    rk_kernel kernel = planned(plan_image);
    rk_error err = RK_ERROR_INIT;
    uint64_t width = 0;
    rk__space *space = space_of(&kernel, "n=6");
    assert_int_equal(rk__space_dimension(space, "width", &width, &err), RK_OK);
    assert_int_equal(width, 12);
    rk__space_destroy(space);
}

/* ---- plans that fail ---- */

static int plan_refusing(rk_plan *plan, const void *params) {
    const all_params *p = params;
    return rk_plan_fail(plan, "n = %u is too small", p->n);
}
static int plan_silent(rk_plan *plan, const void *params) {
    (void)plan, (void)params;
    return 7;
}
static int plan_empty_axis(rk_plan *plan, const void *params) {
    (void)params;
    rk_plan_axis(plan, "line", 0, 0, 0, NULL, NULL);
    return RK_OK; /* does not look at what the axis returned */
}
static int plan_axis_like_a_parameter(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "sigma", 3, 0, 0, NULL, NULL);
}
static int plan_axis_like_an_output(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "image", 3, 0, 0, NULL, NULL);
}
static int plan_axis_twice(rk_plan *plan, const void *params) {
    (void)params;
    rk_plan_axis(plan, "line", 3, 0, 1, NULL, NULL);
    return rk_plan_axis(plan, "line", 3, 0, 1, NULL, NULL);
}
static int plan_odd_name(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "a line", 3, 0, 1, NULL, NULL);
}
static int plan_infinite(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "line", 3, 0, 1e308, NULL, NULL) == RK_OK
               ? rk_plan_axis(plan, "other", 3, 0, INFINITY, NULL, NULL)
               : RK_OK;
}
static int plan_huge(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "line", (UINT64_C(1) << 56) + 1, 0, 0, NULL, NULL);
}
static int plan_many(rk_plan *plan, const void *params) {
    (void)params;
    for (int i = 0; i < 17; i++)
        rk_plan_axis(plan, (char[]){'a', (char)('a' + i), '\0'}, 1, 0, 1, NULL, NULL);
    return RK_OK;
}
static int plan_empty_dimension(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_dimension(plan, "width", 0);
}
static int plan_many_dimensions(rk_plan *plan, const void *params) {
    (void)params;
    for (int i = 0; i < 40; i++)
        rk_plan_dimension(plan, (char[]){'d', (char)('A' + i % 20), (char)('A' + i / 20), '\0'}, 1);
    return RK_OK;
}

static void failing_plan_gives_its_message(void **state) {
    (void)state;
    static const struct {
        rk_plan_fn plan;
        rk_status status;
        const char *message;
    } cases[] = {
        {plan_refusing, RK_EINVAL, "kernel 'all': n = 4 is too small"},
        {plan_silent, RK_EKERNEL, "kernel 'all': its plan failed with code 7 and no message"},
        {plan_empty_axis, RK_EINVAL, "kernel 'all': its plan gives the axis 'line' no tasks"},
        {plan_axis_like_a_parameter, RK_EINVAL,
         "kernel 'all': its plan names an axis 'sigma', but a parameter has that name"},
        {plan_axis_like_an_output, RK_EINVAL,
         "kernel 'all': its plan names an axis 'image', but an output has that name"},
        {plan_axis_twice, RK_EINVAL, "kernel 'all': its plan names an axis 'line', but an axis has that name"},
        {plan_odd_name, RK_EINVAL, "kernel 'all': its plan names an axis 'a line', which is no identifier"},
        {plan_infinite, RK_EINVAL, "kernel 'all': its plan gives the axis 'line' coordinates that are not finite"},
        {plan_huge, RK_EOVERFLOW, "kernel 'all': too many tasks: 1 times 72057594037927937 is more than 2^56"},
        {plan_many, RK_EOVERFLOW, "kernel 'all': more than 16 axes"},
        {plan_empty_dimension, RK_EINVAL, "kernel 'all': its plan gives the dimension 'width' the size 0"},
        {plan_many_dimensions, RK_EOVERFLOW, "kernel 'all': its plan has more than 32 dimensions"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk_kernel kernel = planned(cases[i].plan);
        rk_error err = RK_ERROR_INIT;
        rk__space *space = NULL;
        asked a;
        ask(&a, "");
        char *text = describe(&kernel, &a.request);
        rk_status status = rk__space_create(&space, &kernel, text, true, &err);
        if (strcmp(err.message, cases[i].message) != 0)
            fail_msg("'%s' instead of '%s'", err.message, cases[i].message);
        assert_int_equal(status, cases[i].status);
        assert_null(space);
        free(text);
    }
}

static int plan_replicate(rk_plan *plan, const void *params) {
    (void)params;
    return rk_plan_axis(plan, "replicate", 2, 0, 0, NULL, NULL);
}

static void planned_names_go_before_those_that_rankine_makes_up(void **state) {
    (void)state;
    rk_kernel kernel = planned(plan_replicate);
    asked a;
    ask(&a, "");
    a.request.repeat = 3;
    rk__space *space = space_of_request(&kernel, &a.request);
    assert_string_equal(space->axes[0].name, "replicate");
    assert_string_equal(space->axes[1].name, "replicate_axis");
    rk__space_destroy(space);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plan_adds_axes_between_sweeps_and_replicates),
        cmocka_unit_test(plan_sees_the_unswept_parameters),
        cmocka_unit_test(failing_plan_gives_its_message),
        cmocka_unit_test(planned_names_go_before_those_that_rankine_makes_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
