/* apps/coprocess: tasks answered by a long-lived process per rank and thread. README.md has the protocol.
 *
 *     coprocess   the description, and a task        line     what a worker is given
 *     worker      the process, and its answers       shared   memory for rows that are large */
#include <inttypes.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lookup.h"
#include "meant.h"
#include "worker.h"

typedef struct coprocess_params {
    const char *worker, *outputs;
} coprocess_params;

enum { END_MS = 2000, ANSWER_MAX = 1 << 20, ANSWER_MAX_PER_VALUE = 64, FAILED = 1 };

/* ---- workers: one per thread ---- */

typedef struct owned {
    worker worker;
    struct owned *before;
} owned;

/* The process must be able to end the workers of all its threads. */
static pthread_mutex_t workers_lock = PTHREAD_MUTEX_INITIALIZER;
static owned *workers;
static _Thread_local owned *own_worker;

static worker *find_worker(void) {
    if (own_worker != NULL)
        return &own_worker->worker;
    owned *o = malloc(sizeof *o);
    if (o == NULL)
        return NULL;
    *o = (owned){.worker = WORKER_INIT};
    pthread_mutex_lock(&workers_lock);
    o->before = workers;
    workers = o;
    pthread_mutex_unlock(&workers_lock);
    own_worker = o;
    return &o->worker;
}

static int milliseconds_since(const struct timespec *begin) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int)((now.tv_sec - begin->tv_sec) * 1000 + (now.tv_nsec - begin->tv_nsec) / 1000000);
}

/* All are told first, so that they end side by side. */
static void end_workers(void) {
    struct timespec begin;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    pthread_mutex_lock(&workers_lock);
    for (owned *o = workers; o != NULL; o = o->before)
        worker_dismiss(&o->worker);
    for (owned *o = workers; o != NULL; o = o->before) {
        int left = END_MS - milliseconds_since(&begin);
        worker_end(&o->worker, left > 0 ? left : 0);
        o->worker = (worker)WORKER_INIT;
    }
    pthread_mutex_unlock(&workers_lock);
}

__attribute__((destructor)) static void drop_workers(void) {
    end_workers();
    while (workers != NULL) {
        owned *o = workers;
        workers = o->before;
        free(o);
    }
}

/* ---- a task ---- */

static int fail_as_told(rk_task *task, const json_t *object) {
    const json_t *text = json_object_get(object, "error"), *code = json_object_get(object, "code");
    json_int_t number = json_is_integer(code) ? json_integer_value(code) : FAILED;
    return rk_task_fail(task, number != 0 && number == (int)number ? (int)number : FAILED, "%s",
                        json_is_string(text) ? json_string_value(text) : "the worker says that the task failed");
}

static int refuse_answer(worker *w, rk_task *task, const char *answer, size_t length) {
    char why[WORKER_TEXT_MAX], shown[64];
    snprintf(shown, sizeof shown, "%.*s", (int)(length < 60 ? length : 60), answer);
    for (char *c = shown; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = ' ';
    snprintf(why, sizeof why, "the worker answered '%s', which is no JSON object%s", shown,
             strstr(shown, "NaN") != NULL || strstr(shown, "Infinity") != NULL
                 ? " (NaN and Infinity are none: write null or \"inf\")"
                 : "");
    return worker_refuse(w, task, why);
}

/* A worker may say which task it answers: then an answer to another one is noticed. */
static bool is_of_another(rk_task *task, const json_t *object) {
    const json_t *number = json_object_get(object, "task");
    return json_is_integer(number) && (uint64_t)json_integer_value(number) != task->index;
}

static int refuse_another(worker *w, rk_task *task, const json_t *object) {
    char why[WORKER_TEXT_MAX];
    snprintf(why, sizeof why,
             "the worker answered task %lld: one line with a JSON object is an answer, all else goes to "
             "standard error",
             (long long)json_integer_value(json_object_get(object, "task")));
    return worker_refuse(w, task, why);
}

static int take_answer(worker *w, const worker_task *t, const char *answer, size_t length, void *result) {
    json_error_t error;
    json_t *object = json_loadb(answer, length, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return refuse_answer(w, t->task, answer, length);
    }
    if (is_of_another(t->task, object)) {
        int refused = refuse_another(w, t->task, object);
        json_decref(object);
        return refused;
    }
    w->has_answered = true;
    w->bad_starts = 0;
    shared_hide(&w->shared);
    int code = json_object_get(object, "error") != NULL
                   ? fail_as_told(t->task, object)
                   : results_take(t->made, t->task, object, t->params, result, &w->shared.results);
    json_decref(object);
    return code;
}

static int run(rk_task *task, const void *params, void *result) {
    worker *w = find_worker();
    const made *m = made_current();
    worker_task t = {.made = m, .words = m->recipe, .task = task, .params = params, .answer_max = ANSWER_MAX};
    size_t length;
    if (w == NULL)
        return rk_task_fail(task, RK_ENOMEM, "out of memory");
    for (size_t o = 0; o < RK_OUTPUTS_MAX && m->kernel.outputs[o].name != NULL; o++)
        t.answer_max +=
            results_bytes(m, &m->kernel.outputs[o], params) / m->kernel.outputs[o].size * ANSWER_MAX_PER_VALUE;
    const char *answer = worker_ask(w, &t, &length);
    return answer != NULL ? take_answer(w, &t, answer, length, result) : WORKER_FAILED;
}

/* ---- the description ---- */

static const rk_kernel base = {
    .magic = RK_KERNEL_MAGIC,
    .abi = RK_KERNEL_ABI,
    .size = sizeof(rk_kernel),
    .name = "coprocess",
    .summary = "a worker process per rank, in any language: a JSON line in, a JSON line out",
    .version = "1",
    .thread_safe = true,
    .own_processes = true,
    .params = {RK_PARAM(coprocess_params, worker, RK_STRING, NULL, NULL, "the worker's command line", .fixed = true),
               RK_PARAM(coprocess_params, outputs, RK_STRING, NULL, NULL,
                        "what it answers with, as in y:f64,grid:f64[10,20]", .fixed = true)},
    .run = run,
    .end = end_workers,
};

static bool make_of_given(made *m, rk_maker *maker) {
    template *words = made_alloc(m, sizeof *words);
    m->recipe = words;
    if (maker->count == 0)
        return true;
    if (words == NULL || !meant_required(m, maker) || !parameters_are_single(m, maker) || !parameters_add(m, maker) ||
        !template_parse(words, m, maker, "worker", parameters_given(maker, "worker", ""), TEMPLATE_PLAIN_WORDS) ||
        !parameters_add_outputs(m, maker, parameters_given(maker, "outputs", "")))
        return false;
    if (words->count > 0 && m->kernel.outputs[0].name != NULL)
        return lookup_program(maker, words, "worker", "");
    rk_maker_fail(maker,
                  "coprocess needs a worker and what it answers with: worker='python3 worker.py' outputs='y:f64'");
    return false;
}

static const rk_kernel *make(rk_maker *maker) {
    made *m = made_begin(&base, sizeof(coprocess_params), 0);
    if (m != NULL && make_of_given(m, maker))
        return made_end(m);
    made_drop(m);
    return NULL;
}

RK_KERNEL_MAKER(make)
