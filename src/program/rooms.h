/* All rooms that stand on the mail, in one place: what each wants of the arena, how it begins and how it ends. */
#ifndef RANKINE_ROOMS_H
#define RANKINE_ROOMS_H

#include "mail/mail.h"

void rk__rooms_bytes(size_t room_bytes[RK__ROOM_COUNT], uint32_t endpoints);
/* On failure what was attached is destroyed with the mail. The job's name is the same on all ranks. */
rk_status rk__rooms_attach(rk__mail *mail, const char *job_name, rk_error *err);
/* On rank 0, when root has returned: what it left running is joined or ended. false: some of it does not end. */
bool rk__rooms_finish(void);

#endif
