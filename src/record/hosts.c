/* Which rank was where, and which of them were lost.
 *
 * Problem. A record says which claimer computed a block, which is a number of its session. To find the broken node
 * behind failed tasks one has to know its host, long after the run; and what a run has lost has to be in the file, also
 * when rank 0 dies next.
 *
 * Idea. A table of entries, each for ranks of one node in one session: first, first + stride, ... That is one entry a
 * node for the ways in which launchers place ranks (slot by slot, or node by node). A rank that is lost is counted in
 * its entry at once. Entries are numbered over the file's life and their places dealt out in a circle: when the table
 * is full the oldest sessions are forgotten.
 *
 * Invariants. An entry checks itself and lies in one sector: it is blank, or whole. Nothing that is computed depends on
 * the table. Files made before there was one lack it: then nothing is known, and nothing is written. */
#include <stdlib.h>
#include <string.h>

#include "record/record_private.h"

typedef struct host_entry {
    uint64_t check;
    uint64_t sequence; /* from 1 on */
    rk__host host;
} host_entry;

_Static_assert(sizeof(host_entry) <= RK__HOST_BYTES, "a node is one table entry");

static uint64_t check_of(const rk__record *record, const host_entry *entry) {
    return rk__hash64((const char *)entry + sizeof entry->check, sizeof *entry - sizeof entry->check,
                      record->nonce[1] ^ 0x4057);
}

static bool is_valid(const rk__record *record, const host_entry *entry) {
    return entry->check != 0 && entry->check == check_of(record, entry) && entry->host.threads > 0 &&
           entry->host.stride > 0 && entry->host.lost <= entry->host.count &&
           memchr(entry->host.name, '\0', sizeof entry->host.name) != NULL;
}

static uint64_t place_of(const rk__record *record, uint64_t sequence) {
    return record->hosts_at + (sequence - 1) % RK__HOSTS_MAX * RK__HOST_BYTES;
}

static rk_status write_entry(rk__record *record, host_entry *entry, rk_error *err) {
    entry->check = check_of(record, entry);
    return rk__raw_write(record, entry, sizeof *entry, place_of(record, entry->sequence), err);
}

/* ---- reading ---- */

typedef unsigned char place[RK__HOST_BYTES];

static rk_status read_places(rk__record *record, place **out, rk_error *err) {
    RK_TRY(rk__alloc((void **)out, RK__HOSTS_MAX, sizeof **out, "hosts", err));
    rk_status status = record->hosts_at == 0
                           ? RK_OK /* all blank */
                           : rk__raw_read(record, *out, RK__HOSTS_MAX * sizeof **out, record->hosts_at, err);
    if (status != RK_OK)
        free(*out);
    return status;
}

static bool take_entry(const rk__record *record, const place *places, unsigned i, host_entry *out) {
    memcpy(out, places[i], sizeof *out);
    return is_valid(record, out) && (out->sequence - 1) % RK__HOSTS_MAX == i;
}

static int by_sequence(const void *a, const void *b) {
    uint64_t left = ((const host_entry *)a)->sequence, right = ((const host_entry *)b)->sequence;
    return left < right ? -1 : left > right;
}

/* The valid ones, oldest first. */
static rk_status read_entries(rk__record *record, host_entry **out, size_t *count, rk_error *err) {
    place *places;
    host_entry *entries;
    RK_TRY(read_places(record, &places, err));
    rk_status status = rk__alloc((void **)&entries, RK__HOSTS_MAX, sizeof *entries, "hosts", err);
    *count = 0;
    for (unsigned i = 0; status == RK_OK && i < RK__HOSTS_MAX; i++)
        *count += take_entry(record, places, i, &entries[*count]);
    free(places);
    RK_TRY(status);
    qsort(entries, *count, sizeof *entries, by_sequence);
    *out = entries;
    return RK_OK;
}

rk_status rk__record_read_hosts(rk__record *record, rk__host **out, size_t *count, rk_error *err) {
    host_entry *entries;
    rk__host *hosts;
    RK_TRY(read_entries(record, &entries, count, err));
    rk_status status = rk__alloc((void **)&hosts, *count, sizeof *hosts, "hosts", err);
    for (size_t i = 0; status == RK_OK && i < *count; i++)
        hosts[i] = entries[i].host;
    free(entries);
    if (status == RK_OK)
        *out = hosts;
    return status;
}

static bool has_rank(const rk__host *host, uint32_t session, uint32_t rank) {
    return host->session == session && rank >= host->first && (rank - host->first) % host->stride == 0 &&
           (rank - host->first) / host->stride < host->count;
}

const rk__host *rk__host_of(const rk__host *hosts, size_t count, const rk__block_record *entry) {
    for (size_t i = 0; i < count; i++)
        if (has_rank(&hosts[i], entry->session, entry->owner / hosts[i].threads))
            return &hosts[i];
    return NULL;
}

rk_status rk__hosts_check(rk__record *record, bool mend, uint64_t *bad, rk_error *err) {
    static const place blank;
    place *places;
    host_entry entry;
    RK_TRY(read_places(record, &places, err));
    rk_status status = RK_OK;
    *bad = 0;
    for (unsigned i = 0; status == RK_OK && i < RK__HOSTS_MAX; i++) {
        if (take_entry(record, places, i, &entry) || rk__raw_is_blank(places[i], sizeof places[i]))
            continue;
        ++*bad;
        if (mend)
            status = rk__raw_write(record, blank, sizeof blank, record->hosts_at + i * sizeof blank, err);
    }
    free(places);
    return status;
}

/* ---- writing ---- */

/* From `rank` on: as many ranks of its node as lie at one distance from each other. */
static rk__host ranks_from(const rk__roll *roll, uint32_t rank) {
    rk__host host = {.threads = roll->threads, .first = rank, .count = 1, .stride = 1};
    int node = roll->node_of_rank[rank];
    for (uint32_t next = rank + 1; next < roll->ranks; next++) {
        if (roll->node_of_rank[next] != node)
            continue;
        uint32_t step = next - (host.first + (host.count - 1) * host.stride);
        if (host.count > 1 && step != host.stride)
            break;
        host.stride = step;
        host.count++;
    }
    memcpy(host.name, roll->hosts[rank], sizeof host.name);
    host.name[sizeof host.name - 1] = '\0';
    return host;
}

/* Ranks that an earlier entry of the same session has are in it already. */
static bool is_told(const rk__host *told, size_t count, uint32_t session, uint32_t rank) {
    for (size_t i = count; i-- > 0;)
        if (has_rank(&told[i], session, rank))
            return true;
    return false;
}

static rk_status write_roll(rk__record *record, uint16_t session, const rk__roll *roll, uint64_t sequence,
                            rk__host *told, rk_error *err) {
    size_t count = 0;
    for (uint32_t rank = 0; rank < roll->ranks && count < RK__HOSTS_MAX; rank++) {
        if (is_told(told, count, session, rank))
            continue;
        host_entry entry;
        memset(&entry, 0, sizeof entry);
        entry.sequence = sequence + count;
        entry.host = ranks_from(roll, rank);
        entry.host.session = session;
        RK_TRY(write_entry(record, &entry, err));
        told[count++] = entry.host;
    }
    return RK_OK;
}

rk_status rk__record_call_roll(rk__record *record, uint16_t session, const rk__roll *roll, rk_error *err) {
    host_entry *entries;
    rk__host *told;
    size_t count;
    if (record->hosts_at == 0)
        return RK_OK;
    RK_TRY(read_entries(record, &entries, &count, err));
    uint64_t next = count > 0 ? entries[count - 1].sequence + 1 : 1;
    free(entries);
    RK_TRY(rk__alloc((void **)&told, RK__HOSTS_MAX, sizeof *told, "hosts", err));
    rk_status status = write_roll(record, session, roll, next, told, err);
    free(told);
    return status;
}

rk_status rk__hosts_lose(rk__record *record, uint16_t session, uint32_t rank, rk_error *err) {
    host_entry *entries;
    size_t count;
    RK_TRY(read_entries(record, &entries, &count, err));
    rk_status status = RK_OK;
    for (size_t i = 0; status == RK_OK && i < count; i++) {
        if (!has_rank(&entries[i].host, session, rank) || entries[i].host.lost == entries[i].host.count)
            continue;
        entries[i].host.lost++;
        status = write_entry(record, &entries[i], err);
    }
    free(entries);
    return status;
}
