/* A rank and its children as they come and go: the helper that forks them is this test, which also writes what the
 * children and another rank would. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool/pool.h"
#include "process/process_private.h"
#include "rankine/pool.h"
#include "script_fixture.h"

enum { OTHER, RANK, RANKS, CHILD = RANK + RANKS, CHILDREN = 1, WAIT_MS = 10000 };

typedef struct scene {
    void *arena;
    rk__mail *mail; /* locked */
    int helper_fd;
    int born; /* of this rank's own wishes */
} scene;

static void begin(scene *self) {
    static const int node_of_rank[RANKS], place_in_node[RANKS] = {0, 1};
    rk_error err = RK_ERROR_INIT;
    int ends[2];
    *self = (scene){.arena = script_arena(RANKS, CHILDREN)};
    const rk__mail_place place = {.endpoint = RANK,
                                  .ranks = RANKS,
                                  .children = CHILDREN,
                                  .node_of_rank = node_of_rank,
                                  .place_in_node = place_in_node,
                                  .node_ranks = RANKS,
                                  .arena = self->arena};
    assert_int_equal(rk__mail_create(&self->mail, &place, &err), RK_OK);
    rk__enter(NULL);
    script_live(self->mail, OTHER, 0);
    assert_int_equal(rk__process_attach(self->mail, NULL, &err), RK_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    self->helper_fd = ends[1];
    assert_int_equal(rk__process_keep(self->mail, &(rk__helper){.fd = ends[0]}, ends[0], 4096, &err), RK_OK);
}

static void end(scene *self) {
    rk__leave(self->mail);
    rk__mail_destroy(self->mail);
    close(self->helper_fd);
    script_arena_free(self->arena, RANKS, CHILDREN);
}

/* ---- the helper ---- */

static rk__keeper_message order(const scene *self) {
    rk__keeper_message message;
    assert_int_equal(recv(self->helper_fd, &message, sizeof message, 0), sizeof message);
    return message;
}

static bool has_no_order(const scene *self) {
    rk__keeper_message message;
    return recv(self->helper_fd, &message, sizeof message, MSG_DONTWAIT) == -1;
}

/* Until the rank has it, unread. */
static void report_end(scene *self, const rk__keeper_message *fork) {
    rk__keeper_message lost = {.verb = RK__KEEPER_LOST, .slot = fork->slot, .birth = fork->birth, .value = 9};
    uint64_t bit = UINT64_C(1) << self->mail->local;
    assert_int_equal(send(self->helper_fd, &lost, sizeof lost, 0), sizeof lost);
    for (int ms = 0; ms < WAIT_MS && !(atomic_load(&self->mail->box->pending[0]) & bit); ms++)
        rk__sleep_ns(1000000);
}

/* ---- what others write ---- */

static uint64_t put_from(scene *self, uint32_t from, uint64_t birth, rk__fragment letter) {
    letter.to = RANK;
    letter.room = RK__ROOM_PROCESS;
    return script_put(self->mail, from, birth, &letter);
}

static void write_from(scene *self, uint32_t from, uint64_t birth, rk__fragment letter) {
    uint64_t bit = put_from(self, from, birth, letter);
    atomic_fetch_or(&self->mail->box->pending[0], bit);
}

static void say_hello(scene *self, const rk__keeper_message *fork) {
    script_live(self->mail, CHILD, fork->birth);
    write_from(self, CHILD, fork->birth, (rk__fragment){.op = RK__PROCESS_HELLO, .a = fork->slot, .b = fork->birth});
}

static void wish_for_child(scene *self) {
    write_from(self, OTHER, 0, (rk__fragment){.op = RK__PROCESS_BEAR, .a = 1});
    rk__mail_poll(self->mail);
}

/* The status of the answer that the other rank has got to its wish; 1: none. */
static int answer(scene *self) {
    rk__ring_record record;
    int status = 1;
    while (script_read(self->mail, OTHER, &record))
        if (record.head.room == RK__ROOM_PROCESS && record.head.op == RK__PROCESS_BORN)
            status = record.head.status;
    return status;
}

static rk__fragment await_letter_to_other(scene *self, rk__room room, int op) {
    rk__ring_record record;
    for (int ms = 0; ms < WAIT_MS; ms++) {
        while (script_read(self->mail, OTHER, &record))
            if (record.head.room == room && record.head.op == op)
                return record.head;
        rk__sleep_ns(1000000);
    }
    CHECK(false);
    return record.head;
}

/* ---- tests ---- */

/* It was killed as it said hello: its rank, which had no core, reads of its end first. */
static void who_ended_before_it_was_heard_harms_no_heir(void **state) {
    (void)state;
    scene s;
    begin(&s);
    wish_for_child(&s);
    rk__keeper_message first = order(&s);
    say_hello(&s, &first);
    report_end(&s, &first);
    rk__mail_poll(s.mail);
    assert_int_equal(answer(&s), RK_EDEAD);
    assert_int_equal(rk__mail_look_for(s.mail, CHILD), RK_EDEAD);

    wish_for_child(&s);
    rk__keeper_message second = order(&s);
    assert_int_equal(second.verb, RK__KEEPER_FORK);
    say_hello(&s, &second);
    rk__mail_poll(s.mail);
    assert_int_equal(answer(&s), RK_OK);
    assert_int_equal(rk__mail_look_for(s.mail, CHILD), RK_OK);

    wish_for_child(&s); /* its place is taken */
    assert_true(has_no_order(&s));
    assert_int_equal(answer(&s), RK_EFULL);
    end(&s);
}

static void hear(void *ctx, rk_status status, const rk__child *child, const char *text) {
    scene *self = ctx;
    (void)child;
    (void)text;
    self->born += status == RK_OK;
}

/* Of its heirs other ranks have to know. */
static void use_the_place(scene *self) {
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__child_start(self->mail, RANK, hear, self, &err), RK_OK);
    rk__mail_poll(self->mail);
    rk__keeper_message fork = order(self);
    say_hello(self, &fork);
    rk__mail_poll(self->mail);
    assert_int_equal(self->born, 1);
    report_end(self, &fork);
    rk__mail_poll(self->mail);
    assert_true(rk__mail_is_dead(self->mail, CHILD));
}

/* The last rank that had to know it answers, and it dies, and both is read in one poll: who asked for it hears of the
 * birth when rooms have heard of the death. */
static void die_as_born(scene *self, const rk__keeper_message *fork) {
    say_hello(self, fork);
    await_letter_to_other(self, RK__ROOM_MAIL, RK__MAIL_OP_BORN);
    uint64_t bits = put_from(self, OTHER, 0, (rk__fragment){.op = RK__PROCESS_KNOWN, .a = CHILD, .b = fork->birth});
    bits |= put_from(self, RANK, 0, (rk__fragment){.op = RK__PROCESS_LOST, .a = fork->slot, .b = fork->birth, .c = 9});
    atomic_fetch_or(&self->mail->box->pending[0], bits);
    await_letter_to_other(self, RK__ROOM_MAIL, RK__MAIL_OP_DIED);
}

/* The other rank has no child to give. */
static void *let_workers_fail(void *ctx) {
    scene *self = ctx;
    rk__fragment wish = await_letter_to_other(self, RK__ROOM_PROCESS, RK__PROCESS_BEAR);
    rk__keeper_message fork = order(self);
    die_as_born(self, &fork);
    write_from(self, OTHER, 0, (rk__fragment){.op = RK__PROCESS_BORN, .a = wish.a, .status = RK_EDEAD});
    return NULL;
}

static rk_status nothing(rk_call *call) {
    (void)call;
    return RK_OK;
}

static void a_worker_that_dies_as_it_is_born_is_not_waited_for(void **state) {
    (void)state;
    scene s;
    rk_error err = RK_ERROR_INIT;
    rk_pool_options options = RK_POOL_OPTIONS_INIT;
    rk_pool pool;
    pthread_t others;
    begin(&s);
    assert_int_equal(rk__pool_attach(s.mail, &err), RK_OK);
    use_the_place(&s);
    assert_int_equal(pthread_create(&others, NULL, let_workers_fail, &s), 0);
    rk__leave(s.mail);
    options.isolate = true;
    options.workers = 2;
    assert_int_equal(rk_pool_create(&pool, &options, &err), RK_OK);
    pthread_join(others, NULL);
    assert_int_equal(rk_pool_submit(pool, nothing, NULL, 0, NULL, NULL, &err), RK_EBROKEN);
    assert_non_null(strstr(err.message, "was to begin was ended by signal 9"));
    assert_int_equal(rk_pool_destroy(pool, &err), RK_OK);
    rk__enter(NULL);
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_ended_before_it_was_heard_harms_no_heir),
                                       cmocka_unit_test(a_worker_that_dies_as_it_is_born_is_not_waited_for)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
