/* From what the user asked for to the canonical text: names, values and combinations are checked here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

enum { NO_ZIP = -1 };

typedef struct zip {
    const char *text; /* as given, for messages */
    size_t count;
    size_t params[RK_PARAMS_MAX];
    bool added; /* its axis is there */
} zip;

typedef struct describer {
    const rk_kernel *kernel;
    const rk__request *request;
    rk__draft draft;
    zip *zips;
    int zip_of[RK_PARAMS_MAX]; /* number of the zip, or NO_ZIP */
    bool is_given[RK_PARAMS_MAX];
    rk__given given[RK_PARAMS_MAX];
    rk_error *err;
} describer;

/* ---- zips ---- */

static rk_status zip_name(describer *d, int number, const char *name, size_t length) {
    const rk_param *param;
    zip *z = &d->zips[number];
    char where[200];
    snprintf(where, sizeof where, "--zip %.150s: ", z->text);
    RK_TRY(rk__param_require(d->kernel, name, length, where, &param, d->err));
    size_t index = rk__param_index(d->kernel, param);
    if (d->zip_of[index] != NO_ZIP)
        return rk__fail(d->err, RK_EINVAL, "%s'%s' is in a zip already (--zip %s)", where, param->name,
                        d->zips[d->zip_of[index]].text);
    d->zip_of[index] = number;
    z->params[z->count++] = index;
    return RK_OK;
}

static rk_status parse_zip(describer *d, int number) {
    zip *z = &d->zips[number];
    for (const char *name = z->text; name != NULL;) {
        size_t length = strcspn(name, ",");
        RK_TRY(zip_name(d, number, name, length));
        name = name[length] == ',' ? name + length + 1 : NULL;
    }
    if (z->count < 2)
        return rk__fail(d->err, RK_EINVAL, "--zip %s: give at least two parameters: --zip a,b", z->text);
    return RK_OK;
}

static rk_status parse_zips(describer *d) {
    void *zips;
    for (size_t i = 0; i < RK_PARAMS_MAX; i++)
        d->zip_of[i] = NO_ZIP;
    if (d->request->zip_count == 0)
        return RK_OK;
    if (d->request->zip_count > RK_PARAMS_MAX)
        return rk__fail(d->err, RK_EINVAL, "%zu zips: more than a kernel has parameters", d->request->zip_count);
    RK_TRY(rk__alloc(&zips, d->request->zip_count, sizeof(zip), "the zips", d->err));
    d->zips = zips;
    for (size_t i = 0; i < d->request->zip_count; i++) {
        d->zips[i].text = d->request->zips[i];
        RK_TRY(parse_zip(d, (int)i));
    }
    return RK_OK;
}

static rk_status check_zip(const describer *d, const zip *z) {
    for (size_t i = 0; i < z->count; i++) {
        const rk_param *param = &d->kernel->params[z->params[i]];
        if (!d->given[z->params[i]].many)
            return rk__fail(d->err, RK_EINVAL, "--zip %s: '%s' has no list or range: give it several values", z->text,
                            param->name);
        uint64_t first = d->given[z->params[0]].count, count = d->given[z->params[i]].count;
        if (count != first)
            return rk__fail(d->err, RK_EINVAL,
                            "--zip %s: '%s' has %llu values, but '%s' has %llu: they must be as "
                            "many",
                            z->text, d->kernel->params[z->params[0]].name, (unsigned long long)first, param->name,
                            (unsigned long long)count);
    }
    return RK_OK;
}

/* ---- settings ---- */

static rk_status check_sweep(const describer *d, const rk_param *param, const char *text) {
    char why[160];
    if (rk__param_fixed(d->kernel, param, why, sizeof why) == NULL)
        return RK_OK;
    return rk__fail(d->err, RK_EINVAL, "parameter '%s' has one value for the whole run (%s): '%.100s' gives it several",
                    param->name, why, text);
}

static rk_status add_input(describer *d, const rk_param *param, const char *text) {
    if (d->draft.has_input)
        return rk__fail(d->err, RK_EINVAL, "parameter '%s': a run has one input, and '%s' is it", param->name,
                        d->draft.input.param->name);
    unsigned dims = d->request->input_dims > 0 ? d->request->input_dims : 1;
    RK_TRY(rk__input_describe(&d->draft.input, param, text, dims, d->err));
    d->draft.has_input = true;
    return RK_OK;
}

static rk_status take_value(describer *d, const rk_param *param, const char *text) {
    size_t index = rk__param_index(d->kernel, param);
    d->is_given[index] = true;
    if (param->type == RK_INPUT)
        return add_input(d, param, text);
    RK_TRY(rk__given_parse(param, text, &d->given[index], d->err));
    if (d->given[index].many)
        return check_sweep(d, param, text);
    d->draft.values[index] = d->given[index].value;
    d->draft.is_set[index] = true;
    d->given[index] = (rk__given){0};
    return RK_OK;
}

static rk_status setting_param(const describer *d, const char *setting, const rk_param **param) {
    const char *equals = strchr(setting, '=');
    if (equals == NULL || equals == setting)
        return rk__fail(d->err, RK_EINVAL, "'%.200s' is no setting: write name=value", setting);
    return rk__param_require(d->kernel, setting, (size_t)(equals - setting), "", param, d->err);
}

static rk_status take_settings(describer *d) {
    for (size_t i = 0; i < d->request->setting_count; i++) {
        const rk_param *param;
        const char *setting = d->request->settings[i];
        RK_TRY(setting_param(d, setting, &param));
        if (d->is_given[rk__param_index(d->kernel, param)])
            return rk__fail(d->err, RK_EINVAL, "parameter '%s' is given twice: write %s=1,2 for several values",
                            param->name, param->name);
        RK_TRY(take_value(d, param, strchr(setting, '=') + 1));
    }
    return RK_OK;
}

/* ---- axes, in the order of the command line ---- */

/* Moves the columns of `count` parameters into an axis of the draft. */
static rk_status add_columns(describer *d, rk__axis_kind kind, const size_t *params, size_t count) {
    void *columns;
    RK_TRY(rk__alloc(&columns, count, sizeof(rk__axis_column), "an axis", d->err));
    rk__axis axis = {.kind = kind, .count = d->given[params[0]].count, .columns = columns, .column_count = count};
    for (size_t i = 0; i < count; i++) {
        axis.columns[i] = d->given[params[i]].column;
        d->given[params[i]] = (rk__given){0};
    }
    rk_status status = rk__draft_add_axis(&d->draft, axis, d->err);
    if (status != RK_OK)
        rk__axis_fini(&axis);
    return status;
}

static int by_bits(const void *a, const void *b) {
    uint64_t left = ((const rk__value *)a)->as.u64, right = ((const rk__value *)b)->as.u64;
    return left < right ? -1 : left > right;
}

static int by_text(const void *a, const void *b) {
    return strcmp(((const rk__value *)a)->as.text, ((const rk__value *)b)->as.text);
}

static rk_status is_there_twice(const rk_param *param, rk__value value, rk_error *err) {
    rk__text text = RK__TEXT_INIT;
    rk__value_text(param, value, &text);
    rk__fail(err, RK_EINVAL,
             "parameter '%s': %.100s is there twice: its label would name two tasks; leave one out, or make replicates "
             "with --repeat 2",
             param->name, rk__text_get(&text));
    rk__text_fini(&text);
    return RK_EINVAL;
}

/* Values of an axis of its own label its tasks. In zips and tables the other columns tell them apart. */
static rk_status check_distinct(const rk_param *param, const rk__given *given, const char *may_repeat, rk_error *err) {
    void *copy;
    rk_status status = RK_OK;
    int (*order)(const void *, const void *) = param->type == RK_STRING ? by_text : by_bits;
    if (given->column.linear || (may_repeat != NULL && strcmp(param->name, may_repeat) == 0))
        return RK_OK;
    RK_TRY(rk__alloc(&copy, given->count, sizeof(rk__value), "the values", err));
    rk__value *values = copy;
    memcpy(values, given->column.list, given->count * sizeof *values);
    for (uint64_t i = 0; rk__type_is_float(param->type) && i < given->count; i++)
        values[i].as.f64 += 0.0; /* -0 is 0 */
    qsort(values, given->count, sizeof *values, order);
    for (uint64_t i = 1; i < given->count && status == RK_OK; i++)
        if (order(&values[i - 1], &values[i]) == 0)
            status = is_there_twice(param, values[i], err);
    free(values);
    return status;
}

static rk_status add_setting_axis(describer *d, const rk_param *param) {
    size_t index = rk__param_index(d->kernel, param);
    int number = d->zip_of[index];
    if (param->type == RK_INPUT && d->draft.has_input)
        return rk__draft_add_axis(&d->draft, (rk__axis){.kind = RK__AXIS_INPUT, .count = d->draft.input.rows}, d->err);
    if (!d->given[index].many)
        return RK_OK; /* one value, or its zip's axis is there already */
    if (number == NO_ZIP) {
        RK_TRY(check_distinct(param, &d->given[index], d->request->may_repeat, d->err));
        return add_columns(d, RK__AXIS_SWEPT, &index, 1);
    }
    d->zips[number].added = true;
    return add_columns(d, RK__AXIS_ZIP, d->zips[number].params, d->zips[number].count);
}

static rk_status add_setting_axes(describer *d) {
    for (size_t i = 0; i < d->request->zip_count; i++)
        RK_TRY(check_zip(d, &d->zips[i]));
    for (size_t i = 0; i < d->request->setting_count; i++) {
        const rk_param *param;
        RK_TRY(setting_param(d, d->request->settings[i], &param));
        RK_TRY(add_setting_axis(d, param));
    }
    return RK_OK;
}

static rk_status check_table(const describer *d, const rk__axis *axis) {
    for (size_t i = 0; i < axis->column_count; i++)
        if (d->is_given[rk__param_index(d->kernel, axis->columns[i].param)])
            return rk__fail(d->err, RK_EINVAL,
                            "parameter '%s' is a column of the table '%s' and a setting: give it in "
                            "one of them",
                            axis->columns[i].name, d->request->table);
    return RK_OK;
}

static rk_status add_table(describer *d) {
    rk__axis axis;
    if (d->request->table == NULL)
        return RK_OK;
    RK_TRY(rk__table_read(d->kernel, d->request->table, &axis, d->err));
    rk_status status = check_table(d, &axis);
    if (status == RK_OK)
        status = rk__draft_add_axis(&d->draft, axis, d->err);
    if (status != RK_OK)
        rk__axis_fini(&axis);
    return status;
}

/* Presets of what nobody set. An input's preset may be empty: then the kernel does without. */
static rk_status add_presets(describer *d) {
    for (size_t i = 0; i < rk__params(d->kernel); i++) {
        const rk_param *param = &d->kernel->params[i];
        if (rk__draft_has(&d->draft, param) || (d->is_given[i] && param->type == RK_INPUT))
            continue;
        if (param->preset == NULL)
            return rk__fail(d->err, RK_EINVAL, "kernel '%s' needs the parameter '%s'%s%s: write %s=%s", d->kernel->name,
                            param->name, param->help != NULL ? ", " : "", param->help != NULL ? param->help : "",
                            param->name, param->type == RK_INPUT ? "FILE.h5:/PATH" : "VALUE");
        if (param->type == RK_INPUT)
            continue;
        RK_TRY(rk__value_parse(param, param->preset, &d->draft.values[i], d->err));
        d->draft.is_set[i] = true;
    }
    return RK_OK;
}

static rk_status check_axis_count(const describer *d) {
    size_t count = d->draft.axis_count + (d->draft.has_input ? d->draft.input.task_dims - 1 : 0);
    if (count > RK_AXES_MAX)
        return rk__fail(d->err, RK_EOVERFLOW, "%zu axes, at most %d: walk some of them together with --zip", count,
                        RK_AXES_MAX);
    if (d->request->input_dims > 0 && !d->draft.has_input)
        return rk__fail(d->err, RK_EINVAL, "dimensions of an input are asked for, but no input is given");
    return RK_OK;
}

static rk_status copy_givens(describer *d) {
    for (size_t i = 0; i < d->request->given_count; i++) {
        const rk_given *given = &d->request->given[i];
        RK_TRY(rk__givens_add(&d->draft.givens, given->name, given->type, given->value, d->err));
    }
    return RK_OK;
}

static rk_status describe(describer *d) {
    RK_TRY(copy_givens(d));
    RK_TRY(parse_zips(d));
    RK_TRY(take_settings(d));
    RK_TRY(add_setting_axes(d));
    RK_TRY(add_table(d));
    if (d->request->repeat > 0)
        RK_TRY(
            rk__draft_add_axis(&d->draft, (rk__axis){.kind = RK__AXIS_REPLICATE, .count = d->request->repeat}, d->err));
    RK_TRY(add_presets(d));
    return check_axis_count(d);
}

rk_status rk__space_describe(const rk_kernel *kernel, const rk__request *request, char **text, rk_error *err) {
    rk_error ignored = RK_ERROR_INIT;
    describer d = {.kernel = kernel, .request = request, .draft = {.kernel = kernel}};
    d.err = err != NULL ? err : &ignored;
    rk_status status = describe(&d);
    if (status == RK_OK)
        status = rk__draft_write(&d.draft, text, d.err);
    for (size_t i = 0; i < rk__params(kernel); i++)
        rk__given_fini(&kernel->params[i], &d.given[i]);
    rk__draft_fini(&d.draft);
    free(d.zips);
    return status;
}
