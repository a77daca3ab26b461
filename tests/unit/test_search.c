/* What a dead claimer had is found, precisely: in its claim, in its stage, in a claim that it did not live to write
 * down; and nothing that the living have. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "check.h"
#include "dispatch/search.h"

enum { BLOCKS = 20000, CLAIMERS = 6, MORTALS = 4 };

static rk__window *make_window(uint64_t blocks, uint32_t claimers, rk__policy policy) {
    size_t bytes = (rk__window_bytes(blocks, claimers) + 127) & ~(size_t)127;
    rk__window *window = aligned_alloc(128, bytes);
    memset(window, 0, bytes);
    rk__window_init(window, blocks, claimers, policy, (const uint64_t[]){1, 2});
    return window;
}

static void join_all(rk__claimer *claimers, rk__window *window) {
    for (uint32_t i = 0; i < window->claimers; i++)
        rk__claimer_join(&claimers[i], window, i, 1);
}

static void settle(rk__claimer *claimer, uint64_t ns) {
    atomic_store(&claimer->line->settled_ns, ns);
}

/* A claim of one block. */
static uint64_t take(rk__claimer *claimer) {
    uint64_t first, count;
    assert_true(rk__claimer_claim(claimer, 0, &first, &count));
    assert_int_equal(count, 1);
    return first;
}

static void tick(rk__search *search, rk__window *window, uint64_t from_ns, uint64_t to_ns) {
    for (uint64_t now = from_ns; now <= to_ns; now++)
        rk__search_tick(search, window, now);
}

/* 0 dead: block 0 staged, block 1 held. 1 lives: block 2 staged, 3 held. Block 4 is nobody's. */
static void what_the_dead_had_is_open_once_the_living_have_settled(void **state) {
    (void)state;
    rk__window *window = make_window(5, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    join_all(c, window);
    rk__window_give(window, 0, 5, 1, false);
    for (uint64_t b = 0; b < 4; b++)
        assert_int_equal(take(&c[b / 2]), b);
    rk__window_bury(window, 0);
    tick(&search, window, 10, 20);
    assert_int_equal(rk__window_unclaimed(window), 1);
    settle(&c[1], 11);
    rk__window_set_done(window, 2, 1);
    assert_int_not_equal(atomic_load(&window->searched), atomic_load(&window->losses));
    tick(&search, window, 21, 21);
    assert_int_equal(atomic_load(&window->searched), atomic_load(&window->losses));
    assert_int_equal(rk__window_unclaimed(window), 3);
    assert_int_equal(take(&c[1]), 4);
    assert_int_equal(take(&c[1]), 0);
    assert_int_equal(take(&c[1]), 1);
    free(window);
}

/* A settled time of before the look says nothing. */
static void what_was_settled_before_does_not_count(void **state) {
    (void)state;
    rk__window *window = make_window(5, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    join_all(c, window);
    rk__window_give(window, 0, 5, 1, false);
    take(&c[1]);
    take(&c[1]); /* block 0 is staged */
    rk__window_bury(window, 0);
    settle(&c[1], 10);
    tick(&search, window, 10, 30);
    assert_int_equal(rk__window_unclaimed(window), 3);
    rk__window_set_done(window, 0, 1);
    settle(&c[1], 31);
    tick(&search, window, 31, 31);
    assert_int_equal(atomic_load(&window->searched), atomic_load(&window->losses));
    assert_int_equal(rk__window_unclaimed(window), 3);
    free(window);
}

static void a_line_that_is_about_to_claim_is_looked_at_again(void **state) {
    (void)state;
    rk__window *window = make_window(5, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    join_all(c, window);
    rk__window_give(window, 0, 5, 1, false);
    assert_int_equal(take(&c[0]), 0);
    assert_int_equal(take(&c[1]), 1);
    rk__window_bury(window, 0);
    settle(&c[1], UINT64_MAX);
    atomic_fetch_add(&c[1].line->intent, 1);
    tick(&search, window, 10, 20);
    assert_int_equal(rk__window_unclaimed(window), 3);
    atomic_fetch_add(&c[1].line->intent, 1);
    tick(&search, window, 21, 23);
    assert_int_equal(rk__window_unclaimed(window), 4);
    free(window);
}

/* The process dies behind the cursor's move, before it says so; or before it. */
static void a_claim_that_was_not_written_down_is_searched_for(void **state) {
    (void)state;
    for (int got = 0; got < 2; got++) {
        rk__window *window = make_window(3, 2, RK__POLICY_DYNAMIC);
        rk__claimer c[2];
        rk__search search = {0};
        join_all(c, window);
        rk__window_give(window, 0, 3, 1, false);
        take(&c[0]);
        atomic_fetch_sub(&c[0].line->intent, 1);
        if (!got)
            atomic_fetch_sub(&window->spans[0].cursor, 1);
        rk__claimer_mend(&c[0]);
        assert_true(atomic_load(&c[0].line->intent) % 2 == 0);
        assert_int_equal(atomic_load(&c[0].line->lo), atomic_load(&c[0].line->hi));
        settle(&c[0], UINT64_MAX);
        settle(&c[1], UINT64_MAX);
        tick(&search, window, 10, 12);
        assert_int_equal(rk__window_unclaimed(window), 3);
        for (uint64_t b = 0; b < 3; b++)
            take(&c[1]);
        free(window);
    }
}

static void an_unfinished_search_holds_up_the_end(void **state) {
    (void)state;
    rk__window *window = make_window(2, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    uint64_t first, count;
    join_all(c, window);
    rk__window_give(window, 0, 2, 1, false);
    take(&c[0]);
    rk__window_set_done(window, take(&c[1]), 1);
    assert_false(rk__claimer_claim(&c[1], 0, &first, &count));
    rk__claimer_rest(&c[1]);
    assert_false(rk__window_is_finished(window));
    rk__window_bury(window, 0);
    assert_false(rk__window_is_finished(window));
    tick(&search, window, 10, 12);
    assert_false(rk__window_is_finished(window));
    assert_true(rk__claimer_has_news(&c[1]));
    assert_int_equal(take(&c[1]), 0);
    assert_false(rk__window_is_finished(window));
    rk__window_set_done(window, 0, 1);
    rk__claimer_rest(&c[1]);
    assert_true(rk__window_is_finished(window));
    rk__window_counts counts = rk__window_count(window);
    assert_true(counts.finished == 2 && counts.dead == 1);
    free(window);
}

/* static: the share of one that was dead before, of one that dies with it, of one that never comes. */
/* The second dies after it was looked at. */
static void deaths_during_a_search_are_searched_for_too(void **state) {
    (void)state;
    rk__window *window = make_window(6, 3, RK__POLICY_DYNAMIC);
    rk__claimer c[3];
    rk__search search = {0};
    join_all(c, window);
    rk__window_give(window, 0, 6, 1, false);
    for (uint64_t b = 0; b < 6; b++)
        assert_int_equal(take(&c[b / 2]), b);
    rk__window_bury(window, 0);
    tick(&search, window, 10, 12);
    rk__window_bury(window, 1);
    settle(&c[2], 20);
    rk__window_set_done(window, 4, 1);
    tick(&search, window, 20, 20);
    assert_int_equal(rk__window_unclaimed(window), 3); /* also what the second had staged */
    tick(&search, window, 21, 22);
    settle(&c[2], 30);
    tick(&search, window, 30, 31);
    assert_int_equal(rk__window_unclaimed(window), 4);
    free(window);
}

/* Blocks that wait for a slot when the lines are looked at, and are claimed before the search ends. */
static void what_waits_for_a_slot_is_not_lost(void **state) {
    (void)state;
    enum { ALL = RK__WINDOW_SPANS + 3 };
    rk__window *window = make_window(3 * ALL, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    join_all(c, window);
    for (uint64_t i = 0; i < ALL; i++)
        rk__window_give(window, 3 * i, 1, i + 1, false);
    rk__window_bury(window, 0);
    tick(&search, window, 10, 12);
    for (uint64_t i = 0; i < ALL; i++) {
        assert_int_equal(take(&c[1]), 3 * i);
        rk__window_feed(window);
    }
    settle(&c[1], 20);
    tick(&search, window, 20, 20);
    assert_int_equal(atomic_load(&window->searched), 1);
    assert_int_equal(rk__window_unclaimed(window), 0);
    free(window);
}

/* For want of time, say. */
static void nobody_waits_for_what_nobody_takes(void **state) {
    (void)state;
    rk__window *window = make_window(6, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    join_all(c, window);
    rk__window_give(window, 0, 6, 1, false);
    rk__claimer_finish(&c[0]);
    rk__window_bury(window, 1);
    assert_true(rk__window_is_finished(window));
    assert_false(rk__window_wants(window));
    free(window);
}

/* Open blocks with done ones between them make one span; whoever dies there leaves a count that is not right. */
static void gaps_that_are_done_do_not_cost_slots(void **state) {
    (void)state;
    rk__window *window = make_window(6, 2, RK__POLICY_DYNAMIC);
    rk__claimer c[2];
    rk__search search = {0};
    join_all(c, window);
    rk__window_give(window, 0, 6, 1, false);
    for (int i = 0; i < 6; i++)
        take(&c[0]);
    rk__window_bury(window, 0);
    rk__window_set_done(window, 1, 2);
    rk__window_set_done(window, 5, 1);
    settle(&c[1], UINT64_MAX);
    tick(&search, window, 10, 12);
    assert_int_equal(atomic_load(&window->published), 2);
    assert_int_equal(rk__window_unclaimed(window), 5);
    assert_int_equal(atomic_load(&window->open), 0);
    atomic_store(&window->open, 2);
    rk__window_inherit(window);
    assert_int_equal(atomic_load(&window->open), 0);
    free(window);
}

static void what_was_somebody_elses_is_not_dealt_out(void **state) {
    (void)state;
    rk__window *window = make_window(10, 2, RK__POLICY_STATIC);
    rk__claimer c[2];
    join_all(c, window);
    rk__window_give(window, 0, 10, 1, true);
    for (uint64_t b = 0; b < 10; b++)
        assert_int_equal(take(&c[b % 2]), b);
    free(window);
}

static void shares_of_the_dead_are_claimed_one_by_one(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        rk__window *window = make_window(40, 4, RK__POLICY_STATIC);
        rk__claimer c[4];
        rk__search search = {0};
        uint64_t first, count;
        join_all(c, window);
        if (how == 0)
            rk__window_bury(window, 1);
        rk__window_give(window, 0, 40, 1, false);
        if (how == 1)
            assert_true(rk__claimer_claim(&c[1], 0, &first, &count) && first == 10 && count == 10);
        if (how == 1)
            rk__window_bury(window, 1);
        if (how == 2)
            rk__claimer_finish(&c[1]);
        for (uint32_t i = 0; i < 4; i++)
            settle(&c[i], UINT64_MAX);
        assert_true(rk__claimer_claim(&c[0], 0, &first, &count) && first == 0 && count == 10);
        tick(&search, window, 10, 13);
        assert_int_equal(rk__window_unclaimed(window), 30);
        for (uint64_t b = 10; b < 20; b++)
            assert_int_equal(take(&c[0]), b);
        assert_true(rk__claimer_claim(&c[3], 0, &first, &count) && first == 30 && count == 10);
        assert_int_equal(rk__window_unclaimed(window), 10);
        free(window);
    }
}

/* It dies between any two steps of giving: what rank 0 gives again completes it, once. */
static void another_agent_goes_on(void **state) {
    (void)state;
    for (int died = 0; died < 3; died++) {
        rk__window *window = make_window(100, 2, RK__POLICY_DYNAMIC);
        rk__claimer c[2];
        rk__search search = {0};
        join_all(c, window);
        rk__window_give(window, 0, 10, 1, false);
        rk__window_give(window, 10, 10, 2, false);
        if (died <= 1) /* before it noted that the span came; before it was published */
            atomic_store(&window->taken, 1);
        if (died == 1)
            atomic_fetch_sub(&window->published, 1);
        rk__window_inherit(window);
        assert_int_equal(atomic_load(&window->term), 1);
        rk__window_give(window, 10, 10, 2, false);
        rk__window_bury(window, 0);
        settle(&c[1], UINT64_MAX);
        tick(&search, window, 10, 13);
        assert_int_equal(rk__window_unclaimed(window), 20);
        for (uint64_t b = 0; b < 20; b++)
            assert_int_equal(take(&c[1]), b);
        assert_int_equal(atomic_load(&window->taken), 2);
        free(window);
    }
}

static void the_dead_write_no_more(void **state) {
    (void)state;
    rk__window *window = make_window(10, 2, RK__POLICY_DYNAMIC);
    atomic_store(&rk__window_line(window, 0)->flushing, 1);
    assert_false(rk__window_is_quiet(window, rk__window_next_epoch(window)));
    rk__window_bury(window, 0);
    assert_true(rk__window_is_quiet(window, 0));
    free(window);
}

/* ---- with threads ---- */

typedef struct shared {
    rk__window *window;
    _Atomic uint32_t *owner;                     /* of a block: 1 + the claimer that began it last */
    _Atomic bool gone[CLAIMERS], dead[CLAIMERS]; /* has returned early; is known to have */
    _Atomic uint64_t clock;
} shared;

typedef struct worker {
    shared *all;
    uint32_t number;
    uint64_t lives; /* blocks */
    pthread_t thread;
} worker;

/* Computes a block: only after somebody who is dead. */
static void compute(worker *w, uint64_t block) {
    uint32_t before = atomic_exchange(&w->all->owner[block], w->number + 1);
    CHECK(before == 0 || atomic_load(&w->all->dead[before - 1]));
}

static void flush(worker *w, uint64_t *staged, uint64_t *count) {
    uint64_t now = atomic_load(&w->all->clock);
    while (*count > 0)
        rk__window_set_done(w->all->window, staged[--*count], 1);
    atomic_store_explicit(&rk__window_line(w->all->window, w->number)->settled_ns, now, memory_order_release);
}

static void *live(void *ctx) {
    enum { STAGE = 7 };
    worker *w = ctx;
    rk__window *window = w->all->window;
    rk__claimer claimer;
    uint64_t staged[STAGE], count = 0, first, claimed;
    rk__claimer_join(&claimer, window, w->number, 1);
    while (atomic_load(&window->phase) != RK__PHASE_END) {
        if (!rk__claimer_claim(&claimer, 1000, &first, &claimed)) {
            flush(w, staged, &count);
            rk__claimer_rest(&claimer);
            while (!rk__claimer_has_news(&claimer) && atomic_load(&window->phase) != RK__PHASE_END)
                sched_yield();
            continue;
        }
        for (uint64_t b = first; b < first + claimed; b++) {
            if (rk__window_is_done(window, b))
                continue;
            if (w->lives-- == 0) {
                atomic_store(&w->all->gone[w->number], true);
                return NULL;
            }
            compute(w, b);
            if (count == STAGE)
                flush(w, staged, &count);
            staged[count++] = b;
        }
    }
    rk__claimer_finish(&claimer);
    return NULL;
}

/* The agent: buries whoever has returned early, and gives the last blocks late. */
static void conduct(shared *all, worker *workers) {
    rk__search search = {0};
    bool buried[CLAIMERS] = {false};
    for (uint64_t given = 0; !rk__window_is_finished(all->window) || given < BLOCKS;) {
        uint64_t now = atomic_fetch_add(&all->clock, 1) + 1;
        if (given < BLOCKS && rk__window_unclaimed(all->window) < 1000) {
            rk__window_give(all->window, given, 500, given / 500 + 1, false);
            given += 500;
        }
        for (uint32_t i = 0; i < MORTALS; i++)
            if (!buried[i] && now > 50 * i && atomic_load(&all->gone[i])) {
                buried[i] = pthread_join(workers[i].thread, NULL) == 0;
                atomic_store(&all->dead[i], true);
                rk__window_bury(all->window, i);
            }
        rk__search_tick(&search, all->window, now);
        sched_yield();
    }
    atomic_store(&all->window->phase, RK__PHASE_END);
    for (uint32_t i = 0; i < CLAIMERS; i++)
        CHECK(buried[i] || pthread_join(workers[i].thread, NULL) == 0);
}

static void threads_that_die_lose_nothing(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        int policy = round % (RK__POLICY_FACTORING + 1);
        shared all = {.window = make_window(BLOCKS, CLAIMERS, (rk__policy)policy)};
        all.owner = calloc(BLOCKS, sizeof *all.owner);
        worker workers[CLAIMERS];
        for (uint32_t i = 0; i < CLAIMERS; i++) {
            workers[i] = (worker){.all = &all, .number = i, .lives = i < MORTALS ? 40 * i : UINT64_MAX};
            assert_int_equal(pthread_create(&workers[i].thread, NULL, live, &workers[i]), 0);
        }
        conduct(&all, workers);
        for (uint64_t b = 0; b < BLOCKS; b++)
            assert_true(rk__window_is_done(all.window, b));
        free((void *)(uintptr_t)all.owner);
        free(all.window);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_dead_had_is_open_once_the_living_have_settled),
        cmocka_unit_test(what_was_settled_before_does_not_count),
        cmocka_unit_test(a_line_that_is_about_to_claim_is_looked_at_again),
        cmocka_unit_test(a_claim_that_was_not_written_down_is_searched_for),
        cmocka_unit_test(an_unfinished_search_holds_up_the_end),
        cmocka_unit_test(deaths_during_a_search_are_searched_for_too),
        cmocka_unit_test(what_waits_for_a_slot_is_not_lost),
        cmocka_unit_test(nobody_waits_for_what_nobody_takes),
        cmocka_unit_test(gaps_that_are_done_do_not_cost_slots),
        cmocka_unit_test(what_was_somebody_elses_is_not_dealt_out),
        cmocka_unit_test(shares_of_the_dead_are_claimed_one_by_one),
        cmocka_unit_test(another_agent_goes_on),
        cmocka_unit_test(the_dead_write_no_more),
        cmocka_unit_test(threads_that_die_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
