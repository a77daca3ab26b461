/* What a worker has still to do, and telling its owner what came of it. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

rk__job *rk__job_new(size_t here) {
    rk__job *made = malloc(sizeof *made + here);
    if (made != NULL)
        memset(made, 0, sizeof *made);
    return made;
}

void rk__job_free(rk__job *job) {
    free(job->owned);
    free(job);
}

/* ---- the list ---- */

static bool is_ours(const rk__worker *worker) {
    return worker->owner == worker->room->endpoint;
}

static void report_cancelled(rk__worker *worker, rk__job *job) {
    rk__news news = {.status = RK_ECANCELLED, .cancelled = true, .holder = RK__NOBODY};
    rk__job_report(worker, job, &news);
    rk__job_free(job);
}

void rk__job_add(rk__worker *worker, rk__job *job) {
    if (atomic_load_explicit(&worker->stop, memory_order_relaxed) == RK__STOP_NOW) {
        report_cancelled(worker, job);
        return;
    }
    job->next = NULL;
    if (worker->last != NULL)
        worker->last->next = job;
    else
        worker->first = job;
    worker->last = job;
}

rk__job *rk__job_next(rk__worker *worker) {
    rk__job *job = worker->first;
    if (job == NULL)
        return NULL;
    worker->first = job->next;
    if (worker->first == NULL)
        worker->last = NULL;
    return job;
}

/* The last first, so that the owner, who puts each in front of what is pending, has them in order. */
static void return_list(rk__worker *worker, rk__job *job, rk__job **kept) {
    if (job == NULL)
        return;
    rk__job *next = job->next;
    return_list(worker, next, kept);
    if (job->op != RK__POOL_CHUNK && job->size > RK__LARGE_BYTES) { /* the owner may not have its argument any more */
        job->next = *kept;
        *kept = job;
        return;
    }
    rk__letter letter = {.op = RK__POOL_RETURNED, .call = job->flight};
    if (is_ours(worker))
        rk__owner_returned(worker->room, job->flight);
    else
        rk__pools_post(worker->room, worker->owner, &letter);
    rk__job_free(job);
}

void rk__jobs_give_back(rk__worker *worker) {
    rk__job *list = worker->first, *kept = NULL;
    return_list(worker, list, &kept);
    worker->first = worker->last = kept;
    while (worker->last != NULL && worker->last->next != NULL)
        worker->last = worker->last->next;
}

bool rk__job_withdraw(rk__worker *worker, uint64_t flight) {
    rk__job *before = NULL, *job = worker->first;
    while (job != NULL && job->flight != flight) {
        before = job;
        job = job->next;
    }
    if (job == NULL)
        return false;
    if (before != NULL)
        before->next = job->next;
    else
        worker->first = job->next;
    if (worker->last == job)
        worker->last = before;
    rk__job_free(job);
    return true;
}

void rk__jobs_cancel(rk__worker *worker) {
    rk__job *job;
    while ((job = rk__job_next(worker)) != NULL)
        report_cancelled(worker, job);
}

/* ---- letters ---- */

static rk__job *job_of(rk__letter *letter) {
    bool here = !letter->owned && letter->size > 0;
    rk__job *job = rk__job_new(here ? (size_t)letter->size : 0);
    if (job == NULL)
        return NULL;
    if (here)
        memcpy(job->here, letter->bytes, (size_t)letter->size);
    else
        job->owned = rk__letter_take(letter);
    job->bytes = here ? job->here : job->owned;
    job->size = letter->size;
    job->flight = letter->call;
    job->op = letter->op;
    job->function = (rk__function_name){letter->a, letter->b};
    job->sizes = letter->c;
    return job;
}

void rk__job_receive(rk__pools *room, rk__letter *letter) {
    rk__worker *worker = rk__worker_meant(room, letter);
    if (worker == NULL)
        return;
    rk__job *job = job_of(letter);
    if (job != NULL) {
        rk__job_add(worker, job);
        return;
    }
    rk__letter answer = {.op = RK__POOL_OUTCOME, .status = RK_ENOMEM, .call = letter->call};
    rk__pools_post(room, letter->from, &answer);
}

/* ---- reporting ---- */

/* true: it stays here, and the letter says where. */
static bool keep_value(rk__worker *worker, const rk__job *job, rk__news *news, rk__letter *letter) {
    bool carried = job->op == RK__POOL_CHUNK || (job->sizes & 1) != 0 || news->size <= RK_POOL_CARRIED_BYTES;
    if (carried || news->status != RK_OK || rk__worker_stopping(worker))
        return false;
    rk__value *value = rk__value_keep(worker->room, worker->owner, news->bytes, news->size);
    if (value == NULL) /* then it travels */
        return false;
    letter->b = value->serial;
    letter->c = news->size;
    return true;
}

void rk__job_report(rk__worker *worker, const rk__job *job, rk__news *news) {
    if (is_ours(worker)) {
        rk__owner_outcome(worker->room, job->flight, news);
        return;
    }
    rk__letter letter = {.to = worker->owner,
                         .room = RK__ROOM_POOL,
                         .op = RK__POOL_OUTCOME,
                         .status = (int32_t)news->status,
                         .call = job->flight,
                         .a = news->run_ns};
    if (news->status != RK_OK) {
        letter.b = news->cancelled;
        letter.c = news->failed_at;
    }
    if (!keep_value(worker, job, news, &letter)) {
        letter.bytes = news->bytes;
        letter.size = news->size;
    }
    if (rk__mail_send(worker->room->mail, &letter, RK__PAYLOAD_TAKE, NULL) != RK_OK) {
        rk__letter failure = {.op = RK__POOL_OUTCOME, .status = RK_ENOMEM, .call = job->flight};
        rk__pools_post(worker->room, worker->owner, &failure);
    }
}
