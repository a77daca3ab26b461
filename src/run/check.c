/* The same bits in other block and batch sizes? Samples of a run are computed in memory, whole and in pieces, and what
 * comes out is compared: rows, states of tasks, and the reductions folded over them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run/run_private.h"

enum { SAMPLE_LOG2 = 7, SAMPLE_TASKS = 1 << SAMPLE_LOG2 };

typedef struct memory { /* rows of one sample */
    const rk__schema *schema;
    uint64_t first, count;
    unsigned char *rows[RK__COLUMNS_MAX];
    void *partial, *results;
    uint64_t failed;
} memory;

static rk_status memory_create(memory *m, const rk__schema *schema, rk_error *err) {
    *m = (memory){.schema = schema};
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep)
            RK_TRY(rk__alloc((void **)&m->rows[c], SAMPLE_TASKS, schema->columns[c].row_bytes, "sample rows", err));
    RK_TRY(rk__alloc(&m->partial, 1, schema->partial_bytes, "partial", err));
    return rk__alloc(&m->results, 1, schema->results_bytes, "results", err);
}

static void memory_fini(memory *m) {
    for (size_t c = 0; c < RK__COLUMNS_MAX; c++)
        free(m->rows[c]);
    free(m->partial);
    free(m->results);
}

static rk_status memory_rows(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err) {
    memory *m = ctx;
    (void)count, (void)err;
    for (size_t c = 0; c < m->schema->column_count; c++)
        rows[c] = m->rows[c] ? m->rows[c] + (first - m->first) * m->schema->columns[c].row_bytes : NULL;
    return RK_OK;
}

static rk_status memory_failed(void *ctx, const rk__failure *failure, rk_error *err) {
    (void)failure, (void)err;
    ((memory *)ctx)->failed++;
    return RK_OK;
}

typedef struct checker {
    const rk__job *job;
    rk__check_report *report;
    memory whole, pieces;
} checker;

/* Compute the sample in blocks of `block` tasks and batches of `batch`. */
static rk_status compute(const rk__job *job, memory *m, uint64_t block, uint64_t batch, rk_error *err) {
    rk__exec *exec = NULL;
    rk__fold *fold = NULL;
    rk__exec_options options = {.kernel = job->module.kernel,
                                .space = job->space,
                                .schema = &job->schema,
                                .reducer = job->reducer,
                                .seed = job->identity.seed,
                                .sink = {.rows = memory_rows, .failed = memory_failed, .ctx = m, .batch_tasks = batch}};
    m->failed = 0;
    rk_status status = rk__exec_create(&exec, &options, err);
    if (status == RK_OK)
        status = rk__fold_create(&fold, job->reducer, err);
    if (status == RK_OK)
        rk__fold_reset(fold);
    for (uint64_t done = 0; status == RK_OK && done < m->count; done += block) {
        rk__block_record record;
        bool stopped;
        uint64_t count = m->count - done < block ? m->count - done : block;
        status = rk__exec_block(exec, m->first + done, count, &record, m->partial, &stopped, err);
        if (status == RK_OK)
            rk__fold_partial(fold, (m->first + done) / block, m->partial);
    }
    if (status == RK_OK) {
        rk__fold_finish(fold, m->partial);
        status = rk__reducer_results(job->reducer, m->partial, m->results, err);
    }
    rk__fold_destroy(fold);
    rk__exec_destroy(exec);
    return status;
}

static void differ(checker *c, uint64_t task, const char *what, const char *name) {
    if (c->report->differences++ > 0)
        return;
    c->report->first_task = task;
    snprintf(c->report->first_output, sizeof c->report->first_output, "%s%s", what, name);
}

static void compare(checker *c) {
    const rk__schema *schema = &c->job->schema;
    for (size_t k = 0; k < schema->column_count; k++) {
        uint64_t bytes = schema->columns[k].row_bytes;
        if (!schema->columns[k].hashed && schema->columns[k].id != UINT32_MAX)
            continue; /* measured: differs from time to time */
        for (uint64_t i = 0; c->whole.rows[k] != NULL && i < c->whole.count; i++) {
            c->report->comparisons++;
            if (memcmp(c->whole.rows[k] + i * bytes, c->pieces.rows[k] + i * bytes, (size_t)bytes) != 0)
                differ(c, c->whole.first + i, "", schema->columns[k].name);
        }
    }
    for (size_t f = 0; f < schema->field_count; f++) {
        const rk__result_field *field = &schema->fields[f];
        size_t next = f + 1 < schema->field_count ? schema->fields[f + 1].offset : schema->results_bytes;
        c->report->comparisons++;
        if (memcmp((char *)c->whole.results + field->offset, (char *)c->pieces.results + field->offset,
                   next - field->offset) != 0)
            differ(c, c->whole.first, "reduction ", field->name);
    }
}

static rk_status check_sample(checker *c, uint64_t first, rk_error *err) {
    static const struct {
        uint64_t block, batch;
    } cuts[] = {{1, 1}, {2, 1}, {4, 3}, {16, 5}, {64, 64}, {SAMPLE_TASKS, 7}};
    uint64_t left = c->job->schema.tasks - first;
    c->whole.first = c->pieces.first = first;
    c->whole.count = c->pieces.count = left < SAMPLE_TASKS ? left : SAMPLE_TASKS;
    RK_TRY(compute(c->job, &c->whole, SAMPLE_TASKS, 0, err));
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        RK_TRY(compute(c->job, &c->pieces, cuts[i].block, cuts[i].batch, err));
        compare(c);
    }
    c->report->tasks_checked += c->whole.count;
    return RK_OK;
}

static rk_status check_all(checker *c, uint64_t samples, rk_error *err) {
    uint64_t windows = ((c->job->schema.tasks - 1) >> SAMPLE_LOG2) + 1, wanted = samples / SAMPLE_TASKS + 1;
    if (wanted > windows)
        wanted = windows;
    RK_TRY(memory_create(&c->whole, &c->job->schema, err));
    RK_TRY(memory_create(&c->pieces, &c->job->schema, err));
    for (uint64_t s = 0; s < wanted; s++) /* spread evenly, the last window among them */
        RK_TRY(check_sample(c, (wanted > 1 ? (windows - 1) / (wanted - 1) * s : 0) << SAMPLE_LOG2, err));
    return RK_OK;
}

rk_status rk__run_check(const rk__run_options *options, uint64_t samples, rk__check_report *report, rk_error *err) {
    rk__job job;
    *report = (rk__check_report){0};
    RK_TRY(rk__job_create(&job, options, NULL, false, err));
    checker c = {.job = &job, .report = report};
    rk_status status =
        job.team_size > 0
            ? rk__fail(err, RK_EUNSUPPORTED,
                       "kernel '%s' computes a task on several ranks: compare digests of runs of different -n instead",
                       job.module.kernel->name)
            : check_all(&c, samples, err);
    memory_fini(&c.whole);
    memory_fini(&c.pieces);
    rk__job_fini(&job);
    return status;
}
