/* src/call: functions that travel. A pointer to a function becomes a name that means the same on every rank, and a
 * function is run with an argument, and what came of it collected.
 *
 * Idea. Ranks run the same executable, so a function is named by the object it is in and its distance from where that
 * object was loaded. That needs the same build on all ranks: rk__build_of tells builds apart, the program compares them
 * at its start; objects loaded later are told apart by their file's name and the lie of their
 * parts.
 *
 * Invariant. What is run never holds the mail's lock. */
#ifndef RANKINE_CALL_H
#define RANKINE_CALL_H

#include <rankine/program.h>

#include "base/base.h"

typedef struct rk__function_name {
    uint64_t object; /* 0: the executable; else made from the file's name and build */
    uint64_t offset;
} rk__function_name;

/* RK_EINVAL: the pointer is in no object that is loaded. */
rk_status rk__function_name_of(rk_function function, rk__function_name *name, rk_error *err);
/* RK_ENOENT: this process has not loaded the object (told by its name), or it is another build. */
rk_status rk__function_find(const rk__function_name *name, rk_function *function, rk_error *err);
/* What tells this executable from another build of it. */
uint64_t rk__build_of_program(void);
/* The same of the executable and of Rankine's library, if that is apart from it. */
uint64_t rk__build_of_rankine(void);

/* What came of a call: the result's bytes (owned, NULL if size is 0), or a status and a message. */
typedef struct rk__outcome {
    rk_status status;
    void *bytes;
    uint64_t size;
    char message[RK_ERROR_TEXT_MAX]; /* why it failed */
} rk__outcome;

/* Run it. Not with the lock held. `stopping` tells a function that asks (may be NULL). */
void rk__call_run(rk_function function, const void *arg, size_t arg_size, bool (*stopping)(void *ctx), void *ctx,
                  rk__outcome *outcome);
/* Many calls of a function, one after the other: what does not change between them is set up once. */
typedef struct rk__calls {
    rk_function function, outer;
    rk_call call;
    rk__outcome *outcome;
    rk_error err; /* of the calls that the function makes */
    bool (*stopping)(void *ctx);
    void *ctx;
    void *room; /* for small results; not to be freed */
    size_t room_size;
} rk__calls;

/* A result of room_size bytes at most will be left in the room of its call. outcome: of the last call. */
void rk__calls_begin(rk__calls *calls, rk_function function, bool (*stopping)(void *ctx), void *ctx, size_t room_size,
                     rk__outcome *outcome);
/* The outcome's status; its bytes are `room` if they fit there. */
rk_status rk__calls_run(rk__calls *calls, const void *arg, size_t arg_size, void *room);
void rk__calls_end(const rk__calls *calls);
/* Code of the user's that is called within a call of the library (a callback, a generator, an action) begins, and ends.
 * Like the functions that are run, it ends the process if it returns in one that it has forked. */
void rk__call_inner(bool begins);
/* What came of a call whose thread has ended in it. Where it was inner code that ended it nobody can mend the call of
 * the library that it leaves half done: aborts. */
void rk__call_lost(rk__outcome *outcome);
bool rk__call_is_lost(void); /* it aborts */
/* The one that this thread is in; NULL: none. */
rk_function rk__call_running(void);
/* The ctx of a call that runs with this `stopping`; NULL: it is somebody else's. */
void *rk__call_ctx(const rk_call *call, bool (*stopping)(void *ctx));

#endif
