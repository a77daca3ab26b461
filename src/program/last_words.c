/* What a rank says when a function that it runs for others ends it: which rank, which function, how.
 *
 * Without .isolate such a function takes its rank along, and with Open MPI all others: Open MPI shows a stack, or
 * nothing at all of an exit. A line is said before whoever handled the signal so far does what it does; the signal then
 * ends the process as it would have. Handlers get no argument of ours, hence the static. They run on a stack of their
 * own (rk__stack_watch): that of the function may be used up. */
#define _GNU_SOURCE /* dladdr; NOLINT(bugprone-reserved-identifier) */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call/call.h"
#include "program/program.h"

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { SIGNALS = sizeof signals / sizeof *signals };

static struct {
    pid_t pid; /* a function's forks have all of this, too */
    int rank;
    char host[64];
    struct sigaction before[SIGNALS];
} last_words;

/* As in a stack that glibc prints, for addr2line; the name only of functions that are exported. */
static void name_function(rk_function function, char *text, size_t size) {
    Dl_info info;
    uintptr_t address = (uintptr_t)function;
    if (function == NULL)
        snprintf(text, size, "root");
    else if (dladdr((void *)address, &info) == 0 || info.dli_fname == NULL)
        snprintf(text, size, "%p", (void *)address);
    else
        snprintf(text, size, "%s(%s+0x%lx)", info.dli_fname, info.dli_sname != NULL ? info.dli_sname : "",
                 (unsigned long)(address - (uintptr_t)(info.dli_sname != NULL ? info.dli_saddr : info.dli_fbase)));
}

static void say(const char *what) {
    char where[300], line[512];
    name_function(rk__call_running(), where, sizeof where);
    int length = snprintf(line, sizeof line, "rankine: rank %d on %s, in the function %s: %s\n", last_words.rank,
                          last_words.host, where, what);
    size_t size = (size_t)length < sizeof line ? (size_t)length : sizeof line - 1;
    if (write(STDERR_FILENO, line, size) < 0)
        return; /* nobody listens */
}

/* The first thing: should we crash here, it is the signal that ends the process. */
static void give_back(int number) {
    for (size_t i = 0; i < SIGNALS; i++)
        if (signals[i] == number)
            sigaction(number, &last_words.before[i], NULL);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    char what[100];
    (void)context;
    give_back(number);
    if (getpid() != last_words.pid) {
        what[0] = '\0';
    } else if (rk__call_is_lost()) {
        say("it ended its thread (pthread_exit) within a call of Rankine's, a callback as a rule: it must return");
    } else if (rk__call_running() != NULL) {
        bool overflow = number == SIGSEGV && info->si_code > 0 && rk__stack_holds((uintptr_t)info->si_addr);
        snprintf(what, sizeof what, "signal %d (%s)%s", number, strsignal(number), overflow ? ": stack overflow" : "");
        say(what);
    }
    if (info->si_code <= 0) /* sent; else what was wrong is wrong again on return */
        raise(number);
}

static void on_exit_of_process(void) {
    if (rk__call_running() != NULL && getpid() == last_words.pid)
        say("it called exit, which ends the rank: return a status, or isolate it");
}

void rk__last_words_begin(const rk__world *world) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    last_words.pid = getpid();
    last_words.rank = world->rank;
    snprintf(last_words.host, sizeof last_words.host, "%s", world->host);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &last_words.before[i]);
    atexit(on_exit_of_process);
}
