#include "cli/guard.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

/* Functions of atexit() get no argument of ours. */
static volatile sig_atomic_t guarded;
static pid_t guarded_pid;

static void say(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void on_exit_call(void) {
    if (guarded == RK__GUARD_NONE || getpid() != guarded_pid)
        return;
    if (guarded == RK__GUARD_COMMAND) {
        say("rankine: the kernel called exit() while it was loaded, planned or checked: it must return instead; a plan "
            "refuses parameters by rk_plan_fail\n");
        _exit(RK_EXIT_ERROR);
    }
    say("rankine: the kernel called exit() outside of its tasks: the run ends here; what is committed is kept, go on "
        "with 'rankine resume FILE', --isolate keeps it apart\n");
    _exit(RK_EXIT_STOPPED);
}

void rk__guard_set(rk__guard_stage stage) {
    if (guarded_pid != getpid()) {
        guarded_pid = getpid();
        atexit(on_exit_call);
    }
    guarded = stage;
}
