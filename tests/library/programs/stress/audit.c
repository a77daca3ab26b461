/* Whether the books balance. What is in the objects at the end is what all actors together say that they have done: on
 * lenient sets the dead have handed in nothing, there only what must hold in any case is looked at. */
#include <stdio.h>
#include <string.h>

#include <rankine/bytes.h>

#include "stress.h"

void audit_say(audit *all, int set, const char *what, int64_t found, int64_t expected) {
    all->failures++;
    fprintf(stderr, "stress: seed %llu: set %d: %s: %lld, expected %lld\n", (unsigned long long)all->todo->seed, set,
            what, (long long)found, (long long)expected);
}

void audit_token(audit *all, uint32_t token) {
    if (token < TOKENS_MAX)
        all->found[token]++;
    else
        audit_say(all, -1, "a token that never was", token, -1);
}

static void audit_range(audit *all, int set, int number, uint64_t seed) {
    unsigned char range[RANGE_BYTES];
    rk_status status =
        rk_memory_read(all->todo->sets[set].memory, (uint64_t)number * RANGE_BYTES, RANGE_BYTES, range, &all->err);
    if (status != RK_OK && (is_strict(all->todo, set) || status != RK_EDEAD))
        audit_say(all, set, all->err.message, status, RK_OK);
    else if (status == RK_OK && !range_is(range, seed))
        audit_say(all, set, "memory is not what this actor wrote last", number, number);
}

void audit_books(audit *all, const books *one, int number) {
    all->failures += one->failures;
    all->handed_in[number] = true;
    all->lines[number] = one->lines;
    all->gatherings += one->gatherings;
    for (int set = 0; set < all->todo->set_count; set++) {
        for (int i = 0; i < TOTALS; i++)
            all->totals[set][i] += one->totals[set][i];
        if (one->range_seed[set] != 0)
            audit_range(all, set, number, one->range_seed[set]);
    }
    for (int class = 0; class < 2; class ++)
        for (int i = 0; i < one->bag_size[class]; i++)
            audit_token(all, one->bag[class][i]);
}

/* ---- the objects of a set ---- */

static void expect(audit *all, int set, rk_status status, const char *what, int64_t found, int64_t expected) {
    if (status == RK_OK && found != expected)
        audit_say(all, set, what, found, expected);
    else if (status != RK_OK)
        audit_say(all, set, all->err.message, status, RK_OK);
}

static void expect_value(audit *all, int set, rk_value value, const char *what, int64_t expected) {
    int64_t found = 0;
    rk_status status = rk_value_get_i64(value, &found, &all->err);
    expect(all, set, status, what, found, expected);
}

static void audit_data(audit *all, int set) {
    const int64_t *totals = all->totals[set];
    int64_t elements[ELEMENTS] = {0}, found, sum = 0;
    double floated = 0;
    rk_items items;
    expect_value(all, set, all->todo->sets[set].sum, "sum", totals[ADDED]);
    expect_value(all, set, all->todo->sets[set].swapped, "sum by compare_swap", totals[SWAPPED]);
    rk_status status = rk_value_get_f64(all->todo->sets[set].floated, &floated, &all->err);
    expect(all, set, status, "sum of doubles", (int64_t)floated, totals[FLOATED]);
    status = rk_array_get_i64(all->todo->sets[set].elements, 0, ELEMENTS, elements, &all->err);
    for (int i = 0; i < ELEMENTS; i++)
        expect(all, set, status, "element", elements[i], totals[ELEMENT + i]);
    status = rk_dict_items(all->todo->sets[set].counts, &items, &all->err);
    if (status == RK_OK) {
        for (size_t i = 0; i < items.count; i++)
            if (((const char *)items.keys[i].data)[0] == 'k' && items.values[i].size == sizeof found) {
                memcpy(&found, items.values[i].data, sizeof found);
                sum += found;
            }
        rk_items_free(&items);
    }
    expect(all, set, status, "sum in a dictionary", sum, totals[COUNTED]);
}

static void audit_doors(audit *all, int number) {
    const kit *it = &all->todo->sets[number];
    for (int i = 0; i < 2; i++) {
        uint64_t count = 0;
        rk_status status = rk_semaphore_value(it->semaphores[i], &count, &all->err);
        expect(all, number, status, i == 0 ? "semaphore" : "bounded semaphore", (int64_t)count, INSIDE_MAX);
        expect_value(all, number, it->inside[i], "inside", 0);
    }
    rk_status status = rk_semaphore_release(it->semaphores[1], 1, &all->err);
    if (status != RK_EINVAL)
        audit_say(all, number, "release of a bounded semaphore", status, RK_EINVAL);
}

static void audit_meetings(audit *all, int number) {
    const kit *it = &all->todo->sets[number];
    const int64_t *totals = all->totals[number];
    bool truth = true;
    uint32_t waiting = 0;
    expect_value(all, number, it->left, "left of the lock's pair", totals[LOCKED]);
    expect_value(all, number, it->right, "right of the lock's pair", totals[LOCKED]);
    int64_t pair[2] = {0, 0};
    rk_status status = rk_array_get_i64(it->pair, 0, 2, pair, &all->err);
    expect(all, number, status, "left of the rlock's pair", pair[0], totals[RLOCKED]);
    expect(all, number, status, "right of the rlock's pair", pair[1], totals[RLOCKED]);
    expect_value(all, number, it->available, "available", totals[PRODUCED] - totals[CONSUMED]);
    status = rk_lock_locked(it->lock, &truth, &all->err);
    expect(all, number, status, "a lock is held", truth, 0);
    status = rk_rlock_locked(it->rlock, &truth, &all->err);
    expect(all, number, status, "an rlock is held", truth, 0);
    status = rk_condition_locked(it->condition, &truth, &all->err);
    expect(all, number, status, "a condition's lock is held", truth, 0);
    status = rk_barrier_n_waiting(it->barrier, &waiting, &all->err);
    expect(all, number, status, "somebody waits at a barrier", waiting, 0);
    for (int i = 1; i < PARTIES; i++)
        expect(all, number, RK_OK, "as many of each index met at a barrier", totals[MET + i], totals[MET]);
    audit_doors(all, number);
}

/* ---- what is left in a set's channels ---- */

static void received(audit *all, int channel, void *bytes, size_t size) {
    int64_t token = open_parcel(all->drain, channel, bytes, size);
    if (token >= 0)
        audit_token(all, (uint32_t)token);
    rk_free(bytes);
}

static void expect_end(audit *all, int set, rk_status status, rk_status end, const char *what) {
    if (status != end && (is_strict(all->todo, set) || status != RK_EDEAD))
        audit_say(all, set, what, status, end);
}

static void drain_queue(audit *all, int number, int which) {
    rk_queue queue = all->todo->sets[number].queues[which];
    bool strict = is_strict(all->todo, number);
    rk_status status;
    for (;;) {
        void *bytes;
        size_t size;
        status = rk_queue_get(queue, 0, &bytes, &size, &all->err);
        if (status != RK_OK)
            break;
        received(all, which, bytes, size);
        expect_end(all, number, rk_queue_task_done(queue, &all->err), RK_OK, "task_done");
    }
    expect_end(all, number, status, RK_EEMPTY, "get until nothing is left");
    if (strict) {
        expect_end(all, number, rk_queue_join(queue, 0, &all->err), RK_OK, "join of a queue where all is done");
        expect_end(all, number, rk_queue_task_done(queue, &all->err), RK_EINVAL, "task_done once too often");
    }
    expect_end(all, number, rk_queue_close(queue, &all->err), RK_OK, "close");
    rk_status put = rk_queue_put(queue, "x", 1, 0, &all->err); /* of another rank: it does not wait to hear */
    expect_end(all, number, put == RK_OK ? rk_queue_flush(queue, 30, &all->err) : put, RK_ECLOSED, "put after close");
}

static void drain_end(audit *all, int number, int which) {
    rk_pipe end = all->todo->sets[number].ends[which];
    rk_status status;
    for (;;) {
        void *bytes;
        size_t size;
        status = rk_pipe_recv(end, 0, &bytes, &size, &all->err);
        if (status != RK_OK)
            break;
        received(all, 2 + which, bytes, size);
    }
    expect_end(all, number, status, RK_ETIMEDOUT, "recv until nothing is left");
}

static void drain_containers(audit *all, int number) {
    const kit *it = &all->todo->sets[number];
    rk_items items = {0};
    int64_t held = 0;
    uint32_t token;
    rk_status status = rk_list_items(it->list, &items, &all->err);
    expect_end(all, number, status, RK_OK, "items of a list");
    for (size_t i = 0; status == RK_OK && i < items.count; i++) {
        memcpy(&token, items.values[i].data, sizeof token);
        audit_token(all, token);
    }
    if (status == RK_OK)
        rk_items_free(&items);
    status = rk_dict_items(it->tokens, &items, &all->err);
    expect_end(all, number, status, RK_OK, "items of a dictionary");
    for (size_t i = 0; status == RK_OK && i < items.count; i++) {
        memcpy(&token, items.values[i].data, sizeof token);
        audit_token(all, token);
    }
    if (status == RK_OK)
        rk_items_free(&items);
    status = rk_value_get_i64(it->held, &held, &all->err);
    expect_end(all, number, status, RK_OK, "get");
    if (status == RK_OK && held > 0)
        audit_token(all, (uint32_t)(held - 1));
}

static void audit_tokens(audit *all) {
    for (int token = 0; token < all->todo->set_count * TOKENS; token++) {
        int set = token / TOKENS;
        if (all->found[token] > 1 || (is_strict(all->todo, set) && all->found[token] != 1)) {
            fprintf(stderr, "stress: token %d: ", token);
            audit_say(all, set, "found so many times", all->found[token], 1);
        }
    }
}

void audit_sets(audit *all) {
    for (int number = 0; number < all->todo->set_count; number++) {
        all->drain->set = number;
        all->drain->on = &all->todo->sets[number];
        all->drain->strict = is_strict(all->todo, number);
        for (int i = 0; i < 2; i++) {
            be_at(0, "drain a queue", number);
            drain_queue(all, number, i);
            be_at(0, "drain a pipe", number);
            drain_end(all, number, i);
        }
        drain_containers(all, number);
        be_at(0, "audit", number);
        all->totals[number][EMPTY_GOT] += all->drain->books->totals[number][EMPTY_GOT];
        if (!all->drain->strict)
            continue;
        expect(all, number, RK_OK, "empty messages", all->totals[number][EMPTY_GOT], all->totals[number][EMPTY_PUT]);
        audit_data(all, number);
        audit_meetings(all, number);
    }
    all->failures += all->drain->books->failures;
    audit_tokens(all);
}
