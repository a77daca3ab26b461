/* Slurm, without one: what becomes of sbatch's options, of its times, of the environment of a job; the script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "batch/batch.h"

enum { WORDS_MAX = 16 };
#define SECOND_NS UINT64_C(1000000000)

/* ---- sbatch's options ---- */

static rk_status read_words(rk__batch_directives *out, const char *const *words, rk_error *err) {
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    return rk__batch_directives_read(out, words, count, err);
}

static void assert_lines(const char *const *words, const char *expected) {
    rk__batch_directives d;
    assert_int_equal(read_words(&d, words, NULL), RK_OK);
    assert_string_equal(rk__text_get(&d.lines), expected);
    rk__batch_directives_fini(&d);
}

static void assert_refused(const char *const *words, const char *part) {
    rk__batch_directives d;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(read_words(&d, words, &err), RK_EINVAL);
    if (strstr(err.message, part) == NULL)
        fail_msg("'%s' is not in: %s", part, err.message);
    rk__batch_directives_fini(&d);
}

#define WORDS(...)                                                                                                     \
    (const char *const[WORDS_MAX]) {                                                                                   \
        __VA_ARGS__, NULL                                                                                              \
    }

static void options_become_lines_in_every_form(void **state) {
    (void)state;
    const char *nodes = "#SBATCH --nodes=3\n";
    assert_lines(WORDS("-N3"), nodes);
    assert_lines(WORDS("-N", "3"), nodes);
    assert_lines(WORDS("--nodes=3"), nodes);
    assert_lines(WORDS("--nodes", "3"), nodes);
    assert_lines(WORDS("--exclusive", "-p", "long"), "#SBATCH --exclusive\n#SBATCH --partition=long\n");
    assert_lines(WORDS("-H", "--exclusive=user"), "#SBATCH -H\n#SBATCH --exclusive=user\n");
    assert_lines(WORDS("--begin=now+1hour", "-q", "low"), "#SBATCH --begin=now+1hour\n#SBATCH --qos=low\n");
}

static void values_are_quoted_as_sbatch_reads_them(void **state) {
    (void)state;
    assert_lines(WORDS("--comment=a \"b\" \\ 'c' #d"), "#SBATCH --comment=\"a \\\"b\\\" \\\\ 'c' #d\"\n");
    assert_lines(WORDS("--comment="), "#SBATCH --comment=\"\"\n");
    assert_refused(WORDS("--comment=a\nb"), "control character");
    assert_refused(WORDS("-J", "a\tb"), "control character");
}

static void what_the_script_cannot_live_with_is_refused(void **state) {
    (void)state;
    assert_refused(WORDS("--array=1-4"), "rankine merge");
    assert_refused(WORDS("-a1-4"), "rankine merge");
    assert_refused(WORDS("--wrap=true"), "--wrap is no option of submit");
    assert_refused(WORDS("-W"), "rankine watch");
    assert_refused(WORDS("-i", "f"), "no standard input");
    assert_refused(WORDS("-N"), "-N (--nodes) needs a value");
    assert_refused(WORDS("3"), "an option of sbatch is expected");
    assert_refused(WORDS("-"), "an option of sbatch is expected");
    assert_refused(WORDS("--=3"), "no option of sbatch");
}

static uint64_t warning_of(const char *const *words) {
    rk__batch_directives d;
    assert_int_equal(read_words(&d, words, NULL), RK_OK);
    uint64_t seconds = d.signal_seconds;
    rk__batch_directives_fini(&d);
    return seconds;
}

static void the_warning_comes_in_time(void **state) {
    (void)state;
    assert_int_equal(warning_of(WORDS("-N3")), 120);
    assert_int_equal(warning_of(WORDS("-t", "2:00:00")), 120);
    assert_int_equal(warning_of(WORDS("-t10")), 60);
    assert_int_equal(warning_of(WORDS("-t", "1")), 30);
    assert_int_equal(warning_of(WORDS("--time=UNLIMITED")), 120);
    assert_int_equal(warning_of(WORDS("--signal=B:USR1@300", "-t", "10")), 300);
    assert_int_equal(warning_of(WORDS("--signal=B:SIGUSR1")), 60);
    assert_refused(WORDS("--signal=USR1@300"), "--signal=B:USR1@SECONDS");
    assert_refused(WORDS("--signal=B:TERM@300"), "--signal=B:USR1@SECONDS");
    assert_refused(WORDS("--signal=B:USR1@soon"), "--signal=B:USR1@SECONDS");
    assert_refused(WORDS("--signal=B:USR1@0"), "--signal=B:USR1@SECONDS");
}

static void assert_completed(const char *const *words, const char *expected) {
    rk__batch_directives d;
    assert_int_equal(read_words(&d, words, NULL), RK_OK);
    assert_int_equal(rk__batch_directives_complete(&d, "sweep", "/home/me", NULL), RK_OK);
    assert_string_equal(rk__text_get(&d.lines), expected);
    rk__batch_directives_fini(&d);
}

static void what_is_given_is_not_given_twice(void **state) {
    (void)state;
    assert_completed(WORDS("-N3"), "#SBATCH --nodes=3\n#SBATCH --chdir=/home/me\n#SBATCH --job-name=sweep\n"
                                   "#SBATCH --signal=B:USR1@120\n#SBATCH --open-mode=append\n#SBATCH --requeue\n");
    assert_completed(
        WORDS("-J", "mine", "--signal=B:USR1@9", "--open-mode=truncate", "--no-requeue", "-D", "elsewhere"),
        "#SBATCH --job-name=mine\n#SBATCH --signal=B:USR1@9\n#SBATCH --open-mode=truncate\n#SBATCH --no-requeue\n"
        "#SBATCH --chdir=/home/me\n");
    rk__batch_directives d;
    assert_int_equal(read_words(&d, WORDS("-N3"), NULL), RK_OK);
    assert_int_equal(rk__batch_directives_complete(&d, "sweep", "/a\nb", NULL), RK_EINVAL);
    rk__batch_directives_fini(&d);
}

static void times_are_read_as_slurm_writes_them(void **state) {
    (void)state;
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"30", 1800},     {"10:05", 605},      {"1:30:00", 5400},      {"0:07", 7},
                {"2-12", 216000}, {"2-12:30", 217800}, {"2-12:30:15", 217815}, {"1-00:00:00", 86400}};
    static const char *const bad[] = {"", "UNLIMITED", "N/A", "1:2:3:4", "-5", "1-", "-1-2", "5m", "1:", ":5", "a-3"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        uint64_t seconds = 0;
        assert_true(rk__batch_seconds(good[i].text, &seconds));
        assert_int_equal(seconds, good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        uint64_t untouched = 7;
        assert_false(rk__batch_seconds(bad[i], &untouched));
        assert_int_equal(untouched, 7);
    }
}

/* ---- the script ---- */

static char *script_of(const char *const *words, rk__batch_script script) {
    rk__batch_directives d;
    rk__text out = RK__TEXT_INIT;
    assert_int_equal(read_words(&d, words, NULL), RK_OK);
    script.directives = &d;
    script.typed = "rankine submit -- run pi";
    script.program = "/usr/bin/rankine";
    script.file = "'a b.h5'";
    script.path = "'/home/me/a b.h5.sbatch'";
    script.note = "'a b.h5.job'";
    script.resume = "resume \"$file\" --threads=2";
    rk__batch_script_write(&script, &out);
    rk__batch_directives_fini(&d);
    assert_false(out.failed);
    return out.data;
}

static void assert_has(const char *script, const char *part) {
    if (strstr(script, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, script);
}

static void assert_lacks(const char *script, const char *part) {
    if (strstr(script, part) != NULL)
        fail_msg("'%s' is in:\n%s", part, script);
}

static void script_runs_once_and_resumes_then(void **state) {
    (void)state;
    char *script = script_of(WORDS("-N3"), (rk__batch_script){.run = "run pi"});
    assert_int_equal(strncmp(script, "#!/bin/bash\n#SBATCH --nodes=3\n\n# Written by: rankine submit -- run pi\n", 68),
                     0);
    assert_has(script, "\nrankine=/usr/bin/rankine\nfile='a b.h5'\n");
    assert_has(script, "    if [ -e \"$file\" ]; then\n"
                       "        exec \"$rankine\" resume \"$file\" --threads=2\n"
                       "    fi\n"
                       "    exec \"$rankine\" run pi\n}\n");
    assert_has(script, "echo \"job $SLURM_JOB_ID restarts 0\" >'a b.h5.job'");
    assert_lacks(script, "requeue \"$SLURM_JOB_ID\"");
    assert_lacks(script, "srun --mpi");
    free(script);
}

static void script_that_resumes_never_runs_anew(void **state) {
    (void)state;
    char *script = script_of(WORDS("-N3"), (rk__batch_script){.srun = true});
    assert_has(script, "launch() {\n    exec \"${ranks[@]}\" \"$rankine\" resume \"$file\" --threads=2\n}\n");
    assert_has(script, "ranks=(srun --mpi=pmix)\n");
    assert_lacks(script, "\"$rankine\" run");
    free(script);
}

static void script_asks_for_the_next_start_until_done(void **state) {
    (void)state;
    char *script = script_of(WORDS("-c4"), (rk__batch_script){.run = "run pi", .srun = true, .restarts = 9});
    assert_has(script, "\nrestarts=9 ");
    assert_has(script, "if [ \"$ending\" = taken ]; then\n    exit \"$code\"");
    assert_has(script, "elif [ \"$restart\" -ge \"$restarts\" ]; then\n");
    assert_has(script, "if ! scontrol requeue \"$SLURM_JOB_ID\"; then\n");
    assert_has(script, "'/home/me/a b.h5.sbatch' $((restart + 1)))");
    assert_has(script, "srun --mpi=pmix --cpus-per-task=\"$SLURM_CPUS_PER_TASK\")");
    free(script);
}

/* ---- the job that we are in ---- */

static const char *const variables[] = {"SLURM_JOB_ID",         "SLURM_RESTART_COUNT",   "SLURM_NTASKS",
                                        "SLURM_TASKS_PER_NODE", "SLURM_CPUS_PER_TASK",   "SLURM_JOB_END_TIME",
                                        "SLURM_ARRAY_TASK_ID",  "SLURM_ARRAY_TASK_COUNT"};

static int forget_job(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

static void job_is_read_from_the_environment(void **state) {
    (void)state;
    rk__batch_job job;
    setenv("SLURM_NTASKS", "12", 1);
    rk__batch_job_read(&job);
    assert_null(job.id);
    assert_int_equal(job.tasks, 0);
    setenv("SLURM_JOB_ID", "7", 1);
    setenv("SLURM_RESTART_COUNT", "2", 1);
    setenv("SLURM_CPUS_PER_TASK", "4", 1);
    setenv("SLURM_JOB_END_TIME", "1795251600", 1);
    rk__batch_job_read(&job);
    assert_string_equal(job.id, "7");
    assert_int_equal(job.restarts, 2);
    assert_int_equal(job.tasks, 12);
    assert_int_equal(job.cpus_per_task, 4);
    assert_int_equal(job.end_ns, UINT64_C(1795251600) * SECOND_NS);
    assert_int_equal(job.array_tasks, 0);
    setenv("SLURM_ARRAY_TASK_COUNT", "3", 1);
    setenv("SLURM_ARRAY_TASK_ID", "1", 1);
    setenv("SLURM_JOB_END_TIME", "99999999999999999999", 1);
    rk__batch_job_read(&job);
    assert_int_equal(job.array_tasks, 3);
    assert_int_equal(job.end_ns, 0);
}

static void assert_tasks(const char *per_node, uint64_t expected) {
    rk__batch_job job;
    setenv("SLURM_TASKS_PER_NODE", per_node, 1);
    rk__batch_job_read(&job);
    assert_int_equal(job.tasks, expected);
}

static void tasks_are_counted_over_the_nodes(void **state) {
    (void)state;
    setenv("SLURM_JOB_ID", "7", 1);
    assert_tasks("4", 4);
    assert_tasks("2(x3),1", 7);
    assert_tasks("1,2,16(x100)", 1603);
    assert_tasks("", 0);
    assert_tasks("many", 0);
    assert_tasks("2(x", 0);
    assert_tasks("2;3", 0);
}

/* ---- beside the file ---- */

static void note_is_read_back(void **state) {
    (void)state;
    char file[64], path[RK__BATCH_PATH_MAX];
    rk__batch_note note = {.id = "1234", .restarts = 20}, found = {.restarts = 7};
    snprintf(file, sizeof file, "/tmp/rankine-note-%ld", (long)getpid());
    assert_false(rk__batch_note_read(file, &found));
    assert_int_equal(rk__batch_note_write(file, &note, NULL), RK_OK);
    assert_true(rk__batch_note_read(file, &found));
    assert_string_equal(found.id, "1234");
    assert_int_equal(found.restarts, 20);
    rk__batch_note_path(file, path);
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    fputs("job $(reboot) restarts 1\n", stream);
    fclose(stream);
    assert_false(rk__batch_note_read(file, &found));
    unlink(path);
    assert_int_equal(rk__batch_note_write("/nowhere/file", &note, NULL), RK_EIO);
}

static void a_job_is_known_by_its_command(void **state) {
    (void)state;
    char file[RK__BATCH_PATH_MAX];
    assert_true(rk__batch_file_of("/home/me/a.h5.sbatch", file));
    assert_string_equal(file, "/home/me/a.h5");
    assert_true(rk__batch_file_of("/home/me/a .sbatch b.h5.sbatch 3", file));
    assert_string_equal(file, "/home/me/a .sbatch b.h5");
    assert_false(rk__batch_file_of("/home/me/a.h5.sbatch.old", file));
    assert_false(rk__batch_file_of("/home/me/a.sh", file));
    assert_false(rk__batch_file_of(".sbatch", file));
    assert_false(rk__batch_file_of("", file));
}

/* ---- commands ---- */

static void a_command_is_given_its_words_as_they_are(void **state) {
    (void)state;
    const char *argv[] = {"sh", "-c", "printf '%s|' \"$@\"; echo oops >&2; exit 3", "sh", "a b", "$HOME\n'", "", NULL};
    rk__batch_answer answer;
    assert_int_equal(rk__batch_ask(&answer, argv, NULL), RK_OK);
    assert_int_equal(answer.code, 3);
    assert_string_equal(rk__text_get(&answer.out), "a b|$HOME\n'||");
    assert_string_equal(rk__text_get(&answer.err), "oops\n");
    rk__batch_answer_fini(&answer);
}

static void a_command_that_is_not_there_is_told(void **state) {
    (void)state;
    const char *argv[] = {"rankine-no-such-program", NULL};
    rk__batch_answer answer;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__batch_ask(&answer, argv, &err), RK_ENOENT);
    assert_string_equal(err.message, "rankine-no-such-program: not found along PATH: there is no Slurm here");
    rk__batch_answer_fini(&answer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_become_lines_in_every_form),
        cmocka_unit_test(values_are_quoted_as_sbatch_reads_them),
        cmocka_unit_test(what_the_script_cannot_live_with_is_refused),
        cmocka_unit_test(the_warning_comes_in_time),
        cmocka_unit_test(what_is_given_is_not_given_twice),
        cmocka_unit_test(times_are_read_as_slurm_writes_them),
        cmocka_unit_test(script_runs_once_and_resumes_then),
        cmocka_unit_test(script_that_resumes_never_runs_anew),
        cmocka_unit_test(script_asks_for_the_next_start_until_done),
        cmocka_unit_test_setup(job_is_read_from_the_environment, forget_job),
        cmocka_unit_test_setup(tasks_are_counted_over_the_nodes, forget_job),
        cmocka_unit_test(note_is_read_back),
        cmocka_unit_test(a_job_is_known_by_its_command),
        cmocka_unit_test(a_command_is_given_its_words_as_they_are),
        cmocka_unit_test(a_command_that_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
