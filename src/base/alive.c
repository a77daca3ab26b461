/* Is a process there? */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/base.h"

/* proc_pid_stat(5): the name, in parentheses, may hold anything. Where there is no /proc, no process is one. */
static bool is_zombie(long pid) {
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    const char *after_name = strrchr(text, ')');
    return after_name != NULL && after_name[1] == ' ' && (after_name[2] == 'Z' || after_name[2] == 'X');
}

bool rk__is_alive(long pid) {
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    return !is_zombie(pid);
}
