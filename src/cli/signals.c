#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

#include "run/run.h"

#define DEBOUNCE_NS UINT64_C(200000000)

/* A handler gets nothing but a number. */
static _Atomic uint64_t asked_ns; /* 0: not yet */
static volatile sig_atomic_t has_launcher, has_begun, exit_code = RK_EXIT_STOPPED;
static char farewell[4600]; /* put together beforehand */

static _Noreturn void end_at_once(void) {
    ssize_t ignored = has_begun ? write(STDERR_FILENO, farewell, strlen(farewell)) : 0;
    (void)ignored;
    _exit(exit_code);
}

/* Everything here is async-signal-safe. */
static void on_signal(int number) {
    uint64_t now = rk__clock_ns(), before = 0;
    bool counts = number != SIGUSR1 || has_launcher;
    bool first = counts && atomic_compare_exchange_strong(&asked_ns, &before, now);
    if (number != SIGUSR1 && !first && now - before > DEBOUNCE_NS)
        end_at_once();
    rk__run_drain();
}

/* What the parent had us ignore (nohup, a shell's background job) stays ignored. */
static void catch_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(numbers[i], &action, NULL);
}

void rk__signals_handle(bool launched, const char *go_on) {
    has_launcher = launched;
    if (go_on != NULL)
        snprintf(farewell, sizeof farewell,
                 "%srankine: stopped at once: the tasks that were running are computed again by: %s\n",
                 isatty(STDERR_FILENO) ? "\r\033[K" : "", go_on); /* a live line may stand there */
    catch_signals();
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write */
}

void rk__signals_begin(void) {
    has_begun = 1;
}

void rk__signals_end(int code) {
    has_begun = 0;
    exit_code = code;
}
