/* Lock, RLock, Semaphore, BoundedSemaphore, Condition, Event, Barrier. */
#include "scenarios.h"

static rk_status joined(const rk_process *processes, int count, rk_error *err) {
    for (int i = 0; i < count; i++) {
        int code;
        RK_TRY(rk_process_join(processes[i], RK_FOREVER, err));
        RK_TRY(rk_process_exit_code(processes[i], &code, err));
        told("a process", (rk_status)code);
    }
    return RK_OK;
}

/* Run it in a process to its end, and tell how it ended. */
static rk_status elsewhere(rk_function function, const void *arg, size_t size, rk_error *err) {
    rk_process process;
    RK_TRY(rk_process_start(&process, function, arg, size, NULL, err));
    return joined(&process, 1, err);
}

/* ---- locks ---- */

static rk_status release_lock(rk_call *call) {
    return rk_lock_release(*(const rk_lock *)call->arg, NULL);
}

static rk_status lock(rk_error *err) {
    rk_lock one;
    RK_TRY(rk_lock_create(&one, err));
    told("release", rk_lock_release(one, NULL));
    told("acquire", rk_lock_acquire(one, RK_FOREVER, err));
    told("acquire again", rk_lock_acquire(one, 0, NULL));
    told("acquire again", rk_lock_acquire(one, 0.05, NULL));
    RK_TRY(elsewhere(release_lock, &one, sizeof one, err));
    told("acquire", rk_lock_acquire(one, 0, err));
    told("release", rk_lock_release(one, err));
    return rk_lock_destroy(one, err);
}

static rk_status release_rlock(rk_call *call) {
    return rk_rlock_release(*(const rk_rlock *)call->arg, NULL);
}

static rk_status acquire_rlock(rk_call *call) {
    return rk_rlock_acquire(*(const rk_rlock *)call->arg, 0, NULL);
}

static rk_status rlock(rk_error *err) {
    rk_rlock one;
    RK_TRY(rk_rlock_create(&one, err));
    told("release", rk_rlock_release(one, NULL));
    for (int i = 0; i < 3; i++)
        told("acquire", rk_rlock_acquire(one, RK_FOREVER, err));
    RK_TRY(elsewhere(release_rlock, &one, sizeof one, err));
    for (int i = 0; i < 3; i++) {
        RK_TRY(elsewhere(acquire_rlock, &one, sizeof one, err));
        told("release", rk_rlock_release(one, err));
    }
    told("release", rk_rlock_release(one, NULL));
    return rk_rlock_destroy(one, err);
}

/* ---- semaphores ---- */

static rk_status semaphore(rk_error *err) {
    rk_semaphore free_one, bounded;
    uint64_t value;
    RK_TRY(rk_semaphore_create(&free_one, 1, err));
    told("acquire", rk_semaphore_acquire(free_one, RK_FOREVER, err));
    told("acquire", rk_semaphore_acquire(free_one, 0, NULL));
    told("acquire", rk_semaphore_acquire(free_one, 0.05, NULL));
    for (int i = 0; i < 3; i++)
        told("release", rk_semaphore_release(free_one, 1, err));
    RK_TRY(rk_semaphore_value(free_one, &value, err));
    numbered("value", (int64_t)value);
    RK_TRY(rk_bounded_semaphore_create(&bounded, 2, err));
    told("release a bounded one", rk_semaphore_release(bounded, 1, NULL));
    told("acquire", rk_semaphore_acquire(bounded, RK_FOREVER, err));
    told("release", rk_semaphore_release(bounded, 1, err));
    told("release", rk_semaphore_release(bounded, 1, NULL));
    RK_TRY(rk_semaphore_destroy(bounded, err));
    return rk_semaphore_destroy(free_one, err);
}

/* ---- condition ---- */

typedef struct sleepers {
    rk_condition condition;
    rk_value asleep, awake;
} sleepers;

static rk_status sleep_and_wake(rk_call *call) {
    const sleepers *all = call->arg;
    RK_TRY(rk_condition_acquire(all->condition, RK_FOREVER, NULL));
    RK_TRY(rk_value_add_i64(all->asleep, 1, NULL, NULL));
    RK_TRY(rk_condition_wait(all->condition, RK_FOREVER, NULL));
    RK_TRY(rk_value_add_i64(all->awake, 1, NULL, NULL));
    return rk_condition_release(all->condition, NULL);
}

static rk_status until(rk_value value, int64_t wanted, rk_error *err) {
    int64_t x = 0;
    while (x != wanted)
        RK_TRY(rk_value_get_i64(value, &x, err));
    return RK_OK;
}

static rk_status notify(rk_error *err) {
    sleepers all;
    rk_process processes[4];
    int64_t x;
    RK_TRY(rk_condition_create(&all.condition, err));
    RK_TRY(rk_value_create_i64(&all.asleep, 0, err));
    RK_TRY(rk_value_create_i64(&all.awake, 0, err));
    for (int i = 0; i < 4; i++)
        RK_TRY(rk_process_start(&processes[i], sleep_and_wake, &all, sizeof all, NULL, err));
    RK_TRY(until(all.asleep, 4, err));
    RK_TRY(rk_condition_acquire(all.condition, RK_FOREVER, err)); /* who counted itself waits by now */
    RK_TRY(rk_condition_notify(all.condition, 2, err));
    RK_TRY(rk_condition_release(all.condition, err));
    RK_TRY(until(all.awake, 2, err));
    nap();
    RK_TRY(rk_value_get_i64(all.awake, &x, err));
    numbered("awake", x);
    RK_TRY(rk_condition_acquire(all.condition, RK_FOREVER, err));
    RK_TRY(rk_condition_notify_all(all.condition, err));
    RK_TRY(rk_condition_release(all.condition, err));
    RK_TRY(joined(processes, 4, err));
    RK_TRY(rk_value_get_i64(all.awake, &x, err));
    numbered("awake", x);
    return rk_condition_destroy(all.condition, err);
}

static bool count_to(void *ctx) {
    return ++*(int *)ctx >= 3;
}

static bool no(void *ctx) {
    (void)ctx;
    return false;
}

static rk_status condition(rk_error *err) {
    rk_condition one;
    int count = 2;
    RK_TRY(rk_condition_create(&one, err));
    told("wait without the lock", rk_condition_wait(one, 0.05, NULL));
    told("notify without the lock", rk_condition_notify(one, 1, NULL));
    told("acquire", rk_condition_acquire(one, RK_FOREVER, err));
    told("wait", rk_condition_wait(one, 0.05, NULL));
    told("wait_for", rk_condition_wait_for(one, no, NULL, 0.05, NULL));
    told("wait_for", rk_condition_wait_for(one, count_to, &count, 0.05, err));
    numbered("looked until", count);
    told("release", rk_condition_release(one, err));
    told("release", rk_condition_release(one, NULL));
    return rk_condition_destroy(one, err);
}

/* ---- event ---- */

static rk_status wait_for_event(rk_call *call) {
    return rk_event_wait(*(const rk_event *)call->arg, RK_FOREVER, NULL);
}

static rk_status event(rk_error *err) {
    rk_event one;
    rk_process process;
    bool answer;
    RK_TRY(rk_event_create(&one, err));
    RK_TRY(rk_process_start(&process, wait_for_event, &one, sizeof one, NULL, err));
    RK_TRY(rk_event_is_set(one, &answer, err));
    answered("is_set", answer);
    told("wait", rk_event_wait(one, 0.05, NULL));
    told("set", rk_event_set(one, err));
    RK_TRY(joined(&process, 1, err));
    told("wait", rk_event_wait(one, 0.05, err));
    RK_TRY(rk_event_is_set(one, &answer, err));
    answered("is_set", answer);
    RK_TRY(rk_event_clear(one, err));
    told("wait", rk_event_wait(one, 0, NULL));
    return rk_event_destroy(one, err);
}

/* ---- barrier ---- */

typedef struct party {
    rk_barrier barrier;
    rk_value indices;
} party;

static rk_value acted; /* on root's rank: for the action, which has no argument */

static rk_status meet(rk_call *call) {
    const party *self = call->arg;
    uint32_t index;
    RK_TRY(rk_barrier_wait(self->barrier, RK_FOREVER, &index, NULL));
    return rk_value_add_i64(self->indices, index, NULL, NULL);
}

static rk_status start_two(rk_process processes[2], const party *self, rk_error *err) {
    for (int i = 0; i < 2; i++)
        RK_TRY(rk_process_start(&processes[i], meet, self, sizeof *self, NULL, err));
    return RK_OK;
}

static rk_status act(rk_call *call) { /* runs where the last of the parties is: root's rank, as it comes last */
    (void)call;
    return rk_value_add_i64(acted, 1, NULL, NULL);
}

static rk_status until_waiting(rk_barrier barrier, uint32_t wanted, rk_error *err) {
    uint32_t waiting = 0;
    while (waiting != wanted)
        RK_TRY(rk_barrier_n_waiting(barrier, &waiting, err));
    return RK_OK;
}

static rk_status tell_broken(rk_barrier barrier, rk_error *err) {
    bool broken;
    RK_TRY(rk_barrier_broken(barrier, &broken, err));
    answered("broken", broken);
    return RK_OK;
}

static rk_status barrier(rk_error *err) {
    party self;
    rk_process processes[2];
    uint32_t index, parties;
    int64_t sum;
    RK_TRY(rk_value_create_i64(&self.indices, 0, err));
    RK_TRY(rk_value_create_i64(&acted, 0, err));
    RK_TRY(rk_barrier_create(&self.barrier, 3, act, err));
    RK_TRY(rk_barrier_parties(self.barrier, &parties, err));
    numbered("parties", parties);
    RK_TRY(start_two(processes, &self, err));
    RK_TRY(until_waiting(self.barrier, 2, err));
    told("wait", rk_barrier_wait(self.barrier, RK_FOREVER, &index, err));
    RK_TRY(joined(processes, 2, err));
    RK_TRY(rk_value_get_i64(self.indices, &sum, err));
    numbered("sum of the indices", sum + index);
    RK_TRY(rk_value_get_i64(acted, &sum, err));
    numbered("actions", sum);
    return rk_barrier_destroy(self.barrier, err);
}

static rk_status broken_barrier(rk_error *err) {
    party self;
    rk_process processes[2];
    RK_TRY(rk_value_create_i64(&self.indices, 0, err));
    RK_TRY(rk_barrier_create(&self.barrier, 4, NULL, err));
    RK_TRY(start_two(processes, &self, err)); /* of the two that are missing one gives up */
    RK_TRY(until_waiting(self.barrier, 2, err));
    told("wait", rk_barrier_wait(self.barrier, 0.05, NULL, NULL));
    RK_TRY(joined(processes, 2, err));
    RK_TRY(tell_broken(self.barrier, err));
    told("wait", rk_barrier_wait(self.barrier, RK_FOREVER, NULL, NULL));
    told("reset", rk_barrier_reset(self.barrier, err));
    RK_TRY(tell_broken(self.barrier, err));
    RK_TRY(start_two(processes, &self, err));
    RK_TRY(until_waiting(self.barrier, 2, err));
    told("abort", rk_barrier_abort(self.barrier, err));
    RK_TRY(joined(processes, 2, err));
    RK_TRY(tell_broken(self.barrier, err));
    told("reset", rk_barrier_reset(self.barrier, err));
    RK_TRY(start_two(processes, &self, err));
    RK_TRY(until_waiting(self.barrier, 2, err));
    told("reset while two wait", rk_barrier_reset(self.barrier, err));
    RK_TRY(joined(processes, 2, err));
    RK_TRY(tell_broken(self.barrier, err));
    return rk_barrier_destroy(self.barrier, err);
}

const scenario sync_scenarios[] = {{"lock", lock},
                                   {"rlock", rlock},
                                   {"semaphore", semaphore},
                                   {"notify", notify},
                                   {"condition", condition},
                                   {"event", event},
                                   {"barrier", barrier},
                                   {"broken_barrier", broken_barrier},
                                   {NULL, NULL}};
