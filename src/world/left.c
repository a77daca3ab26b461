/* Processes that a process has left behind. On Linux they can be adopted, and found as our children; their number is
 * not known and they may start more, so: kill whoever is our child now, and look again until nobody is, or time is up.
 * Elsewhere only those of the process group are found, which is killed by who knows it. */
#include "world/helper.h"

#ifdef __linux__

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(2000000000)
#define PAUSE_NS    UINT64_C(2000000)

void rk__left_adopt(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* proc(5): the children of our only thread. */
static void kill_listed(FILE *list) {
    long child;
    while (fscanf(list, "%ld", &child) == 1)
        kill((pid_t)child, SIGKILL);
}

static bool kill_children(void) {
    char path[80];
    snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
    FILE *list = fopen(path, "r");
    if (list == NULL)
        return false;
    kill_listed(list);
    fclose(list);
    return true;
}

void rk__left_end(void) {
    uint64_t deadline = rk__clock_ns() + PATIENCE_NS;
    pid_t reaped;
    while ((reaped = waitpid(-1, NULL, WNOHANG)) >= 0 && rk__clock_ns() < deadline) {
        if (reaped > 0)
            continue;
        if (!kill_children())
            return;
        rk__sleep_ns(PAUSE_NS);
    }
}

#else

void rk__left_adopt(void) {}

void rk__left_end(void) {}

#endif
