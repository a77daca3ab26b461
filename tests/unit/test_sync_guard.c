/* Process 3 dies inside the guard of an object of src/sync, and leaves things as they may be in the middle of a step.
 */
#include "sync_machine_fixture.h"

static rk__sync_object *die_inside(node *self, uint64_t serial) {
    rk__sync_object *object = rk__sync_enter(&self->machines[3], serial);
    self->gone[3] = true;
    return object;
}

static void garble(rk__sync_object *object, uint32_t party) {
    object->entry = (rk__sync_queue){party + 1, party + 1, 7};
}

static void a_count_outlives_a_death_inside(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0), c = party_of(1, 1), d = party_of(2, 0);
    uint64_t semaphore = make(&self, 0, RK__KIND_SEMAPHORE, 0, 5), event = make(&self, 0, RK__KIND_EVENT, 0, 0);
    step(&self, b, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    step(&self, c, RK__KIND_EVENT, event, RK__SYNC_WAIT, 1);
    garble(die_inside(&self, semaphore), c);
    assert_int_equal(step(&self, d, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_RELEASE, 1).status, RK_OK);
    assert_done(&self, a, RK_OK, 0);
    assert_true(waits(&self, b) && waits(&self, c));
    assert_int_equal(step(&self, d, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_RELEASE, 2).status, RK_OK);
    assert_done(&self, b, RK_OK, 0);
    assert_int_equal(step(&self, d, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_LOOK, 0).value, 1);
    assert_int_equal(step(&self, d, RK__KIND_EVENT, event, RK__SYNC_SET, 1).status, RK_OK);
    assert_done(&self, c, RK_OK, 0);
    node_fini(&self);
}

static void what_the_dead_would_have_granted_is_granted(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0), d = party_of(2, 0);
    uint64_t semaphore = make(&self, 0, RK__KIND_SEMAPHORE, 0, 5), event = make(&self, 0, RK__KIND_EVENT, 0, 0);
    step(&self, a, RK__KIND_EVENT, event, RK__SYNC_WAIT, 1);
    die_inside(&self, event)->value = 1;
    assert_int_equal(step(&self, d, RK__KIND_EVENT, event, RK__SYNC_LOOK, 1).value, 1);
    assert_done(&self, a, RK_OK, 0);
    self.gone[3] = false;
    step(&self, a, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    step(&self, b, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    die_inside(&self, semaphore)->value = 1;
    assert_int_equal(step(&self, d, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_LOOK, 1).value, 0);
    assert_done(&self, a, RK_OK, 0);
    assert_true(waits(&self, b));
    node_fini(&self);
}

/* It only waited, or was handing the lock on: to nobody yet, or to b, who was not told. */
static void a_lock_outlives_who_did_not_have_it(void **state) {
    (void)state;
    for (int how = 0; how < 3; how++) {
        node self;
        node_init(&self);
        uint32_t a = party_of(0, 0), b = party_of(1, 0), c = party_of(2, 0);
        uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0);
        step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
        step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
        step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
        rk__sync_object *object = die_inside(&self, lock);
        garble(object, c);
        if (how > 0)
            object->holder = how == 1 ? 0 : b + 1;
        if (how > 0)
            assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_LOOK, 1).value, 1);
        else
            assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
        assert_done(&self, b, RK_OK, 0);
        assert_true(waits(&self, c));
        assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
        assert_done(&self, c, RK_OK, 0);
        assert_int_equal(step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
        node_fini(&self);
    }
}

/* One sleeps, one has been notified and wants the lock again: both stand where they stood. */
static void a_condition_outlives_who_did_not_have_its_lock(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0), c = party_of(2, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    for (uint32_t p = 0; p < 2; p++) {
        step(&self, party_of(p, 0), RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
        step(&self, party_of(p, 0), RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0);
    }
    step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    assert_int_equal(step(&self, c, RK__KIND_CONDITION, condition, RK__SYNC_NOTIFY, 1).value, 1);
    garble(die_inside(&self, lock), b);
    assert_int_equal(step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
    assert_done(&self, a, RK_OK, RK__SYNC_NOTIFIED | RK__SYNC_LOCKED);
    assert_true(waits(&self, b));
    assert_int_equal(step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_NOTIFY, 1).value, 1);
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
    assert_done(&self, b, RK_OK, RK__SYNC_NOTIFIED | RK__SYNC_LOCKED);
    node_fini(&self);
}

static void a_death_inside_breaks_what_it_held(void **state) {
    (void)state;
    for (int barrier = 0; barrier < 2; barrier++) {
        node self;
        node_init(&self);
        rk__kind kind = barrier ? RK__KIND_BARRIER : RK__KIND_LOCK;
        rk__sync_op op = barrier ? RK__SYNC_ARRIVE : RK__SYNC_ACQUIRE;
        uint32_t a = party_of(0, 0), b = party_of(1, 0), dead = party_of(3, 0);
        uint64_t object = make(&self, 0, kind, 0, barrier ? 4 : 0);
        step(&self, dead, kind, object, op, 1);
        step(&self, a, kind, object, op, 1);
        garble(die_inside(&self, object), dead);
        assert_int_equal(step(&self, b, kind, object, op, 1).status, RK_EBROKEN);
        assert_done(&self, a, RK_EBROKEN, 0);
        assert_int_equal(step(&self, b, kind, object, RK__SYNC_DESTROY, 1).status, RK_OK);
        assert_false(rk__sync_is_done(&self.machines[0], a)); /* it stood in no queue any more */
        node_fini(&self);
    }
}

/* It released a lock that a had, as anybody may. */
static void a_release_that_was_not_finished_is(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    die_inside(&self, lock)->depth = 0;
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_LOOK, 1).value, 1);
    assert_done(&self, b, RK_OK, 0);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_EPERM);
    node_fini(&self);
}

/* a runs the action; b, which came before, dies, or another does inside the guard. */
static void who_acts_at_a_broken_barrier_lets_nobody_go(void **state) {
    (void)state;
    for (int inside = 0; inside < 2; inside++) {
        node self;
        node_init(&self);
        uint32_t a = party_of(0, 0), b = party_of(1, 0), c = party_of(2, 0);
        uint64_t barrier = make(&self, 0, RK__KIND_BARRIER, 0, 2), value;
        step(&self, b, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0);
        step_flags(&self, a, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0, RK__SYNC_WITH_ACTION);
        assert_int_equal(rk__sync_take(&self.machines[0], a, &value), RK_OK);
        assert_true((value & RK__SYNC_ACT) != 0);
        step(&self, c, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0); /* for the next time */
        if (inside)
            die_inside(&self, barrier);
        else
            rk__sync_withdraw(&self.machines[2], b); /* the first thing that is done for the dead */
        assert_int_equal(step(&self, a, RK__KIND_BARRIER, barrier, RK__SYNC_ACTED, 1).status, RK_EBROKEN);
        assert_done(&self, c, RK_EBROKEN, 0);
        node_fini(&self);
    }
}

/* It was destroying a condition, which lives on: its lock still knows of it. */
static void a_condition_is_not_forgotten_by_its_lock(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    die_inside(&self, lock)->users = 0;
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_DESTROY, 1).status, RK_EPERM);
    assert_int_equal(step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_DESTROY, 1).status, RK_OK);
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_DESTROY, 1).status, RK_OK);
    node_fini(&self);
}

/* While one looks whether process 3 is gone, it is replaced by another, which goes inside. */
typedef struct replacement {
    rk__sync_object *object;
    uint32_t badge;
    int looks;
} replacement;

static bool is_replaced(void *ctx, uint32_t endpoint, uint32_t birth) {
    replacement *self = ctx;
    assert_int_equal(endpoint, 3);
    assert_int_equal(birth, self->looks == 0 ? 255 : 0);
    if (self->looks++ == 0) {
        assert_int_not_equal(self->object->guard, self->badge);
        self->object->guard = self->badge;
        return true;
    }
    assert_int_equal(self->object->guard, self->badge); /* it is left alone */
    self->object->guard = 0;
    return false;
}

static void who_takes_over_knows_the_dead_from_its_successor(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint64_t event = make(&self, 0, RK__KIND_EVENT, 0, 0);
    self.machines[3].birth = 255;
    replacement other = {.object = rk__sync_enter(&self.machines[3], event)};
    rk__sync_leave(&self.machines[3]);
    self.machines[3].birth = 256;
    rk__sync_enter(&self.machines[3], event);
    other.badge = other.object->guard;
    rk__sync_leave(&self.machines[3]);
    self.machines[3].birth = 255;
    rk__sync_enter(&self.machines[3], event);
    self.machines[1].is_gone = is_replaced;
    self.machines[1].ctx = &other;
    assert_ptr_equal(rk__sync_enter(&self.machines[1], event), other.object);
    assert_int_equal(other.looks, 2);
    node_fini(&self);
}

static void a_death_inside_is_found_by_those_who_clean_up(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0);
    uint64_t lock = make(&self, 0, RK__KIND_RLOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0);
    rk__sync_object *object = die_inside(&self, condition);
    rk__sync_died(&self.machines[2], 3, true);
    assert_int_equal(rk__sync_inside(rk__sync_lock_of(&self.machines[0], object)), RK__NOBODY);
    assert_true(waits(&self, a));
    node_fini(&self);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_count_outlives_a_death_inside),
                                       cmocka_unit_test(what_the_dead_would_have_granted_is_granted),
                                       cmocka_unit_test(a_lock_outlives_who_did_not_have_it),
                                       cmocka_unit_test(a_condition_outlives_who_did_not_have_its_lock),
                                       cmocka_unit_test(a_death_inside_breaks_what_it_held),
                                       cmocka_unit_test(a_release_that_was_not_finished_is),
                                       cmocka_unit_test(who_acts_at_a_broken_barrier_lets_nobody_go),
                                       cmocka_unit_test(a_condition_is_not_forgotten_by_its_lock),
                                       cmocka_unit_test(who_takes_over_knows_the_dead_from_its_successor),
                                       cmocka_unit_test(a_death_inside_is_found_by_those_who_clean_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
