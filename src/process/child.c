/* What a child does: it serves like a rank. Strands of it run functions; its first one waits to be told to end. */
#include <unistd.h>

#include "process/process_private.h"

static bool is_leaving(void *ctx) {
    return ((const rk__room_of_processes *)ctx)->leaving;
}

int rk__process_serve_child(rk__mail *mail, const rk__birth *birth) {
    rk__room_of_processes *room = rk__process_room(mail);
    uint32_t rank = rk__mail_rank_of(mail, birth->endpoint);
    rk__enter(NULL);
    rk__process_send(room, rank, RK__PROCESS_HELLO, birth->slot, birth->number, (uint64_t)getpid());
    rk__wait(mail, is_leaving, room, RK__NEVER);
    rk__home_finish_own(room, UINT64_MAX);
    rk__mail_flush(mail, rk__clock_ns() + RK__DAEMONS_NS);
    rk__leave(mail);
    return room->exit_code;
}
