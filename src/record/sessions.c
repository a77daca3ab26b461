#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

typedef struct session_entry {
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
}

rk_status rk__record_session_begin(rk__record *record, const rk__session *session, uint16_t *number, rk_error *err) {
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(record, &sessions, &count, err));
    rk_status status = RK_OK;
    if (count == RK__SESSIONS_MAX) {
        merge(&sessions[0], &sessions[1]);
        memmove(&sessions[1], &sessions[2], (count - 2) * sizeof *sessions);
        count--;
        for (unsigned i = 0; status == RK_OK && i < count; i++)
            status = write_entry(record, i, &sessions[i], err);
    }
    free(sessions);
    *number = (uint16_t)count;
    return status != RK_OK ? status : write_entry(record, (unsigned)count, session, err);
}

rk_status rk__record_session_end(rk__record *record, uint16_t number, const rk__session *session, rk_error *err) {
    return write_entry(record, number, session, err);
}
