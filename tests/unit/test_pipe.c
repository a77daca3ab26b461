#include <rankine/queue.h>

#include <sched.h>

#include "channel/channel.h"
#include "mail_fixture.h"

static struct {
    rk_pipe first, second;
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

static void create_or_wait(uint32_t rank, bool duplex) {
    if (rank == 0) {
        CHECK(rk_pipe_create(&shared.first, &shared.second, duplex, NULL) == RK_OK);
        atomic_store(&shared.ready, 1);
    }
    until(&shared.ready, 1);
}

static void send_number(rk_pipe end, int64_t value) {
    CHECK(rk_pipe_send(end, &value, sizeof value, NULL) == RK_OK);
}

static int64_t receive_number(rk_pipe end) {
    int64_t value;
    size_t size;
    CHECK(rk_pipe_recv_into(end, 60, &value, sizeof value, &size, NULL) == RK_OK && size == sizeof value);
    return value;
}

/* ---- to and fro ---- */

static void echo(uint32_t rank, uint32_t ranks) {
    enum { ROUNDS = 500 };
    create_or_wait(rank, true);
    uint32_t left = ranks > 1 ? 1 : 0, right = ranks - 1 > 1 ? 2 : 0;
    for (int64_t i = 0; i < ROUNDS; i++) {
        if (rank == left)
            send_number(shared.first, i);
        if (rank == right) {
            CHECK(receive_number(shared.second) == i);
            send_number(shared.second, -i);
        }
        if (rank == left)
            CHECK(receive_number(shared.first) == -i);
    }
    atomic_fetch_add(&shared.seen, 1);
    until(&shared.seen, (int)ranks);
}

static void ends_answer_each_other(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 4; ranks++)
        run(ranks, echo);
}

/* ---- many senders, a reader that comes late, the end ---- */

enum { EACH = 60 };

static void send_a_series(uint32_t rank, int senders) {
    for (int64_t i = 0; i < EACH; i++)
        send_number(shared.second, (int64_t)rank * EACH + i);
    if (atomic_fetch_add(&shared.seen, 1) + 1 == senders) /* the last one: others' messages may still be on their way */
        CHECK(rk_pipe_close(shared.second, NULL) == RK_OK);
}

static void receive_all(int senders) {
    int64_t next[FIXTURE_RANKS_MAX] = {0}, value;
    size_t size;
    rk_error err = RK_ERROR_INIT;
    rk_status status;
    int count = 0;
    while ((status = rk_pipe_recv_into(shared.first, 60, &value, sizeof value, &size, &err)) == RK_OK) {
        CHECK(value % EACH == next[value / EACH]);
        next[value / EACH]++;
        count++;
    }
    CHECK(status == RK_EEOF && count == senders * EACH);
    CHECK(rk_pipe_recv_into(shared.first, 0, &value, sizeof value, &size, &err) == RK_EEOF);
    CHECK(rk_pipe_close(shared.first, &err) == RK_OK);
    CHECK(rk_pipe_recv_into(shared.first, 0, &value, sizeof value, &size, &err) == RK_ECLOSED);
}

static void send_or_receive(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, false);
    bool all_send = ranks == 1;
    int senders = all_send ? 1 : (int)ranks - 1;
    if (rank != ranks - 1 || all_send)
        send_a_series(rank, senders);
    if (rank == ranks - 1) {
        receive_all(senders);
        atomic_store(&shared.ready, 2);
    }
    until(&shared.ready, 2);
}

static void all_that_was_sent_comes_in_order_before_the_end(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks++)
        for (int round = 0; round < 15; round++)
            run(ranks, send_or_receive);
}

/* ---- several readers at an end ---- */

static void read_side_by_side(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, true);
    if (rank == 0)
        for (int64_t i = 0; i < EACH * (int64_t)ranks; i++)
            send_number(shared.second, i);
    int64_t last = -1;
    for (int i = 0; i < EACH; i++) {
        int64_t value = receive_number(shared.first);
        CHECK(value > last);
        last = value;
    }
    atomic_fetch_add(&shared.seen, 1);
    until(&shared.seen, (int)ranks);
}

static void readers_share_an_end(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        run(ranks, read_side_by_side);
}

/* ---- what is refused ---- */

static void meet_the_limits(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, false);
    if (rank == ranks - 1) {
        rk_error err = RK_ERROR_INIT;
        void *bytes;
        char buffer[4];
        size_t size;
        bool ready = true;
        CHECK(rk_pipe_send(shared.first, "a", 1, &err) == RK_EPERM);
        CHECK(rk_pipe_recv(shared.second, 1, &bytes, &size, &err) == RK_EPERM);
        CHECK(rk_pipe_recv(shared.first, 0, &bytes, &size, &err) == RK_ETIMEDOUT);
        CHECK(rk_pipe_recv(shared.first, 0.01, &bytes, &size, &err) == RK_ETIMEDOUT);
        CHECK(rk_pipe_poll(shared.first, 0, &ready, &err) == RK_OK && !ready && err.code == RK_OK);
        CHECK(rk_pipe_poll(shared.first, 0.01, &ready, &err) == RK_OK && !ready);
        CHECK(rk_pipe_send(shared.second, "abcdef", 6, &err) == RK_OK);
        CHECK(rk_pipe_send(shared.second, NULL, 0, &err) == RK_OK);
        CHECK(rk_pipe_poll(shared.first, 30, &ready, &err) == RK_OK && ready);
        CHECK(rk_pipe_recv_into(shared.first, 0, buffer, 4, &size, &err) == RK_EOVERFLOW && size == 6);
        CHECK(rk_pipe_recv(shared.first, 0, &bytes, &size, &err) == RK_OK && size == 6);
        CHECK(memcmp(bytes, "abcdef", 6) == 0);
        rk_free(bytes);
        CHECK(rk_pipe_recv(shared.first, 30, &bytes, &size, &err) == RK_OK && size == 0 && bytes == NULL);
        CHECK(rk_pipe_close(shared.first, &err) == RK_OK);
        CHECK(rk_pipe_close(shared.first, &err) == RK_OK);
        CHECK(rk_pipe_poll(shared.first, 0, &ready, &err) == RK_ECLOSED);
        CHECK(rk_pipe_send(shared.second, "a", 1, &err) == RK_EBROKEN);
        CHECK(rk_pipe_close(shared.second, &err) == RK_OK);
        CHECK(rk_pipe_send(shared.second, "a", 1, &err) == RK_ECLOSED);
        rk_pipe none = {{0, 0, 0}};
        CHECK(rk_pipe_close(none, &err) == RK_EINVAL && rk_pipe_send(none, "a", 1, &err) == RK_EINVAL);
        atomic_store(&shared.seen, 1);
    }
    until(&shared.seen, 1);
}

static void limits_are_told(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        run(ranks, meet_the_limits);
}

/* ---- a reader that waits while its end is closed elsewhere ---- */

static void close_under_a_reader(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank, true);
    void *bytes;
    size_t size;
    rk_error err = RK_ERROR_INIT;
    if (rank == ranks - 1) {
        atomic_store(&shared.seen, 1);
        CHECK(rk_pipe_recv(shared.first, 30, &bytes, &size, &err) == RK_ECLOSED);
        atomic_store(&shared.seen, 2);
    } else if (rank == 0) {
        until(&shared.seen, 1);
        CHECK(rk_pipe_close(shared.first, &err) == RK_OK);
    }
    until(&shared.seen, 2);
}

static void closing_wakes_the_reader(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++) {
        run(2, close_under_a_reader);
        run(3, close_under_a_reader);
    }
}

/* ---- deaths ---- */

static void bury(uint32_t endpoint) {
    rk__mail *mail = rk__enter(NULL);
    rk__mail_bury(mail, endpoint);
    rk__leave(mail);
}

static void lose_the_sender(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t value;
    size_t size;
    create_or_wait(rank, true);
    if (rank == ranks - 1) {
        send_number(shared.second, 5);
        atomic_store(&shared.seen, 1);
        return;
    }
    until(&shared.seen, 1);
    if (rank == 0) {
        bury(ranks - 1);
        CHECK(receive_number(shared.first) == 5); /* its last words */
        CHECK(rk_pipe_recv_into(shared.first, 30, &value, sizeof value, &size, &err) == RK_EDEAD);
        send_number(shared.second, 6); /* another one takes its place */
        CHECK(receive_number(shared.first) == 6);
        CHECK(rk_pipe_recv_into(shared.first, 0.01, &value, sizeof value, &size, &err) == RK_ETIMEDOUT);
        atomic_store(&shared.seen, 2);
    }
    until(&shared.seen, 2);
}

static void a_reader_does_not_wait_for_the_dead(void **state) {
    (void)state;
    run(2, lose_the_sender);
    run(3, lose_the_sender);
}

static void lose_the_sender_from_afar(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t value;
    size_t size;
    (void)ranks;
    create_or_wait(rank, true);
    if (rank == 2) { /* the sender: it has used its end before the reader claims the other one, or in the middle */
        for (int64_t i = 0; i < EACH; i++)
            send_number(shared.second, i);
        atomic_store(&shared.seen, 1);
        return;
    }
    if (rank == 1) {
        for (int64_t i = 0; i < EACH; i++)
            CHECK(receive_number(shared.first) == i);
        CHECK(rk_pipe_recv_into(shared.first, 30, &value, sizeof value, &size, &err) == RK_EDEAD);
        atomic_store(&shared.seen, 2);
    }
    until(&shared.seen, 1);
    if (rank == 0)
        bury(2);
    until(&shared.seen, 2);
}

static void last_words_come_before_the_death(void **state) {
    (void)state;
    for (int round = 0; round < 20; round++)
        run(3, lose_the_sender_from_afar);
}

static void lose_the_reader(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    create_or_wait(rank, true);
    if (rank == ranks - 1) {
        send_number(shared.first, 1);
        CHECK(receive_number(shared.first) == 2);
        atomic_store(&shared.seen, 1);
        return;
    }
    if (rank == 0) {
        CHECK(receive_number(shared.second) == 1);
        send_number(shared.second, 2);
        until(&shared.seen, 1);
        bury(ranks - 1);
        while (rk_pipe_send(shared.second, "x", 1, &err) == RK_OK)
            ;
        CHECK(err.code == RK_EDEAD);
        atomic_store(&shared.seen, 2);
    }
    until(&shared.seen, 2);
}

static void a_sender_hears_of_the_readers_death(void **state) {
    (void)state;
    run(2, lose_the_reader);
    run(3, lose_the_reader);
}

static void lose_the_home(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    int64_t value;
    size_t size;
    (void)ranks;
    create_or_wait(rank, true);
    if (rank == 1) {
        send_number(shared.first, 1);
        until(&shared.seen, 1);
        bury(0);
        CHECK(rk_pipe_recv_into(shared.first, 30, &value, sizeof value, &size, &err) == RK_EDEAD);
    } else if (rank == 2) {
        CHECK(receive_number(shared.second) == 1);
        atomic_store(&shared.seen, 1);
        CHECK(rk_pipe_recv_into(shared.second, 30, &value, sizeof value, &size, &err) == RK_EDEAD);
        CHECK(rk_pipe_send(shared.second, "x", 1, &err) == RK_EDEAD);
        CHECK(rk_pipe_close(shared.second, &err) == RK_EDEAD);
    } else {
        until(&shared.seen, 1);
    }
}

static void a_pipe_dies_with_its_home(void **state) {
    (void)state;
    run(3, lose_the_home);
}

/* ---- large ones, watching ---- */

static void send_large(uint32_t rank, uint32_t ranks) {
    enum { LARGE = 5 * 1000 * 1000 };
    create_or_wait(rank, true);
    if (rank == ranks - 1) {
        unsigned char *bytes = malloc(LARGE);
        for (int i = 0; i < 3; i++) {
            memset(bytes, i + 1, LARGE);
            CHECK(rk_pipe_send(shared.second, bytes, LARGE, NULL) == RK_OK);
        }
        free(bytes);
    }
    for (int i = 0; rank == ranks / 2 && i < 3; i++) {
        void *bytes;
        size_t size;
        CHECK(rk_pipe_recv(shared.first, 30, &bytes, &size, NULL) == RK_OK && size == LARGE);
        CHECK(((unsigned char *)bytes)[0] == i + 1 && ((unsigned char *)bytes)[LARGE - 1] == i + 1);
        rk_free(bytes);
        atomic_fetch_add(&shared.seen, 1);
    }
    until(&shared.seen, 3);
}

static void large_messages_come_whole(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 4; ranks++)
        run(ranks, send_large);
}

static bool is_ready(void *ctx) {
    return ((const rk__watch *)ctx)->ready;
}

static void watch_an_end(uint32_t rank, uint32_t ranks) {
    rk__watch watch;
    create_or_wait(rank, true);
    if (rank == ranks - 1) {
        rk__mail *mail = rk__enter(NULL);
        CHECK(rk__channel_watch(mail, shared.first.ref, &watch, NULL) == RK_OK);
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(0.01)) == RK_ETIMEDOUT);
        atomic_store(&shared.seen, 1);
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(30)) == RK_OK);
        rk__channel_unwatch(mail, &watch);
        rk__leave(mail);
        CHECK(receive_number(shared.first) == 9);
        mail = rk__enter(NULL);
        CHECK(rk__channel_watch(mail, shared.first.ref, &watch, NULL) == RK_OK);
        CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(30)) == RK_OK); /* the end */
        rk__channel_unwatch(mail, &watch);
        rk__leave(mail);
        atomic_store(&shared.seen, 2);
    } else if (rank == 0) {
        until(&shared.seen, 1);
        send_number(shared.second, 9);
        CHECK(rk_pipe_close(shared.second, NULL) == RK_OK);
    }
    until(&shared.seen, 2);
}

static void a_watch_sees_messages_and_the_end(void **state) {
    (void)state;
    run(2, watch_an_end);
    run(3, watch_an_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_answer_each_other),
        cmocka_unit_test(all_that_was_sent_comes_in_order_before_the_end),
        cmocka_unit_test(readers_share_an_end),
        cmocka_unit_test(limits_are_told),
        cmocka_unit_test(closing_wakes_the_reader),
        cmocka_unit_test(a_reader_does_not_wait_for_the_dead),
        cmocka_unit_test(last_words_come_before_the_death),
        cmocka_unit_test(a_sender_hears_of_the_readers_death),
        cmocka_unit_test(a_pipe_dies_with_its_home),
        cmocka_unit_test(large_messages_come_whole),
        cmocka_unit_test(a_watch_sees_messages_and_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
