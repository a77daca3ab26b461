#include "cli/when.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/* Whole text matched? `end` is set by a last %n. */
static bool all_of(const char *text, int end) {
    return end > 0 && text[end] == '\0';
}

static bool with_unit(const char *text, double *seconds) {
    static const struct {
        const char *name;
        double seconds;
    } units[] = {{"", 1}, {"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}};
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isfinite(number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(end, units[i].name) == 0) {
            *seconds = number * units[i].seconds;
            return true;
        }
    return false;
}

static bool with_colons(const char *text, double *seconds) {
    unsigned days = 0, hours = 0, minutes = 0, rest = 0;
    int end = 0;
    bool ok =
        (sscanf(text, "%5u-%2u:%2u:%2u%n", &days, &hours, &minutes, &rest, &end) == 4 && all_of(text, end)) ||
        (days = 0, end = 0, sscanf(text, "%5u:%2u:%2u%n", &hours, &minutes, &rest, &end) == 3 && all_of(text, end)) ||
        (hours = 0, end = 0, sscanf(text, "%5u:%2u%n", &minutes, &rest, &end) == 2 && all_of(text, end));
    *seconds = ((days * 24.0 + hours) * 60 + minutes) * 60 + rest;
    return ok;
}

rk_status rk__parse_duration(const char *option, const char *text, double *seconds, rk_error *err) {
    double value;
    bool plain = text[0] >= '0' && text[0] <= '9' && text[1] != 'x';
    if (!plain || (!with_unit(text, &value) && !with_colons(text, &value)) || value > 1e9)
        return rk__fail(err, RK_EINVAL, "%s %s: a duration is expected, such as 90s, 1.5h, 2d, 1:30:00 or 2-12:00:00",
                        option, text);
    *seconds = value;
    return RK_OK;
}

static bool of_today(const char *text, time_t now, time_t *out) {
    unsigned hours, minutes, seconds = 0;
    int end = 0;
    struct tm day;
    bool ok = (sscanf(text, "%2u:%2u:%2u%n", &hours, &minutes, &seconds, &end) == 3 && all_of(text, end)) ||
              (seconds = 0, end = 0, sscanf(text, "%2u:%2u%n", &hours, &minutes, &end) == 2 && all_of(text, end));
    if (!ok || hours > 23 || minutes > 59 || seconds > 59 || localtime_r(&now, &day) == NULL)
        return false;
    day.tm_hour = (int)hours;
    day.tm_min = (int)minutes;
    day.tm_sec = (int)seconds;
    day.tm_isdst = -1;
    *out = mktime(&day);
    if (*out <= now) { /* tomorrow */
        day.tm_mday++;
        day.tm_isdst = -1;
        *out = mktime(&day);
    }
    return *out != (time_t)-1;
}

static bool of_a_day(const char *text, time_t *out) {
    struct tm day = {.tm_isdst = -1};
    int end = 0;
    bool ok = (sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d:%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &day.tm_hour,
                      &day.tm_min, &day.tm_sec, &end) == 6 &&
               all_of(text, end)) ||
              (day.tm_sec = 0, end = 0,
               sscanf(text, "%4d-%2d-%2d%*1[T ]%2d:%2d%n", &day.tm_year, &day.tm_mon, &day.tm_mday, &day.tm_hour,
                      &day.tm_min, &end) == 5 &&
                   all_of(text, end));
    struct tm asked = day;
    if (!ok)
        return false;
    day.tm_year -= 1900;
    day.tm_mon -= 1;
    *out = mktime(&day); /* which turns a 31st of June into a 1st of July */
    return *out != (time_t)-1 && day.tm_mday == asked.tm_mday && day.tm_mon == asked.tm_mon - 1;
}

static bool since_1970(const char *text, time_t *out) {
    uint64_t seconds;
    if (text[0] != '@' || !rk__parse_u64(text + 1, &seconds) || seconds > UINT64_C(1) << 33)
        return false;
    *out = (time_t)seconds;
    return true;
}

rk_status rk__parse_time(const char *option, const char *text, uint64_t now_ns, uint64_t *wall_ns, rk_error *err) {
    time_t now = (time_t)(now_ns / NS_PER_SECOND), then;
    if (!of_today(text, now, &then) && !of_a_day(text, &then) && !since_1970(text, &then))
        return rk__fail(err, RK_EINVAL, "%s %s: a time is expected, such as 14:30, 2026-11-21T14:30 or @1795251600",
                        option, text);
    if (then <= now)
        return rk__fail(err, RK_EINVAL, "%s %s: that is over", option, text);
    *wall_ns = (uint64_t)then * NS_PER_SECOND;
    return RK_OK;
}
