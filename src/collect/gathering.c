/* A member of a gathering: the function runs here, and makes its calls. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "channel/channel.h"
#include "collect/collect_private.h"

/* ---- finding and making ---- */

rk__gathering *rk__gathering_find(const rk__collect *collect, uint32_t head, uint64_t number) {
    rk__gathering *gathering = collect->gatherings;
    while (gathering != NULL && (gathering->head != head || gathering->number != number))
        gathering = gathering->next;
    return gathering;
}

rk__gathering *rk__gathering_current(const rk__collect *collect) {
    uint32_t party = rk__mail_party(collect->mail);
    rk__gathering *gathering = collect->gatherings;
    while (gathering != NULL && (!gathering->begun || gathering->party != party))
        gathering = gathering->next;
    return gathering;
}

static rk_status make(rk__collect *collect, uint32_t head, uint64_t number, rk__gathering **out, rk_error *err) {
    rk__gathering *made;
    RK_TRY(rk__alloc((void **)&made, 1, sizeof *made, "a gathering", err));
    rk_status status = rk__alloc((void **)&made->peers, collect->ranks, sizeof *made->peers, "a gathering", err);
    if (status != RK_OK) {
        free(made);
        return status;
    }
    made->collect = collect;
    made->head = head;
    made->number = number;
    made->limit_ns = RK__NEVER;
    made->awaited = RK__NOBODY;
    made->last = &made->first;
    made->next = collect->gatherings;
    collect->gatherings = made;
    *out = made;
    return RK_OK;
}

rk__gathering *rk__gathering_expect(rk__collect *collect, uint32_t head, uint64_t number) {
    rk__gathering *gathering = rk__gathering_find(collect, head, number);
    if (gathering == NULL && number > collect->begun[head])
        make(collect, head, number, &gathering, NULL);
    return gathering;
}

void rk__gathering_forget(rk__gathering *gathering) {
    rk__gathering **at = &gathering->collect->gatherings;
    while (*at != gathering)
        at = &(*at)->next;
    *at = gathering->next;
    while (gathering->first != NULL) {
        rk__parcel *parcel = gathering->first;
        gathering->first = parcel->next;
        free(parcel->bytes);
        free(parcel);
    }
    free(gathering->orders);
    free(gathering->peers);
    free(gathering);
}

/* ---- trouble ---- */

bool rk__gathering_hurt(const rk__gathering *gathering) {
    return gathering->trouble.set && gathering->trouble.from <= gathering->seq;
}

static void take_trouble(rk__gathering *gathering, const rk__trouble *trouble) {
    if (gathering->trouble.set && gathering->trouble.from <= trouble->from)
        return;
    gathering->trouble = *trouble;
    gathering->ready |= rk__gathering_hurt(gathering);
}

void rk__gathering_trouble(rk__gathering *gathering, uint64_t from, rk_status status, uint32_t who, const char *text) {
    rk__trouble trouble = {.set = true, .from = from, .status = status, .who = who};
    snprintf(trouble.text, sizeof trouble.text, "%s", text);
    take_trouble(gathering, &trouble);
}

void rk__gathering_break(rk__gathering *gathering, rk_status status, const char *fmt, ...) {
    rk__collect *collect = gathering->collect;
    uint32_t me = rk__mail_endpoint(collect->mail);
    rk__trouble trouble = {.set = true, .mine = true, .from = gathering->seq, .status = status, .who = me};
    va_list args;
    va_start(args, fmt);
    vsnprintf(trouble.text, sizeof trouble.text, fmt, args);
    va_end(args);
    take_trouble(gathering, &trouble);
    rk__letter letter = {
        .op = RK__COLLECT_BREAK, .status = (int32_t)status, .call = gathering->number, .a = trouble.from, .b = me};
    rk__collect_send(collect, gathering->head, letter, trouble.text);
}

static void tell_death(rk__gathering *gathering, uint32_t rank) {
    char text[64];
    snprintf(text, sizeof text, "rank %u has died", rank);
    rk__gathering_trouble(gathering, 0, RK_EDEAD, rank, text);
}

static void look_for_the_dead(rk__gathering *gathering) {
    for (uint32_t rank = 0; rank < gathering->collect->ranks; rank++)
        if (rk__mail_is_dead(gathering->collect->mail, rank))
            tell_death(gathering, rank);
}

/* ---- running ---- */

static bool is_stopping(void *ctx) {
    (void)ctx;
    rk__mail *mail = rk__enter(NULL);
    bool stopping = mail == NULL || rk__strand_interrupted(mail);
    if (mail != NULL)
        rk__leave(mail);
    return stopping;
}

static void send_ended(rk__collect *collect, uint32_t head, uint64_t number, const rk__gathering *gathering,
                       rk_status status, const char *text) {
    rk__letter letter = {.op = RK__COLLECT_ENDED, .status = (int32_t)status, .call = number};
    if (gathering != NULL) {
        const rk__trouble *trouble = &gathering->trouble;
        letter.a = gathering->seq;
        letter.b = gathering->digest;
        letter.c = status != RK_OK && trouble->set && !trouble->mine && trouble->status == status;
    }
    rk__collect_send(collect, head, letter, text);
}

/* What the function itself could not know: a letter came that belongs to none of its calls. */
static void add_what_it_missed(const rk__gathering *gathering, rk__outcome *outcome) {
    const rk__trouble *trouble = &gathering->trouble;
    if (outcome->status == RK_OK && trouble->mine && trouble->status == RK_EINVAL) {
        outcome->status = RK_EINVAL;
        snprintf(outcome->message, sizeof outcome->message, "%s", trouble->text);
    }
}

static void conclude(rk__gathering *gathering, rk__outcome *outcome) {
    free(outcome->bytes);
    rk__mail *mail = rk__enter(NULL);
    rk__channel_flush(mail); /* what it put is in the queues before anybody hears that it has ended */
    add_what_it_missed(gathering, outcome);
    send_ended(gathering->collect, gathering->head, gathering->number, gathering, outcome->status,
               outcome->status != RK_OK ? outcome->message : NULL);
    rk__gathering_forget(gathering);
    rk__leave(mail);
}

void rk__gathering_run(rk__gathering *gathering, const void *arg, size_t arg_size) {
    rk__outcome outcome = {.status = RK_ECANCELLED};
    if (is_stopping(NULL))
        snprintf(outcome.message, sizeof outcome.message, "told to end before it began");
    else
        rk__call_run(gathering->function, arg, arg_size, is_stopping, NULL, &outcome);
    conclude(gathering, &outcome);
}

rk_status rk__gathering_join(rk__collect *collect, uint64_t number, rk_function function, uint64_t limit_ns,
                             rk__gathering **out, rk_error *err) {
    uint32_t me = rk__mail_endpoint(collect->mail);
    RK_TRY(make(collect, me, number, out, err));
    collect->begun[me] = number;
    (*out)->begun = true;
    (*out)->party = rk__mail_party(collect->mail);
    (*out)->function = function;
    (*out)->limit_ns = limit_ns;
    return RK_OK;
}

/* ---- started by letter ---- */

static void lost(void *ctx) {
    rk__outcome outcome;
    rk__call_lost(&outcome);
    conclude(ctx, &outcome);
}

static void body(void *ctx) {
    rk__gathering *gathering = ctx;
    rk__mail *mail = rk__enter(NULL);
    rk__strand_set_lost(mail, lost);
    rk__leave(mail);
    rk__gathering_run(gathering, (char *)gathering->orders + sizeof(rk__function_name), gathering->arg_size);
}

static rk_status begin(rk__gathering *gathering, rk__letter *letter, rk_error *err) {
    if (letter->size < sizeof(rk__function_name))
        return rk__fail(err, RK_EINVAL, "orders of %llu bytes", (unsigned long long)letter->size);
    gathering->arg_size = (size_t)letter->size - sizeof(rk__function_name);
    gathering->orders = rk__letter_take(letter);
    if (gathering->orders == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for an argument of %zu bytes", gathering->arg_size);
    RK_TRY(rk__function_find(gathering->orders, &gathering->function, err));
    RK_TRY(rk__strand_start(gathering->collect->mail, body, gathering, &gathering->party, err));
    gathering->begun = true;
    look_for_the_dead(gathering);
    return RK_OK;
}

/* Those of an earlier call of the head never begin. */
static void forget_older(rk__collect *collect, uint32_t head, uint64_t number) {
    for (rk__gathering *one = collect->gatherings, *next; one != NULL; one = next) {
        next = one->next;
        if (one->head == head && one->number < number && !one->begun)
            rk__gathering_forget(one);
    }
}

void rk__gathering_start(rk__collect *collect, rk__letter *letter) {
    uint32_t head = letter->from;
    uint64_t number = letter->call;
    rk_error err = RK_ERROR_INIT;
    rk_status status = RK_OK;
    rk__gathering *gathering = rk__gathering_find(collect, head, number);
    forget_older(collect, head, number);
    collect->begun[head] = number;
    if (gathering == NULL)
        status = make(collect, head, number, &gathering, &err);
    if (status == RK_OK)
        status = begin(gathering, letter, &err);
    if (status == RK_OK)
        return;
    send_ended(collect, head, number, NULL, status, err.message);
    if (gathering != NULL)
        rk__gathering_forget(gathering);
}

void rk__gathering_stop(rk__collect *collect, uint32_t head, uint64_t number) {
    rk__gathering *gathering = rk__gathering_find(collect, head, number);
    if (gathering != NULL && gathering->begun)
        rk__strand_interrupt(collect->mail, gathering->party);
}

/* ---- deaths ---- */

/* Nobody will hear what comes of it. */
static void lose_head(rk__gathering *gathering) {
    if (!gathering->begun) {
        rk__gathering_forget(gathering);
        return;
    }
    rk__strand_interrupt(gathering->collect->mail, gathering->party);
    rk__gathering_trouble(gathering, 0, RK_EDEAD, gathering->head, "the process that called rk_everywhere has died");
}

void rk__gatherings_died(rk__collect *collect, uint32_t endpoint) {
    for (rk__gathering *one = collect->gatherings, *next; one != NULL; one = next) {
        next = one->next;
        if (endpoint < collect->ranks)
            tell_death(one, endpoint);
        if (one->head == endpoint)
            lose_head(one);
    }
}
