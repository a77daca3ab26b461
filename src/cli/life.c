#include "cli/life.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How far clocks may be apart: those of two hosts, and one that was set while the run went on. */
#define CLOCK_SLACK_NS (UINT64_C(60) * 1000000000)

#ifdef __linux__

static bool read_small(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t length = fread(text, 1, size - 1, file);
    fclose(file);
    text[length] = '\0';
    return length > 0;
}

/* State and start of a process; proc_pid_stat(5): the name, in parentheses, may hold anything, and the start, field 22,
 * is in ticks since the machine was booted. */
static bool read_process(pid_t pid, char *state, uint64_t *start_ticks) {
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    if (!read_small(path, line, sizeof line))
        return false;
    const char *after_name = strrchr(line, ')');
    unsigned long long ticks;
    if (after_name == NULL ||
        sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
               state, &ticks) != 2)
        return false;
    *start_ticks = ticks;
    return true;
}

static bool read_uptime_ns(uint64_t *ns) {
    char text[64];
    double seconds;
    if (!read_small("/proc/uptime", text, sizeof text) || sscanf(text, "%lf", &seconds) != 1)
        return false;
    *ns = (uint64_t)(seconds * 1e9);
    return true;
}

/* Another process may have got the number of one that died: then it is younger than the session. */
static bool is_impostor(pid_t pid, uint64_t session_start_ns) {
    char state;
    uint64_t ticks, uptime_ns;
    long per_second = sysconf(_SC_CLK_TCK);
    if (per_second <= 0 || !read_process(pid, &state, &ticks) || !read_uptime_ns(&uptime_ns))
        return false;
    uint64_t age_ns = uptime_ns - (uint64_t)((double)ticks / (double)per_second * 1e9);
    return state == 'Z' || state == 'X' || rk__wall_ns() - age_ns > session_start_ns + CLOCK_SLACK_NS;
}

#else

static bool is_impostor(pid_t pid, uint64_t session_start_ns) {
    (void)pid, (void)session_start_ns;
    return false;
}

#endif

static bool is_alive(const rk__session *session) {
    pid_t pid = (pid_t)session->pid;
    bool there = pid > 0 && (kill(pid, 0) == 0 || errno == EPERM); /* EPERM: another user's */
    return there && !is_impostor(pid, session->start_ns);
}

static bool is_here(const rk__session *session) {
    char host[64] = "";
    gethostname(host, sizeof host - 1);
    return strcmp(session->host, host) == 0;
}

const rk__session *rk__life_latest(const rk__session *sessions, size_t count) {
    return count > 0 ? &sessions[count - 1] : NULL;
}

static rk__life life_of(const rk__session *session) {
    if (session == NULL)
        return RK__LIFE_NONE;
    if (session->outcome != 0)
        return RK__LIFE_ENDED;
    if (!is_here(session))
        return RK__LIFE_REMOTE;
    return is_alive(session) ? RK__LIFE_RUNNING : RK__LIFE_KILLED;
}

static rk_status read_again(rk__record *record, rk__session **sessions, size_t *count, rk_error *err) {
    rk__session *fresh;
    RK_TRY(rk__record_read_sessions(record, &fresh, count, err));
    free(*sessions);
    *sessions = fresh;
    return RK_OK;
}

rk_status rk__life_read(rk__record *record, rk__session **sessions, size_t *count, rk__life *life, rk_error *err) {
    rk__session *found;
    size_t found_count;
    RK_TRY(rk__record_read_sessions(record, &found, &found_count, err));
    *life = life_of(rk__life_latest(found, found_count));
    if (*life == RK__LIFE_KILLED) {
        rk_status status = read_again(record, &found, &found_count, err);
        if (status != RK_OK) {
            free(found);
            return status;
        }
        *life = life_of(rk__life_latest(found, found_count));
    }
    *sessions = found;
    *count = found_count;
    return RK_OK;
}

bool rk__life_crash(rk__record *record, const rk__session *session, rk__failure *crash) {
    bool found = false;
    return session != NULL && session->outcome == 0 &&
           rk__record_read_crash(record, session->number, crash, &found, NULL) == RK_OK && found;
}

const char *rk__life_after_crash(const rk_kernel *kernel) {
    bool isolates = kernel == NULL || (kernel->ranks == NULL && !kernel->own_processes);
    return isolates ? " --isolate" : "";
}

const char *rk__life_outcome(uint32_t outcome) {
    static const char *const words[] = {"running or killed", "complete", "stopped", "failed"};
    return outcome < 4 ? words[outcome] : "?";
}

double rk__life_seconds_since(uint64_t wall_ns) {
    uint64_t now = rk__wall_ns();
    return now > wall_ns ? (double)(now - wall_ns) * 1e-9 : 0;
}
