/* A kernel that ends its process or its thread without isolation ends the run: all that can be done is to say which
 * task it was, and that the rest is safe.
 *
 *   the thread that crashed                     the teller, a thread that waits for it
 *   first of the node? else wait for that
 *   says task, kernel, rank, signal
 *   wakes the teller, waits a second   ------>  where the task lies, a short trace, a note in the run file
 *   says how to go on, ends            <------
 *
 * A signal handler may call next to nothing, and the teller may get stuck if the task has spoiled the memory that it
 * needs: so what matters most is said without it. */
#define _GNU_SOURCE /* dladdr; NOLINT(bugprone-reserved-identifier) */
#include <dlfcn.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#if defined(__GLIBC__) || defined(__APPLE__)
#include <execinfo.h>
#define HAS_BACKTRACE 1
#endif

#include <rankine/command.h>

#include "run/run_private.h"

enum { FRAMES_MAX = 24, FRAMES_SHOWN = 6, CODE_SIGNAL = 128, CODE_CALL = 1 };
#define TELL_NS UINT64_C(1000000000)
#define LOOK_NS UINT64_C(2000000)
#define TOLD    2u /* as in rk__window.crashed */

/* Handlers get no argument of ours. */
static struct crash {
    rk__session_run *session; /* NULL: no tasks are computed */
    const char *lead;         /* before head */
    char head[200], tail[4600];
    atomic_flag taken; /* a thread of this process is telling */
    rk__fault fault;
    char what[96];
    uint64_t task;
    void *frames[FRAMES_MAX];
    int frame_count;
    pthread_t teller;
    bool has_teller;
    sem_t wake;
    _Atomic uint32_t state; /* TOLD: the teller has done its part */
    _Atomic bool quit;
} crash = {.taken = ATOMIC_FLAG_INIT};

/* ---- in the thread that crashed: nothing but what is async-signal-safe ---- */

static char *add(char *at, const char *end, const char *text) {
    while (at < end && *text != '\0')
        *at++ = *text++;
    return at;
}

static char *add_number(char *at, const char *end, uint64_t number, unsigned base) {
    char digits[24], *first = digits + sizeof digits - 1;
    *first = '\0';
    do
        *--first = "0123456789abcdef"[number % base];
    while ((number /= base) > 0);
    return add(at, end, first);
}

static void say(const char *text, size_t length) {
    ssize_t ignored = write(STDERR_FILENO, text, length);
    (void)ignored;
}

/* "segmentation fault (signal 11) at address 0x0" */
static void describe(const rk__fault *fault) {
    char *at = crash.what;
    const char *end = at + sizeof crash.what - 1;
    if (fault->call != NULL) {
        at = add(at, end, "it called ");
        at = add(at, end, fault->call);
    } else {
        char name[64];
        rk__fault_describe(fault->signal, fault->is_stack, name, sizeof name);
        at = add(at, end, name);
    }
    if (fault->has_address && !fault->is_stack)
        at = add_number(add(at, end, " at address 0x"), end, fault->address, 16);
    *at = '\0';
}

static void say_head(void) {
    char text[sizeof crash.head + sizeof crash.what + 128], *at = text;
    const char *end = text + sizeof text;
    at = add_number(add(add(at, end, crash.lead), end, "rankine: task "), end, crash.task, 10);
    if (atomic_load(&crash.fault.watch->count) > 1)
        at = add(at, end, " or one of those after it");
    at = add(at, end, crash.head);
    at = add(at, end, crash.what);
    at = add(at, end, "\n");
    say(text, (size_t)(at - text));
}

/* Until another has told it, or had the time for it. */
static void wait_for(const _Atomic uint32_t *state) {
    for (uint64_t waited = 0; waited < TELL_NS && atomic_load(state) != TOLD; waited += LOOK_NS)
        rk__sleep_ns(LOOK_NS);
}

static bool is_first_of_node(_Atomic uint32_t *crashed) {
    uint32_t nobody = 0;
    return atomic_compare_exchange_strong(crashed, &nobody, 1);
}

static void tell(const rk__fault *fault) {
    crash.fault = *fault;
    crash.task = atomic_load(&fault->watch->task) - 1;
    describe(fault);
    say_head();
#ifdef HAS_BACKTRACE
    crash.frame_count = backtrace(crash.frames, FRAMES_MAX);
#endif
    if (crash.has_teller) {
        sem_post(&crash.wake);
        wait_for(&crash.state);
    }
    say(crash.tail, strlen(crash.tail));
}

/* Whoever comes first, of the threads and of the ranks of a node, tells; it then ends its process, and so the run. */
static void on_fault(const rk__fault *fault) {
    if (crash.session == NULL)
        return;
    while (atomic_flag_test_and_set(&crash.taken))
        rk__sleep_ns(TELL_NS);
    _Atomic uint32_t *crashed = &crash.session->segment.window->crashed;
    if (is_first_of_node(crashed)) {
        tell(fault);
        atomic_store(crashed, TOLD);
    } else {
        wait_for(crashed);
    }
    _exit(RK_EXIT_STOPPED);
}

/* ---- the teller ---- */

#ifdef HAS_BACKTRACE

/* Frames of our own say nothing to a person: those of the handler come first, then one of the system's that called it;
 * what called the kernel comes last. A kernel that is linked in cannot be told from us. */
static void add_trace(rk__text *out) {
    char **names = backtrace_symbols(crash.frames, crash.frame_count);
    Dl_info own, info;
    bool linked = crash.session->job->module.path == NULL;
    int i = 0, shown = 0;
    if (names == NULL || dladdr(&crash, &own) == 0)
        crash.frame_count = 0;
    while (i < crash.frame_count && dladdr(crash.frames[i], &info) != 0 && info.dli_fbase == own.dli_fbase)
        i++;
    for (i++; i < crash.frame_count && shown < FRAMES_SHOWN; i++, shown++) {
        if (!linked && dladdr(crash.frames[i], &info) != 0 && info.dli_fbase == own.dli_fbase)
            break;
        rk__text_add(out, "             %.*s\n", (int)strcspn(names[i], " ["), names[i]);
    }
    free(names);
}

#else

static void add_trace(rk__text *out) {
    (void)out;
}

#endif

static void say_more(void) {
    rk__text text = RK__TEXT_INIT, where = RK__TEXT_INIT;
    rk__space_where(&where, crash.session->job->space, crash.task);
    if (where.length > 0)
        rk__text_add(&text, "  at         %.400s\n", rk__text_get(&where));
    add_trace(&text);
    say(rk__text_get(&text), text.length);
    rk__text_fini(&where);
    rk__text_fini(&text);
}

/* Where the rows of this rank go by message, its messages must not: MPI may be what crashed. */
static void note_in_file(void) {
    rk__session_run *session = crash.session;
    rk__failure failure = {.task = crash.task,
                           .code = crash.fault.call != NULL ? CODE_CALL : CODE_SIGNAL + crash.fault.signal};
    if (session->sends)
        return;
    snprintf(failure.message, sizeof failure.message, "%s", crash.what);
    rk__session_write_failure(session, &failure, NULL);
}

static void *wait_and_tell(void *ctx) {
    (void)ctx;
    while (sem_wait(&crash.wake) != 0)
        continue;
    if (atomic_load(&crash.quit))
        return NULL;
    say_more();
    note_in_file();
    atomic_store(&crash.state, TOLD);
    return NULL;
}

/* ---- begin and end ---- */

/* A launcher says it once for all ranks. */
static void prepare_tail(const rk__session_run *session, const char *path) {
    if (rk__launch_is_watched())
        return;
    bool isolates = session->job->team_size == 0 && !session->job->module.kernel->own_processes;
    snprintf(crash.tail, sizeof crash.tail,
             "rankine: the run ends; what is committed is kept: rankine resume %.4200s%s\n", path,
             isolates ? " --isolate\nrankine: (--isolate records such tasks as failed while the others go on)" : "");
}

void rk__crash_begin(rk__session_run *session) {
    const rk__job *job = session->job;
    crash.lead = rk__launch_labels_output() ? "" : "\n"; /* a live line may stand there */
    snprintf(crash.head, sizeof crash.head, " of kernel '%.80s' on rank %d (%.64s): ", job->module.kernel->name,
             session->world->rank, session->world->host);
    prepare_tail(session, rk__record_path(session->record));
#ifdef HAS_BACKTRACE
    void *frame;
    backtrace(&frame, 1); /* loads what it needs now, not in the handler */
#endif
    atomic_store(&crash.quit, false);
    crash.has_teller =
        sem_init(&crash.wake, 0, 0) == 0 && pthread_create(&crash.teller, NULL, wait_and_tell, NULL) == 0;
    crash.session = session;
    rk__fault_catch(on_fault);
}

void rk__crash_end(void) {
    if (crash.session == NULL)
        return;
    crash.session = NULL;
    atomic_store(&crash.quit, true);
    if (crash.has_teller) {
        sem_post(&crash.wake);
        pthread_join(crash.teller, NULL);
    }
    sem_destroy(&crash.wake);
}
