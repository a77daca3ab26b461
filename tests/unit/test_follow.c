/* Following a run: every commit is seen, once, wherever it comes; what is known is not read again; failures that say
 * the same are one. */
#include "run_file.h"

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

int main(void) {
#define FOLLOW_TEST(name) cmocka_unit_test_setup_teardown(name, create_file, remove_file)
    const struct CMUnitTest tests[] = {
        FOLLOW_TEST(blocks_in_order_are_seen_without_a_sweep),
        FOLLOW_TEST(a_span_that_begins_anywhere_is_found_by_a_sweep_and_then_followed),
        FOLLOW_TEST(short_sweeps_come_around),
        FOLLOW_TEST(totals_are_those_of_a_scan),
        FOLLOW_TEST(a_torn_record_is_no_commit_until_it_is_whole),
        FOLLOW_TEST(a_file_that_is_gone_or_another_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
