/* A lane whose tasks are computed by a process apart: the rank's side.
 *
 * The rank takes what the worker hands over, and stages and commits it as if it had computed it. When the worker has
 * ended, the exchange says which task was in the kernel: that one is to blame, all that was handed over counts, and a
 * new worker goes on with the rest of the claim. It knows of the tasks that ended one before: such a task is tried
 * again up to --retries times, and then recorded as failed without being run.
 *
 * Where the kernel had several tasks in one call, or left processes behind in a block of several tasks, nobody is
 * blamed yet: the block is computed again, task by task, with a look behind each. */
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

#include "run/run_private.h"
#include "world/helper.h"

#define NAP_MIN_NS UINT64_C(10000)
#define NAP_MAX_NS UINT64_C(1000000)
#define LOOK_NS    UINT64_C(2000000) /* between two looks at the worker's time and memory */

enum {
    MESSAGES_BYTES = 4 << 20,
    ROWS_BYTES = 4 << 20,
    MESSAGES_AT_ONCE = 4096,
    BATCH_MAX = 1024,
    READY_SECONDS = 300,
    RESERVE_MAX = 64 << 20,
    BARREN_MAX = 5, /* workers in a row that end outside of the kernel */
    CODE_TIMEOUT = 124,
    CODE_SIGNAL = 128
};

typedef enum sentence { SENTENCE_NONE, SENTENCE_TIME, SENTENCE_MEMORY } sentence;

struct rk__isolated {
    rk__lane *lane;
    int fd; /* the helper's */
    rk__exchange *exchange;
    size_t bytes;
    bool running, finished;
    rk_status status;                /* of the worker that finished */
    uint64_t begun;                  /* 1 + the block under way; 0: none */
    uint64_t begun_ns;               /* when we heard of it */
    uint64_t lost_ns;                /* in that block, by workers that ended */
    uint64_t ended;                  /* 1 + the block handed over last; 0: none */
    uint64_t tasks, failed, retried; /* as of that block */
    uint64_t past_block;             /* 1 + the block that exchange->past is about */
    sentence sentence;               /* on the task with this number + 1 */
    uint64_t sentenced;
    uint64_t looked_ns;
    unsigned barren;
};

/* ---- the exchange, and the helper's orders ---- */

static uint64_t larger(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

static uint64_t batch_of(const rk__lane *lane) {
    uint64_t tasks = rk__stage_batch_tasks(lane->stage);
    return tasks < BATCH_MAX ? tasks : BATCH_MAX;
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
        RK_TRY(rk__helper_receive(isolated->fd, &message, sizeof message, 1000, NULL, &got, err));
    if (!got)
        return rk__fail(err, RK_EIO, "the helper for isolated tasks is not ready after %d s", READY_SECONDS);
    return message.status == RK_OK ? RK_OK : rk__fail(err, (rk_status)message.status, "%s", message.text);
}

static rk_status give_orders(rk__isolated *isolated, int fd, rk_error *err) {
    const rk__segment *segment = &isolated->lane->session->segment;
    rk__helper_message message = {
        .verb = RK__HELPER_JOB, .exchange_bytes = isolated->bytes, .window_bytes = segment->bytes};
    int descriptors[2] = {segment->fd, fd};
    RK_TRY(rk__helper_send(isolated->fd, &message, sizeof message, descriptors, err));
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
        .text_bytes = orders.length};
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
    lane->isolated->fd = lane->session->options->isolation.helper->fd;
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

/* ---- what the worker hands over ---- */

static rk_status take_rows(rk__isolated *isolated, const rk__message *message, rk_error *err) {
    void *rows[RK__COLUMNS_MAX];
    RK_TRY(rk__stage_rows(isolated->lane->stage, message->task, message->count, rows, err));
    rk__exchange_take_rows(isolated->exchange, &isolated->lane->session->job->schema, message, rows);
    return RK_OK;
}

static void begin_block(rk__isolated *isolated, uint64_t block) {
    isolated->begun = block + 1;
    isolated->begun_ns = rk__clock_ns();
    if (isolated->lane->log != NULL)
        rk__log_begin(isolated->lane->log, block);
}

static void abandon_block(rk__isolated *isolated) {
    rk__stage_abandon(isolated->lane->stage);
    isolated->begun = 0;
}

static rk_status end_block(rk__isolated *isolated, uint64_t block, const void *payload, rk_error *err) {
    rk__lane *lane = isolated->lane;
    const rk__schema *schema = &lane->session->job->schema;
    const rk__claimer_line *line = lane->claimer.line;
    rk__block_record record;
    memcpy(&record, payload, sizeof record);
    record.duration_ns += isolated->lost_ns;
    record.start_ns -= isolated->lost_ns;
    isolated->lost_ns = 0;
    isolated->begun = 0;
    isolated->ended = block + 1;
    isolated->tasks += rk__schema_block_tasks(schema, block);
    isolated->failed += record.failed;
    isolated->retried = atomic_load_explicit(&line->retried, memory_order_relaxed);
    isolated->barren = 0;
    return rk__lane_commit(lane, block, &record,
                           schema->partial_bytes > 0 ? (const char *)payload + sizeof record : NULL, err);
}

static rk_status finish(rk__isolated *isolated, const rk__message *message, const void *payload, rk_error *err) {
    isolated->finished = true;
    isolated->status = (rk_status)message->task;
    return isolated->status == RK_OK ? RK_OK : rk__fail(err, isolated->status, "%s", (const char *)payload);
}

static rk_status written_over(const rk__isolated *isolated, rk_error *err) {
    return rk__fail(
        err, RK_ECORRUPT,
        "a task has written over the memory by which the isolated process of rank %d hands its results over",
        isolated->lane->session->world->rank);
}

/* The process can write what it likes: nothing in a message is believed. */
static bool is_sound(const rk__isolated *isolated, const rk__message *message) {
    const rk__schema *schema = &isolated->lane->session->job->schema;
    switch ((rk__message_kind)message->kind) {
    case RK__MESSAGE_ROWS:
        return message->count > 0 && message->count <= BATCH_MAX && message->task < schema->tasks &&
               message->count <= schema->tasks - message->task &&
               rk__exchange_holds_rows(isolated->exchange, schema, message);
    case RK__MESSAGE_EMITTED:
        return message->column < schema->column_count && schema->columns[message->column].varying &&
               message->task < schema->tasks && message->bytes <= RK__EXCHANGE_PIECE;
    case RK__MESSAGE_FAILED:
        return message->bytes == sizeof(rk__failure);
    case RK__MESSAGE_END:
        return message->task + 1 == isolated->begun &&
               message->bytes == sizeof(rk__block_record) + schema->partial_bytes;
    case RK__MESSAGE_BEGIN:
        return message->task < schema->blocks;
    default:
        return true;
    }
}

static rk_status take_message(rk__isolated *isolated, const rk__message *message, const void *payload, rk_error *err) {
    rk__lane *lane = isolated->lane;
    rk__failure failure;
    if (!is_sound(isolated, message))
        return written_over(isolated, err);
    switch ((rk__message_kind)message->kind) {
    case RK__MESSAGE_BEGIN:
        begin_block(isolated, message->task);
        return RK_OK;
    case RK__MESSAGE_ROWS:
        return take_rows(isolated, message, err);
    case RK__MESSAGE_EMITTED:
        return rk__log_add(lane->log, message->task, (size_t)message->column, payload, message->bytes, err);
    case RK__MESSAGE_FAILED:
        memcpy(&failure, payload, sizeof failure);
        return rk__lane_write_failure(lane, &failure, err);
    case RK__MESSAGE_END:
        return end_block(isolated, message->task, payload, err);
    case RK__MESSAGE_STOPPED:
        abandon_block(isolated);
        return RK_OK;
    case RK__MESSAGE_FINISHED:
        return finish(isolated, message, payload, err);
    case RK__MESSAGE_SKIP:
        break;
    }
    return written_over(isolated, err);
}

/* At most so many; *took: there were any. */
static rk_status take_messages(rk__isolated *isolated, unsigned most, bool *took, rk_error *err) {
    rk__message message;
    const void *payload;
    *took = false;
    for (unsigned i = 0; i < most && rk__exchange_next(isolated->exchange, &message, &payload); i++) {
        *took = true;
        RK_TRY(take_message(isolated, &message, payload, err));
        rk__exchange_taken(isolated->exchange);
    }
    return RK_OK;
}

/* ---- when the worker has ended ---- */

static void describe_end(const rk__isolated *isolated, int status, int32_t *code, char *text, size_t size) {
    const rk__run_isolation *limits = &isolated->lane->session->options->isolation;
    char signal_text[64], bytes[32];
    if (isolated->sentence == SENTENCE_TIME) {
        *code = CODE_TIMEOUT;
        snprintf(text, size, "killed: it took longer than --task-timeout %g s", limits->task_seconds);
    } else if (isolated->sentence == SENTENCE_MEMORY) {
        *code = CODE_SIGNAL + SIGKILL;
        snprintf(text, size, "killed: it took more memory than --task-memory %s",
                 rk__format_bytes(limits->task_bytes, bytes, sizeof bytes));
    } else if (WIFSIGNALED(status)) {
        *code = CODE_SIGNAL + WTERMSIG(status);
        rk__fault_describe(WTERMSIG(status), atomic_load(&isolated->exchange->fault_is_stack) != 0, signal_text,
                           sizeof signal_text);
        snprintf(text, size, "%s%s", signal_text, WTERMSIG(status) == SIGKILL ? ": out of memory?" : "");
    } else if (WEXITSTATUS(status) == RK__WORKER_LEFT) {
        *code = RK_EKERNEL;
        snprintf(text, size, "left processes behind, which were killed");
    } else {
        *code = WEXITSTATUS(status) != 0 ? WEXITSTATUS(status) : (int32_t)RK_EKERNEL;
        snprintf(text, size, "ended its process by exit(%d)", WEXITSTATUS(status));
    }
}

static rk__failure *past_entry(rk__isolated *isolated, uint64_t task, rk_error *err) {
    rk__exchange *exchange = isolated->exchange;
    if (isolated->past_block != isolated->begun) {
        exchange->past_count = 0;
        isolated->past_block = isolated->begun;
    }
    for (uint64_t i = 0; i < exchange->past_count; i++)
        if (exchange->past[i].task == task)
            return &exchange->past[i];
    if (exchange->past_count == RK__PAST_MAX) {
        rk__fail(err, RK_EOVERFLOW, "more than %d tasks of one block end their process: use a smaller --block",
                 RK__PAST_MAX);
        return NULL;
    }
    rk__failure *entry = &exchange->past[exchange->past_count++];
    *entry = (rk__failure){.task = task};
    return entry;
}

/* Without a time limit nobody asks for the time at each task: then it is that of the block so far. */
static double seconds_in_kernel(const rk__isolated *isolated) {
    const rk__exec_watch *watch = &isolated->exchange->watch;
    uint64_t now = rk__clock_ns(), since = isolated->begun_ns;
    if (watch->timed)
        since = larger(since, atomic_load(&watch->since_ns));
    return now > since ? (double)(now - since) * 1e-9 : 0;
}

static rk_status blame(rk__isolated *isolated, uint64_t task, int status, rk_error *err) {
    rk__failure *entry = past_entry(isolated, task, err);
    if (entry == NULL)
        return err->code;
    entry->attempts++;
    entry->seconds += seconds_in_kernel(isolated);
    describe_end(isolated, status, &entry->code, entry->message, sizeof entry->message);
    return RK_OK;
}

static rk_status end_outside(rk__isolated *isolated, int status, rk_error *err) {
    char text[200];
    int32_t code;
    if (++isolated->barren <= BARREN_MAX)
        return RK_OK;
    describe_end(isolated, status, &code, text, sizeof text);
    return rk__fail(err, RK_EIO,
                    "the process for isolated tasks of rank %d ends again and again outside of its tasks: %s",
                    isolated->lane->session->world->rank, text);
}

/* Who is to blame? A task that was sentenced and ended in time is not, nor the one that came after it. */
static rk_status judge(rk__isolated *isolated, int status, rk_error *err) {
    rk__exchange *exchange = isolated->exchange;
    uint64_t task = atomic_load(&exchange->watch.task), count = atomic_load(&exchange->watch.count);
    bool left = WIFEXITED(status) && WEXITSTATUS(status) == RK__WORKER_LEFT;
    if (isolated->sentence != SENTENCE_NONE && isolated->sentenced != task)
        return RK_OK;
    if (isolated->begun == 0 || (task == 0 && !left))
        return end_outside(isolated, status, err);
    if (task == 0 || (count > 1 && exchange->careful_block != isolated->begun)) {
        exchange->careful_block = isolated->begun;
        return RK_OK;
    }
    return blame(isolated, task - 1, status, err);
}

/* The claim that the worker held, less what it has handed over. */
static void keep_rest(rk__isolated *isolated) {
    const rk__claimer_line *line = isolated->lane->claimer.line;
    uint64_t lo = atomic_load(&line->lo), hi = atomic_load(&line->hi);
    if (isolated->ended > lo && isolated->ended <= hi)
        lo = isolated->ended;
    isolated->exchange->rest_first = lo;
    isolated->exchange->rest_count = hi - lo;
}

static void restore_counts(rk__isolated *isolated) {
    rk__claimer_line *line = isolated->lane->claimer.line;
    atomic_store(&line->tasks, isolated->tasks);
    atomic_store(&line->failed, isolated->failed);
    atomic_store(&line->retried, isolated->retried);
}

static rk_status start_worker(rk__isolated *isolated, rk_error *err) {
    rk__helper_message message = {.verb = RK__HELPER_START};
    atomic_store(&isolated->exchange->pid, 0);
    atomic_store(&isolated->exchange->base_bytes, 0);
    isolated->sentence = SENTENCE_NONE;
    isolated->running = true;
    return rk__helper_send(isolated->fd, &message, sizeof message, NULL, err);
}

static rk_status worker_ended(rk__isolated *isolated, int status, rk_error *err) {
    bool took;
    RK_TRY(take_messages(isolated, UINT32_MAX, &took, err));
    isolated->running = false;
    if (isolated->finished)
        return RK_OK;
    if (isolated->begun != 0)
        isolated->lost_ns += rk__clock_ns() - isolated->begun_ns;
    RK_TRY(judge(isolated, status, err));
    abandon_block(isolated);
    restore_counts(isolated);
    keep_rest(isolated);
    rk__exchange_reset(isolated->exchange);
    if (atomic_load(&isolated->lane->session->segment.window->drain) != 0) {
        isolated->finished = true;
        return RK_OK;
    }
    return start_worker(isolated, err);
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
    return limit > 0 && base > 0 && rk__resident_bytes((pid_t)atomic_load(&isolated->exchange->pid)) > base + limit;
}

static rk_status sentence_task(rk__isolated *isolated, uint64_t task, sentence why, rk_error *err) {
    rk__helper_message message = {.verb = RK__HELPER_KILL};
    isolated->sentence = why;
    isolated->sentenced = task;
    return rk__helper_send(isolated->fd, &message, sizeof message, NULL, err);
}

/* The task is read before and after: what was seen is about one task. */
static rk_status watch_worker(rk__isolated *isolated, rk_error *err) {
    uint64_t now = rk__clock_ns(), task = atomic_load(&isolated->exchange->watch.task);
    if (now - isolated->looked_ns < LOOK_NS || isolated->sentence != SENTENCE_NONE || task == 0)
        return RK_OK;
    isolated->looked_ns = now;
    bool late = takes_too_long(isolated, now), large = !late && takes_too_much(isolated);
    if ((!late && !large) || atomic_load(&isolated->exchange->watch.task) != task)
        return RK_OK;
    return sentence_task(isolated, task, late ? SENTENCE_TIME : SENTENCE_MEMORY, err);
}

static rk_status listen_to_helper(rk__isolated *isolated, rk_error *err) {
    rk__helper_message message;
    bool got;
    RK_TRY(rk__helper_receive(isolated->fd, &message, sizeof message, 0, NULL, &got, err));
    if (!got)
        return RK_OK;
    if (message.verb == RK__HELPER_ENDED)
        return worker_ended(isolated, message.status, err);
    return rk__fail(err, (rk_status)message.status, "%s", message.text);
}

rk_status rk__isolated_work(rk__lane *lane, rk_error *err) {
    rk__isolated *isolated = lane->isolated;
    uint64_t nap_ns = NAP_MIN_NS;
    RK_TRY(start_worker(isolated, err));
    while (!isolated->finished) {
        bool took;
        RK_TRY(take_messages(isolated, MESSAGES_AT_ONCE, &took, err));
        RK_TRY(watch_worker(isolated, err));
        nap_ns = took ? NAP_MIN_NS : nap_ns < NAP_MAX_NS ? 2 * nap_ns : NAP_MAX_NS;
        if (took)
            continue;
        RK_TRY(listen_to_helper(isolated, err));
        rk__sleep_ns(nap_ns);
    }
    return RK_OK;
}
