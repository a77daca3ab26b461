/* Locks and their kin between ranks; every test at several sizes, on one node and as if each rank were a node. */
#include "sync_fixture.h"

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
        cmocka_unit_test(letters_and_memory_mix),
        cmocka_unit_test(strangers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
