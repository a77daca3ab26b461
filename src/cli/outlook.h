/* What will become of a run and its Slurm job, in a sentence: from what the file and the queue say now, no more. */
#ifndef RANKINE_OUTLOOK_H
#define RANKINE_OUTLOOK_H

#include "batch/batch.h"

typedef struct rk__outlook {
    bool has_file, complete, runs; /* of the run file */
    double eta_seconds;            /* until the run is done at this rate; NaN: unknown */
    const rk__batch_entry *entry;  /* of the job; NULL: Slurm does not know it (any more), or it is not known */
    uint64_t restarts;             /* at most so many until the run is done; 0: it is not restarted by itself */
    uint64_t now_ns;               /* wall clock */
} rk__outlook;

/* `by_hand`: the command that goes on with the run, or begins it. */
void rk__outlook_add(rk__text *out, const rk__outlook *outlook, const char *by_hand);
/* Of the job's time, in seconds; NaN: no limit, or unknown. */
double rk__outlook_left(const rk__batch_entry *entry);

#endif
