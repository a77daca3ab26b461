#include <rankine/queue.h>

#include <sched.h>

#include "channel/channel.h"
#include "mail_fixture.h"

/* Ranks agree on objects through this, as they would through the arguments of functions. */
static struct {
    rk_queue queue, back;
    _Atomic int ready, seen;
} shared;

static void attach(rk__mail *mail) {
    CHECK(rk__channel_attach(mail, NULL) == RK_OK);
}

static void run(uint32_t ranks, void (*body)(uint32_t rank, uint32_t count)) {
    memset(&shared, 0, sizeof shared);
    fixture_ranks(ranks, NULL, attach, body);
}

static void until(_Atomic int *value, int wanted) {
    rk__mail *mail = rk__enter(NULL);
    while (atomic_load(value) < wanted) {
        rk__yield(mail);
        rk__leave(mail);
        sched_yield();
        mail = rk__enter(NULL);
    }
    rk__leave(mail);
}

static void make_queue(uint64_t maxsize) {
    CHECK(rk_queue_create(&shared.queue, &(rk_queue_options){maxsize}, NULL) == RK_OK);
    atomic_store(&shared.ready, 1);
}

static void create_or_wait(uint32_t rank, uint64_t maxsize) {
    if (rank == 0)
        make_queue(maxsize);
    until(&shared.ready, 1);
}

/* ---- many producers, many consumers ---- */

enum { EACH = 400 };

typedef struct item {
    uint32_t from, number;
    unsigned char rest[40];
} item;

static void produce(uint32_t rank) {
    for (uint32_t i = 0; i < EACH; i++) {
        item sent = {rank, i, {(unsigned char)(rank + i)}};
        CHECK(rk_queue_put(shared.queue, &sent, sizeof sent, RK_FOREVER, NULL) == RK_OK);
    }
}

/* Each consumer sees each producer's items in order; an empty message ends it. */
static int consume(uint32_t ranks) {
    int64_t last[FIXTURE_RANKS_MAX];
    int count = 0;
    for (uint32_t r = 0; r < ranks; r++)
        last[r] = -1;
    for (;;) {
        void *bytes;
        size_t size;
        CHECK(rk_queue_get(shared.queue, 60, &bytes, &size, NULL) == RK_OK);
        if (size == 0)
            return count;
        item got;
        CHECK(size == sizeof got);
        memcpy(&got, bytes, sizeof got);
        rk_free(bytes);
        CHECK(got.number > last[got.from] && got.rest[0] == (unsigned char)(got.from + got.number));
        last[got.from] = got.number;
        count++;
    }
}

static void stop_all(uint32_t ranks) {
    for (uint32_t r = 0; r < ranks; r++)
        CHECK(rk_queue_put(shared.queue, NULL, 0, RK_FOREVER, NULL) == RK_OK);
}

static void produce_then_consume(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 0);
    produce(rank);
    int64_t done = rank;
    CHECK(rk_queue_put_i64(shared.back, done, RK_FOREVER, NULL) == RK_EINVAL); /* never made */
    CHECK(rk_queue_flush(shared.queue, 60, NULL) == RK_OK);
    atomic_fetch_add(&shared.ready, 1);
    if (rank == 0) {
        until(&shared.ready, (int)ranks + 1);
        stop_all(ranks);
    }
    atomic_fetch_add(&shared.seen, consume(ranks));
    until(&shared.seen, (int)ranks * EACH);
    CHECK(atomic_load(&shared.seen) == (int)ranks * EACH);
}

static void each_message_is_got_once_and_in_its_producers_order(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks++)
        run(ranks, produce_then_consume);
}

static void producer_strand(void *ctx) {
    produce(*(uint32_t *)ctx);
    atomic_fetch_add(&shared.ready, 1);
}

static void produce_in_a_strand(uint32_t rank, uint32_t ranks) {
    uint32_t party, count = 0;
    create_or_wait(rank, 3);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, producer_strand, &rank, &party, NULL) == RK_OK);
    rk__leave(mail);
    for (int i = 0; i < EACH; i++) {
        item got;
        size_t size;
        CHECK(rk_queue_get_into(shared.queue, 60, &got, sizeof got, &size, NULL) == RK_OK && size == sizeof got);
        count++;
    }
    atomic_fetch_add(&shared.seen, (int)count);
    until(&shared.seen, (int)ranks * EACH);
    until(&shared.ready, (int)ranks + 1);
}

static void a_bounded_queue_keeps_putters_waiting(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        run(ranks, produce_in_a_strand);
}

/* ---- what is refused ---- */

static void meet_the_limits(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 2);
    if (rank != ranks - 1) {
        until(&shared.seen, 1);
        return;
    }
    rk_queue queue = shared.queue;
    rk_error err = RK_ERROR_INIT;
    uint64_t count = 99;
    bool empty = false, full = true;
    void *bytes = &count;
    size_t size = 77;
    int64_t number = 5;
    double real = 0;
    CHECK(rk_queue_get(queue, 0, &bytes, &size, &err) == RK_EEMPTY && strstr(err.message, "empty") != NULL);
    CHECK(rk_queue_get(queue, 0.01, &bytes, &size, &err) == RK_EEMPTY);
    CHECK(bytes == &count && size == 77);
    CHECK(rk_queue_empty(queue, &empty, &err) == RK_OK && empty);
    CHECK(rk_queue_full(queue, &full, &err) == RK_OK && !full);
    CHECK(rk_queue_put_f64(queue, 0.5, 0, &err) == RK_OK);
    CHECK(rk_queue_put(queue, "abc", 3, 0, &err) == RK_OK);
    CHECK(rk_queue_put_i64(queue, 1, 0, &err) == RK_EFULL && strstr(err.message, "maxsize 2") != NULL);
    CHECK(rk_queue_put_i64(queue, 1, 0.01, &err) == RK_EFULL);
    char large[100000] = {0};
    CHECK(rk_queue_put(queue, large, sizeof large, 0.01, &err) == RK_EFULL);
    CHECK(rk_queue_size(queue, &count, &err) == RK_OK && count == 2);
    CHECK(rk_queue_full(queue, &full, &err) == RK_OK && full);
    CHECK(rk_queue_empty(queue, &empty, &err) == RK_OK && !empty);
    CHECK(rk_queue_get_f64(queue, 0, &real, &err) == RK_OK && real == 0.5);
    CHECK(rk_queue_put(queue, large, sizeof large, 0, &err) == RK_OK);
    CHECK(rk_queue_get_i64(queue, 0, &number, &err) == RK_EINVAL && number == 5);
    CHECK(strstr(err.message, "3 bytes") != NULL);
    char buffer[4] = "xx";
    CHECK(rk_queue_get_into(queue, 0, buffer, 2, &size, &err) == RK_EOVERFLOW && size == 3 && buffer[0] == 'x');
    CHECK(rk_queue_get_into(queue, 0, buffer, 4, &size, &err) == RK_OK && size == 3 && memcmp(buffer, "abc", 3) == 0);
    CHECK(rk_queue_get(queue, 1, &bytes, &size, &err) == RK_OK && size == sizeof large);
    rk_free(bytes);
    rk_queue other = queue;
    other.ref.serial += 1000;
    CHECK(rk_queue_size(other, &count, &err) == RK_ENOENT);
    CHECK(rk_queue_get(other, 1, &bytes, &size, &err) == RK_ENOENT);
    CHECK(rk_queue_put(other, "a", 1, 1, &err) == RK_ENOENT);
    other = queue;
    other.ref.kind = RK__KIND_LOCK;
    CHECK(rk_queue_close(other, &err) == RK_EINVAL && strstr(err.message, "lock") != NULL);
    atomic_store(&shared.seen, 1);
}

static void limits_are_told(void **state) {
    (void)state;
    run(1, meet_the_limits);
    run(2, meet_the_limits);
    run(3, meet_the_limits);
}

/* ---- close and destroy ---- */

static void close_and_drain(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 0);
    if (rank == ranks - 1) {
        rk_error err = RK_ERROR_INIT;
        int64_t value = 0;
        size_t size;
        void *bytes;
        CHECK(rk_queue_put_i64(shared.queue, 7, RK_FOREVER, &err) == RK_OK);
        CHECK(rk_queue_close(shared.queue, &err) == RK_OK);
        CHECK(rk_queue_close(shared.queue, &err) == RK_OK);
        rk_status status = rk_queue_put_i64(shared.queue, 8, RK_FOREVER, &err);
        CHECK(status == (ranks == 1 ? RK_ECLOSED : RK_OK)); /* far away it is told later */
        CHECK(rk_queue_flush(shared.queue, RK_FOREVER, &err) == RK_ECLOSED || ranks == 1);
        CHECK(rk_queue_put_i64(shared.queue, 8, RK_FOREVER, &err) == RK_ECLOSED);
        CHECK(rk_queue_get_i64(shared.queue, RK_FOREVER, &value, &err) == RK_OK && value == 7);
        CHECK(rk_queue_get(shared.queue, RK_FOREVER, &bytes, &size, &err) == RK_ECLOSED);
        CHECK(rk_queue_destroy(shared.queue, &err) == RK_OK);
        CHECK(rk_queue_destroy(shared.queue, &err) == RK_ENOENT);
        CHECK(rk_queue_get(shared.queue, RK_FOREVER, &bytes, &size, &err) == RK_ENOENT);
        CHECK(rk_queue_join(shared.queue, RK_FOREVER, &err) == RK_ENOENT);
        atomic_store(&shared.seen, 1);
    }
    until(&shared.seen, 1);
}

static void a_closed_queue_is_drained(void **state) {
    (void)state;
    run(1, close_and_drain);
    run(2, close_and_drain);
    run(3, close_and_drain);
}

static void wait_for_the_end(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 0);
    if (rank == 0) {
        until(&shared.ready, (int)ranks);
        rk__mail *mail = rk__enter(NULL); /* by now most of them wait: either way they are told */
        rk__leave(mail);
        CHECK(rk_queue_close(shared.queue, NULL) == RK_OK);
    } else {
        void *bytes;
        size_t size;
        atomic_fetch_add(&shared.ready, 1);
        CHECK(rk_queue_get(shared.queue, RK_FOREVER, &bytes, &size, NULL) == RK_ECLOSED);
        atomic_fetch_add(&shared.seen, 1);
    }
    until(&shared.seen, (int)ranks - 1);
}

static void who_waits_is_told_of_the_end(void **state) {
    (void)state;
    run(2, wait_for_the_end);
    run(5, wait_for_the_end);
}

/* ---- tasks ---- */

static void join_tasks(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t value;
    create_or_wait(rank, 0);
    if (rank == ranks - 1) {
        CHECK(rk_queue_task_done(shared.queue, &err) == RK_EINVAL);
        CHECK(rk_queue_join(shared.queue, 0, &err) == RK_OK);
        for (int64_t i = 0; i < 10 * (int64_t)ranks; i++)
            CHECK(rk_queue_put_i64(shared.queue, i, 1, &err) == RK_OK);
        CHECK(rk_queue_join(shared.queue, 0.01, &err) == RK_ETIMEDOUT);
        atomic_fetch_add(&shared.ready, 1);
    }
    until(&shared.ready, 2);
    for (int i = 0; i < 10; i++) {
        CHECK(rk_queue_get_i64(shared.queue, RK_FOREVER, &value, &err) == RK_OK);
        CHECK(rk_queue_task_done(shared.queue, &err) == RK_OK);
    }
    CHECK(rk_queue_join(shared.queue, RK_FOREVER, &err) == RK_OK);
    CHECK(rk_queue_task_done(shared.queue, &err) == RK_EINVAL);
    atomic_fetch_add(&shared.seen, 1);
    until(&shared.seen, (int)ranks);
}

static void join_waits_for_all_tasks(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        run(ranks, join_tasks);
}

/* ---- deaths ---- */

static void die_with_a_task(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t value;
    create_or_wait(rank, 0);
    if (rank == ranks - 1) {
        CHECK(rk_queue_get_i64(shared.queue, RK_FOREVER, &value, &err) == RK_OK && value == 1);
        atomic_store(&shared.seen, 1);
        return;
    }
    if (rank == 0)
        CHECK(rk_queue_put_i64(shared.queue, 1, 1, &err) == RK_OK);
    until(&shared.seen, 1);
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, ranks - 1);
        rk__leave(mail);
        CHECK(rk_queue_join(shared.queue, 30, &err) == RK_EDEAD && strstr(err.message, "task_done") != NULL);
        CHECK(rk_queue_task_done(shared.queue, &err) == RK_OK); /* in its place */
        CHECK(rk_queue_join(shared.queue, 30, &err) == RK_OK);
        atomic_store(&shared.seen, 2);
    }
    until(&shared.seen, 2);
}

static void tasks_of_the_dead_are_not_waited_for(void **state) {
    (void)state;
    run(2, die_with_a_task);
    run(3, die_with_a_task);
}

static void lose_the_home(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    void *bytes;
    size_t size;
    create_or_wait(rank, 1);
    atomic_fetch_add(&shared.ready, 1);
    if (rank == 0) {
        until(&shared.ready, (int)ranks + 1);
        return;
    }
    until(&shared.ready, (int)ranks + 1);
    if (rank == 1) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, 0);
        rk__leave(mail);
    }
    CHECK(rk_queue_get(shared.queue, 30, &bytes, &size, &err) == RK_EDEAD);
    CHECK(rk_queue_put(shared.queue, "a", 1, 30, &err) == RK_EDEAD);
    CHECK(rk_queue_join(shared.queue, 30, &err) == RK_EDEAD);
}

static void a_queue_dies_with_its_rank(void **state) {
    (void)state;
    run(2, lose_the_home);
    run(4, lose_the_home);
}

/* ---- large messages, and many ---- */

enum { LARGE = 9 * 1000 * 1000 };

static void send_large(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 2);
    for (int i = 0; rank == ranks - 1 && i < 4; i++) {
        unsigned char *bytes = malloc(LARGE);
        memset(bytes, i + 1, LARGE);
        if (ranks == 1 && i == 2)
            until(&shared.ready, 1);
        if (ranks > 1 || i < 2)
            CHECK(rk_queue_put(shared.queue, bytes, LARGE, 30, NULL) == RK_OK);
        free(bytes);
    }
    for (int i = 0; rank == 0 && i < (ranks > 1 ? 4 : 2); i++) {
        void *bytes;
        size_t size;
        CHECK(rk_queue_get(shared.queue, 30, &bytes, &size, NULL) == RK_OK && size == LARGE);
        CHECK(((unsigned char *)bytes)[0] == i + 1 && ((unsigned char *)bytes)[LARGE - 1] == i + 1);
        rk_free(bytes);
        atomic_fetch_add(&shared.seen, 1);
    }
    until(&shared.seen, ranks > 1 ? 4 : 2);
}

static void large_messages_come_whole(void **state) {
    (void)state;
    run(1, send_large);
    run(2, send_large);
    run(3, send_large);
}

/* A home that does not come to take anything in: whoever puts is told so, and not at the cost of all memory. */
static void flood(uint32_t rank, uint32_t ranks) {
    enum { MIB = 1024 * 1024, BYTES = 30000, AHEAD = 64 };
    create_or_wait(rank, 0);
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        while (atomic_load(&shared.seen) == 0)
            sched_yield();
        rk__leave(mail);
    } else if (rank == ranks - 1) {
        char bytes[BYTES] = {0};
        rk_error err = RK_ERROR_INIT;
        size_t put = 0;
        while (rk_queue_put(shared.queue, bytes, BYTES, 0, &err) == RK_OK)
            put += BYTES;
        CHECK(err.code == RK_EFULL && put > (AHEAD - 1) * (size_t)MIB && put < (AHEAD + 1) * (size_t)MIB);
        CHECK(rk_queue_put(shared.queue, bytes, BYTES, 0.02, &err) == RK_EFULL);
        CHECK(rk_queue_flush(shared.queue, 0.02, &err) == RK_ETIMEDOUT);
        atomic_store(&shared.seen, 1);
        CHECK(rk_queue_put(shared.queue, bytes, BYTES, RK_FOREVER, &err) == RK_OK);
        uint64_t count;
        rk__mail *mail = rk__enter(NULL);
        CHECK(rk__channel_flush(mail) == RK_OK);
        rk__leave(mail);
        CHECK(rk_queue_size(shared.queue, &count, &err) == RK_OK && count == put / BYTES + 1);
        atomic_store(&shared.seen, 2);
    }
    until(&shared.seen, 2);
}

static void a_putter_is_not_far_ahead_of_the_home(void **state) {
    (void)state;
    run(2, flood);
    run(3, flood);
}

/* ---- watching ---- */

static bool is_ready(void *ctx) {
    return ((const rk__watch *)ctx)->ready;
}

static void watch_queue(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, 0);
    if (rank == ranks - 1) {
        rk__watch watch, other;
        rk__mail *mail = rk__enter(NULL);
        CHECK(rk__channel_watch(mail, shared.queue.ref, &watch, NULL) == RK_OK);
        CHECK(rk__channel_watch(mail, shared.queue.ref, &other, NULL) == RK_OK);
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(0.02)) == RK_ETIMEDOUT);
        rk__channel_unwatch(mail, &other);
        atomic_store(&shared.seen, 1);
        if (ranks == 1) {
            rk__leave(mail);
            CHECK(rk_queue_put_i64(shared.queue, 1, 0, NULL) == RK_OK);
            mail = rk__enter(NULL);
        }
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(30)) == RK_OK);
        rk__channel_unwatch(mail, &watch);
        CHECK(rk__channel_watch(mail, shared.queue.ref, &watch, NULL) == RK_OK); /* it is ready already */
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(30)) == RK_OK);
        CHECK(!other.ready);
        rk__channel_unwatch(mail, &watch);
        rk__leave(mail);
        int64_t value;
        CHECK(rk_queue_get_i64(shared.queue, 0, &value, NULL) == RK_OK && value == 1);
        atomic_store(&shared.seen, 2);
    } else if (rank == 0) {
        until(&shared.seen, 1);
        CHECK(rk_queue_put_i64(shared.queue, 1, 0, NULL) == RK_OK);
    }
    until(&shared.seen, 2);
}

static void a_watch_sees_a_message(void **state) {
    (void)state;
    run(1, watch_queue);
    run(2, watch_queue);
    run(3, watch_queue);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_is_got_once_and_in_its_producers_order),
        cmocka_unit_test(a_bounded_queue_keeps_putters_waiting),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(a_closed_queue_is_drained),
        cmocka_unit_test(who_waits_is_told_of_the_end),
        cmocka_unit_test(join_waits_for_all_tasks),
        cmocka_unit_test(tasks_of_the_dead_are_not_waited_for),
        cmocka_unit_test(a_queue_dies_with_its_rank),
        cmocka_unit_test(large_messages_come_whole),
        cmocka_unit_test(a_putter_is_not_far_ahead_of_the_home),
        cmocka_unit_test(a_watch_sees_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
