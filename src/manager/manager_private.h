/* What the units of src/manager share.
 *
 * Problem. Ranks share dictionaries and lists. Each change must be one step for all, also while the rank that holds
 * them computes, and values of any size are not to be copied more often than need be.
 *
 * Idea. An object lives in the private memory of its home. A *request* is served there in one go, by the same code
 * whether it comes from the home itself or in a letter: that is the step. Nothing ever waits at the home.
 *
 *   table.c      bytes by bytes             items.c      snapshots, packed
 *   dict_home.c  requests to tables         list_home.c  requests to lists
 *   call.c       from a request to its reply, here or by letters
 *   manager.c    the room: objects, letters in
 *   dict.c  list.c  namespace.c  the public functions
 *
 * Messages.
 *   rk__request_op  a serial, b number, c stash; bytes: rk__parcel, key, expected, value    a question, answered at
 * once STASH           b number; bytes: the value of the sender's next request with c = number
 *
 * A large value goes ahead of its request as a STASH, which is not copied on its way out, and which the object keeps as
 * it came. Letters arrive in order, so it is there when the request comes.
 *
 * Invariants. A stash is taken by the next request that names it, or dropped with it; those of the dead are dropped.
 * Replies that are `borrowed` lie in the object, and are copied or sent before anything else is served. */
#ifndef RANKINE_MANAGER_PRIVATE_H
#define RANKINE_MANAGER_PRIVATE_H

#include <rankine/manager.h>

#include "base/registry.h"
#include "manager/manager.h"
#include "manager/table.h"

typedef enum rk__request_op {
    RK__STASH = 1,
    RK__DESTROY,
    RK__LENGTH,
    RK__CLEAR,
    RK__ITEMS,
    RK__KEYS,
    RK__DICT_SET,
    RK__DICT_GET,
    RK__DICT_DELETE,
    RK__DICT_CONTAINS,
    RK__DICT_POP,
    RK__DICT_SETDEFAULT,
    RK__DICT_REPLACE_IF,
    RK__DICT_ADD,
    RK__LIST_INSERT,
    RK__LIST_EXTEND,
    RK__LIST_GET,
    RK__LIST_SET,
    RK__LIST_POP,
    RK__LIST_DELETE,
    RK__LIST_INDEX
} rk__request_op;

typedef struct rk__request {
    rk__request_op op;
    int64_t number; /* index or summand */
    rk_bytes key, expected;
    rk_bytes value;
    void *owned; /* the value's memory, if it is to be had: malloc'ed */
} rk__request;

typedef struct rk__reply {
    rk_status status;
    uint64_t number; /* length, index, sum, yes or no */
    void *bytes;     /* malloc'ed */
    uint64_t size;
    bool borrowed; /* bytes are the object's */
    char text[200];
} rk__reply;

typedef struct rk__parcel { /* in front of a request's bytes */
    uint64_t key_size, expected_size, value_size;
} rk__parcel;

typedef struct rk__element {
    void *bytes; /* malloc'ed */
    size_t size;
} rk__element;

typedef struct rk__managed {
    rk__registered id;
    rk__kind kind;
    rk__table table; /* of a dictionary or namespace */
    rk__element *elements;
    size_t count, capacity;
} rk__managed;

typedef struct rk__stash {
    struct rk__stash *next;
    uint32_t from;
    uint64_t number;
    void *bytes;
    uint64_t size;
} rk__stash;

typedef struct rk__manager {
    rk__mail *mail;
    uint64_t last_serial, last_stash;
    rk__registry objects;
    rk__stash *stashes;
} rk__manager;

/* dict_home.c, list_home.c: the object's step. */
void rk__dict_serve(rk__managed *object, rk__request *request, rk__reply *reply);
void rk__list_serve(rk__managed *object, rk__request *request, rk__reply *reply);
void rk__list_clear(rk__managed *object);
/* The request's value as memory of ours; false: out of memory, the reply says so. */
bool rk__request_take(rk__request *request, void **value, rk__reply *reply);
void rk__reply_refuse(rk__reply *reply, rk_status status, const char *fmt, ...) RK__PRINTF(3, 4);

/* manager.c: find the object and serve. */
rk_status rk__manager_make(rk__kind kind, rk_ref *ref, rk_error *err);
void rk__manager_serve(rk__manager *manager, uint64_t serial, rk__request *request, rk__reply *reply);

/* call.c: for public functions. On RK_OK reply->bytes are the caller's. */
rk_status rk__manager_call(rk_ref ref, rk__kind kind, rk__request *request, rk__reply *reply, rk_error *err);
rk_status rk__manager_do(rk_ref ref, rk__kind kind, rk__request *request, rk_error *err); /* there are none */
rk_status rk__manager_ask(rk_ref ref, rk__kind kind, rk__request *request, uint64_t *number, rk_error *err);
rk_status rk__manager_get(rk_ref ref, rk__kind kind, rk__request *request, void **value, size_t *size, rk_error *err);
rk_status rk__manager_get_word(rk_ref ref, rk__kind kind, rk__request *request, void *word, rk_error *err);
rk_status rk__manager_get_text(rk_ref ref, rk__kind kind, rk__request *request, char **text, rk_error *err);
rk_status rk__manager_items(rk_ref ref, rk__kind kind, rk__request_op op, rk_items *items, rk_error *err);

/* items.c: a snapshot is a rk__pack_head, and for each item its sizes, its key and its value, all in multiples of 16
 * bytes. */
enum { RK__PACK_ALIGNMENT = 16 };
typedef struct rk__pack_head {
    uint64_t count;
    uint32_t has_keys, has_values;
} rk__pack_head;
size_t rk__pack_bytes(size_t key_size, size_t value_size); /* of an item */
/* *at goes on behind it. */
void rk__pack_add(unsigned char **at, rk_bytes key, rk_bytes value);
void rk__pack_next(const unsigned char **at, rk_bytes *key, rk_bytes *value);
/* Owns the pack, also on failure. */
rk_status rk__items_unpack(rk_items *items, void *pack, rk_error *err);

#endif
