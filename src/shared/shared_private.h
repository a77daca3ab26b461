/* What the units of src/shared share.
 *
 * Problem. Any process of a node must get at an object with loads and stores; find out, from its rk_ref alone, where it
 * is and whether it is still there; and when a process dies, whenever that is, nothing may stay claimed, locked or half
 * made. Others do the same by letters.
 *
 * Idea. The arena has a table of SLOTS for the node. An object is a slot: its word says whose it is, in which phase,
 * and how often the slot was given before (its generation); serial = generation and number of the slot. Values live in
 * the slot. All else lives in a POSIX shared memory object, whose name follows from the slot's number, and which a
 * process maps when it first needs it.
 *
 *   word:  FREE(g) ──claim──> CLAIMED(g+1, home) ──publish──> LIVE(g+1, home) ──release──> GOING(g+1, who) ──>
 * FREE(g+1)
 *
 * All steps are compare-and-swaps of that one word: no lock, no list that a death could leave half changed. If the
 * process in the word dies, its neighbours release the slot; the swap to GOING decides who of them.
 *
 * Invariants.
 * - Only the process in the word touches a CLAIMED or GOING slot. A LIVE slot's fields but the value don't change.
 * - Who reads fields reads the word before and after: the same LIVE word means that the fields belong together.
 * - A name is unlinked before its slot is free: no two objects of the same name.
 * - Slots are claimed round about: between the check of a word and the operation on the value somebody would have to
 *   make some ten thousands of objects, for the operation to hit another object.
 * - A process that maps an object sets its bit in the slot's mask, then looks at the word again; who releases the slot
 *   swaps the word, then looks at the mask, and tells all of them to unmap: nobody holds on to what is gone. Mappings
 *   to which the user has a pointer stay, if that is promised (memory until rk_memory_close, all after a death).
 * - Children: only their rank releases what they leave, before it starts another in their place; so that late news of
 *   a death never harm the successor.
 *
 * Letters (room RK__ROOM_SHARED). "a" is the serial, answers are rk__mail_answer's.
 *
 *   op       | to       | brings                      | answer
 *   STEP     | home     | rk__shared_step             | a: bits before, b: swapped
 *   GET      | home     | rk__shared_piece            | a PIECE: bytes
 *   PUT      | home     | rk__shared_piece, bytes     | a PIECE
 *   PIECE    | asker    | call: transfer, a: offset, bytes or the text of an error; pieces are pipelined: range.c
 *   DESCRIBE | home     | b: kind                     | a: count, b: type
 *   DESTROY  | home     | b: kind                     | -
 *   UNMAP    | neighbour| b: keep it if pointed to    | none
 *   ITEM_GET | home     | b: index                    | an item in rk__item_head and bytes
 *   ITEM_SET | home     | b: index, an item           | -
 *   ITEM_FIND| home     | an item                     | a: how many, b: the first
 *   NAME_*   | rank 0   | names.c
 *
 *   slots.c    the table                        segment.c  memory objects and who has mapped them
 *   atom.c     atomics on elements of any type   element.c  one element, here or there
 *   range.c    many of them, here or there       room.c     letters, deaths, beginning and end
 *   value.c, array.c, memory.c, list.c   the public faces;  items.c  a list in memory;  names.c  names of memory */
#ifndef RANKINE_SHARED_PRIVATE_H
#define RANKINE_SHARED_PRIVATE_H

#include <stdatomic.h>

#include "base/types.h"
#include "mail/object.h"
#include "shared/shared.h"

enum {
    RK__SHARED_SLOTS = 65536,
    RK__SHARED_SLOT_BITS = 16,
    RK__SHARED_MASK_WORDS = 16, /* a bit for each process that a node can have */
    RK__SHARED_JOB_MAX = 64,
    RK__SHARED_NAME_MAX = RK__SHARED_JOB_MAX + 16,
    RK__MEMORY_NAME_MAX = 255
};

typedef enum rk__shared_op {
    RK__SHARED_STEP = 1,
    RK__SHARED_GET,
    RK__SHARED_PUT,
    RK__SHARED_PIECE,
    RK__SHARED_DESCRIBE,
    RK__SHARED_DESTROY,
    RK__SHARED_UNMAP,
    RK__SHARED_ITEM_GET,
    RK__SHARED_ITEM_SET,
    RK__SHARED_ITEM_FIND,
    RK__SHARED_NAME_ADD,
    RK__SHARED_NAME_FIND,
    RK__SHARED_NAME_REMOVE
} rk__shared_op;

/* ---- the room ---- */

typedef struct rk__mapping { /* of a memory object into this process */
    struct rk__mapping *next;
    uint64_t serial;
    unsigned char *bytes;
    size_t size;
    bool pointed; /* the user has a pointer */
} rk__mapping;

typedef struct rk__transfer rk__transfer;
typedef struct rk__name rk__name;
typedef struct rk__shared_area rk__shared_area;

typedef struct rk__shared {
    rk__mail *mail;
    rk__shared_area *area;
    uint32_t first_rank;  /* of the node: what tells apart the names of two nodes on one host */
    uint32_t *neighbours; /* [neighbour_count] all processes of the node, the same on all of them; the bits of masks */
    uint32_t neighbour_count, my_bit;
    char job[RK__SHARED_JOB_MAX];
    rk__mapping **mapping_of_slot; /* [RK__SHARED_SLOTS] the one looked for first */
    rk__mapping *mappings;         /* all */
    rk__transfer *transfers;
    uint64_t last_transfer;
    rk__name *names; /* rank 0 */
    bool pretend_remote;
} rk__shared;

rk__shared *rk__shared_of(const rk__mail *mail);
/* May we touch the memory of what lives there? */
bool rk__shared_is_near(const rk__shared *shared, uint32_t home);

/* ---- slots.c ---- */

typedef struct rk__facts { /* of a live object */
    uint32_t number;       /* of its slot */
    uint64_t serial;
    uint32_t type;  /* rk_type of a value or an array; of memory: 1 if it has a name */
    uint64_t count; /* elements, bytes or items */
    uint64_t bytes; /* of its memory object; 0: it has none */
    void *value;    /* in the slot, aligned to 8 bytes */
} rk__facts;

size_t rk__slots_bytes(void);
/* A slot for what is being made, and its ref. RK_EFULL. */
rk_status rk__slot_claim(rk__shared *shared, rk__kind kind, rk_ref *ref, rk_error *err);
void *rk__slot_value(rk__shared *shared, rk_ref ref); /* of a claimed slot */
void rk__slot_publish(rk__shared *shared, rk_ref ref, uint32_t type, uint64_t count, uint64_t bytes);
/* What this claimed or live slot holds goes. false: somebody else was quicker. */
bool rk__slot_release(rk__shared *shared, rk_ref ref);
/* Of an object of this node. RK_ENOENT. */
rk_status rk__slot_find(const rk__shared *shared, rk_ref ref, rk__facts *facts, rk_error *err);
bool rk__slot_is_live(const rk__shared *shared, uint64_t serial);
/* What an endpoint has left. It is dead, or ourselves at the end. */
void rk__slots_release_all(rk__shared *shared, uint32_t endpoint);
/* We are about to map it. */
void rk__slot_mark(rk__shared *shared, uint64_t serial);

static inline uint32_t rk__slot_number(uint64_t serial) {
    return (uint32_t)(serial % RK__SHARED_SLOTS);
}

/* ---- segment.c ---- */

/* The memory object of a claimed slot, zeroed, mapped. RK_ENOMEM. Lets other strands run. */
rk_status rk__segment_make(rk__shared *shared, uint64_t serial, uint64_t bytes, unsigned char **memory, rk_error *err);
/* Maps it unless it is mapped. */
rk_status rk__segment_map(rk__shared *shared, const rk__facts *facts, rk__mapping **mapping, rk_error *err);
void rk__segment_unlink(const rk__shared *shared, uint32_t number);
void rk__segment_unmap(rk__shared *shared, uint64_t serial, bool unless_pointed);
void rk__segments_fini(rk__shared *shared);

/* ---- atom.c ---- */

typedef enum rk__atom { RK__ATOM_LOAD, RK__ATOM_STORE, RK__ATOM_ADD, RK__ATOM_EXCHANGE, RK__ATOM_SWAP_IF } rk__atom;

/* An operation on one element, which is as wide as its type; its bits are the low ones of a word. */
typedef struct rk__shared_step {
    uint32_t atom, type; /* rk__atom, rk_type */
    uint32_t kind, pad;
    uint64_t index;
    uint64_t operand, expected;
} rk__shared_step;

uint64_t rk__atom_bits(rk_type type, const void *element);
void rk__atom_element(rk_type type, uint64_t bits, void *element);
/* On *at, aligned to the type's size. Returns what it was; *swapped: RK__ATOM_SWAP_IF did. */
uint64_t rk__atom_apply(const rk__shared_step *step, void *at, bool *swapped);

/* ---- element.c ---- */

/* The type is fit for values and arrays. */
rk_status rk__element_check(rk_type type, rk_error *err);
rk_status rk__element_step(rk__shared *shared, rk_ref ref, const rk__shared_step *step, uint64_t *before, bool *swapped,
                           rk_error *err);
void rk__element_receive(rk__shared *shared, const rk__letter *letter);

/* ---- range.c ---- */

typedef struct rk__range { /* bytes of an array or of memory, and where they come from or go to */
    rk_ref ref;
    uint32_t type; /* 0 for memory */
    bool put;
    uint64_t offset, bytes;
    unsigned char *data;
} rk__range;
typedef struct rk__shared_piece { /* what is asked of the home */
    uint64_t serial;
    uint32_t kind, type;
    uint64_t transfer, offset, bytes;
} rk__shared_piece;

rk_status rk__range_move(rk__shared *shared, const rk__range *range, rk_error *err);
void rk__range_receive(rk__shared *shared, rk__letter *letter); /* GET, PUT, PIECE */
void rk__range_died(rk__shared *shared, uint32_t endpoint);

/* ---- room.c: for all kinds ---- */

/* Enter (to be left with rk__leave), and the object is of this kind and its home alive; if it is only looked at, others
 * have their turn first. */
typedef enum rk__intent { RK__LOOK, RK__CHANGE } rk__intent;
rk_status rk__shared_enter(rk_ref ref, rk__kind kind, rk__intent intent, rk__shared **shared, rk_error *err);
/* What a public function ends with. */
rk_status rk__shared_leave(rk__shared *shared, rk_status status);
rk_status rk__shared_describe(rk__shared *shared, rk_ref ref, uint64_t *count, uint32_t *type, rk_error *err);
rk_status rk__shared_destroy(rk__shared *shared, rk_ref ref, rk_error *err);
rk_status rk__shared_pointer(rk__shared *shared, rk_ref ref, void **p, rk_error *err);
/* An object with memory of its own, claimed; to be filled and published. */
typedef struct rk__making {
    rk__kind kind;
    uint32_t type;
    uint64_t count, bytes;
} rk__making;
rk_status rk__shared_make(rk__shared *shared, const rk__making *making, rk_ref *ref, unsigned char **memory,
                          rk_error *err);

/* ---- items.c: a list in memory ---- */

typedef struct rk__item_head { /* an item on its way; its bytes follow */
    uint32_t kind, pad;
    uint64_t size, bits; /* of its bytes; of its number */
} rk__item_head;

rk_status rk__items_bytes(const rk_shared_item *items, uint64_t count, uint64_t *bytes, rk_error *err);
void rk__items_init(unsigned char *memory, const rk_shared_item *items, uint64_t count);
/* A copy of item `index`, malloc'ed, with its bytes behind it. NULL: out of memory, or *busy: it was being changed all
 * the time. */
rk__item_head *rk__items_get(unsigned char *memory, uint64_t index, bool *busy);
/* Only by the home. RK_EOVERFLOW. */
rk_status rk__items_set(unsigned char *memory, uint64_t index, const rk__item_head *item, rk_error *err);
rk_status rk__items_find(unsigned char *memory, uint64_t count, const rk__item_head *item, uint64_t *found,
                         uint64_t *first, rk_error *err);
/* malloc'ed; *size: with the bytes behind it. */
rk_status rk__item_pack(const rk_shared_item *item, rk__item_head **packed, uint64_t *size, rk_error *err);

/* ---- list.c, names.c ---- */

void rk__list_receive(rk__shared *shared, const rk__letter *letter);

rk_status rk__name_add(rk__shared *shared, const char *name, rk_ref ref, rk_error *err);   /* RK_EEXIST */
rk_status rk__name_find(rk__shared *shared, const char *name, rk_ref *ref, rk_error *err); /* RK_ENOENT */
rk_status rk__name_remove(rk__shared *shared, rk_ref ref, rk_error *err);
void rk__name_receive(rk__shared *shared, const rk__letter *letter);
void rk__names_died(rk__shared *shared, uint32_t endpoint);
void rk__names_fini(rk__shared *shared);

/* guard.c: not with the mail's lock held. Nothing if there is none. */
void rk__shared_drop_lock(rk_ref lock);

#endif
