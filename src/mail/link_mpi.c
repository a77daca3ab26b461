/* Fragments between nodes, as MPI messages of a communicator of their own. MPI keeps the order between two ranks, so
 * receives are looked at in the order in which they were posted.
 *
 * One send at a time to each rank. That to a dead rank never ends, so nothing more goes there; and nothing may. In Open
 * MPI 4.1 a send that finds its connection broken leaves an event behind (mca_btl_tcp_endpoint_send of
 * btl_tcp_endpoint.c adds it, although mca_btl_tcp_frag_send has closed the socket). The next send to that rank, before
 * anybody can know that it is dead, initializes this event anew while libevent has it in a list, and MPI_Test never
 * returns. Six ranks in steady traffic, four of which were killed one after another: with 16 sends at a time 8 of 8
 * jobs hung, with one 0 of 12. A fragment fits into the 64 KiB that Open MPI sends by TCP without asking the receiver,
 * so that a send is through as soon as the socket has taken it. */
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "mail/link_mpi.h"

enum { RECEIVES = 8, TAG = 1 };

typedef struct slot {
    struct slot *next;
    MPI_Request request;
    uint32_t rank;
    /* As payloads must be: the head before them has 64 bytes. */
    alignas(max_align_t) unsigned char bytes[sizeof(rk__fragment) + RK__FRAGMENT_BYTES];
} slot;

typedef struct link_mpi {
    rk__link base;
    MPI_Comm comm;
    uint32_t ranks;
    bool *sending; /* [ranks] */
    slot *busy, *idle;
    slot *receives[RECEIVES];
    unsigned next; /* of the receives: the oldest */
    bool taken;    /* the fragment of `next` is with the reader */
} link_mpi;

static void look_at_sends(link_mpi *self) {
    slot **at = &self->busy;
    while (*at != NULL) {
        slot *one = *at;
        int done = 0;
        if (MPI_Test(&one->request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS || !done) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        self->sending[one->rank] = false;
        one->next = self->idle;
        self->idle = one;
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
    if (self->sending[rank])
        look_at_sends(self);
    if (self->sending[rank])
        return false;
    slot *one = take_slot(self);
    if (one == NULL)
        return false;
    memcpy(one->bytes, head, sizeof *head);
    if (bytes > 0)
        memcpy(one->bytes + sizeof *head, piece, bytes);
    one->rank = rank;
    if (MPI_Isend(one->bytes, (int)(sizeof *head + bytes), MPI_BYTE, (int)rank, TAG, self->comm, &one->request) !=
        MPI_SUCCESS) {
        self->sending[rank] = true; /* for good; what MPI still does with the slot is not known */
        return false;
    }
    one->next = self->busy;
    self->busy = one;
    self->sending[rank] = true;
    return true;
}

static int post(link_mpi *self, unsigned number) {
    slot *one = self->receives[number];
    return MPI_Irecv(one->bytes, (int)sizeof one->bytes, MPI_BYTE, MPI_ANY_SOURCE, TAG, self->comm, &one->request);
}

static bool receive_fragment(rk__link *base, rk__fragment *head, const void **piece, size_t *bytes) {
    link_mpi *self = (link_mpi *)base;
    if (self->taken) {
        self->taken = false;
        post(self, self->next);
        self->next = (self->next + 1) % RECEIVES;
    }
    if (self->busy != NULL)
        look_at_sends(self);
    slot *one = self->receives[self->next];
    MPI_Status status;
    int done = 0, count = 0;
    if (MPI_Test(&one->request, &done, &status) != MPI_SUCCESS || !done)
        return false;
    MPI_Get_count(&status, MPI_BYTE, &count);
    memcpy(head, one->bytes, sizeof *head);
    *piece = one->bytes + sizeof *head;
    *bytes = (size_t)count - sizeof *head;
    self->taken = true;
    return true;
}

static void free_slots(slot *list) {
    while (list != NULL) {
        slot *next = list->next;
        free(list);
        list = next;
    }
}

static void free_receive(slot *one, bool posted) {
    if (posted && one != NULL) {
        MPI_Cancel(&one->request);
        MPI_Wait(&one->request, MPI_STATUS_IGNORE);
    }
    free(one);
}

/* Collective. */
static void destroy(rk__link *base) {
    link_mpi *self = (link_mpi *)base;
    while (self->busy != NULL)
        look_at_sends(self);
    for (unsigned i = 0; i < RECEIVES; i++)
        free_receive(self->receives[i], !(self->taken && i == self->next));
    MPI_Comm_free(&self->comm);
    free_slots(self->idle);
    free(self->sending);
    free(self);
}

static rk_status prepare(link_mpi *self, rk_error *err) {
    RK_TRY(rk__alloc((void **)&self->sending, self->ranks, sizeof *self->sending, "sends", err));
    for (unsigned i = 0; i < RECEIVES; i++)
        RK_TRY(rk__alloc((void **)&self->receives[i], 1, sizeof(slot), "a receive", err));
    return RK_OK;
}

rk_status rk__link_mpi_create(rk__link **link, const rk__world *world, rk_error *err) {
    link_mpi *self = calloc(1, sizeof *self);
    rk_status status = self != NULL ? RK_OK : rk__fail(err, RK_ENOMEM, "no memory for the link between nodes");
    if (status == RK_OK) {
        self->base = (rk__link){send_fragment, receive_fragment, destroy};
        self->ranks = (uint32_t)world->size;
        self->comm = MPI_COMM_NULL;
        status = prepare(self, err);
    }
    status = rk__world_agree(world, status, err);
    if (status == RK_OK)
        status = rk__mpi(MPI_Comm_dup(world->comm, &self->comm), "MPI_Comm_dup", err);
    if (status == RK_OK)
        MPI_Comm_set_errhandler(self->comm, MPI_ERRORS_RETURN);
    for (unsigned i = 0; status == RK_OK && i < RECEIVES; i++)
        status = rk__mpi(post(self, i), "MPI_Irecv", err);
    if (status == RK_OK) {
        *link = &self->base;
        return RK_OK;
    }
    for (unsigned i = 0; self != NULL && i < RECEIVES; i++)
        free(self->receives[i]);
    if (self != NULL)
        free(self->sending);
    free(self);
    return status;
}
