/* Objects that one makes and destroys while others use them. Nobody may get more than RK_ENOENT for it. */
#include <stdio.h>
#include <string.h>

#include <rankine/bytes.h>

#include "stress.h"

static rk_status make(brief *it, uint64_t *random, rk_error *err) {
    rk_queue_options options = {.maxsize = below(random, 3)};
    memset(it, 0, sizeof *it);
    it->kind = (brief_kind)below(random, BRIEF_KINDS);
    switch (it->kind) {
    case BRIEF_QUEUE:
        return rk_queue_create(&it->queue, &options, err);
    case BRIEF_LOCK:
        return rk_lock_create(&it->lock, err);
    case BRIEF_SEMAPHORE:
        return rk_semaphore_create(&it->semaphore, 1, err);
    case BRIEF_EVENT:
        return rk_event_create(&it->event, err);
    case BRIEF_BARRIER:
        return rk_barrier_create(&it->barrier, 2, NULL, err);
    case BRIEF_CONDITION:
        return rk_condition_create(&it->condition, err);
    case BRIEF_VALUE:
        return rk_value_create(&it->value, RK_I64, NULL, err);
    case BRIEF_ARRAY:
        return rk_array_create(&it->array, RK_F64, 100, NULL, err);
    case BRIEF_MEMORY:
        return rk_memory_create(&it->memory, NULL, 1000, err);
    case BRIEF_DICT:
        return rk_dict_create(&it->dict, err);
    case BRIEF_LIST:
        return rk_list_create(&it->list, err);
    case BRIEF_PIPE:
        return rk_pipe_create(&it->ends[0], &it->ends[1], true, err);
    default:
        return rk_shared_list_create(&it->texts, &(rk_shared_item){.kind = RK_SHARED_INT}, 1, err);
    }
}

static rk_status end(const brief *it, rk_error *err) {
    switch (it->kind) {
    case BRIEF_QUEUE:
        return rk_queue_destroy(it->queue, err);
    case BRIEF_LOCK:
        return rk_lock_destroy(it->lock, err);
    case BRIEF_SEMAPHORE:
        return rk_semaphore_destroy(it->semaphore, err);
    case BRIEF_EVENT:
        return rk_event_destroy(it->event, err);
    case BRIEF_BARRIER:
        return rk_barrier_destroy(it->barrier, err);
    case BRIEF_CONDITION:
        return rk_condition_destroy(it->condition, err);
    case BRIEF_VALUE:
        return rk_value_destroy(it->value, err);
    case BRIEF_ARRAY:
        return rk_array_destroy(it->array, err);
    case BRIEF_MEMORY:
        return rk_memory_unlink(it->memory, err);
    case BRIEF_DICT:
        return rk_dict_destroy(it->dict, err);
    case BRIEF_LIST:
        return rk_list_destroy(it->list, err);
    case BRIEF_PIPE:
        RK_TRY(rk_pipe_close(it->ends[0], err));
        return rk_pipe_close(it->ends[1], err);
    default:
        return rk_shared_list_destroy(it->texts, err);
    }
}

static rk_status use_queue(const brief *it, uint64_t *random, rk_error *err) {
    int64_t x;
    double seconds = short_time(random);
    return below(random, 2) > 0 ? rk_queue_put_i64(it->queue, 1, seconds, err)
                                : rk_queue_get_i64(it->queue, seconds, &x, err);
}

static rk_status use_lock(const brief *it, uint64_t *random, rk_error *err) {
    RK_TRY(rk_lock_acquire(it->lock, short_time(random), err));
    return rk_lock_release(it->lock, err);
}

static rk_status use_semaphore(const brief *it, uint64_t *random, rk_error *err) {
    RK_TRY(rk_semaphore_acquire(it->semaphore, short_time(random), err));
    return rk_semaphore_release(it->semaphore, 1, err);
}

static rk_status use_condition(const brief *it, uint64_t *random, rk_error *err) {
    RK_TRY(rk_condition_acquire(it->condition, short_time(random), err));
    rk_status status = rk_condition_wait(it->condition, short_time(random), err);
    return status == RK_OK || status == RK_ETIMEDOUT ? rk_condition_release(it->condition, err) : status;
}

static rk_status use_pipe(const brief *it, uint64_t *random, rk_error *err) {
    char bytes[100] = {0};
    size_t size;
    rk_pipe end = it->ends[below(random, 2)];
    return below(random, 2) > 0 ? rk_pipe_send(end, bytes, below(random, sizeof bytes), err)
                                : rk_pipe_recv_into(end, short_time(random), bytes, sizeof bytes, &size, err);
}

static rk_status use_dict(const brief *it, uint64_t *random, rk_error *err) {
    rk_items items;
    RK_TRY(rk_dict_add_i64(it->dict, rk_text("x"), (int64_t)below(random, 5), NULL, err));
    RK_TRY(rk_dict_items(it->dict, &items, err));
    rk_items_free(&items);
    return RK_OK;
}

static rk_status use(const brief *it, uint64_t *random, rk_error *err) {
    double numbers[100] = {0};
    char bytes[1000] = {0};
    switch (it->kind) {
    case BRIEF_QUEUE:
        return use_queue(it, random, err);
    case BRIEF_LOCK:
        return use_lock(it, random, err);
    case BRIEF_SEMAPHORE:
        return use_semaphore(it, random, err);
    case BRIEF_EVENT:
        return rk_event_wait(it->event, short_time(random), err);
    case BRIEF_BARRIER:
        return rk_barrier_wait(it->barrier, short_time(random), NULL, err);
    case BRIEF_CONDITION:
        return use_condition(it, random, err);
    case BRIEF_VALUE:
        return rk_value_add_i64(it->value, 1, NULL, err);
    case BRIEF_ARRAY:
        return rk_array_put_f64(it->array, 0, 100, numbers, err);
    case BRIEF_MEMORY:
        return rk_memory_write(it->memory, 0, sizeof bytes, bytes, err);
    case BRIEF_DICT:
        return use_dict(it, random, err);
    case BRIEF_LIST:
        return rk_list_append(it->list, rk_text("text"), err);
    case BRIEF_PIPE:
        return use_pipe(it, random, err);
    default:
        return rk_shared_list_set(it->texts, 0, &(rk_shared_item){.kind = RK_SHARED_INT, .i = 1}, err);
    }
}

static rk_bytes board_key(char *text, size_t size, int number) {
    snprintf(text, size, "actor %d", number);
    return rk_text(text);
}

static void make_and_announce(actor *who) {
    char text[32];
    if (!met(who, make(&who->brief, &who->random, &who->err), 0, "create"))
        return;
    who->has_brief = true;
    who->brief_set = who->set;
    met(who,
        rk_dict_set(who->on->board, board_key(text, sizeof text, who->number),
                    rk_bytes_of(&who->brief, sizeof who->brief), &who->err),
        0, "announce");
}

static void end_it(actor *who) {
    char text[32];
    rk_dict board = who->todo->sets[who->brief_set].board;
    bool strict = who->strict;
    who->has_brief = false;
    if (below(&who->random, 2) > 0) { /* else it stays announced: others find it gone */
        who->strict = is_strict(who->todo, who->brief_set);
        met(who, rk_dict_delete(board, board_key(text, sizeof text, who->number), &who->err), BIT(RK_ENOENT),
            "take down");
        who->strict = strict;
    }
    met(who, end(&who->brief, &who->err), 0, "destroy");
    rk_status status = use(&who->brief, &who->random, &who->err), gone = RK_ENOENT;
    if (who->brief.kind == BRIEF_PIPE)
        gone = RK_ECLOSED;
    if (status == RK_EDEAD && may_die(who->todo)) /* its users, or this child's own rank */
        gone = RK_EDEAD;
    char text_of_it[80];
    snprintf(text_of_it, sizeof text_of_it, "what is destroyed, of kind %d, can be used: %s", (int)who->brief.kind,
             rk_status_name(status));
    holds(who, status == gone, text_of_it);
}

void make_or_end_brief(actor *who) {
    if (who->has_brief)
        end_it(who);
    else
        make_and_announce(who);
}

void use_brief(actor *who) {
    char text[32];
    void *found;
    size_t size;
    brief it;
    rk_bytes key = board_key(text, sizeof text, (int)below(&who->random, (uint64_t)who->todo->actors));
    if (!met(who, rk_dict_get(who->on->board, key, &found, &size, &who->err), BIT(RK_ENOENT), "look at the board"))
        return;
    if (holds(who, size == sizeof it, "an announcement has another size")) {
        memcpy(&it, found, sizeof it);
        unsigned dead = may_die(who->todo) || who->todo->isolated ? BIT(RK_EDEAD) : 0;
        met(who, use(&it, &who->random, &who->err),
            dead | BIT(RK_ENOENT) | BIT(RK_ETIMEDOUT) | BIT(RK_EFULL) | BIT(RK_EEMPTY) | BIT(RK_EBROKEN) |
                BIT(RK_ECLOSED) | BIT(RK_EEOF),
            "use");
    }
    rk_free(found);
}
