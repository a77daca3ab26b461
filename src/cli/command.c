/* The way in: what the command line asks for, and who does it. */
#include <rankine/command.h>

#include <hdf5.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/drive.h"
#include "cli/guard.h"
#include "cli/help.h"
#include "cli/jsonout.h"

typedef int (*command_fn)(rk__cli *cli);

static int cmd_help(rk__cli *cli) {
    const rk__arguments *a = &cli->arguments;
    rk_error err = RK_ERROR_INIT;
    rk__text out = RK__TEXT_INIT;
    if (rk__cli_words(cli, 0, 1, "one topic", &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    if (a->word_count == 0)
        rk__help_overview(&out);
    else if (rk__help_topic(&out, a->words[0], &err) != RK_OK)
        return rk__cli_fail(cli, &err);
    return rk__cli_print(&out, RK_EXIT_OK);
}

static const command_fn commands[RK__COMMAND_COUNT] = {
    [RK__COMMAND_RUN] = rk__cmd_run,         [RK__COMMAND_RESUME] = rk__cmd_resume,
    [RK__COMMAND_SUBMIT] = rk__cmd_submit,   [RK__COMMAND_STATUS] = rk__cmd_status,
    [RK__COMMAND_KERNELS] = rk__cmd_kernels, [RK__COMMAND_INFO] = rk__cmd_info,
    [RK__COMMAND_WATCH] = rk__cmd_watch,     [RK__COMMAND_VERIFY] = rk__cmd_verify,
    [RK__COMMAND_DIGEST] = rk__cmd_digest,   [RK__COMMAND_CHECK] = rk__cmd_check,
    [RK__COMMAND_MERGE] = rk__cmd_merge,     [RK__COMMAND_NEW] = rk__cmd_new,
    [RK__COMMAND_DOCTOR] = rk__cmd_doctor,   [RK__COMMAND_HELP] = cmd_help,
};

/* ---- --version ---- */

static void mpi_version(char *buffer, size_t size) {
    char library[MPI_MAX_LIBRARY_VERSION_STRING];
    int length = 0, major = 0, minor = 0;
    MPI_Get_library_version(library, &length); /* these two may be called before MPI_Init */
    MPI_Get_version(&major, &minor);
    library[strcspn(library, ",\n")] = '\0';
    snprintf(buffer, size, "%.120s (MPI %d.%d)", library, major, minor);
}

static int show_version(const rk__cli *cli) {
    char mpi[160], hdf5[48];
    unsigned major = 0, minor = 0, release = 0;
    mpi_version(mpi, sizeof mpi);
    H5get_libversion(&major, &minor, &release);
    snprintf(hdf5, sizeof hdf5, "%u.%u.%u", major, minor, release);
    if (cli->arguments.json) {
        rk__json json = {0};
        rk__jsonout_begin(&json, RK_EXIT_OK);
        rk__json_string(&json, "rankine", RANKINE_VERSION);
        rk__json_string(&json, "mpi", mpi);
        rk__json_string(&json, "hdf5", hdf5);
        return rk__jsonout_print(&json, RK_EXIT_OK);
    }
    rk__text out = RK__TEXT_INIT;
    rk__text_add(&out, "rankine %s\nMPI: %s\nHDF5: %s\n", RANKINE_VERSION, mpi, hdf5);
    return rk__cli_print(&out, RK_EXIT_OK);
}

/* ---- who does it ---- */

static int show_help(const rk__cli *cli) {
    rk__text out = RK__TEXT_INIT;
    if (cli->arguments.command == RK__COMMAND_NONE)
        rk__help_overview(&out);
    else
        rk__help_command(&out, cli->arguments.command);
    return rk__cli_print(&out, RK_EXIT_OK);
}

static int show_usage(const rk__cli *cli) {
    rk_error err = RK_ERROR_INIT;
    rk__fail(&err, RK_EINVAL, "a command is expected, such as: rankine run pi --repeat 1000 (see rankine --help)");
    return rk__cli_fail(cli, &err);
}

/* Commands other than these are done by one process, also if mpirun started several. */
static bool is_for_all_ranks(const rk__arguments *a) {
    bool together =
        a->command == RK__COMMAND_RUN || a->command == RK__COMMAND_RESUME || a->command == RK__COMMAND_DOCTOR;
    return together && !a->dry_run && !a->help && !a->version;
}

static int dispatch(rk__cli *cli) {
    const rk__arguments *a = &cli->arguments;
    if (!is_for_all_ranks(a) && rk__drive_is_silent_rank())
        return RK_EXIT_OK;
    if (a->version)
        return show_version(cli);
    if (a->help)
        return show_help(cli);
    if (a->command == RK__COMMAND_NONE)
        return show_usage(cli);
    return commands[a->command](cli);
}

/* Before HDF5 or MPI are touched. Readers take flock on the run file, and ours must not be turned away by theirs. */
static void prepare_process(void) {
    setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
    signal(SIGPIPE, SIG_IGN);
}

int rk_command_main(int argc, char **argv, const rk_kernel *const *linked) {
    H5dont_atexit(); /* its tidying crashes after a close that failed, as on a full disk (seen with 1.10.8) */
    rk__launch_take_secret();
    prepare_process();
    rk_error err = RK_ERROR_INIT;
    rk__cli cli = {.linked = linked, .argv = argv, .argc = argc};
    int code;
    bool parsed = rk__arguments_parse(&cli.arguments, argc, argv, &err) == RK_OK;
    if (cli.arguments.json && cli.arguments.command != RK__COMMAND_WATCH)
        rk__cli_take_stdout();
    rk__guard_set(RK__GUARD_COMMAND);
    if (parsed)
        code = dispatch(&cli);
    else
        code = rk__drive_is_silent_rank() ? RK_EXIT_OK : rk__cli_fail(&cli, &err);
    rk__guard_set(RK__GUARD_NONE);
    rk__cli_give_stdout_back();
    rk__arguments_fini(&cli.arguments);
    return code;
}
