#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH_MAX = 200 }; /* each level takes a descriptor */

bool scratch_make(char path[SCRATCH_PATH_MAX], uint64_t task) {
    const char *base = getenv("TMPDIR");
    int length = snprintf(path, SCRATCH_PATH_MAX, "%s/rankine-task-%" PRIu64 "-XXXXXX",
                          base != NULL && *base == '/' ? base : "/tmp", task);
    if (length < 0 || length >= SCRATCH_PATH_MAX) {
        errno = ENAMETOOLONG;
        return false;
    }
    return mkdtemp(path) != NULL;
}

static void empty_directory(int directory, unsigned depth);

static void remove_entry(int directory, const char *name, unsigned depth) {
    struct stat entry;
    if (unlinkat(directory, name, 0) == 0 || depth == DEPTH_MAX)
        return;
    if (fstatat(directory, name, &entry, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(entry.st_mode))
        return;
    fchmodat(directory, name, S_IRWXU, 0); /* the program may have locked itself out */
    int inner = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner >= 0)
        empty_directory(inner, depth + 1);
    unlinkat(directory, name, AT_REMOVEDIR);
}

/* Takes the descriptor. */
static void empty_directory(int directory, unsigned depth) {
    DIR *open = fdopendir(directory);
    const struct dirent *entry;
    if (open == NULL) {
        close(directory);
        return;
    }
    while ((entry = readdir(open)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove_entry(dirfd(open), entry->d_name, depth);
    closedir(open);
}

void scratch_remove(const char *path) {
    chmod(path, S_IRWXU);
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (directory >= 0)
        empty_directory(directory, 0);
    rmdir(path);
}
