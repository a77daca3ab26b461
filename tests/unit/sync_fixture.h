/* What the tests of locks and their kin share: objects that all ranks see, each test on one node and as if each rank
 * were a node, meetings without the library's help. */
#ifndef RANKINE_TEST_SYNC_FIXTURE_H
#define RANKINE_TEST_SYNC_FIXTURE_H

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include <rankine/sync.h>

#include "mail_fixture.h"
#include "sync/machine_private.h"
#include "sync/sync_private.h"

/* What ranks would hand each other in arguments: rank 0 makes it, the others see it when it is there. */
static struct {
    rk_lock lock;
    rk_rlock rlock;
    rk_semaphore semaphore, bounded;
    rk_condition condition, other;
    rk_event event;
    rk_barrier barrier, acting, failing;
    _Atomic uint32_t arrived, count;
    uint64_t number, seen[64];
} shared;
static bool by_letter;

static inline void attach(rk__mail *mail) {
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    rk__sync_pretend_remote(mail, by_letter);
}

static inline void play(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    size_t bytes[RK__ROOM_COUNT] = {0};
    bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(ranks);
    for (int letters = 0; letters < 2; letters++) {
        memset(&shared, 0, sizeof shared);
        by_letter = letters != 0;
        fixture_ranks(ranks, bytes, attach, body);
    }
}

static inline void play_all(void (*body)(uint32_t rank, uint32_t ranks)) {
    static const uint32_t sizes[] = {1, 2, 3, 5};
    for (int i = 0; i < 4; i++)
        play(sizes[i], body);
}

/* Meet without the library's help. */
static inline void meet(uint32_t ranks) {
    uint32_t turn = atomic_fetch_add(&shared.arrived, 1) / ranks;
    while (atomic_load(&shared.arrived) < (turn + 1) * ranks)
        sched_yield();
}

static inline rk__mail *entered(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(mail != NULL);
    return mail;
}

/* Until so many stand in an object's queue. */
static inline void await_queue(rk_ref ref, uint32_t count) {
    for (uint32_t there = UINT32_MAX; there != count; sched_yield()) {
        rk__mail *mail = entered();
        rk__sync_machine *machine = &rk__sync_room_of(mail)->machine;
        rk__sync_object *object = rk__sync_enter(machine, ref.serial);
        CHECK(object != NULL);
        there = object->entry.count;
        rk__sync_leave(machine);
        rk__leave(mail);
    }
}

static inline bool reached(void *ctx) {
    return *(int *)ctx <= 0;
}

/* The caller's strands run `body` and it waits for all to end; each lowers *ctx->left. */
static inline void run_strands(int count, void (*body)(void *ctx), void *ctx, int *left) {
    uint32_t party;
    rk__mail *mail = entered();
    *left = count;
    for (int i = 0; i < count; i++)
        CHECK(rk__strand_start(mail, body, ctx, &party, NULL) == RK_OK);
    CHECK(rk__wait(mail, reached, left, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

static inline bool is_broken(rk_barrier barrier) {
    bool broken = false;
    CHECK(rk_barrier_broken(barrier, &broken, NULL) == RK_OK);
    return broken;
}

#endif
