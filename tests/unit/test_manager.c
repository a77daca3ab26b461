#include <rankine/manager.h>

#include <sched.h>

#include "mail_fixture.h"
#include "manager/manager.h"
#include "manager/table.h"

static struct {
    rk_dict dict;
    rk_list list;
    rk_namespace space;
    _Atomic int ready, seen;
} shared;

static void attach(rk__mail *mail) {
    CHECK(rk__manager_attach(mail, NULL) == RK_OK);
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

static void create_or_wait(uint32_t rank) {
    if (rank == 0) {
        CHECK(rk_dict_create(&shared.dict, NULL) == RK_OK);
        CHECK(rk_list_create(&shared.list, NULL) == RK_OK);
        CHECK(rk_namespace_create(&shared.space, NULL) == RK_OK);
        atomic_store(&shared.ready, 1);
    }
    until(&shared.ready, 1);
}

/* One rank acts, the last: the home itself, or another one. */
static void act(uint32_t rank, uint32_t ranks, void (*body)(void)) {
    create_or_wait(rank);
    if (rank == ranks - 1) {
        body();
        atomic_store(&shared.seen, 1);
    }
    until(&shared.seen, 1);
}

static bool is_text(rk_bytes bytes, const char *text) {
    return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

/* ---- the table ---- */

static void a_table_keeps_the_order_of_first_settings(void **state) {
    (void)state;
    enum { KEYS = 1000 };
    rk__table table = {.seed = 5};
    char key[32];
    for (int round = 0; round < 3; round++)
        for (int i = 0; i < KEYS; i++) {
            snprintf(key, sizeof key, "key %d", i);
            int *value = malloc(sizeof *value);
            *value = i + round;
            assert_int_equal(rk__table_set(&table, rk_text(key), value, sizeof *value), RK_OK);
        }
    for (int i = 0; i < KEYS; i += 2) { /* and some are set again, at the end */
        snprintf(key, sizeof key, "key %d", i);
        rk__table_remove(&table, rk__table_find(&table, rk_text(key)));
        assert_null(rk__table_find(&table, rk_text(key)));
    }
    assert_int_equal(table.live, KEYS / 2);
    for (int i = 0; i < 4 * KEYS; i++) { /* coming and going does not make it grow */
        assert_int_equal(rk__table_set(&table, rk_text("guest"), NULL, 0), RK_OK);
        rk__table_remove(&table, rk__table_find(&table, rk_text("guest")));
    }
    assert_true(table.capacity <= 2 * KEYS);
    int expected = 1;
    for (size_t i = 0; i < table.used; i++)
        if (table.entries[i].live) {
            assert_int_equal(*(int *)table.entries[i].value, expected + 2);
            expected += 2;
        }
    rk__table_clear(&table);
    assert_null(rk__table_find(&table, rk_text("key 1")));
}

/* ---- dictionaries ---- */

static void check_dict_values(rk_dict d) {
    rk_error err = RK_ERROR_INIT;
    void *value;
    size_t size;
    bool yes;
    CHECK(rk_dict_set(d, rk_text("alpha"), rk_text("one"), &err) == RK_OK);
    CHECK(rk_dict_set(d, rk_bytes_of("\0\1", 2), rk_bytes_of(NULL, 0), &err) == RK_OK);
    CHECK(rk_dict_set(d, rk_bytes_of(NULL, 0), rk_text("empty key"), &err) == RK_OK);
    CHECK(rk_dict_set(d, rk_text("alpha"), rk_text("two"), &err) == RK_OK);
    CHECK(rk_dict_length(d, &size, &err) == RK_OK && size == 3);
    CHECK(rk_dict_get(d, rk_text("alpha"), &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "two"));
    rk_free(value);
    CHECK(rk_dict_get(d, rk_bytes_of("\0\1", 2), &value, &size, &err) == RK_OK && size == 0 && value == NULL);
    CHECK(rk_dict_get(d, rk_text("beta"), &value, &size, &err) == RK_ENOENT);
    CHECK(strstr(err.message, "'beta'") != NULL);
    CHECK(rk_dict_contains(d, rk_text("beta"), &yes, &err) == RK_OK && !yes);
    CHECK(rk_dict_contains(d, rk_text("alpha"), &yes, &err) == RK_OK && yes);
    CHECK(rk_dict_setdefault(d, rk_text("alpha"), rk_text("x"), &value, &size, &err) == RK_OK);
    CHECK(is_text(rk_bytes_of(value, size), "two"));
    rk_free(value);
    CHECK(rk_dict_setdefault(d, rk_text("gamma"), rk_text("g"), &value, &size, &err) == RK_OK);
    CHECK(is_text(rk_bytes_of(value, size), "g"));
    rk_free(value);
    CHECK(rk_dict_setdefault(d, rk_text("gamma"), rk_text("h"), NULL, NULL, &err) == RK_OK);
    CHECK(rk_dict_pop(d, rk_text("gamma"), &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "g"));
    rk_free(value);
    CHECK(rk_dict_pop(d, rk_text("gamma"), &value, &size, &err) == RK_ENOENT);
    CHECK(rk_dict_delete(d, rk_bytes_of("\0\1", 2), &err) == RK_OK);
    CHECK(rk_dict_delete(d, rk_bytes_of("\0\1", 2), &err) == RK_ENOENT && strstr(err.message, "2 bytes") != NULL);
}

static void check_dict_numbers(rk_dict d) {
    rk_error err = RK_ERROR_INIT;
    int64_t number;
    double real;
    char *text;
    bool yes;
    CHECK(rk_dict_set_i64(d, rk_text("i"), -3, &err) == RK_OK);
    CHECK(rk_dict_get_i64(d, rk_text("i"), &number, &err) == RK_OK && number == -3);
    CHECK(rk_dict_set_f64(d, rk_text("f"), 0.25, &err) == RK_OK);
    CHECK(rk_dict_get_f64(d, rk_text("f"), &real, &err) == RK_OK && real == 0.25);
    CHECK(rk_dict_set_text(d, rk_text("t"), "hello", &err) == RK_OK);
    CHECK(rk_dict_get_text(d, rk_text("t"), &text, &err) == RK_OK && strcmp(text, "hello") == 0);
    rk_free(text);
    CHECK(rk_dict_set_text(d, rk_text("nothing"), "", &err) == RK_OK);
    CHECK(rk_dict_get_text(d, rk_text("nothing"), &text, &err) == RK_OK && strcmp(text, "") == 0);
    rk_free(text);
    CHECK(rk_dict_get_i64(d, rk_text("t"), &number, &err) == RK_EINVAL && strstr(err.message, "5 bytes") != NULL);
    CHECK(rk_dict_add_i64(d, rk_text("i"), 10, &number, &err) == RK_OK && number == 7);
    CHECK(rk_dict_add_i64(d, rk_text("new"), 10, &number, &err) == RK_OK && number == 10);
    CHECK(rk_dict_add_i64(d, rk_text("new"), INT64_MAX, NULL, &err) == RK_OK);
    CHECK(rk_dict_get_i64(d, rk_text("new"), &number, &err) == RK_OK && number == INT64_MIN + 9);
    CHECK(rk_dict_add_i64(d, rk_text("t"), 1, &number, &err) == RK_EINVAL);
    CHECK(rk_dict_replace_if(d, rk_text("t"), rk_text("hell"), rk_text("bye"), &yes, &err) == RK_OK && !yes);
    CHECK(rk_dict_replace_if(d, rk_text("t"), rk_text("hello"), rk_text("bye"), &yes, &err) == RK_OK && yes);
    CHECK(rk_dict_replace_if(d, rk_text("none"), rk_text("a"), rk_text("b"), &yes, &err) == RK_ENOENT);
    CHECK(rk_dict_get_text(d, rk_text("t"), &text, &err) == RK_OK && strcmp(text, "bye") == 0);
    rk_free(text);
}

static void check_dict_snapshots(rk_dict d) {
    rk_error err = RK_ERROR_INIT;
    rk_items items;
    size_t size;
    CHECK(rk_dict_clear(d, &err) == RK_OK && rk_dict_length(d, &size, &err) == RK_OK && size == 0);
    CHECK(rk_dict_items(d, &items, &err) == RK_OK && items.count == 0);
    rk_items_free(&items);
    CHECK(rk_dict_set_text(d, rk_text("z"), "1", &err) == RK_OK);
    CHECK(rk_dict_set_text(d, rk_text("a long key, longer than sixteen"), "2", &err) == RK_OK);
    CHECK(rk_dict_set_text(d, rk_text("m"), "", &err) == RK_OK);
    CHECK(rk_dict_set_text(d, rk_text("z"), "3", &err) == RK_OK);
    CHECK(rk_dict_items(d, &items, &err) == RK_OK && items.count == 3);
    CHECK(is_text(items.keys[0], "z") && is_text(items.values[0], "3"));
    CHECK(is_text(items.keys[1], "a long key, longer than sixteen") && is_text(items.values[1], "2"));
    CHECK(is_text(items.keys[2], "m") && items.values[2].size == 0);
    CHECK((uintptr_t)items.values[1].data % 16 == 0);
    rk_items_free(&items);
    CHECK(items.count == 0 && items.keys == NULL);
    CHECK(rk_dict_keys(d, &items, &err) == RK_OK && items.count == 3 && items.values == NULL);
    CHECK(is_text(items.keys[2], "m"));
    rk_items_free(&items);
}

static void use_dict(void) {
    check_dict_values(shared.dict);
    check_dict_numbers(shared.dict);
    check_dict_snapshots(shared.dict);
}

static void act_on_dict(uint32_t rank, uint32_t ranks) {
    act(rank, ranks, use_dict);
}

static void dictionaries_are_as_in_python(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        run(ranks, act_on_dict);
}

/* ---- lists ---- */

static bool list_is(rk_list list, const char *expected) {
    rk_items items;
    CHECK(rk_list_items(list, &items, NULL) == RK_OK && items.keys == NULL);
    char text[200] = "";
    for (size_t i = 0; i < items.count; i++) {
        strcat(text, i > 0 ? " " : "");
        strncat(text, (const char *)items.values[i].data, items.values[i].size);
    }
    rk_items_free(&items);
    return strcmp(text, expected) == 0;
}

static void check_list_elements(rk_list l) {
    rk_error err = RK_ERROR_INIT;
    void *value;
    size_t size;
    CHECK(rk_list_pop(l, -1, &value, &size, &err) == RK_EINVAL && strstr(err.message, "empty") != NULL);
    CHECK(list_is(l, ""));
    CHECK(rk_list_append_text(l, "b", &err) == RK_OK);
    CHECK(rk_list_insert(l, 0, rk_text("a"), &err) == RK_OK);
    CHECK(rk_list_insert(l, 100, rk_text("z"), &err) == RK_OK);
    CHECK(rk_list_insert(l, -1, rk_text("y"), &err) == RK_OK);
    CHECK(rk_list_insert(l, -100, rk_text("0"), &err) == RK_OK && list_is(l, "0 a b y z"));
    CHECK(rk_list_extend(l, (rk_bytes[]){rk_text("p"), rk_text("q")}, 2, &err) == RK_OK);
    CHECK(rk_list_extend(l, NULL, 0, &err) == RK_OK && list_is(l, "0 a b y z p q"));
    CHECK(rk_list_get(l, -2, &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "p"));
    rk_free(value);
    CHECK(rk_list_get(l, 7, &value, &size, &err) == RK_EINVAL && strstr(err.message, "index 7") != NULL &&
          strstr(err.message, "7 elements") != NULL);
    CHECK(rk_list_get(l, -8, &value, &size, &err) == RK_EINVAL);
    CHECK(rk_list_set(l, -1, rk_text("r"), &err) == RK_OK && rk_list_set(l, 7, rk_text("r"), &err) == RK_EINVAL);
    CHECK(rk_list_delete(l, 0, &err) == RK_OK && rk_list_delete(l, 6, &err) == RK_EINVAL);
    CHECK(rk_list_pop(l, 1, &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "b"));
    rk_free(value);
    CHECK(rk_list_pop(l, -1, &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "r"));
    rk_free(value);
    CHECK(list_is(l, "a y z p"));
    CHECK(rk_list_index(l, rk_text("z"), &size, &err) == RK_OK && size == 2);
    CHECK(rk_list_index(l, rk_text("zz"), &size, &err) == RK_ENOENT);
    CHECK(rk_list_length(l, &size, &err) == RK_OK && size == 4);
    CHECK(rk_list_clear(l, &err) == RK_OK && rk_list_length(l, &size, &err) == RK_OK && size == 0);
}

static void use_list(void) {
    rk_list l = shared.list;
    int64_t number;
    double real;
    char *text;
    check_list_elements(l);
    CHECK(rk_list_append_i64(l, 12, NULL) == RK_OK && rk_list_append_f64(l, 1.5, NULL) == RK_OK);
    CHECK(rk_list_get_i64(l, 0, &number, NULL) == RK_OK && number == 12);
    CHECK(rk_list_get_f64(l, -1, &real, NULL) == RK_OK && real == 1.5);
    CHECK(rk_list_append_text(l, "xyz", NULL) == RK_OK && rk_list_get_i64(l, 2, &number, NULL) == RK_EINVAL);
    CHECK(rk_list_get_text(l, 2, &text, NULL) == RK_OK && strcmp(text, "xyz") == 0);
    rk_free(text);
    for (int64_t i = 0; i < 100; i++)
        CHECK(rk_list_append_i64(l, i, NULL) == RK_OK);
    CHECK(rk_list_get_i64(l, 102, &number, NULL) == RK_OK && number == 99);
}

static void act_on_list(uint32_t rank, uint32_t ranks) {
    act(rank, ranks, use_list);
}

static void lists_are_as_in_python(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        run(ranks, act_on_list);
}

/* ---- namespaces ---- */

static void use_namespace(void) {
    rk_namespace ns = shared.space;
    rk_error err = RK_ERROR_INIT;
    void *value;
    size_t size;
    char *text;
    int64_t number;
    double real;
    bool yes;
    rk_items items;
    CHECK(rk_namespace_set_i64(ns, "x", 4, &err) == RK_OK && rk_namespace_set_f64(ns, "y", 0.5, &err) == RK_OK);
    CHECK(rk_namespace_set_text(ns, "name", "ann", &err) == RK_OK);
    CHECK(rk_namespace_set(ns, "raw", rk_bytes_of("ab", 2), &err) == RK_OK);
    CHECK(rk_namespace_get_i64(ns, "x", &number, &err) == RK_OK && number == 4);
    CHECK(rk_namespace_get_f64(ns, "y", &real, &err) == RK_OK && real == 0.5);
    CHECK(rk_namespace_get_text(ns, "name", &text, &err) == RK_OK && strcmp(text, "ann") == 0);
    rk_free(text);
    CHECK(rk_namespace_get(ns, "raw", &value, &size, &err) == RK_OK && is_text(rk_bytes_of(value, size), "ab"));
    rk_free(value);
    CHECK(rk_namespace_get_i64(ns, "z", &number, &err) == RK_ENOENT && strstr(err.message, "attribute 'z'") != NULL);
    CHECK(rk_namespace_items(ns, &items, &err) == RK_OK && items.count == 4 && is_text(items.keys[2], "name"));
    rk_items_free(&items);
    CHECK(rk_namespace_has(ns, "x", &yes, &err) == RK_OK && yes);
    CHECK(rk_namespace_delete(ns, "x", &err) == RK_OK && rk_namespace_delete(ns, "x", &err) == RK_ENOENT);
    CHECK(rk_namespace_has(ns, "x", &yes, &err) == RK_OK && !yes);
    rk_dict wrong = {ns.ref};
    CHECK(rk_dict_clear(wrong, &err) == RK_EINVAL && strstr(err.message, "namespace") != NULL);
    CHECK(rk_namespace_destroy(ns, &err) == RK_OK && rk_namespace_destroy(ns, &err) == RK_ENOENT);
    CHECK(rk_namespace_get_i64(ns, "y", &number, &err) == RK_ENOENT && strstr(err.message, "destroyed") != NULL);
    CHECK(rk_dict_destroy(shared.dict, &err) == RK_OK && rk_list_destroy(shared.list, &err) == RK_OK);
    CHECK(rk_list_length(shared.list, &size, &err) == RK_ENOENT &&
          rk_dict_items(shared.dict, &items, &err) == RK_ENOENT);
}

static void act_on_namespace(uint32_t rank, uint32_t ranks) {
    act(rank, ranks, use_namespace);
}

static void namespaces_are_as_in_python(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        run(ranks, act_on_namespace);
}

/* ---- all at once ---- */

enum { ROUNDS = 300 };

static void race(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank);
    int64_t number;
    for (int i = 0; i < ROUNDS; i++) {
        bool replaced = false;
        CHECK(rk_dict_add_i64(shared.dict, rk_text("sum"), 1, NULL, NULL) == RK_OK);
        CHECK(rk_dict_setdefault(shared.dict, rk_text("swapped"), rk_bytes_of(&(int64_t){0}, 8), NULL, NULL, NULL) ==
              RK_OK);
        while (!replaced) {
            CHECK(rk_dict_get_i64(shared.dict, rk_text("swapped"), &number, NULL) == RK_OK);
            int64_t next = number + 1;
            CHECK(rk_dict_replace_if(shared.dict, rk_text("swapped"), rk_bytes_of(&number, 8), rk_bytes_of(&next, 8),
                                     &replaced, NULL) == RK_OK);
        }
        CHECK(rk_list_append_i64(shared.list, rank, NULL) == RK_OK);
    }
    atomic_fetch_add(&shared.seen, 1);
    until(&shared.seen, (int)ranks);
    size_t length;
    CHECK(rk_dict_get_i64(shared.dict, rk_text("sum"), &number, NULL) == RK_OK && number == ROUNDS * (int64_t)ranks);
    CHECK(rk_dict_get_i64(shared.dict, rk_text("swapped"), &number, NULL) == RK_OK &&
          number == ROUNDS * (int64_t)ranks);
    CHECK(rk_list_length(shared.list, &length, NULL) == RK_OK && length == ROUNDS * (size_t)ranks);
    atomic_fetch_add(&shared.ready, 1);
    until(&shared.ready, (int)ranks + 1);
}

static void no_change_is_lost(void **state) {
    (void)state;
    run(1, race);
    run(2, race);
    run(5, race);
}

static void race_in_strand(void *ctx) {
    (void)ctx;
    for (int i = 0; i < ROUNDS; i++)
        CHECK(rk_dict_add_i64(shared.dict, rk_text("sum"), 1, NULL, NULL) == RK_OK);
    atomic_fetch_add(&shared.seen, 1);
}

static void race_strands(uint32_t rank, uint32_t ranks) {
    enum { STRANDS = 3 };
    create_or_wait(rank);
    rk__mail *mail = rk__enter(NULL);
    for (int i = 0; i < STRANDS; i++)
        CHECK(rk__strand_start(mail, race_in_strand, NULL, &(uint32_t){0}, NULL) == RK_OK);
    rk__leave(mail);
    int64_t number = 0;
    while (number < STRANDS * ROUNDS * (int64_t)ranks) { /* a loop that only looks lets the others run */
        rk_status status = rk_dict_get_i64(shared.dict, rk_text("sum"), &number, NULL);
        CHECK(status == RK_OK || status == RK_ENOENT);
    }
    until(&shared.seen, STRANDS * (int)ranks);
    atomic_fetch_add(&shared.ready, 1);
    until(&shared.ready, (int)ranks + 1);
}

static void strands_share_a_dictionary(void **state) {
    (void)state;
    run(1, race_strands);
    run(3, race_strands);
}

/* ---- large values; deaths ---- */

static void use_large(void) {
    enum { LARGE = 3 * 1000 * 1000 };
    unsigned char *bytes = malloc(LARGE);
    void *value;
    size_t size;
    bool replaced;
    rk_bytes large = rk_bytes_of(bytes, LARGE);
    memset(bytes, 1, LARGE);
    CHECK(rk_dict_set(shared.dict, rk_text("large"), large, NULL) == RK_OK);
    CHECK(rk_dict_replace_if(shared.dict, rk_text("large"), rk_text("no"), large, &replaced, NULL) == RK_OK);
    CHECK(!replaced);
    bytes[LARGE - 1] = 2;
    CHECK(rk_dict_setdefault(shared.dict, rk_text("large"), large, &value, &size, NULL) == RK_OK && size == LARGE);
    CHECK(((unsigned char *)value)[LARGE - 1] == 1);
    CHECK(rk_dict_replace_if(shared.dict, rk_text("large"), rk_bytes_of(value, LARGE), large, &replaced, NULL) ==
          RK_OK);
    CHECK(replaced);
    rk_free(value);
    CHECK(rk_dict_pop(shared.dict, rk_text("large"), &value, &size, NULL) == RK_OK && size == LARGE);
    CHECK(memcmp(value, bytes, LARGE) == 0);
    rk_free(value);
    CHECK(rk_list_extend(shared.list, (rk_bytes[]){large, rk_text("small"), large}, 3, NULL) == RK_OK);
    CHECK(rk_list_append(shared.list, large, NULL) == RK_OK);
    CHECK(rk_list_get(shared.list, 2, &value, &size, NULL) == RK_OK && size == LARGE);
    CHECK(memcmp(value, bytes, LARGE) == 0);
    rk_free(value);
    CHECK(rk_list_index(shared.list, large, &size, NULL) == RK_OK && size == 0);
    rk_items items;
    CHECK(rk_list_items(shared.list, &items, NULL) == RK_OK && items.count == 4 && items.values[3].size == LARGE);
    CHECK(is_text(items.values[1], "small") && memcmp(items.values[3].data, bytes, LARGE) == 0);
    rk_items_free(&items);
    free(bytes);
}

static void act_on_large(uint32_t rank, uint32_t ranks) {
    act(rank, ranks, use_large);
}

static void large_values_come_whole(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 3; ranks++)
        run(ranks, act_on_large);
}

static void lose_the_home(uint32_t rank, uint32_t ranks) {
    create_or_wait(rank);
    atomic_fetch_add(&shared.seen, 1);
    until(&shared.seen, (int)ranks);
    if (rank == 0)
        return;
    if (rank == 1) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, 0);
        rk__leave(mail);
    }
    rk_error err = RK_ERROR_INIT;
    rk_status status;
    while ((status = rk_dict_add_i64(shared.dict, rk_text("a"), 1, NULL, &err)) == RK_OK)
        ;
    CHECK(status == RK_EDEAD && err.code == RK_EDEAD);
    CHECK(rk_list_clear(shared.list, &err) == RK_EDEAD);
}

static void objects_die_with_their_rank(void **state) {
    (void)state;
    run(2, lose_the_home);
    run(3, lose_the_home);
}

static void a_stranger_is_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    rk_dict dict;
    assert_int_equal(rk_dict_create(&dict, &err), RK_EPERM);
    rk_items_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_keeps_the_order_of_first_settings),
        cmocka_unit_test(dictionaries_are_as_in_python),
        cmocka_unit_test(lists_are_as_in_python),
        cmocka_unit_test(namespaces_are_as_in_python),
        cmocka_unit_test(no_change_is_lost),
        cmocka_unit_test(strands_share_a_dictionary),
        cmocka_unit_test(large_values_come_whole),
        cmocka_unit_test(objects_die_with_their_rank),
        cmocka_unit_test(a_stranger_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
