/* One process whose node is played by the test: what others of the node would have written is put into its rings, what
 * it writes to them is read there. */
#ifndef RANKINE_TEST_SCRIPT_FIXTURE_H
#define RANKINE_TEST_SCRIPT_FIXTURE_H

#include <sys/mman.h>
#include <unistd.h>

#include "check.h"
#include "mail/mail_private.h"

static const size_t script_no_areas[RK__ROOM_COUNT];

/* Its pages come with use. */
static inline void *script_arena(uint32_t node_ranks, uint32_t children) {
    size_t bytes = rk__arena_bytes(node_ranks, children, script_no_areas);
    void *arena = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(arena != MAP_FAILED);
    rk__arena_init(arena, (const uint64_t[2]){0, 0}, node_ranks, children, script_no_areas);
    return arena;
}

static inline void script_arena_free(void *arena, uint32_t node_ranks, uint32_t children) {
    CHECK(munmap(arena, rk__arena_bytes(node_ranks, children, script_no_areas)) == 0);
}

static inline void script_live(rk__mail *mail, uint32_t endpoint, uint64_t birth) {
    rk__box *box = rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
    atomic_store(&box->pid, (uint32_t)getpid());
    atomic_store(&box->birth, (uint32_t)birth);
    atomic_store(&box->life, RK__LIFE_ALIVE);
}

/* Not to be read before the bit that is returned is set in `pending`. */
static inline uint64_t script_put(rk__mail *mail, uint32_t from, uint64_t birth, const rk__fragment *letter) {
    unsigned char *data;
    uint32_t local = rk__mail_local_of(mail, from);
    rk__ring *ring = rk__arena_ring(mail->arena, local, mail->local, &data);
    rk__fragment head = *letter;
    head.from = from;
    CHECK(rk__ring_write(ring, data, mail->arena->ring_bytes, &head, NULL, 0, rk__death_tag(birth)));
    return UINT64_C(1) << local;
}

static inline void script_write(rk__mail *mail, uint32_t from, uint64_t birth, const rk__fragment *letter) {
    uint64_t bit = script_put(mail, from, birth, letter);
    atomic_fetch_or(&mail->box->pending[0], bit);
}

/* The next letter to that one; false: none. The piece stays for a while: until the ring has gone round. */
static inline bool script_read(rk__mail *mail, uint32_t to, rk__ring_record *record) {
    unsigned char *data;
    rk__ring *ring = rk__arena_ring(mail->arena, mail->local, rk__mail_local_of(mail, to), &data);
    if (!rk__ring_read(ring, data, mail->arena->ring_bytes, record))
        return false;
    rk__ring_next(ring, record);
    return true;
}

#endif
