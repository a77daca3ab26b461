/* A ring of bytes in shared memory: one writer, one reader, records of a head and some payload.
 *
 * Positions only grow; a position modulo the size is the place. A record is 64 bytes of head (with the bytes of payload
 * beside it, in `rk__ring_record`) and the payload, in multiples of 64, never wrapped: what does not fit before the end
 * begins again at the start, after a record that says so. The writer publishes `tail` after the bytes (release), the
 * reader `head` after it has done with them. */
#ifndef RANKINE_RING_H
#define RANKINE_RING_H

#include "mail/mail.h"

typedef struct rk__ring {
    _Atomic uint64_t tail; /* the writer's */
    uint64_t seen_head;    /* the writer's: what it last saw of head, which it reads again only if that is too little */
    unsigned char pad[64 - 16];
    _Atomic uint64_t head;    /* the reader's */
    _Atomic uint32_t starved; /* the writer found no room: ring its bell when there is */
    unsigned char pad2[64 - 12];
} rk__ring;

typedef struct rk__ring_record {
    uint64_t bytes; /* of payload; UINT64_MAX: skip to the start */
    uint64_t pad[7];
    rk__fragment head;
    unsigned char payload[];
} rk__ring_record;

/* Payload that surely fits into an empty ring of `size` data bytes. */
size_t rk__ring_piece_max(size_t size);
/* false: no room now. `data` is the ring's memory, `size` its bytes (a power of 2). */
bool rk__ring_write(rk__ring *ring, unsigned char *data, size_t size, const rk__fragment *head, const void *piece,
                    size_t bytes);
/* The next record, until rk__ring_next is called; NULL: none. */
const rk__ring_record *rk__ring_read(rk__ring *ring, unsigned char *data, size_t size);
void rk__ring_next(rk__ring *ring, const rk__ring_record *record);
/* Forget what is in it: the writer and the reader are dead or absent. */
void rk__ring_reset(rk__ring *ring);

#endif
