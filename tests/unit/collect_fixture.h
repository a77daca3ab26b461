/* Functions on all ranks, with the rooms that they need. */
#ifndef RANKINE_TEST_COLLECT_FIXTURE_H
#define RANKINE_TEST_COLLECT_FIXTURE_H

#include <sched.h>
#include <stdatomic.h>

#include <rankine/collect.h>

#include "channel/channel.h"
#include "collect/collect_private.h"
#include "serve_fixture.h"

#define LONG 60.0 /* longer than any of this takes; a hang becomes an error */

static rk_status attach_collect(rk__mail *mail, rk_error *err) {
    RK_TRY(rk__channel_attach(mail, err));
    return rk__collect_attach(mail, err);
}

static uint32_t own_rank(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(mail != NULL);
    uint32_t rank = rk__mail_endpoint(mail);
    rk__leave(mail);
    return rank;
}

static uint32_t rank_count(void) {
    rk__mail *mail = rk__enter(NULL);
    CHECK(mail != NULL);
    uint32_t ranks = rk__mail_ranks(mail);
    rk__leave(mail);
    return ranks;
}

/* Runs it on all ranks, which must succeed. */
static inline void run_everywhere(rk_function function) {
    rk_error err = RK_ERROR_INIT;
    rk_status status = rk_everywhere(function, NULL, 0, LONG, &err);
    if (status != RK_OK)
        fprintf(stderr, "rank %d: %s\n", err.rank, err.message);
    CHECK(status == RK_OK);
}

/* A failure is the function's. */
static inline rk_status pass_on(rk_call *call, rk_status status, const rk_error *err) {
    return status == RK_OK ? RK_OK : rk_call_fail(call, status, "%s", err->message);
}

#endif
