/* When an isolated worker has ended: who is to blame, and where does the next one go on?
 *
 * The exchange says which task was in the kernel: that one is to blame, and all that was handed over counts. It is
 * tried again up to --retries times, and then recorded as failed without being run. Where the kernel had several tasks
 * in one call, or left processes behind in a block of several tasks, nobody is blamed yet.
 *
 * The block under way is computed carefully from now on, once from its begin if nothing of it was kept. Behind each
 * task it is then kept how far it is, so that all further crashes in it cost but a new worker each. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "run/isolated.h"

enum {
    BARREN_MAX = 5, /* workers in a row that end outside of the kernel */
    CODE_TIMEOUT = 124,
    CODE_SIGNAL = 128
};

static void describe_end(const rk__isolated *isolated, const rk__helper_message *how, int32_t *code, char *text,
                         size_t size) {
    int status = how->status;
    const rk__run_isolation *limits = &isolated->lane->session->options->isolation;
    char signal_text[64], bytes[32];
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; /* else it ended by itself, before it was */
    if (killed && isolated->sentence == RK__SENTENCE_TIME) {
        *code = CODE_TIMEOUT;
        snprintf(text, size, "killed: it took longer than --task-timeout %g s", limits->task_seconds);
    } else if (killed && isolated->sentence == RK__SENTENCE_MEMORY) {
        *code = CODE_SIGNAL + SIGKILL;
        snprintf(text, size, "killed: it took more memory than --task-memory %s",
                 rk__format_bytes(limits->task_bytes, bytes, sizeof bytes));
    } else if (how->stopped != 0) {
        *code = CODE_SIGNAL + (int32_t)how->stopped;
        snprintf(text, size, "killed: it was stopped (signal %u) and did not go on", how->stopped);
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

/* Without a time limit nobody asks for the time at each task: then it is that of the block in this worker. */
static double seconds_in_kernel(const rk__isolated *isolated) {
    const rk__exec_watch *watch = &isolated->exchange->watch;
    uint64_t now = rk__clock_ns(), since = isolated->begun_ns;
    if (watch->timed && atomic_load(&watch->since_ns) > since)
        since = atomic_load(&watch->since_ns);
    return now > since ? (double)(now - since) * 1e-9 : 0;
}

static void blame(rk__isolated *isolated, uint64_t task, const rk__helper_message *how) {
    rk__failure *past = &isolated->exchange->past;
    if (past->attempts == 0 || past->task != task)
        *past = (rk__failure){.task = task};
    past->attempts++;
    past->seconds += seconds_in_kernel(isolated);
    describe_end(isolated, how, &past->code, past->message, sizeof past->message);
}

static rk_status end_outside(rk__isolated *isolated, const rk__helper_message *how, rk_error *err) {
    char text[200];
    int32_t code;
    if (++isolated->barren <= BARREN_MAX)
        return RK_OK;
    describe_end(isolated, how, &code, text, sizeof text);
    return rk__fail(err, RK_EIO,
                    "the process for isolated tasks of rank %d ends again and again outside of its tasks: %s",
                    isolated->lane->session->world->rank, text);
}

/* Who is to blame? A task that was sentenced and ended in time is not, nor the one that came after it. *blamed: that
 * task fails, now or after more attempts. */
static rk_status judge(rk__isolated *isolated, const rk__helper_message *how, bool *blamed, rk_error *err) {
    const rk__exchange *exchange = isolated->exchange;
    uint64_t task = atomic_load(&exchange->watch.task), count = atomic_load(&exchange->watch.count);
    bool left = WIFEXITED(how->status) && WEXITSTATUS(how->status) == RK__WORKER_LEFT;
    if (isolated->sentence != RK__SENTENCE_NONE && isolated->sentenced != task)
        return RK_OK;
    if (isolated->begun == 0 || (task == 0 && !left))
        return end_outside(isolated, how, err);
    if (task == 0 || (count > 1 && exchange->careful_block != isolated->begun))
        return RK_OK;
    *blamed = true;
    blame(isolated, task - 1, how);
    return RK_OK;
}

/* ---- what is left to do ---- */

static bool has_lasting_values(const rk__schema *schema) {
    for (size_t c = 0; c < schema->column_count; c++)
        if (schema->columns[c].varying && schema->columns[c].always)
            return true;
    return false;
}

/* Values that the task has emitted are in the log already: they do no harm where it is recorded as failed. With retries
 * there are none, for the worker holds them back. */
static bool can_go_on(const rk__isolated *isolated, bool blamed) {
    const rk__session_run *session = isolated->lane->session;
    if (isolated->kept == 0 || !isolated->emitted)
        return isolated->kept != 0;
    return blamed && isolated->exchange->past.attempts > session->options->retries &&
           !has_lasting_values(&session->job->schema);
}

/* The block under way goes on behind what was kept of it, or begins anew; in any case carefully. */
static void keep_block(rk__isolated *isolated, bool blamed) {
    rk__exchange *exchange = isolated->exchange;
    if (isolated->begun != 0)
        exchange->careful_block = isolated->begun;
    if (isolated->begun != 0 && isolated->first_ns == 0)
        isolated->first_ns = isolated->begun_ns;
    if (!can_go_on(isolated, blamed))
        rk__isolated_abandon(isolated);
    exchange->go_on = isolated->kept;
}

/* The claim that the worker held, less what it has handed over. */
static void keep_rest(rk__isolated *isolated) {
    const rk__claimer_line *line = isolated->lane->claimer.line;
    rk__claimer_mend(&isolated->lane->claimer);
    uint64_t lo = atomic_load(&line->lo), hi = atomic_load(&line->hi);
    if (isolated->ended > lo && isolated->ended <= hi)
        lo = isolated->ended;
    isolated->exchange->rest_first = lo;
    isolated->exchange->rest_count = hi - lo;
}

static void restore_counts(rk__isolated *isolated) {
    rk__claimer_line *line = isolated->lane->claimer.line;
    const rk__schema *schema = &isolated->lane->session->job->schema;
    uint64_t tasks = 0, failed = 0, retried = isolated->retried;
    if (isolated->kept != 0) {
        const rk__kept *kept = rk__exchange_kept(isolated->exchange, isolated->kept - 1);
        tasks = kept->next - ((isolated->begun - 1) << schema->block_log2);
        failed = kept->record.failed;
        retried = kept->retried;
    }
    atomic_store(&line->tasks, isolated->tasks + tasks);
    atomic_store(&line->failed, isolated->failed + failed);
    atomic_store(&line->retried, retried);
}

rk_status rk__isolated_judge(rk__isolated *isolated, const rk__helper_message *how, rk_error *err) {
    bool blamed = false;
    RK_TRY(judge(isolated, how, &blamed, err));
    keep_block(isolated, blamed);
    restore_counts(isolated);
    keep_rest(isolated);
    rk__exchange_reset(isolated->exchange);
    return RK_OK;
}
