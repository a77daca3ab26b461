/* What the units of src/doctor share. */
#ifndef RANKINE_DOCTOR_PRIVATE_H
#define RANKINE_DOCTOR_PRIVATE_H

#include <mpi.h>

#include "doctor/doctor.h"

#define RK__DOCTOR_SECOND UINT64_C(1000000000)
/* A rank ends by itself if it is not welcomed, or gets no orders, for so long. */
#define RK__WELCOME_NS (12 * RK__DOCTOR_SECOND)
#define RK__ORDERS_NS  (60 * RK__DOCTOR_SECOND)
/* A measurement takes no longer, whatever the network does. */
#define RK__LINK_NS (4 * RK__DOCTOR_SECOND)

/* Tags on MPI_COMM_WORLD. Orders number theirs from RK__DOCTOR_TAG_FIRST on: the answer and what it takes come with it.
 */
enum { RK__DOCTOR_TAG_CARD = 1, RK__DOCTOR_TAG_ORDER = 2, RK__DOCTOR_TAG_FIRST = 16 };

typedef enum rk__order_kind {
    RK__ORDER_WELCOME, /* the card has come */
    RK__ORDER_END,
    RK__ORDER_PLACE, /* look at the directory; answer: rk__place */
    RK__ORDER_PROBE, /* measure the way to `peer`; answer: rk__link */
    RK__ORDER_ECHO   /* be measured by `peer`; no answer */
} rk__order_kind;

typedef struct rk__order {
    int32_t kind, tag, peer;
    uint64_t nonce[2]; /* what rank 0's file in the directory says */
    char directory[RK__DOCTOR_PATH_MAX];
} rk__order;

/* What a rank is called at MPI's name service. */
enum { RK__SERVICE_MAX = 40 };
void rk__service_name(int rank, char name[RK__SERVICE_MAX]);

/* ---- wire.c: messages on MPI_COMM_WORLD; false: not done before `deadline_ns` (of rk__clock_ns) ---- */

bool rk__wire_send(const void *bytes, size_t size, int to, int tag, uint64_t deadline_ns);
/* At most `room` bytes; *size (may be NULL) and *from (may be NULL) say what came. `from`: MPI_ANY_SOURCE is legal. */
bool rk__wire_receive(void *bytes, size_t room, int from, int tag, uint64_t deadline_ns, size_t *size, int *sender);

/* ---- link.c ---- */

void rk__link_probe(int peer, int tag, rk__link *link);
void rk__link_echo(int peer, int tag);

/* ---- place.c ---- */

/* The directory that a run would write to, absolute. */
rk_status rk__place_directory(const char *output, char *directory, size_t size, rk_error *err);
/* Rank 0 puts a file there for others to find. false: it cannot. */
bool rk__place_mark(const char *directory, const uint64_t nonce[2]);
void rk__place_unmark(const char *directory, const uint64_t nonce[2]);
void rk__place_look(const char *directory, const uint64_t nonce[2], int rank, rk__place *place);

#endif
