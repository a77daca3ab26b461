/* What an isolated worker hands over, on its way to the stage, the log and the table of failures: as if the rank had
 * computed it. */
#include <string.h>

#include "run/isolated.h"

static rk_status take_rows(rk__isolated *isolated, const rk__message *message, rk_error *err) {
    void *rows[RK__COLUMNS_MAX];
    RK_TRY(rk__stage_rows(isolated->lane->stage, message->task, message->count, rows, err));
    rk__exchange_take_rows(isolated->exchange, &isolated->lane->session->job->schema, message, rows);
    return RK_OK;
}

/* A block that is gone on with has rows in the stage, and values in the log. */
static void begin_block(rk__isolated *isolated, uint64_t block) {
    isolated->begun_ns = rk__clock_ns();
    if (isolated->exchange->careful_block != block + 1)
        isolated->first_ns = 0;
    if (isolated->kept != 0 && isolated->begun == block + 1)
        return;
    isolated->begun = block + 1;
    isolated->kept = 0;
    if (isolated->lane->log != NULL)
        rk__log_begin(isolated->lane->log, block);
}

void rk__isolated_abandon(rk__isolated *isolated) {
    rk__stage_abandon(isolated->lane->stage);
    isolated->begun = isolated->kept = 0;
}

static void keep(rk__isolated *isolated, uint64_t slot) {
    isolated->kept = slot + 1;
    isolated->emitted = false;
}

/* A block in which workers have ended has taken all the time that has passed. */
static void count_lost_time(rk__isolated *isolated, rk__block_record *record) {
    if (isolated->first_ns == 0)
        return;
    record->duration_ns = rk__clock_ns() - isolated->first_ns;
    record->start_ns = rk__wall_ns() - record->duration_ns;
    isolated->first_ns = 0;
}

static rk_status end_block(rk__isolated *isolated, uint64_t block, const void *payload, rk_error *err) {
    rk__lane *lane = isolated->lane;
    const rk__schema *schema = &lane->session->job->schema;
    const rk__claimer_line *line = lane->claimer.line;
    rk__block_record record;
    memcpy(&record, payload, sizeof record);
    count_lost_time(isolated, &record);
    isolated->begun = isolated->kept = 0;
    isolated->ended = block + 1;
    isolated->tasks += rk__schema_block_tasks(schema, block);
    isolated->failed += record.failed;
    isolated->retried = atomic_load_explicit(&line->retried, memory_order_relaxed);
    isolated->barren = 0;
    return rk__lane_commit(lane, block, &record,
                           schema->partial_bytes > 0 ? (const char *)payload + sizeof record : NULL, err);
}

static rk_status take_values(rk__isolated *isolated, const rk__message *message, const void *payload, rk_error *err) {
    isolated->emitted = true;
    return rk__log_add(isolated->lane->log, message->task, (size_t)message->column, payload, message->bytes, err);
}

static rk_status finish(rk__isolated *isolated, const rk__message *message, const void *payload, rk_error *err) {
    isolated->finished = true;
    isolated->lane->out_of_time = message->count != 0;
    return message->task == RK_OK ? RK_OK : rk__fail(err, (rk_status)message->task, "%s", (const char *)payload);
}

static rk_status written_over(const rk__isolated *isolated, rk_error *err) {
    return rk__fail(
        err, RK_ECORRUPT,
        "a task has written over the memory by which the isolated process of rank %d hands its results over",
        isolated->lane->session->world->rank);
}

/* The process can write what it likes: nothing in a message is believed. */
static bool is_sound(const rk__isolated *isolated, const rk__message *message) {
    const rk__schema *schema = &isolated->lane->session->job->schema;
    switch ((rk__message_kind)message->kind) {
    case RK__MESSAGE_ROWS:
        return message->count > 0 && message->count <= RK__BATCH_MAX && message->task < schema->tasks &&
               message->count <= schema->tasks - message->task &&
               rk__exchange_holds_rows(isolated->exchange, schema, message);
    case RK__MESSAGE_EMITTED:
        return message->column < schema->column_count && schema->columns[message->column].varying &&
               message->task < schema->tasks && message->bytes <= RK__EXCHANGE_PIECE;
    case RK__MESSAGE_FAILED:
        return message->bytes == sizeof(rk__failure);
    case RK__MESSAGE_END:
        return message->task + 1 == isolated->begun &&
               message->bytes == sizeof(rk__block_record) + schema->partial_bytes;
    case RK__MESSAGE_KEPT:
        return message->count <= 1 && isolated->begun != 0;
    case RK__MESSAGE_BEGIN:
        return message->task < schema->blocks;
    default:
        return true;
    }
}

static rk_status take_message(rk__isolated *isolated, const rk__message *message, const void *payload, rk_error *err) {
    rk__lane *lane = isolated->lane;
    rk__failure failure;
    if (!is_sound(isolated, message))
        return written_over(isolated, err);
    switch ((rk__message_kind)message->kind) {
    case RK__MESSAGE_BEGIN:
        begin_block(isolated, message->task);
        return RK_OK;
    case RK__MESSAGE_ROWS:
        return take_rows(isolated, message, err);
    case RK__MESSAGE_EMITTED:
        return take_values(isolated, message, payload, err);
    case RK__MESSAGE_FAILED:
        memcpy(&failure, payload, sizeof failure);
        return rk__lane_write_failure(lane, &failure, err);
    case RK__MESSAGE_KEPT:
        keep(isolated, message->count);
        return RK_OK;
    case RK__MESSAGE_END:
        return end_block(isolated, message->task, payload, err);
    case RK__MESSAGE_STOPPED:
        rk__isolated_abandon(isolated);
        return RK_OK;
    case RK__MESSAGE_FINISHED:
        return finish(isolated, message, payload, err);
    case RK__MESSAGE_SKIP:
        break;
    }
    return written_over(isolated, err);
}

rk_status rk__isolated_take(rk__isolated *isolated, unsigned most, bool *took, rk_error *err) {
    rk__message message;
    const void *payload;
    uint64_t now = rk__clock_ns();
    unsigned taken = 0;
    for (; taken < most && rk__exchange_next(isolated->exchange, &message, &payload); taken++) {
        RK_TRY(take_message(isolated, &message, payload, err));
        rk__exchange_taken(isolated->exchange);
    }
    *took = taken > 0;
    if (taken < most)
        atomic_store_explicit(&isolated->lane->taken_ns, now, memory_order_release);
    return RK_OK;
}
