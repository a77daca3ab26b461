/* At the end: the values of all logs in task order, in a new file that takes the place of the old.
 *
 * The old file is complete and stays as it is, with its logs, until the new one is whole, synced and renamed over it; a
 * kill in between leaves the old one, and the next resume folds. Everything but the values is copied byte by byte:
 * the nonce is the same, so that records vouch for the same rows. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/types.h"
#include "record/log_private.h"

#define PIECE_BYTES (UINT64_C(1) << 20)

/* Values of one column on their way into the new file. */
typedef struct lane {
    uint64_t written; /* bytes */
    char *buffer;     /* PIECE_BYTES */
    size_t used;
    uint64_t *starts; /* of the tasks of a block */
    uint64_t *given;  /* bytes that each of them has brought */
    uint64_t *counts; /* what its row says */
} lane;

typedef struct folding {
    rk__record *from, *to;
    rk__values *values;
    lane lanes[RK__COLUMNS_MAX];
    uint8_t *states;
    uint64_t status_at, first, tasks; /* the block at hand */
    char *piece;
} folding;

/* ---- how many values are there? ---- */

static rk_status count_values(rk__record *record, size_t column, char *piece, uint64_t *total, rk_error *err) {
    uint64_t left = record->schema.tasks, at = record->column_at[column], count;
    *total = 0;
    for (; left > 0; left -= count, at += 8 * count) {
        count = left < PIECE_BYTES / 8 ? left : PIECE_BYTES / 8;
        RK_TRY(rk__raw_read(record, piece, (size_t)(8 * count), at, err));
        for (uint64_t i = 0; i < count; i++) {
            uint64_t values;
            memcpy(&values, piece + 8 * i, sizeof values);
            if (!rk__add_u64(*total, values, total) || *total > UINT64_C(1) << 60)
                return rk__fail(err, RK_ECORRUPT, "%s: the counts in '%s' are damaged", record->path,
                                record->schema.columns[column].name);
        }
    }
    return RK_OK;
}

rk_status rk__record_count_values(rk__record *record, size_t column, uint64_t *total, rk_error *err) {
    char *piece;
    RK_TRY(rk__alloc((void **)&piece, 1, PIECE_BYTES, "counts", err));
    rk_status status = count_values(record, column, piece, total, err);
    free(piece);
    return status;
}

/* ---- copying what stays ---- */

static rk_status copy_bytes(folding *f, uint64_t from, uint64_t to, uint64_t bytes, rk_error *err) {
    for (uint64_t done = 0, size; done < bytes; done += size) {
        size = bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES;
        RK_TRY(rk__raw_read(f->from, f->piece, (size_t)size, from + done, err));
        RK_TRY(rk__raw_write(f->to, f->piece, (size_t)size, to + done, err));
    }
    return RK_OK;
}

static rk_status copy_tables(folding *f, rk_error *err) {
    const rk__record *from = f->from, *to = f->to;
    const rk__schema *schema = &from->schema;
    const uint64_t tables[][3] = {
        {from->records_at, to->records_at, 2 * schema->blocks * sizeof(rk__block_record)},
        {from->partials_at, to->partials_at, 2 * schema->blocks * schema->partial_bytes},
        {from->failures_at, to->failures_at, (uint64_t)RK__FAILURES_MAX * RK__FAILURE_BYTES},
        {from->sessions_at, to->sessions_at, (uint64_t)RK__SESSIONS_MAX * RK__SESSION_BYTES},
        {from->hosts_at, to->hosts_at, from->hosts_at != 0 ? (uint64_t)RK__HOSTS_MAX * RK__HOST_BYTES : 0},
        {from->marks_at, to->marks_at, (uint64_t)RK__MARKS_MAX * RK__MARK_BYTES},
        {from->finish_at, to->finish_at, RK__FINISH_BYTES},
    };
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        RK_TRY(copy_bytes(f, tables[i][0], tables[i][1], tables[i][2], err));
    for (size_t k = 0; k < schema->field_count; k++)
        RK_TRY(copy_bytes(f, from->field_at[k], to->field_at[k],
                          schema->fields[k].count * rk__type_bytes(schema->fields[k].type), err));
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep)
            RK_TRY(
                copy_bytes(f, from->column_at[c], to->column_at[c], schema->tasks * schema->columns[c].row_bytes, err));
    return RK_OK;
}

/* ---- values ---- */

static rk_status write_lane(folding *f, size_t column, rk_error *err) {
    lane *l = &f->lanes[column];
    RK_TRY(rk__raw_write(f->to, l->buffer, l->used, f->to->values_at[column] + l->written, err));
    l->written += l->used;
    l->used = 0;
    return RK_OK;
}

/* Do the values of this task of the block count? */
static bool is_kept(const folding *f, size_t column, uint64_t i) {
    return f->states[i] == RK__TASK_OK || f->from->schema.columns[column].always;
}

static rk_status take_values(void *ctx, uint64_t task, size_t column, const void *bytes, size_t size, rk_error *err) {
    folding *f = ctx;
    lane *l = &f->lanes[column];
    if (!is_kept(f, column, task - f->first))
        return RK_OK;
    l->given[task - f->first] += size;
    for (size_t done = 0, piece; done < size; done += piece) {
        piece = size - done < PIECE_BYTES - l->used ? size - done : PIECE_BYTES - l->used;
        memcpy(l->buffer + l->used, (const char *)bytes + done, piece);
        l->used += piece;
        if (l->used == PIECE_BYTES)
            RK_TRY(write_lane(f, column, err));
    }
    return RK_OK;
}

static rk_status missing(const folding *f, uint64_t task, size_t column, rk_error *err) {
    return rk__fail(
        err, RK_ECORRUPT,
        "%s: the logs do not have all values of task %llu for '%s'; 'rankine resume --repair' computes what "
        "is damaged again",
        f->from->path, (unsigned long long)task, f->from->schema.columns[column].values.name);
}

/* Starts follow from counts; what came must be what was counted. */
static rk_status end_block(folding *f, size_t column, uint64_t *next, rk_error *err) {
    lane *l = &f->lanes[column];
    uint64_t width = rk__type_bytes(f->from->schema.columns[column].values.type);
    for (uint64_t i = 0; i < f->tasks; i++) {
        uint64_t count = is_kept(f, column, i) ? l->counts[i] : 0;
        if (l->given[i] != count * width)
            return missing(f, f->first + i, column, err);
        l->starts[i] = *next;
        *next += count;
    }
    return rk__raw_write(f->to, l->starts, (size_t)(8 * f->tasks), f->to->start_at[column] + 8 * f->first, err);
}

static rk_status begin_block(folding *f, uint64_t block, rk_error *err) {
    const rk__schema *schema = &f->from->schema;
    f->first = block << schema->block_log2;
    f->tasks = rk__schema_block_tasks(schema, block);
    RK_TRY(rk__raw_read(f->from, f->states, (size_t)f->tasks, f->status_at + f->first, err));
    for (size_t c = 0; c < schema->column_count; c++) {
        if (!schema->columns[c].varying)
            continue;
        memset(f->lanes[c].given, 0, (size_t)(8 * f->tasks));
        RK_TRY(rk__raw_read(f->from, f->lanes[c].counts, (size_t)(8 * f->tasks), f->from->column_at[c] + 8 * f->first,
                            err));
    }
    return RK_OK;
}

typedef struct walk {
    folding *f;
    uint64_t next[RK__COLUMNS_MAX]; /* values so far */
} walk;

static rk_status fold_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    walk *w = ctx;
    folding *f = w->f;
    (void)slot;
    RK_TRY(begin_block(f, block, err));
    RK_TRY(rk__values_block(f->values, block, entry, take_values, f, err));
    for (size_t c = 0; c < f->from->schema.column_count; c++)
        if (f->from->schema.columns[c].varying)
            RK_TRY(end_block(f, c, &w->next[c], err));
    return RK_OK;
}

static rk_status allocate_lanes(folding *f, rk_error *err) {
    const rk__schema *schema = &f->from->schema;
    size_t block =
        (size_t)(schema->tasks < UINT64_C(1) << schema->block_log2 ? schema->tasks : UINT64_C(1) << schema->block_log2);
    for (size_t c = 0; c < schema->column_count; c++) {
        lane *l = &f->lanes[c];
        if (schema->columns[c].id == UINT32_MAX)
            f->status_at = f->from->column_at[c];
        if (!schema->columns[c].varying)
            continue;
        RK_TRY(rk__alloc((void **)&l->buffer, 1, PIECE_BYTES, "values", err));
        RK_TRY(rk__alloc((void **)&l->starts, 3 * block, sizeof *l->starts, "places of values", err));
        l->given = l->starts + block;
        l->counts = l->given + block;
    }
    return rk__alloc((void **)&f->states, block, 1, "task states", err);
}

static rk_status fold_all(folding *f, rk_error *err) {
    walk w = {.f = f};
    RK_TRY(allocate_lanes(f, err));
    RK_TRY(rk__values_open(&f->values, f->from, err));
    RK_TRY(rk__blocks_walk(f->from, fold_block, &w, err));
    for (size_t c = 0; c < f->from->schema.column_count; c++)
        if (f->from->schema.columns[c].varying)
            RK_TRY(write_lane(f, c, err));
    return RK_OK;
}

/* ---- the new file ---- */

static rk_status claim(const char *path, rk_error *err) {
    char directory[RK__BESIDE_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(directory, sizeof directory, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    RK_TRY(rk__name_claim(path, directory, err));
    return chmod(path, 0600) == 0 ? RK_OK : rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
}

/* As the old one's. Only root gives files away: others keep the group, where it is one of theirs. */
static rk_status keep_permissions(const folding *f, rk_error *err) {
    struct stat old;
    if (fstat(f->from->fd, &old) == 0) {
        if (fchown(f->to->fd, old.st_uid, old.st_gid) != 0 && fchown(f->to->fd, (uid_t)-1, old.st_gid) != 0)
            old.st_mode &= ~(mode_t)S_IRWXG; /* of another group than was meant */
        if (fchmod(f->to->fd, old.st_mode & 07777) == 0)
            return RK_OK;
    }
    return rk__fail(err, RK_EIO, "%s: its permissions: %s", f->to->path, rk__errno_text(errno));
}

static rk_status make_file(folding *f, const rk__space *space, const char *path, rk_error *err) {
    rk__schema schema = f->from->schema;
    schema.folded = true;
    for (size_t c = 0; c < schema.column_count; c++)
        if (schema.columns[c].varying)
            RK_TRY(count_values(f->from, c, f->piece, &schema.columns[c].values.count, err));
    rk__contents contents = {
        &schema, space, &f->from->identity, f->from->provenance, {f->from->nonce[0], f->from->nonce[1]}};
    RK_TRY(claim(path, err));
    RK_TRY(rk__contents_write(&contents, path, err));
    RK_TRY(rk__record_open_unsealed(&f->to, path, err));
    return rk__shell_write(f->to, err);
}

static rk_status fill_file(folding *f, const rk__space *space, const char *path, rk_error *err) {
    RK_TRY(rk__alloc((void **)&f->piece, 1, PIECE_BYTES, "rows", err));
    RK_TRY(make_file(f, space, path, err));
    RK_TRY(copy_tables(f, err));
    RK_TRY(fold_all(f, err));
    RK_TRY(keep_permissions(f, err));
    return rk__record_sync(f->to, err);
}

static void folding_fini(folding *f) {
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++) {
        free(f->lanes[c].buffer);
        free(f->lanes[c].starts);
    }
    rk__values_close(f->values);
    rk__record_close(f->to);
    free(f->states);
    free(f->piece);
}

static rk_status replace(rk__record **record, const char *temporary, rk_error *err) {
    rk__record *folded;
    if (rename(temporary, (*record)->path) != 0)
        return rk__fail(err, RK_EIO, "%s: %s", (*record)->path, rk__errno_text(errno));
    RK_TRY(rk__directory_sync((*record)->path, err));
    RK_TRY(rk__record_open(&folded, (*record)->path, true, err));
    rk__logs_remove(folded->path);
    rk__record_close(*record);
    *record = folded;
    return RK_OK;
}

bool rk__record_is_whole(const rk__record *record) {
    return record->schema.varying == 0 || (record->schema.folded && !rk__logs_exist(record));
}

/* Nothing is in logs, and the places fit the counts, also of blocks that were computed again and gave nothing. */
static rk_status is_folded(rk__record *record, bool *folded, rk_error *err) {
    *folded = record->schema.folded && !rk__logs_exist(record);
    return *folded ? rk__values_check_starts(record, 0, record->schema.tasks, folded, err) : RK_OK;
}

rk_status rk__record_fold_values(rk__record **record, const rk__space *space, rk_error *err) {
    char temporary[RK__BESIDE_MAX];
    bool folded;
    if ((*record)->schema.varying == 0)
        return RK_OK;
    RK_TRY(is_folded(*record, &folded, err));
    if (folded)
        return RK_OK;
    folding f = {.from = *record};
    rk__path_beside((*record)->path, "tmp", temporary);
    rk_status status = fill_file(&f, space, temporary, err);
    folding_fini(&f);
    if (status == RK_OK)
        status = replace(record, temporary, err);
    if (status != RK_OK)
        unlink(temporary);
    return status;
}
