/* Endpoints as threads of one process, with an arena of plain memory: what tests of src/mail and of the rooms on it
 * stand on, under ThreadSanitizer too. */
#ifndef RANKINE_TEST_MAIL_FIXTURE_H
#define RANKINE_TEST_MAIL_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "mail/mail_private.h"

typedef struct fixture_rank {
    uint32_t rank, ranks;
    void *arena;
    void (*attach)(rk__mail *mail);
    void (*body)(uint32_t rank, uint32_t ranks);
    bool crowded;
    pthread_barrier_t *all;
    pthread_t thread;
} fixture_rank;

static uint64_t fixture_births[FIXTURE_RANKS_MAX]; /* for a test of what children do with it */

static bool is_alone(void *ctx) {
    return ((const rk__mail *)ctx)->strand_count == 1;
}

/* A test leaves no function behind: what still runs is told to end. */
static void end_strands(rk__mail *mail) {
    rk__enter(NULL);
    for (uint32_t i = 0; i < mail->strand_top; i++)
        if (mail->strands[i] != NULL && mail->strands[i] != mail->holder)
            mail->strands[i]->interrupted = true;
    CHECK(rk__wait(mail, is_alone, mail, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

static void *fixture_run(void *ctx) {
    fixture_rank *me = ctx;
    static const int zeros[FIXTURE_RANKS_MAX];
    int places[FIXTURE_RANKS_MAX];
    rk_error err = RK_ERROR_INIT;
    for (int i = 0; i < FIXTURE_RANKS_MAX; i++)
        places[i] = i;
    rk__mail_place place = {.endpoint = me->rank,
                            .birth = fixture_births[me->rank],
                            .ranks = me->ranks,
                            .node_of_rank = zeros,
                            .place_in_node = places,
                            .node_ranks = me->ranks,
                            .arena = me->arena,
                            .crowded = me->crowded};
    rk__mail *mail;
    CHECK(rk__mail_create(&mail, &place, &err) == RK_OK);
    me->attach(mail);
    pthread_barrier_wait(me->all); /* rooms are there before letters come */
    me->body(me->rank, me->ranks);
    end_strands(mail);
    pthread_barrier_wait(me->all);
    rk__mail_destroy(mail);
    return NULL;
}

/* Each rank, a thread, runs body. attach makes its rooms. */
static void fixture_ranks(uint32_t ranks, const size_t room_bytes[RK__ROOM_COUNT], void (*attach)(rk__mail *mail),
                          void (*body)(uint32_t rank, uint32_t ranks)) {
    static const size_t none[RK__ROOM_COUNT];
    fixture_rank all[FIXTURE_RANKS_MAX];
    pthread_barrier_t barrier;
    const size_t *areas = room_bytes != NULL ? room_bytes : none;
    size_t bytes = (rk__arena_bytes(ranks, 0, areas) + 4095) / 4096 * 4096;
    void *arena = aligned_alloc(4096, bytes);
    assert_non_null(arena);
    memset(arena, 0, bytes);
    rk__arena_init(arena, (const uint64_t[2]){0, 0}, ranks, 0, areas);
    pthread_barrier_init(&barrier, NULL, ranks);
    for (uint32_t r = 0; r < ranks; r++) {
        all[r] = (fixture_rank){r, ranks, arena, attach, body, ranks > 2, &barrier, 0};
        assert_int_equal(pthread_create(&all[r].thread, NULL, fixture_run, &all[r]), 0);
    }
    for (uint32_t r = 0; r < ranks; r++)
        pthread_join(all[r].thread, NULL);
    pthread_barrier_destroy(&barrier);
    free(arena);
}

#endif
