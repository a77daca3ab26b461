/* The shell: all of a run file that never changes once it is made. HDF5's own structures, labels, coordinates, texts.
 *
 * It is what lies outside of the data sets that are written while the run goes on. Its XXH3-128 is put into
 * /rankine/shell when the file is made; a flipped bit in a name, a type or a layout is found by it. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/types.h"
#include "record/record_private.h"

enum { PIECE_BYTES = 1 << 18, REGIONS_MAX = 16 + 3 * RK__COLUMNS_MAX };

typedef struct region {
    uint64_t at, bytes;
} region;

typedef struct regions {
    region *list;
    size_t count;
} regions;

static void add(regions *r, uint64_t at, uint64_t bytes) {
    if (bytes > 0)
        r->list[r->count++] = (region){at, bytes};
}

static void add_columns(regions *r, const rk__record *record) {
    const rk__schema *schema = &record->schema;
    for (size_t c = 0; c < schema->column_count; c++) {
        const rk__column *column = &schema->columns[c];
        if (column->keep)
            add(r, record->column_at[c], schema->tasks * column->row_bytes);
        if (schema->folded && column->varying) {
            add(r, record->start_at[c], 8 * schema->tasks);
            add(r, record->values_at[c], record->values_count[c] * rk__type_bytes(column->values.type));
        }
    }
}

static int by_place(const void *a, const void *b) {
    uint64_t left = ((const region *)a)->at, right = ((const region *)b)->at;
    return left < right ? -1 : left > right;
}

/* What changes, in the order of the file. */
static rk_status find_regions(const rk__record *record, regions *r, rk_error *err) {
    const rk__schema *schema = &record->schema;
    RK_TRY(rk__alloc((void **)&r->list, REGIONS_MAX + schema->field_count, sizeof *r->list, "places", err));
    add(r, record->records_at, 2 * schema->blocks * sizeof(rk__block_record));
    add(r, record->partials_at, 2 * schema->blocks * schema->partial_bytes);
    add(r, record->failures_at, (uint64_t)RK__FAILURES_MAX * RK__FAILURE_BYTES);
    add(r, record->sessions_at, (uint64_t)RK__SESSIONS_MAX * RK__SESSION_BYTES);
    add(r, record->marks_at, (uint64_t)RK__MARKS_MAX * RK__MARK_BYTES);
    add(r, record->finish_at, RK__FINISH_BYTES);
    add(r, record->shell_at, RK__SHELL_BYTES);
    add_columns(r, record);
    for (size_t f = 0; f < schema->field_count; f++)
        add(r, record->field_at[f], schema->fields[f].count * rk__type_bytes(schema->fields[f].type));
    qsort(r->list, r->count, sizeof *r->list, by_place);
    return RK_OK;
}

static rk_status hash_bytes(const rk__record *record, XXH3_state_t *state, char *piece, uint64_t at, uint64_t end,
                            rk_error *err) {
    for (uint64_t size; at < end; at += size) {
        size = end - at < PIECE_BYTES ? end - at : PIECE_BYTES;
        RK_TRY(rk__raw_read(record, piece, (size_t)size, at, err));
        XXH3_128bits_update(state, piece, (size_t)size);
    }
    return RK_OK;
}

static rk_status hash_gaps(const rk__record *record, const regions *r, XXH3_state_t *state, rk_error *err) {
    struct stat info;
    uint64_t at = 0;
    char *piece;
    if (fstat(record->fd, &info) != 0)
        return rk__fail(err, RK_EIO, "%s: %s", record->path, rk__errno_text(errno));
    RK_TRY(rk__alloc((void **)&piece, 1, PIECE_BYTES, "piece of a file", err));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < r->count; i++) {
        if (r->list[i].at > at)
            status = hash_bytes(record, state, piece, at, r->list[i].at, err);
        if (r->list[i].at + r->list[i].bytes > at)
            at = r->list[i].at + r->list[i].bytes;
    }
    if (status == RK_OK)
        status = hash_bytes(record, state, piece, at, (uint64_t)info.st_size, err);
    free(piece);
    return status;
}

static rk_status hash_shell(const rk__record *record, uint64_t hash[2], rk_error *err) {
    regions r = {0};
    XXH3_state_t *state = XXH3_createState();
    rk_status status = state ? find_regions(record, &r, err) : rk__fail(err, RK_ENOMEM, "no memory for a checksum");
    if (status == RK_OK) {
        XXH3_128bits_reset_withSeed(state, record->nonce[0]);
        status = hash_gaps(record, &r, state, err);
    }
    if (status == RK_OK) {
        XXH128_hash_t got = XXH3_128bits_digest(state);
        hash[0] = got.low64;
        hash[1] = got.high64;
    }
    free(r.list);
    XXH3_freeState(state);
    return status;
}

rk_status rk__shell_write(rk__record *record, rk_error *err) {
    uint64_t hash[2];
    RK_TRY(hash_shell(record, hash, err));
    return rk__raw_write(record, hash, sizeof hash, record->shell_at, err);
}

rk_status rk__record_check_shell(rk__record *record, bool *sound, rk_error *err) {
    uint64_t hash[2], wanted[2];
    RK_TRY(rk__raw_read(record, wanted, sizeof wanted, record->shell_at, err));
    RK_TRY(hash_shell(record, hash, err));
    *sound = memcmp(hash, wanted, sizeof hash) == 0;
    return RK_OK;
}
