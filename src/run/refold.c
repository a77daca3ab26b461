/* Are the reductions in a file what its partials fold to? The partials are held against their checksums on the way, so
 * that a result which is vouched for and wrong all the same has nowhere to hide. The kernel is needed: it says what the
 * reductions are, and may merge states of its own. */
#include <stdlib.h>

#include "run/run_private.h"

rk_status rk__job_fold(const rk__job *job, rk__record *record, void **results, rk_error *err) {
    void *partial;
    RK_TRY(rk__alloc(results, 1, job->schema.results_bytes, "results", err));
    if (job->schema.partial_bytes == 0)
        return RK_OK;
    RK_TRY(rk__alloc(&partial, 1, job->schema.partial_bytes, "partial", err));
    rk_status status = rk__record_fold(record, job->reducer, partial, err);
    if (status == RK_OK)
        status = rk__reducer_results(job->reducer, partial, *results, err);
    free(partial);
    return status;
}

static rk_status refold(const rk__job *job, rk__record *record, bool *wrong, rk_error *err) {
    void *results = NULL;
    rk_status status = rk__job_fold(job, record, &results, err);
    if (status == RK_OK)
        status = rk__record_compare_results(record, results, wrong, err);
    free(results);
    return status;
}

rk_status rk__run_refold(const rk_kernel *const *linked, rk__record *record, bool *wrong, rk_error *err) {
    rk__job job = {0};
    rk__run_options options = {.linked = linked};
    if (rk__record_schema(record)->field_count == 0)
        return RK_OK;
    RK_TRY(rk__job_to_read(&options, record, &job, err));
    rk_status status = refold(&job, record, wrong, err);
    rk__job_fini(&job);
    return status;
}
