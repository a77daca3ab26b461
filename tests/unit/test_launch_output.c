/* What the launcher relays: mpirun's words and what ranks print. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "launch_fixture.h"

/* ---- relay ---- */

static void relay_drops_announcements_however_they_are_cut(void **state) {
    (void)state;
    const char *input = "a\rmp 3 %mpirun: Forwarding signal 10 to job\nmmpirun: noticed\n((null): "
                        "Forwarding signal 15 to job\n(nullmpirun: Forwarding signal 10 to job\nm";
    size_t length = strlen(input);
    for (size_t cut = 0; cut <= length; cut++) {
        rk__relay relay;
        begin(&relay);
        add_cut(&relay, input, length, cut);
        assert_relayed(&relay, "a\rmp 3 %mmpirun: noticed\n((nullm");
    }
}

static void relay_holds_back_only_what_may_become_an_announcement(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    rk__relay_add(&relay, "eta 4 mp", 8, 0);
    assert_int_equal(relay.lines.output.text.length, 6);
    assert_int_equal(relay.matched, 2);
    assert_relayed(&relay, "eta 4 mp");
}

static void relay_drops_what_is_said_of_ranks_that_told_it_themselves(void **state) {
    (void)state;
    const char *rule = "--------------------------------------------------------------------------\n";
    const struct {
        const char *said;
        bool told;
    } cases[] = {{"Primary job  terminated normally, but 1 process returned\n"
                  "a non-zero exit code. Per user-direction, the job has been aborted.\n",
                  true},
                 {"mpirun detected that one or more processes exited with non-zero status, thus causing\n\n"
                  "  Process name: [[1,1],0]\n  Exit code:    75\n",
                  true},
                 {"mpirun detected that one or more processes exited with non-zero status, thus causing\n\n"
                  "  Process name: [[1,1],0]\n  Exit code:    7\n",
                  false},
                 {"There are not enough slots available\n", false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char input[1024], whole[1200];
        snprintf(input, sizeof input, "-- a\n--\n%s%s%s- b\n", rule, cases[i].said, rule);
        snprintf(whole, sizeof whole, "%s", cases[i].told ? "-- a\n--\n- b\n" : input);
        for (size_t cut = 0; cut <= strlen(input); cut++) {
            rk__relay relay;
            begin(&relay);
            add_cut(&relay, input, strlen(input), cut);
            assert_relayed(&relay, whole);
        }
    }
}

static void relay_drops_what_open_mpi_says_of_a_dead_rank(void **state) {
    (void)state;
    const char *input =
        "[h:1] other\n[h:12] PMIX ERROR: BAD-PARAM in file ../../../src/event/pmix_event_notification.c "
        "at line 1033\n[h:2] PMIX ERROR: BAD-PARAM in file elsewhere.c at line 3\n[";
    for (size_t cut = 0; cut <= strlen(input); cut++) {
        rk__relay relay;
        begin(&relay);
        add_cut(&relay, input, strlen(input), cut);
        assert_relayed(&relay, "[h:1] other\n[h:2] PMIX ERROR: BAD-PARAM in file elsewhere.c at line 3\n[");
    }
}

static void relay_keeps_what_mpirun_says_while_it_is_doubted(void **state) {
    (void)state;
    const char *rule = "--------------------------------------------------------------------------\n";
    char input[400], expected[400];
    snprintf(input, sizeof input, "ssh: no\n%sORTE was unable to\n%slast\n", rule, rule);
    snprintf(expected, sizeof expected, "ssh: no\nlast\n%sORTE was unable to\n%s", rule, rule);
    for (int wanted = 0; wanted < 2; wanted++) {
        rk__relay relay;
        begin(&relay);
        relay.keeping = true;
        rk__relay_add(&relay, input, strlen(input), 0);
        if (wanted)
            rk__relay_give_kept(&relay);
        assert_relayed(&relay, wanted ? expected : "ssh: no\nlast\n");
    }
}

static void relay_writes_all_and_survives_a_closed_descriptor(void **state) {
    (void)state;
    int ends[2];
    char text[8] = "";
    rk__output output = {0};
    assert_int_equal(pipe(ends), 0);
    const int fds[RK__STREAMS] = {ends[1], ends[1]};
    rk__output_add(&output, RK__STREAM_ERR, "hel", 3);
    rk__output_add(&output, RK__STREAM_OUT, "lo", 2);
    assert_true(rk__output_write(&output, fds));
    assert_int_equal(read(ends[0], text, sizeof text), 5);
    assert_string_equal(text, "hello");
    close(ends[0]);
    close(ends[1]);
    rk__output_add(&output, RK__STREAM_ERR, "lost", 4);
    assert_true(rk__output_write(&output, fds));
    assert_int_equal(output.run_count, 0);
    rk__output_fini(&output);
}

/* Blocking or not: who writes must not wait, and nothing is lost. */
static void output_waits_for_room_outside_of_write(void **state) {
    (void)state;
    enum { BYTES = 1 << 20 };
    char *all = malloc(BYTES), *got = malloc(BYTES);
    for (int i = 0; i < BYTES; i++)
        all[i] = (char)(i * 7 + i / 251);
    for (int nonblocking = 0; nonblocking < 2; nonblocking++) {
        int ends[2];
        size_t count = 0;
        rk__output output = {0};
        assert_int_equal(pipe(ends), 0);
        if (nonblocking)
            fcntl(ends[1], F_SETFL, O_NONBLOCK);
        const int fds[RK__STREAMS] = {ends[1], -1};
        assert_int_equal(rk__output_waits_for(&output, fds), -1);
        rk__output_add(&output, RK__STREAM_OUT, all, BYTES);
        alarm(30);
        while (!rk__output_write(&output, fds)) {
            assert_int_equal(rk__output_waits_for(&output, fds), ends[1]);
            ssize_t more = read(ends[0], got + count, BYTES - count);
            assert_true(more > 0);
            count += (size_t)more;
        }
        alarm(0);
        close(ends[1]);
        for (ssize_t more; (more = read(ends[0], got + count, BYTES - count)) > 0;)
            count += (size_t)more;
        close(ends[0]);
        assert_int_equal(count, BYTES);
        assert_memory_equal(all, got, BYTES);
        rk__output_fini(&output);
    }
    free(all);
    free(got);
}

/* ---- what ranks print ---- */

static size_t frame(char bytes[RK__FRAME_BYTES], char stream, int rank, const char *host, const char *text) {
    memset(bytes, '\n', RK__FRAME_BYTES);
    int head = snprintf(bytes, RK__FRAME_BYTES, "\x01" SECRET " line %c %d %s %zu\n", stream, rank, host, strlen(text));
    memcpy(bytes + head, text, strlen(text));
    return RK__FRAME_BYTES;
}

static void say(rk__relay *relay, int rank, const char *text, uint64_t now_ns) {
    char bytes[RK__FRAME_BYTES];
    rk__relay_add(relay, bytes, frame(bytes, 'e', rank, "-", text), now_ns);
}

static void a_line_says_whose_it_is_however_it_is_cut(void **state) {
    (void)state;
    char input[4 * RK__FRAME_BYTES + 8];
    size_t length = frame(input, 'e', 3, "node2", "one\ntw");
    length += (size_t)snprintf(input + length, 8, "mpi\n");
    length += frame(input + length, 'o', 4, "-", "other\n");
    length += frame(input + length, 'e', 3, "node2", "o\n");
    for (size_t cut = 0; cut <= length; cut++) {
        rk__relay relay;
        begin(&relay);
        add_cut(&relay, input, length, cut);
        assert_relayed(&relay, "rank 3 on node2: one\nmpi\nrank 4: other\nrank 3 on node2: two\n");
    }
}

static void the_same_line_of_many_is_said_once(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    for (int rank = 0; rank < RANKS; rank++)
        say(&relay, rank, rank == 5 ? "a\nb\nb\n" : rank == 2 ? "b\na\n" : "a\nb\n", (uint64_t)rank);
    assert_relayed(&relay, "ranks 0-1, 3-7: a\nall 8 ranks: b\nrank 2: a\nrank 5: b\n");
}

static void lines_on_different_hosts_are_one_without_a_host(void **state) {
    (void)state;
    static const char *const hosts[] = {"n1", "n1", "n2", "n2"};
    rk__relay relay;
    begin(&relay);
    char bytes[RK__FRAME_BYTES];
    for (int rank = 0; rank < 4; rank++)
        rk__relay_add(&relay, bytes, frame(bytes, 'e', rank, hosts[rank], rank == 0 ? "x\n" : "x\ny\n"), 0);
    say(&relay, 3, "z\n", 0);
    assert_relayed(&relay, "ranks 0-3: x\nranks 1-3: y\nrank 3: z\n");
    begin(&relay);
    for (int rank = 2; rank < 4; rank++)
        rk__relay_add(&relay, bytes, frame(bytes, 'o', rank, hosts[rank], "x\n"), 0);
    assert_relayed(&relay, "ranks 2-3 on n2: x\n");
}

static void lines_wait_a_fifth_of_a_second_for_others(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 1, "x\n", SECOND);
    assert_int_equal(rk__lines_due(&relay.lines), SECOND + SECOND / 5);
    rk__lines_give_due(&relay.lines, SECOND + SECOND / 5 - 1);
    assert_int_equal(relay.lines.output.text.length, 0);
    rk__lines_give_due(&relay.lines, SECOND + SECOND / 5);
    assert_string_equal(rk__text_get(&relay.lines.output.text), "rank 1: x\n");
    assert_int_equal(rk__lines_due(&relay.lines), UINT64_MAX);
    say(&relay, 2, "x\n", 2 * SECOND);
    rk__relay_add(&relay, "mpirun says\n", 12, 2 * SECOND); /* after all that came before it */
    assert_relayed(&relay, "rank 1: x\nrank 2: x\nmpirun says\n");
}

static void what_waits_is_bounded_and_nothing_is_lost(void **state) {
    (void)state;
    rk__relay relay;
    rk__text all = RK__TEXT_INIT;
    char line[32], label[64];
    begin(&relay);
    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "%d\n", i);
        snprintf(label, sizeof label, "rank %d: %d\n", i % RANKS, i);
        rk__text_add(&all, "%s", label);
        say(&relay, i % RANKS, line, 0);
        assert_true(relay.lines.fold.count <= RK__FOLD_LINES);
    }
    assert_relayed(&relay, rk__text_get(&all));
    rk__text_fini(&all);
}

static void a_long_line_comes_in_pieces_that_say_whose_they_are(void **state) {
    (void)state;
    rk__relay relay;
    char piece[901];
    memset(piece, 'x', 900);
    piece[900] = '\0';
    begin(&relay);
    for (int i = 0; i < 200; i++) {
        say(&relay, 1, piece, 0);
        assert_true(relay.lines.of[1 * RK__STREAMS + RK__STREAM_ERR]->text.length <= 1 << 16);
        if (i == 150)
            say(&relay, 2, "between\n", 0);
    }
    say(&relay, 1, "\n", 0);
    rk__relay_end(&relay);
    size_t count = 0, labels = 0;
    for (const char *at = relay.lines.output.text.data; *at != '\0'; at++) {
        count += *at == 'x';
        labels += strncmp(at, "rank 1: ", 8) == 0;
    }
    assert_int_equal(count, 200 * 900);
    assert_true(labels >= 1 && labels <= 2);
    assert_non_null(strstr(relay.lines.output.text.data, "rank 2: between\n"));
    rk__relay_fini(&relay);
}

static void an_unfinished_line_is_shown_and_goes_on(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 1, "reading", SECOND);
    rk__lines_give_due(&relay.lines, SECOND + SECOND / 10);
    assert_int_equal(relay.lines.output.text.length, 0);
    rk__lines_give_due(&relay.lines, 2 * SECOND);
    assert_string_equal(rk__text_get(&relay.lines.output.text), "rank 1: reading");
    say(&relay, 1, " done\nnext", 2 * SECOND);
    rk__lines_give_due(&relay.lines, 3 * SECOND);
    say(&relay, 2, "other\n", 3 * SECOND);
    say(&relay, 1, " one\n", 4 * SECOND);
    assert_relayed(&relay, "rank 1: reading done\nrank 1: next one\nrank 2: other\n");
    begin(&relay);
    say(&relay, 1, "reading", SECOND);
    rk__lines_give_due(&relay.lines, 2 * SECOND);
    say(&relay, 2, "other\n", 2 * SECOND);
    rk__lines_give_due(&relay.lines, 3 * SECOND);
    say(&relay, 1, " done", 3 * SECOND);
    assert_relayed(&relay, "rank 1: reading\nrank 2: other\nrank 1:  done\n");
}

static void a_line_whose_rest_nobody_has_read_is_not_late(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 1, "read", SECOND);
    rk__lines_wait_anew(&relay.lines, 5 * SECOND);
    rk__lines_give_due(&relay.lines, 5 * SECOND + SECOND / 10);
    assert_int_equal(relay.lines.output.text.length, 0);
    say(&relay, 2, "other\n", 5 * SECOND + SECOND / 10);
    say(&relay, 1, "ing\n", 5 * SECOND + SECOND / 10);
    assert_relayed(&relay, "rank 2: other\nrank 1: reading\n");
}

static void rank_0_speaks_for_the_run_without_a_label(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 0, "\r[=> ]\033[K", 0);
    assert_string_equal(rk__text_get(&relay.lines.output.text), "\r[=> ]\033[K"); /* at once */
    say(&relay, 0, "rankine: so it is\nthe kernel's\n", 0);
    say(&relay, 1, "rankine: so it is\n", 0);
    rk__lines_give_due(&relay.lines, SECOND);
    say(&relay, 0, "\r[==>]\033[K", SECOND);
    assert_relayed(&relay, "\r[=> ]\033[K\r\033[Krankine: so it is\nrank 0: the kernel's\nrank 1: rankine: so it is\n"
                           "\r[==>]\033[K\r\033[K");
}

static void what_names_its_rank_has_no_label(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 1, "rankine: a task on rank 1 (n1): it crashed\n  at x=1\n", 0);
    say(&relay, 1, "the kernel's\n  own\n", 0);
    say(&relay, 2, "rankine: a task on rank 1 (n1): it crashed\n  at x=1\n", 0);
    assert_relayed(&relay, "rankine: a task on rank 1 (n1): it crashed\n  at x=1\nrank 1: the kernel's\nrank 1:   own\n"
                           "rank 2: rankine: a task on rank 1 (n1): it crashed\nrank 2:   at x=1\n");
}

static void last_words_of_rank_0_come_last(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 0, "before\n\x01" SECRET " closing\nrankine: 3 of 9 failed:\n  this one\n", 0);
    say(&relay, 1, "late\n", SECOND);
    assert_relayed(&relay, "rank 0: before\nrank 1: late\nrankine: 3 of 9 failed:\n  this one\n");
}

static void what_is_printed_among_last_words_has_a_label(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 0, "\x01" SECRET " closing\nbye\nrankine: 3 of 9 failed:\n  this one\nand th", 0);
    say(&relay, 1, "late\n", SECOND);
    say(&relay, 0, "at", SECOND);
    assert_relayed(&relay, "rank 1: late\nrank 0: bye\nrankine: 3 of 9 failed:\n  this one\nrank 0: and that\n");
}

static void a_line_that_grows_steadily_is_shown(void **state) {
    (void)state;
    rk__relay relay;
    begin(&relay);
    say(&relay, 1, ".", SECOND);
    rk__lines_give_due(&relay.lines, SECOND + SECOND / 10);
    say(&relay, 1, ".", SECOND + SECOND / 10);
    assert_int_equal(rk__lines_due(&relay.lines), SECOND + SECOND / 5);
    rk__lines_give_due(&relay.lines, SECOND + SECOND / 5);
    assert_string_equal(rk__text_get(&relay.lines.output.text), "rank 1: ..");
    assert_relayed(&relay, "rank 1: ..\n");
}

static void assert_hears_begun(const char *input, const char *expected) {
    for (size_t cut = 1; cut < strlen(input); cut++) {
        rk__relay relay;
        char first[600];
        begin(&relay);
        snprintf(first, cut + 1, "%s", input);
        say(&relay, 0, first, 0);
        say(&relay, 0, input + cut, 0);
        assert_true(relay.begun && !relay.reported && !relay.lines.closing);
        assert_relayed(&relay, expected);
    }
}

static void words_that_are_none_are_text(void **state) {
    (void)state;
    char input[600], text[340], expected[800];
    memset(text, 'w', sizeof text);
    memcpy(text, "\x01" SECRET " ", strlen(SECRET) + 2);
    text[sizeof text - 1] = '\0';
    snprintf(input, sizeof input,
             "\x01no\n\x01" SECRET " no\na%s\n\x01\x01" SECRET "\x01" SECRET " x\x01" SECRET " begun\n", text);
    snprintf(expected, sizeof expected,
             "rank 0: \x01no\nrank 0: \x01" SECRET " no\nrank 0: a%s\nrank 0: \x01\x01" SECRET "\x01" SECRET " x\n",
             text);
    assert_hears_begun(input, expected);
}

static void what_a_task_prints_is_no_word(void **state) {
    (void)state;
    static const char *const forged[] = {"\x01"
                                         "exit 0 0\n",
                                         "\x01 exit 0 0\n",
                                         "\x01"
                                         "closing\n",
                                         "\x01"
                                         "0123456789abcdee exit 0 0\n",
                                         "\x01line o 1 evil 4\n"};
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        char expected[80], input[120];
        snprintf(input, sizeof input, "%s\x01" SECRET " begun\n", forged[i]);
        snprintf(expected, sizeof expected, "rank 0: %s", forged[i]);
        assert_hears_begun(input, expected);
        rk__relay relay; /* of a single rank, by way of mpirun */
        begin(&relay);
        rk__relay_add(&relay, input, strlen(input), 0);
        assert_true(relay.begun && !relay.reported && !relay.lines.closing);
        assert_relayed(&relay, forged[i]);
    }
}

static void a_lone_first_byte_of_a_word_holds_nothing_back(void **state) {
    (void)state;
    assert_hears_begun("a\x01\x01" SECRET " begun\n", "rank 0: a\x01\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(relay_drops_announcements_however_they_are_cut),
        cmocka_unit_test(relay_holds_back_only_what_may_become_an_announcement),
        cmocka_unit_test(relay_drops_what_is_said_of_ranks_that_told_it_themselves),
        cmocka_unit_test(relay_keeps_what_mpirun_says_while_it_is_doubted),
        cmocka_unit_test(relay_writes_all_and_survives_a_closed_descriptor),
        cmocka_unit_test(output_waits_for_room_outside_of_write),
        cmocka_unit_test(a_line_says_whose_it_is_however_it_is_cut),
        cmocka_unit_test(the_same_line_of_many_is_said_once),
        cmocka_unit_test(lines_on_different_hosts_are_one_without_a_host),
        cmocka_unit_test(lines_wait_a_fifth_of_a_second_for_others),
        cmocka_unit_test(what_waits_is_bounded_and_nothing_is_lost),
        cmocka_unit_test(a_long_line_comes_in_pieces_that_say_whose_they_are),
        cmocka_unit_test(an_unfinished_line_is_shown_and_goes_on),
        cmocka_unit_test(a_line_whose_rest_nobody_has_read_is_not_late),
        cmocka_unit_test(rank_0_speaks_for_the_run_without_a_label),
        cmocka_unit_test(what_names_its_rank_has_no_label),
        cmocka_unit_test(last_words_of_rank_0_come_last),
        cmocka_unit_test(what_is_printed_among_last_words_has_a_label),
        cmocka_unit_test(a_line_that_grows_steadily_is_shown),
        cmocka_unit_test(words_that_are_none_are_text),
        cmocka_unit_test(what_a_task_prints_is_no_word),
        cmocka_unit_test(a_lone_first_byte_of_a_word_holds_nothing_back),
        cmocka_unit_test(relay_drops_what_open_mpi_says_of_a_dead_rank),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
