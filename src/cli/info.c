#include <stdlib.h>

#include "cli/info.h"
#include "cli/spaceout.h"

#define SIGN_SECONDS 60.0 /* a run on another host goes on if something came in the last minute */

static rk_status load_results(rk__info *f, rk_error *err) {
    void *results = NULL;
    RK_TRY(rk__alloc(&results, f->schema->results_bytes, 1, "results", err));
    rk_status status = rk__record_read_results(f->record, results, err);
    if (status == RK_OK) {
        f->results = results;
        f->has_digest = rk__record_digest(f->record, f->digest, NULL) == RK_OK;
        return RK_OK;
    }
    free(results);
    return status == RK_EINTERRUPTED ? RK_OK : status;
}

rk_status rk__info_read(rk__info *f, const char *path, const rk_kernel *const *linked, rk_error *err) {
    RK_TRY(rk__record_open(&f->record, path, false, err));
    f->schema = rk__record_schema(f->record);
    f->identity = rk__record_identity(f->record);
    RK_TRY(rk__life_read(f->record, &f->sessions, &f->session_count, &f->life, err)); /* state before records */
    f->crashed = (f->life == RK__LIFE_KILLED || f->life == RK__LIFE_REMOTE) &&
                 rk__life_crash(f->record, rk__life_latest(f->sessions, f->session_count), &f->crash);
    RK_TRY(rk__info_times_read(f, err));
    RK_TRY(rk__record_read_failures(f->record, &f->failures, &f->failure_count, err));
    RK_TRY(rk__record_read_facts(f->record, &f->notes, &f->note_count, err));
    RK_TRY(load_results(f, err));
    rk__spaceout_load(f->identity, linked, &f->module, &f->space);
    return RK_OK;
}

void rk__info_fini(rk__info *f) {
    rk__space_destroy(f->space);
    rk__module_unload(&f->module);
    rk__info_times_fini(&f->times);
    rk__record_facts_free(f->notes, f->note_count);
    free(f->results);
    free(f->sessions);
    free(f->failures);
    rk__record_close(f->record);
    *f = (rk__info){0};
}

/* ---- how far? ---- */

bool rk__info_is_running(const rk__info *info) {
    if (info->results != NULL || info->crashed)
        return false;
    if (info->life != RK__LIFE_REMOTE)
        return info->life == RK__LIFE_RUNNING;
    uint64_t begin = info->sessions[info->session_count - 1].start_ns, last = info->times.last_commit_ns;
    return rk__life_seconds_since(last > begin ? last : begin) < SIGN_SECONDS;
}

static bool is_whole_part(const rk__info *info) {
    return info->schema->parts > 1 && info->totals.tasks_done == rk__schema_part_tasks(info->schema);
}

const char *rk__info_state(const rk__info *info) {
    if (info->results != NULL && info->totals.blocks_done < info->schema->blocks)
        return "damaged";
    if (info->results != NULL || is_whole_part(info))
        return "complete";
    if (rk__info_is_running(info))
        return "running";
    if (info->life == RK__LIFE_REMOTE && !info->crashed)
        return "unknown";
    return info->life == RK__LIFE_KILLED || info->crashed ? "killed" : "stopped";
}
