#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call/call.h"
#include "mail/link_mpi.h"
#include "program/program.h"
#include "program/rooms.h"

#define END_SECONDS 10.0
enum { OP_END = 1, OP_BYE };
enum { UNITS_MAX = 8192 };

/* ---- letters ---- */

static void receive(void *ctx, rk__letter *letter) {
    rk__program *program = ctx;
    if (letter->op == OP_END)
        program->ended = true;
    else if (letter->op == OP_BYE && letter->from < (uint32_t)program->world.size)
        program->bye[letter->from] = true;
}

/* Now: who is will soon leave, too. */
static bool is_first_left(const rk__program *program) {
    uint32_t first = 1;
    while (rk__mail_is_dead(program->mail, first))
        first++;
    return first == (uint32_t)program->world.rank;
}

static void died(void *ctx, uint32_t endpoint) {
    rk__program *program = ctx;
    if (endpoint < (uint32_t)program->world.size)
        program->bye[endpoint] = true;
    if (endpoint == 0 && !program->ended) { /* nobody to serve */
        program->orphaned = program->ended = true;
        program->speaks = is_first_left(program);
    }
}

/* ---- making it ---- */

static rk_status check_build(const rk__world *world, rk_error *err) {
    uint64_t mine = rk__build_of_program(), first = mine;
    RK_TRY(rk__world_bcast(world->comm, &first, sizeof first, 0, err));
    rk_status local = RK_OK;
    if (mine != first)
        local = rk__fail(err, RK_EMISMATCH,
                         "rank %d on %s runs another build of this program than rank 0: install the same file "
                         "everywhere",
                         world->rank, world->host);
    return rk__world_agree(world, local, err);
}

/* Processing units that the ranks of this node may use between them: each may be bound to its own, or all to one. */
static rk_status count_units(const rk__world *world, int *units, rk_error *err) {
    uint64_t mask[UNITS_MAX / 64] = {0};
    int *list = NULL, count = 0;
    rk_status local = rk__world_core_list(&list, &count, err);
    for (int i = 0; i < count; i++)
        if (list[i] < UNITS_MAX)
            mask[list[i] / 64] |= UINT64_C(1) << list[i] % 64;
    free(list);
    RK_TRY(rk__world_agree(world, local, err));
    RK_TRY(rk__mpi(MPI_Allreduce(MPI_IN_PLACE, mask, UNITS_MAX / 64, MPI_UINT64_T, MPI_BOR, world->node_comm),
                   "MPI_Allreduce", err));
    *units = 0;
    for (int i = 0; i < UNITS_MAX; i++)
        *units += (int)(mask[i / 64] >> i % 64 & 1);
    return RK_OK;
}

static rk_status count_cores(rk__program *program, rk_error *err) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    RK_TRY(count_units(&program->world, &program->units, err));
    program->cores = online > 0 ? (int)online : 1;
    int once = program->world.node_rank == 0 ? program->cores : 0;
    return rk__mpi(MPI_Allreduce(&once, &program->all_cores, 1, MPI_INT, MPI_SUM, program->world.comm), "MPI_Allreduce",
                   err);
}

typedef struct arena_plan {
    uint32_t node_ranks;
    uint32_t children;
    size_t room_bytes[RK__ROOM_COUNT];
} arena_plan;

static void init_arena(void *memory, const uint64_t nonce[2], void *ctx) {
    const arena_plan *plan = ctx;
    rk__arena_init(memory, nonce, plan->node_ranks, plan->children, plan->room_bytes);
}

/* Before anything has a name that begins with it. */
static rk_status name_job(rk__program *program, rk_error *err) {
    rk__launch_job_name(program->job, sizeof program->job);
    RK_TRY(rk__world_bcast(program->world.comm, program->job, sizeof program->job, 0, err));
    program->hold = rk__hold(program->job);
    if (program->hold >= 0 && program->helper.pid > 0)
        rk__process_keeper_hold(&program->helper, program->hold);
    if (program->world.node_rank == 0)
        rk__sweep();
    return RK_OK;
}

static rk_status make_arena(rk__program *program, uint32_t children, rk_error *err) {
    arena_plan plan = {(uint32_t)program->world.node_size, children, {0}};
    rk__rooms_bytes(plan.room_bytes, (uint32_t)program->world.size * (1 + children));
    plan.room_bytes[RK__ROOM_PROGRAM] = rk__facts_bytes((uint32_t)program->world.size);
    rk__share_plan share = {rk__arena_bytes(plan.node_ranks, children, plan.room_bytes), init_arena, &plan};
    return rk__world_share(&program->world, &share, &program->shared, err);
}

static rk_status make_mail(rk__program *program, uint32_t children, rk_error *err) {
    static const rk__room_ops ops = {receive, died, NULL};
    const rk__world *world = &program->world;
    rk__mail_place place = {.endpoint = (uint32_t)world->rank,
                            .ranks = (uint32_t)world->size,
                            .children = children,
                            .node_of_rank = world->node_of_rank,
                            .place_in_node = program->world.place_in_node,
                            .node_ranks = (uint32_t)world->node_size,
                            .arena = program->shared.memory,
                            .crowded = program->units > 0 && world->node_size > program->units};
    if (world->node_rank == 0)
        rk__facts_write(program->shared.memory, program, &place);
    if (world->node_count > 1)
        RK_TRY(rk__link_mpi_create(&place.link, world, err));
    rk_status status = rk__mail_create(&program->mail, &place, err);
    if (status == RK_OK) {
        rk__mail_attach(program->mail, RK__ROOM_PROGRAM, &ops, program);
        status = rk__rooms_attach(program->mail, program->job, err);
    }
    if (status == RK_OK && children > 0)
        status = rk__process_keep(program->mail, &program->helper, program->shared.fd, program->shared.bytes, err);
    return rk__world_agree(world, status, err); /* nobody writes before all can read */
}

/* What was asked for, as far as there is place for it on the fullest node. */
static uint32_t count_children(const rk__world *world, const rk_main_options *options) {
    uint32_t most = RK__CHILDREN_MAX;
    for (int rank = 0; rank < world->size; rank++) {
        uint32_t node_ranks = 0;
        for (int other = 0; other < world->size; other++)
            node_ranks += world->node_of_rank[other] == world->node_of_rank[rank];
        if (rk__arena_children_max(node_ranks) < most)
            most = rk__arena_children_max(node_ranks);
    }
    uint32_t wanted = (uint32_t)options->children;
    return wanted < most ? wanted : most;
}

/* After MPI has started, so that one rank says it. */
static rk_status check_options(const rk__world *world, const rk_main_options *options, rk_error *err) {
    rk_status local = RK_OK;
    if (options->children < 0 || options->children > RK__CHILDREN_MAX)
        local = rk__fail(err, RK_EINVAL, "rk_main_options.children = %d: a rank may have 0 to %d isolated processes",
                         options->children, RK__CHILDREN_MAX);
    return rk__world_agree(world, local, err);
}

static rk_status assemble(rk__program *program, const rk_main_options *options, rk_error *err) {
    RK_TRY(check_options(&program->world, options, err));
    uint32_t children = count_children(&program->world, options);
    RK_TRY(check_build(&program->world, err));
    rk_status local = rk__alloc((void **)&program->bye, (size_t)program->world.size, sizeof(bool), "ranks", err);
    RK_TRY(rk__world_agree(&program->world, local, err));
    RK_TRY(count_cores(program, err));
    RK_TRY(name_job(program, err));
    RK_TRY(make_arena(program, children, err));
    return make_mail(program, children, err);
}

/* ---- the end ---- */

static bool any_dead(const rk__program *program) {
    for (int rank = 0; rank < program->world.size; rank++)
        if (rk__mail_is_dead(program->mail, (uint32_t)rank))
            return true;
    return false;
}

static bool all_said_bye(void *ctx) {
    const rk__program *program = ctx;
    for (int rank = 1; rank < program->world.size; rank++)
        if (!program->bye[rank])
            return false;
    return true;
}

static void tell(rk__program *program, uint32_t rank, uint16_t op) {
    rk__letter letter = {.to = rank, .room = RK__ROOM_PROGRAM, .op = op};
    rk__mail_send(program->mail, &letter, RK__PAYLOAD_COPY, NULL);
}

/* false: some rank is in a function that does not end. */
static bool dismiss(rk__program *program) {
    rk__mail *mail = rk__enter(NULL);
    for (int rank = 1; rank < program->world.size; rank++)
        tell(program, (uint32_t)rank, OP_END);
    bool done = rk__wait(mail, all_said_bye, program, rk__deadline(END_SECONDS)) == RK_OK;
    rk__leave(mail);
    return done;
}

static bool has_ended(void *ctx) {
    return ((const rk__program *)ctx)->ended;
}

static void serve(rk__program *program) {
    rk__mail *mail = rk__enter(NULL);
    rk__wait(mail, has_ended, program, RK__NEVER);
    tell(program, 0, OP_BYE);
    rk__mail_flush(mail, rk__deadline(END_SECONDS));
    rk__leave(mail);
}

static void end_helper(rk__program *program) {
    if (program->helper.pid > 0)
        rk__helper_end(&program->helper);
}

static void leave_in_order(rk__program *program) {
    rk__watchdog_ending(&program->watchdog);
    rk__mail_destroy(program->mail);
    end_helper(program);
    rk__unshare(&program->shared);
    rk__let_go(program->job, program->hold);
    free(program->bye);
    rk__world_fini(&program->world);
    rk__watchdog_end(&program->watchdog);
}

/* Does not return. */
static void leave_without_the_others(rk__program *program, int code) {
    rk__watchdog_ending(&program->watchdog);
    fflush(NULL);
    rk__let_go(program->job, program->hold);
    if (code == 0 || any_dead(program))
        _exit(code);
    MPI_Abort(program->world.comm, code);
    _exit(code);
}

/* ---- running ---- */

static int end_root(rk__program *program, rk_status status, const char *why) {
    if (status != RK_OK)
        fprintf(stderr, "%s: %s\n", program->name, why);
    if (!rk__rooms_finish() || !dismiss(program)) {
        fprintf(stderr,
                "%s: some ranks are still in a function %.0f seconds after the end of root: ending them. Functions "
                "that take long ask rk_call_stopping now and then.\n",
                program->name, END_SECONDS);
        leave_without_the_others(program, 1);
    }
    return status == RK_OK ? 0 : 1;
}

static int leave(rk__program *program, int code) {
    if (program->orphaned)
        code = 1;
    if (program->speaks)
        fprintf(stderr, "%s: rank 0, which ran root, has died\n", program->name);
    if (any_dead(program))
        leave_without_the_others(program, code);
    leave_in_order(program);
    return code;
}

/* Root has ended its thread, which can't return to main. */
static void lose_root(void *ctx) {
    rk__program *program = ctx;
    rk__outcome outcome;
    rk__call_lost(&outcome);
    exit(leave(program, end_root(program, outcome.status, outcome.message)));
}

static int run_root(rk__program *program, int argc, char **argv, rk_root_function root) {
    rk_error err = RK_ERROR_INIT;
    char text[100];
    rk_status status;
    int cancel_state; /* as on the threads that run functions */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    pthread_cleanup_push(lose_root, program);
    status = root(argc, argv, &err);
    pthread_cleanup_pop(0);
    pthread_setcancelstate(cancel_state, NULL);
    if (rk__mail_is_copy()) /* root has forked, and this is not who is to go on */
        _exit(EXIT_FAILURE);
    if (status != RK_OK && err.message[0] == '\0')
        snprintf(err.message, sizeof err.message, "root returned %s", rk__format_status(status, text, sizeof text));
    return end_root(program, status, err.message);
}

static int run(rk__program *program, int argc, char **argv, rk_root_function root) {
    int code = 0;
    if (program->world.rank == 0)
        code = run_root(program, argc, argv, root);
    else
        serve(program);
    return leave(program, code);
}

static int complain(const char *name, const rk_error *err, const rk__world *world) {
    if (world == NULL || world->rank == 0 || err->rank == world->rank)
        fprintf(stderr, "%s: %s\n", name, err->message);
    return 1;
}

static rk_status begin(rk__program *program, const rk_main_options *options, rk_error *err) {
    static const rk__keeper keeper = {rk__program_be_child, rk__sweep_after, NULL};
    signal(SIGPIPE, SIG_IGN); /* a rank that dies must not take along those that talk to it */
    fflush(NULL);             /* what is in buffers would be printed by each child again */
    if (options->children > 0)
        RK_TRY(rk__process_keeper(&program->helper, &keeper, err));
    return rk__world_init(&program->world, err);
}

int rk_main(int argc, char **argv, rk_root_function root, const rk_main_options *options) {
    static const rk_main_options defaults = RK_MAIN_OPTIONS_INIT;
    const rk_main_options *wanted = options != NULL ? options : &defaults;
    const char *name = argc > 0 ? argv[0] : "rankine";
    rk__program program = {.name = name, .shared = {.fd = -1}, .hold = -1};
    rk_error err = RK_ERROR_INIT;
    if (root == NULL) {
        rk__fail(&err, RK_EINVAL, "rk_main: root is NULL");
        return complain(name, &err, NULL);
    }
    if (begin(&program, wanted, &err) != RK_OK) {
        end_helper(&program);
        return complain(name, &err, NULL);
    }
    if (assemble(&program, wanted, &err) != RK_OK) {
        int code = complain(name, &err, &program.world);
        end_helper(&program);
        rk__let_go(program.job, program.hold);
        rk__world_fini(&program.world);
        return code;
    }
    rk__last_words_begin(&program.world);
    rk__watchdog_begin(&program.watchdog, name, program.world.rank, program.hold);
    return run(&program, argc, argv, root);
}
