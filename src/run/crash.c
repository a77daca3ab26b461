/* A task that crashes without isolation takes its rank with it, and so the run: all that can be done is to say which it
 * was, and that the rest is safe. Runs in a signal handler: nothing but what is async-signal-safe. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#if defined(__GLIBC__) || defined(__APPLE__)
#include <execinfo.h>
#define HAS_BACKTRACE 1
#endif

#include "run/run_private.h"

enum { EXIT_STOPPED = 75, FRAMES_MAX = 16 };

/* Put together beforehand; handlers get no argument of ours. */
static char before_task[400], behind_task[5000];

static char *add(char *at, const char *end, const char *text) {
    while (at < end && *text != '\0')
        *at++ = *text++;
    return at;
}

static char *add_number(char *at, const char *end, uint64_t number) {
    char digits[24], *first = digits + sizeof digits - 1;
    *first = '\0';
    do
        *--first = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return add(at, end, first);
}

/* In one write: other ranks may say the same. */
static void on_fault(const rk__fault *fault) {
    char what[64], text[sizeof before_task + sizeof behind_task + 128], *at = text;
    const char *end = text + sizeof text;
    rk__fault_describe(fault->signal, fault->is_stack, what, sizeof what);
    at = add(at, end, before_task);
    at = add_number(at, end, atomic_load(&fault->watch->task) - 1);
    at = add(at, end, atomic_load(&fault->watch->count) > 1 ? " (or one after it): " : ": ");
    at = add(at, end, what);
    at = add(at, end, behind_task);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)(at - text));
    (void)ignored;
#ifdef HAS_BACKTRACE
    void *frames[FRAMES_MAX];
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
#endif
    _exit(EXIT_STOPPED);
}

void rk__crash_catch(const rk__world *world, const rk__job *job, const char *path) {
    snprintf(before_task, sizeof before_task, "\nrankine: kernel '%.80s' crashed on rank %d (%.64s) in task ",
             job->module.kernel->name, world->rank, world->host);
    snprintf(behind_task, sizeof behind_task,
             "\nrankine: what is committed is safe; --isolate has such tasks recorded as failed while the others go on:"
             "\nrankine:     rankine resume %.4200s --isolate\n",
             path);
#ifdef HAS_BACKTRACE
    void *frame;
    backtrace(&frame, 1); /* loads what it needs now, not in the handler */
#endif
    rk__fault_catch(on_fault);
}
