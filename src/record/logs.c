/* Reading what was emitted: from all logs of a file, and from the data sets that they were folded into. Of a folded
 * file blocks that were computed again since are in logs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/types.h"
#include "record/log_private.h"

enum { PAYLOAD_MAX = 4 << 20, LOOKS_MAX = 16 };
#define PIECE_BYTES (UINT64_C(1) << 20)
#define NOWHERE     UINT64_MAX

typedef struct log_file {
    int fd;
    uint32_t session, owner;
    uint64_t size;
} log_file;

typedef struct place { /* of a block's first frame */
    uint64_t at;
    uint32_t log;
} place;

struct rk__values {
    rk__record *record;
    log_file *logs; /* by session */
    size_t log_count, log_room;
    place *places;  /* [blocks] */
    unsigned looks; /* how often the logs were read anew: a file that is being written grows */
    char *payload;
};

/* ---- which logs are there ---- */

static rk_status make_room(rk__values *values, rk_error *err) {
    if (values->log_count < values->log_room)
        return RK_OK;
    size_t room = 2 * values->log_room + 16;
    log_file *more = realloc(values->logs, room * sizeof *more);
    if (more == NULL)
        return rk__fail(err, RK_ENOMEM, "no memory for %zu logs", room);
    values->logs = more;
    values->log_room = room;
    return RK_OK;
}

static rk_status add_log(void *ctx, int directory, const char *name, uint32_t session, uint32_t owner, rk_error *err) {
    rk__values *values = ctx;
    log_file log = {.session = session, .owner = owner};
    struct stat info;
    RK_TRY(make_room(values, err));
    RK_TRY(rk__log_open(directory, name, O_RDONLY, &log.fd, err));
    if (log.fd < 0)
        return RK_OK; /* folded, and removed, since */
    log.size = fstat(log.fd, &info) == 0 ? (uint64_t)info.st_size : 0;
    values->logs[values->log_count++] = log;
    return RK_OK;
}

static int by_session(const void *a, const void *b) {
    const log_file *left = a, *right = b;
    if (left->session != right->session)
        return left->session < right->session ? -1 : 1;
    return left->owner < right->owner ? -1 : left->owner > right->owner;
}

static rk_status find_logs(rk__values *values, rk_error *err) {
    rk_status status = rk__logs_walk(values->record->path, add_log, values, err);
    if (values->log_count > 0)
        qsort(values->logs, values->log_count, sizeof *values->logs, by_session);
    return status;
}

static void close_logs(rk__values *values) {
    for (size_t i = 0; i < values->log_count; i++)
        if (values->logs[i].fd >= 0)
            close(values->logs[i].fd);
    values->log_count = 0;
}

/* ---- frames ---- */

static bool read_at(const log_file *log, void *bytes, size_t size, uint64_t at) {
    for (size_t done = 0; done < size;) {
        ssize_t got = pread(log->fd, (char *)bytes + done, size - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool read_frame(const rk__values *values, const log_file *log, uint64_t at, rk__log_frame *frame) {
    return at + sizeof *frame <= log->size && read_at(log, frame, sizeof *frame, at) &&
           rk__log_is_valid(values->record, frame, at) && frame->bytes <= PAYLOAD_MAX &&
           frame->bytes <= log->size - at - sizeof *frame && frame->block < values->record->schema.blocks;
}

/* The next frame at or behind `at`, which begin at multiples of 8; false: none. A damaged head is stepped over. */
static bool next_frame(const rk__values *values, const log_file *log, uint64_t *at, rk__log_frame *frame) {
    for (; *at + sizeof *frame <= log->size; *at += 8)
        if (read_frame(values, log, *at, frame))
            return true;
    return false;
}

/* A block may be whole in several logs: who wrote one of them died before the record was in the file, or was too late.
 */
static bool is_named(const rk__values *values, const log_file *log, uint64_t block) {
    rk__block_record entry;
    return rk__record_block(values->record, block, &entry) && entry.session == log->session &&
           entry.owner == log->owner;
}

/* Where does each block begin? In the log that its record names, the last one that was ended. */
static void index_log(rk__values *values, uint32_t number) {
    const log_file *log = &values->logs[number];
    rk__log_frame frame;
    uint64_t begin = NOWHERE, block = 0;
    uint32_t part = 0;
    for (uint64_t at = 0; next_frame(values, log, &at, &frame); at += sizeof frame + frame.bytes) {
        if (frame.part == 0) {
            begin = at;
            block = frame.block;
        } else if (frame.block != block || frame.part != part) {
            begin = NOWHERE; /* one is missing */
        }
        part = frame.part + 1;
        if (frame.last && begin != NOWHERE && (values->places[block].at == NOWHERE || is_named(values, log, block)))
            values->places[block] = (place){begin, number};
    }
}

static rk_status look(rk__values *values, rk_error *err) {
    close_logs(values);
    for (uint64_t b = 0; b < values->record->schema.blocks; b++)
        values->places[b] = (place){NOWHERE, 0};
    RK_TRY(find_logs(values, err));
    for (size_t i = 0; i < values->log_count; i++)
        index_log(values, (uint32_t)i);
    return RK_OK;
}

/* ---- open and close ---- */

rk_status rk__values_open(rk__values **out, rk__record *record, rk_error *err) {
    rk__values *values;
    RK_TRY(rk__alloc((void **)&values, 1, sizeof *values, "logs", err));
    values->record = record;
    rk_status status = rk__alloc((void **)&values->payload, 1, PAYLOAD_MAX, "frame of a log", err);
    if (status == RK_OK)
        status = rk__alloc((void **)&values->places, record->schema.blocks, sizeof *values->places,
                           "places of blocks in logs", err);
    if (status == RK_OK)
        status = look(values, err);
    if (status != RK_OK) {
        rk__values_close(values);
        return status;
    }
    *out = values;
    return RK_OK;
}

void rk__values_close(rk__values *values) {
    if (values == NULL)
        return;
    close_logs(values);
    free(values->logs);
    free(values->places);
    free(values->payload);
    free(values);
}

/* ---- a block ---- */

static bool is_place_of(const rk__values *values, uint64_t block, const rk__block_record *entry) {
    const place *at = &values->places[block];
    return at->at != NOWHERE && values->logs[at->log].session == entry->session &&
           values->logs[at->log].owner == entry->owner;
}

static rk_status corrupt(const rk__values *values, uint64_t block, rk_error *err) {
    return rk__fail(err, RK_ECORRUPT, "the logs of %s are damaged or incomplete at block %llu", values->record->path,
                    (unsigned long long)block);
}

static rk_status visit_entries(rk__values *values, const rk__log_frame *frame, rk__values_fn visit, void *ctx,
                               rk_error *err) {
    const rk__schema *schema = &values->record->schema;
    for (uint64_t at = 0; at < frame->bytes;) {
        rk__log_entry entry;
        if (frame->bytes - at < sizeof entry)
            return corrupt(values, frame->block, err);
        memcpy(&entry, values->payload + at, sizeof entry);
        at += sizeof entry;
        if (entry.bytes > frame->bytes - at || entry.column >= schema->column_count ||
            !schema->columns[entry.column].varying || entry.task >> schema->block_log2 != frame->block ||
            entry.task >= schema->tasks)
            return corrupt(values, frame->block, err);
        RK_TRY(visit(ctx, entry.task, entry.column, values->payload + at, entry.bytes, err));
        at += (entry.bytes + UINT64_C(7)) & ~UINT64_C(7);
    }
    return RK_OK;
}

static rk_status visit_frames(rk__values *values, uint64_t block, rk__values_fn visit, void *ctx, rk_error *err) {
    const log_file *log = &values->logs[values->places[block].log];
    rk__log_frame frame = {.last = 0};
    uint64_t at = values->places[block].at;
    for (uint32_t part = 0; !frame.last; part++, at += sizeof frame + frame.bytes) {
        if (!read_frame(values, log, at, &frame) || frame.block != block || frame.part != part ||
            !read_at(log, values->payload, (size_t)frame.bytes, at + sizeof frame) ||
            rk__hash64(values->payload, (size_t)frame.bytes, block) != frame.payload)
            return corrupt(values, block, err);
        RK_TRY(visit_entries(values, &frame, visit, ctx, err));
    }
    return RK_OK;
}

static rk_status visit_folded_task(rk__values *values, uint64_t task, size_t column, rk__values_fn visit, void *ctx,
                                   rk_error *err) {
    rk__record *record = values->record;
    const rk__column *c = &record->schema.columns[column];
    uint64_t start, count, width = rk__type_bytes(c->values.type);
    RK_TRY(rk__raw_read(record, &count, sizeof count, record->column_at[column] + 8 * task, err));
    if (count == 0)
        return RK_OK;
    RK_TRY(rk__raw_read(record, &start, sizeof start, record->start_at[column] + 8 * task, err));
    if (count > record->values_count[column] || start > record->values_count[column] - count)
        return rk__fail(err, RK_ECORRUPT, "%s: the values of task %llu lie outside '%s'", record->path,
                        (unsigned long long)task, c->values.name);
    for (uint64_t done = 0, piece; done < count * width; done += piece) {
        piece = count * width - done < PIECE_BYTES ? count * width - done : PIECE_BYTES;
        RK_TRY(rk__raw_read(record, values->payload, (size_t)piece, record->values_at[column] + start * width + done,
                            err));
        RK_TRY(visit(ctx, task, column, values->payload, (size_t)piece, err));
    }
    return RK_OK;
}

static rk_status visit_folded(rk__values *values, uint64_t block, rk__values_fn visit, void *ctx, rk_error *err) {
    const rk__schema *schema = &values->record->schema;
    uint64_t first = block << schema->block_log2, tasks = rk__schema_block_tasks(schema, block);
    for (uint64_t task = first; task < first + tasks; task++)
        for (size_t c = 0; c < schema->column_count; c++)
            if (schema->columns[c].varying)
                RK_TRY(visit_folded_task(values, task, c, visit, ctx, err));
    return RK_OK;
}

rk_status rk__values_block(rk__values *values, uint64_t block, const rk__block_record *entry, rk__values_fn visit,
                           void *ctx, rk_error *err) {
    bool folded = values->record->schema.folded;
    if (!folded && !is_place_of(values, block, entry) && values->looks < LOOKS_MAX) {
        values->looks++; /* it may be newer than our look */
        RK_TRY(look(values, err));
    }
    if (is_place_of(values, block, entry)) /* of a folded file: computed again since */
        return visit_frames(values, block, visit, ctx, err);
    return folded ? visit_folded(values, block, visit, ctx, err) : RK_OK; /* emitted nothing, or its checksum tells */
}

/* ---- places in a folded file ---- */

enum { STARTS_AT_ONCE = 4096 };

/* Values lie in the order of tasks, without gaps. *next: where the next task's begin. */
static rk_status check_piece(rk__record *record, size_t column, uint64_t first, uint64_t count, uint64_t *next,
                             bool *sound, rk_error *err) {
    uint64_t starts[STARTS_AT_ONCE], counts[STARTS_AT_ONCE];
    RK_TRY(rk__raw_read(record, starts, (size_t)(8 * count), record->start_at[column] + 8 * first, err));
    RK_TRY(rk__raw_read(record, counts, (size_t)(8 * count), record->column_at[column] + 8 * first, err));
    for (uint64_t i = 0; i < count; i++) {
        *sound = *sound && starts[i] == *next;
        *next = starts[i] + counts[i];
    }
    return RK_OK;
}

static rk_status check_column(rk__record *record, size_t column, uint64_t first, uint64_t count, bool *sound,
                              rk_error *err) {
    uint64_t next = 0, done = 0, piece;
    bool ignored = true;
    if (first > 0) /* where the task before ends */
        RK_TRY(check_piece(record, column, first - 1, 1, &next, &ignored, err));
    for (; done < count; done += piece) {
        piece = count - done < STARTS_AT_ONCE ? count - done : STARTS_AT_ONCE;
        RK_TRY(check_piece(record, column, first + done, piece, &next, sound, err));
    }
    if (first + count == record->schema.tasks)
        *sound = *sound && next == record->values_count[column];
    return RK_OK;
}

rk_status rk__values_check_starts(rk__record *record, uint64_t first, uint64_t count, bool *sound, rk_error *err) {
    *sound = true;
    for (size_t c = 0; c < record->schema.column_count; c++)
        if (record->schema.columns[c].varying)
            RK_TRY(check_column(record, c, first, count, sound, err));
    return RK_OK;
}
