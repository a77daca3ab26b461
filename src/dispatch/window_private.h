/* What the units that know the window's inside share: window.c, span.c, claimer.c, search.c. */
#ifndef RANKINE_WINDOW_PRIVATE_H
#define RANKINE_WINDOW_PRIVATE_H

#include "dispatch/window.h"

#define LOAD(object, order)         atomic_load_explicit(&(object), memory_order_##order)
#define STORE(object, value, order) atomic_store_explicit(&(object), (value), memory_order_##order)

/* A cursor word. */
#define RK__CURSOR_DEALT  (UINT64_C(1) << 47)
#define RK__CURSOR_OFFSET (RK__CURSOR_DEALT - 1)
static inline uint64_t rk__cursor_number(uint64_t word) {
    return word >> 48;
}

/* Sets of blocks. */
typedef enum rk__window_set {
    RK__SET_DONE = 0,
    RK__SET_GIVEN,   /* have come to this node */
    RK__SET_OPEN,    /* wait for a slot */
    RK__SET_SUSPECT, /* may be lost: what a search looks at */
    RK__SETS
} rk__window_set;
rk__blockset *rk__window_set_of(rk__window *window, rk__window_set which);

rk__span_slot *rk__window_slot(rk__window *window, uint64_t span);
/* For each run of the slot that nobody has claimed: `visit`. Nothing while it is being written. */
typedef void (*rk__run_fn)(void *ctx, uint64_t first, uint64_t count);
void rk__slot_visit_unclaimed(rk__window *window, uint64_t span, rk__run_fn visit, void *ctx);
/* The spans whose numbers are in the ring: from this one to `published`. */
uint64_t rk__window_oldest(const rk__window *window);

/* A line as it was at one moment. false: it is about to claim. */
typedef struct rk__line_view {
    uint64_t lo, hi;
    uint32_t state;
} rk__line_view;
bool rk__line_read(rk__claimer_line *line, rk__line_view *view);

#endif
