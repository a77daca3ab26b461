/* Directories of a job, and those that a killed launcher has left.
 *
 * A directory is alive as long as somebody holds the lock of the file "lock" in it; the kernel lets go of it when the
 * launcher dies, however. Its name has the host's: a lock may not be seen on other hosts of a shared file system. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "world/launch_private.h"

enum { UNLOCKED_SECONDS = 60 }; /* a directory without a lock may be just being made */

static void name_prefix(char *buffer, size_t size) {
    char host[32] = "";
    gethostname(host, sizeof host - 1); /* cut off, if long */
    snprintf(buffer, size, "rankine-%.*s-", (int)strcspn(host, "./"), host);
}

/* -1, or a descriptor that holds the lock of the file `name`. */
static int take_lock(const char *directory, const char *name, int flags) {
    char path[PATH_MAX];
    int used = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (used < 0 || (size_t)used >= sizeof path)
        return -1;
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* The file gets its name when it is locked: a sweep at the wrong moment would take a lock that is still to be had for
 * that of a dead launcher. */
static int make_lock(const char *directory) {
    char made[PATH_MAX], named[PATH_MAX];
    int fd = take_lock(directory, "lock.new", O_CREAT);
    snprintf(made, sizeof made, "%s/lock.new", directory);
    snprintf(named, sizeof named, "%s/lock", directory);
    if (fd >= 0 && rename(made, named) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

rk_status rk__launch_directory_make(rk__launch_directory *out, const char *parent, rk_error *err) {
    char path[PATH_MAX], prefix[64];
    name_prefix(prefix, sizeof prefix);
    int used = snprintf(path, sizeof path, "%s/%sXXXXXX", parent, prefix);
    if (used < 0 || (size_t)used >= sizeof path)
        return rk__fail(err, RK_EOVERFLOW, "TMPDIR=%.200s: the path is too long", parent);
    if (mkdtemp(path) == NULL)
        return rk__fail(err, RK_EIO,
                        "cannot make a directory for the job in '%s': %s; set TMPDIR to a directory that can be "
                        "written",
                        parent, rk__errno_text(errno));
    char *kept = rk__strdup(path);
    if (kept == NULL) {
        rmdir(path);
        return rk__fail(err, RK_ENOMEM, "out of memory");
    }
    *out = (rk__launch_directory){kept, make_lock(path)};
    return RK_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    remove(path); /* what stays, stays: go on with the others */
    return 0;
}

static void remove_tree(const char *path) {
    char name[RK__LAUNCH_NAME_MAX];
    rk__launch_name_of(path, name, sizeof name);
    rk__launch_unlink_segments(name);
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

void rk__launch_directory_remove(rk__launch_directory *directory) {
    if (directory->path != NULL)
        remove_tree(directory->path);
    if (directory->path != NULL && directory->lock_fd >= 0)
        close(directory->lock_fd);
    free(directory->path);
    *directory = (rk__launch_directory){NULL, -1};
}

/* Ours, and nobody's any more. */
static bool is_abandoned(const char *path, int lock_fd) {
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != geteuid())
        return false;
    return lock_fd >= 0 || (errno == ENOENT && time(NULL) - info.st_mtime > UNLOCKED_SECONDS);
}

static void sweep_entry(const char *path) {
    errno = 0;
    int lock_fd = take_lock(path, "lock", 0);
    if (is_abandoned(path, lock_fd))
        remove_tree(path);
    if (lock_fd >= 0)
        close(lock_fd);
}

void rk__launch_directory_sweep(const char *parent) {
    char path[PATH_MAX], prefix[64];
    name_prefix(prefix, sizeof prefix);
    size_t length = strlen(prefix);
    DIR *entries = opendir(parent);
    if (entries == NULL)
        return;
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        int used = snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        if (strncmp(entry->d_name, prefix, length) == 0 && strlen(entry->d_name) == length + 6 && used > 0 &&
            (size_t)used < sizeof path)
            sweep_entry(path);
    }
    closedir(entries);
}

/* ---- what a killed mpirun leaves ---- */

/* opal/util/os_dirpath, opal_tmp_directory(). */
static const char *session_parent(void) {
    static const char *const names[] = {"OMPI_MCA_orte_tmpdir_base", "TMPDIR", "TEMP", "TMP"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]) != NULL)
            return getenv(names[i]);
    return "/tmp";
}

static void remove_session(const char *top, pid_t mpirun) {
    char path[PATH_MAX];
    struct stat info;
    int used = snprintf(path, sizeof path, "%s/pid.%ld", top, (long)mpirun);
    if (used < 0 || (size_t)used >= sizeof path || lstat(path, &info) != 0 || !S_ISDIR(info.st_mode) ||
        info.st_uid != geteuid())
        return;
    nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    rmdir(top); /* other mpiruns of this user may be in it */
}

void rk__launch_session_remove(pid_t mpirun) {
    char host[64] = "", prefix[80], path[PATH_MAX];
    gethostname(host, sizeof host - 1);
    int length = snprintf(prefix, sizeof prefix, "ompi.%.*s.", (int)strcspn(host, "."), host);
    DIR *entries = opendir(session_parent());
    if (entries == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        int used = snprintf(path, sizeof path, "%s/%s", session_parent(), entry->d_name);
        if (strncmp(entry->d_name, prefix, (size_t)length) == 0 && used > 0 && (size_t)used < sizeof path)
            remove_session(path, mpirun);
    }
    closedir(entries);
}
