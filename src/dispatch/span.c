/* Spans: the agent's side of the window. */
#include <assert.h>

#include "dispatch/window_private.h"

rk__span_slot *rk__window_slot(rk__window *window, uint64_t span) {
    return &window->spans[span % RK__WINDOW_SPANS];
}

uint64_t rk__window_oldest(const rk__window *window) {
    uint64_t published = LOAD(window->published, acquire);
    return published < RK__WINDOW_SPANS ? 0 : published - RK__WINDOW_SPANS;
}

/* ---- what is left of a slot ---- */

/* Shares of those who take nothing more count as claimed: nobody takes them from here. */
static void visit_shares(rk__window *window, uint64_t span, rk__run_fn visit, void *ctx) {
    rk__span_slot *slot = rk__window_slot(window, span);
    uint64_t total = LOAD(slot->count, relaxed), first = LOAD(slot->first, relaxed), offset;
    for (uint32_t i = 0; i < window->claimers; i++) {
        rk__claimer_line *line = rk__window_line(window, i);
        uint64_t count = rk__policy_share(total, window->claimers, i, &offset);
        if (count > 0 && LOAD(line->next_span, acquire) <= span && LOAD(line->state, acquire) < RK__CLAIMER_FINISHED)
            visit(ctx, first + offset, count);
    }
}

void rk__slot_visit_unclaimed(rk__window *window, uint64_t span, rk__run_fn visit, void *ctx) {
    rk__span_slot *slot = rk__window_slot(window, span);
    uint64_t word = LOAD(slot->cursor, acquire), offset = word & RK__CURSOR_OFFSET, total = LOAD(slot->count, relaxed);
    if (rk__cursor_number(word) != (span & 0xffff) || offset >= total)
        return;
    if (word & RK__CURSOR_DEALT)
        visit_shares(window, span, visit, ctx);
    else
        visit(ctx, LOAD(slot->first, relaxed) + offset, total - offset);
}

static void add_up(void *ctx, uint64_t first, uint64_t count) {
    (void)first;
    *(uint64_t *)ctx += count;
}

static uint64_t slot_left(rk__window *window, uint64_t span) {
    uint64_t sum = 0;
    rk__slot_visit_unclaimed(window, span, add_up, &sum);
    return sum;
}

uint64_t rk__window_unclaimed(rk__window *window) {
    uint64_t sum = LOAD(window->open, acquire), published = LOAD(window->published, acquire);
    for (uint64_t span = rk__window_oldest(window); span < published; span++)
        sum += slot_left(window, span);
    return sum;
}

/* ---- into slots ---- */

static bool slot_is_free(rk__window *window) {
    uint64_t span = LOAD(window->published, relaxed);
    return span < RK__WINDOW_SPANS || slot_left(window, span - RK__WINDOW_SPANS) == 0;
}

static void fill_slot(rk__window *window, uint64_t first, uint64_t count, uint64_t dealt) {
    uint64_t span = LOAD(window->published, relaxed), number = span << 48;
    rk__span_slot *slot = rk__window_slot(window, span);
    assert(count > 0 && count < RK__CURSOR_OFFSET);
    STORE(slot->cursor, number | RK__CURSOR_OFFSET, seq_cst);
    STORE(slot->first, first, relaxed);
    STORE(slot->count, count, relaxed);
    STORE(slot->cursor, number | dealt, release);
    STORE(window->published, span + 1, release);
}

/* The first run of open blocks, and how many are in it. Blocks between them that are done may be in it too, since
 * claimers skip those. */
static uint64_t open_run(rk__window *window, uint64_t *count, uint64_t *members) {
    rk__blockset *open = rk__window_set_of(window, RK__SET_OPEN), *done = rk__window_set_of(window, RK__SET_DONE);
    uint64_t blocks = window->blocks, first = rk__blockset_next(open, 0, blocks), end = first, at = first;
    *members = 0;
    while (at < blocks && rk__blockset_has(open, at)) {
        end = rk__blockset_next_missing(open, at, blocks);
        *members += end - at;
        at = rk__blockset_next_missing(done, end, blocks);
    }
    *count = end - first;
    return first;
}

/* An agent that dies behind the removal leaves blocks that are in no place: a search finds them. */
void rk__window_feed(rk__window *window) {
    while (LOAD(window->open, relaxed) > 0 && slot_is_free(window)) {
        uint64_t count, members, first = open_run(window, &count, &members);
        rk__blockset_remove(rk__window_set_of(window, RK__SET_OPEN), first, count);
        fill_slot(window, first, count, 0);
        STORE(window->open, LOAD(window->open, relaxed) - members, release);
    }
}

/* ---- from rank 0 ---- */

static void give_missing(rk__window *window, uint64_t first, uint64_t end) {
    rk__blockset *given = rk__window_set_of(window, RK__SET_GIVEN), *open = rk__window_set_of(window, RK__SET_OPEN);
    for (uint64_t at = first, stop; (at = rk__blockset_next_missing(given, at, end)) < end; at = stop) {
        stop = rk__blockset_next(given, at, end);
        rk__blockset_add(given, at, stop - at);
        rk__blockset_add(open, at, stop - at);
        STORE(window->open, LOAD(window->open, relaxed) + (stop - at), release);
    }
}

/* A share whose claimer takes nothing more is lost. Such a claimer looks for spans after it has said so (claimer.c),
 * and this looks for such claimers after the span is there: one of the two sees it. */
static void deal(rk__window *window, uint64_t first, uint64_t count) {
    bool gone = false;
    fill_slot(window, first, count, RK__CURSOR_DEALT);
    atomic_thread_fence(memory_order_seq_cst);
    for (uint32_t i = 0; i < window->claimers; i++)
        gone = gone || LOAD(rk__window_line(window, i)->state, relaxed) >= RK__CLAIMER_FINISHED;
    if (gone)
        atomic_fetch_add(&window->losses, 1);
}

void rk__window_give(rk__window *window, uint64_t first, uint64_t count, uint64_t number, bool again) {
    rk__blockset *given = rk__window_set_of(window, RK__SET_GIVEN);
    bool is_new = rk__blockset_next(given, first, first + count) == first + count;
    if (is_new && !again && slot_is_free(window)) {
        rk__blockset_add(given, first, count);
        if (window->policy == RK__POLICY_STATIC)
            deal(window, first, count);
        else
            fill_slot(window, first, count, 0);
    } else {
        give_missing(window, first, first + count);
        rk__window_feed(window);
    }
    if (number > 0)
        STORE(window->taken, number, release);
}

/* A slot may be written, and not yet be published. */
void rk__window_inherit(rk__window *window) {
    uint64_t span = LOAD(window->published, acquire);
    if (slot_left(window, span) > 0)
        STORE(window->published, span + 1, release);
    STORE(window->open, rk__blockset_count(rk__window_set_of(window, RK__SET_OPEN), window->blocks), release);
    atomic_fetch_add(&window->term, 1);
}
