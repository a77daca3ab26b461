/* src/channel: queues and pipes (<rankine/queue.h>). */
#ifndef RANKINE_CHANNEL_H
#define RANKINE_CHANNEL_H

#include "mail/object.h"

rk_status rk__channel_attach(rk__mail *mail, rk_error *err);

/* Wait until what this process has put and sent has arrived where it is kept. To be called when a function has ended,
 * before anybody is told: then a queue has all its messages before those of whoever waited for it, as in Python, where
 * a process ends after it has flushed its queues. Costs nothing if nothing was put. RK_ECANCELLED. */
rk_status rk__channel_flush(rk__mail *mail);

/* For rk_wait: a queue has a message or is closed; an end of a pipe can be received from, or sees the other's end. The
 * first use of a pipe's end waits for its home's word. */
rk_status rk__channel_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
void rk__channel_unwatch(rk__mail *mail, rk__watch *watch);

#endif
