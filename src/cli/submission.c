#include "cli/submission.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/drive.h"
#include "cli/quote.h"
#include "cli/request.h"
#include "cli/tasks_from.h"

/* ---- what is to be run ---- */

/* What means something else in a job, or could not be done twice. */
static rk_status check_words(const rk__cli *outer, const rk__arguments *a, rk_error *err) {
    if (a->command != RK__COMMAND_RUN && a->command != RK__COMMAND_RESUME)
        return rk__fail(err, RK_EINVAL, "submit: 'run ...' or 'resume FILE' is expected behind '--', not '%s'",
                        outer->arguments.words[0]);
    if (a->help || a->version || a->dry_run)
        return rk__fail(err, RK_EINVAL, "submit: --help, --version and --dry-run stand before '--'");
    if (a->force)
        return rk__fail(err, RK_EINVAL,
                        "submit: --force: a job that is started again could not tell the old file from its own; remove "
                        "the old file, or choose another name with -o");
    if (a->hostfile != NULL)
        return rk__fail(err, RK_EINVAL, "submit: --hostfile %s: Slurm chooses the hosts (--nodelist, --constraint)",
                        a->hostfile);
    if (a->ranks > 0 && outer->arguments.srun)
        return rk__fail(err, RK_EINVAL, "submit: -n %d: with --srun ranks are Slurm's tasks: submit --ntasks=%d",
                        a->ranks, a->ranks);
    return RK_OK;
}

static rk_status look_at_run(rk__cli *inner, rk__submission *out, rk_error *err) {
    rk__text command_line = RK__TEXT_INIT;
    rk__run_options options;
    rk__run_plan plan;
    rk__tasks_from tasks;
    rk_status status = rk__tasks_from_take(inner, &tasks, err);
    if (status == RK_OK && tasks.spooled != NULL)
        status =
            rk__fail(err, RK_EINVAL, "submit: --tasks-from %s can be read only once, and not in a job: make it a file",
                     inner->arguments.tasks_from);
    if (status == RK_OK)
        status = rk__request_make(inner, &options, &command_line, err);
    if (status == RK_OK) {
        options.listener = (rk__listener){rk__cli_hear, inner};
        status = rk__run_prepare(&options, &plan, err);
    }
    if (status == RK_OK) {
        snprintf(out->file, sizeof out->file, "%s", plan.path);
        snprintf(out->kernel, sizeof out->kernel, "%s", plan.space->kernel->name);
        out->tasks = plan.tasks;
        rk__run_plan_fini(&plan);
    }
    rk__text_fini(&command_line);
    rk__tasks_from_fini(&tasks);
    return status;
}

/* A file that lost its seal is mended by the job. */
static rk_status look_at_file(const rk__cli *inner, rk__submission *out, rk_error *err) {
    rk__record *record = NULL;
    char absolute[PATH_MAX];
    RK_TRY(rk__cli_words(inner, 1, 1, "one run file", err));
    const char *path = inner->arguments.words[0];
    snprintf(out->file, sizeof out->file, "%s", realpath(path, absolute) ? absolute : path);
    if (inner->arguments.repair && rk__record_lost_seal(path))
        return RK_OK;
    RK_TRY(rk__record_open(&record, path, false, err));
    snprintf(out->kernel, sizeof out->kernel, "%s", rk__record_identity(record)->kernel_name);
    out->tasks = rk__schema_part_tasks(rk__record_schema(record));
    rk__record_close(record);
    return RK_OK;
}

/* ---- its words ---- */

/* What belongs to the machine and to this session holds for a resume, too; what belongs to the run is in its file. */
static void add_resume(const rk__arguments *a, rk__text *out) {
    size_t count;
    const rk__option *options = rk__options(&count);
    rk__text_add(out, "resume \"$file\"");
    for (size_t i = 0; i < count; i++) {
        bool kept_by_file = a->command == RK__COMMAND_RUN && options[i].group == RK__GROUP_FAILURES;
        if (a->given[i] == NULL || kept_by_file || !rk__option_applies(&options[i], RK__COMMAND_RESUME))
            continue;
        rk__text_add(out, " --%s", options[i].name);
        if (*a->given[i] != '\0') {
            rk__text_add(out, "=");
            rk__quote_add(out, a->given[i]);
        }
    }
}

enum { TYPED, PROGRAM, RUN_FILE, SCRIPT, NOTE, RUN, RESUME, TEXTS };

static void fill_texts(const rk__cli *cli, const rk__arguments *inner, const char *file, rk__text texts[TEXTS]) {
    char own[PATH_MAX], beside[RK__BATCH_PATH_MAX];
    rk__quote_add_words(&texts[TYPED], cli->argv, (size_t)cli->argc);
    rk__quote_add(&texts[PROGRAM], rk__drive_own_path(cli, own, sizeof own));
    rk__quote_add(&texts[RUN_FILE], rk__display_path(file));
    rk__batch_script_path(file, beside);
    rk__quote_add(&texts[SCRIPT], beside);
    rk__batch_note_path(file, beside);
    rk__quote_add(&texts[NOTE], rk__display_path(beside));
    rk__quote_add_words(&texts[RUN], (char *const *)(uintptr_t)cli->arguments.words, cli->arguments.word_count);
    add_resume(inner, &texts[RESUME]);
}

static void write_script(const rk__cli *cli, const rk__arguments *inner, const rk__batch_directives *directives,
                         rk__submission *out) {
    rk__text texts[TEXTS] = {RK__TEXT_INIT};
    fill_texts(cli, inner, out->file, texts);
    rk__batch_script script = {.directives = directives,
                               .typed = rk__text_get(&texts[TYPED]),
                               .program = rk__text_get(&texts[PROGRAM]),
                               .file = rk__text_get(&texts[RUN_FILE]),
                               .path = rk__text_get(&texts[SCRIPT]),
                               .note = rk__text_get(&texts[NOTE]),
                               .run = inner->command == RK__COMMAND_RUN ? rk__text_get(&texts[RUN]) : NULL,
                               .resume = rk__text_get(&texts[RESUME]),
                               .srun = cli->arguments.srun,
                               .restarts = cli->arguments.restarts};
    rk__batch_script_write(&script, &out->script);
    for (size_t i = 0; i < TEXTS; i++) {
        out->script.failed = out->script.failed || texts[i].failed;
        rk__text_fini(&texts[i]);
    }
}

/* ---- the whole ---- */

/* "sweep" for /home/me/sweep.h5 */
static void name_job(const char *file, char *out, size_t size) {
    const char *slash = strrchr(file, '/'), *name = slash != NULL ? slash + 1 : file, *dot = strrchr(name, '.');
    int length = dot != NULL && dot != name ? (int)(dot - name) : (int)strlen(name);
    snprintf(out, size, "%.*s", length, name);
}

static rk_status enter(const rk__batch_directives *directives, rk_error *err) {
    if (directives->chdir == NULL || chdir(directives->chdir) == 0)
        return RK_OK;
    return rk__fail(err, RK_ENOENT, "--chdir=%s: %s", directives->chdir, rk__errno_text(errno));
}

static rk_status make(const rk__cli *cli, rk__cli *inner, rk__batch_directives *directives, rk__submission *out,
                      rk_error *err) {
    char here[PATH_MAX], name[NAME_MAX + 1];
    RK_TRY(rk__arguments_parse(&inner->arguments, inner->argc, (char **)(uintptr_t)inner->argv, err));
    RK_TRY(check_words(cli, &inner->arguments, err));
    RK_TRY(rk__batch_directives_read(directives, cli->arguments.batch, cli->arguments.batch_count, err));
    RK_TRY(enter(directives, err));
    RK_TRY(
        (inner->arguments.command == RK__COMMAND_RUN ? look_at_run(inner, out, err) : look_at_file(inner, out, err)));
    if (getcwd(here, sizeof here) == NULL)
        return rk__fail(err, RK_EIO, "the working directory: %s", rk__errno_text(errno));
    name_job(out->file, name, sizeof name);
    RK_TRY(rk__batch_directives_complete(directives, name, here, err));
    write_script(cli, &inner->arguments, directives, out);
    return out->script.failed ? rk__fail(err, RK_ENOMEM, "out of memory for the script") : RK_OK;
}

rk_status rk__submission_make(const rk__cli *cli, rk__submission *out, rk_error *err) {
    const rk__arguments *a = &cli->arguments;
    rk__batch_directives directives = {.lines = RK__TEXT_INIT};
    const char **words = NULL;
    *out = (rk__submission){.tasks = 0};
    if (a->word_count == 0)
        return rk__fail(
            err, RK_EINVAL,
            "submit: what is to be run is expected behind '--': rankine submit --nodes=3 -- run KERNEL ...");
    RK_TRY(rk__alloc((void **)&words, a->word_count + 2, sizeof *words, "words", err));
    words[0] = a->program;
    memcpy(words + 1, a->words, a->word_count * sizeof *words);
    rk__cli inner = {.linked = cli->linked, .argv = (char *const *)(uintptr_t)words, .argc = (int)a->word_count + 1};
    rk_status status = make(cli, &inner, &directives, out, err);
    rk__arguments_fini(&inner.arguments);
    rk__batch_directives_fini(&directives);
    free(words);
    return status;
}

void rk__submission_fini(rk__submission *submission) {
    rk__text_fini(&submission->script);
}
