/* Taking from an earlier run what it has computed.
 *
 * Where the reductions can be made from the rows that are kept, each task that the earlier run has is loaded instead of
 * computed, whatever its number is now. Where they cannot (values given by tasks, states of their own, outputs that are
 * dropped), whole blocks are copied with their partials, which wants the same numbers: values appended to the first
 * axis only. */
#include <stdlib.h>
#include <string.h>

#include "run/run_private.h"

struct rk__reuse {
    rk__record *from;
    rk__extension extension;
    bool by_task;
    pthread_mutex_t lock;   /* of what follows: lanes load tasks at once */
    uint64_t checked_block; /* the last one that was looked at */
    bool checked_sound;
    const rk__column *status; /* of the earlier file; NULL: no rows are kept */
};

/* The reduction that cannot be made from kept rows; NULL: all can. */
static const rk_reduction *not_from_rows(const rk__job *job) {
    const rk_kernel *kernel = job->module.kernel;
    for (size_t r = 0; r < rk__kernel_reduction_count(kernel); r++) {
        const rk_reduction *reduction = &kernel->reduce[r];
        bool from_rows = false;
        for (size_t c = 0; reduction->output != NULL && c < rk__kernel_output_count(kernel); c++)
            if (strcmp(kernel->outputs[c].name, reduction->output) == 0)
                from_rows = job->schema.columns[c].keep;
        if (!from_rows)
            return reduction;
    }
    return NULL;
}

static rk_status choose_way(rk__reuse *reuse, const rk__job *job, rk_error *err) {
    const rk__schema *schema = rk__record_schema(reuse->from);
    const rk_reduction *needs_tasks = not_from_rows(job);
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].keep && schema->columns[c].id == UINT32_MAX)
            reuse->status = &schema->columns[c];
    reuse->by_task = needs_tasks == NULL && reuse->status != NULL && schema->varying == 0;
    if (reuse->by_task)
        return RK_OK;
    bool same_numbers = reuse->extension.along == reuse->extension.along_before || job->space->axis_count == 1;
    if (!same_numbers)
        return rk__fail(err, RK_EUNSUPPORTED, "%s%s%s: only values appended to the first axis can be taken over",
                        needs_tasks ? "reduction '" : "outputs of varying length", needs_tasks ? needs_tasks->name : "",
                        needs_tasks ? "' is not made from rows that are kept" : "");
    if (schema->block_log2 != job->schema.block_log2)
        return rk__fail(err, RK_EMISMATCH, "it has blocks of %llu tasks: give --block %llu", 1ULL << schema->block_log2,
                        1ULL << schema->block_log2);
    return RK_OK;
}

static rk_status compare_spaces(rk__reuse *reuse, const rk__job *job, rk_error *err) {
    rk__space *earlier;
    RK_TRY(rk__space_create(&earlier, job->module.kernel, rk__record_identity(reuse->from)->space_text, true, err));
    rk_status status = rk__space_extends(job->space, earlier, &reuse->extension, err);
    rk__space_destroy(earlier);
    return status;
}

static rk_status open_reuse(rk__reuse *reuse, const rk__job *job, const char *path, rk_error *err) {
    RK_TRY(rk__record_open(&reuse->from, path, false, err));
    RK_TRY(rk__record_match_kernel(reuse->from, &job->identity, false, err));
    RK_TRY(compare_spaces(reuse, job, err));
    return choose_way(reuse, job, err);
}

rk_status rk__reuse_open(rk__reuse **out, const rk__job *job, const char *path, rk_error *err) {
    rk__reuse *reuse;
    RK_TRY(rk__alloc((void **)&reuse, 1, sizeof *reuse, "earlier run", err));
    reuse->checked_block = UINT64_MAX;
    pthread_mutex_init(&reuse->lock, NULL);
    if (open_reuse(reuse, job, path, err) != RK_OK) {
        rk__reuse_close(reuse);
        return rk__prefix(err, "--reuse %s: ", path);
    }
    *out = reuse;
    return RK_OK;
}

void rk__reuse_close(rk__reuse *reuse) {
    if (reuse == NULL)
        return;
    rk__record_close(reuse->from);
    pthread_mutex_destroy(&reuse->lock);
    free(reuse);
}

rk_status rk__reuse_copy(rk__reuse *reuse, rk__record *to, rk_error *err) {
    rk__copy_report report;
    return reuse->by_task ? RK_OK : rk__record_copy(to, reuse->from, 0, &report, err);
}

/* Committed and undamaged; the answer for the last block is kept, for tasks come in order. */
static rk_status is_sound(rk__reuse *reuse, uint64_t block, bool *sound, rk_error *err) {
    rk_status status = RK_OK;
    pthread_mutex_lock(&reuse->lock);
    if (block != reuse->checked_block) {
        status = rk__record_check_block(reuse->from, block, &reuse->checked_sound, err);
        reuse->checked_block = status == RK_OK ? block : UINT64_MAX;
    }
    *sound = reuse->checked_sound;
    pthread_mutex_unlock(&reuse->lock);
    return status;
}

static rk_status load_task(void *ctx, uint64_t task, void *const *rows, uint64_t place, bool *known, rk_error *err) {
    rk__reuse *reuse = ctx;
    const rk__schema *schema = rk__record_schema(reuse->from);
    uint64_t earlier;
    uint8_t state = RK__TASK_MISSING;
    *known = false;
    if (!rk__extension_find(&reuse->extension, task, &earlier))
        return RK_OK;
    RK_TRY(is_sound(reuse, earlier >> schema->block_log2, known, err));
    if (*known)
        RK_TRY(rk__record_read_row(reuse->from, (size_t)(reuse->status - schema->columns), earlier, &state, err));
    *known = state == RK__TASK_OK;
    for (size_t c = 0; *known && c < schema->column_count; c++)
        if (schema->columns[c].keep && &schema->columns[c] != reuse->status)
            RK_TRY(rk__record_read_row(reuse->from, c, earlier, (char *)rows[c] + place * schema->columns[c].row_bytes,
                                       err));
    return RK_OK;
}

rk__exec_reuse rk__reuse_loader(rk__reuse *reuse) {
    return reuse != NULL && reuse->by_task ? (rk__exec_reuse){load_task, reuse} : (rk__exec_reuse){NULL, NULL};
}
