/* 128 bits that say what was computed, and nothing of where, when, or in which blocks. */
#include <xxhash.h>

#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "record/record_private.h"

static void describe(const rk__schema *schema, rk__text *text) {
    rk__text_add(text, "rankine-digest 1\ntasks %llu\n", (unsigned long long)schema->tasks);
    for (size_t c = 0; c < schema->column_count; c++) {
        const rk__column *column = &schema->columns[c];
        if (!column->hashed)
            continue;
        rk__text_add(text, "output %s %s", column->name, rk__type_name(column->type));
        if (column->varying)
            rk__text_add(text, " of %s", rk__type_name(column->values.type));
        for (unsigned d = 0; d < column->dim_count; d++)
            rk__text_add(text, " %llu", (unsigned long long)column->dims[d].size);
        rk__text_add(text, "\n");
    }
    for (size_t f = 0; f < schema->field_count; f++)
        rk__text_add(text, "reduction %s %s %llu\n", schema->fields[f].name, rk__type_name(schema->fields[f].type),
                     (unsigned long long)schema->fields[f].count);
}

rk_status rk__record_digest(rk__record *record, uint64_t digest[2], rk_error *err) {
    rk__totals totals;
    rk__text text = RK__TEXT_INIT;
    void *results;
    RK_TRY(rk__alloc(&results, 1, record->schema.results_bytes, "results", err));
    rk_status status = rk__record_read_results(record, results, err);
    if (status == RK_OK)
        status = rk__record_scan(record, NULL, &totals, err);
    if (status == RK_OK && totals.blocks_done != record->schema.blocks)
        status = rk__fail(err, RK_ECORRUPT,
                          "%s is damaged: %llu records of %llu blocks are gone; mend it by: rankine "
                          "resume %s --repair",
                          record->path, (unsigned long long)(record->schema.blocks - totals.blocks_done),
                          (unsigned long long)record->schema.blocks, record->path);
    if (status == RK_OK) {
        describe(&record->schema, &text);
        rk__text_add_bytes(&text, (const char *)totals.checksum, sizeof totals.checksum);
        rk__text_add_bytes(&text, results, record->schema.results_bytes);
        XXH128_hash_t hash = XXH3_128bits(rk__text_get(&text), text.length);
        digest[0] = hash.low64;
        digest[1] = hash.high64;
        if (text.failed)
            status = rk__fail(err, RK_ENOMEM, "no memory for the digest");
    }
    rk__text_fini(&text);
    free(results);
    return status;
}
