/* The launcher's parts that need no process: what it relays, when it sends what, and what the environment says. */
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "world/launch_private.h"
#include "world/launch_relay.h"
#include "world/rank.h"

#define SECOND UINT64_C(1000000000)

/* ---- relay ---- */

#define SECRET "0123456789abcdef"
enum { RANKS = 8 };
static const char secret[] = SECRET;

static void begin(rk__relay *relay) {
    assert_int_equal(rk__relay_init(relay, RANKS, secret, NULL), RK_OK);
}

/* The whole of what came, and what is given out of it. */
static void assert_relayed(rk__relay *relay, const char *expected) {
    rk__relay_end(relay);
    assert_string_equal(rk__text_get(&relay->lines.output.text), expected);
    rk__relay_fini(relay);
}

static void add_cut(rk__relay *relay, const char *input, size_t length, size_t cut) {
    rk__relay_add(relay, input, cut, 0);
    rk__relay_add(relay, input + cut, length - cut, 0);
}

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

/* ---- when to send what ---- */

static void stop_by_usr1_drains_and_is_no_first_request(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_drain(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    assert_true(stop.asked);
    rk__stop_drain(&stop, 2 * SECOND - 1, true);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND - 1), 0);
    rk__stop_request(&stop, 3 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 3 * SECOND), SIGUSR1);
    rk__stop_request(&stop, 4 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 4 * SECOND), SIGTERM);
    rk__stop_drain(&stop, 5 * SECOND, true);
    assert_int_equal(stop.phase, RK__STOP_KILL);
}

static void stop_is_silent_until_asked(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    assert_int_equal(rk__stop_due(&stop, 1000 * SECOND), 0);
    assert_false(stop.asked);
}

static void first_request_drains_and_repeats(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    assert_int_equal(rk__stop_due(&stop, SECOND), 0);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), SIGUSR1);
    assert_true(stop.asked);
}

static void what_has_not_begun_is_not_drained(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, false);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 6 * SECOND), SIGKILL);
}

static void two_requests_at_once_are_one(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    rk__stop_request(&stop, SECOND + SECOND / 10, true);
    assert_int_equal(rk__stop_due(&stop, SECOND + SECOND / 10), SIGUSR1);
    assert_int_equal(rk__stop_due(&stop, SECOND + SECOND / 10), 0);
}

static void second_request_terminates_then_kills_after_grace(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    rk__stop_request(&stop, 2 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 7 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 7 * SECOND), SIGKILL);
    assert_int_equal(rk__stop_due(&stop, 8 * SECOND), SIGKILL);
}

static void third_request_kills_at_once(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    for (uint64_t i = 1; i <= 2; i++) {
        rk__stop_request(&stop, i * SECOND, true);
        assert_int_not_equal(rk__stop_due(&stop, i * SECOND), 0);
    }
    rk__stop_request(&stop, 3 * SECOND, true);
    assert_int_equal(rk__stop_due(&stop, 3 * SECOND), SIGKILL);
}

static void job_that_lingers_after_its_report_is_ended(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_request(&stop, SECOND, true);
    assert_int_equal(rk__stop_due(&stop, SECOND), SIGUSR1);
    rk__stop_linger(&stop, 2 * SECOND, 30 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 5 * SECOND), 0); /* no more USR1: the ranks are leaving */
    assert_int_equal(rk__stop_due(&stop, 32 * SECOND - 1), 0);
    assert_int_equal(rk__stop_due(&stop, 32 * SECOND), SIGTERM);
    assert_int_equal(rk__stop_due(&stop, 37 * SECOND), SIGKILL);
}

static void who_lingers_is_let_wait_until_asked(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_put_off(&stop, 5 * SECOND);
    assert_int_equal(stop.deadline_ns, UINT64_MAX);
    rk__stop_linger(&stop, SECOND, SECOND);
    rk__stop_put_off(&stop, 9 * SECOND);
    rk__stop_put_off(&stop, 4 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 9 * SECOND - 1), 0);
    rk__stop_request(&stop, 5 * SECOND, true);
    rk__stop_put_off(&stop, 20 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 5 * SECOND), SIGTERM);
}

static void report_alone_is_no_request(void **state) {
    (void)state;
    rk__stop stop;
    rk__stop_init(&stop);
    rk__stop_linger(&stop, SECOND, 30 * SECOND);
    assert_int_equal(rk__stop_due(&stop, 2 * SECOND), 0);
    assert_false(stop.asked);
}

/* ---- am I a rank ---- */

static const char *const rank_variables[] = {"PMIX_RANK",    "OMPI_COMM_WORLD_RANK", "PMI_RANK",
                                             "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_ID",
                                             "SLURM_NTASKS", "RANKINE_RANKS",        "RANKINE_JOB"};

static int clear_environment(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rank_variables / sizeof *rank_variables; i++)
        unsetenv(rank_variables[i]);
    return 0;
}

static bool am_rank(void) {
    bool answer = false;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__world_am_rank(&answer, &err), RK_OK);
    return answer;
}

static void each_launchers_variable_makes_a_rank(void **state) {
    assert_false(am_rank());
    for (size_t i = 0; i < 3; i++) {
        clear_environment(state);
        setenv(rank_variables[i], "0", 1);
        assert_true(am_rank());
        setenv(rank_variables[i], "", 1);
        assert_false(am_rank());
    }
}

static void batch_script_is_no_rank(void **state) {
    (void)state;
    setenv("SLURM_PROCID", "0", 1);
    setenv("SLURM_NTASKS", "8", 1);
    assert_false(am_rank());
}

static void srun_step_of_one_task_is_no_rank(void **state) {
    (void)state;
    setenv("SLURM_PROCID", "0", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv("SLURM_STEP_NUM_TASKS", "1", 1);
    setenv("SLURM_NTASKS", "8", 1);
    assert_false(am_rank());
}

static void refuse_srun_step(const char *tasks_variable) {
    bool answer = true;
    rk_error err = RK_ERROR_INIT;
    setenv("SLURM_PROCID", "1", 1);
    setenv("SLURM_STEP_ID", "0", 1);
    setenv(tasks_variable, "4", 1);
    assert_int_equal(rk__world_am_rank(&answer, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "srun --mpi=pmix"));
    assert_non_null(strstr(err.message, "4 tasks"));
    assert_true(answer); /* untouched */
}

static void srun_step_without_pmix_is_refused(void **state) {
    refuse_srun_step("SLURM_NTASKS");
    clear_environment(state);
    refuse_srun_step("SLURM_STEP_NUM_TASKS");
}

static void world_of_another_size_than_launched_is_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    setenv("RANKINE_RANKS", "4", 1);
    rk__rank_launch launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 4, &err), RK_OK);
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "another MPI"));
}

static void srun_ranks_that_mpi_sees_alone_are_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    setenv("PMI_RANK", "1", 1); /* --mpi=pmi2, which this Open MPI may not know */
    setenv("SLURM_PROCID", "1", 1);
    setenv("SLURM_STEP_NUM_TASKS", "4", 1);
    rk__rank_launch launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 4, &err), RK_OK);
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_EUNSUPPORTED);
    assert_non_null(strstr(err.message, "srun --mpi=pmix"));
    setenv("PMIX_RANK", "1", 1);
    launch = rk__rank_launch_read();
    assert_int_equal(rk__rank_launch_check(&launch, 1, &err), RK_OK);
}

/* ---- mpirun's command line ---- */

static void words_of_mpirun(rk__text *out, int ranks, int cores_per_rank, const char *hostfile) {
    rk_error err = RK_ERROR_INIT;
    rk__launch_command command;
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, directory[] = "/tmp/rankine-AAAAAA";
    rk__launch_options options = {.ranks = ranks, .cores_per_rank = cores_per_rank, .hostfile = hostfile, .argv = argv};
    rk__launch_job job = {{directory, -1}, {NULL, -1}, SECRET};
    rk__launch_plan plan = {.options = &options, .job = &job, .cores = 8};
    assert_int_equal(rk__launch_command_create(&command, &plan, &err), RK_OK);
    rk__text_fini(out);
    for (char **word = command.argv; *word != NULL; word++)
        rk__text_add(out, "%s ", *word);
    rk__launch_command_fini(&command);
}

/* What is only for one host must not reach others: a daemon there would make our directory, and leave it. */
static bool keeps_to_this_host(void) {
    char *argv[] = {(char *)(uintptr_t) "/bin/true", NULL}, directory[] = "/tmp/rankine-AAAAAA";
    rk__launch_options options = {.ranks = 2, .argv = argv};
    rk__launch_job job = {{directory, -1}, {NULL, -1}, SECRET};
    rk__launch_plan plan = {.options = &options, .job = &job, .cores = 8};
    rk__launch_command command;
    bool found = false;
    assert_int_equal(rk__launch_command_create(&command, &plan, NULL), RK_OK);
    for (char **entry = command.envp; *entry != NULL; entry++)
        found = found || strcmp(*entry, "OMPI_MCA_orte_tmpdir_base=/tmp/rankine-AAAAAA") == 0;
    rk__launch_command_fini(&command);
    return found;
}

static void a_default_hostfile_means_other_hosts(void **state) {
    (void)state;
    static const char *const names[] = {"OMPI_MCA_orte_default_hostfile", "PRTE_MCA_prte_default_hostfile"};
    assert_true(keeps_to_this_host());
    for (size_t i = 0; i < 2; i++) {
        setenv(names[i], "/etc/hosts.mpi", 1);
        assert_false(keeps_to_this_host());
        setenv(names[i], "none", 1);
        assert_true(keeps_to_this_host());
        unsetenv(names[i]);
    }
}

static void ranks_of_several_cores_are_bound_to_them(void **state) {
    (void)state;
    rk__text words = RK__TEXT_INIT;
    unsetenv("OMPI_MCA_hwloc_base_binding_policy"); /* what the user has set goes first */
    unsetenv("PRTE_MCA_hwloc_default_binding_policy");
    words_of_mpirun(&words, 2, 4, NULL);
    assert_non_null(strstr(rk__text_get(&words), " --map-by slot:PE=4 --bind-to core "));
    words_of_mpirun(&words, 2, 3, NULL);
    assert_non_null(strstr(rk__text_get(&words), " --map-by slot:PE=3 --bind-to core "));
    words_of_mpirun(&words, 3, 4, NULL); /* more than there is room for */
    assert_null(strstr(rk__text_get(&words), "--map-by"));
    assert_non_null(strstr(rk__text_get(&words), " --bind-to none "));
    words_of_mpirun(&words, 2, 4, "/dev/null"); /* cores of other hosts are not known */
    assert_null(strstr(rk__text_get(&words), "--map-by"));
    rk__text_fini(&words);
}

/* ---- the rank's side ---- */

static void job_name_comes_from_the_job_directory(void **state) {
    (void)state;
    char first[64], again[64], other[64];
    setenv("RANKINE_JOB", "/tmp/rankine-AAAAAA", 1);
    rk__launch_job_name(first, sizeof first);
    rk__launch_job_name(again, sizeof again);
    setenv("RANKINE_JOB", "/tmp/rankine-AAAAAB", 1);
    rk__launch_job_name(other, sizeof other);
    assert_string_equal(first, again);
    assert_string_not_equal(first, other);
    assert_int_equal(strncmp(first, "/rankine-", 9), 0);
    assert_true(strlen(first) + strlen("-63") <= 31); /* macOS takes no more */
}

static void job_name_is_random_without_a_launcher(void **state) {
    (void)state;
    char first[64], other[64];
    rk__launch_job_name(first, sizeof first);
    rk__launch_job_name(other, sizeof other);
    assert_string_not_equal(first, other);
}

static void report_needs_a_job(void **state) {
    (void)state;
    assert_false(rk__launch_report(0, false));
}

/* As from a host that does not see the directory: by way of stderr. */
static void report_reaches_another_host(void **state) {
    (void)state;
    char text[64] = "";
    int ends[2], before = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    setenv("RANKINE_JOB", "/nonexistent/rankine-AAAAAA", 1);
    setenv("RANKINE_SECRET", SECRET, 1);
    rk__launch_take_secret();
    assert_null(getenv("RANKINE_SECRET"));
    dup2(ends[1], STDERR_FILENO);
    rk__launch_begin();
    bool told = rk__launch_report(3, true);
    dup2(before, STDERR_FILENO);
    close(before);
    assert_true(told);
    ssize_t length = read(ends[0], text, sizeof text);
    close(ends[0]);
    close(ends[1]);
    for (size_t cut = 0; cut <= (size_t)length; cut++) {
        rk__relay relay;
        begin(&relay);
        rk__relay_add(&relay, "a [", 3, 0);
        add_cut(&relay, text, (size_t)length, cut);
        rk__relay_add(&relay, "b", 1, 0);
        assert_true(relay.begun && relay.reported && relay.broken);
        assert_int_equal(relay.exit_code, 3);
        assert_relayed(&relay, "a [b");
    }
}

static void report_reads_back(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    int code = -1;
    bool broken = false;
    assert_int_equal(rk__launch_job_create(&job, &err), RK_OK);
    setenv("RANKINE_JOB", job.directory.path, 1);
    assert_false(rk__launch_job_reported(&job, &code, &broken));
    assert_true(rk__launch_report(75, true));
    assert_true(rk__launch_job_reported(&job, &code, &broken));
    assert_int_equal(code, 75);
    assert_true(broken);
    rk__launch_job_destroy(&job);
    assert_int_equal(access(getenv("RANKINE_JOB"), F_OK), -1);
}

static void a_job_without_its_first_rank_is_headless(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    int pipe_fd[2], status;
    assert_int_equal(rk__launch_job_create(&job, &err), RK_OK);
    setenv("RANKINE_JOB", job.directory.path, 1);
    assert_false(rk__launch_job_headless(&job));
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t rank = fork();
    if (rank == 0) {
        char byte;
        rk__launch_begin();
        close(pipe_fd[1]);
        _exit(read(pipe_fd[0], &byte, 1) != 0);
    }
    while (!rk__launch_job_begun(&job))
        rk__sleep_ns(1000000);
    assert_false(rk__launch_job_headless(&job));
    close(pipe_fd[1]);
    assert_int_equal(waitpid(rank, &status, 0), rank);
    assert_true(rk__launch_job_headless(&job));
    close(pipe_fd[0]);
    rk__launch_job_destroy(&job);
}

static void job_directory_that_cannot_be_made_is_named(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__launch_job job;
    setenv("TMPDIR", "/nonexistent/tmp", 1);
    assert_int_equal(rk__launch_job_create(&job, &err), RK_EIO);
    assert_non_null(strstr(err.message, "/nonexistent/tmp"));
    unsetenv("TMPDIR");
}

static void abandoned_directory_is_swept_and_a_live_one_is_not(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    char parent[] = "/tmp/test-launch-parts-XXXXXX";
    rk__launch_directory live, abandoned;
    assert_non_null(mkdtemp(parent));
    assert_int_equal(rk__launch_directory_make(&live, parent, &err), RK_OK);
    assert_int_equal(rk__launch_directory_make(&abandoned, parent, &err), RK_OK);
    close(abandoned.lock_fd); /* as the death of its launcher does */
    rk__launch_directory_sweep(parent);
    assert_int_equal(access(live.path, F_OK), 0);
    assert_int_equal(access(abandoned.path, F_OK), -1);
    free(abandoned.path);
    rk__launch_directory_remove(&live);
    assert_int_equal(rmdir(parent), 0);
}

static void the_session_of_a_killed_mpirun_is_removed_and_no_other(void **state) {
    (void)state;
    char parent[] = "/tmp/test-launch-parts-XXXXXX", top[160], path[256], host[64] = "";
    assert_non_null(mkdtemp(parent));
    setenv("TMPDIR", parent, 1);
    gethostname(host, sizeof host - 1);
    snprintf(top, sizeof top, "%s/ompi.%.*s.%ld", parent, (int)strcspn(host, "."), host, (long)geteuid());
    assert_int_equal(mkdir(top, 0700), 0);
    for (int pid = 10; pid <= 11; pid++) {
        snprintf(path, sizeof path, "%s/pid.%d", top, pid);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof path, "%s/pid.%d/0", top, pid);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    rk__launch_session_remove(10);
    snprintf(path, sizeof path, "%s/pid.10", top);
    assert_int_equal(access(path, F_OK), -1);
    snprintf(path, sizeof path, "%s/pid.11/0", top);
    assert_int_equal(access(path, F_OK), 0);
    rk__launch_session_remove(11);
    assert_int_equal(access(top, F_OK), -1);
    unsetenv("TMPDIR");
    assert_int_equal(rmdir(parent), 0);
}

static void sweep_leaves_what_is_not_ours_alone(void **state) {
    (void)state;
    char parent[] = "/tmp/test-launch-parts-XXXXXX", other[64], fresh[320], host[256] = "";
    assert_non_null(mkdtemp(parent));
    snprintf(other, sizeof other, "%s/rankine-results", parent);
    gethostname(host, sizeof host - 1);
    snprintf(fresh, sizeof fresh, "%s/rankine-%.*s-AAAAAA", parent, (int)strcspn(host, "."), host);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(mkdir(fresh, 0700), 0); /* not locked yet: somebody is making it */
    rk__launch_directory_sweep(parent);
    assert_int_equal(rmdir(fresh), 0);
    assert_int_equal(rmdir(other), 0);
    assert_int_equal(rmdir(parent), 0);
}

typedef struct sweeping {
    char parent[64];
    _Atomic int quit;
} sweeping;

static void *sweep_again_and_again(void *ctx) {
    sweeping *s = ctx;
    while (!atomic_load(&s->quit))
        rk__launch_directory_sweep(s->parent);
    return NULL;
}

/* The sweeps of other launchers come at any moment. */
static void a_directory_that_was_made_is_not_swept(void **state) {
    (void)state;
    enum { DIRECTORIES = 1000 };
    sweeping s = {"/tmp/test-launch-parts-XXXXXX", 0};
    rk_error err = RK_ERROR_INIT;
    pthread_t sweepers[2];
    assert_non_null(mkdtemp(s.parent));
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&sweepers[i], NULL, sweep_again_and_again, &s), 0);
    for (int i = 0; i < DIRECTORIES; i++) {
        rk__launch_directory made;
        char path[128];
        assert_int_equal(rk__launch_directory_make(&made, s.parent, &err), RK_OK);
        rk__sleep_ns(20000);
        snprintf(path, sizeof path, "%s/lock", made.path);
        assert_int_equal(access(path, F_OK), 0);
        rk__launch_directory_remove(&made);
    }
    atomic_store(&s.quit, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(sweepers[i], NULL);
    assert_int_equal(rmdir(s.parent), 0);
}

static void terminal_width_comes_from_the_launcher(void **state) {
    (void)state;
    setenv("RANKINE_TTY", "132", 1);
    assert_int_equal(rk__launch_tty_columns(), 132);
    unsetenv("RANKINE_TTY");
}

static void there_is_a_core(void **state) {
    (void)state;
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    assert_in_range(rk__world_cores(), 1, (uintmax_t)online);
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
        cmocka_unit_test(rank_0_speaks_for_the_run_without_a_label),
        cmocka_unit_test(what_names_its_rank_has_no_label),
        cmocka_unit_test(last_words_of_rank_0_come_last),
        cmocka_unit_test(what_is_printed_among_last_words_has_a_label),
        cmocka_unit_test(a_line_that_grows_steadily_is_shown),
        cmocka_unit_test(words_that_are_none_are_text),
        cmocka_unit_test(what_a_task_prints_is_no_word),
        cmocka_unit_test(a_lone_first_byte_of_a_word_holds_nothing_back),
        cmocka_unit_test(relay_drops_what_open_mpi_says_of_a_dead_rank),
        cmocka_unit_test(stop_is_silent_until_asked),
        cmocka_unit_test(stop_by_usr1_drains_and_is_no_first_request),
        cmocka_unit_test(first_request_drains_and_repeats),
        cmocka_unit_test(two_requests_at_once_are_one),
        cmocka_unit_test(what_has_not_begun_is_not_drained),
        cmocka_unit_test(second_request_terminates_then_kills_after_grace),
        cmocka_unit_test(third_request_kills_at_once),
        cmocka_unit_test(job_that_lingers_after_its_report_is_ended),
        cmocka_unit_test(who_lingers_is_let_wait_until_asked),
        cmocka_unit_test(report_alone_is_no_request),
        cmocka_unit_test_setup(each_launchers_variable_makes_a_rank, clear_environment),
        cmocka_unit_test_setup(batch_script_is_no_rank, clear_environment),
        cmocka_unit_test_setup(srun_step_of_one_task_is_no_rank, clear_environment),
        cmocka_unit_test_setup(srun_step_without_pmix_is_refused, clear_environment),
        cmocka_unit_test_setup(world_of_another_size_than_launched_is_refused, clear_environment),
        cmocka_unit_test_setup(srun_ranks_that_mpi_sees_alone_are_refused, clear_environment),
        cmocka_unit_test(ranks_of_several_cores_are_bound_to_them),
        cmocka_unit_test(a_default_hostfile_means_other_hosts),
        cmocka_unit_test_setup(job_name_comes_from_the_job_directory, clear_environment),
        cmocka_unit_test_setup(job_name_is_random_without_a_launcher, clear_environment),
        cmocka_unit_test_setup(report_needs_a_job, clear_environment),
        cmocka_unit_test_setup(report_reaches_another_host, clear_environment),
        cmocka_unit_test_setup(report_reads_back, clear_environment),
        cmocka_unit_test_setup(a_job_without_its_first_rank_is_headless, clear_environment),
        cmocka_unit_test_setup(job_directory_that_cannot_be_made_is_named, clear_environment),
        cmocka_unit_test(the_session_of_a_killed_mpirun_is_removed_and_no_other),
        cmocka_unit_test(abandoned_directory_is_swept_and_a_live_one_is_not),
        cmocka_unit_test(sweep_leaves_what_is_not_ours_alone),
        cmocka_unit_test(a_directory_that_was_made_is_not_swept),
        cmocka_unit_test(terminal_width_comes_from_the_launcher),
        cmocka_unit_test(there_is_a_core),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
