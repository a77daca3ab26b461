#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "kernel/loader.h"
#include "record/record_private.h"

static void copy_text(char *to, size_t size, const char *from) {
    snprintf(to, size, "%s", from ? from : "");
}

/* ---- fill values ---- */

static bool store_integer(rk_type type, const char *text, unsigned char *fill) {
    int64_t i;
    uint64_t u;
    bool is_signed = type == RK_I8 || type == RK_I16 || type == RK_I32 || type == RK_I64;
    if (is_signed ? !rk__parse_i64(text, &i) : !rk__parse_u64(text, &u))
        return false;
    if (is_signed)
        u = (uint64_t)i;
    memcpy(fill, &u, rk__type_bytes(type)); /* little-endian, as the file is */
    return true;
}

static bool store_fill(rk_type type, const char *text, unsigned char *fill) {
    double value;
    if (!rk__type_is_float(type))
        return store_integer(type, text, fill);
    if (!rk__parse_f64(text, &value))
        return false;
    float single = (float)value;
    if (type == RK_F32)
        memcpy(fill, &single, sizeof single);
    else
        memcpy(fill, &value, sizeof value);
    return true;
}

static rk_status set_fill(rk__column *column, const rk_output *output, rk_error *err) {
    const char *text = output->fill ? output->fill : rk__type_is_float(column->type) ? "nan" : NULL;
    column->has_fill = text != NULL;
    if (text != NULL && !store_fill(column->type, text, column->fill))
        return rk__fail(err, RK_EINVAL, "output '%s': fill '%s' is no %s", column->name, text,
                        rk__type_name(column->type));
    return RK_OK;
}

/* ---- columns ---- */

static rk_status add_dimension(rk__column *column, const char *output, const char *name, const rk__space *space,
                               rk_error *err) {
    unsigned d = column->dim_count++;
    RK_TRY(rk__space_dimension(space, name, &column->dims[d].size, err));
    if (isdigit((unsigned char)name[0]))
        snprintf(column->dims[d].name, sizeof column->dims[d].name, "%.60s_dim%u", output, d);
    else
        copy_text(column->dims[d].name, sizeof column->dims[d].name, name);
    if (column->dims[d].size == 0)
        return rk__fail(err, RK_EINVAL, "output '%s': dimension '%s' is 0; it must be at least 1", column->name, name);
    if (!rk__mul_u64(column->elements, column->dims[d].size, &column->elements))
        return rk__fail(err, RK_EOVERFLOW, "output '%s': a row has more than 2^64 elements", column->name);
    return RK_OK;
}

static rk_status set_column(rk__column *column, const rk_output *output, uint32_t id, const rk__space *space,
                            rk_error *err) {
    *column = (rk__column){.type = output->type,
                           .id = id,
                           .keep = !output->drop,
                           .hashed = !output->drop && !output->measured,
                           .elements = 1,
                           .always = output->always};
    copy_text(column->name, sizeof column->name, output->name);
    copy_text(column->unit, sizeof column->unit, output->unit);
    copy_text(column->help, sizeof column->help, output->help);
    for (unsigned d = 0; output->is_row && d < RK_DIMS_MAX && output->shape[d] != NULL; d++)
        RK_TRY(add_dimension(column, output->name, output->shape[d], space, err));
    if (!rk__mul_u64(column->elements, rk__type_bytes(output->type), &column->row_bytes))
        return rk__fail(err, RK_EOVERFLOW, "output '%s': a row has more than 2^64 bytes", column->name);
    return set_fill(column, output, err);
}

static void set_counts(rk__column *column, const rk_output *output, uint32_t id) {
    *column = (rk__column){.type = RK_U64, .id = id, .keep = true, .elements = 1, .row_bytes = 8};
    column->hashed = !output->measured;
    column->always = output->always;
    column->varying = true;
    column->values.type = output->type;
    snprintf(column->name, sizeof column->name, "%s_count", output->name);
    copy_text(column->unit, sizeof column->unit, "1");
    snprintf(column->help, sizeof column->help, "number of values in %s", output->name);
    copy_text(column->values.name, sizeof column->values.name, output->name);
    copy_text(column->values.unit, sizeof column->values.unit, output->unit);
    copy_text(column->values.help, sizeof column->values.help, output->help);
}

static void add_status(rk__schema *schema) {
    bool keeps = false;
    for (size_t c = 0; c < schema->column_count; c++)
        keeps = keeps || schema->columns[c].keep;
    if (!keeps)
        return;
    rk__column *column = &schema->columns[schema->column_count++];
    *column = (rk__column){.type = RK_U8, .id = UINT32_MAX, .keep = true, .elements = 1, .row_bytes = 1};
    copy_text(column->name, sizeof column->name, "task_status");
    copy_text(column->unit, sizeof column->unit, "1");
    copy_text(column->help, sizeof column->help, "0 not computed, 1 done, 2 failed");
}

static rk_status add_fields(rk__schema *schema, const rk__reducer *reducer, rk_error *err) {
    size_t count;
    const rk__result_field *fields = rk__reducer_fields(reducer, &count);
    RK_TRY(rk__alloc((void **)&schema->fields, count, sizeof *fields, "reductions", err));
    schema->results_bytes = rk__reducer_results_bytes(reducer);
    for (size_t f = 0; f < count; f++) {
        schema->fields[f] = fields[f];
        schema->fields[f].unit = rk__strdup(fields[f].unit ? fields[f].unit : "");
        schema->fields[f].help = rk__strdup(fields[f].help ? fields[f].help : "");
        schema->field_count++;
    }
    return RK_OK;
}

/* ---- blocks ---- */

/* Fewer blocks than this would leave ranks idle: then the budget gives way, up to a limit. */
enum { BLOCKS_WANTED = 256 };
#define BOOKKEEPING_MAX (UINT64_C(4) << 30)
#define BLOCKS_LIMIT    (UINT64_C(1) << 31)

static uint64_t blocks_of(uint64_t tasks, unsigned log2) {
    return (tasks >> log2) + ((tasks & ((UINT64_C(1) << log2) - 1)) != 0);
}

static unsigned default_block(uint64_t tasks, size_t partial_bytes) {
    unsigned log2 = 0;
    for (;; log2++) {
        uint64_t blocks = blocks_of(tasks, log2), each = 2 * (sizeof(rk__block_record) + partial_bytes);
        uint64_t budget = blocks > BLOCKS_WANTED ? RK__BOOKKEEPING_BUDGET : BOOKKEEPING_MAX;
        if (blocks <= 1 || (blocks <= RK__DEFAULT_BLOCKS_MAX && blocks <= budget / each))
            return log2;
    }
}

static rk_status set_blocks(rk__schema *schema, uint64_t block_tasks, rk_error *err) {
    if (block_tasks == 0) {
        schema->block_log2 = default_block(schema->tasks, schema->partial_bytes);
    } else {
        if (block_tasks & (block_tasks - 1) || block_tasks > UINT64_C(1) << 56)
            return rk__fail(err, RK_EINVAL, "block of %llu tasks: must be a power of two, such as 32 or 64",
                            (unsigned long long)block_tasks);
        while (UINT64_C(1) << schema->block_log2 < block_tasks)
            schema->block_log2++;
    }
    schema->blocks = blocks_of(schema->tasks, schema->block_log2);
    if (schema->blocks > BLOCKS_LIMIT)
        return rk__fail(err, RK_EINVAL, "block of %llu tasks makes %llu blocks, more than 2^31; take larger blocks",
                        (unsigned long long)block_tasks, (unsigned long long)schema->blocks);
    return RK_OK;
}

static rk_status check_size(const rk__schema *schema, rk_error *err) {
    for (size_t c = 0; c < schema->column_count; c++) {
        uint64_t bytes;
        const rk__column *column = &schema->columns[c];
        if (column->keep && (!rk__mul_u64(schema->tasks, column->row_bytes, &bytes) || bytes > UINT64_C(1) << 60))
            return rk__fail(err, RK_EOVERFLOW, "output '%s': %llu rows of %llu bytes are more than a file can hold",
                            column->name, (unsigned long long)schema->tasks, (unsigned long long)column->row_bytes);
    }
    return RK_OK;
}

static rk_status fill_schema(rk__schema *schema, const rk_kernel *kernel, const rk__space *space,
                             const rk__reducer *reducer, uint64_t block_tasks, rk_error *err) {
    schema->tasks = space->tasks;
    schema->partial_bytes = rk__reducer_partial_bytes(reducer);
    for (size_t o = 0; o < rk__kernel_output_count(kernel); o++) {
        rk__column *column = &schema->columns[schema->column_count++];
        schema->varying += kernel->outputs[o].varying;
        if (kernel->outputs[o].varying)
            set_counts(column, &kernel->outputs[o], (uint32_t)o);
        else
            RK_TRY(set_column(column, &kernel->outputs[o], (uint32_t)o, space, err));
    }
    add_status(schema);
    RK_TRY(check_size(schema, err));
    RK_TRY(add_fields(schema, reducer, err));
    return set_blocks(schema, block_tasks, err);
}

rk_status rk__schema_create(rk__schema *out, const rk_kernel *kernel, const rk__space *space,
                            const rk__reducer *reducer, uint64_t block_tasks, rk_error *err) {
    *out = (rk__schema){.part = 1, .parts = 1};
    rk_status status = fill_schema(out, kernel, space, reducer, block_tasks, err);
    if (status != RK_OK)
        rk__schema_fini(out);
    return status;
}

void rk__schema_fini(rk__schema *schema) {
    for (size_t f = 0; f < schema->field_count; f++) {
        free((void *)(uintptr_t)schema->fields[f].unit);
        free((void *)(uintptr_t)schema->fields[f].help);
    }
    free(schema->fields);
    *schema = (rk__schema){0};
}

uint64_t rk__schema_file_bytes(const rk__schema *schema) {
    uint64_t bytes = (UINT64_C(128) << 10) + RK__FAILURES_MAX * RK__FAILURE_BYTES +
                     RK__SESSIONS_MAX * RK__SESSION_BYTES + RK__HOSTS_MAX * RK__HOST_BYTES +
                     RK__MARKS_MAX * RK__MARK_BYTES;
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep)
            bytes += schema->tasks * schema->columns[c].row_bytes;
    return bytes + schema->blocks * 2 * (sizeof(rk__block_record) + schema->partial_bytes) + schema->results_bytes;
}

void rk__schema_part(const rk__schema *schema, uint64_t *first_block, uint64_t *count) {
    uint64_t each = schema->blocks / schema->parts, rest = schema->blocks % schema->parts;
    uint64_t before = schema->part - 1;
    *first_block = each * before + (before < rest ? before : rest);
    *count = each + (before < rest);
}

uint64_t rk__schema_part_tasks(const rk__schema *schema) {
    uint64_t first, count;
    rk__schema_part(schema, &first, &count);
    uint64_t end = (first + count) << schema->block_log2;
    return (end < schema->tasks ? end : schema->tasks) - (first << schema->block_log2);
}

uint64_t rk__schema_block_tasks(const rk__schema *schema, uint64_t block) {
    uint64_t first = block << schema->block_log2, most = UINT64_C(1) << schema->block_log2;
    return schema->tasks - first < most ? schema->tasks - first : most;
}
