#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

typedef struct failure_entry {
    uint64_t check;
    uint64_t session; /* an entry of a block that another session committed is of an attempt before */
    rk__failure failure;
} failure_entry;

_Static_assert(sizeof(failure_entry) == RK__FAILURE_BYTES, "a failure is one table entry");

static uint64_t check_of(const rk__record *record, const failure_entry *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[1] ^ 0xfa11);
}

static bool is_valid(const rk__record *record, const failure_entry *entry) {
    return entry->check != 0 && entry->check == check_of(record, entry) && entry->failure.task < record->schema.tasks &&
           memchr(entry->failure.message, '\0', sizeof entry->failure.message) != NULL;
}

static rk_status read_table(rk__record *record, failure_entry **out, rk_error *err) {
    RK_TRY(rk__alloc((void **)out, RK__FAILURES_MAX, sizeof **out, "failures", err));
    rk_status status = rk__raw_read(record, *out, (size_t)RK__FAILURES_MAX * sizeof **out, record->failures_at, err);
    if (status != RK_OK)
        free(*out);
    return status;
}

rk_status rk__record_failure_base(rk__record *record, uint64_t *base, rk_error *err) {
    failure_entry *table;
    RK_TRY(read_table(record, &table, err));
    *base = 0;
    for (uint64_t i = 0; i < RK__FAILURES_MAX; i++)
        if (is_valid(record, &table[i]))
            *base = i + 1;
    free(table);
    return RK_OK;
}

rk_status rk__record_write_failure(rk__record *record, uint64_t slot, uint16_t session, const rk__failure *failure,
                                   rk_error *err) {
    failure_entry entry;
    if (slot >= RK__FAILURES_MAX)
        return RK_OK;
    memset(&entry, 0, sizeof entry);
    entry.session = session;
    entry.failure = *failure;
    entry.check = check_of(record, &entry);
    return rk__raw_write(record, &entry, sizeof entry, record->failures_at + slot * sizeof entry, err);
}

/* By task, and of one task the entry that counts first. */
static int in_order(const void *a, const void *b) {
    const failure_entry *left = a, *right = b;
    if (left->failure.task != right->failure.task)
        return left->failure.task < right->failure.task ? -1 : 1;
    return left->session > right->session ? -1 : left->session < right->session;
}

static size_t keep_valid(const rk__record *record, failure_entry *table) {
    size_t count = 0;
    for (size_t i = 0; i < RK__FAILURES_MAX; i++)
        if (is_valid(record, &table[i]) && table[i].failure.attempts > 0)
            table[count++] = table[i];
    qsort(table, count, sizeof *table, in_order);
    return count;
}

/* An entry may be of a block that was killed before its commit, or that was computed again later: only those of the
 * session that committed the block count. The others are attempts. */
static bool counts(rk__record *record, const failure_entry *entry) {
    rk__block_record block;
    return rk__record_block(record, entry->failure.task >> record->schema.block_log2, &block) && block.failed > 0 &&
           block.session == entry->session;
}

rk_status rk__record_read_failures(rk__record *record, rk__failure **out, size_t *count, rk_error *err) {
    failure_entry *table;
    rk__failure *found;
    RK_TRY(read_table(record, &table, err));
    rk_status status = rk__alloc((void **)&found, RK__FAILURES_MAX, sizeof *found, "failures", err);
    if (status != RK_OK) {
        free(table);
        return status;
    }
    size_t entries = keep_valid(record, table);
    *count = 0;
    for (size_t i = 0, next; i < entries; i = next) {
        uint64_t attempts = table[i].failure.attempts;
        for (next = i + 1; next < entries && table[next].failure.task == table[i].failure.task; next++)
            if (table[next].session != table[next - 1].session)
                attempts += table[next].failure.attempts;
        if (!counts(record, &table[i]))
            continue;
        table[i].failure.attempts = (uint32_t)attempts;
        found[(*count)++] = table[i].failure;
    }
    free(table);
    *out = found;
    return RK_OK;
}

rk_status rk__record_read_crash(rk__record *record, uint32_t session, rk__failure *out, bool *found, rk_error *err) {
    failure_entry *table;
    RK_TRY(read_table(record, &table, err));
    *found = false;
    for (size_t i = 0; i < RK__FAILURES_MAX && !*found; i++) {
        *found = is_valid(record, &table[i]) && table[i].failure.attempts == 0 && table[i].session == session;
        if (*found)
            *out = table[i].failure;
    }
    free(table);
    return RK_OK;
}

/* ---- what the records say of it ---- */

struct rk__failure_index {
    rk__record *record;
    failure_entry *table; /* valid entries, by task; NULL: not read yet */
    size_t count;
    bool overflowed; /* entries may have been dropped */
};

enum { NODES_LEAST = 64 }; /* sessions that were merged do not say how many nodes they had */

static rk_status count_nodes(rk__record *record, uint64_t *nodes, rk_error *err) {
    rk__session *sessions;
    size_t count;
    RK_TRY(rk__record_read_sessions(record, &sessions, &count, err));
    *nodes = NODES_LEAST;
    for (size_t i = 0; i < count; i++)
        *nodes = sessions[i].nodes > *nodes ? sessions[i].nodes : *nodes;
    free(sessions);
    return RK_OK;
}

/* A node whose next slot lies behind the table has used one of the last slots, as many as there are nodes. */
static bool has_overflowed(const failure_entry *table, uint64_t nodes) {
    for (uint64_t i = nodes < RK__FAILURES_MAX ? RK__FAILURES_MAX - nodes : 0; i < RK__FAILURES_MAX; i++)
        if (!rk__raw_is_blank(&table[i], sizeof table[i]))
            return true;
    return false;
}

static rk_status read_index(rk__failure_index *index, rk_error *err) {
    uint64_t nodes;
    free(index->table);
    index->table = NULL;
    RK_TRY(count_nodes(index->record, &nodes, err));
    RK_TRY(read_table(index->record, &index->table, err));
    index->overflowed = has_overflowed(index->table, nodes);
    index->count = keep_valid(index->record, index->table);
    return RK_OK;
}

rk_status rk__failure_index_create(rk__failure_index **out, rk__record *record, rk_error *err) {
    RK_TRY(rk__alloc((void **)out, 1, sizeof **out, "failures", err));
    (*out)->record = record;
    return RK_OK;
}

void rk__failure_index_destroy(rk__failure_index *index) {
    if (index == NULL)
        return;
    free(index->table);
    free(index);
}

static size_t first_of(const rk__failure_index *index, uint64_t task) {
    size_t low = 0, high = index->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (index->table[middle].failure.task < task)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_all(const rk__failure_index *index, uint64_t block, const rk__block_record *entry) {
    uint64_t found = 0, task = block << index->record->schema.block_log2, last = UINT64_MAX,
             end = task + rk__schema_block_tasks(&index->record->schema, block);
    for (size_t i = first_of(index, task); i < index->count && index->table[i].failure.task < end; i++) {
        const failure_entry *at = &index->table[i];
        found += at->session == entry->session && at->failure.task != last;
        last = at->session == entry->session ? at->failure.task : last;
    }
    return index->overflowed || found >= entry->failed;
}

rk_status rk__failure_index_holds(rk__failure_index *index, uint64_t block, const rk__block_record *entry, bool *holds,
                                  rk_error *err) {
    *holds = entry->failed == 0 || (index->table != NULL && has_all(index, block, entry));
    if (*holds)
        return RK_OK;
    RK_TRY(read_index(index, err)); /* not read yet, or the block is newer than what was read */
    *holds = has_all(index, block, entry);
    return RK_OK;
}

rk_status rk__failures_inherit(rk__record *to, rk__record *from, rk_error *err) {
    failure_entry mark = {.session = UINT64_MAX}, last; /* without a check it is nobody's failure */
    rk__failure_index index = {.record = from};
    rk_status status = read_index(&index, err);
    free(index.table);
    uint64_t at = to->failures_at + (RK__FAILURES_MAX - 1) * sizeof mark;
    if (status == RK_OK)
        status = rk__raw_read(to, &last, sizeof last, at, err);
    if (status == RK_OK && index.overflowed && last.check == 0)
        status = rk__raw_write(to, &mark, sizeof mark, at, err);
    return status;
}
