/* Following a run: every commit is seen, once, wherever it comes; what is known is not read again; failures that say
 * the same are one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RK_KERNEL_LINKED
#include "cli/canvas.h"
#include "cli/failures.h"
#include "kernel/loader.h"
#include "record/record_private.h"

#include <cmocka.h>

enum { BLOCKS = 20000, BLOCK = 2, TASKS = BLOCKS * BLOCK - 1 };

typedef struct {
    double value;
} result;

static int nothing(rk_task *task, const void *p, void *r) {
    (void)task, (void)p, (void)r;
    return RK_OK;
}

RK_KERNEL(followed, .summary = "for tests", .version = "1", .deterministic = true,
          .outputs = {RK_OUTPUT(result, value, RK_F64, "1", "value")}, .reduce = {RK_REDUCE("sum", RK_SUM, value)},
          .run = nothing)

typedef struct {
    char directory[64], path[96];
    rk__space *space;
    rk__reducer *reducer;
    rk__schema schema;
    rk__identity identity;
    rk__record *record;
    rk__follower *follower;
    unsigned visits[BLOCKS];
} fixture;

static int create_file(void **state) {
    fixture *f = calloc(1, sizeof *f);
    const rk_kernel *kernel = &rk_kernel_followed;
    rk__request request = {.repeat = TASKS};
    const rk__reduction_spec spec = {.name = "sum", .op = RK_SUM, .type = RK_F64, .elements = 1};
    char *text;
    strcpy(f->directory, "/tmp/rankine-follow-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/out.h5", f->directory);
    assert_int_equal(rk__space_describe(kernel, &request, &text, NULL), RK_OK);
    assert_int_equal(rk__space_create(&f->space, kernel, text, false, NULL), RK_OK);
    assert_int_equal(rk__reducer_create(&f->reducer, &spec, 1, NULL), RK_OK);
    assert_int_equal(rk__schema_create(&f->schema, kernel, f->space, f->reducer, BLOCK, NULL), RK_OK);
    assert_int_equal(f->schema.blocks, BLOCKS);
    f->identity = (rk__identity){strdup("followed"), strdup("1"), strdup(""), {1, 2}, {3, 4}, 5, true, text};
    rk__provenance none = {"", "", "", "", "", "", 1, 1};
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &none, false, NULL), RK_OK);
    assert_int_equal(rk__record_open(&f->record, f->path, true, NULL), RK_OK);
    assert_int_equal(rk__follower_create(&f->follower, f->record, NULL), RK_OK);
    *state = f;
    return 0;
}

static int remove_file(void **state) {
    fixture *f = *state;
    rk__follower_destroy(f->follower);
    rk__record_close(f->record);
    unlink(f->path);
    rmdir(f->directory);
    rk__identity_fini(&f->identity);
    rk__schema_fini(&f->schema);
    rk__reducer_destroy(f->reducer);
    rk__space_destroy(f->space);
    free(f);
    return 0;
}

static void commit(fixture *f, uint64_t block) {
    rk__block_record entry = {.generation = 1, .duration_ns = 1, .failed = block % 5 == 0};
    rk__block_seal(f->record, block, &entry);
    assert_int_equal(rk__raw_write(f->record, &entry, sizeof entry, rk__record_at(f->record, 0, block), NULL), RK_OK);
}

static void count_visit(void *ctx, uint64_t block, const rk__block_record *entry) {
    assert_int_equal(entry->generation, 1);
    ((fixture *)ctx)->visits[block]++;
}

static void poll(fixture *f, uint64_t sweep_ns) {
    assert_int_equal(rk__follower_poll(f->follower, sweep_ns, count_visit, f, NULL), RK_OK);
}

static uint64_t done(const fixture *f) {
    return rk__follower_totals(f->follower)->blocks_done;
}

static void blocks_in_order_are_seen_without_a_sweep(void **state) {
    fixture *f = *state;
    poll(f, 0);
    assert_int_equal(done(f), 0);
    for (uint64_t block = 0, next = 1; block < BLOCKS; next = next * 3 + 1) {
        for (; block < next && block < BLOCKS; block++)
            commit(f, block);
        poll(f, 0);
        assert_int_equal(done(f), block);
    }
    poll(f, UINT64_MAX);
    for (uint64_t block = 0; block < BLOCKS; block++)
        assert_int_equal(f->visits[block], 1);
    assert_int_equal(rk__follower_totals(f->follower)->tasks_done, TASKS);
    assert_int_equal(rk__follower_totals(f->follower)->tasks_failed, BLOCKS / 5);
}

static void a_span_that_begins_anywhere_is_found_by_a_sweep_and_then_followed(void **state) {
    fixture *f = *state;
    commit(f, 12345);
    poll(f, 0);
    assert_int_equal(done(f), 0);
    poll(f, UINT64_MAX);
    assert_int_equal(done(f), 1);
    for (uint64_t block = 12346; block < 15000; block++)
        commit(f, block);
    poll(f, 0);
    assert_int_equal(done(f), 15000 - 12345);
}

static void short_sweeps_come_around(void **state) {
    fixture *f = *state;
    commit(f, BLOCKS - 1);
    for (int i = 0; i < 1000 && done(f) == 0; i++)
        poll(f, 1);
    assert_int_equal(done(f), 1);
    assert_int_equal(rk__follower_totals(f->follower)->tasks_done, 1); /* the last block is short */
}

static void totals_are_those_of_a_scan(void **state) {
    fixture *f = *state;
    rk__totals scanned;
    for (uint64_t block = 0; block < BLOCKS; block += 1 + block % 97)
        commit(f, block);
    poll(f, UINT64_MAX);
    assert_int_equal(rk__record_scan(f->record, NULL, &scanned, NULL), RK_OK);
    assert_memory_equal(&scanned, rk__follower_totals(f->follower), sizeof scanned);
}

static void a_torn_record_is_no_commit_until_it_is_whole(void **state) {
    fixture *f = *state;
    rk__block_record entry = {.generation = 1, .duration_ns = 1};
    rk__block_seal(f->record, 3, &entry);
    assert_int_equal(rk__raw_write(f->record, &entry, 24, rk__record_at(f->record, 0, 3), NULL), RK_OK);
    poll(f, UINT64_MAX);
    assert_int_equal(done(f), 0);
    commit(f, 3);
    poll(f, 0);
    assert_int_equal(done(f), 1);
}

static void a_file_that_is_gone_or_another_is_noticed(void **state) {
    fixture *f = *state;
    char other[128];
    rk_error err = RK_ERROR_INIT;
    rk__provenance none = {"", "", "", "", "", "", 1, 1};
    snprintf(other, sizeof other, "%s.other", f->path);
    assert_int_equal(rk__record_refresh(f->record, NULL), RK_OK);
    commit(f, 0);
    assert_int_equal(rename(f->path, other), 0);
    assert_int_equal(rk__record_refresh(f->record, &err), RK_ENOENT);
    assert_non_null(strstr(err.message, f->path));
    assert_int_equal(rk__record_create(f->path, &f->schema, f->space, &f->identity, &none, false, NULL), RK_OK);
    assert_int_equal(rk__record_refresh(f->record, &err), RK_EMISMATCH);
    poll(f, 0); /* still the file that was opened */
    assert_int_equal(done(f), 1);
    unlink(other);
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
    assert_int_equal(rk__failures_group(failures, 4, &groups, &count, NULL), RK_OK);
    assert_int_equal(count, 3);
    assert_string_equal(groups[0].message, "even ..");
    assert_int_equal(groups[0].count, 2);
    assert_int_equal(groups[0].first_task, 5);
    assert_int_equal(groups[0].last_task, 7);
    assert_string_equal(groups[1].message, "odd 4");
    assert_int_equal(groups[2].code, 3);
    free(groups);
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
#define FOLLOW_TEST(name) cmocka_unit_test_setup_teardown(name, create_file, remove_file)
    const struct CMUnitTest tests[] = {
        FOLLOW_TEST(blocks_in_order_are_seen_without_a_sweep),
        FOLLOW_TEST(a_span_that_begins_anywhere_is_found_by_a_sweep_and_then_followed),
        FOLLOW_TEST(short_sweeps_come_around),
        FOLLOW_TEST(totals_are_those_of_a_scan),
        FOLLOW_TEST(a_torn_record_is_no_commit_until_it_is_whole),
        FOLLOW_TEST(a_file_that_is_gone_or_another_is_noticed),
        cmocka_unit_test(messages_that_differ_in_numbers_are_one),
        cmocka_unit_test(groups_are_sorted_by_count),
        cmocka_unit_test(a_canvas_cuts_at_its_edges_and_takes_no_orders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
