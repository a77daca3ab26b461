#include "mail_checks.h"
#include "mail_fixture.h"

#include <unistd.h>

static void letters_of_any_size_come_whole_and_in_order(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        fixture_ranks(ranks, NULL, attach_counter, send_to_all);
}

/* ---- questions ---- */

static void each_question_gets_its_answer(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 4; ranks++)
        fixture_ranks(ranks, NULL, attach_counter, ask_around);
}

static void ask_in_vain(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = rk__enter(NULL);
    rk__letter question = {.to = (rank + 1) % ranks, .room = RK__ROOM_CHANNEL, .op = OP_NEVER};
    rk_error err = RK_ERROR_INIT;
    CHECK(rk__mail_ask(mail, &question, rk__deadline(0.02), NULL, &err) == RK_ETIMEDOUT);
    CHECK(rk__mail_ask_cancelable(mail, &question, rk__deadline(0.02), OP_CANCEL, NULL, &err) == RK_ETIMEDOUT);
    rk__leave(mail);
}

static void a_question_without_an_answer_times_out(void **state) {
    (void)state;
    fixture_ranks(1, NULL, attach_counter, ask_in_vain);
    fixture_ranks(3, NULL, attach_counter, ask_in_vain);
}

static void a_rank_that_computes_answers(void **state) {
    (void)state;
    fixture_ranks(2, NULL, attach_counter, compute_or_ask);
}

/* ---- strands ---- */

typedef struct relay { /* each strand waits for its turn */
    int turn, ended, last;
} relay;
typedef struct runner {
    relay *race;
    int number;
} runner;

static bool my_turn(void *ctx) {
    runner *self = ctx;
    return self->race->turn == self->number;
}

static void run_relay(void *ctx) {
    runner *self = ctx;
    for (int round = 0; round < 50; round++) {
        rk__mail *mail = rk__enter(NULL);
        CHECK(rk__wait(mail, my_turn, self, RK__NEVER) == RK_OK);
        self->race->turn = (self->race->turn + 1) % self->race->last;
        rk__leave(mail);
    }
    rk__mail *mail = rk__enter(NULL);
    self->race->ended++;
    rk__leave(mail);
}

static bool all_ended(void *ctx) {
    relay *race = ctx;
    return race->ended == race->last;
}

static void start_strands(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    relay race = {0, 0, 7};
    runner runners[7];
    uint32_t party;
    rk__mail *mail = rk__enter(NULL);
    uint32_t me = rk__mail_party(mail);
    for (int i = 0; i < 7; i++) {
        runners[i] = (runner){&race, i};
        CHECK(rk__strand_start(mail, run_relay, &runners[i], &party, NULL) == RK_OK);
        CHECK(party != me && rk__party_endpoint(party) == rk__mail_endpoint(mail));
    }
    CHECK(rk__wait(mail, all_ended, &race, rk__deadline(60)) == RK_OK);
    CHECK(rk__mail_party(mail) == me);
    rk__leave(mail);
}

static void strands_take_turns(void **state) {
    (void)state;
    fixture_ranks(1, NULL, attach_counter, start_strands);
    fixture_ranks(3, NULL, attach_counter, start_strands);
}

static bool never(void *ctx) {
    (void)ctx;
    return false;
}

static void wait_to_be_told(void *ctx) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__wait(mail, never, NULL, RK__NEVER) == RK_ECANCELLED);
    CHECK(rk__strand_interrupted(mail));
    ((relay *)ctx)->ended++;
    rk__leave(mail);
}

static void interrupt_strands(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    relay race = {0, 0, 1};
    uint32_t party;
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, wait_to_be_told, &race, &party, NULL) == RK_OK);
    rk__yield(mail);
    CHECK(race.ended == 0);
    CHECK(rk__strand_interrupt(mail, party));
    CHECK(rk__wait(mail, all_ended, &race, rk__deadline(60)) == RK_OK);
    CHECK(!rk__strand_interrupted(mail));
    rk__leave(mail);
}

static void a_strand_that_is_told_to_end_stops_waiting(void **state) {
    (void)state;
    fixture_ranks(1, NULL, attach_counter, interrupt_strands);
}

/* One that was told to end waits out what it must, and lets the others run, on whom that depends. */
static void wait_out_all_the_same(void *ctx) {
    rk__mail *mail = rk__enter(NULL);
    relay *race = ctx;
    runner last = {race, 2};
    CHECK(rk__wait(mail, never, NULL, RK__NEVER) == RK_ECANCELLED);
    race->turn = 1;
    rk__wait_out(mail, my_turn, &last);
    CHECK(race->turn == 2);
    race->ended++;
    rk__leave(mail);
}

static void let_one_wait_out(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    relay race = {0, 0, 1};
    runner me = {&race, 1};
    uint32_t party;
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, wait_out_all_the_same, &race, &party, NULL) == RK_OK);
    rk__yield(mail);
    CHECK(rk__strand_interrupt(mail, party));
    CHECK(rk__wait(mail, my_turn, &me, rk__deadline(30)) == RK_OK);
    race.turn = 2;
    CHECK(rk__wait(mail, all_ended, &race, rk__deadline(30)) == RK_OK);
    rk__leave(mail);
}

static void what_is_waited_out_lets_others_run(void **state) {
    (void)state;
    fixture_ranks(1, NULL, attach_counter, let_one_wait_out);
}

static void too_many(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    relay race = {0, 0, RK__STRANDS_MAX - 1};
    uint32_t party;
    rk_error err = RK_ERROR_INIT;
    rk__mail *mail = rk__enter(NULL);
    for (int i = 0; i < RK__STRANDS_MAX - 1; i++)
        CHECK(rk__strand_start(mail, wait_to_be_told, &race, &party, NULL) == RK_OK);
    CHECK(rk__strand_start(mail, wait_to_be_told, &race, &party, &err) == RK_EFULL);
    for (uint32_t i = 1; i < RK__STRANDS_MAX; i++)
        CHECK(rk__strand_interrupt(mail, i));
    CHECK(rk__wait(mail, all_ended, &race, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

static void strands_are_bounded(void **state) {
    (void)state;
    fixture_ranks(1, NULL, attach_counter, too_many);
}

/* ---- strangers and the dead ---- */

static void a_stranger_is_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    assert_null(rk__enter(&err));
    assert_int_equal(err.code, RK_EPERM);
}

static void bury_the_last(uint32_t rank, uint32_t ranks) {
    if (rank == ranks - 1)
        return;
    rk__mail *mail = rk__enter(NULL);
    rk_error err = RK_ERROR_INIT;
    rk__letter question = {.to = ranks - 1, .room = RK__ROOM_CHANNEL, .op = OP_NEVER};
    if (rank == 0)
        rk__mail_bury(mail, ranks - 1);
    CHECK(rk__mail_ask(mail, &question, rk__deadline(30), NULL, &err) == RK_EDEAD); /* as it happens */
    CHECK(rk__mail_is_dead(mail, ranks - 1));
    CHECK(rk__mail_ask(mail, &question, rk__deadline(30), NULL, &err) == RK_EDEAD); /* afterwards */
    rk__leave(mail);
}

static void the_dead_do_not_keep_others_waiting(void **state) {
    (void)state;
    fixture_ranks(2, NULL, attach_counter, bury_the_last);
    fixture_ranks(4, NULL, attach_counter, bury_the_last);
}

/* One that was buried goes on talking, as the child of a rank that was killed does. */
static atomic_int mourners, last_word;

static void talk_after_death(uint32_t ranks) {
    while (atomic_load(&mourners) < (int)ranks - 1)
        usleep(1000);
    rk__mail *mail = rk__enter(NULL);
    for (uint32_t to = 0; to < ranks - 1; to++) {
        rk__letter letter = {.to = to, .room = RK__ROOM_CHANNEL, .op = OP_COUNT};
        CHECK(rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) == RK_OK);
    }
    rk__leave(mail);
    atomic_store(&last_word, 1);
}

static bool is_buried(void *ctx) {
    rk__mail *mail = ctx;
    return rk__mail_is_dead(mail, rk__mail_ranks(mail) - 1);
}

static void bury_and_listen(uint32_t rank, uint32_t ranks) {
    if (rank == ranks - 1) {
        talk_after_death(ranks);
        return;
    }
    rk__mail *mail = rk__enter(NULL);
    if (rank == 0)
        rk__mail_bury(mail, ranks - 1);
    CHECK(rk__wait(mail, is_buried, mail, rk__deadline(30)) == RK_OK);
    rk__leave(mail);
    atomic_fetch_add(&mourners, 1);
    while (atomic_load(&last_word) == 0)
        usleep(1000);
    mail = rk__enter(NULL);
    rk__yield(mail);
    CHECK(((counter *)rk__mail_room(mail, RK__ROOM_CHANNEL))->count[ranks - 1] == 0);
    CHECK(is_buried(mail));
    rk__leave(mail);
}

static void the_dead_are_not_heard(void **state) {
    (void)state;
    for (uint32_t ranks = 2; ranks <= 4; ranks += 2) {
        atomic_store(&mourners, 0);
        atomic_store(&last_word, 0);
        fixture_ranks(ranks, NULL, attach_counter, bury_and_listen);
    }
}

/* ---- letters that never cease ---- */

static atomic_int ceased;

static void answer_myself(void *ctx, rk__letter *letter) {
    rk__letter again = {.to = letter->to, .room = letter->room, .op = letter->op};
    if (atomic_load(&ceased) == 0)
        CHECK(rk__mail_send(ctx, &again, RK__PAYLOAD_COPY, NULL) == RK_OK);
}

static void attach_brook(rk__mail *mail) {
    static const rk__room_ops ops = {answer_myself, NULL, NULL};
    rk__mail_attach(mail, RK__ROOM_CHANNEL, &ops, mail);
}

static bool in_vain(void *ctx) {
    (void)ctx;
    return false;
}

static void wait_in_time(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = rk__enter(NULL);
    rk__letter first = {.to = rank, .room = RK__ROOM_CHANNEL, .op = OP_COUNT};
    (void)ranks;
    CHECK(rk__mail_send(mail, &first, RK__PAYLOAD_COPY, NULL) == RK_OK);
    CHECK(rk__wait(mail, in_vain, NULL, rk__deadline(0.05)) == RK_ETIMEDOUT);
    atomic_store(&ceased, 1);
    rk__leave(mail);
}

static void a_stream_of_letters_delays_no_deadline(void **state) {
    (void)state;
    atomic_store(&ceased, 0);
    fixture_ranks(1, NULL, attach_brook, wait_in_time);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_any_size_come_whole_and_in_order),
        cmocka_unit_test(each_question_gets_its_answer),
        cmocka_unit_test(a_question_without_an_answer_times_out),
        cmocka_unit_test(a_rank_that_computes_answers),
        cmocka_unit_test(strands_take_turns),
        cmocka_unit_test(a_strand_that_is_told_to_end_stops_waiting),
        cmocka_unit_test(what_is_waited_out_lets_others_run),
        cmocka_unit_test(strands_are_bounded),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(the_dead_do_not_keep_others_waiting),
        cmocka_unit_test(the_dead_are_not_heard),
        cmocka_unit_test(a_stream_of_letters_delays_no_deadline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
