/* Waiting for several objects.
 *
 * Idea. Each room watches its own kinds of objects (mail/object.h): it sets a flag when one becomes ready. A table says
 * which room watches which kind.
 *
 * A room tells of an object elsewhere by a letter, so that at first nothing is known of it. Letters between two
 * processes keep their order: when a question that was sent behind the watch has its answer, what the home has to tell
 * of the watch has come before. So a wait that is about to end in vain asks the homes first. */
#ifndef RANKINE_PROGRAM_WAIT_H
#define RANKINE_PROGRAM_WAIT_H

#include <rankine/wait.h>

#include "mail/mail.h"
#include "mail/object.h"

typedef struct rk__watcher_of_kind {
    rk__kind kind; /* RK__KIND_NONE ends the table */
    rk_status (*watch)(rk__mail *mail, rk_ref ref, rk__watch *watch, rk_error *err);
    void (*unwatch)(rk__mail *mail, rk__watch *watch);
} rk__watcher_of_kind;

/* watched.c: those of all rooms. */
extern const rk__watcher_of_kind rk__watched_kinds[];

/* rk_wait, with the lock held. */
rk_status rk__wait_for_objects(rk__mail *mail, const rk__watcher_of_kind *table, const rk_ref *objects, size_t count,
                               uint64_t deadline_ns, bool *ready, rk_error *err);

#endif
