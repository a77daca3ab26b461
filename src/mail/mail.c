#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mail/mail_private.h"

enum { DRAIN_MAX = 256 }; /* records of a ring, or fragments of the link, in one poll */

/* ---- numbers of endpoints ---- */

uint32_t rk__mail_rank_of(const rk__mail *mail, uint32_t endpoint) {
    return endpoint % mail->place.ranks;
}

bool rk__mail_on_my_node(const rk__mail *mail, uint32_t endpoint) {
    return (uint32_t)mail->place.node_of_rank[endpoint % mail->place.ranks] == mail->node;
}

uint32_t rk__mail_local_of(const rk__mail *mail, uint32_t endpoint) {
    uint32_t child = endpoint / mail->place.ranks;
    return child * mail->place.node_ranks + (uint32_t)mail->place.place_in_node[endpoint % mail->place.ranks];
}

uint32_t rk__mail_of_local(const rk__mail *mail, uint32_t local) {
    uint32_t child = local / mail->place.node_ranks, place = local % mail->place.node_ranks;
    return child * mail->place.ranks + mail->rank_at[place];
}

uint32_t rk__mail_hop(const rk__mail *mail, uint32_t to) {
    if (rk__mail_on_my_node(mail, to))
        return to;
    return mail->parent != mail->place.endpoint ? mail->parent : rk__mail_rank_of(mail, to);
}

uint32_t rk__mail_endpoint(const rk__mail *mail) {
    return mail->place.endpoint;
}

uint64_t rk__mail_birth(const rk__mail *mail) {
    return mail->place.birth;
}

uint32_t rk__mail_ranks(const rk__mail *mail) {
    return mail->place.ranks;
}

uint32_t rk__mail_endpoints(const rk__mail *mail) {
    return mail->endpoints;
}

/* ---- out ---- */

size_t rk__mail_piece_max(const rk__mail *mail, uint32_t to) {
    size_t ring = rk__ring_piece_max(mail->arena->ring_bytes);
    return rk__mail_on_my_node(mail, to) || ring < RK__FRAGMENT_BYTES ? ring : RK__FRAGMENT_BYTES;
}

static void wake(rk__box *box) {
    uint32_t state = atomic_load(&box->state);
    if (state == RK__BOX_ASLEEP)
        rk__bell_ring(&box->strand_bell);
    else if (state == RK__BOX_AWAY && !atomic_load(&box->serving))
        rk__bell_ring(&box->service_bell);
}

static void notify(rk__mail *mail, uint32_t local) {
    rk__box *box = rk__arena_box(mail->arena, local);
    atomic_fetch_or(&box->pending[mail->local / 64], UINT64_C(1) << mail->local % 64);
    wake(box);
}

void rk__mail_ring(rk__mail *mail, uint32_t endpoint) {
    rk__box *box = rk__arena_box(mail->arena, rk__mail_local_of(mail, endpoint));
    if (box != mail->box && atomic_load(&box->state) == RK__BOX_ASLEEP)
        rk__bell_ring(&box->strand_bell);
}

static rk__fragment fragment_of(const rk__letter *letter) {
    return (rk__fragment){letter->from, letter->to, letter->room, letter->op, letter->status, letter->call, letter->a,
                          letter->b,    letter->c,  letter->size, 0};
}

static bool put_in_ring(rk__mail *mail, uint32_t local, const rk__fragment *head, const void *piece, size_t bytes) {
    unsigned char *data;
    size_t size = mail->arena->ring_bytes;
    rk__ring *ring = rk__arena_ring(mail->arena, mail->local, local, &data);
    bool done = rk__ring_write(ring, data, size, head, piece, bytes, mail->tag);
    if (!done) { /* the reader may have made room before it could see that we want some */
        atomic_store(&ring->starved, 1);
        done = rk__ring_write(ring, data, size, head, piece, bytes, mail->tag);
    }
    notify(mail, local);
    return done;
}

/* The ring to ourselves is this thread's: letters of strands to their own endpoint don't take it. */
bool rk__mail_post(rk__mail *mail, rk__letter *letter) {
    letter->from = letter->to = mail->place.endpoint;
    rk__fragment head = fragment_of(letter);
    return put_in_ring(mail, mail->local, &head, letter->bytes, (size_t)letter->size);
}

bool rk__mail_put_fragment(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes) {
    uint32_t hop = rk__mail_hop(mail, head->to);
    if (rk__mail_on_my_node(mail, hop))
        return put_in_ring(mail, rk__mail_local_of(mail, hop), head, piece, bytes);
    return mail->place.link->send(mail->place.link, hop, head, piece, bytes);
}

static rk__outgoing *make_outgoing(const rk__letter *letter, bool *gone) {
    rk__outgoing *made = calloc(1, sizeof *made);
    if (made != NULL) {
        made->letter = *letter;
        made->until = letter->size;
        made->gone = gone;
    }
    return made;
}

/* Give the outgoing a payload of its own. */
static bool own_payload(rk__outgoing *outgoing, rk__payload payload) {
    if (payload == RK__PAYLOAD_TAKE)
        return true;
    size_t size = (size_t)outgoing->letter.size;
    void *copy = size > 0 ? malloc(size) : NULL;
    if (copy != NULL)
        memcpy(copy, outgoing->letter.bytes, size);
    outgoing->letter.bytes = copy;
    return copy != NULL || size == 0;
}

static void add_to_self(rk__mail *mail, rk__outgoing *outgoing) {
    if (mail->self_last != NULL)
        mail->self_last->next = outgoing;
    else
        mail->self_first = outgoing;
    mail->self_last = outgoing;
}

static rk_status keep(rk__mail *mail, rk__letter *letter, rk__payload payload, rk_error *err) {
    rk__outgoing *outgoing = make_outgoing(letter, NULL);
    if (outgoing == NULL || !own_payload(outgoing, payload)) {
        free(outgoing);
        if (payload == RK__PAYLOAD_TAKE)
            free(letter->bytes);
        return rk__fail(err, RK_ENOMEM, "no memory for a letter of %llu bytes", (unsigned long long)letter->size);
    }
    if (letter->to == mail->place.endpoint)
        add_to_self(mail, outgoing);
    else
        rk__outbox_add(mail, outgoing);
    return RK_OK;
}

/* The way of nearly all letters: small, and there is room. */
static bool send_at_once(rk__mail *mail, const rk__letter *letter) {
    if (letter->to == mail->place.endpoint || !rk__outbox_is_empty(mail, letter->to) ||
        letter->size > rk__mail_piece_max(mail, letter->to))
        return false;
    rk__fragment head = fragment_of(letter);
    return rk__mail_put_fragment(mail, &head, letter->bytes, (size_t)letter->size);
}

static void address(rk__mail *mail, rk__letter *letter) {
    letter->from = mail->place.endpoint;
    if (letter->to >= mail->place.ranks && mail->births[letter->to] == 0)
        rk__death_meet_reader(mail, letter->to);
}

rk_status rk__mail_send(rk__mail *mail, rk__letter *letter, rk__payload payload, rk_error *err) {
    address(mail, letter);
    if (mail->dead[letter->to] || send_at_once(mail, letter)) {
        if (payload == RK__PAYLOAD_TAKE)
            free(letter->bytes);
        return RK_OK;
    }
    return keep(mail, letter, payload, err);
}

static bool is_set(void *ctx) {
    return *(const bool *)ctx;
}

rk_status rk__mail_send_borrowed(rk__mail *mail, rk__letter *letter, bool *gone, rk_error *err) {
    address(mail, letter);
    *gone = true;
    if (mail->dead[letter->to] || send_at_once(mail, letter))
        return RK_OK;
    if (letter->to == mail->place.endpoint)
        return keep(mail, letter, RK__PAYLOAD_COPY, err);
    *gone = false;
    rk__outgoing *outgoing = make_outgoing(letter, gone);
    if (outgoing == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for a letter");
    rk__outbox_add(mail, outgoing);
    return RK_OK;
}

rk_status rk__mail_send_large(rk__mail *mail, rk__letter *letter, rk_error *err) {
    bool gone;
    if (!mail->dead[letter->to])
        RK_TRY(rk__mail_send_borrowed(mail, letter, &gone, err));
    if (!mail->dead[letter->to])
        rk__wait_out(mail, is_set, &gone); /* the bytes are the caller's: one that is told to end stays as well */
    return mail->dead[letter->to] ? rk__fail(err, RK_EDEAD, "process %u has died", letter->to) : RK_OK;
}

/* ---- in ---- */

void *rk__letter_take(rk__letter *letter) {
    if (letter->size == 0)
        return NULL;
    void *bytes = letter->bytes;
    if (!letter->owned) {
        bytes = malloc((size_t)letter->size);
        if (bytes != NULL)
            memcpy(bytes, letter->bytes, (size_t)letter->size);
    }
    letter->owned = false;
    letter->bytes = NULL;
    return bytes;
}

static void deliver(rk__mail *mail, rk__letter *letter) {
    if (letter->room == RK__ROOM_MAIL && letter->op == RK__MAIL_OP_ANSWER)
        rk__ask_receive(mail, letter);
    else if (letter->room == RK__ROOM_MAIL && letter->op == RK__MAIL_OP_REACH)
        rk__ask_reached(mail, letter);
    else if (letter->room == RK__ROOM_MAIL)
        rk__death_receive(mail, letter);
    else if (letter->room < RK__ROOM_COUNT && mail->rooms[letter->room].ops != NULL)
        mail->rooms[letter->room].ops->receive(mail->rooms[letter->room].ctx, letter);
    if (letter->owned)
        free(letter->bytes);
}

static rk__letter letter_of(const rk__fragment *head) {
    return (rk__letter){.from = head->from,
                        .to = head->to,
                        .room = head->room,
                        .op = head->op,
                        .status = head->status,
                        .call = head->call,
                        .a = head->a,
                        .b = head->b,
                        .c = head->c,
                        .size = head->size};
}

/* The sender of the rest of a letter died, and another process took its endpoint: what does not fit is dropped. */
static bool begin_or_go_on(rk__incoming *incoming, const rk__fragment *head, size_t bytes) {
    if (head->offset == 0) {
        free(incoming->bytes);
        *incoming = (rk__incoming){malloc((size_t)head->size), 0, head->size};
    }
    return incoming->bytes != NULL && incoming->size == head->size && incoming->got == head->offset &&
           bytes <= incoming->size - incoming->got;
}

static void collect(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes) {
    rk__incoming *incoming = &mail->incoming[head->from];
    if (!begin_or_go_on(incoming, head, bytes))
        return;
    memcpy(incoming->bytes + head->offset, piece, bytes);
    incoming->got += bytes;
    if (incoming->got < incoming->size)
        return;
    rk__letter letter = letter_of(head);
    letter.bytes = incoming->bytes;
    letter.owned = true;
    *incoming = (rk__incoming){NULL, 0, 0};
    deliver(mail, &letter);
}

/* Rings differ from node to node: what came in one piece, and is too large here, goes on in several from the outbox. */
static void pass_on(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes) {
    if (mail->dead[head->to])
        return;
    if (rk__outbox_is_empty(mail, head->to) && rk__mail_put_fragment(mail, head, piece, bytes))
        return;
    rk__letter letter = letter_of(head);
    rk__outgoing *outgoing = make_outgoing(&letter, NULL);
    unsigned char *copy = bytes > 0 ? malloc(bytes) : NULL;
    if (outgoing == NULL || (bytes > 0 && copy == NULL)) {
        free(outgoing);
        free(copy);
        return;
    }
    if (bytes > 0)
        memcpy(copy, piece, bytes);
    outgoing->letter.bytes = copy;
    outgoing->sent = outgoing->from = head->offset;
    outgoing->until = head->offset + bytes;
    rk__outbox_add(mail, outgoing);
}

static void take_fragment(rk__mail *mail, const rk__fragment *head, const void *piece, size_t bytes) {
    if (head->from >= mail->endpoints || head->to >= mail->endpoints)
        return;
    if (head->to != mail->place.endpoint) {
        pass_on(mail, head, piece, bytes);
        return;
    }
    if (!rk__death_is_heard(mail, head->from))
        return;
    if (bytes != head->size) {
        collect(mail, head, piece, bytes);
        return;
    }
    rk__letter letter = letter_of(head);
    letter.bytes = bytes > 0 ? (void *)(uintptr_t)piece : NULL;
    deliver(mail, &letter);
}

static void take_record(rk__mail *mail, rk__ring *ring, const rk__ring_record *record) {
    take_fragment(mail, &record->head, record->piece, record->bytes);
    rk__ring_next(ring, record);
    rk__death_noted(mail); /* before the next letter, which may depend on it */
}

static size_t drain_ring(rk__mail *mail, uint32_t local) {
    unsigned char *data;
    size_t size = mail->arena->ring_bytes, records = 0;
    rk__ring *ring = rk__arena_ring(mail->arena, local, mail->local, &data);
    rk__ring_record record;
    uint32_t writer = rk__mail_of_local(mail, local);
    while (records < DRAIN_MAX && rk__ring_read(ring, data, size, &record)) {
        if (record.birth != mail->births[writer])
            rk__death_meet_writer(mail, writer, record.birth);
        take_record(mail, ring, &record);
        records++;
    }
    if (records == DRAIN_MAX)
        atomic_fetch_or(&mail->box->pending[local / 64], UINT64_C(1) << local % 64);
    if (records > 0 && atomic_load(&ring->starved) && atomic_exchange(&ring->starved, 0))
        notify(mail, local);
    return records;
}

void rk__mail_last_words(rk__mail *mail, uint32_t endpoint, uint32_t heir) {
    uint32_t local = rk__mail_local_of(mail, endpoint);
    unsigned char *data;
    rk__ring *ring = rk__arena_ring(mail->arena, local, mail->local, &data);
    rk__ring_record record;
    while (rk__ring_read(ring, data, mail->arena->ring_bytes, &record) && record.birth != heir &&
           rk__death_is_by(mail, endpoint, record.birth))
        take_record(mail, ring, &record);
}

void rk__mail_skip_words(rk__mail *mail, uint32_t endpoint) {
    unsigned char *data;
    rk__ring *ring = rk__arena_ring(mail->arena, rk__mail_local_of(mail, endpoint), mail->local, &data);
    rk__ring_record record;
    while (rk__ring_read(ring, data, mail->arena->ring_bytes, &record))
        rk__ring_next(ring, &record);
}

static size_t drain_rings(rk__mail *mail) {
    size_t count = 0;
    uint32_t words = (uint32_t)((mail->arena->locals + 63) / 64);
    for (uint32_t w = 0; w < words; w++) {
        if (atomic_load(&mail->box->pending[w]) == 0)
            continue;
        uint64_t bits = atomic_exchange(&mail->box->pending[w], 0);
        for (uint32_t bit = 0; bits != 0; bit++, bits >>= 1)
            if (bits & 1)
                count += drain_ring(mail, w * 64 + bit);
    }
    return count;
}

static size_t drain_link(rk__mail *mail) {
    rk__link *link = mail->place.link;
    rk__fragment head;
    const void *piece;
    size_t bytes, count = 0;
    for (; link != NULL && count < DRAIN_MAX && link->receive(link, &head, &piece, &bytes); count++) {
        rk__death_heard(mail, head.from);
        take_fragment(mail, &head, piece, bytes);
        rk__death_noted(mail);
    }
    return count;
}

static size_t drain_self(rk__mail *mail) {
    size_t count = 0;
    rk__outgoing *list = mail->self_first;
    mail->self_first = mail->self_last = NULL;
    while (list != NULL) {
        rk__outgoing *next = list->next;
        list->letter.owned = list->letter.size > 0;
        deliver(mail, &list->letter);
        free(list);
        list = next;
        count++;
    }
    return count;
}

size_t rk__mail_poll(rk__mail *mail) {
    size_t count = drain_rings(mail) + drain_link(mail);
    if (mail->self_first != NULL)
        count += drain_self(mail);
    if (mail->waiting_count > 0)
        count += rk__outbox_flush(mail);
    return count;
}

bool rk__mail_has_pending(const rk__mail *mail) {
    uint32_t words = (uint32_t)((mail->arena->locals + 63) / 64);
    for (uint32_t w = 0; w < words; w++)
        if (atomic_load(&mail->box->pending[w]) != 0)
            return true;
    return false;
}

/* ---- making it ---- */

static rk_status allocate(rk__mail *mail, rk_error *err) {
    size_t endpoints = mail->endpoints, ranks = mail->place.ranks;
    RK_TRY(rk__alloc((void **)&mail->outboxes, endpoints, sizeof *mail->outboxes, "outboxes", err));
    RK_TRY(rk__alloc((void **)&mail->waiting, endpoints, sizeof *mail->waiting, "outboxes", err));
    RK_TRY(rk__alloc((void **)&mail->incoming, endpoints, sizeof *mail->incoming, "letters", err));
    RK_TRY(rk__alloc((void **)&mail->births, endpoints, sizeof *mail->births, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->dead, endpoints, sizeof *mail->dead, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->met, endpoints, sizeof *mail->met, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->to_bury, endpoints, sizeof *mail->to_bury, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->to_announce, endpoints, sizeof *mail->to_announce, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->newcomers, endpoints, sizeof *mail->newcomers, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->reasons, endpoints, sizeof *mail->reasons, "endpoints", err));
    RK_TRY(rk__alloc((void **)&mail->speakers, ranks, sizeof *mail->speakers, "ranks", err));
    for (size_t node = 0; node < ranks; node++)
        mail->speakers[node] = RK__NOBODY;
    RK_TRY(rk__alloc((void **)&mail->heard_ns, ranks, sizeof *mail->heard_ns, "ranks", err));
    return rk__alloc((void **)&mail->rank_at, mail->place.node_ranks, sizeof *mail->rank_at, "ranks", err);
}

static void find_neighbours(rk__mail *mail) {
    for (uint32_t rank = 0; rank < mail->place.ranks; rank++)
        if ((uint32_t)mail->place.node_of_rank[rank] == mail->node)
            mail->rank_at[mail->place.place_in_node[rank]] = rank;
}

/* What lies in the rings to us was for one who had this endpoint before, and may have been killed while it wrote. */
static void succeed(rk__mail *mail) {
    for (uint32_t local = 0; local < mail->arena->locals; local++) {
        unsigned char *data;
        rk__ring *ours = rk__arena_ring(mail->arena, mail->local, local, &data);
        rk__ring_resume(ours, data, mail->arena->ring_bytes);
        rk__ring_forget(rk__arena_ring(mail->arena, local, mail->local, &data));
    }
}

static void free_memory(rk__mail *mail) {
    for (uint32_t e = 0; mail->incoming != NULL && e < mail->endpoints; e++)
        free(mail->incoming[e].bytes);
    free(mail->outboxes);
    free(mail->waiting);
    free(mail->incoming);
    free(mail->births);
    free(mail->dead);
    free(mail->met);
    free(mail->to_bury);
    free(mail->to_announce);
    free(mail->newcomers);
    free(mail->reasons);
    free(mail->heard_ns);
    free(mail->speakers);
    free(mail->rank_at);
    free(mail);
}

rk_status rk__mail_create(rk__mail **out, const rk__mail_place *place, rk_error *err) {
    rk__mail *mail;
    RK_TRY(rk__alloc((void **)&mail, 1, sizeof *mail, "the mail", err));
    mail->place = *place;
    mail->arena = place->arena;
    mail->endpoints = place->ranks * (1 + place->children);
    mail->tag = rk__death_tag(place->birth);
    mail->parent = place->endpoint % place->ranks;
    mail->node = (uint32_t)place->node_of_rank[mail->parent];
    mail->last_call = rk__wall_ns(); /* a predecessor's answers are not ours */
    rk_status status = allocate(mail, err);
    if (status == RK_OK && mail->arena->locals > RK__LOCAL_MAX)
        status = rk__fail(err, RK_EUNSUPPORTED, "%llu processes on one node: at most %d can be told apart",
                          (unsigned long long)mail->arena->locals, RK__LOCAL_MAX);
    if (status != RK_OK) {
        free_memory(mail);
        return status;
    }
    find_neighbours(mail);
    mail->local = rk__mail_local_of(mail, place->endpoint);
    mail->box = rk__arena_box(mail->arena, mail->local);
    if (place->endpoint >= place->ranks)
        succeed(mail);
    pthread_mutex_init(&mail->lock, NULL);
    atomic_store(&mail->box->state, RK__BOX_AWAY);
    atomic_store(&mail->box->pid, (uint32_t)getpid());
    atomic_store(&mail->box->birth, (uint32_t)place->birth);
    atomic_store(&mail->box->life, RK__LIFE_ALIVE);
    status = rk__strand_adopt(mail, err);
    if (status == RK_OK && (status = rk__mail_serve_begin(mail, err)) != RK_OK)
        rk__strand_abandon(mail);
    if (status != RK_OK) {
        pthread_mutex_destroy(&mail->lock);
        free_memory(mail);
        return status;
    }
    *out = mail;
    return RK_OK;
}

void rk__mail_destroy(rk__mail *mail) {
    if (mail == NULL)
        return;
    bool alone = mail->strand_count == 1;
    rk__mail_serve_end(mail);
    for (int room = RK__ROOM_COUNT - 1; alone && room >= 0; room--)
        if (mail->rooms[room].ops != NULL && mail->rooms[room].ops->destroy != NULL)
            mail->rooms[room].ops->destroy(mail->rooms[room].ctx);
    atomic_store(&mail->box->life, RK__LIFE_LEFT);
    rk__outbox_fini(mail);
    if (mail->place.link != NULL)
        mail->place.link->destroy(mail->place.link);
    if (!alone) /* they wait for the lock, or for the baton, which the caller keeps */
        return;
    rk__strand_abandon(mail);
    pthread_mutex_destroy(&mail->lock);
    free_memory(mail);
}

void rk__mail_attach(rk__mail *mail, rk__room room, const rk__room_ops *ops, void *ctx) {
    mail->rooms[room].ops = ops;
    mail->rooms[room].ctx = ctx;
}

void *rk__mail_room(const rk__mail *mail, rk__room room) {
    return mail->rooms[room].ctx;
}
