/* Shared memory of programs that are gone.
 *
 * Problem. Any process of the program may want to map an object at any time, so objects keep their names; a program
 * that is killed as a whole would leave them, and the memory, until the machine is started again.
 *
 * Idea. Each rank holds a shared lock on one more object, "<job>.lock", from before the first object is made until
 * after its own are gone. The kernel lets go of it when the rank dies, however. Who gets it exclusively knows that no
 * rank of this node lives, and removes all objects of the job, then the lock. Each rank tries at its end, its helper
 * when it died, and the first rank of a node at its start for all jobs. When the helper hears of the death, threads of
 * the rank may still be on their way to close its descriptors: the helper has the rank's hold too, and unlocks that.
 *
 * Invariant. A lock is unlinked only by who has it exclusively: who has it shared, and it still has its name, holds the
 * one that others will find. Where memory objects can't be locked or listed (not Linux) nothing is removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "program/program.h"

enum { NAME_SIZE = RK__JOB_SIZE + 8 };
static const char place_of_objects[] = "/dev/shm", ending[] = ".lock";

static void lock_of(const char *job, char name[NAME_SIZE]) {
    snprintf(name, NAME_SIZE, "%s%s", job, ending);
}

static bool lock(int fd, int how) {
    while (flock(fd, how) != 0)
        if (errno != EINTR)
            return false;
    return true;
}

static bool has_name(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 && info.st_nlink > 0;
}

int rk__hold(const char *job) {
    char name[NAME_SIZE];
    lock_of(job, name);
    for (;;) {
        int fd = shm_open(name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
        bool locked = fd >= 0 && lock(fd, LOCK_SH);
        if (locked && has_name(fd))
            return fd;
        if (fd >= 0)
            close(fd);
        if (fd >= 0 && !locked)
            shm_unlink(name);
        if (!locked)
            return -1;
    }
}

void rk__let_go(const char *job, int fd) {
    char name[NAME_SIZE];
    if (fd < 0)
        return;
    lock_of(job, name);
    if (lock(fd, LOCK_EX | LOCK_NB) && has_name(fd)) {
        rk__launch_unlink_segments(job);
        shm_unlink(name);
    }
    close(fd);
}

/* The job whose lock has this file name. */
static bool is_lock(const char *file, char job[NAME_SIZE]) {
    size_t length = strlen(file), tail = sizeof ending - 1;
    if (strncmp(file, "rankine-", 8) != 0 || length <= tail || strcmp(file + length - tail, ending) != 0)
        return false;
    int used = snprintf(job, NAME_SIZE, "/%.*s", (int)(length - tail), file);
    return used > 0 && used < RK__JOB_SIZE;
}

void rk__sweep(void) {
    char job[NAME_SIZE], name[NAME_SIZE];
    DIR *objects = opendir(place_of_objects);
    const struct dirent *entry;
    while (objects != NULL && (entry = readdir(objects)) != NULL) {
        if (!is_lock(entry->d_name, job))
            continue;
        lock_of(job, name);
        rk__let_go(job, shm_open(name, O_RDWR | O_CLOEXEC, 0));
    }
    if (objects != NULL)
        closedir(objects);
}

void rk__sweep_after(int hold) {
    if (hold >= 0)
        lock(hold, LOCK_UN);
    rk__sweep();
}
