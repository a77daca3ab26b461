#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "world/launch_private.h"

static const char shm_parent[] = "/dev/shm";

rk_status rk__launch_job_create(rk__launch_job *job, rk_error *err) {
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || *parent != '/')
        parent = "/tmp";
    rk__launch_directory_sweep(parent);
    rk__launch_directory_sweep(shm_parent);
    rk__launch_job made = {{NULL, -1}, {NULL, -1}, ""};
    snprintf(made.secret, sizeof made.secret, "%016llx", (unsigned long long)rk__launch_random());
    RK_TRY(rk__launch_directory_make(&made.directory, parent, err));
    rk__launch_directory_make(&made.shm, shm_parent, NULL); /* where there is none, Open MPI knows better */
    *job = made;
    return RK_OK;
}

void rk__launch_job_destroy(rk__launch_job *job) {
    rk__launch_directory_remove(&job->shm);
    rk__launch_directory_remove(&job->directory);
}

/* What a rank has left there. */
static bool path_of(const rk__launch_job *job, const char *name, char path[PATH_MAX]) {
    int used = snprintf(path, PATH_MAX, "%s/%s", job->directory.path, name);
    return used > 0 && used < PATH_MAX;
}

static FILE *open_file(const rk__launch_job *job, const char *name) {
    char path[PATH_MAX];
    return path_of(job, name, path) ? fopen(path, "r") : NULL;
}

bool rk__launch_job_begun(const rk__launch_job *job) {
    char path[PATH_MAX];
    return path_of(job, "begun", path) && access(path, F_OK) == 0;
}

bool rk__launch_job_headless(const rk__launch_job *job) {
    long pid = 0;
    FILE *file = open_file(job, "begun");
    if (file == NULL)
        return false;
    bool known = fscanf(file, "%ld", &pid) == 1 && pid > 0;
    fclose(file);
    return known && !rk__is_alive(pid);
}

bool rk__launch_job_reported(const rk__launch_job *job, int *exit_code, bool *broken) {
    FILE *file = open_file(job, "exit");
    if (file == NULL)
        return false;
    int code = -1, lost = 0;
    bool valid = fscanf(file, "%d %d", &code, &lost) >= 1 && code >= 0 && code <= 255;
    fclose(file);
    if (valid) {
        *exit_code = code;
        *broken = lost != 0;
    }
    return valid;
}

int rk__launch_job_output(const rk__launch_job *job) {
    char path[PATH_MAX];
    return path_of(job, "output", path) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

/* FNV-1a, 64 bit. http://www.isthe.com/chongo/tech/comp/fnv/ Shared memory names are at most 31 bytes on macOS. */
void rk__launch_name_of(const char *directory, char *buffer, size_t size) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *directory != '\0'; directory++)
        hash = (hash ^ (unsigned char)*directory) * UINT64_C(0x100000001b3);
    snprintf(buffer, size, "/rankine-%016llx", (unsigned long long)hash);
}

static void unlink_numbered(const char *name) {
    char segment[RK__LAUNCH_NAME_MAX + 16];
    for (int node = 0; node < RK__LAUNCH_NODES_MAX; node++) {
        snprintf(segment, sizeof segment, "%s-%d", name, node);
        shm_unlink(segment);
    }
}

/* Objects of a program have names of any number; where they can be listed, none of them is left. */
static void unlink_listed(const char *name) {
    char segment[NAME_MAX + 2], prefix[RK__LAUNCH_NAME_MAX + 1];
    DIR *directory = opendir(shm_parent);
    int length = snprintf(prefix, sizeof prefix, "%s-", name);
    if (directory == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        snprintf(segment, sizeof segment, "/%s", entry->d_name);
        if (strncmp(segment, prefix, (size_t)length) == 0)
            shm_unlink(segment);
    }
    closedir(directory);
}

void rk__launch_unlink_segments(const char *name) {
    unlink_numbered(name);
    unlink_listed(name);
}
