/* A ring of bytes in shared memory: one writer, one reader, records of a letter's head and some payload.
 *
 * Problem. What a letter costs between two cores is the cache lines that go from one to the other: some 40 ns each,
 * more than all that is computed.
 *
 * Idea. A record says itself that it is there: its first word, the *mark*, is written last (release), and the reader
 * looks at the mark where the next record will be. So the reader needs nothing but the record; where the writer stands
 * is the writer's own. A small letter takes one line, others two or more.
 *
 * Positions only grow; a position modulo the size is the place. Records are multiples of 64 bytes, never wrapped: what
 * does not fit before the end begins again at the start, after a mark that says so.
 *
 * A record tells the birth of its writer: a process that takes up the place of one that died goes on in its ring, and
 * what it says must not be taken for the last words of the dead.
 *
 * Invariant. The mark behind the last record is 0: the writer clears it, in a line that is free, before it writes that
 * record's own. The writer publishes `tail` after the record, for those who take up its place or the reader's; the
 * reader `head` after it has done with a record (both release). */
#ifndef RANKINE_RING_H
#define RANKINE_RING_H

#include "mail/mail.h"

typedef struct rk__ring {  /* zeroed, like its data: empty */
    _Atomic uint64_t tail; /* the writer's */
    uint64_t seen_head;    /* the writer's: what it last saw of head, which it reads again only if that is too little */
    unsigned char pad[64 - 16];
    _Atomic uint64_t head;    /* the reader's */
    _Atomic uint32_t starved; /* the writer found no room: ring its bell when there is */
    unsigned char pad2[64 - 12];
} rk__ring;

typedef struct rk__ring_record { /* in the ring until it is done with */
    rk__fragment head;
    const void *piece; /* aligned for any type that it can hold */
    size_t bytes;      /* of it */
    uint32_t birth;    /* of who wrote it: as given to rk__ring_write */
    uint64_t next;     /* position of what comes after it */
} rk__ring_record;

enum { RK__RING_BIRTHS = 1 << 16 };

/* Payload that surely fits into an empty ring of `size` data bytes. */
size_t rk__ring_piece_max(size_t size);
/* false: no room now. `data` is the ring's memory, `size` its bytes (a power of 2); birth < RK__RING_BIRTHS. */
bool rk__ring_write(rk__ring *ring, unsigned char *data, size_t size, const rk__fragment *head, const void *piece,
                    size_t bytes, uint32_t birth);
/* The next record, which stays until rk__ring_next is called; false: none. */
bool rk__ring_read(rk__ring *ring, unsigned char *data, size_t size, rk__ring_record *record);
void rk__ring_next(rk__ring *ring, const rk__ring_record *record);
/* Who takes up the place of a writer that has died, perhaps before it could say where it stood. */
void rk__ring_resume(rk__ring *ring, unsigned char *data, size_t size);
/* Who takes up the reader's place: forget what is in it. */
void rk__ring_forget(rk__ring *ring);

#endif
