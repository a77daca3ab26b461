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

/* The agent adds spans while claimers take from them, so that slots are used again and again. A claimer that gets no
 * time keeps all slots from being used up: what is open then is fed when it has taken its shares. */
static void feed(rk__window *window) {
    for (uint64_t first = 0; first < BLOCKS || atomic_load(&window->open) > 0;) {
        uint64_t count = BLOCKS - first < SPAN ? BLOCKS - first : SPAN;
        if (count > 0 && rk__window_unclaimed(window) < 10 * SPAN) {
            rk__window_give(window, first, count, 0, false);
            first += count;
        }
        rk__window_feed(window);
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
    rk__window_give(window, 10, 2, 0, false);
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

static void what_finds_no_slot_waits_in_the_window(void **state) {
    (void)state;
    rk__window *window = make_window(1, RK__POLICY_DYNAMIC);
    for (uint64_t i = 0; i <= RK__WINDOW_SPANS; i++)
        rk__window_give(window, 10 * i, 1, i + 1, false);
    assert_int_equal(atomic_load(&window->open), 1);
    assert_int_equal(atomic_load(&window->taken), RK__WINDOW_SPANS + 1);
    assert_int_equal(rk__window_unclaimed(window), RK__WINDOW_SPANS + 1);
    rk__claimer a;
    uint64_t first, count;
    rk__claimer_join(&a, window, 0, 7);
    for (uint64_t i = 0; i <= RK__WINDOW_SPANS; i++) {
        assert_true(rk__claimer_claim(&a, 0, &first, &count));
        assert_true(first == 10 * i && count == 1);
        rk__window_feed(window);
    }
    assert_false(rk__claimer_claim(&a, 0, &first, &count));
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_block_is_held_once),
        cmocka_unit_test(a_claim_is_visible_until_the_next),
        cmocka_unit_test(what_finds_no_slot_waits_in_the_window),
        cmocka_unit_test(done_bits_are_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
