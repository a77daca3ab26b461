/* Calls that move data. What goes to all goes down a binomial tree, what goes to or comes from one goes straight, so
 * that each byte travels once; all to all by rounds. Source: R. Thakur, R. Rabenseifner, W. Gropp, "Optimization of
 * collective communication operations in MPICH", IJHPCA 19 (2005), doi:10.1177/1094342005051521, sections 4.1 to 4.3:
 * binomial broadcast, Bruck's all-gather, pairwise exchange. */
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "collect/collect_private.h"

static uint32_t own_rank(const rk__gathering *gathering) {
    return rk__mail_endpoint(gathering->collect->mail);
}

static uint32_t ranks_of(const rk__gathering *gathering) {
    return gathering->collect->ranks;
}

/* ---- arguments ---- */

rk_status rk__data_bytes(rk__gathering *gathering, rk_data data, uint64_t *bytes) {
    uint64_t each = rk__type_bytes(data.type);
    if (each == 0)
        return rk__fail(&gathering->err, RK_EINVAL, "type %d: values are RK_I8 to RK_F64, or RK_BOOL", (int)data.type);
    if (!rk__mul_u64(data.count, each, bytes) || *bytes > SIZE_MAX)
        return rk__fail(&gathering->err, RK_EINVAL, "%llu %s are more than memory holds",
                        (unsigned long long)data.count, rk__type_name(data.type));
    if (data.values == NULL && data.count > 0)
        return rk__fail(&gathering->err, RK_EINVAL, "%llu %s at NULL", (unsigned long long)data.count,
                        rk__type_name(data.type));
    return RK_OK;
}

rk_status rk__data_root(rk__gathering *gathering, int root) {
    if (root < 0 || (uint32_t)root >= ranks_of(gathering))
        return rk__fail(&gathering->err, RK_EINVAL, "root %d: ranks are 0 to %u", root, ranks_of(gathering) - 1);
    return RK_OK;
}

/* `all` is for parts of all ranks. */
static rk_status check_whole(rk__gathering *gathering, rk_data all, rk_data part) {
    uint64_t bytes, wanted;
    RK_TRY(rk__data_bytes(gathering, all, &bytes));
    if (all.type != part.type)
        return rk__fail(&gathering->err, RK_EINVAL, "parts are %s, the whole is %s: give both the same type",
                        rk__type_name(part.type), rk__type_name(all.type));
    if (!rk__mul_u64(part.count, ranks_of(gathering), &wanted) || wanted != all.count)
        return rk__fail(&gathering->err, RK_EINVAL, "%llu values for %u ranks with %llu each",
                        (unsigned long long)all.count, ranks_of(gathering), (unsigned long long)part.count);
    return RK_OK;
}

static rk_status check_counts(rk__gathering *gathering, rk_data all, const uint64_t *counts, rk_data part) {
    uint64_t bytes, sum = 0;
    RK_TRY(rk__data_bytes(gathering, all, &bytes));
    if (counts == NULL)
        return rk__fail(&gathering->err, RK_EINVAL, "the root gives no counts");
    if (all.type != part.type)
        return rk__fail(&gathering->err, RK_EINVAL, "parts are %s, the whole is %s: give both the same type",
                        rk__type_name(part.type), rk__type_name(all.type));
    for (uint32_t rank = 0; rank < ranks_of(gathering); rank++)
        if (!rk__add_u64(sum, counts[rank], &sum))
            sum = UINT64_MAX;
    if (sum != all.count)
        return rk__fail(&gathering->err, RK_EINVAL, "counts add up to %llu, of %llu values", (unsigned long long)sum,
                        (unsigned long long)all.count);
    if (counts[own_rank(gathering)] != part.count)
        return rk__fail(&gathering->err, RK_EINVAL, "counts[%u] is %llu, this rank's own part has %llu values",
                        own_rank(gathering), (unsigned long long)counts[own_rank(gathering)],
                        (unsigned long long)part.count);
    return RK_OK;
}

static void copy(void *to, const void *from, uint64_t bytes) {
    if (bytes > 0 && to != from)
        memmove(to, from, (size_t)bytes);
}

/* ---- bcast ---- */

/* The tree's places are ranks counted from the root: a place hears from the one without its lowest bit. */
rk_status rk__tree_bcast(rk__gathering *gathering, void *values, uint64_t bytes, uint32_t root) {
    uint32_t ranks = ranks_of(gathering), place = (own_rank(gathering) + ranks - root) % ranks, bit = 1;
    while (bit < ranks && !(place & bit))
        bit <<= 1;
    if (place != 0)
        RK_TRY(rk__exchange_receive(gathering, (place - bit + root) % ranks, values, bytes));
    for (bit >>= 1; bit > 0; bit >>= 1)
        if (place + bit < ranks)
            RK_TRY(rk__exchange_send(gathering, (place + bit + root) % ranks, values, bytes));
    return RK_OK;
}

static rk_status bcast(rk__gathering *gathering, rk_data data, int root) {
    uint64_t bytes;
    RK_TRY(rk__data_root(gathering, root));
    RK_TRY(rk__data_bytes(gathering, data, &bytes));
    return rk__tree_bcast(gathering, data.values, bytes, (uint32_t)root);
}

rk_status rk_bcast(rk_data data, int root, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__BCAST, .type = data.type, .root = (uint32_t)root, .count = data.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, bcast(gathering, data, root), err);
}

/* ---- scatter: counts NULL: all parts alike ---- */

static rk_status send_parts(rk__gathering *gathering, rk_data all, const uint64_t *counts, rk_data part) {
    uint64_t each = rk__type_bytes(all.type);
    const char *at = all.values;
    for (uint32_t rank = 0; rank < ranks_of(gathering); rank++) {
        uint64_t bytes = each * (counts != NULL ? counts[rank] : part.count);
        if (rank == own_rank(gathering))
            copy(part.values, at, bytes);
        else
            RK_TRY(rk__exchange_send(gathering, rank, at, bytes));
        at += bytes > 0 ? bytes : 0;
    }
    return RK_OK;
}

static rk_status scatter(rk__gathering *gathering, rk_data send, const uint64_t *counts, rk_data recv, int root,
                         bool alike) {
    uint64_t bytes;
    RK_TRY(rk__data_root(gathering, root));
    RK_TRY(rk__data_bytes(gathering, recv, &bytes));
    if (own_rank(gathering) != (uint32_t)root)
        return rk__exchange_receive(gathering, (uint32_t)root, recv.values, bytes);
    RK_TRY(alike ? check_whole(gathering, send, recv) : check_counts(gathering, send, counts, recv));
    return send_parts(gathering, send, alike ? NULL : counts, recv);
}

rk_status rk_scatter(rk_data send, rk_data recv, int root, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__SCATTER, .type = recv.type, .root = (uint32_t)root, .count = recv.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, scatter(gathering, send, NULL, recv, root, true), err);
}

rk_status rk_scatterv(rk_data send, const uint64_t *counts, rk_data recv, int root, double timeout_seconds,
                      rk_error *err) {
    rk__signature signature = {.kind = RK__SCATTERV, .type = recv.type, .root = (uint32_t)root};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, scatter(gathering, send, counts, recv, root, false), err);
}

/* ---- gather ---- */

static rk_status receive_parts(rk__gathering *gathering, rk_data part, rk_data all, const uint64_t *counts) {
    uint64_t each = rk__type_bytes(all.type);
    char *at = all.values;
    for (uint32_t rank = 0; rank < ranks_of(gathering); rank++) {
        uint64_t bytes = each * (counts != NULL ? counts[rank] : part.count);
        if (rank == own_rank(gathering))
            copy(at, part.values, bytes);
        else
            RK_TRY(rk__exchange_receive(gathering, rank, at, bytes));
        at += bytes > 0 ? bytes : 0;
    }
    return RK_OK;
}

static rk_status gather(rk__gathering *gathering, rk_data send, rk_data recv, const uint64_t *counts, int root,
                        bool alike) {
    uint64_t bytes;
    RK_TRY(rk__data_root(gathering, root));
    RK_TRY(rk__data_bytes(gathering, send, &bytes));
    if (own_rank(gathering) != (uint32_t)root)
        return rk__exchange_send(gathering, (uint32_t)root, send.values, bytes);
    RK_TRY(alike ? check_whole(gathering, recv, send) : check_counts(gathering, recv, counts, send));
    return receive_parts(gathering, send, recv, alike ? NULL : counts);
}

rk_status rk_gather(rk_data send, rk_data recv, int root, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__GATHER, .type = send.type, .root = (uint32_t)root, .count = send.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, gather(gathering, send, recv, NULL, root, true), err);
}

rk_status rk_gatherv(rk_data send, rk_data recv, const uint64_t *counts, int root, double timeout_seconds,
                     rk_error *err) {
    rk__signature signature = {.kind = RK__GATHERV, .type = send.type, .root = (uint32_t)root};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, gather(gathering, send, recv, counts, root, false), err);
}

/* ---- allgather, barrier ---- */

/* blocks: place i is for rank own + i; the first is there. Each round doubles what is there. */
static rk_status double_blocks(rk__gathering *gathering, char *blocks, uint64_t bytes) {
    uint32_t ranks = ranks_of(gathering), me = own_rank(gathering);
    for (uint32_t there = 1; there < ranks; there *= 2) {
        uint64_t more = there < ranks - there ? there : ranks - there;
        RK_TRY(rk__exchange_send(gathering, (me + ranks - there) % ranks, blocks, more * bytes));
        RK_TRY(rk__exchange_receive(gathering, (me + there) % ranks, bytes > 0 ? blocks + there * bytes : NULL,
                                    more * bytes));
    }
    return RK_OK;
}

static rk_status allgather(rk__gathering *gathering, rk_data send, rk_data recv) {
    uint64_t bytes, before = own_rank(gathering), after = ranks_of(gathering) - before;
    char *blocks;
    RK_TRY(rk__data_bytes(gathering, send, &bytes));
    RK_TRY(check_whole(gathering, recv, send));
    RK_TRY(rk__alloc((void **)&blocks, ranks_of(gathering), (size_t)bytes, "gathered values", &gathering->err));
    copy(blocks, send.values, bytes);
    rk_status status = double_blocks(gathering, blocks, bytes);
    if (status == RK_OK && bytes > 0) {
        copy((char *)recv.values + before * bytes, blocks, after * bytes);
        copy(recv.values, blocks + after * bytes, before * bytes);
    }
    free(blocks);
    return status;
}

rk_status rk_allgather(rk_data send, rk_data recv, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__ALLGATHER, .type = send.type, .count = send.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, allgather(gathering, send, recv), err);
}

rk_status rk_barrier_all(double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__BARRIER};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, double_blocks(gathering, NULL, 0), err);
}

/* ---- alltoall ---- */

static rk_status check_alltoall(rk__gathering *gathering, rk_data send, rk_data recv) {
    rk_data part = {recv.values, send.count / ranks_of(gathering), send.type};
    uint64_t bytes;
    RK_TRY(rk__data_bytes(gathering, send, &bytes));
    RK_TRY(check_whole(gathering, recv, part));
    RK_TRY(check_whole(gathering, send, part));
    if (send.values == recv.values && send.count > 0)
        return rk__fail(&gathering->err, RK_EINVAL, "values are received where they are sent from: give other memory");
    return RK_OK;
}

static rk_status alltoall(rk__gathering *gathering, rk_data send, rk_data recv) {
    RK_TRY(check_alltoall(gathering, send, recv));
    uint32_t ranks = ranks_of(gathering), me = own_rank(gathering);
    uint64_t bytes = send.count / ranks * rk__type_bytes(send.type);
    const char *from = send.values;
    char *to = recv.values;
    if (bytes > 0)
        copy(to + me * bytes, from + me * bytes, bytes);
    for (uint32_t step = 1; step < ranks; step++) {
        uint32_t next = (me + step) % ranks, last = (me + ranks - step) % ranks;
        RK_TRY(rk__exchange_send(gathering, next, bytes > 0 ? from + next * bytes : NULL, bytes));
        RK_TRY(rk__exchange_receive(gathering, last, bytes > 0 ? to + last * bytes : NULL, bytes));
    }
    return RK_OK;
}

rk_status rk_alltoall(rk_data send, rk_data recv, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__ALLTOALL, .type = send.type, .count = send.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, alltoall(gathering, send, recv), err);
}
