/* What the launcher sends to mpirun, and when.
 *
 *   before the ranks have begun the first request leads to TERM: there is nothing to drain
 *
 *         request, USR1       request, or mpirun            after GRACE, or
 *                             lingers without use           a third request
 *   NONE ------------> DRAIN -----------------> TERM -----------------> KILL
 *          USR1, again each       TERM once               KILL each REPEAT
 *          REPEAT
 *
 * USR1 is repeated because mpirun loses one that comes before it has started the ranks. For the ranks it means the same
 * however often it comes. A USR1 of our own asks for the same, and the first request after it for no more. Two requests
 * within DEBOUNCE are one: `timeout` and batch systems signal a process and its group at once. */
#include <signal.h>

#include "world/launch_private.h"

#define SECOND      UINT64_C(1000000000)
#define REPEAT_NS   SECOND
#define DEBOUNCE_NS (SECOND / 5)
#define GRACE_NS    (5 * SECOND)

void rk__stop_init(rk__stop *stop) {
    *stop = (rk__stop){.deadline_ns = UINT64_MAX};
}

static void advance(rk__stop *stop, uint64_t now_ns) {
    if (stop->phase < RK__STOP_KILL)
        stop->phase++;
    stop->deadline_ns = now_ns;
}

/* What is asked for before there is anything to drain ends it. */
static void ask(rk__stop *stop, uint64_t now_ns, bool begun) {
    stop->asked = true;
    if (stop->phase == RK__STOP_NONE && !begun)
        stop->phase = RK__STOP_DRAIN;
    advance(stop, now_ns);
}

void rk__stop_request(rk__stop *stop, uint64_t now_ns, bool begun) {
    bool first = stop->request_ns == 0, drains = stop->phase == RK__STOP_DRAIN && !stop->lingering;
    if (!first && now_ns - stop->request_ns < DEBOUNCE_NS)
        return;
    stop->request_ns = now_ns;
    if (!(first && drains)) /* as a USR1 before it has asked for already */
        ask(stop, now_ns, begun);
}

void rk__stop_drain(rk__stop *stop, uint64_t now_ns, bool begun) {
    if (stop->phase == RK__STOP_NONE)
        ask(stop, now_ns, begun);
}

void rk__stop_linger(rk__stop *stop, uint64_t now_ns, uint64_t patience_ns) {
    if (stop->lingering || stop->phase > RK__STOP_DRAIN)
        return;
    stop->lingering = true;
    stop->phase = RK__STOP_DRAIN;
    stop->deadline_ns = now_ns + patience_ns;
}

void rk__stop_put_off(rk__stop *stop, uint64_t until_ns) {
    if (stop->lingering && !stop->asked && stop->phase == RK__STOP_DRAIN && stop->deadline_ns < until_ns)
        stop->deadline_ns = until_ns;
}

int rk__stop_due(rk__stop *stop, uint64_t now_ns) {
    if (now_ns < stop->deadline_ns)
        return 0;
    if (stop->phase == RK__STOP_DRAIN && stop->lingering)
        stop->phase = RK__STOP_TERM;
    switch (stop->phase) {
    case RK__STOP_NONE:
        return 0;
    case RK__STOP_DRAIN:
        stop->deadline_ns = now_ns + REPEAT_NS;
        return SIGUSR1;
    case RK__STOP_TERM:
        stop->phase = RK__STOP_KILL;
        stop->deadline_ns = now_ns + GRACE_NS;
        return SIGTERM;
    case RK__STOP_KILL:
        stop->deadline_ns = now_ns + REPEAT_NS;
        return SIGKILL;
    }
    return 0;
}
