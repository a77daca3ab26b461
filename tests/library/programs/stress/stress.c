/* stress SECONDS [SEED [--immortal N] [--isolate] [--pids]]: see stress.h. With --immortal N somebody will kill ranks,
 * but not the first N; --pids tells whom. */
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rankine/bytes.h>
#include <rankine/process.h>

#include "stress.h"

enum { END_SECONDS = 50, FAILURES_TOLD = 5 };

/* Where the functions of this process are: a signal's handler has nothing else to go by. */
static struct place {
    const char *_Atomic doing;
    atomic_int set;
    atomic_ullong count;
} places[1 + ACTORS_MAX];

void be_at(int place, const char *doing, int set) {
    places[place].doing = doing;
    places[place].set = set;
    places[place].count++;
}

static void time_is_up(int signal) {
    (void)signal;
    char text[200];
    for (int i = 0; i <= ACTORS_MAX; i++) {
        if (places[i].doing == NULL)
            continue;
        int size =
            snprintf(text, sizeof text, "stress: pid %d, place %d, step %llu, set %d: does not come back from: %s\n",
                     (int)getpid(), i, places[i].count, places[i].set, places[i].doing);
        if (write(STDERR_FILENO, text, (size_t)size) < 0)
            break;
    }
    abort();
}

uint64_t next_random(uint64_t *state) { /* splitmix64, Steele, Lea, Flood 2014 */
    uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint64_t below(uint64_t *state, uint64_t bound) {
    return bound == 0 ? 0 : next_random(state) % bound;
}

double short_time(uint64_t *state) {
    static const double seconds[] = {0, 0, 1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 5e-2};
    return seconds[below(state, sizeof seconds / sizeof *seconds)];
}

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

bool may_die(const orders *todo) {
    return todo->immortals < todo->ranks;
}

bool is_strict(const orders *todo, int set) {
    return !may_die(todo) || set >= todo->ranks;
}

/* ---- what an operation finds ---- */

static void tell(actor *who, const char *what, const char *more) {
    if (++who->books->failures <= FAILURES_TOLD)
        fprintf(stderr, "stress: seed %llu: actor %d on rank %d, operation %llu (%s), set %d%s: %s%s%s\n",
                (unsigned long long)who->todo->seed, who->number, rk_rank(), (unsigned long long)who->books->operations,
                who->doing, who->set, who->strict ? "" : ", lenient", what, *more ? ": " : "", more);
}

bool met(actor *who, rk_status status, unsigned allowed, const char *what) {
    char more[RK_ERROR_TEXT_MAX + 64];
    if (!who->strict)
        allowed |= BIT(RK_EDEAD) | BIT(RK_EBROKEN) | BIT(RK_ENOENT);
    if (status == RK_OK || (BIT(status) & allowed) != 0)
        return status == RK_OK;
    snprintf(more, sizeof more, "%s (%s)", rk_status_name(status), who->err.message);
    tell(who, what, more);
    return false;
}

bool holds(actor *who, bool truth, const char *what) {
    if (!truth)
        tell(who, what, "");
    return truth;
}

void dawdle(actor *who) {
    uint64_t how = below(&who->random, 20);
    if (how == 0)
        usleep((useconds_t)below(&who->random, 300));
    else if (how < 4)
        met(who, rk_event_wait(who->on->never, 3e-4, &who->err), BIT(RK_ETIMEDOUT), "a short wait");
}

/* ---- tokens ---- */

bool bag_is_full(const actor *who) {
    return who->books->bag_size[who->strict] >= BAG - 1;
}

bool bag_is_empty(const actor *who) {
    return who->books->bag_size[who->strict] == 0;
}

uint32_t take_from_bag(actor *who) {
    int *size = &who->books->bag_size[who->strict];
    uint32_t *bag = who->books->bag[who->strict];
    uint64_t which = below(&who->random, (uint64_t)*size);
    uint32_t token = bag[which];
    bag[which] = bag[--*size];
    return token;
}

void put_into_bag(actor *who, uint32_t token) {
    int *size = &who->books->bag_size[who->strict];
    if (holds(who, token < TOKENS_MAX && is_strict(who->todo, (int)token / TOKENS) == who->strict, "no such token") &&
        holds(who, *size < BAG, "the test itself: too many tokens"))
        who->books->bag[who->strict][(*size)++] = token;
}

/* ---- actors ---- */

/* Half of the time one of two that all crowd to. Mortals don't touch what only immortals may. */
static void choose_set(actor *who) {
    const orders *todo = who->todo;
    bool mortal = who->number % todo->ranks >= todo->immortals;
    uint64_t count = (uint64_t)(mortal ? todo->ranks : todo->set_count);
    uint64_t hot = todo->seed + below(&who->random, 2) * (uint64_t)todo->ranks / 2;
    who->set = (int)(below(&who->random, 2) > 0 ? hot % count : below(&who->random, count));
    who->on = &todo->sets[who->set];
    who->strict = is_strict(todo, who->set);
}

static void note_time(books *mine, const char *name, int number, double seconds) {
    if (seconds <= mine->slowest_seconds)
        return;
    mine->slowest_seconds = seconds;
    mine->slowest_set = number;
    snprintf(mine->slowest, sizeof mine->slowest, "%s", name);
}

static void act(actor *who, int place) {
    const named_operation *next = any_operation(&who->random);
    choose_set(who);
    who->doing = next->name;
    who->books->operations++;
    be_at(place, next->name, who->set);
    double begin = now();
    next->run(who);
    note_time(who->books, next->name, who->set, now() - begin);
}

static actor *new_actor(const orders *todo, books *mine) {
    actor *who = calloc(1, sizeof *who);
    if (who == NULL || (who->parcel = malloc(PARCEL_MAX)) == NULL)
        abort();
    who->todo = todo;
    who->number = todo->number;
    who->random = todo->seed * 1000003 + (uint64_t)todo->number;
    who->books = mine;
    who->err = (rk_error)RK_ERROR_INIT;
    for (int i = 0; i < SETS_MAX; i++)
        who->first[i] = -1;
    memset(mine, 0, sizeof *mine);
    return who;
}

static void free_actor(actor *who) {
    free(who->parcel);
    free(who);
}

static rk_status be_an_actor(rk_call *call) {
    const orders *todo = call->arg;
    books *mine = rk_call_result(call, sizeof *mine);
    if (mine == NULL)
        return rk_call_fail(call, RK_ENOMEM, "no memory for the books");
    actor *who = new_actor(todo, mine);
    int place = 1 + todo->number;
    double end = now() + todo->seconds;
    while (now() < end && mine->failures < 100)
        act(who, place);
    be_at(place, "returned", -1);
    free_actor(who);
    return RK_OK;
}

/* ---- root ---- */

static rk_status tell_pid(rk_call *call) {
    int pid = (int)getpid();
    return rk_call_return(call, &pid, sizeof pid);
}

/* "pid RANK PID" for each rank, for whoever wants to kill it. */
static rk_status tell_pids(rk_error *err) {
    for (int rank = 0; rank < rk_size(); rank++) {
        rk_process process;
        rk_process_options options = RK_PROCESS_OPTIONS_INIT;
        options.where = RK_ON_RANK(rank);
        void *bytes;
        size_t size;
        RK_TRY(rk_process_start(&process, tell_pid, NULL, 0, &options, err));
        RK_TRY(rk_process_join(process, 30, err));
        RK_TRY(rk_process_result(process, &bytes, &size, err));
        printf("pid %d %d\n", rank, *(const int *)bytes);
        rk_free(bytes);
    }
    return RK_OK;
}

typedef struct wish {
    bool isolate, pids;
} wish;

static void read_words(int argc, char **argv, orders *todo, wish *wishes) {
    todo->seconds = argc > 1 ? atof(argv[1]) : 10;
    todo->seed = argc > 2 ? strtoull(argv[2], NULL, 10) : (uint64_t)time(NULL);
    todo->ranks = todo->immortals = rk_size();
    for (int i = 3; i < argc; i++) {
        if (strcmp(argv[i], "--isolate") == 0)
            wishes->isolate = true;
        else if (strcmp(argv[i], "--pids") == 0)
            wishes->pids = true;
        else if (strcmp(argv[i], "--immortal") == 0 && i + 1 < argc)
            todo->immortals = atoi(argv[++i]);
    }
    todo->isolated = wishes->isolate;
    int per_rank = todo->ranks == 1 ? ACTORS_PER_RANK_MAX : 1 + (int)(todo->seed % ACTORS_PER_RANK_MAX);
    todo->actors = todo->ranks * per_rank;
    todo->set_count = todo->ranks + (may_die(todo) ? todo->immortals : 0);
}

static rk_status start_actors(orders *todo, const wish *wishes, rk_process *actors, rk_error *err) {
    for (todo->number = 0; todo->number < todo->actors; todo->number++) {
        rk_process_options options = RK_PROCESS_OPTIONS_INIT;
        options.where = RK_ON_RANK(todo->number % todo->ranks);
        options.isolate = wishes->isolate && todo->number % 3 == 1; /* a child of its rank */
        be_at(0, "start an actor", todo->number);
        RK_TRY(rk_process_start(&actors[todo->number], be_an_actor, todo, sizeof *todo, &options, err));
    }
    return RK_OK;
}

static void hand_in(audit *all, int number, rk_process process) {
    void *bytes;
    size_t size;
    bool mortal = number % all->todo->ranks >= all->todo->immortals;
    be_at(0, "join an actor", number);
    rk_status status = rk_process_join(process, 60, &all->err);
    if (status == RK_OK)
        status = rk_process_result(process, &bytes, &size, &all->err);
    if (status == RK_OK) {
        const books *its = bytes;
        audit_books(all, its, number);
        note_time(all->drain->books, its->slowest, its->slowest_set, its->slowest_seconds);
        all->drain->books->operations += ((const books *)bytes)->operations;
        rk_free(bytes);
    } else if (!(mortal && status == RK_EDEAD)) {
        fprintf(stderr, "stress: actor %d: %s\n", number, all->err.message);
        audit_say(all, number % all->todo->ranks, "the status of an actor of this rank", status, RK_OK);
    }
}

/* Root works, too, until the actors are about to end. */
static uint64_t work_meanwhile(audit *all, const wish *wishes) {
    double end = now() + all->todo->seconds;
    work *mine = work_begin(all, all->todo->seed, wishes->isolate);
    while (now() < end)
        work_step(mine);
    uint64_t done = work_done(mine);
    work_end(mine);
    return done;
}

/* What was done: a test that does none of it shows nothing. */
static void tell_totals(const audit *all) {
    static const struct {
        total of;
        const char *name;
    } some[] = {{LOCKED, "with a lock"}, {RLOCKED, "with an rlock"}, {PRODUCED, "produced"},
                {CONSUMED, "consumed"},  {MET, "met at barriers"},   {EMPTY_GOT, "empty messages"}};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        int64_t sum = 0;
        for (int number = 0; number < all->todo->set_count; number++)
            sum += all->totals[number][some[i].of];
        printf("%s%s: %lld", i == 0 ? "" : ", ", some[i].name, (long long)sum);
    }
    int64_t logged = 0;
    for (int i = 0; i < all->todo->actors; i++)
        logged += all->lines[i];
    printf(", gatherings: %lld, lines: %lld", (long long)all->gatherings, (long long)logged);
    printf("; the slowest took %.1f s: %s of set %d\n", all->drain->books->slowest_seconds, all->drain->books->slowest,
           all->drain->books->slowest_set);
}

/* Root uses the pipes of strict sets, and lives: an end whose users were isolated, and have all ended, would be seen as
 * one whose user has died. */
static rk_status use_pipes(audit *all, rk_error *err) {
    for (int number = 0; number < all->todo->set_count; number++)
        for (int end = 0; end < 2 && is_strict(all->todo, number); end++) {
            RK_TRY(rk_pipe_send(all->todo->sets[number].ends[end], NULL, 0, err));
            all->totals[number][EMPTY_PUT]++;
        }
    return RK_OK;
}

static rk_status stress(orders *todo, const wish *wishes, audit *all, rk_error *err) {
    rk_process actors[ACTORS_MAX];
    lines log = {.path = ""};
    be_at(0, "make the sets", -1);
    RK_TRY(lines_begin(&log, err));
    RK_TRY(make_sets(todo, err));
    RK_TRY(use_pipes(all, err));
    if (wishes->pids)
        RK_TRY(tell_pids(err));
    RK_TRY(start_actors(todo, wishes, actors, err));
    printf("running\n");
    fflush(stdout);
    uint64_t done = work_meanwhile(all, wishes);
    for (int i = 0; i < todo->actors; i++)
        hand_in(all, i, actors[i]);
    audit_sets(all);
    lines_end(&log, all);
    be_at(0, "returned", -1);
    tell_totals(all);
    printf("stress: %d ranks, %d nodes, %d actors, seed %llu: %llu operations, %llu tasks and processes, %d failures\n",
           todo->ranks, rk_node_count(), todo->actors, (unsigned long long)todo->seed,
           (unsigned long long)all->drain->books->operations, (unsigned long long)done, all->failures);
    if (all->failures == 0)
        return RK_OK;
    snprintf(err->message, sizeof err->message, "%d failures: see above", all->failures);
    return err->code = RK_ECORRUPT;
}

static rk_status root(int argc, char **argv, rk_error *err) {
    orders *todo = calloc(1, sizeof *todo);
    audit *all = calloc(1, sizeof *all);
    books *drained = calloc(1, sizeof *drained);
    wish wishes = {false, false};
    if (todo == NULL || all == NULL || drained == NULL)
        abort();
    read_words(argc, argv, todo, &wishes);
    printf("seed %llu\n", (unsigned long long)todo->seed);
    fflush(stdout);
    if (todo->ranks > RANKS_MAX) {
        fprintf(stderr, "stress: %d ranks: %d at most\n", todo->ranks, RANKS_MAX);
        return RK_EINVAL;
    }
    all->todo = todo;
    all->drain = new_actor(todo, drained);
    all->drain->doing = "drain";
    rk_status status = stress(todo, &wishes, all, err);
    free_actor(all->drain);
    free(drained);
    free(all);
    free(todo);
    return status;
}

int main(int argc, char **argv) {
    rk_main_options options = {.children = 4};
    signal(SIGALRM, time_is_up);
    alarm((unsigned)(argc > 1 ? atof(argv[1]) : 10) + END_SECONDS);
    return rk_main(argc, argv, root, &options);
}
