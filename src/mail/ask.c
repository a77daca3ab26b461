/* Questions and answers. A question is known by its number; the answer carries it. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mail/mail_private.h"

void rk__ask_receive(rk__mail *mail, rk__letter *letter) {
    for (rk__pending_call *call = mail->calls; call != NULL; call = call->next)
        if (call->call == letter->call && !call->done) {
            call->answer = *letter;
            call->answer.bytes = rk__letter_take(letter);
            if (call->answer.size > 0 && call->answer.bytes == NULL) {
                call->answer.status = RK_ENOMEM;
                call->answer.size = 0;
            }
            call->done = true;
            return;
        }
}

void rk__ask_died(rk__mail *mail, uint32_t endpoint) {
    for (rk__pending_call *call = mail->calls; call != NULL; call = call->next)
        if (call->to == endpoint && !call->done) {
            call->answer = (rk__letter){.status = RK_EDEAD};
            call->done = true;
        }
}

static void begin(rk__mail *mail, rk__pending_call *call, rk__letter *question) {
    *call = (rk__pending_call){.next = mail->calls, .call = ++mail->last_call, .to = question->to};
    question->call = call->call;
    mail->calls = call;
    if (rk__mail_is_dead(mail, question->to)) {
        call->answer.status = RK_EDEAD;
        call->done = true;
    }
}

static void end(rk__mail *mail, rk__pending_call *call) {
    rk__pending_call **at = &mail->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
}

static bool is_answered(void *ctx) {
    return ((const rk__pending_call *)ctx)->done;
}

static rk_status take_answer(rk__pending_call *call, rk__letter *answer, rk_error *err) {
    rk__letter *got = &call->answer;
    rk_status status = (rk_status)got->status;
    if (status == RK_EDEAD && got->size == 0)
        rk__fail(err, RK_EDEAD, "process %u, which was asked, has died", call->to);
    else if (status != RK_OK)
        rk__fail(err, status, "%.*s", got->size > 0 ? (int)got->size : 80,
                 got->size > 0 ? (const char *)got->bytes : rk_status_text(status));
    if (status == RK_OK && answer != NULL)
        *answer = *got;
    else
        free(got->bytes);
    return status;
}

rk_status rk__mail_ask_cancelable(rk__mail *mail, rk__letter *question, uint64_t deadline_ns, uint16_t cancel_op,
                                  rk__letter *answer, rk_error *err) {
    rk__pending_call call;
    begin(mail, &call, question);
    rk_status status = call.done ? RK_OK : rk__mail_send(mail, question, RK__PAYLOAD_COPY, err);
    if (status == RK_OK)
        status = rk__wait(mail, is_answered, &call, deadline_ns);
    if (status != RK_OK && !call.done && cancel_op != 0) {
        rk__letter cancel = {.to = question->to,
                             .room = question->room,
                             .op = cancel_op,
                             .call = call.call,
                             .a = question->a,
                             .b = question->b,
                             .c = question->c};
        rk_status why = status;
        status = rk__mail_send(mail, &cancel, RK__PAYLOAD_COPY, err);
        if (status == RK_OK) /* it answers: one way or the other, or it dies */
            rk__wait_out(mail, is_answered, &call);
        if (call.done && call.answer.status == RK_ETIMEDOUT)
            call.answer.status = (int32_t)why;
    }
    end(mail, &call);
    if (call.done)
        return take_answer(&call, answer, err);
    return rk__fail(err, status, "%s", rk_status_text(status));
}

rk_status rk__mail_ask(rk__mail *mail, rk__letter *question, uint64_t deadline_ns, rk__letter *answer, rk_error *err) {
    return rk__mail_ask_cancelable(mail, question, deadline_ns, 0, answer, err);
}

rk_status rk__mail_reach(rk__mail *mail, uint32_t endpoint, uint64_t deadline_ns) {
    rk__letter question = {.to = endpoint, .room = RK__ROOM_MAIL, .op = RK__MAIL_OP_REACH};
    return rk__mail_ask(mail, &question, deadline_ns, NULL, NULL);
}

void rk__ask_reached(rk__mail *mail, const rk__letter *letter) {
    rk__mail_answer(mail, (rk__question){letter->from, letter->call}, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

void rk__mail_answer(rk__mail *mail, rk__question to, rk_status status, uint64_t a, uint64_t b, void *bytes,
                     uint64_t size, rk__payload payload) {
    rk__letter letter = {.to = to.from,
                         .room = RK__ROOM_MAIL,
                         .op = RK__MAIL_OP_ANSWER,
                         .status = (int32_t)status,
                         .call = to.call,
                         .a = a,
                         .b = b,
                         .size = size,
                         .bytes = bytes};
    if (rk__mail_send(mail, &letter, payload, NULL) != RK_OK) { /* at least the status */
        letter.status = RK_ENOMEM;
        letter.size = 0;
        letter.bytes = NULL;
        rk__mail_send(mail, &letter, RK__PAYLOAD_COPY, NULL);
    }
}

void rk__mail_refuse(rk__mail *mail, rk__question to, rk_status status, const char *fmt, ...) {
    char text[RK_ERROR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    rk__mail_answer(mail, to, status, 0, 0, text, strlen(text), RK__PAYLOAD_COPY);
}
