#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dispatch/policy.h"

static const rk__policy shared_policies[] = {RK__POLICY_ADAPTIVE, RK__POLICY_DYNAMIC, RK__POLICY_GUIDED,
                                             RK__POLICY_FACTORING};

/* Claims walk from 0 to total without a gap, each at least 1. */
static void claims_cover_the_line(void **state) {
    (void)state;
    for (size_t p = 0; p < 4; p++)
        for (uint64_t total = 1; total < 3000; total += total < 40 ? 1 : 97)
            for (unsigned claimers = 1; claimers < 20; claimers += 3)
                for (uint64_t cursor = 0, claim; cursor < total; cursor += claim) {
                    claim = rk__policy_claim(shared_policies[p], total, cursor, claimers, 1000);
                    assert_in_range(claim, 1, total - cursor);
                }
}

static void shares_are_a_partition(void **state) {
    (void)state;
    for (uint64_t total = 0; total < 200; total++)
        for (unsigned claimers = 1; claimers < 12; claimers++) {
            uint64_t next = 0, first;
            for (unsigned c = 0; c < claimers; c++) {
                uint64_t count = rk__policy_share(total, claimers, c, &first);
                assert_int_equal(first, next);
                assert_in_range(count, total / claimers, total / claimers + 1);
                next += count;
            }
            assert_int_equal(next, total);
        }
}

static void sizes_are_those_of_the_papers(void **state) {
    (void)state;
    assert_int_equal(rk__policy_claim(RK__POLICY_DYNAMIC, 1000, 0, 4, 0), 1);
    assert_int_equal(rk__policy_claim(RK__POLICY_GUIDED, 1000, 0, 4, 0), 125);
    assert_int_equal(rk__policy_claim(RK__POLICY_GUIDED, 1000, 900, 4, 0), 12);
    for (uint64_t i = 0; i < 4; i++) /* FAC2: the first batch is four claims of an eighth, the second of a sixteenth */
        assert_int_equal(rk__policy_claim(RK__POLICY_FACTORING, 1024, 128 * i, 4, 0), 128);
    for (uint64_t i = 0; i < 4; i++)
        assert_int_equal(rk__policy_claim(RK__POLICY_FACTORING, 1024, 512 + 64 * i, 4, 0), 64);
}

static void adaptive_aims_at_its_time_and_stays_below_guided(void **state) {
    (void)state;
    assert_int_equal(rk__policy_claim(RK__POLICY_ADAPTIVE, 1 << 20, 0, 2, 0), 1);
    assert_int_equal(rk__policy_claim(RK__POLICY_ADAPTIVE, 1 << 20, 0, 2, 100000), RK__CLAIM_NS / 100000);
    assert_int_equal(rk__policy_claim(RK__POLICY_ADAPTIVE, 1 << 20, 0, 2, 10 * RK__CLAIM_NS), 1);
    assert_int_equal(rk__policy_claim(RK__POLICY_ADAPTIVE, 100, 0, 2, 1), 25);
}

static void names_go_both_ways(void **state) {
    (void)state;
    rk__policy policy;
    for (int p = RK__POLICY_ADAPTIVE; p <= RK__POLICY_FACTORING; p++) {
        assert_true(rk__policy_from_name(rk__policy_name((rk__policy)p), &policy));
        assert_int_equal(policy, p);
    }
    assert_false(rk__policy_from_name("greedy", &policy));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(claims_cover_the_line),
        cmocka_unit_test(shares_are_a_partition),
        cmocka_unit_test(sizes_are_those_of_the_papers),
        cmocka_unit_test(adaptive_aims_at_its_time_and_stays_below_guided),
        cmocka_unit_test(names_go_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
