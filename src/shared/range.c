/* Many bytes at once. On the node: memcpy, in pieces between which letters are handled. To and from other nodes: pieces
 * too, of which a few are on their way at a time, so that neither side needs much memory and the way is never empty. */
#include <stdlib.h>
#include <string.h>

#include "shared/shared_private.h"

#define COPY_BYTES  (UINT64_C(4) << 20)
#define PIECE_BYTES (UINT64_C(128) << 10)
enum { PIECES_ON_THE_WAY = 8 };

struct rk__transfer {
    rk__transfer *next;
    uint64_t number;
    const rk__range *range;
    uint64_t asked;  /* bytes of the range that are done or on their way */
    uint32_t flying; /* pieces on their way */
    rk_status status;
    rk_error err;
};

/* ---- on this node ---- */

static rk_status check(const rk__facts *facts, const rk__range *range, rk_error *err) {
    uint64_t each = range->ref.kind == RK__KIND_ARRAY ? rk__type_bytes((rk_type)facts->type) : 1;
    uint64_t end;
    if (range->ref.kind == RK__KIND_ARRAY && facts->type != range->type)
        return rk__fail(err, RK_EINVAL, "this array is of type %s, not %s", rk__type_name((rk_type)facts->type),
                        rk__type_name((rk_type)range->type));
    if (rk__add_u64(range->offset, range->bytes, &end) && end <= facts->count * each)
        return RK_OK;
    return rk__fail(err, RK_EINVAL, "%llu %s from number %llu on: this %s has %llu",
                    (unsigned long long)(range->bytes / each), each == 1 ? "bytes" : "elements",
                    (unsigned long long)(range->offset / each), rk__kind_text(range->ref.kind),
                    (unsigned long long)facts->count);
}

/* Where its bytes are; NULL if there are none. */
static rk_status locate(rk__shared *shared, const rk__range *range, unsigned char **at, rk_error *err) {
    rk__facts facts;
    rk__mapping *mapping;
    RK_TRY(rk__slot_find(shared, range->ref, &facts, err));
    RK_TRY(check(&facts, range, err));
    *at = NULL;
    if (range->bytes == 0)
        return RK_OK;
    RK_TRY(rk__segment_map(shared, &facts, &mapping, err));
    *at = mapping->bytes + range->offset;
    return RK_OK;
}

static rk_status move_here(rk__shared *shared, const rk__range *range, rk_error *err) {
    uint64_t done = 0;
    do { /* it may be destroyed between two pieces */
        unsigned char *at;
        RK_TRY(locate(shared, range, &at, err));
        uint64_t left = range->bytes - done;
        size_t now = (size_t)(left < COPY_BYTES ? left : COPY_BYTES);
        if (now > 0 && range->put)
            memcpy(at + done, range->data + done, now);
        else if (now > 0)
            memcpy(range->data + done, at + done, now);
        done += now;
        if (done < range->bytes) {
            rk__yield(shared->mail);
            RK_TRY(rk__ref_check(shared->mail, range->ref, (rk__kind)range->ref.kind, err));
        }
    } while (done < range->bytes);
    return RK_OK;
}

/* ---- from and to other nodes: the asker ---- */

static rk_status send_piece(rk__shared *shared, rk__transfer *transfer) {
    const rk__range *range = transfer->range;
    uint64_t left = range->bytes - transfer->asked, bytes = left < PIECE_BYTES ? left : PIECE_BYTES;
    rk__shared_piece piece = {
        range->ref.serial, range->ref.kind, range->type, transfer->number, range->offset + transfer->asked, bytes};
    size_t size = sizeof piece + (range->put ? (size_t)bytes : 0);
    unsigned char *letter_bytes;
    RK_TRY(rk__alloc((void **)&letter_bytes, size, 1, "a piece", &transfer->err));
    memcpy(letter_bytes, &piece, sizeof piece);
    if (range->put && bytes > 0)
        memcpy(letter_bytes + sizeof piece, range->data + transfer->asked, (size_t)bytes);
    rk__letter letter = {.to = range->ref.home,
                         .room = RK__ROOM_SHARED,
                         .op = range->put ? RK__SHARED_PUT : RK__SHARED_GET,
                         .size = size,
                         .bytes = letter_bytes};
    RK_TRY(rk__mail_send(shared->mail, &letter, RK__PAYLOAD_TAKE, &transfer->err));
    transfer->asked += bytes;
    transfer->flying++;
    return RK_OK;
}

static void send_more(rk__shared *shared, rk__transfer *transfer) {
    while (transfer->status == RK_OK && transfer->flying < PIECES_ON_THE_WAY &&
           transfer->asked < transfer->range->bytes)
        transfer->status = send_piece(shared, transfer);
}

static bool has_landed(void *ctx) {
    return ((const rk__transfer *)ctx)->flying == 0;
}

static rk_status move_there(rk__shared *shared, const rk__range *range, rk_error *err) {
    rk__transfer transfer = {
        .next = shared->transfers, .number = ++shared->last_transfer, .range = range, .err = RK_ERROR_INIT};
    shared->transfers = &transfer;
    transfer.status = send_piece(shared, &transfer); /* also of a range without bytes: is it right? */
    send_more(shared, &transfer);
    rk_status waited = rk__wait(shared->mail, has_landed, &transfer, RK__NEVER);
    rk__transfer **at = &shared->transfers; /* what comes now is dropped */
    while (*at != &transfer)
        at = &(*at)->next;
    *at = transfer.next;
    if (transfer.status != RK_OK)
        return rk__fail(err, transfer.status, "%s", transfer.err.message);
    return waited == RK_OK ? RK_OK : rk__fail(err, waited, "%s", rk_status_text(waited));
}

static void take_piece(rk__shared *shared, const rk__letter *letter) {
    rk__transfer *transfer = shared->transfers;
    while (transfer != NULL && transfer->number != letter->call)
        transfer = transfer->next;
    if (transfer == NULL || transfer->flying == 0)
        return;
    transfer->flying--;
    if (letter->status != RK_OK && transfer->status == RK_OK)
        transfer->status = rk__fail(&transfer->err, (rk_status)letter->status, "%.*s", (int)letter->size,
                                    letter->size > 0 ? (const char *)letter->bytes : "");
    else if (letter->status == RK_OK && letter->size > 0)
        memcpy(transfer->range->data + (letter->a - transfer->range->offset), letter->bytes, (size_t)letter->size);
    send_more(shared, transfer);
}

void rk__range_died(rk__shared *shared, uint32_t endpoint) {
    for (rk__transfer *transfer = shared->transfers; transfer != NULL; transfer = transfer->next)
        if (transfer->range->ref.home == endpoint && transfer->flying > 0) {
            transfer->flying = 0;
            transfer->status = rk__fail(&transfer->err, RK_EDEAD, "process %u, where this %s lived, has died", endpoint,
                                        rk__kind_text(transfer->range->ref.kind));
        }
}

/* ---- the home ---- */

static void answer_piece(rk__shared *shared, rk__letter *letter) {
    const rk__shared_piece *piece = letter->bytes;
    rk__range range = {.ref = {piece->serial, rk__mail_endpoint(shared->mail), piece->kind},
                       .type = piece->type,
                       .put = letter->op == RK__SHARED_PUT,
                       .offset = piece->offset,
                       .bytes = piece->bytes};
    unsigned char *at = NULL;
    rk_error err = RK_ERROR_INIT;
    rk_status status = locate(shared, &range, &at, &err);
    rk__letter answer = {.to = letter->from,
                         .room = RK__ROOM_SHARED,
                         .op = RK__SHARED_PIECE,
                         .status = (int32_t)status,
                         .call = piece->transfer,
                         .a = piece->offset};
    if (status != RK_OK) {
        answer.bytes = err.message;
        answer.size = strlen(err.message);
    } else if (range.put && range.bytes > 0) {
        memcpy(at, piece + 1, (size_t)range.bytes);
    } else {
        answer.bytes = at;
        answer.size = range.put ? 0 : range.bytes;
    }
    if (rk__mail_send(shared->mail, &answer, RK__PAYLOAD_COPY, NULL) == RK_OK)
        return;
    answer.status = RK_ENOMEM;
    answer.size = 0;
    rk__mail_send(shared->mail, &answer, RK__PAYLOAD_COPY, NULL);
}

void rk__range_receive(rk__shared *shared, rk__letter *letter) {
    if (letter->op == RK__SHARED_PIECE)
        take_piece(shared, letter);
    else
        answer_piece(shared, letter);
}

rk_status rk__range_move(rk__shared *shared, const rk__range *range, rk_error *err) {
    return rk__shared_is_near(shared, range->ref.home) ? move_here(shared, range, err) : move_there(shared, range, err);
}
