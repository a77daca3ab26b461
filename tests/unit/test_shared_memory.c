#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "shared_fixture.h"

/* ---- bytes ---- */

static rk_memory memory;

/* RANKINE_SHARED_BYTES=5368709120 makes it large. */
static uint64_t memory_bytes(void) {
    uint64_t bytes;
    const char *text = getenv("RANKINE_SHARED_BYTES");
    return text != NULL && rk__parse_bytes(text, &bytes) ? bytes : 3000001;
}

static void write_and_read(uint32_t rank, uint32_t ranks) {
    uint64_t size = 0, bytes = memory_bytes();
    unsigned char sent[5000], got[5000];
    void *p = NULL;
    if (rank == 0)
        CHECK(rk_memory_create(&memory, NULL, bytes, NULL) == RK_OK);
    meet();
    CHECK(rk_memory_size(memory, &size, NULL) == RK_OK && size == bytes);
    CHECK(rk_memory_pointer(memory, &p, NULL) == (is_far(rank) ? RK_EUNSUPPORTED : RK_OK));
    memset(sent, 'a' + (int)rank, sizeof sent);
    uint64_t mine = bytes - (rank + 1) * sizeof sent, next = bytes - ((rank + 1) % ranks + 1) * sizeof sent;
    CHECK(rk_memory_write(memory, mine, sizeof sent, sent, NULL) == RK_OK);
    meet();
    CHECK(rk_memory_read(memory, next, sizeof got, got, NULL) == RK_OK);
    CHECK(got[0] == 'a' + (rank + 1) % ranks && memcmp(got, got + 1, sizeof got - 1) == 0);
    CHECK(p == NULL || memcmp((unsigned char *)p + mine, sent, sizeof sent) == 0);
    CHECK(rk_memory_read(memory, 1000, sizeof got, got, NULL) == RK_OK && got[0] == 0 && got[4999] == 0);
    CHECK(rk_memory_read(memory, bytes, 0, NULL, NULL) == RK_OK);
    CHECK(rk_memory_read(memory, bytes - 1, 2, got, NULL) == RK_EINVAL);
    CHECK(rk_memory_write(memory, UINT64_MAX, 2, got, NULL) == RK_EINVAL);
    CHECK(rk_memory_close(memory, NULL) == RK_OK && rk_memory_close(memory, NULL) == RK_OK);
    CHECK(rk_memory_read(memory, mine, 1, got, NULL) == RK_OK && got[0] == 'a' + rank); /* it is still there */
    meet();
}

static void bytes_are_written_and_read_from_anywhere(void **state) {
    (void)state;
    near_and_far(1, write_and_read);
    near_and_far(3, write_and_read);
}

static void use_names(uint32_t rank, uint32_t ranks) {
    rk_memory found, other;
    rk_error err = RK_ERROR_INIT;
    char letter = 0;
    uint32_t home = ranks - 1;
    if (rank == home) {
        CHECK(rk_memory_create(&memory, "table", 100, NULL) == RK_OK);
        CHECK(rk_memory_write(memory, 99, 1, "x", NULL) == RK_OK);
    }
    meet();
    CHECK(rk_memory_attach(&found, "table", NULL) == RK_OK);
    CHECK(rk_memory_read(found, 99, 1, &letter, NULL) == RK_OK && letter == 'x');
    CHECK(rk_memory_create(&other, "table", 1, &err) == RK_EEXIST && strstr(err.message, "'table'") != NULL);
    CHECK(rk_memory_attach(&other, "tables", &err) == RK_ENOENT && strstr(err.message, "'tables'") != NULL);
    meet();
    CHECK(left_in_shm() == 1); /* what was refused has left nothing */
    meet();
    if (rank == 0) {
        CHECK(rk_memory_unlink(found, NULL) == RK_OK);
        CHECK(rk_memory_unlink(found, NULL) == RK_ENOENT);
        CHECK(rk_memory_create(&memory, "table", 7, NULL) == RK_OK);
    }
    meet();
    CHECK(rk_memory_read(found, 0, 1, &letter, NULL) == RK_ENOENT);
    CHECK(rk_memory_attach(&found, "table", NULL) == RK_OK && found.ref.serial == memory.ref.serial);
}

static void names_are_known_to_all_and_used_once(void **state) {
    (void)state;
    near_and_far(1, use_names);
    near_and_far(3, use_names);
}

static void lose_the_names_home(uint32_t rank, uint32_t ranks) {
    rk_memory found;
    rk_status status;
    if (rank == ranks - 1)
        CHECK(rk_memory_create(&memory, "lost", 100, NULL) == RK_OK);
    meet();
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, ranks - 1);
        rk__leave(mail);
        do
            status = rk_memory_attach(&found, "lost", NULL);
        while (status == RK_OK);
        CHECK(status == RK_ENOENT);
        CHECK(rk_memory_unlink(memory, NULL) == RK_EDEAD);
        CHECK(rk_memory_create(&found, "lost", 10, NULL) == RK_OK);
    }
    meet();
}

static void a_name_dies_with_its_home(void **state) {
    (void)state;
    near_and_far(2, lose_the_names_home);
}

static void hold_on(uint32_t rank, uint32_t ranks) {
    (void)ranks;
    void *p;
    if (rank == 0)
        CHECK(rk_memory_create(&memory, NULL, 10, NULL) == RK_OK);
    meet();
    CHECK(rk_memory_pointer(memory, &p, NULL) == RK_OK);
    meet();
    if (rank == 1) {
        CHECK(rk_memory_unlink(memory, NULL) == RK_OK);
        ((char *)p)[3] = 'q';
    }
    meet();
    CHECK(((char *)p)[3] == 'q' && left_in_shm() == 0);
    CHECK(rk_memory_pointer(memory, &p, NULL) == RK_ENOENT);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__shared_of(mail)->mappings != NULL);
    rk__leave(mail);
    CHECK(rk_memory_close(memory, NULL) == RK_OK);
    mail = rk__enter(NULL);
    CHECK(rk__shared_of(mail)->mappings == NULL);
    rk__leave(mail);
}

static void a_pointer_outlives_unlink_until_close(void **state) {
    (void)state;
    shared_ranks(3, hold_on);
}

static void ask_for_too_much(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    rk_error err = RK_ERROR_INIT;
    rk_memory none;
    rk_array array;
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    CHECK(rk_memory_create(&none, NULL, 0, &err) == RK_EINVAL && strstr(err.message, "0 bytes") != NULL);
    CHECK(rk_memory_create(&none, "", 1, NULL) == RK_EINVAL && rk_memory_create(&none, name, 1, NULL) == RK_EINVAL);
    CHECK(rk_memory_attach(&none, "", NULL) == RK_EINVAL && rk_memory_attach(&none, name, NULL) == RK_EINVAL);
    CHECK(rk_memory_create(&none, NULL, UINT64_C(1) << 50, &err) == RK_ENOMEM);
    CHECK(strstr(err.message, "1125899906842624 bytes") != NULL && strstr(err.message, "/dev/shm") != NULL);
    CHECK(rk_memory_create(&none, NULL, UINT64_MAX, &err) == RK_ENOMEM);
    CHECK(rk_array_create_i64(&array, UINT64_C(1) << 47, NULL, &err) == RK_ENOMEM);
    CHECK(left_in_shm() == 0);
    struct rlimit before, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 100000;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    CHECK(rk_memory_create(&none, NULL, 100000, NULL) == RK_OK && rk_memory_unlink(none, NULL) == RK_OK);
    CHECK(rk_memory_create(&none, NULL, 100001, &err) == RK_ENOMEM && strstr(err.message, "100001") != NULL);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(left_in_shm() == 0);
}

static void what_has_no_room_is_refused_with_its_size(void **state) {
    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    near_and_far(1, ask_for_too_much);
}

static void find_the_name_taken(uint32_t rank, uint32_t ranks) {
    (void)rank, (void)ranks;
    char name[RK__SHARED_NAME_MAX];
    snprintf(name, sizeof name, "%s-s0", job); /* of the first slot */
    int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0 && write(fd, "old", 3) == 3 && close(fd) == 0);
    char got[3] = {1, 1, 1};
    CHECK(rk_memory_create(&memory, NULL, 10, NULL) == RK_OK);
    CHECK(rk_memory_read(memory, 0, 3, got, NULL) == RK_OK && memcmp(got, "\0\0\0", 3) == 0);
}

static void what_an_earlier_job_left_is_not_in_the_way(void **state) {
    (void)state;
    shared_ranks(1, find_the_name_taken);
}

static void a_bad_job_name_is_refused(void **state) {
    (void)state;
    rk_error err = RK_ERROR_INIT;
    assert_int_equal(rk__shared_attach(NULL, "no slash", &err), RK_EINVAL);
    assert_non_null(strstr(err.message, "no slash"));
}

/* ---- processes ---- */

typedef struct stage { /* two processes, an arena, and what they tell each other */
    _Atomic int step;
    rk_memory memory;
    rk_value value;
    void *arena;
} stage;
enum { STAGE_BYTES = 4096 };

static void await_step(stage *on, int step) {
    for (uint64_t until = rk__clock_ns() + UINT64_C(30000000000); atomic_load(&on->step) < step;) {
        CHECK(rk__clock_ns() < until);
        rk__sleep_ns(1000000);
    }
}

static rk__mail *be_rank(stage *on, uint32_t rank) {
    static const int zeros[2], places[2] = {0, 1};
    rk__mail *mail;
    rk__mail_place place = {.endpoint = rank,
                            .ranks = 2,
                            .node_of_rank = zeros,
                            .place_in_node = places,
                            .node_ranks = 2,
                            .arena = on->arena,
                            .crowded = true};
    CHECK(rk__mail_create(&mail, &place, NULL) == RK_OK);
    CHECK(rk__shared_attach(mail, job, NULL) == RK_OK);
    rk__leave(rk__enter(NULL)); /* the service thread sees the room, too */
    return mail;
}

static void live_until_killed(stage *on) {
    int64_t got = 0;
    alarm(60); /* should the other one be no more */
    await_step(on, 1);
    be_rank(on, 1);
    CHECK(rk_memory_create(&on->memory, "mine", 5000, NULL) == RK_OK);
    CHECK(rk_value_create_raw(&on->value, RK_I64, &(int64_t){10}, NULL) == RK_OK);
    CHECK(rk_memory_write(on->memory, 4999, 1, "e", NULL) == RK_OK);
    atomic_store(&on->step, 2);
    await_step(on, 3);
    CHECK(rk_value_get_i64(on->value, &got, NULL) == RK_OK && got == 11);
    atomic_store(&on->step, 4);
    pause();
}

static void use_what_the_other_made(stage *on, pid_t other) {
    char letter = 0;
    void *p;
    rk_memory found;
    rk_status status;
    CHECK(rk_memory_attach(&found, "mine", NULL) == RK_OK);
    CHECK(rk_memory_read(found, 4999, 1, &letter, NULL) == RK_OK && letter == 'e');
    CHECK(rk_memory_pointer(found, &p, NULL) == RK_OK);
    CHECK(rk_value_add_i64(on->value, 1, NULL, NULL) == RK_OK);
    atomic_store(&on->step, 3);
    await_step(on, 4);
    CHECK(left_in_shm() == 1 && kill(other, SIGKILL) == 0);
    do
        status = rk_memory_read(found, 4999, 1, &letter, NULL);
    while (status == RK_OK);
    CHECK(status == RK_EDEAD && rk_value_add_i64(on->value, 1, NULL, NULL) == RK_EDEAD);
    CHECK(((char *)p)[4999] == 'e' && left_in_shm() == 0);
    CHECK(rk_memory_attach(&found, "mine", NULL) == RK_ENOENT);
    CHECK(rk_memory_close(on->memory, NULL) == RK_OK);
}

static void processes_share_and_a_killed_one_leaves_nothing(void **state) {
    (void)state;
    size_t room_bytes[RK__ROOM_COUNT] = {0};
    room_bytes[RK__ROOM_SHARED] = rk__shared_area_bytes();
    size_t bytes = STAGE_BYTES + rk__arena_bytes(2, 0, room_bytes);
    stage *on = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(on != MAP_FAILED);
    on->arena = (unsigned char *)on + STAGE_BYTES;
    rk__arena_init(on->arena, (const uint64_t[2]){0, 0}, 2, 0, room_bytes);
    snprintf(job, sizeof job, "/rankine-%016llx", (unsigned long long)getpid());
    pid_t other = fork();
    assert_true(other >= 0);
    if (other == 0) {
        live_until_killed(on);
        _exit(1);
    }
    rk__mail *mail = be_rank(on, 0);
    atomic_store(&on->step, 1); /* rooms are there before letters come */
    await_step(on, 2);
    use_what_the_other_made(on, other);
    rk__mail_destroy(mail);
    assert_int_equal(waitpid(other, NULL, 0), other);
    munmap(on, bytes);
}

/* ---- lists ---- */

static rk_shared_list list;

static rk_shared_item none(void) {
    return (rk_shared_item){.kind = RK_SHARED_NONE};
}
static rk_shared_item truth(bool b) {
    return (rk_shared_item){.kind = RK_SHARED_BOOL, .b = b};
}
static rk_shared_item whole(int64_t i) {
    return (rk_shared_item){.kind = RK_SHARED_INT, .i = i};
}
static rk_shared_item real(double f) {
    return (rk_shared_item){.kind = RK_SHARED_FLOAT, .f = f};
}
static rk_shared_item string(const char *text) {
    return (rk_shared_item){.kind = RK_SHARED_STRING, .bytes = text, .size = strlen(text)};
}
static rk_shared_item raw(const char *bytes, size_t size) {
    return (rk_shared_item){.kind = RK_SHARED_BYTES, .bytes = bytes, .size = size};
}

static rk_status set(uint64_t index, rk_shared_item item) {
    return rk_shared_list_set(list, index, &item, NULL);
}

static bool is(uint64_t index, rk_shared_item wanted) {
    char buffer[64];
    rk_shared_item got;
    CHECK(rk_shared_list_get(list, index, &got, buffer, sizeof buffer, NULL) == RK_OK);
    return got.kind == wanted.kind && got.b == wanted.b && got.i == wanted.i && got.f == wanted.f &&
           got.size == wanted.size && (got.size == 0 || memcmp(got.bytes, wanted.bytes, got.size) == 0) &&
           (wanted.bytes == NULL || ((const char *)got.bytes)[got.size] == '\0');
}

static uint64_t count_of(rk_shared_item item) {
    uint64_t count = 99;
    CHECK(rk_shared_list_count(list, &item, &count, NULL) == RK_OK);
    return count;
}

static uint64_t index_of(rk_shared_item item) {
    uint64_t index = 99;
    rk_status status = rk_shared_list_index(list, &item, &index, NULL);
    CHECK(status == RK_OK || (status == RK_ENOENT && index == 99));
    return index;
}

/* What Python 3.11 does with ShareableList(['abc', b'1234567890', 12, 3.5, True, None, '', b'']), but for zeros at the
 * end of bytes, which it drops. */
static void make_list(void) {
    rk_shared_item items[] = {
        string("abc"), raw("1234567890", 10), whole(12), real(3.5), truth(true), none(), string(""), raw("", 0)};
    CHECK(rk_shared_list_create(&list, items, 8, NULL) == RK_OK);
}

static void change_items(void) {
    CHECK(set(0, string("12345678")) == RK_OK && is(0, string("12345678")));
    CHECK(set(0, string("123456789")) == RK_EOVERFLOW && is(0, string("12345678")));
    CHECK(set(1, raw("1234567890123456", 16)) == RK_OK && set(1, raw("12345678901234567", 17)) == RK_EOVERFLOW);
    CHECK(set(2, string("abcdefgh")) == RK_OK && is(2, string("abcdefgh")));
    CHECK(set(2, string("abcdefghi")) == RK_EOVERFLOW);
    CHECK(set(2, whole(INT64_MIN)) == RK_OK && is(2, whole(INT64_MIN)));
    CHECK(set(5, real(-0.5)) == RK_OK && is(5, real(-0.5)));
    CHECK(set(6, none()) == RK_OK && is(6, none()));
    CHECK(set(7, raw("x\0\0", 3)) == RK_OK && is(7, raw("x\0\0", 3)));
    CHECK(set(8, none()) == RK_EINVAL && set(UINT64_MAX, none()) == RK_EINVAL);
}

static void search_items(void) {
    CHECK(set(2, whole(1)) == RK_OK && set(5, real(1.0)) == RK_OK && set(6, whole(INT64_MAX)) == RK_OK);
    CHECK(count_of(whole(1)) == 3 && count_of(real(1)) == 3 && count_of(truth(true)) == 3 && index_of(whole(1)) == 2);
    CHECK(count_of(real(0x1p63)) == 0 && count_of(whole(INT64_MAX)) == 1); /* no number is rounded to be equal */
    CHECK(count_of(string("12345678")) == 1 && count_of(raw("12345678", 8)) == 0);
    CHECK(index_of(raw("x\0\0", 3)) == 7 && index_of(string("nope")) == 99 && count_of(none()) == 0);
}

static void use_list(uint32_t rank, uint32_t ranks) {
    uint64_t length = 0;
    rk_error err = RK_ERROR_INIT;
    rk_shared_item item, bad = {.kind = (rk_shared_kind)17}, nowhere = {.kind = RK_SHARED_BYTES, .size = 3};
    char small[3];
    if (rank == 0)
        make_list();
    meet();
    CHECK(rk_shared_list_length(list, &length, NULL) == RK_OK && length == 8);
    CHECK(is(0, string("abc")) && is(1, raw("1234567890", 10)) && is(2, whole(12)) && is(3, real(3.5)));
    CHECK(is(4, truth(true)) && is(5, none()) && is(6, string("")) && is(7, raw("", 0)));
    CHECK(rk_shared_list_get(list, 0, &item, small, 3, &err) == RK_EOVERFLOW && item.size == 3);
    CHECK(rk_shared_list_get(list, 2, &item, NULL, 0, NULL) == RK_OK && item.i == 12);
    CHECK(rk_shared_list_get(list, 8, &item, NULL, 0, &err) == RK_EINVAL && strstr(err.message, "item 8") != NULL);
    CHECK(set(0, bad) == RK_EINVAL && set(0, nowhere) == RK_EINVAL);
    meet();
    if (rank == ranks - 1) {
        change_items();
        search_items();
        CHECK(rk_shared_list_destroy(list, NULL) == RK_OK && rk_shared_list_length(list, &length, NULL) == RK_ENOENT);
    }
    meet();
    CHECK(rk_shared_list_get(list, 0, &item, NULL, 0, NULL) == RK_ENOENT);
    meet();
    if (rank == 0)
        CHECK(rk_shared_list_create(&list, NULL, 0, NULL) == RK_OK);
    meet();
    CHECK(rk_shared_list_length(list, &length, NULL) == RK_OK && length == 0 && count_of(none()) == 0);
    CHECK(set(0, none()) == RK_EINVAL);
}

static void a_list_does_what_pythons_does(void **state) {
    (void)state;
    near_and_far(1, use_list);
    near_and_far(2, use_list);
    near_and_far(5, use_list);
}

enum { ROUNDS_OF_READING = 3000 };

static void change_while_others_read(uint32_t rank, uint32_t ranks) {
    (void)ranks;
    char text[41];
    rk_shared_item item;
    memset(text, 'a', 40);
    item = raw(text, 40);
    if (rank == 0)
        CHECK(rk_shared_list_create(&list, &item, 1, NULL) == RK_OK);
    meet();
    for (int i = 0; i < ROUNDS_OF_READING; i++) {
        if (rank <= 1) { /* the home, and one that asks it */
            memset(text, 'a' + i % 26, 40);
            item = raw(text, 20 + (size_t)(i % 20));
            CHECK(rk_shared_list_set(list, 0, &item, NULL) == RK_OK);
            continue;
        }
        CHECK(rk_shared_list_get(list, 0, &item, text, sizeof text, NULL) == RK_OK);
        CHECK(item.size >= 20 && item.size <= 40 && memcmp(text, text + 1, item.size - 1) == 0);
    }
}

static void an_item_is_read_and_set_as_a_whole(void **state) {
    (void)state;
    near_and_far(4, change_while_others_read);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_and_read_from_anywhere),
        cmocka_unit_test(names_are_known_to_all_and_used_once),
        cmocka_unit_test(a_name_dies_with_its_home),
        cmocka_unit_test(a_pointer_outlives_unlink_until_close),
        cmocka_unit_test(what_has_no_room_is_refused_with_its_size),
        cmocka_unit_test(what_an_earlier_job_left_is_not_in_the_way),
        cmocka_unit_test(a_bad_job_name_is_refused),
        cmocka_unit_test(processes_share_and_a_killed_one_leaves_nothing),
        cmocka_unit_test(a_list_does_what_pythons_does),
        cmocka_unit_test(an_item_is_read_and_set_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
