#include "dispatch/window.h"

#include <assert.h>

static const uint64_t OFFSET_MASK = (UINT64_C(1) << 48) - 1;

_Static_assert(sizeof(rk__claimer_line) == 128, "a claimer's line fills two cache lines");
_Static_assert(sizeof(rk__span_slot) == 128, "a span's slot fills two cache lines");

#define LOAD(object, order)         atomic_load_explicit(&(object), memory_order_##order)
#define STORE(object, value, order) atomic_store_explicit(&(object), (value), memory_order_##order)

size_t rk__window_bytes(uint64_t blocks, uint32_t claimers) {
    return sizeof(rk__window) + claimers * sizeof(rk__claimer_line) + (size_t)((blocks + 63) / 64) * sizeof(uint64_t);
}

void rk__window_init(rk__window *window, uint64_t blocks, uint32_t claimers, rk__policy policy,
                     const uint64_t nonce[2]) {
    window->nonce[0] = nonce[0];
    window->nonce[1] = nonce[1];
    window->blocks = blocks;
    window->claimers = claimers;
    window->policy = (uint32_t)policy;
}

rk__claimer_line *rk__window_line(rk__window *window, uint32_t claimer) {
    return (rk__claimer_line *)(window + 1) + claimer;
}

_Atomic uint64_t *rk__window_bitmap(rk__window *window) {
    return (_Atomic uint64_t *)rk__window_line(window, window->claimers);
}

static rk__span_slot *slot_of(rk__window *window, uint64_t span) {
    return &window->spans[span % RK__WINDOW_SPANS];
}

static uint64_t cursor_word(uint64_t span, uint64_t offset) {
    return span << 48 | offset;
}

/* What is left of a slot; 0 also while it is being written. */
static uint64_t slot_left(rk__span_slot *slot) {
    uint64_t offset = LOAD(slot->cursor, acquire) & OFFSET_MASK, count = LOAD(slot->count, relaxed);
    return offset < count ? count - offset : 0;
}

bool rk__window_add_span(rk__window *window, uint64_t first, uint64_t count) {
    uint64_t span = LOAD(window->published, relaxed);
    rk__span_slot *slot = slot_of(window, span);
    assert(count > 0 && count < OFFSET_MASK);
    if (span >= RK__WINDOW_SPANS && slot_left(slot) > 0)
        return false;
    STORE(slot->cursor, cursor_word(span, OFFSET_MASK), seq_cst);
    STORE(slot->first, first, relaxed);
    STORE(slot->count, count, relaxed);
    STORE(slot->cursor, cursor_word(span, 0), release);
    STORE(window->published, span + 1, release);
    return true;
}

uint64_t rk__window_unclaimed(rk__window *window) {
    uint64_t sum = 0, published = LOAD(window->published, acquire);
    for (uint64_t i = 0; i < RK__WINDOW_SPANS && i < published; i++)
        sum += slot_left(&window->spans[i]);
    return sum;
}

void rk__claimer_join(rk__claimer *claimer, rk__window *window, uint32_t number, uint32_t pid) {
    *claimer = (rk__claimer){window, rk__window_line(window, number), number, 0};
    STORE(claimer->line->pid, pid, relaxed);
    STORE(claimer->line->state, RK__CLAIMER_WORKING, release);
}

static void hold(rk__claimer_line *line, uint64_t first, uint64_t count) {
    STORE(line->lo, first, relaxed);
    STORE(line->hi, first + count, relaxed);
}

/* static: every claimer takes its own share of a span, once; the cursor only counts what is taken. */
static bool claim_share(rk__claimer *claimer, rk__span_slot *slot, uint64_t *first, uint64_t *count) {
    uint64_t offset, total = LOAD(slot->count, relaxed);
    *count = rk__policy_share(total, claimer->window->claimers, claimer->number, &offset);
    *first = LOAD(slot->first, relaxed) + offset;
    if (*count == 0)
        return false;
    atomic_fetch_add_explicit(&slot->cursor, *count, memory_order_acq_rel);
    return true;
}

static bool claim_part(rk__claimer *claimer, rk__span_slot *slot, uint64_t span, uint64_t unit_ns, uint64_t *first,
                       uint64_t *count) {
    uint64_t word = LOAD(slot->cursor, acquire);
    for (;;) {
        uint64_t offset = word & OFFSET_MASK, total = LOAD(slot->count, relaxed), start = LOAD(slot->first, relaxed);
        /* A slot that was given to a later span is used up for this one. */
        if (word >> 48 != (span & 0xffff) || offset >= total)
            return false;
        *count =
            rk__policy_claim((rk__policy)claimer->window->policy, total, offset, claimer->window->claimers, unit_ns);
        *first = start + offset;
        hold(claimer->line, *first, *count);
        if (atomic_compare_exchange_weak_explicit(&slot->cursor, &word, word + *count, memory_order_acq_rel,
                                                  memory_order_acquire))
            return true;
    }
}

static bool claim_from(rk__claimer *claimer, uint64_t span, uint64_t unit_ns, uint64_t *first, uint64_t *count) {
    rk__span_slot *slot = slot_of(claimer->window, span);
    if (claimer->window->policy == RK__POLICY_STATIC) {
        claimer->next_span = span + 1;
        return claim_share(claimer, slot, first, count);
    }
    if (claim_part(claimer, slot, span, unit_ns, first, count))
        return true;
    claimer->next_span = span + 1;
    return false;
}

bool rk__claimer_claim(rk__claimer *claimer, uint64_t unit_ns, uint64_t *first, uint64_t *count) {
    rk__claimer_line *line = claimer->line;
    uint64_t intent = LOAD(line->intent, relaxed), published = LOAD(claimer->window->published, acquire);
    bool got = false;
    STORE(line->intent, intent + 1, relaxed);
    atomic_thread_fence(memory_order_seq_cst); /* the intent is visible before any cursor moves */
    while (!got && claimer->next_span < published)
        got = claim_from(claimer, claimer->next_span, unit_ns, first, count);
    hold(line, got ? *first : 0, got ? *count : 0);
    STORE(line->state, got ? RK__CLAIMER_WORKING : RK__CLAIMER_WAITING, relaxed);
    STORE(line->intent, intent + 2, release);
    return got;
}

void rk__claimer_finish(rk__claimer *claimer) {
    hold(claimer->line, 0, 0);
    STORE(claimer->line->state, RK__CLAIMER_FINISHED, release);
}

bool rk__claimer_mend(rk__claimer *claimer, uint64_t *first, uint64_t *count) {
    rk__claimer_line *line = claimer->line;
    uint64_t intent = LOAD(line->intent, relaxed), lo = LOAD(line->lo, relaxed), hi = LOAD(line->hi, relaxed);
    if (intent % 2 == 0)
        return false;
    *first = lo;
    *count = hi - lo;
    hold(line, 0, 0);
    STORE(line->intent, intent + 1, release);
    return *count > 0;
}

void rk__claimer_doubt(rk__claimer *claimer) {
    hold(claimer->line, 0, 0);
    STORE(claimer->line->state, RK__CLAIMER_IN_DOUBT, release);
}

bool rk__claimer_is_certain(rk__claimer *claimer, uint64_t first, uint64_t count) {
    for (uint32_t i = 0; i < claimer->window->claimers; i++) {
        uint32_t state = LOAD(rk__window_line(claimer->window, i)->state, acquire);
        if (i != claimer->number && state != RK__CLAIMER_FINISHED &&
            (state != RK__CLAIMER_IN_DOUBT || i < claimer->number))
            return false;
    }
    hold(claimer->line, first, count);
    STORE(claimer->line->state, RK__CLAIMER_WORKING, release);
    return true;
}

void rk__window_set_done(rk__window *window, uint64_t first, uint64_t count) {
    _Atomic uint64_t *bitmap = rk__window_bitmap(window);
    while (count > 0) {
        uint64_t bit = first % 64, run = 64 - bit < count ? 64 - bit : count;
        uint64_t mask = (run == 64 ? ~UINT64_C(0) : (UINT64_C(1) << run) - 1) << bit;
        atomic_fetch_or_explicit(&bitmap[first / 64], mask, memory_order_release);
        first += run;
        count -= run;
    }
}

bool rk__window_is_done(rk__window *window, uint64_t block) {
    return LOAD(rk__window_bitmap(window)[block / 64], acquire) >> block % 64 & 1;
}

uint32_t rk__window_next_epoch(rk__window *window) {
    return atomic_fetch_add(&window->epoch, 1);
}

bool rk__window_is_quiet(rk__window *window, uint32_t epoch) {
    for (uint32_t i = 0; i < window->claimers; i++) {
        uint32_t flushing = atomic_load(&rk__window_line(window, i)->flushing);
        if (flushing != 0 && flushing - 1 <= epoch)
            return false;
    }
    return true;
}

rk__window_counts rk__window_count(rk__window *window) {
    rk__window_counts sum = {0};
    for (uint32_t i = 0; i < window->claimers; i++) {
        rk__claimer_line *line = rk__window_line(window, i);
        uint32_t state = LOAD(line->state, acquire);
        sum.tasks += LOAD(line->tasks, relaxed);
        sum.failed += LOAD(line->failed, relaxed);
        sum.retried += LOAD(line->retried, relaxed);
        sum.kernel_ns += LOAD(line->kernel_ns, relaxed);
        sum.working += state == RK__CLAIMER_WORKING;
        sum.finished += state == RK__CLAIMER_FINISHED;
    }
    return sum;
}
