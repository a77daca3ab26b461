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
    rk__batch_entry entry = {.id = "7", .reason = "Priority", .start = "N/A"};
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

static void assert_waits(const char *reason, const char *expected) {
    rk__batch_entry entry = {.id = "7", .state = "PENDING", .start = "N/A"};
    rk__outlook outlook = {.eta_seconds = NAN, .entry = &entry, .now_ns = NOON};
    rk__text out = RK__TEXT_INIT;
    snprintf(entry.reason, sizeof entry.reason, "%s", reason);
    rk__outlook_add(&out, &outlook, RESUME);
    if (strstr(rk__text_get(&out), expected) == NULL)
        fail_msg("%s: %s", reason, rk__text_get(&out));
    assert_null(strstr(rk__text_get(&out), "then begins the run"));
    rk__text_fini(&out);
}

static void a_job_that_does_not_start_by_waiting_says_what_does(void **state) {
    (void)state;
    assert_waits("PartitionTimeLimit",
                 "as things are it does not start (PartitionTimeLimit): it asks for more time than "
                 "its partition gives; scancel 7 and submit it anew with a shorter --time");
    assert_waits("JobHeldUser", "it is held; scontrol release 7 lets it go");
    assert_waits("JobHeldAdmin", "(JobHeldAdmin): an administrator holds it");
    assert_waits("BadConstraints", "scancel 7 and submit it anew with another --constraint");
    assert_waits("DependencyNeverSatisfied", "without that --dependency");
    assert_waits("PartitionNodeLimit", "another -N");
    assert_waits("PartitionConfig", "another --partition");
    assert_waits("ReqNodeNotAvail, UnavailableNodes:n3",
                 "(ReqNodeNotAvail, UnavailableNodes:n3): a node that it needs");
    assert_waits("AssocGrpCpuLimit", "the jobs of its account have all that it gives");
    assert_waits("AssocGrpCPUMinutesLimit", "the time of its account is used up");
    assert_waits("AssocGrpCPURunMinutesLimit", "may run at once");
    assert_waits("AssocMaxWallDurationPerJobLimit", "more than its account gives a job");
    assert_waits("QOSMaxCpuPerJobLimit", "more than its QOS gives a job");
    assert_waits("QOSMinCpuNotSatisfied", "less than its QOS wants");
    assert_waits("InvalidAccount", "another --account");
}

static void others_just_wait(void **state) {
    (void)state;
    static const char *const reasons[] = {
        "Priority", "Resources", "Dependency", "BeginTime",         "QOSMaxJobsPerUserLimit",
        "Licenses", "None",      "",           "AssocMaxJobsLimit", "Reservation"};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        assert_null(rk__batch_obstacle_of(reasons[i]));
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
    assert_next((rk__outlook){.has_file = true, .runs = true, .eta_seconds = 60}, "", "",
                "the run is done at about 12:01 at this rate");
    assert_next((rk__outlook){.has_file = true, .runs = true, .eta_seconds = NAN}, "", "", "the run goes on");
    assert_next((rk__outlook){.eta_seconds = NAN}, "", "", "no job begins it; by hand: " RESUME);
    assert_next(open, "COMPLETING", "0:00", "the job is between two states (COMPLETING)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_waiting_job_says_why),
        cmocka_unit_test(a_job_that_does_not_start_by_waiting_says_what_does),
        cmocka_unit_test(others_just_wait),
        cmocka_unit_test(a_running_job_says_whether_it_will_do),
        cmocka_unit_test(what_is_over_says_how_to_go_on),
    };
    setenv("TZ", "UTC", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
