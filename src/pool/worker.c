/* A worker: a strand of this endpoint that runs jobs for an owner. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/channel.h"
#include "pool/pool_private.h"

void rk__worker_free(rk__worker *worker) {
    rk__slots_remove(&worker->room->workers, worker->serial);
    for (rk__job *job = worker->first, *next; job != NULL; job = next) {
        next = job->next;
        rk__job_free(job);
    }
    free(worker->initializer_arg);
    free(worker);
}

static void post(rk__worker *worker, rk__letter *letter) {
    letter->call = worker->hand;
    rk__pools_post(worker->room, worker->owner, letter);
}

static bool is_child(const rk__pools *room) {
    return room->endpoint >= rk__mail_ranks(room->mail);
}

/* The pool of this process that the calling strand works for. */
static rk__pool *pool_of_caller(const rk__pools *room) {
    uint32_t party = rk__mail_party(room->mail);
    for (uint32_t i = 0; i < room->workers.used; i++) {
        const rk__worker *worker = rk__slots_at(&room->workers, i);
        if (worker == NULL || worker->party != party || worker->owner != room->endpoint)
            continue;
        const rk__hand *hand = rk__slots_find(&room->hands, worker->hand);
        return hand != NULL ? hand->pool : NULL;
    }
    return NULL;
}

rk_status rk__worker_may_use(const rk__pools *room, const rk__pool *pool, rk_error *err) {
    if (pool == NULL || room->calling || pool_of_caller(room) != pool)
        return RK_OK;
    return rk__fail(err, RK_EPERM, "a task can't use the pool that it works for: make another in it");
}

/* ---- the strand ---- */

/* A child is killed when its pool ends: what it has printed is out before anybody hears that it is done. (Not of all
 * streams: a thread of the user's may read from one, and have it locked.) */
static void run(rk__worker *worker, const rk__run *what, rk__news *news) {
    rk__mail *mail = worker->room->mail;
    rk__leave(mail);
    rk__job_run(worker, what, news);
    if (is_child(worker->room))
        fflush(stdout);
    rk__enter(NULL);
}

static bool has_work(void *ctx) {
    const rk__worker *worker = ctx;
    return worker->first != NULL || atomic_load_explicit(&worker->stop, memory_order_relaxed) != RK__STOP_NOT;
}

static bool is_told_to_stop(void *ctx) {
    return atomic_load_explicit(&((const rk__worker *)ctx)->stop, memory_order_relaxed) != RK__STOP_NOT;
}

static void break_pool(rk__worker *worker) {
    const rk__news *news = &worker->news;
    rk__letter letter = {
        .op = RK__POOL_BROKEN, .status = (int32_t)news->status, .bytes = news->bytes, .size = news->size};
    post(worker, &letter);
    rk__wait(worker->room->mail, is_told_to_stop, worker, RK__NEVER);
}

static rk_status initialize(rk__worker *worker) {
    rk__news *news = &worker->news;
    rk__run what = {.arg = worker->initializer_arg, .size = (size_t)worker->initializer_arg_size};
    rk_error err = RK_ERROR_INIT;
    *news = (rk__news){.status = rk__pool_function(worker->room, &worker->initializer, &what.function, &err)};
    if (news->status == RK_OK) {
        run(worker, &what, news);
    } else if ((news->bytes = rk__strdup(err.message)) != NULL) {
        news->size = strlen(news->bytes);
    }
    return news->status;
}

static rk_status prepare(rk__worker *worker, const rk__job *job, rk__run *what, rk_error *err) {
    *what = (rk__run){.arg = job->bytes, .size = (size_t)job->size};
    if (job->op == RK__POOL_CHUNK) {
        what->chunk = true;
        what->item_size = (size_t)(job->sizes & UINT32_MAX);
        what->result_size = (size_t)(job->sizes >> 32);
    }
    RK_TRY(rk__pool_function(worker->room, &job->function, &what->function, err));
    return job->op == RK__POOL_TASK_WITH ? rk__inputs_get(worker, job, &what->arg, &what->size, err) : RK_OK;
}

static void conclude(rk__worker *worker) {
    rk__job *job = worker->job;
    rk__channel_flush(worker->room->mail); /* what it put is in the queues before its future is done */
    rk__inputs_release(worker);
    worker->job = NULL;
    rk__job_report(worker, job, &worker->news);
    rk__job_free(job);
    worker->tasks++;
}

static void do_job(rk__worker *worker, rk__job *job) {
    rk_error err = RK_ERROR_INIT;
    rk__run what;
    rk__news *news = &worker->news;
    *news = (rk__news){.holder = RK__NOBODY};
    worker->job = job;
    news->status = prepare(worker, job, &what, &err);
    if (news->status == RK_OK)
        run(worker, &what, news);
    else
        rk__news_fail(news, news->status, err.message);
    conclude(worker);
}

static void work(void *ctx);

static bool begins_anew(rk__worker *worker) {
    worker->tasks = 0;
    return rk__strand_start(worker->room->mail, work, worker, &worker->party, NULL) == RK_OK;
}

/* true: another strand goes on in its place. */
static bool is_relieved(rk__worker *worker) {
    return worker->max_tasks > 0 && worker->tasks >= worker->max_tasks && begins_anew(worker);
}

/* false: the strand ends, the worker does not. */
static bool do_jobs(rk__worker *worker) {
    rk__mail *mail = worker->room->mail;
    for (;;) {
        rk__wait(mail, has_work, worker, RK__NEVER);
        rk__job *job = rk__job_next(worker);
        if (job == NULL)
            return true;
        do_job(worker, job);
        if (is_relieved(worker))
            return false;
        rk__yield(mail); /* others of this rank have their turns between tasks */
    }
}

/* A child's one: the owner sends it nothing before. */
static void tell_initialized(rk__worker *worker) {
    rk__letter letter = {.op = RK__POOL_INITIALIZED};
    if (is_child(worker->room))
        post(worker, &letter);
}

static void end(rk__worker *worker) {
    rk__letter letter = {.op = RK__POOL_ENDED};
    post(worker, &letter);
    rk__worker_free(worker);
}

static void break_and_end(rk__worker *worker) {
    break_pool(worker);
    free(worker->news.bytes);
    end(worker);
}

/* Its thread ended in a task, after which another goes on, or in the initializer. */
static void lost(void *ctx) {
    rk__worker *worker = ctx;
    rk__outcome outcome;
    rk__call_lost(&outcome);
    rk__mail *mail = rk__enter(NULL);
    bool in_task = worker->job != NULL;
    rk__news_fail(&worker->news, outcome.status, outcome.message);
    if (in_task)
        conclude(worker);
    if (!in_task || !begins_anew(worker)) {
        rk__news_fail(&worker->news, outcome.status, outcome.message);
        break_and_end(worker);
    }
    rk__leave(mail);
}

static void work(void *ctx) {
    rk__worker *worker = ctx;
    rk__mail *mail = rk__enter(NULL);
    rk__strand_set_lost(mail, lost);
    worker->news = (rk__news){.status = RK_OK};
    if (!rk__worker_stopping(worker) && worker->has_initializer && initialize(worker) != RK_OK) {
        break_and_end(worker);
    } else {
        free(worker->news.bytes);
        tell_initialized(worker);
        if (do_jobs(worker))
            end(worker);
    }
    rk__leave(mail);
}

/* ---- letters ---- */

static rk_status make(rk__pools *room, rk__letter *letter, rk__worker **out, rk_error *err) {
    rk__worker *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a worker", err));
    made->room = room;
    made->owner = letter->from;
    made->hand = letter->call;
    made->has_initializer = letter->status != 0;
    made->initializer = (rk__function_name){letter->a, letter->b};
    made->max_tasks = is_child(room) ? 0 : letter->c; /* a child's: the owner counts */
    made->initializer_arg_size = letter->size;
    made->initializer_arg = rk__letter_take(letter);
    made->run_ns = UINT64_MAX; /* the first is timed */
    atomic_init(&made->stop, RK__STOP_NOT);
    made->serial = rk__slots_add(&room->workers, made);
    bool whole = made->serial != 0 && (made->initializer_arg != NULL || made->initializer_arg_size == 0);
    rk_status status = whole ? rk__strand_start(room->mail, work, made, &made->party, err)
                             : rk__fail(err, RK_ENOMEM, "no memory for a worker");
    if (status == RK_OK) {
        *out = made;
    } else if (made->serial != 0) {
        rk__worker_free(made);
    } else {
        free(made->initializer_arg);
        free(made);
    }
    return status;
}

void rk__worker_start(rk__pools *room, rk__letter *letter) {
    rk_error err = RK_ERROR_INIT;
    rk__worker *made = NULL;
    rk__letter answer = {.op = RK__POOL_STARTED, .call = letter->call};
    if (is_child(room) && letter->c != rk__mail_birth(room->mail)) /* for a predecessor */
        return;
    answer.status = (int32_t)make(room, letter, &made, &err);
    if (made != NULL) {
        answer.a = rk__slot_number(made->serial);
    } else {
        answer.bytes = err.message;
        answer.size = strlen(err.message);
    }
    rk__pools_post(room, letter->from, &answer);
}

/* NULL: it was another child's, which had our endpoint before. */
rk__worker *rk__worker_meant(const rk__pools *room, const rk__letter *letter) {
    rk__worker *worker = rk__slots_at(&room->workers, (uint32_t)letter->status);
    return worker != NULL && worker->owner == letter->from ? worker : NULL;
}

void rk__worker_stop(rk__worker *worker, rk__how_to_stop how) {
    atomic_store(&worker->stop, (int)how);
    if (how != RK__STOP_NOW)
        return;
    rk__jobs_cancel(worker);
    rk__strand_interrupt(worker->room->mail, worker->party);
}

void rk__worker_died(rk__pools *room, uint32_t owner) {
    for (uint32_t i = 0; i < room->workers.used; i++) {
        rk__worker *worker = rk__slots_at(&room->workers, i);
        if (worker != NULL && worker->owner == owner)
            rk__worker_stop(worker, RK__STOP_NOW);
    }
}
