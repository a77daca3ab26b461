/* A table of tasks: CSV as in RFC 4180. The first line names parameters, every other line is a task. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "space/space_private.h"

typedef struct reader {
    const rk_kernel *kernel; /* NULL: all columns are strings, and make their parameters */
    rk_param *made;          /* [RK_PARAMS_MAX], without a kernel */
    const char *path;
    char *cursor; /* into the file's text; fields are unquoted in place, which only ever shortens them */
    size_t line;  /* where the cursor is, from 1 */
    size_t column_count;
    const rk_param *params[RK_PARAMS_MAX];
    rk__value_list lists[RK_PARAMS_MAX];
    rk_error *err;
} reader;

typedef enum ending { FIELD, LINE, FILE_END } ending; /* what a field ended with */

/* ---- fields ---- */

/* Past the opening quote: unquote up to the closing one. NULL if there is none. */
static char *unquote(reader *r, char *write) {
    char *read = r->cursor;
    for (;; read++) {
        if (*read == '\0')
            return NULL;
        if (*read == '"' && *++read != '"')
            break;
        r->line += *read == '\n';
        *write++ = *read;
    }
    r->cursor = read;
    return write;
}

static ending pass_separator(reader *r) {
    char *at = r->cursor;
    if (*at == '\0')
        return FILE_END;
    r->cursor = at + 1;
    if (*at == ',')
        return FIELD;
    if (*at == '\r')
        r->cursor++;
    r->line++;
    return *r->cursor == '\0' ? FILE_END : LINE;
}

static bool at_separator(const char *at) {
    return *at == '\0' || *at == ',' || *at == '\n' || (*at == '\r' && at[1] == '\n');
}

static rk_status next_field(reader *r, char **field, ending *how) {
    size_t line = r->line;
    char *end;
    *field = r->cursor;
    if (*r->cursor == '"') {
        r->cursor++;
        end = unquote(r, *field);
        if (end == NULL)
            return rk__fail(r->err, RK_EINVAL, "table '%s' line %zu: a quote is not closed", r->path, line);
        if (!at_separator(r->cursor))
            return rk__fail(r->err, RK_EINVAL,
                            "table '%s' line %zu: text after a closing quote: write \"\" for a "
                            "quote inside quotes",
                            r->path, r->line);
    } else {
        while (!at_separator(r->cursor))
            r->cursor++;
        end = r->cursor;
    }
    *how = pass_separator(r);
    *end = '\0';
    return RK_OK;
}

/* Spaces around the fields of a table do not count, except in quotes or strings. */
static char *trim(char *field) {
    field += strspn(field, " \t");
    size_t length = strlen(field);
    while (length > 0 && (field[length - 1] == ' ' || field[length - 1] == '\t'))
        field[--length] = '\0';
    return field;
}

static void skip_blank_lines(reader *r) {
    for (;;) {
        size_t blank = strspn(r->cursor, " \t");
        blank += r->cursor[blank] == '\r' && r->cursor[blank + 1] == '\n';
        if (r->cursor[blank] != '\n') {
            r->cursor += r->cursor[blank] == '\0' ? blank : 0;
            return;
        }
        r->cursor += blank + 1;
        r->line++;
    }
}

/* ---- lines ---- */

static rk_status check_column(const reader *r, const rk_param *param) {
    char why[160];
    if (param->type == RK_INPUT)
        return rk__fail(r->err, RK_EINVAL, "table '%s': an input stands in no table: give %s=FILE:/PATH", r->path,
                        param->name);
    if (rk__param_fixed(r->kernel, param, why, sizeof why) != NULL)
        return rk__fail(r->err, RK_EINVAL,
                        "table '%s': parameter '%s' has one value for the whole run (%s): set it "
                        "as %s=VALUE",
                        r->path, param->name, why, param->name);
    return RK_OK;
}

static rk_status make_param(reader *r, const char *name, const rk_param **out) {
    if (r->column_count == RK_PARAMS_MAX)
        return rk__fail(r->err, RK_EOVERFLOW, "table '%s': more than %d columns", r->path, RK_PARAMS_MAX);
    rk_param *param = &r->made[r->column_count];
    *param = (rk_param){.name = rk__strdup(name), .size = sizeof(char *), .type = RK_STRING};
    *out = param;
    return param->name != NULL ? RK_OK : rk__fail(r->err, RK_ENOMEM, "out of memory for the table");
}

static rk_status column_param(reader *r, size_t line, const char *name, const rk_param **out) {
    char where[300];
    if (r->kernel == NULL)
        return make_param(r, name, out);
    snprintf(where, sizeof where, "table '%.200s' line %zu column %zu: ", r->path, line, r->column_count + 1);
    RK_TRY(rk__param_require(r->kernel, name, strlen(name), where, out, r->err));
    return check_column(r, *out);
}

static rk_status read_header(reader *r) {
    char *field;
    ending how = FIELD;
    skip_blank_lines(r);
    if (*r->cursor == '\0')
        return rk__fail(r->err, RK_EINVAL, "table '%s' is empty: the first line names parameters", r->path);
    size_t line = r->line;
    while (how == FIELD) {
        const rk_param *param;
        RK_TRY(next_field(r, &field, &how));
        field = trim(field);
        RK_TRY(column_param(r, line, field, &param));
        for (size_t i = 0; i < r->column_count; i++)
            if (strcmp(r->params[i]->name, param->name) == 0)
                return rk__fail(r->err, RK_EINVAL, "table '%s': column '%s' is there twice", r->path, param->name);
        r->params[r->column_count++] = param;
    }
    return RK_OK;
}

static rk_status take_field(reader *r, size_t column, size_t line, char *field) {
    const rk_param *param = r->params[column];
    rk__value value;
    rk_status status = rk__value_parse(param, param->type == RK_STRING ? field : trim(field), &value, r->err);
    if (status == RK_OK) {
        status = rk__value_list_push(&r->lists[column], value, r->err);
        if (status != RK_OK)
            rk__value_fini(param, &value);
    }
    if (status != RK_OK)
        rk__prefix(r->err, "table '%s' line %zu column '%s': ", r->path, line, param->name);
    return status;
}

static rk_status read_line(reader *r) {
    size_t column = 0, line = r->line;
    ending how = FIELD;
    for (; how == FIELD; column++) {
        char *field;
        RK_TRY(next_field(r, &field, &how));
        if (column == r->column_count)
            return rk__fail(r->err, RK_EINVAL, "table '%s' line %zu: more fields than the %zu columns", r->path, line,
                            r->column_count);
        RK_TRY(take_field(r, column, line, field));
    }
    if (column < r->column_count)
        return rk__fail(r->err, RK_EINVAL, "table '%s' line %zu: %zu fields, but %zu columns: no value for '%s'",
                        r->path, line, column, r->column_count, r->params[column]->name);
    return RK_OK;
}

static rk_status read_lines(reader *r) {
    RK_TRY(read_header(r));
    for (skip_blank_lines(r); *r->cursor != '\0'; skip_blank_lines(r))
        RK_TRY(read_line(r));
    if (r->lists[0].count == 0)
        return rk__fail(r->err, RK_EINVAL, "table '%s' has no tasks: nothing follows the line of names", r->path);
    return RK_OK;
}

static rk_status build_axis(reader *r, rk__axis *out) {
    rk__axis axis = {.kind = RK__AXIS_TABLE, .count = r->lists[0].count};
    void *columns;
    RK_TRY(rk__alloc(&columns, r->column_count, sizeof *axis.columns, "the table", r->err));
    axis.columns = columns;
    for (size_t i = 0; i < r->column_count; i++) {
        rk_status status = rk__axis_column_init(&axis.columns[i], r->params[i], r->err);
        if (status != RK_OK) {
            rk__axis_fini(&axis);
            return status;
        }
        axis.columns[i].list = r->lists[i].items;
        r->lists[i] = (rk__value_list){0};
        axis.column_count++;
    }
    *out = axis;
    return RK_OK;
}

static rk_status read_table(reader *r, rk__axis *out) {
    char *text;
    size_t length;
    RK_TRY(rk__text_file_read(r->path, "table: ", &text, &length, r->err));
    r->cursor = text;
    rk_status status = read_lines(r);
    if (status == RK_OK)
        status = build_axis(r, out);
    for (size_t i = 0; i < r->column_count; i++)
        rk__value_list_fini(r->params[i], &r->lists[i]);
    free(text);
    return status;
}

rk_status rk__table_read(const rk_kernel *kernel, const char *path, rk__axis *out, rk_error *err) {
    reader r = {.kernel = kernel, .path = path, .line = 1, .err = err};
    return read_table(&r, out);
}

rk_status rk__table_read_texts(const char *path, rk_param params[RK_PARAMS_MAX], rk__axis *out, rk_error *err) {
    reader r = {.made = params, .path = path, .line = 1, .err = err};
    return read_table(&r, out);
}
