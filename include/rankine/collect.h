/* Rankine: a function on all ranks at once, and collective movement of data between them, as mpi4py has it.
 *
 *     static rk_status work(rk_call *call) {
 *         double mine = rk_rank(), sum;
 *         rk_error err = RK_ERROR_INIT;
 *         if (rk_allreduce(rk_f64s(&mine, 1), rk_f64s(&sum, 1), RK_FOLD_SUM, RK_FOREVER, &err) != RK_OK)
 *             return rk_call_fail(call, err.code, "%s", err.message);
 *         ...
 *     }
 *     RK_TRY(rk_everywhere(work, &job, sizeof job, RK_FOREVER, err));        // in root, or in any function
 *
 * Gatherings. The ranks that run the function of one rk_everywhere are a gathering; the collective calls below are made
 * within it. Every rank of the gathering makes the same calls in the same order, with the same type, count, root and
 * operation. Gatherings don't mix: several may be under way, also one within another. What corresponds in mpi4py is
 * COMM_WORLD (which lets ranks compute together that nobody has called together: here somebody calls).
 *
 * Failures. Nobody hangs. If a call fails on a rank, the gathering is broken: those who are in that call or come to it
 * later hear of it, and so do all calls after it. What a call returns, beside RK_OK:
 *   RK_EPERM      not within a function that rk_everywhere runs
 *   RK_EINVAL     ranks do not make the same call (the message names two that differ; also: one of them has returned
 *                 from the function), or an argument is wrong
 *   RK_ETIMEDOUT  the others did not come in time
 *   RK_EDEAD      a rank has died; err->rank says which, as for RK_EBROKEN
 *   RK_EBROKEN    it failed on another rank, or that rank's function failed: with that message
 *   RK_ECANCELLED the function was told to end
 *   RK_ENOMEM     no memory for letters
 * After a failure the contents of what was to be received are undefined. Data that is there already is not asked about
 * a mismatch: it is found out when the call that it belongs to ends, at the latest when the functions have.
 *
 * Counts are 64 bits wide; a call moves more than 2 GiB as it moves 2 bytes. A rank may be ahead of another, as in MPI,
 * but not by more than 128 letters or 1 MiB. */
#ifndef RANKINE_COLLECT_H
#define RANKINE_COLLECT_H

#include <rankine/kernel.h> /* rk_type */
#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Run function(arg) on all ranks at once, the caller's too (there by the caller itself; a rank that runs another
 * function begins when that one waits). Returns when all have ended. Callable from any function, an isolated one too:
 * then the caller only waits. mpi4py: what mpirun does with a script.
 * @param arg      `size` bytes, copied to each rank
 * @param timeout  for all of it; when it has passed, the functions that still run are told to end (their waits return
 *                 RK_ECANCELLED), and not waited for. While the caller computes in the function, nothing is noticed.
 * @return RK_OK: all returned RK_OK; what they leave with rk_call_return is dropped (rk_gather collects). Else the
 * status of the lowest rank that failed, with its message, and err->rank set. One that returned a failure of a
 * collective call which another rank had caused counts only if there is no other. RK_EDEAD: a rank has died (also
 * before, then nothing is run). RK_EINVAL: the ranks have not made the same collective calls; or no such function.
 * RK_ENOENT: a rank has not loaded the function's object. RK_EFULL: a rank runs too many functions. RK_ETIMEDOUT.
 * RK_ECANCELLED: the caller was told to end. RK_EPERM: no thread of Rankine's. RK_ENOMEM. */
RK_EXPORT rk_status rk_everywhere(rk_function function, const void *arg, size_t size, double timeout_seconds,
                                  rk_error *err);

/* Values to be sent, or room for values: borrowed for the length of a call. mpi4py: [buffer, count, datatype]. What is
 * only sent is not written to. type: RK_I8 ... RK_F64, RK_BOOL. */
typedef struct rk_data {
    void *values;
    uint64_t count;
    rk_type type;
} rk_data;

static inline rk_data rk_data_of(const void *values, uint64_t count, rk_type type) {
    rk_data data;
    data.values = (void *)(uintptr_t)values;
    data.count = count;
    data.type = type;
    return data;
}
static inline rk_data rk_i32s(const int32_t *values, uint64_t count) {
    return rk_data_of(values, count, RK_I32);
}
static inline rk_data rk_i64s(const int64_t *values, uint64_t count) {
    return rk_data_of(values, count, RK_I64);
}
static inline rk_data rk_u64s(const uint64_t *values, uint64_t count) {
    return rk_data_of(values, count, RK_U64);
}
static inline rk_data rk_f64s(const double *values, uint64_t count) {
    return rk_data_of(values, count, RK_F64);
}
static inline rk_data rk_octets(const void *bytes, uint64_t count) {
    return rk_data_of(bytes, count, RK_U8);
}
/* Of a rank that neither sends nor receives in this place (the `recv` of a gather elsewhere than at the root). */
static inline rk_data rk_no_data(void) {
    return rk_data_of(NULL, 0, RK_U8);
}

/* Sums and products of integers wrap around. A NaN makes minimum and maximum NaN. */
typedef enum rk_fold { RK_FOLD_SUM = 1, RK_FOLD_PROD, RK_FOLD_MIN, RK_FOLD_MAX, RK_FOLD_AND, RK_FOLD_OR } rk_fold;

/* ---- collective calls: all ranks of the gathering ---- */

/** The root's values to all. mpi4py: Bcast. @param data  at the root read, elsewhere written */
RK_EXPORT rk_status rk_bcast(rk_data data, int root, double timeout_seconds, rk_error *err);
/** A part of the root's values to each rank, in the order of ranks. mpi4py: Scatter.
 * @param send  root only: rk_size() * recv.count values
 * @param recv  may be the rank's own part of send */
RK_EXPORT rk_status rk_scatter(rk_data send, rk_data recv, int root, double timeout_seconds, rk_error *err);
/** As that, parts of unlike sizes, one behind the other in send. mpi4py: Scatterv.
 * @param counts  [rk_size()] root only: their sizes; their sum is send.count, and counts[r] rank r's recv.count */
RK_EXPORT rk_status rk_scatterv(rk_data send, const uint64_t *counts, rk_data recv, int root, double timeout_seconds,
                                rk_error *err);
/** The values of all ranks to the root, in the order of ranks. mpi4py: Gather.
 * @param recv  root only: rk_size() * send.count values */
RK_EXPORT rk_status rk_gather(rk_data send, rk_data recv, int root, double timeout_seconds, rk_error *err);
/** As that, of unlike numbers. mpi4py: Gatherv.
 * @param counts  [rk_size()] root only: counts[r] is rank r's send.count, and their sum recv.count */
RK_EXPORT rk_status rk_gatherv(rk_data send, rk_data recv, const uint64_t *counts, int root, double timeout_seconds,
                               rk_error *err);
/** The values of all ranks to all. mpi4py: Allgather. @param recv  rk_size() * send.count values */
RK_EXPORT rk_status rk_allgather(rk_data send, rk_data recv, double timeout_seconds, rk_error *err);
/** Part r of the values of rank s to place s on rank r. mpi4py: Alltoall.
 * @param send, recv  as many values, a multiple of rk_size(); not the same memory */
RK_EXPORT rk_status rk_alltoall(rk_data send, rk_data recv, double timeout_seconds, rk_error *err);
/** Value by value over all ranks. mpi4py: Reduce. Types RK_I8 ... RK_F64; RK_FOLD_AND and RK_FOLD_OR (of bits) integers
 * only. Floating sums are folded by a tree over the ranks that depends on their number alone: the same bits each time,
 * for each root, and for rk_allreduce.
 * @param recv  root only: send.count values; may be send */
RK_EXPORT rk_status rk_reduce(rk_data send, rk_data recv, rk_fold fold, int root, double timeout_seconds,
                              rk_error *err);
/** The same on all ranks. mpi4py: Allreduce. */
RK_EXPORT rk_status rk_allreduce(rk_data send, rk_data recv, rk_fold fold, double timeout_seconds, rk_error *err);
/** Nobody returns before all have come. mpi4py: Barrier. (rk_barrier, of <rankine/sync.h>, is an object instead.) */
RK_EXPORT rk_status rk_barrier_all(double timeout_seconds, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
