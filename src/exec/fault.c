#include "exec/fault.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CATCHES_SIGNALS = 0 };
#else
enum { CATCHES_SIGNALS = 1 };
#endif

static const int numbers[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/* Handlers get no argument of ours. */
static rk__fault_fn on_fault;
static pid_t own_pid;               /* a task's forks have all of this too */
static pthread_key_t end_of_thread; /* its destructor sees pthread_exit() */
static bool has_key;
static _Thread_local const rk__exec_watch *watched;

static bool is_in_kernel(const rk__exec_watch *watch) {
    return watch != NULL && atomic_load(&watch->task) != 0 && getpid() == own_pid;
}

static void on_signal(int number, siginfo_t *info, void *context) {
    (void)context;
    bool has_address = number == SIGSEGV || number == SIGBUS;
    rk__fault fault = {.signal = number,
                       .has_address = has_address,
                       .address = has_address ? (uintptr_t)info->si_addr : 0,
                       .watch = watched};
    fault.is_stack = has_address && rk__stack_holds(fault.address);
    if (is_in_kernel(watched))
        on_fault(&fault);
    signal(number, SIG_DFL);
    raise(number);
}

static void on_call(const char *call, const rk__exec_watch *watch) {
    rk__fault fault = {.call = call, .watch = watch};
    if (is_in_kernel(watch))
        on_fault(&fault);
}

static void on_exit_call(void) {
    on_call("exit()", watched);
}

static void on_end_of_thread(void *watch) {
    on_call("pthread_exit()", watch);
}

void rk__fault_catch(rk__fault_fn caught) {
    on_fault = caught;
    if (own_pid != getpid()) {
        own_pid = getpid();
        atexit(on_exit_call);
        has_key = pthread_key_create(&end_of_thread, on_end_of_thread) == 0;
    }
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; CATCHES_SIGNALS && i < sizeof numbers / sizeof *numbers; i++)
        sigaction(numbers[i], &action, NULL);
}

rk_status rk__fault_watch(const rk__exec_watch *watch, rk_error *err) {
    RK_TRY(rk__stack_watch(err));
    watched = watch;
    if (has_key && pthread_setspecific(end_of_thread, watch) != 0)
        return rk__fail(err, RK_ENOMEM, "no memory to watch a thread");
    return RK_OK;
}

void rk__fault_unwatch(void) {
    watched = NULL;
    if (has_key)
        pthread_setspecific(end_of_thread, NULL);
    rk__stack_unwatch();
}

static const char *name_of(int number) {
    switch (number) {
    case SIGSEGV:
        return "segmentation fault";
    case SIGBUS:
        return "bus error";
    case SIGFPE:
        return "arithmetic fault";
    case SIGILL:
        return "illegal instruction";
    case SIGABRT:
        return "abort";
    case SIGKILL:
        return "killed";
    case SIGTERM:
        return "terminated";
    default:
        return "ended";
    }
}

void rk__fault_describe(int number, bool is_stack, char *buffer, size_t size) {
    snprintf(buffer, size, "%s (signal %d)", is_stack ? "stack overflow" : name_of(number), number);
}
