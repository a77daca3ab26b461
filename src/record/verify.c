/* Recompute what the records vouch for. */
#include <stdlib.h>
#include <string.h>

#include "record/log_private.h"

enum { PIECE_BYTES = 1 << 20 };

/* A block's values of varying length, as they come. */
typedef struct emitted {
    rk__stream streams[RK__COLUMNS_MAX];
    rk__checker *checker;
    uint64_t *sum;
} emitted;

struct rk__checker {
    rk__record *record;
    rk__values *values; /* NULL: no column is of varying length */
    emitted *emitted;
    rk__failure_index *failures;
    void *partial;
    unsigned char *rows;
    uint8_t *status;
    uint64_t piece_tasks;
    const rk__column *status_column; /* NULL: no rows are kept */
    uint64_t status_at;
};

/* Rows of failed tasks are in no sum, and hold the fill value. */
static uint64_t count_unfilled(const rk__checker *checker, const rk__column *column, uint64_t count) {
    uint64_t unfilled = 0;
    for (uint64_t i = 0; !column->always && i < count; i++)
        unfilled +=
            checker->status[i] == RK__TASK_FAILED && !rk__row_is_fill(column, checker->rows + i * column->row_bytes);
    return unfilled;
}

/* *wrong counts what a committed block must not have. */
static rk_status sum_rows(rk__checker *checker, uint64_t first, uint64_t count, uint64_t sum[2], uint64_t *wrong,
                          rk_error *err) {
    const rk__schema *schema = &checker->record->schema;
    for (size_t c = 0; c < schema->column_count; c++) {
        const rk__column *column = &schema->columns[c];
        if (!column->hashed)
            continue;
        RK_TRY(rk__raw_read(checker->record, checker->rows, (size_t)(count * column->row_bytes),
                            checker->record->column_at[c] + first * column->row_bytes, err));
        rk__checksum_rows(sum, column, first, count, checker->rows, checker->status);
        *wrong += count_unfilled(checker, column, count);
    }
    return RK_OK;
}

/* The sum of a block from its rows. */
static rk_status sum_block(rk__checker *checker, uint64_t block, uint64_t sum[2], uint64_t *failed, uint64_t *wrong,
                           rk_error *err) {
    uint64_t first = block << checker->record->schema.block_log2,
             tasks = rk__schema_block_tasks(&checker->record->schema, block);
    for (uint64_t done = 0, count; done < tasks; done += count) {
        count = tasks - done < checker->piece_tasks ? tasks - done : checker->piece_tasks;
        RK_TRY(rk__raw_read(checker->record, checker->status, (size_t)count, checker->status_at + first + done, err));
        for (uint64_t i = 0; i < count; i++) {
            if (checker->status[i] == RK__TASK_FAILED) {
                rk__checksum_failed(sum, first + done + i);
                ++*failed;
            } else if (checker->status[i] != RK__TASK_OK) {
                ++*wrong;
            }
        }
        RK_TRY(sum_rows(checker, first + done, count, sum, wrong, err));
    }
    return RK_OK;
}

/* Values of a task that failed do not count. */
static rk_status end_stream(emitted *e, size_t column, rk_error *err) {
    uint64_t hash[2];
    uint8_t state;
    rk__checker *checker = e->checker;
    RK_TRY(rk__raw_read(checker->record, &state, 1, checker->status_at + e->streams[column].task, err));
    rk__stream_end(&e->streams[column], hash);
    if (state == RK__TASK_OK && checker->record->schema.columns[column].hashed)
        rk__checksum_add(e->sum, hash);
    return RK_OK;
}

static rk_status take_values(void *ctx, uint64_t task, size_t column, const void *bytes, size_t size, rk_error *err) {
    emitted *e = ctx;
    rk__stream *stream = &e->streams[column];
    if (stream->open && stream->task != task)
        RK_TRY(end_stream(e, column, err));
    rk__stream_add(stream, e->checker->record->schema.columns[column].id, task, bytes, size);
    return RK_OK;
}

static rk_status sum_emitted(rk__checker *checker, uint64_t block, const rk__block_record *entry, uint64_t sum[2],
                             bool *sound, rk_error *err) {
    emitted *e = checker->emitted;
    e->checker = checker;
    e->sum = sum;
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++)
        e->streams[c].open = false;
    rk_status status = rk__values_block(checker->values, block, entry, take_values, e, err);
    for (size_t c = 0; status == RK_OK && c < RK__COLUMNS_MAX; c++)
        if (e->streams[c].open)
            status = end_stream(e, c, err);
    if (status == RK_ECORRUPT)
        *sound = false;
    return status == RK_ECORRUPT ? RK_OK : status;
}

/* While blocks that were computed again are in logs, the places are those from before. */
static rk_status check_starts(rk__checker *checker, uint64_t block, bool *sound, rk_error *err) {
    const rk__schema *schema = &checker->record->schema;
    RK_TRY(rk__values_check_starts(checker->record, block << schema->block_log2, rk__schema_block_tasks(schema, block),
                                   sound, err));
    *sound = *sound || rk__logs_exist(checker->record);
    return RK_OK;
}

rk_status rk__checker_block(rk__checker *checker, uint64_t block, unsigned slot, const rk__block_record *entry,
                            bool *sound, rk_error *err) {
    uint64_t sum[2] = {0, 0}, failed = 0, wrong = 0;
    *sound = true;
    if (checker->record->schema.partial_bytes > 0) {
        rk_status status = rk__record_read_partial(checker->record, block, slot, entry, checker->partial, err);
        if (status != RK_OK && status != RK_ECORRUPT)
            return status;
        *sound = status == RK_OK;
    }
    bool told;
    RK_TRY(rk__failure_index_holds(checker->failures, block, entry, &told, err));
    *sound = *sound && told;
    if (checker->status_column == NULL)
        return RK_OK;
    if (checker->values != NULL)
        RK_TRY(sum_emitted(checker, block, entry, sum, sound, err));
    if (*sound && checker->record->schema.folded)
        RK_TRY(check_starts(checker, block, sound, err));
    RK_TRY(sum_block(checker, block, sum, &failed, &wrong, err));
    *sound = *sound && wrong == 0 && failed == entry->failed && memcmp(sum, entry->checksum, sizeof sum) == 0;
    return RK_OK;
}

static void find_status(rk__checker *checker) {
    const rk__schema *schema = &checker->record->schema;
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep && schema->columns[c].id == UINT32_MAX) {
            checker->status_column = &schema->columns[c];
            checker->status_at = checker->record->column_at[c];
        }
}

static rk_status prepare(rk__checker *checker, rk_error *err) {
    const rk__schema *schema = &checker->record->schema;
    uint64_t widest = 1;
    find_status(checker);
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].hashed && schema->columns[c].row_bytes > widest)
            widest = schema->columns[c].row_bytes;
    checker->piece_tasks = PIECE_BYTES / widest + 1;
    RK_TRY(rk__alloc((void **)&checker->rows, (size_t)checker->piece_tasks, (size_t)widest, "rows", err));
    RK_TRY(rk__alloc((void **)&checker->status, (size_t)checker->piece_tasks, 1, "task states", err));
    return rk__alloc(&checker->partial, 1, schema->partial_bytes, "partial", err);
}

rk_status rk__checker_create(rk__checker **out, rk__record *record, rk_error *err) {
    rk__checker *checker;
    RK_TRY(rk__alloc((void **)&checker, 1, sizeof *checker, "checker", err));
    checker->record = record;
    rk_status status = prepare(checker, err);
    if (status == RK_OK)
        status = rk__failure_index_create(&checker->failures, record, err);
    if (status == RK_OK && record->schema.varying > 0)
        status = rk__alloc((void **)&checker->emitted, 1, sizeof *checker->emitted, "streams", err);
    if (status == RK_OK && record->schema.varying > 0)
        status = rk__values_open(&checker->values, record, err);
    if (status != RK_OK) {
        rk__checker_destroy(checker);
        return status;
    }
    *out = checker;
    return RK_OK;
}

void rk__checker_destroy(rk__checker *checker) {
    if (checker == NULL)
        return;
    rk__values_close(checker->values);
    rk__failure_index_destroy(checker->failures);
    free(checker->emitted);
    free(checker->rows);
    free(checker->status);
    free(checker->partial);
    free(checker);
}

rk_status rk__record_check_block(rk__record *record, uint64_t block, bool *sound, rk_error *err) {
    rk__checker *checker;
    rk__block_record slots[2];
    *sound = false;
    for (unsigned s = 0; s < 2; s++)
        RK_TRY(rk__raw_read(record, &slots[s], sizeof slots[s], rk__record_at(record, s, block), err));
    int winner = rk__block_winner(record, block, &slots[0], &slots[1]);
    if (winner < 0 || rk__block_is_open(&slots[winner]))
        return RK_OK;
    RK_TRY(rk__checker_create(&checker, record, err));
    rk_status status = rk__checker_block(checker, block, (unsigned)winner, &slots[winner], sound, err);
    rk__checker_destroy(checker);
    return status;
}

/* ---- all of it ---- */

typedef struct verifying {
    rk__record *record;
    rk__verify_report *report;
    rk__checker *checker;
    void (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
    uint64_t blocks_seen;
    uint64_t next; /* block that is looked for */
} verifying;

static void note_bad(rk__verify_report *report, uint64_t block) {
    if (report->blocks_bad < sizeof report->first_bad / sizeof *report->first_bad)
        report->first_bad[report->blocks_bad] = block;
    report->blocks_bad++;
}

static rk_status verify_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    verifying *v = ctx;
    bool sound;
    RK_TRY(rk__checker_block(v->checker, block, slot, entry, &sound, err));
    if (!sound)
        note_bad(v->report, block);
    if (v->progress != NULL && (++v->blocks_seen % 64 == 0 || v->record->schema.blocks < 64))
        v->progress(v->ctx, v->blocks_seen, v->record->schema.blocks);
    return RK_OK;
}

/* A complete run has a record for each block: one that is gone was damaged. */
static rk_status count_missing(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    verifying *v = ctx;
    (void)slot, (void)entry, (void)err;
    for (; v->next < block; v->next++)
        note_bad(v->report, v->next);
    v->next = block + 1;
    return RK_OK;
}

static rk_status find_missing(verifying *v, rk_error *err) {
    if (!v->report->complete || v->report->totals.blocks_done == v->record->schema.blocks)
        return RK_OK;
    RK_TRY(rk__blocks_walk(v->record, count_missing, v, err));
    return count_missing(v, v->record->schema.blocks, 0, NULL, err);
}

/* Of a session that was killed, or met a full disk, the latest entry may be torn: the next one takes its place. */
static rk_status has_ended(verifying *v, bool *ended, rk_error *err) {
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(v->record, &sessions, &count, err));
    *ended = v->report->complete || (count > 0 && sessions[count - 1].end_ns != 0);
    free(sessions);
    return RK_OK;
}

static rk_status verify_tables(verifying *v, rk_error *err) {
    uint64_t sessions, hosts;
    bool ended;
    RK_TRY(has_ended(v, &ended, err));
    if (!ended)
        return RK_OK;
    RK_TRY(rk__sessions_check(v->record, false, &sessions, err));
    RK_TRY(rk__hosts_check(v->record, false, &hosts, err));
    v->report->entries_bad = sessions + hosts;
    return RK_OK;
}

static rk_status verify_results(verifying *v, rk_error *err) {
    void *results;
    RK_TRY(rk__alloc(&results, 1, v->record->schema.results_bytes, "results", err));
    rk_status status = rk__record_read_results(v->record, results, err);
    free(results);
    v->report->complete = status != RK_EINTERRUPTED;
    v->report->results_ok = status != RK_ECORRUPT;
    return status == RK_EINTERRUPTED || status == RK_ECORRUPT ? RK_OK : status;
}

rk_status rk__record_verify(rk__record *record, rk__verify_report *report,
                            void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx, rk_error *err) {
    verifying v = {.record = record, .report = report, .progress = progress, .ctx = ctx};
    *report = (rk__verify_report){0};
    rk_status status = rk__checker_create(&v.checker, record, err);
    if (status == RK_OK)
        status = rk__record_scan(record, NULL, &report->totals, err);
    if (status == RK_OK)
        status = rk__blocks_walk(record, verify_block, &v, err);
    if (status == RK_OK)
        status = verify_results(&v, err);
    if (status == RK_OK)
        status = find_missing(&v, err);
    if (status == RK_OK)
        status = verify_tables(&v, err);
    rk__checker_destroy(v.checker);
    if (status == RK_OK)
        rk__error_clear(err);
    return status;
}
