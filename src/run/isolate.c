/* A lane whose tasks are computed by a process apart: the rank's side. The rank takes what the worker hands over
 * (handover.c). When the worker has ended, that is taken too, it is found out why (blame.c), and a new one goes on. The
 * helper that starts workers was forked before MPI_Init: there is no other should a task kill it. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/isolated.h"

#define NAP_MIN_NS UINT64_C(10000)
#define NAP_MAX_NS UINT64_C(1000000)
#define MOMENT_NS  UINT64_C(500000000)
#define LOOK_NS    UINT64_C(2000000) /* between two looks at the worker's time and memory */

enum {
    MESSAGES_BYTES = 4 << 20,
    ROWS_BYTES = 4 << 20,
    MESSAGES_AT_ONCE = 4096,
    READY_SECONDS = 300,
    RESERVE_MAX = 64 << 20
};

/* ---- the exchange, and the helper's orders ---- */

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t batch_of(const rk__lane *lane) {
    uint64_t tasks = rk__stage_batch_tasks(lane->stage);
    return tasks < RK__BATCH_MAX ? tasks : RK__BATCH_MAX;
}

/* A page that cannot be had would end the worker in the middle of a task. More than this may never be used. */
static bool reserve(int fd, size_t bytes) {
    int code = bytes <= RESERVE_MAX ? posix_fallocate(fd, 0, (off_t)bytes) : 0;
    errno = code;
    return code == 0 || code == EINVAL || code == EOPNOTSUPP;
}

static rk_status map_exchange(rk__isolated *isolated, const rk__exchange_sizes *sizes, int *fd, rk_error *err) {
    char name[80], job[40];
    rk__launch_job_name(job, sizeof job);
    snprintf(name, sizeof name, "%s-x%d", job, isolated->lane->session->world->rank);
    isolated->bytes = rk__exchange_bytes(sizes);
    *fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (*fd < 0)
        return rk__fail(err, RK_EIO, "shared memory '%s': %s", name, rk__errno_text(errno));
    shm_unlink(name);
    void *memory = MAP_FAILED;
    if (ftruncate(*fd, (off_t)isolated->bytes) != 0 || !reserve(*fd, isolated->bytes))
        return rk__fail(err, RK_ENOMEM, "%llu bytes of shared memory for isolated tasks: %s; make /dev/shm larger",
                        (unsigned long long)isolated->bytes, rk__errno_text(errno));
    memory = mmap(NULL, isolated->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (memory == MAP_FAILED)
        return rk__fail(err, RK_ENOMEM, "%llu bytes of shared memory for isolated tasks: %s",
                        (unsigned long long)isolated->bytes, rk__errno_text(errno));
    isolated->exchange = memory;
    rk__exchange_init(isolated->exchange, sizes);
    return RK_OK;
}

static void write_orders(const rk__lane *lane, rk__text *out) {
    const rk__session_run *session = lane->session;
    const rk__run_options *options = session->options;
    const rk__job *job = session->job;
    rk__orders orders = {.seed = job->identity.seed,
                         .block_tasks = UINT64_C(1) << job->schema.block_log2,
                         .deadline_ns = options->deadline_ns,
                         .batch_tasks = batch_of(lane),
                         .part = job->schema.part,
                         .parts = job->schema.parts,
                         .retries = options->retries,
                         .claimer = lane->claimer.number,
                         .timed = options->isolation.task_seconds > 0,
                         .limits_failures = options->limits_failures,
                         .failures_max = session->failures_max,
                         .place = lane->place};
    orders.place.core_list = NULL;
    orders.place.kernel_at = NULL;
    const char *kernel = *job->identity.kernel_path ? job->identity.kernel_path : job->identity.kernel_name;
    const char *strings[] = {kernel, job->space->text, options->reuse ? options->reuse : "", job->identity.kernel_path};
    rk__text_add_bytes(out, (const char *)&orders, sizeof orders);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
        rk__text_add_bytes(out, strings[i], strlen(strings[i]) + 1);
}

static rk_status wait_ready(const rk__isolated *isolated, rk_error *err) {
    rk__helper_message message;
    bool got = false;
    for (int i = 0; !got && i < READY_SECONDS; i++)
        RK_TRY(rk__helper_receive(isolated->helper->fd, &message, sizeof message, 1000, NULL, &got, err));
    if (!got)
        return rk__fail(err, RK_EIO, "the helper for isolated tasks is not ready after %d s", READY_SECONDS);
    return message.status == RK_OK ? RK_OK : rk__fail(err, (rk_status)message.status, "%s", message.text);
}

static rk_status give_orders(rk__isolated *isolated, int fd, rk_error *err) {
    const rk__segment *segment = &isolated->lane->session->segment;
    rk__helper_message message = {
        .verb = RK__HELPER_JOB, .exchange_bytes = isolated->bytes, .window_bytes = segment->bytes};
    int descriptors[2] = {segment->fd, fd};
    RK_TRY(rk__helper_send(isolated->helper->fd, &message, sizeof message, descriptors, err));
    return wait_ready(isolated, err);
}

static rk_status open_exchange(rk__isolated *isolated, rk_error *err) {
    const rk__lane *lane = isolated->lane;
    const rk__schema *schema = &lane->session->job->schema;
    rk__text orders = RK__TEXT_INIT;
    int fd = -1;
    write_orders(lane, &orders);
    rk__exchange_sizes sizes = {
        .message_bytes = larger(MESSAGES_BYTES, 2 * (schema->partial_bytes + RK__EXCHANGE_PIECE + 1024)),
        .row_bytes = larger(ROWS_BYTES, 2 * rk__exchange_batch_bytes(schema, batch_of(lane)) + 64),
        .text_bytes = orders.length,
        .fold_bytes = rk__fold_saved_bytes(lane->session->job->reducer)};
    rk_status status = orders.failed ? rk__fail(err, RK_ENOMEM, "no memory for the helper's orders")
                                     : map_exchange(isolated, &sizes, &fd, err);
    if (status == RK_OK) {
        memcpy(rk__exchange_text(isolated->exchange), rk__text_get(&orders), orders.length);
        status = give_orders(isolated, fd, err);
    }
    if (fd >= 0)
        close(fd);
    rk__text_fini(&orders);
    return status;
}

rk_status rk__isolated_open(rk__lane *lane, rk_error *err) {
    RK_TRY(rk__alloc((void **)&lane->isolated, 1, sizeof *lane->isolated, "isolation", err));
    lane->isolated->lane = lane;
    lane->isolated->helper = lane->session->options->isolation.helper;
    return open_exchange(lane->isolated, err);
}

/* The worker ends with the helper, should it still be there. */
void rk__isolated_close(rk__isolated *isolated) {
    if (isolated == NULL)
        return;
    if (isolated->exchange != NULL)
        munmap(isolated->exchange, isolated->bytes);
    free(isolated);
}

/* ---- the helper ---- */

/* A task that stops the helper does not stop the run. */
static void tend_helper(const rk__isolated *isolated) {
    siginfo_t change = {0};
    if (waitid(P_PID, (id_t)isolated->helper->pid, &change, WSTOPPED | WNOHANG) == 0 && change.si_pid != 0)
        kill(isolated->helper->pid, SIGCONT);
}

/* The worker has been killed with it, unless it wanted otherwise. What it has handed over is taken. Who kills a helper
 * often kills its rank, a moment later (a person, a system out of memory): then the others need not stop for it. */
static rk_status helper_is_gone(rk__isolated *isolated, rk_error *err) {
    bool took;
    uint64_t task = atomic_load(&isolated->exchange->watch.task);
    char which[48] = "";
    if (isolated->worker > 1) {
        kill(-isolated->worker, SIGKILL);
        kill(isolated->worker, SIGKILL);
    }
    RK_TRY(rk__isolated_take(isolated, UINT32_MAX, &took, err));
    rk__sleep_ns(MOMENT_NS);
    if (task > 0)
        snprintf(which, sizeof which, " while task %llu was computed", (unsigned long long)(task - 1));
    return rk__fail(err, RK_EIO, "the helper for isolated tasks of rank %d was killed%s",
                    isolated->lane->session->world->rank, which);
}

static rk_status tell_helper(rk__isolated *isolated, rk__helper_verb verb, rk_error *err) {
    rk__helper_message message = {.verb = (uint32_t)verb};
    rk_status status = rk__helper_send(isolated->helper->fd, &message, sizeof message, NULL, err);
    return status == RK_OK ? RK_OK : helper_is_gone(isolated, err);
}

/* ---- while it runs ---- */

uint64_t rk__resident_bytes(pid_t pid) {
    char path[64];
    unsigned long long pages = 0, shared = 0;
    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*u %llu %llu", &pages, &shared) != 2 || shared > pages)
        pages = shared = 0;
    fclose(file);
    return (pages - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool takes_too_long(const rk__isolated *isolated, uint64_t now) {
    const rk__exec_watch *watch = &isolated->exchange->watch;
    double limit = isolated->lane->session->options->isolation.task_seconds;
    uint64_t since = atomic_load(&watch->since_ns), count = atomic_load(&watch->count);
    return limit > 0 && since > 0 && now > since && (double)(now - since) * 1e-9 > limit * (double)count;
}

static bool takes_too_much(const rk__isolated *isolated) {
    uint64_t limit = isolated->lane->session->options->isolation.task_bytes;
    uint64_t base = atomic_load(&isolated->exchange->base_bytes);
    return limit > 0 && base > 0 && isolated->worker > 0 && rk__resident_bytes(isolated->worker) > base + limit;
}

static rk_status sentence_task(rk__isolated *isolated, uint64_t task, rk__sentence why, rk_error *err) {
    isolated->sentence = why;
    isolated->sentenced = task;
    return tell_helper(isolated, RK__HELPER_KILL, err);
}

/* The task is read before and after: what was seen is about one task. */
static rk_status watch_worker(rk__isolated *isolated, rk_error *err) {
    uint64_t now = rk__clock_ns(), task = atomic_load(&isolated->exchange->watch.task);
    if (now - isolated->looked_ns < LOOK_NS || isolated->sentence != RK__SENTENCE_NONE || task == 0)
        return RK_OK;
    isolated->looked_ns = now;
    bool late = takes_too_long(isolated, now), large = !late && takes_too_much(isolated);
    if ((!late && !large) || atomic_load(&isolated->exchange->watch.task) != task)
        return RK_OK;
    return sentence_task(isolated, task, late ? RK__SENTENCE_TIME : RK__SENTENCE_MEMORY, err);
}

/* ---- from one worker to the next ---- */

static rk_status start_worker(rk__isolated *isolated, rk_error *err) {
    atomic_store(&isolated->exchange->base_bytes, 0);
    isolated->running = true;
    isolated->sentence = RK__SENTENCE_NONE;
    return tell_helper(isolated, RK__HELPER_START, err);
}

static rk_status worker_ended(rk__isolated *isolated, const rk__helper_message *how, rk_error *err) {
    bool took;
    isolated->worker = 0;
    isolated->running = false;
    RK_TRY(rk__isolated_take(isolated, UINT32_MAX, &took, err));
    if (isolated->finished)
        return RK_OK;
    RK_TRY(rk__isolated_judge(isolated, how, err));
    if (atomic_load(&isolated->lane->session->segment.window->drain) == 0)
        return start_worker(isolated, err);
    rk__isolated_abandon(isolated);
    isolated->finished = true;
    return RK_OK;
}

static rk_status listen_to_helper(rk__isolated *isolated, rk_error *err) {
    rk__helper_message message;
    bool got;
    if (rk__helper_receive(isolated->helper->fd, &message, sizeof message, 0, NULL, &got, err) != RK_OK)
        return helper_is_gone(isolated, err);
    if (!got)
        return RK_OK;
    if (message.verb == RK__HELPER_ENDED)
        return worker_ended(isolated, &message, err);
    if (message.verb != RK__HELPER_STARTED)
        return rk__fail(err, (rk_status)message.status, "%s", message.text);
    isolated->worker = (pid_t)message.status;
    return RK_OK;
}

static rk_status follow_worker(rk__isolated *isolated, rk_error *err) {
    uint64_t nap_ns = NAP_MIN_NS;
    while (!isolated->finished) {
        bool took;
        RK_TRY(rk__isolated_take(isolated, MESSAGES_AT_ONCE, &took, err));
        RK_TRY(watch_worker(isolated, err));
        nap_ns = took ? NAP_MIN_NS : nap_ns < NAP_MAX_NS ? 2 * nap_ns : NAP_MAX_NS;
        if (took)
            continue;
        tend_helper(isolated);
        RK_TRY(listen_to_helper(isolated, err));
        rk__sleep_ns(nap_ns);
    }
    return RK_OK;
}

/* The process of a worker that has finished may still be there. */
static rk_status wait_for_end(rk__isolated *isolated, rk_error *err) {
    while (isolated->running) {
        RK_TRY(listen_to_helper(isolated, err));
        if (isolated->running)
            rk__sleep_ns(NAP_MIN_NS);
    }
    return RK_OK;
}

rk_status rk__isolated_work(rk__lane *lane, rk_error *err) {
    rk__isolated *isolated = lane->isolated;
    RK_TRY(wait_for_end(isolated, err));
    isolated->finished = false;
    isolated->exchange->rest_count = 0;
    RK_TRY(start_worker(isolated, err));
    return follow_worker(isolated, err);
}
