/* src/sync: locks, semaphores, conditions, events and barriers between the processes of a program. The machine that
 * they are is in sync/machine.h; this is what the rest of the library sees of the room. */
#ifndef RANKINE_SYNC_ROOM_H
#define RANKINE_SYNC_ROOM_H

#include "mail/mail.h"
#include "mail/object.h"

/* Bytes of the node's arena for RK__ROOM_SYNC; endpoints: of the whole program. Zeroed at the start. */
size_t rk__sync_area_bytes(uint32_t endpoints);
rk_status rk__sync_attach(rk__mail *mail, rk_error *err);

/* For rk_wait. Ready: an acquire or a wait would return at once. Locks, rlocks, semaphores, events; others RK_EINVAL.
 * It is a hint for all but events: another process may be faster. */
rk_status rk__sync_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
void rk__sync_unwatch(rk__mail *mail, rk__watch *watch);

/* Write letters to homes on one's own node too, as if it were another: for tests. */
void rk__sync_pretend_remote(rk__mail *mail, bool remote);

#endif
