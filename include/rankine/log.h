/* Rankine: log lines of all ranks in one place. Python: multiprocessing.log_to_stderr, get_logger.
 *
 *     rk_log_to_stderr(RK_LOG_INFO, NULL);                              // in root
 *     rk_log(RK_LOG_WARNING, "step %d: %g is too large", step, x);      // anywhere
 *
 *     [2026-11-21T10:00:00.123Z WARNING node07/3/Process-2] step 17: 1e+09 is too large
 *
 * A line tells when (UTC), how bad, on which host and rank, and in which process if it has a name. All lines are
 * written by rank 0, each at once, those of one rank in order; those of different ranks as they come. When rk_main
 * returns, all are written. A rank that is ahead of what rank 0 has written by 128 lines or 32 KiB waits in rk_log, so
 * that nothing is lost and rank 0 keeps at most that much for each rank. */
#ifndef RANKINE_LOG_H
#define RANKINE_LOG_H

#include <rankine/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Python's levels. Others are fine too. */
enum {
    RK_LOG_NOTSET = 0,
    RK_LOG_DEBUG = 10,
    RK_LOG_INFO = 20,
    RK_LOG_WARNING = 30,
    RK_LOG_ERROR = 40,
    RK_LOG_CRITICAL = 50,
    RK_LOG_OFF = 1000
};

/** A line, if somebody wants that level; else next to nothing is done. From any rank. Python: get_logger().log(level,
 * msg, *args). Lines longer than 16 KiB are cut, line feeds at the end dropped.
 * @return RK_OK, also if nobody wants it; RK_ECANCELLED: the function was told to end, and the line was dropped as rank
 * 0 did not keep up (the next line of this rank says how many were); RK_EDEAD: rank 0 has died; RK_ENOMEM; RK_EPERM: no
 * thread of Rankine's. */
#if defined(__GNUC__) || defined(__clang__)
__attribute__((format(printf, 2, 3)))
#endif
RK_EXPORT rk_status
rk_log(int level, const char *fmt, ...);
/** The lowest level that somebody wants, RK_LOG_OFF if nobody does: to leave out what is costly to say. Python:
 * get_logger().getEffectiveLevel(). */
RK_EXPORT int rk_log_level(void);

/** From now on lines of that level and above go to rank 0's stderr; nothing does before. Valid on all ranks when it
 * returns; lines from before are written as it was. Called on rank 0. Python: log_to_stderr(level).
 * @param level  RK_LOG_OFF: no more
 * @return RK_OK; RK_EPERM: not on rank 0, or in an isolated process; RK_ECANCELLED; RK_ENOMEM. */
RK_EXPORT rk_status rk_log_to_stderr(int level, rk_error *err);
/** As that, appended to a file, instead of an earlier one. Python: get_logger().addHandler(FileHandler(path)).
 * @return as rk_log_to_stderr; RK_EIO: it can't be opened; RK_EINVAL: path is NULL */
RK_EXPORT rk_status rk_log_to_file(const char *path, int level, rk_error *err);

#ifdef __cplusplus
}
#endif
#endif
