/* May a run file take this place? */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/record_private.h"

/* HDF5's signature stands at byte 0, or behind a user block at 512, 1024, 2048 … (format specification, II.A). */
static bool has_signature(int fd, off_t size) {
    static const char signature[8] = "\211HDF\r\n\032\n";
    char bytes[8];
    off_t at = 0;
    while (at < size) {
        if (pread(fd, bytes, sizeof bytes, at) == (ssize_t)sizeof bytes && memcmp(bytes, signature, sizeof bytes) == 0)
            return true;
        at = at == 0 ? 512 : 2 * at;
    }
    return false;
}

/* A slip of the pen, -o sweep.c, is not to cost a source file. */
static rk_status check_contents(const char *path, off_t size, rk_error *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rk__fail(err, errno == EACCES ? RK_EPERM : RK_EIO, "%s cannot be read, and is not overwritten: %s", path,
                        rk__errno_text(errno));
    bool ours = size == 0 || has_signature(fd, size);
    close(fd);
    return ours ? RK_OK
                : rk__fail(err, RK_EEXIST,
                           "%s is not an HDF5 file, and --force does not overwrite it: remove it yourself, or choose "
                           "another name with -o",
                           path);
}

rk_status rk__place_check(const char *path, bool force, rk_error *err) {
    struct stat info;
    if (lstat(path, &info) != 0)
        return RK_OK; /* free, or told when the file is made */
    if (S_ISDIR(info.st_mode))
        return rk__fail(err, RK_EINVAL, "output '%s' is a directory; name a file in it with -o", path);
    if (!force)
        return rk__fail(err, RK_EEXIST,
                        "%s exists: choose another name with -o, go on with it by 'rankine resume', or overwrite it "
                        "with --force",
                        path);
    if (!S_ISREG(info.st_mode))
        return rk__fail(err, RK_EINVAL, "%s is not a regular file: it is not overwritten", path);
    return check_contents(path, info.st_size, err);
}
