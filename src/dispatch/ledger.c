#include "dispatch/ledger.h"

#include <assert.h>

/* Each node is to have a few spans ahead of its claimers, and the last spans are to be small. */
enum { SPAN_CLAIMS = 8 };

void rk__ledger_init(rk__ledger *ledger, uint64_t blocks, rk__policy policy, rk__ledger_node *nodes, uint32_t count) {
    *ledger = (rk__ledger){.blocks = blocks, .policy = policy, .node_count = count, .nodes = nodes, .alive = count};
    for (uint32_t i = 0; i < count; i++)
        ledger->claimers += nodes[i].claimers;
}

size_t rk__ledger_bytes(uint64_t blocks) {
    return (size_t)(2 * blocks) * sizeof(uint32_t) + 3 * rk__blockset_words(blocks) * sizeof(rk__blockset);
}

void rk__ledger_guard(rk__ledger *ledger, void *memory, bool repeatable, rk__ledger_look_fn look, void *ctx) {
    size_t words = rk__blockset_words(ledger->blocks);
    ledger->hands = memory;
    ledger->settled = (rk__blockset *)(ledger->hands + 2 * ledger->blocks);
    ledger->open = ledger->settled + words;
    ledger->late = ledger->open + words;
    ledger->repeatable = repeatable;
    ledger->look = look;
    ledger->look_ctx = ctx;
}

void rk__ledger_tally(rk__ledger *ledger, const rk__ledger_node *node, int sign) {
    uint32_t one = node->lost ? 0 : (uint32_t)sign;
    ledger->finished += node->finished ? one : 0;
    ledger->wanting += node->wants && !node->told ? one : 0;
    ledger->told += node->told ? one : 0;
}

static bool has_more(const rk__ledger *ledger) {
    return ledger->cursor < ledger->blocks || ledger->open_count > 0;
}

/* ---- how many ---- */

/* static: a node's share is that of its claimers, as one span, in the order in which nodes ask. */
static uint64_t static_span(rk__ledger *ledger, const rk__ledger_node *node) {
    uint64_t remaining = ledger->blocks - ledger->cursor;
    uint32_t claimers_left = ledger->claimers - ledger->static_given;
    ledger->static_given += node->claimers;
    if (node->claimers >= claimers_left)
        return remaining;
    return remaining / claimers_left * node->claimers + remaining % claimers_left * node->claimers / claimers_left;
}

static uint64_t span_size(rk__ledger *ledger, const rk__ledger_node *node) {
    uint64_t remaining = ledger->blocks - ledger->cursor, size = 0;
    if (ledger->node_count == 1)
        return remaining;
    if (ledger->policy == RK__POLICY_STATIC && !node->given)
        return static_span(ledger, node);
    if (ledger->policy == RK__POLICY_DYNAMIC)
        size = (uint64_t)node->claimers * SPAN_CLAIMS;
    else
        size =
            rk__policy_claim(RK__POLICY_GUIDED, ledger->blocks, ledger->cursor, ledger->claimers, 0) * node->claimers;
    return size < remaining ? size : remaining;
}

/* Of `count` blocks that are left over, so that all may have some. */
static uint64_t leftover_size(const rk__ledger *ledger, uint64_t count, uint32_t claimers) {
    uint64_t each = count / (2 * (uint64_t)ledger->claimers);
    return (each > 0 ? each : 1) * (claimers > 0 ? claimers : 1);
}

/* ---- which ---- */

static bool all_have_shares(const rk__ledger *ledger) {
    for (uint32_t i = 0; i < ledger->node_count; i++)
        if (!ledger->nodes[i].lost && !ledger->nodes[i].given)
            return false;
    return true;
}

/* static: the share of a node that was lost before it asked remains, for all. */
static void give_next(rk__ledger *ledger, rk__ledger_node *node, rk__span_answer *answer) {
    bool has_share = ledger->policy == RK__POLICY_STATIC && ledger->node_count > 1 && node->given;
    if (ledger->cursor == ledger->blocks || (has_share && !all_have_shares(ledger)))
        return;
    answer->first = ledger->cursor;
    answer->count = span_size(ledger, node);
    answer->again = has_share;
    ledger->cursor += answer->count;
    node->given = true;
}

static void give_open(rk__ledger *ledger, const rk__ledger_node *node, rk__span_answer *answer) {
    if (ledger->open_count == 0)
        return;
    uint64_t size = leftover_size(ledger, ledger->open_count, node->claimers);
    uint64_t first = rk__blockset_next(ledger->open, 0, ledger->blocks);
    uint64_t end = rk__blockset_next_missing(ledger->open, first, ledger->blocks);
    answer->first = first;
    answer->count = end - first < size ? end - first : size;
    answer->again = 1;
    rk__blockset_remove(ledger->open, answer->first, answer->count);
    ledger->open_count -= answer->count;
}

static bool may_share(rk__ledger *ledger, uint32_t node, uint64_t block) {
    return rk__blockset_has(ledger->late, block) && ledger->hands[2 * block] != node + 1 &&
           ledger->look(ledger->look_ctx, block) == RK__BLOCK_OPEN;
}

static uint32_t idle_claimers(const rk__ledger_node *node) {
    uint32_t busy = node->counts.working + node->counts.dead;
    return busy < node->claimers ? node->claimers - busy : 0;
}

/* What was found to be late is looked at once more, for it may be committed by now. */
static void give_late(rk__ledger *ledger, uint32_t number, rk__span_answer *answer) {
    uint64_t size = leftover_size(ledger, ledger->late_count, idle_claimers(&ledger->nodes[number]));
    uint64_t at = rk__blockset_next(ledger->late, 0, ledger->blocks);
    size = size < RK__LOOKS_AT_ONCE ? size : RK__LOOKS_AT_ONCE;
    for (int looks = 0; at < ledger->blocks && looks < RK__LOOKS_AT_ONCE && !may_share(ledger, number, at); looks++) {
        rk__blockset_remove(ledger->late, at, 1);
        ledger->late_count--;
        at = rk__blockset_next(ledger->late, at + 1, ledger->blocks);
    }
    for (answer->first = at; at < ledger->blocks && answer->count < size && may_share(ledger, number, at); at++)
        answer->count++;
    answer->again = 1;
    rk__blockset_remove(ledger->late, answer->first, answer->count);
    ledger->late_count -= answer->count;
}

static void write_hands(rk__ledger *ledger, uint32_t node, const rk__span_answer *answer) {
    ledger->survey.disturbed = true;
    for (uint64_t b = answer->first; ledger->hands != NULL && b < answer->first + answer->count; b++) {
        uint32_t *hands = &ledger->hands[2 * b];
        hands[hands[0] != 0] = node + 1;
    }
}

/* ---- a question ---- */

/* A node is idle from when claimers of it wait and nothing is left to give, until there is. What it is given of others'
 * does not change that. */
static void note_idleness(rk__ledger *ledger, rk__ledger_node *node, uint64_t now_ns) {
    if (has_more(ledger) || (node->finished && !node->wants))
        node->idle_ns = 0;
    else if (node->idle_ns == 0 && node->wants && idle_claimers(node) > 0)
        node->idle_ns = now_ns;
}

static void give(rk__ledger *ledger, uint32_t number, rk__span_answer *answer) {
    rk__ledger_node *node = &ledger->nodes[number];
    give_open(ledger, node, answer);
    if (answer->count == 0)
        give_next(ledger, node, answer);
    if (answer->count == 0 && ledger->is_late && ledger->late_count > 0 && idle_claimers(node) > 0)
        give_late(ledger, number, answer);
    if (answer->count == 0)
        return;
    write_hands(ledger, number, answer);
    rk__ledger_tally(ledger, node, -1);
    node->finished = false;
    rk__ledger_tally(ledger, node, 1);
    answer->number = node->last.number + 1;
    node->last = *answer;
}

static void take_in(rk__ledger *ledger, const rk__ask *ask, uint64_t now_ns) {
    rk__ledger_node *node = &ledger->nodes[ask->node];
    rk__ledger_tally(ledger, node, -1);
    node->counts = ask->counts;
    node->term = ask->term;
    node->wants = ask->wants != 0;
    ledger->drain = ledger->drain || ask->drain != 0;
    node->finished = ask->finished != 0 && (ledger->drain || ask->taken == node->last.number);
    rk__ledger_tally(ledger, node, 1);
    ledger->begin_ns = ledger->begin_ns == 0 ? now_ns : ledger->begin_ns;
    note_idleness(ledger, node, now_ns);
}

static bool others_told(const rk__ledger *ledger) {
    return ledger->told - ledger->nodes[0].told == ledger->alive - 1;
}

static void write_phase(rk__ledger *ledger, uint32_t number, rk__span_answer *answer) {
    rk__ledger_node *node = &ledger->nodes[number];
    bool last = ledger->drain || ledger->cursor == ledger->blocks;
    ledger->ended = rk__ledger_finished(ledger);
    rk__ledger_tally(ledger, node, -1);
    node->told = ledger->ended && (number != 0 || node->told || others_told(ledger));
    rk__ledger_tally(ledger, node, 1);
    answer->phase = node->told ? RK__PHASE_END : last ? RK__PHASE_LAST : RK__PHASE_RUN;
    answer->drain = ledger->drain || (node->told && !node->finished);
}

/* A node whose agent lives, and no claimer. */
static bool has_lost_all(const rk__ledger *ledger, const rk__ask *ask) {
    uint32_t claimers = ledger->nodes[ask->node].claimers;
    return ledger->hands != NULL && ask->node != 0 && claimers > 0 && ask->counts.dead == claimers;
}

void rk__ledger_answer(rk__ledger *ledger, const rk__ask *ask, uint64_t now_ns, rk__span_answer *answer) {
    rk__ledger_node *node = &ledger->nodes[ask->node];
    *answer = (rk__span_answer){0};
    if (node->lost) {
        *answer = (rk__span_answer){.phase = RK__PHASE_END, .drain = 1};
        return;
    }
    if (ask->term < node->term)
        return;
    take_in(ledger, ask, now_ns);
    if (has_lost_all(ledger, ask)) {
        rk__ledger_lose(ledger, ask->node, true);
        *answer = (rk__span_answer){.phase = RK__PHASE_END, .drain = 1};
        return;
    }
    if (!ledger->drain && !ledger->ended) {
        if (ask->taken < node->last.number)
            *answer = node->last;
        else if (node->wants)
            give(ledger, ask->node, answer);
    }
    write_phase(ledger, ask->node, answer);
}

/* ---- the end ---- */

bool rk__ledger_finished(const rk__ledger *ledger) {
    bool finished = ledger->finished == ledger->alive;
    if (ledger->ended || (finished && ledger->drain))
        return true;
    if (ledger->survey.wanted)
        return false;
    return ledger->all_safe || (finished && !(ledger->wanting > 0 && has_more(ledger)));
}

rk__window_counts rk__ledger_count(const rk__ledger *ledger) {
    rk__window_counts sum = {0};
    for (uint32_t i = 0; i < ledger->node_count; i++) {
        const rk__window_counts *counts = &ledger->nodes[i].counts;
        sum.tasks += counts->tasks;
        sum.failed += counts->failed;
        sum.retried += counts->retried;
        sum.kernel_ns += counts->kernel_ns;
        sum.blocks += counts->blocks;
        sum.working += ledger->nodes[i].lost ? 0 : counts->working;
        sum.finished += counts->finished;
        sum.dead += ledger->nodes[i].lost ? ledger->nodes[i].claimers : counts->dead;
    }
    return sum;
}
