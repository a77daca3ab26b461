/* Nodes that ask in any order: every block is given once, the end is told to all, rank 0's own node last; and what lost
 * and late nodes had is given to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dispatch/ledger.h"

enum { NODES = 5 };

static uint64_t next(uint64_t *state) {
    *state = *state * UINT64_C(6364136223846793005) + 1;
    return *state >> 33;
}

static void ask(rk__ledger *ledger, uint32_t node, bool wants, bool finished, bool drain, rk__span_answer *answer) {
    rk__ask question = {.node = node, .wants = wants, .finished = finished, .drain = drain};
    question.taken = ledger->nodes[node].last.number;
    rk__ledger_answer(ledger, &question, 1, answer);
}

static void blocks_are_given_once(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int policy = RK__POLICY_ADAPTIVE; policy <= RK__POLICY_FACTORING; policy++)
        for (uint64_t blocks = 1; blocks < 4000; blocks = blocks * 3 + 1) {
            rk__ledger_node nodes[NODES] = {{.claimers = 0}};
            rk__ledger ledger;
            rk__span_answer answer;
            uint64_t given = 0;
            for (uint32_t i = 0; i < NODES; i++)
                nodes[i].claimers = 1 + (uint32_t)(next(&seed) % 7);
            rk__ledger_init(&ledger, blocks, (rk__policy)policy, nodes, NODES);
            do {
                ask(&ledger, (uint32_t)(next(&seed) % NODES), true, false, false, &answer);
                assert_true(answer.count == 0 || answer.first == given);
                given += answer.count;
            } while (answer.phase == RK__PHASE_RUN);
            assert_int_equal(given, blocks);
        }
}

/* A node that asks again before others have asked at all must not take theirs. */
static void static_gives_each_node_its_share_once(void **state) {
    (void)state;
    rk__ledger_node nodes[3] = {{.claimers = 2}, {.claimers = 1}, {.claimers = 3}};
    const uint64_t shares[3] = {20, 10, 30};
    rk__ledger ledger;
    rk__span_answer answer;
    rk__ledger_init(&ledger, 60, RK__POLICY_STATIC, nodes, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ask(&ledger, i, true, false, false, &answer);
        assert_int_equal(answer.count, shares[i]);
        ask(&ledger, i, true, false, false, &answer);
        assert_int_equal(answer.count, 0);
        assert_int_equal(answer.phase, i < 2 ? RK__PHASE_RUN : RK__PHASE_LAST);
    }
}

static void rank_0_is_told_the_end_last(void **state) {
    (void)state;
    rk__ledger_node nodes[NODES] = {
        {.claimers = 1}, {.claimers = 1}, {.claimers = 1}, {.claimers = 1}, {.claimers = 1}};
    rk__ledger ledger;
    rk__span_answer answer;
    rk__ledger_init(&ledger, 0, RK__POLICY_ADAPTIVE, nodes, NODES);
    for (uint32_t i = 0; i < NODES - 1; i++) {
        ask(&ledger, i, false, true, false, &answer);
        assert_int_equal(answer.phase, RK__PHASE_LAST);
    }
    ask(&ledger, NODES - 1, false, true, false, &answer);
    assert_int_equal(answer.phase, RK__PHASE_END);
    ask(&ledger, 0, false, true, false, &answer);
    assert_int_equal(answer.phase, RK__PHASE_LAST);
    for (uint32_t i = 1; i < NODES - 1; i++)
        ask(&ledger, i, false, true, false, &answer);
    ask(&ledger, 0, false, true, false, &answer);
    assert_int_equal(answer.phase, RK__PHASE_END);
}

static void a_drain_reaches_every_node_and_gives_nothing(void **state) {
    (void)state;
    rk__ledger_node nodes[2] = {{.claimers = 1}, {.claimers = 1}};
    rk__ledger ledger;
    rk__span_answer answer;
    rk__ledger_init(&ledger, 100, RK__POLICY_ADAPTIVE, nodes, 2);
    ask(&ledger, 1, false, false, true, &answer);
    ask(&ledger, 0, true, false, false, &answer);
    assert_int_equal(answer.count, 0);
    assert_true(answer.drain);
    assert_int_equal(answer.phase, RK__PHASE_LAST);
}

/* ---- with losses ---- */

enum { BLOCKS = 100 };

typedef struct run {
    rk__ledger_node nodes[3];
    rk__ledger ledger;
    rk__block_fate file[BLOCKS];
    uint64_t memory[BLOCKS + 6];
    uint64_t now_ns;
} run;

static rk__block_fate look(void *ctx, uint64_t block) {
    return ((run *)ctx)->file[block];
}

static void begin(run *r, rk__policy policy, bool repeatable) {
    *r = (run){.now_ns = 1};
    for (int i = 0; i < 3; i++)
        r->nodes[i].claimers = 2;
    assert_true(rk__ledger_bytes(BLOCKS) <= sizeof r->memory);
    rk__ledger_init(&r->ledger, BLOCKS, policy, r->nodes, 3);
    rk__ledger_guard(&r->ledger, r->memory, repeatable, look, r);
}

/* A node that works, and wants more; or has finished, and wants more. */
static rk__span_answer ask_of(run *r, uint32_t node, bool finished) {
    rk__span_answer answer;
    rk__ask question = {.node = node,
                        .wants = 1,
                        .finished = finished,
                        .taken = r->nodes[node].last.number,
                        .counts = {.working = finished ? 0 : 2, .blocks = 10, .kernel_ns = 1000}};
    rk__ledger_answer(&r->ledger, &question, r->now_ns, &answer);
    return answer;
}

static void wait_ns(run *r, uint64_t ns) {
    for (int i = 0; i < 10; i++) {
        r->now_ns += ns / 10;
        rk__ledger_tick(&r->ledger, r->now_ns);
    }
}

/* Nodes take turns until everything is given out. Returns what node 1 has. */
static uint64_t deal(run *r, uint32_t nodes, bool *ones) {
    uint64_t sum = 0;
    for (uint32_t i = 0; r->ledger.cursor < BLOCKS; i++) {
        rk__span_answer answer = ask_of(r, i % nodes, false);
        for (uint64_t b = answer.first; i % nodes == 1 && b < answer.first + answer.count; b++) {
            ones[b] = true;
            sum++;
        }
    }
    return sum;
}

static void blocks_of_a_lost_node_are_given_again_unless_they_are_safe(void **state) {
    (void)state;
    for (int policy = RK__POLICY_ADAPTIVE; policy <= RK__POLICY_FACTORING; policy++) {
        run r;
        bool ones[BLOCKS] = {false};
        begin(&r, (rk__policy)policy, false);
        uint64_t had = deal(&r, 3, ones), first = 0, again = 0;
        while (!ones[first])
            first++;
        r.file[first] = RK__BLOCK_SAFE;
        r.file[first + 1] = RK__BLOCK_COMMITTED;
        rk__ledger_lose(&r.ledger, 1, true);
        ask_of(&r, 0, true);
        ask_of(&r, 2, true);
        assert_false(rk__ledger_finished(&r.ledger)); /* before anybody has looked */
        wait_ns(&r, 1000);
        for (rk__span_answer answer; (answer = ask_of(&r, 2 * (uint32_t)(again % 2), true)).count > 0;)
            for (uint64_t b = answer.first; b < answer.first + answer.count; b++, again++) {
                assert_true(ones[b] && b != first && answer.again);
                ones[b] = false;
            }
        assert_int_equal(again, had - 1);
        assert_int_equal(rk__ledger_left(&r.ledger), 0);
        rk__span_answer told = ask_of(&r, 1, false);
        assert_true(told.phase == RK__PHASE_END && told.drain && told.count == 0);
        assert_int_equal(ask_of(&r, 0, true).phase, RK__PHASE_LAST);
        assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_END);
        assert_int_equal(ask_of(&r, 0, true).phase, RK__PHASE_END);
    }
}

static void a_node_without_claimers_is_lost(void **state) {
    (void)state;
    run r;
    bool ones[BLOCKS] = {false};
    rk__span_answer answer;
    begin(&r, RK__POLICY_ADAPTIVE, false);
    uint64_t had = deal(&r, 3, ones);
    rk__ask question = {
        .node = 1, .finished = 1, .taken = r.nodes[1].last.number, .counts = {.finished = 2, .dead = 2}};
    rk__ledger_answer(&r.ledger, &question, r.now_ns, &answer);
    assert_true(answer.phase == RK__PHASE_END && answer.drain);
    wait_ns(&r, 1000);
    assert_int_equal(r.ledger.open_count, had);
}

static void what_must_not_be_repeated_is_left_until_the_node_is_known_to_be_dead(void **state) {
    (void)state;
    for (int late = 0; late < 2; late++) {
        run r;
        bool ones[BLOCKS] = {false};
        begin(&r, RK__POLICY_DYNAMIC, false);
        uint64_t had = deal(&r, 3, ones);
        rk__ledger_lose(&r.ledger, 1, false);
        wait_ns(&r, 1000);
        assert_int_equal(rk__ledger_left(&r.ledger), had);
        assert_int_equal(ask_of(&r, 0, false).count, 0);
        if (late) {
            rk__ledger_lose(&r.ledger, 1, true);
            wait_ns(&r, 1000);
            assert_int_equal(rk__ledger_left(&r.ledger), 0);
            assert_true(ask_of(&r, 0, false).count > 0);
        } else {
            ask_of(&r, 0, true);
            assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_END);
        }
    }
}

/* It is lost after it has finished, before it was told: what it had not synchronised is missing. */
static void a_node_that_is_lost_at_the_end_is_made_up_for(void **state) {
    (void)state;
    run r;
    bool ones[BLOCKS] = {false};
    begin(&r, RK__POLICY_DYNAMIC, false);
    uint64_t had = deal(&r, 3, ones), again = 0;
    for (uint32_t i = 0; i < 3; i++)
        ask_of(&r, (i + 1) % 3, true);
    assert_true(rk__ledger_finished(&r.ledger));
    assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_END);
    rk__ledger_lose(&r.ledger, 1, true);
    wait_ns(&r, 1000);
    assert_false(rk__ledger_finished(&r.ledger));
    for (rk__span_answer answer; (answer = ask_of(&r, 0, true)).count > 0;)
        again += answer.count;
    assert_int_equal(again, had);
    assert_int_equal(ask_of(&r, 0, true).phase, RK__PHASE_END);
}

static void an_answer_that_was_lost_with_an_agent_is_given_again(void **state) {
    (void)state;
    run r;
    begin(&r, RK__POLICY_DYNAMIC, false);
    rk__span_answer first = ask_of(&r, 1, false), answer;
    rk__ask question = {.node = 1, .term = 1, .finished = 1, .taken = first.number - 1};
    rk__ledger_answer(&r.ledger, &question, 2, &answer);
    assert_true(answer.first == first.first && answer.count == first.count && answer.number == first.number);
    assert_false(r.nodes[1].finished);
    question = (rk__ask){.node = 1, .term = 0, .wants = 1, .finished = 1, .taken = first.number};
    rk__ledger_answer(&r.ledger, &question, 3, &answer);
    assert_true(answer.count == 0 && answer.phase == RK__PHASE_RUN && !r.nodes[1].finished);
    question.term = 1;
    rk__ledger_answer(&r.ledger, &question, 4, &answer);
    assert_int_equal(answer.number, first.number + 1);
}

static void the_share_of_a_node_that_never_asked_is_given_to_others(void **state) {
    (void)state;
    run r;
    begin(&r, RK__POLICY_STATIC, false);
    uint64_t sum = ask_of(&r, 0, false).count + ask_of(&r, 2, false).count;
    assert_true(sum < BLOCKS && ask_of(&r, 0, false).count == 0);
    rk__ledger_lose(&r.ledger, 1, true);
    wait_ns(&r, 1000);
    for (rk__span_answer answer; (answer = ask_of(&r, 2, false)).count > 0;) {
        assert_true(answer.again);
        sum += answer.count;
    }
    assert_int_equal(sum, BLOCKS);
}

/* Node 1 hangs. What it has not committed goes to one other, and the end does not wait for it. */
static void idle_nodes_are_given_what_a_late_one_has(void **state) {
    (void)state;
    run r;
    bool ones[BLOCKS] = {false};
    begin(&r, RK__POLICY_DYNAMIC, true);
    uint64_t had = deal(&r, 3, ones), again = 0, first = 0;
    while (!ones[first])
        first++;
    r.file[first] = RK__BLOCK_COMMITTED;
    ask_of(&r, 0, true);
    ask_of(&r, 2, true);
    wait_ns(&r, 500000000);
    assert_int_equal(ask_of(&r, 0, true).count, 0);
    wait_ns(&r, 2000000000);
    rk__ask question = {.node = 1, .wants = 1, .taken = r.nodes[1].last.number, .counts = {.working = 1}};
    rk__span_answer own;
    rk__ledger_answer(&r.ledger, &question, r.now_ns, &own);
    assert_int_equal(own.count, 0); /* it has these itself */
    wait_ns(&r, 200000000);
    r.file[first + 1] = RK__BLOCK_COMMITTED; /* since the last walk */
    for (rk__span_answer answer; (answer = ask_of(&r, 2 * (uint32_t)(again % 2), true)).count > 0;)
        for (uint64_t b = answer.first; b < answer.first + answer.count; b++, again++) {
            assert_true(ones[b] && b > first + 1 && answer.again);
            ones[b] = false;
        }
    assert_int_equal(again, had - 2);
    ask_of(&r, 0, true);
    assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_LAST); /* two blocks are committed, and not safe */
    r.file[first] = r.file[first + 1] = RK__BLOCK_SAFE;
    wait_ns(&r, 1000000000);
    assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_END);
    rk__span_answer told = ask_of(&r, 1, false);
    assert_true(told.phase == RK__PHASE_END && told.drain);
}

/* Blocks take 100 ns on average in these tests; here a minute. */
static void blocks_that_take_long_are_not_late_so_soon(void **state) {
    (void)state;
    const uint64_t second_ns = 1000000000;
    run r;
    bool ones[BLOCKS] = {false};
    rk__span_answer answer;
    begin(&r, RK__POLICY_DYNAMIC, true);
    deal(&r, 3, ones);
    rk__ask question = {.node = 0, .wants = 1, .finished = 1, .counts = {.blocks = 10, .kernel_ns = 1800 * second_ns}};
    for (int i = 0; i < 2; i++) {
        question.taken = r.nodes[0].last.number;
        rk__ledger_answer(&r.ledger, &question, r.now_ns, &answer);
        assert_int_equal(answer.count > 0, i);
        wait_ns(&r, 200 * second_ns);
        rk__ledger_answer(&r.ledger, &question, r.now_ns, &answer);
        assert_int_equal(answer.count > 0, i);
        wait_ns(&r, 200 * second_ns);
    }
}

/* Node 1 is late, node 2 helps it; node 1 is lost, and node 2 is late: node 0 helps. */
static void a_second_hand_takes_the_place_of_a_lost_first(void **state) {
    (void)state;
    run r;
    bool ones[BLOCKS] = {false};
    begin(&r, RK__POLICY_DYNAMIC, true);
    uint64_t had = deal(&r, 3, ones), helped = 0;
    ask_of(&r, 0, true);
    ask_of(&r, 2, true);
    wait_ns(&r, 2000000000);
    for (rk__span_answer answer; (answer = ask_of(&r, 2, true)).count > 0;)
        helped += answer.count;
    assert_int_equal(helped, had);
    ask_of(&r, 2, false);
    rk__ledger_lose(&r.ledger, 1, true);
    wait_ns(&r, 2000000000);
    assert_int_equal(r.ledger.open_count, 0);
    wait_ns(&r, 2000000000);
    for (rk__span_answer answer; (answer = ask_of(&r, 0, true)).count > 0;)
        for (uint64_t b = answer.first; b < answer.first + answer.count; b++)
            helped += ones[b];
    assert_int_equal(helped, 2 * had);
}

/* What node 1 had is open, and nobody who could take it is left. */
static void nobody_waits_for_nodes_that_were_told(void **state) {
    (void)state;
    run r;
    bool ones[BLOCKS] = {false};
    rk__span_answer answer;
    rk__ask out_of_time = {.node = 0, .finished = 1};
    begin(&r, RK__POLICY_DYNAMIC, false);
    deal(&r, 3, ones);
    out_of_time.taken = r.nodes[0].last.number;
    ask_of(&r, 1, true);
    rk__ledger_answer(&r.ledger, &out_of_time, r.now_ns, &answer);
    assert_int_equal(ask_of(&r, 2, true).phase, RK__PHASE_END);
    rk__ledger_lose(&r.ledger, 1, true);
    wait_ns(&r, 1000);
    assert_true(r.ledger.open_count > 0);
    rk__ledger_answer(&r.ledger, &out_of_time, r.now_ns, &answer);
    assert_int_equal(answer.phase, RK__PHASE_END);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_given_once),
        cmocka_unit_test(static_gives_each_node_its_share_once),
        cmocka_unit_test(rank_0_is_told_the_end_last),
        cmocka_unit_test(a_drain_reaches_every_node_and_gives_nothing),
        cmocka_unit_test(blocks_of_a_lost_node_are_given_again_unless_they_are_safe),
        cmocka_unit_test(a_node_without_claimers_is_lost),
        cmocka_unit_test(what_must_not_be_repeated_is_left_until_the_node_is_known_to_be_dead),
        cmocka_unit_test(a_node_that_is_lost_at_the_end_is_made_up_for),
        cmocka_unit_test(an_answer_that_was_lost_with_an_agent_is_given_again),
        cmocka_unit_test(the_share_of_a_node_that_never_asked_is_given_to_others),
        cmocka_unit_test(blocks_that_take_long_are_not_late_so_soon),
        cmocka_unit_test(a_second_hand_takes_the_place_of_a_lost_first),
        cmocka_unit_test(nobody_waits_for_nodes_that_were_told),
        cmocka_unit_test(idle_nodes_are_given_what_a_late_one_has),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
