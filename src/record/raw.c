#include <errno.h>
#include <unistd.h>

#include "record/record_private.h"

static rk_status through_port(const rk__record *record, bool write, char *bytes, size_t size, uint64_t at,
                              rk_error *err) {
    for (size_t done = 0, piece; done < size; done += piece) {
        piece = size - done < RK__PORT_BYTES ? size - done : RK__PORT_BYTES;
        RK_TRY(record->port.move(record->port.ctx, write, at + done, bytes + done, piece, err));
    }
    return RK_OK;
}

rk_status rk__raw_write(const rk__record *record, const void *bytes, size_t size, uint64_t at, rk_error *err) {
    if (record->port.move != NULL) /* a port does not change what it writes */
        return through_port(record, true, (char *)(uintptr_t)bytes, size, at, err);
    for (size_t done = 0; done < size;) {
        ssize_t wrote = pwrite(record->fd, (const char *)bytes + done, size - done, (off_t)(at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0 && (errno == ENOSPC || errno == EDQUOT))
            return rk__fail(err, RK_EIO, "%s: %s", record->path,
                            errno == ENOSPC ? "the disk is full" : "the disk quota is used up");
        if (wrote <= 0)
            return rk__fail(err, RK_EIO, "%s: writing %zu bytes: %s", record->path, size - done,
                            rk__errno_text(wrote < 0 ? errno : EIO));
        done += (size_t)wrote;
    }
    return RK_OK;
}

rk_status rk__raw_read(const rk__record *record, void *bytes, size_t size, uint64_t at, rk_error *err) {
    if (record->port.move != NULL)
        return through_port(record, false, bytes, size, at, err);
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(record->fd, (char *)bytes + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return rk__fail(err, RK_EIO, "%s: reading %zu bytes: %s", record->path, size - done, rk__errno_text(errno));
        if (got == 0)
            return rk__fail(err, RK_EFORMAT, "%s is truncated: nothing at byte %llu", record->path,
                            (unsigned long long)(at + done));
        done += (size_t)got;
    }
    return RK_OK;
}

bool rk__raw_is_blank(const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != 0)
            return false;
    return true;
}
