/* Fragments between nodes, as MPI messages of a communicator of their own. MPI keeps the order between two ranks, so
 * receives are looked at in the order in which they were posted.
 *
 * Problem. A rank may die at any time, and Open MPI (4.1 and 5, over TCP) takes two situations badly:
 * - A send of which some is still to be written when the connection breaks: the process that sends is ended
 *   (mca_btl_tcp_endpoint_close tells ob1, which aborts). Every time, if the receiver is killed while it does not read.
 * - A send to a rank whose connection another send has found broken: libevent's list of events is damaged, MPI_Test
 *   never returns (mca_btl_tcp_endpoint_send adds an event again that is there already).
 *
 * Idea. Over a TCP connection that is open, no send is under way in MPI for longer than the call that starts it: what
 * has been sent to a rank and not been read by its link is less than the socket holds (the window). Each message says
 * how much its sender has read so far of what the receiver sent it; who has read much, and has nothing to say, sends a
 * note of that alone. And one send at a time goes to each rank: that which meets a death never ends, so nothing more
 * goes there.
 *
 * Invariants.
 * - To each rank: sent - read_there <= window.
 * - Notes need no room in the window: one is sent for at least a NOTES-th of it, so NOTES at most are unread.
 * - read - told is less than a NOTES-th of the window, or a send to that rank is under way, at whose end a note
 *   follows; a fragment is less than the rest. So whoever waits for room gets it, as long as the other one reads.
 *
 * The window. Linux counts what a socket holds with its bookkeeping: at most COST_OF_MESSAGE for each write. A socket
 * to which nobody gave a size starts with 46 KB on Ethernet; with the size for which rk__world_init asks
 * (RK__SOCKET_BYTES) there is mostly room for the large window, which a socket of our own tells. A user who asks for
 * less than 23 KB has MPI's ways with the dead. */
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "mail/link_mpi.h"

#define NAP_FIRST_NS UINT64_C(20000)
#define NAP_MAX_NS   UINT64_C(1000000)

enum {
    RECEIVES = 8,
    TAG = 1,
    COST_OF_MESSAGE = 2304,
    SMALL_WINDOW = 36 * 1024,
    WINDOW = 256 * 1024,
};

/* What is sent: this, and unless it is a note a fragment and its piece. */
typedef struct tally {
    uint64_t read; /* of all that came from the receiver */
    uint64_t unused;
} tally;

enum { HEAD_BYTES = sizeof(tally) + sizeof(rk__fragment), LARGEST = HEAD_BYTES + RK__FRAGMENT_BYTES, NOTES = 4 };

_Static_assert(HEAD_BYTES % alignof(max_align_t) == 0, "payloads are aligned for any type");
_Static_assert(COST_OF_MESSAGE + LARGEST < SMALL_WINDOW / NOTES * (NOTES - 1), "any fragment gets room");

typedef struct slot {
    struct slot *next;
    MPI_Request request; /* of a receive */
    alignas(max_align_t) unsigned char bytes[LARGEST];
} slot;

typedef struct peer {
    uint64_t sent, read_there; /* to it */
    uint64_t read, told;       /* from it */
    bool sending;
    MPI_Request request; /* of the send under way */
    slot *slot;          /* its bytes; NULL: a note */
    tally note;
    struct peer *next; /* of those with a send under way */
} peer;

typedef struct link_mpi {
    rk__link base;
    MPI_Comm comm;
    uint32_t ranks;
    uint64_t window;
    peer *peers; /* [ranks] */
    peer *busy;
    slot *idle;
    slot *receives[RECEIVES];
    unsigned next; /* of the receives: the oldest */
    bool taken;    /* the fragment of `next` is with the reader */
    bool closing;
    uint32_t *messages; /* [ranks] sent to each */
    uint32_t received;
} link_mpi;

static uint64_t cost_of(size_t bytes) {
    return COST_OF_MESSAGE + bytes;
}

/* ---- out ---- */

/* If it fails, nothing more goes there: what MPI still does with the bytes is not known. */
static bool start_send(link_mpi *self, peer *to, void *bytes, size_t size) {
    to->sending = true;
    to->told = to->read;
    if (MPI_Isend(bytes, (int)size, MPI_BYTE, (int)(to - self->peers), TAG, self->comm, &to->request) != MPI_SUCCESS)
        return false;
    self->messages[to - self->peers]++;
    to->next = self->busy;
    self->busy = to;
    return true;
}

static void tell_what_was_read(link_mpi *self, peer *to) {
    if (to->sending || self->closing || to->read - to->told < self->window / NOTES)
        return;
    self->base.pressed = true;
    to->slot = NULL;
    to->note.read = to->read;
    start_send(self, to, &to->note, sizeof to->note);
}

static void end_send(link_mpi *self, peer *to) {
    to->sending = false;
    if (to->slot != NULL) {
        to->slot->next = self->idle;
        self->idle = to->slot;
    }
    tell_what_was_read(self, to);
}

static void look_at_sends(link_mpi *self) {
    peer **at = &self->busy;
    while (*at != NULL) {
        peer *one = *at;
        int done = 0;
        if (MPI_Test(&one->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || !done) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        end_send(self, one);
    }
}

static slot *take_slot(link_mpi *self) {
    slot *one = self->idle;
    if (one != NULL)
        self->idle = one->next;
    else
        one = malloc(sizeof *one);
    return one;
}

static bool send_fragment(rk__link *base, uint32_t rank, const rk__fragment *head, const void *piece, size_t bytes) {
    link_mpi *self = (link_mpi *)base;
    peer *to = &self->peers[rank];
    uint64_t cost = cost_of(HEAD_BYTES + bytes);
    if (to->sending)
        look_at_sends(self);
    if (to->sending || to->sent - to->read_there + cost > self->window)
        return false;
    slot *one = take_slot(self);
    if (one == NULL)
        return false;
    tally count = {to->read, 0};
    memcpy(one->bytes, &count, sizeof count);
    memcpy(one->bytes + sizeof count, head, sizeof *head);
    if (bytes > 0)
        memcpy(one->bytes + HEAD_BYTES, piece, bytes);
    to->slot = one;
    to->sent += cost;
    return start_send(self, to, one->bytes, HEAD_BYTES + bytes);
}

/* ---- in ---- */

static int post(link_mpi *self, unsigned number) {
    slot *one = self->receives[number];
    return MPI_Irecv(one->bytes, (int)sizeof one->bytes, MPI_BYTE, MPI_ANY_SOURCE, TAG, self->comm, &one->request);
}

static void post_again(link_mpi *self) {
    post(self, self->next);
    self->next = (self->next + 1) % RECEIVES;
}

/* The next message, in the slot of `next`: its bytes; 0: none. */
static size_t take_message(link_mpi *self) {
    slot *one = self->receives[self->next];
    MPI_Status status;
    int done = 0, count = 0;
    if (MPI_Test(&one->request, &done, &status) != MPI_SUCCESS || !done || status.MPI_SOURCE < 0)
        return 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    self->received++;
    peer *from = &self->peers[status.MPI_SOURCE];
    tally said;
    memcpy(&said, one->bytes, sizeof said);
    from->read_there = said.read;
    if (count >= HEAD_BYTES) {
        from->read += cost_of((size_t)count);
        tell_what_was_read(self, from);
    }
    return (size_t)count;
}

static bool receive_fragment(rk__link *base, rk__fragment *head, const void **piece, size_t *bytes) {
    link_mpi *self = (link_mpi *)base;
    if (self->taken) {
        self->taken = false;
        post_again(self);
    }
    size_t count;
    while ((count = take_message(self)) > 0 && count < HEAD_BYTES)
        post_again(self);
    if (count == 0) {
        look_at_sends(self);
        return false;
    }
    const unsigned char *message = self->receives[self->next]->bytes;
    memcpy(head, message + sizeof(tally), sizeof *head);
    *piece = message + HEAD_BYTES;
    *bytes = count - HEAD_BYTES;
    self->taken = true;
    return true;
}

/* ---- the end ---- */

/* Who waits for room still gets it, although nobody wants the letters any more. Naps while nothing comes. */
static void drop_what_comes(link_mpi *self, uint64_t *nap_ns) {
    rk__fragment head;
    const void *piece;
    size_t bytes;
    bool any = false;
    while (receive_fragment(&self->base, &head, &piece, &bytes))
        any = true;
    if (any || *nap_ns == 0) {
        *nap_ns = NAP_FIRST_NS;
        return;
    }
    rk__sleep_ns(*nap_ns);
    *nap_ns = *nap_ns * 2 < NAP_MAX_NS ? *nap_ns * 2 : NAP_MAX_NS;
}

static void read_until_done(link_mpi *self, MPI_Request *request) {
    uint64_t nap_ns = 0;
    int done = 0;
    while (MPI_Test(request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && !done)
        drop_what_comes(self, &nap_ns);
}

/* Nothing may be on its way when the communicator is freed: another one gets its number. All have sent all that they
 * will when they are here, but for notes, which end with that; then everybody hears how many messages are for it. */
static void read_the_rest(link_mpi *self) {
    MPI_Request request;
    if (MPI_Ibarrier(self->comm, &request) != MPI_SUCCESS)
        return;
    read_until_done(self, &request);
    self->closing = true;
    uint64_t nap_ns = 0;
    while (self->busy != NULL)
        drop_what_comes(self, &nap_ns);
    uint32_t expected = 0;
    if (MPI_Ireduce_scatter_block(self->messages, &expected, 1, MPI_UINT32_T, MPI_SUM, self->comm, &request) !=
        MPI_SUCCESS)
        return;
    read_until_done(self, &request);
    while (self->received != expected)
        drop_what_comes(self, &nap_ns);
}

static void free_slots(slot *list) {
    while (list != NULL) {
        slot *next = list->next;
        free(list);
        list = next;
    }
}

static void free_memory(link_mpi *self) {
    for (unsigned i = 0; i < RECEIVES; i++)
        free(self->receives[i]);
    free_slots(self->idle);
    free(self->peers);
    free(self->messages);
    free(self);
}

/* Collective. */
static void destroy(rk__link *base) {
    link_mpi *self = (link_mpi *)base;
    read_the_rest(self);
    if (self->taken)
        post_again(self);
    for (unsigned i = 0; i < RECEIVES; i++) {
        MPI_Cancel(&self->receives[i]->request);
        MPI_Wait(&self->receives[i]->request, MPI_STATUS_IGNORE);
    }
    MPI_Comm_free(&self->comm);
    free_memory(self);
}

/* ---- making it ---- */

static rk_status prepare(link_mpi *self, rk_error *err) {
    RK_TRY(rk__alloc((void **)&self->peers, self->ranks, sizeof *self->peers, "ranks", err));
    RK_TRY(rk__alloc((void **)&self->messages, self->ranks, sizeof *self->messages, "ranks", err));
    for (unsigned i = 0; i < RECEIVES; i++)
        RK_TRY(rk__alloc((void **)&self->receives[i], 1, sizeof(slot), "a receive", err));
    return RK_OK;
}

/* What a socket holds to which MPI gives the size that was asked for; less where the system gives less. */
static int socket_bytes(void) {
    const char *asked = getenv(RK__SOCKET_VARIABLE);
    uint64_t bytes = 0;
    int wanted, got = 0, one = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof got;
    if (one < 0)
        return 0;
    if (asked != NULL && rk__parse_u64(asked, &bytes) && bytes > 0 && bytes <= INT32_MAX) {
        wanted = (int)bytes;
        setsockopt(one, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
    }
    getsockopt(one, SOL_SOCKET, SO_SNDBUF, &got, &size);
    close(one);
    return got;
}

static rk_status agree_on_window(link_mpi *self, rk_error *err) {
    uint64_t window = socket_bytes() >= WINDOW + NOTES * COST_OF_MESSAGE ? WINDOW : SMALL_WINDOW;
    return rk__mpi(MPI_Allreduce(&window, &self->window, 1, MPI_UINT64_T, MPI_MIN, self->comm), "MPI_Allreduce", err);
}

static rk_status open_link(link_mpi *self, const rk__world *world, rk_error *err) {
    RK_TRY(rk__mpi(MPI_Comm_dup(world->comm, &self->comm), "MPI_Comm_dup", err));
    MPI_Comm_set_errhandler(self->comm, MPI_ERRORS_RETURN);
    RK_TRY(agree_on_window(self, err));
    for (unsigned i = 0; i < RECEIVES; i++)
        RK_TRY(rk__mpi(post(self, i), "MPI_Irecv", err));
    return RK_OK;
}

rk_status rk__link_mpi_create(rk__link **link, const rk__world *world, rk_error *err) {
    link_mpi *self = calloc(1, sizeof *self);
    rk_status status = self != NULL ? RK_OK : rk__fail(err, RK_ENOMEM, "no memory for the link between nodes");
    if (status == RK_OK) {
        self->base = (rk__link){send_fragment, receive_fragment, destroy, false};
        self->ranks = (uint32_t)world->size;
        status = prepare(self, err);
    }
    status = rk__world_agree(world, status, err);
    if (status == RK_OK)
        status = open_link(self, world, err);
    if (status == RK_OK)
        *link = &self->base;
    else if (self != NULL)
        free_memory(self);
    return status;
}
