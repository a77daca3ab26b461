#include "results.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"

enum { NO_RESULT = 65 }; /* the code of a task whose program gave no sound result: EX_DATAERR of sysexits.h */

struct json_t *results_find(const char *text, size_t length) {
    json_t *last = NULL;
    for (const char *at = text, *end = text + length; at < end;) {
        json_error_t error;
        at = memchr(at, '{', (size_t)(end - at));
        if (at == NULL)
            break;
        json_t *found = json_loadb(at, (size_t)(end - at), JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL, &error);
        at += found != NULL ? error.position : 1;
        if (found != NULL) {
            json_decref(last);
            last = found;
        }
    }
    return last;
}

/* ---- one number ---- */

typedef struct limits {
    int64_t least, most;
} limits;

static limits limits_of(rk_type type) {
    switch (type) {
    case RK_I8:
        return (limits){INT8_MIN, INT8_MAX};
    case RK_U8:
        return (limits){0, UINT8_MAX};
    case RK_I16:
        return (limits){INT16_MIN, INT16_MAX};
    case RK_U16:
        return (limits){0, UINT16_MAX};
    case RK_I32:
        return (limits){INT32_MIN, INT32_MAX};
    case RK_U32:
        return (limits){0, UINT32_MAX};
    case RK_U64:
        return (limits){0, INT64_MAX};
    default:
        return (limits){INT64_MIN, INT64_MAX};
    }
}

/* Infinities and NaN are no JSON numbers: they come as null or in quotes. */
static bool float_of(const json_t *value, double *out) {
    if (json_is_null(value))
        *out = NAN;
    else if (json_is_number(value))
        *out = json_number_value(value);
    else if (json_is_string(value)) {
        char *end;
        *out = strtod(json_string_value(value), &end);
        return *end == '\0' && end != json_string_value(value);
    } else
        return false;
    return true;
}

static bool store(rk_type type, size_t bytes, const json_t *value, char *to) {
    double number;
    if (type == RK_F64 || type == RK_F32) {
        if (!float_of(value, &number))
            return false;
        float single = (float)number;
        memcpy(to, type == RK_F64 ? (const void *)&number : (const void *)&single, bytes);
        return true;
    }
    if (type == RK_BOOL) {
        *to = json_is_true(value);
        return json_is_boolean(value);
    }
    limits fit = limits_of(type);
    int64_t whole = json_integer_value(value);
    memcpy(to, &whole, bytes); /* little-endian, as the file is */
    return json_is_integer(value) && whole >= fit.least && whole <= fit.most;
}

/* ---- one output ---- */

static const char *type_name(rk_type type) {
    static const char *const names[] = {"?",   "i8",  "u8",  "i16", "u16", "i32",
                                        "u32", "i64", "u64", "f32", "f64", "bool"};
    return type <= RK_BOOL ? names[type] : names[0];
}

static uint64_t size_named(const made *m, const char *name, const void *params) {
    char *end, text[PARAMETER_TEXT_MAX];
    unsigned long long size = strtoull(name, &end, 10);
    int number = parameters_find(m, name, strlen(name));
    if (*end == '\0' || number < 0)
        return size;
    return strtoull(parameters_text(m, (size_t)number, params, text), NULL, 10);
}

static uint64_t elements_of(const made *m, const rk_output *output, const void *params) {
    uint64_t elements = 1;
    for (unsigned d = 0; output->is_row && d < RK_DIMS_MAX && output->shape[d] != NULL; d++)
        elements *= size_named(m, output->shape[d], params);
    return elements;
}

/* ---- what came instead ---- */

enum { SHOWN_MAX = 120 };

/* "the fields a, b". */
static void describe_fields(const json_t *object, char shown[SHOWN_MAX]) {
    size_t used = (size_t)snprintf(shown, SHOWN_MAX, json_object_size(object) > 0 ? "the fields" : "no field");
    const char *name, *between = " ";
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value) {
        if (used + strlen(name) + 8 > SHOWN_MAX) {
            snprintf(shown + used, SHOWN_MAX - used, "%s...", between);
            return;
        }
        used += (size_t)snprintf(shown + used, SHOWN_MAX - used, "%s%s", between, name);
        between = ", ";
    }
}

static uint64_t values_in(const json_t *list) {
    uint64_t count = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        count += json_is_array(item) ? values_in(item) : 1;
    }
    return count;
}

/* 'the string "abc"', "a list of 3 values". */
static void describe(const json_t *value, char shown[SHOWN_MAX]) {
    char fields[SHOWN_MAX];
    if (json_is_array(value)) {
        uint64_t count = values_in(value);
        snprintf(shown, SHOWN_MAX, "a list of %" PRIu64 " value%s", count, count == 1 ? "" : "s");
    } else if (json_is_object(value)) {
        describe_fields(value, fields);
        snprintf(shown, SHOWN_MAX, "an object with %.90s", fields);
    } else {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        bool is_long = text != NULL && strlen(text) > 60;
        snprintf(shown, SHOWN_MAX, "%s%.60s%s", json_is_string(value) ? "the string " : "", text ? text : "?",
                 is_long ? "..." : "");
        free(text);
    }
}

/* ---- rows ---- */

/* Lists may lie in lists: what counts is the number of values, and their order. The first that does not fit is *bad. */
static bool store_list(const rk_output *output, const json_t *list, char *to, uint64_t room, uint64_t *stored,
                       const json_t **bad) {
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i);
        if (json_is_array(item)) {
            if (!store_list(output, item, to, room, stored, bad))
                return false;
            continue;
        }
        if (*stored == room)
            return false;
        if (!store(output->type, output->size, item, to + *stored * output->size)) {
            *bad = item;
            return false;
        }
        ++*stored;
    }
    return true;
}

static int take_bytes(rk_task *task, const rk_output *output, const json_t *text, char *to, uint64_t elements) {
    size_t bytes = (size_t)(elements * output->size), letters = json_string_length(text), wanted = (bytes + 2) / 3 * 4;
    if (base64_decode(json_string_value(text), letters, to, bytes))
        return RK_OK;
    return rk_task_fail(task, NO_RESULT,
                        "output '%s': base64 of %zu bytes expected (%" PRIu64 " values of %s: %zu letters), got %s%zu "
                        "letters",
                        output->name, bytes, elements, type_name(output->type), wanted,
                        letters == wanted ? "what is no base64 in " : "", letters);
}

size_t results_bytes(const made *m, const rk_output *output, const void *params) {
    return (size_t)elements_of(m, output, params) * output->size;
}

static int take_list(rk_task *task, const rk_output *output, const json_t *value, char *to, uint64_t elements) {
    uint64_t stored = 0;
    const json_t *bad = NULL;
    char shown[SHOWN_MAX];
    if (json_is_array(value) && store_list(output, value, to, elements, &stored, &bad) && stored == elements)
        return RK_OK;
    describe(bad != NULL ? bad : value, shown);
    if (bad != NULL)
        return rk_task_fail(task, NO_RESULT,
                            "output '%s': a list of %" PRIu64 " values of %s expected, got %s as value %" PRIu64,
                            output->name, elements, type_name(output->type), shown, stored + 1);
    return rk_task_fail(task, NO_RESULT, "output '%s': a list of %" PRIu64 " values of %s expected%s, got %s",
                        output->name, elements, type_name(output->type),
                        json_is_array(value) ? "" : " (or {\"base64\": ...})", shown);
}

static int take_row(const made *m, rk_task *task, const rk_output *output, const json_t *value, const void *params,
                    void *result, const results_shared *shared) {
    char *to;
    uint64_t elements = elements_of(m, output, params);
    memcpy(&to, (char *)result + output->offset, sizeof to);
    const json_t *text = json_object_get(value, "base64");
    if (json_is_string(text))
        return take_bytes(task, output, text, to, elements);
    if (shared != NULL && shared->bytes != NULL && json_is_true(json_object_get(value, "shared"))) {
        memcpy(to, shared->bytes + shared->at[output - m->kernel.outputs], (size_t)elements * output->size);
        return RK_OK;
    }
    return take_list(task, output, value, to, elements);
}

static int take_output(const made *m, rk_task *task, const rk_output *output, const json_t *object, const void *params,
                       void *result, const results_shared *shared) {
    char shown[SHOWN_MAX];
    const json_t *value = json_object_get(object, output->name);
    if (value == NULL) {
        describe_fields(object, shown);
        return rk_task_fail(task, NO_RESULT, "output '%s' is missing: the JSON object has %s", output->name, shown);
    }
    if (output->is_row)
        return take_row(m, task, output, value, params, result, shared);
    if (store(output->type, output->size, value, (char *)result + output->offset))
        return RK_OK;
    describe(value, shown);
    return rk_task_fail(task, NO_RESULT, "output '%s': %s expected, got %s", output->name, type_name(output->type),
                        shown);
}

int results_take(const made *m, rk_task *task, const json_t *object, const void *params, void *result,
                 const results_shared *shared) {
    int code = RK_OK;
    for (size_t o = m->own_outputs; code == RK_OK && o < RK_OUTPUTS_MAX && m->kernel.outputs[o].name != NULL; o++)
        code = take_output(m, task, &m->kernel.outputs[o], object, params, result, shared);
    return code;
}
