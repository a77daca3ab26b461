#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/launch_private.h"

static rk_status make_directory(char **out, const char *parent, rk_error *err) {
    char path[PATH_MAX];
    int used = snprintf(path, sizeof path, "%s/rankine-XXXXXX", parent);
    if (used < 0 || (size_t)used >= sizeof path)
        return rk__fail(err, RK_EOVERFLOW, "TMPDIR=%.200s…: the path is too long", parent);
    if (mkdtemp(path) == NULL)
        return rk__fail(err, RK_EIO,
                        "cannot make a directory for the job in '%s': %s; set TMPDIR to a directory that "
                        "can be written",
                        parent, rk__errno_text(errno));
    *out = rk__strdup(path);
    if (*out == NULL) {
        rmdir(path);
        return rk__fail(err, RK_ENOMEM, "out of memory");
    }
    return RK_OK;
}

rk_status rk__launch_job_create(rk__launch_job *job, rk_error *err) {
    const char *parent = getenv("TMPDIR");
    rk__launch_job made = {NULL, NULL};
    RK_TRY(make_directory(&made.directory, parent != NULL && *parent == '/' ? parent : "/tmp", err));
    make_directory(&made.shm, "/dev/shm", NULL); /* where there is none, Open MPI knows better */
    *job = made;
    return RK_OK;
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *place) {
    (void)info, (void)kind, (void)place;
    remove(path); /* what stays, stays: go on with the others */
    return 0;
}

static void remove_tree(char **path) {
    if (*path != NULL)
        nftw(*path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    free(*path);
    *path = NULL;
}

static void unlink_segments(const char *directory) {
    char name[RK__LAUNCH_NAME_MAX], segment[RK__LAUNCH_NAME_MAX + 16];
    rk__launch_name_of(directory, name, sizeof name);
    for (int node = 0; node < RK__LAUNCH_NODES_MAX; node++) {
        snprintf(segment, sizeof segment, "%s-%d", name, node);
        shm_unlink(segment);
    }
}

void rk__launch_job_destroy(rk__launch_job *job) {
    if (job->directory != NULL)
        unlink_segments(job->directory);
    remove_tree(&job->shm);
    remove_tree(&job->directory);
}

bool rk__launch_job_reported(const rk__launch_job *job, int *exit_code) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/exit", job->directory);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    int code = -1;
    bool valid = fscanf(file, "%d", &code) == 1 && code >= 0 && code <= 255;
    fclose(file);
    if (valid)
        *exit_code = code;
    return valid;
}

/* FNV-1a, 64 bit. http://www.isthe.com/chongo/tech/comp/fnv/ Shared memory names are at most 31 bytes on macOS. */
void rk__launch_name_of(const char *directory, char *buffer, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *directory != '\0'; directory++)
        hash = (hash ^ (unsigned char)*directory) * UINT64_C(0x100000001b3);
    snprintf(buffer, size, "/rankine-%016llx", (unsigned long long)hash);
}
