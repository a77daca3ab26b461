/* Waiting for several objects of several kinds; on one node, and as if each rank were a node. */
#include <sched.h>
#include <stdatomic.h>

#include <rankine/queue.h>
#include <rankine/sync.h>

#include "channel/channel.h"
#include "mail_fixture.h"
#include "program/wait.h"
#include "sync/sync.h"

#define LONG 60.0

/* ---- a kind that becomes ready when the test says so ---- */

static struct {
    rk_event event;
    rk_queue queue, other;
    rk_pipe left, right;
    rk_lock lock;
    bool by_letter;
    _Atomic int watches;
    _Atomic uint32_t arrived;
} shared;

static rk_status fake_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err) {
    (void)mail;
    if (ref.serial == 13)
        return rk__fail(err, RK_EIO, "unlucky");
    *watch = (rk__watch){.ref = ref, .ready = ref.serial == 7};
    atomic_fetch_add(&shared.watches, 1);
    return RK_OK;
}

static void fake_unwatch(rk__mail *mail, rk__watch *watch) {
    (void)mail;
    (void)watch;
    atomic_fetch_sub(&shared.watches, 1);
}

const rk__watcher_of_kind rk__watched_kinds[] = {
    {RK__KIND_FUTURE, fake_watch, fake_unwatch},
    {RK__KIND_LOCK, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_EVENT, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_QUEUE, rk__channel_watch, rk__channel_unwatch},
    {RK__KIND_PIPE_END, rk__channel_watch, rk__channel_unwatch},
    {RK__KIND_NONE, NULL, NULL},
};

static rk_ref fake(uint64_t serial) {
    return (rk_ref){serial, 0, RK__KIND_FUTURE};
}

/* ---- ranks ---- */

static void attach(rk__mail *mail) {
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    rk__sync_pretend_remote(mail, shared.by_letter);
    CHECK(rk__channel_attach(mail, NULL) == RK_OK);
}

static void play(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    size_t bytes[RK__ROOM_COUNT] = {0};
    bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(ranks);
    for (int letters = 0; letters < 2; letters++) {
        memset(&shared, 0, sizeof shared);
        shared.by_letter = letters != 0;
        fixture_ranks(ranks, bytes, attach, body);
        assert_int_equal(shared.watches, 0);
    }
}

static void play_all(void (*body)(uint32_t rank, uint32_t ranks)) {
    static const uint32_t sizes[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < 5; i++)
        play(sizes[i], body);
}

/* Meet without the library's help. */
static void meet(uint32_t ranks) {
    uint32_t turn = atomic_fetch_add(&shared.arrived, 1) / ranks;
    while (atomic_load(&shared.arrived) < (turn + 1) * ranks)
        sched_yield();
}

static void create(uint32_t rank) {
    if (rank != 0)
        return;
    CHECK(rk_event_create(&shared.event, NULL) == RK_OK);
    CHECK(rk_queue_create(&shared.queue, NULL, NULL) == RK_OK);
    CHECK(rk_queue_create(&shared.other, NULL, NULL) == RK_OK);
    CHECK(rk_lock_create(&shared.lock, NULL) == RK_OK);
    CHECK(rk_lock_acquire(shared.lock, 0, NULL) == RK_OK);
}

enum { EVENT, QUEUE, LOCK, FAKE, OTHER, OBJECTS };

static void fill(rk_ref list[OBJECTS]) {
    list[EVENT] = shared.event.ref;
    list[QUEUE] = shared.queue.ref;
    list[LOCK] = shared.lock.ref;
    list[FAKE] = fake(1);
    list[OTHER] = shared.other.ref;
}

static rk_status wait_all(double timeout_seconds, bool ready[OBJECTS]) {
    rk_ref list[OBJECTS];
    fill(list);
    return rk_wait(list, OBJECTS, timeout_seconds, ready, NULL);
}

static void check_only(const bool ready[OBJECTS], int which) {
    for (int i = 0; i < OBJECTS; i++)
        CHECK(ready[i] == (i == which));
}

/* ---- waiting ---- */

static void wait_in_vain_then_look(uint32_t rank, uint32_t ranks) {
    bool ready[OBJECTS];
    create(rank);
    meet(ranks);
    CHECK(wait_all(0, ready) == RK_ETIMEDOUT);
    check_only(ready, -1);
    CHECK(wait_all(0.01, ready) == RK_ETIMEDOUT);
    check_only(ready, -1);
    meet(ranks);
    if (rank == ranks - 1) {
        CHECK(rk_queue_put(shared.other, "x", 1, LONG, NULL) == RK_OK);
        CHECK(rk_queue_flush(shared.other, LONG, NULL) == RK_OK);
    }
    meet(ranks);
    CHECK(wait_all(0, ready) == RK_OK); /* what is there is seen without waiting, from anywhere */
    check_only(ready, OTHER);
    CHECK(wait_all(RK_FOREVER, ready) == RK_OK);
    check_only(ready, OTHER);
    meet(ranks);
}

static void none_or_what_is_there_already(void **state) {
    (void)state;
    play_all(wait_in_vain_then_look);
}

/* All wait; the last rank makes one after the other ready. */
static void be_woken(uint32_t rank, uint32_t ranks) {
    bool ready[OBJECTS];
    create(rank);
    meet(ranks);
    if (rank == ranks - 1)
        CHECK(rk_event_set(shared.event, NULL) == RK_OK);
    CHECK(wait_all(LONG, ready) == RK_OK);
    check_only(ready, EVENT);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_event_clear(shared.event, NULL) == RK_OK);
    meet(ranks);
    if (rank == ranks - 1)
        CHECK(rk_queue_put(shared.queue, "ready", 5, LONG, NULL) == RK_OK);
    CHECK(wait_all(LONG, ready) == RK_OK);
    check_only(ready, QUEUE);
    meet(ranks);
    char text[8];
    size_t size;
    if (rank == 0)
        CHECK(rk_queue_get_into(shared.queue, LONG, text, sizeof text, &size, NULL) == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_lock_release(shared.lock, NULL) == RK_OK);
    CHECK(wait_all(LONG, ready) == RK_OK);
    check_only(ready, LOCK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_lock_acquire(shared.lock, LONG, NULL) == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_queue_destroy(shared.other, NULL) == RK_OK);
    CHECK(wait_all(LONG, ready) == RK_OK);
    check_only(ready, OTHER);
    meet(ranks);
}

static void whoever_waits_is_woken_by_any(void **state) {
    (void)state;
    play_all(be_woken);
}

static void wait_at_a_pipe(uint32_t rank, uint32_t ranks) {
    bool ready[2];
    if (rank == 0)
        CHECK(rk_pipe_create(&shared.left, &shared.right, true, NULL) == RK_OK);
    create(rank);
    meet(ranks);
    if (rank == ranks - 1)
        CHECK(rk_pipe_send(shared.left, "hello", 5, NULL) == RK_OK);
    if (rank == 0) {
        CHECK(rk_wait((rk_ref[]){shared.queue.ref, shared.right.ref}, 2, LONG, ready, NULL) == RK_OK);
        CHECK(!ready[0] && ready[1]);
    }
    meet(ranks);
}

static void an_end_of_a_pipe_is_ready_with_a_message(void **state) {
    (void)state;
    play_all(wait_at_a_pipe);
}

/* ---- misuse, ends ---- */

static void misuse(uint32_t rank, uint32_t ranks) {
    bool ready[3] = {true, true, true};
    rk_error err = RK_ERROR_INIT;
    create(rank);
    meet(ranks);
    CHECK(rk_wait(NULL, 0, LONG, ready, &err) == RK_EINVAL);
    CHECK(rk_wait((rk_ref[]){shared.event.ref, {0, 0, 0}}, 2, LONG, ready, &err) == RK_EINVAL);
    CHECK(strstr(err.message, "object 1") != NULL);
    CHECK(rk_wait((rk_ref[]){fake(1), {1, 0, RK__KIND_DICT}}, 2, LONG, ready, &err) == RK_EINVAL);
    CHECK(strstr(err.message, "dictionary") != NULL);
    CHECK(rk_wait((rk_ref[]){fake(1), {9, 999, RK__KIND_EVENT}}, 2, LONG, ready, &err) == RK_EINVAL);
    CHECK(rk_wait((rk_ref[]){fake(1), shared.event.ref, fake(13)}, 3, LONG, ready, &err) == RK_EIO);
    CHECK(strstr(err.message, "object 2: unlucky") != NULL);
    CHECK(rk_wait((rk_ref[]){fake(1), fake(7), fake(7)}, 3, LONG, ready, &err) == RK_OK);
    CHECK(!ready[0] && ready[1] && ready[2]);
    meet(ranks);
}

static void what_cannot_be_waited_for_is_refused(void **state) {
    (void)state;
    play_all(misuse);
    bool ready;
    assert_int_equal(rk_wait((rk_ref[]){fake(7)}, 1, 0, &ready, NULL), RK_EPERM);
}

/* The last rank has an event and dies. */
static void lose_a_home(uint32_t rank, uint32_t ranks) {
    bool ready[2];
    if (rank == ranks - 1)
        CHECK(rk_event_create(&shared.event, NULL) == RK_OK && rk_queue_create(&shared.other, NULL, NULL) == RK_OK);
    if (rank == 0)
        CHECK(rk_queue_create(&shared.queue, NULL, NULL) == RK_OK);
    meet(ranks);
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, ranks - 1);
        rk__leave(mail);
    }
    for (int again = 0; rank < ranks - 1 && again < 2; again++) {
        CHECK(rk_wait((rk_ref[]){shared.queue.ref, again ? shared.event.ref : shared.other.ref}, 2, LONG, ready,
                      NULL) == RK_OK);
        CHECK(!ready[0] && ready[1]);
    }
    meet(ranks);
}

static void the_death_of_a_home_ends_the_wait(void **state) {
    (void)state;
    play(2, lose_a_home);
    play(3, lose_a_home);
    play(5, lose_a_home);
}

static void be_told_to_end(void *ctx) {
    bool ready;
    CHECK(rk_wait(&shared.event.ref, 1, RK_FOREVER, &ready, NULL) == RK_ECANCELLED && !ready);
    atomic_store((_Atomic bool *)ctx, true);
}

static bool is_true(void *ctx) {
    return atomic_load((_Atomic bool *)ctx);
}

static void interrupt(uint32_t rank, uint32_t ranks) {
    _Atomic bool ended = false;
    uint32_t party;
    create(rank);
    meet(ranks);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, be_told_to_end, &ended, &party, NULL) == RK_OK);
    rk__yield(mail);
    CHECK(rk__strand_interrupt(mail, party));
    CHECK(rk__wait(mail, is_true, &ended, rk__deadline(LONG)) == RK_OK);
    rk__leave(mail);
    meet(ranks);
}

static void a_function_that_is_told_to_end_stops_waiting(void **state) {
    (void)state;
    play_all(interrupt);
}

/* It waits again whenever it is told to end, until the other one has had a turn. */
static void not_care(void *ctx) {
    _Atomic bool *turn = ctx;
    uint64_t until = rk__deadline(LONG);
    bool ready;
    while (!atomic_load(&turn[0]) && rk__clock_ns() < until)
        rk_wait(&shared.event.ref, 1, RK_FOREVER, &ready, NULL);
    CHECK(atomic_load(&turn[0]));
    atomic_store(&turn[1], true);
}

static void insist(uint32_t rank, uint32_t ranks) {
    _Atomic bool turn[2] = {false, false}; /* of the other one; both are over */
    uint32_t party;
    create(rank);
    meet(ranks);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, not_care, turn, &party, NULL) == RK_OK);
    rk__yield(mail);
    CHECK(rk__strand_interrupt(mail, party));
    rk__yield(mail);
    atomic_store(&turn[0], true);
    CHECK(rk__wait(mail, is_true, &turn[1], rk__deadline(LONG)) == RK_OK);
    rk__leave(mail);
    meet(ranks);
}

static void a_function_that_does_not_heed_that_keeps_nobody_from_running(void **state) {
    (void)state;
    play_all(insist);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(none_or_what_is_there_already),
        cmocka_unit_test(whoever_waits_is_woken_by_any),
        cmocka_unit_test(an_end_of_a_pipe_is_ready_with_a_message),
        cmocka_unit_test(what_cannot_be_waited_for_is_refused),
        cmocka_unit_test(the_death_of_a_home_ends_the_wait),
        cmocka_unit_test(a_function_that_is_told_to_end_stops_waiting),
        cmocka_unit_test(a_function_that_does_not_heed_that_keeps_nobody_from_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
