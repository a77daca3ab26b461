/* Functions that run here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "channel/channel.h"
#include "process/process_private.h"

rk__run *rk__run_current(rk__room_of_processes *room) {
    uint32_t party = rk__mail_party(room->mail);
    rk__run *run = room->runs;
    while (run != NULL && run->party != party)
        run = run->next;
    return run;
}

void rk__process_name(rk__mail *mail, char *name, size_t size) {
    const rk__run *run = rk__run_current(rk__process_room(mail));
    snprintf(name, size, "%s", run != NULL ? run->orders->name : "");
}

static void forget(rk__run *run) {
    rk__run **at = &run->room->runs;
    while (*at != run)
        at = &(*at)->next;
    *at = run->next;
    free(run->orders);
    free(run);
}

static bool is_stopping(void *ctx) {
    return atomic_load(&((rk__run *)ctx)->stopping);
}

static void tell_end(const rk__run *run, rk__outcome *outcome) {
    rk__room_of_processes *room = run->room;
    if (outcome->status != RK_OK) {
        rk__process_send_failure(room, run->home, RK__PROCESS_ENDED, run->serial, outcome->status, outcome->message);
        return;
    }
    rk__letter letter = {.to = run->home,
                         .room = RK__ROOM_PROCESS,
                         .op = RK__PROCESS_ENDED,
                         .a = run->serial,
                         .size = outcome->size,
                         .bytes = outcome->bytes};
    rk_error err = RK_ERROR_INIT;
    if (rk__mail_send(room->mail, &letter, RK__PAYLOAD_TAKE, &err) != RK_OK)
        rk__process_send_failure(room, run->home, RK__PROCESS_ENDED, run->serial, err.code, err.message);
}

/* The strand's, when the function has returned. */
static void end(rk__run *run, rk__outcome *outcome) {
    rk__mail *mail = rk__enter(NULL);
    rk__room_of_processes *room = run->room;
    rk__channel_flush(mail); /* what it put is in the queues before anybody hears that it has ended */
    rk__home_finish_own(room, run->number);
    rk__home_adopt(room, run->number);
    tell_end(run, outcome);
    if (run->orders->isolated) {
        room->leaving = true;
        room->exit_code = (int)outcome->status;
    }
    forget(run);
    rk__leave(mail);
}

static void lost(void *ctx) {
    rk__outcome outcome;
    rk__call_lost(&outcome);
    end(ctx, &outcome);
}

static void body(void *ctx) {
    rk__run *run = ctx;
    rk__mail *mail = rk__enter(NULL);
    rk__strand_set_lost(mail, lost);
    rk__leave(mail);
    rk__outcome outcome = {.status = RK_ECANCELLED};
    snprintf(outcome.message, sizeof outcome.message, "terminated before it began");
    if (!is_stopping(run)) {
        rk__call_run(run->function, run->orders + 1, run->arg_size, is_stopping, run, &outcome);
    }
    end(run, &outcome);
}

static rk_status prepare(rk__run *run, rk__letter *letter, rk_error *err) {
    if (letter->size < sizeof *run->orders)
        return rk__fail(err, RK_EINVAL, "orders for a process of %llu bytes", (unsigned long long)letter->size);
    run->arg_size = (size_t)letter->size - sizeof *run->orders;
    run->orders = rk__letter_take(letter);
    if (run->orders == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for an argument of %zu bytes", run->arg_size);
    RK_TRY(rk__function_find(&run->orders->function, &run->function, err));
    return rk__strand_start(run->room->mail, body, run, &run->party, err);
}

static rk_status begin(rk__room_of_processes *room, rk__letter *letter, rk_error *err) {
    rk__run *run;
    RK_TRY(rk__alloc((void **)&run, 1, sizeof *run, "a process", err));
    run->room = room;
    run->number = ++room->last_run;
    run->home = letter->from;
    run->serial = letter->a;
    rk_status status = prepare(run, letter, err);
    if (status != RK_OK) {
        free(run->orders);
        free(run);
        return status;
    }
    run->next = room->runs;
    room->runs = run;
    return RK_OK;
}

void rk__run_receive(rk__room_of_processes *room, rk__letter *letter) {
    rk_error err = RK_ERROR_INIT;
    if (letter->b != rk__mail_birth(room->mail)) /* for a predecessor */
        return;
    rk_status status = begin(room, letter, &err);
    if (status == RK_OK)
        rk__process_send(room, letter->from, RK__PROCESS_STARTED, letter->a, (uint64_t)getpid(), 0);
    else
        rk__process_send_failure(room, letter->from, RK__PROCESS_STARTED, letter->a, status, err.message);
}

static void stop(rk__run *run) {
    atomic_store(&run->stopping, true);
    rk__strand_interrupt(run->room->mail, run->party);
}

void rk__run_stop(rk__room_of_processes *room, const rk__letter *letter) {
    for (rk__run *run = room->runs; run != NULL; run = run->next)
        if (run->home == letter->from && run->serial == letter->a)
            stop(run);
}

/* Nobody will hear of it. */
void rk__run_died(rk__room_of_processes *room, uint32_t endpoint) {
    for (rk__run *run = room->runs; run != NULL; run = run->next)
        if (run->home == endpoint)
            stop(run);
}
