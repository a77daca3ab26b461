/* Names of shared memory, of the whole program: rank 0 keeps them.
 *
 *   NAME_ADD    | a: serial, b: home, the name | -, or RK_EEXIST
 *   NAME_FIND   | the name                     | a: serial, b: home, or RK_ENOENT
 *   NAME_REMOVE | a: serial, b: home           | -, also if there is none */
#include <stdlib.h>
#include <string.h>

#include "shared/shared_private.h"

struct rk__name {
    rk__name *next;
    rk_ref ref;
    size_t size;
    char text[RK__MEMORY_NAME_MAX + 1];
};

/* ---- asking ---- */

static rk_status ask(rk__shared *shared, rk__shared_op op, const char *name, rk_ref ref, rk__letter *answer,
                     rk_error *err) {
    char text[RK__MEMORY_NAME_MAX + 1];
    size_t size = name != NULL ? strlen(name) : 0;
    memcpy(text, name != NULL ? name : "", size);
    rk__letter letter = {.to = 0,
                         .room = RK__ROOM_SHARED,
                         .op = op,
                         .a = ref.serial,
                         .b = ref.home,
                         .size = size,
                         .bytes = size > 0 ? text : NULL};
    return rk__mail_ask(shared->mail, &letter, RK__NEVER, answer, err);
}

rk_status rk__name_add(rk__shared *shared, const char *name, rk_ref ref, rk_error *err) {
    return ask(shared, RK__SHARED_NAME_ADD, name, ref, NULL, err);
}

rk_status rk__name_find(rk__shared *shared, const char *name, rk_ref *ref, rk_error *err) {
    rk__letter answer;
    RK_TRY(ask(shared, RK__SHARED_NAME_FIND, name, (rk_ref){0, 0, 0}, &answer, err));
    *ref = (rk_ref){answer.a, (uint32_t)answer.b, RK__KIND_MEMORY};
    return RK_OK;
}

rk_status rk__name_remove(rk__shared *shared, rk_ref ref, rk_error *err) {
    return ask(shared, RK__SHARED_NAME_REMOVE, NULL, ref, NULL, err);
}

/* ---- rank 0 ---- */

static rk__name *find(const rk__shared *shared, const rk__letter *letter) {
    rk__name *name = shared->names;
    while (name != NULL && (name->size != letter->size || memcmp(name->text, letter->bytes, name->size) != 0))
        name = name->next;
    return name;
}

static void add(rk__shared *shared, const rk__letter *letter, rk__question question) {
    if (find(shared, letter) != NULL) {
        rk__mail_refuse(shared->mail, question, RK_EEXIST, "shared memory '%.*s' exists: attach to it, or unlink it",
                        (int)letter->size, (const char *)letter->bytes);
        return;
    }
    rk__name *made = calloc(1, sizeof *made);
    if (made == NULL) {
        rk__mail_refuse(shared->mail, question, RK_ENOMEM, "no memory for a name");
        return;
    }
    made->next = shared->names;
    made->ref = (rk_ref){letter->a, (uint32_t)letter->b, RK__KIND_MEMORY};
    made->size = (size_t)letter->size;
    memcpy(made->text, letter->bytes, made->size);
    shared->names = made;
    rk__mail_answer(shared->mail, question, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
}

static void tell(rk__shared *shared, const rk__letter *letter, rk__question question) {
    const rk__name *name = find(shared, letter);
    if (name != NULL)
        rk__mail_answer(shared->mail, question, RK_OK, name->ref.serial, name->ref.home, NULL, 0, RK__PAYLOAD_COPY);
    else
        rk__mail_refuse(shared->mail, question, RK_ENOENT, "there is no shared memory '%.*s'", (int)letter->size,
                        (const char *)letter->bytes);
}

/* serial 0: all of that home. */
static void forget(rk__shared *shared, uint64_t serial, uint32_t home) {
    rk__name **at = &shared->names;
    while (*at != NULL) {
        rk__name *name = *at;
        if (name->ref.home != home || (serial != 0 && name->ref.serial != serial)) {
            at = &name->next;
            continue;
        }
        *at = name->next;
        free(name);
    }
}

void rk__name_receive(rk__shared *shared, const rk__letter *letter) {
    rk__question question = {letter->from, letter->call};
    if (letter->op == RK__SHARED_NAME_ADD) {
        add(shared, letter, question);
    } else if (letter->op == RK__SHARED_NAME_FIND) {
        tell(shared, letter, question);
    } else {
        forget(shared, letter->a, (uint32_t)letter->b);
        rk__mail_answer(shared->mail, question, RK_OK, 0, 0, NULL, 0, RK__PAYLOAD_COPY);
    }
}

void rk__names_died(rk__shared *shared, uint32_t endpoint) {
    forget(shared, 0, endpoint);
}

void rk__names_fini(rk__shared *shared) {
    while (shared->names != NULL) {
        rk__name *name = shared->names;
        shared->names = name->next;
        free(name);
    }
}
