/* A space built from canonical text, and the way from a task's number to its parameters. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

/* ---- values along an axis ---- */

static bool is_float_column(const rk__axis_column *column) {
    return column->param == NULL || rk__type_is_float(column->param->type);
}

static rk__value linear_value(const rk__axis_column *column, uint64_t count, uint64_t i) {
    if (!is_float_column(column))
        return (rk__value){.as.u64 = column->first.as.u64 + i * column->step.as.u64};
    double value = i + 1 == count ? column->last.as.f64
                                  : rk__lattice_value(&column->lattice, column->first.as.f64, column->step.as.f64, i);
    bool is_f32 = column->param != NULL && column->param->type == RK_F32;
    return (rk__value){.as.f64 = is_f32 ? (double)(float)value : value};
}

rk__value rk__axis_value(const rk__axis *axis, const rk__axis_column *column, uint64_t i) {
    return column->linear ? linear_value(column, axis->count, i) : column->list[i];
}

void rk__space_bind(const rk__space *space, uint64_t task, void *params) {
    const struct rk__space_private *priv = space->priv;
    for (size_t a = 0; a < priv->swept_count; a++) {
        const rk__axis *axis = priv->swept[a];
        uint64_t i = task / axis->stride % axis->count;
        for (size_t c = 0; c < axis->column_count; c++)
            rk__value_store(axis->columns[c].param, rk__axis_value(axis, &axis->columns[c], i), params);
    }
}

void rk__space_locate(const rk__space *space, uint64_t task, rk_task *out) {
    const struct rk__space_private *priv = space->priv;
    out->index = task;
    out->plan_index = priv->plan_count > 0 ? task / priv->plan_stride % priv->plan_count : 0;
    out->input_index = priv->input_rows > 0 ? task / priv->input_stride % priv->input_rows : 0;
    out->last_axis = space->axis_count > 0 ? space->axes[space->axis_count - 1].count : 1;
    out->replicate = priv->replicates > 0 ? task % priv->replicates : 0;
}

/* ---- numbers behind names ---- */

static const char *value_word(const rk_param *param, rk__value value, char *buffer, size_t size) {
    rk__text text = RK__TEXT_INIT;
    rk__value_text(param, value, &text);
    snprintf(buffer, size, "%s", rk__text_get(&text));
    rk__text_fini(&text);
    return buffer;
}

/* The one value of a parameter, if `name` is one. */
static rk_status unswept(const rk__space *space, const char *name, const rk_param **param, rk__value *value,
                         rk_error *err) {
    const rk__draft *draft = &space->priv->draft;
    *param = rk__param_find(space->kernel, name, strlen(name));
    if (*param == NULL)
        return RK_OK;
    size_t index = rk__param_index(space->kernel, *param);
    if (!draft->is_set[index])
        return rk__fail(err, RK_EINVAL, "parameter '%s' has one value for the whole run, but it is swept", name);
    *value = draft->values[index];
    return RK_OK;
}

static rk_status check_size(const rk__space *space, const char *name, const rk_param *param, rk__value value,
                            uint64_t *size, rk_error *err) {
    char word[64];
    if (!rk__type_is_integer(param->type))
        return rk__fail(err, RK_EINVAL, "kernel '%s': '%s' is a size, but parameter '%s' is no integer",
                        space->kernel->name, name, name);
    if (value.as.u64 == 0 || value.as.u64 > INT64_MAX)
        return rk__fail(err, RK_EINVAL, "parameter '%s': %s is no size of an array: give 1 or more", name,
                        value_word(param, value, word, sizeof word));
    *size = value.as.u64;
    return RK_OK;
}

rk_status rk__space_dimension(const rk__space *space, const char *name, uint64_t *size, rk_error *err) {
    const rk_param *param;
    rk__value value;
    uint64_t number;
    for (size_t i = 0; i < space->priv->dimension_count; i++)
        if (strcmp(space->priv->dimensions[i].name, name) == 0) {
            *size = space->priv->dimensions[i].size;
            return RK_OK;
        }
    RK_TRY(unswept(space, name, &param, &value, err));
    if (param != NULL)
        return check_size(space, name, param, value, size, err);
    if (!rk__parse_u64(name, &number) || number == 0)
        return rk__fail(err, RK_EINVAL,
                        "kernel '%s': '%s' is no size: neither a planned dimension, nor a parameter, "
                        "nor a number of 1 or more",
                        space->kernel->name, name);
    *size = number;
    return RK_OK;
}

static bool number_of(const rk_param *param, rk__value value, double *out) {
    if (!rk__type_is_float(param->type) && !rk__type_is_integer(param->type))
        return false;
    bool is_unsigned = param->type == RK_U8 || param->type == RK_U16 || param->type == RK_U32 || param->type == RK_U64;
    if (rk__type_is_float(param->type))
        *out = value.as.f64;
    else
        *out = is_unsigned ? (double)value.as.u64 : (double)value.as.i64;
    return true;
}

rk_status rk__space_number(const rk__space *space, const char *name, double *value, rk_error *err) {
    const rk_param *param;
    rk__value held;
    double number;
    RK_TRY(unswept(space, name, &param, &held, err));
    bool found = param != NULL ? number_of(param, held, &number) : rk__parse_f64(name, &number);
    if (!found || !isfinite(number))
        return rk__fail(err, RK_EINVAL, "kernel '%s': '%s' is neither a number nor a numeric parameter",
                        space->kernel->name, name);
    *value = number;
    return RK_OK;
}

/* ---- building ---- */

rk_status rk__space_add_axis(rk__space *space, rk__axis axis, rk_error *err) {
    uint64_t tasks;
    if (space->axis_count == RK_AXES_MAX)
        return rk__fail(err, RK_EOVERFLOW, "more than %d axes", RK_AXES_MAX);
    if (!rk__mul_u64(space->tasks, axis.count, &tasks) || tasks > RK__TASKS_MAX)
        return rk__fail(err, RK_EOVERFLOW, "too many tasks: %" PRIu64 " times %" PRIu64 " is more than 2^56",
                        space->tasks, axis.count);
    space->axes[space->axis_count++] = axis;
    space->tasks = tasks;
    return RK_OK;
}

enum { STRUCT_ALIGNMENT = 16 };

static size_t aligned(size_t bytes) {
    return (bytes + STRUCT_ALIGNMENT - 1) / STRUCT_ALIGNMENT * STRUCT_ALIGNMENT;
}

static void measure_structs(rk__space *space) {
    const rk_kernel *kernel = space->kernel;
    size_t params = kernel->params_size, results = kernel->result_size;
    for (size_t i = 0; i < rk__params(kernel); i++)
        if (kernel->params[i].offset + kernel->params[i].size > params)
            params = kernel->params[i].offset + kernel->params[i].size;
    for (size_t i = 0; i < RK_OUTPUTS_MAX && kernel->outputs[i].name != NULL; i++) {
        const rk_output *output = &kernel->outputs[i];
        size_t end = output->offset + (output->is_row ? sizeof(void *) : output->size);
        results = end > results ? end : results;
    }
    space->params_bytes = aligned(params > 0 ? params : 1);
    space->result_bytes = aligned(results > 0 ? results : 1);
}

/* Values of the whole run, the first value of what is swept, and what the input has in common for all rows. */
static rk_status fill_base(rk__space *space, rk_error *err) {
    const rk__draft *draft = &space->priv->draft;
    RK_TRY(rk__alloc(&space->base_params, 1, space->params_bytes, "the parameters", err));
    for (size_t i = 0; i < rk__params(space->kernel); i++)
        if (draft->is_set[i])
            rk__value_store(&space->kernel->params[i], draft->values[i], space->base_params);
    for (size_t a = 0; a < draft->axis_count; a++)
        for (size_t c = 0; c < draft->axes[a].column_count; c++) {
            const rk__axis_column *column = &draft->axes[a].columns[c];
            rk__value_store(column->param, rk__axis_value(&draft->axes[a], column, 0), space->base_params);
            space->sweeps = true;
        }
    if (space->has_input) {
        rk_input rows = {NULL, space->input.row_values, space->input.missing, space->input.missing_count};
        memcpy((char *)space->base_params + space->input.param->offset, &rows, sizeof rows);
    }
    return RK_OK;
}

static const char *base_name(const rk__axis *axis) {
    switch (axis->kind) {
    case RK__AXIS_TABLE:
        return "row";
    case RK__AXIS_REPLICATE:
        return "replicate";
    default:
        return axis->columns[0].name;
    }
}

static rk_status add_input_axes(rk__space *space, rk_error *err) {
    rk__axis axes[RK_AXES_MAX] = {{0}};
    RK_TRY(rk__input_axes(&space->input, axes, err));
    rk_status status = RK_OK;
    for (unsigned i = 0; i < space->input.task_dims; i++) {
        if (status == RK_OK)
            status = rk__space_add_axis(space, axes[i], err);
        if (status != RK_OK)
            rk__axis_fini(&axes[i]);
    }
    return status;
}

/* Move one axis of the draft into the space. */
static rk_status move_axis(rk__space *space, rk__axis *axis, rk_error *err) {
    if (axis->kind == RK__AXIS_INPUT)
        return add_input_axes(space, err);
    axis->name = rk__strdup(base_name(axis));
    if (axis->name == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for the axes");
    RK_TRY(rk__space_add_axis(space, *axis, err));
    *axis = (rk__axis){0};
    return RK_OK;
}

static rk_status move_axes(rk__space *space, bool replicates, rk_error *err) {
    rk__draft *draft = &space->priv->draft;
    for (size_t i = 0; i < draft->axis_count; i++)
        if (draft->axes[i].count > 0 && (draft->axes[i].kind == RK__AXIS_REPLICATE) == replicates)
            RK_TRY(move_axis(space, &draft->axes[i], err));
    return RK_OK;
}

/* ---- names that Rankine makes up give way to those that somebody chose ---- */

static bool is_chosen(rk__axis_kind kind) {
    return kind == RK__AXIS_SWEPT || kind == RK__AXIS_ZIP || kind == RK__AXIS_PLANNED;
}

/* Taken by the kernel, by Rankine's own entries of the run file, or by an axis that was named before. */
static bool is_taken(const rk__space *space, const char *name, size_t self) {
    static const char *const own[] = {"rankine", "reduced", "task_status"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(own[i], name) == 0)
            return true;
    for (size_t i = 0; i < RK_OUTPUTS_MAX && space->kernel->outputs[i].name != NULL; i++)
        if (strcmp(space->kernel->outputs[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < space->priv->dimension_count; i++)
        if (strcmp(space->priv->dimensions[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < space->axis_count; i++)
        if (i != self && (i < self || is_chosen(space->axes[i].kind)) && strcmp(space->axes[i].name, name) == 0)
            return true;
    return rk__param_find(space->kernel, name, strlen(name)) != NULL;
}

static rk_status rename_axis(rk__axis *axis, const char *name, rk_error *err) {
    char *axis_name = rk__strdup(name), *column_name = rk__strdup(name);
    if (axis_name == NULL || column_name == NULL) {
        free(axis_name);
        free(column_name);
        return rk__fail(err, RK_ENOMEM, "out of memory for the axes");
    }
    bool coordinates = axis->kind == RK__AXIS_INPUT && axis->column_count > 0;
    free(coordinates ? axis->columns[0].name : column_name);
    free(axis->name);
    axis->name = axis_name;
    if (coordinates)
        axis->columns[0].name = column_name;
    return RK_OK;
}

static rk_status settle_name(rk__space *space, size_t index, rk_error *err) {
    rk__axis *axis = &space->axes[index];
    char name[160];
    snprintf(name, sizeof name, "%s", axis->name);
    for (unsigned i = 1; is_taken(space, name, index); i++)
        if (i == 1)
            snprintf(name, sizeof name, "%.64s_axis", axis->name);
        else
            snprintf(name, sizeof name, "%.64s_axis%u", axis->name, i);
    return strcmp(name, axis->name) == 0 ? RK_OK : rename_axis(axis, name, err);
}

static rk_status settle_names(rk__space *space, rk_error *err) {
    for (size_t i = 0; i < space->axis_count; i++)
        if (!is_chosen(space->axes[i].kind))
            RK_TRY(settle_name(space, i, err));
    return RK_OK;
}

/* ---- strides ---- */

static void note_axis(rk__space *space, const rk__axis *axis) {
    struct rk__space_private *priv = space->priv;
    if (axis->kind == RK__AXIS_SWEPT || axis->kind == RK__AXIS_ZIP || axis->kind == RK__AXIS_TABLE)
        priv->swept[priv->swept_count++] = axis;
    if (axis->kind == RK__AXIS_REPLICATE)
        priv->replicates = axis->count;
    if (axis->kind == RK__AXIS_INPUT && priv->input_rows == 0) {
        priv->input_stride = axis->stride;
        priv->input_rows = space->input.rows;
    }
    if (axis->kind == RK__AXIS_PLANNED) {
        priv->plan_stride = priv->plan_count == 0 ? axis->stride : priv->plan_stride;
        priv->plan_count = (priv->plan_count == 0 ? 1 : priv->plan_count) * axis->count;
    }
}

/* From the last axis, the fastest, to the first: so the first of a group met is the one with the group's stride. */
static void set_strides(rk__space *space) {
    uint64_t stride = 1;
    for (size_t i = space->axis_count; i-- > 0;) {
        space->axes[i].stride = stride;
        stride *= space->axes[i].count;
        note_axis(space, &space->axes[i]);
    }
}

/* ---- the input of a run that is there already ---- */

static rk_status check_shape(const rk__space_input *now, const rk__space_input *then, rk_error *err) {
    bool same = now->dims == then->dims && memcmp(now->shape, then->shape, now->dims * sizeof *now->shape) == 0;
    return same ? RK_OK
                : rk__fail(err, RK_EMISMATCH, "input '%s': the shape of '%s' is not that of the run: it was changed",
                           now->path, now->dataset);
}

static rk_status check_fingerprint(rk__space_input *now, const rk__space_input *then, rk_error *err) {
    RK_TRY(rk__input_fingerprint(now, err));
    bool same = memcmp(now->fingerprint, then->fingerprint, sizeof now->fingerprint) == 0;
    return same ? RK_OK
                : rk__fail(err, RK_EMISMATCH,
                           "input '%s' was changed since the run began: put the file back, or start "
                           "a new run",
                           now->path);
}

static rk_status compare_input(const rk__space_input *then, bool check, rk_error *err) {
    rk__space_input now = {.param = then->param, .task_dims = then->task_dims};
    now.path = rk__strdup(then->path);
    now.dataset = rk__strdup(then->dataset);
    rk_status status = now.path != NULL && now.dataset != NULL
                           ? rk__input_inspect(&now, err)
                           : rk__fail(err, RK_ENOMEM, "out of memory for the input");
    if (status == RK_OK)
        status = check_shape(&now, then, err);
    if (status == RK_OK && check)
        status = check_fingerprint(&now, then, err);
    rk__space_input_fini(&now);
    return status;
}

static rk_status move_input(rk__space *space, bool check, rk_error *err) {
    rk__draft *draft = &space->priv->draft;
    if (!draft->has_input)
        return RK_OK;
    RK_TRY(compare_input(&draft->input, check, err));
    space->has_input = true;
    space->input = draft->input;
    draft->input = (rk__space_input){0};
    return RK_OK;
}

static rk_status build(rk__space *space, const char *text, bool check_input, rk_error *err) {
    RK_TRY(rk__draft_parse(&space->priv->draft, space->kernel, text, err));
    measure_structs(space);
    RK_TRY(move_input(space, check_input, err));
    RK_TRY(fill_base(space, err));
    RK_TRY(move_axes(space, false, err));
    RK_TRY(rk__space_plan(space, err));
    RK_TRY(move_axes(space, true, err));
    RK_TRY(settle_names(space, err));
    set_strides(space);
    space->text = rk__strdup(text);
    return space->text != NULL ? RK_OK : rk__fail(err, RK_ENOMEM, "out of memory for the tasks");
}

rk_status rk__space_create(rk__space **out, const rk_kernel *kernel, const char *text, bool check_input,
                           rk_error *err) {
    void *space_bytes, *priv_bytes;
    RK_TRY(rk__alloc(&space_bytes, 1, sizeof(rk__space), "the tasks", err));
    rk__space *space = space_bytes;
    rk_status status = rk__alloc(&priv_bytes, 1, sizeof *space->priv, "the tasks", err);
    if (status == RK_OK) {
        space->kernel = kernel;
        space->tasks = 1;
        space->priv = priv_bytes;
        status = build(space, text, check_input, err);
    }
    if (status == RK_OK)
        *out = space;
    else
        rk__space_destroy(space);
    return status;
}

void rk__space_destroy(rk__space *space) {
    if (space == NULL)
        return;
    for (size_t i = 0; i < space->axis_count; i++)
        rk__axis_fini(&space->axes[i]);
    for (size_t i = 0; space->priv != NULL && i < space->priv->dimension_count; i++)
        free(space->priv->dimensions[i].name);
    if (space->priv != NULL)
        rk__draft_fini(&space->priv->draft);
    rk__space_input_fini(&space->input);
    free(space->base_params);
    free(space->text);
    free(space->priv);
    free(space);
}
