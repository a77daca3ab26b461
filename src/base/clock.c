#include "base/base.h"

#include <stdio.h>
#include <time.h>

static uint64_t read_clock(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

uint64_t rk__clock_ns(void) {
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t rk__wall_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

void rk__sleep_ns(uint64_t ns) {
    struct timespec time = {(time_t)(ns / UINT64_C(1000000000)), (long)(ns % UINT64_C(1000000000))};
    nanosleep(&time, NULL);
}

void rk__wall_text(uint64_t wall_ns, char *buffer, size_t size) {
    time_t seconds = (time_t)(wall_ns / UINT64_C(1000000000));
    struct tm parts;
    if (gmtime_r(&seconds, &parts) == NULL || strftime(buffer, size, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        snprintf(buffer, size, "?");
}
