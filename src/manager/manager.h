/* src/manager: dictionaries, lists and namespaces (<rankine/manager.h>). */
#ifndef RANKINE_MANAGER_ROOM_H
#define RANKINE_MANAGER_ROOM_H

#include "mail/object.h"

rk_status rk__manager_attach(rk__mail *mail, rk_error *err);

#endif
