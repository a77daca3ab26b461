/* The node window with threads as claimers: each block is held once, under every policy. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dispatch/window.h"

enum { BLOCKS = 20000, CLAIMERS = 4, SPAN = 700 };

typedef struct worker {
    rk__window *window;
    uint32_t number;
    _Atomic uint32_t *taken;
} worker;

static rk__window *make_window(uint32_t claimers, rk__policy policy) {
    size_t bytes = (rk__window_bytes(BLOCKS, claimers) + 127) & ~(size_t)127;
    rk__window *window = aligned_alloc(128, bytes);
    memset(window, 0, bytes);
    rk__window_init(window, BLOCKS, claimers, policy, (const uint64_t[]){1, 2});
    return window;
}

static void *claim_all(void *ctx) {
    worker *w = ctx;
    rk__claimer claimer;
    uint64_t first, count;
    rk__claimer_join(&claimer, w->window, w->number, 100 + w->number);
    for (;;) {
        uint32_t phase = atomic_load(&w->window->phase);
        if (!rk__claimer_claim(&claimer, 1000, &first, &count)) {
            if (phase == RK__PHASE_LAST)
                break;
            continue;
        }
        for (uint64_t b = first; b < first + count; b++) {
            atomic_fetch_add(&w->taken[b], 1);
            rk__window_set_done(w->window, b, 1);
        }
    }
    rk__claimer_finish(&claimer);
    return NULL;
}

/* The agent adds spans while claimers take from them, so that slots are used again and again. */
static void feed(rk__window *window) {
    for (uint64_t first = 0; first < BLOCKS;) {
        uint64_t count = BLOCKS - first < SPAN ? BLOCKS - first : SPAN;
        if (rk__window_add_span(window, first, count))
            first += count;
    }
    atomic_store(&window->phase, RK__PHASE_LAST);
}

static void every_block_is_held_once(void **state) {
    (void)state;
    for (int policy = RK__POLICY_ADAPTIVE; policy <= RK__POLICY_FACTORING; policy++) {
        rk__window *window = make_window(CLAIMERS, (rk__policy)policy);
        _Atomic uint32_t *taken = calloc(BLOCKS, sizeof *taken);
        pthread_t threads[CLAIMERS];
        worker workers[CLAIMERS];
        for (uint32_t i = 0; i < CLAIMERS; i++) {
            workers[i] = (worker){window, i, taken};
            assert_int_equal(pthread_create(&threads[i], NULL, claim_all, &workers[i]), 0);
        }
        feed(window);
        for (uint32_t i = 0; i < CLAIMERS; i++)
            pthread_join(threads[i], NULL);
        for (uint64_t b = 0; b < BLOCKS; b++) {
            assert_int_equal(atomic_load(&taken[b]), 1);
            assert_true(rk__window_is_done(window, b));
        }
        assert_int_equal(rk__window_unclaimed(window), 0);
        assert_int_equal(rk__window_count(window).finished, CLAIMERS);
        free((void *)(uintptr_t)taken);
        free(window);
    }
}

static void a_claim_is_visible_until_the_next(void **state) {
    (void)state;
    rk__window *window = make_window(2, RK__POLICY_DYNAMIC);
    rk__claimer a;
    uint64_t first, count;
    rk__claimer_join(&a, window, 1, 7);
    assert_true(rk__window_add_span(window, 10, 2));
    assert_true(rk__claimer_claim(&a, 0, &first, &count));
    rk__claimer_line *line = rk__window_line(window, 1);
    assert_int_equal(atomic_load(&line->lo), 10);
    assert_int_equal(atomic_load(&line->hi), 11);
    assert_int_equal(atomic_load(&line->intent) % 2, 0);
    assert_int_equal(rk__window_unclaimed(window), 1);
    assert_true(rk__claimer_claim(&a, 0, &first, &count));
    assert_int_equal(first, 11);
    assert_false(rk__claimer_claim(&a, 0, &first, &count));
    assert_int_equal(atomic_load(&line->lo), atomic_load(&line->hi));
    free(window);
}

static void a_full_ring_takes_no_span(void **state) {
    (void)state;
    rk__window *window = make_window(1, RK__POLICY_DYNAMIC);
    for (int i = 0; i < RK__WINDOW_SPANS; i++)
        assert_true(rk__window_add_span(window, (uint64_t)i, 1));
    assert_false(rk__window_add_span(window, 99, 1));
    rk__claimer a;
    uint64_t first, count;
    rk__claimer_join(&a, window, 0, 7);
    assert_true(rk__claimer_claim(&a, 0, &first, &count));
    assert_true(rk__window_add_span(window, 99, 1));
    free(window);
}

static void done_bits_are_exact(void **state) {
    (void)state;
    rk__window *window = make_window(1, RK__POLICY_DYNAMIC);
    rk__window_set_done(window, 60, 140);
    for (uint64_t b = 0; b < 300; b++)
        assert_int_equal(rk__window_is_done(window, b), b >= 60 && b < 200);
    free(window);
}

/* The process dies behind the cursor's move, before it says so; or somebody else was quicker. */
static void a_claim_in_doubt_is_resolved(void **state) {
    (void)state;
    for (int lost = 0; lost < 2; lost++) {
        rk__window *window = make_window(3, RK__POLICY_DYNAMIC);
        rk__claimer claimers[3];
        uint64_t first, count, other, others;
        for (uint32_t i = 0; i < 3; i++)
            rk__claimer_join(&claimers[i], window, i, i);
        assert_true(rk__window_add_span(window, 10, 2));
        assert_true(rk__claimer_claim(&claimers[1], 0, &first, &count));
        assert_false(rk__claimer_mend(&claimers[1], &first, &count));
        atomic_fetch_sub(&claimers[1].line->intent, 1);
        if (lost) /* a later one: claimer 2 has the same blocks */
            rk__window_set_done(window, first, count);
        assert_true(rk__claimer_claim(&claimers[0], 0, &other, &others));
        assert_true(rk__claimer_mend(&claimers[1], &first, &count));
        assert_true(first == 10 && count == 1 && atomic_load(&claimers[1].line->intent) % 2 == 0);
        rk__claimer_doubt(&claimers[1]);
        assert_false(rk__claimer_is_certain(&claimers[1], first, count));
        rk__claimer_finish(&claimers[2]);
        rk__claimer_doubt(&claimers[0]);
        assert_false(rk__claimer_is_certain(&claimers[1], first, count)); /* the lowest goes first */
        assert_true(rk__claimer_is_certain(&claimers[0], other, others));
        rk__claimer_finish(&claimers[0]);
        assert_true(rk__claimer_is_certain(&claimers[1], first, count));
        assert_true(atomic_load(&claimers[1].line->lo) == 10 && atomic_load(&claimers[1].line->hi) == 11);
        assert_true(rk__window_is_done(window, first) == (lost != 0));
        free(window);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_held_once),     cmocka_unit_test(a_claim_is_visible_until_the_next),
        cmocka_unit_test(a_full_ring_takes_no_span),    cmocka_unit_test(done_bits_are_exact),
        cmocka_unit_test(a_claim_in_doubt_is_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
