/* One call of a member: letters of the others come whenever they come, and are taken when the call asks for them. */
#include <stdlib.h>
#include <string.h>

#include "collect/collect_private.h"

#define STUCK_NS    UINT64_C(200000000)
#define LARGE_BYTES UINT64_C(65536) /* larger payloads are not copied on their way out */
enum { WINDOW_LETTERS = 128, WINDOW_BYTES = 1 << 20, ACK_LETTERS = 32, ACK_BYTES = 1 << 16 };

/* ---- unlike calls ---- */

/* What this member called as number seq; NULL: too long ago. */
static const rk__signature *own_call(const rk__gathering *gathering, uint64_t seq) {
    uint64_t latest = gathering->inside ? gathering->seq : gathering->seq - 1;
    if (seq == latest)
        return &gathering->current;
    return seq + 1 == latest ? &gathering->previous : NULL;
}

static void break_mismatch(rk__gathering *gathering, uint64_t seq, uint32_t other, const rk__signature *theirs) {
    char mine[RK__SIGNATURE_TEXT_MAX], other_text[RK__SIGNATURE_TEXT_MAX];
    uint32_t me = rk__mail_endpoint(gathering->collect->mail);
    const rk__signature *own = own_call(gathering, seq);
    rk__gathering_break(gathering, RK_EINVAL,
                        "call %llu of rank %u is %s, that of rank %u is %s: all ranks make the same calls in the same "
                        "order",
                        (unsigned long long)seq + 1, other, rk__signature_text(theirs, other_text), me,
                        own != NULL ? rk__signature_text(own, mine) : "another one");
}

/* A letter is there, and this member's own call is known or past. */
static void compare(rk__gathering *gathering, const rk__parcel *parcel) {
    bool same = rk__signature_same(&parcel->signature, &gathering->current);
    if (parcel->seq < gathering->seq || (gathering->inside && parcel->seq == gathering->seq && !same))
        break_mismatch(gathering, parcel->seq, parcel->from, &parcel->signature);
}

static void compare_all(rk__gathering *gathering) {
    for (const rk__parcel *parcel = gathering->first; parcel != NULL; parcel = parcel->next)
        compare(gathering, parcel);
}

/* ---- letters ---- */

static rk__parcel *make_parcel(rk__letter *letter) {
    rk__parcel *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (rk__parcel){.from = letter->from,
                         .seq = letter->b,
                         .signature = rk__signature_of(letter->op, letter->a >> 32, letter->c),
                         .size = letter->size,
                         .bytes = rk__letter_take(letter)};
    if (made->bytes == NULL && made->size > 0) {
        free(made);
        return NULL;
    }
    return made;
}

void rk__exchange_data(rk__collect *collect, rk__letter *letter) {
    uint64_t size = letter->size;
    rk__gathering *gathering = rk__gathering_expect(collect, (uint32_t)letter->a, letter->call);
    if (gathering == NULL || letter->from >= collect->ranks)
        return;
    rk__parcel *parcel = make_parcel(letter);
    if (parcel == NULL) {
        rk__gathering_break(gathering, RK_ENOMEM, "rank %u has no memory for %llu bytes from rank %u",
                            rk__mail_endpoint(collect->mail), (unsigned long long)size, letter->from);
        return;
    }
    *gathering->last = parcel;
    gathering->last = &parcel->next;
    compare(gathering, parcel);
    gathering->ready |= parcel->seq == gathering->seq && parcel->from == gathering->awaited;
}

static bool is_over(const rk__peer *peer) {
    return peer->letters > WINDOW_LETTERS || peer->bytes > WINDOW_BYTES;
}

void rk__exchange_acked(rk__collect *collect, const rk__letter *letter) {
    rk__gathering *gathering = rk__gathering_find(collect, (uint32_t)letter->a, letter->call);
    if (gathering == NULL || letter->from >= collect->ranks)
        return;
    rk__peer *peer = &gathering->peers[letter->from];
    bool was_over = is_over(peer);
    peer->letters -= letter->b;
    peer->bytes -= letter->c;
    gathering->over -= was_over && !is_over(peer);
    gathering->ready |= gathering->over == 0 && gathering->awaited == RK__NOBODY;
}

static void count_sent(rk__gathering *gathering, uint32_t to, uint64_t size) {
    rk__peer *peer = &gathering->peers[to];
    bool was_over = is_over(peer);
    peer->letters++;
    peer->bytes += size;
    gathering->over += !was_over && is_over(peer);
}

static void count_taken(rk__gathering *gathering, uint32_t from, uint64_t size) {
    rk__peer *peer = &gathering->peers[from];
    peer->taken_letters++;
    peer->taken_bytes += size;
    if (peer->taken_letters < ACK_LETTERS && peer->taken_bytes < ACK_BYTES)
        return;
    rk__letter ack = {.op = RK__COLLECT_ACK,
                      .call = gathering->number,
                      .a = gathering->head,
                      .b = peer->taken_letters,
                      .c = peer->taken_bytes};
    peer->taken_letters = peer->taken_bytes = 0;
    rk__collect_send(gathering->collect, from, ack, NULL);
}

/* ---- waiting ---- */

static bool is_ready(void *ctx) {
    return ((const rk__gathering *)ctx)->ready;
}

/* Perhaps nobody will send what is awaited: the head can tell. */
static void tell_stuck(rk__gathering *gathering) {
    const rk__signature *s = &gathering->current;
    rk__letter letter = {.op = rk__signature_op(s, RK__COLLECT_STUCK),
                         .call = gathering->number,
                         .a = gathering->seq,
                         .b = s->root,
                         .c = s->count};
    rk__collect_send(gathering->collect, gathering->head, letter, NULL);
    gathering->told_stuck = true;
}

static rk_status wait_ready(rk__gathering *gathering) {
    rk__mail *mail = gathering->collect->mail;
    if (is_ready(gathering))
        return RK_OK;
    uint64_t stuck_ns = gathering->told_stuck ? RK__NEVER : rk__clock_ns() + STUCK_NS;
    bool first = stuck_ns < gathering->deadline_ns;
    rk_status status = rk__wait(mail, is_ready, gathering, first ? stuck_ns : gathering->deadline_ns);
    if (status != RK_ETIMEDOUT || !first)
        return status;
    tell_stuck(gathering);
    return rk__wait(mail, is_ready, gathering, gathering->deadline_ns);
}

static rk_status explain_wait(rk__gathering *gathering, rk_status status) {
    char text[RK__SIGNATURE_TEXT_MAX];
    rk__signature_text(&gathering->current, text);
    if (status == RK_ECANCELLED)
        return rk__fail(&gathering->err, status, "told to end in %s", text);
    if (gathering->awaited == RK__NOBODY)
        return rk__fail(&gathering->err, status, "%s: the others did not come in time", text);
    return rk__fail(&gathering->err, status, "%s: rank %u did not come in time", text, gathering->awaited);
}

static rk_status say_trouble(rk__gathering *gathering) {
    const rk__trouble *trouble = &gathering->trouble;
    rk__fail(&gathering->err, trouble->status, "%s", trouble->text);
    gathering->err.rank = (int)trouble->who;
    return trouble->status;
}

static rk_status await(rk__gathering *gathering, uint32_t from, bool there) {
    gathering->awaited = from;
    gathering->ready = there || rk__gathering_hurt(gathering);
    rk_status status = wait_ready(gathering);
    if (rk__gathering_hurt(gathering))
        return say_trouble(gathering);
    return status == RK_OK ? RK_OK : explain_wait(gathering, status);
}

/* ---- within a call ---- */

rk_status rk__exchange_send(rk__gathering *gathering, uint32_t to, const void *bytes, uint64_t size) {
    const rk__signature *s = &gathering->current;
    rk__letter letter = {.to = to,
                         .room = RK__ROOM_COLLECT,
                         .op = rk__signature_op(s, RK__COLLECT_DATA),
                         .call = gathering->number,
                         .a = gathering->head | (uint64_t)s->root << 32,
                         .b = gathering->seq,
                         .c = s->count,
                         .size = size,
                         .bytes = size > 0 ? (void *)(uintptr_t)bytes : NULL};
    rk_status status = size > LARGE_BYTES
                           ? rk__mail_send_large(gathering->collect->mail, &letter, &gathering->err)
                           : rk__mail_send(gathering->collect->mail, &letter, RK__PAYLOAD_COPY, &gathering->err);
    count_sent(gathering, to, size);
    return status;
}

static rk__parcel **find(rk__gathering *gathering, uint32_t from) {
    rk__parcel **at = &gathering->first;
    while (*at != NULL && ((*at)->from != from || (*at)->seq != gathering->seq))
        at = &(*at)->next;
    return at;
}

static rk__parcel *unlink_parcel(rk__gathering *gathering, rk__parcel **at) {
    rk__parcel *parcel = *at;
    *at = parcel->next;
    if (parcel->next == NULL)
        gathering->last = at;
    return parcel;
}

rk_status rk__exchange_take(rk__gathering *gathering, uint32_t from, uint64_t size, void **bytes) {
    RK_TRY(await(gathering, from, *find(gathering, from) != NULL));
    rk__parcel *parcel = unlink_parcel(gathering, find(gathering, from));
    uint64_t got = parcel->size;
    *bytes = parcel->bytes;
    free(parcel);
    count_taken(gathering, from, got);
    if (got == size)
        return RK_OK;
    free(*bytes);
    return rk__fail(&gathering->err, RK_EINVAL,
                    "rank %u sends %llu bytes, rank %u expects %llu: the counts that they give differ", from,
                    (unsigned long long)got, rk__mail_endpoint(gathering->collect->mail), (unsigned long long)size);
}

rk_status rk__exchange_receive(rk__gathering *gathering, uint32_t from, void *into, uint64_t size) {
    void *bytes;
    RK_TRY(rk__exchange_take(gathering, from, size, &bytes));
    if (size > 0)
        memcpy(into, bytes, (size_t)size);
    free(bytes);
    return RK_OK;
}

/* ---- a call ---- */

static rk_status hand_out(const rk_error *from, rk_error *err) {
    if (err != NULL)
        *err = *from;
    return from->code;
}

static rk_status not_in_one(rk_error *err) {
    return rk__fail(err, RK_EPERM,
                    "not in a gathering: collective calls are made by a function that rk_everywhere runs");
}

static void enter_call(rk__gathering *gathering, const rk__signature *signature, double timeout_seconds) {
    uint64_t deadline = rk__deadline(timeout_seconds);
    gathering->previous = gathering->current;
    gathering->current = *signature;
    gathering->inside = true;
    gathering->told_stuck = false;
    gathering->digest = rk__signature_digest(gathering->digest, signature);
    gathering->deadline_ns = deadline < gathering->limit_ns ? deadline : gathering->limit_ns;
    rk__error_clear(&gathering->err);
    compare_all(gathering);
}

rk_status rk__collective_begin(rk__gathering **out, const rk__signature *signature, double timeout_seconds,
                               rk_error *err) {
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    rk__gathering *gathering = rk__gathering_current(rk__collect_room(mail));
    rk_status status = gathering != NULL ? RK_OK : not_in_one(err);
    if (status == RK_OK && !rk__gathering_hurt(gathering))
        enter_call(gathering, signature, timeout_seconds);
    if (status == RK_OK && rk__gathering_hurt(gathering)) {
        say_trouble(gathering);
        gathering->inside = false;
        status = hand_out(&gathering->err, err);
    }
    if (status != RK_OK) {
        rk__leave(mail);
        return status;
    }
    *out = gathering;
    return RK_OK;
}

/* The others need not wait for us any more. */
static void give_up(rk__gathering *gathering) {
    char text[RK__SIGNATURE_TEXT_MAX];
    bool wrong = gathering->err.code == RK_EINVAL;
    rk__gathering_break(gathering, wrong ? RK_EINVAL : RK_EBROKEN, "rank %u gave up: %s%s%s",
                        rk__mail_endpoint(gathering->collect->mail),
                        wrong ? rk__signature_text(&gathering->current, text) : "", wrong ? ": " : "",
                        gathering->err.message);
}

rk_status rk__collective_end(rk__gathering *gathering, rk_status status, rk_error *err) {
    rk__mail *mail = gathering->collect->mail;
    if (status == RK_OK)
        status = await(gathering, RK__NOBODY, gathering->over == 0);
    if (status != RK_OK && rk__gathering_hurt(gathering))
        status = say_trouble(gathering);
    else if (status != RK_OK)
        give_up(gathering);
    gathering->inside = false;
    gathering->awaited = RK__NOBODY;
    if (status == RK_OK)
        gathering->seq++;
    else
        hand_out(&gathering->err, err);
    rk__leave(mail);
    return status;
}
