/* The draft of a space, and its canonical text:
 *
 *     rankine-space 2                          format and version, 3 with givens
 *     kernel NAME
 *     given NAME TYPE [VALUE]                  version 3: what the kernel was made of; the value if there is one
 *     param NAME VALUE                         every parameter with one value, defaults too, in the kernel's order
 *     axis KIND COUNT                          in order, the first one slowest; swept, zip, table
 *     linear NAME FIRST LAST STEP                a column of the axis above
 *     list NAME VALUE…                           the same, COUNT values
 *     axis input ROWS                          all leading dimensions that are tasks
 *     input NAME PATH DATASET                    parameter, absolute path, path within the file
 *     shape SIZE…                                of the data set
 *     task_dims N
 *     missing VALUE…
 *     fingerprint HEX HEX
 *     axis replicate COUNT
 *     end
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

void rk__draft_fini(rk__draft *draft) {
    for (size_t i = 0; draft->kernel != NULL && i < RK_PARAMS_MAX; i++)
        if (draft->is_set[i])
            rk__value_fini(&draft->kernel->params[i], &draft->values[i]);
    for (size_t i = 0; i < draft->axis_count; i++)
        rk__axis_fini(&draft->axes[i]);
    rk__space_input_fini(&draft->input);
    rk__givens_fini(&draft->givens);
    *draft = (rk__draft){0};
}

bool rk__draft_has(const rk__draft *draft, const rk_param *param) {
    if (draft->is_set[rk__param_index(draft->kernel, param)] || (draft->has_input && draft->input.param == param))
        return true;
    for (size_t i = 0; i < draft->axis_count; i++)
        for (size_t c = 0; c < draft->axes[i].column_count; c++)
            if (draft->axes[i].columns[c].param == param)
                return true;
    return false;
}

static uint64_t tasks_of(const rk__draft *draft) {
    uint64_t tasks = 1;
    for (size_t i = 0; i < draft->axis_count; i++)
        tasks *= draft->axes[i].count; /* stays <= 2^56: checked as each was added */
    return tasks;
}

rk_status rk__draft_add_axis(rk__draft *draft, rk__axis axis, rk_error *err) {
    uint64_t tasks = tasks_of(draft);
    if (draft->axis_count == RK_AXES_MAX)
        return rk__fail(err, RK_EOVERFLOW, "more than %d axes: walk some of them together with --zip", RK_AXES_MAX);
    if (!rk__mul_u64(tasks, axis.count, &tasks) || tasks > RK__TASKS_MAX)
        return rk__fail(err, RK_EOVERFLOW, "too many tasks: %" PRIu64 " times %" PRIu64 " is more than 2^56",
                        tasks_of(draft), axis.count);
    draft->axes[draft->axis_count++] = axis;
    return RK_OK;
}

/* ---- writing ---- */

typedef void (*print_fn)(const rk_param *param, rk__value value, rk__text *out);

static void add_value(rk__text *out, print_fn print, const rk_param *param, rk__value value) {
    rk__text text = RK__TEXT_INIT;
    print(param, value, &text);
    out->failed = out->failed || text.failed;
    rk__token_add(out, rk__text_get(&text));
    rk__text_fini(&text);
}

/* A step need not fit its parameter: an integer's may be negative, an f32's has all bits of a double. */
static void add_step(rk__text *out, const rk__axis_column *column) {
    rk_param wide = *column->param;
    wide.type = wide.type == RK_F32 || wide.type == RK_F64 ? RK_F64 : RK_I64;
    add_value(out, rk__value_text, &wide, column->step);
}

static void write_column(rk__text *out, const rk__axis_column *column, uint64_t count) {
    rk__text_add(out, "%s", column->linear ? "linear" : "list");
    rk__token_add(out, column->name);
    if (column->linear) {
        add_value(out, rk__bound_text, column->param, column->first);
        add_value(out, rk__bound_text, column->param, column->last);
        add_step(out, column);
    }
    for (uint64_t i = 0; !column->linear && i < count; i++)
        add_value(out, rk__value_text, column->param, column->list[i]);
    rk__text_add(out, "\n");
}

static void write_input(rk__text *out, const rk__space_input *input) {
    rk__text_add(out, "input");
    rk__token_add(out, input->param->name);
    rk__token_add(out, input->path);
    rk__token_add(out, input->dataset);
    rk__text_add(out, "\nshape");
    for (unsigned i = 0; i < input->dims; i++)
        rk__text_add(out, " %" PRIu64, input->shape[i]);
    rk__text_add(out, "\ntask_dims %u\nmissing", input->task_dims);
    for (uint64_t i = 0; i < input->missing_count; i++) {
        rk__text_add(out, " ");
        rk__number_text(input->missing[i], out);
    }
    rk__text_add(out, "\nfingerprint %016" PRIx64 " %016" PRIx64 "\n", input->fingerprint[0], input->fingerprint[1]);
}

static void write_axis(rk__text *out, const rk__draft *draft, const rk__axis *axis) {
    static const char *const kinds[] = {"?", "swept", "zip", "table", "input", "planned", "replicate"};
    rk__text_add(out, "axis %s %" PRIu64 "\n", kinds[axis->kind], axis->count);
    if (axis->kind == RK__AXIS_INPUT)
        write_input(out, &draft->input);
    for (size_t i = 0; i < axis->column_count; i++)
        write_column(out, &axis->columns[i], axis->count);
}

static void write_head(rk__text *out, const rk__draft *draft) {
    bool made = draft->givens.count > 0;
    rk__text_add(out, "rankine-space %d\nkernel", made ? RK__SPACE_TEXT_VERSION_MADE : RK__SPACE_TEXT_VERSION);
    rk__token_add(out, draft->kernel->name);
    rk__text_add(out, "\n");
    for (size_t i = 0; i < draft->givens.count; i++) {
        const rk_given *given = &draft->givens.items[i];
        rk__text_add(out, "given");
        rk__token_add(out, given->name);
        rk__token_add(out, rk__type_name(given->type));
        if (given->value != NULL)
            rk__token_add(out, given->value);
        rk__text_add(out, "\n");
    }
}

rk_status rk__draft_write(const rk__draft *draft, char **text, rk_error *err) {
    rk__text out = RK__TEXT_INIT;
    write_head(&out, draft);
    for (size_t i = 0; i < rk__params(draft->kernel); i++)
        if (draft->is_set[i]) {
            rk__text_add(&out, "param");
            rk__token_add(&out, draft->kernel->params[i].name);
            add_value(&out, rk__value_text, &draft->kernel->params[i], draft->values[i]);
            rk__text_add(&out, "\n");
        }
    for (size_t i = 0; i < draft->axis_count; i++)
        write_axis(&out, draft, &draft->axes[i]);
    rk__text_add(&out, "end\n");
    if (out.failed) {
        rk__text_fini(&out);
        return rk__fail(err, RK_ENOMEM, "out of memory for the description of the tasks");
    }
    *text = out.data;
    return RK_OK;
}
