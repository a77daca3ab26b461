/* What ends a wait for locks and their kin from outside: being told to end, deaths; and watching them. */
#include "sync_fixture.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_told_to_end_stops_waiting),
        cmocka_unit_test(a_death_breaks_what_it_held),
        cmocka_unit_test(a_watch_tells_when_an_object_is_ready),
        cmocka_unit_test(a_watch_outlives_who_made_its_object_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
