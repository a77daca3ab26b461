/* Reductions over blocks of every size, with gaps: the same bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reduce/reduce.h"

enum { TASKS = 301 };

typedef struct chain {
    uint64_t hash, count;
} chain;

static void chain_merge(void *left, const void *right) {
    chain *l = left;
    const chain *r = right;
    l->hash = l->hash * 31 + r->hash + 17 * (l->hash >> 9);
    l->count += r->count;
}

static void chain_finish(const void *state, double *out) {
    *out = (double)((const chain *)state)->count;
}

static const rk__reduction_spec specs[] = {
    {.name = "count", .op = RK_COUNT, .type = RK_F64, .elements = 1},
    {.name = "sum", .op = RK_SUM, .type = RK_F64, .elements = 1},
    {.name = "whole", .op = RK_SUM, .type = RK_I64, .elements = 1},
    {.name = "mean", .op = RK_MEAN, .type = RK_F64, .elements = 1},
    {.name = "variance", .op = RK_VARIANCE, .type = RK_F64, .elements = 1},
    {.name = "min", .op = RK_MIN, .type = RK_F64, .elements = 1},
    {.name = "max", .op = RK_MAX, .type = RK_F64, .elements = 1},
    {.name = "argmin", .op = RK_ARGMIN, .type = RK_F64, .elements = 1},
    {.name = "argmax", .op = RK_ARGMAX, .type = RK_F64, .elements = 1},
    {.name = "histogram", .op = RK_HISTOGRAM, .type = RK_F64, .elements = 1, .lo = -1, .hi = 1, .bins = 8},
    {.name = "top", .op = RK_TOPK, .type = RK_F64, .elements = 1, .bins = 5},
    {.name = "chain",
     .op = RK_CUSTOM,
     .elements = 1,
     .state_bytes = sizeof(chain),
     .merge = chain_merge,
     .finish = chain_finish,
     .values = 1},
};
enum { SPECS = sizeof specs / sizeof *specs, WHOLE = 2, CHAIN = SPECS - 1 };

static double value_of(uint64_t task) {
    return sin((double)task * 1.7) * (task % 13 == 0 ? 1e10 : 1);
}

static bool failed(uint64_t task) {
    return task % 10 == 4 || (task >= 64 && task < 96);
}

static void fold_task(rk__fold *fold, uint64_t task) {
    double value = value_of(task);
    int64_t whole = (int64_t)task - 100;
    chain state = {task * 2654435761u + 1, 1};
    for (size_t r = 0; r < SPECS; r++) {
        if (r == CHAIN)
            rk__fold_state(fold, r, task, &state);
        else
            rk__fold_value(fold, r, r == WHOLE ? (const void *)&whole : (const void *)&value, task);
    }
}

static void fold_blocks(const rk__reducer *reducer, uint64_t block, unsigned char *out) {
    rk__fold *inner, *outer;
    assert_int_equal(rk__fold_create(&inner, reducer, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&outer, reducer, NULL), RK_OK);
    rk__fold_reset(outer);
    for (uint64_t first = 0; first < TASKS; first += block) {
        rk__fold_reset(inner);
        for (uint64_t task = first; task < first + block && task < TASKS; task++)
            if (!failed(task))
                fold_task(inner, task);
        rk__fold_finish(inner, out);
        rk__fold_partial(outer, first / block, out);
    }
    rk__fold_finish(outer, out);
    rk__fold_destroy(inner);
    rk__fold_destroy(outer);
}

static void block_size_does_not_change_the_bytes(void **state) {
    (void)state;
    rk__reducer *reducer;
    assert_int_equal(rk__reducer_create(&reducer, specs, SPECS, NULL), RK_OK);
    size_t bytes = rk__reducer_partial_bytes(reducer);
    unsigned char *whole = calloc(1, bytes), *cut = calloc(1, bytes);
    fold_blocks(reducer, 512, whole);
    for (uint64_t block = 1; block < 512; block *= 2) {
        fold_blocks(reducer, block, cut);
        assert_memory_equal(cut, whole, bytes);
    }
    free(whole);
    free(cut);
    rk__reducer_destroy(reducer);
}

/* Another process goes on behind any task. */
static void a_saved_fold_goes_on_elsewhere(void **state) {
    (void)state;
    rk__reducer *reducer;
    rk__fold *folds[2];
    assert_int_equal(rk__reducer_create(&reducer, specs, SPECS, NULL), RK_OK);
    size_t bytes = rk__reducer_partial_bytes(reducer);
    unsigned char *whole = calloc(1, bytes), *handed = calloc(1, bytes), *saved = malloc(rk__fold_saved_bytes(reducer));
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(rk__fold_create(&folds[i], reducer, NULL), RK_OK);
    fold_blocks(reducer, 512, whole);
    rk__fold_reset(folds[0]);
    for (uint64_t task = 0; task < TASKS; task++) {
        rk__fold_save(folds[task % 2], saved);
        assert_true(rk__fold_load(folds[1 - task % 2], saved));
        if (!failed(task))
            fold_task(folds[1 - task % 2], task);
    }
    rk__fold_finish(folds[TASKS % 2], handed);
    rk__fold_reset(folds[0]);
    rk__fold_partial(folds[0], 0, handed);
    rk__fold_finish(folds[0], handed);
    assert_memory_equal(handed, whole, bytes);
    memset(saved, 0xff, rk__fold_saved_bytes(reducer));
    assert_false(rk__fold_load(folds[0], saved));
    for (unsigned i = 0; i < 2; i++)
        rk__fold_destroy(folds[i]);
    free(whole);
    free(handed);
    free(saved);
    rk__reducer_destroy(reducer);
}

static const void *result(const rk__reducer *reducer, const char *results, const char *name) {
    size_t count;
    const rk__result_field *fields = rk__reducer_fields(reducer, &count);
    for (size_t f = 0; f < count; f++)
        if (strcmp(fields[f].name, name) == 0)
            return results + fields[f].offset;
    fail();
    return NULL;
}

static void results_are_right(void **state) {
    (void)state;
    rk__reducer *reducer;
    assert_int_equal(rk__reducer_create(&reducer, specs, SPECS, NULL), RK_OK);
    unsigned char *partial = calloc(1, rk__reducer_partial_bytes(reducer));
    char *results = calloc(1, rk__reducer_results_bytes(reducer));
    fold_blocks(reducer, 4, partial);
    assert_int_equal(rk__reducer_results(reducer, partial, results, NULL), RK_OK);
    uint64_t count = 0, argmin = 0, argmax = 0, below = 0;
    int64_t whole = 0;
    for (uint64_t task = 0; task < TASKS; task++) {
        if (failed(task))
            continue;
        count++;
        whole += (int64_t)task - 100;
        argmin = value_of(task) < value_of(argmin) ? task : argmin;
        argmax = value_of(task) > value_of(argmax) ? task : argmax;
        below += value_of(task) < -1;
    }
    assert_int_equal(*(const uint64_t *)result(reducer, results, "count"), count);
    assert_int_equal(*(const int64_t *)result(reducer, results, "whole"), whole);
    assert_int_equal(*(const uint64_t *)result(reducer, results, "argmin"), argmin);
    assert_int_equal(*(const uint64_t *)result(reducer, results, "argmax"), argmax);
    assert_int_equal(*(const uint64_t *)result(reducer, results, "histogram_below"), below);
    assert_true(*(const double *)result(reducer, results, "max") == value_of(argmax));
    assert_true(*(const double *)result(reducer, results, "top") == value_of(argmax));
    assert_int_equal(*(const uint64_t *)result(reducer, results, "top_index"), argmax);
    assert_true(*(const double *)result(reducer, results, "chain") == (double)count);
    free(partial);
    free(results);
    rk__reducer_destroy(reducer);
}

typedef struct run_of_tasks {
    uint64_t first, last, disorder;
} run_of_tasks;

static void run_merge(void *left, const void *right) {
    run_of_tasks *l = left;
    const run_of_tasks *r = right;
    l->disorder += r->disorder + (l->last >= r->first);
    l->last = r->last;
}

static void run_finish(const void *state, double *out) {
    *out = (double)((const run_of_tasks *)state)->disorder;
}

static void merges_put_lower_tasks_first(void **state) {
    (void)state;
    rk__reduction_spec spec = {.name = "run",
                               .op = RK_CUSTOM,
                               .elements = 1,
                               .state_bytes = sizeof(run_of_tasks),
                               .merge = run_merge,
                               .finish = run_finish,
                               .values = 1};
    rk__reducer *reducer;
    rk__fold *fold;
    run_of_tasks all;
    assert_int_equal(rk__reducer_create(&reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&fold, reducer, NULL), RK_OK);
    rk__fold_reset(fold);
    for (uint64_t task = 0; task < 100; task++) {
        run_of_tasks leaf = {task + 1, task + 1, 0};
        if (!failed(task))
            rk__fold_state(fold, 0, task, &leaf);
    }
    rk__fold_finish(fold, &all);
    assert_int_equal(all.disorder, 0);
    assert_int_equal(all.first, 1);
    assert_int_equal(all.last, 100);
    rk__fold_destroy(fold);
    rk__reducer_destroy(reducer);
}

static void ties_take_the_lower_index(void **state) {
    (void)state;
    rk__reduction_spec spec = {.name = "x", .op = RK_ARGMAX, .type = RK_F64, .elements = 1};
    rk__reducer *reducer;
    rk__fold *fold;
    unsigned char partial[64];
    uint64_t out;
    assert_int_equal(rk__reducer_create(&reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&fold, reducer, NULL), RK_OK);
    rk__fold_reset(fold);
    for (uint64_t index = 9; index > 3; index--)
        rk__fold_value(fold, 0, &(double){2.5}, index);
    rk__fold_finish(fold, partial);
    rk__fold_value(fold, 0, &(double){2.5}, 77);
    rk__fold_partial(fold, 0, partial);
    rk__fold_finish(fold, partial);
    assert_int_equal(rk__reducer_results(reducer, partial, &out, NULL), RK_OK);
    assert_int_equal(out, 4);
    rk__fold_destroy(fold);
    rk__reducer_destroy(reducer);
}

static double one_result(rk_op op, rk_type type, const void *values, size_t stride, uint64_t count) {
    rk__reduction_spec spec = {.name = "x", .op = op, .type = type, .elements = 1};
    rk__reducer *reducer;
    rk__fold *fold;
    unsigned char partial[4096];
    double out = 0;
    assert_int_equal(rk__reducer_create(&reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&fold, reducer, NULL), RK_OK);
    rk__fold_reset(fold);
    rk__fold_values(fold, 0, values, stride, count, 0);
    rk__fold_finish(fold, partial);
    assert_int_equal(rk__reducer_results(reducer, partial, &out, NULL), RK_OK);
    rk__fold_destroy(fold);
    rk__reducer_destroy(reducer);
    return out;
}

/* What the last bin holds after one value. */
static uint64_t last_bin_of(const rk__reduction_spec *spec, double value) {
    rk__reducer *reducer;
    rk__fold *fold;
    unsigned char partial[128];
    uint64_t out[32];
    assert_int_equal(rk__reducer_create(&reducer, spec, 1, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&fold, reducer, NULL), RK_OK);
    rk__fold_reset(fold);
    rk__fold_value(fold, 0, &value, 0);
    rk__fold_finish(fold, partial);
    assert_int_equal(rk__reducer_results(reducer, partial, out, NULL), RK_OK);
    rk__fold_destroy(fold);
    rk__reducer_destroy(reducer);
    return out[spec->bins - 1];
}

static void nan_zero_and_nothing(void **state) {
    (void)state;
    const double values[] = {3, (double)NAN, -1}, zeros[] = {0.0, -0.0};
    assert_true(isnan(one_result(RK_MIN, RK_F64, values, 8, 3)));
    assert_true(one_result(RK_MIN, RK_F64, values, 16, 2) == -1);
    assert_true(signbit(one_result(RK_MIN, RK_F64, zeros, 8, 2)) && !signbit(one_result(RK_MAX, RK_F64, zeros, 8, 2)));
    assert_true(isnan(one_result(RK_MEAN, RK_F64, values, 8, 0)) && one_result(RK_SUM, RK_F64, values, 8, 0) == 0);
    rk__reduction_spec bins = {
        .name = "h", .op = RK_HISTOGRAM, .type = RK_F64, .elements = 1, .lo = 0, .hi = 1, .bins = 2};
    assert_true(last_bin_of(&bins, 1.0) == 1);
    const int8_t small[] = {-128, 127, 2};
    assert_true(one_result(RK_MEAN, RK_I8, small, 1, 3) == 1.0 / 3);
}

static void a_sum_that_does_not_fit_is_an_error(void **state) {
    (void)state;
    rk__reduction_spec spec = {.name = "big", .op = RK_SUM, .type = RK_U64, .elements = 1};
    const uint64_t values[] = {UINT64_MAX, 1};
    rk__reducer *reducer;
    rk__fold *fold;
    unsigned char partial[64];
    uint64_t out;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__reducer_create(&reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__fold_create(&fold, reducer, NULL), RK_OK);
    rk__fold_reset(fold);
    rk__fold_values(fold, 0, values, 8, 2, 0);
    rk__fold_finish(fold, partial);
    assert_int_equal(rk__reducer_results(reducer, partial, &out, &err), RK_EOVERFLOW);
    assert_non_null(strstr(err.message, "'big'"));
    rk__fold_destroy(fold);
    rk__reducer_destroy(reducer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_size_does_not_change_the_bytes),
        cmocka_unit_test(a_saved_fold_goes_on_elsewhere),
        cmocka_unit_test(results_are_right),
        cmocka_unit_test(merges_put_lower_tasks_first),
        cmocka_unit_test(ties_take_the_lower_index),
        cmocka_unit_test(nan_zero_and_nothing),
        cmocka_unit_test(a_sum_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
