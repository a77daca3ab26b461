/* What one setting `name=…` gives a parameter:
 *
 *     28            one value                    1,2,5        a list
 *     20:30:0.1     start:stop:step, the stop    0..1/101     101 points, both ends exact
 *                   included within rounding     @file.txt    a value per line
 *
 * Ranges and points are numbers' only: in strings ':' and '..' mean nothing. They stay linear, so that a sweep over
 * 10^12 values takes no memory. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

/* ---- columns and lists ---- */

rk_status rk__axis_column_init(rk__axis_column *column, const rk_param *param, rk_error *err) {
    *column = (rk__axis_column){.param = param, .name = rk__strdup(param->name)};
    column->unit = rk__strdup(param->unit);
    column->help = rk__strdup(param->help);
    if (column->name != NULL && (column->unit != NULL || param->unit == NULL) &&
        (column->help != NULL || param->help == NULL))
        return RK_OK;
    rk__axis_column_fini(column, 0);
    return rk__fail(err, RK_ENOMEM, "out of memory for the axis '%s'", param->name);
}

void rk__axis_column_fini(rk__axis_column *column, uint64_t count) {
    for (uint64_t i = 0; column->list != NULL && i < count; i++)
        rk__value_fini(column->param, &column->list[i]);
    free(column->list);
    free(column->name);
    free(column->unit);
    free(column->help);
    *column = (rk__axis_column){0};
}

void rk__axis_fini(rk__axis *axis) {
    for (size_t i = 0; i < axis->column_count; i++)
        rk__axis_column_fini(&axis->columns[i], axis->count);
    free(axis->columns);
    free(axis->name);
    *axis = (rk__axis){0};
}

rk_status rk__value_list_push(rk__value_list *list, rk__value value, rk_error *err) {
    if (list->count == list->capacity) {
        size_t capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        rk__value *items = realloc(list->items, capacity * sizeof *items);
        if (items == NULL)
            return rk__fail(err, RK_ENOMEM, "out of memory for a list of %zu values", capacity);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = value;
    return RK_OK;
}

void rk__value_list_fini(const rk_param *param, rk__value_list *list) {
    for (size_t i = 0; i < list->count; i++)
        rk__value_fini(param, &list->items[i]);
    free(list->items);
    *list = (rk__value_list){0};
}

void rk__given_fini(const rk_param *param, rk__given *given) {
    if (given->many)
        rk__axis_column_fini(&given->column, given->count);
    else
        rk__value_fini(param, &given->value);
    *given = (rk__given){0};
}

static rk_status take_list(const rk_param *param, rk__value_list *list, rk__given *out, rk_error *err) {
    rk__axis_column column;
    RK_TRY(rk__axis_column_init(&column, param, err));
    column.list = list->items;
    *out = (rk__given){.many = true, .count = list->count, .column = column};
    *list = (rk__value_list){0};
    return RK_OK;
}

static rk_status push_text(const rk_param *param, const char *text, rk__value_list *list, rk_error *err) {
    rk__value value;
    RK_TRY(rk__value_parse(param, text, &value, err));
    rk_status status = rk__value_list_push(list, value, err);
    if (status != RK_OK)
        rk__value_fini(param, &value);
    return status;
}

/* ---- 1,2,5 ---- */

static rk_status push_items(const rk_param *param, char *text, rk__value_list *list, rk_error *err) {
    for (char *item = text; item != NULL;) {
        char *comma = strchr(item, ',');
        if (comma != NULL)
            *comma = '\0';
        if (*item == '\0' && param->type != RK_STRING)
            return rk__fail(err, RK_EINVAL, "parameter '%s': value %zu of the list is empty", param->name,
                            list->count + 1);
        RK_TRY(push_text(param, item, list, err));
        item = comma != NULL ? comma + 1 : NULL;
    }
    return RK_OK;
}

static rk_status parse_list(const rk_param *param, char *text, rk__given *out, rk_error *err) {
    rk__value_list list = {0};
    rk_status status = push_items(param, text, &list, err);
    if (status == RK_OK)
        status = take_list(param, &list, out, err);
    rk__value_list_fini(param, &list);
    return status;
}

/* ---- @file ---- */

static char *trim(char *line) {
    line += strspn(line, " \t\r");
    size_t length = strlen(line);
    while (length > 0 && strchr(" \t\r", line[length - 1]) != NULL)
        line[--length] = '\0';
    return line;
}

/* In a string only a leading '#' begins a comment. */
static void cut_comment(const rk_param *param, char *line) {
    char *mark = strchr(line, '#');
    if (mark != NULL && (param->type != RK_STRING || line + strspn(line, " \t") == mark))
        *mark = '\0';
}

static rk_status push_lines(const rk_param *param, const char *path, char *text, rk__value_list *list, rk_error *err) {
    size_t number = 1;
    for (char *line = text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        cut_comment(param, line);
        char *value = trim(line);
        if (*value != '\0' && push_text(param, value, list, err) != RK_OK)
            return rk__prefix(err, "'%s' line %zu: ", path, number);
        line = end != NULL ? end + 1 : NULL;
    }
    if (list->count == 0)
        return rk__fail(err, RK_EINVAL, "parameter '%s': no values in '%s': write one per line", param->name, path);
    return RK_OK;
}

/* One line is one value: that is how a string with commas is given. */
static rk_status take_lines(const rk_param *param, rk__value_list *list, rk__given *out, rk_error *err) {
    if (list->count != 1)
        return take_list(param, list, out, err);
    *out = (rk__given){.value = list->items[0]};
    list->count = 0;
    return RK_OK;
}

static rk_status parse_file(const rk_param *param, const char *path, rk__given *out, rk_error *err) {
    char *text, where[128];
    size_t length;
    snprintf(where, sizeof where, "parameter '%.80s': ", param->name);
    if (*path == '\0')
        return rk__fail(err, RK_EINVAL, "parameter '%s': '@' needs a file: %s=@values.txt", param->name, param->name);
    RK_TRY(rk__text_file_read(path, where, &text, &length, err));
    rk__value_list list = {0};
    rk_status status = push_lines(param, path, text, &list, err);
    if (status == RK_OK)
        status = take_lines(param, &list, out, err);
    rk__value_list_fini(param, &list);
    free(text);
    return status;
}

/* ---- ranges and points ---- */

typedef struct linear {
    rk__value first, step, last;
    uint64_t count;
} linear;

static rk_status take_linear(const rk_param *param, linear line, rk__given *out, rk_error *err) {
    rk__axis_column column;
    RK_TRY(rk__axis_column_init(&column, param, err));
    column.linear = true;
    column.first = line.first;
    column.step = line.step;
    column.last = line.last;
    *out = (rk__given){.many = true, .count = line.count, .column = column};
    return RK_OK;
}

static rk_status too_many(const rk_param *param, const char *text, rk_error *err) {
    return rk__fail(err, RK_EOVERFLOW, "parameter '%s': '%s' has more than 2^56 values", param->name, text);
}

static rk_status wrong_way(const rk_param *param, const char *text, rk_error *err) {
    return rk__fail(err, RK_EINVAL, "parameter '%s': the range '%s' is empty: its step leads away from the stop",
                    param->name, text);
}

static rk_status no_step(const rk_param *param, const char *text, rk_error *err) {
    return rk__fail(err, RK_EINVAL, "parameter '%s': step 0 in '%s': give another step, or the value alone",
                    param->name, text);
}

static uint64_t bits(rk__value value) {
    return value.as.u64;
}

static bool is_unsigned(rk_type type) {
    return type == RK_U8 || type == RK_U16 || type == RK_U32 || type == RK_U64;
}

static bool less(const rk_param *param, rk__value a, rk__value b) {
    return is_unsigned(param->type) ? a.as.u64 < b.as.u64 : a.as.i64 < b.as.i64;
}

/* Two's complement throughout: the distance between any two 64-bit integers fits an unsigned one. */
static rk_status integer_range(const rk_param *param, const char *text, rk__value first, rk__value stop, int64_t step,
                               linear *out, rk_error *err) {
    if (step == 0)
        return no_step(param, text, err);
    bool down = less(param, stop, first);
    if (bits(first) != bits(stop) && down != (step < 0))
        return wrong_way(param, text, err);
    uint64_t distance = down ? bits(first) - bits(stop) : bits(stop) - bits(first);
    uint64_t steps = distance / (step < 0 ? 0 - (uint64_t)step : (uint64_t)step);
    if (steps >= RK__TASKS_MAX)
        return too_many(param, text, err);
    *out = (linear){first, {.as.i64 = step}, {.as.u64 = bits(first) + steps * (uint64_t)step}, steps + 1};
    return RK_OK;
}

/* How far rounding may carry a range past or short of its stop, in steps. */
static double slack(double steps) {
    return 1e-9 + 4 * 0x1p-52 * steps;
}

static rk_status float_range(const rk_param *param, const char *text, double first, double stop, double step,
                             linear *out, rk_error *err) {
    if (step == 0)
        return no_step(param, text, err);
    if (first != stop && (stop < first) != (step < 0))
        return wrong_way(param, text, err);
    double steps = (stop - first) / step, nearest = round(steps);
    if (!(steps < (double)RK__TASKS_MAX - 1))
        return too_many(param, text, err);
    rk__lattice lattice = rk__lattice_of_step(first, step);
    bool hits =
        fabs(steps - nearest) <= slack(nearest) || rk__lattice_value(&lattice, first, step, (uint64_t)nearest) == stop;
    double whole = hits ? nearest : floor(steps);
    *out = (linear){{.as.f64 = first}, {.as.f64 = step}, {.as.f64 = stop}, (uint64_t)whole + 1};
    if (!hits)
        out->last.as.f64 = rk__lattice_value(&lattice, first, step, (uint64_t)whole);
    return RK_OK;
}

/* The parameter as one of a wider type: for steps, which need not fit the parameter's. */
static rk_param widened(const rk_param *param, rk_type type) {
    rk_param wide = *param;
    wide.type = type;
    return wide;
}

/* A bound is read as f64 so that f32 axes step in full precision, but it must fit the parameter. */
static rk_status parse_bound(const rk_param *param, const char *text, rk__value *out, rk_error *err) {
    RK_TRY(rk__value_parse(param, text, out, err));
    rk_param wide = widened(param, RK_F64);
    return param->type == RK_F32 ? rk__value_parse(&wide, text, out, err) : RK_OK;
}

static rk_status range_parts(const rk_param *param, const char *text, char *parts[3], linear *out, rk_error *err) {
    bool is_float = rk__type_is_float(param->type);
    rk_param wide = widened(param, is_float ? RK_F64 : RK_I64);
    rk__value first, stop, step = {.as.i64 = 1};
    if (parts[2] == NULL && is_float)
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%s' needs a step (%s:0.1) or a number of points (%s..%s/101)",
                        param->name, text, text, parts[0], parts[1]);
    RK_TRY(parse_bound(param, parts[0], &first, err));
    RK_TRY(parse_bound(param, parts[1], &stop, err));
    if (parts[2] != NULL)
        RK_TRY(rk__value_parse(&wide, parts[2], &step, err));
    if (is_float)
        return float_range(param, text, first.as.f64, stop.as.f64, step.as.f64, out, err);
    return integer_range(param, text, first, stop, step.as.i64, out, err);
}

static rk_status parse_range(const rk_param *param, const char *text, char *copy, rk__given *out, rk_error *err) {
    char *parts[3] = {copy, NULL, NULL}, *colon = strchr(copy, ':');
    for (unsigned i = 1; i < 3 && colon != NULL; i++) {
        *colon = '\0';
        parts[i] = colon + 1;
        colon = strchr(parts[i], ':');
    }
    if (colon != NULL)
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%s' has too many ':': write start:stop:step", param->name,
                        text);
    linear line;
    RK_TRY(range_parts(param, text, parts, &line, err));
    return take_linear(param, line, out, err);
}

static rk_status integer_points(const rk_param *param, const char *text, rk__value first, rk__value last,
                                uint64_t count, linear *out, rk_error *err) {
    bool down = less(param, last, first);
    uint64_t distance = down ? bits(first) - bits(last) : bits(last) - bits(first), step = distance / (count - 1);
    if (distance % (count - 1) != 0)
        return rk__fail(err, RK_EINVAL, "parameter '%s': the points of '%s' are not all integers", param->name, text);
    if (step > INT64_MAX)
        return rk__fail(err, RK_EOVERFLOW, "parameter '%s': the step of '%s' does not fit i64", param->name, text);
    *out = (linear){first, {.as.u64 = down ? 0 - step : step}, last, count};
    return RK_OK;
}

static rk_status float_points(const rk_param *param, const char *text, double first, double last, uint64_t count,
                              linear *out, rk_error *err) {
    double step = (last - first) / (double)(count - 1);
    if (!isfinite(step) || step == 0)
        return rk__fail(err, RK_EOVERFLOW, "parameter '%s': the ends of '%s' are too far apart or too near for f64",
                        param->name, text);
    *out = (linear){{.as.f64 = first}, {.as.f64 = step}, {.as.f64 = last}, count};
    return RK_OK;
}

static rk_status points(const rk_param *param, const char *text, const char *ends[2], const char *number, linear *out,
                        rk_error *err) {
    rk__value first, last;
    uint64_t count;
    if (number == NULL || !rk__parse_count(number, &count) || count < 2)
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%s' needs a number of points, at least 2: %s..%s/101",
                        param->name, text, ends[0], ends[1]);
    if (count > RK__TASKS_MAX)
        return too_many(param, text, err);
    RK_TRY(parse_bound(param, ends[0], &first, err));
    RK_TRY(parse_bound(param, ends[1], &last, err));
    bool is_float = rk__type_is_float(param->type);
    if (is_float ? first.as.f64 == last.as.f64 : bits(first) == bits(last))
        return rk__fail(err, RK_EINVAL, "parameter '%s': the range '%s' is empty: both ends are the same", param->name,
                        text);
    if (is_float)
        return float_points(param, text, first.as.f64, last.as.f64, count, out, err);
    return integer_points(param, text, first, last, count, out, err);
}

static rk_status parse_points(const rk_param *param, const char *text, char *copy, rk__given *out, rk_error *err) {
    char *second = strstr(copy, ".."), *number;
    *second = '\0';
    second += 2;
    if ((number = strchr(second, '/')) != NULL)
        *number++ = '\0';
    linear line;
    RK_TRY(points(param, text, (const char *[]){copy, second}, number, &line, err));
    return take_linear(param, line, out, err);
}

static rk_status parse_copy(const rk_param *param, const char *text, char *copy, rk__given *out, rk_error *err) {
    bool is_number = rk__type_is_float(param->type) || rk__type_is_integer(param->type);
    bool is_whole = param->type == RK_STRING && param->fixed; /* no list could be meant */
    if (strchr(text, ',') != NULL && !is_whole)
        return parse_list(param, copy, out, err);
    if (is_number && strstr(text, "..") != NULL)
        return parse_points(param, text, copy, out, err);
    if (is_number && strchr(text, ':') != NULL)
        return parse_range(param, text, copy, out, err);
    *out = (rk__given){.many = false};
    return rk__value_parse(param, text, &out->value, err);
}

rk_status rk__given_parse(const rk_param *param, const char *text, rk__given *out, rk_error *err) {
    if (*text == '@')
        return parse_file(param, text + 1, out, err);
    char *copy = rk__strdup(text);
    if (copy == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for '%s'", param->name);
    rk_status status = parse_copy(param, text, copy, out, err);
    free(copy);
    return status;
}
