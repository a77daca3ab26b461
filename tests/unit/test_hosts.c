/* Which rank was where: each is found again, however ranks are placed; what is lost stays in the file. */
#include "run_file.h"

enum { RANKS = 3000 };

typedef struct {
    int node_of_rank[RANKS];
    char hosts[RANKS][64];
    rk__roll roll;
} world;

static world *make_world(uint32_t ranks, uint32_t threads, int (*node_of)(uint32_t rank)) {
    world *w = calloc(1, sizeof *w);
    for (uint32_t rank = 0; rank < ranks; rank++) {
        w->node_of_rank[rank] = node_of(rank);
        snprintf(w->hosts[rank], sizeof w->hosts[rank], "node%d", node_of(rank));
    }
    w->roll = (rk__roll){ranks, threads, w->node_of_rank, (const char(*)[64])w->hosts};
    return w;
}

static int by_slot(uint32_t rank) {
    return (int)rank / 4;
}

static int by_node(uint32_t rank) {
    return (int)rank % 3;
}

static int anyhow(uint32_t rank) {
    static const int nodes[] = {0, 1, 0, 0, 2, 1, 0, 2, 2, 1, 1, 0};
    return nodes[rank];
}

static int alone(uint32_t rank) {
    return (int)rank;
}

static uint16_t begin(fixture *f, uint32_t ranks) {
    rk__session session = {.start_ns = 1, .ranks = ranks, .nodes = 1, .host = "node0"};
    uint16_t number;
    assert_int_equal(rk__record_session_begin(f->record, &session, &number, NULL), RK_OK);
    return number;
}

static rk__host *read_hosts(fixture *f, size_t *count) {
    rk__host *hosts;
    assert_int_equal(rk__record_read_hosts(f->record, &hosts, count, NULL), RK_OK);
    return hosts;
}

static const rk__host *host_of(const rk__host *hosts, size_t count, uint16_t session, uint32_t owner) {
    return rk__host_of(hosts, count, &(rk__block_record){.session = session, .owner = owner});
}

static size_t assert_found(fixture *f, uint32_t ranks, uint32_t threads, int (*node_of)(uint32_t rank)) {
    world *w = make_world(ranks, threads, node_of);
    uint16_t session = begin(f, ranks);
    size_t count, before;
    free(read_hosts(f, &before));
    assert_int_equal(rk__record_call_roll(f->record, session, &w->roll, NULL), RK_OK);
    rk__host *hosts = read_hosts(f, &count);
    for (uint32_t owner = 0; owner < ranks * threads; owner++) {
        const rk__host *host = host_of(hosts, count, session, owner);
        assert_non_null(host);
        assert_string_equal(host->name, w->hosts[owner / threads]);
    }
    assert_null(host_of(hosts, count, session, ranks * threads));
    assert_null(host_of(hosts, count, session + 1, 0));
    free(hosts);
    free(w);
    return count - before;
}

static void each_rank_is_found_however_they_are_placed(void **state) {
    assert_int_equal(assert_found(*state, 16, 1, by_slot), 4);
    assert_int_equal(assert_found(*state, 14, 2, by_node), 3);
    assert_in_range(assert_found(*state, 12, 3, anyhow), 4, 12);
    assert_int_equal(assert_found(*state, 1, 1, alone), 1);
}

static void a_full_table_forgets_the_oldest_sessions(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 5; i++)
        assert_int_equal(assert_found(f, 200, 1, alone), 200);
    world *w = make_world(200, 1, alone);
    uint16_t session = begin(f, 200);
    assert_int_equal(rk__record_call_roll(f->record, session, &w->roll, NULL), RK_OK);
    size_t count;
    rk__host *hosts = read_hosts(f, &count);
    assert_int_equal(count, RK__HOSTS_MAX);
    assert_null(host_of(hosts, count, 1, 0));
    assert_non_null(host_of(hosts, count, 1, 199));
    assert_non_null(host_of(hosts, count, session, 0));
    free(hosts);
    free(w);
}

static void a_session_with_more_hosts_than_there_is_room_for_has_the_first(void **state) {
    fixture *f = *state;
    world *w = make_world(RANKS, 1, alone);
    uint16_t session = begin(f, RANKS);
    assert_int_equal(rk__record_call_roll(f->record, session, &w->roll, NULL), RK_OK);
    size_t count;
    rk__host *hosts = read_hosts(f, &count);
    assert_string_equal(host_of(hosts, count, session, RK__HOSTS_MAX - 1)->name, "node1023");
    assert_null(host_of(hosts, count, session, RK__HOSTS_MAX));
    free(hosts);
    free(w);
}

/* ---- losses ---- */

static rk__session latest(fixture *f) {
    rk__session *sessions;
    size_t count;
    assert_int_equal(rk__record_read_sessions(f->record, &sessions, &count, NULL), RK_OK);
    rk__session last = sessions[count - 1];
    free(sessions);
    return last;
}

static void what_is_lost_stays_in_the_file(void **state) {
    fixture *f = *state;
    world *w = make_world(14, 2, by_node);
    uint16_t session = begin(f, 14);
    assert_int_equal(rk__record_call_roll(f->record, session, &w->roll, NULL), RK_OK);
    for (uint32_t rank = 1; rank < 14; rank += 3)
        assert_int_equal(rk__record_lose_rank(f->record, session, rank, NULL), RK_OK);
    assert_int_equal(rk__record_lose_rank(f->record, session, 2, NULL), RK_OK);
    assert_int_equal(latest(f).ranks_lost, 6); /* of a session that goes on, too */
    rk__session ended = {.end_ns = 9, .ranks = 14, .nodes = 3, .outcome = 1, .host = "node0"};
    assert_int_equal(rk__record_session_end(f->record, session, &ended, NULL), RK_OK);
    assert_int_equal(latest(f).ranks_lost, 6);
    size_t count;
    rk__host *hosts = read_hosts(f, &count);
    const uint32_t lost[] = {0, 5, 1};
    assert_int_equal(count, 3);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(hosts[i].lost, lost[i]);
    free(hosts);
    free(w);
}

static void merged_sessions_have_lost_what_each_has_lost(void **state) {
    fixture *f = *state;
    for (int i = 0; i < RK__SESSIONS_MAX + 2; i++) {
        uint16_t session = begin(f, 4);
        if (i < 3)
            assert_int_equal(rk__record_lose_rank(f->record, session, 1, NULL), RK_OK);
    }
    rk__session *sessions;
    size_t count;
    assert_int_equal(rk__record_read_sessions(f->record, &sessions, &count, NULL), RK_OK);
    assert_int_equal(sessions[0].merged, 2);
    assert_int_equal(sessions[0].ranks_lost, 3);
    free(sessions);
}

static void an_older_file_without_the_table_is_read_and_resumed(void **state) {
    fixture *f = *state;
    f->record->hosts_at = 0;
    world *w = make_world(4, 1, by_slot);
    uint16_t session = begin(f, 4);
    size_t count;
    assert_int_equal(rk__record_call_roll(f->record, session, &w->roll, NULL), RK_OK);
    assert_int_equal(rk__record_lose_rank(f->record, session, 1, NULL), RK_OK);
    assert_int_equal(latest(f).ranks_lost, 1);
    free(read_hosts(f, &count));
    assert_int_equal(count, 0);
    free(w);
}

/* ---- damage ---- */

static void flip(fixture *f, uint64_t at) {
    unsigned char byte;
    assert_int_equal(rk__raw_read(f->record, &byte, 1, at, NULL), RK_OK);
    byte ^= 4;
    assert_int_equal(rk__raw_write(f->record, &byte, 1, at, NULL), RK_OK);
}

static uint64_t entries_bad(fixture *f) {
    rk__verify_report report;
    assert_int_equal(rk__record_verify(f->record, &report, NULL, NULL, NULL), RK_OK);
    return report.entries_bad;
}

static void end(fixture *f, uint16_t number) {
    rk__session ended = {.end_ns = 9, .ranks = 1, .nodes = 1, .outcome = 2, .host = "node0"};
    assert_int_equal(rk__record_session_end(f->record, number, &ended, NULL), RK_OK);
}

static void a_torn_entry_of_a_killed_session_is_no_damage(void **state) {
    fixture *f = *state;
    assert_found(f, 16, 1, by_slot);
    static const unsigned char torn[50] = {1, 2, 3};
    uint64_t place = f->record->hosts_at + 4 * RK__HOST_BYTES;
    assert_int_equal(rk__raw_write(f->record, torn, sizeof torn, place, NULL), RK_OK);
    assert_int_equal(entries_bad(f), 0);
    assert_found(f, 16, 1, by_slot);
    end(f, latest(f).number);
    assert_int_equal(entries_bad(f), 0); /* the next session has taken its place */
}

static void a_flipped_bit_is_found_and_the_rest_is_kept(void **state) {
    fixture *f = *state;
    for (int i = 0; i < 3; i++)
        assert_found(f, 16, 1, by_slot);
    flip(f, f->record->hosts_at + 1 * RK__HOST_BYTES + 45);
    flip(f, f->record->hosts_at + 900 * RK__HOST_BYTES); /* where none was written */
    flip(f, f->record->sessions_at + 1 * RK__SESSION_BYTES + 20);
    end(f, 3);
    assert_int_equal(entries_bad(f), 3);
    rk__settle_report report;
    rk__settle_options all = {.check_all = true};
    assert_int_equal(rk__record_settle(f->record, &all, &report, NULL), RK_OK);
    assert_int_equal(entries_bad(f), 0);
    size_t count;
    rk__host *hosts = read_hosts(f, &count);
    assert_int_equal(count, 11);
    assert_null(host_of(hosts, count, 1, 4));
    assert_string_equal(host_of(hosts, count, 3, 4)->name, "node1");
    free(hosts);
    assert_int_equal(latest(f).number, 3);
    assert_int_equal(begin(f, 1), 4); /* in the place that is free now */
    assert_int_equal(latest(f).number, 4);
    end(f, 4);
    assert_int_equal(entries_bad(f), 0);
}

int main(void) {
#define HOSTS_TEST(name) cmocka_unit_test_setup_teardown(name, create_file, remove_file)
    const struct CMUnitTest tests[] = {
        HOSTS_TEST(each_rank_is_found_however_they_are_placed),
        HOSTS_TEST(a_full_table_forgets_the_oldest_sessions),
        HOSTS_TEST(a_session_with_more_hosts_than_there_is_room_for_has_the_first),
        HOSTS_TEST(what_is_lost_stays_in_the_file),
        HOSTS_TEST(merged_sessions_have_lost_what_each_has_lost),
        HOSTS_TEST(an_older_file_without_the_table_is_read_and_resumed),
        HOSTS_TEST(a_torn_entry_of_a_killed_session_is_no_damage),
        HOSTS_TEST(a_flipped_bit_is_found_and_the_rest_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
