/* Processes without isolation, on ranks that are threads. */
#include "mail_fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include <rankine/process.h>

#include "channel/channel.h"
#include "process/process_private.h"

/* ---- ranks: root on rank 0, the others serve ---- */

enum { OP_END = 1 };
typedef struct served {
    bool ended;
} served;

static void receive_end(void *ctx, rk__letter *letter) {
    ((served *)ctx)->ended = letter->op == OP_END;
}

static void attach_rooms(rk__mail *mail) {
    static const rk__room_ops ops = {receive_end, NULL, free};
    rk__mail_attach(mail, RK__ROOM_PROGRAM, &ops, calloc(1, sizeof(served)));
    CHECK(rk__channel_attach(mail, NULL) == RK_OK);
    CHECK(rk__process_attach(mail, NULL, NULL) == RK_OK);
}

static bool has_ended(void *ctx) {
    return ((served *)ctx)->ended;
}

static void dismiss(rk__mail *mail, uint32_t ranks) {
    for (uint32_t rank = 1; rank < ranks; rank++) {
        rk__letter letter = {.to = rank, .room = RK__ROOM_PROGRAM, .op = OP_END};
        CHECK(rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) == RK_OK);
    }
}

static void serve_until_told(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__wait(mail, has_ended, rk__mail_room(mail, RK__ROOM_PROGRAM), rk__deadline(60)) == RK_OK);
    rk__leave(mail);
}

static void as_program(void (*root)(uint32_t ranks), uint32_t rank, uint32_t ranks) {
    if (rank != 0) {
        serve_until_told();
        return;
    }
    root(ranks);
    CHECK(rk__process_finish(NULL));
    rk__mail *mail = rk__enter(NULL);
    dismiss(mail, ranks);
    rk__leave(mail);
}

#define PROGRAM(name)                                                                                                  \
    static void run_##name(uint32_t rank, uint32_t ranks) {                                                            \
        as_program(root_##name, rank, ranks);                                                                          \
    }                                                                                                                  \
    static void name(void **state) {                                                                                   \
        (void)state;                                                                                                   \
        static const uint32_t ranks[] = {1, 2, 3, 5};                                                                  \
        for (size_t i = 0; i < sizeof ranks / sizeof *ranks; i++)                                                      \
            fixture_ranks(ranks[i], NULL, attach_rooms, run_##name);                                                   \
    }

/* ---- functions ---- */

static rk_status twice(rk_call *call) {
    int value;
    memcpy(&value, call->arg, sizeof value);
    value *= 2;
    return rk_call_return(call, &value, sizeof value);
}

static rk_status fail_with_a_message(rk_call *call) {
    return rk_call_fail(call, RK_EINVAL, "x = %d: must be positive", -3);
}

static rk_status fail_silently(rk_call *call) {
    (void)call;
    return RK_EIO;
}

static rk_status echo(rk_call *call) {
    CHECK((uintptr_t)call->arg % 16 == 0);
    return rk_call_return(call, call->arg, call->arg_size);
}

static bool never(void *ctx) {
    (void)ctx;
    return false;
}

static rk_status sleep_seconds(double seconds) {
    rk__mail *mail = rk__enter(NULL);
    rk_status status = rk__wait(mail, never, NULL, rk__deadline(seconds));
    rk__leave(mail);
    return status == RK_ETIMEDOUT ? RK_OK : status;
}

static rk_status sleep_long(rk_call *call) {
    (void)call;
    return sleep_seconds(60);
}

static rk_status nap(rk_call *call) {
    (void)call;
    return sleep_seconds(0.05);
}

static atomic_bool begun;

static rk_status look_until_told(rk_call *call) {
    atomic_store(&begun, true);
    while (!rk_call_stopping(call))
        rk__sleep_ns(100000);
    return RK_ECANCELLED;
}

static rk_status return_anyway(rk_call *call) {
    atomic_store(&begun, true);
    while (!rk_call_stopping(call))
        sleep_seconds(0.001);
    return RK_OK;
}

static rk_process start(rk_function function, const rk_process_options *options) {
    rk_process process;
    rk_error err = RK_ERROR_INIT;
    if (rk_process_start(&process, function, NULL, 0, options, &err) != RK_OK)
        fprintf(stderr, "%s\n", err.message);
    CHECK(err.code == RK_OK);
    return process;
}

static int code_of(rk_process process) {
    int code = 12345;
    CHECK(rk_process_exit_code(process, &code, NULL) == RK_OK);
    return code;
}

static rk_process_info info_of(rk_process process) {
    rk_process_info info;
    CHECK(rk_process_get_info(process, &info, NULL) == RK_OK);
    return info;
}

/* ---- start, join, results ---- */

static void root_a_process_returns_its_result(uint32_t ranks) {
    (void)ranks;
    for (int i = 0; i < 20; i++) {
        rk_process process;
        void *bytes = NULL;
        size_t size = 0;
        int value;
        CHECK(rk_process_start(&process, twice, &i, sizeof i, NULL, NULL) == RK_OK);
        CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
        CHECK(rk_process_join(process, 0, NULL) == RK_OK);
        CHECK(code_of(process) == 0);
        CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_OK && size == sizeof value);
        memcpy(&value, bytes, sizeof value);
        CHECK(value == 2 * i);
        rk_free(bytes);
        CHECK(rk_process_close(process, NULL) == RK_OK);
        CHECK(rk_process_join(process, 1, NULL) == RK_ENOENT);
        CHECK(rk_process_close(process, NULL) == RK_ENOENT);
    }
}
PROGRAM(a_process_returns_its_result)

static void root_a_large_argument_comes_whole(uint32_t ranks) {
    (void)ranks;
    size_t size = 3000001, got;
    unsigned char *arg = malloc(size), *back;
    for (size_t i = 0; i < size; i++)
        arg[i] = (unsigned char)(i * 7);
    rk_process process;
    CHECK(rk_process_start(&process, echo, arg, size, NULL, NULL) == RK_OK);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_process_result(process, (void **)&back, &got, NULL) == RK_OK);
    CHECK(got == size && memcmp(arg, back, size) == 0);
    free(arg);
    rk_free(back);
}
PROGRAM(a_large_argument_comes_whole)

static void root_a_failure_is_told(uint32_t ranks) {
    (void)ranks;
    void *bytes;
    size_t size;
    rk_error err = RK_ERROR_INIT;
    rk_process process = start(fail_with_a_message, NULL), silent = start(fail_silently, NULL);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_process_join(silent, RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(process) == RK_EINVAL && code_of(silent) == RK_EIO);
    CHECK(rk_process_result(process, &bytes, &size, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "x = -3: must be positive") == 0);
    CHECK(rk_process_result(silent, &bytes, &size, &err) == RK_EIO);
    CHECK(strstr(err.message, "RK_EIO") != NULL);
    CHECK(strcmp(info_of(process).message, "x = -3: must be positive") == 0 && info_of(process).status == RK_EINVAL);
}
PROGRAM(a_failure_is_told)

static void root_join_times_out_while_it_runs(uint32_t ranks) {
    (void)ranks;
    bool alive = false;
    void *bytes;
    size_t size;
    rk_process process = start(sleep_long, NULL);
    CHECK(rk_process_join(process, 0, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_join(process, 0.01, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_is_alive(process, &alive, NULL) == RK_OK && alive);
    CHECK(code_of(process) == RK_PROCESS_RUNNING);
    CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_EPERM);
    CHECK(rk_process_close(process, NULL) == RK_EPERM);
    CHECK(rk_process_terminate(process, NULL) == RK_OK);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_process_is_alive(process, &alive, NULL) == RK_OK && !alive);
}
PROGRAM(join_times_out_while_it_runs)

/* ---- ending them ---- */

/* Not before it has begun: what is terminated earlier never runs. */
static rk_process terminate_in(rk_function function) {
    atomic_store(&begun, false);
    rk_process process = start(function, NULL);
    do
        CHECK(rk_process_join(process, 0.02, NULL) == RK_ETIMEDOUT);
    while (!atomic_load(&begun));
    CHECK(rk_process_terminate(process, NULL) == RK_OK);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    return process;
}

static void root_terminate_ends_at_a_wait_or_a_check(uint32_t ranks) {
    rk_process waits = start(sleep_long, NULL);
    CHECK(rk_process_terminate(waits, NULL) == RK_OK);
    CHECK(rk_process_join(waits, RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(waits) == -SIGTERM);
    CHECK(rk_process_terminate(waits, NULL) == RK_OK && rk_process_kill(waits, NULL) == RK_OK);
    if (ranks > 1) /* else nobody can tell it while it computes */
        CHECK(code_of(terminate_in(look_until_told)) == -SIGTERM);
    CHECK(code_of(terminate_in(return_anyway)) == 0);
}
PROGRAM(terminate_ends_at_a_wait_or_a_check)

static void root_kill_and_isolation_are_refused_without_children(uint32_t ranks) {
    (void)ranks;
    rk_error err = RK_ERROR_INIT;
    rk_process process = start(sleep_long, NULL), other;
    rk_process_options isolated = {NULL, false, 0, true};
    CHECK(rk_process_kill(process, &err) == RK_EUNSUPPORTED);
    CHECK(strstr(err.message, ".isolate") != NULL);
    CHECK(rk_process_start(&other, nap, NULL, 0, &isolated, &err) == RK_EUNSUPPORTED);
    CHECK(strstr(err.message, "children") != NULL);
    CHECK(rk_process_terminate(process, NULL) == RK_OK);
}
PROGRAM(kill_and_isolation_are_refused_without_children)

static void root_misuse_is_refused(uint32_t ranks) {
    rk_process process = {{0, 0, 0}};
    rk_process_options nowhere = {NULL, false, RK_ON_RANK((int)ranks), false};
    rk_error err = RK_ERROR_INIT;
    CHECK(rk_process_join(process, 0, NULL) == RK_EINVAL);
    CHECK(rk_process_start(&process, nap, NULL, 0, &nowhere, &err) == RK_EINVAL);
    CHECK(strstr(err.message, "rank") != NULL);
    CHECK(rk_process_start(&process, NULL, NULL, 0, NULL, &err) == RK_EINVAL);
    CHECK(rk_current_process(&process, NULL) == RK_OK);
    CHECK(rk_process_join(process, 0, &err) == RK_EPERM);
    CHECK(rk_process_terminate(process, &err) == RK_EPERM && rk_process_close(process, &err) == RK_EPERM);
    CHECK(rk_parent_process(&process, &err) == RK_ENOENT);
}
PROGRAM(misuse_is_refused)

/* ---- who and where ---- */

static rk_status tell_who(rk_call *call) {
    rk_process me, parent;
    CHECK(rk_current_process(&me, NULL) == RK_OK && rk_parent_process(&parent, NULL) == RK_OK);
    rk_process_info mine = info_of(me), its = info_of(parent);
    CHECK(mine.alive && mine.exit_code == RK_PROCESS_RUNNING && its.alive);
    CHECK(rk_process_join(me, 1, NULL) == RK_EPERM);
    CHECK(rk_process_join(parent, 0.001, NULL) == RK_ETIMEDOUT);
    char text[2 * RK_PROCESS_NAME_MAX];
    int length = snprintf(text, sizeof text, "%s<%s", mine.name, its.name);
    return rk_call_return(call, text, (size_t)length + 1);
}

static rk_status start_another(rk_call *call) {
    void *bytes;
    size_t size;
    rk_process process = start(tell_who, NULL);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_OK);
    rk_status status = rk_call_return(call, bytes, size);
    rk_free(bytes);
    return status;
}

static bool says(rk_process process, const char *text) {
    void *bytes;
    size_t size;
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_OK);
    bool same = strcmp(bytes, text) == 0;
    rk_free(bytes);
    return same;
}

static void root_processes_know_their_names_and_parents(uint32_t ranks) {
    (void)ranks;
    CHECK(says(start(tell_who, NULL), "Process-1<MainProcess"));
    CHECK(says(start(start_another, NULL), "Process-2:1<Process-2"));
    rk_process_options named = {"the one", false, 0, false};
    CHECK(says(start(tell_who, &named), "the one<MainProcess"));
    rk_process_info info = info_of(start(nap, NULL));
    CHECK(strcmp(info.name, "Process-4") == 0 && info.pid == getpid() && !info.daemon && !info.isolated);
}
PROGRAM(processes_know_their_names_and_parents)

static void root_idle_ranks_come_first(uint32_t ranks) {
    rk_process processes[8];
    int count[FIXTURE_RANKS_MAX] = {0};
    uint32_t others = ranks > 1 ? ranks - 1 : 1;
    for (uint32_t i = 0; i < 2 * others; i++) {
        processes[i] = start(sleep_long, NULL);
        count[info_of(processes[i]).rank]++;
    }
    for (uint32_t rank = ranks > 1; rank < ranks; rank++)
        CHECK(count[rank] == 2);
    CHECK(rk_active_children(NULL, 0) == (int)(2 * others));
    int where = info_of(processes[others]).rank; /* one place becomes free */
    CHECK(rk_process_terminate(processes[others], NULL) == RK_OK);
    CHECK(rk_process_join(processes[others], RK_FOREVER, NULL) == RK_OK);
    CHECK(rk_active_children(NULL, 0) == (int)(2 * others) - 1);
    CHECK(info_of(start(nap, NULL)).rank == where);
    for (uint32_t i = 0; i < 2 * others; i++)
        CHECK(rk_process_terminate(processes[i], NULL) == RK_OK);
    rk_process_options here = {NULL, false, RK_ON_RANK(0), false};
    CHECK(info_of(start(nap, &here)).rank == 0);
}
PROGRAM(idle_ranks_come_first)

/* ---- the end of a parent ---- */

static atomic_int naps_taken;

static rk_status count_a_nap(rk_call *call) {
    rk_status status = nap(call);
    naps_taken++;
    return status;
}

static rk_status start_and_leave(rk_call *call) {
    (void)call;
    rk_process_options daemon = {NULL, true, 0, false};
    start(sleep_long, &daemon);
    start(count_a_nap, NULL);
    return RK_OK;
}

static void root_a_parent_joins_its_children_and_ends_its_daemons(uint32_t ranks) {
    (void)ranks;
    naps_taken = 0;
    rk_process parent = start(start_and_leave, NULL);
    CHECK(rk_process_join(parent, RK_FOREVER, NULL) == RK_OK);
    CHECK(naps_taken == 1 && code_of(parent) == 0);
    CHECK(start_and_leave(NULL) == RK_OK); /* and root: see below */
}

static void run_a_parent(uint32_t rank, uint32_t ranks) {
    as_program(root_a_parent_joins_its_children_and_ends_its_daemons, rank, ranks);
    if (rank == 0)
        CHECK(naps_taken == 2);
}

static void a_parent_joins_its_children_and_ends_its_daemons(void **state) {
    (void)state;
    for (uint32_t ranks = 1; ranks <= 5; ranks += 2)
        fixture_ranks(ranks, NULL, attach_rooms, run_a_parent);
}

static rk_status try_to_start(rk_call *call) {
    rk_process process;
    return rk_process_start(&process, nap, NULL, 0, NULL, NULL) == RK_EPERM ? RK_OK : rk_call_fail(call, RK_EIO, "?");
}

static void root_daemons_may_not_start_processes(uint32_t ranks) {
    (void)ranks;
    rk_process_options daemon = {NULL, true, 0, false};
    rk_process process = start(try_to_start, &daemon);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(process) == 0 && info_of(process).daemon);
}
PROGRAM(daemons_may_not_start_processes)

/* ---- elsewhere ---- */

static rk_status join_and_end(rk_call *call) {
    rk_process pair[2];
    memcpy(pair, call->arg, sizeof pair);
    CHECK(rk_process_join(pair[0], 0.001, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_terminate(pair[0], NULL) == RK_OK);
    CHECK(rk_process_join(pair[0], RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(pair[0]) == -SIGTERM);
    return rk_process_join(pair[1], RK_FOREVER, NULL);
}

static void root_anybody_may_join_and_terminate(uint32_t ranks) {
    (void)ranks;
    rk_process pair[2] = {start(sleep_long, NULL), start(nap, NULL)}, other;
    CHECK(rk_process_start(&other, join_and_end, pair, sizeof pair, NULL, NULL) == RK_OK);
    CHECK(rk_process_join(other, RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(other) == 0);
}
PROGRAM(anybody_may_join_and_terminate)

static rk_status start_under_threat(rk_call *call) {
    rk_process process;
    CHECK(sleep_seconds(60) == RK_ECANCELLED);
    CHECK(rk_process_start(&process, sleep_long, NULL, 0, NULL, NULL) == RK_ECANCELLED);
    (void)call;
    return RK_ECANCELLED;
}

static void root_a_starter_that_is_terminated_leaves_nothing(uint32_t ranks) {
    (void)ranks;
    rk_process process = start(start_under_threat, NULL);
    CHECK(rk_process_join(process, 0.01, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_terminate(process, NULL) == RK_OK);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
}
PROGRAM(a_starter_that_is_terminated_leaves_nothing)

/* ---- waiting for several ---- */

static bool is_ready(void *ctx) {
    return ((rk__watch *)ctx)->ready;
}

static void root_a_watch_becomes_ready_at_the_end(uint32_t ranks) {
    (void)ranks;
    rk__watch watch, other;
    rk_process process = start(sleep_long, NULL);
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__process_watch(mail, process.ref, &watch, NULL) == RK_OK);
    CHECK(rk__process_watch(mail, process.ref, &other, NULL) == RK_OK);
    CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(0.01)) == RK_ETIMEDOUT);
    rk__process_unwatch(mail, &other);
    rk__leave(mail);
    CHECK(rk_process_terminate(process, NULL) == RK_OK);
    mail = rk__enter(NULL);
    CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(60)) == RK_OK && !other.ready);
    rk__process_unwatch(mail, &watch);
    CHECK(rk__process_watch(mail, process.ref, &watch, NULL) == RK_OK);
    CHECK(rk__wait(mail, is_ready, &watch, rk__deadline(60)) == RK_OK);
    rk__process_unwatch(mail, &watch);
    rk__leave(mail);
}
PROGRAM(a_watch_becomes_ready_at_the_end)

/* ---- deaths ---- */

static atomic_bool buried;

static void die_together(uint32_t rank, uint32_t ranks) {
    rk_process_options there = {NULL, false, RK_ON_RANK((int)ranks - 1), false};
    void *bytes;
    size_t size;
    rk_error err = RK_ERROR_INIT;
    if (rank != 0)
        serve_until_told();
    if (rank == ranks - 1)
        while (!atomic_load(&buried)) /* then what runs on it ends, as it is a thread */
            rk__sleep_ns(100000);
    if (rank != 0)
        return;
    rk_process process = start(sleep_long, &there);
    rk__mail *mail = rk__enter(NULL);
    dismiss(mail, ranks); /* it has to end all the same: as threads do */
    rk__mail_bury(mail, ranks - 1);
    atomic_store(&buried, true);
    rk__leave(mail);
    CHECK(rk_process_join(process, RK_FOREVER, NULL) == RK_OK);
    CHECK(code_of(process) == -SIGKILL);
    CHECK(rk_process_result(process, &bytes, &size, &err) == RK_EDEAD);
    CHECK(strstr(err.message, "has died") != NULL);
    CHECK(rk_process_start(&process, nap, NULL, 0, &there, &err) == RK_EDEAD);
}

static void the_death_of_a_rank_ends_its_processes(void **state) {
    (void)state;
    fixture_ranks(3, NULL, attach_rooms, die_together);
}

/* ---- a child and what was on its way to its predecessor ---- */

enum { BEFORE = 6, NOW = 7 }; /* births */
static atomic_int orders_obeyed;

static rk_status obey(rk_call *call) {
    (void)call;
    atomic_fetch_add(&orders_obeyed, 1);
    return RK_OK;
}

static void order_and_dismiss(rk__mail *mail, uint64_t birth) {
    rk__child child = {1, birth};
    rk__orders orders = {.name = "orders"};
    rk__letter run = {.to = 1,
                      .room = RK__ROOM_PROCESS,
                      .op = RK__PROCESS_RUN,
                      .a = 12345,
                      .b = birth,
                      .size = sizeof orders,
                      .bytes = &orders};
    CHECK(rk__function_name_of(obey, &orders.function, NULL) == RK_OK);
    CHECK(rk__mail_send(mail, &run, RK__PAYLOAD_COPY, NULL) == RK_OK);
    rk__child_end(mail, &child);
    dismiss(mail, 2); /* comes behind it */
}

static bool is_leaving(void *ctx) {
    return ((rk__room_of_processes *)ctx)->leaving;
}

static bool has_obeyed(void *ctx) {
    (void)ctx;
    return atomic_load(&orders_obeyed) == 1;
}

static void be_born_again(rk__mail *mail) {
    rk__room_of_processes *room = rk__process_room(mail);
    served *told = rk__mail_room(mail, RK__ROOM_PROGRAM);
    rk__letter ready = {.to = 0, .room = RK__ROOM_PROGRAM, .op = OP_END};
    CHECK(rk__mail_send(mail, &ready, RK__PAYLOAD_COPY, NULL) == RK_OK);
    CHECK(rk__wait(mail, has_ended, told, rk__deadline(60)) == RK_OK);
    CHECK(!room->leaving && room->runs == NULL && atomic_load(&orders_obeyed) == 0);
    CHECK(rk__mail_send(mail, &ready, RK__PAYLOAD_COPY, NULL) == RK_OK);
    CHECK(rk__wait(mail, has_obeyed, NULL, rk__deadline(60)) == RK_OK);
    CHECK(rk__wait(mail, is_leaving, room, rk__deadline(60)) == RK_OK);
}

static void order_both(uint32_t rank, uint32_t ranks) {
    (void)ranks;
    rk__mail *mail = rk__enter(NULL);
    served *told = rk__mail_room(mail, RK__ROOM_PROGRAM);
    if (rank == 1)
        be_born_again(mail);
    for (uint64_t birth = BEFORE; rank == 0 && birth <= NOW; birth++) {
        CHECK(rk__wait(mail, has_ended, told, rk__deadline(60)) == RK_OK);
        told->ended = false;
        order_and_dismiss(mail, birth);
    }
    rk__leave(mail);
}

static void orders_for_a_predecessor_are_not_obeyed(void **state) {
    (void)state;
    fixture_births[1] = NOW;
    fixture_ranks(2, NULL, attach_rooms, order_both);
    fixture_births[1] = 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_process_returns_its_result),
                                       cmocka_unit_test(a_large_argument_comes_whole),
                                       cmocka_unit_test(a_failure_is_told),
                                       cmocka_unit_test(join_times_out_while_it_runs),
                                       cmocka_unit_test(terminate_ends_at_a_wait_or_a_check),
                                       cmocka_unit_test(kill_and_isolation_are_refused_without_children),
                                       cmocka_unit_test(misuse_is_refused),
                                       cmocka_unit_test(processes_know_their_names_and_parents),
                                       cmocka_unit_test(idle_ranks_come_first),
                                       cmocka_unit_test(a_parent_joins_its_children_and_ends_its_daemons),
                                       cmocka_unit_test(daemons_may_not_start_processes),
                                       cmocka_unit_test(anybody_may_join_and_terminate),
                                       cmocka_unit_test(a_starter_that_is_terminated_leaves_nothing),
                                       cmocka_unit_test(a_watch_becomes_ready_at_the_end),
                                       cmocka_unit_test(the_death_of_a_rank_ends_its_processes),
                                       cmocka_unit_test(orders_for_a_predecessor_are_not_obeyed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
