#include "call/call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/mail.h"

static _Thread_local rk_function now; /* what is said should it end the process */

static _Thread_local int inner; /* how deep */
static _Thread_local bool lost;

rk_function rk__call_running(void) {
    return now;
}

/* What comes next is its parent's to do. */
static void end_copy(void) {
    if (rk__mail_is_copy())
        _exit(EXIT_FAILURE);
}

void rk__call_inner(bool begins) {
    end_copy();
    inner += begins ? 1 : -1;
}

bool rk__call_is_lost(void) {
    return lost;
}

void rk__call_lost(rk__outcome *outcome) {
    lost = inner > 0;
    if (lost)
        abort();
    *outcome = (rk__outcome){.status = RK_EDEAD};
    snprintf(outcome->message, sizeof outcome->message,
             "the function ended its thread (pthread_exit or pthread_cancel): it must return a status");
}

static void drop_result(const rk__calls *calls) {
    if (calls->outcome->bytes != calls->room)
        free(calls->outcome->bytes);
    calls->outcome->bytes = NULL;
    calls->outcome->size = 0;
}

void *rk_call_result(rk_call *call, size_t size) {
    const rk__calls *calls = call->own;
    bool fits = size <= calls->room_size;
    void *bytes = size == 0 ? NULL : fits ? calls->room : malloc(size);
    if (size > 0 && bytes == NULL)
        return NULL;
    drop_result(calls);
    calls->outcome->bytes = bytes;
    calls->outcome->size = size;
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
    rk__outcome *outcome = ((rk__calls *)call->own)->outcome;
    va_list args;
    va_start(args, fmt);
    vsnprintf(outcome->message, sizeof outcome->message, fmt, args);
    va_end(args);
    return code;
}

bool rk_call_stopping(const rk_call *call) {
    const rk__calls *calls = call->own;
    return calls->stopping != NULL && calls->stopping(calls->ctx);
}

void *rk__call_ctx(const rk_call *call, bool (*stopping)(void *ctx)) {
    const rk__calls *calls = call->own;
    return calls->stopping == stopping ? calls->ctx : NULL;
}

/* Its own words, else those of the call that failed with what it returns. */
static void explain(const rk__calls *calls) {
    rk__outcome *outcome = calls->outcome;
    char text[100];
    if (outcome->message[0] != '\0')
        return;
    if (calls->err.code == outcome->status && calls->err.message[0] != '\0')
        snprintf(outcome->message, sizeof outcome->message, "%s", calls->err.message);
    else
        snprintf(outcome->message, sizeof outcome->message, "the function returned %s",
                 rk__format_status(outcome->status, text, sizeof text));
}

void rk__calls_begin(rk__calls *calls, rk_function function, bool (*stopping)(void *ctx), void *ctx, size_t room_size,
                     rk__outcome *outcome) {
    calls->function = function;
    calls->outer = now; /* the action of a barrier is run within another */
    calls->call.err = &calls->err;
    calls->call.own = calls;
    calls->outcome = outcome;
    calls->err.rank = -1;
    calls->stopping = stopping;
    calls->ctx = ctx;
    calls->room_size = room_size;
    now = function;
}

void rk__calls_end(const rk__calls *calls) {
    now = calls->outer;
}

/* Short functions are called often: of texts only the beginning is cleared. */
rk_status rk__calls_run(rk__calls *calls, const void *arg, size_t arg_size, void *room) {
    rk__outcome *outcome = calls->outcome;
    calls->call.arg = arg;
    calls->call.arg_size = arg_size;
    calls->room = room;
    calls->err.code = RK_OK;
    calls->err.message[0] = '\0';
    outcome->bytes = NULL;
    outcome->size = 0;
    outcome->message[0] = '\0';
    outcome->status = calls->function(&calls->call);
    end_copy();
    if (outcome->status != RK_OK) {
        drop_result(calls);
        explain(calls);
    }
    return outcome->status;
}

void rk__call_run(rk_function function, const void *arg, size_t arg_size, bool (*stopping)(void *ctx), void *ctx,
                  rk__outcome *outcome) {
    rk__calls calls;
    rk__calls_begin(&calls, function, stopping, ctx, 0, outcome);
    rk__calls_run(&calls, arg, arg_size, NULL);
    rk__calls_end(&calls);
}
