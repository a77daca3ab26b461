/* Values of parameters: from text, as text, and into the author's struct. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

enum { TOKEN_MAX = 128 };

/* ---- the number and its unit ---- */

/* Copy the number at the start of `text` and point *unit at what follows it, or NULL. False: no number. */
static bool split_unit(const char *text, char token[TOKEN_MAX], const char **unit) {
    while (*text == ' ' || *text == '\t')
        text++;
    char *end;
    strtod(text, &end);
    size_t length = (size_t)(end - text);
    if (length == 0 || length >= TOKEN_MAX)
        return false;
    memcpy(token, text, length);
    token[length] = '\0';
    while (*end == ' ' || *end == '\t')
        end++;
    *unit = *end != '\0' ? end : NULL;
    return true;
}

static bool begins_a_unit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '%' || (unsigned char)c >= 0x80;
}

static rk_status check_unit(const rk_param *param, const char *text, const char *unit, rk_error *err) {
    const char *expected = param->unit != NULL && *param->unit != '\0' ? param->unit : "1";
    if (unit == NULL)
        return RK_OK;
    size_t length = strlen(unit);
    while (length > 0 && (unit[length - 1] == ' ' || unit[length - 1] == '\t'))
        length--;
    if (length == 0 || (strlen(expected) == length && memcmp(unit, expected, length) == 0))
        return RK_OK;
    if (!begins_a_unit(*unit))
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%.100s' is not a number", param->name, text);
    return rk__fail(err, RK_EINVAL, "parameter '%s': unit '%.*s' given, '%s' expected", param->name,
                    (int)(length < 40 ? length : 40), unit, expected);
}

static rk_status take_number(const rk_param *param, const char *text, char token[TOKEN_MAX], rk_error *err) {
    const char *unit;
    if (*text == '\0')
        return rk__fail(err, RK_EINVAL, "parameter '%s': the value is empty, a number (%s) is needed", param->name,
                        rk__type_name(param->type));
    if (!split_unit(text, token, &unit))
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%.100s' is not a number", param->name, text);
    return check_unit(param, text, unit, err);
}

/* ---- each type ---- */

static rk_status parse_float(const rk_param *param, const char *token, rk__value *out, rk_error *err) {
    double value;
    if (!rk__parse_f64(token, &value))
        return rk__fail(err, RK_EINVAL, "parameter '%s': %s is too large for %s", param->name, token,
                        rk__type_name(param->type));
    if (!isfinite(value))
        return rk__fail(err, RK_EINVAL, "parameter '%s': '%s' is not a finite number", param->name, token);
    if (param->type == RK_F32) {
        float rounded = (float)value;
        if (!isfinite(rounded))
            return rk__fail(err, RK_EINVAL, "parameter '%s': %s is too large for f32", param->name, token);
        value = rounded;
    }
    out->as.f64 = value;
    return RK_OK;
}

typedef struct limits {
    int64_t min;
    uint64_t max;
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
    case RK_I64:
        return (limits){INT64_MIN, INT64_MAX};
    default:
        return (limits){0, UINT64_MAX};
    }
}

static bool is_signed(rk_type type) {
    return type == RK_I8 || type == RK_I16 || type == RK_I32 || type == RK_I64;
}

/* "1e6" and "5.0" are whole numbers too, as long as a double holds them exactly. */
static bool whole_f64(const char *token, double *out) {
    double value;
    if (!rk__parse_f64(token, &value) || !(fabs(value) <= 0x1p53) || value != floor(value))
        return false;
    *out = value;
    return true;
}

static bool parse_whole(rk_type type, limits fit, const char *token, rk__value *out) {
    int64_t i64;
    uint64_t u64;
    double whole;
    bool is_whole = whole_f64(token, &whole);
    if (is_signed(type)) {
        if (!rk__parse_i64(token, &i64)) {
            if (!is_whole)
                return false;
            i64 = (int64_t)whole;
        }
        if (i64 < fit.min || i64 > (int64_t)fit.max)
            return false;
        out->as.i64 = i64;
        return true;
    }
    if (!rk__parse_u64(token, &u64)) {
        if (!is_whole || whole < 0)
            return false;
        u64 = (uint64_t)whole;
    }
    if (u64 > fit.max)
        return false;
    out->as.u64 = u64;
    return true;
}

static rk_status parse_integer(const rk_param *param, const char *token, rk__value *out, rk_error *err) {
    limits fit = limits_of(param->type);
    if (parse_whole(param->type, fit, token, out))
        return RK_OK;
    double value;
    bool parsed = rk__parse_f64(token, &value);
    if (parsed && (!isfinite(value) || value != floor(value)))
        return rk__fail(err, RK_EINVAL, "parameter '%s': %s is not an integer (%s)", param->name, token,
                        rk__type_name(param->type));
    return rk__fail(err, RK_EINVAL, "parameter '%s': %s does not fit %s (%" PRId64 " … %" PRIu64 ")", param->name,
                    token, rk__type_name(param->type), fit.min, fit.max);
}

static rk_status parse_bool(const rk_param *param, const char *text, rk__value *out, rk_error *err) {
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            out->as.u64 = i & 1;
            return RK_OK;
        }
    return rk__fail(err, RK_EINVAL, "parameter '%s': '%.100s' is none of yes, no, true, false, on, off, 1, 0",
                    param->name, text);
}

/* Choice number `index` of "red|green|blue": its start, and its length; NULL past the end. */
static const char *choice(const char *choices, int64_t index, size_t *length) {
    const char *start = choices != NULL ? choices : "";
    for (; index > 0 && start != NULL; index--) {
        start = strchr(start, '|');
        start = start != NULL ? start + 1 : NULL;
    }
    if (start != NULL)
        *length = strcspn(start, "|");
    return start;
}

static rk_status parse_enum(const rk_param *param, const char *text, rk__value *out, rk_error *err) {
    size_t length;
    const char *name;
    for (int64_t i = 0; (name = choice(param->choices, i, &length)) != NULL; i++)
        if (strlen(text) == length && memcmp(text, name, length) == 0) {
            out->as.i64 = i;
            return RK_OK;
        }
    return rk__fail(err, RK_EINVAL, "parameter '%s': '%.100s' is none of %s", param->name, text,
                    param->choices != NULL ? param->choices : "no choices");
}

rk_status rk__value_parse(const rk_param *param, const char *text, rk__value *out, rk_error *err) {
    char token[TOKEN_MAX];
    switch (param->type) {
    case RK_STRING:
        out->as.text = rk__strdup(text);
        return out->as.text != NULL ? RK_OK : rk__fail(err, RK_ENOMEM, "out of memory for '%s'", param->name);
    case RK_BOOL:
        return parse_bool(param, text, out, err);
    case RK_ENUM:
        return parse_enum(param, text, out, err);
    case RK_INPUT:
        return rk__fail(err, RK_EINVAL, "parameter '%s': an input stands in no list, zip or table: %s=FILE:/PATH",
                        param->name, param->name);
    default:
        break;
    }
    RK_TRY(take_number(param, text, token, err));
    return rk__type_is_float(param->type) ? parse_float(param, token, out, err) : parse_integer(param, token, out, err);
}

void rk__value_fini(const rk_param *param, rk__value *value) {
    if (param != NULL && param->type == RK_STRING) {
        free(value->as.text);
        value->as.text = NULL;
    }
}

#define STORE(type, member)                                                                                            \
    do {                                                                                                               \
        type stored = (type)value.as.member;                                                                           \
        memcpy(field, &stored, sizeof stored);                                                                         \
    } while (0)

void rk__value_store(const rk_param *param, rk__value value, void *params) {
    char *field = (char *)params + param->offset;
    switch (param->type) {
    case RK_I8:
        STORE(int8_t, i64);
        break;
    case RK_U8:
        STORE(uint8_t, u64);
        break;
    case RK_I16:
        STORE(int16_t, i64);
        break;
    case RK_U16:
        STORE(uint16_t, u64);
        break;
    case RK_I32:
        STORE(int32_t, i64);
        break;
    case RK_U32:
        STORE(uint32_t, u64);
        break;
    case RK_I64:
        STORE(int64_t, i64);
        break;
    case RK_U64:
        STORE(uint64_t, u64);
        break;
    case RK_F32:
        STORE(float, f64);
        break;
    case RK_F64:
        STORE(double, f64);
        break;
    case RK_BOOL:
        STORE(bool, u64);
        break;
    case RK_ENUM:
        STORE(int, i64);
        break;
    case RK_STRING:
        STORE(const char *, text);
        break;
    case RK_INPUT:
        break; /* the rows of a task: whoever reads them sets the field */
    }
}

void rk__number_text(double value, rk__text *out) {
    char buffer[32];
    rk__text_add(out, "%s", rk__format_f64(value, buffer, sizeof buffer));
}

/* The shortest decimal that reads back as the same float: "0.1", where a double would need 17 digits. */
static void float_text(float value, rk__text *out) {
    char buffer[32];
    double back;
    for (int digits = 6; digits <= 9; digits++) {
        snprintf(buffer, sizeof buffer, "%.*g", digits, (double)value);
        if (rk__parse_f64(buffer, &back) && (float)back == value)
            break;
    }
    rk__text_add(out, "%s", buffer);
}

void rk__value_text(const rk_param *param, rk__value value, rk__text *out) {
    size_t length = 0;
    const char *name;
    switch (param->type) {
    case RK_STRING:
        rk__text_add_bytes(out, value.as.text, strlen(value.as.text));
        break;
    case RK_BOOL:
        rk__text_add(out, "%s", value.as.u64 != 0 ? "true" : "false");
        break;
    case RK_ENUM:
        if ((name = choice(param->choices, value.as.i64, &length)) != NULL)
            rk__text_add_bytes(out, name, length);
        break;
    case RK_INPUT:
        break;
    case RK_F64:
        rk__number_text(value.as.f64, out);
        break;
    case RK_F32:
        float_text((float)value.as.f64, out);
        break;
    default:
        if (is_signed(param->type))
            rk__text_add(out, "%" PRId64, value.as.i64);
        else
            rk__text_add(out, "%" PRIu64, value.as.u64);
    }
}

void rk__bound_text(const rk_param *param, rk__value value, rk__text *out) {
    if (param->type == RK_F32)
        rk__number_text(value.as.f64, out);
    else
        rk__value_text(param, value, out);
}
