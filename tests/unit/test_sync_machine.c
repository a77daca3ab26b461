/* The steps of the machine of src/sync, against a model and one by one. */
#include "sync_machine_fixture.h"

/* ---- random steps against a model ---- */

/* The model: queues are arrays, and everything is written as one would say it. */
typedef struct model_queue {
    int count, who[PARTIES];
} model_queue;

typedef struct model {
    rk__kind kind;
    uint64_t serial, value, limit;
    int holder; /* -1: nobody */
    uint64_t depth;
    bool broken;
    model_queue entry, sleepers;
} model;

typedef struct model_party {
    model *waits; /* NULL: it runs */
    bool slept, notified, acts;
    uint64_t depth;
} model_party;

typedef struct outcome {
    rk_status status;
    bool pending;
    uint64_t value;
    int told_count, told[PARTIES];
    rk_status told_status[PARTIES];
    uint64_t told_value[PARTIES];
} outcome;

typedef struct play {
    node node;
    uint64_t random;
    model objects[6];
    model_party parties[PARTIES];
    outcome want;
    uint64_t serials[6];
    int granted, cancelled, broken; /* that it was worth it */
} play;

static uint64_t draw(play *self, uint64_t below) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return self->random % below;
}

static void enqueue(model_queue *queue, int who) {
    queue->who[queue->count++] = who;
}

static int take_at(model_queue *queue, int at) {
    int who = queue->who[at];
    memmove(&queue->who[at], &queue->who[at + 1], (size_t)(queue->count - at - 1) * sizeof queue->who[0]);
    queue->count--;
    return who;
}

static bool take_out(model_queue *queue, int who) {
    for (int i = 0; i < queue->count; i++)
        if (queue->who[i] == who) {
            take_at(queue, i);
            return true;
        }
    return false;
}

static void want_told(play *self, int who, rk_status status, uint64_t value) {
    outcome *want = &self->want;
    want->told[want->told_count] = who;
    want->told_status[want->told_count] = status;
    want->told_value[want->told_count++] = value;
    self->parties[who].waits = NULL;
}

static void want_wait(play *self, model *object, model_queue *queue, int who) {
    self->want.pending = true;
    self->parties[who] = (model_party){object, false, false, false, 1};
    enqueue(queue, who);
}

static void model_pass_on(play *self, model *lock) {
    lock->holder = -1;
    if (lock->entry.count == 0)
        return;
    int who = take_at(&lock->entry, 0);
    lock->holder = who;
    lock->depth = self->parties[who].depth;
    want_told(self, who, RK_OK, self->parties[who].slept ? RK__SYNC_NOTIFIED | RK__SYNC_LOCKED : 0);
}

static void model_break(play *self, model *object) {
    object->broken = true;
    object->holder = -1;
    while (object->entry.count > 0)
        want_told(self, take_at(&object->entry, 0), RK_EBROKEN, 0);
    self->broken++;
}

static void model_barrier_goes_on(play *self, model *object) {
    int parties = (int)object->limit;
    while (object->holder < 0 && object->entry.count >= parties) {
        int last = object->entry.who[parties - 1];
        if (self->parties[last].acts) {
            object->holder = take_at(&object->entry, parties - 1);
            want_told(self, last, RK_OK, (object->limit - 1) | RK__SYNC_ACT);
        } else {
            for (int i = 0; i < parties; i++)
                want_told(self, take_at(&object->entry, 0), RK_OK, (uint64_t)i);
        }
    }
}

static rk_status model_lock(play *self, model *object, int who, rk__sync_op op, uint64_t value, bool try_only) {
    bool reentrant = object->kind != RK__KIND_LOCK, mine = object->holder == who;
    switch (op) {
    case RK__SYNC_ACQUIRE:
        if (object->holder < 0) {
            object->holder = who;
            object->depth = value;
        } else if (mine && reentrant) {
            object->depth++;
        } else if (try_only) {
            return RK_ETIMEDOUT;
        } else {
            want_wait(self, object, &object->entry, who);
            self->parties[who].depth = value;
        }
        return RK_OK;
    case RK__SYNC_RELEASE:
        if (object->holder < 0 || (reentrant && !mine))
            return RK_EPERM;
        if (--object->depth == 0)
            model_pass_on(self, object);
        return RK_OK;
    case RK__SYNC_SLEEP:
        if (!mine)
            return RK_EPERM;
        want_wait(self, object, &object->sleepers, who);
        self->parties[who].slept = true;
        self->parties[who].depth = object->depth;
        model_pass_on(self, object);
        return RK_OK;
    default: /* notify */
        if (!mine)
            return RK_EPERM;
        for (; self->want.value < value && object->sleepers.count > 0; self->want.value++) {
            int woken = take_at(&object->sleepers, 0);
            self->parties[woken].notified = true;
            enqueue(&object->entry, woken);
        }
        return RK_OK;
    }
}

static rk_status model_count(play *self, model *object, int who, rk__sync_op op, uint64_t value, bool try_only) {
    switch (op) {
    case RK__SYNC_ACQUIRE:
    case RK__SYNC_WAIT:
        if (object->value > 0)
            object->value -= op == RK__SYNC_ACQUIRE;
        else if (try_only)
            return RK_ETIMEDOUT;
        else
            want_wait(self, object, &object->entry, who);
        return RK_OK;
    case RK__SYNC_RELEASE:
        if (value == 0 || object->value + value > object->limit)
            return RK_EINVAL;
        for (; value > 0 && object->entry.count > 0; value--)
            want_told(self, take_at(&object->entry, 0), RK_OK, 0);
        object->value += value;
        return RK_OK;
    case RK__SYNC_SET:
        object->value = 1;
        while (object->entry.count > 0)
            want_told(self, take_at(&object->entry, 0), RK_OK, 0);
        return RK_OK;
    default: /* clear */
        object->value = 0;
        return RK_OK;
    }
}

static rk_status model_barrier(play *self, model *object, int who, rk__sync_op op, uint64_t value, bool acts) {
    switch (op) {
    case RK__SYNC_ARRIVE:
        if (object->broken)
            return RK_EBROKEN;
        want_wait(self, object, &object->entry, who);
        self->parties[who].acts = acts;
        model_barrier_goes_on(self, object);
        return RK_OK;
    case RK__SYNC_ACTED:
        if (object->holder != who)
            return RK_EBROKEN;
        if (value == 0) {
            model_break(self, object);
            return RK_EBROKEN;
        }
        object->holder = -1;
        for (uint64_t i = 0; i + 1 < object->limit; i++)
            want_told(self, take_at(&object->entry, 0), RK_OK, i);
        model_barrier_goes_on(self, object);
        return RK_OK;
    case RK__SYNC_ABORT:
        model_break(self, object);
        return RK_OK;
    default: /* reset */
        model_break(self, object);
        object->broken = false;
        return RK_OK;
    }
}

static void model_cancel(play *self, int who) {
    model_party *party = &self->parties[who];
    model *object = party->waits;
    if (!take_out(&object->entry, who))
        assert_true(take_out(&object->sleepers, who));
    if (party->slept)
        want_told(self, who, RK_OK, (party->notified ? RK__SYNC_NOTIFIED : 0) | party->depth << 32);
    else
        want_told(self, who, RK_ETIMEDOUT, 0);
    if (object->kind == RK__KIND_BARRIER)
        model_break(self, object);
    self->cancelled++;
}

static uint32_t party_number(int who) {
    return party_of((uint32_t)who / STRANDS, (uint32_t)who % STRANDS);
}

static void check_news(play *self) {
    outcome *want = &self->want;
    assert_int_equal(self->node.news_count, want->told_count);
    for (int i = 0; i < want->told_count; i++) {
        assert_int_equal(self->node.news[i].party, party_number(want->told[i]));
        assert_int_equal(self->node.news[i].status, want->told_status[i]);
        assert_int_equal(self->node.news[i].value, want->told_value[i]);
        assert_done(&self->node, party_number(want->told[i]), want->told_status[i], want->told_value[i]);
        self->granted++;
    }
    for (int who = 0; who < PARTIES; who++)
        assert_int_equal(waits(&self->node, party_number(who)), self->parties[who].waits != NULL);
}

static void play_cancel(play *self, int who) {
    model *object = self->parties[who].waits;
    model_cancel(self, who);
    step(&self->node, party_number(who), object->kind, object->serial, RK__SYNC_CANCEL, 0);
    check_news(self);
}

static rk__sync_op draw_op(play *self, rk__kind kind) {
    static const rk__sync_op locks[] = {RK__SYNC_ACQUIRE, RK__SYNC_RELEASE};
    static const rk__sync_op conditions[] = {RK__SYNC_ACQUIRE, RK__SYNC_RELEASE, RK__SYNC_SLEEP, RK__SYNC_NOTIFY};
    static const rk__sync_op events[] = {RK__SYNC_WAIT, RK__SYNC_WAIT, RK__SYNC_SET, RK__SYNC_CLEAR};
    static const rk__sync_op barriers[] = {RK__SYNC_ARRIVE, RK__SYNC_ARRIVE, RK__SYNC_ARRIVE, RK__SYNC_ARRIVE,
                                           RK__SYNC_ARRIVE, RK__SYNC_ACTED,  RK__SYNC_ACTED,  RK__SYNC_ACTED,
                                           RK__SYNC_ABORT,  RK__SYNC_RESET};
    if (kind == RK__KIND_CONDITION)
        return conditions[draw(self, 4)];
    if (kind == RK__KIND_EVENT)
        return events[draw(self, 4)];
    if (kind == RK__KIND_BARRIER)
        return barriers[draw(self, 10)];
    return locks[draw(self, 2)];
}

static void play_step(play *self, int who) {
    model *object = &self->objects[draw(self, 6)];
    bool flag = draw(self, 4) == 0;
    rk__sync_op op = draw_op(self, object->kind);
    uint64_t value = draw(self, 3);
    rk_status status;
    if (op == RK__SYNC_ACQUIRE)
        value = 1;
    if (object->kind == RK__KIND_BARRIER)
        status = model_barrier(self, object, who, op, value, flag);
    else if (object->kind == RK__KIND_EVENT || object->kind == RK__KIND_SEMAPHORE)
        status = model_count(self, object, who, op, value, flag);
    else
        status = model_lock(self, object, who, op, value, flag);
    uint32_t flags = !flag ? 0 : object->kind == RK__KIND_BARRIER ? RK__SYNC_WITH_ACTION : RK__SYNC_TRY;
    rk__sync_reply reply = step_flags(&self->node, party_number(who), object->kind, object->serial, op, value, flags);
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.pending, self->want.pending);
    assert_int_equal(reply.value, self->want.value);
    check_news(self);
}

static void make_objects(play *self) {
    static const struct {
        rk__kind kind;
        uint64_t value, limit;
    } all[6] = {{RK__KIND_LOCK, 0, 0},      {RK__KIND_RLOCK, 0, 0}, {RK__KIND_SEMAPHORE, 2, 3},
                {RK__KIND_CONDITION, 0, 0}, {RK__KIND_EVENT, 0, 0}, {RK__KIND_BARRIER, 0, 3}};
    for (int i = 0; i < 6; i++) {
        uint64_t serial = make(&self->node, (uint32_t)i % PROCESSES, all[i].kind, all[i].value, all[i].limit);
        self->objects[i] =
            (model){.kind = all[i].kind, .serial = serial, .value = all[i].value, .limit = all[i].limit, .holder = -1};
    }
}

static void random_steps_do_what_the_model_says(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        static play self;
        memset(&self, 0, sizeof self);
        self.random = seed * 0x9e3779b97f4a7c15u;
        node_init(&self.node);
        make_objects(&self);
        for (int i = 0; i < 5000; i++) {
            int who = (int)draw(&self, PARTIES);
            self.want = (outcome){.status = RK_OK};
            if (self.parties[who].waits == NULL)
                play_step(&self, who);
            else if (draw(&self, 3) == 0)
                play_cancel(&self, who);
        }
        assert_true(self.granted > 300 && self.cancelled > 100 && self.broken > 10);
        node_fini(&self.node);
    }
}

/* ---- conditions of a lock ---- */

static void conditions_of_one_lock_share_it(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), full, empty;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &full, NULL), RK_OK);
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &empty, NULL), RK_OK);
    assert_int_equal(step(&self, a, RK__KIND_CONDITION, full, RK__SYNC_ACQUIRE, 1).status, RK_OK);
    assert_true(step(&self, a, RK__KIND_CONDITION, full, RK__SYNC_SLEEP, 0).pending);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1).status, RK_OK);
    assert_int_equal(step(&self, b, RK__KIND_CONDITION, empty, RK__SYNC_NOTIFY, 1).value, 0);
    assert_int_equal(step(&self, b, RK__KIND_CONDITION, full, RK__SYNC_NOTIFY, 1).value, 1);
    assert_true(waits(&self, a)); /* for the lock */
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_DESTROY, 0).status, RK_EPERM);
    assert_int_equal(step(&self, b, RK__KIND_CONDITION, full, RK__SYNC_DESTROY, 0).status, RK_OK);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
    assert_done(&self, a, RK_OK, RK__SYNC_NOTIFIED | RK__SYNC_LOCKED);
    assert_int_equal(step(&self, b, RK__KIND_CONDITION, empty, RK__SYNC_DESTROY, 0).status, RK_OK);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_DESTROY, 0).status, RK_OK);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1).status, RK_ENOENT);
    node_fini(&self);
}

static void a_sleeper_gives_up_after_its_condition_was_destroyed(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_RLOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    step(&self, a, RK__KIND_RLOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_RLOCK, lock, RK__SYNC_ACQUIRE, 1);
    assert_true(step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0).pending);
    step(&self, b, RK__KIND_RLOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, b, RK__KIND_CONDITION, condition, RK__SYNC_NOTIFY, 1);
    step(&self, b, RK__KIND_CONDITION, condition, RK__SYNC_DESTROY, 0);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_CANCEL, 0);
    assert_done(&self, a, RK_OK, RK__SYNC_NOTIFIED | UINT64_C(2) << 32);
    node_fini(&self);
}

/* ---- the table ---- */

static void the_table_is_bounded_and_serials_are_never_given_twice(void **state) {
    (void)state;
    node self;
    node_init(&self);
    rk_error err = RK_ERROR_INIT;
    uint32_t me = party_of(0, 0);
    uint64_t *serials = calloc(RK__SYNC_PLACES, sizeof *serials), serial;
    for (int i = 0; i < RK__SYNC_PLACES; i++)
        serials[i] = make(&self, 0, RK__KIND_EVENT, 0, 0);
    assert_int_equal(rk__sync_make(&self.machines[1], RK__KIND_LOCK, 0, 0, 0, &serial, &err), RK_EFULL);
    assert_non_null(strstr(err.message, "16384"));
    assert_int_equal(step(&self, me, RK__KIND_EVENT, serials[77], RK__SYNC_DESTROY, 0).status, RK_OK);
    serial = make(&self, 1, RK__KIND_EVENT, 0, 0);
    assert_int_equal(serial % RK__SYNC_PLACES, serials[77] % RK__SYNC_PLACES);
    assert_int_not_equal(serial, serials[77]);
    assert_int_equal(step(&self, me, RK__KIND_EVENT, serials[77], RK__SYNC_SET, 0).status, RK_ENOENT);
    assert_int_equal(step(&self, me, RK__KIND_EVENT, serial, RK__SYNC_SET, 0).status, RK_OK);
    free(serials);
    node_fini(&self);
}

static void destroying_tells_those_who_wait(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0), c = party_of(2, 0);
    uint64_t condition = make(&self, 0, RK__KIND_CONDITION, 0, 0);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0);
    step(&self, b, RK__KIND_CONDITION, condition, RK__SYNC_ACQUIRE, 1);
    assert_true(step(&self, c, RK__KIND_CONDITION, condition, RK__SYNC_ACQUIRE, 1).pending);
    assert_int_equal(step(&self, b, RK__KIND_CONDITION, condition, RK__SYNC_DESTROY, 0).status, RK_OK);
    assert_done(&self, a, RK_ENOENT, 0);
    assert_done(&self, c, RK_ENOENT, 0);
    node_fini(&self);
}

/* ---- the dead ---- */

static void a_lock_breaks_with_its_holder(void **state) {
    (void)state;
    static const rk__kind kinds[] = {RK__KIND_LOCK, RK__KIND_RLOCK, RK__KIND_CONDITION};
    for (int i = 0; i < 3; i++) {
        node self;
        node_init(&self);
        uint32_t dead = party_of(3, 1), b = party_of(1, 0), c = party_of(2, 0);
        uint64_t lock = make(&self, 0, kinds[i], 0, 0);
        step(&self, dead, kinds[i], lock, RK__SYNC_ACQUIRE, 1);
        assert_true(step(&self, b, kinds[i], lock, RK__SYNC_ACQUIRE, 1).pending);
        self.gone[3] = true;
        for (uint32_t p = 0; p < 3; p++)
            rk__sync_died(&self.machines[p], 3, true);
        assert_done(&self, b, RK_EBROKEN, 0);
        assert_int_equal(step(&self, c, kinds[i], lock, RK__SYNC_ACQUIRE, 1).status, RK_EBROKEN);
        assert_int_equal(step(&self, c, kinds[i], lock, RK__SYNC_RELEASE, 1).status, RK_EBROKEN);
        assert_int_equal(step(&self, c, kinds[i], lock, RK__SYNC_LOOK, 0).status, RK_EBROKEN);
        node_fini(&self);
    }
}

static void who_sleeps_for_a_broken_lock_is_told(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t dead = party_of(3, 0), b = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_RLOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[0], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    step(&self, b, RK__KIND_RLOCK, lock, RK__SYNC_ACQUIRE, 1);
    assert_true(step(&self, b, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0).pending);
    step(&self, dead, RK__KIND_RLOCK, lock, RK__SYNC_ACQUIRE, 1);
    rk__sync_died(&self.machines[0], 3, true);
    assert_done(&self, b, RK_EBROKEN, 0);
    node_fini(&self);
}

static void a_waiter_that_died_is_passed_over(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), dead = party_of(3, 0), also = party_of(3, 1), c = party_of(2, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), semaphore = make(&self, 0, RK__KIND_SEMAPHORE, 0, 1);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, dead, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, also, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    /* granted before anybody knows, and never seen */
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1);
    step(&self, a, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_RELEASE, 1);
    assert_true(waits(&self, c));
    for (uint32_t p = 0; p < 3; p++)
        rk__sync_died(&self.machines[p], 3, true);
    assert_done(&self, c, RK_OK, 0);
    assert_int_equal(step(&self, a, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_LOOK, 0).value, 1);
    assert_int_equal(step(&self, c, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_OK);
    node_fini(&self);
}

static void what_the_dead_had_of_a_semaphore_is_gone(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), dead = party_of(3, 0);
    uint64_t semaphore = make(&self, 0, RK__KIND_SEMAPHORE, 1, 1);
    step(&self, dead, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1);
    rk__sync_died(&self.machines[0], 3, true);
    assert_int_equal(step_flags(&self, a, RK__KIND_SEMAPHORE, semaphore, RK__SYNC_ACQUIRE, 1, RK__SYNC_TRY).status,
                     RK_ETIMEDOUT);
    node_fini(&self);
}

static void objects_go_with_their_home(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0), b = party_of(1, 0);
    uint64_t lock = make(&self, 3, RK__KIND_LOCK, 0, 0), condition, other;
    assert_int_equal(rk__sync_make(&self.machines[3], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0);
    step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    for (uint32_t p = 0; p < 3; p++)
        rk__sync_died(&self.machines[p], 3, true);
    assert_done(&self, a, RK_EDEAD, 0);
    assert_int_equal(step(&self, b, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1).status, RK_ENOENT);
    other = make(&self, 0, RK__KIND_LOCK, 0, 0); /* their places are free */
    assert_int_equal(other % RK__SYNC_PLACES, lock % RK__SYNC_PLACES);
    node_fini(&self);
}

static void conditions_go_with_their_lock(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t a = party_of(0, 0);
    uint64_t lock = make(&self, 3, RK__KIND_LOCK, 0, 0), condition;
    assert_int_equal(rk__sync_make(&self.machines[3], RK__KIND_CONDITION, 0, 0, lock, &condition, NULL), RK_OK);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_SLEEP, 0);
    rk__sync_object *object = rk__sync_enter(&self.machines[1], lock);
    assert_int_equal(rk__sync_unmake(&self.machines[1], object, RK_EDEAD), RK_OK);
    rk__sync_leave(&self.machines[1]);
    assert_done(&self, a, RK_EDEAD, 0);
    assert_int_equal(step(&self, a, RK__KIND_CONDITION, condition, RK__SYNC_ACQUIRE, 1).status, RK_ENOENT);
    node_fini(&self);
}

static void a_barrier_breaks_with_a_party(void **state) {
    (void)state;
    for (int when = 0; when < 4; when++) { /* it waits; acts; came before; never came, or left in good order */
        node self;
        node_init(&self);
        uint32_t a = party_of(0, 0), dead = party_of(3, 0);
        uint64_t barrier = make(&self, 0, RK__KIND_BARRIER, 0, when == 0 ? 3 : 2), value;
        step(&self, a, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0);
        step_flags(&self, dead, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0, when == 1 ? RK__SYNC_WITH_ACTION : 0);
        if (when > 0)
            assert_int_equal(rk__sync_take(&self.machines[3], dead, &value), RK_OK);
        if (when > 1)
            assert_done(&self, a, RK_OK, 0);
        if (when == 3)
            rk__sync_left(&self.machines[3], 3, RK__NOBODY);
        rk__sync_died(&self.machines[1], 3, true);
        if (when < 2)
            assert_done(&self, a, RK_EBROKEN, 0);
        rk__sync_reply reply = step(&self, a, RK__KIND_BARRIER, barrier, RK__SYNC_ARRIVE, 0);
        assert_int_equal(reply.status, when < 3 ? RK_EBROKEN : RK_OK);
        assert_int_equal(reply.pending, when == 3);
        node_fini(&self);
    }
}

/* ---- parties of other nodes: of process 2, say, for which the home, process 0, does the steps ---- */

static rk__sync_reply step_for(node *self, uint32_t party, rk__kind kind, uint64_t serial, rk__sync_op op,
                               uint64_t call) {
    rk__sync_reply reply;
    rk__sync_request request = {op, (uint32_t)kind, serial, party, 0, 1, call};
    self->news_count = 0;
    rk__sync_step(&self->machines[0], &request, &reply);
    return reply;
}

static void a_grant_that_died_with_the_granter_is_sent_again(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t remote = party_of(2, 0), dead = party_of(3, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0);
    step(&self, dead, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    assert_true(step_for(&self, remote, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 41).pending);
    step(&self, dead, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1);
    assert_int_equal(self.news_count, 1); /* and lost */
    self.news_count = 0;
    rk__sync_died(&self.machines[1], 3, true); /* not the home's */
    assert_int_equal(self.news_count, 0);
    rk__sync_died(&self.machines[0], 3, true);
    assert_int_equal(self.news_count, 1);
    assert_int_equal(self.news[0].party, remote);
    assert_int_equal(self.news[0].call, 41);
    assert_int_equal(self.news[0].status, RK_OK);
    node_fini(&self);
}

static void a_late_cancel_harms_no_later_wait(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t remote = party_of(2, 0), a = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), event = make(&self, 0, RK__KIND_EVENT, 0, 0);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step_for(&self, remote, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 41);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1);
    assert_true(step_for(&self, remote, RK__KIND_EVENT, event, RK__SYNC_WAIT, 42).pending);
    step_for(&self, remote, RK__KIND_LOCK, lock, RK__SYNC_CANCEL, 41);
    assert_int_equal(self.news_count, 0);
    step_for(&self, remote, RK__KIND_EVENT, event, RK__SYNC_CANCEL, 42);
    assert_int_equal(self.news_count, 1);
    assert_int_equal(self.news[0].status, RK_ETIMEDOUT);
    node_fini(&self);
}

static void a_party_of_a_dead_node_is_forgotten_by_the_home(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t remote = party_of(2, 0), also = party_of(2, 1), a = party_of(1, 0);
    uint64_t lock = make(&self, 0, RK__KIND_LOCK, 0, 0), other = make(&self, 0, RK__KIND_LOCK, 0, 0);
    step_for(&self, remote, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 41);
    step(&self, a, RK__KIND_LOCK, other, RK__SYNC_ACQUIRE, 1);
    step_for(&self, also, RK__KIND_LOCK, other, RK__SYNC_ACQUIRE, 42);
    rk__sync_died(&self.machines[1], 2, false); /* not the home's */
    assert_true(waits(&self, also));
    rk__sync_died(&self.machines[0], 2, false);
    assert_false(waits(&self, also));
    assert_int_equal(step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1).status, RK_EBROKEN);
    step(&self, a, RK__KIND_LOCK, other, RK__SYNC_RELEASE, 1);
    assert_int_equal(step(&self, a, RK__KIND_LOCK, other, RK__SYNC_LOOK, 1).value, 0);
    node_fini(&self);
}

/* Its home died, which it heard of before this node did. */
static void who_asks_anew_waits_no_longer_for_the_old(void **state) {
    (void)state;
    node self;
    node_init(&self);
    uint32_t remote = party_of(2, 0), a = party_of(1, 0);
    uint64_t lock = make(&self, 3, RK__KIND_LOCK, 0, 0), event = make(&self, 0, RK__KIND_EVENT, 0, 0);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 1);
    step_for(&self, remote, RK__KIND_LOCK, lock, RK__SYNC_ACQUIRE, 41);
    step_for(&self, remote, RK__KIND_EVENT, event, RK__SYNC_WAIT, 42);
    step(&self, a, RK__KIND_LOCK, lock, RK__SYNC_RELEASE, 1);
    assert_int_equal(self.news_count, 0);
    step(&self, a, RK__KIND_EVENT, event, RK__SYNC_SET, 1);
    assert_int_equal(self.news_count, 1);
    assert_int_equal(self.news[0].call, 42);
    node_fini(&self);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_steps_do_what_the_model_says),
        cmocka_unit_test(conditions_of_one_lock_share_it),
        cmocka_unit_test(a_sleeper_gives_up_after_its_condition_was_destroyed),
        cmocka_unit_test(the_table_is_bounded_and_serials_are_never_given_twice),
        cmocka_unit_test(destroying_tells_those_who_wait),
        cmocka_unit_test(a_lock_breaks_with_its_holder),
        cmocka_unit_test(who_sleeps_for_a_broken_lock_is_told),
        cmocka_unit_test(a_waiter_that_died_is_passed_over),
        cmocka_unit_test(what_the_dead_had_of_a_semaphore_is_gone),
        cmocka_unit_test(objects_go_with_their_home),
        cmocka_unit_test(conditions_go_with_their_lock),
        cmocka_unit_test(a_barrier_breaks_with_a_party),
        cmocka_unit_test(a_grant_that_died_with_the_granter_is_sent_again),
        cmocka_unit_test(a_late_cancel_harms_no_later_wait),
        cmocka_unit_test(a_party_of_a_dead_node_is_forgotten_by_the_home),
        cmocka_unit_test(who_asks_anew_waits_no_longer_for_the_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
