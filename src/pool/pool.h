/* src/pool: pools of workers and their futures, <rankine/pool.h>. pool_private.h says how. */
#ifndef RANKINE_POOL_ROOM_H
#define RANKINE_POOL_ROOM_H

#include <rankine/pool.h>

#include "mail/object.h"

rk_status rk__pool_attach(rk__mail *mail, rk_error *err);
/* Terminates the pools that are left here, and waits for their workers, until the deadline at most. */
void rk__pool_finish(uint64_t deadline_ns);

/* For rk_wait: a future of this process. */
rk_status rk__pool_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
void rk__pool_unwatch(rk__mail *mail, rk__watch *watch);

#endif
