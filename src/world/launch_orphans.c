/* Open MPI 5's ranks do not notice that mpirun was killed if they compute and make no MPI call; processes that a task
 * has started may outlive its rank. On Linux we can adopt them all. Their number is not known and they may start more,
 * so: kill whoever is our child now, and look again until nobody is, or time is up. */
#include "world/launch_private.h"

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
#define PAUSE_NS    UINT64_C(5000000)

void rk__launch_orphans_adopt(void) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

/* State, parent and process group. proc_pid_stat(5): the name, in parentheses, may hold anything. */
static bool read_stat(const char *pid, char *state, pid_t *parent, pid_t *group) {
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = '\0';
    const char *after_name = strrchr(line, ')');
    long parent_id, group_id;
    if (after_name == NULL || sscanf(after_name + 1, " %c %ld %ld", state, &parent_id, &group_id) != 3)
        return false;
    *parent = (pid_t)parent_id;
    *group = (pid_t)group_id;
    return true;
}

static void kill_child(pid_t child, pid_t group) {
    if (group == child)
        kill(-group, SIGKILL);
    kill(child, SIGKILL);
}

static void kill_children(void) {
    DIR *processes = opendir("/proc");
    if (processes == NULL)
        return;
    const struct dirent *entry;
    pid_t parent, group;
    char state;
    while ((entry = readdir(processes)) != NULL)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && read_stat(entry->d_name, &state, &parent, &group) &&
            parent == getpid())
            kill_child((pid_t)atol(entry->d_name), group);
    closedir(processes);
}

bool rk__launch_has_children(pid_t pid) {
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    pid_t parent, group;
    char state;
    bool found = processes == NULL; /* who cannot look assumes the best */
    while (!found && (entry = readdir(processes)) != NULL)
        found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' &&
                read_stat(entry->d_name, &state, &parent, &group) && parent == pid && state != 'Z' && state != 'X';
    if (processes != NULL)
        closedir(processes);
    return found;
}

void rk__launch_orphans_end(void) {
    uint64_t deadline = rk__clock_ns() + PATIENCE_NS;
    pid_t reaped;
    while ((reaped = waitpid(-1, NULL, WNOHANG)) >= 0 && rk__clock_ns() < deadline) {
        if (reaped > 0)
            continue;
        kill_children();
        rk__sleep_ns(PAUSE_NS);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

#else

void rk__launch_orphans_adopt(void) {}

bool rk__launch_has_children(pid_t pid) {
    (void)pid;
    return true;
}

void rk__launch_orphans_end(void) {}

#endif
