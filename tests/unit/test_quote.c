/* Words that are written for a shell are read back as they were, and are no more than one line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/quote.h"

#define WORD(text) ((char *)(uintptr_t)(text))

static void assert_written(const char *word, const char *expected) {
    rk__text out = RK__TEXT_INIT;
    rk__quote_add(&out, word);
    assert_string_equal(rk__text_get(&out), expected);
    rk__text_fini(&out);
}

static void words_are_quoted_where_a_shell_needs_it(void **state) {
    (void)state;
    assert_written("rho=20:30:0.1", "rho=20:30:0.1");
    assert_written("--max-failures=5%", "--max-failures=5%");
    assert_written("", "''");
    assert_written("a b", "'a b'");
    assert_written("it's", "'it'\\''s'");
    assert_written("{alpha}", "'{alpha}'");
    assert_written("$HOME", "'$HOME'");
    assert_written("a\nb's\\\033", "$'a\\012b\\'s\\\\\\033'");
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    char *words[] = {WORD("rankine"), WORD(""),        WORD("a b"),       WORD("it's"),    WORD("\n"),
                     WORD("'"),       WORD("\\"),      WORD("a\t'\\n\1"), WORD("$'x'"),    WORD("\x7f"),
                     WORD("é \n"),    WORD("\"q\" #"), WORD("\\012"),     WORD("\n\\012"), WORD("--")};
    int count = (int)(sizeof words / sizeof *words);
    rk__text line = RK__TEXT_INIT;
    rk__quoted read;
    rk_error err = RK_ERROR_INIT;
    rk__quote_add_words(&line, words, (size_t)count);
    assert_null(strpbrk(rk__text_get(&line), "\n\t\033"));
    assert_int_equal(rk__quote_split(&read, rk__text_get(&line), &err), RK_OK);
    assert_int_equal(read.count, count);
    for (int i = 0; i < count; i++)
        assert_string_equal(read.words[i], words[i]);
    assert_null(read.words[count]);
    rk__quote_fini(&read);
    rk__text_fini(&line);
}

static void a_line_without_words_has_none(void **state) {
    (void)state;
    rk__quoted read;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rk__quote_split(&read, i == 0 ? "" : "  ", NULL), RK_OK);
        assert_int_equal(read.count, 0);
        assert_null(read.words[0]);
        rk__quote_fini(&read);
    }
}

static void a_quote_that_is_not_closed_is_refused(void **state) {
    (void)state;
    static const char *const lines[] = {"rankine 'a", "it's", "$'a\\'", "a '"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        rk__quoted read = {0};
        rk_error err = RK_ERROR_INIT;
        assert_int_equal(rk__quote_split(&read, lines[i], &err), RK_EINVAL);
        assert_non_null(strstr(err.message, lines[i]));
        assert_null(read.words);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_quoted_where_a_shell_needs_it),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(a_line_without_words_has_none),
        cmocka_unit_test(a_quote_that_is_not_closed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
