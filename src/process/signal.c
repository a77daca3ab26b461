/* Ending processes, and forgetting them. */
#include <signal.h>

#include "process/process_private.h"

static rk_status tell(rk_process process, rk__process_op op, uint64_t b, rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__letter question = {
        .to = process.ref.home, .room = RK__ROOM_PROCESS, .op = (uint16_t)op, .a = process.ref.serial, .b = b};
    rk_status status = rk__ref_check(mail, process.ref, RK__KIND_PROCESS, err);
    if (status == RK_OK)
        status = rk__mail_ask(mail, &question, RK__NEVER, NULL, err);
    rk__leave(mail);
    return status;
}

rk_status rk_process_terminate(rk_process process, rk_error *err) {
    return tell(process, RK__PROCESS_SIGNAL, SIGTERM, err);
}

rk_status rk_process_kill(rk_process process, rk_error *err) {
    return tell(process, RK__PROCESS_SIGNAL, SIGKILL, err);
}

rk_status rk_process_close(rk_process process, rk_error *err) {
    return tell(process, RK__PROCESS_CLOSE, 0, err);
}
