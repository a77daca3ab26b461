/* The library's stress test (tests/library/programs/stress) with ranks that are threads, for ThreadSanitizer: this is
 * the rk_main of its main. `test_stress SECONDS SEED`; without words short, and always the same. */
#include "mail_fixture.h"

#include <unistd.h>

#include <rankine/program.h>

#include "channel/channel.h"
#include "collect/collect.h"
#include "manager/manager.h"
#include "pool/pool.h"
#include "process/process.h"
#include "program/log.h"
#include "shared/shared_private.h"
#include "sync/sync.h"

enum { RANKS = 4, OP_END = 1 };

/* What rank 0 runs: one program at a time. */
static struct program {
    rk_root_function root;
    int argc;
    char **argv;
    char job[32];
    rk_status status;
} the_program;

static void receive_end(void *ctx, rk__letter *letter) {
    *(bool *)ctx = letter->op == OP_END;
}

/* Every other rank as if on another node, to shared objects. */
static void attach_rooms(rk__mail *mail) {
    static const rk__room_ops ops = {receive_end, NULL, free};
    rk__mail_attach(mail, RK__ROOM_PROGRAM, &ops, calloc(1, sizeof(bool)));
    CHECK(rk__sync_attach(mail, NULL) == RK_OK);
    CHECK(rk__channel_attach(mail, NULL) == RK_OK);
    CHECK(rk__shared_attach(mail, the_program.job, NULL) == RK_OK);
    CHECK(rk__manager_attach(mail, NULL) == RK_OK);
    CHECK(rk__pool_attach(mail, NULL) == RK_OK);
    CHECK(rk__process_attach(mail, NULL, NULL) == RK_OK);
    CHECK(rk__collect_attach(mail, NULL) == RK_OK);
    CHECK(rk__log_attach(mail, NULL, NULL) == RK_OK);
    rk__shared_pretend_remote(mail, rk__mail_endpoint(mail) % 2 == 1);
}

static bool has_ended(void *ctx) {
    return *(bool *)ctx;
}

static void serve(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(rk__wait(mail, has_ended, rk__mail_room(mail, RK__ROOM_PROGRAM), RK__NEVER) == RK_OK);
    rk__leave(mail);
}

static void run_root(uint32_t ranks) {
    rk_error err = RK_ERROR_INIT;
    the_program.status = the_program.root(the_program.argc, the_program.argv, &err);
    if (the_program.status != RK_OK)
        fprintf(stderr, "%s\n", err.message);
    rk__pool_finish(rk__deadline(60));
    CHECK(rk__process_finish(NULL));
    rk__mail *mail = rk__enter(NULL);
    for (uint32_t rank = 1; rank < ranks; rank++) {
        rk__letter letter = {.to = rank, .room = RK__ROOM_PROGRAM, .op = OP_END};
        CHECK(rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL) == RK_OK);
    }
    rk__leave(mail);
}

static void body(uint32_t rank, uint32_t ranks) {
    if (rank == 0)
        run_root(ranks);
    else
        serve();
}

int rk_main(int argc, char **argv, rk_root_function root, const rk_main_options *options) {
    char name[] = "test_stress", seconds[] = "5", seed[] = "1", *usual[] = {name, seconds, seed, NULL};
    (void)options;
    the_program = (struct program){root, argc > 1 ? argc : 3, argc > 1 ? argv : usual, {0}, RK_OK};
    snprintf(the_program.job, sizeof the_program.job, "/rankine-stress-%d", (int)getpid());
    size_t room_bytes[RK__ROOM_COUNT] = {0};
    room_bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(RANKS);
    room_bytes[RK__ROOM_SHARED] = rk__shared_area_bytes();
    fixture_ranks(RANKS, room_bytes, attach_rooms, body);
    return the_program.status != RK_OK;
}

int rk_rank(void) {
    rk__mail *mail = rk__enter(NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    return (int)rank;
}

int rk_size(void) {
    return RANKS;
}

int rk_node_count(void) {
    return 1;
}
