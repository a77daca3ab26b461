/* rankine info: what a run file says, gathered by info.c, for a person (info_text.c) and for scripts (info_json.c).
 */
#ifndef RANKINE_INFO_H
#define RANKINE_INFO_H

#include "cli/life.h"
#include "kernel/loader.h"
#include "record/record.h"
#include "space/space.h"

enum { RK__INFO_SLOWEST = 3 };

typedef struct rk__info_block {
    uint64_t block;
    rk__block_record record;
} rk__info_block;

/* info_times.c: where the time went, from the records of all blocks. */
typedef struct rk__info_times {
    uint64_t blocks;
    double mean_seconds, deviation_seconds, least_seconds, most_seconds; /* of a block; 0 if there is none */
    rk__info_block slowest[RK__INFO_SLOWEST];                            /* the longest first */
    size_t slowest_count;
    uint64_t last_commit_ns; /* wall clock: end of the latest block; 0: none */
    uint64_t heard_ns; /* wall clock: when the latest session began, committed or wrote to the file; 0: there is none */
    uint64_t *session_ns;              /* [session_count] kernel time, by the records; owned */
    uint64_t *session_tasks;           /* [session_count] by the records; owned */
    uint64_t *session_end_ns;          /* [session_count] end of its latest block; owned */
    double rate, average, eta_seconds; /* of the latest session, if it is going on; else NaN */
} rk__info_times;

typedef struct rk__info {
    rk__record *record;
    const rk__schema *schema;     /* the record's */
    const rk__identity *identity; /* the record's */
    rk__totals totals;
    rk__info_times times;
    rk__failure *failures;
    size_t failure_count;
    rk__session *sessions;
    size_t session_count;
    rk__host *hosts;
    size_t host_count;
    const rk__host **failed_on; /* [failure_count] where each failed; NULL: not known. In hosts */
    rk__life life;
    bool crashed; /* a task ended the latest session */
    rk__failure crash;
    rk__fact *notes;
    size_t note_count;
    void *results; /* NULL: not complete */
    bool has_digest;
    uint64_t digest[2];
    rk__module module; /* .kernel NULL: could not be loaded */
    rk__space *space;  /* NULL: could not be made again */
} rk__info;

/* Zero it before. Fini it in any case. */
rk_status rk__info_read(rk__info *info, const char *path, const rk_kernel *const *linked, rk_error *err);
void rk__info_fini(rk__info *info);

/* "complete", "running", "stopped", "killed", or "unknown": on another host, and nothing has come for a minute. */
const char *rk__info_state(const rk__info *info);
bool rk__info_is_running(const rk__info *info);
/* rk__info_state for a person: of a silent run on another host for how long that is. */
const char *rk__info_state_text(const rk__info *info, char *buffer, size_t size);
/* Of a run on another host that has not ended: seconds since it was last heard of; else NaN. */
double rk__info_unheard_seconds(const rk__info *info);

/* Reads all records: totals and times. The sessions are there already. */
rk_status rk__info_times_read(rk__info *info, rk_error *err);
void rk__info_times_fini(rk__info_times *times);

/* What a session took: its time on the clock and in the kernel, over all ranks; until now if it is going on. */
typedef struct rk__info_session {
    double seconds, kernel_seconds;
    double efficiency; /* kernel time / (ranks * threads * time), from the start of the first rank on; NaN: unknown */
    uint64_t tasks;    /* committed */
} rk__info_session;
rk__info_session rk__info_session_of(const rk__info *info, size_t number);

int rk__info_as_text(const rk__info *info);
int rk__info_as_json(const rk__info *info);

#endif
