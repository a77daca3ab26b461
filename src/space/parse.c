/* Canonical text back into a draft. The text may come from a damaged or hostile file: everything is checked, and a
 * column takes no more memory than the text that describes it. The grammar stands in draft.c. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

typedef struct parser {
    rk__draft *draft;
    char *cursor;  /* into a copy of the text, at the next line */
    char *rest;    /* of the current line; NULL: no token left */
    unsigned line; /* the current one, from 1 */
    uint64_t version;
    rk_error *err;
} parser;

static rk_status bad(parser *p, const char *what) {
    return rk__fail(p->err, RK_EFORMAT, "the description of the tasks is damaged: line %u: %s", p->line, what);
}

/* ---- lines and tokens ---- */

static bool next_line(parser *p) {
    char *end = strchr(p->cursor, '\n');
    p->line++;
    if (end == NULL)
        return false;
    *end = '\0';
    p->rest = p->cursor;
    p->cursor = end + 1;
    return true;
}

/* The next token of the line, decoded in place; NULL if there is none or it is malformed. */
static char *next_token(parser *p) {
    char *token = p->rest, *blank;
    if (token == NULL || *token == '\0' || *token == ' ')
        return NULL;
    if ((blank = strchr(token, ' ')) != NULL)
        *blank = '\0';
    p->rest = blank != NULL ? blank + 1 : NULL;
    return rk__token_decode(token) ? token : NULL;
}

static bool next_is(parser *p, const char *word) {
    const char *token = next_token(p);
    return token != NULL && strcmp(token, word) == 0;
}

static rk_status next_u64(parser *p, uint64_t *out) {
    const char *token = next_token(p);
    return token != NULL && rk__parse_u64(token, out) ? RK_OK : bad(p, "a count is missing or malformed");
}

static rk_status line_ends(parser *p) {
    return p->rest == NULL ? RK_OK : bad(p, "more than belongs there");
}

/* The line is to begin with `word`. */
static rk_status expect_line(parser *p, const char *word) {
    if (next_line(p) && next_is(p, word))
        return RK_OK;
    return rk__fail(p->err, RK_EFORMAT, "the description of the tasks is damaged: line %u: '%s' expected", p->line,
                    word);
}

static rk_status next_param(parser *p, const rk_param **out) {
    const char *name = next_token(p);
    if (name == NULL)
        return bad(p, "a parameter's name is missing");
    const rk_param *param = rk__param_find(p->draft->kernel, name, strlen(name));
    if (param == NULL)
        return rk__fail(p->err, RK_EMISMATCH, "kernel '%s' has no parameter '%.80s': this is another version of it",
                        p->draft->kernel->name, name);
    if (rk__draft_has(p->draft, param))
        return bad(p, "a parameter is there twice");
    *out = param;
    return RK_OK;
}

static rk_status next_value(parser *p, const rk_param *param, rk__value *out) {
    const char *token = next_token(p);
    if (token == NULL)
        return bad(p, "a value is missing or malformed");
    rk_status status = rk__value_parse(param, token, out, p->err);
    if (status == RK_OK || status == RK_ENOMEM)
        return status;
    rk__prefix(p->err, "the description of the tasks is damaged, or of another version of kernel '%s': line %u: ",
               p->draft->kernel->name, p->line);
    p->err->code = RK_EFORMAT;
    return RK_EFORMAT;
}

/* ---- parameters and columns ---- */

static rk_status parse_param(parser *p) {
    const rk_param *param;
    RK_TRY(next_param(p, &param));
    size_t index = rk__param_index(p->draft->kernel, param);
    RK_TRY(next_value(p, param, &p->draft->values[index]));
    p->draft->is_set[index] = true;
    return line_ends(p);
}

static bool integers_agree(const rk_param *param, const rk__axis_column *column, uint64_t count) {
    bool is_signed = param->type == RK_I8 || param->type == RK_I16 || param->type == RK_I32 || param->type == RK_I64;
    uint64_t first = column->first.as.u64, last = column->last.as.u64, step = column->step.as.u64, way;
    bool down = column->step.as.i64 < 0;
    bool falls = is_signed ? column->last.as.i64 < column->first.as.i64 : last < first;
    if (!rk__mul_u64(count - 1, down ? 0 - step : step, &way))
        return false;
    return way == (down ? first - last : last - first) && (way == 0 || falls == down);
}

static bool floats_agree(const rk__axis_column *column, uint64_t count) {
    double first = column->first.as.f64, last = column->last.as.f64, step = column->step.as.f64;
    double steps = (double)(count - 1), end = fma(steps, step, first);
    return isfinite(end) && fabs(end - last) <= fabs(step) * (0.5 + 0x1p-50 * steps);
}

static rk_status parse_linear(parser *p, const rk_param *param, uint64_t count, rk__axis_column *column) {
    bool is_float = rk__type_is_float(param->type);
    rk_param wide = *param;
    wide.type = is_float ? RK_F64 : RK_I64;
    column->linear = true;
    if (!is_float && !rk__type_is_integer(param->type))
        return bad(p, "a range of what is no number");
    RK_TRY(next_value(p, is_float ? &wide : param, &column->first));
    RK_TRY(next_value(p, is_float ? &wide : param, &column->last));
    RK_TRY(next_value(p, &wide, &column->step));
    if (param->type == RK_F32 && (!isfinite((float)column->first.as.f64) || !isfinite((float)column->last.as.f64)))
        return bad(p, "a bound does not fit f32");
    if (is_float ? !floats_agree(column, count) : !integers_agree(param, column, count))
        return bad(p, "the ends of a range do not agree with its step");
    if (is_float)
        column->lattice = rk__lattice_of_range(column->first.as.f64, column->last.as.f64, column->step.as.f64, count);
    return line_ends(p);
}

static rk_status parse_values(parser *p, const rk_param *param, uint64_t count, rk__axis_column *column) {
    rk__value_list list = {0};
    rk_status status = RK_OK;
    while (status == RK_OK && p->rest != NULL && list.count < count) {
        rk__value value;
        status = next_value(p, param, &value);
        if (status == RK_OK && (status = rk__value_list_push(&list, value, p->err)) != RK_OK)
            rk__value_fini(param, &value);
    }
    if (status == RK_OK && (list.count != count || p->rest != NULL))
        status = bad(p, "the length of a list does not agree with its axis");
    if (status != RK_OK)
        rk__value_list_fini(param, &list);
    column->list = list.items;
    return status;
}

static rk_status add_column(parser *p, rk__axis *axis, rk__axis_column column) {
    rk__axis_column *columns = realloc(axis->columns, (axis->column_count + 1) * sizeof *columns);
    if (columns == NULL)
        return rk__fail(p->err, RK_ENOMEM, "out of memory for the axis '%s'", column.name);
    axis->columns = columns;
    axis->columns[axis->column_count++] = column;
    return RK_OK;
}

/* A line `linear …` or `list …`; its first word is consumed. */
static rk_status parse_column(parser *p, rk__axis *axis, bool linear) {
    const rk_param *param;
    rk__axis_column column;
    RK_TRY(next_param(p, &param));
    for (size_t i = 0; i < axis->column_count; i++)
        if (axis->columns[i].param == param)
            return bad(p, "a parameter is there twice");
    RK_TRY(rk__axis_column_init(&column, param, p->err));
    rk_status status =
        linear ? parse_linear(p, param, axis->count, &column) : parse_values(p, param, axis->count, &column);
    if (status == RK_OK)
        status = add_column(p, axis, column);
    if (status != RK_OK)
        rk__axis_column_fini(&column, column.list != NULL ? axis->count : 0);
    return status;
}

static bool line_begins(const parser *p, const char *word) {
    size_t length = strlen(word);
    return strncmp(p->cursor, word, length) == 0 && p->cursor[length] == ' ';
}

static rk_status parse_columns(parser *p, rk__axis *axis) {
    bool linear;
    while ((linear = line_begins(p, "linear")) || line_begins(p, "list")) {
        RK_TRY(expect_line(p, linear ? "linear" : "list"));
        RK_TRY(parse_column(p, axis, linear));
    }
    return axis->column_count > 0 ? RK_OK : bad(p, "an axis without values");
}

/* ---- input ---- */

static rk_status parse_source(parser *p, rk__space_input *input) {
    RK_TRY(expect_line(p, "input"));
    RK_TRY(next_param(p, &input->param));
    if (input->param->type != RK_INPUT)
        return rk__fail(p->err, RK_EMISMATCH, "parameter '%s' is no input: this is another version of kernel '%s'",
                        input->param->name, p->draft->kernel->name);
    const char *path = next_token(p), *dataset = path != NULL ? next_token(p) : NULL;
    if (dataset == NULL || *path != '/' || *dataset != '/')
        return bad(p, "the path of an input is missing or malformed");
    input->path = rk__strdup(path);
    input->dataset = rk__strdup(dataset);
    if (input->path == NULL || input->dataset == NULL)
        return rk__fail(p->err, RK_ENOMEM, "out of memory for the input");
    return line_ends(p);
}

static rk_status parse_shape(parser *p, rk__space_input *input) {
    RK_TRY(expect_line(p, "shape"));
    while (p->rest != NULL) {
        if (input->dims == sizeof input->shape / sizeof *input->shape)
            return bad(p, "too many dimensions");
        RK_TRY(next_u64(p, &input->shape[input->dims++]));
    }
    uint64_t task_dims;
    RK_TRY(expect_line(p, "task_dims"));
    RK_TRY(next_u64(p, &task_dims));
    if (task_dims == 0 || task_dims > input->dims)
        return bad(p, "the number of dimensions that are tasks");
    input->task_dims = (unsigned)task_dims;
    RK_TRY(line_ends(p));
    return rk__input_count(input, p->err) == RK_OK ? RK_OK : bad(p, "the shape of an input");
}

static rk_status parse_missing(parser *p, rk__space_input *input) {
    RK_TRY(expect_line(p, "missing"));
    while (p->rest != NULL) {
        const char *token = next_token(p);
        if (input->missing_count == sizeof input->missing / sizeof *input->missing || token == NULL ||
            !rk__parse_f64(token, &input->missing[input->missing_count]))
            return bad(p, "the values that stand for missing");
        input->missing_count++;
    }
    return RK_OK;
}

static bool parse_hex(const char *token, uint64_t *out) {
    if (token == NULL || strlen(token) != 16 || strspn(token, "0123456789abcdef") != 16)
        return false;
    *out = strtoull(token, NULL, 16);
    return true;
}

static rk_status parse_input(parser *p, const rk__axis *axis) {
    rk__space_input *input = &p->draft->input;
    if (p->draft->has_input)
        return bad(p, "a second input");
    RK_TRY(parse_source(p, input));
    p->draft->has_input = true;
    RK_TRY(parse_shape(p, input));
    RK_TRY(parse_missing(p, input));
    RK_TRY(expect_line(p, "fingerprint"));
    if (!parse_hex(next_token(p), &input->fingerprint[0]) || !parse_hex(next_token(p), &input->fingerprint[1]))
        return bad(p, "the fingerprint of an input");
    if (input->rows != axis->count)
        return bad(p, "the rows of an input do not agree with its shape");
    return line_ends(p);
}

/* ---- axes and the whole ---- */

static rk_status parse_axis_body(parser *p, const char *kind, rk__axis *axis) {
    static const struct {
        const char *name;
        rk__axis_kind kind;
    } kinds[] = {{"swept", RK__AXIS_SWEPT},
                 {"zip", RK__AXIS_ZIP},
                 {"table", RK__AXIS_TABLE},
                 {"input", RK__AXIS_INPUT},
                 {"replicate", RK__AXIS_REPLICATE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, kinds[i].name) == 0)
            axis->kind = kinds[i].kind;
    if (axis->kind == RK__AXIS_REPLICATE)
        return line_begins(p, "axis") ? bad(p, "an axis after the replicate") : RK_OK;
    if (axis->kind == RK__AXIS_INPUT)
        return parse_input(p, axis);
    if (axis->kind == (rk__axis_kind)0)
        return bad(p, "an unknown kind of axis");
    RK_TRY(parse_columns(p, axis));
    return axis->kind == RK__AXIS_SWEPT && axis->column_count > 1 ? bad(p, "a swept axis of two parameters") : RK_OK;
}

static rk_status parse_axis(parser *p) {
    rk__axis axis = {0};
    const char *kind = next_token(p);
    if (kind == NULL)
        return bad(p, "the kind of an axis");
    RK_TRY(next_u64(p, &axis.count));
    RK_TRY(line_ends(p));
    if (axis.count == 0 || axis.count > RK__TASKS_MAX)
        return bad(p, "the count of an axis");
    rk_status status = parse_axis_body(p, kind, &axis);
    if (status == RK_OK && rk__draft_add_axis(p->draft, axis, p->err) != RK_OK)
        status = bad(p, "too many axes or tasks");
    if (status != RK_OK)
        rk__axis_fini(&axis);
    return status;
}

static rk_status parse_head(parser *p) {
    RK_TRY(expect_line(p, "rankine-space"));
    RK_TRY(next_u64(p, &p->version));
    if (p->version != RK__SPACE_TEXT_VERSION && p->version != RK__SPACE_TEXT_VERSION_MADE)
        return rk__fail(p->err, RK_EFORMAT,
                        "the description of the tasks has version %" PRIu64
                        ", this Rankine reads %d and %d: go on with "
                        "the Rankine that began the run, or run it anew",
                        p->version, RK__SPACE_TEXT_VERSION, RK__SPACE_TEXT_VERSION_MADE);
    RK_TRY(line_ends(p));
    RK_TRY(expect_line(p, "kernel"));
    const char *name = next_token(p);
    if (name == NULL)
        return bad(p, "the kernel's name is missing");
    if (strcmp(name, p->draft->kernel->name) != 0)
        return rk__fail(p->err, RK_EMISMATCH, "the run is of kernel '%.80s', not of '%s'", name,
                        p->draft->kernel->name);
    return line_ends(p);
}

/* Every parameter of the kernel has its value; an input may be left out where the kernel has a preset for it. */
static rk_status check_complete(parser *p) {
    const rk_kernel *kernel = p->draft->kernel;
    for (size_t i = 0; i < rk__params(kernel); i++)
        if (!rk__draft_has(p->draft, &kernel->params[i]) && kernel->params[i].type != RK_INPUT)
            return rk__fail(p->err, RK_EMISMATCH, "the run knows no parameter '%s': kernel '%s' is another version",
                            kernel->params[i].name, kernel->name);
    return *p->cursor == '\0' ? line_ends(p) : bad(p, "text after the end");
}

static rk_status parse_givens(parser *p) {
    while (p->version == RK__SPACE_TEXT_VERSION_MADE && line_begins(p, "given")) {
        RK_TRY(expect_line(p, "given"));
        if (p->rest == NULL || rk__givens_take_line(&p->draft->givens, p->rest, NULL) != RK_OK)
            return bad(p, "what the kernel is made of");
    }
    bool made = p->draft->givens.count > 0;
    return made == (p->version == RK__SPACE_TEXT_VERSION_MADE) ? RK_OK : bad(p, "what the kernel is made of");
}

static rk_status parse_lines(parser *p) {
    RK_TRY(parse_head(p));
    RK_TRY(parse_givens(p));
    for (bool axes = false; next_line(p);) {
        const char *word = next_token(p);
        if (word == NULL)
            return bad(p, "an empty line");
        if (strcmp(word, "end") == 0)
            return check_complete(p);
        if (strcmp(word, "param") == 0 && !axes)
            RK_TRY(parse_param(p));
        else if (strcmp(word, "axis") == 0)
            RK_TRY(parse_axis(p));
        else
            return bad(p, "an unknown word");
        axes = axes || strcmp(word, "axis") == 0;
    }
    return bad(p, "the end is missing");
}

rk_status rk__draft_parse(rk__draft *out, const rk_kernel *kernel, const char *text, rk_error *err) {
    rk_error ignored = RK_ERROR_INIT;
    rk__draft draft = {.kernel = kernel};
    char *copy = rk__strdup(text);
    if (copy == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for the description of the tasks");
    parser p = {.draft = &draft, .cursor = copy, .err = err != NULL ? err : &ignored};
    rk_status status = parse_lines(&p);
    free(copy);
    if (status != RK_OK)
        rk__draft_fini(&draft);
    else
        *out = draft;
    return status;
}
