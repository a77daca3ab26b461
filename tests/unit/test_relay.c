/* A rank passes on what comes from another node for its children, also if that node has larger rings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "script_fixture.h"

/* Four ranks on this node, one on the other; so many children that rings here are smaller. */
enum { HERE_RANKS = 4, OTHER = HERE_RANKS, RANKS, CHILDREN = 63, CHILD = 0 + RANKS };

typedef struct one_letter_link {
    rk__link link;
    const unsigned char *payload;
    uint64_t size;
    size_t most, sent; /* bytes of a fragment; those that were received from us */
} one_letter_link;

static bool send_nowhere(rk__link *link, uint32_t rank, const rk__fragment *head, const void *piece, size_t bytes) {
    (void)link;
    (void)rank;
    (void)head;
    (void)piece;
    (void)bytes;
    return true;
}

static bool receive_piece(rk__link *link, rk__fragment *head, const void **piece, size_t *bytes) {
    one_letter_link *self = (one_letter_link *)link;
    if (self->sent == self->size)
        return false;
    *head = (rk__fragment){
        .from = OTHER, .to = CHILD, .room = RK__ROOM_CHANNEL, .op = 1, .size = self->size, .offset = self->sent};
    *piece = self->payload + self->sent;
    *bytes = self->size - self->sent < self->most ? self->size - self->sent : self->most;
    self->sent += *bytes;
    return true;
}

static void leave_link(rk__link *link) {
    (void)link;
}

/* As the child reads it, one piece after the other. */
static uint64_t read_pieces(rk__mail *mail, unsigned char *payload, uint64_t got) {
    rk__ring_record record;
    while (script_read(mail, CHILD, &record)) {
        assert_int_equal(record.head.offset, got);
        memcpy(payload + got, record.piece, record.bytes);
        got += record.bytes;
    }
    return got;
}

static void a_piece_that_is_too_large_goes_on_in_several(void **state) {
    (void)state;
    enum { SIZE = 200000 };
    static const int node_of_rank[RANKS] = {0, 0, 0, 0, 1}, place_in_node[RANKS] = {0, 1, 2, 3, 0};
    static unsigned char payload[SIZE], copy[SIZE];
    rk_error err = RK_ERROR_INIT;
    rk__mail *mail;
    uint64_t got = 0;
    void *arena = script_arena(HERE_RANKS, CHILDREN);
    for (int i = 0; i < SIZE; i++)
        payload[i] = (unsigned char)(i % 251);
    one_letter_link link = {{send_nowhere, receive_piece, leave_link, false}, payload, SIZE, RK__FRAGMENT_BYTES, 0};
    const rk__mail_place place = {.endpoint = 0,
                                  .ranks = RANKS,
                                  .children = CHILDREN,
                                  .node_of_rank = node_of_rank,
                                  .place_in_node = place_in_node,
                                  .node_ranks = HERE_RANKS,
                                  .arena = arena,
                                  .link = &link.link};
    assert_int_equal(rk__mail_create(&mail, &place, &err), RK_OK);
    rk__enter(NULL);
    assert_true(rk__mail_piece_max(mail, CHILD) < RK__FRAGMENT_BYTES);
    for (int i = 0; i < 1000 && got < SIZE; i++) {
        rk__mail_poll(mail);
        got = read_pieces(mail, copy, got);
    }
    assert_int_equal(got, SIZE);
    assert_memory_equal(copy, payload, SIZE);
    assert_int_equal(mail->waiting_count, 0);
    rk__leave(mail);
    rk__mail_destroy(mail);
    script_arena_free(arena, HERE_RANKS, CHILDREN);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_piece_that_is_too_large_goes_on_in_several)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
