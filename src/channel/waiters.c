#include <stdlib.h>

#include "channel/channel_private.h"

void rk__waiters_add(rk__waiters *waiters, rk__waiter *waiter) {
    waiter->next = NULL;
    if (waiters->last != NULL)
        waiters->last->next = waiter;
    else
        waiters->first = waiter;
    waiters->last = waiter;
}

bool rk__waiters_add_asker(rk__mail *mail, rk__waiters *waiters, const rk__waiter *waiter) {
    rk__waiter *made = malloc(sizeof *made);
    if (made == NULL) {
        rk__mail_answer(mail, waiter->who, RK_ENOMEM, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
        return false;
    }
    *made = *waiter;
    rk__waiters_add(waiters, made);
    return true;
}

rk__waiter *rk__waiters_pop(rk__waiters *waiters) {
    rk__waiter *first = waiters->first;
    if (first != NULL && (waiters->first = first->next) == NULL)
        waiters->last = NULL;
    return first;
}

static void take_out(rk__waiters *waiters, rk__waiter *waiter) {
    rk__waiter **at = &waiters->first, *before = NULL;
    while (*at != waiter) {
        before = *at;
        at = &before->next;
    }
    *at = waiter->next;
    if (waiters->last == waiter)
        waiters->last = before;
}

static void drop(rk__waiter *waiter) {
    if (waiter->message.owned)
        free(waiter->message.bytes);
    free(waiter);
}

void rk__waiters_cancel(rk__mail *mail, rk__waiters *waiters, rk__question who) {
    for (rk__waiter *waiter = waiters->first; waiter != NULL; waiter = waiter->next)
        if (waiter->verdict == NULL && waiter->who.from == who.from && waiter->who.call == who.call) {
            take_out(waiters, waiter);
            rk__waiter_settle(mail, waiter, (rk__verdict){.status = RK_ETIMEDOUT});
            return;
        }
}

void rk__waiters_died(rk__waiters *waiters, uint32_t endpoint) {
    for (rk__waiter *waiter = waiters->first, *next; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (waiter->verdict == NULL && waiter->who.from == endpoint) {
            take_out(waiters, waiter);
            drop(waiter);
        }
    }
}

void rk__waiter_settle(rk__mail *mail, rk__waiter *waiter, rk__verdict verdict) {
    if (waiter->verdict != NULL) {
        *waiter->verdict = verdict;
        waiter->verdict->done = true;
        return;
    }
    rk__mail_answer(mail, waiter->who, verdict.status, verdict.got, verdict.size, verdict.bytes,
                    verdict.bytes != NULL ? verdict.size : 0, RK__PAYLOAD_TAKE);
    drop(waiter);
}

void rk__waiters_settle_all(rk__mail *mail, rk__waiters *waiters, rk_status status) {
    for (rk__waiter *waiter; (waiter = rk__waiters_pop(waiters)) != NULL;)
        rk__waiter_settle(mail, waiter, (rk__verdict){.status = status});
}

static bool is_done(void *ctx) {
    return ((const rk__verdict *)ctx)->done;
}

rk_status rk__waiters_wait(rk__mail *mail, rk__waiters *waiters, rk__waiter *waiter, uint64_t deadline_ns) {
    rk__waiters_add(waiters, waiter);
    rk_status status = rk__wait(mail, is_done, waiter->verdict, deadline_ns);
    if (waiter->verdict->done)
        return RK_OK;
    take_out(waiters, waiter); /* the list is there as long as it has waiters */
    return status;
}
