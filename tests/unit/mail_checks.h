/* What letters promise, checked on any number of ranks: as threads (tests/unit) and under mpirun (tests/mpi). Each body
 * is called by all ranks. */
#ifndef RANKINE_TEST_MAIL_CHECKS_H
#define RANKINE_TEST_MAIL_CHECKS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "mail/mail.h"

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

static void attach_counter(rk__mail *mail) {
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

#endif
