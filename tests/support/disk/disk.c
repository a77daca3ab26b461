/* A disk that misbehaves, by LD_PRELOAD: what is written to one file is written down, or refused.
 *
 *   DISK_FILE    the files it is about, absolute paths with ':' between; calls on others pass untouched
 *   DISK_TRACE   append every pwrite and every sync to this file, in the order in which they took effect, as
 *                records of four 64-bit words (kind, offset, bytes, number of the file) and the bytes written;
 *                kinds: 1 write (noted after it was done), 2 sync begins, 3 sync ended
 *   DISK_ROOM    a file that holds how many bytes may still be written, shared by all processes; then ENOSPC
 *   DISK_DELAY   every pwrite takes so many microseconds longer
 *   DISK_NO_RESERVE   fallocate is not supported
 *
 * A file is known by its device and inode, so that it does not matter by which name it was opened. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC_BEGIN = 2, SYNC_END = 3 };

typedef ssize_t (*pwrite_fn)(int, const void *, size_t, off_t);
typedef int (*sync_fn)(int);
typedef int (*fallocate_fn)(int, int, off_t, off_t);

static void *next(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (found == NULL)
        abort();
    return found;
}

/* The number of the file, from 1 on; 0: none of them. */
static int which(int fd) {
    struct stat ours, there;
    const char *list = getenv("DISK_FILE");
    char path[4096];
    if (list == NULL || fstat(fd, &ours) != 0)
        return 0;
    for (int number = 1; *list != '\0'; number++) {
        size_t length = strcspn(list, ":");
        snprintf(path, sizeof path, "%.*s", (int)length, list);
        if (stat(path, &there) == 0 && ours.st_ino == there.st_ino && ours.st_dev == there.st_dev)
            return number;
        list += length + (list[length] == ':');
    }
    return 0;
}

static void note(uint64_t kind, int file, const void *bytes, size_t size, off_t offset) {
    const char *path = getenv("DISK_TRACE");
    uint64_t words[4] = {kind, (uint64_t)offset, size, (uint64_t)file};
    struct iovec parts[2] = {{words, sizeof words}, {(void *)bytes, size}};
    if (path == NULL)
        return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || writev(fd, parts, size > 0 ? 2 : 1) != (ssize_t)(sizeof words + size))
        abort();
    close(fd);
}

/* How many of `size` bytes there is room for; they are taken. */
static size_t take_room(size_t size) {
    const char *path = getenv("DISK_ROOM");
    if (path == NULL)
        return size;
    uint64_t room = 0;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX) != 0 || ((pwrite_fn)next("pread"))(fd, &room, sizeof room, 0) != sizeof room)
        abort();
    size_t taken = size < room ? size : (size_t)room;
    room -= taken;
    if (((pwrite_fn)next("pwrite"))(fd, &room, sizeof room, 0) != sizeof room)
        abort();
    close(fd);
    return taken;
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
    pwrite_fn real = (pwrite_fn)next("pwrite");
    int file = which(fd);
    if (file == 0)
        return real(fd, bytes, size, offset);
    size_t room = take_room(size);
    if (room == 0 && size > 0) {
        errno = ENOSPC;
        return -1;
    }
    if (getenv("DISK_DELAY") != NULL)
        usleep((useconds_t)atoi(getenv("DISK_DELAY")));
    ssize_t done = real(fd, bytes, room, offset);
    if (done > 0)
        note(WRITE, file, bytes, (size_t)done, offset);
    return done;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
    return pwrite(fd, bytes, size, offset);
}

static int sync_with(const char *name, int fd) {
    sync_fn real = (sync_fn)next(name);
    int file = which(fd);
    if (file == 0)
        return real(fd);
    note(SYNC_BEGIN, file, NULL, 0, 0);
    int result = real(fd);
    if (result == 0)
        note(SYNC_END, file, NULL, 0, 0);
    return result;
}

int fsync(int fd) {
    return sync_with("fsync", fd);
}

int fdatasync(int fd) {
    return sync_with("fdatasync", fd);
}

static int reserve_with(const char *name, int fd, int mode, off_t offset, off_t length) {
    if (getenv("DISK_NO_RESERVE") == NULL)
        return ((fallocate_fn)next(name))(fd, mode, offset, length);
    errno = EOPNOTSUPP;
    return -1;
}

int fallocate(int fd, int mode, off_t offset, off_t length) {
    return reserve_with("fallocate", fd, mode, offset, length);
}

int fallocate64(int fd, int mode, off_t offset, off_t length) {
    return reserve_with("fallocate64", fd, mode, offset, length);
}
