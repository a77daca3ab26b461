/* Ranks as threads: one runs the test, the others serve, as in a program, until it has ended. */
#ifndef RANKINE_TEST_SERVE_FIXTURE_H
#define RANKINE_TEST_SERVE_FIXTURE_H

#include <stdatomic.h>

#include "mail_fixture.h"

static struct {
    void (*root)(uint32_t ranks);
    rk_status (*attach)(rk__mail *mail, rk_error *err);
    uint32_t root_rank;
    _Atomic bool over; /* also for those that count as dead, to whom no letter goes */
} serve_fixture;

static void serve_receive(void *ctx, rk__letter *letter) {
    (void)letter;
    *(bool *)ctx = true;
}

static bool serve_has_ended(void *ctx) {
    return *(bool *)ctx || atomic_load(&serve_fixture.over);
}

static void serve_attach(rk__mail *mail) {
    static const rk__room_ops ops = {serve_receive, NULL, free};
    bool *ended = calloc(1, sizeof *ended);
    CHECK(ended != NULL);
    rk__mail_attach(mail, RK__ROOM_PROGRAM, &ops, ended);
    CHECK(serve_fixture.attach(mail, NULL) == RK_OK);
}

static void serve_body(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = rk__enter(NULL);
    if (rank == serve_fixture.root_rank) {
        rk__leave(mail);
        serve_fixture.root(ranks);
        atomic_store(&serve_fixture.over, true);
        rk__enter(NULL);
        for (uint32_t other = 0; other < ranks; other++) {
            rk__letter letter = {.to = other, .room = RK__ROOM_PROGRAM};
            CHECK(rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) == RK_OK);
        }
    } else {
        CHECK(rk__wait(mail, serve_has_ended, rk__mail_room(mail, RK__ROOM_PROGRAM), rk__deadline(60)) == RK_OK);
    }
    rk__leave(mail);
}

/* Rank root_rank runs root. */
static void serve_at(uint32_t ranks, uint32_t root_rank, rk_status (*attach)(rk__mail *mail, rk_error *err),
                     void (*root)(uint32_t ranks)) {
    serve_fixture.root = root;
    serve_fixture.attach = attach;
    serve_fixture.root_rank = root_rank;
    atomic_store(&serve_fixture.over, false);
    fixture_ranks(ranks, NULL, serve_attach, serve_body);
}

static inline void serve_all_sizes(rk_status (*attach)(rk__mail *mail, rk_error *err), void (*root)(uint32_t ranks)) {
    static const uint32_t sizes[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < 5; i++)
        serve_at(sizes[i], 0, attach, root);
}

#endif
