/* rankine submit [sbatch options] -- run ... */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/jsonout.h"
#include "cli/quote.h"
#include "cli/submission.h"

/* Two jobs for one file would be in each other's way, and the second one's script would replace the first one's. */
static rk_status check_queue(const rk__submission *s, rk_error *err) {
    rk__batch_note note;
    rk__batch_entry entry;
    bool found = false;
    if (!rk__batch_note_read(s->file, &note))
        return RK_OK;
    RK_TRY(rk__batch_find(note.id, &entry, &found, err));
    if (!found || !rk__batch_entry_lives(&entry))
        return RK_OK;
    return rk__fail(err, RK_EEXIST, "%s is the file of job %s, which is %s: wait for it, or scancel %s",
                    rk__display_path(s->file), note.id, entry.state, note.id);
}

static rk_status write_file(const char *path, const rk__text *text, rk_error *err) {
    FILE *stream = fopen(path, "w");
    bool written = stream != NULL && fwrite(rk__text_get(text), 1, text->length, stream) == text->length;
    if (stream != NULL)
        written = fclose(stream) == 0 && written;
    return written ? RK_OK : rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
}

/* Where a script lies while it is not known whether another takes its place. */
static void path_before(const char *path, char out[RK__BATCH_PATH_MAX + 8]) {
    snprintf(out, RK__BATCH_PATH_MAX + 8, "%s.before", path);
}

/* A job that was refused leaves what was there before. Where no answer came it may have been taken, and the script is
 * what it goes by. */
static rk_status settle_script(const char *path, rk_status status, rk_error *err) {
    char before[RK__BATCH_PATH_MAX + 8];
    path_before(path, before);
    if (status == RK_ETIMEDOUT) {
        char said[RK_ERROR_TEXT_MAX];
        memcpy(said, err->message, sizeof said);
        rk__fail(err, status, "%s It may have taken the job all the same (squeue --me), so the script stays: %s", said,
                 rk__display_path(path));
    }
    if (status == RK_OK || status == RK_ETIMEDOUT)
        unlink(before);
    else if (rename(before, path) != 0)
        unlink(path);
    return status;
}

static rk_status submit_script(const rk__submission *s, const char *path, char id[32], rk_error *err) {
    char before[RK__BATCH_PATH_MAX + 8];
    path_before(path, before);
    if (rename(path, before) != 0 && errno != ENOENT)
        return rk__fail(err, RK_EIO, "%s: %s", path, rk__errno_text(errno));
    rk_status status = write_file(path, &s->script, err);
    if (status == RK_OK)
        status = rk__batch_submit(path, id, err);
    return settle_script(path, status, err);
}

static rk_status submit(const rk__submission *s, uint64_t restarts, char path[RK__BATCH_PATH_MAX], char id[32],
                        rk_error *err) {
    rk__batch_note note = {.restarts = restarts};
    RK_TRY(check_queue(s, err));
    rk__batch_script_path(s->file, path);
    RK_TRY(submit_script(s, path, note.id, err));
    memcpy(id, note.id, sizeof note.id);
    return rk__batch_note_write(s->file, &note, err);
}

static void add_facts(rk__json *json, const rk__submission *s) {
    rk__json_string(json, "kernel", s->kernel);
    rk__json_string(json, "file", s->file);
    rk__json_u64(json, "tasks", s->tasks);
}

static int show_script(const rk__cli *cli, rk__submission *s) {
    if (cli->arguments.json) {
        rk__json json = {0};
        rk__jsonout_begin(&json, RK_EXIT_OK);
        rk__json_bool(&json, "dry_run", true);
        add_facts(&json, s);
        rk__json_string(&json, "text", rk__text_get(&s->script));
        return rk__jsonout_print(&json, RK_EXIT_OK);
    }
    return rk__cli_print(&s->script, RK_EXIT_OK);
}

static int show_job(const rk__cli *cli, const rk__submission *s, const char *path, const char *id) {
    char log[RK__BATCH_PATH_MAX];
    bool has_log = rk__batch_log_of(id, log, sizeof log, NULL) == RK_OK; /* it may have ended, and be forgotten */
    if (cli->arguments.json) {
        rk__json json = {0};
        rk__jsonout_begin(&json, RK_EXIT_OK);
        rk__json_string(&json, "job", id);
        rk__json_string(&json, "script", path);
        rk__json_string(&json, "log", has_log ? log : NULL);
        add_facts(&json, s);
        return rk__jsonout_print(&json, RK_EXIT_OK);
    }
    rk__text out = RK__TEXT_INIT, quoted = RK__TEXT_INIT;
    char tasks[40];
    rk__text_add(&out, "job %s: %s, %s\n\n", id, s->kernel,
                 rk__display_number_of(s->tasks, "task", tasks, sizeof tasks));
    rk__display_fact(&out, "file", "%s", rk__display_path(s->file));
    rk__display_fact(&out, "script", "%s", rk__display_path(path));
    if (has_log)
        rk__display_fact(&out, "log", "%s", rk__display_path(log));
    rk__quote_add(&quoted, rk__display_path(s->file));
    rk__display_fact(&out, "look", "rankine status %s", rk__text_get(&quoted));
    rk__text_fini(&quoted);
    return rk__cli_print(&out, RK_EXIT_OK);
}

int rk__cmd_submit(rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__submission s;
    char path[RK__BATCH_PATH_MAX], id[32];
    int code;
    if (rk__submission_make(cli, &s, &err) != RK_OK)
        code = rk__cli_fail(cli, &err);
    else if (cli->arguments.dry_run)
        code = show_script(cli, &s);
    else if (submit(&s, cli->arguments.restarts, path, id, &err) != RK_OK)
        code = rk__cli_fail(cli, &err);
    else
        code = show_job(cli, &s, path, id);
    rk__submission_fini(&s);
    return code;
}
