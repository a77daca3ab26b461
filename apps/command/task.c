/* One task: a program is started, its output collected, its end told. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "command.h"
#include "results.h"
#include "scratch.h"
#include "spawner.h"
#include "stream.h"

enum {
    JSON_BYTES = 4 << 20, /* the result is looked for in this much of the end of stdout */
    WORDS_BYTES = 2000,   /* and the last line of stderr in this */
    NUMBER_MAX = 24,
    CANNOT_START = 127, /* exit codes of a shell */
    CANNOT_EXECUTE = 126,
    TOO_LATE = 124, /* as timeout(1) */
    NO_RESULT = 65  /* EX_DATAERR of sysexits.h */
};

/* ---- what a thread keeps from task to task ---- */

typedef struct runner {
    spawner spawner;
    message message;
    stream out, err;
    struct runner *before;
} runner;

/* The process must be able to end the helpers of all its threads. */
static pthread_mutex_t runners_lock = PTHREAD_MUTEX_INITIALIZER;
static runner *runners;
static _Thread_local runner *own_runner;

static runner *find_runner(void) {
    if (own_runner != NULL)
        return own_runner;
    runner *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->out = r->err = STREAM_CLOSED;
    pthread_mutex_lock(&runners_lock);
    r->before = runners;
    runners = r;
    pthread_mutex_unlock(&runners_lock);
    return own_runner = r;
}

/* The runners stay, for threads that look at theirs again; without a process and memory they cost nothing. */
void command_end(void) {
    pthread_mutex_lock(&runners_lock);
    for (runner *r = runners; r != NULL; r = r->before) {
        spawner_stop(&r->spawner);
        message_fini(&r->message);
        stream_fini(&r->out);
        stream_fini(&r->err);
    }
    pthread_mutex_unlock(&runners_lock);
}

__attribute__((destructor)) static void drop_runners(void) {
    command_end();
    while (runners != NULL) {
        runner *r = runners;
        runners = r->before;
        free(r);
    }
}

/* ---- the values of a task ---- */

typedef struct running {
    rk_task *task;
    const made *made;
    const command_recipe *recipe;
    const void *params;
    command_result *result;
    runner *runner;
    template_values values;
    char task_text[NUMBER_MAX], seed_text[NUMBER_MAX], rank_text[NUMBER_MAX], tmpdir[SCRATCH_PATH_MAX];
    bool has_tmpdir;
} running;

static void set_values(running *r) {
    rk_random random = rk_random_stream(r->task, 0);
    snprintf(r->task_text, NUMBER_MAX, "%" PRIu64, r->task->index);
    snprintf(r->seed_text, NUMBER_MAX, "%" PRIu64, rk_random_u64(&random) >> 1);
    snprintf(r->rank_text, NUMBER_MAX, "%d", r->task->place != NULL ? r->task->place->rank : 0);
    r->values = (template_values){r->made, r->params, r->task_text, r->seed_text, r->rank_text, r->tmpdir};
}

static const char *line_of(const running *r, char buffer[PARAMETER_TEXT_MAX]) {
    return parameters_text(r->made, (size_t)r->recipe->line, r->params, buffer);
}

static bool wants_tmpdir(const running *r) {
    const command_recipe *recipe = r->recipe;
    char buffer[PARAMETER_TEXT_MAX];
    return recipe->keep || recipe->words.uses_tmpdir || recipe->input.uses_tmpdir ||
           (recipe->line >= 0 && strstr(line_of(r, buffer), "RANKINE_TMPDIR") != NULL);
}

static int make_tmpdir(running *r) {
    if (!wants_tmpdir(r))
        return RK_OK;
    r->has_tmpdir = scratch_make(r->tmpdir, r->task->index);
    if (r->has_tmpdir)
        return RK_OK;
    return rk_task_fail(r->task, CANNOT_START, "cannot make the directory %s: error %d; set TMPDIR to another place",
                        r->tmpdir, errno);
}

static void add_words(running *r, message *m) {
    char buffer[PARAMETER_TEXT_MAX];
    if (r->recipe->line < 0) {
        template_expand(&r->recipe->words, &r->values, m);
        return;
    }
    const char *const words[] = {"/bin/sh", "-c", line_of(r, buffer)};
    for (size_t i = 0; i < 3; i++) {
        message_add(m, words[i], strlen(words[i]));
        message_end_word(m);
    }
}

static void compose(running *r) {
    message *m = &r->runner->message;
    char buffer[PARAMETER_TEXT_MAX];
    message_clear(m);
    m->head.limit_seconds = r->task->place->task_seconds;
    add_words(r, m);
    message_add_environment(m);
    message_variable(m, "RANKINE_", "TASK", r->task_text);
    message_variable(m, "RANKINE_", "SEED", r->seed_text);
    message_variable(m, "RANKINE_", "RANK", r->rank_text);
    if (r->has_tmpdir)
        message_variable(m, "RANKINE_", "TMPDIR", r->tmpdir);
    const rk_param *params = r->made->kernel.params + r->made->own_params;
    for (size_t i = 0; r->made->own_params + i < RK_PARAMS_MAX && params[i].name != NULL; i++)
        message_variable(m, "RANKINE_PARAM_", params[i].name, parameters_text(r->made, i, r->params, buffer));
}

/* ---- start ---- */

/* A pipe that nobody writes to must not hold the task up: it is opened without waiting. */
static int open_input(running *r) {
    message path = {0};
    if (!r->recipe->has_input)
        return open("/dev/null", O_RDONLY | O_CLOEXEC);
    template_expand(&r->recipe->input, &r->values, &path);
    int descriptor = path.failed ? -1 : open(path.data, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        rk_task_fail(r->task, CANNOT_START, "stdin=%.100s: %s", path.failed ? "?" : path.data,
                     errno == ENOENT ? "no such file" : "cannot be opened");
    else
        fcntl(descriptor, F_SETFL, 0);
    message_fini(&path);
    return descriptor;
}

static int start_with(running *r, int input) {
    char why[SPAWNER_TEXT_MAX];
    const int descriptors[] = {input, r->runner->out.writer, r->runner->err.writer};
    compose(r);
    if (spawner_run(&r->runner->spawner, &r->runner->message, descriptors, why))
        return RK_OK;
    return rk_task_fail(r->task, CANNOT_START, "%s", why);
}

static int start(running *r) {
    stream *out = &r->runner->out, *err = &r->runner->err;
    int input = open_input(r), code;
    if (input < 0)
        return CANNOT_START;
    if (stream_begin(out, r->recipe->capture, r->recipe->has_outputs ? JSON_BYTES : 0) &&
        stream_begin(err, r->recipe->capture, WORDS_BYTES))
        code = start_with(r, input);
    else
        code = rk_task_fail(r->task, CANNOT_START, "cannot open a pipe: error %d", errno);
    close(input);
    return code;
}

/* ---- until the end ---- */

static void collect(runner *r) {
    for (;;) {
        struct pollfd watched[] = {{.fd = r->spawner.socket, .events = POLLIN},
                                   {.fd = r->out.descriptor, .events = POLLIN},
                                   {.fd = r->err.descriptor, .events = POLLIN}};
        if (poll(watched, 3, -1) < 0)
            continue; /* a signal; nothing else can be wrong with these */
        if (watched[1].revents != 0)
            stream_read(&r->out, SIZE_MAX);
        if (watched[2].revents != 0)
            stream_read(&r->err, SIZE_MAX);
        if (watched[0].revents != 0)
            return;
    }
}

static const char *signal_name(int number) {
    static const struct {
        int number;
        const char *name;
    } names[] = {{SIGSEGV, "segmentation fault"},
                 {SIGABRT, "abort"},
                 {SIGKILL, "killed; perhaps there was too little memory"},
                 {SIGTERM, "terminated"},
                 {SIGBUS, "bus error"},
                 {SIGFPE, "arithmetic error"},
                 {SIGILL, "illegal instruction"},
                 {SIGINT, "interrupted"},
                 {SIGHUP, "hung up"},
                 {SIGXCPU, "processor time used up"},
                 {SIGXFSZ, "file too large"},
                 {SIGPIPE, "nobody reads its pipe"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a signal";
}

static int fail_to_start(running *r, int error) {
    const char *word = r->runner->message.data;
    r->result->exit_code = error == ENOENT ? CANNOT_START : CANNOT_EXECUTE;
    if (error == E2BIG)
        return rk_task_fail(r->task, CANNOT_EXECUTE,
                            "'%.60s': the command line and the environment are too long (the system takes %d KiB a "
                            "word); pass long values in a file",
                            word, 128);
    return rk_task_fail(r->task, r->result->exit_code, "'%.100s': %s", word,
                        error == ENOENT    ? "there is no such program"
                        : error == EACCES  ? "may not be executed"
                        : error == ENOEXEC ? "is no program (a script needs a first line such as #!/bin/sh)"
                                           : "cannot be started");
}

static int tell_end(running *r, const message_end *end) {
    char line[LAST_LINE_MAX];
    r->result->wall_seconds = end->wall_seconds;
    r->result->cpu_seconds = end->cpu_seconds;
    r->result->max_rss_bytes = end->max_rss_bytes;
    if (end->error != 0)
        return fail_to_start(r, end->error);
    bool killed = WIFSIGNALED(end->status);
    r->result->signal = killed ? WTERMSIG(end->status) : 0;
    r->result->exit_code = killed ? -1 : WEXITSTATUS(end->status);
    if (end->late)
        return rk_task_fail(r->task, TOO_LATE, "killed: it took longer than --task-timeout %g s",
                            r->task->place->task_seconds);
    if (r->result->exit_code == 0)
        return RK_OK;
    last_line(r->runner->err.tail, r->runner->err.tail_used, line);
    if (killed)
        return rk_task_fail(r->task, 128 + r->result->signal, "signal %d (%s)%s%s", r->result->signal,
                            signal_name(r->result->signal), *line ? ": " : "", line);
    return rk_task_fail(r->task, r->result->exit_code, "exit code %d%s%s", r->result->exit_code, *line ? ": " : "",
                        line);
}

static int emit_streams(running *r) {
    const stream *out = &r->runner->out, *err = &r->runner->err;
    r->result->stdout_bytes = out->total;
    r->result->stderr_bytes = err->total;
    if (out->failed || err->failed)
        return rk_task_fail(r->task, RK_ENOMEM, "out of memory for what the program wrote");
    if (r->recipe->capture == 0)
        return RK_OK;
    int code = rk_emit(r->task, COMMAND_STDOUT, out->head, out->head_used);
    return code != RK_OK ? code : rk_emit(r->task, COMMAND_STDERR, err->head, err->head_used);
}

static int take_outputs(running *r) {
    const stream *out = &r->runner->out;
    if (!r->recipe->has_outputs)
        return RK_OK;
    json_t *object = out->tail_used > 0 ? results_find(out->tail, out->tail_used) : NULL;
    if (object == NULL)
        return rk_task_fail(r->task, NO_RESULT,
                            "no JSON object on standard output, but outputs are wanted (NaN and Infinity are no JSON: "
                            "write null or \"inf\")");
    int code = results_take(r->made, r->task, object, r->params, r->result, NULL);
    json_decref(object);
    return code;
}

static int finish(running *r) {
    message_end end;
    bool alive = spawner_wait(&r->runner->spawner, &end);
    stream_drain(&r->runner->out);
    stream_drain(&r->runner->err);
    int code = emit_streams(r);
    if (!alive)
        return rk_task_fail(r->task, CANNOT_START, "the process rankine-spawn was killed, and the program with it");
    int ended = tell_end(r, &end);
    if (code != RK_OK || ended != RK_OK)
        return ended != RK_OK ? ended : code;
    return take_outputs(r);
}

static int run(running *r) {
    int code = start(r);
    if (code != RK_OK) {
        stream_drain(&r->runner->out);
        stream_drain(&r->runner->err);
        r->result->exit_code = CANNOT_START;
        return code;
    }
    collect(r->runner);
    return finish(r);
}

int command_task(rk_task *task, const void *params, void *result) {
    running r = {.task = task, .made = made_current(), .params = params, .result = result, .runner = find_runner()};
    r.recipe = r.made->recipe;
    if (r.runner == NULL)
        return rk_task_fail(task, RK_ENOMEM, "out of memory");
    set_values(&r);
    int code = make_tmpdir(&r);
    if (code == RK_OK)
        code = run(&r);
    if (r.has_tmpdir && !r.recipe->keep)
        scratch_remove(r.tmpdir);
    return code;
}
