#include "parameters.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters ---- */

const char *parameters_given(const rk_maker *maker, const char *name, const char *preset) {
    for (size_t i = 0; i < maker->count; i++)
        if (strcmp(maker->given[i].name, name) == 0)
            return maker->given[i].value != NULL ? maker->given[i].value : preset;
    return preset;
}

bool parameters_is_given(const rk_maker *maker, const char *name) {
    for (size_t i = 0; i < maker->count; i++)
        if (strcmp(maker->given[i].name, name) == 0)
            return true;
    return false;
}

int parameters_find(const made *m, const char *name, size_t length) {
    for (size_t p = m->own_params; p < RK_PARAMS_MAX && m->kernel.params[p].name != NULL; p++)
        if (strlen(m->kernel.params[p].name) == length && memcmp(m->kernel.params[p].name, name, length) == 0)
            return (int)(p - m->own_params);
    return -1;
}

static bool is_own(const made *m, const char *name) {
    for (size_t p = 0; p < m->own_params; p++)
        if (strcmp(m->kernel.params[p].name, name) == 0)
            return true;
    return false;
}

bool parameters_are_single(const made *m, rk_maker *maker) {
    for (size_t i = 0; i < maker->count; i++)
        if (maker->given[i].value == NULL && is_own(m, maker->given[i].name)) {
            rk_maker_fail(maker, "parameter '%s' has one value for the whole run", maker->given[i].name);
            return false;
        }
    return true;
}

bool parameters_add(made *m, rk_maker *maker) {
    size_t count = m->own_params;
    for (size_t i = 0; i < maker->count; i++) {
        const rk_given *given = &maker->given[i];
        if (is_own(m, given->name))
            continue;
        if (count == RK_PARAMS_MAX) {
            rk_maker_fail(maker, "'%s': a run has at most %zu parameters besides the kernel's own", given->name,
                          RK_PARAMS_MAX - m->own_params);
            return false;
        }
        rk_param *param = &m->kernel.params[count++];
        *param = (rk_param){.name = made_text(m, given->name, strlen(given->name)),
                            .offset = m->params_size,
                            .size = 8,
                            .type = given->type,
                            .unit = given->type == RK_STRING ? NULL : "1",
                            .help = "set by the user"};
        m->params_size += 8;
        if (param->name == NULL) {
            rk_maker_fail(maker, "out of memory");
            return false;
        }
    }
    return true;
}

_Static_assert(sizeof(const char *) <= 8, "a parameter of the user has 8 bytes");

/* The fewest digits, from 15 on, that read back to the same bits: as Rankine itself prints. */
static void print_f64(double value, char *buffer) {
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, PARAMETER_TEXT_MAX, "%.*g", digits, value);
        if (strtod(buffer, NULL) == value)
            break;
    }
}

const char *parameters_text(const made *m, size_t number, const void *params, char buffer[PARAMETER_TEXT_MAX]) {
    const rk_param *param = &m->kernel.params[m->own_params + number];
    const char *field = (const char *)params + param->offset, *text;
    int64_t whole;
    double value;
    switch (param->type) {
    case RK_I64:
        memcpy(&whole, field, sizeof whole);
        snprintf(buffer, PARAMETER_TEXT_MAX, "%" PRId64, whole);
        return buffer;
    case RK_F64:
        memcpy(&value, field, sizeof value);
        print_f64(value, buffer);
        return buffer;
    default:
        memcpy(&text, field, sizeof text);
        return text;
    }
}

/* ---- outputs ---- */

static const struct {
    const char *name;
    rk_type type;
    size_t bytes;
} types[] = {{"i8", RK_I8, 1},   {"u8", RK_U8, 1},   {"i16", RK_I16, 2},  {"u16", RK_U16, 2},
             {"i32", RK_I32, 4}, {"u32", RK_U32, 4}, {"i64", RK_I64, 8},  {"u64", RK_U64, 8},
             {"f32", RK_F32, 4}, {"f64", RK_F64, 8}, {"bool", RK_BOOL, 1}};

static bool set_type(rk_output *output, const char *text, size_t length) {
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        if (strlen(types[t].name) == length && memcmp(types[t].name, text, length) == 0) {
            output->type = types[t].type;
            output->size = types[t].bytes;
            return true;
        }
    return false;
}

/* "[10,20]" behind a type: the sizes, or names of integer parameters. */
static bool set_shape(made *m, rk_output *output, const char **text) {
    unsigned dims = 0;
    for (char end = ','; end == ','; dims++) {
        const char *begin = *text + 1;
        size_t length = strcspn(begin, ",]");
        end = begin[length];
        if (end == '\0' || length == 0 || dims == RK_DIMS_MAX)
            return false;
        output->shape[dims] = made_text(m, begin, length);
        *text = begin + length;
    }
    ++*text;
    output->is_row = true;
    return true;
}

/* One output; *text moves behind it. */
static bool read_output(made *m, rk_output *output, const char **text) {
    size_t name = strcspn(*text, ":,");
    if (name == 0 || (*text)[name] != ':')
        return false;
    output->name = made_text(m, *text, name);
    output->help = "from the program";
    output->unit = "1";
    *text += name + 1;
    size_t type = strcspn(*text, "[,");
    if (!set_type(output, *text, type))
        return false;
    *text += type;
    return **text != '[' || set_shape(m, output, text);
}

static size_t place(made *m, const rk_output *output) {
    size_t bytes = output->is_row ? sizeof(void *) : output->size;
    size_t at = (m->result_size + bytes - 1) / bytes * bytes;
    m->result_size = at + bytes;
    return at;
}

/* ---- names ---- */

static bool is_output(const made *m, const char *name, size_t begin, size_t end) {
    for (size_t o = begin; o < end && m->kernel.outputs[o].name != NULL; o++)
        if (strcmp(m->kernel.outputs[o].name, name) == 0)
            return true;
    return false;
}

/* Why output number `o` cannot have its name; NULL: it can. */
static const char *clash_of(const made *m, size_t o) {
    const char *name = m->kernel.outputs[o].name;
    if (is_output(m, name, 0, m->own_outputs))
        return "the kernel records an output of that name itself";
    if (is_output(m, name, m->own_outputs, o))
        return "another output has that name";
    if (is_own(m, name))
        return "a setting of the kernel has that name";
    return parameters_find(m, name, strlen(name)) >= 0 ? "a parameter has that name" : NULL;
}

static bool names_differ(const made *m, rk_maker *maker) {
    const rk_param *params = m->kernel.params;
    for (size_t p = m->own_params; p < RK_PARAMS_MAX && params[p].name != NULL; p++)
        if (is_output(m, params[p].name, 0, m->own_outputs)) {
            rk_maker_fail(maker, "parameter '%s': %s records an output of that name; call the parameter something else",
                          params[p].name, m->kernel.name);
            return false;
        }
    for (size_t o = m->own_outputs; o < RK_OUTPUTS_MAX && m->kernel.outputs[o].name != NULL; o++)
        if (clash_of(m, o) != NULL) {
            rk_maker_fail(maker, "outputs: '%s': %s; take another, here and in the program's JSON",
                          m->kernel.outputs[o].name, clash_of(m, o));
            return false;
        }
    return true;
}

bool parameters_add_outputs(made *m, rk_maker *maker, const char *text) {
    const char *rest = text;
    size_t count = m->own_outputs;
    while (*rest != '\0') {
        if (count == RK_OUTPUTS_MAX) {
            rk_maker_fail(maker, "outputs: at most %zu", RK_OUTPUTS_MAX - m->own_outputs);
            return false;
        }
        rk_output *output = &m->kernel.outputs[count++];
        bool sound = read_output(m, output, &rest) && (*rest == '\0' || (*rest == ',' && rest[1] != '\0'));
        if (!sound) {
            rk_maker_fail(maker,
                          "outputs='%s': '%s' is not understood: write name:type, or name:type[size] for an array, as "
                          "in energy:f64,grid:f64[10,20]; types are i8 u8 i16 u16 i32 u32 i64 u64 f32 f64 bool",
                          text, rest);
            return false;
        }
        output->offset = place(m, output);
        rest += *rest == ',';
    }
    m->result_size = (m->result_size + 7) / 8 * 8;
    return names_differ(m, maker);
}
