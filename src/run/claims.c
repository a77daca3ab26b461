/* A claimer's way through its claims: until nothing is left, somebody says stop, or time is up. */
#include "run/run_private.h"

#define WAIT_MIN_NS UINT64_C(20000)
#define WAIT_MAX_NS UINT64_C(2000000)

static bool must_stop(const rk__claims *claims) {
    return claims->out_of_time || atomic_load_explicit(&claims->window->drain, memory_order_relaxed) != 0 ||
           atomic_load_explicit(&claims->window->phase, memory_order_relaxed) == RK__PHASE_END;
}

/* A block is not begun if it would take longer than what is left, going by the longest so far. The other ranks go on
 * as long as theirs fit. */
static bool fits(rk__claims *claims) {
    if (claims->deadline_ns > 0 && rk__clock_ns() + claims->longest_ns + claims->longest_ns / 8 >= claims->deadline_ns)
        claims->out_of_time = true;
    return !claims->out_of_time;
}

static rk_status run_block(rk__claims *claims, uint64_t block, bool *stopped, rk_error *err) {
    uint64_t duration_ns = 0;
    RK_TRY(claims->block(claims->ctx, block, stopped, &duration_ns, err));
    if (duration_ns > claims->longest_ns)
        claims->longest_ns = duration_ns;
    return RK_OK;
}

rk_status rk__claims_run(rk__claims *claims, uint64_t first, uint64_t count, uint64_t *computed, rk_error *err) {
    bool stopped = false;
    *computed = 0;
    for (uint64_t block = first; block < first + count && !stopped && !must_stop(claims); block++) {
        if (rk__window_is_done(claims->window, block))
            continue;
        if (!fits(claims))
            break;
        RK_TRY(run_block(claims, block, &stopped, err));
        ++*computed;
    }
    return RK_OK;
}

rk_status rk__claims_work(rk__claims *claims, rk_error *err) {
    uint64_t unit_ns = 0, wait_ns = WAIT_MIN_NS, first, count, computed;
    while (!must_stop(claims)) {
        uint32_t phase = atomic_load_explicit(&claims->window->phase, memory_order_acquire);
        if (!rk__claimer_claim(claims->claimer, unit_ns, &first, &count)) {
            if (phase >= RK__PHASE_LAST)
                break;
            rk__sleep_ns(wait_ns);
            wait_ns = wait_ns < WAIT_MAX_NS ? 2 * wait_ns : WAIT_MAX_NS;
            continue;
        }
        uint64_t begin = rk__clock_ns();
        wait_ns = WAIT_MIN_NS;
        RK_TRY(rk__claims_run(claims, first, count, &computed, err));
        if (computed > 0)
            unit_ns = (rk__clock_ns() - begin) / computed + 1;
    }
    return RK_OK;
}
