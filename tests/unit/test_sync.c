/* Locks and their kin between ranks; every test at several sizes, on one node and as if each rank were a node. */
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

static void attach(rk__mail *mail) {
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    rk__sync_pretend_remote(mail, by_letter);
}

static void play(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    size_t bytes[RK__ROOM_COUNT] = {0};
    bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(ranks);
    for (int letters = 0; letters < 2; letters++) {
        memset(&shared, 0, sizeof shared);
        by_letter = letters != 0;
        fixture_ranks(ranks, bytes, attach, body);
    }
}

static void play_all(void (*body)(uint32_t rank, uint32_t ranks)) {
    static const uint32_t sizes[] = {1, 2, 3, 5};
    for (int i = 0; i < 4; i++)
        play(sizes[i], body);
}

/* Meet without the library's help. */
static void meet(uint32_t ranks) {
    uint32_t turn = atomic_fetch_add(&shared.arrived, 1) / ranks;
    while (atomic_load(&shared.arrived) < (turn + 1) * ranks)
        sched_yield();
}

static rk__mail *entered(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(mail != NULL);
    return mail;
}

/* Until so many stand in an object's queue. */
static void await_queue(rk_ref ref, uint32_t count) {
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

static bool reached(void *ctx) {
    return *(int *)ctx <= 0;
}

/* The caller's strands run `body` and it waits for all to end; each lowers *ctx->left. */
static void run_strands(int count, void (*body)(void *ctx), void *ctx, int *left) {
    uint32_t party;
    rk__mail *mail = entered();
    *left = count;
    for (int i = 0; i < count; i++)
        CHECK(rk__strand_start(mail, body, ctx, &party, NULL) == RK_OK);
    CHECK(rk__wait(mail, reached, left, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

/* ---- lock ---- */

enum { ROUNDS = 400 };

static void count_with_lock(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
    meet(ranks);
    for (int i = 0; i < ROUNDS; i++) {
        CHECK(rk_lock_acquire(shared.lock, 60, NULL) == RK_OK);
        uint64_t number = shared.number;
        if (i % 16 == 0)
            sched_yield();
        shared.number = number + 1;
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    }
    meet(ranks);
    CHECK(shared.number == (uint64_t)ROUNDS * ranks);
}

static void a_lock_excludes(void **state) {
    (void)state;
    play_all(count_with_lock);
}

typedef struct strand_count {
    int left;
} strand_count;

static void count_in_strand(void *ctx) {
    strand_count *self = ctx;
    for (int i = 0; i < 50; i++) {
        CHECK(rk_lock_acquire(shared.lock, 60, NULL) == RK_OK);
        uint64_t number = shared.number;
        rk__mail *mail = entered();
        rk__yield(mail); /* others run while it holds the lock */
        rk__leave(mail);
        shared.number = number + 1;
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    }
    rk__mail *mail = entered();
    self->left--;
    rk__leave(mail);
}

static void count_in_strands(uint32_t rank, uint32_t ranks) {
    strand_count self = {0};
    if (rank == 0)
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
    meet(ranks);
    run_strands(4, count_in_strand, &self, &self.left);
    meet(ranks);
    CHECK(shared.number == 4u * 50 * ranks);
}

static void functions_of_one_rank_exclude_each_other_too(void **state) {
    (void)state;
    play(1, count_in_strands);
    play(3, count_in_strands);
}

static void use_lock(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    bool locked;
    if (rank == 0)
        CHECK(rk_lock_create(&shared.lock, &err) == RK_OK);
    meet(ranks);
    if (rank == ranks - 1) {
        CHECK(rk_lock_release(shared.lock, &err) == RK_EPERM && strstr(err.message, "nobody holds it") != NULL);
        CHECK(rk_lock_locked(shared.lock, &locked, &err) == RK_OK && !locked);
        CHECK(rk_lock_acquire(shared.lock, 0, &err) == RK_OK);
        CHECK(rk_lock_acquire(shared.lock, 0, &err) == RK_ETIMEDOUT); /* also its holder */
        CHECK(rk_lock_acquire(shared.lock, 0.01, &err) == RK_ETIMEDOUT);
        CHECK(rk_lock_locked(shared.lock, &locked, &err) == RK_OK && locked);
    }
    meet(ranks);
    if (rank == 0) { /* anyone may release it */
        CHECK(rk_lock_release(shared.lock, &err) == RK_OK);
        CHECK(rk_lock_destroy(shared.lock, &err) == RK_OK);
    }
    meet(ranks);
    CHECK(rk_lock_acquire(shared.lock, 0, &err) == RK_ENOENT);
    CHECK(strstr(err.message, "lock") != NULL);
    CHECK(rk_lock_destroy(shared.lock, &err) == RK_ENOENT);
    CHECK(rk_lock_acquire((rk_lock){{0, 0, 0}}, 0, &err) == RK_EINVAL);
    CHECK(rk_event_set((rk_event){shared.lock.ref}, &err) == RK_EINVAL);
    meet(ranks);
}

static void locks_are_pythons(void **state) {
    (void)state;
    play_all(use_lock);
}

static void use_rlock(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    bool locked;
    if (rank == 0)
        CHECK(rk_rlock_create(&shared.rlock, &err) == RK_OK);
    meet(ranks);
    if (rank == ranks - 1) {
        for (int i = 0; i < 3; i++)
            CHECK(rk_rlock_acquire(shared.rlock, 0, &err) == RK_OK);
        for (int i = 0; i < 2; i++)
            CHECK(rk_rlock_release(shared.rlock, &err) == RK_OK);
    }
    meet(ranks);
    if (rank == 0 && ranks > 1) {
        CHECK(rk_rlock_release(shared.rlock, &err) == RK_EPERM);
        CHECK(rk_rlock_acquire(shared.rlock, 0, &err) == RK_ETIMEDOUT);
        CHECK(rk_rlock_locked(shared.rlock, &locked, &err) == RK_OK && locked);
    }
    meet(ranks);
    if (rank == ranks - 1) {
        CHECK(rk_rlock_release(shared.rlock, &err) == RK_OK);
        CHECK(rk_rlock_release(shared.rlock, &err) == RK_EPERM);
        CHECK(rk_rlock_locked(shared.rlock, &locked, &err) == RK_OK && !locked);
        CHECK(rk_rlock_destroy(shared.rlock, &err) == RK_OK);
    }
    meet(ranks);
}

static void rlocks_are_pythons(void **state) {
    (void)state;
    play_all(use_rlock);
}

/* All queue one after the other while rank 0 has it: they get it in that order. */
static void queue_up(uint32_t rank, uint32_t ranks) {
    if (rank == 0) {
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
        CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
    }
    meet(ranks);
    if (rank > 0) {
        await_queue(shared.lock.ref, rank - 1); /* those before us stand */
        CHECK(rk_lock_acquire(shared.lock, 60, NULL) == RK_OK);
        shared.seen[shared.number++] = rank;
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    } else {
        await_queue(shared.lock.ref, ranks - 1);
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    }
    meet(ranks);
    for (uint32_t r = 1; r < ranks; r++)
        CHECK(shared.seen[r - 1] == r);
}

static void a_lock_goes_to_who_came_first(void **state) {
    (void)state;
    play(5, queue_up);
}

/* ---- semaphore ---- */

static void use_semaphore(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    uint64_t value;
    if (rank == 0) {
        CHECK(rk_semaphore_create(&shared.semaphore, 2, &err) == RK_OK);
        CHECK(rk_bounded_semaphore_create(&shared.bounded, 2, &err) == RK_OK);
        CHECK(rk_semaphore_create(&shared.semaphore, UINT64_MAX, &err) == RK_EINVAL);
    }
    meet(ranks);
    for (int i = 0; i < 100; i++) { /* never more than two inside */
        CHECK(rk_semaphore_acquire(shared.semaphore, 60, &err) == RK_OK);
        CHECK(atomic_fetch_add(&shared.count, 1) < 2);
        if (i % 8 == 0)
            sched_yield();
        atomic_fetch_sub(&shared.count, 1);
        CHECK(rk_semaphore_release(shared.semaphore, 1, &err) == RK_OK);
    }
    meet(ranks);
    if (rank == ranks - 1) {
        CHECK(rk_semaphore_release(shared.semaphore, 0, &err) == RK_EINVAL);
        CHECK(rk_semaphore_release(shared.semaphore, UINT64_MAX / 4, &err) == RK_EOVERFLOW);
        CHECK(rk_semaphore_release(shared.semaphore, 3, &err) == RK_OK);
        CHECK(rk_semaphore_value(shared.semaphore, &value, &err) == RK_OK && value == 5);
        CHECK(rk_semaphore_release(shared.bounded, 1, &err) == RK_EINVAL);
        CHECK(rk_semaphore_acquire(shared.bounded, 0, &err) == RK_OK);
        CHECK(rk_semaphore_release(shared.bounded, 2, &err) == RK_EINVAL);
        CHECK(rk_semaphore_acquire(shared.bounded, 0, &err) == RK_OK);
        CHECK(rk_semaphore_acquire(shared.bounded, 0, &err) == RK_ETIMEDOUT);
        CHECK(rk_semaphore_acquire(shared.bounded, 0.01, &err) == RK_ETIMEDOUT);
        CHECK(rk_semaphore_release(shared.bounded, 2, &err) == RK_OK);
        CHECK(rk_semaphore_destroy(shared.bounded, &err) == RK_OK);
    }
    meet(ranks);
}

static void semaphores_are_pythons(void **state) {
    (void)state;
    play_all(use_semaphore);
}

/* ---- condition ---- */

enum { GOODS = 200, SHELF = 3 };

static bool is_room(void *ctx) {
    (void)ctx;
    return shared.number < SHELF;
}

static bool are_goods(void *ctx) {
    (void)ctx;
    return shared.number > 0;
}

/* Rank 0 makes two conditions of one lock; each rank puts goods on the shelf and takes as many, in strands. */
static void put(void *ctx) {
    strand_count *self = ctx;
    for (int i = 0; i < GOODS; i++) {
        CHECK(rk_condition_acquire(shared.condition, 60, NULL) == RK_OK);
        CHECK(rk_condition_wait_for(shared.condition, is_room, NULL, 60, NULL) == RK_OK);
        shared.number++;
        CHECK(shared.number <= SHELF);
        CHECK(rk_condition_notify(shared.other, 1, NULL) == RK_OK);
        CHECK(rk_condition_release(shared.condition, NULL) == RK_OK);
    }
    rk__mail *mail = entered();
    self->left--;
    rk__leave(mail);
}

static void take(void) {
    for (int i = 0; i < GOODS; i++) {
        CHECK(rk_rlock_acquire(shared.rlock, 60, NULL) == RK_OK);
        CHECK(rk_rlock_acquire(shared.rlock, 60, NULL) == RK_OK); /* however deep */
        while (!are_goods(NULL))
            CHECK(rk_condition_wait(shared.other, 60, NULL) == RK_OK);
        shared.number--;
        CHECK(rk_condition_notify(shared.condition, 1, NULL) == RK_OK);
        CHECK(rk_rlock_release(shared.rlock, NULL) == RK_OK);
        CHECK(rk_rlock_release(shared.rlock, NULL) == RK_OK);
    }
}

static void produce_and_consume(uint32_t rank, uint32_t ranks) {
    strand_count self = {1};
    uint32_t party;
    if (rank == 0) {
        CHECK(rk_rlock_create(&shared.rlock, NULL) == RK_OK);
        CHECK(rk_condition_create_with_rlock(&shared.condition, shared.rlock, NULL) == RK_OK);
        CHECK(rk_condition_create_with_rlock(&shared.other, shared.rlock, NULL) == RK_OK);
    }
    meet(ranks);
    rk__mail *mail = entered();
    CHECK(rk__strand_start(mail, put, &self, &party, NULL) == RK_OK);
    rk__leave(mail);
    take();
    mail = entered();
    CHECK(rk__wait(mail, reached, &self.left, rk__deadline(60)) == RK_OK);
    rk__leave(mail);
    meet(ranks);
    CHECK(shared.number == 0);
}

static void conditions_bring_goods_from_producers_to_consumers(void **state) {
    (void)state;
    play_all(produce_and_consume);
}

static bool is_false(void *ctx) {
    ++*(int *)ctx;
    return false;
}

static void misuse_condition(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    bool locked;
    int looks = 0;
    if (rank == 0) {
        CHECK(rk_condition_create(&shared.condition, &err) == RK_OK);
        CHECK(rk_lock_create(&shared.lock, &err) == RK_OK);
        CHECK(rk_condition_create_with_lock(&shared.other, (rk_lock){shared.condition.ref}, &err) == RK_EINVAL);
        CHECK(rk_condition_create_with_lock(&shared.other, (rk_lock){{0, 0, 0}}, &err) == RK_EINVAL);
    }
    meet(ranks);
    if (rank == 1)
        CHECK(rk_condition_create_with_lock(&shared.other, shared.lock, &err) == RK_EINVAL); /* of another rank */
    if (rank == ranks - 1) {
        CHECK(rk_condition_wait(shared.condition, 0, &err) == RK_EPERM);
        CHECK(rk_condition_notify(shared.condition, 1, &err) == RK_EPERM);
        CHECK(rk_condition_notify_all(shared.condition, &err) == RK_EPERM);
        CHECK(rk_condition_release(shared.condition, &err) == RK_EPERM);
        CHECK(rk_condition_acquire(shared.condition, 0, &err) == RK_OK);
        CHECK(rk_condition_acquire(shared.condition, 0, &err) == RK_OK);
        CHECK(rk_condition_wait(shared.condition, 0, &err) == RK_ETIMEDOUT);
        CHECK(rk_condition_wait(shared.condition, 0.01, &err) == RK_ETIMEDOUT);
        CHECK(rk_condition_wait_for(shared.condition, is_false, &looks, 0.01, &err) == RK_ETIMEDOUT && looks == 2);
        CHECK(rk_condition_notify(shared.condition, 5, &err) == RK_OK); /* nobody there */
        CHECK(rk_condition_release(shared.condition, &err) == RK_OK);
        CHECK(rk_condition_locked(shared.condition, &locked, &err) == RK_OK && locked); /* twice, as before */
        CHECK(rk_condition_release(shared.condition, &err) == RK_OK);
        CHECK(rk_condition_locked(shared.condition, &locked, &err) == RK_OK && !locked);
        CHECK(rk_condition_destroy(shared.condition, &err) == RK_OK);
        CHECK(rk_condition_wait(shared.condition, 0, &err) == RK_ENOENT);
    }
    meet(ranks);
}

static void a_condition_is_used_with_its_lock(void **state) {
    (void)state;
    play_all(misuse_condition);
}

/* All but rank 0 sleep; one is woken, then the rest. */
static void sleep_and_wake(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_condition_create(&shared.condition, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_condition_acquire(shared.condition, 60, NULL) == RK_OK);
    if (rank > 0) {
        shared.number++;
        CHECK(rk_condition_wait(shared.condition, 60, NULL) == RK_OK);
        atomic_fetch_add(&shared.count, 1);
        CHECK(rk_condition_release(shared.condition, NULL) == RK_OK);
        return;
    }
    while (shared.number < ranks - 1) {
        CHECK(rk_condition_release(shared.condition, NULL) == RK_OK);
        CHECK(rk_condition_acquire(shared.condition, 60, NULL) == RK_OK);
    }
    CHECK(rk_condition_notify(shared.condition, 1, NULL) == RK_OK);
    CHECK(atomic_load(&shared.count) == 0); /* it goes on when the lock is its */
    while (atomic_load(&shared.count) < 1) {
        CHECK(rk_condition_release(shared.condition, NULL) == RK_OK);
        CHECK(rk_condition_acquire(shared.condition, 60, NULL) == RK_OK);
    }
    usleep(20000);
    CHECK(atomic_load(&shared.count) == 1);
    CHECK(rk_condition_notify_all(shared.condition, NULL) == RK_OK);
    CHECK(rk_condition_release(shared.condition, NULL) == RK_OK);
    while (atomic_load(&shared.count) < ranks - 1)
        sched_yield();
}

static void notify_wakes_as_many_as_it_says(void **state) {
    (void)state;
    play(2, sleep_and_wake);
    play(5, sleep_and_wake);
}

/* ---- event ---- */

static void use_event(uint32_t rank, uint32_t ranks) {
    bool set;
    if (rank == 0)
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_event_is_set(shared.event, &set, NULL) == RK_OK && !set);
    CHECK(rk_event_wait(shared.event, 0, NULL) == RK_ETIMEDOUT);
    CHECK(rk_event_wait(shared.event, 0.005, NULL) == RK_ETIMEDOUT);
    meet(ranks);
    if (rank == ranks - 1)
        CHECK(rk_event_set(shared.event, NULL) == RK_OK);
    else
        CHECK(rk_event_wait(shared.event, 60, NULL) == RK_OK);
    CHECK(rk_event_is_set(shared.event, &set, NULL) == RK_OK && set);
    CHECK(rk_event_wait(shared.event, 0, NULL) == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_event_clear(shared.event, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_event_wait(shared.event, 0, NULL) == RK_ETIMEDOUT);
    meet(ranks);
    if (rank == 0) {
        await_queue(shared.event.ref, ranks - 1);
        CHECK(rk_event_destroy(shared.event, NULL) == RK_OK);
    } else {
        CHECK(rk_event_wait(shared.event, 60, NULL) == RK_ENOENT);
    }
}

static void events_are_pythons(void **state) {
    (void)state;
    play_all(use_event);
}

/* ---- barrier ---- */

static rk_status count_phase(rk_call *call) {
    (void)call;
    shared.number++;
    return RK_OK;
}

static rk_status refuse(rk_call *call) {
    return rk_call_fail(call, RK_EINVAL, "not today");
}

enum { PHASES = 100 };

static void go_through_phases(uint32_t rank, uint32_t ranks) {
    uint32_t index, parties, waiting;
    if (rank == 0) {
        CHECK(rk_barrier_create(&shared.barrier, ranks, NULL, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.acting, ranks, count_phase, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.failing, 0, NULL, NULL) == RK_EINVAL);
    }
    meet(ranks);
    for (uint64_t phase = 0; phase < PHASES; phase++) {
        CHECK(shared.number == phase);
        CHECK(rk_barrier_wait(shared.barrier, 60, &index, NULL) == RK_OK);
        CHECK(index < ranks);
        shared.seen[index] = phase; /* each index is one party's */
        CHECK(rk_barrier_wait(shared.acting, 60, &index, NULL) == RK_OK);
        for (uint32_t i = 0; i < ranks; i++)
            CHECK(shared.seen[i] == phase);
    }
    CHECK(rk_barrier_wait(shared.barrier, 60, NULL, NULL) == RK_OK);
    CHECK(rk_barrier_parties(shared.barrier, &parties, NULL) == RK_OK && parties == ranks);
    CHECK(rk_barrier_n_waiting(shared.barrier, &waiting, NULL) == RK_OK && waiting == 0);
}

static void a_barrier_keeps_phases_apart(void **state) {
    (void)state;
    play_all(go_through_phases);
}

static bool is_broken(rk_barrier barrier) {
    bool broken = false;
    CHECK(rk_barrier_broken(barrier, &broken, NULL) == RK_OK);
    return broken;
}

static void await_waiting(rk_barrier barrier, uint32_t count) {
    uint32_t waiting = 0;
    while (waiting != count)
        CHECK(rk_barrier_n_waiting(barrier, &waiting, NULL) == RK_OK);
}

static void break_barriers(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    if (rank == 0) {
        CHECK(rk_barrier_create(&shared.barrier, ranks, NULL, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.failing, ranks, refuse, NULL) == RK_OK);
    }
    meet(ranks);
    if (rank > 0) /* one does not come in time */
        CHECK(rk_barrier_wait(shared.barrier, rank == 1 ? 0.02 : 60, NULL, &err) == RK_EBROKEN);
    meet(ranks);
    CHECK(is_broken(shared.barrier));
    CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_EBROKEN);
    meet(ranks);
    if (rank == 1)
        CHECK(rk_barrier_reset(shared.barrier, NULL) == RK_OK);
    meet(ranks);
    CHECK(!is_broken(shared.barrier));
    CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_OK);
    if (rank > 0) /* one aborts instead */
        CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_EBROKEN);
    else {
        await_waiting(shared.barrier, ranks - 1);
        CHECK(rk_barrier_abort(shared.barrier, NULL) == RK_OK);
    }
    meet(ranks);
    if (rank == 0)
        CHECK(rk_barrier_reset(shared.barrier, NULL) == RK_OK);
    meet(ranks);
    if (rank > 0) /* a reset sends those home who wait */
        CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_EBROKEN);
    else {
        await_waiting(shared.barrier, ranks - 1);
        CHECK(rk_barrier_reset(shared.barrier, NULL) == RK_OK);
        CHECK(!is_broken(shared.barrier));
    }
    rk_status status = rk_barrier_wait(shared.failing, 60, NULL, &err); /* an action that fails */
    CHECK(status == RK_EBROKEN || (status == RK_EINVAL && strstr(err.message, "not today") != NULL));
    atomic_fetch_add(&shared.count, status == RK_EINVAL);
    meet(ranks);
    CHECK(is_broken(shared.failing) && atomic_load(&shared.count) == 1);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_barrier_destroy(shared.failing, NULL) == RK_OK);
}

static void barriers_break_as_pythons(void **state) {
    (void)state;
    play(2, break_barriers);
    play(3, break_barriers);
    play(5, break_barriers);
}

/* ---- being told to end ---- */

typedef struct ending {
    int left;
    rk_status lock, condition, barrier, event;
} ending;

static void wait_until_told(void *ctx) {
    ending *self = ctx;
    self->lock = rk_lock_acquire(shared.lock, 60, NULL);
    self->event = rk_event_wait(shared.event, 60, NULL);
    self->barrier = rk_barrier_wait(shared.barrier, 60, NULL, NULL);
    self->condition = rk_condition_acquire(shared.condition, 60, NULL);
    if (self->condition == RK_OK)
        self->condition = rk_condition_wait(shared.condition, 60, NULL);
    rk__mail *mail = entered();
    self->left--;
    rk__leave(mail);
}

static void tell_to_end(uint32_t rank, uint32_t ranks) {
    ending self = {.left = 1};
    uint32_t party;
    bool locked;
    if (rank == 0) {
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
        CHECK(rk_condition_create(&shared.condition, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.barrier, ranks + 1, NULL, NULL) == RK_OK);
        CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
    }
    meet(ranks);
    if (rank == ranks - 1) {
        rk__mail *mail = entered();
        CHECK(rk__strand_start(mail, wait_until_told, &self, &party, NULL) == RK_OK);
        rk__yield(mail);
        CHECK(rk__strand_interrupt(mail, party));
        CHECK(rk__wait(mail, reached, &self.left, rk__deadline(60)) == RK_OK);
        rk__leave(mail);
        CHECK(self.lock == RK_ECANCELLED && self.event == RK_ECANCELLED && self.condition == RK_ECANCELLED);
        CHECK(self.barrier == RK_ECANCELLED && is_broken(shared.barrier));
        CHECK(rk_condition_locked(shared.condition, &locked, NULL) == RK_OK && !locked);
    }
    meet(ranks);
    if (rank == 0) { /* it stands in no queue */
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
        CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
    }
}

static void who_is_told_to_end_stops_waiting(void **state) {
    (void)state;
    play(1, tell_to_end);
    play(3, tell_to_end);
}

/* ---- deaths: the last rank dies, that is, it does nothing any more ---- */

static _Atomic uint32_t lying, survived;

/* Dead is who does nothing any more: as long as it has its lock, its service thread does not either. */
static void lie_dead(uint32_t ranks) {
    await_queue(shared.event.ref, ranks - 2);
    rk__mail *mail = entered();
    atomic_store(&lying, 1);
    while (atomic_load(&survived) < ranks - 1)
        usleep(1000);
    rk__leave(mail);
}

static void bury_the_last(uint32_t ranks) {
    while (atomic_load(&lying) == 0)
        usleep(1000);
    rk__mail *mail = entered();
    rk__mail_bury(mail, ranks - 1);
    rk__leave(mail);
}

static void lose_the_last(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    if (rank == 0) {
        atomic_store(&lying, 0);
        atomic_store(&survived, 0);
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
        CHECK(rk_semaphore_create(&shared.semaphore, 0, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.barrier, ranks, NULL, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared.acting, ranks - 1, NULL, NULL) == RK_OK);
    }
    meet(ranks);
    CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_OK);
    if (rank == ranks - 1) {
        CHECK(rk_lock_acquire(shared.lock, 60, NULL) == RK_OK);
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
    }
    meet(ranks);
    if (rank == ranks - 1) {
        lie_dead(ranks);
        return;
    }
    if (rank == 0)
        bury_the_last(ranks);
    CHECK(rk_event_wait(shared.event, 60, &err) == RK_EDEAD); /* its home */
    CHECK(rk_lock_acquire(shared.lock, 60, &err) == RK_EBROKEN);
    CHECK(rk_lock_acquire(shared.lock, 0, &err) == RK_EBROKEN);
    CHECK(rk_barrier_wait(shared.barrier, 60, NULL, &err) == RK_EBROKEN);
    CHECK(rk_barrier_wait(shared.acting, 60, NULL, &err) == RK_OK); /* it never came to this one */
    if (rank == 0)
        CHECK(rk_semaphore_release(shared.semaphore, ranks - 1, NULL) == RK_OK);
    CHECK(rk_semaphore_acquire(shared.semaphore, 60, NULL) == RK_OK);
    atomic_fetch_add(&survived, 1);
}

static void a_death_breaks_what_it_held(void **state) {
    (void)state;
    play(2, lose_the_last);
    play(3, lose_the_last);
    play(5, lose_the_last);
}

/* ---- watching ---- */

static bool is_ready(void *ctx) {
    return ((rk__watch *)ctx)->ready;
}

static rk_status watch_for(rk_ref ref, double seconds) {
    rk__watch watch;
    rk__mail *mail = entered();
    CHECK(rk__sync_watch(mail, ref, &watch, NULL) == RK_OK);
    rk_status status = rk__wait(mail, is_ready, &watch, rk__deadline(seconds));
    rk__sync_unwatch(mail, &watch);
    rk__leave(mail);
    return status;
}

static void watch_things(uint32_t rank, uint32_t ranks) {
    rk__watch watch;
    if (rank == 0) {
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
        CHECK(rk_rlock_create(&shared.rlock, NULL) == RK_OK);
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
        CHECK(rk_semaphore_create(&shared.semaphore, 0, NULL) == RK_OK);
        CHECK(rk_condition_create(&shared.condition, NULL) == RK_OK);
        CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
        CHECK(rk_rlock_acquire(shared.rlock, 0, NULL) == RK_OK);
        CHECK(watch_for(shared.rlock.ref, 60) == RK_OK); /* its own */
    }
    meet(ranks);
    rk__mail *mail = entered();
    CHECK(rk__sync_watch(mail, shared.condition.ref, &watch, NULL) == RK_EINVAL);
    rk__leave(mail);
    const rk_ref refs[] = {shared.lock.ref, shared.rlock.ref, shared.event.ref, shared.semaphore.ref};
    for (int i = 0; i < 4; i++)
        if (rank > 0 || i != 1)
            CHECK(watch_for(refs[i], 0.005) == RK_ETIMEDOUT);
    meet(ranks);
    if (rank == 0) {
        usleep(10000);
        CHECK(rk_event_set(shared.event, NULL) == RK_OK);
        CHECK(rk_semaphore_release(shared.semaphore, 1, NULL) == RK_OK);
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
        CHECK(rk_rlock_release(shared.rlock, NULL) == RK_OK);
    }
    for (int i = 0; i < 4; i++)
        CHECK(watch_for(refs[(i + (int)rank) % 4], 60) == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_event_clear(shared.event, NULL) == RK_OK);
    meet(ranks);
    if (rank == ranks - 1) {
        usleep(10000);
        CHECK(rk_event_destroy(shared.event, NULL) == RK_OK);
    } else {
        CHECK(watch_for(shared.event.ref, 60) == RK_OK); /* the next call on it tells */
    }
}

static void a_watch_tells_when_an_object_is_ready(void **state) {
    (void)state;
    play_all(watch_things);
}

static void tell_nobody(void *ctx, const rk__sync_news *news) {
    (void)ctx, (void)news;
}

/* The last rank sets the event, and dies before it can say so. */
static void set_and_die(uint32_t rank, uint32_t ranks) {
    rk__watch watch;
    if (rank == 0)
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
    meet(ranks);
    rk__mail *mail = entered();
    if (rank < ranks - 1) {
        CHECK(rk__sync_watch(mail, shared.event.ref, &watch, NULL) == RK_OK);
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(0.01)) == RK_ETIMEDOUT);
    }
    rk__leave(mail);
    meet(ranks);
    mail = entered();
    if (rank == ranks - 1) {
        rk__sync_pretend_remote(mail, false);
        rk__sync_room_of(mail)->machine.tell = tell_nobody;
        rk__leave(mail);
        CHECK(rk_event_set(shared.event, NULL) == RK_OK);
        meet(ranks);
        return;
    }
    rk__leave(mail);
    meet(ranks);
    mail = entered();
    if (rank == 0)
        rk__mail_bury(mail, ranks - 1);
    CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(30)) == RK_OK);
    rk__sync_unwatch(mail, &watch);
    rk__leave(mail);
}

static void a_watch_outlives_who_made_its_object_ready(void **state) {
    (void)state;
    play(2, set_and_die);
    play(3, set_and_die);
}

/* ---- both ways at once ---- */

static void mix(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = entered();
    rk__sync_pretend_remote(mail, rank % 2 == 1);
    rk__leave(mail);
    count_with_lock(rank, ranks);
    meet(ranks);
    if (rank == 0)
        shared.number = 0;
    meet(ranks);
    go_through_phases(rank, ranks);
    meet(ranks);
    if (rank == 0)
        shared.number = 0;
    meet(ranks);
    produce_and_consume(rank, ranks);
}

/* Many short waits that time out, while the lock is handed on: nobody keeps it who gave up. */
static void give_up_often(uint32_t rank, uint32_t ranks) {
    rk__mail *mail = entered();
    rk__sync_pretend_remote(mail, rank % 2 == 1);
    rk__leave(mail);
    if (rank == 0)
        CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
    meet(ranks);
    uint64_t got = 0;
    for (int i = 0; i < ROUNDS; i++) {
        rk_status status = rk_lock_acquire(shared.lock, (i * 7 + (int)rank) % 40 * 1e-6, NULL);
        CHECK(status == RK_OK || status == RK_ETIMEDOUT);
        if (status != RK_OK)
            continue;
        got++;
        shared.number++;
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    }
    atomic_fetch_add(&shared.count, (uint32_t)got);
    meet(ranks);
    CHECK(atomic_load(&shared.count) == shared.number && shared.number > 0);
    if (rank == 0)
        CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
}

static void letters_and_memory_mix(void **state) {
    (void)state;
    play(2, mix);
    play(5, mix);
    play(2, give_up_often);
    play(5, give_up_often);
}

static void strangers_are_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk_lock lock;
    assert_int_equal(rk_lock_create(&lock, &err), RK_EPERM);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lock_excludes),
        cmocka_unit_test(functions_of_one_rank_exclude_each_other_too),
        cmocka_unit_test(locks_are_pythons),
        cmocka_unit_test(rlocks_are_pythons),
        cmocka_unit_test(a_lock_goes_to_who_came_first),
        cmocka_unit_test(semaphores_are_pythons),
        cmocka_unit_test(conditions_bring_goods_from_producers_to_consumers),
        cmocka_unit_test(a_condition_is_used_with_its_lock),
        cmocka_unit_test(notify_wakes_as_many_as_it_says),
        cmocka_unit_test(events_are_pythons),
        cmocka_unit_test(a_barrier_keeps_phases_apart),
        cmocka_unit_test(barriers_break_as_pythons),
        cmocka_unit_test(who_is_told_to_end_stops_waiting),
        cmocka_unit_test(a_death_breaks_what_it_held),
        cmocka_unit_test(a_watch_tells_when_an_object_is_ready),
        cmocka_unit_test(a_watch_outlives_who_made_its_object_ready),
        cmocka_unit_test(letters_and_memory_mix),
        cmocka_unit_test(strangers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
