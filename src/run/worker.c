/* An isolated process: claims blocks from the node's window for its rank, computes them, and hands them over through
 * the exchange. It has no MPI and no run file. Whatever a task does to it, the rank knows from the exchange which task
 * that was, and has another worker go on. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run/run_private.h"
#include "world/helper.h"

typedef struct worker {
    const rk__job *job;
    const rk__orders *orders;
    rk__exchange *exchange;
    rk__window *window;
    rk__exchange_writer writer;
    rk__claimer claimer;
    rk__exec *exec;
    void *partial;
    uint64_t block_ns, block_waited_ns; /* when the block began, and waits before that */
    uint64_t slot;                      /* of what was kept last */
} worker;

/* ---- what the executor gives ---- */

static rk_status take_rows(void *ctx, uint64_t first, uint64_t count, void **rows, rk_error *err) {
    (void)err;
    rk__exchange_rows(&((worker *)ctx)->writer, first, count, rows);
    return RK_OK;
}

static rk_status tell_failure(void *ctx, const rk__failure *failure, rk_error *err) {
    (void)err;
    worker *w = ctx;
    rk__message message = {.kind = RK__MESSAGE_FAILED};
    rk__exchange_put(&w->writer, &message, failure, sizeof *failure, NULL, 0);
    if (w->orders->limits_failures) /* so that a failure that stops the run is recorded */
        rk__exec_finish_block(w->exec);
    return RK_OK;
}

static rk_status tell_values(void *ctx, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err) {
    (void)err;
    for (uint64_t done = 0, piece; done < size; done += piece) {
        piece = size - done < RK__EXCHANGE_PIECE ? size - done : RK__EXCHANGE_PIECE;
        rk__message message = {.kind = RK__MESSAGE_EMITTED, .task = task, .column = column};
        rk__exchange_put(&((worker *)ctx)->writer, &message, (const char *)bytes + done, (size_t)piece, NULL, 0);
    }
    return RK_OK;
}

/* ---- tasks that end a process ---- */

static const rk__failure *past_of(void *ctx, uint64_t task) {
    const rk__failure *past = &((worker *)ctx)->exchange->past;
    return past->attempts > 0 && past->task == task ? past : NULL;
}

/* Orphans of a task are adopted by this process. One that has ended is only reaped. */
static bool has_left_processes(void) {
    pid_t ended;
    while ((ended = waitpid(-1, NULL, WNOHANG)) > 0)
        ;
    return ended == 0;
}

static void end_if_left(void *ctx, uint64_t task) {
    if (!has_left_processes())
        return;
    atomic_store(&((worker *)ctx)->exchange->watch.task, task + 1);
    _exit(RK__WORKER_LEFT);
}

/* fork() in a task gives a second process with all that this one has. It must not come back from the kernel. */
static volatile sig_atomic_t is_copy;

static void note_copy(void) {
    is_copy = 1;
}

static rk__exchange *last_words; /* for the signal handler */

static void on_fault(const rk__fault *fault) {
    atomic_store(&last_words->fault_address, (uint64_t)fault->address);
    atomic_store(&last_words->fault_is_stack, fault->is_stack);
    atomic_store(&last_words->fault_signal, (uint32_t)fault->signal);
}

/* ---- a block ---- */

static void tell(worker *w, rk__message_kind kind, uint64_t block) {
    rk__message message = {.kind = (uint32_t)kind, .task = block};
    rk__exchange_put(&w->writer, &message, NULL, 0, NULL, 0);
}

static uint64_t block_time(const worker *w) {
    return rk__clock_ns() - w->block_ns - (w->writer.waited_ns - w->block_waited_ns);
}

/* The slot that does not count now is written, and then made to count by a message. */
static void keep(void *ctx, uint64_t next, const rk__block_record *record) {
    worker *w = ctx;
    rk__kept *kept = rk__exchange_kept(w->exchange, w->slot ^= 1);
    rk__exchange_finish_batch(&w->writer);
    *kept = (rk__kept){.next = next, .retried = atomic_load(&w->claimer.line->retried), .record = *record};
    kept->record.duration_ns += block_time(w);
    rk__exec_save(w->exec, kept + 1);
    rk__message message = {.kind = RK__MESSAGE_KEPT, .task = next, .count = w->slot};
    rk__exchange_put(&w->writer, &message, NULL, 0, NULL, 0);
}

static rk_status begin_block(worker *w, uint64_t block, rk_error *err) {
    const rk__exchange *exchange = w->exchange;
    bool careful = exchange->careful_block == block + 1;
    unsigned log2 = w->job->schema.block_log2;
    w->writer.has_batch = false; /* of a block that was stopped */
    rk__exec_be_careful(w->exec, careful);
    tell(w, RK__MESSAGE_BEGIN, block);
    w->block_ns = rk__clock_ns();
    w->block_waited_ns = w->writer.waited_ns;
    if (!careful || exchange->go_on == 0)
        return RK_OK;
    w->slot = exchange->go_on - 1;
    const rk__kept *kept = rk__exchange_kept(w->exchange, w->slot);
    if (kept->next >> log2 != block && kept->next != (block + 1) << log2)
        return rk__fail(err, RK_ECORRUPT, "what was kept of block %llu is damaged", (unsigned long long)block);
    return rk__exec_go_on(w->exec, kept->next, &kept->record, kept + 1, err);
}

/* The rank would hear of it too late to stop tasks of a microsecond. */
static void limit_failures(const worker *w) {
    if (rk__window_count(w->window).failed > w->orders->failures_max)
        atomic_store(&w->window->drain, 1);
}

static rk_status run_block(void *ctx, uint64_t block, bool *stopped, uint64_t *duration_ns, rk_error *err) {
    worker *w = ctx;
    const rk__schema *schema = &w->job->schema;
    uint64_t first = block << schema->block_log2, count = rk__schema_block_tasks(schema, block);
    rk__block_record record;
    RK_TRY(begin_block(w, block, err));
    RK_TRY(rk__exec_block(w->exec, first, count, &record, w->partial, stopped, err));
    if (*stopped) {
        tell(w, RK__MESSAGE_STOPPED, block);
        return RK_OK;
    }
    if (has_left_processes()) {
        atomic_store(&w->exchange->watch.task, count == 1 ? first + 1 : 0);
        _exit(RK__WORKER_LEFT);
    }
    record.duration_ns -= w->writer.waited_ns - w->block_waited_ns;
    *duration_ns = record.duration_ns;
    rk__exchange_finish_batch(&w->writer);
    rk__message end = {.kind = RK__MESSAGE_END, .task = block};
    rk__exchange_put(&w->writer, &end, &record, sizeof record, w->partial, w->partial ? schema->partial_bytes : 0);
    if (record.failed > 0)
        limit_failures(w);
    return RK_OK;
}

static rk_status create_exec(worker *w, rk__reuse *reuse, rk_error *err) {
    rk__claimer_line *line = w->claimer.line;
    rk__exec_options options = {
        .kernel = w->job->module.kernel,
        .space = w->job->space,
        .schema = &w->job->schema,
        .reducer = w->job->reducer,
        .seed = w->orders->seed,
        .sink = {.rows = take_rows,
                 .failed = tell_failure,
                 .emitted = w->job->schema.varying > 0 ? tell_values : NULL,
                 .ctx = w,
                 .batch_tasks = w->orders->batch_tasks},
        .reuse = rk__reuse_loader(reuse),
        .place = &w->orders->place,
        .guard = {.watch = &w->exchange->watch,
                  .past = past_of,
                  .after = end_if_left,
                  .keep = keep,
                  .copied = &is_copy,
                  .ctx = w},
        .retries = w->orders->retries,
        .drain = &w->window->drain,
        .tasks = &line->tasks,
        .failed = &line->failed,
        .retried = &line->retried,
    };
    RK_TRY(rk__exec_create(&w->exec, &options, err));
    return rk__alloc(&w->partial, 1, w->job->schema.partial_bytes, "partial", err);
}

/* What another worker had claimed comes first. */
static rk_status work(worker *w, bool *out_of_time, rk_error *err) {
    uint64_t computed;
    rk__claims claims = {.claimer = &w->claimer,
                         .window = w->window,
                         .deadline_ns = w->orders->deadline_ns,
                         .block = run_block,
                         .ctx = w};
    RK_TRY(rk__claims_run(&claims, w->exchange->rest_first, w->exchange->rest_count, &computed, err));
    rk_status status = rk__claims_work(&claims, err);
    *out_of_time = claims.out_of_time;
    return status;
}

static rk_status live(worker *w, rk__reuse *reuse, bool *out_of_time, rk_error *err) {
    rk__claimer_follow(&w->claimer, w->window, w->orders->claimer, (uint32_t)getpid());
    RK_TRY(create_exec(w, reuse, err));
    RK_TRY(rk__fault_watch(&w->exchange->watch, err));
    rk__fault_catch(on_fault);
    if (pthread_atfork(NULL, NULL, note_copy) != 0)
        return rk__fail(err, RK_ENOMEM, "no memory to watch for forks");
    atomic_store(&w->exchange->base_bytes, rk__resident_bytes(getpid()));
    return work(w, out_of_time, err);
}

_Noreturn void rk__worker_run(const rk__job *job, const rk__orders *orders, rk__exchange *exchange, rk__window *window,
                              rk__reuse *reuse) {
    worker w = {.job = job, .orders = orders, .exchange = exchange, .window = window};
    rk_error err = RK_ERROR_INIT;
    w.writer = (rk__exchange_writer){.exchange = exchange, .schema = &job->schema};
    exchange->watch.timed = orders->timed != 0;
    last_words = exchange;
    bool out_of_time = false;
    rk_status status = live(&w, reuse, &out_of_time, &err);
    if (job->module.kernel->end != NULL)
        job->module.kernel->end();
    rk__message message = {.kind = RK__MESSAGE_FINISHED, .task = (uint64_t)status, .count = out_of_time};
    rk__exchange_put(&w.writer, &message, err.message, sizeof err.message, NULL, 0);
    _exit(0);
}
