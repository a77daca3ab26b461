/* Ranks that are processes, one of which is killed at any moment: in the middle of a step, in a queue, with a lock. The
 * others go on. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <rankine/sync.h>

#include "check.h"
#include "mail/mail.h"
#include "sync/sync.h"

enum { RANKS = 4, VICTIM = 3, ROUNDS = 12, COUNTS = 50 };

static struct shared { /* of all processes */
    rk_lock lock, second_lock;
    rk_semaphore semaphore;
    rk_condition condition;
    rk_event event;
    rk_barrier barrier, second_barrier;
    _Atomic int made, killed, second, runs;
    uint64_t number;
} * shared;

static void make_first(void) {
    CHECK(rk_lock_create(&shared->lock, NULL) == RK_OK);
    CHECK(rk_semaphore_create(&shared->semaphore, RANKS, NULL) == RK_OK);
    CHECK(rk_condition_create(&shared->condition, NULL) == RK_OK);
    CHECK(rk_event_create(&shared->event, NULL) == RK_OK);
    CHECK(rk_barrier_create(&shared->barrier, RANKS, NULL, NULL) == RK_OK);
    atomic_store(&shared->made, 1);
}

static bool fine(rk_status status) {
    return status == RK_OK || status == RK_EBROKEN;
}

static void use_condition(void) {
    rk_status status = rk_condition_acquire(shared->condition, 30, NULL);
    CHECK(fine(status));
    if (status != RK_OK)
        return;
    status = rk_condition_wait(shared->condition, 0.0005, NULL);
    CHECK(fine(status) || status == RK_ETIMEDOUT);
    if (status == RK_EBROKEN)
        return;
    CHECK(fine(rk_condition_notify_all(shared->condition, NULL)));
    CHECK(fine(rk_condition_release(shared->condition, NULL)));
}

static void use_all(uint32_t rank) {
    rk_status status = rk_lock_acquire(shared->lock, 30, NULL);
    CHECK(fine(status));
    if (status == RK_OK)
        CHECK(fine(rk_lock_release(shared->lock, NULL)));
    status = rk_semaphore_acquire(shared->semaphore, 30, NULL); /* the victim's count is lost, there is one for each */
    CHECK(fine(status));
    if (status == RK_OK)
        CHECK(fine(rk_semaphore_release(shared->semaphore, 1, NULL)));
    use_condition();
    status = rk_event_wait(shared->event, 0.0002, NULL);
    CHECK(fine(status) || status == RK_ETIMEDOUT);
    CHECK(fine(rank % 2 == 0 ? rk_event_set(shared->event, NULL) : rk_event_clear(shared->event, NULL)));
    if (rk_barrier_wait(shared->barrier, 0.001, NULL, NULL) != RK_OK)
        CHECK(rk_barrier_reset(shared->barrier, NULL) == RK_OK);
}

static bool victim_is_dead(void *ctx) {
    return rk__mail_is_dead(ctx, VICTIM);
}

/* What is made afterwards works as ever, among those who are left. */
static void go_on(uint32_t rank) {
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        CHECK(rk__wait(mail, victim_is_dead, mail, rk__deadline(30)) == RK_OK);
        rk__leave(mail);
        CHECK(rk_lock_create(&shared->second_lock, NULL) == RK_OK);
        CHECK(rk_barrier_create(&shared->second_barrier, RANKS - 1, NULL, NULL) == RK_OK);
        atomic_store(&shared->second, 1);
    }
    while (!atomic_load(&shared->second))
        use_all(rank);
    CHECK(rk_barrier_wait(shared->second_barrier, 30, NULL, NULL) == RK_OK);
    for (int i = 0; i < COUNTS; i++) {
        CHECK(rk_lock_acquire(shared->second_lock, 30, NULL) == RK_OK);
        shared->number++;
        CHECK(rk_lock_release(shared->second_lock, NULL) == RK_OK);
    }
    CHECK(rk_barrier_wait(shared->second_barrier, 30, NULL, NULL) == RK_OK);
    CHECK(shared->number == (uint64_t)COUNTS * (RANKS - 1));
}

static void rank_body(uint32_t rank) {
    if (rank == 0)
        make_first();
    while (!atomic_load(&shared->made))
        usleep(100);
    for (int i = 0; !atomic_load(&shared->killed); i++) {
        use_all(rank);
        if (i == 0)
            atomic_fetch_add(&shared->runs, 1);
    }
    go_on(rank);
}

static void rank_process(uint32_t rank, void *arena) {
    static const int zeros[RANKS], places[RANKS] = {0, 1, 2, 3};
    rk__mail_place place = {.endpoint = rank,
                            .ranks = RANKS,
                            .node_of_rank = zeros,
                            .place_in_node = places,
                            .node_ranks = RANKS,
                            .arena = arena,
                            .crowded = true};
    rk__mail *mail;
    CHECK(rk__mail_create(&mail, &place, NULL) == RK_OK);
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    rank_body(rank);
    rk__mail_destroy(mail);
    _exit(0);
}

static void *make_shared(size_t bytes) {
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

static void kill_one(useconds_t after_us) {
    size_t room_bytes[RK__ROOM_COUNT] = {0};
    room_bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(RANKS);
    size_t bytes = rk__arena_bytes(RANKS, 0, room_bytes);
    void *arena = make_shared(bytes);
    shared = make_shared(sizeof *shared);
    rk__arena_init(arena, (uint64_t[2]){1, 2}, RANKS, 0, room_bytes);
    pid_t pids[RANKS];
    for (uint32_t rank = 0; rank < RANKS; rank++)
        if ((pids[rank] = fork()) == 0)
            rank_process(rank, arena);
    while (atomic_load(&shared->runs) < RANKS)
        usleep(1000);
    usleep(after_us);
    kill(pids[VICTIM], SIGKILL);
    atomic_store(&shared->killed, 1);
    for (int rank = 0; rank < RANKS; rank++) {
        int status;
        assert_int_equal(waitpid(pids[rank], &status, 0), pids[rank]);
        assert_int_equal(status, rank == VICTIM ? SIGKILL : 0);
    }
    munmap(shared, sizeof *shared);
    munmap(arena, bytes);
}

static void ranks_go_on_when_one_is_killed(void **state) {
    (void)state;
    for (useconds_t round = 0; round < ROUNDS; round++)
        kill_one(round * 1237);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranks_go_on_when_one_is_killed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
