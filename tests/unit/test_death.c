/* What a process believes of children that come and go, from what it reads of them: letters that are scripted here, in
 * rings and from another node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "script_fixture.h"

/* Two nodes, a rank on each. */
enum { RANK, OTHER_RANK, RANKS };
enum { CHILD = RANK + RANKS, OTHER_CHILD = OTHER_RANK + RANKS, SIBLING = RANK + 2 * RANKS, CHILDREN = 2 };
enum { OP_SAY = 6, OP_KNOWN, SCRIPT_MAX = 4, EVENTS_MAX = 16 };

/* A link whose other end is a list of fragments. */
typedef struct scripted_link {
    rk__link link;
    rk__fragment script[SCRIPT_MAX];
    int length, next;
    int full;              /* so many letters find no room */
    int known;             /* answers to births that went out */
    char sent[EVENTS_MAX]; /* news of deaths as 'x', words as what was said */
} scripted_link;

static void add_event(char events[EVENTS_MAX], char what) {
    size_t length = strlen(events);
    assert_true(length + 1 < EVENTS_MAX);
    events[length] = what;
}

static bool send_nowhere(rk__link *link, uint32_t rank, const rk__fragment *head, const void *piece, size_t bytes) {
    (void)rank;
    (void)piece;
    (void)bytes;
    scripted_link *self = (scripted_link *)link;
    if (self->full > 0 && self->full-- > 0)
        return false;
    if (head->room == RK__ROOM_CHANNEL && head->op == OP_SAY)
        add_event(self->sent, (char)head->a);
    else if (head->room == RK__ROOM_MAIL && head->op == RK__MAIL_OP_DIED)
        add_event(self->sent, 'x');
    self->known += head->room == RK__ROOM_CHANNEL && head->op == OP_KNOWN;
    return true;
}

static bool receive_script(rk__link *link, rk__fragment *head, const void **piece, size_t *bytes) {
    scripted_link *self = (scripted_link *)link;
    if (self->next == self->length)
        return false;
    *head = self->script[self->next++];
    *piece = NULL;
    *bytes = 0;
    return true;
}

static void leave_link(rk__link *link) {
    (void)link;
}

/* ---- a process, and what its rooms hear: deaths as 'x', words as what was said ---- */

typedef struct scene {
    void *arena;
    scripted_link link;
    char events[EVENTS_MAX];
    rk__mail *mail; /* locked */
} scene;

static void hear_death(void *ctx, uint32_t endpoint) {
    if (endpoint >= RANKS)
        add_event(((scene *)ctx)->events, 'x');
}

static void hear_word(void *ctx, rk__letter *letter) {
    if (letter->op == OP_SAY)
        add_event(((scene *)ctx)->events, (char)letter->a);
}

static void begin(scene *self, uint32_t endpoint) {
    static const int node_of_rank[RANKS] = {0, 1}, place_in_node[RANKS];
    static const rk__room_ops ops = {hear_word, hear_death, NULL};
    rk_error err = RK_ERROR_INIT;
    *self = (scene){.arena = script_arena(1, CHILDREN),
                    .link = {.link = {.send = send_nowhere, .receive = receive_script, .destroy = leave_link}}};
    const rk__mail_place place = {.endpoint = endpoint,
                                  .birth = endpoint == RANK ? 0 : 1,
                                  .ranks = RANKS,
                                  .children = CHILDREN,
                                  .node_of_rank = node_of_rank,
                                  .place_in_node = place_in_node,
                                  .node_ranks = 1,
                                  .arena = self->arena,
                                  .link = endpoint == RANK ? &self->link.link : NULL};
    assert_int_equal(rk__mail_create(&self->mail, &place, &err), RK_OK);
    rk__enter(NULL);
    rk__mail_attach(self->mail, RK__ROOM_CHANNEL, &ops, self);
    for (uint32_t child = 0; child <= CHILDREN; child++)
        script_live(self->mail, RANK + child * RANKS, child == 0 ? 0 : 1);
}

static void end(scene *self) {
    rk__leave(self->mail);
    rk__mail_destroy(self->mail);
    script_arena_free(self->arena, 1, CHILDREN);
}

/* ---- what others write ---- */

static rk__fragment death_of(uint32_t child, uint64_t birth) {
    return (rk__fragment){.room = RK__ROOM_MAIL, .op = RK__MAIL_OP_DIED, .a = child, .b = 1, .c = rk__death_tag(birth)};
}

static rk__fragment birth_of(uint32_t child, uint64_t birth) {
    return (rk__fragment){.room = RK__ROOM_MAIL,
                          .op = RK__MAIL_OP_BORN,
                          .a = child,
                          .b = (uint64_t)RK__ROOM_CHANNEL << 16 | OP_KNOWN,
                          .c = birth};
}

static void write_from_other_node(scene *self, rk__fragment news) {
    assert_true(self->link.length < SCRIPT_MAX);
    news.from = OTHER_RANK;
    news.to = RANK;
    self->link.script[self->link.length++] = news;
}

static void pass_on_ring(scene *self, uint32_t from, uint64_t birth, uint32_t to, rk__fragment news) {
    news.to = to;
    script_write(self->mail, from, birth, &news);
}

static void write_in_ring(scene *self, uint32_t from, uint64_t birth, rk__fragment news) {
    pass_on_ring(self, from, birth, rk__mail_endpoint(self->mail), news);
}

static rk__fragment word(char what) {
    return (rk__fragment){.room = RK__ROOM_CHANNEL, .op = OP_SAY, .a = (unsigned char)what};
}

static void say(scene *self, uint32_t child, uint64_t birth, char what) {
    write_in_ring(self, child, birth, word(what));
}

/* What a child of this rank was told of one of another node last; 0: nothing. */
static uint16_t last_told_of(scene *self, uint32_t endpoint) {
    rk__ring_record record;
    uint16_t told = 0;
    while (script_read(self->mail, CHILD, &record))
        if (record.head.room == RK__ROOM_MAIL && record.head.a == endpoint)
            told = record.head.op;
    return told;
}

/* ---- children of another node ---- */

static void a_death_is_told_to_rooms_and_children(void **state) {
    (void)state;
    scene s;
    begin(&s, RANK);
    write_from_other_node(&s, death_of(OTHER_CHILD, 1));
    rk__mail_poll(s.mail);
    assert_true(rk__mail_is_dead(s.mail, OTHER_CHILD));
    assert_string_equal(s.events, "x");
    assert_int_equal(last_told_of(&s, OTHER_CHILD), RK__MAIL_OP_DIED);
    end(&s);
}

/* The birth may be there already when the death is heard of. */
static void an_heir_is_not_buried_with_its_predecessor(void **state) {
    (void)state;
    scene s;
    begin(&s, RANK);
    write_from_other_node(&s, death_of(OTHER_CHILD, 1));
    write_from_other_node(&s, birth_of(OTHER_CHILD, 2));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "x");
    assert_int_equal(s.link.known, 1);
    assert_false(rk__mail_is_dead(s.mail, OTHER_CHILD));
    assert_int_equal(last_told_of(&s, OTHER_CHILD), RK__MAIL_OP_BORN);
    end(&s);
}

static void of_two_in_a_row_the_second_dies_too(void **state) {
    (void)state;
    scene s;
    begin(&s, RANK);
    write_from_other_node(&s, death_of(OTHER_CHILD, 1));
    write_from_other_node(&s, birth_of(OTHER_CHILD, 2));
    write_from_other_node(&s, death_of(OTHER_CHILD, 2));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "xx");
    assert_true(rk__mail_is_dead(s.mail, OTHER_CHILD));
    assert_int_equal(last_told_of(&s, OTHER_CHILD), RK__MAIL_OP_DIED);
    end(&s);
}

static void who_has_missed_a_death_hears_of_it_with_the_birth(void **state) {
    (void)state;
    scene s;
    begin(&s, RANK);
    write_from_other_node(&s, birth_of(OTHER_CHILD, 2));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "x");
    assert_int_equal(s.link.known, 1);
    assert_false(rk__mail_is_dead(s.mail, OTHER_CHILD));
    end(&s);
}

/* Both go to the other rank, one of them for its child. */
static void the_news_of_a_death_do_not_overtake_the_last_words(void **state) {
    (void)state;
    scene s;
    begin(&s, RANK);
    s.link.full = 1;
    pass_on_ring(&s, CHILD, 8, OTHER_CHILD, word('a'));
    rk__mail_bury_child(s.mail, CHILD, 9);
    rk__death_noted(s.mail);
    rk__mail_poll(s.mail);
    assert_string_equal(s.link.sent, "ax");
    end(&s);
}

/* ---- a child of this rank ---- */

/* It was not there when others were told, and its first letter, upon which it is told of all who are dead, is read by
 * the poll of that burial. */
static void say_hello(void *ctx, rk__letter *letter) {
    scene *self = ctx;
    if (letter->op == OP_SAY) {
        script_live(self->mail, CHILD, 8);
        rk__mail_tell_deaths(self->mail, CHILD);
    }
}

static void a_child_that_comes_during_a_burial_is_told(void **state) {
    (void)state;
    static const rk__room_ops ops = {say_hello, NULL, NULL};
    scene s;
    begin(&s, RANK);
    rk__mail_attach(s.mail, RK__ROOM_CHANNEL, &ops, &s);
    rk__mail_vacate(s.mail, CHILD);
    uint64_t now_ns = rk__clock_ns();
    s.mail->heard_ns[1] = now_ns - UINT64_C(10500000000);
    s.mail->duty_ns = now_ns; /* the service thread may have looked */
    say(&s, CHILD, 8, 'h');
    rk__death_duty(s.mail, now_ns);
    assert_true(rk__mail_is_dead(s.mail, OTHER_RANK));
    assert_int_equal(last_told_of(&s, OTHER_RANK), RK__MAIL_OP_DIED);
    end(&s);
}

/* ---- a sibling: nobody waits until it knows a newborn, which may write to it before ---- */

/* All of it is there when the news are read: the rank's ring comes first. */
static void of_a_ring_the_words_of_an_heir_are_not_its_predecessors(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    say(&s, CHILD, 8, 'a');
    write_in_ring(&s, RANK, 0, death_of(CHILD, 8));
    write_in_ring(&s, RANK, 0, birth_of(CHILD, 9));
    say(&s, CHILD, 9, 'b');
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "axb");
    assert_false(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

static void nor_if_nothing_was_read_of_either(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    write_in_ring(&s, RANK, 0, birth_of(CHILD, 9));
    say(&s, CHILD, 9, 'b');
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "xb");
    assert_false(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

static void an_heir_that_is_read_first_stands_for_the_death(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    say(&s, CHILD, 8, 'a');
    say(&s, CHILD, 9, 'b');
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "axb");
    write_in_ring(&s, RANK, 0, death_of(CHILD, 8));
    write_in_ring(&s, RANK, 0, birth_of(CHILD, 9));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "axb");
    assert_false(rk__mail_is_dead(s.mail, CHILD));
    write_in_ring(&s, RANK, 0, death_of(CHILD, 9));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "axbx");
    assert_true(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

/* It has asked, and nothing was ever read of who was asked. */
static void who_has_written_to_a_child_hears_of_its_death(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    script_live(s.mail, CHILD, 8);
    rk__letter question = {.to = CHILD, .room = RK__ROOM_CHANNEL, .op = OP_SAY};
    assert_int_equal(rk__mail_send(s.mail, &question, RK__PAYLOAD_COPY, NULL), RK_OK);
    say(&s, CHILD, 9, 'b');
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "xb");
    write_in_ring(&s, RANK, 0, death_of(CHILD, 8));
    write_in_ring(&s, RANK, 0, birth_of(CHILD, 9));
    rk__mail_poll(s.mail);
    assert_string_equal(s.events, "xb");
    end(&s);
}

/* A look at the boxes has noted it; then a poll, for the last words of a rank, reads the heir. */
static void a_burial_that_was_noted_is_not_the_heirs(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    say(&s, CHILD, 8, 'a');
    rk__mail_poll(s.mail);
    rk__mail_bury(s.mail, OTHER_RANK);
    const rk__letter news = {
        .from = RANK, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_DIED, .a = CHILD, .c = rk__death_tag(8)};
    rk__death_receive(s.mail, &news);
    say(&s, CHILD, 9, 'b');
    rk__death_noted(s.mail);
    assert_false(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

/* Its rank has not heard yet of the heir, of which nobody will tell the newborn. */
static void a_newborn_does_not_take_an_heir_for_dead(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    script_live(s.mail, CHILD, 9);
    write_in_ring(&s, RANK, 0, death_of(CHILD, 8));
    rk__mail_poll(s.mail);
    assert_false(rk__mail_is_dead(s.mail, CHILD));
    write_in_ring(&s, RANK, 0, death_of(CHILD, 9));
    rk__mail_poll(s.mail);
    assert_true(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

static void of_a_dead_ranks_children_no_heir_is_heard(void **state) {
    (void)state;
    scene s;
    begin(&s, SIBLING);
    say(&s, CHILD, 8, 'a');
    rk__mail_poll(s.mail);
    rk__mail_bury(s.mail, RANK);
    rk__death_noted(s.mail);
    assert_true(rk__mail_is_dead(s.mail, CHILD));
    say(&s, CHILD, 9, 'b');
    rk__mail_poll(s.mail);
    assert_true(strchr(s.events, 'b') == NULL);
    assert_true(rk__mail_is_dead(s.mail, CHILD));
    end(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_death_is_told_to_rooms_and_children),
        cmocka_unit_test(an_heir_is_not_buried_with_its_predecessor),
        cmocka_unit_test(of_two_in_a_row_the_second_dies_too),
        cmocka_unit_test(who_has_missed_a_death_hears_of_it_with_the_birth),
        cmocka_unit_test(the_news_of_a_death_do_not_overtake_the_last_words),
        cmocka_unit_test(of_a_ring_the_words_of_an_heir_are_not_its_predecessors),
        cmocka_unit_test(nor_if_nothing_was_read_of_either),
        cmocka_unit_test(an_heir_that_is_read_first_stands_for_the_death),
        cmocka_unit_test(who_has_written_to_a_child_hears_of_its_death),
        cmocka_unit_test(a_burial_that_was_noted_is_not_the_heirs),
        cmocka_unit_test(a_newborn_does_not_take_an_heir_for_dead),
        cmocka_unit_test(a_child_that_comes_during_a_burial_is_told),
        cmocka_unit_test(of_a_dead_ranks_children_no_heir_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
