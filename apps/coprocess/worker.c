#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 200, PIECE = 1 << 16, WORKER_LATE = 124 /* as timeout(1) */ };

#define TOO_MUCH                                                                                                       \
    "the worker wrote more than one line for a task: one line with a JSON object is an answer, all else goes to "      \
    "standard error"

/* ---- the process ---- */

static void compose(worker *w, const worker_task *t) {
    char rank[24];
    message_clear(&w->message);
    template_expand(t->words, &(template_values){.made = t->made}, &w->message);
    message_add_environment(&w->message);
    snprintf(rank, sizeof rank, "%d", t->task->place != NULL ? t->task->place->rank : 0);
    message_variable(&w->message, "RANKINE_", "RANK", rank);
    w->message.head.wants_words = 1;
}

static bool open_pipes(int in[2], int out[2]) {
    if (!spawner_pipe(in))
        return false;
    if (spawner_pipe(out))
        return true;
    close(in[0]);
    close(in[1]);
    return false;
}

/* A write that does not wait: a worker that writes without end and does not read would otherwise hold both up. */
static int start(worker *w, const worker_task *t) {
    char why[SPAWNER_TEXT_MAX];
    int in[2], out[2];
    if (!open_pipes(in, out))
        return rk_task_fail(t->task, WORKER_FAILED, "cannot make a pipe to the worker: error %d", errno);
    compose(w, t);
    bool sent = spawner_run(&w->spawner, &w->message, (int[]){in[0], out[1], STDERR_FILENO}, why);
    close(in[0]);
    close(out[1]);
    w->to = in[1];
    w->from = out[0];
    w->has_answered = false;
    if (!sent) {
        worker_end(w, 0);
        return rk_task_fail(t->task, WORKER_FAILED, "%s", why);
    }
    fcntl(w->to, F_SETFL, O_NONBLOCK);
    shared_create(&w->shared, t->made, t->params);
    return RK_OK;
}

void worker_dismiss(worker *w) {
    if (w->to >= 0)
        close(w->to);
    w->to = -1;
}

static void forget(worker *w) {
    worker_dismiss(w);
    if (w->from >= 0)
        close(w->from);
    w->from = -1;
    shared_destroy(&w->shared);
}

/* False: it had to be killed, or the helper has died. */
static bool wait_for_end(worker *w, int milliseconds, message_end *end) {
    struct pollfd watched = {.fd = w->spawner.socket, .events = POLLIN};
    if (!w->spawner.is_there)
        return false;
    if (poll(&watched, 1, milliseconds) > 0)
        return spawner_wait(&w->spawner, end);
    spawner_stop(&w->spawner);
    return false;
}

void worker_end(worker *w, int milliseconds) {
    message_end end;
    if (w->from >= 0)
        (void)wait_for_end(w, milliseconds, &end);
    forget(w);
    spawner_stop(&w->spawner);
    message_fini(&w->message);
    line_fini(&w->line);
    free(w->answer);
    w->answer = NULL;
    w->room = w->used = 0;
}

/* ---- when it goes wrong ---- */

static void note_bad_start(worker *w, const char *why) {
    w->bad_starts++;
    snprintf(w->why, sizeof w->why, "%s", why);
}

/* That nobody has read yet; of either end of a pipe. */
static int bytes_in(int pipe_end) {
    int bytes = 0;
    return ioctl(pipe_end, FIONREAD, &bytes) == 0 ? bytes : 0;
}

static bool has_unread(const worker *w) {
    return w->written < w->line.used || bytes_in(w->to) > 0;
}

static void describe_end(const message_end *end, const char *name, char *text, size_t size) {
    if (end->error != 0)
        snprintf(text, size, "the worker '%.60s' %s", name,
                 end->error == ENOENT   ? "cannot be started: there is no such program"
                 : end->error == EACCES ? "cannot be started: it may not be executed"
                                        : "cannot be started");
    else if (WIFSIGNALED(end->status))
        snprintf(text, size, "the worker '%.60s' was ended by signal %d", name, WTERMSIG(end->status));
    else
        snprintf(text, size, "the worker '%.60s' ended with exit code %d", name, WEXITSTATUS(end->status));
}

/* It closed its output or ended. One that has closed its output only has a moment to end. */
static int tell_death(worker *w, const worker_task *t, bool unread) {
    char how[WORKER_TEXT_MAX], text[WORKER_TEXT_MAX + LAST_LINE_MAX + 100];
    message_end end = {0};
    const char *name = w->message.data;
    worker_dismiss(w);
    if (wait_for_end(w, PATIENCE_MS, &end)) {
        describe_end(&end, name, how, sizeof how);
    } else {
        snprintf(how, sizeof how, "the worker '%.60s' closed its output, or was killed with its helper", name);
        unread = false;
    }
    snprintf(text, sizeof text, "%s%s%s%s", how,
             !unread          ? " while it had this task (another is started for the next)"
             : end.error != 0 ? ""
                              : " at once, and read no task",
             *end.last_words ? "; last on its stderr: " : "", end.last_words);
    if (unread && !w->has_answered)
        note_bad_start(w, text);
    forget(w);
    return rk_task_fail(t->task, WORKER_FAILED, "%s", text);
}

int worker_refuse(worker *w, rk_task *task, const char *why) {
    if (!w->has_answered)
        note_bad_start(w, why);
    spawner_stop(&w->spawner);
    forget(w);
    return rk_task_fail(task, WORKER_FAILED, "%s", why);
}

/* ---- a task ---- */

static bool make_room(worker *w, const worker_task *t) {
    if (w->room - w->used >= PIECE)
        return true;
    size_t room = 2 * w->room + PIECE;
    char *answer = w->used <= t->answer_max ? realloc(w->answer, room) : NULL;
    if (answer == NULL)
        return false;
    w->answer = answer;
    w->room = room;
    return true;
}

typedef enum progress { GOES_ON, ANSWERED, DIED, TOO_LONG, TOO_LATE } progress;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* As poll wants it; rounded up, so that there is no busy end. */
static int milliseconds_left(double deadline) {
    double left = (deadline - now()) * 1e3;
    return deadline <= 0 ? -1 : left <= 0 ? 0 : left < 1e9 ? (int)left + 1 : 1000000000;
}

static progress read_some(worker *w, const worker_task *t) {
    if (!make_room(w, t))
        return TOO_LONG;
    ssize_t got = read(w->from, w->answer + w->used, w->room - w->used);
    if (got < 0)
        return errno == EINTR ? GOES_ON : DIED;
    if (got == 0)
        return DIED;
    const char *end = memchr(w->answer + w->used, '\n', (size_t)got);
    w->used += (size_t)got;
    return end != NULL ? ANSWERED : GOES_ON;
}

/* What fits is written. */
static bool write_some(worker *w) {
    ssize_t put = write(w->to, w->line.data + w->written, w->line.used - w->written);
    if (put > 0)
        w->written += (size_t)put;
    return put > 0 || errno == EAGAIN || errno == EINTR;
}

static progress exchange(worker *w, const worker_task *t) {
    double limit = t->task->place->task_seconds, deadline = limit > 0 ? now() + limit : 0;
    w->written = 0;
    if (!write_some(w))
        return DIED;
    for (progress p = GOES_ON;; p = GOES_ON) {
        bool left = w->written < w->line.used;
        struct pollfd watched[] = {{.fd = w->from, .events = POLLIN},
                                   {.fd = w->spawner.socket, .events = POLLIN},
                                   {.fd = left ? w->to : -1, .events = POLLOUT}};
        int ready = poll(watched, 3, milliseconds_left(deadline));
        if (ready < 0)
            continue;
        if (ready == 0)
            return TOO_LATE;
        if (watched[0].revents != 0)
            p = read_some(w, t);
        else if (watched[1].revents != 0)
            p = DIED;
        if (p == GOES_ON && watched[2].revents != 0 && !write_some(w))
            p = DIED;
        if (p != GOES_ON)
            return p;
    }
}

static const char *take_answer(worker *w, const worker_task *t, size_t *length) {
    const char *end = memchr(w->answer, '\n', w->used);
    *length = (size_t)(end - w->answer);
    if (*length + 1 == w->used)
        return w->answer;
    worker_refuse(w, t->task, TOO_MUCH);
    return NULL;
}

const char *worker_ask(worker *w, const worker_task *t, size_t *length) {
    if (w->bad_starts >= WORKER_STARTS_MAX) {
        rk_task_fail(t->task, WORKER_FAILED, "%s", w->why);
        return NULL;
    }
    bool fresh = w->from < 0;
    if (!fresh && bytes_in(w->from) > 0) {
        worker_refuse(w, t->task, TOO_MUCH); /* it must not be taken for the answer to this task */
        return NULL;
    }
    if (fresh && start(w, t) != RK_OK)
        return NULL;
    line_write(&w->line, t->made, t->task, t->params, fresh && w->shared.descriptor >= 0 ? &w->shared : NULL);
    w->used = 0;
    progress got = w->line.failed ? TOO_LONG : exchange(w, t);
    if (got == ANSWERED)
        return take_answer(w, t, length);
    if (got == DIED) {
        tell_death(w, t, has_unread(w));
        return NULL;
    }
    if (got == TOO_LATE) {
        spawner_stop(&w->spawner);
        forget(w);
        rk_task_fail(t->task, WORKER_LATE,
                     "killed: it took longer than --task-timeout %g s; the worker is started again "
                     "for the next",
                     t->task->place->task_seconds);
        return NULL;
    }
    char why[WORKER_TEXT_MAX];
    snprintf(why, sizeof why, "the worker wrote more than %zu bytes and no end of line", t->answer_max);
    worker_refuse(w, t->task, why);
    return NULL;
}
