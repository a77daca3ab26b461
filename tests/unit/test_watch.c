/* Watching a run: what is said of its life, its rates and ranks; failures that say the same are one; what a screen
 * shows. */
#include <math.h>
#include <sys/wait.h>

#include "run_file.h"

#include "cli/canvas.h"
#include "cli/failures.h"
#include "cli/watch.h"

#define SECOND UINT64_C(1000000000)

/* ---- life and state ---- */

static void begin_session(fixture *f, const char *host, uint32_t pid, uint64_t seconds_ago) {
    rk__session session = {.start_ns = rk__wall_ns() - seconds_ago * SECOND, .ranks = 2, .nodes = 1, .pid = pid};
    uint16_t number;
    snprintf(session.host, sizeof session.host, "%s", host);
    assert_int_equal(rk__record_session_begin(f->record, &session, &number, NULL), RK_OK);
}

static const char *this_host(void) {
    static char host[64];
    gethostname(host, sizeof host - 1);
    return host;
}

static void commit_of(fixture *f, uint64_t block, uint16_t session, uint32_t owner, uint64_t seconds_ago) {
    rk__block_record entry = {.generation = 1,
                              .session = session,
                              .owner = owner,
                              .start_ns = rk__wall_ns() - seconds_ago * SECOND,
                              .duration_ns = 1000};
    rk__block_seal(f->record, block, &entry);
    assert_int_equal(rk__raw_write(f->record, &entry, sizeof entry, rk__record_at(f->record, 0, block), NULL), RK_OK);
}

static rk__watch_state state_now(fixture *f, rk__watch *watch) {
    rk_error err = RK_ERROR_INIT;
    watch->path = f->path;
    if (rk__watch_poll(watch, SECOND, &err) != RK_OK)
        fail_msg("%s", err.message);
    return watch->state;
}

static void assert_state(fixture *f, rk__watch_state expected) {
    rk__watch watch = {0};
    assert_string_equal(rk__watch_state_words(state_now(f, &watch)), rk__watch_state_words(expected));
    rk__watch_fini(&watch);
}

static uint32_t dead_process(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return (uint32_t)child;
}

static void a_file_without_a_session_is_starting(void **state) {
    assert_state(*state, RK__WATCH_STARTING);
}

static void a_process_that_is_there_is_running(void **state) {
    begin_session(*state, this_host(), (uint32_t)getpid(), 0);
    assert_state(*state, RK__WATCH_RUNNING);
}

static void a_process_that_is_gone_was_killed(void **state) {
    begin_session(*state, this_host(), dead_process(), 5);
    assert_state(*state, RK__WATCH_KILLED);
}

/* Numbers of processes are used again: this one is younger than the session that is said to be its own. */
static void a_younger_process_with_the_same_number_is_another(void **state) {
    begin_session(*state, this_host(), (uint32_t)getpid(), 86400);
    assert_state(*state, RK__WATCH_KILLED);
}

static void a_zombie_is_dead(void **state) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    begin_session(*state, this_host(), (uint32_t)child, 0);
    assert_state(*state, RK__WATCH_KILLED);
    waitpid(child, NULL, 0);
}

static void on_another_host_only_silence_can_be_told(void **state) {
    fixture *f = *state;
    begin_session(f, "no-such-host", dead_process(), 300);
    assert_state(f, RK__WATCH_SILENT);
    commit_of(f, 7, 1, 1, 2);
    assert_state(f, RK__WATCH_RUNNING);
}

static void a_missing_file_is_waited_for(void **state) {
    fixture *f = *state;
    unlink(f->path);
    assert_state(f, RK__WATCH_WAITING);
}

/* ---- figures ---- */

static void what_came_lately_is_counted_by_rank_and_session(void **state) {
    fixture *f = *state;
    rk__watch watch = {0};
    begin_session(f, this_host(), dead_process(), 4000);
    commit_of(f, 0, 1, 0, 3900);
    begin_session(f, this_host(), (uint32_t)getpid(), 100);
    commit_of(f, 1, 2, 0, 90);
    commit_of(f, 2, 2, 1, 1);
    state_now(f, &watch);
    assert_int_equal(watch.rank_count, 2);
    assert_int_equal(watch.ranks[0].tasks, BLOCK);
    assert_int_equal(rk__watch_recent(&watch.ranks[0]), 0);
    assert_int_equal(rk__watch_recent(&watch.ranks[1]), BLOCK);
    rk__watch_figures figures = rk__watch_figures_of(&watch);
    assert_int_equal(figures.done, 3 * BLOCK);
    assert_int_equal(figures.recent_tasks, BLOCK);
    assert_true(figures.recent_seconds > 8 && figures.recent_seconds < 11);
    assert_true(figures.eta_seconds > 0);
    commit_of(f, 3, 2, 0, 0);
    state_now(f, &watch);
    assert_int_equal(rk__watch_recent(&watch.ranks[0]), BLOCK);
    rk__watch_fini(&watch);
}

static void a_new_session_begins_anew(void **state) {
    fixture *f = *state;
    rk__watch watch = {0};
    begin_session(f, "no-such-host", 1, 50);
    commit_of(f, 0, 1, 1, 1);
    assert_int_equal(state_now(f, &watch), RK__WATCH_RUNNING);
    assert_int_equal(watch.ranks[1].tasks, BLOCK);
    begin_session(f, "no-such-host", 2, 0);
    assert_int_equal(state_now(f, &watch), RK__WATCH_RUNNING);
    assert_int_equal(watch.rank_count, 0);
    assert_int_equal(rk__watch_figures_of(&watch).done, BLOCK);
    rk__watch_fini(&watch);
}

static void many_ranks_are_cells_that_fit_the_screen(void **state) {
    fixture *f = *state;
    rk__watch watch = {0};
    rk__text frame = RK__TEXT_INIT;
    begin_session(f, "no-such-host", 1, 50);
    for (uint32_t rank = 0; rank < 1000; rank++)
        commit_of(f, rank, 1, rank, rank % 20);
    state_now(f, &watch);
    rk__frame_style style = {.columns = 80, .rows = 24, .live = true};
    rk__watch_frame(&frame, &watch, &style);
    const char *text = rk__text_get(&frame);
    size_t lines = 0;
    for (const char *at = text; *at != '\0'; at += strcspn(at, "\n") + 1, lines++)
        assert_true(strcspn(at, "\n") <= 80);
    assert_int_equal(lines, 24);
    assert_non_null(strstr(text, " of 1000 ranks committed in the last"));
    assert_non_null(strstr(text, "more ranks"));
    rk__text_fini(&frame);
    rk__watch_fini(&watch);
}

/* ---- failures ---- */

static void assert_widened(const char *pattern, const char *message, const char *expected) {
    char text[RK__FAILURE_TEXT_MAX];
    snprintf(text, sizeof text, "%s", pattern);
    assert_int_equal(rk__failures_widen(text, message), expected != NULL);
    assert_string_equal(text, expected ? expected : pattern);
}

static void messages_that_differ_in_numbers_are_one(void **state) {
    (void)state;
    assert_widened("x leaves [0, 1] for r = 3.5", "x leaves [0, 1] for r = -4e-05", "x leaves [0, 1] for r = ..");
    assert_widened("x leaves [0, 1] for r = ..", "x leaves [0, 1] for r = 7", "x leaves [0, 1] for r = ..");
    assert_widened("no change", "no change", "no change");
    assert_widened("at 1 of 2", "at 10 of 2", "at .. of 2");
    assert_widened("at 1", "at x", NULL);
    assert_widened("at 1", "at 1 again", NULL);
    assert_widened("at 1 again", "at 1", NULL);
    assert_widened("", "", "");
    assert_widened("", "3", NULL);
}

static void groups_are_sorted_by_count(void **state) {
    (void)state;
    const rk__failure failures[] = {{.task = 4, .code = 1, .message = "odd 4"},
                                    {.task = 5, .code = 2, .message = "even 5"},
                                    {.task = 7, .code = 2, .message = "even 7"},
                                    {.task = 9, .code = 3, .message = "even 9"}};
    rk__failure_group *groups;
    size_t count;
    assert_int_equal(rk__failures_group(failures, NULL, 4, &groups, &count, NULL), RK_OK);
    assert_int_equal(count, 3);
    assert_string_equal(groups[0].pattern, "even ..");
    assert_string_equal(groups[0].message, "even 5");
    assert_int_equal(groups[0].count, 2);
    assert_int_equal(groups[0].first_task, 5);
    assert_int_equal(groups[0].last_task, 7);
    assert_string_equal(groups[1].message, "odd 4");
    assert_int_equal(groups[2].code, 3);
    free(groups);
}

static void a_group_shows_its_first_message_whole(void **state) {
    (void)state;
    rk__failure failures[8];
    rk__text out = RK__TEXT_INIT;
    for (int i = 0; i < 8; i++) {
        failures[i] = (rk__failure){.task = (uint64_t)(40 - i), .code = 7};
        snprintf(failures[i].message, sizeof failures[i].message, "force -%d is too negative", 40 - i);
    }
    rk__failures_print(&out, failures, 8, &(rk__failures_view){.failed = 8, .most = 5});
    assert_non_null(strstr(rk__text_get(&out), "8 alike with code 7, tasks 33 to 40; the first:\n"));
    assert_non_null(strstr(rk__text_get(&out), "  force -33 is too negative\n"));
    rk__text_fini(&out);
    rk__failures_print(&out, failures, 1, &(rk__failures_view){.failed = 1, .most = 5, .columns = 30});
    assert_non_null(strstr(rk__text_get(&out), "              force -40 is ...\n"));
    rk__text_fini(&out);
}

/* ---- canvas ---- */

static void a_canvas_cuts_at_its_edges_and_takes_no_orders(void **state) {
    (void)state;
    rk__text out = RK__TEXT_INIT;
    rk__canvas c = {.out = &out, .columns = 10, .rows = 2, .utf8 = true};
    rk__canvas_put(&c, RK__RED, "äöü\033[2Jäöüäöü");
    rk__canvas_newline(&c);
    rk__canvas_bar(&c, RK__CYAN, 20, 0.5);
    rk__canvas_newline(&c);
    rk__canvas_put(&c, RK__PLAIN, "below");
    rk__canvas_newline(&c);
    assert_string_equal(rk__text_get(&out), "äöü [2Jäöü\n██████████\n");
    rk__text_fini(&out);
}

int main(void) {
#define WATCH_TEST(name) cmocka_unit_test_setup_teardown(name, create_file, remove_file)
    const struct CMUnitTest tests[] = {
        WATCH_TEST(a_file_without_a_session_is_starting),
        WATCH_TEST(a_process_that_is_there_is_running),
        WATCH_TEST(a_process_that_is_gone_was_killed),
        WATCH_TEST(a_younger_process_with_the_same_number_is_another),
        WATCH_TEST(a_zombie_is_dead),
        WATCH_TEST(on_another_host_only_silence_can_be_told),
        WATCH_TEST(a_missing_file_is_waited_for),
        WATCH_TEST(what_came_lately_is_counted_by_rank_and_session),
        WATCH_TEST(a_new_session_begins_anew),
        WATCH_TEST(many_ranks_are_cells_that_fit_the_screen),
        cmocka_unit_test(messages_that_differ_in_numbers_are_one),
        cmocka_unit_test(groups_are_sorted_by_count),
        cmocka_unit_test(a_group_shows_its_first_message_whole),
        cmocka_unit_test(a_canvas_cuts_at_its_edges_and_takes_no_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
