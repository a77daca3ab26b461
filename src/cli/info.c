#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/info.h"
#include "cli/spaceout.h"

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

/* A failure that counts is of the session and claimer that committed its block. */
static rk_status find_hosts(rk__info *f, rk_error *err) {
    RK_TRY(rk__record_read_hosts(f->record, &f->hosts, &f->host_count, err));
    RK_TRY(rk__alloc((void **)&f->failed_on, f->failure_count, sizeof(rk__host *), "hosts", err));
    for (size_t i = 0; i < f->failure_count; i++) {
        rk__block_record block;
        if (rk__record_block(f->record, f->failures[i].task >> f->schema->block_log2, &block))
            f->failed_on[i] = rk__host_of(f->hosts, f->host_count, &block);
    }
    return RK_OK;
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
    RK_TRY(find_hosts(f, err));
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
    free(f->hosts);
    free(f->failed_on);
    rk__record_close(f->record);
    *f = (rk__info){0};
}

/* ---- how far? ---- */

bool rk__info_is_running(const rk__info *info) {
    if (info->results != NULL || info->crashed)
        return false;
    if (info->life != RK__LIFE_REMOTE)
        return info->life == RK__LIFE_RUNNING;
    return rk__life_seconds_since(info->times.heard_ns) < RK__LIFE_SILENT_SECONDS;
}

double rk__info_unheard_seconds(const rk__info *info) {
    bool remote = info->life == RK__LIFE_REMOTE && info->results == NULL && !info->crashed;
    return remote ? rk__life_seconds_since(info->times.heard_ns) : NAN;
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

const char *rk__info_state_text(const rk__info *info, char *buffer, size_t size) {
    const char *state = rk__info_state(info);
    char time[32];
    if (strcmp(state, "unknown") != 0)
        return state;
    snprintf(buffer, size, "not heard of for %s",
             rk__format_seconds(rk__info_unheard_seconds(info), time, sizeof time));
    return buffer;
}
