/* A claimer's rows and records on their way to the file.
 *
 * Rows of kept columns lie in one arena, a region per column, in the order in which they came; a segment is a run of
 * consecutive tasks in it. Records and partials wait in a queue. A flush writes rows, then partials, then records,
 * neighbours together.
 *
 * Of a segment, [0, committed) belongs to blocks that are whole; the rest is being computed and is not touched by a
 * flush of the service thread. The mutex guards all of it; the main thread holds it for moments, a flush while it
 * writes. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

enum { SEGMENTS_MAX = 256, PENDING_MAX = 16384, CACHE_BLOCKS = 1024 };
#define STAGE_BYTES (UINT64_C(1) << 20)

typedef struct segment {
    uint64_t first_task, place; /* place: of its first task in the arena, in tasks */
    uint64_t count, committed, written;
} segment;

typedef struct pending {
    uint64_t block;
    unsigned slot;
} pending;

struct rk__stage {
    pthread_mutex_t lock;
    rk__record *record;
    rk__stage_options options;
    unsigned char *arena;
    uint64_t capacity, used; /* tasks */
    uint64_t region[RK__COLUMNS_MAX];
    segment segments[SEGMENTS_MAX];
    size_t segment_count;
    pending *queue;
    rk__block_record *records; /* as the queue */
    unsigned char *partials;
    size_t pending_count, pending_max;
    uint64_t oldest_ns;
    /* what the file holds of the blocks around the one being committed: generations must go up */
    uint64_t cache_first, cache_count;
    rk__block_record *cache[2];
};

static rk_status lay_out(rk__stage *stage, rk_error *err) {
    const rk__schema *schema = &stage->record->schema;
    uint64_t row_bytes = 0, at = 0;
    for (size_t c = 0; c < schema->column_count; c++)
        row_bytes += schema->columns[c].keep ? schema->columns[c].row_bytes : 0;
    stage->capacity = row_bytes > 0 ? stage->options.bytes / row_bytes : UINT64_MAX;
    if (stage->capacity == 0)
        stage->capacity = 1;
    for (size_t c = 0; row_bytes > 0 && c < schema->column_count; c++) {
        stage->region[c] = at;
        at += schema->columns[c].keep ? (stage->capacity * schema->columns[c].row_bytes + 63) & ~UINT64_C(63) : 0;
    }
    RK_TRY(rk__alloc((void **)&stage->arena, at, 1, "staged rows", err));
    stage->pending_max = PENDING_MAX;
    if (schema->partial_bytes > 0 && stage->options.bytes / schema->partial_bytes < PENDING_MAX)
        stage->pending_max = stage->options.bytes / schema->partial_bytes + 1;
    RK_TRY(rk__alloc((void **)&stage->queue, stage->pending_max, sizeof *stage->queue, "staged records", err));
    RK_TRY(rk__alloc((void **)&stage->records, stage->pending_max, sizeof *stage->records, "staged records", err));
    RK_TRY(rk__alloc((void **)&stage->cache[0], 2 * CACHE_BLOCKS, sizeof **stage->cache, "records", err));
    stage->cache[1] = stage->cache[0] + CACHE_BLOCKS;
    return rk__alloc((void **)&stage->partials, stage->pending_max, schema->partial_bytes, "staged partials", err);
}

rk_status rk__stage_create(rk__stage **out, rk__record *record, const rk__stage_options *options, rk_error *err) {
    rk__stage *stage;
    RK_TRY(rk__alloc((void **)&stage, 1, sizeof *stage, "stage", err));
    stage->record = record;
    stage->options = *options;
    if (stage->options.bytes == 0)
        stage->options.bytes = STAGE_BYTES;
    pthread_mutex_init(&stage->lock, NULL);
    rk_status status = lay_out(stage, err);
    if (status != RK_OK) {
        rk__stage_destroy(stage);
        return status;
    }
    *out = stage;
    return RK_OK;
}

void rk__stage_destroy(rk__stage *stage) {
    if (stage == NULL)
        return;
    pthread_mutex_destroy(&stage->lock);
    free(stage->arena);
    free(stage->queue);
    free(stage->records);
    free(stage->partials);
    free(stage->cache[0]);
    free(stage);
}

uint64_t rk__stage_batch_tasks(const rk__stage *stage) {
    return stage->capacity;
}

/* ---- writing; the lock is held ---- */

static rk_status write_segment(rk__stage *stage, segment *part, uint64_t end, rk_error *err) {
    const rk__schema *schema = &stage->record->schema;
    uint64_t count = end - part->written;
    for (size_t c = 0; count > 0 && c < schema->column_count; c++) {
        uint64_t bytes = schema->columns[c].row_bytes;
        if (schema->columns[c].keep)
            RK_TRY(rk__raw_write(stage->record, stage->arena + stage->region[c] + (part->place + part->written) * bytes,
                                 (size_t)(count * bytes),
                                 stage->record->column_at[c] + (part->first_task + part->written) * bytes, err));
    }
    part->written = end;
    return RK_OK;
}

/* How many entries of the queue from `i` on are neighbours in one slot: one write. */
static size_t run_length(const rk__stage *stage, size_t i) {
    size_t n = 1;
    while (i + n < stage->pending_count && stage->queue[i + n].block == stage->queue[i].block + n &&
           stage->queue[i + n].slot == stage->queue[i].slot)
        n++;
    return n;
}

static rk_status write_partials(rk__stage *stage, rk_error *err) {
    size_t bytes = stage->record->schema.partial_bytes;
    for (size_t i = 0, n; bytes > 0 && i < stage->pending_count; i += n) {
        n = run_length(stage, i);
        RK_TRY(rk__raw_write(stage->record, stage->partials + i * bytes, n * bytes,
                             rk__partial_at(stage->record, stage->queue[i].slot, stage->queue[i].block), err));
    }
    return RK_OK;
}

static rk_status write_records(rk__stage *stage, uint16_t epoch, rk_error *err) {
    for (size_t i = 0; i < stage->pending_count; i++) {
        stage->records[i].epoch = epoch;
        rk__block_seal(stage->record, stage->queue[i].block, &stage->records[i]);
    }
    for (size_t i = 0, n; i < stage->pending_count; i += n) {
        n = run_length(stage, i);
        RK_TRY(rk__raw_write(stage->record, stage->records + i, n * sizeof *stage->records,
                             rk__record_at(stage->record, stage->queue[i].slot, stage->queue[i].block), err));
    }
    for (size_t i = 0, n; stage->options.committed != NULL && i < stage->pending_count; i += n) {
        n = run_length(stage, i);
        stage->options.committed(stage->options.ctx, stage->queue[i].block, n);
    }
    return RK_OK;
}

/* Say which epoch is written in, so that who ends it can wait. The second look is for one that ended meanwhile. */
static uint32_t enter_epoch(rk__stage *stage) {
    if (stage->options.epoch == NULL)
        return 0;
    uint32_t epoch = atomic_load(stage->options.epoch), again;
    for (;; epoch = again) {
        atomic_store(stage->options.flushing, epoch + 1);
        again = atomic_load(stage->options.epoch);
        if (again == epoch)
            return epoch;
    }
}

static void leave_epoch(rk__stage *stage) {
    if (stage->options.flushing != NULL)
        atomic_store(stage->options.flushing, 0);
}

static void announce(rk__stage *stage) {
    if (stage->options.writing != NULL)
        stage->options.writing(stage->options.ctx);
}

static rk_status write_staged(rk__stage *stage, uint32_t epoch, rk_error *err) {
    announce(stage);
    if (stage->options.log != NULL)
        RK_TRY(rk__log_flush(stage->options.log, err));
    for (size_t s = 0; s < stage->segment_count; s++)
        if (stage->segments[s].written < stage->segments[s].committed)
            RK_TRY(write_segment(stage, &stage->segments[s], stage->segments[s].committed, err));
    RK_TRY(write_partials(stage, err));
    RK_TRY(write_records(stage, (uint16_t)epoch, err));
    stage->pending_count = 0;
    stage->oldest_ns = 0;
    return RK_OK;
}

static rk_status flush_locked(rk__stage *stage, rk_error *err) {
    uint32_t epoch = enter_epoch(stage);
    rk_status status = write_staged(stage, epoch, err);
    leave_epoch(stage);
    return status;
}

/* The main thread's, between batches: all rows are computed. Rows of a block that is not whole are written early;
 * nothing vouches for them yet. */
static rk_status empty_arena(rk__stage *stage, rk_error *err) {
    if (stage->pending_count > 0)
        RK_TRY(flush_locked(stage, err));
    announce(stage);
    for (size_t s = 0; s < stage->segment_count; s++)
        RK_TRY(write_segment(stage, &stage->segments[s], stage->segments[s].count, err));
    stage->segment_count = 0;
    stage->used = 0;
    return RK_OK;
}

rk_status rk__stage_flush(rk__stage *stage, rk_error *err) {
    pthread_mutex_lock(&stage->lock);
    rk_status status = flush_locked(stage, err);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

rk_status rk__stage_flush_older(rk__stage *stage, uint64_t age_ns, rk_error *err) {
    rk_status status = RK_OK;
    pthread_mutex_lock(&stage->lock);
    if (stage->oldest_ns != 0 && rk__clock_ns() - stage->oldest_ns >= age_ns)
        status = flush_locked(stage, err);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

/* ---- the main thread ---- */

static void add_rows(rk__stage *stage, uint64_t first_task, uint64_t count) {
    segment *last = stage->segment_count > 0 ? &stage->segments[stage->segment_count - 1] : NULL;
    if (last != NULL && last->first_task + last->count == first_task && last->place + last->count == stage->used)
        last->count += count;
    else
        stage->segments[stage->segment_count++] = (segment){first_task, stage->used, count, 0, 0};
    stage->used += count;
}

static rk_status take_rows(rk__stage *stage, uint64_t first_task, uint64_t count, void **rows, rk_error *err) {
    const rk__schema *schema = &stage->record->schema;
    if (stage->used + count > stage->capacity || stage->segment_count == SEGMENTS_MAX)
        RK_TRY(empty_arena(stage, err));
    for (size_t c = 0; c < schema->column_count; c++)
        rows[c] = schema->columns[c].keep ? stage->arena + stage->region[c] + stage->used * schema->columns[c].row_bytes
                                          : NULL;
    add_rows(stage, first_task, count);
    return RK_OK;
}

rk_status rk__stage_rows(rk__stage *stage, uint64_t first_task, uint64_t count, void **rows, rk_error *err) {
    if (stage->capacity == UINT64_MAX) { /* no rows are kept */
        memset(rows, 0, stage->record->schema.column_count * sizeof *rows);
        return RK_OK;
    }
    pthread_mutex_lock(&stage->lock);
    rk_status status = take_rows(stage, first_task, count, rows, err);
    pthread_mutex_unlock(&stage->lock);
    return status;
}

void rk__stage_abandon(rk__stage *stage) {
    pthread_mutex_lock(&stage->lock);
    for (size_t s = stage->segment_count; s-- > 0 && stage->segments[s].committed < stage->segments[s].count;) {
        stage->segments[s].count = stage->segments[s].committed;
        if (stage->segments[s].count == 0)
            stage->segment_count--;
    }
    pthread_mutex_unlock(&stage->lock);
}

static rk_status load_cache(rk__stage *stage, uint64_t block, rk_error *err) {
    uint64_t left = stage->record->schema.blocks - block;
    stage->cache_count = 0;
    uint64_t count = left < CACHE_BLOCKS ? left : CACHE_BLOCKS;
    for (unsigned s = 0; s < 2; s++)
        RK_TRY(rk__raw_read(stage->record, stage->cache[s], count * sizeof **stage->cache,
                            rk__record_at(stage->record, s, block), err));
    stage->cache_first = block;
    stage->cache_count = count;
    return RK_OK;
}

/* A block is committed with a higher generation into the slot that does not count now. */
static rk_status choose_slot(rk__stage *stage, uint64_t block, unsigned *slot, uint32_t *generation, rk_error *err) {
    if (block - stage->cache_first >= stage->cache_count)
        RK_TRY(load_cache(stage, block, err));
    const rk__block_record *first = &stage->cache[0][block - stage->cache_first];
    const rk__block_record *second = &stage->cache[1][block - stage->cache_first];
    int winner = first->generation || second->generation ? rk__block_winner(stage->record, block, first, second) : -1;
    *slot = winner == 0;
    *generation = winner < 0 ? 1 : (winner == 0 ? first : second)->generation + 1;
    return RK_OK;
}

static void commit_segments(rk__stage *stage) {
    for (size_t s = stage->segment_count; s-- > 0 && stage->segments[s].committed < stage->segments[s].count;)
        stage->segments[s].committed = stage->segments[s].count;
}

static void enqueue(rk__stage *stage, uint64_t block, unsigned slot, const rk__block_record *sealed,
                    const void *partial) {
    size_t i = stage->pending_count++, bytes = stage->record->schema.partial_bytes;
    stage->queue[i] = (pending){block, slot};
    stage->records[i] = *sealed;
    if (bytes > 0)
        memcpy(stage->partials + i * bytes, partial, bytes);
    if (stage->oldest_ns == 0)
        stage->oldest_ns = rk__clock_ns();
    commit_segments(stage);
}

rk_status rk__stage_commit(rk__stage *stage, uint64_t block, const rk__block_record *record, const void *partial,
                           rk_error *err) {
    unsigned slot;
    rk__block_record sealed = *record;
    RK_TRY(choose_slot(stage, block, &slot, &sealed.generation, err));
    sealed.owner = stage->options.owner;
    sealed.session = stage->options.session;
    sealed.partial_check = partial ? rk__hash64(partial, stage->record->schema.partial_bytes, block) : 0;
    pthread_mutex_lock(&stage->lock);
    rk_status status = RK_OK;
    if (stage->pending_count == stage->pending_max)
        status = flush_locked(stage, err);
    if (status == RK_OK)
        enqueue(stage, block, slot, &sealed, partial);
    pthread_mutex_unlock(&stage->lock);
    return status;
}
