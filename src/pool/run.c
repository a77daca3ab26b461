/* Running what a job asks for: without the lock. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

#define SHORT_NS UINT64_C(2000)
enum { TIMED_ONE_OF = 8, ITEMS_PER_HELP = 16 };

bool rk__worker_stopping(void *worker) {
    return atomic_load_explicit(&((rk__worker *)worker)->stop, memory_order_relaxed) == RK__STOP_NOW;
}

void rk__news_fail(rk__news *news, rk_status status, const char *text) {
    free(news->bytes);
    news->status = status;
    news->bytes = text[0] != '\0' ? rk__strdup(text) : NULL;
    news->size = news->bytes != NULL ? strlen(news->bytes) : 0;
}

static void run_one(rk__worker *worker, const rk__run *run, rk__news *news) {
    rk__outcome outcome;
    rk__call_run(run->function, run->arg, run->size, rk__worker_stopping, worker, &outcome);
    news->bytes = outcome.bytes;
    news->size = outcome.size;
    if (outcome.status != RK_OK)
        rk__news_fail(news, outcome.status, outcome.message);
}

static rk_status wrong_size(rk__outcome *outcome, size_t wanted) {
    rk_error err = RK_ERROR_INIT;
    rk__fail(&err, RK_EINVAL, "the function returned %llu bytes, the map has a result_size of %zu",
             (unsigned long long)outcome->size, wanted);
    memcpy(outcome->message, err.message, sizeof outcome->message);
    return RK_EINVAL;
}

static rk_status run_item(rk__calls *calls, const rk__run *run, const unsigned char *item, unsigned char *result) {
    rk__outcome *outcome = calls->outcome;
    rk_status status = rk__calls_run(calls, item, run->item_size, result);
    if (outcome->bytes != result)
        free(outcome->bytes);
    if (status == RK_OK && run->result_size > 0 && outcome->size != run->result_size)
        status = wrong_size(outcome, run->result_size);
    return status;
}

/* How many were right. */
static size_t run_items(rk__worker *worker, const rk__run *run, unsigned char *results, rk__outcome *outcome) {
    size_t count = run->size / run->item_size, done = 0;
    const unsigned char *items = run->arg;
    rk_status status = RK_OK;
    rk__calls calls;
    rk__calls_begin(&calls, run->function, rk__worker_stopping, worker, run->result_size, outcome);
    while (done < count && status == RK_OK && !rk__worker_stopping(worker)) {
        unsigned char *result = results != NULL ? results + done * run->result_size : NULL;
        status = run_item(&calls, run, items + done * run->item_size, result);
        if (done % ITEMS_PER_HELP == 0)
            rk__help(worker->room->mail);
        done += status == RK_OK;
    }
    rk__calls_end(&calls);
    if (status == RK_OK)
        outcome->message[0] = '\0';
    outcome->status = status == RK_OK && done < count ? RK_ECANCELLED : status;
    return done;
}

static void run_chunk(rk__worker *worker, const rk__run *run, rk__news *news) {
    size_t bytes = run->size / run->item_size * run->result_size;
    unsigned char *results = bytes > 0 ? malloc(bytes) : NULL;
    news->bytes = results;
    news->size = bytes;
    if (results == NULL && bytes > 0) {
        rk__news_fail(news, RK_ENOMEM, "no memory for the results of a chunk");
        return;
    }
    rk__outcome outcome;
    news->failed_at = run_items(worker, run, results, &outcome); /* if it does */
    if (outcome.status != RK_OK)
        rk__news_fail(news, outcome.status, outcome.message);
}

static void run_it(rk__worker *worker, const rk__run *run, rk__news *news) {
    if (run->chunk)
        run_chunk(worker, run, news);
    else
        run_one(worker, run, news);
}

/* Reading the clock twice takes as long as an empty task: of short ones only some are timed. */
static bool is_timed(rk__worker *worker) {
    if (worker->run_ns >= SHORT_NS || worker->untimed + 1 >= TIMED_ONE_OF) {
        worker->untimed = 0;
        return true;
    }
    worker->untimed++;
    return false;
}

void rk__job_run(rk__worker *worker, const rk__run *run, rk__news *news) {
    if (!run->chunk && !is_timed(worker)) {
        run_it(worker, run, news);
        return;
    }
    uint64_t began = rk__clock_ns();
    run_it(worker, run, news);
    news->run_ns = rk__clock_ns() - began;
    worker->run_ns = news->run_ns;
}
