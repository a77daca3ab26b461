/* The head of a gathering: it starts the function on all ranks, compares what they tell, and judges in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/collect_private.h"

#define LARGE_BYTES UINT64_C(65536) /* larger arguments are not copied on their way out */

typedef struct report { /* of a rank */
    bool ended, stuck;
    bool blames_another; /* it failed as another's trouble told it to */
    rk_status status;
    uint64_t calls, digest; /* ended */
    uint64_t seq;           /* stuck */
    rk__signature signature;
    char *text; /* of a failure; NULL: none, or no memory */
} report;

struct rk__everywhere { /* on the stack of the caller */
    rk__everywhere *next;
    rk__collect *collect;
    uint64_t number;
    uint32_t left;      /* ranks that have not ended */
    uint64_t told_from; /* the first call that a trouble which all know of touches */
    report *reports;    /* [ranks] */
};

/* ---- what goes wrong ---- */

static rk__everywhere *find(const rk__collect *collect, uint64_t number) {
    rk__everywhere *one = collect->everywheres;
    while (one != NULL && one->number != number)
        one = one->next;
    return one;
}

/* What touches later calls than something they know of is no news. */
static void tell_trouble(rk__everywhere *self, uint64_t from, rk_status status, uint32_t who, const char *text) {
    if (from >= self->told_from)
        return;
    self->told_from = from;
    rk__letter letter = {
        .op = RK__COLLECT_TROUBLE, .status = (int32_t)status, .call = self->number, .a = from, .b = who};
    for (uint32_t rank = 0; rank < self->collect->ranks; rank++)
        if (!self->reports[rank].ended)
            rk__collect_send(self->collect, rank, letter, text);
}

static void tell_left(rk__everywhere *self, uint32_t stuck, uint32_t gone) {
    char text[RK_ERROR_TEXT_MAX], call[RK__SIGNATURE_TEXT_MAX];
    const report *one = &self->reports[stuck];
    snprintf(text, sizeof text,
             "rank %u has returned from the function after %llu collective calls, rank %u is in call %llu, %s: all "
             "ranks make the same calls",
             gone, (unsigned long long)self->reports[gone].calls, stuck, (unsigned long long)one->seq + 1,
             rk__signature_text(&one->signature, call));
    tell_trouble(self, self->reports[gone].calls, RK_EINVAL, gone, text);
}

static void tell_unlike(rk__everywhere *self, uint32_t a, uint32_t b) {
    char text[RK_ERROR_TEXT_MAX], call_a[RK__SIGNATURE_TEXT_MAX], call_b[RK__SIGNATURE_TEXT_MAX];
    const report *one = &self->reports[a], *other = &self->reports[b];
    snprintf(text, sizeof text,
             "call %llu of rank %u is %s, that of rank %u is %s: all ranks make the same calls in the same order",
             (unsigned long long)one->seq + 1, a, rk__signature_text(&one->signature, call_a), b,
             rk__signature_text(&other->signature, call_b));
    tell_trouble(self, one->seq, RK_EINVAL, a, text);
}

/* Can they never meet? */
static void compare(rk__everywhere *self, uint32_t a, uint32_t b) {
    const report *one = &self->reports[a], *other = &self->reports[b];
    if (!one->stuck || one->ended)
        return;
    if (other->ended && other->status == RK_OK && other->calls <= one->seq)
        tell_left(self, a, b);
    else if (!other->ended && other->stuck && other->seq == one->seq &&
             !rk__signature_same(&one->signature, &other->signature))
        tell_unlike(self, a, b);
}

static void compare_with_all(rk__everywhere *self, uint32_t rank) {
    for (uint32_t other = 0; other < self->collect->ranks; other++) {
        compare(self, rank, other);
        compare(self, other, rank);
    }
}

/* ---- letters ---- */

static rk__everywhere *of_letter(rk__collect *collect, const rk__letter *letter) {
    return letter->from < collect->ranks ? find(collect, letter->call) : NULL;
}

void rk__everywhere_stuck(rk__collect *collect, const rk__letter *letter) {
    rk__everywhere *self = of_letter(collect, letter);
    if (self == NULL)
        return;
    report *one = &self->reports[letter->from];
    one->stuck = true;
    one->seq = letter->a;
    one->signature = rk__signature_of(letter->op, letter->b, letter->c);
    compare_with_all(self, letter->from);
}

static char *text_of(const rk__letter *letter) {
    char *text = calloc(1, (size_t)letter->size + 1);
    if (text != NULL && letter->size > 0)
        memcpy(text, letter->bytes, (size_t)letter->size);
    return text;
}

void rk__everywhere_broken(rk__collect *collect, const rk__letter *letter) {
    rk__everywhere *self = of_letter(collect, letter);
    char *text = self != NULL ? text_of(letter) : NULL;
    if (self != NULL)
        tell_trouble(self, letter->a, (rk_status)letter->status, (uint32_t)letter->b, text != NULL ? text : "");
    free(text);
}

static void end(rk__everywhere *self, uint32_t rank, rk_status status, char *text) {
    report *one = &self->reports[rank];
    one->ended = true;
    one->status = status;
    one->text = text;
    self->left--;
}

/* Those who would wait for it. */
static void tell_failed(rk__everywhere *self, uint32_t rank) {
    char text[RK_ERROR_TEXT_MAX];
    const report *one = &self->reports[rank];
    snprintf(text, sizeof text, "rank %u has failed: %.900s", rank,
             one->text != NULL ? one->text : rk_status_text(one->status));
    tell_trouble(self, one->calls, RK_EBROKEN, rank, text);
}

void rk__everywhere_ended(rk__collect *collect, const rk__letter *letter) {
    rk__everywhere *self = of_letter(collect, letter);
    if (self == NULL || self->reports[letter->from].ended)
        return;
    report *one = &self->reports[letter->from];
    one->calls = letter->a;
    one->digest = letter->b;
    one->blames_another = letter->c != 0;
    end(self, letter->from, (rk_status)letter->status, letter->status != RK_OK ? text_of(letter) : NULL);
    if (one->status != RK_OK && !one->blames_another) /* else all hear, or have heard, of what it blames */
        tell_failed(self, letter->from);
    else if (one->status == RK_OK)
        compare_with_all(self, letter->from);
}

void rk__everywhere_died(rk__collect *collect, uint32_t endpoint) {
    for (rk__everywhere *one = collect->everywheres; one != NULL; one = one->next)
        if (endpoint < collect->ranks && !one->reports[endpoint].ended)
            end(one, endpoint, RK_EDEAD, rk__strdup("the rank has died"));
}

/* ---- the judgement ---- */

static rk_status judge_one(const rk__everywhere *self, uint32_t rank, rk_error *err) {
    const report *one = &self->reports[rank];
    rk__fail(err, one->status, "%s", one->text != NULL ? one->text : rk_status_text(one->status));
    if (err != NULL)
        err->rank = (int)rank;
    return one->status;
}

/* All returned RK_OK. */
static rk_status judge_calls(const rk__everywhere *self, rk_error *err) {
    const report *first = &self->reports[0];
    for (uint32_t rank = 1; rank < self->collect->ranks; rank++) {
        const report *one = &self->reports[rank];
        if (one->calls == first->calls && one->digest == first->digest)
            continue;
        if (one->calls != first->calls)
            rk__fail(err, RK_EINVAL, "rank %u made %llu collective calls, rank 0 %llu: all ranks make the same calls",
                     rank, (unsigned long long)one->calls, (unsigned long long)first->calls);
        else
            rk__fail(err, RK_EINVAL,
                     "the %llu collective calls of rank %u differ from those of rank 0 in kind, type, count, root or "
                     "operation: all ranks make the same calls",
                     (unsigned long long)one->calls, rank);
        if (err != NULL)
            err->rank = (int)rank;
        return RK_EINVAL;
    }
    return RK_OK;
}

static rk_status judge(const rk__everywhere *self, rk_error *err) {
    uint32_t ranks = self->collect->ranks, found = ranks;
    for (uint32_t rank = 0; rank < ranks; rank++) {
        const report *one = &self->reports[rank];
        if (one->status == RK_OK)
            continue;
        if (!one->blames_another)
            return judge_one(self, rank, err);
        if (found == ranks)
            found = rank;
    }
    return found < ranks ? judge_one(self, found, err) : judge_calls(self, err);
}

/* ---- the call ---- */

static bool all_ended(void *ctx) {
    return ((const rk__everywhere *)ctx)->left == 0;
}

static rk_status stop(rk__everywhere *self, rk_status why, rk_error *err) {
    rk__letter letter = {.op = RK__COLLECT_STOP, .call = self->number};
    uint32_t first = RK__NOBODY;
    for (uint32_t rank = self->collect->ranks; rank-- > 0;)
        if (!self->reports[rank].ended) {
            rk__collect_send(self->collect, rank, letter, NULL);
            first = rank;
        }
    rk__fail(err, why, "%s while the function still runs on %u ranks, the first of them rank %u",
             why == RK_ECANCELLED ? "told to end" : "the time is up", self->left, first);
    return why;
}

static void start_one(rk__everywhere *self, uint32_t rank, void *orders, size_t size) {
    rk__letter letter = {.to = rank,
                         .room = RK__ROOM_COLLECT,
                         .op = RK__COLLECT_START,
                         .call = self->number,
                         .size = size,
                         .bytes = orders};
    rk_error err = RK_ERROR_INIT;
    rk_status status = size > LARGE_BYTES ? rk__mail_send_large(self->collect->mail, &letter, &err)
                                          : rk__mail_send(self->collect->mail, &letter, RK__PAYLOAD_COPY, &err);
    if (status == RK_OK || self->reports[rank].ended)
        return;
    end(self, rank, status, rk__strdup(err.message));
    tell_failed(self, rank);
}

static rk_status start_others(rk__everywhere *self, const rk__function_name *name, const void *arg, size_t size,
                              rk_error *err) {
    uint32_t me = rk__mail_endpoint(self->collect->mail);
    char *orders;
    if (self->collect->ranks == 1 && me == 0)
        return RK_OK;
    RK_TRY(rk__alloc((void **)&orders, 1, sizeof *name + size, "an argument", err));
    memcpy(orders, name, sizeof *name);
    if (size > 0)
        memcpy(orders + sizeof *name, arg, size);
    for (uint32_t rank = 0; rank < self->collect->ranks; rank++)
        if (rank != me)
            start_one(self, rank, orders, sizeof *name + size);
    free(orders);
    return RK_OK;
}

static void run_own(rk__collect *collect, rk__gathering *own, const void *arg, size_t size) {
    rk__leave(collect->mail);
    rk__call_inner(true);
    rk__gathering_run(own, arg, size);
    rk__call_inner(false);
    rk__enter(NULL);
}

static rk_status run(rk__everywhere *self, rk_function function, const void *arg, size_t size, uint64_t deadline_ns,
                     rk_error *err) {
    rk__collect *collect = self->collect;
    rk__function_name name;
    rk__gathering *own = NULL;
    RK_TRY(rk__function_name_of(function, &name, err));
    if (rk__mail_endpoint(collect->mail) < collect->ranks)
        RK_TRY(rk__gathering_join(collect, self->number, function, deadline_ns, &own, err));
    rk_status status = start_others(self, &name, arg, size, err);
    if (status != RK_OK && own != NULL)
        rk__gathering_forget(own);
    RK_TRY(status);
    if (own != NULL)
        run_own(collect, own, arg, size);
    status = rk__wait(collect->mail, all_ended, self, deadline_ns);
    return status == RK_OK ? judge(self, err) : stop(self, status, err);
}

static void take_out(rk__everywhere *self) {
    rk__everywhere **at = &self->collect->everywheres;
    while (*at != self)
        at = &(*at)->next;
    *at = self->next;
    for (uint32_t rank = 0; rank < self->collect->ranks; rank++)
        free(self->reports[rank].text);
    free(self->reports);
}

static rk_status refuse_if_dead(const rk__collect *collect, rk_error *err) {
    for (uint32_t rank = 0; rank < collect->ranks; rank++)
        if (rk__mail_is_dead(collect->mail, rank)) {
            rk__fail(err, RK_EDEAD, "rank %u has died: a function can't run on all ranks any more", rank);
            if (err != NULL)
                err->rank = (int)rank;
            return RK_EDEAD;
        }
    return RK_OK;
}

static rk_status everywhere(rk__collect *collect, rk_function function, const void *arg, size_t size,
                            uint64_t deadline_ns, rk_error *err) {
    if (arg == NULL && size > 0)
        return rk__fail(err, RK_EINVAL, "an argument of %zu bytes at NULL", size);
    RK_TRY(refuse_if_dead(collect, err));
    rk__everywhere self = {.next = collect->everywheres,
                           .collect = collect,
                           .number = ++collect->last_number,
                           .left = collect->ranks,
                           .told_from = UINT64_MAX};
    RK_TRY(rk__alloc((void **)&self.reports, collect->ranks, sizeof *self.reports, "ranks", err));
    collect->everywheres = &self;
    rk_status status = run(&self, function, arg, size, deadline_ns, err);
    take_out(&self);
    return status;
}

rk_status rk_everywhere(rk_function function, const void *arg, size_t size, double timeout_seconds, rk_error *err) {
    RK__NEED_BYTES(arg, size, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = everywhere(rk__collect_room(mail), function, arg, size, rk__deadline(timeout_seconds), err);
    rk__leave(mail);
    return status;
}
