/* What is said to come next, of every state that a run file and its job can be in. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "cli/outlook.h"

#define RESUME "rankine submit -- resume run.h5"
#define NOON   UINT64_C(1795262400000000000) /* 2026-11-21T12:00:00Z */

static void assert_next(rk__outlook outlook, const char *state, const char *left, const char *expected) {
    rk__batch_entry entry = {.reason = "Priority", .start = "N/A"};
    rk__text out = RK__TEXT_INIT;
    snprintf(entry.state, sizeof entry.state, "%s", state);
    snprintf(entry.left, sizeof entry.left, "%s", left);
    outlook.now_ns = NOON;
    outlook.entry = *state != '\0' ? &entry : NULL;
    rk__outlook_add(&out, &outlook, RESUME);
    assert_string_equal(rk__text_get(&out), expected);
    rk__text_fini(&out);
}

static void a_waiting_job_says_why(void **state) {
    (void)state;
    assert_next((rk__outlook){.eta_seconds = NAN}, "PENDING", "10:00", "it waits (Priority), then begins the run");
    assert_next((rk__outlook){.has_file = true, .eta_seconds = NAN}, "PENDING", "10:00",
                "it waits (Priority), then goes on with the file");
}

static void a_running_job_says_whether_it_will_do(void **state) {
    (void)state;
    rk__outlook fast = {.has_file = true, .eta_seconds = 599}, slow = {.has_file = true, .eta_seconds = 601},
                early = {.has_file = true, .eta_seconds = NAN}, again = slow;
    again.restarts = 3;
    assert_next(fast, "RUNNING", "10:00", "the run is done at about 12:09 at this rate");
    assert_next(fast, "RUNNING", "UNLIMITED", "the run is done at about 12:09 at this rate");
    assert_next((rk__outlook){.has_file = true, .eta_seconds = 86400}, "RUNNING", "2-00:00:00",
                "the run is done at about 2026-11-22 12:00 at this rate");
    assert_next(slow, "RUNNING", "10:00",
                "not done at this rate when the job's time is over; then it stops, and this goes on: " RESUME);
    assert_next(again, "RUNNING", "10:00",
                "not done at this rate when the job's time is over; then it is queued again (at most 3 times)");
    assert_next(early, "RUNNING", "10:00", "at its time limit it stops, and this goes on: " RESUME);
    assert_next(early, "RUNNING", "UNLIMITED", "the job runs without a time limit");
}

static void what_is_over_says_how_to_go_on(void **state) {
    (void)state;
    rk__outlook open = {.has_file = true, .eta_seconds = NAN},
                done = {.has_file = true, .complete = true, .eta_seconds = NAN};
    assert_next(done, "COMPLETED", "0:00", "nothing: the run is complete");
    assert_next(done, "", "", "nothing: the run is complete");
    assert_next(open, "", "", "no job goes on with it; by hand: " RESUME);
    assert_next(open, "CANCELLED", "0:00", "no job goes on with it; by hand: " RESUME);
    assert_next(open, "COMPLETING", "0:00", "the job is between two states (COMPLETING)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_job_says_why),
        cmocka_unit_test(a_running_job_says_whether_it_will_do),
        cmocka_unit_test(what_is_over_says_how_to_go_on),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
