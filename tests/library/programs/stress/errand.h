/* What the processes do that root starts: some end by themselves, others wait for something without end until they are
 * terminated. */
#ifndef STRESS_ERRAND_H
#define STRESS_ERRAND_H

#include "stress.h"

typedef enum job_kind {
    JOB_SQUARE,
    JOB_FAIL,
    JOB_WAIT_EVENT, /* from here on: until it is terminated */
    JOB_GET,
    JOB_RECV,
    JOB_LOCK,
    JOB_SEMAPHORE,
    JOB_CONDITION,
    JOB_BARRIER,
    JOB_KINDS
} job_kind;

typedef struct job_order {
    job_kind kind;
    int32_t set;
    int64_t x;
    rk_event never;
    struct kit on;
} job_order;

typedef struct job_result {
    int64_t x;     /* a square; or what it got: a token + 1 */
    bool got;      /* a parcel, an empty one or not */
    int32_t index; /* at a barrier; -1: did not meet */
} job_result;

rk_status be_a_job(rk_call *call);

#endif
