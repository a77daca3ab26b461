#include "dispatch/ledger.h"

/* Each node is to have a few spans ahead of its claimers, and the last spans are to be small. */
enum { SPAN_CLAIMS = 8 };

void rk__ledger_init(rk__ledger *ledger, uint64_t blocks, rk__policy policy, rk__ledger_node *nodes, uint32_t count) {
    *ledger = (rk__ledger){.blocks = blocks, .policy = policy, .node_count = count, .nodes = nodes};
    for (uint32_t i = 0; i < count; i++)
        ledger->claimers += nodes[i].claimers;
}

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
    if (ledger->policy == RK__POLICY_STATIC)
        return static_span(ledger, node);
    if (ledger->policy == RK__POLICY_DYNAMIC)
        size = (uint64_t)node->claimers * SPAN_CLAIMS;
    else
        size =
            rk__policy_claim(RK__POLICY_GUIDED, ledger->blocks, ledger->cursor, ledger->claimers, 0) * node->claimers;
    return size < remaining ? size : remaining;
}

static bool others_told(const rk__ledger *ledger) {
    for (uint32_t i = 1; i < ledger->node_count; i++)
        if (!ledger->nodes[i].told)
            return false;
    return true;
}

void rk__ledger_answer(rk__ledger *ledger, const rk__ask *ask, rk__span_answer *answer) {
    rk__ledger_node *node = &ledger->nodes[ask->node];
    node->counts = ask->counts;
    node->finished = ask->finished != 0;
    ledger->drain = ledger->drain || ask->drain != 0;
    *answer = (rk__span_answer){0};
    bool has_share = ledger->policy == RK__POLICY_STATIC && ledger->node_count > 1 && node->given;
    if (ask->wants && !has_share && !ledger->drain && ledger->cursor < ledger->blocks) {
        answer->first = ledger->cursor;
        answer->count = span_size(ledger, node);
        ledger->cursor += answer->count;
        node->given = true;
    }
    bool last = ledger->drain || ledger->cursor == ledger->blocks;
    node->told = rk__ledger_finished(ledger) && (ask->node != 0 || others_told(ledger));
    answer->phase = node->told ? RK__PHASE_END : last ? RK__PHASE_LAST : RK__PHASE_RUN;
    answer->drain = ledger->drain;
}

bool rk__ledger_finished(const rk__ledger *ledger) {
    for (uint32_t i = 0; i < ledger->node_count; i++)
        if (!ledger->nodes[i].finished)
            return false;
    return true;
}

rk__window_counts rk__ledger_count(const rk__ledger *ledger) {
    rk__window_counts sum = {0};
    for (uint32_t i = 0; i < ledger->node_count; i++) {
        const rk__window_counts *counts = &ledger->nodes[i].counts;
        sum.tasks += counts->tasks;
        sum.failed += counts->failed;
        sum.retried += counts->retried;
        sum.kernel_ns += counts->kernel_ns;
        sum.working += counts->working;
        sum.finished += counts->finished;
    }
    return sum;
}
