/* Blocks of one file into another: rows, partial, record, failures, in the order of a commit. */
#include <stdlib.h>
#include <string.h>

#include "record/log_private.h"

#define PIECE_BYTES (UINT64_C(1) << 20)

typedef struct copying {
    rk__record *to, *from;
    rk__copy_report *report;
    rk__checker *checker;
    unsigned char *piece;
    void *partial;
    rk__values *values; /* of varying outputs; NULL: there are none */
    rk__log *log;
    uint32_t owner; /* of the copied records: the number of the log */
} copying;

static rk_status copy_bytes(copying *c, uint64_t from, uint64_t to, uint64_t bytes, rk_error *err) {
    for (uint64_t done = 0; done < bytes;) {
        size_t size = (size_t)(bytes - done < PIECE_BYTES ? bytes - done : PIECE_BYTES);
        RK_TRY(rk__raw_read(c->from, c->piece, size, from + done, err));
        RK_TRY(rk__raw_write(c->to, c->piece, size, to + done, err));
        done += size;
    }
    return RK_OK;
}

static rk_status copy_rows(copying *c, uint64_t block, rk_error *err) {
    const rk__schema *schema = &c->from->schema;
    uint64_t first = block << schema->block_log2, tasks = rk__schema_block_tasks(schema, block);
    for (size_t k = 0; k < schema->column_count; k++) {
        uint64_t bytes = schema->columns[k].row_bytes;
        if (schema->columns[k].keep)
            RK_TRY(copy_bytes(c, c->from->column_at[k] + first * bytes, c->to->column_at[k] + first * bytes,
                              tasks * bytes, err));
    }
    return RK_OK;
}

static rk_status log_values(void *ctx, uint64_t task, size_t column, const void *bytes, size_t size, rk_error *err) {
    return rk__log_add(((copying *)ctx)->log, task, column, bytes, size, err);
}

static rk_status copy_values(copying *c, uint64_t block, const rk__block_record *entry, rk_error *err) {
    if (c->log == NULL)
        return RK_OK;
    rk__log_begin(c->log, block);
    RK_TRY(rk__values_block(c->values, block, entry, log_values, c, err));
    RK_TRY(rk__log_end(c->log, err));
    return rk__log_flush(c->log, err);
}

/* Session 0: older than the first, which settles it as any other, and syncs before it vouches for it. */
static rk_status commit_copy(copying *c, uint64_t block, const rk__block_record *entry, rk_error *err) {
    size_t bytes = c->from->schema.partial_bytes;
    rk__block_record sealed = *entry;
    sealed.generation = 1;
    sealed.session = 0;
    sealed.owner = c->owner;
    sealed.epoch = 0;
    if (bytes > 0)
        RK_TRY(rk__raw_write(c->to, c->partial, bytes, rk__partial_at(c->to, 0, block), err));
    rk__block_seal(c->to, block, &sealed);
    RK_TRY(rk__raw_write(c->to, &sealed, sizeof sealed, rk__record_at(c->to, 0, block), err));
    c->report->blocks++;
    c->report->tasks += rk__schema_block_tasks(&c->from->schema, block);
    return RK_OK;
}

static rk_status compare(copying *c, uint64_t block, const rk__block_record *entry, const rk__block_record *there,
                         rk_error *err) {
    c->report->blocks_there++;
    if (memcmp(entry->checksum, there->checksum, sizeof entry->checksum) == 0 &&
        entry->partial_check == there->partial_check)
        return RK_OK;
    return rk__fail(err, RK_EMISMATCH,
                    "%s has other results for block %llu than another part: the kernel does not give the same bits "
                    "every time",
                    c->from->path, (unsigned long long)block);
}

static rk_status copy_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    copying *c = ctx;
    rk__block_record there;
    bool sound;
    uint64_t first, count;
    rk__schema_part(&c->to->schema, &first, &count);
    if (block - first >= count || block >= c->to->schema.blocks ||
        rk__schema_block_tasks(&c->to->schema, block) != rk__schema_block_tasks(&c->from->schema, block))
        return RK_OK;
    if (rk__record_block(c->to, block, &there))
        return compare(c, block, entry, &there, err);
    RK_TRY(rk__checker_block(c->checker, block, slot, entry, &sound, err));
    c->report->blocks_damaged += !sound;
    if (!sound)
        return RK_OK;
    RK_TRY(copy_rows(c, block, err));
    RK_TRY(copy_values(c, block, entry, err));
    if (c->from->schema.partial_bytes > 0)
        RK_TRY(rk__record_read_partial(c->from, block, slot, entry, c->partial, err));
    return commit_copy(c, block, entry, err);
}

/* All of them: an entry whose block was not copied does not count. */
static rk_status copy_failures(copying *c, rk_error *err) {
    rk__failure *failures;
    size_t count;
    uint64_t base;
    RK_TRY(rk__record_failure_base(c->to, &base, err));
    RK_TRY(rk__record_read_failures(c->from, &failures, &count, err));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < count; i++)
        status = rk__record_write_failure(c->to, base + i, 0, &failures[i], err);
    free(failures);
    return status == RK_OK ? rk__failures_inherit(c->to, c->from, err) : status;
}

static rk_status copy_all(copying *c, rk_error *err) {
    RK_TRY(rk__checker_create(&c->checker, c->from, err));
    RK_TRY(rk__alloc((void **)&c->piece, 1, PIECE_BYTES, "rows", err));
    RK_TRY(rk__alloc(&c->partial, 1, c->from->schema.partial_bytes, "partial", err));
    if (c->from->schema.varying > 0) {
        RK_TRY(rk__values_open(&c->values, c->from, err));
        RK_TRY(rk__log_create(&c->log, c->to, 0, c->owner, err));
    }
    RK_TRY(copy_failures(c, err));
    return rk__blocks_walk(c->from, copy_block, c, err);
}

rk_status rk__record_copy(rk__record *to, rk__record *from, uint32_t number, rk__copy_report *report, rk_error *err) {
    copying c = {.to = to, .from = from, .report = report, .owner = number};
    *report = (rk__copy_report){0};
    rk_status status = copy_all(&c, err);
    rk__checker_destroy(c.checker);
    rk__values_close(c.values);
    rk__log_destroy(c.log);
    free(c.piece);
    free(c.partial);
    return status;
}
