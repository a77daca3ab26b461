#include <string.h>

#include "shared/shared_private.h"

enum { UNNAMED = 0, NAMED = 1 }; /* the type of memory */

static rk_status check_name(const char *name, rk_error *err) {
    if (name[0] != '\0' && strlen(name) <= RK__MEMORY_NAME_MAX)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "name of shared memory '%.32s%s': must have 1 to %d bytes", name,
                    name[0] != '\0' ? "..." : "", RK__MEMORY_NAME_MAX);
}

static rk_status create(rk__shared *shared, rk_memory *memory, const char *name, uint64_t size, rk_error *err) {
    rk__making making = {RK__KIND_MEMORY, name != NULL ? NAMED : UNNAMED, size, size};
    rk_memory made;
    unsigned char *bytes;
    if (size == 0)
        return rk__fail(err, RK_EINVAL, "shared memory of 0 bytes: ask for one or more");
    if (name != NULL)
        RK_TRY(check_name(name, err));
    RK_TRY(rk__shared_make(shared, &making, &made.ref, &bytes, err));
    rk__slot_publish(shared, made.ref, making.type, size, size);
    rk_status status = name != NULL ? rk__name_add(shared, name, made.ref, err) : RK_OK;
    if (status == RK_OK)
        *memory = made;
    else
        rk__slot_release(shared, made.ref);
    return status;
}

rk_status rk_memory_create(rk_memory *memory, const char *name, uint64_t size, rk_error *err) {
    RK__NEED(memory, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = create(rk__shared_of(mail), memory, name, size, err);
    rk__leave(mail);
    return status;
}

rk_status rk_memory_attach(rk_memory *memory, const char *name, rk_error *err) {
    RK__NEED(memory, err);
    RK__NEED(name, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = check_name(name, err);
    if (status == RK_OK)
        status = rk__name_find(rk__shared_of(mail), name, &memory->ref, err);
    rk__leave(mail);
    return status;
}

rk_status rk_memory_size(rk_memory memory, uint64_t *size, rk_error *err) {
    RK__NEED(size, err);
    rk__shared *shared;
    uint32_t type;
    RK_TRY(rk__shared_enter(memory.ref, RK__KIND_MEMORY, RK__LOOK, &shared, err));
    return rk__shared_leave(shared, rk__shared_describe(shared, memory.ref, size, &type, err));
}

rk_status rk_memory_pointer(rk_memory memory, void **p, rk_error *err) {
    RK__NEED(p, err);
    rk__shared *shared;
    RK_TRY(rk__shared_enter(memory.ref, RK__KIND_MEMORY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__shared_pointer(shared, memory.ref, p, err));
}

rk_status rk_memory_read(rk_memory memory, uint64_t offset, uint64_t size, void *bytes, rk_error *err) {
    RK__NEED_BYTES(bytes, size, err);
    rk__shared *shared;
    rk__range range = {.ref = memory.ref, .put = false, .offset = offset, .bytes = size, .data = bytes};
    RK_TRY(rk__shared_enter(memory.ref, RK__KIND_MEMORY, RK__LOOK, &shared, err));
    return rk__shared_leave(shared, rk__range_move(shared, &range, err));
}

rk_status rk_memory_write(rk_memory memory, uint64_t offset, uint64_t size, const void *bytes, rk_error *err) {
    RK__NEED_BYTES(bytes, size, err);
    rk__shared *shared;
    rk__range range = {.ref = memory.ref,
                       .put = true,
                       .offset = offset,
                       .bytes = size,
                       .data = (unsigned char *)(uintptr_t)bytes}; /* a put only reads it */
    RK_TRY(rk__shared_enter(memory.ref, RK__KIND_MEMORY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, rk__range_move(shared, &range, err));
}

/* It may be unlinked, or its home dead: what we have of it goes all the same. */
rk_status rk_memory_close(rk_memory memory, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk_status status = rk__ref_check(mail, memory.ref, RK__KIND_MEMORY, err);
    if (status == RK_EDEAD)
        status = RK_OK;
    if (status == RK_OK)
        rk__segment_unmap(rk__shared_of(mail), memory.ref.serial, false);
    rk__leave(mail);
    return status;
}

/* The name first: should we die in between, there is memory without a name, rather than a name that nobody can use. */
static rk_status unlink_memory(rk__shared *shared, rk_ref ref, rk_error *err) {
    uint64_t size;
    uint32_t type;
    RK_TRY(rk__shared_describe(shared, ref, &size, &type, err));
    if (type == NAMED)
        RK_TRY(rk__name_remove(shared, ref, err));
    return rk__shared_destroy(shared, ref, err);
}

rk_status rk_memory_unlink(rk_memory memory, rk_error *err) {
    rk__shared *shared;
    RK_TRY(rk__shared_enter(memory.ref, RK__KIND_MEMORY, RK__CHANGE, &shared, err));
    return rk__shared_leave(shared, unlink_memory(shared, memory.ref, err));
}
