/* Log lines of many ranks: whole, in order, all of them. */
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "mail_fixture.h"
#include "program/log.h"
#include "scratch_directory.h"

#define LONG 60.0

static struct {
    const char *path;
    _Atomic uint32_t arrived, done, go_on;
} shared = {"log", 0, 0, 0};

static void name(rk__mail *mail, char *text, size_t size) { /* odd ranks are named */
    snprintf(text, size, "%s", rk__mail_endpoint(mail) % 2 ? "Process-1" : "");
}

static void attach(rk__mail *mail) {
    CHECK(rk__log_attach(mail, name, NULL) == RK_OK);
}

static void play(uint32_t ranks, void (*body)(uint32_t rank, uint32_t ranks)) {
    atomic_store(&shared.arrived, 0);
    atomic_store(&shared.done, 0);
    atomic_store(&shared.go_on, 0);
    unlink(shared.path);
    fixture_ranks(ranks, NULL, attach, body);
}

static void play_all(void (*body)(uint32_t rank, uint32_t ranks)) {
    static const uint32_t sizes[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < 5; i++)
        play(sizes[i], body);
}

static void meet(uint32_t ranks) {
    uint32_t turn = atomic_fetch_add(&shared.arrived, 1) / ranks;
    while (atomic_load(&shared.arrived) < (turn + 1) * ranks)
        sched_yield();
}

static void await(_Atomic uint32_t *what, uint32_t value) {
    while (atomic_load(what) < value)
        sched_yield();
}

static char *read_all(void) {
    FILE *file = fopen(shared.path, "r");
    CHECK(file != NULL);
    char *text = calloc(1, 16 << 20);
    CHECK(text != NULL);
    fread(text, 1, (16 << 20) - 1, file);
    fclose(file);
    return text;
}

/* ---- what lines look like ---- */

typedef struct parsed {
    char level[16], host[64], message[256];
    unsigned rank;
    bool named;
} parsed;

/* The next line; false: there is none. */
static bool parse(const char **at, parsed *line) {
    unsigned year, month, day, hour, minute, second, millisecond;
    char where[128], name_text[64] = "";
    int used = 0;
    if (**at == '\0')
        return false;
    CHECK(sscanf(*at, "[%4u-%2u-%2uT%2u:%2u:%2u.%3uZ %15s %127[^]]] %255[^\n]%n", &year, &month, &day, &hour, &minute,
                 &second, &millisecond, line->level, where, line->message, &used) == 10);
    CHECK((*at)[used] == '\n');
    CHECK(sscanf(where, "%63[^/]/%u/%63s", line->host, &line->rank, name_text) >= 2);
    line->named = strcmp(name_text, "Process-1") == 0;
    *at += used + 1;
    return true;
}

enum { LINES = 400 };

static void log_much(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_INFO, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_log_level() == RK_LOG_INFO);
    for (int i = 0; i < LINES; i++)
        CHECK(rk_log(RK_LOG_WARNING, "line %d of %u%s", i, rank, i % 2 ? "\n" : "") == RK_OK);
    CHECK(rk_log(RK_LOG_DEBUG, "nobody wants this") == RK_OK);
    meet(ranks);
    if (rank == 0)
        rk__log_finish();
    meet(ranks);
}

static void check_much(uint32_t ranks) {
    int next[FIXTURE_RANKS_MAX] = {0};
    char host[64] = "";
    char *text = read_all();
    const char *at = text;
    parsed line;
    gethostname(host, sizeof host - 1);
    while (parse(&at, &line)) {
        int number;
        unsigned rank;
        assert_int_equal(sscanf(line.message, "line %d of %u", &number, &rank), 2);
        assert_true(rank < ranks && rank == line.rank && line.named == (rank % 2 == 1));
        assert_int_equal(number, next[rank]++);
        assert_string_equal(line.level, "WARNING");
        assert_string_equal(line.host, host);
    }
    for (uint32_t rank = 0; rank < ranks; rank++)
        assert_int_equal(next[rank], LINES);
    free(text);
}

static void lines_are_whole_and_in_order(void **state) {
    (void)state;
    static const uint32_t sizes[] = {1, 2, 3, 5, 8};
    for (int i = 0; i < 5; i++) {
        play(sizes[i], log_much);
        check_much(sizes[i]);
    }
}

/* ---- levels and places ---- */

static size_t count_lines(const char *what) {
    char *text = read_all();
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        count++;
    free(text);
    return count;
}

static void change_levels(uint32_t rank, uint32_t ranks) {
    CHECK(rk_log_level() == RK_LOG_OFF && rk_log(RK_LOG_CRITICAL, "too early") == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_ERROR, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_log(RK_LOG_WARNING, "too low") == RK_OK && rk_log(RK_LOG_ERROR, "an error") == RK_OK);
    CHECK(rk_log(45, "between") == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_DEBUG, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_log(RK_LOG_DEBUG, "low enough") == RK_OK);
    CHECK(rk_log(RK_LOG_DEBUG, "%0*d", 2 * RK__LOG_LINE_MAX, 7) == RK_OK);
    meet(ranks);
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_OFF, NULL) == RK_OK);
    meet(ranks);
    CHECK(rk_log_level() == RK_LOG_OFF && rk_log(RK_LOG_CRITICAL, "too late") == RK_OK);
    meet(ranks);
    if (rank == 0) { /* what was sent before is there already */
        CHECK(count_lines("too ") == 0);
        CHECK(count_lines(" ERROR ") == ranks && count_lines("] an error\n") == ranks);
        CHECK(count_lines(" Level 45 ") == ranks && count_lines("] low enough\n") == ranks);
        CHECK(count_lines("0 ... (cut)\n") == ranks && count_lines("\n") == 4 * ranks);
    }
    meet(ranks);
}

static void levels_hold_on_all_ranks_at_once(void **state) {
    (void)state;
    play_all(change_levels);
}

static void log_to_both(uint32_t rank, uint32_t ranks) {
    if (rank == 0) {
        CHECK(rk_log_to_stderr(RK_LOG_CRITICAL, NULL) == RK_OK);
        CHECK(rk_log_to_file(shared.path, RK_LOG_DEBUG, NULL) == RK_OK);
    }
    meet(ranks);
    CHECK(rk_log_level() == RK_LOG_DEBUG);
    CHECK(rk_log(RK_LOG_INFO, "for the file") == RK_OK && rk_log(RK_LOG_CRITICAL, "for both") == RK_OK);
    meet(ranks);
    if (rank == 0)
        rk__log_finish();
    meet(ranks);
}

static void stderr_and_a_file_have_their_own_levels(void **state) {
    (void)state;
    char text[4096] = "";
    int kept = dup(STDERR_FILENO), other = open("stderr", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(kept >= 0 && other >= 0);
    dup2(other, STDERR_FILENO);
    play(3, log_to_both);
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_true(pread(other, text, sizeof text - 1, 0) > 0);
    close(other);
    assert_null(strstr(text, "for the file"));
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
        lines++;
    assert_int_equal(lines, 3);
    assert_int_equal(count_lines("for the file"), 3);
    assert_int_equal(count_lines("for both"), 3);
}

/* ---- far ahead ---- */

enum { MANY = 3000 };

/* Nobody reads until many lines are written. */
static void *read_late(void *ctx) {
    uint32_t ranks = *(uint32_t *)ctx;
    char buffer[65536];
    char *copy = calloc(1, 16 << 20);
    size_t size = 0;
    ssize_t got;
    CHECK(copy != NULL);
    int fd = open(shared.path, O_RDONLY);
    CHECK(fd >= 0);
    await(&shared.done, 300);
    nanosleep(&(struct timespec){0, 20000000}, NULL); /* if they are not held back they are far ahead by now */
    while ((got = read(fd, buffer, sizeof buffer)) > 0) {
        memcpy(copy + size, buffer, (size_t)got);
        size += (size_t)got;
    }
    close(fd);
    int next[FIXTURE_RANKS_MAX] = {0}, number;
    unsigned rank;
    parsed line;
    for (const char *at = copy; parse(&at, &line);) {
        CHECK(sscanf(line.message, "line %d of %u", &number, &rank) == 2);
        CHECK(number == next[rank]++);
    }
    for (rank = 0; rank < ranks; rank++)
        CHECK(next[rank] == MANY);
    free(copy);
    return NULL;
}

static void run_ahead(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_INFO, NULL) == RK_OK);
    meet(ranks);
    for (int i = 0; i < MANY; i++) {
        CHECK(rk_log(RK_LOG_INFO, "line %d of %u", i, rank) == RK_OK);
        atomic_fetch_add(&shared.done, 1);
    }
    meet(ranks);
    if (rank == 0) {
        rk__mail *mail = rk__enter(NULL);
        const rk__log_room *log = rk__mail_room(mail, RK__ROOM_LOG);
        uint64_t most = rk__log_writer_most(log->writer);
        rk__leave(mail);
        CHECK(most > 1 && most <= ranks * (RK__LOG_WINDOW_LINES + 1));
        rk__log_finish();
    }
    meet(ranks);
}

static void play_ahead(uint32_t ranks) {
    pthread_t reader;
    atomic_store(&shared.arrived, 0);
    atomic_store(&shared.done, 0);
    unlink(shared.path);
    assert_int_equal(mkfifo(shared.path, 0600), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_late, &ranks), 0);
    fixture_ranks(ranks, NULL, attach, run_ahead);
    pthread_join(reader, NULL);
    unlink(shared.path);
}

static void who_is_far_ahead_waits_and_nothing_is_lost(void **state) {
    (void)state;
    play_ahead(1);
    play_ahead(2);
    play_ahead(5);
}

/* A strand is told to end; it ends when it has to wait for the writer, whose pipe is full. */
static void log_until_told_to_end(void *ctx) {
    (void)ctx;
    rk_status status;
    while ((status = rk_log(RK_LOG_INFO, "filling")) == RK_OK)
        atomic_fetch_add(&shared.done, 1);
    CHECK(status == RK_ECANCELLED);
    atomic_store(&shared.go_on, 1);
}

static bool is_under_way(void *ctx) {
    (void)ctx;
    return atomic_load(&shared.done) >= 100;
}

static bool has_ended(void *ctx) {
    (void)ctx;
    return atomic_load(&shared.go_on) == 1;
}

static void drop_one(uint32_t rank, uint32_t ranks) {
    uint32_t party;
    (void)rank, (void)ranks;
    CHECK(rk_log_to_file(shared.path, RK_LOG_INFO, NULL) == RK_OK);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__strand_start(mail, log_until_told_to_end, NULL, &party, NULL) == RK_OK);
    CHECK(rk__wait(mail, is_under_way, NULL, rk__deadline(LONG)) == RK_OK);
    CHECK(rk__strand_interrupt(mail, party));
    CHECK(rk__wait(mail, has_ended, NULL, rk__deadline(LONG)) == RK_OK);
    rk__leave(mail);
    atomic_store(&shared.go_on, 2);
    CHECK(rk_log(RK_LOG_INFO, "the next one") == RK_OK);
    rk__log_finish();
}

static void *read_in_the_end(void *ctx) {
    char *text = calloc(1, 1 << 20);
    size_t size = 0;
    ssize_t got;
    int fd = open(shared.path, O_RDONLY);
    (void)ctx;
    CHECK(text != NULL && fd >= 0);
    await(&shared.go_on, 2);
    while ((got = read(fd, text + size, (1 << 20) - 1 - size)) > 0)
        size += (size_t)got;
    close(fd);
    const char *told = strstr(text, "1 lines before this one were dropped\n");
    CHECK(told != NULL && strstr(told, "the next one\n") != NULL);
    free(text);
    return NULL;
}

static void what_had_to_be_dropped_is_told(void **state) {
    (void)state;
    pthread_t reader;
    atomic_store(&shared.done, 0);
    atomic_store(&shared.go_on, 0);
    unlink(shared.path);
    assert_int_equal(mkfifo(shared.path, 0600), 0);
    assert_int_equal(pthread_create(&reader, NULL, read_in_the_end, NULL), 0);
    fixture_ranks(1, NULL, attach, drop_one);
    pthread_join(reader, NULL);
    unlink(shared.path);
}

/* ---- misuse, ends ---- */

static void misuse(uint32_t rank, uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    if (rank > 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_INFO, &err) == RK_EPERM &&
              rk_log_to_stderr(RK_LOG_INFO, &err) == RK_EPERM);
    else
        CHECK(rk_log_to_file("/nowhere/at/all", RK_LOG_INFO, &err) == RK_EIO && strstr(err.message, "/nowhere") &&
              rk_log_to_file(NULL, RK_LOG_INFO, &err) == RK_EINVAL);
    meet(ranks);
    CHECK(rk_log_level() == RK_LOG_OFF);
}

static void misuse_is_refused(void **state) {
    (void)state;
    play(3, misuse);
    assert_int_equal(rk_log(RK_LOG_INFO, "by a thread that is no rank's"), RK_EPERM);
    assert_int_equal(rk_log_to_stderr(RK_LOG_INFO, NULL), RK_EPERM);
    assert_int_equal(rk_log_level(), RK_LOG_OFF);
}

static bool is_dead(void *ctx) {
    return rk__mail_is_dead(ctx, 0);
}

static void lose_rank_0(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        CHECK(rk_log_to_file(shared.path, RK_LOG_INFO, NULL) == RK_OK);
    meet(ranks);
    if (rank > 0) {
        rk__mail *mail = rk__enter(NULL);
        rk__mail_bury(mail, 0);
        CHECK(rk__wait(mail, is_dead, mail, rk__deadline(LONG)) == RK_OK);
        rk__leave(mail);
        for (int i = 0; i < 300; i++)
            CHECK(rk_log(RK_LOG_INFO, "to nobody") == RK_EDEAD);
    }
    meet(ranks);
}

static void without_rank_0_there_is_no_log(void **state) {
    (void)state;
    play(3, lose_rank_0);
}

static void lines_that_cannot_be_written_are_counted(void **state) {
    (void)state;
    if (access("/dev/full", W_OK) != 0)
        skip();
    rk__log_writer *writer;
    assert_int_equal(rk__log_writer_create(&writer, 1, NULL), RK_OK);
    int fd = open("/dev/full", O_WRONLY), file = open(shared.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    char text[256] = "";
    assert_true(fd >= 0 && file >= 0);
    rk__log_writer_set(writer, RK__LOG_FILE, fd, RK_LOG_NOTSET);
    rk__log_writer_add(writer, 0, RK_LOG_INFO, strdup("lost\n"), 5);
    rk__log_writer_add(writer, 0, RK_LOG_INFO, strdup("lost\n"), 5);
    rk__log_writer_drain(writer);
    rk__log_count written = rk__log_writer_written(writer, 0);
    assert_int_equal(written.lines, 2); /* whoever logs goes on */
    assert_int_equal(written.bytes, 10);
    dup2(file, fd); /* there is space again */
    rk__log_writer_add(writer, 0, RK_LOG_INFO, strdup("there\n"), 6);
    rk__log_writer_drain(writer);
    assert_true(pread(file, text, sizeof text - 1, 0) > 0);
    assert_string_equal(text, "[2 lines could not be written: No space left on device]\nthere\n");
    close(file);
    rk__log_writer_forget(writer, 0);
    assert_int_equal(rk__log_writer_written(writer, 0).lines, 0);
    rk__log_writer_destroy(writer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_whole_and_in_order),
        cmocka_unit_test(levels_hold_on_all_ranks_at_once),
        cmocka_unit_test(stderr_and_a_file_have_their_own_levels),
        cmocka_unit_test(who_is_far_ahead_waits_and_nothing_is_lost),
        cmocka_unit_test(what_had_to_be_dropped_is_told),
        cmocka_unit_test(misuse_is_refused),
        cmocka_unit_test(without_rank_0_there_is_no_log),
        cmocka_unit_test(lines_that_cannot_be_written_are_counted),
    };
    return cmocka_run_group_tests(tests, enter_scratch_directory, leave_scratch_directory);
}
