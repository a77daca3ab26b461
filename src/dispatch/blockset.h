/* A set of blocks: a bitmap in memory that the caller gives, which several processes may share. Adding and removing are
 * atomic word by word; what was done before a block was added is seen by whoever finds it there. */
#ifndef RANKINE_BLOCKSET_H
#define RANKINE_BLOCKSET_H

#include <stdatomic.h>

#include "base/base.h"

typedef _Atomic uint64_t rk__blockset; /* its first word */

/* Words of a set of blocks below `blocks`. */
size_t rk__blockset_words(uint64_t blocks);
void rk__blockset_add(rk__blockset *set, uint64_t first, uint64_t count);
void rk__blockset_remove(rk__blockset *set, uint64_t first, uint64_t count);
bool rk__blockset_has(rk__blockset *set, uint64_t block);
/* The lowest block in [from, end) that is in the set, or that is not; `end` if there is none. */
uint64_t rk__blockset_next(rk__blockset *set, uint64_t from, uint64_t end);
uint64_t rk__blockset_next_missing(rk__blockset *set, uint64_t from, uint64_t end);
uint64_t rk__blockset_count(rk__blockset *set, uint64_t blocks);

#endif
