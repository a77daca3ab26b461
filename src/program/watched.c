#include "channel/channel.h"
#include "pool/pool.h"
#include "process/process.h"
#include "program/wait.h"
#include "sync/sync.h"

const rk__watcher_of_kind rk__watched_kinds[] = {
    {RK__KIND_LOCK, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_RLOCK, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_SEMAPHORE, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_EVENT, rk__sync_watch, rk__sync_unwatch},
    {RK__KIND_QUEUE, rk__channel_watch, rk__channel_unwatch},
    {RK__KIND_PIPE_END, rk__channel_watch, rk__channel_unwatch},
    {RK__KIND_FUTURE, rk__pool_watch, rk__pool_unwatch},
    {RK__KIND_PROCESS, rk__process_watch, rk__process_unwatch},
    {RK__KIND_NONE, NULL, NULL},
};
