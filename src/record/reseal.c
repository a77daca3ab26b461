/* A run file that has lost its seal.
 *
 * The HDF5 library cuts a file that it closes after writing to what it knows of, and it does not know of the trailer:
 * whoever opens a run file for writing and closes it, changed or not, leaves it without. What the trailer vouched for
 * (names, types, coordinates, attributes) is then taken as it is; what blocks' checksums vouch for is checked. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/record_private.h"

bool rk__record_lost_seal(const char *path) {
    struct stat info;
    rk__record file = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    bool lost = file.fd >= 0 && fstat(file.fd, &info) == 0 && S_ISREG(info.st_mode) && rk__shell_is_lost(&file);
    if (file.fd >= 0)
        close(file.fd);
    return lost;
}

/* Blocks that do not match are open again before anything vouches for the file. */
rk_status rk__record_reseal(const char *path, rk__settle_report *report, rk_error *err) {
    rk__record *record;
    rk__settle_options all = {.check_all = true};
    RK_TRY(rk__record_open_unsealed(&record, path, err));
    rk_status status = rk__record_settle(record, &all, report, err);
    if (status == RK_OK)
        status = rk__shell_write(record, err);
    if (status == RK_OK)
        status = rk__record_sync(record, err);
    rk__record_close(record);
    return status;
}
