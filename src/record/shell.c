/* The shell: all of a run file that never changes once it is made. HDF5's own structures, labels, coordinates, texts.
 *
 * It is what lies outside of the data sets that are written while the run goes on. A trailer behind the end of the
 * HDF5 file, which readers do not see, has the places of those data sets and the XXH3-128 of everything else. It is
 * checked before the HDF5 library looks at the file: a flipped bit in a name, a type or a layout would show other data,
 * or bring the library down.
 *
 *   trailer: places (begin and length, ascending), hash (two words); footer: "RKSHELL1", trailer's place, count, check
 */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/types.h"
#include "record/record_private.h"

enum { PIECE_BYTES = 1 << 18, REGIONS_MAX = 16 + 3 * RK__COLUMNS_MAX + 5 * RK_REDUCTIONS_MAX };

typedef struct region {
    uint64_t at, bytes;
} region;

typedef struct footer { /* the last bytes of the file */
    uint64_t magic, trailer_at, count;
    uint64_t check; /* XXH3-64 of the trailer, seeded with its place */
} footer;

static const uint64_t MAGIC = UINT64_C(0x314c4c4548534b52); /* "RKSHELL1" */

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
    RK_TRY(rk__alloc((void **)&r->list, REGIONS_MAX, sizeof *r->list, "places", err));
    add(r, record->records_at, 2 * schema->blocks * sizeof(rk__block_record));
    add(r, record->partials_at, 2 * schema->blocks * schema->partial_bytes);
    add(r, record->failures_at, (uint64_t)RK__FAILURES_MAX * RK__FAILURE_BYTES);
    add(r, record->sessions_at, (uint64_t)RK__SESSIONS_MAX * RK__SESSION_BYTES);
    add(r, record->hosts_at, record->hosts_at != 0 ? (uint64_t)RK__HOSTS_MAX * RK__HOST_BYTES : 0);
    add(r, record->marks_at, (uint64_t)RK__MARKS_MAX * RK__MARK_BYTES);
    add(r, record->finish_at, RK__FINISH_BYTES);
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

static rk_status hash_gaps(const rk__record *record, const regions *r, uint64_t end, XXH3_state_t *state, char *piece,
                           rk_error *err) {
    uint64_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        RK_TRY(hash_bytes(record, state, piece, at, r->list[i].at, err));
        at = r->list[i].at + r->list[i].bytes;
    }
    return hash_bytes(record, state, piece, at, end, err);
}

static rk_status hash_shell(const rk__record *record, const regions *r, uint64_t end, uint64_t hash[2], rk_error *err) {
    XXH3_state_t *state = XXH3_createState();
    char *piece = malloc(PIECE_BYTES);
    rk_status status = RK_OK;
    if (state == NULL || piece == NULL)
        status = rk__fail(err, RK_ENOMEM, "no memory for a checksum");
    if (status == RK_OK) {
        XXH3_128bits_reset_withSeed(state, r->count);
        status = hash_gaps(record, r, end, state, piece, err);
    }
    if (status == RK_OK) {
        XXH128_hash_t got = XXH3_128bits_digest(state);
        hash[0] = got.low64;
        hash[1] = got.high64;
    }
    free(piece);
    XXH3_freeState(state);
    return status;
}

static rk_status file_size(const rk__record *record, uint64_t *size, rk_error *err) {
    struct stat info;
    if (fstat(record->fd, &info) != 0)
        return rk__fail(err, RK_EIO, "%s: %s", record->path, rk__errno_text(errno));
    *size = (uint64_t)info.st_size;
    return RK_OK;
}

static rk_status damaged(const rk__record *record, rk_error *err) {
    return rk__fail(err, RK_ECORRUPT,
                    "%s is damaged outside of its rows: names, types, coordinates or its structure are not what they "
                    "were when it was made",
                    record->path);
}

static bool are_sound(const regions *r, uint64_t end) {
    uint64_t at = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->list[i].at < at || r->list[i].at > end || r->list[i].bytes > end - r->list[i].at)
            return false;
        at = r->list[i].at + r->list[i].bytes;
    }
    return true;
}

/* ---- making it ---- */

static rk_status write_trailer(rk__record *record, const regions *r, uint64_t end, rk_error *err) {
    size_t places = r->count * sizeof *r->list;
    uint64_t hash[2];
    rk__text bytes = RK__TEXT_INIT;
    RK_TRY(hash_shell(record, r, end, hash, err));
    rk__text_add_bytes(&bytes, (const char *)r->list, places);
    rk__text_add_bytes(&bytes, (const char *)hash, sizeof hash);
    footer last = {MAGIC, end, r->count, rk__hash64(rk__text_get(&bytes), bytes.length, end)};
    rk__text_add_bytes(&bytes, (const char *)&last, sizeof last);
    rk_status status = bytes.failed ? rk__fail(err, RK_ENOMEM, "no memory for the file's checksum")
                                    : rk__raw_write(record, rk__text_get(&bytes), bytes.length, end, err);
    rk__text_fini(&bytes);
    return status;
}

rk_status rk__shell_write(rk__record *record, rk_error *err) {
    regions r = {0};
    uint64_t size;
    RK_TRY(file_size(record, &size, err));
    rk_status status = find_regions(record, &r, err);
    if (status == RK_OK && !are_sound(&r, size))
        status = damaged(record, err);
    if (status == RK_OK)
        status = write_trailer(record, &r, size, err);
    free(r.list);
    return status;
}

/* ---- checking it ---- */

static rk_status check_trailer(const rk__record *record, const footer *last, rk_error *err) {
    size_t places = (size_t)last->count * sizeof(region), bytes = places + 16;
    uint64_t hash[2], wanted[2];
    regions r = {NULL, (size_t)last->count};
    RK_TRY(rk__alloc((void **)&r.list, 1, bytes, "places", err));
    rk_status status = rk__raw_read(record, r.list, bytes, last->trailer_at, err);
    if (status == RK_OK)
        memcpy(wanted, (const char *)r.list + places, sizeof wanted);
    if (status == RK_OK &&
        (rk__hash64(r.list, bytes, last->trailer_at) != last->check || !are_sound(&r, last->trailer_at)))
        status = damaged(record, err);
    if (status == RK_OK)
        status = hash_shell(record, &r, last->trailer_at, hash, err);
    if (status == RK_OK && memcmp(hash, wanted, sizeof hash) != 0)
        status = damaged(record, err);
    free(r.list);
    return status;
}

static bool read_footer(const rk__record *record, uint64_t *size, footer *last) {
    *last = (footer){0};
    return file_size(record, size, NULL) == RK_OK && *size >= sizeof *last &&
           rk__raw_read(record, last, sizeof *last, *size - sizeof *last, NULL) == RK_OK && last->magic == MAGIC;
}

static bool is_hdf5(const rk__record *record) {
    static const unsigned char begin[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    unsigned char magic[8] = {0};
    return rk__raw_read(record, magic, sizeof magic, 0, NULL) == RK_OK && memcmp(magic, begin, sizeof magic) == 0;
}

/* The file's title stands in its first attributes. */
static bool has_title(const char *bytes, size_t size) {
    static const char title[] = RK__TITLE_BEGIN;
    for (size_t i = 0; i + sizeof title <= size; i++)
        if (bytes[i] == title[0] && memcmp(bytes + i, title, sizeof title - 1) == 0)
            return true;
    return false;
}

bool rk__shell_is_lost(const rk__record *record) {
    uint64_t size;
    footer last;
    if (read_footer(record, &size, &last) || !is_hdf5(record))
        return false;
    size_t length = size < PIECE_BYTES ? (size_t)size : PIECE_BYTES;
    char *bytes = malloc(PIECE_BYTES);
    bool lost = bytes != NULL && rk__raw_read(record, bytes, length, 0, NULL) == RK_OK && has_title(bytes, length);
    free(bytes);
    return lost;
}

static rk_status no_trailer(const rk__record *record, rk_error *err) {
    if (rk__shell_is_lost(record))
        return rk__fail(
            err, RK_ECORRUPT,
            "%s has lost its seal: a program opened it for writing (as h5py does with mode 'r+' or 'a'), or "
            "it was cut short; 'rankine resume %s --repair' checks all of its blocks and seals it anew",
            record->path, record->path);
    return rk__fail(err, RK_EFORMAT, "%s is not a Rankine run file: %s", record->path,
                    is_hdf5(record) ? "it is another program's HDF5 file, or was cut short" : "it is not an HDF5 file");
}

rk_status rk__shell_check(const rk__record *record, rk_error *err) {
    uint64_t size;
    footer last;
    if (!read_footer(record, &size, &last))
        return no_trailer(record, err);
    if (last.count > REGIONS_MAX || last.trailer_at > size ||
        size - last.trailer_at != last.count * sizeof(region) + 16 + sizeof last)
        return damaged(record, err);
    return check_trailer(record, &last, err);
}
