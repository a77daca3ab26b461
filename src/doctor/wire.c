/* A message that has not gone by its deadline is given up: its buffer stays, because MPI may still look at it. That is
 * a leak of some kilobytes in a process that has nothing more to do than to say so. */
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/doctor_private.h"

#define HOT_NS UINT64_C(5000000) /* an answer to come at once is waited for without sleeping */
#define NAP_NS UINT64_C(200000)

static bool wait_for(MPI_Request *request, uint64_t deadline_ns, MPI_Status *status) {
    uint64_t begin = rk__clock_ns();
    for (;;) {
        int done = 0;
        if (MPI_Test(request, &done, status) != MPI_SUCCESS)
            return false;
        uint64_t now = rk__clock_ns();
        if (done || now >= deadline_ns)
            return done != 0;
        if (now - begin > HOT_NS)
            rk__sleep_ns(NAP_NS);
        else
            sched_yield();
    }
}

bool rk__wire_send(const void *bytes, size_t size, int to, int tag, uint64_t deadline_ns) {
    MPI_Request request;
    void *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL)
        return false;
    memcpy(copy, bytes, size);
    if (MPI_Isend(copy, (int)size, MPI_BYTE, to, tag, MPI_COMM_WORLD, &request) != MPI_SUCCESS ||
        !wait_for(&request, deadline_ns, MPI_STATUS_IGNORE))
        return false;
    free(copy);
    return true;
}

/* A receive that nothing was matched with is gone at once when it is cancelled. */
static void give_up(MPI_Request *request, void *buffer) {
    if (MPI_Cancel(request) == MPI_SUCCESS && wait_for(request, rk__clock_ns() + HOT_NS, MPI_STATUS_IGNORE))
        free(buffer);
}

bool rk__wire_receive(void *bytes, size_t room, int from, int tag, uint64_t deadline_ns, size_t *size, int *sender) {
    MPI_Request request;
    MPI_Status status;
    void *buffer = malloc(room > 0 ? room : 1);
    if (buffer == NULL || MPI_Irecv(buffer, (int)room, MPI_BYTE, from, tag, MPI_COMM_WORLD, &request) != MPI_SUCCESS)
        return false;
    if (!wait_for(&request, deadline_ns, &status)) {
        give_up(&request, buffer);
        return false;
    }
    int count = 0;
    MPI_Get_count(&status, MPI_BYTE, &count);
    memcpy(bytes, buffer, (size_t)count);
    free(buffer);
    if (size != NULL)
        *size = (size_t)count;
    if (sender != NULL)
        *sender = status.MPI_SOURCE;
    return true;
}
