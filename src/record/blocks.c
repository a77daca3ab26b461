#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "record/record_private.h"

enum { WALK_BLOCKS = 8192 }; /* records of so many blocks are read at once: 2 x 512 KiB */

uint64_t rk__record_at(const rk__record *record, unsigned slot, uint64_t block) {
    return record->records_at + (slot * record->schema.blocks + block) * sizeof(rk__block_record);
}

uint64_t rk__partial_at(const rk__record *record, unsigned slot, uint64_t block) {
    return record->partials_at + (slot * record->schema.blocks + block) * record->schema.partial_bytes;
}

/* The seed ties a record to its file and its place: an old sector of another file does not pass. */
static uint64_t check_of(const rk__record *record, uint64_t block, const rk__block_record *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[0] ^ (block + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

void rk__block_seal(const rk__record *record, uint64_t block, rk__block_record *entry) {
    entry->check = check_of(record, block, entry);
}

bool rk__block_is_valid(const rk__record *record, uint64_t block, const rk__block_record *entry) {
    return entry->generation != 0 && entry->check == check_of(record, block, entry);
}

int rk__block_winner(const rk__record *record, uint64_t block, const rk__block_record *first,
                     const rk__block_record *second) {
    bool a = rk__block_is_valid(record, block, first), b = rk__block_is_valid(record, block, second);
    if (a && b)
        return second->generation > first->generation;
    return a ? 0 : b ? 1 : -1;
}

bool rk__block_is_open(const rk__block_record *entry) {
    return entry->owner == RK__OWNER_NOBODY;
}

rk_status rk__block_reopen(rk__record *record, uint64_t block, unsigned slot, const rk__block_record *entry,
                           rk_error *err) {
    rk__block_record open = {.generation = entry->generation + 1, .owner = RK__OWNER_NOBODY};
    rk__block_seal(record, block, &open);
    return rk__raw_write(record, &open, sizeof open, rk__record_at(record, !slot, block), err);
}

bool rk__record_block(rk__record *record, uint64_t block, rk__block_record *out) {
    rk__block_record slots[2];
    if (block >= record->schema.blocks)
        return false;
    for (unsigned s = 0; s < 2; s++)
        if (rk__raw_read(record, &slots[s], sizeof slots[s], rk__record_at(record, s, block), NULL) != RK_OK)
            return false;
    int winner = rk__block_winner(record, block, &slots[0], &slots[1]);
    if (winner < 0 || rk__block_is_open(&slots[winner]))
        return false;
    *out = slots[winner];
    return true;
}

rk_status rk__record_read_row(rk__record *record, size_t column, uint64_t task, void *row, rk_error *err) {
    uint64_t bytes = record->schema.columns[column].row_bytes;
    return rk__raw_read(record, row, (size_t)bytes, record->column_at[column] + task * bytes, err);
}

static rk_status walk_piece(rk__record *record, uint64_t first, uint64_t count, rk__block_record *slots[2],
                            rk__block_fn visit, void *ctx, rk_error *err) {
    for (unsigned s = 0; s < 2; s++)
        RK_TRY(rk__raw_read(record, slots[s], count * sizeof *slots[s], rk__record_at(record, s, first), err));
    for (uint64_t i = 0; i < count; i++) {
        int winner = rk__block_winner(record, first + i, &slots[0][i], &slots[1][i]);
        if (winner >= 0 && !rk__block_is_open(&slots[winner][i]))
            RK_TRY(visit(ctx, first + i, (unsigned)winner, &slots[winner][i], err));
    }
    return RK_OK;
}

rk_status rk__blocks_walk(rk__record *record, rk__block_fn visit, void *ctx, rk_error *err) {
    rk__block_record *memory, *slots[2];
    RK_TRY(rk__alloc((void **)&memory, 2 * WALK_BLOCKS, sizeof *memory, "records of blocks", err));
    slots[0] = memory;
    slots[1] = memory + WALK_BLOCKS;
    rk_status status = RK_OK;
    for (uint64_t first = 0; status == RK_OK && first < record->schema.blocks; first += WALK_BLOCKS) {
        uint64_t left = record->schema.blocks - first, count = left < WALK_BLOCKS ? left : WALK_BLOCKS;
        status = walk_piece(record, first, count, slots, visit, ctx, err);
    }
    free(memory);
    return status;
}

void rk__totals_add(rk__totals *totals, const rk__schema *schema, uint64_t block, const rk__block_record *entry) {
    totals->blocks_done++;
    totals->tasks_done += rk__schema_block_tasks(schema, block);
    totals->tasks_failed += entry->failed;
    totals->kernel_ns += entry->duration_ns;
    totals->checksum[0] += entry->checksum[0];
    totals->checksum[1] += entry->checksum[1] + (totals->checksum[0] < entry->checksum[0]);
}

typedef struct scan {
    const rk__schema *schema;
    uint64_t *done;
    rk__totals *totals;
} scan;

static rk_status count_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    scan *s = ctx;
    (void)slot, (void)err;
    if (s->done != NULL)
        s->done[block / 64] |= UINT64_C(1) << block % 64;
    rk__totals_add(s->totals, s->schema, block, entry);
    return RK_OK;
}

rk_status rk__record_scan(rk__record *record, uint64_t *done, rk__totals *totals, rk_error *err) {
    scan s = {&record->schema, done, totals};
    *totals = (rk__totals){0};
    return rk__blocks_walk(record, count_block, &s, err);
}

typedef struct folding {
    rk__record *record;
    rk__fold *fold;
    void *partial;
} folding;

rk_status rk__record_read_partial(rk__record *record, uint64_t block, unsigned slot, const rk__block_record *entry,
                                  void *partial, rk_error *err) {
    size_t size = record->schema.partial_bytes;
    RK_TRY(rk__raw_read(record, partial, size, rk__partial_at(record, slot, block), err));
    if (rk__hash64(partial, size, block) == entry->partial_check)
        return RK_OK;
    return rk__fail(err, RK_ECORRUPT, "%s: the partial of block %llu is damaged; 'rankine verify' tells what else is",
                    record->path, (unsigned long long)block);
}

static rk_status fold_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    folding *f = ctx;
    RK_TRY(rk__record_read_partial(f->record, block, slot, entry, f->partial, err));
    rk__fold_partial(f->fold, block, f->partial);
    return RK_OK;
}

rk_status rk__record_fold(rk__record *record, const rk__reducer *reducer, void *partial, rk_error *err) {
    folding f = {.record = record};
    rk_status status = rk__fold_create(&f.fold, reducer, err);
    if (status == RK_OK)
        status = rk__alloc(&f.partial, 1, record->schema.partial_bytes, "partial", err);
    if (status == RK_OK) {
        rk__fold_reset(f.fold);
        status = rk__blocks_walk(record, fold_block, &f, err);
    }
    if (status == RK_OK)
        rk__fold_finish(f.fold, partial);
    free(f.partial);
    rk__fold_destroy(f.fold);
    return status;
}
