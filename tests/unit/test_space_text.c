/* The canonical text of a space: the same space from it again, and no harm from what only looks like it. */
#include "space_fixture.h"

static char *rewritten(const rk_kernel *kernel, const char *text) {
    rk_error err = RK_ERROR_INIT;
    rk__draft draft = {0};
    char *again = NULL;
    if (rk__draft_parse(&draft, kernel, text, &err) != RK_OK)
        fail_msg("%s", err.message);
    assert_int_equal(rk__draft_write(&draft, &again, &err), RK_OK);
    rk__draft_fini(&draft);
    return again;
}

static void text_holds_every_parameter_and_axis(void **state) {
    (void)state;
    rk_kernel kernel = {.name = "two",
                        .params = {RK_PARAM(all_params, sigma, RK_F64, "0.5", "m", "x"),
                                   RK_PARAM(all_params, i8, RK_I8, "-1", NULL, NULL),
                                   RK_PARAM(all_params, label, RK_STRING, "", NULL, NULL)}};
    asked a;
    ask(&a, "i8=3:-3:-2");
    a.request.repeat = 7;
    char *text = describe(&kernel, &a.request);
    assert_string_equal(text, "rankine-space 2\n"
                              "kernel two\n"
                              "param sigma 0.5\n"
                              "param label %-\n"
                              "axis swept 4\n"
                              "linear i8 3 -3 -2\n"
                              "axis replicate 7\n"
                              "end\n");
    free(text);
}

static const char *const round_trips[] = {
    "",
    "sigma=20:30:0.1 tau=0:1:0.1 label=a,b",
    "i8=5:-5:-1 u64=0:18446744073709551615:1152921504606846976",
    "u8=255:0:-5 i64=0..-9000/10",
    "color=blue,red flag=yes,no label=%,\t,\xc3\xa4,\n%-,",
    "tau=0.1,0.2 sigma=4.9e-324,1.7e308 rho=-0",
    "sigma=0..1/3 u64=0:999999999999",
};
enum { ROUND_TRIPS = sizeof round_trips / sizeof *round_trips };

static void text_parsed_and_written_is_the_same(void **state) {
    (void)state;
    for (size_t i = 0; i < ROUND_TRIPS; i++) {
        asked a;
        ask(&a, round_trips[i]);
        a.request.repeat = i;
        char *text = describe(&rk_kernel_all, &a.request), *again = rewritten(&rk_kernel_all, text);
        assert_string_equal(text, again);
        rk__space *space = space_of_text(&rk_kernel_all, text);
        assert_string_equal(space->text, text);
        rk__space_destroy(space);
        free(again);
        free(text);
    }
}

static void strings_survive_the_escapes(void **state) {
    (void)state;
    const char *settings[] = {"label= a\nb %41 \x01\xff,"};
    rk__request request = RK__REQUEST_INIT;
    request.settings = settings;
    request.setting_count = 1;
    rk__space *space = space_of_request(&rk_kernel_all, &request);
    all_params p;
    memcpy(&p, space->base_params, sizeof p);
    rk__space_bind(space, 0, &p);
    assert_string_equal(p.label, " a\nb %41 \x01\xff");
    rk__space_bind(space, 1, &p);
    assert_string_equal(p.label, "");
    rk__space_destroy(space);
}

/* ---- what is refused ---- */

static rk_status created(const rk_kernel *kernel, const char *text, rk_error *err) {
    rk__space *space = NULL;
    rk_status status = rk__space_create(&space, kernel, text, true, err);
    assert_true((space != NULL) == (status == RK_OK));
    rk__space_destroy(space);
    return status;
}

#define HEAD "rankine-space 2\nkernel two\n"
static const rk_kernel two = {
    .name = "two",
    .params = {RK_PARAM(all_params, sigma, RK_F64, "0.5", "m", "x"), RK_PARAM(all_params, u8, RK_U8, "1", NULL, NULL)}};

static void damaged_text_is_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "\n",
        "rankine-space",
        "rankine-space 1\nkernel two\nend\n",
        "rankine-space 2 1\nkernel two\nend\n",
        "rankine-space 2\nkernel \nend\n",
        "rankine-space 3\nkernel two\nparam sigma 1\nparam u8 1\nend\n",
        "rankine-space 4\nkernel two\nend\n",
        HEAD "given sigma f64 1\nparam sigma 1\nparam u8 1\nend\n",
        "rankine-space 3\nkernel two\ngiven sigma\nparam sigma 1\nparam u8 1\nend\n",
        "rankine-space 3\nkernel two\ngiven sigma u8 1\nparam sigma 1\nparam u8 1\nend\n",
        "rankine-space 3\nkernel two\ngiven sigma f64 1 2\nparam sigma 1\nparam u8 1\nend\n",
        HEAD "param sigma 1\nparam u8 1\n",
        HEAD "param sigma 1\nparam u8 1\nend",
        HEAD "param sigma 1\nparam u8 1\nend\nx",
        HEAD "param sigma 1\nparam u8 1\nend x\n",
        HEAD "param sigma 1\nparam sigma 1\nparam u8 1\nend\n",
        HEAD "param sigma\nparam u8 1\nend\n",
        HEAD "param sigma 1 2\nparam u8 1\nend\n",
        HEAD "param sigma nan\nparam u8 1\nend\n",
        HEAD "param sigma %\nparam u8 1\nend\n",
        HEAD "param sigma %3\nparam u8 1\nend\n",
        HEAD "param sigma %00\nparam u8 1\nend\n",
        HEAD "param sigma 1\nparam u8 256\nend\n",
        HEAD "\nparam sigma 1\nparam u8 1\nend\n",
        HEAD "what 1\nend\n",
        HEAD "axis swept 2\nlist u8 1 2\nparam sigma 1\nend\n",
        HEAD "param sigma 1\naxis swept 0\nlist u8\nend\n",
        HEAD "param sigma 1\naxis swept 3\nlist u8 1 2\nend\n",
        HEAD "param sigma 1\naxis swept 1\nlist u8 1 2\nend\n",
        HEAD "param sigma 1\naxis swept 99999999999999\nlist u8 1\nend\n",
        HEAD "param sigma 1\naxis swept 2\nend\n",
        HEAD "param sigma 1\naxis odd 2\nlist u8 1 2\nend\n",
        HEAD "param sigma 1\naxis swept 3\nlinear u8 1 4 1\nend\n",
        HEAD "param sigma 1\naxis swept 3\nlinear u8 1 3 1 1\nend\n",
        HEAD "param sigma 1\naxis swept 3\nlinear u8 4 2 1\nend\n",
        HEAD "param sigma 1\naxis swept 18446744073709551615\nlinear u8 1 3 1\nend\n",
        HEAD "param u8 1\naxis swept 3\nlinear sigma 0 1 1\nend\n",
        HEAD "param u8 1\naxis swept 1000000000\nlinear sigma 0 1 1e300\nend\n",
        HEAD "axis swept 2\nlist sigma 1 2\nlist u8 1 2\nend\n",
        HEAD "axis zip 2\nlist u8 1 2\nlist u8 1 2\nend\n",
        HEAD "axis swept 2\nlist u8 1 2\naxis swept 2\nlist u8 1 2\nend\n",
        HEAD "param sigma 1\nparam u8 1\naxis replicate 2\naxis replicate 2\nend\n",
        HEAD "param sigma 1\nparam u8 1\naxis replicate 72057594037927937\nend\n",
        HEAD "param sigma 1\nparam u8 1\naxis input 3\nend\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rk_error err = RK_ERROR_INIT;
        if (created(&two, texts[i], &err) != RK_EFORMAT || *err.message == '\0' || strchr(err.message, '\n') != NULL)
            fail_msg("text %zu: '%s'", i, err.message);
        assert_int_equal(created(&two, texts[i], NULL), RK_EFORMAT);
    }
}

static void text_of_another_kernel_is_a_mismatch(void **state) {
    (void)state;
    static const char *const texts[] = {
        "rankine-space 2\nkernel three\nparam sigma 1\nparam u8 1\nend\n",
        HEAD "param sigma 1\nparam u8 1\nparam new 1\nend\n",
        HEAD "param sigma 1\nend\n",
        HEAD "param u8 1\naxis input 3\ninput sigma /a /b\nshape 3\ntask_dims 1\nmissing\nfingerprint 0 0\nend\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        rk_error err = RK_ERROR_INIT;
        if (created(&two, texts[i], &err) != RK_EMISMATCH)
            fail_msg("text %zu: '%s'", i, err.message);
    }
}

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static void mutate(char *text, uint64_t *seed) {
    static const char alphabet[] = "0123456789 \n%-e.x/\x80"
                                   "axislt";
    size_t length = strlen(text), at = next_random(seed) % length;
    switch (next_random(seed) % 4) {
    case 0:
        text[at] = alphabet[next_random(seed) % (sizeof alphabet - 1)];
        break;
    case 1:
        memmove(text + at, text + at + 1, length - at);
        break;
    case 2:
        text[at] = '\0';
        break;
    default:
        text[at] = text[next_random(seed) % length];
    }
}

/* Whatever the bytes: a status, and no more memory than the text is worth; the sanitizers watch. */
static void mutated_text_never_harms(void **state) {
    (void)state;
    uint64_t seed = 1;
    unsigned refused = 0;
    for (unsigned round = 0; round < 4000; round++) {
        asked a;
        ask(&a, round_trips[round % ROUND_TRIPS]);
        char *text = describe(&rk_kernel_all, &a.request);
        for (uint64_t edits = 1 + next_random(&seed) % 3; edits > 0 && *text != '\0'; edits--)
            mutate(text, &seed);
        rk_error err = RK_ERROR_INIT;
        rk_status status = created(&rk_kernel_all, text, &err);
        if (status != RK_OK && status != RK_EFORMAT && status != RK_EMISMATCH)
            fail_msg("%s: '%s' of\n%s", rk_status_name(status), err.message, text);
        refused += status != RK_OK;
        free(text);
    }
    assert_in_range(refused, 1000, 3999);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_holds_every_parameter_and_axis),  cmocka_unit_test(text_parsed_and_written_is_the_same),
        cmocka_unit_test(strings_survive_the_escapes),          cmocka_unit_test(damaged_text_is_refused),
        cmocka_unit_test(text_of_another_kernel_is_a_mismatch), cmocka_unit_test(mutated_text_never_harms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
