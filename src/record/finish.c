/* The end of a run: results, and the entry that vouches for them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/types.h"
#include "record/record_private.h"

typedef struct finish_entry {
    uint64_t check, complete, results_check, end_ns, reserved[4];
} finish_entry;

_Static_assert(sizeof(finish_entry) == RK__FINISH_BYTES, "as the data set");

static uint64_t check_of(const rk__record *record, const finish_entry *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[1] ^ 0xf1);
}

/* Writing to a file without a name is computing for nothing. */
static rk_status check_name(const rk__record *record, rk_error *err) {
    struct stat ours, there;
    if (fstat(record->fd, &ours) != 0 || stat(record->path, &there) != 0)
        return rk__fail(err, RK_EIO, "%s is gone: it, or its directory, was removed while the run went on",
                        record->path);
    if (ours.st_ino != there.st_ino || ours.st_dev != there.st_dev)
        return rk__fail(err, RK_EIO, "%s was replaced by another file while the run went on", record->path);
    return RK_OK;
}

rk_status rk__record_sync(rk__record *record, rk_error *err) {
    if (record->port.move != NULL)
        return RK_OK;
    if (fsync(record->fd) != 0)
        return rk__fail(err, RK_EIO, "%s: syncing: %s", record->path, rk__errno_text(errno));
    return check_name(record, err);
}

static size_t field_bytes(const rk__result_field *field) {
    return (size_t)field->count * rk__type_bytes(field->type);
}

rk_status rk__record_finish(rk__record *record, const void *results, rk_error *err) {
    const rk__schema *schema = &record->schema;
    finish_entry entry = {.complete = 1, .end_ns = rk__wall_ns()};
    RK_TRY(rk__record_sync(record, err));
    for (size_t f = 0; f < schema->field_count; f++)
        RK_TRY(rk__raw_write(record, (const char *)results + schema->fields[f].offset, field_bytes(&schema->fields[f]),
                             record->field_at[f], err));
    RK_TRY(rk__record_sync(record, err));
    entry.results_check = rk__hash64(results, schema->results_bytes, 0);
    entry.check = check_of(record, &entry);
    RK_TRY(rk__raw_write(record, &entry, sizeof entry, record->finish_at, err));
    return rk__record_sync(record, err);
}

rk_status rk__record_unfinish(rk__record *record, rk_error *err) {
    static const finish_entry none;
    RK_TRY(rk__raw_write(record, &none, sizeof none, record->finish_at, err));
    return rk__record_sync(record, err);
}

static rk_status read_fields(rk__record *record, void *results, rk_error *err) {
    const rk__schema *schema = &record->schema;
    memset(results, 0, schema->results_bytes);
    for (size_t f = 0; f < schema->field_count; f++)
        RK_TRY(rk__raw_read(record, (char *)results + schema->fields[f].offset, field_bytes(&schema->fields[f]),
                            record->field_at[f], err));
    return RK_OK;
}

rk_status rk__record_compare_results(rk__record *record, const void *results, bool *wrong, rk_error *err) {
    const rk__schema *schema = &record->schema;
    char *there;
    RK_TRY(rk__alloc((void **)&there, 1, schema->results_bytes, "results", err));
    rk_status status = read_fields(record, there, err);
    for (size_t f = 0; status == RK_OK && f < schema->field_count; f++) {
        size_t at = schema->fields[f].offset;
        wrong[f] = memcmp(there + at, (const char *)results + at, field_bytes(&schema->fields[f])) != 0;
    }
    free(there);
    return status;
}

rk_status rk__record_read_results(rk__record *record, void *results, rk_error *err) {
    const rk__schema *schema = &record->schema;
    finish_entry entry;
    RK_TRY(rk__raw_read(record, &entry, sizeof entry, record->finish_at, err));
    if (schema->parts > 1)
        return rk__fail(err, RK_EINTERRUPTED, "%s is part %u of %u of a run; join the parts with: rankine merge",
                        record->path, schema->part, schema->parts);
    if (entry.check == 0 || entry.check != check_of(record, &entry) || !entry.complete)
        return rk__fail(err, RK_EINTERRUPTED, "%s is not complete; go on with: rankine resume %s", record->path,
                        record->path);
    RK_TRY(read_fields(record, results, err));
    if (rk__hash64(results, schema->results_bytes, 0) != entry.results_check)
        return rk__fail(err, RK_ECORRUPT, "%s: the reductions are damaged", record->path);
    return RK_OK;
}
