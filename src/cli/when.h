/* Durations and points in time, as people and batch systems write them. */
#ifndef RANKINE_WHEN_H
#define RANKINE_WHEN_H

#include "base/base.h"

/* "90", "90s", "1.5h", "2d", "10:30" (minutes and seconds), "1:30:00", "2-12:00:00" (days first, as in Slurm): seconds.
 * RK_EINVAL names the option and shows what is expected. */
rk_status rk__parse_duration(const char *option, const char *text, double *seconds, rk_error *err);
/* "14:30" or "14:30:00" (the next time the clock shows that), "2026-11-21T14:30", local time; "@1795251600": seconds
 * since 1970. Nanoseconds since 1970; one that is over is refused. */
rk_status rk__parse_time(const char *option, const char *text, uint64_t now_ns, uint64_t *wall_ns, rk_error *err);

#endif
