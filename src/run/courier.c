/* Rows by message: ranks that cannot write the run file safely send their bytes to rank 0.
 *
 *   rank                                     rank 0, service thread
 *   BYTES {write, at, size, bytes}  ----->   pwrite
 *                                   <-----   DONE {status, message}
 *   BYTES {read, at, size}          ----->   pread
 *                                   <-----   DONE {status, message, bytes}
 *
 * One request of a rank is under way at a time, at most 1 MiB, and the rank waits for its answer: a slow disk slows the
 * ranks down, and memory stays bounded. Rank 0 never waits: its answers are sent without blocking, and while too many
 * of them are not taken it takes no more requests.
 *
 * MPI is called by one thread of a process at a time: session->mpi_lock. */
#include <stdlib.h>
#include <string.h>

#include "run/run_private.h"

#define NAP_MIN_NS UINT64_C(20000)
#define NAP_MAX_NS UINT64_C(500000)

enum { MESSAGE_MAX = 512, ANSWERS_MAX = 64 };

typedef struct request {
    uint64_t write, at, size;
} request;

typedef struct answer {
    uint64_t status;
    char message[MESSAGE_MAX];
} answer;

typedef struct sent {
    MPI_Request request;
    char *bytes;
} sent;

struct rk__courier {
    rk__session_run *session;
    pthread_mutex_t lock; /* one request at a time */
    char *bytes;          /* a message and its head */
    sent answers[ANSWERS_MAX];
};

static const size_t REQUEST_BYTES = sizeof(request) + RK__PORT_BYTES, ANSWER_BYTES = sizeof(answer) + RK__PORT_BYTES;

/* ---- a rank that sends ---- */

static void wait_both(rk__session_run *session, MPI_Request requests[2]) {
    int done = 0;
    for (uint64_t nap_ns = NAP_MIN_NS; !done; nap_ns = nap_ns < NAP_MAX_NS ? 2 * nap_ns : NAP_MAX_NS) {
        pthread_mutex_lock(&session->mpi_lock);
        MPI_Testall(2, requests, &done, MPI_STATUSES_IGNORE);
        pthread_mutex_unlock(&session->mpi_lock);
        if (!done)
            rk__sleep_ns(nap_ns);
    }
}

/* The request lies at the begin of the buffer, the answer behind it. */
static rk_status exchange(rk__courier *courier, const request *head, size_t bytes, rk_error *err) {
    rk__session_run *session = courier->session;
    MPI_Comm comm = session->world->comm;
    MPI_Request requests[2];
    char *reply = courier->bytes + REQUEST_BYTES;
    memcpy(courier->bytes, head, sizeof *head);
    pthread_mutex_lock(&session->mpi_lock);
    MPI_Irecv(reply, (int)ANSWER_BYTES, MPI_BYTE, 0, RK__TAG_DONE, comm, &requests[0]);
    MPI_Isend(courier->bytes, (int)bytes, MPI_BYTE, 0, RK__TAG_BYTES, comm, &requests[1]);
    pthread_mutex_unlock(&session->mpi_lock);
    wait_both(session, requests);
    const answer *got = (const answer *)reply;
    return got->status == RK_OK ? RK_OK : rk__fail(err, (rk_status)got->status, "%s", got->message);
}

static rk_status move(void *ctx, bool write, uint64_t at, void *bytes, size_t size, rk_error *err) {
    rk__courier *courier = ctx;
    request head = {write, at, size};
    pthread_mutex_lock(&courier->lock);
    if (write)
        memcpy(courier->bytes + sizeof head, bytes, size);
    rk_status status = exchange(courier, &head, sizeof head + (write ? size : 0), err);
    if (status == RK_OK && !write)
        memcpy(bytes, courier->bytes + REQUEST_BYTES + sizeof(answer), size);
    pthread_mutex_unlock(&courier->lock);
    return status;
}

rk__port rk__courier_port(rk__courier *courier) {
    return (rk__port){move, courier};
}

/* ---- rank 0 ---- */

/* A place for an answer; NULL: all are still on their way. */
static sent *free_answer(rk__courier *courier) {
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        int done = 1;
        if (courier->answers[i].request != MPI_REQUEST_NULL)
            MPI_Test(&courier->answers[i].request, &done, MPI_STATUS_IGNORE);
        if (done)
            return &courier->answers[i];
    }
    return NULL;
}

static size_t fill_answer(rk__courier *courier, sent *slot) {
    rk_error err = RK_ERROR_INIT;
    request head;
    memcpy(&head, courier->bytes, sizeof head);
    answer *reply = (answer *)slot->bytes;
    char *bytes = head.write ? courier->bytes + sizeof head : slot->bytes + sizeof *reply;
    memset(reply, 0, sizeof *reply);
    reply->status = head.size <= RK__PORT_BYTES
                        ? rk__record_move(courier->session->record, head.write, head.at, bytes, head.size, &err)
                        : RK_EFORMAT;
    memcpy(reply->message, err.message, sizeof reply->message - 1);
    return sizeof *reply + (head.write ? 0 : head.size);
}

static bool answer_one(rk__courier *courier) {
    MPI_Comm comm = courier->session->world->comm;
    int there = 0;
    MPI_Status from;
    MPI_Iprobe(MPI_ANY_SOURCE, RK__TAG_BYTES, comm, &there, &from);
    sent *slot = there ? free_answer(courier) : NULL;
    if (slot == NULL)
        return false;
    if (slot->bytes == NULL)
        slot->bytes = malloc(ANSWER_BYTES);
    if (slot->bytes == NULL)
        return false; /* later, maybe: the rank waits */
    MPI_Recv(courier->bytes, (int)REQUEST_BYTES, MPI_BYTE, from.MPI_SOURCE, RK__TAG_BYTES, comm, MPI_STATUS_IGNORE);
    size_t size = fill_answer(courier, slot);
    MPI_Isend(slot->bytes, (int)size, MPI_BYTE, from.MPI_SOURCE, RK__TAG_DONE, comm, &slot->request);
    return true;
}

void rk__courier_answer(rk__courier *courier) {
    while (answer_one(courier))
        ;
}

/* ---- both ---- */

rk_status rk__courier_create(rk__courier **out, rk__session_run *session, rk_error *err) {
    rk__courier *courier;
    RK_TRY(rk__alloc((void **)&courier, 1, sizeof *courier, "courier", err));
    courier->session = session;
    pthread_mutex_init(&courier->lock, NULL);
    for (size_t i = 0; i < ANSWERS_MAX; i++)
        courier->answers[i].request = MPI_REQUEST_NULL;
    rk_status status = rk__alloc((void **)&courier->bytes, 1, REQUEST_BYTES + ANSWER_BYTES, "messages", err);
    if (status != RK_OK) {
        rk__courier_destroy(courier);
        return status;
    }
    *out = courier;
    return RK_OK;
}

/* The ranks have their answers: they would not have ended otherwise. */
void rk__courier_destroy(rk__courier *courier) {
    if (courier == NULL)
        return;
    for (size_t i = 0; i < ANSWERS_MAX; i++) {
        if (courier->answers[i].request != MPI_REQUEST_NULL)
            MPI_Wait(&courier->answers[i].request, MPI_STATUS_IGNORE);
        free(courier->answers[i].bytes);
    }
    pthread_mutex_destroy(&courier->lock);
    free(courier->bytes);
    free(courier);
}
