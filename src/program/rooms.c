#include "program/rooms.h"

#include <stdio.h>

#include "channel/channel.h"
#include "collect/collect.h"
#include "manager/manager.h"
#include "pool/pool.h"
#include "process/process.h"
#include "program/log.h"
#include "shared/shared.h"
#include "sync/sync.h"

#define POOL_SECONDS 10.0

/* As Python's processes do. */
static void tell_of_failure(const rk_process_info *process) {
    fprintf(stderr, "rankine: process '%s' on rank %d failed: %s\n", process->name, process->rank, process->message);
}

/* Python waits as well; but a root that has failed would seem to hang. */
static void tell_of_waiting(uint32_t rank) {
    fprintf(stderr,
            "rankine: root has ended; still waiting for processes that rank %u has started (not for daemons, nor for "
            "those that were terminated and heed it)\n",
            (unsigned)rank);
}

void rk__rooms_bytes(size_t room_bytes[RK__ROOM_COUNT], uint32_t endpoints) {
    for (int room = 0; room < RK__ROOM_COUNT; room++)
        room_bytes[room] = 0;
    room_bytes[RK__ROOM_SYNC] = rk__sync_area_bytes(endpoints);
    room_bytes[RK__ROOM_SHARED] = rk__shared_area_bytes();
}

rk_status rk__rooms_attach(rk__mail *mail, const char *job_name, rk_error *err) {
    RK_TRY(rk__sync_attach(mail, err));
    RK_TRY(rk__channel_attach(mail, err));
    RK_TRY(rk__shared_attach(mail, job_name, err));
    RK_TRY(rk__manager_attach(mail, err));
    RK_TRY(rk__collect_attach(mail, err));
    RK_TRY(rk__process_attach(mail, tell_of_failure, err));
    RK_TRY(rk__pool_attach(mail, err));
    return rk__log_attach(mail, rk__process_name, err);
}

bool rk__rooms_finish(void) {
    rk__pool_finish(rk__deadline(POOL_SECONDS));
    bool done = rk__process_finish(tell_of_waiting);
    rk__log_finish();
    return done;
}
