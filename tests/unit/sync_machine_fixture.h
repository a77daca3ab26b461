/* The machine of src/sync by itself: one thread plays several processes on one area. */
#ifndef RANKINE_TEST_SYNC_MACHINE_FIXTURE_H
#define RANKINE_TEST_SYNC_MACHINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sync/machine_private.h"

enum { PROCESSES = 4, STRANDS = 3, PARTIES = PROCESSES * STRANDS, NEWS_MAX = 256 };

typedef struct node {
    rk__sync_machine machines[PROCESSES];
    bool gone[PROCESSES];
    rk__sync_news news[NEWS_MAX];
    int news_count;
} node;

static inline bool is_gone(void *ctx, uint32_t endpoint, uint32_t birth) {
    (void)birth;
    return ((node *)ctx)->gone[endpoint];
}

static inline void tell(void *ctx, const rk__sync_news *news) {
    node *self = ctx;
    assert_true(self->news_count < NEWS_MAX);
    self->news[self->news_count++] = *news;
}

static inline void node_init(node *self) {
    size_t bytes = rk__sync_area_bytes(PROCESSES);
    void *area = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    assert_non_null(area);
    memset(area, 0, bytes);
    memset(self, 0, sizeof *self);
    for (uint32_t p = 0; p < PROCESSES; p++)
        self->machines[p] = (rk__sync_machine){
            .area = area, .me = p, .endpoints = PROCESSES, .is_gone = is_gone, .tell = tell, .ctx = self};
}

static inline void node_fini(node *self) {
    free(self->machines[0].area);
}

static inline uint32_t party_of(uint32_t process, uint32_t strand) {
    return process * RK__STRANDS_MAX + strand;
}

static inline uint64_t make(node *self, uint32_t home, rk__kind kind, uint64_t value, uint64_t limit) {
    uint64_t serial = 0;
    assert_int_equal(rk__sync_make(&self->machines[home], kind, value, limit, 0, &serial, NULL), RK_OK);
    return serial;
}

/* A step of a party by its own process. The news are those of this step. */
static inline rk__sync_reply step_flags(node *self, uint32_t party, rk__kind kind, uint64_t serial, rk__sync_op op,
                                        uint64_t value, uint32_t flags) {
    rk__sync_reply reply;
    rk__sync_request request = {op, (uint32_t)kind, serial, party, flags, value, 0};
    self->news_count = 0;
    rk__sync_step(&self->machines[rk__party_endpoint(party)], &request, &reply);
    return reply;
}

static inline rk__sync_reply step(node *self, uint32_t party, rk__kind kind, uint64_t serial, rk__sync_op op,
                                  uint64_t value) {
    return step_flags(self, party, kind, serial, op, value, 0);
}

static inline void assert_done(node *self, uint32_t party, rk_status status, uint64_t value) {
    uint64_t got;
    rk__sync_machine *machine = &self->machines[rk__party_endpoint(party)];
    assert_true(rk__sync_is_done(machine, party));
    assert_int_equal(rk__sync_take(machine, party, &got), status);
    assert_int_equal(got, value);
}

static inline bool waits(node *self, uint32_t party) {
    return atomic_load(&rk__sync_slot_of(&self->machines[0], party)->state) == RK__SLOT_WAITING;
}

#endif
