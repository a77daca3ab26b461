#include "program/wait.h"

#include <stdlib.h>

#define LAST_LOOK_NS UINT64_C(1000000000) /* for homes to answer, if they are there at all */

typedef struct watched {
    const rk__watcher_of_kind *of; /* NULL: not watched, `watch.ready` is final */
    rk__watch watch;
} watched;

typedef struct watching {
    rk__mail *mail;
    const rk__watcher_of_kind *table;
    const rk_ref *objects;
    watched *list; /* [count] */
    size_t count;
} watching;

static const rk__watcher_of_kind *find(const rk__watcher_of_kind *table, uint32_t kind) {
    while (table->kind != RK__KIND_NONE && (uint32_t)table->kind != kind)
        table++;
    return table->kind != RK__KIND_NONE ? table : NULL;
}

static rk_status begin_one(watching *self, size_t i, rk_error *err) {
    rk_ref ref = self->objects[i];
    watched *one = &self->list[i];
    const rk__watcher_of_kind *of = find(self->table, ref.kind);
    if (ref.serial == 0)
        return rk__fail(err, RK_EINVAL, "object %zu was never made: call its create function first", i);
    if (of == NULL)
        return rk__fail(err, RK_EINVAL,
                        "object %zu is a %s: wait for queues, ends of pipes, processes, futures, events, locks and "
                        "semaphores",
                        i, rk__kind_text(ref.kind));
    rk_status status = of->watch(self->mail, ref, &one->watch, err);
    if (status == RK_EDEAD || status == RK_ENOENT || status == RK_ECLOSED) /* the next call on it tells */
        one->watch.ready = true;
    else if (status == RK_OK)
        one->of = of;
    else
        return rk__prefix(err, "object %zu: ", i), status;
    return RK_OK;
}

static rk_status begin(watching *self, rk_error *err) {
    for (size_t i = 0; i < self->count; i++)
        RK_TRY(begin_one(self, i, err));
    return RK_OK;
}

static bool any_ready(void *ctx) {
    const watching *self = ctx;
    for (size_t i = 0; i < self->count; i++)
        if (self->list[i].watch.ready)
            return true;
    return false;
}

static bool is_first_of_its_home(const watching *self, size_t i) {
    for (size_t before = 0; before < i; before++)
        if (self->objects[before].home == self->objects[i].home)
            return false;
    return true;
}

/* What the homes sent before they answer is here when they have. */
static void look_once_more(watching *self) {
    uint64_t deadline = rk__clock_ns() + LAST_LOOK_NS;
    for (size_t i = 0; i < self->count && !any_ready(self); i++)
        if (is_first_of_its_home(self, i))
            rk__mail_reach(self->mail, self->objects[i].home, deadline);
}

static rk_status wait_until_ready(watching *self, uint64_t deadline_ns, rk_error *err) {
    rk_status status = rk__wait(self->mail, any_ready, self, deadline_ns);
    if (status == RK_ETIMEDOUT) {
        look_once_more(self);
        status = any_ready(self) ? RK_OK : status;
    }
    if (status == RK_ETIMEDOUT)
        return rk__fail(err, status, "none of %zu objects was ready in time", self->count);
    return status == RK_OK ? status : rk__fail(err, status, "told to end while waiting for %zu objects", self->count);
}

static void end(watching *self, bool *ready) {
    for (size_t i = 0; i < self->count; i++)
        ready[i] = self->list[i].watch.ready;
    for (size_t i = 0; i < self->count; i++)
        if (self->list[i].of != NULL)
            self->list[i].of->unwatch(self->mail, &self->list[i].watch);
}

rk_status rk__wait_for_objects(rk__mail *mail, const rk__watcher_of_kind *table, const rk_ref *objects, size_t count,
                               uint64_t deadline_ns, bool *ready, rk_error *err) {
    watching self = {mail, table, objects, NULL, count};
    if (count == 0)
        return rk__fail(err, RK_EINVAL, "no objects: none would ever be ready");
    RK_TRY(rk__alloc((void **)&self.list, count, sizeof *self.list, "what is waited for", err));
    rk_status status = begin(&self, err);
    if (status == RK_OK)
        status = wait_until_ready(&self, deadline_ns, err);
    end(&self, ready);
    free(self.list);
    return status;
}

rk_status rk_wait(const rk_ref *objects, size_t count, double timeout_seconds, bool *ready, rk_error *err) {
    RK__NEED_BYTES(objects, count, err);
    RK__NEED(ready, err);
    rk__mail *mail = rk__enter(err);
    if (mail == NULL)
        return RK_EPERM;
    uint64_t deadline = rk__deadline(timeout_seconds);
    rk_status status = rk__wait_for_objects(mail, rk__watched_kinds, objects, count, deadline, ready, err);
    rk__leave(mail);
    return status;
}
