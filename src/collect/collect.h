/* src/collect: a function on all ranks at once, and the movement of data between them (<rankine/collect.h>). */
#ifndef RANKINE_COLLECT_ROOM_H
#define RANKINE_COLLECT_ROOM_H

#include "mail/mail.h"

rk_status rk__collect_attach(rk__mail *mail, rk_error *err);

#endif
