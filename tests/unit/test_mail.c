#include "mail_fixture.h"

/* A room that counts what it gets, and echoes questions. */
enum { OP_COUNT = 1, OP_ECHO, OP_NEVER, OP_CANCEL };

typedef struct counter {
    rk__mail *mail;
    uint64_t count[FIXTURE_RANKS_MAX], bytes;
    bool in_order;
    rk__question held;
} counter;

static void receive(void *ctx, rk__letter *letter) {
    counter *self = ctx;
    rk__question question = {letter->from, letter->call};
    if (letter->op == OP_COUNT) {
        self->in_order &= letter->a == self->count[letter->from];
        self->count[letter->from]++;
        self->bytes += letter->size;
        for (uint64_t i = 0; i < letter->size; i++)
            self->in_order &= ((unsigned char *)letter->bytes)[i] == (unsigned char)(letter->a + i);
    } else if (letter->op == OP_ECHO) {
        uint64_t size = letter->size;
        rk__mail_answer(self->mail, question, RK_OK, letter->a, 0, rk__letter_take(letter), size, RK__PAYLOAD_TAKE);
    } else if (letter->op == OP_CANCEL) {
        rk__mail_answer(self->mail, question, RK_ETIMEDOUT, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
    }
}

static void attach(rk__mail *mail) {
    static const rk__room_ops ops = {receive, NULL, free};
    counter *made = calloc(1, sizeof *made);
    made->mail = mail;
    made->in_order = true;
    rk__mail_attach(mail, RK__ROOM_CHANNEL, &ops, made);
}

/* ---- order and sizes ---- */

enum { LETTERS = 300 };

static bool all_came(void *ctx) {
    counter *self = ctx;
    uint32_t ranks = rk__mail_ranks(self->mail);
    for (uint32_t r = 0; r < ranks; r++)
        if (self->count[r] < LETTERS)
            return false;
    return true;
}

static void send_to_all(uint32_t rank, uint32_t ranks) {
    static const size_t sizes[] = {0, 1, 63, 64, 4000, 70000, 400000};
    rk__mail *mail = rk__enter(NULL);
    counter *self = rk__mail_room(mail, RK__ROOM_CHANNEL);
    unsigned char *bytes = malloc(400000);
    for (uint64_t i = 0; i < LETTERS; i++) {
        size_t size = sizes[i % (sizeof sizes / sizeof *sizes)];
        for (size_t k = 0; k < size; k++)
            bytes[k] = (unsigned char)(i + k);
        for (uint32_t to = 0; to < ranks; to++) {
            rk__letter letter = {
                .to = to, .room = RK__ROOM_CHANNEL, .op = OP_COUNT, .a = i, .size = size, .bytes = bytes};
            if ((rank + i) % 2)
                CHECK(rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) == RK_OK);
            else
                CHECK(rk__mail_send_large(mail, &letter, NULL) == RK_OK);
        }
    }
    free(bytes);
    CHECK(rk__wait(mail, all_came, self, rk__deadline(60)) == RK_OK);
    CHECK(self->in_order);
    rk__leave(mail);
}

static void letters_of_any_size_come_whole_and_in_order(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        fixture_ranks(ranks, NULL, attach, send_to_all);
}

/* ---- questions ---- */

static void ask_around(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = rk__enter(NULL);
    for (uint64_t i = 0; i < 2000; i++) {
        uint64_t value = i * 7 + rank;
        rk__letter answer, question = {.to = (uint32_t)((rank + i) % ranks),
                                       .room = RK__ROOM_CHANNEL,
                                       .op = OP_ECHO,
                                       .a = i,
                                       .size = sizeof value,
                                       .bytes = &value};
        CHECK(rk__mail_ask(mail, &question, rk__deadline(60), &answer, NULL) == RK_OK);
        CHECK(answer.a == i && answer.size == sizeof value && memcmp(answer.bytes, &value, sizeof value) == 0);
        free(answer.bytes);
    }
    rk__leave(mail);
}

static void each_question_gets_its_answer(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 4; ranks++)
        fixture_ranks(ranks, NULL, attach, ask_around);
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
    fixture_ranks(1, NULL, attach, ask_in_vain);
    fixture_ranks(3, NULL, attach, ask_in_vain);
}

/* ---- a rank that computes still answers ---- */

static void compute_or_ask(uint32_t rank, uint32_t ranks) {
    (void)ranks;
    if (rank == 0) { /* no call of the library */
        uint64_t until = rk__clock_ns() + 300000000;
        while (rk__clock_ns() < until)
            ;
        return;
    }
    rk__mail *mail = rk__enter(NULL);
    for (int i = 0; i < 20; i++) {
        rk__letter question = {.to = 0, .room = RK__ROOM_CHANNEL, .op = OP_ECHO};
        CHECK(rk__mail_ask(mail, &question, rk__deadline(30), NULL, NULL) == RK_OK);
    }
    rk__leave(mail);
}

static void a_rank_that_computes_answers(void **state) {
    (void)state;
    fixture_ranks(2, NULL, attach, compute_or_ask);
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
    fixture_ranks(1, NULL, attach, start_strands);
    fixture_ranks(3, NULL, attach, start_strands);
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
    fixture_ranks(1, NULL, attach, interrupt_strands);
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
    fixture_ranks(1, NULL, attach, too_many);
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
    fixture_ranks(2, NULL, attach, bury_the_last);
    fixture_ranks(4, NULL, attach, bury_the_last);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(letters_of_any_size_come_whole_and_in_order),
        cmocka_unit_test(each_question_gets_its_answer),
        cmocka_unit_test(a_question_without_an_answer_times_out),
        cmocka_unit_test(a_rank_that_computes_answers),
        cmocka_unit_test(strands_take_turns),
        cmocka_unit_test(a_strand_that_is_told_to_end_stops_waiting),
        cmocka_unit_test(strands_are_bounded),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(the_dead_do_not_keep_others_waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
