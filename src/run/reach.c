/* Who can write the run file? Found out at the start of a session: a node that does not see rank 0's file, or sees it
 * on a file system where two hosts must not write one page, sends its rows to rank 0. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/run_private.h"

/* On another node: the same file, and safe to write? */
static bool reaches(const rk__session_run *session, const char *path, const uint64_t nonce[2]) {
    rk__record *record = NULL;
    bool same = !session->options->gather && rk__record_open(&record, path, true, NULL) == RK_OK &&
                rk__record_is(record, nonce) && rk__record_is_shared_safely(record);
    rk__record_close(record);
    return same;
}

/* All ranks of a node go the same way. */
static rk_status agree_on_node(rk__session_run *session, const char *path, rk_error *err) {
    const rk__world *world = session->world;
    uint64_t nonce[2] = {0, 0};
    if (world->rank == 0)
        rk__record_nonce(session->record, nonce);
    RK_TRY(rk__world_bcast(world->comm, nonce, sizeof nonce, 0, err));
    int reached = world->node == world->node_of_rank[0] || reaches(session, path, nonce);
    RK_TRY(rk__mpi(MPI_Allreduce(MPI_IN_PLACE, &reached, 1, MPI_INT, MPI_MIN, world->node_comm), "MPI_Allreduce", err));
    session->sends = !reached;
    int any = session->sends;
    RK_TRY(rk__mpi(MPI_Allreduce(MPI_IN_PLACE, &any, 1, MPI_INT, MPI_MAX, world->comm), "MPI_Allreduce", err));
    session->gathers = any != 0;
    return RK_OK;
}

/* ---- outputs of varying length, which do not go by message ---- */

static const char *varying_output(const rk__job *job) {
    for (size_t c = 0; c < job->schema.column_count; c++)
        if (job->schema.columns[c].varying)
            return job->schema.columns[c].values.name;
    return "";
}

static rk_status cannot_gather(const rk__world *world, const rk__run_options *options, const rk__job *job,
                               const char *path, rk_error *err) {
    if (options->gather)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "--gather: output '%s' is of varying length, which is not sent by message: leave --gather out",
                        varying_output(job));
    return rk__fail(err, RK_EUNSUPPORTED,
                    "host %s cannot write %s, which output '%s' of varying length wants of all nodes: choose a "
                    "directory that they share with -o, or start the ranks on one node",
                    world->host, path, varying_output(job));
}

typedef struct lock_holder {
    char host[256];
    long pid;
} lock_holder;

rk_status rk__reach_check(const rk__world *world, const rk__run_options *options, const rk__job *job, const char *path,
                          rk_error *err) {
    lock_holder holder = {.pid = (long)getpid()};
    rk_status status = RK_OK;
    if (job->schema.varying == 0 || world->node_count == 1)
        return RK_OK;
    snprintf(holder.host, sizeof holder.host, "%s", world->host);
    RK_TRY(rk__world_bcast(world->comm, &holder, sizeof holder, 0, err));
    if (world->node != world->node_of_rank[0] && (options->gather || !rk__lock_is_seen(path, holder.host, holder.pid)))
        status = cannot_gather(world, options, job, path, err);
    return rk__world_agree(world, status, err);
}

/* ---- opening it ---- */

static rk_status open_port(rk__session_run *session, const char *path, const char *layout, rk_error *err) {
    RK_TRY(rk__courier_create(&session->courier, session, err));
    return rk__record_open_port(&session->record, path, layout, rk__courier_port(session->courier), err);
}

static rk_status send_layout(rk__session_run *session, char **layout, rk_error *err) {
    rk__text text = RK__TEXT_INIT;
    rk_status status = RK_OK;
    if (session->world->rank == 0) {
        status = rk__record_layout(session->record, &text, err);
        *layout = rk__strdup(rk__text_get(&text));
        rk__text_fini(&text);
    }
    RK_TRY(rk__world_agree(session->world, status, err));
    return rk__world_send_text(session->world, layout, err);
}

static rk_status open_by_port(rk__session_run *session, const char *path, rk_error *err) {
    char *layout = NULL;
    rk_status status = send_layout(session, &layout, err);
    if (status == RK_OK && session->world->rank == 0)
        status = rk__courier_create(&session->courier, session, err);
    else if (status == RK_OK && session->sends)
        status = open_port(session, path, layout, err);
    free(layout);
    return status;
}

rk_status rk__session_open(rk__session_run *session, const char *path, rk_error *err) {
    const rk__world *world = session->world;
    rk_status status = world->rank == 0 ? rk__record_open(&session->record, path, true, err) : RK_OK;
    RK_TRY(rk__world_agree(world, status, err));
    RK_TRY(agree_on_node(session, path, err));
    if (session->sends && session->job->schema.varying > 0)
        status = cannot_gather(world, session->options, session->job, path, err);
    RK_TRY(rk__world_agree(world, status, err));
    if (world->rank != 0 && !session->sends)
        status = rk__record_open(&session->record, path, true, err);
    RK_TRY(rk__world_agree(world, status, err));
    return session->gathers ? rk__world_agree(world, open_by_port(session, path, err), err) : RK_OK;
}
