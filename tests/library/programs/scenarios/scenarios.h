/* Scenarios that ../../python_scenarios has too, in Python: both print the same lines. */
#ifndef RANKINE_TEST_SCENARIOS_H
#define RANKINE_TEST_SCENARIOS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rankine/bytes.h>
#include <rankine/pool.h>
#include <rankine/process.h>
#include <rankine/program.h>
#include <rankine/shared.h>
#include <rankine/sync.h>

typedef struct scenario {
    const char *name;
    rk_status (*play)(rk_error *err);
} scenario;

/* Groups of them; each ends with an empty one. */
extern const scenario pool_scenarios[], future_scenarios[], channel_scenarios[], sync_scenarios[], shared_scenarios[],
    manager_scenarios[], process_scenarios[];

/* "what: word", with one word for the status here and the exception there. */
void told(const char *what, rk_status status);
void answered(const char *what, bool answer);
void numbered(const char *what, int64_t number);
void numbers(const char *what, const int64_t *list, size_t count);
/* What a failure says, without the number of the item that it happened to. */
void complained(const char *what, const rk_error *err);

/* Wait for an event, then return x; an odd x fails, if it may. */
typedef struct gated {
    rk_event begun, gate;
    int64_t x;
    bool picky;
} gated;
rk_status wait_at_gate(rk_call *call);
/* Both events made, none set. */
rk_status make_gate(gated *gate, rk_error *err);

/* Return an int64_t's square, or fail: "3 is odd". */
rk_status square(rk_call *call);
rk_status square_even(rk_call *call);

rk_pool_options with_workers(int workers);
/* The future's number, for those whose result is one. */
rk_status number_of(rk_future future, int64_t *x, rk_error *err);
void nap(void);

#endif
