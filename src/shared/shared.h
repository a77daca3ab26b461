/* src/shared: values, arrays, bytes and lists that all ranks can use: see <rankine/shared.h>, and shared_private.h for
 * how it works. This is what the program needs of the room. */
#ifndef RANKINE_SHARED_ROOM_H
#define RANKINE_SHARED_ROOM_H

#include <rankine/shared.h>

#include "mail/mail.h"

/* What the room needs of the arena; only what is used becomes pages. */
size_t rk__shared_area_bytes(void);
/* Shared memory objects are named "<job_name>-s<hexadecimal>", which is at most 31 bytes for the first node of a job
 * with a name of rk__launch_job_name, the most that macOS allows. The name is the same on all ranks. */
rk_status rk__shared_attach(rk__mail *mail, const char *job_name, rk_error *err);
/* For tests: treat every object as that of another node. */
void rk__shared_pretend_remote(rk__mail *mail, bool pretend);

#endif
