#include <stdlib.h>
#include <string.h>

#include "record/log_private.h"

typedef struct session_entry { /* where ranks_lost is, older files have zeros */
    uint64_t check;
    rk__session session;
} session_entry;

_Static_assert(sizeof(session_entry) <= RK__SESSION_BYTES, "a session is one table entry");

static uint64_t check_of(const rk__record *record, const session_entry *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[1] ^ 0x5e55);
}

static rk_status read_entry(rk__record *record, unsigned i, session_entry *entry, bool *valid, rk_error *err) {
    RK_TRY(rk__raw_read(record, entry, sizeof *entry, record->sessions_at + (uint64_t)i * RK__SESSION_BYTES, err));
    *valid = entry->check != 0 && entry->check == check_of(record, entry) &&
             memchr(entry->session.host, '\0', sizeof entry->session.host) != NULL;
    return RK_OK;
}

static rk_status write_entry(rk__record *record, unsigned i, const rk__session *session, rk_error *err) {
    session_entry entry;
    memset(&entry, 0, sizeof entry);
    entry.session = *session;
    entry.check = check_of(record, &entry);
    return rk__raw_write(record, &entry, sizeof entry, record->sessions_at + (uint64_t)i * RK__SESSION_BYTES, err);
}

rk_status rk__record_read_sessions(rk__record *record, rk__session **out, size_t *count, rk_error *err) {
    rk__session *sessions;
    RK_TRY(rk__alloc((void **)&sessions, RK__SESSIONS_MAX, sizeof *sessions, "sessions", err));
    *count = 0;
    for (unsigned i = 0; i < RK__SESSIONS_MAX; i++) {
        session_entry entry;
        bool valid;
        rk_status status = read_entry(record, i, &entry, &valid, err);
        if (status != RK_OK) {
            free(sessions);
            return status;
        }
        if (valid)
            sessions[(*count)++] = entry.session;
    }
    *out = sessions;
    return RK_OK;
}

static void merge(rk__session *into, const rk__session *from) {
    into->end_ns = from->end_ns;
    into->tasks_after = from->tasks_after;
    into->kernel_ns += from->kernel_ns;
    into->outcome = from->outcome;
    into->number = from->number;
    into->ranks_lost += from->ranks_lost;
    into->merged += from->merged + 1;
}

static rk_status make_room(rk__record *record, rk__session *sessions, size_t *count, rk_error *err) {
    if (*count < RK__SESSIONS_MAX)
        return RK_OK;
    merge(&sessions[0], &sessions[1]);
    memmove(&sessions[1], &sessions[2], (*count - 2) * sizeof *sessions);
    --*count;
    for (unsigned i = 0; i < *count; i++)
        RK_TRY(write_entry(record, i, &sessions[i], err));
    return RK_OK;
}

/* Numbers are used once: a mark of one session must not vouch for another. */
static rk_status next_number(rk__record *record, const rk__session *sessions, size_t count, uint16_t *number,
                             rk_error *err) {
    uint32_t last;
    RK_TRY(rk__marks_last_session(record, &last, err));
    for (size_t i = 0; i < count; i++)
        last = sessions[i].number > last ? sessions[i].number : last;
    if (last >= UINT16_MAX)
        return rk__fail(err, RK_EOVERFLOW, "%s was resumed %u times, which is all that it has numbers for",
                        record->path, last);
    *number = (uint16_t)(last + 1);
    return RK_OK;
}

static rk_status write_first(rk__record *record, rk__session *sessions, size_t count, const rk__session *session,
                             uint16_t *number, rk_error *err) {
    rk__session entry = *session;
    RK_TRY(next_number(record, sessions, count, number, err));
    RK_TRY(make_room(record, sessions, &count, err));
    entry.number = *number;
    RK_TRY(rk__record_sync(record, err)); /* the entry vouches for what is there: it must not reach the disk first */
    if (record->schema.varying > 0)
        RK_TRY(rk__logs_sync(record->path, err));
    RK_TRY(write_entry(record, (unsigned)count, &entry, err));
    return rk__record_sync(record, err);
}

rk_status rk__record_session_begin(rk__record *record, const rk__session *session, uint16_t *number, rk_error *err) {
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(record, &sessions, &count, err));
    rk_status status = write_first(record, sessions, count, session, number, err);
    free(sessions);
    return status;
}

rk_status rk__record_session_end(rk__record *record, uint16_t number, const rk__session *session, rk_error *err) {
    for (unsigned i = 0; i < RK__SESSIONS_MAX; i++) {
        session_entry entry;
        bool valid;
        RK_TRY(read_entry(record, i, &entry, &valid, err));
        if (!valid || entry.session.number != number)
            continue;
        rk__session ended = *session;
        ended.number = number;
        ended.start_ns = entry.session.start_ns;
        ended.ranks_lost = entry.session.ranks_lost;
        return write_entry(record, i, &ended, err);
    }
    return rk__fail(err, RK_ECORRUPT, "%s: the entry of session %u is gone", record->path, number);
}

rk_status rk__record_lose_rank(rk__record *record, uint16_t session, uint32_t rank, rk_error *err) {
    for (unsigned i = 0; i < RK__SESSIONS_MAX; i++) {
        session_entry entry;
        bool valid;
        RK_TRY(read_entry(record, i, &entry, &valid, err));
        if (!valid || entry.session.number != session)
            continue;
        entry.session.ranks_lost++;
        RK_TRY(write_entry(record, i, &entry.session, err));
    }
    return rk__hosts_lose(record, session, rank, err);
}

/* The whole entries move together: a new one has its place by their number. */
static rk_status close_gaps(rk__record *record, rk_error *err) {
    static const unsigned char blank[RK__SESSION_BYTES];
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(record, &sessions, &count, err));
    rk_status status = RK_OK;
    for (unsigned i = 0; status == RK_OK && i < RK__SESSIONS_MAX; i++)
        status = i < count ? write_entry(record, i, &sessions[i], err)
                           : rk__raw_write(record, blank, sizeof blank,
                                           record->sessions_at + (uint64_t)i * sizeof blank, err);
    free(sessions);
    return status;
}

rk_status rk__sessions_check(rk__record *record, bool mend, uint64_t *bad, rk_error *err) {
    *bad = 0;
    for (unsigned i = 0; i < RK__SESSIONS_MAX; i++) {
        session_entry entry;
        bool valid;
        RK_TRY(read_entry(record, i, &entry, &valid, err));
        *bad += !valid && !rk__raw_is_blank(&entry, sizeof entry);
    }
    return mend && *bad > 0 ? close_gaps(record, err) : RK_OK;
}
