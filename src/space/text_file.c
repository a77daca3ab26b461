/* A text file that the user named, read whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "space/space_private.h"

static rk_status read_all(int fd, const char *path, const char *where, rk__text *text, rk_error *err) {
    enum { PIECE = 1 << 16 };
    char *piece = malloc(PIECE);
    ssize_t got = 0;
    if (piece == NULL)
        return rk__fail(err, RK_ENOMEM, "%sout of memory for '%s'", where, path);
    while ((got = read(fd, piece, PIECE)) != 0) {
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            rk__text_add_bytes(text, piece, (size_t)got);
    }
    int failed = errno;
    free(piece);
    if (got < 0)
        return rk__fail(err, RK_EIO, "%scannot read '%s': %s", where, path, rk__errno_text(failed));
    if (text->failed)
        return rk__fail(err, RK_ENOMEM, "%sout of memory for '%s'", where, path);
    return RK_OK;
}

rk_status rk__text_file_read(const char *path, const char *where, char **out, size_t *length, rk_error *err) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return rk__fail(err, errno == ENOENT ? RK_ENOENT : RK_EINVAL, "%scannot open '%s': %s", where, path,
                        rk__errno_text(errno));
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) { /* a pipe would be waited for, a device has no end */
        close(fd);
        return rk__fail(err, RK_EINVAL, "%s'%s' is not a regular file", where, path);
    }
    rk__text text = RK__TEXT_INIT;
    rk_status status = read_all(fd, path, where, &text, err);
    close(fd);
    const char *start = rk__text_get(&text);
    size_t size = text.length;
    if (status == RK_OK && memchr(start, '\0', size) != NULL)
        status = rk__fail(err, RK_EFORMAT, "%s'%s' is not a text file: it has a zero byte", where, path);
    if (status == RK_OK) {
        size_t mark = size >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        *length = size - mark;
        *out = rk__strdup(start + mark);
        if (*out == NULL)
            status = rk__fail(err, RK_ENOMEM, "%sout of memory for '%s'", where, path);
    }
    rk__text_fini(&text);
    return status;
}
