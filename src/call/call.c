#include "call/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct running {
    rk__outcome *outcome;
    bool (*stopping)(void *ctx);
    void *ctx;
} running;

void *rk_call_result(rk_call *call, size_t size) {
    rk__outcome *outcome = ((running *)call->own)->outcome;
    void *bytes = size > 0 ? malloc(size) : NULL;
    if (size > 0 && bytes == NULL)
        return NULL;
    free(outcome->bytes);
    outcome->bytes = bytes;
    outcome->size = size;
    return bytes;
}

rk_status rk_call_return(rk_call *call, const void *bytes, size_t size) {
    void *room = rk_call_result(call, size);
    if (size > 0 && room == NULL)
        return rk_call_fail(call, RK_ENOMEM, "no memory for a result of %zu bytes", size);
    if (size > 0)
        memcpy(room, bytes, size);
    return RK_OK;
}

rk_status rk_call_fail(rk_call *call, rk_status code, const char *fmt, ...) {
    rk__outcome *outcome = ((running *)call->own)->outcome;
    va_list args;
    va_start(args, fmt);
    vsnprintf(outcome->message, sizeof outcome->message, fmt, args);
    va_end(args);
    return code;
}

bool rk_call_stopping(const rk_call *call) {
    const running *run = call->own;
    return run->stopping != NULL && run->stopping(run->ctx);
}

void rk__call_run(rk_function function, const void *arg, size_t arg_size, bool (*stopping)(void *ctx), void *ctx,
                  rk__outcome *outcome) {
    running run = {outcome, stopping, ctx};
    rk_call call = {arg, arg_size, &run};
    outcome->status = RK_OK;
    outcome->bytes = NULL;
    outcome->size = 0;
    outcome->message[0] = '\0';
    outcome->status = function(&call);
    if (outcome->status == RK_OK)
        return;
    free(outcome->bytes);
    outcome->bytes = NULL;
    outcome->size = 0;
}
