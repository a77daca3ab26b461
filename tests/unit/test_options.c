/* The command line: what is understood, what is refused in which words, and whether table, help and man page agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/help.h"
#include "cli/options.h"
#include <rankine/command.h>

enum { WORDS_MAX = 24 };

typedef struct line {
    char text[512];
    char *argv[WORDS_MAX + 1];
    int argc;
    rk__arguments arguments;
    rk_error err;
    rk_status status;
} line;

/* "rankine" and the words of `text`, parsed. */
static void parse(line *l, const char *text) {
    *l = (line){.err = RK_ERROR_INIT};
    snprintf(l->text, sizeof l->text, "rankine %s", text);
    for (char *word = strtok(l->text, " "); word != NULL && l->argc < WORDS_MAX; word = strtok(NULL, " "))
        l->argv[l->argc++] = word;
    l->status = rk__arguments_parse(&l->arguments, l->argc, l->argv, &l->err);
}

static void assert_refused(const char *text, const char *message) {
    line l;
    parse(&l, text);
    assert_int_equal(l.status, RK_EINVAL);
    assert_string_equal(l.err.message, message);
    rk__arguments_fini(&l.arguments);
}

static void assert_forwarded(const char *text, const char *expected) {
    line l;
    rk__text words = RK__TEXT_INIT;
    parse(&l, text);
    assert_int_equal(l.status, RK_OK);
    for (char **word = l.arguments.forward + 1; *word != NULL; word++)
        rk__text_add(&words, "%s%s", words.length ? " " : "", *word);
    assert_string_equal(rk__text_get(&words), expected);
    rk__text_fini(&words);
    rk__arguments_fini(&l.arguments);
}

static void options_stand_before_and_after_words(void **state) {
    (void)state;
    line l;
    parse(&l, "--seed 7 run -q pi x=1 --block=64 y=-2 -o out.h5");
    assert_int_equal(l.status, RK_OK);
    assert_int_equal(l.arguments.command, RK__COMMAND_RUN);
    assert_int_equal(l.arguments.seed, 7);
    assert_int_equal(l.arguments.block_tasks, 64);
    assert_true(l.arguments.quiet);
    assert_string_equal(l.arguments.output, "out.h5");
    assert_int_equal(l.arguments.word_count, 3);
    assert_string_equal(l.arguments.words[0], "pi");
    assert_string_equal(l.arguments.words[2], "y=-2");
    rk__arguments_fini(&l.arguments);
}

static void short_option_takes_its_value_in_any_form(void **state) {
    (void)state;
    static const char *const forms[] = {"run k -n 4", "run k -n4", "run k -n=4", "run k --ranks 4", "run k --ranks=4"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        line l;
        parse(&l, forms[i]);
        assert_int_equal(l.status, RK_OK);
        assert_int_equal(l.arguments.ranks, 4);
        assert_int_equal(l.arguments.word_count, 1);
        rk__arguments_fini(&l.arguments);
    }
}

static void assert_batch(const char *text, const char *expected, const char *expected_words) {
    line l;
    rk__text batch = RK__TEXT_INIT, words = RK__TEXT_INIT;
    parse(&l, text);
    assert_int_equal(l.status, RK_OK);
    for (size_t i = 0; i < l.arguments.batch_count; i++)
        rk__text_add(&batch, "%s%s", i > 0 ? " " : "", l.arguments.batch[i]);
    for (size_t i = 0; i < l.arguments.word_count; i++)
        rk__text_add(&words, "%s%s", i > 0 ? " " : "", l.arguments.words[i]);
    assert_string_equal(rk__text_get(&batch), expected);
    assert_string_equal(rk__text_get(&words), expected_words);
    rk__text_fini(&batch);
    rk__text_fini(&words);
    rk__arguments_fini(&l.arguments);
}

static void submit_leaves_the_options_of_sbatch_alone(void **state) {
    (void)state;
    assert_batch("submit -N 3 -n 12 -o log -q low --output=x --until-done=4 -- run pi -n 4 --seed 7 --dry-run",
                 "-N 3 -n 12 -o log -q low --output=x", "run pi -n 4 --seed 7 --dry-run");
    line l;
    parse(&l, "submit --until-done -t 10 --srun --dry-run -- run pi --json");
    assert_int_equal(l.arguments.restarts, 20);
    assert_true(l.arguments.srun && l.arguments.dry_run && !l.arguments.json);
    rk__arguments_fini(&l.arguments);
    assert_refused("submit --until-done=0 -- run pi", "--until-done 0: a whole number from 1 to 1000 is expected");
    assert_refused("run pi --srun", "--srun is no option of 'rankine run' (it is one of: submit)");
}

static void two_dashes_end_the_options(void **state) {
    (void)state;
    line l;
    parse(&l, "info -- --json");
    assert_int_equal(l.status, RK_OK);
    assert_false(l.arguments.json);
    assert_string_equal(l.arguments.words[0], "--json");
    rk__arguments_fini(&l.arguments);
}

static void defaults_are_the_documented_ones(void **state) {
    (void)state;
    line l;
    parse(&l, "run pi");
    assert_int_equal(l.arguments.seed, 20240229);
    assert_int_equal(l.arguments.samples, 256);
    assert_int_equal(l.arguments.ranks, 0);
    assert_int_equal(l.arguments.policy, RK__POLICY_ADAPTIVE);
    assert_int_equal(l.arguments.progress, RK__PROGRESS_AUTO);
    assert_null(l.arguments.output);
    rk__arguments_fini(&l.arguments);
}

static void counts_may_have_an_exponent(void **state) {
    (void)state;
    line l;
    parse(&l, "run pi --repeat 1e6 --block 1.024e3 -n 2e0");
    assert_int_equal(l.status, RK_OK);
    assert_int_equal(l.arguments.repeat, 1000000);
    assert_int_equal(l.arguments.block_tasks, 1024);
    assert_int_equal(l.arguments.ranks, 2);
    rk__arguments_fini(&l.arguments);
}

static void zip_may_be_given_again(void **state) {
    (void)state;
    line l;
    parse(&l, "run k --zip a,b --zip=c,d,e");
    assert_int_equal(l.status, RK_OK);
    assert_int_equal(l.arguments.zip_count, 2);
    assert_string_equal(l.arguments.zips[0], "a,b");
    assert_string_equal(l.arguments.zips[1], "c,d,e");
    rk__arguments_fini(&l.arguments);
}

static void progress_takes_a_value_only_with_equals(void **state) {
    (void)state;
    line l;
    parse(&l, "run k --progress never=1 --progress=never");
    assert_int_equal(l.arguments.progress, RK__PROGRESS_NEVER);
    assert_int_equal(l.arguments.word_count, 2);
    rk__arguments_fini(&l.arguments);
    parse(&l, "run k --progress");
    assert_int_equal(l.arguments.progress, RK__PROGRESS_ALWAYS);
    rk__arguments_fini(&l.arguments);
}

static void launcher_keeps_its_own_options_from_the_ranks(void **state) {
    (void)state;
    assert_forwarded("run pi -n 4 x=1 --hostfile hosts --seed 3", "run pi x=1 --seed 3");
    assert_forwarded("-n4 run --ranks=2 pi --hostfile=h -- -n", "run pi -- -n");
    assert_forwarded("resume f.h5 --accept-kernel --progress=never", "resume f.h5 --accept-kernel --progress=never");
}

static void wrong_words_are_named_with_the_remedy(void **state) {
    (void)state;
    assert_refused("rnu pi", "unknown command 'rnu': did you mean rankine run?");
    assert_refused("lorenz", "unknown command 'lorenz': to run a kernel of that name, rankine run lorenz");
    assert_refused("repair f.h5", "unknown command 'repair': it is rankine resume FILE --repair");
    assert_refused("queue f.h5", "unknown command 'queue': it is rankine status");
    assert_refused("list", "unknown command 'list': it is rankine kernels");
    assert_refused("run pi --sead 3", "unknown option '--sead': did you mean --seed?");
    assert_refused("run pi --outputs=x", "unknown option '--outputs': did you mean --output?");
    assert_refused("run pi --acc", "unknown option '--acc': did you mean --accept-kernel?");
    assert_refused("run pi --zzzzzzzz", "unknown option '--zzzzzzzz': see rankine --help");
    assert_refused("run pi --retry 3",
                   "unknown option '--retry': did you mean --retries N (try again at once), or of resume "
                   "--retry-failed?");
    assert_refused("run pi -out f.h5", "unknown option '-out': did you mean --output FILE, or -o FILE?");
    assert_refused("run pi -output=f.h5", "unknown option '-output': did you mean --output?");
    assert_refused("run pi -np 4", "unknown option '-np': did you mean -n N?");
    assert_refused("run pi -x", "unknown option '-x': see rankine --help");
    assert_refused("run pi --force=yes", "--force takes no value, 'yes' was given");
    assert_refused("run pi -o", "--output needs a value: --output FILE");
    assert_refused("run pi -o --force", "--output needs a value: --output FILE");
    assert_refused("run pi --output=", "--output needs a value: --output FILE");
    assert_refused("info f.h5 --force", "--force is no option of 'rankine info' (it is one of: run, merge)");
    assert_refused("--samples 3 run pi", "--samples is no option of 'rankine run' (it is one of: check)");
}

static void help_lists_the_exit_codes_of_the_command(void **state) {
    (void)state;
    static const struct {
        rk__command command;
        bool failed, damaged, stopped;
    } cases[] = {{RK__COMMAND_RUN, true, false, true},
                 {RK__COMMAND_WATCH, true, false, true},
                 {RK__COMMAND_VERIFY, false, true, false},
                 {RK__COMMAND_DIGEST, false, false, true},
                 {RK__COMMAND_KERNELS, false, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        rk__text help = RK__TEXT_INIT;
        rk__help_command(&help, cases[i].command);
        const char *text = rk__text_get(&help);
        assert_int_equal(strstr(text, "\n   3  ") != NULL, cases[i].failed);
        assert_int_equal(strstr(text, "\n   4  ") != NULL, cases[i].damaged);
        assert_int_equal(strstr(text, "\n  75  ") != NULL, cases[i].stopped);
        rk__text_fini(&help);
    }
}

static void none_takes_a_limit_away(void **state) {
    (void)state;
    line l;
    parse(&l, "resume f --max-failures 5% --task-timeout 5s --task-memory 1G --isolate --retries 3 "
              "--max-failures none --task-timeout none --task-memory none --no-isolate --retries 0");
    assert_int_equal(l.status, RK_OK);
    assert_false(l.arguments.limits_failures || l.arguments.isolate);
    assert_true(l.arguments.task_seconds == 0 && l.arguments.task_bytes == 0 && l.arguments.retries == 0);
    rk__arguments_fini(&l.arguments);
    parse(&l, "resume f --max-failures 5% --max-failures 7");
    assert_true(l.arguments.failures_max == 7 && l.arguments.failures_percent == 0);
    rk__arguments_fini(&l.arguments);
    assert_refused("run pi --no-isolate", "--no-isolate is no option of 'rankine run' (it is one of: resume)");
}

static void what_was_given_is_known_without_being_looked_at(void **state) {
    (void)state;
    char *argv[] = {
        (char *)(uintptr_t) "rankine",   (char *)(uintptr_t) "run", (char *)(uintptr_t) "--until=2001-01-01T00:00",
        (char *)(uintptr_t) "-n2",       (char *)(uintptr_t) "pi",  (char *)(uintptr_t) "--isolate",
        (char *)(uintptr_t) "--retries", (char *)(uintptr_t) "3",   NULL};
    rk__arguments was;
    rk__arguments_look(&was, 8, argv);
    assert_int_equal(was.command, RK__COMMAND_RUN);
    assert_string_equal(rk__arguments_given(&was, "until"), "2001-01-01T00:00"); /* which is over */
    assert_string_equal(rk__arguments_given(&was, "ranks"), "2");
    assert_string_equal(rk__arguments_given(&was, "isolate"), "");
    assert_string_equal(rk__arguments_given(&was, "retries"), "3");
    assert_null(rk__arguments_given(&was, "threads"));
    assert_null(rk__arguments_given(&was, "no such option"));
    rk__arguments_fini(&was);
}

static void what_is_added_reaches_the_ranks_before_all_words(void **state) {
    (void)state;
    line l;
    size_t count;
    char word[] = "--retries=3";
    parse(&l, "resume -- f.h5");
    const rk__option *option = rk__options(&count);
    while (strcmp(option->name, "retries") != 0)
        option++;
    for (int i = 0; i < RK__FORWARD_MORE; i++)
        assert_int_equal(rk__arguments_add(&l.arguments, option, "3", word, &l.err), RK_OK);
    assert_int_equal(l.arguments.retries, 3);
    assert_string_equal(l.arguments.forward[1], word);
    assert_string_equal(l.arguments.forward[RK__FORWARD_MORE], word);
    assert_string_equal(l.arguments.forward[RK__FORWARD_MORE + 1], "resume");
    assert_string_equal(l.arguments.forward[RK__FORWARD_MORE + 2], "--");
    assert_string_equal(l.arguments.forward[RK__FORWARD_MORE + 3], "f.h5");
    assert_null(l.arguments.forward[RK__FORWARD_MORE + 4]);
    rk__arguments_fini(&l.arguments);
}

static void wrong_values_are_named_with_what_is_expected(void **state) {
    (void)state;
    assert_refused("run pi -n 0", "-n 0: a whole number from 1 to 10000000 is expected");
    assert_refused("run pi -n two", "-n two: a whole number from 1 to 10000000 is expected");
    assert_refused("run pi --seed -1", "--seed -1: a whole number from 0 to 18446744073709551615 is expected");
    assert_refused("run pi --seed 18446744073709551616",
                   "--seed 18446744073709551616: a whole number from 0 to 18446744073709551615 is expected");
    assert_refused("run pi --repeat 1.5e0", "--repeat 1.5e0: a whole number from 1 to 72057594037927936 is expected");
    assert_refused("run pi --repeat 0", "--repeat 0: a whole number from 1 to 72057594037927936 is expected");
    assert_refused("run pi --block 48", "--block 48: must be a power of two, such as 32 or 64");
    assert_refused("run pi --max-failures x",
                   "--max-failures x: a number of tasks (0, 20) or a share of them (5%) is expected");
    assert_refused("run pi --max-failures 0%", "--max-failures 0%: a share above 0% and up to 100% is expected");
    assert_refused("run pi --zip a", "--zip a: names of at least two parameters are expected, as in --zip a,b");
    assert_refused("run pi --schedule fair", "--schedule fair: there is no such policy (adaptive, static, dynamic, "
                                             "guided, factoring)");
    assert_refused("run pi --progress=soon", "--progress=soon: auto, always or never is expected");
    assert_refused("run pi --input-dims 9", "--input-dims 9: a whole number from 1 to 8 is expected");
}

static void json_is_known_also_when_the_words_before_it_are_wrong(void **state) {
    (void)state;
    line l;
    parse(&l, "run pi --sead 3 --json");
    assert_int_equal(l.status, RK_EINVAL);
    assert_true(l.arguments.json);
    rk__arguments_fini(&l.arguments);
    parse(&l, "run pi --sead 3 -- --json");
    assert_false(l.arguments.json);
    rk__arguments_fini(&l.arguments);
}

/* ---- table, help and man page ---- */

static void every_option_is_in_the_help_of_its_commands(void **state) {
    (void)state;
    size_t count;
    const rk__option *options = rk__options(&count);
    for (int command = 0; command < RK__COMMAND_COUNT; command++) {
        rk__text help = RK__TEXT_INIT;
        rk__help_command(&help, (rk__command)command);
        for (size_t i = 0; i < count; i++) {
            char name[64];
            snprintf(name, sizeof name, " --%s", options[i].name);
            bool listed = strstr(strstr(rk__text_get(&help), "Examples:"), name) != NULL;
            if (rk__option_applies(&options[i], (rk__command)command))
                assert_true(listed);
        }
        rk__text_fini(&help);
    }
}

static void assert_fits_80_columns(const char *text) {
    for (const char *at = text; *at != '\0'; at += *at == '\n') {
        size_t length = strcspn(at, "\n");
        if (length > 80)
            fail_msg("%zu columns: %.*s", length, (int)length, at);
        at += length;
    }
}

static void help_fits_80_columns(void **state) {
    (void)state;
    rk__text help = RK__TEXT_INIT;
    rk__help_overview(&help);
    for (int command = 0; command < RK__COMMAND_COUNT; command++)
        rk__help_command(&help, (rk__command)command);
    assert_int_equal(rk__help_topic(&help, "values", NULL), RK_OK);
    assert_int_equal(rk__help_topic(&help, "exit-codes", NULL), RK_OK);
    assert_fits_80_columns(rk__text_get(&help));
    rk__text_fini(&help);
}

static void overview_fits_a_screen_and_names_every_command(void **state) {
    (void)state;
    rk__text help = RK__TEXT_INIT;
    rk__help_overview(&help);
    size_t lines = 0;
    for (const char *at = rk__text_get(&help); *at != '\0'; at++)
        lines += *at == '\n';
    assert_true(lines <= 30);
    for (int command = 0; command < RK__COMMAND_COUNT; command++) {
        char name[32];
        snprintf(name, sizeof name, "\n  %s ", rk__command_name((rk__command)command));
        assert_non_null(strstr(rk__text_get(&help), name));
    }
    rk__text_fini(&help);
}

static void help_refuses_an_unknown_topic(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk__text help = RK__TEXT_INIT;
    assert_int_equal(rk__help_topic(&help, "exit-code", &err), RK_EINVAL);
    assert_string_equal(err.message, "no help on 'exit-code': did you mean rankine help exit-codes");
    rk__text_fini(&help);
}

/* The man page without the backslashes that keep troff from making hyphens of dashes. */
static char *read_man_page(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s", __FILE__);
    strcpy(strstr(path, "tests/unit/"), "src/cli/rankine.1");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 65536);
    assert_non_null(text);
    size_t length = fread(text, 1, 65535, file), kept = 0;
    fclose(file);
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\\' || text[i + 1] != '-')
            text[kept++] = text[i];
    text[kept] = '\0';
    return text;
}

static void man_page_has_every_option_command_and_exit_code(void **state) {
    (void)state;
    size_t count;
    const rk__option *options = rk__options(&count);
    char *page = read_man_page(), entry[64];
    char *section = strstr(page, ".SH OPTIONS"), *codes = strstr(page, ".SH EXIT STATUS");
    assert_non_null(section);
    assert_non_null(codes);
    for (size_t i = 0; i < count; i++) {
        snprintf(entry, sizeof entry, "--%s", options[i].name);
        const char *found = strstr(section, entry);
        if (found == NULL || found > codes)
            fail_msg("the man page lacks %s", entry);
    }
    for (int command = 0; command < RK__COMMAND_COUNT; command++) {
        snprintf(entry, sizeof entry, ".TP\n.B %s\n", rk__command_name((rk__command)command));
        assert_non_null(strstr(page, entry));
    }
#define ASSERT_EXIT_CODE(name, number, text) assert_non_null(strstr(codes, ".TP\n.B " #number "\n"));
    RK_EXIT_MAP(ASSERT_EXIT_CODE)
#undef ASSERT_EXIT_CODE
    free(page);
}

static bool is_option(const char *name, size_t length) {
    size_t count;
    const rk__option *options = rk__options(&count);
    for (size_t i = 0; i < count; i++)
        if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0)
            return true;
    return false;
}

static void man_page_has_no_option_that_is_none(void **state) {
    (void)state;
    char *page = read_man_page();
    for (const char *at = page; (at = strstr(at, "--")) != NULL;) {
        at += 2;
        size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
        if (length > 0 && !is_option(at, length))
            fail_msg("the man page has --%.*s", (int)length, at);
        at += length;
    }
    free(page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_stand_before_and_after_words),
        cmocka_unit_test(short_option_takes_its_value_in_any_form),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(submit_leaves_the_options_of_sbatch_alone),
        cmocka_unit_test(defaults_are_the_documented_ones),
        cmocka_unit_test(counts_may_have_an_exponent),
        cmocka_unit_test(zip_may_be_given_again),
        cmocka_unit_test(progress_takes_a_value_only_with_equals),
        cmocka_unit_test(launcher_keeps_its_own_options_from_the_ranks),
        cmocka_unit_test(wrong_words_are_named_with_the_remedy),
        cmocka_unit_test(help_lists_the_exit_codes_of_the_command),
        cmocka_unit_test(wrong_values_are_named_with_what_is_expected),
        cmocka_unit_test(none_takes_a_limit_away),
        cmocka_unit_test(what_was_given_is_known_without_being_looked_at),
        cmocka_unit_test(what_is_added_reaches_the_ranks_before_all_words),
        cmocka_unit_test(json_is_known_also_when_the_words_before_it_are_wrong),
        cmocka_unit_test(every_option_is_in_the_help_of_its_commands),
        cmocka_unit_test(help_fits_80_columns),
        cmocka_unit_test(overview_fits_a_screen_and_names_every_command),
        cmocka_unit_test(help_refuses_an_unknown_topic),
        cmocka_unit_test(man_page_has_every_option_command_and_exit_code),
        cmocka_unit_test(man_page_has_no_option_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
