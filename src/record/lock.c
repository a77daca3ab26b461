/* One run at a time on a file, by whatever name.
 *
 * The lock is a file of its own beside the run file, ".NAME.lock": HDF5's readers take a flock on the run file, and
 * must not be shut out. It is held by an fcntl lock, which ends with the process, however it dies; the text in it says
 * who holds it. Where the file system knows no locks, the text decides: a process of this host that is alive, or a host
 * that cannot be asked, keeps others out.
 *
 * fcntl locks belong to the process and are lost when any descriptor of the file is closed: nobody else opens it.
 *
 * A hard link, or a file that was moved, has another name and so another lock file. Therefore the run file has a lock
 * too, on bytes far behind its end, of the kind that belongs to the open file description (fcntl(2), F_OFD_SETLK): HDF5
 * opens and closes the file as it likes. Where flock is made of byte ranges (NFS), readers' shared locks are on these
 * bytes too: ours is taken as an exclusive one and kept as a shared one. How many bytes it has says which process it is
 * of. Where there are no such locks, the lock file is all. */
#ifdef __linux__
#define _GNU_SOURCE /* F_OFD_SETLK; NOLINT(bugprone-reserved-identifier) */
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/record_private.h"

enum { HOLDER_MAX = 256, TRIES = 16 };

#define FILE_LOCK_AT (INT64_C(1) << 61)

struct rk__lock {
    int fd;
    int file_fd; /* of the run file; -1: none yet */
    char path[];
};

typedef struct holder {
    char host[128];
    long pid;
} holder;

static bool read_holder(int fd, holder *out) {
    char text[HOLDER_MAX];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    if (length <= 0)
        return false;
    text[length] = '\0';
    return sscanf(text, "host %127s pid %ld", out->host, &out->pid) == 2;
}

static rk_status held(const char *path, int fd, rk_error *err) {
    holder by;
    if (!read_holder(fd, &by))
        return rk__fail(err, RK_EEXIST, "%s is in use by another run; wait for it, or stop it", path);
    return rk__fail(
        err, RK_EEXIST,
        "%s is in use by the run of process %ld on host %s; wait for it, or stop it (a run whose launcher was "
        "killed ends by itself within seconds)",
        path, by.pid, by.host);
}

/* Without locks: is the one who is named there still alive? */
static bool seems_held(int fd, const char *host) {
    holder by;
    if (!read_holder(fd, &by) || (strcmp(by.host, host) == 0 && by.pid == (long)getpid()))
        return false;
    return strcmp(by.host, host) != 0 || kill((pid_t)by.pid, 0) == 0 || errno == EPERM;
}

/* Taken, unless the file was removed by its last holder between our open and our lock. */
static bool is_current(int fd, const char *path) {
    struct stat ours, there;
    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_ino == there.st_ino &&
           ours.st_dev == there.st_dev;
}

static rk_status write_holder(int fd, const char *path, const char *host, rk_error *err) {
    char text[HOLDER_MAX];
    int length = snprintf(text, sizeof text, "host %s pid %ld\n", host, (long)getpid());
    if (ftruncate(fd, 0) == 0 && pwrite(fd, text, (size_t)length, 0) == length)
        return RK_OK;
    return rk__fail(err, RK_EIO, "lock file %s: %s", path, rk__errno_text(errno));
}

static rk_status try_lock(const char *run_file, const char *path, const char *host, int fd, bool *again,
                          rk_error *err) {
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    *again = false;
    if (fcntl(fd, F_SETLK, &all) != 0) {
        if (errno == EACCES || errno == EAGAIN)
            return held(run_file, fd, err);
        if (seems_held(fd, host)) /* no locks here: ENOLCK, ENOSYS, ENOTSUP */
            return held(run_file, fd, err);
    }
    *again = !is_current(fd, path);
    return *again ? RK_OK : write_holder(fd, path, host, err);
}

static rk_status cannot_open(const char *path, int code, rk_error *err) {
    rk_status status = code == ENOENT || code == ENOTDIR       ? RK_ENOENT
                       : code == EACCES || code == EROFS       ? RK_EPERM
                       : code == ENAMETOOLONG || code == ELOOP ? RK_EINVAL
                                                               : RK_EIO;
    const char *slash = strrchr(path, '/');
    return rk__fail(err, status, "directory '%.*s' takes no lock file beside the run file: %s; choose another with -o",
                    (int)(slash ? slash - path : 1), slash ? path : ".", rk__errno_text(code));
}

static rk_status open_lock(const char *run_file, const char *path, const char *host, int *fd, rk_error *err) {
    bool again = true;
    for (int i = 0; i < TRIES && again; i++) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (*fd < 0)
            return cannot_open(path, errno, err);
        rk_status status = try_lock(run_file, path, host, *fd, &again, err);
        if (status != RK_OK || again)
            close(*fd);
        RK_TRY(status);
    }
    return again ? rk__fail(err, RK_EIO, "lock file %s: others take it and leave it all the time", path) : RK_OK;
}

/* ---- by the file ---- */

#ifdef F_OFD_SETLK
/* The host that the session which goes on in the file names for a process. */
static bool find_host(const char *path, long pid, char host[64]) {
    rk__record *record = NULL;
    rk__session *sessions = NULL;
    size_t count = 0;
    if (rk__record_open(&record, path, false, NULL) != RK_OK ||
        rk__record_read_sessions(record, &sessions, &count, NULL) != RK_OK)
        count = 0;
    bool found = false;
    for (size_t i = 0; i < count; i++)
        if (sessions[i].end_ns == 0 && (long)sessions[i].pid == pid) {
            found = true;
            memcpy(host, sessions[i].host, 64);
        }
    free(sessions);
    rk__record_close(record);
    return found;
}

static rk_status file_held(const char *path, const char *host, long pid, rk_error *err) {
    char there[64];
    bool known = find_host(path, pid, there);
    bool here = !known && (kill((pid_t)pid, 0) == 0 || errno == EPERM); /* before its session has begun */
    return rk__fail(err, RK_EEXIST,
                    "%s is in use by the run of process %ld on host %s, under another name; wait for it, or stop it",
                    path, pid,
                    known  ? there
                    : here ? host
                           : "(unknown)");
}

static rk_status lock_fd(const char *path, const char *host, int fd, rk_error *err) {
    struct flock ours = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = FILE_LOCK_AT, .l_len = 1 + (off_t)getpid()};
    struct flock theirs = ours;
    if (fcntl(fd, F_OFD_SETLK, &ours) != 0 && (errno == EACCES || errno == EAGAIN) &&
        fcntl(fd, F_OFD_GETLK, &theirs) == 0 && theirs.l_type != F_UNLCK && theirs.l_start == FILE_LOCK_AT)
        return file_held(path, host, (long)theirs.l_len - 1, err);
    ours.l_type = F_RDLCK;
    fcntl(fd, F_OFD_SETLK, &ours);
    return RK_OK;
}
#else
static rk_status lock_fd(const char *path, const char *host, int fd, rk_error *err) {
    (void)path, (void)host, (void)fd, (void)err;
    return RK_OK;
}
#endif

rk_status rk__lock_file(rk__lock *lock, const char *path, const char *host, rk_error *err) {
    struct stat info;
    int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) /* there is none, or whoever opens it for good says why it cannot be */
        return RK_OK;
    rk_status status = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? lock_fd(path, host, fd, err) : RK_OK;
    if (status != RK_OK) {
        close(fd);
        return status;
    }
    if (lock->file_fd >= 0)
        close(lock->file_fd);
    lock->file_fd = fd;
    return RK_OK;
}

/* ---- both ---- */

bool rk__lock_is_seen(const char *path, const char *host, long pid) {
    char name[RK__BESIDE_MAX];
    holder by = {.pid = 0};
    rk__path_beside(path, "lock", name);
    int fd = open(name, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    bool seen = read_holder(fd, &by) && by.pid == pid && strcmp(by.host, host) == 0 && rk__fd_is_shared_safely(fd);
    close(fd);
    return seen;
}

rk_status rk__lock_take(rk__lock **out, const char *path, const char *host, rk_error *err) {
    char name[RK__BESIDE_MAX];
    rk__lock *lock;
    int fd;
    rk__path_beside(path, "lock", name);
    RK_TRY(rk__alloc((void **)&lock, 1, sizeof *lock + strlen(name) + 1, "lock", err));
    rk_status status = open_lock(path, name, host, &fd, err);
    if (status != RK_OK) {
        free(lock);
        return status;
    }
    lock->fd = fd;
    lock->file_fd = -1;
    memcpy(lock->path, name, strlen(name) + 1);
    status = rk__lock_file(lock, path, host, err);
    if (status != RK_OK) {
        rk__lock_release(lock);
        return status;
    }
    *out = lock;
    return RK_OK;
}

/* Removed while it is still locked: whoever waits for it finds out that it is gone. */
void rk__lock_release(rk__lock *lock) {
    if (lock == NULL)
        return;
    unlink(lock->path);
    close(lock->fd);
    if (lock->file_fd >= 0)
        close(lock->file_fd);
    free(lock);
}
