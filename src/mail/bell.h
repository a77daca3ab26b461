/* A word that one thread sleeps on and others ring: a futex on Linux, a nap elsewhere. */
#ifndef RANKINE_BELL_H
#define RANKINE_BELL_H

#include <stdatomic.h>
#include <stdint.h>

/* Returns when the word is not `seen`, when it is rung, after `ns`, or for no reason. In memory shared by processes. */
void rk__bell_wait(_Atomic uint32_t *bell, uint32_t seen, uint64_t ns);
/* Changes the word and wakes who sleeps on it. */
void rk__bell_ring(_Atomic uint32_t *bell);

#endif
