/* Processes with isolation, on any number of ranks: what they do must not depend on it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rankine/process.h>
#include <rankine/sync.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                                            \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

static const rk_process_options isolated = {NULL, false, 0, true};

static void take_a_nap(void) {
    nanosleep(&(struct timespec){0, 1000000}, NULL);
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

static rk_status exit_with_3(rk_call *call) {
    (void)call;
    exit(3);
}

static rk_status crash(rk_call *call) {
    (void)call;
    signal(SIGSEGV, SIG_DFL); /* sanitizers catch it */
    raise(SIGSEGV);
    return RK_OK;
}

static rk_status compute_for_ever(rk_call *call) {
    (void)call;
    for (volatile unsigned i = 0;; i++)
        if (i % 1000000 == 0)
            take_a_nap();
    return RK_OK;
}

static rk_status ignore_terminate(rk_call *call) {
    signal(SIGTERM, SIG_IGN);
    return compute_for_ever(call);
}

static rk_status say_that_it_is_deaf(rk_call *call) {
    rk_event deaf;
    memcpy(&deaf, call->arg, sizeof deaf);
    signal(SIGTERM, SIG_IGN);
    CHECK(rk_event_set(deaf, NULL) == RK_OK);
    return compute_for_ever(call);
}

static rk_status echo(rk_call *call) {
    return rk_call_return(call, call->arg, call->arg_size);
}

static rk_status look_around(rk_call *call) {
    rk_process me, parent;
    rk_process_info mine, its;
    CHECK(rk_current_process(&me, NULL) == RK_OK && rk_parent_process(&parent, NULL) == RK_OK);
    CHECK(rk_process_get_info(me, &mine, NULL) == RK_OK && rk_process_get_info(parent, &its, NULL) == RK_OK);
    CHECK(mine.pid == getpid() && mine.isolated && mine.alive && mine.rank == rk_rank());
    CHECK(strcmp(its.name, "MainProcess") == 0 && its.pid != getpid());
    CHECK(getchar() == EOF);
    int facts[6] = {rk_rank(), rk_size(), rk_node(), rk_node_count(), rk_cpu_count(), rk_node_cpu_count()};
    CHECK(rk_host()[0] != '\0' && rk_affinity(NULL, 0) > 0);
    return rk_call_return(call, facts, sizeof facts);
}

/* ---- how they are used ---- */

static rk_process start(rk_function function, const void *arg, size_t size, const rk_process_options *options) {
    rk_process process;
    rk_error err = RK_ERROR_INIT;
    if (rk_process_start(&process, function, arg, size, options, &err) != RK_OK)
        fprintf(stderr, "%s\n", err.message);
    CHECK(err.code == RK_OK);
    return process;
}

static int end_of(rk_process process) {
    int code;
    CHECK(rk_process_join(process, 60, NULL) == RK_OK);
    CHECK(rk_process_exit_code(process, &code, NULL) == RK_OK);
    return code;
}

/* ---- tests ---- */

static void many_come_one_after_the_other(void) {
    for (int i = 0; i < 100; i++) {
        rk_process process = start(twice, &i, sizeof i, &isolated);
        void *bytes;
        size_t size;
        int value;
        CHECK(end_of(process) == 0);
        CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_OK && size == sizeof value);
        memcpy(&value, bytes, sizeof value);
        CHECK(value == 2 * i);
        rk_free(bytes);
        CHECK(rk_process_close(process, NULL) == RK_OK);
    }
}

static void ends_are_told(void) {
    rk_error err = RK_ERROR_INIT;
    void *bytes;
    size_t size;
    rk_process failed = start(fail_with_a_message, NULL, 0, &isolated);
    rk_process left = start(exit_with_3, NULL, 0, &isolated);
    CHECK(end_of(failed) == RK_EINVAL && end_of(left) == 3);
    CHECK(rk_process_result(failed, &bytes, &size, &err) == RK_EINVAL);
    CHECK(strcmp(err.message, "x = -3: must be positive") == 0);
    CHECK(rk_process_result(left, &bytes, &size, &err) == RK_EDEAD);
    CHECK(strstr(err.message, "exit code 3") != NULL);
}

static void a_crash_costs_that_process_only(void) {
    for (int i = 0; i < 5; i++) {
        int value = i;
        rk_process crashes = start(crash, NULL, 0, &isolated), goes_on = start(twice, &value, sizeof value, &isolated);
        rk_error err = RK_ERROR_INIT;
        void *bytes;
        size_t size;
        CHECK(end_of(crashes) == -SIGSEGV && end_of(goes_on) == 0);
        CHECK(rk_process_result(crashes, &bytes, &size, &err) == RK_EDEAD);
        CHECK(strstr(err.message, "signal 11") != NULL);
    }
}

static void terminate_and_kill_are_real(void) {
    rk_process busy = start(compute_for_ever, NULL, 0, &isolated);
    rk_event is_deaf;
    CHECK(rk_event_create(&is_deaf, NULL) == RK_OK);
    rk_process deaf = start(say_that_it_is_deaf, &is_deaf, sizeof is_deaf, &isolated);
    bool alive = false;
    CHECK(rk_process_join(busy, 0.05, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_is_alive(busy, &alive, NULL) == RK_OK && alive);
    CHECK(rk_process_terminate(busy, NULL) == RK_OK && end_of(busy) == -SIGTERM);
    CHECK(rk_process_is_alive(busy, &alive, NULL) == RK_OK && !alive);
    CHECK(rk_event_wait(is_deaf, 60, NULL) == RK_OK); /* before, it could die of it */
    CHECK(rk_process_terminate(deaf, NULL) == RK_OK);
    CHECK(rk_process_join(deaf, 0.05, NULL) == RK_ETIMEDOUT);
    CHECK(rk_process_kill(deaf, NULL) == RK_OK && end_of(deaf) == -SIGKILL);
    CHECK(rk_event_destroy(is_deaf, NULL) == RK_OK);
}

static void children_know_the_world(void) {
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process_options there = {NULL, false, RK_ON_RANK(rank), true};
        rk_process process = start(look_around, NULL, 0, &there);
        void *bytes;
        size_t size;
        int facts[6];
        CHECK(end_of(process) == 0);
        CHECK(rk_process_result(process, &bytes, &size, NULL) == RK_OK && size == sizeof facts);
        memcpy(facts, bytes, sizeof facts);
        rk_free(bytes);
        CHECK(facts[0] == rank && facts[1] == rk_size() && facts[3] == rk_node_count());
        CHECK(facts[4] == rk_cpu_count() && facts[5] > 0);
    }
}

static void large_arguments_and_results_come_whole(void) {
    size_t size = 5000001, got;
    unsigned char *arg = malloc(size), *back;
    for (size_t i = 0; i < size; i++)
        arg[i] = (unsigned char)(i * 7);
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process_options there = {NULL, false, RK_ON_RANK(rank), true};
        rk_process process = start(echo, arg, size, &there);
        CHECK(end_of(process) == 0);
        CHECK(rk_process_result(process, (void **)&back, &got, NULL) == RK_OK);
        CHECK(got == size && memcmp(arg, back, size) == 0);
        rk_free(back);
        CHECK(rk_process_close(process, NULL) == RK_OK);
    }
    free(arg);
}

static void no_more_than_the_options_allow(void) {
    rk_process processes[3], more;
    rk_process_options last = {NULL, false, RK_ON_RANK(rk_size() - 1), true};
    rk_error err = RK_ERROR_INIT;
    for (int i = 0; i < 3; i++)
        processes[i] = start(compute_for_ever, NULL, 0, &last);
    CHECK(rk_process_start(&more, echo, NULL, 0, &last, &err) == RK_EFULL);
    CHECK(strstr(err.message, "children") != NULL);
    CHECK(rk_process_kill(processes[1], NULL) == RK_OK && end_of(processes[1]) == -SIGKILL);
    CHECK(end_of(start(echo, NULL, 0, &last)) == 0);
    for (int i = 0; i < 3; i += 2)
        CHECK(rk_process_kill(processes[i], NULL) == RK_OK && end_of(processes[i]) == -SIGKILL);
}

/* Children start others, on all ranks and isolated again; their ends are told to them. */
static rk_status start_others(rk_call *call) {
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process_options plain = {NULL, false, RK_ON_RANK(rank), false},
                           apart = {NULL, false, RK_ON_RANK(rank), true};
        int value = rank, code = 0;
        CHECK(end_of(start(twice, &value, sizeof value, &plain)) == 0);
        CHECK(end_of(start(crash, NULL, 0, &apart)) == -SIGSEGV);
        CHECK(rk_process_exit_code(start(twice, &value, sizeof value, &apart), &code, NULL) == RK_OK);
    }
    start(compute_for_ever, NULL, 0, &(rk_process_options){NULL, true, 0, true});
    return rk_call_return(call, "done", 4);
}

static void children_start_others(void) {
    CHECK(end_of(start(start_others, NULL, 0, &isolated)) == 0);
}

/* What a child has started ends with it, should it be killed. */
static rk_status start_and_die(rk_call *call) {
    (void)call;
    for (int rank = 0; rank < rk_size(); rank++)
        start(compute_for_ever, NULL, 0, &(rk_process_options){NULL, false, RK_ON_RANK(rank), true});
    raise(SIGKILL);
    return RK_OK;
}

static void what_the_dead_had_started_ends(void) {
    for (int i = 0; i < 5; i++) {
        rk_process process;
        rk_error err = RK_ERROR_INIT;
        CHECK(end_of(start(start_and_die, NULL, 0, &isolated)) == -SIGKILL);
        for (int rank = 0; rank < rk_size(); rank++) { /* places become free */
            rk_process_options there = {NULL, false, RK_ON_RANK(rank), true};
            while (rk_process_start(&process, echo, NULL, 0, &there, &err) == RK_EFULL)
                take_a_nap();
            CHECK(end_of(process) == 0);
        }
    }
}

static rk_status tell_helper(rk_call *call) {
    pid_t helper = getppid();
    rk_call_return(call, &helper, sizeof helper);
    return RK_OK;
}

/* From then on the rank has no isolated processes. */
static void the_death_of_a_helper_is_told(void) {
    rk_process_options last = {NULL, false, RK_ON_RANK(rk_size() - 1), true};
    rk_process asked = start(tell_helper, NULL, 0, &last), busy = start(compute_for_ever, NULL, 0, &last);
    rk_error err = RK_ERROR_INIT;
    void *bytes;
    size_t size;
    pid_t helper;
    CHECK(end_of(asked) == 0 && rk_process_result(asked, &bytes, &size, NULL) == RK_OK);
    memcpy(&helper, bytes, sizeof helper);
    rk_free(bytes);
    CHECK(kill(helper, SIGKILL) == 0 && end_of(busy) == -SIGKILL);
    CHECK(rk_process_start(&asked, echo, NULL, 0, &last, &err) == RK_EDEAD);
    CHECK(strstr(err.message, "helper") != NULL);
}

static rk_status say(rk_call *call) {
    printf("%.*s", (int)call->arg_size, (const char *)call->arg);
    return RK_OK;
}

/* A process, another of its rank that leaves its group, and nobody to look after them. */
static rk_status stay(rk_call *call) {
    if (fork() == 0) {
        setsid();
        return ignore_terminate(call);
    }
    return ignore_terminate(call);
}

static void stay_until_killed(void) {
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process_options there = {NULL, false, RK_ON_RANK(rank), true};
        start(stay, NULL, 0, &there);
    }
    printf("there\n");
    fflush(stdout);
    pause();
}

static rk_status root(int argc, char **argv, rk_error *err) {
    (void)err;
    if (argc > 1 && strcmp(argv[1], "stay") == 0)
        stay_until_killed();
    if (argc > 1 && strcmp(argv[1], "helper") == 0) {
        the_death_of_a_helper_is_told();
        return RK_OK;
    }
    many_come_one_after_the_other();
    ends_are_told();
    a_crash_costs_that_process_only();
    terminate_and_kill_are_real();
    children_know_the_world();
    large_arguments_and_results_come_whole();
    no_more_than_the_options_allow();
    children_start_others();
    what_the_dead_had_started_ends();
    /* left to the end of the program: one is ended, the other joined, and heard */
    start(compute_for_ever, NULL, 0, &(rk_process_options){NULL, true, 0, true});
    start(say, "said\n", 5, &isolated);
    return RK_OK;
}

int main(int argc, char **argv) {
    if (argc == 1)
        printf("once\n"); /* not by each child */
    return rk_main(argc, argv, root, &(rk_main_options){3});
}
