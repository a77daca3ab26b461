/* Joining the parts of a run: a new file that has the blocks of all of them. It has its name when all is in it: what
 * had the name before stays until then. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run/run_private.h"

typedef struct merging {
    const rk__run_options *options;
    rk__world world; /* this process alone; MPI is not started */
    rk__job job;
    rk__lock *lock;
    rk__record *to;
    char draft[RK__BESIDE_MAX]; /* the name of `to` while it is filled; "": it has its own, or is not made yet */
    rk__run_summary *summary;
    uint64_t damaged;
} merging;

static rk_status open_part(const merging *m, const char *path, rk__record **part, rk_error *err) {
    RK_TRY(rk__record_open(part, path, false, err));
    rk_status status = rk__record_match(*part, &m->job.identity, &m->job.schema, m->options->accept_kernel, err);
    if (status != RK_OK) {
        rk__record_close(*part);
        *part = NULL;
    }
    return status;
}

/* What the merged file is to be, from the first part. */
static rk_status load_job(merging *m, const char *path, rk_error *err) {
    rk__record *part = NULL;
    RK_TRY(rk__record_open(&part, path, false, err));
    rk_status status = rk__job_of_record(m->options, part, &m->job, err);
    rk__record_close(part);
    m->job.schema.part = m->job.schema.parts = 1;
    return status;
}

static rk_status check_is_part(const char *path, const rk__schema *schema, rk_error *err) {
    if (schema->parts > 1)
        return RK_OK;
    return rk__fail(err, RK_EINVAL,
                    "%s is no part (run --part I/N) but a whole run: leave it out; if something is missing in it, "
                    "'rankine resume' computes that",
                    path);
}

/* By whatever names. */
static rk_status check_is_new(const char *const *parts, size_t number, rk_error *err) {
    struct stat part, earlier;
    for (size_t i = 0; i < number; i++)
        if (stat(parts[number], &part) == 0 && stat(parts[i], &earlier) == 0 && part.st_ino == earlier.st_ino &&
            part.st_dev == earlier.st_dev)
            return rk__fail(err, RK_EINVAL, "%s is given twice%s%s: name each part once", parts[number],
                            strcmp(parts[i], parts[number]) != 0 ? ", also as " : "",
                            strcmp(parts[i], parts[number]) != 0 ? parts[i] : "");
    return RK_OK;
}

/* All parts are looked at before the file is made. */
static rk_status check_parts(const merging *m, const char *const *parts, size_t count, rk_error *err) {
    for (size_t i = 0; i < count; i++) {
        rk__record *part = NULL;
        RK_TRY(open_part(m, parts[i], &part, err));
        rk_status status = check_is_part(parts[i], rk__record_schema(part), err);
        rk__record_close(part);
        RK_TRY(status);
        RK_TRY(check_is_new(parts, i, err));
    }
    return RK_OK;
}

/* By whatever name. */
static rk_status refuse_part(const char *output, const char *const *parts, size_t count, rk_error *err) {
    struct stat there, part;
    if (stat(output, &there) != 0)
        return RK_OK;
    for (size_t i = 0; i < count; i++)
        if (stat(parts[i], &part) == 0 && part.st_ino == there.st_ino && part.st_dev == there.st_dev)
            return rk__fail(err, RK_EINVAL, "-o %s is one of the parts (%s): choose another name with -o", output,
                            parts[i]);
    return RK_OK;
}

static rk_status make_file(merging *m, const char *const *parts, size_t count, rk_error *err) {
    const char *path = m->summary->path;
    rk__run_options options = *m->options;
    char draft[RK__BESIDE_MAX];
    options.force = true; /* of a draft that was left; the output itself is asked about before */
    RK_TRY(rk__job_output(m->options, m->job.module.kernel, m->summary->path, sizeof m->summary->path, err));
    RK_TRY(refuse_part(path, parts, count, err));
    RK_TRY(rk__lock_take(&m->lock, path, m->world.host, err));
    RK_TRY(rk__record_draft(path, &m->job.schema, m->options->force, draft, err));
    RK_TRY(rk__job_create_file(&m->job, &options, &m->world, draft, err));
    memcpy(m->draft, draft, sizeof draft);
    return rk__record_open(&m->to, draft, true, err);
}

static rk_status copy_part(merging *m, const char *path, uint32_t number, rk_error *err) {
    rk__record *part = NULL;
    rk__copy_report report;
    RK_TRY(open_part(m, path, &part, err));
    rk_status status = rk__record_copy(m->to, part, number, &report, err);
    rk__record_close(part);
    m->damaged += status == RK_OK ? report.blocks_damaged : 0;
    return status;
}

/* The entry of this session, written when all is done: it stands for no computing. */
static rk_status close_session(merging *m, uint64_t begin_ns, const rk__totals *totals, bool complete, rk_error *err) {
    rk__session entry = {.start_ns = begin_ns,
                         .end_ns = rk__wall_ns(),
                         .ranks = 1,
                         .nodes = 1,
                         .tasks_before = totals->tasks_done,
                         .tasks_after = totals->tasks_done,
                         .outcome = complete ? 1 : 2,
                         .pid = (uint32_t)getpid()};
    uint16_t number;
    snprintf(entry.host, sizeof entry.host, "%s", m->world.host);
    return rk__record_session_begin(m->to, &entry, &number, err);
}

static rk_status merge(merging *m, const char *const *parts, size_t count, rk_error *err) {
    rk__totals totals;
    uint64_t begin_ns = rk__wall_ns();
    RK_TRY(load_job(m, parts[0], err));
    RK_TRY(check_parts(m, parts, count, err));
    RK_TRY(make_file(m, parts, count, err));
    for (size_t i = 0; i < count; i++)
        RK_TRY(copy_part(m, parts[i], (uint32_t)i, err));
    RK_TRY(rk__record_sync(m->to, err));
    RK_TRY(rk__record_scan(m->to, NULL, &totals, err));
    bool complete = totals.blocks_done == m->job.schema.blocks;
    if (complete)
        RK_TRY(rk__job_reduce(&m->job, &m->to, &m->summary->results, err));
    RK_TRY(close_session(m, begin_ns, &totals, complete, err));
    RK_TRY(rk__record_publish(m->to, m->summary->path, m->options->force, err));
    m->draft[0] = '\0';
    m->summary->complete = complete;
    m->summary->interrupted = !complete;
    m->summary->done = totals.tasks_done;
    m->summary->failed = totals.tasks_failed;
    m->summary->blocks_damaged = m->damaged;
    return RK_OK;
}

static void describe(merging *m) {
    rk__run_summary *summary = m->summary;
    snprintf(summary->kernel, sizeof summary->kernel, "%s", m->job.module.kernel->name);
    summary->tasks = m->job.schema.tasks;
    summary->ranks = summary->nodes = 1;
    summary->part = summary->parts = 1;
    summary->schema = m->job.schema;
    m->job.schema = (rk__schema){0};
}

rk_status rk__run_merge(const rk__run_options *options, const char *const *parts, size_t count,
                        rk__run_summary *summary, rk_error *err) {
    merging m = {.options = options, .summary = summary, .world = {.size = 1, .node_count = 1, .node_size = 1}};
    *summary = (rk__run_summary){0};
    gethostname(m.world.host, sizeof m.world.host - 1);
    rk_status status = merge(&m, parts, count, err);
    if (status == RK_OK)
        describe(&m);
    rk__record_close(m.to);
    if (m.draft[0] != '\0')
        rk__record_discard(m.draft);
    rk__lock_release(m.lock);
    rk__job_fini(&m.job);
    if (status == RK_OK && !summary->complete)
        return rk__fail(err, RK_EINTERRUPTED, "some blocks are missing; go on with: rankine resume %s", summary->path);
    return status;
}
