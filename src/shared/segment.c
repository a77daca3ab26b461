/* Memory objects of this node: made by the home, mapped by those who need them. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "shared/shared_private.h"

#define RESERVE_BYTES (UINT64_C(64) << 20) /* at a time: letters are handled between */

static void name_of(const rk__shared *shared, uint32_t number, char name[RK__SHARED_NAME_MAX]) {
    snprintf(name, RK__SHARED_NAME_MAX, "%s-s%llx", shared->job,
             (unsigned long long)((uint64_t)shared->first_rank << RK__SHARED_SLOT_BITS | number));
}

void rk__segment_unlink(const rk__shared *shared, uint32_t number) {
    char name[RK__SHARED_NAME_MAX];
    name_of(shared, number, name);
    shm_unlink(name);
}

/* ---- the process's mappings ---- */

static rk_status keep_mapping(rk__shared *shared, uint64_t serial, unsigned char *bytes, size_t size, rk__mapping **out,
                              rk_error *err) {
    rk__mapping *made;
    rk_status status = rk__alloc((void **)&made, 1, sizeof *made, "a mapping", err);
    if (status != RK_OK) {
        munmap(bytes, size);
        return status;
    }
    *made = (rk__mapping){shared->mappings, serial, bytes, size, false};
    shared->mappings = made;
    shared->mapping_of_slot[rk__slot_number(serial)] = made;
    *out = made;
    return RK_OK;
}

void rk__segment_unmap(rk__shared *shared, uint64_t serial, bool unless_pointed) {
    rk__mapping **at = &shared->mappings;
    while (*at != NULL && (*at)->serial != serial)
        at = &(*at)->next;
    rk__mapping *mapping = *at;
    if (mapping == NULL || (unless_pointed && mapping->pointed))
        return;
    *at = mapping->next;
    if (shared->mapping_of_slot[rk__slot_number(serial)] == mapping)
        shared->mapping_of_slot[rk__slot_number(serial)] = NULL;
    munmap(mapping->bytes, mapping->size);
    free(mapping);
}

void rk__segments_fini(rk__shared *shared) {
    while (shared->mappings != NULL)
        rk__segment_unmap(shared, shared->mappings->serial, false);
}

static rk_status map(int fd, size_t size, unsigned char **bytes, rk_error *err) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return rk__fail(err, RK_ENOMEM, "mapping %zu bytes of shared memory: %s", size, rk__errno_text(errno));
    *bytes = memory;
    return RK_OK;
}

/* ---- making one ---- */

static rk_status no_room(uint64_t bytes, const char *why, rk_error *err) {
    char text[32];
    return rk__fail(err, RK_ENOMEM, "%s (%llu bytes) of shared memory: %s; make /dev/shm larger, or ask for less",
                    rk__format_bytes(bytes, text, sizeof text), (unsigned long long)bytes, why);
}

/* What surely has no room is refused before the rest of the system's shared memory is taken. */
static rk_status look_for_room(int fd, uint64_t bytes, rk_error *err) {
    struct statvfs disk;
    if (fstatvfs(fd, &disk) != 0 || disk.f_blocks == 0 || bytes / disk.f_frsize < disk.f_bavail)
        return RK_OK;
    return no_room(bytes, rk__errno_text(ENOSPC), err);
}

static int reserve_piece(int fd, uint64_t offset, uint64_t bytes) {
#if defined(__APPLE__)
    (void)fd, (void)offset, (void)bytes;
    return 0;
#else
    int code;
    do
        code = posix_fallocate(fd, (off_t)offset, (off_t)bytes);
    while (code == EINTR);
    return code == EOPNOTSUPP ? 0 : code;
#endif
}

/* A page that cannot be had later on would be a SIGBUS in whoever touches it first. */
static rk_status reserve(rk__shared *shared, int fd, uint64_t bytes, rk_error *err) {
    if (ftruncate(fd, (off_t)bytes) != 0)
        return no_room(bytes, rk__errno_text(errno), err);
    RK_TRY(look_for_room(fd, bytes, err));
    for (uint64_t offset = 0; offset < bytes; offset += RESERVE_BYTES) {
        uint64_t left = bytes - offset;
        int code = reserve_piece(fd, offset, left < RESERVE_BYTES ? left : RESERVE_BYTES);
        if (code != 0)
            return no_room(bytes, rk__errno_text(code), err);
        if (left > RESERVE_BYTES)
            rk__yield(shared->mail);
    }
    return RK_OK;
}

rk_status rk__segment_make(rk__shared *shared, uint64_t serial, uint64_t bytes, unsigned char **memory, rk_error *err) {
    char name[RK__SHARED_NAME_MAX];
    rk__mapping *mapping;
    if (bytes > INT64_MAX / 2 || bytes > SIZE_MAX / 2)
        return no_room(bytes, rk__errno_text(EFBIG), err);
    name_of(shared, rk__slot_number(serial), name);
    rk__slot_mark(shared, serial);
    shm_unlink(name); /* the name is ours alone: what an earlier job of this name has left is in the way */
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return rk__fail(err, RK_EIO, "shared memory '%s': %s", name, rk__errno_text(errno));
    rk_status status = reserve(shared, fd, bytes, err);
    if (status == RK_OK)
        status = map(fd, (size_t)bytes, memory, err);
    close(fd);
    return status == RK_OK ? keep_mapping(shared, serial, *memory, (size_t)bytes, &mapping, err) : status;
}

/* ---- mapping one ---- */

static rk_status open_and_map(rk__shared *shared, const rk__facts *facts, rk__mapping **mapping, rk_error *err) {
    char name[RK__SHARED_NAME_MAX];
    unsigned char *bytes;
    name_of(shared, facts->number, name);
    rk__slot_mark(shared, facts->serial);
    int fd = shm_open(name, O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && !rk__slot_is_live(shared, facts->serial))
        return rk__fail(err, RK_ENOENT, "this shared object is no more: it was destroyed");
    if (fd < 0)
        return rk__fail(err, RK_EIO, "shared memory '%s': %s", name, rk__errno_text(errno));
    rk_status status = map(fd, (size_t)facts->bytes, &bytes, err);
    close(fd);
    return status == RK_OK ? keep_mapping(shared, facts->serial, bytes, (size_t)facts->bytes, mapping, err) : status;
}

rk_status rk__segment_map(rk__shared *shared, const rk__facts *facts, rk__mapping **mapping, rk_error *err) {
    rk__mapping *there = shared->mapping_of_slot[facts->number];
    if (there != NULL && there->serial == facts->serial) {
        *mapping = there;
        return RK_OK;
    }
    RK_TRY(open_and_map(shared, facts, mapping, err));
    if (rk__slot_is_live(shared, facts->serial))
        return RK_OK;
    rk__segment_unmap(shared, facts->serial, false); /* what was opened may be a successor's */
    return rk__fail(err, RK_ENOENT, "this shared object is no more: it was destroyed");
}
