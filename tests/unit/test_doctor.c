/* What is wrong follows from what was measured; and which hosts and slots a hostfile has. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "doctor/doctor.h"

/* ---- a healthy survey, to be spoiled ---- */

enum { NODES = 4, EACH = 2, RANKS = NODES * EACH };

typedef struct clinic {
    rk__survey survey;
    rk__card cards[RANKS];
    bool heard[RANKS];
    char absent[RANKS][RK__HOST_MAX];
    int node_of_rank[RANKS];
    rk__doctor_node nodes[NODES];
    rk__node_pair pairs[3];
    rk__findings found;
} clinic;

static rk__card healthy_card(int node) {
    rk__card card = {.magic = RK__CARD_MAGIC,
                     .version = RK__CARD_VERSION,
                     .build = UINT64_C(0x1234567800000000),
                     .rankine = "1.0",
                     .mpi = "Open MPI v4",
                     .hdf5 = "1.10",
                     .cpus = {0xf},
                     .shm_bytes = UINT64_C(1) << 30,
                     .shm_free_bytes = UINT64_C(1) << 30,
                     .open_files = 1024,
                     .locked_bytes = UINT64_MAX,
                     .cores = 4,
                     .machine_cores = 4};
    snprintf(card.host, sizeof card.host, "node%d", node + 1);
    snprintf(card.machine, sizeof card.machine, "machine %d", node + 1);
    return card;
}

static const rk__link good_link = {
    .tried = true, .reached = true, .latency_seconds = 1e-5, .bytes_per_second = 1e9, .clock_error_seconds = 1e-5};

static void set_up(clinic *c) {
    *c = (clinic){.survey = {.ranks = RANKS, .node_count = NODES, .pair_count = 3, .directory = "/out"}};
    for (int rank = 0; rank < RANKS; rank++) {
        c->cards[rank] = healthy_card(rank / EACH);
        c->heard[rank] = true;
        c->node_of_rank[rank] = rank / EACH;
    }
    for (int node = 0; node < NODES; node++)
        c->nodes[node] = (rk__doctor_node){.lead = node * EACH,
                                           .ranks = EACH,
                                           .place = {.answered = true, .same = 1, .shared_safely = 1},
                                           .link = good_link};
    for (int i = 0; i < 3; i++)
        c->pairs[i] = (rk__node_pair){.a = 1 + i / 2, .b = 2 + (i + 1) / 2, .link = good_link};
    c->survey.cards = c->cards;
    c->survey.heard = c->heard;
    c->survey.absent = c->absent;
    c->survey.node_of_rank = c->node_of_rank;
    c->survey.nodes = c->nodes;
    c->survey.pairs = c->pairs;
}

static void expect_nth(clinic *c, size_t n, rk__severity severity, const char *what) {
    assert_true(n < c->found.count);
    assert_string_equal(c->found.items[n].what, what);
    assert_int_equal(c->found.items[n].severity, severity);
    assert_true(strlen(c->found.items[n].remedy) > 10);
}

/* Judge; that and nothing else is found. */
static void expect_one(clinic *c, rk__severity severity, const char *what) {
    rk__judge(&c->survey, &c->found);
    expect_nth(c, 0, severity, what);
    assert_int_equal(c->found.count, 1);
    assert_int_equal(rk__findings_wrong(&c->found), severity != RK__SEVERITY_NOTE);
    rk__findings_fini(&c->found);
}

/* ---- findings ---- */

static void healthy_nodes_have_no_findings(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 0);
}

static void a_build_is_told_once_a_node(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.cards[4].build = c.cards[5].build = UINT64_C(0xabcdef0000000000);
    expect_one(&c, RK__SEVERITY_ERROR, "node3 has another build of Rankine (1.0, abcdef00) than node1 (1.0, 12345678)");
}

static void of_another_version_only_the_head_is_believed(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    for (int rank = 4; rank < 6; rank++) {
        c.cards[rank] = (rk__card){.magic = RK__CARD_MAGIC, .version = 0, .build = 1, .rankine = "0.9"};
        strcpy(c.cards[rank].host, "node3");
    }
    c.nodes[2].place = (rk__place){0};
    c.nodes[2].link = (rk__link){0};
    expect_one(&c, RK__SEVERITY_ERROR, "node3 has another build of Rankine (0.9, 00000000) than node1 (1.0, 12345678)");
}

static void other_libraries_are_told(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    strcpy(c.cards[2].mpi, "Open MPI v5");
    expect_one(&c, RK__SEVERITY_ERROR, "node2 has Open MPI v5, node1 has Open MPI v4");
    set_up(&c);
    strcpy(c.cards[2].hdf5, "1.14");
    expect_one(&c, RK__SEVERITY_WARNING, "node2 has HDF5 1.14, node1 has 1.10");
}

static void ranks_that_are_not_heard_are_named(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.survey.node_count = 3;
    c.survey.pair_count = 0;
    for (int rank = 6; rank < 8; rank++) {
        c.heard[rank] = false;
        c.node_of_rank[rank] = -1;
        strcpy(c.absent[rank], "node4");
    }
    expect_one(&c, RK__SEVERITY_ERROR, "node1 and node4 do not reach each other: nothing came of ranks 6 and 7");
    c.absent[6][0] = '\0';
    rk__judge(&c.survey, &c.found);
    expect_nth(&c, 0, RK__SEVERITY_ERROR, "node1 does not hear of rank 6: cut off, frozen or dead");
    expect_nth(&c, 1, RK__SEVERITY_ERROR, "node1 and node4 do not reach each other: nothing came of rank 7");
    rk__findings_fini(&c.found);
}

static void cuts_are_named_by_both_ends(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.pairs[1].link.reached = false;
    expect_one(&c, RK__SEVERITY_ERROR, "node2 and node4 do not reach each other, though both reach node1");
    set_up(&c);
    c.nodes[3].link.reached = false;
    expect_one(&c, RK__SEVERITY_ERROR, "node1 and node4 do not reach each other any more");
    set_up(&c);
    c.nodes[3].link = (rk__link){.tried = false}; /* no time for it: no finding */
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 0);
}

static void ranks_that_share_cores_are_told(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    for (int rank = 2; rank < 4; rank++) {
        c.cards[rank].cpus[0] = 0x4;
        c.cards[rank].cores = 1;
    }
    expect_one(&c, RK__SEVERITY_WARNING, "node2: ranks 2 and 3 are bound to the same core (2)");
    c.cards[3].cpus[0] = 0x8; /* each its own */
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 0);
    for (int rank = 2; rank < 4; rank++) {
        c.cards[rank].cpus[0] = 0x1;
        c.cards[rank].cores = c.cards[rank].machine_cores = 1;
    }
    expect_one(&c, RK__SEVERITY_WARNING, "node2: 2 ranks share 1 core, and slow each other down");
}

static void places_are_judged_by_what_a_run_does_there(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.nodes[0].place.write_errno = EROFS;
    expect_one(&c, RK__SEVERITY_ERROR, "node1 cannot write to /out: Read-only file system");
    set_up(&c);
    c.nodes[1].place.write_errno = EACCES;
    expect_one(&c, RK__SEVERITY_WARNING, "node2 cannot write to /out: Permission denied");
    set_up(&c);
    c.nodes[1].place.same = 0;
    expect_one(&c, RK__SEVERITY_NOTE, "node2 has a /out of its own: its results go to node1 by message");
    set_up(&c);
    c.nodes[1].place.there_errno = ENOENT;
    expect_one(&c, RK__SEVERITY_NOTE,
               "node2 has no /out (No such file or directory): its results go to node1 by message");
    set_up(&c);
    c.nodes[1].place = (rk__place){0};
    expect_one(&c, RK__SEVERITY_ERROR, "node2 does not answer when asked for /out");
}

static void clocks_count_beyond_what_is_known_of_them(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.nodes[1].link.clock_seconds = -7;
    expect_one(&c, RK__SEVERITY_WARNING, "the clock of node2 is 7.0 s behind that of node1");
    set_up(&c);
    c.nodes[1].link.clock_seconds = 7;
    c.nodes[1].link.clock_error_seconds = 6.5;
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 0);
}

static void limits_that_will_not_do_are_told(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.cards[0].open_files = 64;
    expect_one(&c, RK__SEVERITY_WARNING, "node1: a process may have 64 files open");
    set_up(&c);
    c.cards[0].shm_free_bytes = 1 << 20;
    expect_one(&c, RK__SEVERITY_WARNING, "node1: 1.0 MiB free in /dev/shm for 2 ranks");
    set_up(&c);
    c.cards[2].locked_bytes = 1 << 16;
    c.cards[4].infiniband = 1; /* unlimited there, and no such card on the other */
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 0);
    c.cards[2].infiniband = 1;
    expect_one(&c, RK__SEVERITY_WARNING, "node2: a process may lock 64 KiB of memory, InfiniBand wants more");
}

static void one_slow_link_is_a_note(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.nodes[2].link.bytes_per_second = 1e7;
    expect_one(&c, RK__SEVERITY_NOTE, "node3 is slow to reach: 10 MB/s, others 1000 MB/s");
}

static void machines_of_one_name_are_told(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    strcpy(c.cards[4].host, "node2");
    expect_one(&c, RK__SEVERITY_WARNING, "two machines are called node2");
}

static void the_worst_comes_first(void **state) {
    (void)state;
    clinic c;
    set_up(&c);
    c.nodes[1].place.same = 0;
    c.nodes[2].link.clock_seconds = 100;
    c.cards[6].build++;
    rk__judge(&c.survey, &c.found);
    assert_int_equal(c.found.count, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(c.found.items[i].severity, i);
    rk__findings_fini(&c.found);
}

static void findings_travel_as_text(void **state) {
    (void)state;
    rk__findings sent = {0}, received = {0};
    rk__text text = RK__TEXT_INIT;
    rk__finding_add(&sent, RK__SEVERITY_WARNING, "%s, 100%%\nmend it", "one");
    rk__finding_add(&sent, RK__SEVERITY_ERROR, "two");
    rk__findings_pack(&sent, &text);
    rk__findings_unpack(rk__text_get(&text), &received);
    assert_int_equal(received.count, 2);
    assert_string_equal(received.items[0].what, "two");
    assert_string_equal(received.items[1].what, "one, 100%");
    assert_string_equal(received.items[1].remedy, "mend it");
    rk__findings_unpack("nonsense", &received);
    assert_int_equal(received.count, 2);
    rk__text_fini(&text);
    rk__findings_fini(&sent);
    rk__findings_fini(&received);
}

static void processing_units_read_as_ranges(void **state) {
    (void)state;
    rk__card card = {.cpus = {0x10f, 0, 1}};
    char text[RK__CPUS_TEXT];
    assert_string_equal(rk__cpus_text(&card, text, sizeof text), "0-3,8,128");
    memset(card.cpus, 0xff, sizeof card.cpus);
    assert_string_equal(rk__cpus_text(&card, text, sizeof text), "0-1023");
    memset(card.cpus, 0x55, sizeof card.cpus);
    assert_true(strlen(rk__cpus_text(&card, text, sizeof text)) < sizeof text);
    assert_string_equal(rk__cpus_text(&(rk__card){0}, text, sizeof text), "");
}

/* ---- hostfiles ---- */

static rk_status read_bytes(const char *text, size_t length, rk__hostfile *file, rk_error *err) {
    char path[] = "/tmp/rankine-test-hosts-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && write(fd, text, length) == (ssize_t)length);
    close(fd);
    rk_status status = rk__hostfile_read(file, path, err);
    unlink(path);
    return status;
}

static rk_status read_text(const char *text, rk__hostfile *file, rk_error *err) {
    return read_bytes(text, strlen(text), file, err);
}

static void hostfiles_are_read_as_open_mpi_reads_them(void **state) {
    (void)state;
    rk__hostfile file;
    assert_int_equal(RK_OK,
                     read_text("# a lab\r\n\nnode1 slots=4 max_slots=8 # the big one\nme@node2  slots \t=  2\n"
                               "node1\n\tnode3\tslots=3 port=22 username=me\nn-4.a.org max-slots=5\nfe80::1 cpu=1",
                               &file, NULL));
    assert_int_equal(file.count, 5);
    assert_string_equal(file.hosts[1].name, "me@node2");
    assert_int_equal(file.hosts[0].slots, 5); /* a further line without slots= is one more */
    assert_int_equal(file.hosts[3].slots, 5);
    assert_int_equal(rk__hostfile_slots(&file), 16);
    rk__hostfile_fini(&file);
    assert_int_equal(RK_OK, read_text("node1 slots=4\nnode2\n", &file, NULL));
    assert_int_equal(rk__hostfile_slots(&file), 0); /* mpirun counts node2's cores */
    rk__hostfile_fini(&file);
    assert_int_equal(RK_OK, read_text("127.0.0.1\nnode2 slots=1\nlocalhost\nme@localhost\n", &file, NULL));
    assert_int_equal(file.count, 2); /* names of one machine */
    assert_int_equal(rk__hostfile_slots(&file), 4);
    rk__hostfile_fini(&file);
}

/* Within the test's time limit: each is looked up at once, not by going through all. */
static void many_hosts_are_read_in_order(void **state) {
    (void)state;
    enum { MANY = 300000 };
    rk__hostfile file;
    rk__text text = RK__TEXT_INIT;
    for (int i = 0; i < MANY; i++)
        rk__text_add(&text, "node%d slots=1000\n", i);
    assert_int_equal(RK_OK, read_text(rk__text_get(&text), &file, NULL));
    assert_int_equal(file.count, MANY);
    assert_string_equal(file.hosts[MANY - 1].name, "node299999");
    assert_int_equal(rk__hostfile_slots(&file), 300000000);
    rk__hostfile_fini(&file);
    rk__text_fini(&text);
}

static void what_is_no_file_of_text_is_refused(void **state) {
    (void)state;
    rk__hostfile file;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__hostfile_read(&file, "/dev/zero", &err), RK_EINVAL);
    assert_non_null(strstr(err.message, "neither a file nor a pipe"));
    assert_int_equal(rk__hostfile_read(&file, "/tmp", &err), RK_EINVAL);
    assert_non_null(strstr(err.message, strerror(EISDIR)));
    assert_int_equal(read_bytes("node1\n\0node2\n", 13, &file, &err), RK_EINVAL);
    assert_non_null(strstr(err.message, ":2: there is a NUL"));

    char path[] = "/tmp/rankine-test-hosts-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0 && ftruncate(fd, (64 << 20) + 1) == 0);
    close(fd);
    assert_int_equal(rk__hostfile_read(&file, path, &err), RK_EINVAL);
    assert_non_null(strstr(err.message, "more than 64 MiB"));
    unlink(path);
}

static void hostfiles_without_hosts_are_refused(void **state) {
    (void)state;
    rk__hostfile file;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(read_text("# nobody\n", &file, &err), RK_EINVAL);
    assert_non_null(strstr(err.message, "no host"));
    assert_int_equal(rk__hostfile_read(&file, "/nowhere/hosts", &err), RK_ENOENT);
    assert_non_null(strstr(err.message, "/nowhere/hosts"));
}

static void a_slip_in_a_hostfile_is_refused_with_its_line(void **state) {
    (void)state;
    static const char *const slips[] = {"slot=2", "slots:2", "slots", "slots=", "slots=0", "slots=two", "Slots=2", "2"};
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        rk__hostfile file;
        rk_error err = RK_ERROR_INIT;
        char text[80];
        snprintf(text, sizeof text, "node1 slots=4\n\nnode2 %s # slots\n", slips[i]);
        assert_int_equal(read_text(text, &file, &err), RK_EINVAL);
        assert_non_null(strstr(err.message, ":3: "));
        assert_non_null(strstr(err.message, "node2"));
        assert_non_null(strstr(err.message, "slots=N"));
    }
}

/* Each measured: Open MPI 4.1 refuses it, or takes something else. */
static void what_mpirun_does_not_take_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *line, *why;
    } slips[] = {
        {"node2 slots=2\r", "carriage return"},
        {"\r", "carriage return"},
        {"node2 slots=2 slots=3", "says again"},
        {"node2 slots=2 cpu=2", "says again"},
        {"node1 slots=2", "stands there before"},
        {"me@node1 slots=2", "stands there before"},
        {"node2 slots=0x2", "decimal"},
        {"node2 slots=+2", "decimal"},
        {"node2 slots=2 max_slots=0x9", "decimal"},
        {"node2 port=ssh", "no setting"},
        {"node2 username=-oProxyCommand=x", "no setting"},
        {"node2 max-slots=2 slots=3", "max_slots=3 or more"},
        {"^node1", "leave a host out"},
        {"-oProxyCommand=x", "no name of a host"},
        {"me@-oProxyCommand=x", "no name of a host"},
        {"@node2", "no name of a host"},
        {"me@", "no name of a host"},
        {"\"node2\" slots=2", "no name of a host"},
        {"'node2'", "no name of a host"},
        {"node2;reboot", "no name of a host"},
        {"node2,node3", "no name of a host"},
        {"$(reboot)", "no name of a host"},
        {"+n0", "no name of a host"},
        {"[::1]", "no name of a host"},
        {"\xef\xbb\xbfnode2", "no name of a host"},
    };
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        rk__hostfile file;
        rk_error err = RK_ERROR_INIT;
        char text[120];
        snprintf(text, sizeof text, "node1 slots=4\n\n%s\nnode5\n", slips[i].line);
        assert_int_equal(read_text(text, &file, &err), RK_EINVAL);
        assert_non_null(strstr(err.message, ":3: "));
        assert_non_null(strstr(err.message, slips[i].why));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(healthy_nodes_have_no_findings),
        cmocka_unit_test(a_build_is_told_once_a_node),
        cmocka_unit_test(of_another_version_only_the_head_is_believed),
        cmocka_unit_test(other_libraries_are_told),
        cmocka_unit_test(ranks_that_are_not_heard_are_named),
        cmocka_unit_test(cuts_are_named_by_both_ends),
        cmocka_unit_test(ranks_that_share_cores_are_told),
        cmocka_unit_test(places_are_judged_by_what_a_run_does_there),
        cmocka_unit_test(clocks_count_beyond_what_is_known_of_them),
        cmocka_unit_test(limits_that_will_not_do_are_told),
        cmocka_unit_test(one_slow_link_is_a_note),
        cmocka_unit_test(machines_of_one_name_are_told),
        cmocka_unit_test(the_worst_comes_first),
        cmocka_unit_test(findings_travel_as_text),
        cmocka_unit_test(processing_units_read_as_ranges),
        cmocka_unit_test(hostfiles_are_read_as_open_mpi_reads_them),
        cmocka_unit_test(hostfiles_without_hosts_are_refused),
        cmocka_unit_test(a_slip_in_a_hostfile_is_refused_with_its_line),
        cmocka_unit_test(many_hosts_are_read_in_order),
        cmocka_unit_test(what_is_no_file_of_text_is_refused),
        cmocka_unit_test(what_mpirun_does_not_take_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
