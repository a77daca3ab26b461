/* Values: results that stay where they were made. */
#include <stdlib.h>
#include <string.h>

#include "pool/pool_private.h"

rk__value *rk__value_keep(rk__pools *room, uint32_t owner, void *bytes, uint64_t size) {
    rk__value *made = calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    *made = (rk__value){.owner = owner, .bytes = bytes, .size = size};
    made->serial = rk__slots_add(&room->values, made);
    if (made->serial != 0)
        return made;
    free(made);
    return NULL;
}

void rk__value_free(rk__value *value) {
    free(value->bytes);
    free(value);
}

static void drop(rk__pools *room, rk__value *value) {
    value->dropped = true;
    if (value->pins > 0)
        return;
    rk__slots_remove(&room->values, value->serial);
    rk__value_free(value);
}

void rk__value_unpin(rk__pools *room, rk__value *value) {
    value->pins--;
    if (value->dropped)
        drop(room, value);
}

void rk__value_drop(rk__pools *room, uint64_t serial) {
    rk__value *value = rk__slots_find(&room->values, serial);
    if (value != NULL)
        drop(room, value);
}

void rk__value_fetch(rk__pools *room, rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    rk__value *value = rk__slots_find(&room->values, letter->a);
    bool take = letter->b != 0;
    if (value == NULL) {
        rk__mail_refuse(room->mail, question, RK_ENOENT, "the result is no longer on rank %u",
                        rk__mail_rank_of(room->mail, room->endpoint));
    } else if (take && value->pins == 0) {
        rk__mail_answer(room->mail, question, RK_OK, 0, 0, value->bytes, value->size, RK__PAYLOAD_TAKE);
        value->bytes = NULL;
        drop(room, value);
    } else {
        rk__mail_answer(room->mail, question, RK_OK, 0, 0, value->bytes, value->size, RK__PAYLOAD_COPY);
        if (take)
            drop(room, value);
    }
}

void rk__value_owner_died(rk__pools *room, uint32_t owner) {
    for (uint32_t i = 0; i < room->values.used; i++) {
        rk__value *value = rk__slots_at(&room->values, i);
        if (value != NULL && value->owner == owner && !value->dropped)
            drop(room, value);
    }
}
