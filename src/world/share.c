#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "world/world.h"

typedef struct offer { /* from the node's first rank to the others */
    char name[64];
    uint64_t nonce[2];
    uint64_t bytes;
} offer;

static rk_status map(const offer *made, int flags, rk__shared *shared, rk_error *err) {
    int fd = shm_open(made->name, flags | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0)
        return rk__fail(err, RK_EIO, "shared memory '%s': %s", made->name, rk__errno_text(errno));
    rk_status status = RK_OK;
    void *memory = MAP_FAILED;
    if ((flags & O_CREAT) && ftruncate(fd, (off_t)made->bytes) != 0)
        status = rk__fail(err, RK_EIO, "shared memory of %llu bytes: %s", (unsigned long long)made->bytes,
                          rk__errno_text(errno));
    if (status == RK_OK)
        memory = mmap(NULL, made->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (status == RK_OK && memory == MAP_FAILED)
        status = rk__fail(err, RK_ENOMEM, "mapping %llu bytes of shared memory: %s", (unsigned long long)made->bytes,
                          rk__errno_text(errno));
    if (status == RK_OK)
        *shared = (rk__shared){memory, made->bytes, fd};
    else
        close(fd);
    return status;
}

/* The nonce proves that this is the same memory: names can be equal on two hosts. */
static void draw_nonce(uint64_t nonce[2], const rk__world *world) {
    nonce[0] = rk__wall_ns();
    nonce[1] = rk__clock_ns() ^ (uint64_t)getpid() << 32 ^ (uint64_t)world->rank;
}

static rk_status attach(const offer *made, rk__shared *shared, rk_error *err) {
    RK_TRY(map(made, 0, shared, err));
    if (memcmp(shared->memory, made->nonce, sizeof made->nonce) == 0)
        return RK_OK;
    rk__unshare(shared);
    return rk__fail(err, RK_EUNSUPPORTED,
                    "ranks that MPI puts on one node do not share memory (containers with a "
                    "/dev/shm each?); start one rank per container");
}

static rk_status make(const rk__world *world, const rk__share_plan *plan, offer *made, rk__shared *shared,
                      rk_error *err) {
    char job[40];
    rk__launch_job_name(job, sizeof job);
    snprintf(made->name, sizeof made->name, "%s-%d", job, world->node);
    draw_nonce(made->nonce, world);
    made->bytes = plan->bytes;
    shm_unlink(made->name);
    RK_TRY(map(made, O_CREAT | O_EXCL, shared, err));
    plan->init(shared->memory, made->nonce, plan->ctx);
    return RK_OK;
}

rk_status rk__world_share(const rk__world *world, const rk__share_plan *plan, rk__shared *shared, rk_error *err) {
    offer made = {{0}, {0, 0}, 0};
    rk_status status = RK_OK;
    *shared = (rk__shared){NULL, 0, -1};
    if (world->node_rank == 0)
        status = make(world, plan, &made, shared, err);
    RK_TRY(rk__world_agree(world, status, err));
    RK_TRY(rk__world_bcast(world->node_comm, &made, sizeof made, 0, err));
    if (world->node_rank != 0)
        status = attach(&made, shared, err);
    status = rk__world_agree(world, status, err);
    if (world->node_rank == 0)
        shm_unlink(made.name);
    if (status != RK_OK)
        rk__unshare(shared);
    return status;
}

void rk__unshare(rk__shared *shared) {
    if (shared->memory != NULL) {
        munmap(shared->memory, shared->bytes);
        close(shared->fd);
    }
    *shared = (rk__shared){NULL, 0, -1};
}
