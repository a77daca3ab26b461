/* Reductions: up the binomial tree of rank 0, whoever the root is, so that values are always folded alike: a rank folds
 * those of the 2^k ranks behind it to the right of its own. */
#include <stdlib.h>
#include <string.h>

#include "base/types.h"
#include "collect/collect_private.h"

typedef struct sum { /* what has been folded so far */
    rk_type type;
    rk_fold fold;
    uint64_t count, bytes;
    void *values;
} sum;

static rk_status fold_from(rk__gathering *gathering, uint32_t from, sum *so_far) {
    void *more;
    RK_TRY(rk__exchange_take(gathering, from, so_far->bytes, &more));
    rk__collect_fold(so_far->type, so_far->fold, so_far->values, more, so_far->count);
    free(more);
    return RK_OK;
}

/* Rank 0 has the whole in the end. */
static rk_status fold_up(rk__gathering *gathering, sum *so_far) {
    uint32_t ranks = gathering->collect->ranks, me = rk__mail_endpoint(gathering->collect->mail);
    for (uint32_t bit = 1; bit < ranks; bit <<= 1) {
        if (me & bit)
            return rk__exchange_send(gathering, me - bit, so_far->values, so_far->bytes);
        if (me + bit < ranks)
            RK_TRY(fold_from(gathering, me + bit, so_far));
    }
    return RK_OK;
}

static rk_status check(rk__gathering *gathering, rk_data send, rk_fold fold, uint64_t *bytes) {
    RK_TRY(rk__data_bytes(gathering, send, bytes));
    if (!rk__fold_allowed(send.type, fold))
        return rk__fail(&gathering->err, RK_EINVAL,
                        "operation %d on %s: sum, prod, min and max of numbers, and and or of integers", (int)fold,
                        rk__type_name(send.type));
    return RK_OK;
}

static rk_status check_recv(rk__gathering *gathering, rk_data send, rk_data recv) {
    uint64_t bytes;
    RK_TRY(rk__data_bytes(gathering, recv, &bytes));
    if (recv.count != send.count || recv.type != send.type)
        return rk__fail(&gathering->err, RK_EINVAL, "%llu %s are folded into room for %llu %s: give both the same",
                        (unsigned long long)send.count, rk__type_name(send.type), (unsigned long long)recv.count,
                        rk__type_name(recv.type));
    return RK_OK;
}

static void begin_sum(sum *so_far, rk_data send, rk_fold fold, uint64_t bytes, void *values) {
    *so_far = (sum){send.type, fold, send.count, bytes, values};
    if (bytes > 0 && values != send.values)
        memmove(values, send.values, (size_t)bytes);
}

/* ---- reduce ---- */

static rk_status carry_to_root(rk__gathering *gathering, const sum *whole, uint32_t root, rk_data recv) {
    uint32_t me = rk__mail_endpoint(gathering->collect->mail);
    if (me == 0 && root != 0)
        return rk__exchange_send(gathering, root, whole->values, whole->bytes);
    if (me == root && root != 0)
        return rk__exchange_receive(gathering, 0, recv.values, whole->bytes);
    if (me == root && whole->bytes > 0)
        memcpy(recv.values, whole->values, (size_t)whole->bytes);
    return RK_OK;
}

static rk_status reduce(rk__gathering *gathering, rk_data send, rk_data recv, rk_fold fold, int root) {
    uint64_t bytes;
    void *room;
    sum so_far;
    RK_TRY(rk__data_root(gathering, root));
    RK_TRY(check(gathering, send, fold, &bytes));
    if (rk__mail_endpoint(gathering->collect->mail) == (uint32_t)root)
        RK_TRY(check_recv(gathering, send, recv));
    RK_TRY(rk__alloc(&room, 1, (size_t)bytes, "values to fold", &gathering->err));
    begin_sum(&so_far, send, fold, bytes, room);
    rk_status status = fold_up(gathering, &so_far);
    if (status == RK_OK)
        status = carry_to_root(gathering, &so_far, (uint32_t)root, recv);
    free(room);
    return status;
}

rk_status rk_reduce(rk_data send, rk_data recv, rk_fold fold, int root, double timeout_seconds, rk_error *err) {
    rk__signature signature = {RK__REDUCE, send.type, fold, (uint32_t)root, send.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, reduce(gathering, send, recv, fold, root), err);
}

/* ---- allreduce ---- */

static rk_status allreduce(rk__gathering *gathering, rk_data send, rk_data recv, rk_fold fold) {
    uint64_t bytes;
    sum so_far;
    RK_TRY(check(gathering, send, fold, &bytes));
    RK_TRY(check_recv(gathering, send, recv));
    begin_sum(&so_far, send, fold, bytes, recv.values);
    RK_TRY(fold_up(gathering, &so_far));
    return rk__tree_bcast(gathering, recv.values, bytes, 0);
}

rk_status rk_allreduce(rk_data send, rk_data recv, rk_fold fold, double timeout_seconds, rk_error *err) {
    rk__signature signature = {.kind = RK__ALLREDUCE, .type = send.type, .fold = fold, .count = send.count};
    rk__gathering *gathering;
    RK_TRY(rk__collective_begin(&gathering, &signature, timeout_seconds, err));
    return rk__collective_end(gathering, allreduce(gathering, send, recv, fold), err);
}
