#include "dispatch/search.h"
#include "dispatch/window_private.h"

enum { STEP_REST = 0, STEP_LOOK, STEP_WAIT };
enum { LOOKS_AT_LINE = 1000 }; /* a claim takes some tens of nanoseconds */

static void suspect_given(rk__window *window) {
    rk__blockset *suspect = rk__window_set_of(window, RK__SET_SUSPECT), *done = rk__window_set_of(window, RK__SET_DONE);
    rk__blockset *given = rk__window_set_of(window, RK__SET_GIVEN), *open = rk__window_set_of(window, RK__SET_OPEN);
    for (size_t w = 0; w < rk__blockset_words(window->blocks); w++)
        STORE(suspect[w], LOAD(given[w], acquire) & ~LOAD(open[w], acquire) & ~LOAD(done[w], acquire), relaxed);
}

static void clear_suspicion(void *ctx, uint64_t first, uint64_t count) {
    rk__blockset_remove(rk__window_set_of(ctx, RK__SET_SUSPECT), first, count);
}

static bool read_line(rk__claimer_line *line, rk__line_view *view) {
    for (unsigned i = 0; i < LOOKS_AT_LINE; i++)
        if (rk__line_read(line, view))
            return true;
    return false;
}

/* The order is what the header's proof stands on. */
static bool look(rk__window *window) {
    uint64_t published = LOAD(window->published, relaxed);
    suspect_given(window);
    for (uint64_t span = rk__window_oldest(window); span < published; span++)
        rk__slot_visit_unclaimed(window, span, clear_suspicion, window);
    for (uint32_t i = 0; i < window->claimers; i++) {
        rk__line_view view;
        if (!read_line(rk__window_line(window, i), &view))
            return false;
        if (view.state != RK__CLAIMER_DEAD)
            clear_suspicion(window, view.lo, view.hi - view.lo);
    }
    return true;
}

/* Since then it has written all that it had staged. */
static bool has_settled(rk__claimer_line *line, uint64_t since_ns) {
    rk__line_view view;
    if (LOAD(line->settled_ns, acquire) >= since_ns)
        return true;
    return rk__line_read(line, &view) && (view.state >= RK__CLAIMER_IDLE || view.state == RK__CLAIMER_ABSENT);
}

static bool all_settled(rk__window *window, uint64_t since_ns) {
    for (uint32_t i = 0; i < window->claimers; i++)
        if (!has_settled(rk__window_line(window, i), since_ns))
            return false;
    return true;
}

static void open_lost(rk__window *window) {
    rk__blockset *suspect = rk__window_set_of(window, RK__SET_SUSPECT), *done = rk__window_set_of(window, RK__SET_DONE);
    rk__blockset *open = rk__window_set_of(window, RK__SET_OPEN);
    uint64_t found = 0;
    for (size_t w = 0; w < rk__blockset_words(window->blocks); w++) {
        uint64_t lost = LOAD(suspect[w], relaxed) & ~LOAD(done[w], acquire);
        if (lost != 0)
            atomic_fetch_or_explicit(&open[w], lost, memory_order_release);
        found += (uint64_t)__builtin_popcountll(lost);
    }
    STORE(window->open, LOAD(window->open, relaxed) + found, release);
}

/* The moment from which the living must have settled is the first tick after the look: that one is later than all that
 * was seen. */
static void wait_for_all(rk__search *search, rk__window *window, uint64_t now_ns) {
    if (search->since_ns == 0)
        search->since_ns = now_ns;
    if (!all_settled(window, search->since_ns))
        return;
    open_lost(window);
    STORE(window->searched, search->losses, release);
    search->step = STEP_REST;
}

void rk__search_tick(rk__search *search, rk__window *window, uint64_t now_ns) {
    uint32_t losses = LOAD(window->losses, acquire);
    if (search->step == STEP_REST && losses != LOAD(window->searched, relaxed))
        *search = (rk__search){.step = STEP_LOOK, .losses = losses};
    if (search->step == STEP_WAIT)
        wait_for_all(search, window, now_ns);
    else if (search->step == STEP_LOOK && look(window))
        search->step = STEP_WAIT;
    rk__window_feed(window);
}
