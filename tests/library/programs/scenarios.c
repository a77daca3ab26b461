/* Plays a group of scenarios: scenarios pools|futures|channels|sync|shared|managers|processes. */
#include "scenarios/scenarios.h"

/* ---- saying what happened ---- */

static const char *word_of(rk_status status) {
    switch (status) {
    case RK_OK:
        return "ok";
    case RK_ETIMEDOUT:
        return "timed out";
    case RK_EFULL:
        return "full";
    case RK_EEMPTY:
        return "empty";
    case RK_ECLOSED:
        return "closed";
    case RK_ECANCELLED:
        return "cancelled";
    case RK_EEOF:
        return "end";
    case RK_EBROKEN:
        return "broken";
    case RK_EPERM:
        return "refused";
    case RK_ENOENT:
        return "not found";
    case RK_EEXIST:
        return "exists";
    case RK_EOVERFLOW:
        return "too large";
    case RK_EINVAL:
        return "wrong";
    default:
        return rk_status_name(status);
    }
}

void told(const char *what, rk_status status) {
    printf("%s: %s\n", what, word_of(status));
}

void answered(const char *what, bool answer) {
    printf("%s: %s\n", what, answer ? "True" : "False");
}

void numbered(const char *what, int64_t number) {
    printf("%s: %lld\n", what, (long long)number);
}

void numbers(const char *what, const int64_t *list, size_t count) {
    printf("%s:", what);
    for (size_t i = 0; i < count; i++)
        printf(" %lld", (long long)list[i]);
    printf("\n");
}

void complained(const char *what, const rk_error *err) {
    const char *item = strstr(err->message, ": ");
    printf("%s: %s\n", what, strncmp(err->message, "item ", 5) == 0 && item != NULL ? item + 2 : err->message);
}

/* ---- functions of several scenarios ---- */

rk_status wait_at_gate(rk_call *call) {
    const gated *self = call->arg;
    RK_TRY(rk_event_set(self->begun, NULL));
    RK_TRY(rk_event_wait(self->gate, RK_FOREVER, NULL));
    if (self->picky && self->x % 2 != 0)
        return rk_call_fail(call, RK_EINVAL, "%lld is odd", (long long)self->x);
    return rk_call_return(call, &self->x, sizeof self->x);
}

rk_status make_gate(gated *gate, rk_error *err) {
    RK_TRY(rk_event_create(&gate->begun, err));
    return rk_event_create(&gate->gate, err);
}

rk_status square(rk_call *call) {
    int64_t x = *(const int64_t *)call->arg, y = x * x;
    return rk_call_return(call, &y, sizeof y);
}

rk_status square_even(rk_call *call) {
    int64_t x = *(const int64_t *)call->arg;
    if (x % 2 != 0)
        return rk_call_fail(call, RK_EINVAL, "%lld is odd", (long long)x);
    return square(call);
}

rk_pool_options with_workers(int workers) {
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    options.workers = workers;
    return options;
}

rk_status number_of(rk_future future, int64_t *x, rk_error *err) {
    return rk_future_get_into(future, RK_FOREVER, x, sizeof *x, err);
}

void nap(void) {
    rk_event never;
    if (rk_event_create(&never, NULL) == RK_OK) {
        rk_event_wait(never, 0.1, NULL);
        rk_event_destroy(never, NULL);
    }
}

/* ---- playing them ---- */

static const struct {
    const char *name;
    const scenario *scenarios;
} groups[] = {{"pools", pool_scenarios},       {"futures", future_scenarios}, {"channels", channel_scenarios},
              {"sync", sync_scenarios},        {"shared", shared_scenarios},  {"managers", manager_scenarios},
              {"processes", process_scenarios}};

static rk_status play(const scenario *one, rk_error *err) {
    for (; one->name != NULL; one++) {
        printf("== %s\n", one->name);
        fflush(stdout);
        RK_TRY(one->play(err));
    }
    return RK_OK;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    for (size_t i = 0; argc == 2 && i < sizeof groups / sizeof *groups; i++)
        if (strcmp(argv[1], groups[i].name) == 0)
            return play(groups[i].scenarios, err);
    snprintf(err->message, sizeof err->message, "which group of scenarios?");
    return RK_EINVAL;
}

int main(int argc, char **argv) {
    return rk_main(argc, argv, root, NULL);
}
