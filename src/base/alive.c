/* Processes, as the machine sees them. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

/* proc_pid_stat(5): the name, in parentheses, may hold anything. */
bool rk__process_look(long pid, rk__process_facts *out) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *after_name = strrchr(text, ')');
    out->pid = pid;
    return after_name != NULL && sscanf(after_name + 1, " %c %ld %ld", &out->state, &out->parent, &out->group) == 3;
}

bool rk__process_has_ended(const rk__process_facts *process) {
    return process->state == 'Z' || process->state == 'X';
}

bool rk__is_alive(long pid) {
    rk__process_facts process;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    return !rk__process_look(pid, &process) || !rk__process_has_ended(&process);
}
