#define _GNU_SOURCE /* memfd_create */
#include "shared.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t lay_out(shared *s, const made *m, const void *params) {
    size_t size = 0;
    for (size_t o = 0; o < RK_OUTPUTS_MAX && m->kernel.outputs[o].name != NULL; o++)
        if (m->kernel.outputs[o].is_row) {
            s->results.at[o] = size;
            size += (results_bytes(m, &m->kernel.outputs[o], params) + 63) & ~(size_t)63;
        }
    return size;
}

static int open_memory(shared *s) {
#ifdef __linux__
    int descriptor = memfd_create("rankine-rows", MFD_CLOEXEC);
    snprintf(s->path, sizeof s->path, "/proc/%ld/fd/%d", (long)getpid(), descriptor);
    return descriptor;
#else
    const char *base = getenv("TMPDIR");
    snprintf(s->path, sizeof s->path, "%.200s/rankine-rows-XXXXXX", base != NULL ? base : "/tmp");
    return mkstemp(s->path);
#endif
}

bool shared_create(shared *s, const made *m, const void *params) {
    *s = (shared){.descriptor = -1};
    size_t size = lay_out(s, m, params);
    if (size == 0 || (s->descriptor = open_memory(s)) < 0)
        return false;
    void *bytes = ftruncate(s->descriptor, (off_t)size) == 0 ? mmap(NULL, size, PROT_READ, MAP_SHARED, s->descriptor, 0)
                                                             : MAP_FAILED;
    if (bytes == MAP_FAILED) {
        shared_destroy(s);
        return false;
    }
    s->results.bytes = bytes;
    s->size = size;
    return true;
}

void shared_hide(shared *s) {
#ifdef __linux__
    (void)s;
#else
    if (s->descriptor >= 0)
        unlink(s->path);
#endif
}

void shared_destroy(shared *s) {
    if (s->descriptor < 0)
        return;
    shared_hide(s);
    if (s->results.bytes != NULL)
        munmap((void *)(uintptr_t)s->results.bytes, s->size);
    close(s->descriptor);
    *s = (shared){.descriptor = -1};
}
