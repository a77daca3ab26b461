/* Statistics of each row of a data set, and of all of them: see README.md. */
#include <math.h>
#include <stdlib.h>

#include <rankine/kernel.h>

typedef struct {
    rk_input input;
    uint64_t bins;
    double lo, hi;
} stats_params;

typedef struct {
    uint64_t count, argmin, argmax;
    double sum, mean, variance, min, max;
} stats_result;

/* Places in .reduce below. */
enum { ALL_COUNT, ALL_SUM, ALL_MEAN, ALL_VARIANCE, ALL_MIN, ALL_MAX, ALL_ARGMIN, ALL_ARGMAX, HISTOGRAM };

static bool is_missing(const rk_input *input, double value) {
    for (uint64_t m = 0; m < input->missing_count; m++)
        if (value == input->missing[m] || (isnan(value) && isnan(input->missing[m])))
            return true;
    return false;
}

/* The values that are there, and the row's extremes with their places. */
static uint64_t gather(const rk_input *input, double *present, stats_result *r) {
    uint64_t count = 0;
    bool any_nan = false; /* that is not missing: then no value is the smallest, but a number still has its place */
    r->argmin = r->argmax = UINT64_MAX;
    r->min = r->max = (double)NAN;
    for (uint64_t j = 0; j < input->count; j++) {
        double value = input->values[j];
        if (is_missing(input, value))
            continue;
        present[count++] = value;
        any_nan = any_nan || isnan(value);
        if (isnan(value))
            continue;
        if (!(value >= r->min)) {
            r->min = value;
            r->argmin = j;
        }
        if (!(value <= r->max)) {
            r->max = value;
            r->argmax = j;
        }
    }
    if (any_nan)
        r->min = r->max = (double)NAN;
    return count;
}

/* Mean square of the distances from the mean; the squares overwrite the values. */
static double variance(rk_task *task, double *present, uint64_t count, double mean) {
    for (uint64_t i = 0; i < count; i++)
        present[i] = (present[i] - mean) * (present[i] - mean);
    return rk_exact_sum(task, present, count) / (double)count;
}

static void feed(rk_task *task, const rk_input *input, const double *present, const stats_result *r) {
    static const uint32_t folds[] = {ALL_COUNT, ALL_SUM, ALL_MEAN, ALL_VARIANCE, ALL_MIN, ALL_MAX, HISTOGRAM};
    uint64_t first = task->input_index * input->count;
    for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
        rk_accumulate(task, folds[i], present, r->count, 0);
    if (r->argmin != UINT64_MAX) {
        rk_accumulate(task, ALL_ARGMIN, &input->values[r->argmin], 1, first + r->argmin);
        rk_accumulate(task, ALL_ARGMAX, &input->values[r->argmax], 1, first + r->argmax);
    }
}

static int stats(rk_task *task, const void *params, void *result) {
    const rk_input *input = &((const stats_params *)params)->input;
    stats_result *r = result;
    double *present = malloc((size_t)(input->count + 1) * sizeof *present);
    if (present == NULL)
        return rk_task_fail(task, RK_ENOMEM, "no memory for a row of %llu values", (unsigned long long)input->count);
    r->count = gather(input, present, r);
    r->sum = rk_exact_sum(task, present, r->count);
    feed(task, input, present, r);
    /* Written out for an empty row: the sign of 0/0 differs between processors. */
    r->mean = r->count > 0 ? r->sum / (double)r->count : (double)NAN;
    r->variance = r->count > 0 ? variance(task, present, r->count, r->mean) : (double)NAN;
    free(present);
    return RK_OK;
}

#define NO_PLACE "18446744073709551615"

RK_KERNEL(
    stats, .summary = "statistics of each row of a data set, and of all its values", .version = "1",
    .deterministic = true,
    .params = {RK_PARAM(stats_params, input, RK_INPUT, NULL, NULL,
                        "data set: FILE:/PATH; a row is an index of its first dimension"),
               RK_PARAM(stats_params, bins, RK_U64, "64", "1", "bins of the histogram", .fixed = true),
               RK_PARAM(stats_params, lo, RK_F64, "-12000", NULL, "histogram from here", .fixed = true),
               RK_PARAM(stats_params, hi, RK_F64, "12000", NULL, "histogram to here", .fixed = true)},
    .outputs = {RK_OUTPUT(stats_result, count, RK_U64, "1", "values that are not missing"),
                RK_OUTPUT(stats_result, sum, RK_F64, NULL, "sum, correctly rounded"),
                RK_OUTPUT(stats_result, mean, RK_F64, NULL, "mean"),
                RK_OUTPUT(stats_result, variance, RK_F64, NULL, "population variance"),
                RK_OUTPUT(stats_result, min, RK_F64, NULL, "smallest value"),
                RK_OUTPUT(stats_result, max, RK_F64, NULL, "largest value"),
                RK_OUTPUT(stats_result, argmin, RK_U64, "1", "its place in the row", .fill = NO_PLACE),
                RK_OUTPUT(stats_result, argmax, RK_U64, "1", "its place in the row", .fill = NO_PLACE)},
    .reduce = {[ALL_COUNT] = RK_REDUCE_VALUES("all_count", RK_COUNT, "1", "values that are not missing"),
               [ALL_SUM] = RK_REDUCE_VALUES("all_sum", RK_SUM, NULL, "sum, correctly rounded"),
               [ALL_MEAN] = RK_REDUCE_VALUES("all_mean", RK_MEAN, NULL, "mean"),
               [ALL_VARIANCE] = RK_REDUCE_VALUES("all_variance", RK_VARIANCE, NULL, "population variance"),
               [ALL_MIN] = RK_REDUCE_VALUES("all_min", RK_MIN, NULL, "smallest value"),
               [ALL_MAX] = RK_REDUCE_VALUES("all_max", RK_MAX, NULL, "largest value"),
               [ALL_ARGMIN] = RK_REDUCE_VALUES("all_argmin", RK_ARGMIN, "1", "its place in the data set, row-major"),
               [ALL_ARGMAX] = RK_REDUCE_VALUES("all_argmax", RK_ARGMAX, "1", "its place in the data set, row-major"),
               [HISTOGRAM] = RK_REDUCE_VALUES("histogram", RK_HISTOGRAM, "1", "values per bin", .lo = "lo", .hi = "hi",
                                              .bins = "bins")},
    .run = stats, .thread_safe = true)
