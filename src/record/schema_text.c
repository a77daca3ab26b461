#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "record/record_private.h"

static void write_column(const rk__column *column, rk__text *out) {
    rk__text_add(out, "column");
    rk__words_add(out, column->name);
    rk__text_add(out, " %s %llu %d %d ", rk__type_name(column->type), (unsigned long long)column->id, column->keep,
                 column->hashed);
    for (size_t i = 0; column->has_fill && i < rk__type_bytes(column->type); i++)
        rk__text_add(out, "%02x", column->fill[i]);
    rk__text_add(out, "%s", column->has_fill ? "" : "-");
    rk__words_add(out, column->unit);
    rk__words_add(out, column->help);
    for (unsigned d = 0; d < column->dim_count; d++) {
        rk__words_add(out, column->dims[d].name);
        rk__text_add(out, " %llu", (unsigned long long)column->dims[d].size);
    }
    rk__text_add(out, "\n");
    if (column->always)
        rk__text_add(out, "always\n");
    if (!column->varying)
        return;
    rk__text_add(out, "varying");
    rk__words_add(out, column->values.name);
    rk__text_add(out, " %s", rk__type_name(column->values.type));
    rk__words_add(out, column->values.unit);
    rk__words_add(out, column->values.help);
    rk__text_add(out, "\n");
}

static void write_field(const rk__result_field *field, rk__text *out) {
    rk__text_add(out, "field");
    rk__words_add(out, field->name);
    rk__text_add(out, " %u %s %llu %d", field->reduction, rk__type_name(field->type), (unsigned long long)field->count,
                 field->elementwise);
    rk__words_add(out, field->unit);
    rk__words_add(out, field->help);
    rk__text_add(out, "\n");
}

void rk__schema_write(const rk__schema *schema, rk__text *out) {
    rk__text_add(out, "tasks %llu %u %zu %u %u\n", (unsigned long long)schema->tasks, schema->block_log2,
                 schema->partial_bytes, schema->part, schema->parts);
    if (schema->folded)
        rk__text_add(out, "folded\n");
    for (size_t c = 0; c < schema->column_count; c++)
        write_column(&schema->columns[c], out);
    for (size_t f = 0; f < schema->field_count; f++)
        write_field(&schema->fields[f], out);
}

/* ---- reading: nothing is believed ---- */

static bool read_tasks(rk__schema *schema, const char *line) {
    uint64_t log2, partial, part, parts;
    if (!rk__words_next_u64(&line, &schema->tasks) || !rk__words_next_u64(&line, &log2) ||
        !rk__words_next_u64(&line, &partial) || !rk__words_next_u64(&line, &part) || !rk__words_next_u64(&line, &parts))
        return false;
    if (parts < 1 || parts > RK__PARTS_MAX || part < 1 || part > parts)
        return false;
    schema->part = (uint32_t)part;
    schema->parts = (uint32_t)parts;
    if (schema->tasks == 0 || schema->tasks > UINT64_C(1) << 56 || log2 > 56 || partial > UINT64_C(1) << 40)
        return false;
    schema->block_log2 = (unsigned)log2;
    schema->partial_bytes = (size_t)partial;
    schema->blocks = ((schema->tasks - 1) >> log2) + 1;
    return true;
}

static bool read_fill(rk__column *column, const char *text) {
    if (strcmp(text, "-") == 0)
        return true;
    size_t bytes = rk__type_bytes(column->type);
    if (strlen(text) != 2 * bytes)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        char pair[5] = {'0', 'x', text[2 * i], text[2 * i + 1], '\0'};
        uint64_t value;
        if (!rk__parse_u64(pair, &value))
            return false;
        column->fill[i] = (unsigned char)value;
    }
    column->has_fill = true;
    return true;
}

static bool read_dims(rk__column *column, const char *line) {
    column->elements = 1;
    while (rk__words_next(&line, column->dims[column->dim_count].name, sizeof column->dims[0].name)) {
        uint64_t size;
        if (!rk__words_next_u64(&line, &size) || size == 0 || !rk__mul_u64(column->elements, size, &column->elements))
            return false;
        column->dims[column->dim_count].size = size;
        if (++column->dim_count == RK_DIMS_MAX)
            break;
    }
    return rk__mul_u64(column->elements, rk__type_bytes(column->type), &column->row_bytes);
}

static bool read_column(rk__schema *schema, const char *line) {
    char type[16], fill[24];
    uint64_t id, keep, hashed, bytes;
    if (schema->column_count == RK__COLUMNS_MAX)
        return false;
    rk__column *column = &schema->columns[schema->column_count++];
    if (!rk__words_next(&line, column->name, sizeof column->name) || !rk__words_next(&line, type, sizeof type) ||
        !rk__words_next_u64(&line, &id) || !rk__words_next_u64(&line, &keep) || !rk__words_next_u64(&line, &hashed) ||
        !rk__words_next(&line, fill, sizeof fill) || !rk__words_next(&line, column->unit, sizeof column->unit) ||
        !rk__words_next(&line, column->help, sizeof column->help))
        return false;
    column->type = rk__type_from_name(type);
    column->id = (uint32_t)id;
    column->keep = keep != 0;
    column->hashed = hashed != 0;
    return rk__type_bytes(column->type) > 0 && read_fill(column, fill) && read_dims(column, line) &&
           rk__mul_u64(column->row_bytes, schema->tasks, &bytes) && bytes <= UINT64_C(1) << 60;
}

/* Of the column before it, as is what follows. */
static bool read_always(rk__schema *schema) {
    return schema->column_count > 0 && (schema->columns[schema->column_count - 1].always = true);
}

/* Counts, which are u64. */
static bool read_varying(rk__schema *schema, const char *line) {
    char type[16];
    rk__column *column = schema->column_count > 0 ? &schema->columns[schema->column_count - 1] : NULL;
    if (column == NULL || column->varying || column->type != RK_U64 || column->row_bytes != 8 || !column->keep ||
        !rk__words_next(&line, column->values.name, sizeof column->values.name) ||
        !rk__words_next(&line, type, sizeof type) ||
        !rk__words_next(&line, column->values.unit, sizeof column->values.unit) ||
        !rk__words_next(&line, column->values.help, sizeof column->values.help))
        return false;
    column->values.type = rk__type_from_name(type);
    column->varying = true;
    schema->varying++;
    return rk__type_bytes(column->values.type) > 0;
}

static bool read_field(rk__schema *schema, const char *line) {
    char type[16], unit[200], help[1000];
    uint64_t reduction, count, elementwise, bytes;
    if (schema->field_count == 5 * RK_REDUCTIONS_MAX)
        return false;
    rk__result_field *field = &schema->fields[schema->field_count];
    if (!rk__words_next(&line, field->name, sizeof field->name) || !rk__words_next_u64(&line, &reduction) ||
        !rk__words_next(&line, type, sizeof type) || !rk__words_next_u64(&line, &count) ||
        !rk__words_next_u64(&line, &elementwise) || !rk__words_next(&line, unit, sizeof unit) ||
        !rk__words_next(&line, help, sizeof help))
        return false;
    field->type = rk__type_from_name(type);
    field->reduction = (unsigned)reduction;
    field->count = count;
    field->elementwise = elementwise != 0;
    field->offset = schema->results_bytes;
    if (rk__type_bytes(field->type) == 0 || count == 0 || !rk__mul_u64(count, rk__type_bytes(field->type), &bytes) ||
        bytes > UINT64_C(1) << 40)
        return false;
    schema->results_bytes += ((size_t)bytes + 7) & ~(size_t)7;
    field->unit = rk__strdup(unit);
    field->help = rk__strdup(help);
    schema->field_count++;
    return true;
}

static bool read_line(rk__schema *schema, const char *line) {
    char word[16];
    if (!rk__words_next(&line, word, sizeof word))
        return false;
    if (strcmp(word, "tasks") == 0)
        return schema->tasks == 0 && read_tasks(schema, line);
    if (schema->tasks == 0)
        return false;
    if (strcmp(word, "folded") == 0)
        return schema->folded = true;
    if (strcmp(word, "always") == 0)
        return read_always(schema);
    if (strcmp(word, "varying") == 0)
        return read_varying(schema, line);
    return strcmp(word, "column") == 0 ? read_column(schema, line)
                                       : strcmp(word, "field") == 0 && read_field(schema, line);
}

rk_status rk__schema_read(rk__schema *out, const char *text, rk_error *err) {
    *out = (rk__schema){0};
    RK_TRY(rk__alloc((void **)&out->fields, 5 * RK_REDUCTIONS_MAX, sizeof *out->fields, "reductions", err));
    const char *line = text;
    while (line != NULL && *line != '\0') {
        if (!read_line(out, line)) {
            rk__schema_fini(out);
            return rk__fail(err, RK_EFORMAT, "the schema in the file is damaged at '%.40s'", line);
        }
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (out->tasks > 0)
        return RK_OK;
    rk__schema_fini(out);
    return rk__fail(err, RK_EFORMAT, "the schema in the file is empty");
}
