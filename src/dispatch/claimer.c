/* Claimers: their side of the window. */
#include "dispatch/window_private.h"

static void open_line(rk__claimer *claimer, rk__window *window, uint32_t number) {
    *claimer = (rk__claimer){window, rk__window_line(window, number), number};
}

void rk__claimer_join(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t pid) {
    open_line(claimer, window, number);
    STORE(claimer->line->pid, pid, relaxed);
    STORE(claimer->line->state, RK__CLAIMER_WORKING, release);
}

void rk__claimer_follow(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t worker) {
    open_line(claimer, window, number);
    STORE(claimer->line->worker, worker, release);
}

/* ---- the line ---- */

static void hold(rk__claimer_line *line, uint64_t first, uint64_t count) {
    STORE(line->lo, first, relaxed);
    STORE(line->hi, first + count, relaxed);
}

/* The fence: the odd intent is visible before what is written under it, and before any cursor moves. */
static uint64_t begin_change(rk__claimer_line *line) {
    uint64_t intent = LOAD(line->intent, relaxed) | 1;
    STORE(line->intent, intent, relaxed);
    atomic_thread_fence(memory_order_seq_cst);
    return intent;
}

static void end_change(rk__claimer_line *line, uint64_t intent) {
    STORE(line->intent, intent + 1, release);
}

/* What a span was given up or taken for is visible with it. */
static void pass_span(rk__claimer_line *line, uint64_t span) {
    STORE(line->next_span, span + 1, release);
}

/* ---- claims ---- */

/* Nobody else takes this share: no cursor need move. */
static bool claim_share(rk__claimer *claimer, rk__span_slot *slot, uint64_t span, uint64_t *first, uint64_t *count) {
    uint64_t offset, total = LOAD(slot->count, relaxed);
    *count = rk__policy_share(total, claimer->window->claimers, claimer->number, &offset);
    *first = LOAD(slot->first, relaxed) + offset;
    pass_span(claimer->line, span);
    return *count > 0;
}

static uint64_t size_of_claim(const rk__window *window, uint64_t total, uint64_t offset, uint64_t unit_ns) {
    rk__policy policy = window->policy == RK__POLICY_STATIC ? RK__POLICY_DYNAMIC : (rk__policy)window->policy;
    return rk__policy_claim(policy, total, offset, window->claimers, unit_ns);
}

static bool claim_from(rk__claimer *claimer, uint64_t span, uint64_t unit_ns, uint64_t *first, uint64_t *count) {
    rk__span_slot *slot = rk__window_slot(claimer->window, span);
    uint64_t word = LOAD(slot->cursor, acquire);
    for (;;) {
        uint64_t offset = word & RK__CURSOR_OFFSET, total = LOAD(slot->count, relaxed);
        uint64_t start = LOAD(slot->first, relaxed);
        /* A slot that was given to a later span is used up for this one. */
        if (rk__cursor_number(word) != (span & 0xffff) || offset >= total) {
            pass_span(claimer->line, span);
            return false;
        }
        if (word & RK__CURSOR_DEALT)
            return claim_share(claimer, slot, span, first, count);
        *count = size_of_claim(claimer->window, total, offset, unit_ns);
        *first = start + offset;
        if (atomic_compare_exchange_weak_explicit(&slot->cursor, &word, word + *count, memory_order_acq_rel,
                                                  memory_order_acquire))
            return true;
    }
}

static bool claim_next(rk__claimer *claimer, uint64_t published, uint64_t unit_ns, uint64_t *first, uint64_t *count) {
    for (uint64_t span; (span = LOAD(claimer->line->next_span, relaxed)) < published;)
        if (claim_from(claimer, span, unit_ns, first, count))
            return true;
    return false;
}

bool rk__claimer_has_news(const rk__claimer *claimer) {
    return LOAD(claimer->line->next_span, relaxed) < LOAD(claimer->window->published, acquire);
}

bool rk__claimer_claim(rk__claimer *claimer, uint64_t unit_ns, uint64_t *first, uint64_t *count) {
    rk__claimer_line *line = claimer->line;
    uint64_t published = LOAD(claimer->window->published, acquire);
    uint32_t state = LOAD(line->state, relaxed);
    if (state != RK__CLAIMER_WORKING && !rk__claimer_has_news(claimer))
        return false; /* whoever waits for this claimer does not see it move */
    uint64_t intent = begin_change(line);
    bool got = claim_next(claimer, published, unit_ns, first, count);
    hold(line, got ? *first : 0, got ? *count : 0);
    if (got || state == RK__CLAIMER_WORKING)
        STORE(line->state, got ? RK__CLAIMER_WORKING : RK__CLAIMER_WAITING, relaxed);
    end_change(line, intent);
    return got;
}

static void let_go(rk__claimer *claimer, rk__claimer_state state) {
    uint64_t intent = begin_change(claimer->line);
    hold(claimer->line, 0, 0);
    STORE(claimer->line->state, state, relaxed);
    end_change(claimer->line, intent);
}

void rk__claimer_rest(rk__claimer *claimer) {
    let_go(claimer, RK__CLAIMER_IDLE);
}

/* A share that it has not taken is lost: see span.c. */
void rk__claimer_finish(rk__claimer *claimer) {
    let_go(claimer, RK__CLAIMER_FINISHED);
    atomic_thread_fence(memory_order_seq_cst);
    if (claimer->window->policy == RK__POLICY_STATIC && rk__claimer_has_news(claimer))
        atomic_fetch_add(&claimer->window->losses, 1);
}

/* Whether it got what it was trying to get only a search can tell. The losses count first: until it has been searched
 * the node has not finished. */
void rk__claimer_mend(rk__claimer *claimer) {
    rk__claimer_line *line = claimer->line;
    uint64_t intent = LOAD(line->intent, relaxed);
    if (intent % 2 == 0)
        return;
    hold(line, 0, 0);
    atomic_fetch_add(&claimer->window->losses, 1);
    end_change(line, intent);
}
