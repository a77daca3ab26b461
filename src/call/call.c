#include "call/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct running {
    rk__outcome *outcome;
    rk_error err; /* of the calls it makes */
    bool (*stopping)(void *ctx);
    void *ctx;
    void *room; /* for small results; not to be freed */
    size_t room_size;
} running;

static _Thread_local rk_function now; /* what is said should it end the process */

rk_function rk__call_running(void) {
    return now;
}

static void drop_result(const running *run) {
    if (run->outcome->bytes != run->room)
        free(run->outcome->bytes);
    run->outcome->bytes = NULL;
    run->outcome->size = 0;
}

void *rk_call_result(rk_call *call, size_t size) {
    const running *run = call->own;
    bool fits = size <= run->room_size;
    void *bytes = size == 0 ? NULL : fits ? run->room : malloc(size);
    if (size > 0 && bytes == NULL)
        return NULL;
    drop_result(run);
    run->outcome->bytes = bytes;
    run->outcome->size = size;
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

void *rk__call_ctx(const rk_call *call, bool (*stopping)(void *ctx)) {
    const running *run = call->own;
    return run->stopping == stopping ? run->ctx : NULL;
}

/* Its own words, else those of the call that failed with what it returns. */
static void explain(const running *run) {
    rk__outcome *outcome = run->outcome;
    char text[100];
    if (outcome->message[0] != '\0')
        return;
    if (run->err.code == outcome->status && run->err.message[0] != '\0')
        snprintf(outcome->message, sizeof outcome->message, "%s", run->err.message);
    else
        snprintf(outcome->message, sizeof outcome->message, "the function returned %s",
                 rk__format_status(outcome->status, text, sizeof text));
}

void rk__call_run_into(rk_function function, const void *arg, size_t arg_size, bool (*stopping)(void *ctx), void *ctx,
                       void *room, size_t room_size, rk__outcome *outcome) {
    running run;
    rk_call call = {arg, arg_size, &run.err, &run};
    run.outcome = outcome;
    run.stopping = stopping;
    run.ctx = ctx;
    run.room = room;
    run.room_size = room_size;
    run.err.code = RK_OK; /* not all of its text is cleared: short functions are called often */
    run.err.rank = -1;
    run.err.message[0] = '\0';
    outcome->bytes = NULL;
    outcome->size = 0;
    outcome->message[0] = '\0';
    rk_function outer = now; /* the action of a barrier is run within another */
    now = function;
    outcome->status = function(&call);
    now = outer;
    if (outcome->status == RK_OK)
        return;
    drop_result(&run);
    explain(&run);
}

void rk__call_run(rk_function function, const void *arg, size_t arg_size, bool (*stopping)(void *ctx), void *ctx,
                  rk__outcome *outcome) {
    rk__call_run_into(function, arg, arg_size, stopping, ctx, NULL, 0, outcome);
}
