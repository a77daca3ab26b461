#include "mail/bell.h"

#include <limits.h>
#include <stddef.h>
#include <time.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#ifdef __linux__

void rk__bell_wait(_Atomic uint32_t *bell, uint32_t seen, uint64_t ns) {
    struct timespec limit = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    syscall(SYS_futex, bell, FUTEX_WAIT, seen, &limit, NULL, 0);
}

void rk__bell_ring(_Atomic uint32_t *bell) {
    atomic_fetch_add(bell, 1);
    syscall(SYS_futex, bell, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#else

#define NAP_NS UINT64_C(200000)

void rk__bell_wait(_Atomic uint32_t *bell, uint32_t seen, uint64_t ns) {
    if (atomic_load(bell) != seen)
        return;
    struct timespec nap = {0, (long)(ns < NAP_NS ? ns : NAP_NS)};
    nanosleep(&nap, NULL);
}

void rk__bell_ring(_Atomic uint32_t *bell) {
    atomic_fetch_add(bell, 1);
}

#endif
