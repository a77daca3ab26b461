/* A directory of its own for a test program that writes files: the current one while it runs, removed afterwards. */
#ifndef RANKINE_TEST_SCRATCH_DIRECTORY_H
#define RANKINE_TEST_SCRATCH_DIRECTORY_H

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Group set-up and tear-down of cmocka; *state is the path. */
static inline int enter_scratch_directory(void **state) {
    const char *parent = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/rankine-test-XXXXXX", parent != NULL ? parent : "/tmp");
    if (mkdtemp(path) == NULL || chdir(path) != 0)
        return -1;
    *state = strdup(path);
    return 0;
}

static inline int leave_scratch_directory(void **state) {
    char *path = *state;
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] != '.')
            unlink(entry->d_name);
    if (directory != NULL)
        closedir(directory);
    int result = chdir("/") == 0 ? rmdir(path) : -1;
    free(path);
    return result;
}

#endif
