/* Ranks are started, and looked after until their end. If they died, what there is to go on with is said. */
#include "cli/drive_private.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/hosts.h"
#include "cli/life.h"
#include "cli/quote.h"
#include "cli/request.h"
#include "cli/spaceout.h"

const char *rk__drive_own_path(const rk__cli *cli, char *buffer, size_t size) {
    ssize_t length = readlink("/proc/self/exe", buffer, size - 1);
    if (length > 0) {
        buffer[length] = '\0';
        return buffer;
    }
    const char *name = cli->arguments.program;
    char resolved[PATH_MAX];
    if (strchr(name, '/') == NULL || realpath(name, resolved) == NULL)
        return name; /* mpirun looks along PATH, as the shell did */
    snprintf(buffer, size, "%s", resolved);
    return buffer;
}

void rk__drive_command_line(const rk__cli *cli, int ranks, rk__text *out) {
    char path[PATH_MAX];
    rk__text_add(out, "mpirun -n %d", ranks);
    if (cli->arguments.hostfile != NULL) {
        rk__text_add(out, " --hostfile ");
        rk__quote_add(out, cli->arguments.hostfile);
    }
    rk__text_add(out, " ");
    rk__quote_add(out, rk__drive_own_path(cli, path, sizeof path));
    for (char *const *word = cli->arguments.forward + 1; *word != NULL; word++)
        if (strcmp(*word, "--dry-run") != 0) {
            rk__text_add(out, " ");
            rk__quote_add(out, *word);
        }
}

/* Which file stood at a path: tells a file that the run made from one that was there before. */
typedef struct file_mark {
    bool exists;
    dev_t device;
    ino_t inode;
} file_mark;

static file_mark mark_of(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0)
        return (file_mark){0};
    return (file_mark){true, status.st_dev, status.st_ino};
}

static bool same_mark(file_mark a, file_mark b) {
    return a.exists == b.exists && a.device == b.device && a.inode == b.inode;
}

/* What is to be added to `rankine resume FILE` after what ended the latest session. */
static const char *option_after(const rk__cli *cli, rk__record *record) {
    rk__session *sessions = NULL;
    rk__failure crash;
    size_t count = 0;
    rk__module module = {0};
    rk__space *space = NULL;
    const char *option = "";
    if (rk__record_read_sessions(record, &sessions, &count, NULL) == RK_OK &&
        rk__life_crash(record, rk__life_latest(sessions, count), &crash)) {
        rk__spaceout_load(rk__record_identity(record), cli->linked, &module, &space);
        option = rk__life_after_crash(module.kernel);
    }
    rk__space_destroy(space);
    rk__module_unload(&module);
    free(sessions);
    return option;
}

static bool scan_file(const rk__cli *cli, const char *path, uint64_t *done, uint64_t *tasks, const char **option) {
    rk__record *record = NULL;
    rk__totals totals;
    bool known =
        rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_scan(record, NULL, &totals, NULL) == RK_OK;
    if (known) {
        *done = totals.tasks_done;
        *tasks = rk__record_schema(record)->tasks;
        *option = option_after(cli, record);
    }
    rk__record_close(record);
    return known;
}

static bool is_complete(const char *path) {
    rk__record *record = NULL;
    uint64_t digest[2];
    bool complete =
        rk__record_open(&record, path, false, NULL) == RK_OK && rk__record_digest(record, digest, NULL) == RK_OK;
    rk__record_close(record);
    return complete;
}

/* Nothing to go on with. As asked: a rank that is still starting ends at the signal that has others finish their
 * tasks. */
static int say_nothing_begun(const rk__cli *cli, bool stopped, const rk__launch_result *result) {
    rk_error err = RK_ERROR_INIT;
    const char *hostfile = cli->arguments.hostfile != NULL ? cli->arguments.hostfile : "";
    if (stopped)
        rk__fail(&err, RK_EINTERRUPTED, "stopped before anything was begun: there is nothing to resume");
    else if (*result->why != '\0')
        rk__fail(&err, RK_EMPI, "the ranks did not all begin: %s", result->why);
    else if (result->stuck)
        rk__fail(&err, RK_EMPI,
                 "the ranks did not all begin: some ended while they started, or it took too long; "
                 "rankine doctor%s%s says what is wrong with a host",
                 *hostfile ? " --hostfile " : "", hostfile);
    else
        rk__fail(&err, RK_EMPI,
                 "the ranks ended without a result before there was a run file (mpirun's exit code is %d)%s%s",
                 result->exit_code, *hostfile ? "; what is wrong with a host says rankine doctor --hostfile " : "",
                 hostfile);
    return rk__cli_fail(cli, &err);
}

/* The ranks are gone and rank 0 left no result: what is there to go on with? */
static int say_died(const rk__cli *cli, const char *path, bool ours, const rk__launch_result *result) {
    rk_error err = RK_ERROR_INIT;
    uint64_t done, tasks;
    const char *option;
    if (rk__launch_tty_columns() > 0 && !cli->arguments.quiet)
        fputs("\r\033[K", stderr); /* a live line of theirs may stand there */
    if (!ours || !scan_file(cli, path, &done, &tasks, &option))
        return say_nothing_begun(cli, result->interrupted && !ours, result);
    const char *shown = rk__display_path(path);
    rk__text command = RK__TEXT_INIT;
    rk__drive_add_command(cli, path, option, &command);
    if (done == tasks && is_complete(path))
        rk__fail(&err, RK_EMPI, "the ranks left no result, but the run is complete: rankine info %s", shown);
    else
        rk__fail(&err, RK_EINTERRUPTED,
                 "the run ended before it was complete: %" PRIu64 " of %" PRIu64 " tasks are in %s; go on with: %s",
                 done, tasks, shown, rk__text_get(&command));
    rk__text_fini(&command);
    return rk__cli_fail(cli, &err);
}

int rk__drive_pass_output(int fd, int exit_code) {
    rk__text text = RK__TEXT_INIT;
    char piece[4096];
    ssize_t got = 0;
    while (fd >= 0 && (got = read(fd, piece, sizeof piece)) > 0)
        rk__text_add_bytes(&text, piece, (size_t)got);
    text.failed = text.failed || got < 0;
    if (fd >= 0)
        close(fd);
    return rk__cli_print(&text, exit_code);
}

int rk__drive_launch(rk__cli *cli, int ranks, const char *path, bool resuming) {
    rk_error err = RK_ERROR_INIT;
    char self[PATH_MAX];
    const char *own = rk__drive_own_path(cli, self, sizeof self);
    char *first = rk__strdup(own);
    if (first == NULL)
        return RK_EXIT_ERROR;
    cli->arguments.forward[0] = first;
    rk__hosts_job hosts = {cli->arguments.hostfile, own, ranks};
    rk__launch_options options = {.ranks = ranks,
                                  .hostfile = cli->arguments.hostfile,
                                  .doubt = hosts.hostfile != NULL ? rk__hosts_doubt : NULL,
                                  .doubt_ctx = &hosts,
                                  .cores_per_rank = rk__drive_cores_per_rank(&cli->arguments),
                                  .argv = cli->arguments.forward,
                                  .quiet = cli->arguments.quiet};
    rk__launch_result result = {0};
    file_mark before = mark_of(path);
    int code;
    rk__request_pass_on(cli);
    if (isatty(STDOUT_FILENO))
        setenv(RK__DRIVE_STDOUT_VARIABLE, "1", 1);
    rk__cli_give_stdout_back();
    rk_status status = rk__launch(&options, &result, &err);
    if (cli->arguments.json)
        rk__cli_take_stdout();
    if (status != RK_OK) {
        code = rk__cli_fail(cli, &err);
    } else if (result.reported) {
        code = rk__drive_pass_output(result.output_fd, result.exit_code);
    } else {
        file_mark after = mark_of(path);
        code = say_died(cli, path, after.exists && (resuming || !same_mark(before, after)), &result);
    }
    cli->arguments.forward[0] = NULL;
    free(first);
    return code;
}
