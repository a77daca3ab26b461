#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

typedef struct failure_entry {
    uint64_t check, reserved;
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

rk_status rk__record_write_failure(rk__record *record, uint64_t slot, const rk__failure *failure, rk_error *err) {
    failure_entry entry;
    if (slot >= RK__FAILURES_MAX)
        return RK_OK;
    memset(&entry, 0, sizeof entry);
    entry.failure = *failure;
    entry.check = check_of(record, &entry);
    return rk__raw_write(record, &entry, sizeof entry, record->failures_at + slot * sizeof entry, err);
}

static int by_task(const void *a, const void *b) {
    uint64_t left = ((const rk__failure *)a)->task, right = ((const rk__failure *)b)->task;
    return left < right ? -1 : left > right;
}

/* An entry may be of a block that was killed before its commit and then computed again: only committed ones count, and
 * of several for one task the last. */
rk_status rk__record_read_failures(rk__record *record, rk__failure **out, size_t *count, rk_error *err) {
    failure_entry *table;
    rk__failure *found;
    rk__block_record block;
    RK_TRY(read_table(record, &table, err));
    rk_status status = rk__alloc((void **)&found, RK__FAILURES_MAX, sizeof *found, "failures", err);
    *count = 0;
    for (size_t i = RK__FAILURES_MAX; status == RK_OK && i-- > 0;) {
        if (!is_valid(record, &table[i]))
            continue;
        bool known = false;
        for (size_t k = 0; k < *count && !known; k++)
            known = found[k].task == table[i].failure.task;
        if (!known && rk__record_block(record, table[i].failure.task >> record->schema.block_log2, &block) &&
            block.failed > 0)
            found[(*count)++] = table[i].failure;
    }
    free(table);
    if (status != RK_OK)
        return status;
    qsort(found, *count, sizeof *found, by_task);
    *out = found;
    return RK_OK;
}
