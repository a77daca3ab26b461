#include "cli/spaceout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/table.h"

enum { AXIS_VALUES_SHOWN = 6 };

static bool is_swept(const rk__space *space, const rk_param *param) {
    for (size_t a = 0; a < space->axis_count; a++)
        for (size_t c = 0; c < space->axes[a].column_count; c++)
            if (space->axes[a].columns[c].param == param)
                return true;
    return false;
}

static const void *field_of(const rk__space *space, const rk_param *param) {
    return (const char *)space->base_params + param->offset;
}

/* Choice number `index` of "red|green|blue". */
static void add_choice(rk__text *out, const char *choices, int index) {
    for (; choices != NULL && index > 0; index--) {
        choices = strchr(choices, '|');
        choices += choices != NULL;
    }
    if (choices != NULL)
        rk__text_add_bytes(out, choices, strcspn(choices, "|"));
}

/* The value of an unswept parameter, from the author's struct. */
static void add_param_value(rk__text *out, const rk__space *space, const rk_param *param) {
    char number[40];
    const void *field = field_of(space, param);
    switch (param->type) {
    case RK_STRING:
        rk__text_add(out, "%s", *(const char *const *)field ? *(const char *const *)field : "");
        return;
    case RK_ENUM:
        add_choice(out, param->choices, *(const int *)field);
        return;
    case RK_INPUT:
        rk__text_add(out, "%s:%s", space->input.path, space->input.dataset);
        return;
    default:
        rk__text_add(out, "%s", rk__display_element(param->type, field, 0, number, sizeof number));
    }
}

static const char *shown_unit(const char *unit) {
    return unit == NULL || strcmp(unit, "1") == 0 ? "" : unit;
}

static void print_params(rk__text *out, const rk__space *space) {
    rk__table table;
    rk__table_init(&table, 4);
    rk__table_row(&table, (const char *[]){"parameter", "value", "unit", "meaning"});
    for (size_t i = 0; i < rk__kernel_param_count(space->kernel); i++) {
        const rk_param *param = &space->kernel->params[i];
        if (is_swept(space, param))
            continue;
        rk__text value = RK__TEXT_INIT;
        add_param_value(&value, space, param);
        rk__table_row(&table,
                      (const char *[]){param->name, rk__text_get(&value), shown_unit(param->unit), param->help});
        rk__text_fini(&value);
    }
    if (table.rows > 1)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

static void add_axis_values(rk__text *out, const rk__axis *axis, const rk__axis_column *column) {
    if (axis->count > AXIS_VALUES_SHOWN) {
        rk__axis_value_text(out, axis, column, 0);
        rk__text_add(out, column->linear ? " to " : " ... ");
        rk__axis_value_text(out, axis, column, axis->count - 1);
        return;
    }
    for (uint64_t i = 0; i < axis->count; i++) {
        rk__text_add(out, i > 0 ? ", " : "");
        rk__axis_value_text(out, axis, column, i);
    }
}

static const char *kind_words(rk__axis_kind kind) {
    switch (kind) {
    case RK__AXIS_SWEPT:
        return "swept";
    case RK__AXIS_ZIP:
        return "zipped";
    case RK__AXIS_TABLE:
        return "table";
    case RK__AXIS_INPUT:
        return "input";
    case RK__AXIS_PLANNED:
        return "planned";
    case RK__AXIS_REPLICATE:
        return "replicate";
    }
    return "?";
}

static void print_axis(rk__table *table, const rk__axis *axis) {
    char count[32];
    snprintf(count, sizeof count, "%" PRIu64, axis->count);
    if (axis->column_count == 0)
        rk__table_row(table, (const char *[]){axis->name, count, kind_words(axis->kind), "", ""});
    for (size_t c = 0; c < axis->column_count; c++) {
        const rk__axis_column *column = &axis->columns[c];
        rk__text values = RK__TEXT_INIT;
        add_axis_values(&values, axis, column);
        rk__table_row(table, (const char *[]){column->name, count, kind_words(axis->kind), shown_unit(column->unit),
                                              rk__text_get(&values)});
        rk__text_fini(&values);
    }
}

void rk__spaceout_print(rk__text *out, const rk__space *space) {
    rk__table table;
    print_params(out, space);
    rk__table_init(&table, 5);
    rk__table_row(&table, (const char *[]){"axis", "count", "kind", "unit", "values"});
    for (size_t i = 0; i < space->axis_count; i++)
        print_axis(&table, &space->axes[i]);
    if (table.rows > 1)
        rk__text_add(out, "\n");
    rk__table_print(&table, out);
}

static rk_status make_kernel(rk__module *module, const char *text) {
    rk__givens givens = {0};
    if (module->make == NULL)
        return RK_OK;
    rk_status status = rk__givens_read(&givens, text, NULL);
    if (status == RK_OK && givens.count > 0)
        status = rk__module_make(module, givens.items, givens.count, NULL, NULL);
    rk__givens_fini(&givens);
    return status;
}

void rk__spaceout_load(const rk__identity *identity, const rk_kernel *const *linked, rk__module *module,
                       rk__space **space) {
    const char *path = identity->kernel_path;
    const char *name = path && *path ? path : identity->kernel_name;
    *space = NULL;
    if (rk__module_load(module, name, linked, NULL) != RK_OK)
        *module = (rk__module){0};
    else if (make_kernel(module, identity->space_text) != RK_OK ||
             rk__space_create(space, module->kernel, identity->space_text, false, NULL) != RK_OK)
        *space = NULL;
}

/* ---- for scripts ---- */

static void json_param(rk__json *json, const rk__space *space, const rk_param *param) {
    rk__json_begin(json, param->name, '{');
    if (rk__type_is_integer(param->type) || rk__type_is_float(param->type) || param->type == RK_BOOL) {
        rk__jsonout_element(json, "value", param->type, field_of(space, param), 0);
    } else {
        rk__text value = RK__TEXT_INIT;
        add_param_value(&value, space, param);
        rk__json_string(json, "value", rk__text_get(&value));
        rk__text_fini(&value);
    }
    rk__json_string(json, "type", rk__type_name(param->type));
    rk__json_string(json, "unit", param->unit);
    rk__json_end(json, '}');
}

static void json_axis_value(rk__json *json, const char *key, const rk__axis *axis, const rk__axis_column *column,
                            uint64_t i) {
    rk__value value = rk__axis_value(axis, column, i);
    rk_type type = column->param ? column->param->type : RK_F64;
    if (rk__type_is_float(type)) {
        rk__json_f64(json, key, value.as.f64);
    } else if (type == RK_BOOL) {
        rk__json_bool(json, key, value.as.u64 != 0);
    } else if (type == RK_STRING || type == RK_ENUM) {
        rk__text text = RK__TEXT_INIT;
        rk__value_text(column->param, value, &text);
        rk__json_string(json, key, rk__text_get(&text));
        rk__text_fini(&text);
    } else if (type == RK_U8 || type == RK_U16 || type == RK_U32 || type == RK_U64) {
        rk__json_u64(json, key, value.as.u64);
    } else {
        rk__json_i64(json, key, value.as.i64);
    }
}

static void json_axis(rk__json *json, const rk__axis *axis) {
    rk__json_begin(json, NULL, '{');
    rk__json_string(json, "name", axis->name);
    rk__json_string(json, "kind", kind_words(axis->kind));
    rk__json_u64(json, "count", axis->count);
    rk__json_begin(json, "columns", '[');
    for (size_t c = 0; c < axis->column_count; c++) {
        const rk__axis_column *column = &axis->columns[c];
        rk__json_begin(json, NULL, '{');
        rk__json_string(json, "name", column->name);
        rk__json_string(json, "unit", column->unit);
        rk__json_bool(json, "linear", column->linear);
        json_axis_value(json, "first", axis, column, 0);
        json_axis_value(json, "last", axis, column, axis->count - 1);
        rk__json_end(json, '}');
    }
    rk__json_end(json, ']');
    rk__json_end(json, '}');
}

void rk__spaceout_json(rk__json *json, const rk__space *space) {
    rk__json_begin(json, "parameters", '{');
    for (size_t i = 0; i < rk__kernel_param_count(space->kernel); i++)
        if (!is_swept(space, &space->kernel->params[i]))
            json_param(json, space, &space->kernel->params[i]);
    rk__json_end(json, '}');
    rk__json_begin(json, "axes", '[');
    for (size_t i = 0; i < space->axis_count; i++)
        json_axis(json, &space->axes[i]);
    rk__json_end(json, ']');
}
