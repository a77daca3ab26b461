/* A simulator: the real ledger and real windows in virtual time. Claimers compute for a while, stage, and flush now and
 * then; agents tend their windows and talk to rank 0 by messages that take time; nodes synchronise their writes.
 * Claimers die, also in the middle of a claim; whole nodes die, with or without what they had not synchronised; nodes
 * freeze, for a while or for good. Checked at each step: no block is begun while somebody alive has it or has had it,
 * unless that does no harm; at the end: every block is in the file, but for those that must not be given to others. */
#ifndef RANKINE_TEST_SURVIVAL_FIXTURE_H
#define RANKINE_TEST_SURVIVAL_FIXTURE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "dispatch/ledger.h"
#include "dispatch/search.h"

#define MS UINT64_C(1000000)

enum {
    STEP_MS = 2,
    STAGE_MAX = 32,
    FLUSH_AGE_MS = 30,
    SERVICE_MS = 20,
    SYNC_MS = 150,
    LATENCY_MS = 2,
    ASK_MS = 50, /* at least so often; an agent that is silent for longer is taken to be dead */
    SILENCE_MS = 400,
    NOTICE_MS = 30, /* until a node sees that one of its processes is gone */
    LIMIT_MS = 200000
};

typedef enum fate { ALIVE, FROZEN, DEAD } fate;

typedef struct claimer {
    rk__claimer handle;
    uint64_t global; /* number + 1 */
    fate fate;
    uint64_t thaw_ms, died_ms;
    bool buried, gone, computing, dies_in_claim, got_it;
    uint64_t next, end, busy_until_ms, began_ms;
    uint64_t staged[STAGE_MAX], staged_count, oldest_ms;
} claimer;

typedef struct node {
    rk__window *window;
    claimer *claimers;
    uint32_t agent;
    rk__search search;
    bool cut_off; /* told that it was lost */
    bool powered_off;
    double slowness;
    bool asking, answered;
    uint32_t asked_by;
    uint64_t due_ms, heard_ms, asked_ms;
    rk__ask question;
    rk__span_answer answer;
    uint64_t *unsynced, unsynced_count; /* blocks that it has committed */
} node;

typedef struct trace { /* of a block */
    uint64_t owner;    /* the claimer that began it last */
    uint32_t begun;    /* so often */
    uint32_t by[2];    /* nodes that committed it, + 1 */
    bool safe;
} trace;

typedef struct plan {
    uint64_t seed, blocks;
    uint32_t nodes, claimers;
    rk__policy policy;
    bool repeatable;
    unsigned events;  /* per run */
    double spread;    /* of block times: 0 none, 1: 0.1 to 10 */
    double slow_node; /* node 1 takes so many times longer; 0: it does not */
} plan;

typedef struct sim {
    plan plan;
    uint64_t random, now_ms;
    node *nodes;
    trace *blocks;
    rk__ledger ledger;
    rk__ledger_node *ledger_nodes;
    void *memory;
    uint64_t twice;
} sim;

#define SIM_CHECK(s, condition)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "seed %llu, %u nodes, policy %d, repeatable %d, %llu ms\n",                                \
                    (unsigned long long)(s)->plan.seed, (s)->plan.nodes, (int)(s)->plan.policy, (s)->plan.repeatable,  \
                    (unsigned long long)(s)->now_ms);                                                                  \
            CHECK(condition);                                                                                          \
        }                                                                                                              \
    } while (0)

static uint64_t draw(sim *s, uint64_t below) {
    s->random = s->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (s->random >> 33) % below;
}

/* ---- the file ---- */

static rk__block_fate look(void *ctx, uint64_t block) {
    const trace *t = &((sim *)ctx)->blocks[block];
    return t->safe ? RK__BLOCK_SAFE : t->by[0] != 0 || t->by[1] != 0 ? RK__BLOCK_COMMITTED : RK__BLOCK_OPEN;
}

static void commit(sim *s, uint32_t n, uint64_t block) {
    trace *t = &s->blocks[block];
    t->by[t->by[0] != 0 && t->by[0] != n + 1] = n + 1;
    s->nodes[n].unsynced[s->nodes[n].unsynced_count++] = block;
    SIM_CHECK(s, s->nodes[n].unsynced_count < 2 * s->plan.blocks);
    rk__window_set_done(s->nodes[n].window, block, 1);
}

static void sync_node(sim *s, uint32_t n) {
    for (uint64_t i = 0; i < s->nodes[n].unsynced_count; i++)
        s->blocks[s->nodes[n].unsynced[i]].safe = true;
    s->nodes[n].unsynced_count = 0;
}

static void lose_power(sim *s, uint32_t n) {
    for (uint64_t i = 0; i < s->nodes[n].unsynced_count; i++) {
        trace *t = &s->blocks[s->nodes[n].unsynced[i]];
        for (int k = 0; k < 2; k++)
            t->by[k] = t->by[k] == n + 1 ? 0 : t->by[k];
    }
    s->nodes[n].unsynced_count = 0;
}

/* ---- claimers ---- */

static claimer *claimer_of(sim *s, uint64_t global) {
    return &s->nodes[(global - 1) / s->plan.claimers].claimers[(global - 1) % s->plan.claimers];
}

static uint64_t duration_ms(sim *s, const node *n) {
    double factor = 1;
    if (s->plan.spread > 0) /* the product of three uniform ones: some blocks take many times the mean */
        for (int i = 0; i < 3; i++)
            factor *= 1 + s->plan.spread * ((double)draw(s, 2001) / 1000 - 1);
    return 1 + (uint64_t)(20 * factor * n->slowness);
}

/* Nobody that lives has it or has had it, unless that does no harm. */
static void begin_block(sim *s, uint32_t n, claimer *c, uint64_t block) {
    trace *t = &s->blocks[block];
    if (!s->plan.repeatable && t->owner != 0)
        SIM_CHECK(s, claimer_of(s, t->owner)->fate == DEAD);
    s->twice += t->begun > 0;
    t->begun++;
    t->owner = c->global;
    c->computing = true;
    c->began_ms = s->now_ms;
    c->busy_until_ms = s->now_ms + duration_ms(s, &s->nodes[n]);
}

static void flush(sim *s, uint32_t n, claimer *c) {
    for (uint64_t i = 0; i < c->staged_count; i++)
        commit(s, n, c->staged[i]);
    c->staged_count = 0;
}

static void end_block(sim *s, uint32_t n, claimer *c) {
    if (c->staged_count == STAGE_MAX)
        flush(s, n, c);
    if (c->staged_count == 0)
        c->oldest_ms = s->now_ms;
    c->staged[c->staged_count++] = c->next++;
    atomic_fetch_add(&c->handle.line->blocks, 1);
    atomic_fetch_add(&c->handle.line->kernel_ns, (s->now_ms - c->began_ms) * MS);
    c->computing = false;
}

static void die(sim *s, claimer *c) {
    c->fate = DEAD;
    c->died_ms = s->now_ms;
}

/* In the middle of a claim: behind the cursor's move, or before it, after it was written what is tried. */
static void die_claiming(sim *s, claimer *c, const rk__window *before) {
    atomic_fetch_sub(&c->handle.line->intent, 1);
    if (!c->got_it) {
        rk__window *window = c->handle.window;
        for (int i = 0; i < RK__WINDOW_SPANS; i++)
            atomic_store(&window->spans[i].cursor, atomic_load(&before->spans[i].cursor));
    }
    die(s, c);
}

static bool claim(sim *s, claimer *c) {
    static rk__window before;
    uint64_t first, count;
    if (c->dies_in_claim)
        memcpy((void *)&before, (const void *)c->handle.window, sizeof before);
    bool got = rk__claimer_claim(&c->handle, 20 * MS, &first, &count);
    if (!got)
        return false;
    if (c->dies_in_claim) {
        die_claiming(s, c, &before);
        return false;
    }
    c->next = first;
    c->end = first + count;
    return true;
}

static void find_nothing(sim *s, uint32_t n, claimer *c) {
    rk__window *window = s->nodes[n].window;
    uint32_t phase = atomic_load(&window->phase);
    bool over = atomic_load(&window->drain) != 0 || phase == RK__PHASE_END;
    if (phase == RK__PHASE_RUN && !over)
        return;
    flush(s, n, c);
    c->gone = over;
    if (over)
        rk__claimer_finish(&c->handle);
    else if (atomic_load(&c->handle.line->state) != RK__CLAIMER_IDLE)
        rk__claimer_rest(&c->handle);
}

static void step_claimer(sim *s, uint32_t n, claimer *c) {
    rk__window *window = s->nodes[n].window;
    if (c->fate == FROZEN && s->now_ms >= c->thaw_ms)
        c->fate = ALIVE;
    if (c->fate != ALIVE || c->gone || (c->computing && s->now_ms < c->busy_until_ms))
        return;
    if (c->computing)
        end_block(s, n, c);
    for (;;) {
        bool drain = atomic_load(&window->drain) != 0;
        while (c->next < c->end && rk__window_is_done(window, c->next))
            c->next++;
        if (!drain && c->next < c->end) {
            begin_block(s, n, c, c->next);
            return;
        }
        if (drain || !claim(s, c))
            break;
    }
    if (c->fate == ALIVE)
        find_nothing(s, n, c);
}

static void serve_claimer(sim *s, uint32_t n, claimer *c) {
    if (c->fate != ALIVE || (s->now_ms / STEP_MS + c->global) % (SERVICE_MS / STEP_MS) != 0)
        return;
    if (c->staged_count > 0 && s->now_ms - c->oldest_ms >= FLUSH_AGE_MS)
        flush(s, n, c);
    if (s->now_ms > FLUSH_AGE_MS)
        atomic_store(&c->handle.line->settled_ns, (s->now_ms - FLUSH_AGE_MS) * MS);
}

/* ---- agents ---- */

static claimer *agent_of(node *n) {
    return &n->claimers[n->agent];
}

static bool is_noted(const sim *s, const claimer *c) {
    return c->fate == DEAD && s->now_ms - c->died_ms >= NOTICE_MS;
}

/* The lowest living rank takes over. */
static void replace_agent(sim *s, node *n) {
    while (n->agent < s->plan.claimers && is_noted(s, agent_of(n)))
        n->agent++;
    if (n->agent == s->plan.claimers)
        return;
    rk__window_inherit(n->window);
    n->search = (rk__search){0};
    n->asking = false;
}

static void write_question(sim *s, uint32_t number, rk__ask *ask) {
    rk__window *window = s->nodes[number].window;
    (void)s;
    *ask = (rk__ask){.node = number,
                     .wants = rk__window_wants(window),
                     .finished = rk__window_is_finished(window),
                     .drain = atomic_load(&window->drain),
                     .term = atomic_load(&window->term),
                     .taken = atomic_load(&window->taken),
                     .counts = rk__window_count(window)};
}

static void take_answer(sim *s, node *n, const rk__span_answer *answer) {
    rk__window *window = n->window;
    (void)s;
    if (answer->count > 0)
        rk__window_give(window, answer->first, answer->count, answer->number, answer->again != 0);
    if (answer->drain)
        atomic_store(&window->drain, 1);
    if (answer->phase > atomic_load(&window->phase))
        atomic_store(&window->phase, answer->phase);
}

static void talk(sim *s, uint32_t number) {
    node *n = &s->nodes[number];
    if (n->asking && n->answered && s->now_ms >= n->due_ms) {
        n->asking = false;
        if (n->asked_by == n->agent)
            take_answer(s, n, &n->answer);
    }
    uint32_t phase = atomic_load(&n->window->phase);
    if (n->asking || phase == RK__PHASE_END || s->now_ms - n->asked_ms < (phase == RK__PHASE_RUN ? STEP_MS : 10))
        return;
    rk__ask ask;
    write_question(s, number, &ask);
    bool news = ask.wants || ask.finished != n->question.finished;
    if (!news && s->now_ms - n->asked_ms < ASK_MS)
        return;
    n->question = ask;
    n->asking = true;
    n->answered = false;
    n->asked_by = n->agent;
    n->asked_ms = s->now_ms;
    n->due_ms = s->now_ms + (number > 0 ? LATENCY_MS * (1 + draw(s, 2)) : 0);
}

static void step_agent(sim *s, uint32_t number) {
    node *n = &s->nodes[number];
    if (n->agent == s->plan.claimers)
        return;
    if (is_noted(s, agent_of(n)))
        replace_agent(s, n);
    if (n->agent == s->plan.claimers || agent_of(n)->fate != ALIVE)
        return;
    for (uint32_t i = 0; i < s->plan.claimers; i++)
        if (is_noted(s, &n->claimers[i]) && !n->claimers[i].buried) {
            n->claimers[i].buried = true;
            rk__window_bury(n->window, i);
        }
    rk__search_tick(&n->search, n->window, s->now_ms * MS);
    talk(s, number);
}

/* ---- rank 0 ---- */

static bool is_gone(const sim *s, const node *n) {
    for (uint32_t i = 0; i < s->plan.claimers; i++)
        if (n->claimers[i].fate != DEAD)
            return false;
    return true;
}

static void step_rank_0(sim *s) {
    for (uint32_t i = 0; i < s->plan.nodes; i++) {
        node *n = &s->nodes[i];
        if (n->asking && !n->answered && s->now_ms >= n->due_ms && !is_gone(s, n)) {
            rk__ledger_answer(&s->ledger, &n->question, s->now_ms * MS, &n->answer);
            n->heard_ms = s->now_ms;
            n->answered = true;
            n->due_ms = s->now_ms + (i > 0 ? LATENCY_MS * (1 + draw(s, 2)) : 0);
        }
        bool over = s->ledger_nodes[i].told || (s->ledger_nodes[i].lost && s->ledger_nodes[i].again);
        if (i > 0 && !over && s->now_ms - n->heard_ms > SILENCE_MS)
            rk__ledger_lose(&s->ledger, i, s->plan.repeatable || is_gone(s, n));
    }
    rk__ledger_tick(&s->ledger, s->now_ms * MS);
}

/* ---- what happens to them ---- */

static void kill_claimer(sim *s, uint32_t n) {
    uint32_t c = (uint32_t)draw(s, s->plan.claimers);
    claimer *victim = &s->nodes[n].claimers[n == 0 && c == 0 ? s->plan.claimers - 1 : c];
    if (victim->fate == DEAD || victim == &s->nodes[0].claimers[0])
        return;
    victim->got_it = draw(s, 2) != 0;
    if (draw(s, 3) == 0)
        victim->dies_in_claim = true;
    else
        die(s, victim);
}

static void happen(sim *s) {
    uint32_t number = (uint32_t)draw(s, s->plan.nodes);
    node *n = &s->nodes[number];
    unsigned what = (unsigned)draw(s, 6);
    uint64_t thaw_ms = draw(s, 3) == 0 ? UINT64_MAX : s->now_ms + draw(s, 1500);
    if (s->ledger_nodes[number].told)
        return;
    if (what <= 2 || number == 0) {
        kill_claimer(s, number);
        return;
    }
    if (what == 5)
        lose_power(s, number);
    for (uint32_t i = 0; i < s->plan.claimers; i++) {
        claimer *c = &n->claimers[i];
        if (what >= 4 && c->fate != DEAD)
            die(s, c);
        if (what == 3 && c->fate == ALIVE) {
            c->fate = FROZEN;
            c->thaw_ms = thaw_ms;
        }
    }
}

/* ---- a run ---- */

static void *zeroed(size_t count, size_t size) {
    size_t bytes = (count * size + 127) & ~(size_t)127;
    void *memory = aligned_alloc(128, bytes);
    CHECK(memory != NULL);
    memset(memory, 0, bytes);
    return memory;
}

static void begin(sim *s, const plan *p) {
    *s = (sim){.plan = *p, .random = p->seed * 2654435761u + 1, .now_ms = STEP_MS};
    s->nodes = zeroed(p->nodes, sizeof *s->nodes);
    s->blocks = zeroed(p->blocks, sizeof *s->blocks);
    s->ledger_nodes = zeroed(p->nodes, sizeof *s->ledger_nodes);
    s->memory = zeroed(1, rk__ledger_bytes(p->blocks));
    for (uint32_t i = 0; i < p->nodes; i++) {
        node *n = &s->nodes[i];
        n->window = zeroed(1, rk__window_bytes(p->blocks, p->claimers));
        n->claimers = zeroed(p->claimers, sizeof *n->claimers);
        n->unsynced = zeroed(2 * p->blocks, sizeof *n->unsynced);
        n->slowness = i == 1 && p->slow_node > 0 ? p->slow_node : 1;
        rk__window_init(n->window, p->blocks, p->claimers, p->policy, (const uint64_t[]){1, 2});
        s->ledger_nodes[i].claimers = p->claimers;
        for (uint32_t c = 0; c < p->claimers; c++) {
            n->claimers[c].global = (uint64_t)i * p->claimers + c + 1;
            rk__claimer_join(&n->claimers[c].handle, n->window, c, 1);
        }
    }
    rk__ledger_init(&s->ledger, p->blocks, p->policy, s->ledger_nodes, p->nodes);
    rk__ledger_guard(&s->ledger, s->memory, p->repeatable, look, s);
}

static void end(sim *s) {
    for (uint32_t i = 0; i < s->plan.nodes; i++) {
        free(s->nodes[i].window);
        free(s->nodes[i].claimers);
        free(s->nodes[i].unsynced);
    }
    free(s->nodes);
    free(s->blocks);
    free(s->ledger_nodes);
    free(s->memory);
}

static void step(sim *s) {
    for (uint32_t i = 0; i < s->plan.nodes; i++) {
        node *n = &s->nodes[i];
        for (uint32_t c = 0; c < s->plan.claimers; c++) {
            step_claimer(s, i, &n->claimers[c]);
            serve_claimer(s, i, &n->claimers[c]);
        }
        step_agent(s, i);
        bool synced = n->agent < s->plan.claimers && agent_of(n)->fate == ALIVE;
        if (synced && (s->now_ms / STEP_MS + i) % (SYNC_MS / STEP_MS) == 0)
            sync_node(s, i);
    }
    step_rank_0(s);
    s->now_ms += STEP_MS;
}

/* What is not in the file is what the ledger says. Nodes that were told of the end synchronise their writes. */
static void check_end(sim *s) {
    uint64_t missing = 0;
    for (uint32_t i = 0; i < s->plan.nodes; i++)
        if (s->ledger_nodes[i].told)
            sync_node(s, i);
    for (uint64_t b = 0; b < s->plan.blocks; b++)
        missing += !s->blocks[b].safe;
    SIM_CHECK(s, missing <= rk__ledger_left(&s->ledger));
    SIM_CHECK(s, !s->plan.repeatable || missing == 0);
}

/* Returns how long it took. */
static uint64_t run(const plan *p, uint64_t *twice) {
    sim s;
    begin(&s, p);
    uint64_t expected_ms = 20 * p->blocks / ((uint64_t)p->nodes * p->claimers) + 100;
    uint64_t times[16] = {0};
    for (unsigned i = 0; i < p->events; i++)
        times[i] = draw(&s, 2 * expected_ms);
    while (atomic_load(&s.nodes[0].window->phase) != RK__PHASE_END) {
        for (unsigned i = 0; i < p->events; i++)
            if (times[i] / STEP_MS == s.now_ms / STEP_MS)
                happen(&s);
        step(&s);
        SIM_CHECK(&s, s.now_ms < LIMIT_MS);
    }
    check_end(&s);
    *twice = s.twice;
    uint64_t took_ms = s.now_ms;
    end(&s);
    return took_ms;
}

#endif
