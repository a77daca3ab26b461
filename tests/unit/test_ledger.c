/* Nodes that ask in any order: every block is given once, and the end is told to all, rank 0's own node last. */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_given_once),
        cmocka_unit_test(static_gives_each_node_its_share_once),
        cmocka_unit_test(rank_0_is_told_the_end_last),
        cmocka_unit_test(a_drain_reaches_every_node_and_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
