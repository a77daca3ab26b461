/* Processes that others leave behind: those of a task that outlive it, ranks that do not notice that mpirun was killed
 * (Open MPI 5's, while they compute and make no MPI call). On Linux we can adopt them all, and find them as our
 * children. Their number is not known and they may start more, so: kill whoever is our child now, and look again until
 * nobody is, or time is up. Elsewhere only those of a process group are found, which is killed by who knows it. */
#include "world/helper.h"

#ifdef __linux__

#include <dirent.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_NS UINT64_C(2000000000)
#define PAUSE_NS    UINT64_C(2000000)

void rk__left_adopt(bool wanted) {
    prctl(PR_SET_CHILD_SUBREAPER, wanted ? 1 : 0);
}

/* The next child of `parent` in an open /proc. */
static bool next_child(DIR *processes, pid_t parent, rk__process_facts *out) {
    const struct dirent *entry;
    while ((entry = readdir(processes)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && rk__process_look(atol(entry->d_name), out) &&
            out->parent == parent)
            return true;
    return false;
}

static bool kill_children(void) {
    DIR *processes = opendir("/proc");
    rk__process_facts child;
    if (processes == NULL)
        return false;
    while (next_child(processes, getpid(), &child)) {
        if (child.group == child.pid)
            kill((pid_t)-child.group, SIGKILL);
        kill((pid_t)child.pid, SIGKILL);
    }
    closedir(processes);
    return true;
}

int rk__left_count_children(pid_t pid) {
    DIR *processes = opendir("/proc");
    rk__process_facts child;
    int count = 0;
    if (processes == NULL)
        return INT_MAX; /* who cannot look assumes the best */
    while (next_child(processes, pid, &child))
        count += !rk__process_has_ended(&child);
    closedir(processes);
    return count;
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

#include <limits.h>

void rk__left_adopt(bool wanted) {
    (void)wanted;
}

int rk__left_count_children(pid_t pid) {
    (void)pid;
    return INT_MAX;
}

void rk__left_end(void) {}

#endif
