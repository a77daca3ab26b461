#include <string.h>

#include "mail/mail_private.h"

#define ALIGNMENT       UINT64_C(4096)
#define RING_BYTES_MAX  (UINT64_C(256) * 1024)
#define RING_BYTES_MIN  (UINT64_C(16) * 1024)
#define ALL_RINGS_BYTES (UINT64_C(1) << 30) /* address space that all rings of a node may take; pages come with use */

static uint64_t ring_bytes_for(uint64_t locals) {
    uint64_t bytes = RING_BYTES_MAX;
    while (bytes > RING_BYTES_MIN && bytes * locals * locals > ALL_RINGS_BYTES)
        bytes /= 2;
    return bytes;
}

static uint64_t align(uint64_t at) {
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static uint64_t lay_out(rk__arena *arena, uint64_t locals, const size_t room_bytes[RK__ROOM_COUNT]) {
    arena->locals = locals;
    arena->ring_bytes = ring_bytes_for(locals);
    arena->boxes_at = align(sizeof *arena);
    arena->rings_at = align(arena->boxes_at + locals * sizeof(rk__box));
    arena->data_at = align(arena->rings_at + locals * locals * sizeof(rk__ring));
    uint64_t at = align(arena->data_at + locals * locals * arena->ring_bytes);
    for (int room = 0; room < RK__ROOM_COUNT; room++) {
        arena->area_at[room] = at;
        at = align(at + room_bytes[room]);
    }
    return at;
}

size_t rk__arena_bytes(uint32_t node_ranks, uint32_t children, const size_t room_bytes[RK__ROOM_COUNT]) {
    rk__arena arena;
    return (size_t)lay_out(&arena, (uint64_t)node_ranks * (1 + children), room_bytes);
}

void rk__arena_init(void *memory, const uint64_t nonce[2], uint32_t node_ranks, uint32_t children,
                    const size_t room_bytes[RK__ROOM_COUNT]) {
    rk__arena *arena = memory;
    memcpy(arena->nonce, nonce, sizeof arena->nonce);
    lay_out(memory, (uint64_t)node_ranks * (1 + children), room_bytes);
}

uint32_t rk__arena_children_max(uint32_t node_ranks) {
    return node_ranks < RK__LOCAL_MAX ? RK__LOCAL_MAX / node_ranks - 1 : 0;
}

static unsigned char *at(rk__arena *arena, uint64_t offset) {
    return (unsigned char *)arena + offset;
}

rk__box *rk__arena_box(rk__arena *arena, uint32_t local) {
    return (rk__box *)(void *)at(arena, arena->boxes_at) + local;
}

rk__ring *rk__arena_ring(rk__arena *arena, uint32_t from, uint32_t to, unsigned char **data) {
    uint64_t number = (uint64_t)to * arena->locals + from;
    *data = at(arena, arena->data_at + number * arena->ring_bytes);
    return (rk__ring *)(void *)at(arena, arena->rings_at) + number;
}

void *rk__arena_area(void *memory, rk__room room) {
    rk__arena *arena = memory;
    return at(arena, arena->area_at[room]);
}

void *rk__mail_area(const rk__mail *mail, rk__room room) {
    return rk__arena_area(mail->arena, room);
}
