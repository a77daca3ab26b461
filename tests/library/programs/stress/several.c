/* Waiting for several objects. What is ready may be gone before one has it: but never is something ready that can't be,
 * and what was ended is found. */
#include <rankine/process.h>
#include <rankine/wait.h>

#include "stress.h"

enum { OBJECTS = 9, WAIT_SECONDS = 20 };

static int count_ready(const bool *ready, int count) {
    int found = 0;
    for (int i = 0; i < count; i++)
        found += ready[i];
    return found;
}

/* Any of a set's: a prefix of them in any order. */
static void wait_for_those_of_a_set(actor *who) {
    const kit *on = who->on;
    rk_ref some[OBJECTS] = {on->queues[0].ref,     on->queues[1].ref,     on->ends[0].ref,
                            on->ends[1].ref,       on->lock.ref,          on->rlock.ref,
                            on->semaphores[0].ref, on->semaphores[1].ref, on->event.ref};
    bool ready[OBJECTS];
    int count = 1 + (int)below(&who->random, OBJECTS);
    for (int i = 0; i < count; i++) {
        int other = i + (int)below(&who->random, (uint64_t)(OBJECTS - i));
        rk_ref one = some[i];
        some[i] = some[other];
        some[other] = one;
    }
    rk_status status = rk_wait(some, (size_t)count, short_time(&who->random), ready, &who->err);
    if (met(who, status, BIT(RK_ETIMEDOUT), "wait"))
        holds(who, count_ready(ready, count) > 0, "nothing of what was waited for is ready");
    else if (status == RK_ETIMEDOUT)
        holds(who, count_ready(ready, count) == 0, "something is ready, and the time is up");
}

/* A lenient set's event may die, and is ready then. */
static void wait_in_vain(actor *who) {
    bool ready;
    rk_status status = rk_wait(&who->on->never.ref, 1, short_time(&who->random), &ready, &who->err);
    if (!met(who, status, BIT(RK_ETIMEDOUT), "wait in vain") || !who->strict)
        return;
    holds(who, false, "an event is ready that nobody sets");
}

static rk_status nap(rk_call *call) {
    const rk_event *never = call->arg;
    rk_event_wait(*never, 2e-3, NULL);
    return RK_OK;
}

static void wait_for_a_process(actor *who) {
    rk_process process;
    bool ready[2];
    rk_process_options options = RK_PROCESS_OPTIONS_INIT;
    options.where =
        RK_ON_RANK((int)below(&who->random, (uint64_t)(who->strict ? who->todo->immortals : who->todo->ranks)));
    if (!met(who, rk_process_start(&process, nap, &who->on->never, sizeof who->on->never, &options, &who->err),
             BIT(RK_EFULL), "start"))
        return;
    const rk_ref both[] = {who->on->never.ref, process.ref};
    if (met(who, rk_wait(both, 2, WAIT_SECONDS, ready, &who->err), 0, "wait for a process") && who->strict)
        holds(who, ready[1] && !ready[0], "another than the process is ready");
    met(who, rk_process_join(process, WAIT_SECONDS, &who->err), 0, "join");
    met(who, rk_process_close(process, &who->err), 0, "close");
}

void wait_for_several(actor *who) {
    switch (below(&who->random, 5)) {
    case 0:
        wait_in_vain(who);
        break;
    case 1:
        wait_for_a_process(who);
        break;
    default:
        wait_for_those_of_a_set(who);
    }
}
