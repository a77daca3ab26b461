#include <stdio.h>
#include <string.h>

#include "world/world.h"

/* Bytes of one MPI_Bcast: MPI-3 counts are int. */
#define BCAST_PIECE_BYTES ((size_t)1 << 30)

rk_status rk__mpi(int mpi_code, const char *what, rk_error *err) {
    if (mpi_code == MPI_SUCCESS)
        return RK_OK;
    char text[MPI_MAX_ERROR_STRING + 1] = "";
    int length = 0;
    if (MPI_Error_string(mpi_code, text, &length) != MPI_SUCCESS)
        return rk__fail(err, RK_EMPI, "%s failed with MPI error %d", what, mpi_code);
    return rk__fail(err, RK_EMPI, "%s failed: %s", what, text);
}

/* Where there are several, a person wants to know which. */
static void name_host(rk_error *err, const char *host) {
    char message[sizeof err->message];
    snprintf(message, sizeof message, "host %s: %s", host, err->message);
    memcpy(err->message, message, sizeof message);
}

/* What a failing rank tells the others. */
static rk_error verdict_of(const rk__world *world, rk_status local, const rk_error *err) {
    rk_error verdict = RK_ERROR_INIT;
    if (err != NULL && err->code == local)
        verdict = *err;
    else
        rk__fail(&verdict, local, "%s", rk_status_text(local));
    verdict.rank = world->rank;
    if (world->node_count > 1 && strncmp(verdict.message, "host ", 5) != 0)
        name_host(&verdict, world->host);
    return verdict;
}

rk_status rk__world_agree(const rk__world *world, rk_status local, rk_error *err) {
    int first = local == RK_OK ? world->size : world->rank;
    RK_TRY(rk__mpi(MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT, MPI_MIN, world->comm), "MPI_Allreduce", err));
    if (first == world->size)
        return RK_OK;
    rk_error verdict = verdict_of(world, local, err);
    RK_TRY(rk__world_bcast(world->comm, &verdict, sizeof verdict, first, err));
    if (err != NULL)
        *err = verdict;
    return verdict.code;
}

rk_status rk__world_bcast(MPI_Comm comm, void *bytes, size_t size, int root, rk_error *err) {
    unsigned char *next = bytes;
    while (size > 0) {
        size_t piece = size < BCAST_PIECE_BYTES ? size : BCAST_PIECE_BYTES;
        RK_TRY(rk__mpi(MPI_Bcast(next, (int)piece, MPI_BYTE, root, comm), "MPI_Bcast", err));
        next += piece;
        size -= piece;
    }
    return RK_OK;
}

rk_status rk__world_send_text(const rk__world *world, char **text, rk_error *err) {
    uint64_t length = world->rank == 0 && *text ? strlen(*text) : 0;
    RK_TRY(rk__world_bcast(world->comm, &length, sizeof length, 0, err));
    rk_status status = RK_OK;
    if (world->rank != 0)
        status = rk__alloc((void **)text, length + 1, 1, "text", err);
    RK_TRY(rk__world_agree(world, status, err));
    return length > 0 ? rk__world_bcast(world->comm, *text, length, 0, err) : RK_OK;
}
