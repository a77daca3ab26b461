#include "dispatch/window_private.h"

_Static_assert(sizeof(rk__claimer_line) == 128, "a claimer's line fills two cache lines");
_Static_assert(sizeof(rk__span_slot) == 128, "a span's slot fills two cache lines");
_Static_assert(offsetof(rk__window, spans) == 128, "slots begin at a cache line");

size_t rk__window_bytes(uint64_t blocks, uint32_t claimers) {
    return sizeof(rk__window) + claimers * sizeof(rk__claimer_line) +
           RK__SETS * rk__blockset_words(blocks) * sizeof(rk__blockset);
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

rk__blockset *rk__window_set_of(rk__window *window, rk__window_set which) {
    rk__blockset *first = (rk__blockset *)rk__window_line(window, window->claimers);
    return first + which * rk__blockset_words(window->blocks);
}

rk__blockset *rk__window_bitmap(rk__window *window) {
    return rk__window_set_of(window, RK__SET_DONE);
}

void rk__window_set_done(rk__window *window, uint64_t first, uint64_t count) {
    rk__blockset_add(rk__window_bitmap(window), first, count);
}

bool rk__window_is_done(rk__window *window, uint64_t block) {
    return rk__blockset_has(rk__window_bitmap(window), block);
}

/* As in a sequence lock: its writer makes the intent odd, then a fence, writes, and makes it even. */
bool rk__line_read(rk__claimer_line *line, rk__line_view *view) {
    uint64_t intent = LOAD(line->intent, acquire);
    view->lo = LOAD(line->lo, relaxed);
    view->hi = LOAD(line->hi, relaxed);
    view->state = LOAD(line->state, acquire);
    atomic_thread_fence(memory_order_acquire);
    return view->state == RK__CLAIMER_DEAD || (intent % 2 == 0 && LOAD(line->intent, relaxed) == intent);
}

uint32_t rk__window_next_epoch(rk__window *window) {
    return atomic_fetch_add(&window->epoch, 1);
}

bool rk__window_is_quiet(rk__window *window, uint32_t epoch) {
    for (uint32_t i = 0; i < window->claimers; i++) {
        rk__claimer_line *line = rk__window_line(window, i);
        uint32_t flushing = atomic_load(&line->flushing);
        if (flushing != 0 && flushing - 1 <= epoch && LOAD(line->state, acquire) != RK__CLAIMER_DEAD)
            return false;
    }
    return true;
}

static void count_line(rk__claimer_line *line, rk__window_counts *sum) {
    uint32_t state = LOAD(line->state, acquire);
    sum->tasks += LOAD(line->tasks, relaxed);
    sum->failed += LOAD(line->failed, relaxed);
    sum->retried += LOAD(line->retried, relaxed);
    sum->kernel_ns += LOAD(line->kernel_ns, relaxed);
    sum->blocks += LOAD(line->blocks, relaxed);
    sum->working += state == RK__CLAIMER_WORKING;
    sum->finished += state >= RK__CLAIMER_IDLE;
    sum->dead += state == RK__CLAIMER_DEAD;
}

rk__window_counts rk__window_count(rk__window *window) {
    rk__window_counts sum = {0};
    for (uint32_t i = 0; i < window->claimers; i++)
        count_line(rk__window_line(window, i), &sum);
    return sum;
}

void rk__window_bury(rk__window *window, uint32_t claimer) {
    STORE(rk__window_line(window, claimer)->state, RK__CLAIMER_DEAD, release);
    atomic_fetch_add(&window->losses, 1);
}

/* What is left is looked at first: a claimer that has taken it since then shows that it works. */
bool rk__window_is_finished(rk__window *window) {
    uint32_t losses = LOAD(window->losses, acquire);
    bool left = rk__window_unclaimed(window) > 0 || LOAD(window->searched, relaxed) != losses, idle = false;
    for (uint32_t i = 0; i < window->claimers; i++) {
        rk__line_view view;
        if (!rk__line_read(rk__window_line(window, i), &view) || view.state < RK__CLAIMER_IDLE)
            return false;
        idle = idle || view.state == RK__CLAIMER_IDLE;
    }
    return !idle || !left || LOAD(window->drain, relaxed) != 0;
}

bool rk__window_wants(rk__window *window) {
    uint32_t takers = 0;
    for (uint32_t i = 0; i < window->claimers; i++)
        takers += LOAD(rk__window_line(window, i)->state, acquire) < RK__CLAIMER_FINISHED;
    return takers > 0 && rk__window_unclaimed(window) < 4 * (uint64_t)takers;
}
