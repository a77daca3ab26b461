/* Runs with deaths, in a simulator: what survives them, and what second hands cost and gain. A failure names its seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "survival_fixture.h"

static void survive(uint32_t nodes, uint64_t seeds) {
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t twice, random = seed * 77777;
        plan p = {.seed = seed,
                  .blocks = 1 + (random >> 3) % (30 * nodes),
                  .nodes = nodes,
                  .claimers = 1 + (uint32_t)(random % 4),
                  .policy = (rk__policy)(seed % 5),
                  .repeatable = seed / 5 % 2 != 0,
                  .events = (unsigned)(random / 7 % 8),
                  .spread = seed % 3 == 0 ? 0 : 0.5};
        run(&p, &twice);
    }
}

static void few_nodes_survive_deaths(void **state) {
    (void)state;
    survive(4, 4000);
}

static void many_nodes_survive_deaths(void **state) {
    (void)state;
    survive(64, 100);
}

static void a_thousand_nodes_survive_deaths(void **state) {
    (void)state;
    survive(1000, 6);
}

/* ---- what it costs where nobody dies ---- */

static plan long_run(uint32_t nodes, int policy) {
    return (plan){.seed = 5,
                  .blocks = 2000 * nodes,
                  .nodes = nodes,
                  .claimers = 4,
                  .policy = (rk__policy)policy,
                  .repeatable = true,
                  .spread = 0.9};
}

static void healthy_runs_compute_nothing_twice(void **state) {
    (void)state;
    for (int policy = RK__POLICY_ADAPTIVE; policy <= RK__POLICY_FACTORING; policy++)
        for (uint32_t nodes = 2; nodes <= 32; nodes *= 4) {
            uint64_t twice;
            plan p = long_run(nodes, policy), brief = p;
            brief.blocks = 20 * nodes;
            run(&p, &twice);
            assert_in_range(twice, 0, p.blocks / 1000);
            run(&brief, &twice);
            assert_int_equal(twice, 0);
        }
}

/* Without second hands the others would wait for its share, ten times as long. */
static void a_slow_node_does_not_hold_up_the_end(void **state) {
    (void)state;
    for (int policy = RK__POLICY_ADAPTIVE; policy <= RK__POLICY_FACTORING; policy++) {
        uint64_t twice;
        plan p = long_run(8, policy);
        uint64_t healthy_ms = run(&p, &twice);
        p.slow_node = 10;
        uint64_t slow_ms = run(&p, &twice);
        assert_in_range(slow_ms, healthy_ms, healthy_ms * 3 / 2);
        assert_in_range(twice, 0, p.blocks / 100);
        p.repeatable = false;
        uint64_t alone_ms = run(&p, &twice);
        assert_int_equal(twice, 0);
        assert_true(policy != RK__POLICY_STATIC || alone_ms > 4 * slow_ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_nodes_survive_deaths),
        cmocka_unit_test(many_nodes_survive_deaths),
        cmocka_unit_test(a_thousand_nodes_survive_deaths),
        cmocka_unit_test(healthy_runs_compute_nothing_twice),
        cmocka_unit_test(a_slow_node_does_not_hold_up_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
