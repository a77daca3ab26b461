/* The directory beside a run file that its logs are in. Anybody may have put things there: only regular files with
 * exactly the name of a log are looked at or removed, and a directory that is a symbolic link is refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/log_private.h"

enum { NAME_LENGTH_MAX = 255 };

void rk__logs_path(const char *run_file, char out[RK__LOG_PATH_MAX]) {
    const char *slash = strrchr(run_file, '/'), *name = slash ? slash + 1 : run_file;
    if (strlen(name) + strlen(".logs") <= NAME_LENGTH_MAX)
        snprintf(out, RK__LOG_PATH_MAX, "%s.logs", run_file);
    else
        rk__path_beside(run_file, "logs", out);
}

void rk__log_name(uint32_t session, uint32_t owner, char out[RK__LOG_NAME_MAX]) {
    snprintf(out, RK__LOG_NAME_MAX, "%u-%u.log", session, owner);
}

/* As it would be written: "01-2.log" and "1-2.log~" are somebody else's. */
static bool read_name(const char *name, uint32_t *session, uint32_t *owner) {
    char same[RK__LOG_NAME_MAX];
    if (sscanf(name, "%u-%u.log", session, owner) != 2)
        return false;
    rk__log_name(*session, *owner, same);
    return strcmp(name, same) == 0;
}

rk_status rk__log_failed(const char *path, rk_error *err) {
    return rk__fail(err, RK_EIO, "log %s: %s", path, errno == ENOSPC ? "the disk is full" : rk__errno_text(errno));
}

rk_status rk__logs_open(const char *run_file, int *fd, rk_error *err) {
    char path[RK__LOG_PATH_MAX];
    rk__logs_path(run_file, path);
    *fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*fd >= 0 || errno == ENOENT)
        return RK_OK;
    if (errno == ENOTDIR || errno == ELOOP)
        return rk__fail(err, RK_EFORMAT, "%s is not a directory that Rankine made, as its logs want it: remove it",
                        path);
    return rk__log_failed(path, err);
}

rk_status rk__logs_make(const char *run_file, int *fd, rk_error *err) {
    char path[RK__LOG_PATH_MAX];
    rk__logs_path(run_file, path);
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return rk__log_failed(path, err);
    RK_TRY(rk__logs_open(run_file, fd, err));
    return *fd >= 0 ? RK_OK : rk__fail(err, RK_EIO, "log directory %s: it was removed", path);
}

rk_status rk__log_open(int directory, const char *name, int flags, int *fd, rk_error *err) {
    struct stat info;
    *fd = openat(directory, name, flags | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (*fd < 0 && errno == ENOENT)
        return RK_OK;
    if (*fd < 0 && errno != ELOOP && errno != ENXIO)
        return rk__log_failed(name, err);
    if (*fd >= 0 && fstat(*fd, &info) == 0 && S_ISREG(info.st_mode))
        return RK_OK;
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return rk__fail(err, RK_EFORMAT, "log %s, beside the run file, is not a regular file: remove it", name);
}

rk_status rk__log_sync_in(int directory, const char *name, rk_error *err) {
    int fd;
    RK_TRY(rk__log_open(directory, name, O_WRONLY, &fd, err));
    if (fd < 0)
        return RK_OK;
    rk_status status = fsync(fd) == 0 ? RK_OK : rk__log_failed(name, err);
    close(fd);
    return status;
}

rk_status rk__logs_walk(const char *run_file, rk__logs_fn visit, void *ctx, rk_error *err) {
    int fd;
    uint32_t session, owner;
    const struct dirent *entry;
    RK_TRY(rk__logs_open(run_file, &fd, err));
    if (fd < 0)
        return RK_OK;
    DIR *directory = fdopendir(fd);
    if (directory == NULL) {
        close(fd);
        return rk__fail(err, RK_ENOMEM, "no memory for the logs of %s", run_file);
    }
    rk_status status = RK_OK;
    while (status == RK_OK && (entry = readdir(directory)) != NULL)
        if (read_name(entry->d_name, &session, &owner))
            status = visit(ctx, fd, entry->d_name, session, owner, err);
    closedir(directory);
    return status;
}

static rk_status count_log(void *ctx, int directory, const char *name, uint32_t session, uint32_t owner,
                           rk_error *err) {
    (void)directory, (void)name, (void)session, (void)owner, (void)err;
    ++*(uint64_t *)ctx;
    return RK_OK;
}

bool rk__logs_exist(const rk__record *record) {
    uint64_t count = 0;
    return rk__logs_walk(record->path, count_log, &count, NULL) != RK_OK || count > 0;
}

static rk_status sync_log(void *ctx, int directory, const char *name, uint32_t session, uint32_t owner, rk_error *err) {
    (void)ctx, (void)session, (void)owner;
    return rk__log_sync_in(directory, name, err);
}

rk_status rk__logs_sync(const char *run_file, rk_error *err) {
    return rk__logs_walk(run_file, sync_log, NULL, err);
}

static rk_status remove_log(void *ctx, int directory, const char *name, uint32_t session, uint32_t owner,
                            rk_error *err) {
    struct stat info;
    (void)ctx, (void)session, (void)owner, (void)err;
    if (fstatat(directory, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode))
        unlinkat(directory, name, 0);
    return RK_OK;
}

void rk__logs_remove(const char *run_file) {
    char path[RK__LOG_PATH_MAX];
    rk__logs_path(run_file, path);
    if (rk__logs_walk(run_file, remove_log, NULL, NULL) == RK_OK)
        rmdir(path); /* what is not ours keeps it */
}
