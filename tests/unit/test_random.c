/* Philox4x64-10 against the known answers that come with Random123 (kat_vectors). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "kernel/loader.h"

static void check(const uint64_t counter[4], const uint64_t key[2], const uint64_t want[4]) {
    uint64_t got[4];
    rk__philox(key, counter, got);
    assert_memory_equal(got, want, sizeof got);
}

static void known_answers(void **state) {
    (void)state;
    check((const uint64_t[4]){0}, (const uint64_t[2]){0},
          (const uint64_t[4]){UINT64_C(0x16554d9eca36314c), UINT64_C(0xdb20fe9d672d0fdc), UINT64_C(0xd7e772cee186176b),
                              UINT64_C(0x7e68b68aec7ba23b)});
    const uint64_t ones[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    check(ones, ones,
          (const uint64_t[4]){UINT64_C(0x87b092c3013fe90b), UINT64_C(0x438c3c67be8d0224), UINT64_C(0x9cc7d7c69cd777b6),
                              UINT64_C(0xa09caebf594f0ba0)});
}

static const rk_task_api api = {.size = sizeof(rk_task_api), .random = rk__philox};

static void streams_depend_on_seed_task_and_stream_only(void **state) {
    (void)state;
    rk_task a = {.index = 5, .seed = 9, .api = &api}, b = a, c = a;
    b.plan_index = b.replicate = 77; /* of no matter */
    c.index = 6;
    rk_random ra = rk_random_stream(&a, 0), rb = rk_random_stream(&b, 0), rc = rk_random_stream(&c, 0);
    rk_random other = rk_random_stream(&a, 1);
    for (int i = 0; i < 10; i++) {
        uint64_t x = rk_random_u64(&ra);
        assert_true(x == rk_random_u64(&rb));
        assert_true(x != rk_random_u64(&rc) && x != rk_random_u64(&other));
    }
}

static void streams_stay_when_the_last_axis_grows(void **state) {
    (void)state;
    rk_task a = {.index = 2 * 5 + 3, .last_axis = 5, .seed = 9, .api = &api}, b = a, c = a;
    b.index = 2 * 8 + 3; /* the same point and place, of 8 */
    b.last_axis = 8;
    c.index = 3 * 5 + 2; /* point and place exchanged */
    rk_random ra = rk_random_stream(&a, 0), rb = rk_random_stream(&b, 0), rc = rk_random_stream(&c, 0);
    uint64_t x = rk_random_u64(&ra);
    assert_true(x == rk_random_u64(&rb) && x != rk_random_u64(&rc));
}

static void uniform_numbers_stay_in_range(void **state) {
    (void)state;
    rk_task task = {.seed = 1, .api = &api};
    rk_random r = rk_random_stream(&task, 0);
    double sum = 0;
    for (int i = 0; i < 100000; i++) {
        double x = rk_random_f64(&r);
        assert_true(x >= 0 && x < 1);
        sum += x;
        assert_in_range(rk_random_below(&r, 7), 0, 6);
    }
    assert_true(sum > 49500 && sum < 50500);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(streams_stay_when_the_last_axis_grows),
        cmocka_unit_test(streams_depend_on_seed_task_and_stream_only),
        cmocka_unit_test(uniform_numbers_stay_in_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
