#include "cli/tasks_from.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/drive.h"

static rk_status read_all(int from, const char *name, rk__text *text, rk_error *err) {
    char piece[1 << 15];
    ssize_t got;
    while ((got = read(from, piece, sizeof piece)) != 0) {
        if (got < 0 && errno != EINTR)
            return rk__fail(err, RK_EIO, "--tasks-from %s: %s", name, rk__errno_text(errno));
        if (got > 0)
            rk__text_add_bytes(text, piece, (size_t)got);
    }
    return text->failed ? rk__fail(err, RK_ENOMEM, "--tasks-from %s: out of memory", name) : RK_OK;
}

static bool write_all(int to, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t put = write(to, bytes, length);
        if (put < 0 && errno != EINTR)
            return false;
        bytes += put > 0 ? put : 0;
        length -= put > 0 ? (size_t)put : 0;
    }
    return true;
}

/* Other hosts may not see this one's temporary directory, but they see the one that the run is in. */
static rk_status spool(const rk__cli *cli, const rk__text *text, rk__tasks_from *out, rk_error *err) {
    char path[PATH_MAX];
    const char *directory = cli->arguments.hostfile != NULL ? "." : getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/rankine-tasks-XXXXXX",
             directory != NULL && *directory != '\0' ? directory : "/tmp");
    int to = mkstemp(path);
    if (to < 0)
        return rk__fail(err, RK_EIO, "--tasks-from: cannot make %s: %s; set TMPDIR to another place", path,
                        rk__errno_text(errno));
    out->spooled = rk__strdup(path);
    bool written = out->spooled != NULL && write_all(to, rk__text_get(text), text->length);
    rk_status status =
        written ? RK_OK : rk__fail(err, RK_EIO, "--tasks-from: cannot write %s: %s", path, rk__errno_text(errno));
    close(to);
    if (out->spooled == NULL)
        unlink(path);
    return status;
}

static rk_status read_and_spool(const rk__cli *cli, const char *name, rk__tasks_from *out, rk_error *err) {
    rk__text text = RK__TEXT_INIT;
    int from = strcmp(name, "-") == 0 ? dup(STDIN_FILENO) : open(name, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return rk__fail(err, RK_EIO, "--tasks-from %s: %s", name, rk__errno_text(errno));
    rk_status status = read_all(from, name, &text, err);
    close(from);
    if (status == RK_OK)
        status = spool(cli, &text, out, err);
    rk__text_fini(&text);
    return status;
}

/* Only rank 0 has a standard input, and only it needs the tasks. Names such as /dev/stdin and /proc/self/fd/3 mean
 * something else in another process. */
static bool must_be_spooled(const char *name) {
    struct stat info;
    if (rk__drive_is_silent_rank())
        return false;
    if (strcmp(name, "-") == 0 || strncmp(name, "/dev/", 5) == 0 || strncmp(name, "/proc/", 6) == 0)
        return true;
    return stat(name, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static char *joined(const char *before, const char *after) {
    size_t length = strlen(before) + strlen(after) + 1;
    char *text = malloc(length);
    if (text != NULL)
        snprintf(text, length, "%s%s", before, after);
    return text;
}

/* The ranks find the file under its own name: "--tasks-from -" and "--tasks-from=-". */
static void change_forward(rk__arguments *a, rk__tasks_from *tasks) {
    static const char option[] = "--tasks-from";
    size_t length = sizeof option - 1;
    for (char **word = a->forward; *word != NULL; word++) {
        if (strncmp(*word, option, length) != 0)
            continue;
        if ((*word)[length] == '=')
            *word = tasks->option;
        else if ((*word)[length] == '\0' && word[1] != NULL)
            *++word = tasks->spooled;
    }
}

rk_status rk__tasks_from_take(rk__cli *cli, rk__tasks_from *out, rk_error *err) {
    rk__arguments *a = &cli->arguments;
    *out = (rk__tasks_from){0};
    if (a->tasks_from == NULL)
        return RK_OK;
    if (a->word_count == 0)
        return rk__fail(err, RK_EINVAL, "--tasks-from %s: a kernel is expected: rankine run command --tasks-from %s",
                        a->tasks_from, a->tasks_from);
    if (must_be_spooled(a->tasks_from))
        RK_TRY(read_and_spool(cli, a->tasks_from, out, err));
    const char *path = out->spooled != NULL ? out->spooled : a->tasks_from;
    out->setting = joined("line=@", path);
    out->option = joined("--tasks-from=", path);
    if (out->setting == NULL || out->option == NULL)
        return rk__fail(err, RK_ENOMEM, "--tasks-from %s: out of memory", a->tasks_from);
    if (out->spooled != NULL) {
        change_forward(a, out);
        cli->stand_in = out->spooled;
        cli->stands_for = strcmp(a->tasks_from, "-") == 0 ? "standard input" : a->tasks_from;
    }
    a->words[a->word_count++] = out->setting; /* there is room: the option's own word is not among them */
    return RK_OK;
}

void rk__tasks_from_fini(rk__tasks_from *tasks) {
    if (tasks->spooled != NULL)
        unlink(tasks->spooled);
    free(tasks->spooled);
    free(tasks->setting);
    free(tasks->option);
    *tasks = (rk__tasks_from){0};
}
