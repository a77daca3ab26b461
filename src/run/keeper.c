/* The helper of a rank: makes the same job as the rank once, and forks workers from it, which costs less than a
 * millisecond each. It waits for them, ends what they leave behind, and passes on what they print, up to a limit: a
 * task that prints without end must not fill a terminal or a log.
 *
 * It never touches the exchange but to find its orders. A task may stop it, and the rank wakes it; should a task kill
 * it, the run ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "run/run_private.h"
#include "world/helper.h"

enum { LOOK_MS = 5, STOPPED_LOOKS_MAX = 400, PRINTED_MAX = 1 << 20 };

typedef struct keeper {
    int fd;
    const rk__run_options *options;
    rk__job job;
    rk__orders orders;
    rk__exchange *exchange;
    rk__window *window;
    rk__reuse *reuse;
    pid_t worker;                    /* 0: none */
    unsigned stopped, stopped_looks; /* the signal that has stopped it; how often it was seen so since; 0: it goes on */
    int output[2];
    uint64_t printed;
} keeper;

/* ---- the job ---- */

static void *map(int fd, uint64_t bytes) {
    return mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
}

/* The strings lie behind the orders. */
static void read_orders(keeper *k) {
    const char *text = rk__exchange_text(k->exchange);
    const char **const strings[] = {&k->orders.kernel, &k->orders.space, &k->orders.reuse, &k->orders.kernel_at};
    memcpy(&k->orders, text, sizeof k->orders);
    text += sizeof k->orders;
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        *strings[i] = text;
        text += strlen(text) + 1;
    }
}

static rk_status make_job(keeper *k, const rk__helper_message *message, const int descriptors[2], rk_error *err) {
    k->window = map(descriptors[0], message->window_bytes);
    k->exchange = map(descriptors[1], message->exchange_bytes);
    if (k->window == MAP_FAILED || k->exchange == MAP_FAILED)
        return rk__fail(err, RK_ENOMEM, "the helper for isolated tasks: mapping memory: %s", rk__errno_text(errno));
    read_orders(k);
    rk__world_choose_gpu(k->orders.place.node_rank);
    k->orders.place.kernel_at = *k->orders.kernel_at ? k->orders.kernel_at : NULL;
    rk__run_options wanted = *k->options;
    wanted.kernel = k->orders.kernel;
    wanted.seed = k->orders.seed;
    wanted.block_tasks = k->orders.block_tasks;
    wanted.part = k->orders.part;
    wanted.parts = k->orders.parts;
    wanted.retries = k->orders.retries;
    wanted.isolation = (rk__run_isolation){.wanted = true};
    RK_TRY(rk__job_create(&k->job, &wanted, k->orders.space, true, err));
    return *k->orders.reuse ? rk__reuse_open(&k->reuse, &k->job, k->orders.reuse, err) : RK_OK;
}

static void answer(const keeper *k, rk__helper_verb verb, int32_t status, const char *text) {
    rk__helper_message message = {.verb = (uint32_t)verb, .status = status, .stopped = k->stopped};
    snprintf(message.text, sizeof message.text, "%s", text);
    rk__helper_send(k->fd, &message, sizeof message, NULL, NULL);
}

static void take_job(keeper *k, const rk__helper_message *message, int descriptors[2]) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = make_job(k, message, descriptors, &err);
    close(descriptors[0]);
    close(descriptors[1]);
    answer(k, RK__HELPER_READY, (int32_t)status, err.message);
}

/* ---- workers ---- */

/* As a program expects to find them. */
static void reset_signals(void) {
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGTSTP, SIGCHLD};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        signal(numbers[i], SIG_DFL);
}

/* Should memory run out, the kernel of the system is to take this process, and not the rank. */
static void volunteer(void) {
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    ssize_t ignored = fd >= 0 ? write(fd, "800", 3) : 0;
    (void)ignored;
    if (fd >= 0)
        close(fd);
}

static _Noreturn void be_worker(keeper *k, pid_t parent) {
    setpgid(0, 0);
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(0);
    reset_signals();
    rk__left_adopt(true);
    volunteer();
    dup2(k->output[1], STDOUT_FILENO);
    dup2(k->output[1], STDERR_FILENO);
    close(k->output[0]);
    close(k->output[1]);
    close(k->fd);
    rk__worker_run(&k->job, &k->orders, k->exchange, k->window, k->reuse);
}

static void start_worker(keeper *k) {
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        be_worker(k, parent);
    if (pid < 0) {
        answer(k, RK__HELPER_READY, RK_ENOMEM, "starting a process for isolated tasks failed");
        return;
    }
    setpgid(pid, pid);
    k->worker = pid;
    k->stopped = k->stopped_looks = 0;
    answer(k, RK__HELPER_STARTED, (int32_t)pid, "");
}

static void end_worker(keeper *k) {
    if (k->worker <= 0)
        return;
    kill(-k->worker, SIGKILL);
    kill(k->worker, SIGKILL); /* it may have left its group */
}

/* A task that stops itself would last for ever. Looks are counted, and not time: a batch system may have stopped us
 * all, and lets us go on one by one. */
static void look_for_stop(keeper *k) {
    if (k->stopped != 0 && ++k->stopped_looks == STOPPED_LOOKS_MAX)
        end_worker(k);
}

/* What the worker has left behind ends before the rank hears of its end. */
static void look_for_end(keeper *k) {
    int status;
    if (k->worker == 0 || waitpid(k->worker, &status, WNOHANG | WUNTRACED | WCONTINUED) != k->worker) {
        look_for_stop(k);
        return;
    }
    if (WIFSTOPPED(status) || WIFCONTINUED(status)) {
        k->stopped = WIFSTOPPED(status) ? (unsigned)WSTOPSIG(status) : 0;
        k->stopped_looks = 0;
        return;
    }
    kill(-k->worker, SIGKILL);
    rk__left_end();
    k->worker = 0;
    answer(k, RK__HELPER_ENDED, status, "");
}

/* ---- what workers print ---- */

static void say_too_much(const keeper *k) {
    fprintf(stderr, "\nrankine: tasks of rank %d print more than %d bytes: the rest is not shown\n",
            k->orders.place.rank, PRINTED_MAX);
}

static void pass_output(keeper *k) {
    char buffer[16384];
    ssize_t got;
    for (int i = 0; i < 64 && (got = read(k->output[0], buffer, sizeof buffer)) > 0; i++) {
        bool before = k->printed <= PRINTED_MAX;
        if (before && fwrite(buffer, 1, (size_t)got, stderr) != (size_t)got)
            clearerr(stderr);
        k->printed += (uint64_t)got;
        if (before && k->printed > PRINTED_MAX)
            say_too_much(k);
    }
}

static rk_status open_output(keeper *k, rk_error *err) {
    if (pipe(k->output) != 0)
        return rk__fail(err, RK_EIO, "a pipe for what isolated tasks print: %s", rk__errno_text(errno));
    fcntl(k->output[0], F_SETFL, O_NONBLOCK);
    fcntl(k->output[0], F_SETFD, FD_CLOEXEC);
    fcntl(k->output[1], F_SETFD, FD_CLOEXEC);
    return RK_OK;
}

/* ---- the helper's life ---- */

static void on_child(int number) {
    (void)number; /* it interrupts the wait for messages */
}

static void obey(keeper *k, const rk__helper_message *message, int descriptors[2]) {
    if (message->verb == RK__HELPER_JOB)
        take_job(k, message, descriptors);
    else if (message->verb == RK__HELPER_START)
        start_worker(k);
    else if (message->verb == RK__HELPER_KILL)
        end_worker(k);
}

static void serve(void *ctx, int fd) {
    keeper k = {.fd = fd, .options = ctx};
    struct sigaction action = {.sa_handler = on_child};
    bool got;
    int descriptors[2];
    rk__helper_message message;
    sigemptyset(&action.sa_mask);
    sigaction(SIGCHLD, &action, NULL);
    rk__left_adopt(true);
    if (open_output(&k, NULL) != RK_OK)
        return;
    while (rk__helper_receive(fd, &message, sizeof message, k.worker > 0 ? LOOK_MS : 200, descriptors, &got, NULL) ==
           RK_OK) {
        if (got)
            obey(&k, &message, descriptors);
        pass_output(&k);
        look_for_end(&k);
    }
    end_worker(&k);
    rk__left_end();
    pass_output(&k);
}

rk_status rk__run_isolate(rk__run_options *options, rk_error *err) {
    rk__helper *helper;
    RK_TRY(rk__alloc((void **)&helper, 1, sizeof *helper, "helper", err));
    rk_status status = rk__helper_start(helper, serve, options, err);
    if (status != RK_OK) {
        free(helper);
        return status;
    }
    options->isolation.helper = helper;
    return RK_OK;
}

void rk__run_isolate_end(rk__run_options *options) {
    if (options->isolation.helper == NULL)
        return;
    rk__helper_end(options->isolation.helper);
    free(options->isolation.helper);
    options->isolation.helper = NULL;
}
