#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "world/launch_private.h"
#include "world/launch_relay.h"

enum { COLUMNS_UNKNOWN = 80 };
#define SECOND_SIGNAL_NS UINT64_C(500000000)

static const char *job_directory(void) {
    const char *directory = getenv("RANKINE_JOB");
    return directory != NULL && *directory == '/' ? directory : NULL;
}

bool rk__launch_is_watched(void) {
    return job_directory() != NULL;
}

/* Of the process, as the environment is from which it comes. */
static char secret[RK__SECRET_BYTES];

void rk__launch_take_secret(void) {
    const char *value = getenv("RANKINE_SECRET");
    snprintf(secret, sizeof secret, "%s", value != NULL ? value : "");
    unsetenv("RANKINE_SECRET");
}

const char *rk__launch_secret(void) {
    return secret;
}

uint64_t rk__launch_random(void) {
    uint64_t value = rk__wall_ns() ^ (uint64_t)getpid() << 40; /* should there be no /dev/urandom */
    FILE *source = fopen("/dev/urandom", "rb");
    if (source != NULL) {
        uint64_t drawn;
        if (fread(&drawn, sizeof drawn, 1, source) == 1)
            value ^= drawn;
        fclose(source);
    }
    return value;
}

void rk__launch_job_name(char *buffer, size_t size) {
    const char *directory = job_directory();
    if (directory != NULL)
        rk__launch_name_of(directory, buffer, size);
    else
        snprintf(buffer, size, "/rankine-%016llx", (unsigned long long)rk__launch_random());
}

/* To a launcher on another host, by way of mpirun: see rk__relay. */
static void say_word(const char *word) {
    char text[64];
    if (*secret == '\0')
        return;
    int length = snprintf(text, sizeof text, "%c%s %s\n", RK__LAUNCH_WORD, secret, word);
    ssize_t ignored = write(STDERR_FILENO, text, (size_t)length);
    (void)ignored;
}

int rk__launch_open_output(void) {
    char path[PATH_MAX];
    const char *directory = job_directory();
    if (rk__launch_labels_output())
        say_word("closing");
    if (directory == NULL || snprintf(path, sizeof path, "%s/output", directory) >= (int)sizeof path)
        return -1;
    return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

void rk__launch_begin(void) {
    char path[PATH_MAX];
    const char *directory = job_directory();
    if (directory == NULL || snprintf(path, sizeof path, "%s/begun", directory) >= (int)sizeof path)
        return;
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        say_word("begun");
        return;
    }
    fprintf(file, "%ld\n", (long)getpid());
    fclose(file);
}

static bool write_code(const char *path, int exit_code, bool broken) {
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return false;
    bool written = fprintf(file, "%d %d\n", exit_code, broken) > 0;
    return fclose(file) == 0 && written;
}

bool rk__launch_report(int exit_code, bool broken) {
    const char *directory = job_directory();
    if (directory == NULL)
        return false;
    char path[PATH_MAX], unfinished[PATH_MAX];
    int used = snprintf(unfinished, sizeof unfinished, "%s/exit.tmp", directory);
    if (used < 0 || (size_t)used >= sizeof unfinished)
        return false;
    snprintf(path, sizeof path, "%.*s", used - 4, unfinished);
    if (access(directory, F_OK) != 0) {
        char word[32];
        snprintf(word, sizeof word, "exit %d %d", exit_code, broken);
        say_word(word);
        return true;
    }
    return write_code(unfinished, exit_code, broken) && rename(unfinished, path) == 0;
}

static bool is_mpirun(pid_t pid) {
    static const char *const names[] = {"mpirun", "mpiexec", "orterun", "prterun"};
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/%ld/comm", (long)pid);
    FILE *file = fopen(path, "r");
    bool read = file != NULL && fgets(name, sizeof name, file) != NULL;
    if (file != NULL)
        fclose(file);
    name[strcspn(name, "\n")] = '\0';
    for (size_t i = 0; read && i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

/* A second signal within five seconds ends Open MPI 4.1's mpirun without waiting for its daemons; at the first one it
 * ends us, by TERM and a second later by KILL. */
bool rk__launch_end_mpirun(void) {
    pid_t parent = getppid();
    if (!is_mpirun(parent))
        return getenv("OMPI_MCA_orte_hnp_uri") == NULL; /* srun's end is its own */
    signal(SIGTERM, SIG_IGN);
    kill(parent, SIGTERM);
    rk__sleep_ns(SECOND_SIGNAL_NS);
    if (getppid() == parent)
        kill(parent, SIGTERM);
    return true;
}

int rk__launch_own_columns(void) {
    struct winsize window;
    if (!isatty(STDERR_FILENO))
        return 0;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0)
        return COLUMNS_UNKNOWN;
    return window.ws_col;
}

int rk__launch_tty_columns(void) {
    const char *text = getenv("RANKINE_TTY");
    uint64_t columns;
    if (text != NULL && rk__parse_u64(text, &columns) && columns <= INT_MAX)
        return (int)columns;
    return rk__launch_own_columns();
}
