/* What the units share that are the rank's side of isolation: isolate.c, handover.c, blame.c. */
#ifndef RANKINE_ISOLATED_H
#define RANKINE_ISOLATED_H

#include "run/run_private.h"
#include "world/helper.h"

enum { RK__BATCH_MAX = 1024 };

/* Of a task that is killed for taking more than it may. */
typedef enum rk__sentence { RK__SENTENCE_NONE, RK__SENTENCE_TIME, RK__SENTENCE_MEMORY } rk__sentence;

struct rk__isolated {
    rk__lane *lane;
    rk__helper *helper;
    rk__exchange *exchange;
    size_t bytes;
    pid_t worker; /* as the helper said; 0: none */
    bool running, finished;
    uint64_t begun;                  /* 1 + the block under way; 0: none */
    uint64_t begun_ns;               /* when we heard of it */
    uint64_t first_ns;               /* if a worker has ended in it: when we heard of it first; 0: none has */
    uint64_t ended;                  /* 1 + the block handed over last; 0: none */
    uint64_t tasks, failed, retried; /* as of that block */
    uint64_t kept;                   /* 1 + the slot from which the block under way can be gone on; 0: none */
    bool emitted;                    /* values came since then */
    rk__sentence sentence;
    uint64_t sentenced; /* 1 + its task */
    uint64_t looked_ns;
    unsigned barren; /* workers in a row that ended outside of the kernel */
};

/* handover.c: at most so many messages of the worker; *took: there were any. */
rk_status rk__isolated_take(rk__isolated *isolated, unsigned most, bool *took, rk_error *err);
/* Nothing of the block under way counts. */
void rk__isolated_abandon(rk__isolated *isolated);

/* blame.c: the worker has ended, all that it handed over is taken: who is to blame, and what is left to do is written
 * into the exchange for the next one. `how`: the helper's message. */
rk_status rk__isolated_judge(rk__isolated *isolated, const rk__helper_message *how, rk_error *err);

#endif
