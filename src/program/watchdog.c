/* A function may close descriptors that are not its own. MPI then waits for ever: in MPI_Finalize, and between nodes as
 * soon as it is asked for news (seen with Open MPI 4.1); it does so too at the end if the network is gone. A thread
 * looks now and then whether one of ours is still there, says so if not, and bounds the end. */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "program/program.h"

enum { LOOK_SECONDS = 1, LIMIT_SECONDS = 60, LIMIT_SECONDS_BROKEN = 5 /* there is nothing to wait for */ };

static void say(const rk__watchdog *watchdog, const char *what) {
    char line[300];
    int length = snprintf(line, sizeof line, "%.100s: rank %d%s\n", watchdog->name, watchdog->rank, what);
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        return; /* that one is closed, too */
}

static void look(rk__watchdog *watchdog) {
    struct stat info;
    if (watchdog->broken || watchdog->hold < 0 || fstat(watchdog->hold, &info) == 0)
        return;
    watchdog->broken = true;
    say(watchdog, ": a function has closed file descriptors that are not its own: MPI can't be used any more");
}

static bool is_late(const rk__watchdog *watchdog, const struct timespec *now) {
    return watchdog->ending &&
           now->tv_sec >= watchdog->end.tv_sec + (watchdog->broken ? LIMIT_SECONDS_BROKEN : LIMIT_SECONDS);
}

static void *keep_watch(void *ctx) {
    rk__watchdog *watchdog = ctx;
    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->over) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        look(watchdog);
        if (is_late(watchdog, &now)) {
            say(watchdog, " can't leave MPI in order: it ends as it is");
            _exit(1);
        }
        now.tv_sec += LOOK_SECONDS;
        while (!watchdog->over && pthread_cond_timedwait(&watchdog->changed, &watchdog->lock, &now) != ETIMEDOUT)
            ;
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

void rk__watchdog_begin(rk__watchdog *watchdog, const char *name, int rank, int hold) {
    pthread_condattr_t monotonic;
    *watchdog = (rk__watchdog){.name = name, .rank = rank, .hold = hold, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    watchdog->runs = pthread_create(&watchdog->thread, NULL, keep_watch, watchdog) == 0;
}

void rk__watchdog_ending(rk__watchdog *watchdog) {
    pthread_mutex_lock(&watchdog->lock);
    look(watchdog);
    watchdog->hold = -1; /* from now on it is closed by ourselves */
    watchdog->ending = true;
    clock_gettime(CLOCK_MONOTONIC, &watchdog->end);
    pthread_mutex_unlock(&watchdog->lock);
}

void rk__watchdog_end(rk__watchdog *watchdog) {
    if (!watchdog->runs)
        return;
    pthread_mutex_lock(&watchdog->lock);
    watchdog->over = true;
    pthread_cond_signal(&watchdog->changed);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
}
