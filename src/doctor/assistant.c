/* A rank that is not rank 0.
 *
 *     card sent ── WELCOME ──> orders ── END ──> let go
 *         └── nothing heard: tell MPI's name service where we are, which goes past the network between ranks; give up
 *
 * The name service (MPI_Publish_name) is mpirun's own; rank 0 asks it for those that it has not heard of. */
#include <stdio.h>
#include <string.h>

#include "doctor/doctor_private.h"

#define PUBLISH_NS (3 * RK__DOCTOR_SECOND)

static bool next_order(rk__order *order, uint64_t patience_ns) {
    return rk__wire_receive(order, sizeof *order, 0, RK__DOCTOR_TAG_ORDER, rk__clock_ns() + patience_ns, NULL, NULL);
}

static void publish(int rank, const char *host) {
    char service[RK__SERVICE_MAX], port[MPI_MAX_PORT_NAME];
    rk__service_name(rank, service);
    snprintf(port, sizeof port, "%s", host);
    MPI_Publish_name(service, MPI_INFO_NULL, port);
}

static bool is_welcome(int rank) {
    rk__card card;
    rk__order order;
    rk__card_write(&card);
    rk__wire_send(&card, sizeof card, 0, RK__DOCTOR_TAG_CARD, rk__clock_ns() + PUBLISH_NS);
    if (next_order(&order, PUBLISH_NS))
        return true;
    publish(rank, card.host);
    return next_order(&order, RK__WELCOME_NS);
}

static void answer(const void *bytes, size_t size, int tag) {
    rk__wire_send(bytes, size, 0, tag, rk__clock_ns() + RK__LINK_NS);
}

static void obey(const rk__order *order, int rank) {
    rk__place place;
    rk__link link;
    switch (order->kind) {
    case RK__ORDER_PLACE:
        rk__place_look(order->directory, order->nonce, rank, &place);
        answer(&place, sizeof place, order->tag);
        break;
    case RK__ORDER_PROBE:
        rk__link_probe(order->peer, order->tag, &link);
        answer(&link, sizeof link, order->tag);
        break;
    case RK__ORDER_ECHO:
        rk__link_echo(order->peer, order->tag);
        break;
    default:
        break;
    }
}

bool rk__doctor_assist(int rank) {
    rk__order order = {.kind = RK__ORDER_WELCOME};
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    if (!is_welcome(rank))
        return false;
    while (order.kind != RK__ORDER_END) {
        if (!next_order(&order, RK__ORDERS_NS))
            return false;
        obey(&order, rank);
    }
    return true;
}
