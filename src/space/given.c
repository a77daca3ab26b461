/* What a kernel is made of, from what the user wrote: name, type and value of each setting and of each table column.
 *
 * A value is read twice: as text, and as a number. It is a number if it prints as it is written. */
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "space/space_private.h"

/* ---- a list of givens ---- */

rk_status rk__givens_add(rk__givens *givens, const char *name, rk_type type, const char *value, rk_error *err) {
    rk_given given = {rk__strdup(name), rk__strdup(value), type};
    rk_given *items = realloc(givens->items, (givens->count + 1) * sizeof *items);
    if (items != NULL)
        givens->items = items;
    if (items != NULL && given.name != NULL && (given.value != NULL || value == NULL)) {
        givens->items[givens->count++] = given;
        return RK_OK;
    }
    free((void *)(uintptr_t)given.name);
    free((void *)(uintptr_t)given.value);
    return rk__fail(err, RK_ENOMEM, "out of memory for '%.60s'", name);
}

void rk__givens_fini(rk__givens *givens) {
    for (size_t i = 0; i < givens->count; i++) {
        free((void *)(uintptr_t)givens->items[i].name);
        free((void *)(uintptr_t)givens->items[i].value);
    }
    free(givens->items);
    *givens = (rk__givens){0};
}

static bool has_given(const rk__givens *givens, const char *name) {
    for (size_t i = 0; i < givens->count; i++)
        if (strcmp(givens->items[i].name, name) == 0)
            return true;
    return false;
}

/* ---- from the canonical text ---- */

static bool is_given_type(rk_type type) {
    return type == RK_I64 || type == RK_F64 || type == RK_STRING;
}

rk_status rk__givens_take_line(rk__givens *givens, char *line, rk_error *err) {
    char *words[3] = {NULL, NULL, NULL};
    size_t count = 0;
    for (char *word = line; word != NULL && count < 3; count++) {
        char *blank = strchr(word, ' ');
        if (blank != NULL)
            *blank++ = '\0';
        words[count] = word;
        word = blank;
        if (*words[count] == '\0' || !rk__token_decode(words[count]) || (word != NULL && count == 2))
            return rk__fail(err, RK_EFORMAT, "what the kernel is made of is damaged");
    }
    rk_type type = words[1] != NULL ? rk__type_from_name(words[1]) : (rk_type)0;
    if (!is_given_type(type) || givens->count == RK_PARAMS_MAX)
        return rk__fail(err, RK_EFORMAT, "what the kernel is made of is damaged");
    return rk__givens_add(givens, words[0], type, words[2], err);
}

/* The lines behind the first two, as long as they are givens. */
static rk_status take_lines(rk__givens *givens, char *text, rk_error *err) {
    unsigned number = 0;
    for (char *line = text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end++ = '\0';
        bool is_given = strncmp(line, "given ", 6) == 0;
        if (number >= 2 && !is_given)
            return RK_OK;
        if (number >= 2)
            RK_TRY(rk__givens_take_line(givens, line + 6, err));
        line = end;
    }
    return RK_OK;
}

rk_status rk__givens_read(rk__givens *out, const char *text, rk_error *err) {
    rk__givens givens = {0};
    char *copy = rk__strdup(text);
    if (copy == NULL)
        return rk__fail(err, RK_ENOMEM, "out of memory for the description of the tasks");
    rk_status status = take_lines(&givens, copy, err);
    free(copy);
    if (status == RK_OK)
        *out = givens;
    else
        rk__givens_fini(&givens);
    return status;
}

/* ---- from the request: which type? ---- */

static bool prints_as(const rk_param *number, rk__value value, const char *written) {
    rk__text text = RK__TEXT_INIT;
    rk__value_text(number, value, &text);
    bool same = !text.failed && strcmp(rk__text_get(&text), written) == 0;
    rk__text_fini(&text);
    return same;
}

static bool list_prints_as(const rk_param *number, const rk__value *numbers, const rk__value *texts, uint64_t count) {
    for (uint64_t i = 0; i < count; i++)
        if (!prints_as(number, numbers[i], texts[i].as.text))
            return false;
    return true;
}

typedef struct reading { /* how a setting is taken */
    rk_type type;
    bool many;
} reading;

static bool read_as(const rk_param *number, const char *setting, const rk__given *texts, reading *out) {
    rk__given given;
    if (rk__given_parse(number, setting, &given, NULL) != RK_OK)
        return false;
    bool is_range = given.many && given.column.linear, same = false;
    if (!is_range && given.many && texts->many && given.count == texts->count)
        same = list_prints_as(number, given.column.list, texts->column.list, given.count);
    else if (!given.many && !texts->many)
        same = prints_as(number, given.value, texts->value.as.text);
    *out = (reading){number->type, given.many};
    rk__given_fini(number, &given);
    return is_range || same;
}

static reading read_setting(const char *name, const char *setting, const rk__given *texts) {
    reading found = {RK_STRING, texts->many};
    rk_param number = {.name = name, .size = sizeof(double), .type = RK_I64};
    if (read_as(&number, setting, texts, &found))
        return found;
    number.type = RK_F64;
    return read_as(&number, setting, texts, &found) ? found : (reading){RK_STRING, texts->many};
}

static rk_status infer(rk__givens *givens, const rk_kernel *always, const char *name, const char *setting,
                       rk_error *err) {
    const rk_param *known = rk__param_find(always, name, strlen(name));
    rk_param text = {.name = name, .size = sizeof(char *), .type = RK_STRING, .fixed = known != NULL && known->fixed};
    rk__given texts;
    RK_TRY(rk__given_parse(&text, setting, &texts, err));
    reading found = text.fixed ? (reading){RK_STRING, texts.many} : read_setting(name, setting, &texts);
    rk_status status = rk__givens_add(givens, name, found.type, found.many ? NULL : texts.value.as.text, err);
    rk__given_fini(&text, &texts);
    return status;
}

/* What is no setting, or is given twice, is told when the request is described. */
static rk_status infer_settings(rk__givens *givens, const rk_kernel *always, const rk__request *request,
                                rk_error *err) {
    for (size_t i = 0; i < request->setting_count; i++) {
        char *name = rk__strdup(request->settings[i]);
        if (name == NULL)
            return rk__fail(err, RK_ENOMEM, "out of memory for the settings");
        char *equals = strchr(name, '=');
        rk_status status = RK_OK;
        if (equals != NULL && equals != name) {
            *equals = '\0';
            if (!has_given(givens, name))
                status = infer(givens, always, name, equals + 1, err);
        }
        free(name);
        RK_TRY(status);
    }
    return RK_OK;
}

/* ---- from a table ---- */

static rk_type type_of_texts(const rk__value *texts, uint64_t count) {
    static const rk_type types[] = {RK_I64, RK_F64};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        rk_param number = {.name = "", .size = sizeof(double), .type = types[t]};
        uint64_t i = 0;
        rk__value value;
        while (i < count && rk__value_parse(&number, texts[i].as.text, &value, NULL) == RK_OK &&
               prints_as(&number, value, texts[i].as.text))
            i++;
        if (i == count)
            return types[t];
    }
    return RK_STRING;
}

static rk_status infer_table(rk__givens *givens, const char *path, rk_error *err) {
    rk_param params[RK_PARAMS_MAX] = {0};
    rk__axis axis = {0};
    rk_status status = rk__table_read_texts(path, params, &axis, err);
    for (size_t c = 0; status == RK_OK && c < axis.column_count; c++)
        if (!has_given(givens, axis.columns[c].name))
            status = rk__givens_add(givens, axis.columns[c].name, type_of_texts(axis.columns[c].list, axis.count), NULL,
                                    err);
    rk__axis_fini(&axis);
    for (size_t c = 0; c < RK_PARAMS_MAX; c++)
        free((void *)(uintptr_t)params[c].name);
    return status;
}

rk_status rk__givens_infer(rk__givens *out, const rk_kernel *always, const rk__request *request, rk_error *err) {
    rk__givens givens = {0};
    rk_status status = infer_settings(&givens, always, request, err);
    if (status == RK_OK && request->table != NULL)
        status = infer_table(&givens, request->table, err);
    if (status == RK_OK && givens.count > RK_PARAMS_MAX)
        status = rk__fail(err, RK_EOVERFLOW, "%zu parameters: a kernel has at most %d", givens.count, RK_PARAMS_MAX);
    if (status == RK_OK)
        *out = givens;
    else
        rk__givens_fini(&givens);
    return status;
}
