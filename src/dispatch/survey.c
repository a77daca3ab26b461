/* The ledger's walks over what was given out, in search of blocks that no living node will compute, or that are late.
 *
 * A walk takes all blocks below the cursor in order, some at each tick. It is asked for when a node is lost; when a
 * node has been idle for long there is one now and then. A block whose hands are all lost is looked up: it is settled,
 * or open, or left. A block that a living node has and may not have computed is looked up while a node is idle; one
 * that is not committed is late. A walk on which nobody holds anything up, and during which nothing changed, ends the
 * run.
 *
 * When is a node idle for long? It has waited for a twentieth of the run so far, which is what a straggler may cost; of
 * a static run, whose shares take different times by design, for a quarter. And for four times as long as a block takes
 * on average, since all blocks that are out have been out for as long, and for a second: else the last blocks of short
 * runs would be computed twice. Simulated with block times from 0 to 7 times the mean, healthy runs compute less than 1
 * % of their blocks twice (tests/unit/test_survival.c). Backup tasks near the end of a run, and that it takes care with
 * whom one gives them: M. Zaharia et al., "Improving MapReduce performance in heterogeneous environments", OSDI 2008.
 */
#include <assert.h>

#include "dispatch/ledger.h"

enum { BLOCKS_AT_ONCE = 1 << 16, IDLE_BLOCKS = 4, IDLE_PART = 20, IDLE_PART_STATIC = 4 };
#define IDLE_NS       UINT64_C(1000000000)
#define WALK_EVERY_NS UINT64_C(100000000)

static uint64_t longer(uint64_t a, uint64_t b) {
    return a > b ? a : b;
}

/* While no block has been computed, nobody knows how long one takes. */
static uint64_t patience_ns(const rk__ledger *ledger, uint64_t now_ns) {
    rk__window_counts counts = rk__ledger_count(ledger);
    if (counts.blocks == 0)
        return UINT64_MAX;
    uint64_t part = (now_ns - ledger->begin_ns) / (ledger->policy == RK__POLICY_STATIC ? IDLE_PART_STATIC : IDLE_PART);
    return longer(IDLE_NS, longer(part, IDLE_BLOCKS * (counts.kernel_ns / counts.blocks)));
}

static bool is_late(const rk__ledger *ledger, uint64_t now_ns) {
    uint64_t idle_ns = UINT64_MAX;
    if (ledger->cursor < ledger->blocks || ledger->open_count > 0)
        return false;
    for (uint32_t i = 0; i < ledger->node_count; i++)
        if (ledger->nodes[i].idle_ns != 0 && !ledger->nodes[i].lost && ledger->nodes[i].idle_ns < idle_ns)
            idle_ns = ledger->nodes[i].idle_ns;
    return idle_ns < now_ns && now_ns - idle_ns >= patience_ns(ledger, now_ns);
}

/* ---- a block ---- */

static const rk__ledger_node *hand(const rk__ledger *ledger, uint64_t block, int which) {
    uint32_t node = ledger->hands[2 * block + (uint64_t)which];
    return node > 0 ? &ledger->nodes[node - 1] : NULL;
}

static bool is_alive(const rk__ledger_node *node) {
    return node != NULL && !node->lost;
}

static void settle(rk__ledger *ledger, uint64_t block) {
    rk__blockset_add(ledger->settled, block, 1);
}

static void set_late(rk__ledger *ledger, uint64_t block, bool late) {
    if (rk__blockset_has(ledger->late, block) == late)
        return;
    if (late)
        rk__blockset_add(ledger->late, block, 1);
    else
        rk__blockset_remove(ledger->late, block, 1);
    ledger->late_count += late ? 1 : UINT64_MAX;
}

static void leave(rk__ledger *ledger, uint64_t block) {
    for (int which = 0; which < 2; which++) {
        uint32_t node = ledger->hands[2 * block + (uint64_t)which];
        if (node > 0 && !ledger->nodes[node - 1].again) {
            ledger->nodes[node - 1].left++;
            return;
        }
    }
}

static void open_block(rk__ledger *ledger, uint64_t block) {
    rk__blockset_add(ledger->open, block, 1);
    ledger->open_count++;
    ledger->hands[2 * block] = ledger->hands[2 * block + 1] = 0;
}

static bool may_repeat(const rk__ledger *ledger, uint64_t block) {
    const rk__ledger_node *first = hand(ledger, block, 0), *second = hand(ledger, block, 1);
    return first->again && (second == NULL || second->again);
}

/* Nobody alive has it. */
static void judge_lost(rk__ledger *ledger, uint64_t block) {
    set_late(ledger, block, false);
    if (ledger->look(ledger->look_ctx, block) == RK__BLOCK_SAFE) {
        settle(ledger, block);
    } else if (may_repeat(ledger, block)) {
        open_block(ledger, block);
        ledger->survey.held_up++;
    } else {
        leave(ledger, block);
        settle(ledger, block);
    }
}

/* A living node has it, which has not finished. */
static void judge_held(rk__ledger *ledger, uint64_t block) {
    rk__block_fate fate = ledger->look(ledger->look_ctx, block);
    set_late(ledger, block, fate == RK__BLOCK_OPEN && ledger->repeatable && hand(ledger, block, 1) == NULL);
    if (fate == RK__BLOCK_SAFE)
        settle(ledger, block);
    else
        ledger->survey.held_up++;
}

/* A second hand takes the place of a first that is lost, so that there may be another second. */
static void drop_lost_hand(rk__ledger *ledger, uint64_t block) {
    uint32_t *hands = &ledger->hands[2 * block];
    const rk__ledger_node *first = hand(ledger, block, 0), *second = hand(ledger, block, 1);
    if (second == NULL || first->lost == second->lost)
        return;
    hands[0] = first->lost ? hands[1] : hands[0];
    hands[1] = 0;
}

/* Returns how often it was looked up. */
static uint64_t walk_block(rk__ledger *ledger, uint64_t block) {
    if (rk__blockset_has(ledger->open, block)) {
        ledger->survey.held_up++;
        return 0;
    }
    drop_lost_hand(ledger, block);
    const rk__ledger_node *first = hand(ledger, block, 0), *second = hand(ledger, block, 1);
    if (!is_alive(first) && !is_alive(second)) {
        judge_lost(ledger, block);
        return 1;
    }
    if ((is_alive(first) && first->finished) || (is_alive(second) && second->finished))
        return 0;
    if (ledger->is_late)
        judge_held(ledger, block);
    else
        ledger->survey.held_up++;
    return ledger->is_late;
}

/* ---- a walk ---- */

static void begin_walk(rk__ledger *ledger, uint64_t now_ns) {
    ledger->survey = (rk__survey){.begun_ns = now_ns, .wanted = ledger->survey.wanted};
}

static void end_walk(rk__ledger *ledger) {
    rk__survey *survey = &ledger->survey;
    survey->wanted = false;
    ledger->all_safe = ledger->is_late && survey->held_up == 0 && !survey->disturbed;
}

static void walk(rk__ledger *ledger) {
    rk__survey *survey = &ledger->survey;
    uint64_t left = ledger->cursor - survey->next, looks = 0;
    uint64_t end = survey->next + (left < BLOCKS_AT_ONCE ? left : BLOCKS_AT_ONCE);
    while (survey->next < end && looks < RK__LOOKS_AT_ONCE) {
        survey->next = rk__blockset_next_missing(ledger->settled, survey->next, end);
        if (survey->next < end)
            looks += walk_block(ledger, survey->next++);
    }
    if (survey->next >= ledger->cursor)
        end_walk(ledger);
}

void rk__ledger_tick(rk__ledger *ledger, uint64_t now_ns) {
    rk__survey *survey = &ledger->survey;
    if (ledger->hands == NULL || ledger->ended)
        return;
    ledger->is_late = is_late(ledger, now_ns);
    if (!survey->wanted &&
        (!ledger->is_late || (survey->next >= ledger->cursor && now_ns - survey->begun_ns < WALK_EVERY_NS)))
        return;
    if (survey->next >= ledger->cursor)
        begin_walk(ledger, now_ns);
    walk(ledger);
}

/* ---- a node is lost ---- */

/* What was left of it is looked up again. */
static void reconsider(rk__ledger *ledger, uint32_t node) {
    for (uint64_t b = 0; b < ledger->cursor; b++)
        if (ledger->hands[2 * b] == node + 1 || ledger->hands[2 * b + 1] == node + 1)
            rk__blockset_remove(ledger->settled, b, 1);
    ledger->nodes[node].left = 0;
}

void rk__ledger_lose(rk__ledger *ledger, uint32_t number, bool again) {
    rk__ledger_node *node = &ledger->nodes[number];
    assert(number != 0 && ledger->hands != NULL);
    if (ledger->nodes[0].told || (node->lost && (node->again || !again)))
        return;
    if (node->lost)
        reconsider(ledger, number);
    else
        ledger->alive--;
    rk__ledger_tally(ledger, node, -1);
    node->lost = true;
    node->again = again;
    node->idle_ns = 0;
    ledger->ended = false; /* those that are not told yet go on; node 0 is told last */
    ledger->survey = (rk__survey){.wanted = true};
}

uint64_t rk__ledger_left(const rk__ledger *ledger) {
    uint64_t sum = 0;
    for (uint32_t i = 0; i < ledger->node_count; i++)
        sum += ledger->nodes[i].left;
    return sum;
}
