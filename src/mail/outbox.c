/* Letters for which there was no room: queues in our own memory, flushed whenever somebody polls. There is one for each
 * endpoint where letters go next, so that all that takes one way stays in order: the news of a death must not overtake
 * what the dead one had said to another child of the same rank. */
#include <stdlib.h>

#include "mail/mail_private.h"

void rk__outgoing_free(rk__outgoing *outgoing) {
    if (outgoing->gone != NULL)
        *outgoing->gone = true;
    else
        free(outgoing->letter.bytes);
    free(outgoing);
}

bool rk__outbox_is_empty(const rk__mail *mail, uint32_t to) {
    return mail->outboxes[rk__mail_hop(mail, to)].first == NULL;
}

void rk__outbox_add(rk__mail *mail, rk__outgoing *outgoing) {
    uint32_t hop = rk__mail_hop(mail, outgoing->letter.to);
    rk__outbox *box = &mail->outboxes[hop];
    if (box->last != NULL)
        box->last->next = outgoing;
    else
        box->first = outgoing;
    box->last = outgoing;
    if (!box->listed) {
        mail->waiting[mail->waiting_count++] = hop;
        box->listed = true;
    }
}

static bool put_piece(rk__mail *mail, rk__outgoing *out, size_t bytes) {
    const rk__letter *letter = &out->letter;
    rk__fragment head = {letter->from, letter->to, letter->room, letter->op,   letter->status, letter->call,
                         letter->a,    letter->b,  letter->c,    letter->size, out->sent};
    const unsigned char *piece = letter->bytes;
    if (piece != NULL)
        piece += out->sent - out->from;
    return rk__mail_put_fragment(mail, &head, piece, bytes);
}

/* As much of it as goes out now, in *count pieces; true: all. */
static bool push(rk__mail *mail, rk__outgoing *out, size_t *count) {
    size_t most = rk__mail_piece_max(mail, out->letter.to);
    while (!out->begun || out->sent < out->until) {
        uint64_t left = out->until - out->sent;
        size_t bytes = left < most ? (size_t)left : most;
        if (!put_piece(mail, out, bytes))
            return false;
        out->begun = true;
        out->sent += bytes;
        ++*count;
    }
    return true;
}

static size_t flush_one(rk__mail *mail, rk__outbox *box) {
    size_t count = 0;
    while (box->first != NULL && push(mail, box->first, &count)) {
        rk__outgoing *out = box->first;
        box->first = out->next;
        if (box->first == NULL)
            box->last = NULL;
        rk__outgoing_free(out);
    }
    return count;
}

size_t rk__outbox_flush(rk__mail *mail) {
    size_t count = 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < mail->waiting_count; i++) {
        uint32_t hop = mail->waiting[i];
        rk__outbox *box = &mail->outboxes[hop];
        count += flush_one(mail, box);
        if (box->first != NULL)
            mail->waiting[kept++] = hop;
        else
            box->listed = false;
    }
    mail->waiting_count = kept;
    return count;
}

static bool is_empty(void *ctx) {
    return ((const rk__mail *)ctx)->waiting_count == 0;
}

rk_status rk__mail_flush(rk__mail *mail, uint64_t deadline_ns) {
    return rk__wait(mail, is_empty, mail, deadline_ns);
}

void rk__outbox_drop(rk__mail *mail, uint32_t endpoint) {
    rk__outbox *box = &mail->outboxes[rk__mail_hop(mail, endpoint)];
    rk__outgoing **at = &box->first;
    box->last = NULL;
    while (*at != NULL) {
        rk__outgoing *out = *at;
        if (out->letter.to != endpoint) {
            box->last = out;
            at = &out->next;
            continue;
        }
        *at = out->next;
        rk__outgoing_free(out);
    }
}

void rk__outbox_fini(rk__mail *mail) {
    for (uint32_t e = 0; e < mail->endpoints; e++)
        rk__outbox_drop(mail, e);
    while (mail->self_first != NULL) {
        rk__outgoing *out = mail->self_first;
        mail->self_first = out->next;
        rk__outgoing_free(out);
    }
    mail->self_last = NULL;
}
