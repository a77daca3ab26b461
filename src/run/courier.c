/* Rows by message: ranks that cannot write the run file safely send their bytes to rank 0.
 *
 *   rank                                     rank 0
 *   BYTES {write, at, size, bytes}  ----->   pwrite
 *                                   <-----   MOVED {status, message}
 *   BYTES {read, at, size}          ----->   pread
 *                                   <-----   MOVED {status, message, bytes}
 *
 * One request of a rank is under way at a time, at most 1 MiB, and the rank waits for its answer: a slow disk slows the
 * ranks down, and memory stays bounded. Rank 0 never waits: what has no way out stays in its mail, at most an answer
 * for each rank. A rank waits for ever only while rank 0 lives: its death ends all others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rankine/command.h>

#include "run/crew.h"

enum { MESSAGE_MAX = 512 };

typedef struct request {
    uint64_t write, at, size;
} request;

typedef struct answer {
    uint64_t status;
    char message[MESSAGE_MAX];
} answer;

struct rk__courier {
    rk__session_run *session;
    pthread_mutex_t lock; /* one request at a time */
    /* the answer to it */
    pthread_mutex_t answer_lock;
    pthread_cond_t answered;
    bool waits;
    answer reply;
    void *into; /* what was read goes here; NULL: nothing is read */
    size_t size;
};

/* ---- a rank that sends ---- */

static rk_status exchange(rk__courier *courier, const request *head, void *bytes, rk_error *err) {
    rk__crew *crew = courier->session->crew;
    size_t size = (size_t)head->size;
    courier->waits = true;
    courier->into = head->write ? NULL : bytes;
    courier->size = size;
    rk__crew_lock(crew);
    rk_status status =
        rk__crew_send_rows(crew, 0, RK__CREW_BYTES, head, sizeof *head, bytes, head->write ? size : 0, err);
    rk__crew_unlock(crew);
    RK_TRY(status);
    pthread_mutex_lock(&courier->answer_lock);
    while (courier->waits)
        pthread_cond_wait(&courier->answered, &courier->answer_lock);
    pthread_mutex_unlock(&courier->answer_lock);
    if (courier->reply.status == RK_OK)
        return RK_OK;
    return rk__fail(err, (rk_status)courier->reply.status, "%s", courier->reply.message);
}

static rk_status move(void *ctx, bool write, uint64_t at, void *bytes, size_t size, rk_error *err) {
    rk__courier *courier = ctx;
    request head = {write, at, size};
    pthread_mutex_lock(&courier->lock);
    rk_status status = exchange(courier, &head, bytes, err);
    pthread_mutex_unlock(&courier->lock);
    return status;
}

rk__port rk__courier_port(rk__courier *courier) {
    return (rk__port){move, courier};
}

void rk__courier_hear(rk__courier *courier, const rk__letter *letter) {
    if (courier == NULL || letter->size < sizeof courier->reply)
        return;
    pthread_mutex_lock(&courier->answer_lock);
    memcpy(&courier->reply, letter->bytes, sizeof courier->reply);
    if (courier->into != NULL && letter->size == sizeof courier->reply + courier->size)
        memcpy(courier->into, (const char *)letter->bytes + sizeof courier->reply, courier->size);
    courier->waits = false;
    pthread_cond_signal(&courier->answered);
    pthread_mutex_unlock(&courier->answer_lock);
}

/* ---- rank 0 ---- */

static void refuse(answer *reply, rk_status status, const char *message) {
    reply->status = (uint64_t)status;
    snprintf(reply->message, sizeof reply->message, "%.*s", MESSAGE_MAX - 1, message);
}

static bool is_sound(const rk__letter *letter, request *head) {
    if (letter->size < sizeof *head)
        return false;
    memcpy(head, letter->bytes, sizeof *head);
    return head->size <= RK__PORT_BYTES && letter->size == sizeof *head + (head->write ? head->size : 0);
}

void rk__courier_serve(rk__courier *courier, const rk__letter *letter) {
    rk_error err = RK_ERROR_INIT;
    answer reply = {.status = RK_OK};
    request head = {0};
    void *room = NULL;
    if (courier == NULL)
        return;
    if (!is_sound(letter, &head))
        refuse(&reply, RK_EFORMAT, "a message that is no request for rows");
    else if (!head.write && (room = malloc((size_t)head.size)) == NULL)
        refuse(&reply, RK_ENOMEM, "no memory for rows that another rank wants to read");
    else if (rk__record_move(courier->session->record, head.write != 0, head.at,
                             head.write ? (char *)letter->bytes + sizeof head : room, (size_t)head.size, &err) != RK_OK)
        refuse(&reply, err.code, err.message);
    bool has_bytes = room != NULL && reply.status == RK_OK;
    rk__crew *crew = courier->session->crew;
    if (rk__crew_send_rows(crew, (int)letter->from, RK__CREW_MOVED, &reply, sizeof reply, room,
                           has_bytes ? (size_t)head.size : 0, NULL) != RK_OK)
        _exit(RK_EXIT_STOPPED); /* the rank would wait for ever; what is committed is in the file */
    free(room);
}

/* ---- both ---- */

rk_status rk__courier_create(rk__courier **out, rk__session_run *session, rk_error *err) {
    rk__courier *courier;
    RK_TRY(rk__alloc((void **)&courier, 1, sizeof *courier, "courier", err));
    courier->session = session;
    pthread_mutex_init(&courier->lock, NULL);
    pthread_mutex_init(&courier->answer_lock, NULL);
    pthread_cond_init(&courier->answered, NULL);
    *out = courier;
    return RK_OK;
}

void rk__courier_destroy(rk__courier *courier) {
    if (courier == NULL)
        return;
    pthread_cond_destroy(&courier->answered);
    pthread_mutex_destroy(&courier->answer_lock);
    pthread_mutex_destroy(&courier->lock);
    free(courier);
}
