/* A log: what the tasks of one rank and one session emit, in the order in which it came.
 *
 * A log is a row of frames. A frame belongs to one block, and holds entries: task, column, bytes. A block that emits
 * much has several frames, numbered from 0; the last one says so. Frames of a block that was never ended, and whatever
 * does not check itself, count for nothing. Which log holds a block's values is in its record: session and owner.
 *
 * Frames are collected in a buffer and written when it is full, or before the records that vouch for them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "record/log_private.h"

enum { BUFFER_BYTES = 2 << 20, FRAME_BYTES_MAX = 1 << 20, ENTRY_BYTES_MAX = 1 << 19 };

struct rk__log {
    pthread_mutex_t lock;
    rk__record *record;
    uint16_t session;
    uint32_t owner;
    int fd;      /* -1: no file yet */
    uint64_t at; /* where the buffer goes in the file */
    char *buffer;
    size_t ended; /* whole frames of ended blocks and parts of the current one, ready to be written */
    size_t used;  /* then the frame being filled: its head at `ended`, entries behind */
    uint64_t block;
    uint32_t part;
};

void rk__log_seal(const rk__record *record, rk__log_frame *frame, uint64_t at) {
    frame->check = rk__hash64((const char *)frame + sizeof frame->check, sizeof *frame - sizeof frame->check,
                              record->nonce[1] ^ (at + 1) * UINT64_C(0x9e3779b97f4a7c15));
}

bool rk__log_is_valid(const rk__record *record, const rk__log_frame *frame, uint64_t at) {
    rk__log_frame sealed = *frame;
    rk__log_seal(record, &sealed, at);
    return sealed.check == frame->check && frame->check != 0;
}

rk_status rk__log_create(rk__log **out, rk__record *record, uint16_t session, uint32_t owner, rk_error *err) {
    rk__log *log;
    RK_TRY(rk__alloc((void **)&log, 1, sizeof *log, "log", err));
    pthread_mutex_init(&log->lock, NULL);
    log->record = record;
    log->session = session;
    log->owner = owner;
    log->fd = -1;
    log->used = sizeof(rk__log_frame);
    rk_status status = rk__alloc((void **)&log->buffer, 1, BUFFER_BYTES, "log", err);
    if (status != RK_OK) {
        rk__log_destroy(log);
        return status;
    }
    *out = log;
    return RK_OK;
}

void rk__log_destroy(rk__log *log) {
    if (log == NULL)
        return;
    pthread_mutex_destroy(&log->lock);
    if (log->fd >= 0)
        close(log->fd);
    free(log->buffer);
    free(log);
}

/* ---- the file; the lock is held ---- */

static rk_status create_file(rk__log *log, int directory, rk_error *err) {
    char name[RK__LOG_NAME_MAX];
    rk__log_name(log->session, log->owner, name);
    unlinkat(directory, name, 0); /* of this session's number there was none that counts */
    log->fd = openat(directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (log->fd < 0)
        return rk__log_failed(name, err);
    return fsync(directory) == 0 || errno == EINVAL ? RK_OK /* a synced log that has no name is lost */
                                                    : rk__log_failed(log->record->path, err);
}

static rk_status open_file(rk__log *log, rk_error *err) {
    int directory;
    if (log->record->port.move != NULL)
        return rk__fail(err, RK_EUNSUPPORTED,
                        "outputs of varying length want a file that all nodes can write; this node cannot reach %s",
                        log->record->path);
    RK_TRY(rk__logs_make(log->record->path, &directory, err));
    rk_status status = create_file(log, directory, err);
    close(directory);
    return status == RK_OK ? rk__directory_sync(log->record->path, err) : status;
}

static rk_status write_ended(rk__log *log, rk_error *err) {
    if (log->ended > 0 && log->fd < 0)
        RK_TRY(open_file(log, err));
    for (size_t done = 0; done < log->ended;) {
        ssize_t wrote = pwrite(log->fd, log->buffer + done, log->ended - done, (off_t)(log->at + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return rk__log_failed(log->record->path, err);
        done += (size_t)wrote;
    }
    memmove(log->buffer, log->buffer + log->ended, log->used - log->ended);
    log->at += log->ended;
    log->used -= log->ended;
    log->ended = 0;
    return RK_OK;
}

/* ---- frames; the lock is held ---- */

static void close_frame(rk__log *log, bool last) {
    rk__log_frame frame = {
        .block = log->block, .part = log->part++, .last = last, .bytes = log->used - log->ended - sizeof frame};
    const char *entries = log->buffer + log->ended + sizeof frame;
    frame.payload = rk__hash64(entries, (size_t)frame.bytes, frame.block);
    rk__log_seal(log->record, &frame, log->at + log->ended);
    memcpy(log->buffer + log->ended, &frame, sizeof frame);
    log->ended = log->used;
    log->used += sizeof frame;
}

/* Room for one more entry, and for the head of the frame behind it. */
static rk_status make_room(rk__log *log, size_t bytes, rk_error *err) {
    size_t frame = log->used - log->ended;
    if (frame + bytes > FRAME_BYTES_MAX && frame > sizeof(rk__log_frame))
        close_frame(log, false);
    if (log->used + bytes + sizeof(rk__log_frame) > BUFFER_BYTES)
        RK_TRY(write_ended(log, err));
    return RK_OK;
}

static rk_status add_entry(rk__log *log, const rk__log_entry *entry, const void *bytes, rk_error *err) {
    size_t padded = (entry->bytes + 7) & ~(size_t)7;
    RK_TRY(make_room(log, sizeof *entry + padded, err));
    char *to = log->buffer + log->used;
    memcpy(to, entry, sizeof *entry);
    memcpy(to + sizeof *entry, bytes, entry->bytes);
    memset(to + sizeof *entry + entry->bytes, 0, padded - entry->bytes);
    log->used += sizeof *entry + padded;
    return RK_OK;
}

/* ---- the main thread ---- */

void rk__log_begin(rk__log *log, uint64_t block) {
    pthread_mutex_lock(&log->lock);
    log->used = log->ended + sizeof(rk__log_frame);
    log->block = block;
    log->part = 0;
    pthread_mutex_unlock(&log->lock);
}

rk_status rk__log_add(rk__log *log, uint64_t task, size_t column, const void *bytes, uint64_t size, rk_error *err) {
    rk_status status = RK_OK;
    pthread_mutex_lock(&log->lock);
    for (uint64_t done = 0, piece; status == RK_OK && done < size; done += piece) {
        piece = size - done < ENTRY_BYTES_MAX ? size - done : ENTRY_BYTES_MAX;
        rk__log_entry entry = {task, (uint32_t)column, (uint32_t)piece};
        status = add_entry(log, &entry, (const char *)bytes + done, err);
    }
    pthread_mutex_unlock(&log->lock);
    return status;
}

/* A block that emitted nothing leaves no frame. */
rk_status rk__log_end(rk__log *log, rk_error *err) {
    rk_status status = RK_OK;
    pthread_mutex_lock(&log->lock);
    if (log->part > 0 || log->used > log->ended + sizeof(rk__log_frame))
        close_frame(log, true);
    if (log->used + sizeof(rk__log_frame) > BUFFER_BYTES)
        status = write_ended(log, err);
    pthread_mutex_unlock(&log->lock);
    return status;
}

rk_status rk__log_flush(rk__log *log, rk_error *err) {
    pthread_mutex_lock(&log->lock);
    rk_status status = write_ended(log, err);
    pthread_mutex_unlock(&log->lock);
    return status;
}

rk_status rk__log_sync(const rk__record *record, uint16_t session, uint32_t owner, rk_error *err) {
    char name[RK__LOG_NAME_MAX];
    int directory;
    RK_TRY(rk__logs_open(record->path, &directory, err));
    if (directory < 0)
        return RK_OK;
    rk__log_name(session, owner, name);
    rk_status status = rk__log_sync_in(directory, name, err);
    close(directory);
    return status;
}
