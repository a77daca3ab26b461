/* src/channel: queues and pipes (<rankine/queue.h>). */
#ifndef RANKINE_CHANNEL_H
#define RANKINE_CHANNEL_H

#include "mail/object.h"

rk_status rk__channel_attach(rk__mail *mail, rk_error *err);

/* For rk_wait: a queue has a message or is closed; an end of a pipe can be received from, or sees the other's end. The
 * first use of a pipe's end waits for its home's word. */
rk_status rk__channel_watch(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
void rk__channel_unwatch(rk__mail *mail, rk__watch *watch);

#endif
