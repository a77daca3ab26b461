#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/vfs.h>
#endif

#include "doctor/doctor_private.h"
#include "record/record.h"

/* ---- which directory ---- */

rk_status rk__place_directory(const char *output, char *directory, size_t size, rk_error *err) {
    char path[PATH_MAX] = ".", whole[PATH_MAX];
    struct stat info;
    if (output != NULL)
        snprintf(path, sizeof path, "%s", output);
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) { /* a file: what it lies in */
        char *slash = strrchr(path, '/');
        if (slash == NULL)
            strcpy(path, ".");
        else
            slash[slash == path] = '\0';
    }
    if (realpath(path, whole) == NULL)
        return rk__fail(err, RK_ENOENT, "-o %s: %s: %s", output != NULL ? output : ".", path, rk__errno_text(errno));
    if (strlen(whole) >= size)
        return rk__fail(err, RK_EOVERFLOW, "-o %.60s...: a path of %zu bytes is too long", whole, strlen(whole));
    memcpy(directory, whole, strlen(whole) + 1);
    return RK_OK;
}

/* ---- rank 0's mark in it ---- */

static bool mark_path(const char *directory, const uint64_t nonce[2], char *path, size_t size) {
    int length = snprintf(path, size, "%s/.rankine-doctor-%016" PRIx64, directory, nonce[0]);
    return length > 0 && (size_t)length < size;
}

bool rk__place_mark(const char *directory, const uint64_t nonce[2]) {
    char path[PATH_MAX];
    int fd = mark_path(directory, nonce, path, sizeof path) ? open(path, O_WRONLY | O_CREAT | O_EXCL, 0600) : -1;
    if (fd < 0)
        return false;
    bool written = write(fd, nonce, 2 * sizeof *nonce) == (ssize_t)(2 * sizeof *nonce);
    return close(fd) == 0 && written;
}

void rk__place_unmark(const char *directory, const uint64_t nonce[2]) {
    char path[PATH_MAX];
    if (mark_path(directory, nonce, path, sizeof path))
        unlink(path);
}

static bool sees_mark(const char *directory, const uint64_t nonce[2]) {
    char path[PATH_MAX];
    uint64_t found[2] = {0, 0};
    int fd = mark_path(directory, nonce, path, sizeof path) ? open(path, O_RDONLY) : -1;
    if (fd < 0)
        return false;
    bool same = read(fd, found, sizeof found) == (ssize_t)sizeof found && memcmp(found, nonce, sizeof found) == 0;
    close(fd);
    return same;
}

/* ---- a node's view ---- */

/* Made and removed, as a run would do. */
static int try_to_write(const char *directory, const uint64_t nonce[2], int rank) {
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/.rankine-doctor-%016" PRIx64 ".%d", directory, nonce[1], rank) >= PATH_MAX)
        return ENAMETOOLONG;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return errno;
    int failure = write(fd, nonce, sizeof *nonce) == (ssize_t)sizeof *nonce ? 0 : errno;
    close(fd);
    unlink(path);
    return failure;
}

#ifdef __linux__
static const char *name_of_filesystem(uint32_t magic) { /* statfs(2), and the sources of those that are not in it */
    static const struct {
        uint32_t magic;
        const char *name;
    } known[] = {{0x6969, "NFS"},        {0xef53, "ext4"},        {0x58465342, "XFS"},  {0x01021994, "tmpfs"},
                 {0x9123683e, "Btrfs"},  {0x0bd00bd0, "Lustre"},  {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"},
                 {0x00c36400, "CephFS"}, {0x794c7630, "overlay"}, {0x01021997, "9p"},   {0xff534d42, "SMB"},
                 {0xfe534d42, "SMB"},    {0x517b, "SMB"},         {0x65735546, "FUSE"}, {0x2fc12fc1, "ZFS"},
                 {0x5346414f, "AFS"},    {0x2011bab0, "exFAT"},   {0xf2f52010, "F2FS"}, {0x20030528, "OrangeFS"}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].magic == magic)
            return known[i].name;
    return NULL;
}

static void name_filesystem(int fd, char *name, size_t size) {
    struct statfs disk;
    const char *known = fstatfs(fd, &disk) == 0 ? name_of_filesystem((uint32_t)disk.f_type) : NULL;
    snprintf(name, size, "%s", known != NULL ? known : "?");
}
#else
static void name_filesystem(int fd, char *name, size_t size) {
    (void)fd;
    snprintf(name, size, "?");
}
#endif

static uint64_t free_bytes(int fd) {
    struct statvfs disk;
    return fstatvfs(fd, &disk) == 0 ? (uint64_t)disk.f_bavail * disk.f_frsize : 0;
}

void rk__place_look(const char *directory, const uint64_t nonce[2], int rank, rk__place *place) {
    *place = (rk__place){.answered = true};
    int fd = open(directory, O_RDONLY | O_DIRECTORY);
    if (fd < 0) {
        place->there_errno = errno;
        return;
    }
    name_filesystem(fd, place->filesystem, sizeof place->filesystem);
    place->free_bytes = free_bytes(fd);
    place->shared_safely = rk__fd_is_shared_safely(fd);
    place->same = sees_mark(directory, nonce);
    place->write_errno = try_to_write(directory, nonce, rank);
    close(fd);
}
