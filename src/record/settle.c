/* After a kill or a power cut: which records can be trusted, and which blocks must be computed again.
 *
 * A record is trusted if its session ended in order, if a later session began (which settles first, and syncs), or if a
 * mark of its rank covers its epoch. The others are held against their rows. */
#include <stdlib.h>

#include "record/record_private.h"

typedef struct mark {
    uint64_t check;
    uint32_t session, epoch;
} mark;

_Static_assert(sizeof(mark) == RK__MARK_BYTES, "as the data set");

static uint64_t check_of(const rk__record *record, uint32_t owner, const mark *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[1] ^ (0x3a4c + (uint64_t)owner));
}

rk_status rk__record_mark(rk__record *record, uint32_t owner, uint16_t session, uint32_t epoch, rk_error *err) {
    mark entry = {0, session, epoch};
    if (owner >= RK__MARKS_MAX)
        return RK_OK;
    entry.check = check_of(record, owner, &entry);
    return rk__raw_write(record, &entry, sizeof entry, record->marks_at + (uint64_t)owner * sizeof entry, err);
}

/* Marks that are torn or were never written are all zeros. */
static rk_status read_marks(rk__record *record, mark **out, rk_error *err) {
    RK_TRY(rk__alloc((void **)out, RK__MARKS_MAX, sizeof **out, "marks", err));
    rk_status status = rk__raw_read(record, *out, RK__MARKS_MAX * sizeof **out, record->marks_at, err);
    if (status != RK_OK) {
        free(*out);
        return status;
    }
    for (uint32_t i = 0; i < RK__MARKS_MAX; i++)
        if ((*out)[i].check != check_of(record, i, &(*out)[i]))
            (*out)[i] = (mark){0};
    return RK_OK;
}

rk_status rk__marks_last_session(rk__record *record, uint32_t *last, rk_error *err) {
    mark *marks;
    RK_TRY(read_marks(record, &marks, err));
    *last = 0;
    for (uint32_t i = 0; i < RK__MARKS_MAX; i++)
        *last = marks[i].session > *last ? marks[i].session : *last;
    free(marks);
    return RK_OK;
}

struct rk__trust {
    mark *marks;
    uint32_t below; /* sessions with lower numbers */
};

/* Epochs are compared modulo 2^16: one that is far behind looks as if it were ahead, and is checked. */
bool rk__trust_covers(const rk__trust *trust, const rk__block_record *entry) {
    if (entry->session < trust->below)
        return true;
    if (entry->session == 0) /* copied; no mark is of session 0, but those that were never written look like it */
        return false;
    if (entry->owner >= RK__MARKS_MAX || trust->marks[entry->owner].session != entry->session)
        return false;
    return (uint16_t)(trust->marks[entry->owner].epoch - entry->epoch) < UINT16_C(0x8000);
}

static rk_status find_trusted(rk__record *record, rk__trust *trust, rk_error *err) {
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(record, &sessions, &count, err));
    for (size_t i = 0; i < count; i++) { /* a session that ended in order has synced before it said so */
        uint32_t below = sessions[i].number + (sessions[i].end_ns != 0);
        trust->below = below > trust->below ? below : trust->below;
    }
    free(sessions);
    return read_marks(record, &trust->marks, err);
}

rk_status rk__trust_read(rk__trust **out, rk__record *record, rk_error *err) {
    rk__trust *trust;
    RK_TRY(rk__alloc((void **)&trust, 1, sizeof *trust, "marks", err));
    rk_status status = find_trusted(record, trust, err);
    if (status == RK_OK)
        *out = trust;
    else
        free(trust);
    return status;
}

void rk__trust_destroy(rk__trust *trust) {
    if (trust == NULL)
        return;
    free(trust->marks);
    free(trust);
}

typedef struct settling {
    rk__record *record;
    const rk__settle_options *options;
    rk__settle_report *report;
    rk__trust *trust;
    rk__checker *checker;
} settling;

static rk_status settle_block(void *ctx, uint64_t block, unsigned slot, const rk__block_record *entry, rk_error *err) {
    settling *s = ctx;
    bool sound = true;
    if (s->options->check_all || !rk__trust_covers(s->trust, entry)) {
        RK_TRY(rk__checker_block(s->checker, block, slot, entry, &sound, err));
        s->report->blocks_checked++;
    }
    bool retry = sound && s->options->retry_failed && entry->failed > 0;
    s->report->blocks_damaged += !sound;
    s->report->blocks_retried += retry;
    if (sound && !retry)
        return RK_OK;
    if (s->report->blocks_damaged + s->report->blocks_retried == 1) /* the first: the results vouch for it */
        RK_TRY(rk__record_unfinish(s->record, err));
    return rk__block_reopen(s->record, block, slot, entry, err);
}

/* What the tables of sessions and hosts have lost cannot be made again: the rest is kept. */
static rk_status mend_tables(rk__record *record, rk_error *err) {
    uint64_t sessions, hosts;
    RK_TRY(rk__sessions_check(record, true, &sessions, err));
    RK_TRY(rk__hosts_check(record, true, &hosts, err));
    return sessions + hosts > 0 ? rk__record_sync(record, err) : RK_OK;
}

static rk_status settle(settling *s, rk_error *err) {
    if (s->options->check_all)
        RK_TRY(mend_tables(s->record, err));
    RK_TRY(rk__trust_read(&s->trust, s->record, err));
    RK_TRY(rk__checker_create(&s->checker, s->record, err));
    RK_TRY(rk__blocks_walk(s->record, settle_block, s, err));
    if (s->report->blocks_damaged + s->report->blocks_retried == 0)
        return RK_OK;
    return rk__record_sync(s->record, err);
}

rk_status rk__record_settle(rk__record *record, const rk__settle_options *options, rk__settle_report *report,
                            rk_error *err) {
    settling s = {.record = record, .options = options, .report = report};
    *report = (rk__settle_report){0};
    rk_status status = settle(&s, err);
    rk__checker_destroy(s.checker);
    rk__trust_destroy(s.trust);
    return status;
}
